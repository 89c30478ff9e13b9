"""Ollama: a request to its body and back."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, ReasoningOptions, Request, Tool
from dragoman.wire import ndjson
from dragoman.wire.carried import foreign_fields, left_out, uncarried
from dragoman.wire.ollama.messages import NAME, decode_messages, decode_prompt, encode_messages, encode_prompt
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/api/chat"
GENERATE_PATH: Final = "/api/generate"
ROUTES: Final = (PATH, GENERATE_PATH)

OPTIONS: Final = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "seed")
"""Fields of ours that have the same name and form inside ``options``."""
GENERATE_FIELDS: Final = ("template", "context", "suffix", "raw", "width", "height", "steps")
"""Fields that ``/api/generate`` alone has."""

EFFORTS: Final[dict[str, str | bool]] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}
"""The words for how much to think, and Ollama's; it refuses any other."""

_CARRIED: Final = frozenset(
    {"model", "messages", "stream", "tools", "tool_choice", "response_format", "reasoning", "stop", "max_output_tokens", "extra"}
    | {"logprobs", "top_logprobs"}
    | set(OPTIONS)
)


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = _warnings(request)
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    own = request.extra.get(NAME, {})
    generate = own.get("generate")
    body: JsonObject = {"model": request.model}
    if isinstance(generate, dict):
        body |= encode_prompt(request.messages, warnings) | generate
    else:
        body["messages"] = encode_messages(request.messages, warnings)
    if request.tools:
        body["tools"] = [_encode_tool(tool, f"tools[{i}]", warnings) for i, tool in enumerate(request.tools)]
    body |= _encode_settings(request, warnings)
    body |= {name: value for name, value in own.items() if name not in ("generate", "options")}
    body["stream"] = stream
    headers = (("content-type", "application/json"), ("accept", ndjson.CONTENT_TYPE if stream else "application/json"))
    path = quirks.path or (PATH if generate is None else GENERATE_PATH)
    body = apply_quirks(body, quirks, warnings)
    return Call("POST", path, with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _warnings(request: Request) -> list[str]:
    warnings = uncarried(request, _CARRIED)
    if request.tool_choice not in (None, "auto"):
        warnings.append("tool_choice: the model alone decides here, left out")
    return [*warnings, *foreign_fields(request, NAME)]


def _encode_settings(request: Request, warnings: list[str]) -> JsonObject:
    options = {name: getattr(request, name) for name in OPTIONS if getattr(request, name) is not None}
    if request.max_output_tokens is not None:
        options["num_predict"] = request.max_output_tokens
    if request.stop:
        options["stop"] = list(request.stop)
    options = {**request.extra.get(NAME, {}).get("options", {}), **options}
    encoded: JsonObject = {"options": options} if options else {}
    if request.response_format:
        encoded["format"] = _encode_format(request.response_format, warnings)
    if request.reasoning:
        think = _encode_think(request.reasoning, warnings)
        if think is not None:
            encoded["think"] = think
    for name in ("logprobs", "top_logprobs"):
        if getattr(request, name) is not None:
            encoded[name] = getattr(request, name)
    return encoded


def _encode_tool(tool: Tool, where: str, warnings: list[str]) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        warnings.append(f"{where}.strict: not understood by this provider, left out")
    return {"type": "function", "function": function, **tool.extra.get(NAME, {})}


def _encode_format(wanted: JsonFormat, warnings: list[str]) -> Json:
    """The schema itself; it is always kept to, so only a wish for less strictness is lost, with the schema's name and description."""
    warnings.extend(left_out(wanted, "response_format", "name", "description"))
    if wanted.strict is False:
        warnings.append("response_format.strict: a schema is always kept to here")
    return "json" if wanted.schema is None else wanted.schema


def _encode_think(wanted: ReasoningOptions, warnings: list[str]) -> str | bool | None:
    warnings.extend(left_out(wanted, "reasoning", "budget_tokens", "summary"))
    if wanted.enabled is False:
        if wanted.effort not in (None, "none"):
            warnings.append("reasoning.effort: thinking is switched off, left out")
        return False
    if wanted.effort is None:
        return True if wanted.enabled or wanted.budget_tokens else None
    think = EFFORTS.get(wanted.effort, True)
    if think != wanted.effort and think is not False:
        warnings.append(f"reasoning.effort: {wanted.effort!r} is not known here, {think!r} is asked for instead")
    return think


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Body(msgspec.Struct):
    """What both endpoints share of the fields that are ours too."""

    model: str
    stream: bool | None = None
    format: str | JsonObject | None = None
    options: JsonObject | None = None
    think: bool | str | None = None
    tools: list[JsonObject] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class _Chat(_Body):
    messages: list[Json] | None = None


class _Generate(_Body):
    prompt: str | None = None
    system: str | None = None
    images: list[Json] | None = None
    template: str | None = None
    context: list[int] | None = None
    suffix: str | None = None
    raw: bool | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None


class _Options(msgspec.Struct):
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    seed: int | None = None
    num_predict: int | None = None
    stop: str | list[str] | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: JsonObject | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in given.items()}
    if call.url.partition("?")[0].endswith(GENERATE_PATH):
        return _decode_generate(given, quirks)
    body = convert(given, _Chat, "the request body")
    return _request(given, body, decode_messages(body.messages or []), {}, quirks)


def _decode_generate(given: JsonObject, quirks: Quirks) -> Request:
    body = convert(given, _Generate, "the request body")
    messages = decode_prompt(body.prompt or "", body.system or "", body.images or [])
    generate = {name: getattr(body, name) for name in GENERATE_FIELDS if getattr(body, name)}
    return _request(given, body, messages, {"generate": generate}, quirks)


def _request(given: JsonObject, body: _Body, messages: tuple[Json, ...], own: JsonObject, quirks: Quirks) -> Request:
    told = convert(body.options or {}, _Options, "options")
    options = {name: value for name, value in (body.options or {}).items() if name not in _Options.__struct_fields__ and value is not None}
    limit = told.num_predict
    if limit is not None and limit < 0:  # without a limit, or up to the end of the context: nothing that a number of tokens can say
        options["num_predict"] = limit
        limit = None
    own |= {name: value for name, value in given.items() if name not in type(body).__struct_fields__ and value is not None}
    if options:
        own["options"] = options
    return Request(
        model=body.model,
        messages=messages,
        stream=quirks.streaming == "always" or (body.stream is not False and quirks.streaming != "never"),
        tools=tuple(_decode_tool(tool, f"tools[{i}]") for i, tool in enumerate(body.tools or ())),
        response_format=_decode_format(body.format),
        reasoning=_decode_think(body.think),
        max_output_tokens=limit,
        stop=(told.stop,) if isinstance(told.stop, str) else tuple(told.stop or ()),
        logprobs=body.logprobs,
        top_logprobs=body.top_logprobs,
        extra={NAME: own} if own else {},
        **{name: getattr(told, name) for name in OPTIONS},
    )


def _decode_tool(given: JsonObject, where: str) -> Tool:
    if not isinstance(given.get("function"), dict):
        raise BadRequest(f'{where}: {{"type": "function", "function": {{…}}}} is expected', param=where)
    function = convert(given["function"], _Function, f"{where}.function")
    rest = {name: value for name, value in given.items() if name not in ("type", "function") and value is not None}
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        extra={NAME: rest} if rest else {},
    )


def _decode_format(given: str | JsonObject | None) -> JsonFormat | None:
    if not given:
        return None
    if isinstance(given, dict):
        return JsonFormat(schema=given)
    if given != "json":
        raise BadRequest(f"format: {given!r} was given; 'json' or a JSON schema is allowed", param="format")
    return JsonFormat()


def _decode_think(given: bool | str | None) -> ReasoningOptions | None:
    if given is None or given == "":
        return None
    if isinstance(given, bool):
        return ReasoningOptions(enabled=given)
    if given not in EFFORTS.values():
        raise BadRequest(f"think: {given!r} was given; true, false, 'low', 'medium', 'high' or 'max' is allowed", param="think")
    return ReasoningOptions(effort=given)
