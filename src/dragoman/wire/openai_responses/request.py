"""Responses: a request to its body and back.

Fields of this wire alone (``previous_response_id``, ``store``, ``truncation`` …) stand in ``request.extra["openai_responses"]`` and go into
the body as they are; of fields that are partly ours (``text``, ``reasoning``, ``include``) the rest stands there. ``tools`` there are those
that the vendor runs itself, which no other dialect could understand, and ``tools_at`` their places among all tools, where they are not the
last; ``tool_choice`` there is one that names such tools, or several.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, with_headers
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import JsonFormat, ReasoningOptions, Request
from dragoman.wire.carried import foreign_fields, uncarried
from dragoman.wire.openai_responses.content import NAME, as_extra, beside, own_fields
from dragoman.wire.openai_responses.messages import decode_messages, encode_messages
from dragoman.wire.openai_responses.tools import AGAIN, decode_choice, decode_tools, encode_choice, encode_tools
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/responses"
ROUTES: Final = (PATH,)

SCALARS: Final = (
    *("temperature", "top_p", "top_logprobs", "presence_penalty", "frequency_penalty"),
    *("max_output_tokens", "parallel_tool_calls", "metadata", "user"),
)
"""Fields that have the same name and form in our request and in the body. The penalties are Open Responses' alone: a host that refuses
them, as OpenAI itself does, has them among its quirks' ``drop``."""

LOGPROBS: Final = "message.output_text.logprobs"
"""In ``include``: what asks for log probabilities here."""

_CARRIED: Final = frozenset(
    {
        *SCALARS,
        *("model", "messages", "stream", "tools", "tool_choice", "response_format", "reasoning", "logprobs", "extra"),
    }
)
_WITHOUT_INPUT: Final = ("previous_response_id", "conversation", "prompt")
"""With one of these there may be no input."""


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = _uncarried(request)
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    instructions, items = encode_messages(request, quirks, warnings)
    body: JsonObject = {"model": request.model}
    if instructions is not None:
        body["instructions"] = instructions
    if items:
        body["input"] = items
    body |= encode_options(request, warnings)
    if stream:
        body["stream"] = True
    body = apply_quirks(body, quirks, warnings)
    headers = (("content-type", "application/json"), ("accept", "text/event-stream" if stream else "application/json"))
    return Call("POST", quirks.path or PATH, with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _uncarried(request: Request) -> list[str]:
    return [*uncarried(request, _CARRIED), *foreign_fields(request, NAME)]


def encode_options(request: Request, warnings: list[str]) -> JsonObject:
    """Everything but model, input and stream."""
    extra = {name: value for name, value in own_fields(request.extra).items() if name != "stream"}
    body: JsonObject = {}
    for name in SCALARS:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    extra.pop(AGAIN, None)  # those stand in the input
    tools = encode_tools(request.tools, extra.pop("tools", None), extra.pop("tools_at", None))
    if tools:
        body["tools"] = tools
    if request.tool_choice is not None:
        body["tool_choice"] = encode_choice(request.tool_choice, request.tools)
    if request.logprobs:
        asked = extra.pop("include", None)
        body["include"] = [*(asked if isinstance(asked, list) else ()), LOGPROBS]
    _encode_nested("text", _encode_format(request.response_format), body, extra)
    _encode_nested("reasoning", _encode_reasoning(request.reasoning, warnings), body, extra)
    body.update(extra)
    return body


def _encode_nested(name: str, ours: JsonObject, body: JsonObject, extra: JsonObject) -> None:
    """A field that holds some of ours and some of the wire's own."""
    theirs = extra.pop(name, None)
    if ours or theirs:
        body[name] = {**ours, **theirs} if isinstance(theirs, dict) else ours


def _encode_format(wanted: JsonFormat | None) -> JsonObject:
    if wanted is None:
        return {}
    if wanted.schema is None:
        return {"format": {"type": "json_object"}}
    schema: JsonObject = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"format": schema}


def _encode_reasoning(wanted: ReasoningOptions | None, warnings: list[str]) -> JsonObject:
    if wanted is None:
        return {}
    warnings.extend(
        f"reasoning.{name}: this wire takes an effort and a summary, left out"
        for name in ("budget_tokens", "enabled")
        if getattr(wanted, name) is not None
    )
    told = {"effort": wanted.effort, "summary": wanted.summary}
    return {name: value for name, value in told.items() if value is not None}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Schema(msgspec.Struct):
    name: str | None = None
    schema: JsonObject | None = None
    description: str | None = None
    strict: bool | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(msgspec.Struct):
    """The fields of a request that are ours too, with the types that OpenAI's description gives them."""

    model: str
    input: Json = None
    instructions: str | None = None
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_logprobs: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    tools: list[JsonObject] | None = None
    tool_choice: str | JsonObject | None = None
    text: JsonObject | None = None
    reasoning: JsonObject | None = None
    include: list[str] | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    names = {name: field for field, name in quirks.rename.items()}
    given = {names.get(name, name): value for name, value in given.items()}
    body = convert(given, _Body, "the request body")
    extra = beside(given, frozenset(_Body.__struct_fields__))
    messages = decode_messages(body.instructions, body.input)
    if not messages and not any(extra.get(name) for name in _WITHOUT_INPUT):
        raise BadRequest("input: it is missing or empty; a string or at least one item is expected", param="input")
    tools = decode_tools(body.tools or [], body.input, extra)
    return Request(
        model=body.model,
        messages=messages,
        stream=quirks.streaming == "always" or (bool(body.stream) and quirks.streaming != "never"),
        tools=tools,
        tool_choice=decode_choice(body.tool_choice, extra),
        response_format=_decode_format(body.text or {}, extra),
        reasoning=_decode_reasoning(body.reasoning or {}, extra),
        logprobs=_decode_include(body.include, extra),
        extra=as_extra(extra),
        **{name: getattr(body, name) for name in SCALARS},
    )


def _decode_format(given: JsonObject, extra: JsonObject) -> JsonFormat | None:
    rest = beside(given, frozenset({"format"}))
    if rest:
        extra["text"] = rest
    match given.get("format"):
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return JsonFormat()
        case {"type": "json_schema", **told}:
            schema = convert(told, _Schema, "text.format")
            return JsonFormat(schema=schema.schema or {}, name=schema.name, description=schema.description, strict=schema.strict)
        case other:
            raise BadRequest(
                f"text.format: {other!r} was given; a type of 'text', 'json_object' or 'json_schema' is allowed", param="text.format"
            )


def _decode_reasoning(given: JsonObject, extra: JsonObject) -> ReasoningOptions | None:
    told = convert(given, _Reasoning, "reasoning")
    rest = beside(given, frozenset(_Reasoning.__struct_fields__))
    if rest:
        extra["reasoning"] = rest
    return ReasoningOptions(effort=told.effort, summary=told.summary) if told != _Reasoning() else None


def _decode_include(given: list[str] | None, extra: JsonObject) -> bool | None:
    rest = [name for name in given or () if name != LOGPROBS]
    if rest:
        extra["include"] = rest
    return True if given and LOGPROBS in given else None
