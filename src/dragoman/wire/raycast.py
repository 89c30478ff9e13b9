"""Raycast's AI chat, in both roles. Believed to be gone; facts as the public service spoke them.

Request: messages as ``{"author", "content": {"text"}}``, always answered by an event stream whose events are ``{"text": …}``; the last one
carries ``finish_reason`` and is the answer's end marker. No form of error was ever written down, so OpenAI's forms are read and spoken.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, DragomanError, StreamCut, Unsupported
from dragoman.core.events import BlockStarted, Event, Finished, FinishReason, MediaDelta, Started, TextDelta
from dragoman.core.exchange import Call, Decoder, Encoder, decode, with_headers
from dragoman.core.messages import Message, Reasoning, Source, Text
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import Request
from dragoman.wire.blocks import Blocks
from dragoman.wire.carried import foreign_fields, uncarried
from dragoman.wire.framed import StreamDecoder
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.openai_chat.answer import FINISH
from dragoman.wire.openai_chat.encoder import finish_word
from dragoman.wire.openai_chat.errors import CODES, body_error, decode_error, encode_error, error_record, fault_error
from dragoman.wire.openai_chat.messages import decode_messages
from dragoman.wire.payload import convert, dump, parse, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.sse import CONTENT_TYPE, STRAY, EventStream, encode_event
from dragoman.wire.stray import StrayLines

__all__ = ["PATH", "ROUTES", "decode_error", "decode_request", "decoder", "encode_error", "encode_request", "encoder", "read_whole"]

PATH: Final = "/api/v1/ai/chat_completions"
ROUTES: Final = (PATH,)
_CARRIED: Final = frozenset({"model", "messages", "stream", "temperature", "extra"})


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; the constants around the messages are those the service's own program sent."""
    warnings = [*uncarried(request, _CARRIED), *foreign_fields(request, "raycast")]
    if not request.messages:
        raise BadRequest("messages: there are none; at least one message is expected", param="messages")
    body: JsonObject = {
        "debug": False,
        "locale": "en-CN",
        "messages": [_encode_message(message, i, warnings) for i, message in enumerate(request.messages)],
        "model": request.model,
        "provider": "openai",
        "source": "ai_chat",
        "system_instruction": "markdown",
        "temperature": 0.5 if request.temperature is None else request.temperature,
    }
    headers = (("accept", "application/json"), ("content-type", "application/json"))
    body = apply_quirks(body, quirks, warnings)
    return Call("POST", quirks.path or PATH, with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _encode_message(message: Message, position: int, warnings: list[str]) -> JsonObject:
    texts: list[str] = []
    for extra in (message.extra, *(part.extra for part in message.parts)):
        warnings.extend(
            f"messages[{position}]: what {name} alone has ({', '.join(extra[name])}) is left out" for name in extra if extra[name]
        )
    for part in message.parts:
        match part:
            case Text():
                texts.append(part.text)
            case Reasoning():
                warnings.append(f"messages[{position}]: the reasoning of earlier turns cannot be sent back to this provider, left out")
            case Source():
                warnings.append(f"messages[{position}]: a source that an answer cited cannot be sent back to this provider, left out")
            case _:
                odd = type(part).__name__
                raise Unsupported(f"messages[{position}].content: a {odd} part was given; Raycast takes plain text only")
    if message.name is not None:
        warnings.append(f"messages[{position}].name: not understood by this provider, left out")
    return {"author": message.role, "content": {"text": "".join(texts)}}


class _Body(msgspec.Struct):
    model: str
    messages: list[Json]
    temperature: Number | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    body = convert(parse_request(call.body), _Body, "the request body")
    messages = decode_messages([_decode_message(message, i) for i, message in enumerate(body.messages)])
    return Request(model=body.model, messages=messages, stream=True, temperature=body.temperature)


def _decode_message(given: Json, position: int) -> Json:
    """The message as OpenAI would have written it, so that one place checks both."""
    match given:
        case {"author": role, "content": {"text": str(text)}}:
            return {"role": role, "content": text}
        case _:
            raise BadRequest(f"messages[{position}]: author and content.text are expected", param=f"messages[{position}]")


class _Event(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None
    error: Json = None


_EVENT: Final = msgspec.json.Decoder(_Event)


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer."""
    return StreamDecoder(EventStream(), _Reader(quirks))


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """All events of an answer, which is always streamed."""
    return list(decode(decoder(True, quirks), (body,)))


class _Reader:
    ending = False

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._started = False
        self._blocks = Blocks()
        self._stray = StrayLines(CODES, quirks, body_error)
        self.done = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._started)
            return
        if data.strip() == b"[DONE]":
            self.end(out)
            return
        if not data.strip():
            return
        event = parse(data, _EVENT, "an event of the answer")
        if event.error:
            raise fault_error(event.error, snippet(data), self._quirks)
        if not self._started:
            self._started = True
            out.append(Started())
        if event.text:
            self._blocks.text(out, event.text)
        if event.finish_reason:
            self._blocks.end(out)
            out.append(Finished(FinishReason(FINISH.get(event.finish_reason, "other"), event.finish_reason)))
            self.done = True

    def end(self, out: list[Event]) -> None:
        if self._started:
            raise StreamCut("the stream ended without a finish reason")
        raise self._stray.no_answer()


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``, always a stream."""
    return OneChoice(SpokenSounds(_Encoder(), "Raycast"))


class _Encoder:
    """Words alone: of thinking and sources nothing is told, of a sound what is said in it."""

    content_type = CONTENT_TYPE

    def send(self, event: Event) -> bytes:
        """Raises ``Unsupported`` for a call or a picture."""
        if isinstance(event, TextDelta):
            return encode_event(dump({"text": event.text}))
        if isinstance(event, MediaDelta) and event.transcript:
            return encode_event(dump({"text": event.transcript}))
        if isinstance(event, BlockStarted) and event.kind in ("tool", "image"):
            raise Unsupported(f"the answer holds a block of kind {event.kind}, and Raycast's wire has no place for it")
        if isinstance(event, Finished):
            return encode_event(dump({"text": "", "finish_reason": finish_word(event.reason) or "stop"}))
        return b""

    def fail(self, error: DragomanError) -> bytes:
        return encode_event(dump(error_record(error)))

    def close(self) -> bytes:
        return b""
