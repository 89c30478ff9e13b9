"""Gemini: a request to its path and body, and back.

Nearly everything but the conversation stands in ``generationConfig``. What only this wire has (safety settings, the vendor's own tools,
a cached content …) is in the request's ``extra``, in the places where the body has it, and is laid over what is made of the rest.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool, ToolChoice
from dragoman.wire.carried import foreign_fields, left_out, uncarried
from dragoman.wire.gemini.messages import decode_messages, encode_messages
from dragoman.wire.gemini.numbers import MODES, word
from dragoman.wire.gemini.parts import NAME, camel, kept, merge, without
from dragoman.wire.gemini.schema import json_schema
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/models/{model}:generateContent"
ROUTES: Final = (
    r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?/(?:models|tunedModels|endpoints)/[^/]+:(?:generateContent|streamGenerateContent)",
)

_LOCATED: Final = re.compile(r"/(models|tunedModels|endpoints)/([^/]+):([A-Za-z]+)")
_NAMED: Final = re.compile(r"(?:tunedModels|endpoints)/[^/]+")
_DOTS: Final = (".", "..")

ALT: Final = "alt"
"""In a request's ``extra``: ``json`` where a streamed answer is to be an array, because ``alt=sse`` was not asked for. Never sent."""

_CONFIG: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_output_tokens": "maxOutputTokens",
    "seed": "seed",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Fields that have the same meaning and form in our request and in ``generationConfig``."""

_CARRIED: Final = frozenset(
    {*_CONFIG, "model", "messages", "stream", "stop", "tools", "tool_choice", "response_format", "reasoning", "extra"}
)
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_CHOICES: Final[dict[str, Literal["auto", "none", "required"]]] = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto"}
_JSON: Final = "application/json"

_LEVELS: Final = frozenset({"minimal", "low", "medium", "high", "xhigh"})
_BUDGETED: Final = re.compile(r"gemini-(?:1|2|robotics-er-1)\b")
_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""What the vendor's own OpenAI interface makes of an effort for models before Gemini 3, which know no levels
(https://ai.google.dev/gemini-api/docs/openai#thinking, read 2026-11-21)."""
_DYNAMIC: Final = -1
"""The budget by which the model decides for itself."""


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings: list[str] = []
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body = apply_quirks(encode_body(request, quirks, warnings), quirks, warnings)
    url = encode_path(request.model, "streamGenerateContent" if stream else "generateContent", quirks)
    headers = (("content-type", "application/json"), ("accept", "text/event-stream" if stream else "application/json"))
    return Call("POST", url + ("?alt=sse" if stream else ""), with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def encode_path(model: str, method: str, quirks: Quirks) -> str:
    """The path of one method of one model. Raises ``BadRequest`` for a name that no path can hold."""
    name = model.removeprefix("models/")
    if not name or any(step in _DOTS for step in name.split("/")):
        raise BadRequest(f"model: {model!r} was given; a name like gemini-2.5-flash is expected", param="model")
    path = quirks.path or PATH
    if _NAMED.fullmatch(name):
        path, place = path.replace("models/{model}", "{model}"), quote(name, safe="/")
    else:
        place = quote(name, safe="")
    return path.replace(":generateContent", f":{method}").replace("{model}", place)


def encode_body(request: Request, quirks: Quirks, warnings: list[str]) -> JsonObject:
    """The body without the quirks of its top-level fields; those of ``generationConfig`` are applied."""
    warnings.extend(uncarried(request, _CARRIED | {"parallel_tool_calls"} if request.parallel_tool_calls else _CARRIED))
    warnings.extend(foreign_fields(request, NAME))
    own = without(request.extra.get(NAME, {}), ALT)
    system, contents = encode_messages(request.messages, request.model, warnings)
    body: JsonObject = {"contents": contents}
    if system is not None:
        body["systemInstruction"] = system
    tools = [{"functionDeclarations": [_encode_tool(tool, warnings) for tool in request.tools]}] if request.tools else []
    if tools or own.get("tools"):
        body["tools"] = [*tools, *(own.get("tools") or ())]
    if request.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _encode_choice(request.tool_choice)}
    config = _encode_config(request, own.get("generationConfig") or {}, warnings)
    for field in [field for field in config if field in quirks.drop]:
        del config[field]
        warnings.append(f"{field}: not understood by this provider, left out")
    if config:
        body["generationConfig"] = config
    return merge(body, without(own, "tools", "generationConfig"))


def _encode_tool(tool: Tool, warnings: list[str]) -> JsonObject:
    own = tool.extra.get(NAME, {})
    declared: JsonObject = {"name": tool.name}
    if tool.description is not None:
        declared["description"] = tool.description
    if tool.parameters is not None and "parameters" not in own:
        declared["parametersJsonSchema"] = tool.parameters
    if tool.strict:
        warnings.append(f"tools.{tool.name}.strict: not understood by this provider, left out")
    return {**declared, **own}


def _encode_choice(choice: ToolChoice) -> JsonObject:
    if isinstance(choice, NamedTool):
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": _MODES[choice]}


def _encode_config(request: Request, own: JsonObject, warnings: list[str]) -> JsonObject:
    told = {wire: getattr(request, name) for name, wire in _CONFIG.items()}
    config = {name: value for name, value in told.items() if value is not None}
    if request.stop:
        config["stopSequences"] = list(request.stop)
    wanted = request.response_format
    if wanted is not None:
        config["responseMimeType"] = _JSON
        if wanted.schema is not None and "responseSchema" not in own:
            config["responseJsonSchema"] = wanted.schema
        warnings.extend(left_out(wanted, "response_format", "name", "description"))
    if request.reasoning is not None:
        thinking = _encode_thinking(request.reasoning, request.model, warnings)
        if thinking:
            config["thinkingConfig"] = thinking
    return merge(config, own)


def _encode_thinking(wanted: ReasoningOptions, model: str, warnings: list[str]) -> JsonObject:
    """A level, a budget, or neither; a budget that is named comes before an effort, as the wire takes one of the two."""
    thinking: JsonObject = {}
    effort = wanted.effort
    if wanted.enabled is False or (effort == "none" and wanted.budget_tokens is None):
        thinking["thinkingBudget"] = 0
        given = {"effort": effort not in (None, "none"), "budget_tokens": bool(wanted.budget_tokens)}
        warnings.extend(f"reasoning.{name}: thinking is switched off, left out" for name, is_given in given.items() if is_given)
    elif wanted.budget_tokens is not None:
        thinking["thinkingBudget"] = wanted.budget_tokens
        if effort is not None:
            warnings.append("reasoning.effort: this provider takes an effort or a budget, not both; left out")
    elif effort in _LEVELS and _BUDGETED.search(model):
        thinking["thinkingBudget"] = _BUDGETS[effort]
    elif effort is not None:
        if effort not in _LEVELS:
            warnings.append(f"reasoning.effort: {effort!r} is none of this provider's levels, sent as it is")
        thinking["thinkingLevel"] = effort.upper()
    elif wanted.enabled:
        thinking["thinkingBudget"] = _DYNAMIC
    if wanted.summary is not None:
        thinking["includeThoughts"] = True
    return thinking


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Thinking(msgspec.Struct, rename="camel"):
    thinking_budget: int | None = None
    thinking_level: str | None = None
    include_thoughts: bool | None = None


class _Config(msgspec.Struct, rename="camel"):
    """The fields of ``generationConfig`` that are ours too."""

    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    candidate_count: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    stop_sequences: list[str] | None = None
    response_mime_type: str | None = None
    response_schema: JsonObject | None = None
    response_json_schema: Json = None
    thinking_config: _Thinking | None = None


class _Calling(msgspec.Struct, rename="camel"):
    mode: str | int | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _Calling | None = None


class _Body(msgspec.Struct, rename="camel"):
    contents: Json = None
    system_instruction: Json = None
    tools: list[JsonObject] | JsonObject | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _Config | None = None


class _Declaration(msgspec.Struct, rename="camel"):
    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    parameters_json_schema: JsonObject | None = None


_OBJECTS: Final = (("generationConfig", "thinkingConfig"), ("toolConfig", "functionCallingConfig"))
"""Objects in the body, and in them the one whose fields we read too."""


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    model, method, query = decode_path(call.url)
    if method not in ("generateContent", "streamGenerateContent"):
        raise BadRequest(f"{method}: generateContent or streamGenerateContent is expected")
    stream = quirks.streaming == "always" or (method == "streamGenerateContent" and quirks.streaming != "never")
    as_array = stream and "sse" not in (*query.get("alt", ()), *query.get("$alt", ()))
    return request_from(parse_request(call.body), model, stream, {ALT: "json"} if as_array else {})


def decode_path(url: str) -> tuple[str, str, dict[str, list[str]]]:
    """Model, method and query of a call's URL. Raises ``BadRequest``."""
    parts = urlsplit(url)
    found = _LOCATED.search(parts.path)
    if found is None or found.end() != len(parts.path):
        raise BadRequest(f"the path {parts.path!r} names no model; /models/{{model}}:generateContent is expected")
    kind, name, method = found.groups()
    model = unquote(name)
    return (model if kind == "models" else f"{kind}/{model}"), method, parse_qs(parts.query)


def request_from(given: JsonObject, model: str, stream: bool, marks: JsonObject) -> Request:
    """The request that a parsed body means; ``marks`` go into its ``extra``."""
    given = _plain(given)
    body = convert(given, _Body, "the request body")
    config, rest = body.generation_config or _Config(), without(given, *_BODY_READ)
    tools, own_tools = _decode_tools(body.tools)
    choice, own_choice = _decode_choice(body.tool_config, given.get("toolConfig") or {})
    response_format, own_config = _decode_format(config, without(given.get("generationConfig") or {}, *_CONFIG_READ))
    reasoning, own_thinking = _decode_thinking(given.get("generationConfig") or {}, config.thinking_config)
    if own_thinking:
        own_config["thinkingConfig"] = own_thinking
    own = {"tools": own_tools, "toolConfig": own_choice, "generationConfig": own_config}
    return Request(
        model=model,
        messages=decode_messages(body.system_instruction, body.contents),
        stream=stream,
        tools=tools,
        tool_choice=choice,
        response_format=response_format,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=None if config.top_k is None else _whole_number(config.top_k, "generationConfig.topK"),
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        stop=tuple(config.stop_sequences or ()),
        max_output_tokens=config.max_output_tokens,
        seed=config.seed,
        n=config.candidate_count,
        logprobs=config.response_logprobs,
        top_logprobs=config.logprobs,
        reasoning=reasoning,
        extra=kept({**marks, **{name: value for name, value in own.items() if value}, **rest}),
    )


_BODY_READ: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Body))
_CONFIG_READ: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Config))


def _plain(given: JsonObject) -> JsonObject:
    """The body with the names of all fields that are read as the wire writes them."""
    given = camel(given)
    for outer, inner in _OBJECTS:
        if isinstance(given.get(outer), dict):
            given[outer] = camel(given[outer])
            if isinstance(given[outer].get(inner), dict):
                given[outer] = {**given[outer], inner: camel(given[outer][inner])}
    return given


def _whole_number(value: float, where: str) -> int:
    if value != value or int(value) != value:  # what differs from itself is no number
        raise BadRequest(f"{where}: {value!r} was given; a whole number is expected", param=where)
    return int(value)


def _decode_tools(given: list[JsonObject] | JsonObject | None) -> tuple[tuple[Tool, ...], list[JsonObject]]:
    """Our tools, and those that the vendor runs itself."""
    tools: list[Tool] = []
    own: list[JsonObject] = []
    for i, told in enumerate([given] if isinstance(given, dict) else given or ()):
        entry = camel(told)
        declared = entry.pop("functionDeclarations", None)
        if declared is not None and not isinstance(declared, list):
            raise BadRequest(f"tools[{i}].functionDeclarations: a list is expected", param=f"tools[{i}].functionDeclarations")
        tools.extend(_decode_tool(one, f"tools[{i}].functionDeclarations[{j}]") for j, one in enumerate(declared or ()))
        if entry:
            own.append(entry)
    return tuple(tools), own


def _decode_tool(given: Json, where: str) -> Tool:
    told = camel(given) if isinstance(given, dict) else given
    declared = convert(told, _Declaration, where)
    rest = without(told, "name", "description", "parametersJsonSchema", *(("parameters",) if declared.parameters is None else ()))
    parameters = declared.parameters_json_schema
    if declared.parameters is not None:
        parameters = json_schema(declared.parameters)
    return Tool(name=declared.name, description=declared.description, parameters=parameters, extra=kept(rest))


def _decode_choice(told: _ToolConfig | None, given: JsonObject) -> tuple[ToolChoice | None, JsonObject]:
    """Our choice, and what of ``toolConfig`` it does not say."""
    calling = told.function_calling_config if told else None
    if calling is None:
        return None, without(given, "functionCallingConfig")
    mode = word(calling.mode, MODES)
    choice: ToolChoice | None = _CHOICES.get(mode or "")
    names = calling.allowed_function_names
    said = ["mode"] if mode in _MODES.values() else []
    if choice == "required" and names and len(names) == 1:
        choice = NamedTool(names[0])
        said.append("allowedFunctionNames")
    rest = without(given["functionCallingConfig"], *said)
    return choice, {**without(given, "functionCallingConfig"), **({"functionCallingConfig": rest} if rest else {})}


def _decode_format(config: _Config, own: JsonObject) -> tuple[JsonFormat | None, JsonObject]:
    """The JSON asked for; the vendor's own spelling of its schema, and any form of answer that is not JSON, stay as they are."""
    kind, schema, exact = config.response_mime_type, config.response_schema, config.response_json_schema
    if kind != _JSON or not isinstance(exact, dict | None):
        told = {"responseMimeType": kind, "responseSchema": schema, "responseJsonSchema": exact}
        return None, {**own, **{name: value for name, value in told.items() if value is not None}}
    if schema is not None:
        return JsonFormat(schema=json_schema(schema)), {**own, "responseSchema": schema}
    return JsonFormat(schema=exact), own


def _decode_thinking(given: JsonObject, told: _Thinking | None) -> tuple[ReasoningOptions | None, JsonObject]:
    """A budget of 0 is thinking switched off, one of -1 thinking left to the model."""
    if told is None:
        return None, {}
    rest = without(given["thinkingConfig"], "thinkingBudget", "thinkingLevel", *(("includeThoughts",) if told.include_thoughts else ()))
    budget, level = told.thinking_budget, told.thinking_level
    if budget is not None and level is not None:
        rest["thinkingLevel"], level = level, None  # the vendor refuses both; it is for the vendor to say so
    options = ReasoningOptions(
        effort=level.lower() if level is not None else None,
        budget_tokens=budget if budget not in (0, _DYNAMIC) else None,
        enabled={0: False, _DYNAMIC: True}.get(budget) if budget is not None else None,
        summary="auto" if told.include_thoughts else None,
    )
    return (options if options != ReasoningOptions() else None), rest
