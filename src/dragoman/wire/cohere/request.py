"""Cohere: a request to its body and back."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool, ToolChoice
from dragoman.wire.carried import foreign_fields, left_out, uncarried
from dragoman.wire.cohere.citations import NAME
from dragoman.wire.cohere.messages import decode_messages, encode_messages
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/v2/chat"
ROUTES: Final = (PATH,)

SCALARS: Final = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logprobs": "logprobs",
}
"""Our fields and Cohere's that have the same form."""

CHOICES: Final[dict[str, ToolChoice | None]] = {"REQUIRED": "required", "NONE": "none", "AUTO": None}

_CARRIED: Final = frozenset(
    {"model", "messages", "stream", "tools", "tool_choice", "response_format", "stop", "reasoning", "extra", *SCALARS},
)


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [*uncarried(request, _CARRIED), *foreign_fields(request, NAME)]
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body: JsonObject = {"model": request.model, "messages": encode_messages(request.messages, warnings)}
    for name, field in SCALARS.items():
        value = getattr(request, name)
        if value is not None:
            body[field] = value
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    _encode_tools(request, body, warnings)
    if request.response_format:
        body["response_format"] = _encode_format(request.response_format, warnings)
    if request.reasoning:
        _encode_thinking(request.reasoning, body, warnings)
    body.update(request.extra.get(NAME, {}))
    body["stream"] = stream
    headers = (("content-type", "application/json"), ("accept", "text/event-stream" if stream else "application/json"))
    body = apply_quirks(body, quirks, warnings)
    return Call("POST", quirks.path or PATH, with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _encode_tools(request: Request, body: JsonObject, warnings: list[str]) -> None:
    if request.tools:
        body["tools"] = [_encode_tool(tool) for tool in request.tools]
        strict = {tool.strict for tool in request.tools}
        if len(strict) > 1:
            warnings.append("tools: strictness is one for all tools here, left out as they differ")
        elif strict != {None}:
            body["strict_tools"] = strict.pop()
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        body["tool_choice"] = "REQUIRED"
        if [tool.name for tool in request.tools] != [choice.name]:
            warnings.append("tool_choice: one tool of several cannot be asked for here, any of them is required instead")
    elif choice in ("required", "none"):
        body["tool_choice"] = choice.upper()


def _encode_tool(tool: Tool) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    return {"type": "function", "function": function, **tool.extra.get(NAME, {})}


def _encode_format(wanted: JsonFormat, warnings: list[str]) -> JsonObject:
    warnings.extend(left_out(wanted, "response_format", "name", "description"))
    if wanted.strict is False:
        warnings.append("response_format.strict: a schema is always kept to here")
    return {"type": "json_object"} if wanted.schema is None else {"type": "json_object", "json_schema": wanted.schema}


def _encode_thinking(wanted: ReasoningOptions, body: JsonObject, warnings: list[str]) -> None:
    if wanted.summary is not None:
        warnings.append("reasoning.summary: not understood by this provider, left out")
    if wanted.enabled is False or wanted.effort == "none":
        body["thinking"] = {"type": "disabled"}
        given = {"effort": wanted.effort not in (None, "none"), "budget_tokens": bool(wanted.budget_tokens)}
        warnings.extend(f"reasoning.{name}: thinking is switched off, left out" for name, is_given in given.items() if is_given)
        return
    if wanted.effort is not None:
        warnings.append("reasoning.effort: this wire takes a number of tokens alone, thinking is switched on")
    if wanted.effort is not None or wanted.enabled or wanted.budget_tokens is not None:
        body["thinking"] = {"type": "enabled"}
    if wanted.budget_tokens is not None:
        body["thinking"]["token_budget"] = wanted.budget_tokens


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: JsonObject | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: JsonObject | None = None
    schema: JsonObject | None = None
    """An older spelling of ``json_schema``."""


class _Thinking(msgspec.Struct):
    type: str | None = None
    token_budget: int | None = None


class _Body(msgspec.Struct):
    """The fields of a request that are ours too, with the types that Cohere's description gives them."""

    model: str
    messages: list[Json]
    stream: bool | None = None
    max_tokens: int | None = None
    temperature: Number | None = None
    p: Number | None = None
    k: int | None = None
    seed: int | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    logprobs: bool | None = None
    stop_sequences: list[str] | None = None
    tools: list[JsonObject] | None = None
    strict_tools: bool | None = None
    tool_choice: str | None = None
    response_format: _Format | None = None
    thinking: _Thinking | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in given.items()}
    body = convert(given, _Body, "the request body")
    extra = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    if body.strict_tools is not None and not body.tools:
        extra["strict_tools"] = body.strict_tools
    return Request(
        model=body.model,
        messages=decode_messages(body.messages),
        stream=quirks.streaming == "always" or (bool(body.stream) and quirks.streaming != "never"),
        stop=tuple(body.stop_sequences or ()),
        tools=tuple(_decode_tool(tool, body.strict_tools, f"tools[{i}]") for i, tool in enumerate(body.tools or ())),
        tool_choice=_decode_choice(body.tool_choice),
        response_format=_decode_format(body.response_format),
        reasoning=_decode_thinking(body.thinking),
        extra={NAME: extra} if extra else {},
        **{name: getattr(body, field) for name, field in SCALARS.items()},
    )


def _decode_tool(given: JsonObject, strict: bool | None, where: str) -> Tool:
    if given.get("type", "function") != "function" or not isinstance(given.get("function"), dict):
        raise BadRequest(f'{where}: {{"type": "function", "function": {{…}}}} is expected', param=where)
    function = convert(given["function"], _Function, f"{where}.function")
    rest = {name: value for name, value in given.items() if name not in ("type", "function") and value is not None}
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        strict=strict,
        extra={NAME: rest} if rest else {},
    )


def _decode_choice(given: str | None) -> ToolChoice | None:
    if given is None:
        return None
    if given.upper() not in CHOICES:
        raise BadRequest(f"tool_choice: {given!r} was given; 'REQUIRED' or 'NONE' is allowed", param="tool_choice")
    return CHOICES[given.upper()]


def _decode_format(given: _Format | None) -> JsonFormat | None:
    if given is None or given.type == "text":
        return None
    if given.type != "json_object":
        raise BadRequest(
            f"response_format.type: {given.type!r} was given; 'text' or 'json_object' is allowed", param="response_format.type"
        )
    return JsonFormat(schema=given.json_schema if given.json_schema is not None else given.schema)


def _decode_thinking(given: _Thinking | None) -> ReasoningOptions | None:
    if given is None:
        return None
    if given.type not in (None, "enabled", "disabled"):
        raise BadRequest(f"thinking.type: {given.type!r} was given; 'enabled' or 'disabled' is allowed", param="thinking.type")
    return ReasoningOptions(enabled=None if given.type is None else given.type == "enabled", budget_tokens=given.token_budget)
