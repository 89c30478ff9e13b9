"""Ollama: events to an answer's bytes, streamed or whole, in the form of the endpoint that was asked.

A call's arguments are an object here, so they are held back until they are complete. An answer whose time is unknown says the first second
of 1970, because clients in Go refuse a time that is none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, assert_never

from dragoman.core.errors import BadReply, DragomanError, Unsupported
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.exchange import Encoder
from dragoman.core.fold import Response
from dragoman.core.messages import Audio, Image, Reasoning, Refusal, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import ndjson
from dragoman.wire.media import encode_base64
from dragoman.wire.ollama.decoder import METRICS
from dragoman.wire.ollama.errors import error_record
from dragoman.wire.ollama.messages import NAME, encode_arguments
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.whole import WholeEncoder

UNKNOWN_TIME: Final = "1970-01-01T00:00:00Z"


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    form = _Form(request)
    whole = WholeEncoder(lambda response: _whole(form, response), error_record, "application/json; charset=utf-8")
    return OneChoice(SpokenSounds(StreamEncoder(form) if request.stream else whole, "Ollama"))


class _Form:
    """How the endpoint that was asked says things."""

    def __init__(self, request: Request) -> None:
        self._generate = "generate" in request.extra.get(NAME, {})
        self._model = request.model
        self._head: JsonObject = {"model": request.model, "created_at": UNKNOWN_TIME}

    def start(self, model: str | None, created_s: int | None, own: JsonObject) -> None:
        time = UNKNOWN_TIME if created_s is None else _time(created_s)
        self._head = {"model": model or self._model, "created_at": time, **own}

    def said(self, fields: JsonObject, done: bool = False) -> JsonObject:
        """An object of the answer; ``fields`` are those of a chat message."""
        if not self._generate:
            return {**self._head, "message": {"role": "assistant", "content": "", **fields}, "done": done}
        images = fields.pop("images", None)
        encoded = {**self._head, "response": fields.pop("content", ""), **fields, "done": done}
        if images:  # this endpoint has room for one
            encoded["image"] = images[0]
        return encoded

    def finished(self, fields: JsonObject, reason: FinishReason | None, usage: Usage | None, own: JsonObject) -> JsonObject:
        """The last object of an answer, or the only one."""
        encoded = self.said(fields, done=True)
        word = done_reason(reason) if reason else None
        if word:
            encoded["done_reason"] = word
        return {**encoded, **(encode_usage(usage) if usage else {}), **own}


class _Held:
    """A block that is said only when it is complete."""

    def __init__(self, started: BlockStarted) -> None:
        self.started = started
        self.text: list[str] = []
        self.data: list[bytes] = []


class StreamEncoder:
    """Events to lines."""

    content_type = ndjson.CONTENT_TYPE

    def __init__(self, form: _Form) -> None:
        self._form = form
        self._held: dict[int, _Held] = {}
        self._calls = 0

    def send(self, event: Event) -> bytes:
        """The line that ``event`` becomes, if any. Raises ``BadReply`` where the model's arguments are no object."""
        said = self._said(event)
        return b"" if said is None else ndjson.encode_line(dump(said))

    def fail(self, error: DragomanError) -> bytes:
        return ndjson.encode_line(dump(error_record(error)))

    def close(self) -> bytes:
        return b""

    def _said(self, event: Event) -> JsonObject | None:
        match event:
            case TextDelta():
                return _with_logprobs(self._form.said({"content": event.text}), event.logprobs)
            case ReasoningDelta():
                return self._form.said({"thinking": event.reasoning})
            case ToolDelta():
                self._held[event.index].text.append(event.arguments)
            case MediaDelta():
                return self._media(event)
            case Started():
                self._form.start(event.model, event.created_s, event.extra.get(NAME, {}))
            case BlockStarted():
                if event.kind in ("tool", "image"):
                    self._held[event.index] = _Held(event)
            case BlockEnded():
                return self._release(event.index)
            case Finished():
                return self._form.finished({}, event.reason, event.usage, event.extra.get(NAME, {}))
            case SourceAdded():
                pass  # this wire does not cite
            case _:
                assert_never(event)
        return None

    def _media(self, event: MediaDelta) -> JsonObject | None:
        held = self._held.get(event.index)
        if held:
            held.data.append(event.data)
            return None
        return self._form.said({"content": event.transcript}) if event.transcript else None  # of sound, what is said in it

    def _release(self, index: int) -> JsonObject | None:
        held = self._held.pop(index, None)
        if held is None:
            return None
        if held.started.kind == "image":
            return self._form.said({"images": [encode_base64(b"".join(held.data))]})
        call = _encode_call(held.started.id, held.started.name, "".join(held.text), self._calls)
        self._calls += 1
        return self._form.said({"tool_calls": [call]})


def _whole(form: _Form, response: Response) -> JsonObject:
    form.start(response.model, response.created_s, response.extra.get(NAME, {}))
    parts = response.parts
    fields: JsonObject = {
        "content": "".join(_words(part) for part in parts),
        "thinking": "".join(part.text for part in parts if isinstance(part, Reasoning)),
        "images": [encode_base64(part.data) for part in parts if isinstance(part, Image) and part.data],
        "tool_calls": [_encode_call(call.id, call.name, call.arguments, i) for i, call in enumerate(response.tool_calls)],
    }
    own = response.choices[0].extra.get(NAME, {}) if response.choices else {}
    said = {name: value for name, value in fields.items() if value}
    encoded = form.finished(said, response.finish, response.usage, own)
    return _with_logprobs(encoded, response.choices[0].logprobs if response.choices else None)


def _words(part: object) -> str:
    if isinstance(part, (Text, Refusal)):
        return part.text
    return part.transcript or "" if isinstance(part, Audio) else ""


def _encode_call(call_id: str | None, name: str | None, arguments: str, position: int) -> JsonObject:
    try:
        encoded = encode_arguments(arguments)
    except Unsupported as fault:
        raise BadReply(fault.message) from None
    function = {"index": position, "name": name or "", "arguments": encoded}
    return {"id": call_id, "function": function} if call_id else {"function": function}


def done_reason(reason: FinishReason) -> str | None:
    """Ollama's word: it says ``stop`` after tool calls too, and nothing where it does not know."""
    if reason.unified in ("other", "unknown"):
        return reason.raw
    return "stop" if reason.unified == "tool_calls" else reason.unified


def encode_usage(usage: Usage) -> JsonObject:
    """Ollama's counts; its times only where Ollama itself told them."""
    raw = usage.raw or {}
    told = {name: raw.get(name) for name in METRICS}
    told |= {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    return {name: value for name, value in told.items() if value is not None}


def _with_logprobs(encoded: JsonObject, logprobs: tuple[TokenLogprob, ...] | None) -> JsonObject:
    if logprobs:
        encoded["logprobs"] = [_encode_logprob(one) for one in logprobs]
    return encoded


def _encode_logprob(one: TokenLogprob) -> JsonObject:
    encoded: JsonObject = {"token": one.token, "logprob": one.logprob}
    if one.bytes is not None:
        encoded["bytes"] = one.bytes
    if one.top_logprobs:
        encoded["top_logprobs"] = [_encode_logprob(other) for other in one.top_logprobs]
    return encoded


def _time(seconds: int) -> Json:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return UNKNOWN_TIME
