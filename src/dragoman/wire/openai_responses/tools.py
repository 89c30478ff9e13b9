"""Responses: tools to ours and back, as far as any vendor's model can call them.

A function is ours. So are, with what they are in their extra: a *custom* tool, which takes free text (``free_text``); the tools of a
*namespace*, whose name is put before theirs; the search for tools that the client itself does; and tools that come amid the input, in an
item ``additional_tools`` or as what such a search found. All others are the vendor's own, which no other could run: they stay in the
request's ``extra``, with ``tools_at`` as their places among all.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import NamedTool, Request, Tool, ToolChoice
from dragoman.wire.openai_responses.content import as_extra, beside, own_fields
from dragoman.wire.openai_responses.free_text import schema
from dragoman.wire.own_tools import join_tools, places_to_tell
from dragoman.wire.payload import convert

CUSTOM: Final = "custom"
SEARCH: Final = "tool_search"
CALLS: Final = {"function": "function_call", CUSTOM: "custom_tool_call", SEARCH: "tool_search_call"}
"""The items in which tools are called, by the tool's type."""
OUTPUTS: Final = {CALLS[CUSTOM]: "custom_tool_call_output", CALLS[SEARCH]: "tool_search_output"}
"""The items with what a call gave back, by the item of the call; of all others it is ``function_call_output``."""
ADDED: Final = "additional_tools"
"""The item that brings tools along, and, in the extra of each, what the item says of itself and ``at``, its place in the input."""
AGAIN: Final = "tools_again"
"""In a request's extra: such items, with their places, whose tools are there already; the vendor's model may call them from there on."""
FOUND: Final = "found"
"""In the extra of a tool that a search has found: it stands in the search's output."""

_NAMESPACE: Final = "namespace"
_ABOUT: Final = "about_namespace"
"""In the extra of a tool: what its namespace says of itself."""
_COMMON: Final = "functions"
"""The namespace in which tools stand that have none; models are told its tools by their bare names."""
_HERE: Final = frozenset({ADDED, FOUND, _NAMESPACE, _ABOUT})
_LONGEST_NAME: Final = 64
"""What OpenAI, Anthropic, Google and Amazon take as a tool's name."""


def full_name(namespace: Json, name: str) -> str:
    """By what a tool in ``namespace`` is known where there are none: the same for a tool and for its calls, in every turn."""
    if not isinstance(namespace, str) or namespace in ("", _COMMON):
        return name
    joined = f"{namespace.removesuffix('__')}__{name}"
    if len(joined) <= _LONGEST_NAME:
        return joined
    return f"{joined[: _LONGEST_NAME - 9]}_{zlib.crc32(joined.encode()):08x}"


def called(name: str, tools: Mapping[str, Tool]) -> JsonObject:
    """How the tool that we call ``name`` is called on this wire: the item's type, the tool's own name and its namespace."""
    tool = tools.get(name)
    own = own_fields(tool.extra) if tool else {}
    call: JsonObject = {"type": CALLS.get(own.get("type", "function"), "function_call"), "name": own.get("name", name)}
    if own.get(_NAMESPACE):
        call[_NAMESPACE] = own[_NAMESPACE]
    return call


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_tools(tools: Iterable[Tool], own: Json, places: Json) -> list[JsonObject]:
    """The field ``tools``, the vendor's ``own`` at their ``places``."""
    return join_tools(_encode_all(tool for tool in tools if not own_fields(tool.extra).keys() & {ADDED, FOUND}), own, places)


def encode_added(request: Request, items: list[JsonObject]) -> None:
    """Put the items that bring tools along at their places among ``items``."""
    again: list[JsonObject] = own_fields(request.extra).get(AGAIN, [])
    added = [
        {**item, "tools": _encode_all(group)}
        for item, group in groupby(request.tools, lambda tool: own_fields(tool.extra).get(ADDED))
        if item is not None
    ]
    for item in sorted([*added, *again], key=lambda item: int(item["at"])):
        items.insert(min(item["at"], len(items)), {"type": ADDED, **beside(item, frozenset({"at"}))})


def _encode_all(tools: Iterable[Tool]) -> list[JsonObject]:
    encoded: list[JsonObject] = []
    for about, group in groupby(tools, lambda tool: own_fields(tool.extra).get(_ABOUT)):
        inside = [encode_tool(tool) for tool in group]
        encoded += inside if about is None else [{"type": _NAMESPACE, **about, "tools": inside}]
    return encoded


def encode_tool(tool: Tool) -> JsonObject:
    """Of a function both ``parameters`` and ``strict`` are required; null is the vendor's default, which is strict."""
    own = own_fields(tool.extra)
    encoded: JsonObject = {"type": own.get("type", "function"), "name": tool.name}
    if tool.description is not None:
        encoded["description"] = tool.description
    if encoded["type"] == "function":
        encoded |= {"parameters": tool.parameters, "strict": tool.strict}
    elif encoded["type"] == SEARCH:
        del encoded["name"]
        encoded["parameters"] = tool.parameters
    return {**encoded, **beside(own, _HERE)}


def encode_choice(choice: ToolChoice, tools: Iterable[Tool]) -> Json:
    if not isinstance(choice, NamedTool):
        return choice
    call = called(choice.name, {tool.name: tool for tool in tools})
    kind = next(kind for kind, item in CALLS.items() if item == call["type"])
    return {"type": kind} if kind == SEARCH else {**call, "type": kind}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


_FUNCTION: Final = frozenset({"type", *_Function.__struct_fields__})


def decode_tools(given: list[JsonObject], items: Json, extra: JsonObject) -> tuple[Tool, ...]:
    """Tools of the request and of the items of its input; the vendor's own go into ``extra``. Raises ``BadRequest``."""
    reading = _Reading()
    tools = list(reading.read(given, "tools"))
    places = [at for at, tool in enumerate(given) if not is_ours(tool)]
    names = {tool.name for tool in tools}
    for at, item in enumerate(items if isinstance(items, list) else ()):
        if brings_tools(item):
            owned = len(reading.own)
            brought = [*_brought(item, reading.read(item["tools"], f"input[{at}].tools"), at)]
            if is_added(item) and len(reading.own) == owned and names.issuperset(tool.name for tool in brought):
                extra.setdefault(AGAIN, []).append({**item, "at": at})
            tools += (tool for tool in brought if tool.name not in names)
            names |= {tool.name for tool in brought}
    count = len(given) - len(places) + len(reading.own)
    places += range(len(given), count)
    if reading.own:
        extra["tools"] = reading.own
        told = places_to_tell(places, count)
        if told:
            extra["tools_at"] = told
    return tuple(tools)


def read_tools(given: list[Json], where: str) -> Iterator[Tool]:
    """Those in ``given`` that are ours. Raises ``BadRequest`` that names the place."""
    return _Reading().read(given, where)


def brings_tools(item: Json) -> bool:
    """Whether an item of the input brings tools that can be called from now on."""
    match item:
        case {"type": "additional_tools", "tools": [*_]}:
            return True
        case {"type": "tool_search_output", "execution": "client", "call_id": str(), "tools": [*_]}:
            return True
        case _:
            return False


def is_added(item: Json) -> bool:
    """Whether an item does nothing else than that, so that it stands among the tools alone."""
    return brings_tools(item) and item["type"] == ADDED


def is_ours(tool: JsonObject) -> bool:
    """Whether any model can call the tool."""
    match tool:
        case {"type": "function" | "custom"} | {"type": "tool_search", "execution": "client", "parameters": dict()}:
            return True
        case {"type": "namespace", "name": str(), "tools": [_, *_] as inside}:
            return all(isinstance(one, dict) and one.get("type") in ("function", CUSTOM) for one in inside)
        case _:
            return False


def _brought(item: JsonObject, tools: Iterator[Tool], at: int) -> Iterator[Tool]:
    mark: JsonObject = {FOUND: True}
    if item["type"] == ADDED:
        mark = {ADDED: {"at": at, **beside(item, frozenset({"type", "tools"}))}}
    for tool in tools:
        yield msgspec.structs.replace(tool, extra=as_extra({**own_fields(tool.extra), **mark}))


class _Reading:
    """Reads lists of tools; ``own`` gathers those that are the vendor's."""

    def __init__(self) -> None:
        self.own: list[JsonObject] = []

    def read(self, given: list[Json], where: str) -> Iterator[Tool]:
        for i, tool in enumerate(given):
            if not isinstance(tool, dict):
                raise BadRequest(f"{where}[{i}]: {type(tool).__name__} was given; a tool is expected", param=f"{where}[{i}]")
            if is_ours(tool):
                yield from _DECODERS[tool["type"]](tool, f"{where}[{i}]")
            else:
                self.own.append(tool)


def _decode_function(given: JsonObject, where: str) -> Iterator[Tool]:
    told = convert(given, _Function, where)
    own = as_extra(beside(given, _FUNCTION))
    yield Tool(name=told.name, description=told.description, parameters=told.parameters, strict=told.strict, extra=own)


def _decode_custom(given: JsonObject, where: str) -> Iterator[Tool]:
    told = convert(given, _Function, where)
    own = as_extra({"type": CUSTOM, **beside(given, _FUNCTION)})
    yield Tool(name=told.name, description=told.description, parameters=schema(given.get("format")), extra=own)


def _decode_search(given: JsonObject, where: str) -> Iterator[Tool]:
    told = convert({**given, "name": SEARCH}, _Function, where)
    own = as_extra({"type": SEARCH, **beside(given, _FUNCTION)})
    yield Tool(name=SEARCH, description=told.description, parameters=told.parameters, extra=own)


def _decode_namespace(given: JsonObject, where: str) -> Iterator[Tool]:
    about = beside(given, frozenset({"type", "tools"}))
    for i, inside in enumerate(given["tools"]):
        for tool in _DECODERS[inside["type"]](inside, f"{where}.tools[{i}]"):
            own = {**own_fields(tool.extra), "name": tool.name, _NAMESPACE: given["name"], _ABOUT: about}
            yield msgspec.structs.replace(tool, name=full_name(given["name"], tool.name), extra=as_extra(own))


_DECODERS: Final[dict[str, Callable[[JsonObject, str], Iterator[Tool]]]] = {
    "function": _decode_function,
    CUSTOM: _decode_custom,
    SEARCH: _decode_search,
    _NAMESPACE: _decode_namespace,
}


def decode_choice(given: str | JsonObject | None, extra: JsonObject) -> ToolChoice | None:
    match given:
        case None | "auto" | "none" | "required":
            return given
        case {"type": "function" | "custom", "name": str(name), **rest}:
            return NamedTool(full_name(rest.get(_NAMESPACE), name))
        case {"type": str(kind)} if kind != "function":
            extra["tool_choice"] = given
            return None
        case _:
            raise BadRequest(
                f"tool_choice: {given!r} was given; 'auto', 'none', 'required' or an object that names tools is allowed",
                param="tool_choice",
            )
