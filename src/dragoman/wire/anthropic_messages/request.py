"""Anthropic messages: a request to its call and back.

Fields of this vendor alone stand in ``request.extra["anthropic_messages"]`` and go into the body as they are. Some of them are no fields of
the body (``HEAD_FIELDS``): ``betas`` is the list of flags of the ``anthropic-beta`` header, ``version`` the ``anthropic-version`` where it
is not the customary one, ``beta`` the ``?beta=true`` that the vendor's own clients put behind the path. ``tools`` are the tools that the
vendor runs itself or has trained its models on, which no other dialect could understand; ``tools_at`` are their places among all tools,
where they are not the last.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, Headers, header, with_headers
from dragoman.core.opaque import Extra, Json, JsonObject, Number
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool, ToolChoice
from dragoman.wire.anthropic_messages.content import NAME, THINKING, as_extra, own_fields
from dragoman.wire.anthropic_messages.errors import THREAD_UNSUPPORTED
from dragoman.wire.anthropic_messages.messages import decode_messages, encode_messages
from dragoman.wire.carried import foreign_fields, left_out, uncarried
from dragoman.wire.lost_thoughts import without_lost_budget
from dragoman.wire.own_tools import join_tools, places_to_tell
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/v1/messages"
ROUTES: Final = (PATH,)
VERSION: Final = "2023-06-01"
"""Of the ``anthropic-version`` header, which the vendor requires: the one that all models and hosts take. The vendor's SDKs since October
2026 send ``2026-10-21``, whose messages differ only in what a request may hold."""

DEFAULT_MAX_TOKENS: Final = 16384
"""Sent where the caller gave no limit, because the wire requires one: within every model that the vendor lists, and within what its own SDK
lets one ask for without streaming. A thinking budget is added to it, because the vendor counts thinking against the limit."""

UNSAMPLED: Final = "2026-10-21"
"""From this version of the wire on the vendor refuses ``SCALARS``, as it does of its models since Opus 4.7 in any version."""

HEAD_FIELDS: Final = ("betas", "version", "beta", "tools_at")

SCALARS: Final = ("temperature", "top_p", "top_k")
"""Fields that have the same name and form in our request and in the body."""

_CARRIED: Final = frozenset(
    {
        *SCALARS,
        *("model", "messages", "stream", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
        *("stop", "max_output_tokens", "reasoning", "user", "extra"),
    }
)

_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}
_CHOICES_BACK: Final[dict[str, ToolChoice]] = {"auto": "auto", "any": "required", "none": "none"}
_EFFORTS: Final = {"minimal": "low"}
"""Other vendors' words for an effort, and the nearest that this one has."""

# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [*uncarried(request, _CARRIED), *foreign_fields(request, NAME)]
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body = encode_body(request, quirks, warnings)
    if stream:
        body["stream"] = True
    body = apply_quirks(body, quirks, warnings)
    accept = "text/event-stream" if stream else "application/json"
    return Call("POST", encode_path(request, PATH, quirks), encode_head(request.extra, accept, quirks), dump(body), tuple(warnings))


def encode_path(request: Request, path: str, quirks: Quirks) -> str:
    if quirks.path:
        return quirks.path
    return f"{path}?beta=true" if own_fields(request.extra).get("beta") else path


def encode_head(extra: Extra, accept: str, quirks: Quirks) -> Headers:
    own = own_fields(extra)
    headers = [("content-type", "application/json"), ("accept", accept), ("anthropic-version", str(own.get("version") or VERSION))]
    betas = own.get("betas")
    if betas:
        if not isinstance(betas, list) or not all(isinstance(flag, str) for flag in betas):
            raise BadRequest(f"extra.{NAME}.betas: {betas!r} was given; a list of flags is expected", param="betas")
        headers.append(("anthropic-beta", ",".join(betas)))
    return with_headers(tuple(headers), quirks.headers)


def encode_body(request: Request, quirks: Quirks, warnings: list[str]) -> JsonObject:
    """The body, but for ``stream``."""
    extra = {name: value for name, value in own_fields(request.extra).items() if name != "stream"}
    places = extra.get("tools_at")
    for name in HEAD_FIELDS:
        extra.pop(name, None)
    request = without_lost_budget(request, warnings, unsigned=quirks.reasoning_field == THINKING)
    system, messages = encode_messages(request.messages, quirks, warnings)
    body: JsonObject = {"model": request.model, "messages": messages}
    if system is not None:
        body["system"] = system
    body |= _encode_sampling(request, warnings)
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    tools = join_tools([_encode_tool(tool) for tool in request.tools], extra.pop("tools", None), places)
    if tools:
        body["tools"] = tools
    _encode_choice(request, body)
    _encode_nested(request, body, extra, warnings)
    body.update(extra)
    _encode_limit(request, body, quirks)
    return body


def _encode_sampling(request: Request, warnings: list[str]) -> JsonObject:
    given = {name: getattr(request, name) for name in SCALARS if getattr(request, name) is not None}
    version = own_fields(request.extra).get("version")
    if isinstance(version, str) and version >= UNSAMPLED:  # both are dates
        warnings.extend(f"{name}: not a part of version {version} of this wire, left out" for name in given)
        return {}
    return given


def _encode_limit(request: Request, body: JsonObject, quirks: Quirks) -> None:
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    elif "max_tokens" not in quirks.defaults:
        budget = request.reasoning.budget_tokens if request.reasoning else None
        body.setdefault("max_tokens", DEFAULT_MAX_TOKENS + (budget or 0))


def _encode_nested(request: Request, body: JsonObject, extra: JsonObject, warnings: list[str]) -> None:
    """Fields that hold some of ours and some of the vendor's own."""
    output = _encode_format(request.response_format, warnings)
    thinking: JsonObject = {}
    if request.reasoning:
        thinking = _encode_thinking(request.reasoning, warnings)
        output |= _encode_effort(request.reasoning, warnings)
    user = {} if request.user is None else {"user_id": request.user}
    for name, ours in (("thinking", thinking), ("output_config", output), ("metadata", user)):
        theirs = extra.pop(name, None)
        if ours or theirs:
            body[name] = {**ours, **theirs} if isinstance(theirs, dict) else ours


def _encode_tool(tool: Tool) -> JsonObject:
    own = own_fields(tool.extra)
    if own.get("type", "custom") != "custom":
        return {"name": tool.name, **own}
    encoded: JsonObject = {"name": tool.name, "input_schema": tool.parameters or {"type": "object", "properties": {}}}
    if tool.description is not None:
        encoded["description"] = tool.description
    if tool.strict is not None:
        encoded["strict"] = tool.strict
    return {**encoded, **own}


def _encode_choice(request: Request, body: JsonObject) -> None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if isinstance(choice, NamedTool):
        encoded: JsonObject = {"type": "tool", "name": choice.name}
    elif choice is not None:
        encoded = {"type": _CHOICES[choice]}
    elif parallel is False and "tools" in body:
        encoded = {"type": "auto"}  # the flag has no place but on a choice
    else:
        return
    if parallel is not None and choice != "none":
        encoded["disable_parallel_tool_use"] = not parallel
    body["tool_choice"] = encoded


def _encode_format(wanted: JsonFormat | None, warnings: list[str]) -> JsonObject:
    if wanted is None:
        return {}
    if wanted.schema is None:
        warnings.append("response_format: this wire takes JSON by a schema only, left out")
        return {}
    warnings.extend(left_out(wanted, "response_format", "name", "description"))
    if wanted.strict is False:
        warnings.append("response_format.strict: this provider always keeps to the schema")
    return {"format": {"type": "json_schema", "schema": wanted.schema}}


def _encode_thinking(wanted: ReasoningOptions, warnings: list[str]) -> JsonObject:
    """``budget_tokens`` is the older form; without one the model decides itself (``adaptive``)."""
    if wanted.enabled is False or (wanted.enabled is None and wanted.effort == "none"):
        given = (name for name in ("budget_tokens", "summary") if getattr(wanted, name) is not None)
        warnings.extend(f"reasoning.{name}: thinking is switched off, left out" for name in given)
        return {"type": "disabled"}
    if wanted.budget_tokens is not None:
        thinking: JsonObject = {"type": "enabled", "budget_tokens": wanted.budget_tokens}
    elif wanted.enabled:
        thinking = {"type": "adaptive"}
    else:
        if wanted.summary is not None:
            warnings.append("reasoning.summary: this wire has a place for it only with thinking switched on, left out")
        return {}
    if wanted.summary is not None:
        thinking["display"] = "summarized"
    return thinking


def _encode_effort(wanted: ReasoningOptions, warnings: list[str]) -> JsonObject:
    effort = wanted.effort
    if effort is None or effort == "none":
        return {}
    if effort in _EFFORTS:
        warnings.append(f"reasoning.effort: {effort!r} is not understood by this provider, sent as {_EFFORTS[effort]!r}")
    return {"effort": _EFFORTS.get(effort, effort)}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Tool(msgspec.Struct):
    name: str
    input_schema: JsonObject
    description: str | None = None
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Body(msgspec.Struct):
    """The fields of a request that are ours too, with the types that the vendor gives them."""

    model: str
    messages: list[Json]
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    system: str | list[Json] | None = None
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: JsonObject | None = None
    tools: list[JsonObject] | None = None
    tool_choice: _Choice | None = None
    thinking: JsonObject | None = None
    output_config: JsonObject | None = None
    output_format: JsonObject | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field.

    A conversation that the vendor's own server would keep (``thread``) is refused by the code on which its SDKs' loops of tools send the
    whole of it instead; a turn alone would reach the model without what went before.
    """
    given = parse_request(call.body)
    if given.get("thread") is not None:
        raise BadRequest("thread: no conversation is kept here; send the whole of it as messages", param="thread", code=THREAD_UNSUPPORTED)
    request = request_from(given, call, quirks)
    if request.max_output_tokens is None:
        raise BadRequest("max_tokens: it is missing; a number of tokens is expected", param="max_tokens")
    return request


def request_from(given: JsonObject, call: Call, quirks: Quirks) -> Request:
    """The request that a parsed body and its call's head mean; fields of the vendor alone go into ``extra``."""
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in given.items()}
    body = convert(given, _Body, "the request body")
    extra = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    choice, parallel = _decode_choice(body.tool_choice)
    return Request(
        model=body.model,
        messages=decode_messages(body.system, body.messages),
        stream=quirks.streaming == "always" or (bool(body.stream) and quirks.streaming != "never"),
        max_output_tokens=body.max_tokens,
        stop=tuple(body.stop_sequences or ()),
        tools=_decode_tools(body.tools or [], extra),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=_decode_format(body, extra),
        reasoning=_decode_reasoning(body, extra),
        user=_decode_user(body.metadata, extra),
        extra=as_extra(extra | decode_head(call)),
        **{name: getattr(body, name) for name in SCALARS},
    )


def decode_head(call: Call) -> JsonObject:
    head: JsonObject = {}
    betas = [flag.strip() for name, value in call.headers if name == "anthropic-beta" for flag in value.split(",")]
    if any(betas):
        head["betas"] = [flag for flag in betas if flag]
    version = header(call.headers, "anthropic-version")
    if version is not None and version != VERSION:
        head["version"] = version
    if "?" in call.url and parse_qs(urlsplit(call.url).query).get("beta") == ["true"]:
        head["beta"] = True
    return head


def _decode_tools(given: list[JsonObject], extra: JsonObject) -> tuple[Tool, ...]:
    own = [(i, tool) for i, tool in enumerate(given) if tool.get("type") not in (None, "custom")]
    tools = tuple(_decode_tool(tool, f"tools[{i}]") for i, tool in enumerate(given) if tool.get("type") in (None, "custom"))
    if own:
        extra["tools"] = [tool for _, tool in own]
        places = places_to_tell([i for i, _ in own], len(given))
        if places:
            extra["tools_at"] = places
    return tools


def _decode_tool(given: JsonObject, where: str) -> Tool:
    tool = convert(given, _Tool, where)
    rest = {name: value for name, value in given.items() if name not in _Tool.__struct_fields__ and value is not None}
    return Tool(name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict, extra=as_extra(rest))


def _decode_choice(given: _Choice | None) -> tuple[ToolChoice | None, bool | None]:
    if given is None:
        return None, None
    choice = NamedTool(given.name) if given.type == "tool" and given.name is not None else _CHOICES_BACK.get(given.type)
    if choice is None:
        raise BadRequest(f"tool_choice: {given.type!r} was given; 'auto', 'any', 'none' or a named 'tool' is allowed", param="tool_choice")
    return choice, None if given.disable_parallel_tool_use is None else not given.disable_parallel_tool_use


def _decode_format(body: _Body, extra: JsonObject) -> JsonFormat | None:
    """``output_config.format``, or ``output_format`` as it was called before; what else ``output_config`` has stays the vendor's own."""
    output = dict(body.output_config or {})
    output.pop("effort", None)
    wanted = output.get("format") or body.output_format
    found = None
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema" and isinstance(wanted.get("schema"), dict):
        found = JsonFormat(schema=wanted["schema"])
        output.pop("format", None)
    elif wanted is not None:
        raise BadRequest("output_config.format: a format of type 'json_schema' with a schema is expected", param="output_config.format")
    output = {name: value for name, value in output.items() if value is not None}
    if output:
        extra["output_config"] = output
    return found


def _decode_reasoning(body: _Body, extra: JsonObject) -> ReasoningOptions | None:
    effort = (body.output_config or {}).get("effort")
    if effort is not None and not isinstance(effort, str):
        raise BadRequest(f"output_config.effort: {effort!r} was given; a word is expected", param="output_config.effort")
    thinking = dict(body.thinking or {})
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if kind == "enabled" and not isinstance(budget, int):
        raise BadRequest("thinking.budget_tokens: a number of tokens is expected", param="thinking.budget_tokens")
    if kind not in ("enabled", "adaptive", "disabled"):
        if thinking:
            extra["thinking"] = thinking
        return None if effort is None else ReasoningOptions(effort=effort)
    shown = thinking.pop("display", None)
    if shown is not None and shown != "summarized":
        extra["thinking"] = {"display": shown}
    return ReasoningOptions(
        effort=effort,
        budget_tokens=budget if kind == "enabled" else None,
        enabled=kind != "disabled",
        summary="auto" if shown == "summarized" else None,
    )


def _decode_user(metadata: JsonObject | None, extra: JsonObject) -> str | None:
    rest = {name: value for name, value in (metadata or {}).items() if value is not None}
    user = rest.pop("user_id", None)
    if user is not None and not isinstance(user, str):
        raise BadRequest(f"metadata.user_id: {type(user).__name__} was given; a string is expected", param="metadata.user_id")
    if rest:
        extra["metadata"] = rest
    return user
