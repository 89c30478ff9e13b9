"""Anthropic messages: events to an answer's bytes, streamed or whole.

The wire has one block open at a time, numbered as they stand in the message: what belongs to a second open block waits until the first has
ended. A message holds text, thinking and tool calls. A refusal is written as text, of a sound its transcript; a picture raises
``Unsupported``.
"""

from __future__ import annotations

from typing import Final, assert_never

from dragoman.core.errors import DragomanError, Unsupported
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
from dragoman.core.messages import AnyPart, Audio, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.wire.anthropic_messages.content import encode_arguments, own_fields
from dragoman.wire.anthropic_messages.decoder import FINISH
from dragoman.wire.anthropic_messages.errors import error_record
from dragoman.wire.anthropic_messages.usage import encode_usage
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.serial import OneBlockAtATime
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.sse import CONTENT_TYPE, encode_event
from dragoman.wire.whole import WholeEncoder

_WORDS: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_IN_DELTA: Final = frozenset({"stop_sequence", "stop_details", "container"})
"""What stands in the ``delta`` of a ``message_delta``; the rest stands beside it."""
_TEXT_DELTA: Final = encode_event(
    b'{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}', "content_block_delta"
)
"""Nearly every event of a stream."""


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    whole = WholeEncoder(lambda response: encode_message(response, request.model), error_record)
    return OneChoice(SpokenSounds(StreamEncoder(request) if request.stream else whole, "Anthropic messages"))


def finish_word(reason: FinishReason) -> str | None:
    """The vendor's word: its own where it said one, and nothing where nothing was said."""
    if reason.raw is not None and FINISH.get(reason.raw, "other") == reason.unified:
        return reason.raw
    return _WORDS.get(reason.unified, reason.raw)


def encode_citation(source: Source) -> JsonObject:
    """A citation: the vendor's own record, or the form for a page or a document that another vendor's source comes nearest to.

    The vendor's clients require an ``encrypted_index`` and places in the document; they are empty, because no other vendor has them.
    """
    own = own_fields(source.extra)
    if own:
        return own
    cited: JsonObject = {"cited_text": source.quote or ""}
    if source.url is not None:
        return {"type": "web_search_result_location", **cited, "url": source.url, "title": source.title, "encrypted_index": ""}
    place = {"document_index": 0, "document_title": source.title, "start_char_index": 0, "end_char_index": 0}
    return {"type": "char_location", **cited, **place}


def _no_place(kind: str) -> Unsupported:
    return Unsupported(f"the answer holds {kind}, and the Anthropic messages wire has no place for it")


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


def _named(record: JsonObject) -> bytes:
    return encode_event(dump(record), record["type"])


class StreamEncoder:
    """Events to an event stream."""

    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        self._model = request.model
        self._order = OneBlockAtATime(cites_inside=True)
        self._start: BlockStarted | None = None
        self._count = 0

    def send(self, event: Event) -> bytes:
        """Raises ``Unsupported`` for what this wire cannot say."""
        return b"".join(map(self._write, self._order.take(event)))

    def fail(self, error: DragomanError) -> bytes:
        return _named(error_record(error))

    def close(self) -> bytes:
        return b""

    def _write(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return _TEXT_DELTA % (self._count, dump(event.text))
            case ReasoningDelta():
                return self._delta({"type": "thinking_delta", "thinking": event.reasoning})
            case ToolDelta():
                return self._delta({"type": "input_json_delta", "partial_json": event.arguments})
            case MediaDelta():
                return self._delta({"type": "text_delta", "text": event.transcript}) if event.transcript else b""
            case SourceAdded():
                return self._delta({"type": "citations_delta", "citation": encode_citation(event.source)})
            case BlockStarted():
                return self._open(event)
            case BlockEnded():
                return self._end(event)
            case Started():
                return self._begin(event)
            case Finished():
                return self._finish(event)
            case _:
                assert_never(event)

    def _begin(self, event: Started) -> bytes:
        extra = own_fields(event.extra)
        message = {**_message(event.id, event.model or self._model, []), "usage": encode_usage(None), **extra}
        return _named({"type": "message_start", "message": message})

    def _delta(self, delta: JsonObject) -> bytes:
        return _named({"type": "content_block_delta", "index": self._count, "delta": delta})

    def _open(self, event: BlockStarted) -> bytes:
        if event.kind == "image":
            raise _no_place("a picture")
        self._start = event
        if event.kind == "opaque":
            return b""  # its end may say more
        return self._block_start({**_empty_block(event), **own_fields(event.extra)})

    def _block_start(self, block: JsonObject) -> bytes:
        return _named({"type": "content_block_start", "index": self._count, "content_block": block})

    def _end(self, event: BlockEnded) -> bytes:
        start = self._start
        data = b""
        if start is not None and start.kind == "opaque":
            block = own_fields(event.extra) or own_fields(start.extra)
            if not block:  # another vendor's block, which this wire cannot say
                self._start = None
                return b""
            data = self._write_opaque(block)
        elif event.signature and start is not None and start.redacted_data is None:
            data = self._delta({"type": "signature_delta", "signature": event.signature})
        data += _named({"type": "content_block_stop", "index": self._count})
        self._count += 1
        self._start = None
        return data

    def _write_opaque(self, block: JsonObject) -> bytes:
        """As the vendor does: an ``input`` comes behind an empty one, in pieces (here in one), a compaction's content likewise."""
        if block.get("type") == "compaction":
            grown = {name: block[name] for name in ("content", "encrypted_content") if block.get(name) is not None}
            start = {name: None if name in grown else value for name, value in block.items()}
            return self._block_start(start) + (self._delta({"type": "compaction_delta", **grown}) if grown else b"")
        arguments = block.get("input")
        if not arguments or not isinstance(arguments, dict):
            return self._block_start(block)
        delta = {"type": "input_json_delta", "partial_json": dump(arguments).decode()}
        return self._block_start({**block, "input": {}}) + self._delta(delta)

    def _finish(self, event: Finished) -> bytes:
        own = dict(own_fields(event.extra))
        usage = {**encode_usage(event.usage), **_object(own.pop("usage", None))}
        if event.usage is None or event.usage.input_tokens is None:
            usage.pop("input_tokens", None)  # which this event, unlike a whole answer, may leave out
        delta = {"stop_reason": finish_word(event.reason), "stop_sequence": None}
        delta |= {name: own.pop(name) for name in _IN_DELTA & own.keys()}
        return _named({"type": "message_delta", "delta": delta, "usage": usage, **own}) + _named({"type": "message_stop"})


def _empty_block(event: BlockStarted) -> JsonObject:
    """A block as it opens."""
    match event.kind:
        case "tool":
            return {"type": "tool_use", "id": event.id or "", "name": event.name or "", "input": {}}
        case "reasoning" if event.redacted_data is not None:
            return {"type": "redacted_thinking", "data": event.redacted_data}
        case "reasoning":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return {"type": "text", "text": ""}


def _message(id: str | None, model: str, content: list[JsonObject]) -> JsonObject:
    """The frame of a message; clients require all of its fields."""
    return {
        "id": id or "",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


# --- whole ------------------------------------------------------------------------------------------------------------------------------


def encode_message(response: Response, model: str) -> JsonObject:
    """The first answer of a response as the vendor's message object."""
    choice = response.choices[0] if response.choices else None
    own = {**own_fields(response.extra), **own_fields(choice.extra if choice else {})}
    details = _object(own_fields(choice.extra if choice else {}).get("usage"))
    own.pop("usage", None)
    return {
        **_message(response.id, response.model or model, _encode_parts(response.parts)),
        "stop_reason": finish_word(choice.finish) if choice and choice.finish else None,
        **own,
        "usage": {**encode_usage(response.usage), **details},
    }


def _encode_parts(parts: tuple[AnyPart, ...]) -> list[JsonObject]:
    blocks: list[JsonObject] = []
    for part in parts:
        if isinstance(part, Source):
            if not blocks or blocks[-1].get("type") != "text":
                blocks.append({"type": "text", "text": ""})
            blocks[-1].setdefault("citations", []).append(encode_citation(part))
        else:
            block = {**_encode_part(part), **own_fields(part.extra)}
            if block:
                blocks.append(block)
    return blocks


def _encode_part(part: AnyPart) -> JsonObject:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text}
        case Reasoning() if part.redacted_data is not None:
            return {"type": "redacted_thinking", "data": part.redacted_data}
        case Reasoning():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": encode_arguments(part.arguments)}
        case Audio() if part.transcript is not None:
            return {"type": "text", "text": part.transcript}
        case Opaque():
            return {}
        case _:
            raise _no_place(f"a part of kind {type(part).__name__}")
