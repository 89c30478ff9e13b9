"""OpenAI chat: a request to its body and back."""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import unquote

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool, ToolChoice
from dragoman.wire.carried import foreign_fields
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.openai_chat.messages import decode_messages, encode_messages
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks, path_for

PATH: Final = "/chat/completions"
ROUTES: Final = (PATH, r"(?:/openai)?/deployments/[^/]+/chat/completions")
"""The second is Azure's, with the deployment's name for the model."""

LEGACY_FUNCTIONS: Final = "legacy_functions"
"""Within a request's extra: its tools are to be written as OpenAI had them before, ``functions`` and ``function_call``."""

SCALARS: Final = (
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "metadata",
    "user",
)
"""Fields that have the same name and form in our request and in the body."""


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = foreign_fields(request, NAME)
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body = _encode_body(request, stream, quirks, warnings)
    headers = (
        ("content-type", "application/json"),
        ("accept", "text/event-stream" if stream else "application/json"),
    )
    return Call("POST", path_for(request.model, quirks, PATH), with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _encode_body(request: Request, stream: bool, quirks: Quirks, warnings: list[str]) -> JsonObject:
    body: JsonObject = {"model": request.model, "messages": encode_messages(request.messages, quirks, warnings)}
    for name in SCALARS:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    own = dict(request.extra.get(NAME, {}))
    _encode_tools(request, own, body, warnings)
    if request.response_format:
        body["response_format"] = _encode_format(request.response_format)
    if request.reasoning:
        _encode_reasoning(request.reasoning, body, warnings)
    body.update(own)
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        else:
            body.pop("stream_options", None)
    else:
        body.pop("stream_options", None)
    return apply_quirks(body, quirks, warnings)


def _encode_tools(request: Request, own: JsonObject, body: JsonObject, warnings: list[str]) -> None:
    is_legacy = own.pop(LEGACY_FUNCTIONS, False)
    tools: list[Json] = [_encode_tool(tool) for tool in request.tools]
    choice = request.tool_choice
    named = choice.name if isinstance(choice, NamedTool) else None
    if is_legacy:
        if tools:
            body["functions"] = [tool["function"] for tool in tools]
        if choice is not None:
            body["function_call"] = {"name": named} if named is not None else choice
        return
    tools += own.pop("tools", ())
    if tools:
        body["tools"] = tools
    if choice is not None:
        body["tool_choice"] = {"type": "function", "function": {"name": named}} if named is not None else choice


def _encode_tool(tool: Tool) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    for name in ("description", "parameters", "strict"):
        value = getattr(tool, name)
        if value is not None:
            function[name] = value
    own = tool.extra.get(NAME, {})
    return {"type": "function", **own, "function": {**function, **own.get("function", {})}}


def _encode_format(wanted: JsonFormat) -> JsonObject:
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: JsonObject = {"name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


def _encode_reasoning(wanted: ReasoningOptions, body: JsonObject, warnings: list[str]) -> None:
    if wanted.effort is not None:
        body["reasoning_effort"] = wanted.effort
    warnings.extend(
        f"reasoning.{name}: this wire takes an effort alone, left out"
        for name in ("budget_tokens", "enabled", "summary")
        if getattr(wanted, name) is not None
    )


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class _Schema(msgspec.Struct):
    schema: JsonObject | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _Formatted(msgspec.Struct):
    response_format: _Format


class _Body(msgspec.Struct):
    """The fields of a request that are ours too, with the types that OpenAI's description gives them."""

    model: str
    messages: list[Json]
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    tools: list[JsonObject] | None = None
    tool_choice: str | JsonObject | None = None
    response_format: _Format | None = None
    reasoning_effort: str | None = None
    functions: list[_Function] | None = None
    function_call: str | JsonObject | None = None


_DEPLOYMENT: Final = re.compile(r"/deployments/([^/?]+)/")


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    return request_from(with_deployment(parse_request(call.body), call.url), quirks)


def with_deployment(given: JsonObject, url: str) -> JsonObject:
    """``given`` with the model that Azure's address names, where it names none itself."""
    deployment = _DEPLOYMENT.search(url)
    if deployment and given.get("model") is None:
        given["model"] = unquote(deployment.group(1))
    return given


def request_from(given: JsonObject, quirks: Quirks) -> Request:
    """The request that a parsed body means; fields of OpenAI alone go into ``extra``."""
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in given.items()}
    body = convert(given, _Body, "the request body")
    extra = {name: value for name, value in given.items() if name not in _Body.__struct_fields__}
    limit = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    messages = decode_messages(body.messages)
    return Request(
        model=body.model,
        messages=messages,
        stream=quirks.streaming == "always" or (bool(body.stream) and quirks.streaming != "never"),
        max_output_tokens=limit,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        tools=_decode_tools(body, extra),
        tool_choice=_decode_choice(body, extra),
        response_format=_decode_format(body.response_format),
        reasoning=ReasoningOptions(effort=body.reasoning_effort) if body.reasoning_effort is not None else None,
        extra={NAME: extra} if extra else {},
        **{name: getattr(body, name) for name in SCALARS},
    )


def _decode_tools(body: _Body, extra: JsonObject) -> tuple[Tool, ...]:
    """Functions; tools of other types, which are a host's own, go into ``extra``."""
    if body.functions is not None and body.tools is None:
        extra[LEGACY_FUNCTIONS] = True
        return tuple(
            Tool(name=one.name, description=one.description, parameters=one.parameters, strict=one.strict) for one in body.functions
        )
    tools: list[Tool] = []
    for i, tool in enumerate(body.tools or ()):
        kind = tool.get("type", "function")
        if isinstance(kind, str) and kind != "function":
            extra.setdefault("tools", []).append(tool)
        else:
            tools.append(_decode_tool(tool, f"tools[{i}]"))
    return tuple(tools)


def _decode_tool(given: JsonObject, where: str) -> Tool:
    if not isinstance(given.get("type", "function"), str) or not isinstance(given.get("function"), dict):
        raise BadRequest(f'{where}: {{"type": "function", "function": {{…}}}} is expected', param=where)
    function = convert(given["function"], _Function, f"{where}.function")
    rest = {name: value for name, value in given.items() if name not in ("type", "function")}
    inside = {name: value for name, value in given["function"].items() if name not in _Function.__struct_fields__ and value is not None}
    if inside:
        rest["function"] = inside
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        strict=function.strict,
        extra={NAME: rest} if rest else {},
    )


def _decode_choice(body: _Body, extra: JsonObject) -> ToolChoice | None:
    if body.function_call is not None and LEGACY_FUNCTIONS in extra:
        match body.function_call:
            case "auto" | "none":
                return body.function_call
            case {"name": str(name)}:
                return NamedTool(name)
            case given:
                raise BadRequest(f"function_call: {given!r} was given; 'auto', 'none' or a name is allowed", param="function_call")
    match body.tool_choice:
        case None | "auto" | "none" | "required":
            return body.tool_choice
        case "any":  # Mistral
            return "required"
        case {"type": "function", "function": {"name": str(name)}}:
            return NamedTool(name)
        case {"type": str(kind)} if kind != "function":
            extra["tool_choice"] = body.tool_choice
            return None
        case given:
            raise BadRequest(
                f"tool_choice: {given!r} was given; 'auto', 'none', 'required' or a named function is allowed", param="tool_choice"
            )


def format_from(given: JsonObject) -> JsonFormat | None:
    """The form of answer that OpenAI's ``response_format`` means. Raises ``BadRequest`` that names the field."""
    return _decode_format(convert({"response_format": given}, _Formatted, "response_format").response_format)


def _decode_format(given: _Format | None) -> JsonFormat | None:
    if given is None or given.type == "text":
        return None
    if given.type == "json_object":
        return JsonFormat()
    schema = given.json_schema
    if schema is None:
        raise BadRequest("response_format.json_schema: it is required with type 'json_schema'", param="response_format.json_schema")
    return JsonFormat(schema=schema.schema or {}, name=schema.name, description=schema.description, strict=schema.strict)
