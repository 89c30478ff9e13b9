"""Responses: items in which a tool is called, and those with what it gave back, to ours and back.

A ``ToolCall`` has a function's arguments whatever the item: the free text of a custom tool stands in its one string (``free_text``), what a
client's search for tools looks for is an object already. What the item is stands in the extra, under ``type``. The name is the one by which
the tool is known among ours (``tools.full_name``), and the item's own in the extra where that is another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.errors import BadRequest
from dragoman.core.messages import Text, ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Tool
from dragoman.wire.openai_responses.content import as_extra, beside, inner, own_fields
from dragoman.wire.openai_responses.free_text import as_arguments, as_text
from dragoman.wire.openai_responses.tools import CALLS, CUSTOM, OUTPUTS, SEARCH, called, full_name, read_tools
from dragoman.wire.payload import dump, try_object

FUNCTION_CALL: Final = CALLS["function"]
CUSTOM_CALL: Final = CALLS[CUSTOM]
SEARCH_CALL: Final = CALLS[SEARCH]
FUNCTION_OUTPUT: Final = "function_call_output"
CUSTOM_OUTPUT: Final = OUTPUTS[CUSTOM_CALL]
SEARCH_OUTPUT: Final = OUTPUTS[SEARCH_CALL]

_OF_XAI: Final = "xs_call_"
"""How calls are named that xAI's own search at X makes and answers itself, though their items are those of a caller's tools."""
_KNOWN: Final = frozenset({"type", "call_id", "name", "arguments", "input"})


def is_called(item: JsonObject) -> bool:
    """Whether the item is a call of a tool that the caller runs, and of which all is known."""
    match item:
        case {"type": "custom_tool_call", "call_id": str(name)} if name.startswith(_OF_XAI):
            return False
        case {"type": "function_call" | "custom_tool_call"}:
            return True
        case {"type": "tool_search_call", "execution": "client", "call_id": str()}:
            return True
        case _:
            return False


def own_of_call(item: JsonObject) -> JsonObject:
    """What a call of ours does not say of its item."""
    own = beside(item, _KNOWN)
    if item["type"] != FUNCTION_CALL:
        own["type"] = item["type"]
    if isinstance(item.get("name"), str) and item["name"] != name_of(item):
        own["name"] = item["name"]
    return own


def name_of(item: JsonObject) -> str | None:
    """By what the tool is known among ours."""
    if item["type"] == SEARCH_CALL:
        return SEARCH
    name = item.get("name")
    return full_name(item.get("namespace"), name) if isinstance(name, str) else None


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_call(part: ToolCall, tools: Mapping[str, Tool]) -> JsonObject:
    """The item for a call; one that another vendor's model made is told as what its tool is here."""
    own = own_fields(part.extra)
    call = called(part.name, tools)
    kind: str = own.get("type") or call["type"]
    call |= {"type": kind, "call_id": part.id, **said(kind, part.arguments), **own}
    if kind == SEARCH_CALL:
        call = {"execution": "client", **beside(call, frozenset({"name"}))}
    return call


def said(kind: str, arguments: str) -> JsonObject:
    """The field with what a tool is called with."""
    match kind:
        case "custom_tool_call":
            return {"input": as_text(arguments)}
        case "tool_search_call":
            return {"arguments": try_object(arguments.encode()) or {}}
        case _:
            return {"arguments": arguments}


def encode_result(part: ToolResult, output: Json, kinds: Mapping[str, str]) -> JsonObject:
    """The item for a result; ``kinds`` are the types of the calls' items by their identifiers."""
    own = own_fields(part.extra)
    kind = own.get("type") or OUTPUTS.get(kinds.get(part.id, ""), FUNCTION_OUTPUT)
    told: JsonObject = {"tools": []} if kind == SEARCH_OUTPUT else {"output": output}
    return {"type": kind, "call_id": part.id, **told, **own}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_call(given: JsonObject, where: str) -> ToolCall:
    """A call in the input. Raises ``BadRequest`` that names the place."""
    call_id, arguments = inner(given, "call_id", where), _ARGUMENTS[given["type"]](given, where)
    if given["type"] != SEARCH_CALL:
        inner(given, "name", where)
    return ToolCall(id=call_id, name=name_of(given) or "", arguments=arguments, extra=as_extra(own_of_call(given)))


def _search(given: JsonObject, where: str) -> str:
    told = given.get("arguments") or {}
    if not isinstance(told, dict):
        raise BadRequest(f"{where}.arguments: {type(told).__name__} was given; an object is expected", param=f"{where}.arguments")
    return dump(told).decode()


_ARGUMENTS: Final[dict[str, Callable[[JsonObject, str], str]]] = {
    FUNCTION_CALL: lambda given, where: inner(given, "arguments", where),
    CUSTOM_CALL: lambda given, where: as_arguments(inner(given, "input", where)),
    SEARCH_CALL: _search,
}


def decode_found(given: JsonObject, where: str) -> ToolResult:
    """What a client's search found: the model is told in words which tools it may call from now on."""
    found = [{"name": tool.name, "description": tool.description} for tool in read_tools(given["tools"], f"{where}.tools")]
    own = beside(given, frozenset({"call_id"}))
    return ToolResult(id=given["call_id"], parts=(Text(text=dump(found).decode()),), extra=as_extra(own))
