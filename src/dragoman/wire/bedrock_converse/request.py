"""Bedrock Converse: a request to its path and body, and back.

The model stands in the path, and so does whether the answer is to be streamed. Fields of this vendor alone stand in
``request.extra["bedrock_converse"]``, in the places where the body has them, and are laid over what is made of the rest
(``guardrailConfig``, ``additionalModelRequestFields``, ``promptVariables``, ``performanceConfig``, ``serviceTier`` …). Tools that the
vendor runs itself and cache points among the tools are the ``tools`` of its ``toolConfig``; ``toolsAt``, which is never sent, are their
places among all tools, where they are not the last.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.messages import ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, NamedTool, Request, Tool, ToolChoice
from dragoman.wire.bedrock_converse.content import NAME, REASONING_FIELD, Draft, as_extra, own_fields
from dragoman.wire.bedrock_converse.families import Family, family, read_top_k, top_k_at
from dragoman.wire.bedrock_converse.messages import decode_messages, encode_messages
from dragoman.wire.carried import foreign_fields, uncarried
from dragoman.wire.eventstream import CONTENT_TYPE
from dragoman.wire.lost_thoughts import without_lost_budget
from dragoman.wire.own_tools import join_tools, places_to_tell
from dragoman.wire.payload import convert, dump, parse_request, try_object
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/model/{model}/converse"
ROUTES: Final = (r"/model/.+/converse(?:-stream)?",)

TOOLS_AT: Final = "toolsAt"
ADDITIONAL: Final = "additionalModelRequestFields"
_STREAM: Final = "-stream"
_LOCATED: Final = re.compile(r"/model/(.+)/converse(-stream)?")
_DOTS: Final = frozenset({".", ".."})

_INFERENCE: Final = {"max_output_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
"""Fields that have the same meaning and form in our request and in ``inferenceConfig``."""
_CARRIED: Final = frozenset(
    {
        *_INFERENCE,
        *("model", "messages", "stream", "stop", "tools", "tool_choice", "response_format"),
        *("top_k", "reasoning", "metadata", "extra"),
    }
)
_GONE: Final = "Used earlier in this conversation and no longer at hand. Do not call it."
"""Of a tool that only earlier turns speak of: the service refuses a conversation with calls that declares no tool. Read, it is none."""
_CHOICES: Final = {"auto": "auto", "required": "any"}
_CHOICES_BACK: Final[dict[str, ToolChoice]] = {"auto": "auto", "any": "required"}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    idle = {"parallel_tool_calls"} if request.parallel_tool_calls else set()  # the wire's own way
    warnings = [*uncarried(request, _CARRIED | idle), *foreign_fields(request, NAME)]
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body = apply_quirks(encode_body(request, quirks, warnings), quirks, warnings)
    headers = (("content-type", "application/json"), ("accept", CONTENT_TYPE if stream else "application/json"))
    return Call("POST", encode_path(request.model, stream, quirks), with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def encode_path(model: str, stream: bool, quirks: Quirks) -> str:
    """The path for one model, whose name may be an ARN. Raises ``BadRequest`` for a name that no path can hold."""
    if not model or model in _DOTS:
        raise BadRequest(f"model: {model!r} was given; a name like amazon.nova-lite-v1:0 or an ARN is expected", param="model")
    path = (quirks.path or PATH).replace("{model}", quote(model, safe="~"))
    return path + _STREAM if stream else path


def encode_body(request: Request, quirks: Quirks, warnings: list[str]) -> JsonObject:
    """The body, before the quirks of its fields but for those inside ``inferenceConfig``."""
    kind = family(request.model)
    own = {name: value for name, value in own_fields(request.extra).items() if name != TOOLS_AT}
    draft = Draft(kind, warnings, quirks.reasoning_field == REASONING_FIELD)
    if kind.replay == "signed":
        request = without_lost_budget(request, warnings)
    system, messages = encode_messages(request.messages, draft)
    config = {wire: getattr(request, name) for name, wire in _INFERENCE.items() if getattr(request, name) is not None}
    if request.stop:
        config["stopSequences"] = list(request.stop)
    additional, output = _encode_model_fields(request, kind, warnings)
    told = {
        "messages": messages,
        "system": system,
        "inferenceConfig": config,
        "toolConfig": _encode_tools(request, warnings),
        ADDITIONAL: additional,
        "outputConfig": output,
        "requestMetadata": request.metadata,
    }
    body = _merged({name: value for name, value in told.items() if value}, without_tools(own))
    _drop_inside(body, quirks, warnings)
    return body


def _encode_model_fields(request: Request, kind: Family, warnings: list[str]) -> tuple[JsonObject, JsonObject]:
    """What goes into ``additionalModelRequestFields``, and into ``outputConfig``."""
    additional: JsonObject = {} if request.top_k is None else top_k_at(request.top_k, kind.top_k)
    output = _encode_format(request.response_format, warnings)
    if request.reasoning is not None:
        fields, said = kind.encode(request.reasoning, warnings)
        additional, output = {**additional, **fields}, {**output, **said}
    return additional, output


def _encode_format(wanted: JsonFormat | None, warnings: list[str]) -> JsonObject:
    """The wire wants the schema as a text of JSON."""
    if wanted is None:
        return {}
    if wanted.schema is None:
        warnings.append("response_format: this wire takes JSON by a schema only, left out")
        return {}
    if wanted.strict is False:
        warnings.append("response_format.strict: this provider always keeps to the schema")
    named = {"name": wanted.name, "description": wanted.description}
    told = {"schema": dump(wanted.schema).decode(), **{name: value for name, value in named.items() if value is not None}}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": told}}}


def _encode_tools(request: Request, warnings: list[str]) -> JsonObject:
    """The wire cannot forbid the tools that it is told: they are left out, unless earlier turns speak of them."""
    own = own_fields(request.extra)
    tools = [_encode_tool(tool) for tool in request.tools]
    theirs = own.get("toolConfig")
    tools = join_tools(tools, theirs.get("tools") if isinstance(theirs, dict) else None, own.get(TOOLS_AT))
    choice = request.tool_choice
    spoken = _spoken_of(request)
    if choice == "none" and tools:
        if not spoken:
            warnings.append("tool_choice: 'none' cannot be said on this wire; the tools are left out instead")
            return {}
        warnings.append("tool_choice: 'none' cannot be said on this wire, and earlier turns use the tools; left out")
        choice = None
    if not tools:
        if choice not in (None, "auto", "none"):
            warnings.append("tool_choice: there is no tool to choose, left out")
        return {"tools": [_encode_tool(Tool(name=name, description=_GONE)) for name in spoken]} if spoken else {}
    if choice is None or choice == "none":
        return {"tools": tools}
    told = {"tool": {"name": choice.name}} if isinstance(choice, NamedTool) else {_CHOICES[choice]: {}}
    return {"tools": tools, "toolChoice": told}


def _spoken_of(request: Request) -> list[str]:
    """The tools that earlier turns use."""
    used = [part for message in request.messages for part in message.parts if isinstance(part, (ToolCall, ToolResult))]
    names = dict.fromkeys(part.name for part in used if part.name)
    return list(names) or ["unknown"] * bool(used)


def _encode_tool(tool: Tool) -> JsonObject:
    spec: JsonObject = {"name": tool.name, "inputSchema": {"json": tool.parameters or {"type": "object", "properties": {}}}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return {"toolSpec": {**spec, **own_fields(tool.extra)}}


def without_tools(own: JsonObject) -> JsonObject:
    """The vendor's own fields without its own tools, which stand among ours already, or are left out with them."""
    config = own.get("toolConfig")
    if not isinstance(config, dict):
        return own
    rest = {name: value for name, value in config.items() if name != "tools"}
    return {name: rest if name == "toolConfig" else value for name, value in own.items() if name != "toolConfig" or rest}


def _merged(ours: JsonObject, theirs: JsonObject) -> JsonObject:
    """Theirs laid over ours, field by field wherever both are objects."""
    merged = dict(ours)
    for name, value in theirs.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _drop_inside(body: JsonObject, quirks: Quirks, warnings: list[str]) -> None:
    for outer in ("inferenceConfig", ADDITIONAL):
        inner = body.get(outer)
        for field in [field for field in inner if field in quirks.drop] if isinstance(inner, dict) else []:
            inner = body[outer] = {name: value for name, value in body[outer].items() if name != field}
            warnings.append(f"{field}: not understood by this provider, left out")
        if inner == {} and outer in body and quirks.drop:
            del body[outer]


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    stop_sequences: list[str] | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    tools: list[JsonObject] | None = None
    tool_choice: JsonObject | None = None


class _Body(msgspec.Struct, rename="camel"):
    """The fields of a request that are ours too, with the types that the vendor gives them."""

    messages: list[Json] | None = None
    system: list[Json] | None = None
    inference_config: _Inference | None = None
    tool_config: _ToolConfig | None = None
    additional_model_request_fields: JsonObject | None = None
    output_config: JsonObject | None = None
    request_metadata: dict[str, str] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    name: str
    input_schema: JsonObject
    description: str | None = None
    strict: bool | None = None


class _JsonSchema(msgspec.Struct):
    schema: str
    name: str | None = None
    description: str | None = None


_BODY: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Body))


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    model, stream = decode_path(call.url)
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in parse_request(call.body).items()}
    return request_from(given, model, quirks.streaming == "always" or (stream and quirks.streaming != "never"))


def decode_path(url: str) -> tuple[str, bool]:
    """The model of a call's URL, and whether a streamed answer is wanted. Raises ``BadRequest``."""
    path = urlsplit(url).path
    found = _LOCATED.search(path)
    if found is None or found.end() != len(path):
        raise BadRequest(f"the path {path!r} names no model; /model/{{model}}/converse is expected")
    return unquote(found.group(1)), found.group(2) is not None


def request_from(given: JsonObject, model: str, stream: bool) -> Request:
    """The request that a parsed body means; fields of the vendor alone go into ``extra``."""
    body = convert(given, _Body, "the request body")
    kind = family(model)
    own = {name: value for name, value in given.items() if name not in _BODY and value is not None}
    inference = body.inference_config or _Inference()
    _keep(own, "inferenceConfig", _unread(given.get("inferenceConfig"), _Inference))
    fields, output = dict(body.additional_model_request_fields or {}), dict(body.output_config or {})
    top_k = read_top_k(fields, kind.top_k)
    reasoning = kind.decode(fields, output)
    response_format = _decode_format(output)
    _keep(own, ADDITIONAL, fields)
    _keep(own, "outputConfig", output)
    tools = _decode_tools(body.tool_config or _ToolConfig(), own, _unread(given.get("toolConfig"), _ToolConfig))
    return Request(
        model=model,
        messages=decode_messages(body.system, body.messages),
        stream=stream,
        tools=tools,
        tool_choice=_decode_choice(body.tool_config.tool_choice if body.tool_config else None),
        response_format=response_format,
        temperature=inference.temperature,
        top_p=inference.top_p,
        top_k=top_k,
        stop=tuple(inference.stop_sequences or ()),
        max_output_tokens=inference.max_tokens,
        reasoning=reasoning,
        metadata=body.request_metadata or None,
        extra=as_extra(own),
    )


def _keep(own: JsonObject, name: str, fields: JsonObject) -> None:
    if fields:
        own[name] = fields


def _unread(given: Json, kind: type[msgspec.Struct]) -> JsonObject:
    """The fields of an object that its type does not have."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    return {name: value for name, value in (given or {}).items() if name not in known and value is not None}


def _decode_format(output: JsonObject) -> JsonFormat | None:
    """The format wanted, taken out of ``outputConfig``."""
    wanted = output.pop("textFormat", None)
    if wanted is None:
        return None
    where = "outputConfig.textFormat.structure.jsonSchema"
    structure = wanted.get("structure") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    told = convert(structure.get("jsonSchema") if isinstance(structure, dict) else None, _JsonSchema, where)
    schema = try_object(told.schema.encode())
    if schema is None:
        raise BadRequest(f"{where}.schema: a text is expected that is a JSON object", param=f"{where}.schema")
    return JsonFormat(schema=schema, name=told.name, description=told.description)


def _decode_tools(config: _ToolConfig, own: JsonObject, rest: JsonObject) -> tuple[Tool, ...]:
    """Our tools; the vendor's own and whatever else the configuration holds go into ``own``."""
    given = config.tools or []
    theirs = [(i, tool) for i, tool in enumerate(given) if tool.get("toolSpec") is None]
    ours = [(i, tool["toolSpec"]) for i, tool in enumerate(given) if tool.get("toolSpec") is not None]
    told = (_decode_tool(spec, f"toolConfig.tools[{i}].toolSpec") for i, spec in ours)
    tools = tuple(tool for tool in told if tool.description != _GONE)
    if theirs:
        rest = {**rest, "tools": [tool for _, tool in theirs]}
        places = places_to_tell([i for i, _ in theirs], len(given))
        if places:
            own[TOOLS_AT] = places
    _keep(own, "toolConfig", rest)
    return tools


def _decode_tool(given: Json, where: str) -> Tool:
    spec = convert(given, _Spec, where)
    schema = spec.input_schema.get("json")
    if not isinstance(schema, dict):
        raise BadRequest(f"{where}.inputSchema.json: {type(schema).__name__} was given; an object is expected", param=where)
    kept = as_extra(_unread(given, _Spec))
    return Tool(name=spec.name, description=spec.description, parameters=schema, strict=spec.strict, extra=kept)


def _decode_choice(given: JsonObject | None) -> ToolChoice | None:
    told = {name: value for name, value in (given or {}).items() if value is not None}
    if not told:
        return None
    [kind] = told if len(told) == 1 else [""]
    name = told[kind].get("name") if kind == "tool" and isinstance(told[kind], dict) else None
    choice = NamedTool(name) if isinstance(name, str) else _CHOICES_BACK.get(kind)
    if choice is None:
        where = "toolConfig.toolChoice"
        raise BadRequest(f"{where}: one of 'auto', 'any' and a 'tool' with its name is expected", param=where)
    return choice
