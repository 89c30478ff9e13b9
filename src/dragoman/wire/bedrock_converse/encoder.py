"""Bedrock Converse: events to an answer's bytes, streamed or whole.

A stream has one block open at a time, numbered as they stand in the message: what belongs to a second open block waits until the first has
ended. Only calls, pictures and blocks of the vendor's own are announced; text and reasoning begin with their first delta, so a text without
a word is not written. A refusal is written as text. Of a sound a stream tells what is said in it, a whole answer the sound and, behind it,
what is said. ``latencyMs``, which the vendor's clients require, is 0 where the vendor did not say it.
"""

from __future__ import annotations

from typing import Final, assert_never

from dragoman.core.errors import BadRequest, DragomanError, Unsupported
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
    ToolDelta,
)
from dragoman.core.exchange import Encoder
from dragoman.core.fold import Response
from dragoman.core.messages import AnyPart, Audio, Image, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.wire.bedrock_converse.content import CITATION, cite, encode_arguments, encode_reasoning, own_fields
from dragoman.wire.bedrock_converse.decoder import FINISH
from dragoman.wire.bedrock_converse.errors import error_record, stream_error
from dragoman.wire.bedrock_converse.forms import IMAGES, SOUNDS, form_of
from dragoman.wire.bedrock_converse.redacted import encode_redacted
from dragoman.wire.bedrock_converse.usage import encode_usage
from dragoman.wire.eventstream import CONTENT_TYPE, encode_event
from dragoman.wire.media import encode_base64, sniff_image
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.serial import OneBlockAtATime
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.whole import WholeEncoder

_WORDS: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_IN_STOP: Final = "additionalModelResponseFields"
"""The vendor's own field that stands in ``messageStop``; the rest stands in ``metadata``."""
_PICTURE_BYTES: Final = 3 * 1024 * 1024
"""Of a picture in one event, whose size is bounded."""


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    if request.stream:
        return OneChoice(SpokenSounds(StreamEncoder(), "Bedrock Converse"))
    return OneChoice(WholeEncoder(encode_answer, error_record))


def finish_word(reason: FinishReason | None) -> str:
    """The vendor's word, its own where it said one. Its clients require one: where nothing was said, the turn has ended."""
    if reason is None:
        return _WORDS["stop"]
    if reason.raw is not None and FINISH.get(reason.raw, "other") == reason.unified:
        return reason.raw
    return _WORDS.get(reason.unified) or reason.raw or _WORDS["stop"]


def encode_citation(source: Source) -> JsonObject:
    """A citation: the vendor's own record, or what another vendor's source says in its form."""
    own = own_fields(source.extra).get(CITATION)
    if isinstance(own, dict):
        return own
    citation: JsonObject = {"sourceContent": [{"text": source.quote}]} if source.quote is not None else {}
    if source.title is not None:
        citation["title"] = source.title
    if source.url is not None:
        citation |= {"source": source.url, "location": {"web": {"url": source.url}}}
    return citation


def _no_place(kind: str) -> Unsupported:
    return Unsupported(f"the answer holds {kind}, and the Bedrock Converse wire has no place for it")


def _end_fields(own: JsonObject, usage: JsonObject) -> JsonObject:
    """What is told of the whole answer: all that the vendor's clients require, and its own fields."""
    beside = own.get("usage")
    own = {name: value for name, value in own.items() if name != "usage"}
    return {"metrics": {"latencyMs": 0}, **own, "usage": {**usage, **(beside if isinstance(beside, dict) else {})}}


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


def _event(name: str, record: JsonObject) -> bytes:
    payload = dump(record)
    try:
        return encode_event(name, payload)
    except BadRequest as fault:
        raise Unsupported(f"the answer holds more than one event can: {fault.message}") from None


class StreamEncoder:
    """Events to an event stream."""

    content_type = CONTENT_TYPE

    def __init__(self) -> None:
        self._order = OneBlockAtATime(cites_inside=True)
        self._start: BlockStarted | None = None
        self._is_written = False
        """Something of the open block has been written, or must be."""
        self._count = 0

    def send(self, event: Event) -> bytes:
        """Raises ``Unsupported`` for what this wire cannot say."""
        return b"".join(map(self._write, self._order.take(event)))

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def close(self) -> bytes:
        return b""

    def _write(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return self._delta({"text": event.text}) if event.text else b""
            case ReasoningDelta():
                return self._delta({"reasoningContent": {"text": event.reasoning}}) if event.reasoning else b""
            case ToolDelta():
                return self._delta({"toolUse": {"input": event.arguments}}) if event.arguments else b""
            case MediaDelta():
                return self._write_media(event)
            case SourceAdded():
                return self._delta({"citation": encode_citation(event.source)})
            case BlockStarted():
                return self._begin_block(event)
            case BlockEnded():
                return self._end_block(event)
            case Started():
                return _event("messageStart", {"role": "assistant"})
            case Finished():
                return self._finish(event)
            case _:
                assert_never(event)

    def _delta(self, delta: JsonObject) -> bytes:
        self._is_written = True
        return _event("contentBlockDelta", {"contentBlockIndex": self._count, "delta": delta})

    def _announce(self, start: JsonObject) -> bytes:
        return _event("contentBlockStart", {"contentBlockIndex": self._count, "start": start})

    def _begin_block(self, event: BlockStarted) -> bytes:
        self._start, self._is_written = event, False
        if event.kind == "tool":
            return self._announce({"toolUse": {"toolUseId": event.id or "", "name": event.name or "", **own_fields(event.extra)}})
        if event.redacted_data is not None:
            return self._delta({"reasoningContent": {"redactedContent": encode_redacted(event.redacted_data)}})
        return b""  # a picture's first bytes may tell its form, and an opaque block's end more of it

    def _write_media(self, event: MediaDelta) -> bytes:
        start = self._start
        if start is None or start.kind == "audio":
            return self._delta({"text": event.transcript}) if event.transcript else b""
        announced = b""
        if not self._is_written:
            announced = self._announce({"image": {"format": _image_form(start.media_type, event.data), **own_fields(start.extra)}})
        starts = range(0, len(event.data) or 1, _PICTURE_BYTES)
        pieces = [encode_base64(event.data[start : start + _PICTURE_BYTES]) for start in starts]
        return announced + b"".join([self._delta({"image": {"source": {"bytes": piece}}}) for piece in pieces])

    def _end_block(self, event: BlockEnded) -> bytes:
        start, data = self._start, b""
        self._start = None
        if start is not None:
            data = self._last_of(start, event)
        if not self._is_written:
            return data
        data += _event("contentBlockStop", {"contentBlockIndex": self._count})
        self._count += 1
        return data

    def _last_of(self, start: BlockStarted, event: BlockEnded) -> bytes:
        """What is known of a block at its end only."""
        match start.kind:
            case "opaque":
                return self._write_opaque(own_fields(event.extra) or own_fields(start.extra))
            case "tool" if not self._is_written:
                return self._delta({"toolUse": {"input": "{}"}})
            case _ if event.signature and start.redacted_data is None:
                return self._delta({"reasoningContent": {"signature": event.signature}})
            case _:
                return b""

    def _write_opaque(self, block: JsonObject) -> bytes:
        """As the vendor does: what a block is comes first, then its ``input`` as text, or its ``content``. Another vendor's is left out."""
        kind, value = next(iter(block.items()), ("", None))
        if not kind:
            return b""
        self._is_written = True
        if kind == "toolUse" and isinstance(value, dict):
            start = {name: inner for name, inner in value.items() if name != "input"}
            return self._announce({kind: start}) + self._delta({kind: {"input": _text_of(value.get("input"))}})
        if kind == "toolResult" and isinstance(value, dict):
            start = {name: inner for name, inner in value.items() if name != "content"}
            return self._announce({kind: start}) + self._delta({kind: value.get("content") or []})
        return self._announce(block)

    def _finish(self, event: Finished) -> bytes:
        own = own_fields(event.extra)
        stop = {name: own[name] for name in (_IN_STOP,) if name in own}
        told = _end_fields({name: value for name, value in own.items() if name != _IN_STOP}, encode_usage(event.usage))
        return _event("messageStop", {"stopReason": finish_word(event.reason), **stop}) + _event("metadata", told)


def _image_form(media_type: str | None, data: bytes) -> str:
    return form_of(media_type or sniff_image(data) or "image/png", IMAGES) or "png"


def _text_of(value: Json) -> str:
    return value if isinstance(value, str) else dump({} if value is None else value).decode()


# --- whole ------------------------------------------------------------------------------------------------------------------------------


def encode_answer(response: Response) -> JsonObject:
    """The first answer of a response as the vendor's object."""
    choice = response.choices[0] if response.choices else None
    blocks: list[JsonObject] = []
    for part in response.parts:
        if isinstance(part, Source):
            cite(blocks, encode_citation(part))
        elif not (isinstance(part, (Text, Refusal)) and not part.text):
            blocks.extend(_encode_part(part))
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": finish_word(choice.finish if choice else None),
        **_end_fields(own_fields(choice.extra if choice else {}), encode_usage(response.usage)),
    }


def _spoken(part: Audio) -> list[JsonObject]:
    """What is said in a sound, which has no place inside it."""
    return [{"text": part.transcript}] if part.transcript else []


def _encode_part(part: AnyPart) -> list[JsonObject]:
    match part:
        case Text() | Refusal():
            return [{"text": part.text}]
        case Reasoning():
            return [encode_reasoning(part)]
        case ToolCall():
            call = {"toolUseId": part.id, "name": part.name, "input": encode_arguments(part.arguments)}
            return [{"toolUse": {**call, **own_fields(part.extra)}}]
        case Image():
            form = _image_form(part.media_type, part.data or b"")
            return [{"image": {"format": form, "source": {"bytes": encode_base64(part.data or b"")}, **own_fields(part.extra)}}]
        case Audio() if part.data or part.transcript is None:
            form = form_of(part.media_type or "audio/wav", SOUNDS) or "wav"
            sound = {"audio": {"format": form, "source": {"bytes": encode_base64(part.data or b"")}, **own_fields(part.extra)}}
            return [sound, *_spoken(part)]
        case Audio():
            return _spoken(part)
        case Opaque():
            block = own_fields(part.extra)
            return [block] if block else []  # another vendor's is left out
        case _:
            raise _no_place(f"a part of kind {type(part).__name__}")
