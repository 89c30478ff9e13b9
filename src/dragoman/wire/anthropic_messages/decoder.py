"""Anthropic messages: an answer's bytes to events, streamed or whole.

A whole answer is read as a stream whose blocks open with all their content, so there is one reading of blocks. Deltas that do not fit the
block they name (imitators send thinking into a text block) end it and open one of their own kind: the legal order holds whatever comes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, StreamCut
from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    Finished,
    FinishName,
    FinishReason,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.alike import text_under
from dragoman.wire.anthropic_messages.content import NAME, as_extra, decode_citation
from dragoman.wire.anthropic_messages.errors import CODES, body_error, record_error
from dragoman.wire.anthropic_messages.usage import decode_usage, uncounted
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.payload import parse, parse_object, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.stray import StrayLines

FINISH: Final[dict[str, FinishName]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""The vendor's stop reasons and ours; any other word (``pause_turn``, ``compaction``) is ``other``."""

_KINDS: Final[dict[str, BlockKind]] = {"text": "text", "thinking": "reasoning", "redacted_thinking": "reasoning", "tool_use": "tool"}
"""Blocks that we know; any other is opaque."""
_KNOWN: Final = {
    "text": frozenset({"type", "text", "citations"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset({"type", "id", "name", "input"}),
}
"""What our blocks say of them; the rest is ``extra``."""
_DELTAS: Final[dict[str, BlockKind]] = {"text_delta": "text", "thinking_delta": "reasoning", "input_json_delta": "tool"}
"""Deltas that may open a block by themselves, where a host forgot to."""
_MESSAGE: Final = frozenset({"type", "id", "role", "model", "content", "stop_reason", "usage"})
_NOTHING: Final = msgspec.Raw(b"null")


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Json = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    """Only what is read, everything optional, because imitators leave out what they like."""

    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: msgspec.Raw = _NOTHING
    message: msgspec.Raw = _NOTHING
    error: Json = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NOTHING
    citations: list[Json] | None = None


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    error: Json = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_BLOCK: Final = msgspec.json.Decoder(_Block)
_WHOLE: Final = msgspec.json.Decoder(_Message)
_TEXT: Final = text_under("text")


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventStream(), EventReader(quirks), _TEXT)
    return WholeDecoder(lambda body: read_whole(body, quirks))


# --- blocks -----------------------------------------------------------------------------------------------------------------------------


class _Open:
    """A block under way."""

    __slots__ = ("arguments", "index", "is_whole", "kind", "pieces", "signature", "told")

    def __init__(self, index: int, kind: BlockKind) -> None:
        self.index = index
        self.kind = kind
        self.signature: str | None = None
        self.arguments = "{}"
        """What a tool's block opened with; it holds where no piece follows."""
        self.pieces: list[str] = []
        """Of an opaque block's ``input``."""
        self.told: JsonObject = {}
        """An opaque block as far as it has come."""
        self.is_whole = True
        """It came whole with its start."""


class Answer:
    """The blocks of one answer, its usage and its end. Each method appends to ``out`` the events that its argument means."""

    def __init__(self) -> None:
        self.started = False
        self.id: str | None = None
        self.open: dict[int, _Open] = {}
        self.reason: str | None = None
        self.usage: JsonObject = {}
        self.extra: JsonObject = {}
        self._count = 0

    def start(self, message: _Message, extra: JsonObject, out: list[Event]) -> None:
        self.started = True
        self.id = message.id or None
        out.append(Started(id=message.id or None, model=message.model or None, extra=as_extra(extra)))

    def start_again(self, message: _Message) -> None:
        """Some proxies repeat the start, which says nothing new; the start of another answer means that this one was given up."""
        if self.id is not None and message.id and message.id != self.id:
            raise StreamCut(f"the stream began another answer ({message.id}) before the end of this one")

    def use(self, told: Json) -> None:
        """Take in a record of usage; its counts are totals so far, so the later one holds."""
        if isinstance(told, dict):
            self.usage |= {name: value for name, value in told.items() if value is not None}

    def begin(self, key: int, data: bytes, out: list[Event]) -> None:
        """A block opens with what it has so far, which may be everything."""
        told = parse(data, _BLOCK, "a content block")
        self.end(key, out)
        kind = _KINDS.get(told.type)
        if kind is None:
            self._begin_opaque(key, parse_object(data, "a content block"), out)
            return
        known = _KNOWN[told.type]
        rest = {name: value for name, value in parse_object(data).items() if name not in known and value is not None}
        block = self._open(key, kind)
        is_redacted = told.type == "redacted_thinking"
        redacted = (told.data or "") if is_redacted else None
        out.append(BlockStarted(block.index, kind, told.id or None, told.name, redacted, 0, as_extra(rest)))
        if told.text:
            out.append(TextDelta(block.index, told.text))
        if told.thinking:
            out.append(ReasoningDelta(block.index, told.thinking))
        block.signature = told.signature or None
        if bytes(told.input)[:1] == b"{":
            block.arguments = bytes(told.input).decode()
        out.extend(SourceAdded(decode_citation(citation), 0, block.index) for citation in told.citations or ())

    def grow(self, key: int, delta: _Delta, data: bytes, out: list[Event]) -> None:
        """Any delta but the usual one, which the reader handles itself."""
        block = self.open.get(key)
        if block is not None and block.kind == "opaque":
            self._grow_opaque(block, parse_object(data).get("delta"))
            return
        kind = _DELTAS.get(delta.type)
        if kind is not None and (block is None or block.kind != kind):
            self.end(key, out)
            block = self._open(key, kind)
            out.append(BlockStarted(block.index, kind))
        if block is None:
            return
        if kind == "text" and delta.text:
            out.append(TextDelta(block.index, delta.text))
        elif kind == "reasoning" and delta.thinking:
            out.append(ReasoningDelta(block.index, delta.thinking))
        elif kind == "tool" and delta.partial_json:
            block.arguments = ""
            out.append(ToolDelta(block.index, delta.partial_json))
        elif delta.type == "signature_delta" and block.kind == "reasoning":
            block.signature = delta.signature or None
        elif delta.type == "citations_delta" and delta.citation is not None:
            out.append(SourceAdded(decode_citation(delta.citation), 0, block.index))

    def end(self, key: int, out: list[Event]) -> None:
        """A block is complete."""
        block = self.open.pop(key, None)
        if block is None:
            return
        if block.kind == "tool" and block.arguments:
            out.append(ToolDelta(block.index, block.arguments))
        extra = {} if block.is_whole else {NAME: _complete(block.told, block.pieces)}
        out.append(BlockEnded(block.index, block.signature, 0, extra))

    def finish(self, out: list[Event]) -> None:
        """The answer is complete: end what is open, tell why it ended and what it used."""
        for key in list(self.open):
            self.end(key, out)
        reason = FinishReason(FINISH.get(self.reason, "other"), self.reason) if self.reason else FinishReason("unknown")
        rest = uncounted(self.usage)
        extra = {**self.extra, "usage": rest} if rest else self.extra
        out.append(Finished(reason, decode_usage(self.usage), 0, as_extra(extra)))

    def _open(self, key: int, kind: BlockKind) -> _Open:
        block = self.open[key] = _Open(self._count, kind)
        self._count += 1
        return block

    def _begin_opaque(self, key: int, told: JsonObject, out: list[Event]) -> None:
        block = self._open(key, "opaque")
        block.told = told
        out.append(BlockStarted(block.index, "opaque", extra={NAME: told}))

    def _grow_opaque(self, block: _Open, delta: Json) -> None:
        """Nothing is known of the block but that its deltas add to it: texts to texts, citations to a list, pieces of JSON to ``input``."""
        if not isinstance(delta, dict):
            return
        if block.is_whole:
            block.is_whole = False
            block.told = dict(block.told)  # the start's own record is with whoever took the event
        for name, value in delta.items():
            before = block.told.get(name)
            if name == "partial_json" and isinstance(value, str):
                block.pieces.append(value)
            elif name == "citation":
                block.told["citations"] = [*(block.told.get("citations") or ()), value]
            elif isinstance(value, str) and isinstance(before, str) and name != "type":
                block.told[name] = before + value
            elif name != "type":
                block.told[name] = value


def _complete(block: JsonObject, pieces: list[str]) -> JsonObject:
    """An opaque block with the ``input`` that came in pieces."""
    text = "".join(pieces)
    found = try_object(text.encode()) if text.strip() else None
    if found is not None:
        return {**block, "input": found}
    return {**block, "input": text} if text.strip() else block


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


class EventReader:
    """Events of a streamed answer to ours. Also reads Anthropic's events in other hosts' framings, by ``read``."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._answer = Answer()
        self._stray = StrayLines(CODES, quirks, body_error)
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._answer.started)
            return
        if not data.strip() or data == b"[DONE]":  # some hosts end with OpenAI's marker behind the vendor's own
            return
        event = parse(data, _EVENT, "an event of the answer")
        answer, delta = self._answer, event.delta
        if event.type == "content_block_delta" and delta is not None and answer.started:
            block = answer.open.get(event.index)
            if delta.text and delta.type == "text_delta" and block is not None and block.kind == "text":
                out.append(TextDelta(block.index, delta.text))
                return
        self._read_other(event.type or name, event, data, out)

    def end(self, out: list[Event]) -> None:
        if self.ending and self._quirks.end_marker == "finish":
            self._finish(out)
            return
        if not self._answer.started:
            raise self._stray.no_answer()
        raise StreamCut(f"the stream ended without {'message_stop' if self.ending else 'a stop reason'}")

    def _read_other(self, kind: str, event: _Event, data: bytes, out: list[Event]) -> None:
        if kind == "error" or event.error is not None:
            raise record_error(parse_object(data), snippet(data), self._quirks)
        read = _READERS.get(kind)
        if read is None:
            return  # a ping, or a kind of event that is yet to come
        if not self._answer.started and kind != "message_start":
            if kind == "message_stop":
                raise BadReply("the answer is empty: the stream holds its end marker alone")
            self._answer.start(_Message(), {}, out)
        read(self, event, data, out)

    def _read_start(self, event: _Event, data: bytes, out: list[Event]) -> None:
        told = bytes(event.message)
        message = parse(told, _WHOLE, "the message") if told != b"null" else _Message()
        if self._answer.started:
            self._answer.start_again(message)
            return
        record = parse_object(told, "the message") if told != b"null" else {}
        extra = {name: value for name, value in record.items() if name not in _MESSAGE and value is not None}
        usage = record.get("usage")
        if usage:
            extra["usage"] = usage
        self._answer.use(usage)
        self._answer.start(message, extra, out)
        for key, block in enumerate(message.content or ()):
            self._answer.begin(key, bytes(block), out)

    def _read_block(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self.ending = False
        self._answer.begin(event.index, bytes(event.content_block), out)

    def _read_delta(self, event: _Event, data: bytes, out: list[Event]) -> None:
        if event.delta is not None:
            self._answer.grow(event.index, event.delta, data, out)

    def _read_block_end(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self._answer.end(event.index, out)

    def _read_message_delta(self, event: _Event, data: bytes, out: list[Event]) -> None:
        record = parse_object(data)
        answer = self._answer
        answer.use(record.get("usage"))
        if event.delta is not None and event.delta.stop_reason:
            answer.reason = event.delta.stop_reason
            self.ending = True
        told = {**record, **(record["delta"] if isinstance(record.get("delta"), dict) else {})}
        answer.extra |= {name: value for name, value in told.items() if name not in _DELTA_FIELDS and value is not None}

    def _read_stop(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self._finish(out)

    def _finish(self, out: list[Event]) -> None:
        self._answer.finish(out)
        self.done = True


_DELTA_FIELDS: Final = frozenset({"type", "delta", "usage", "stop_reason"})
_READERS: Final = {
    "content_block_delta": EventReader._read_delta,
    "content_block_start": EventReader._read_block,
    "content_block_stop": EventReader._read_block_end,
    "message_start": EventReader._read_start,
    "message_delta": EventReader._read_message_delta,
    "message_stop": EventReader._read_stop,
}


# --- whole ------------------------------------------------------------------------------------------------------------------------------


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole message to events. Raises the error it tells, or ``BadReply``."""
    message = parse(body, _WHOLE)
    record = parse_object(body)
    if message.error is not None or record.get("type") == "error":
        raise record_error(record, snippet(body), quirks)
    if message.content is None:
        raise BadReply("the answer holds no content", body=snippet(body))
    out: list[Event] = []
    answer = Answer()
    answer.start(message, {}, out)
    answer.use(record.get("usage"))
    answer.reason = message.stop_reason
    answer.extra = {name: value for name, value in record.items() if name not in _MESSAGE and value is not None}
    for key, block in enumerate(message.content):
        answer.begin(key, bytes(block), out)
        answer.end(key, out)
    answer.finish(out)
    return out
