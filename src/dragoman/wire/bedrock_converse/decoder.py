"""Bedrock Converse: an answer's bytes to events, streamed or whole.

Text and reasoning begin in a stream with their first delta; only calls of tools and other things are announced. A block of an answer that
our events cannot say becomes ``opaque``, and so do calls that the vendor answers itself and their results. Text without a word is no block
(some models open with one). ``messageStop`` says that the content is complete, ``metadata`` ends the answer with what it used; a stream
that ends between them is complete, and its usage is not known. The padding that the vendor adds to every event (``p``) is not kept.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, StreamCut
from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    Finished,
    FinishName,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.bedrock_converse.content import NAME, SERVER_TOOL, as_extra, decode_citation
from dragoman.wire.bedrock_converse.errors import is_error, record_error
from dragoman.wire.bedrock_converse.forms import IMAGES, SOUNDS
from dragoman.wire.bedrock_converse.redacted import join_redacted
from dragoman.wire.bedrock_converse.usage import decode_usage, uncounted
from dragoman.wire.eventstream import EXCEPTION, EventMessages
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.media import decode_base64
from dragoman.wire.payload import parse, parse_object, snippet, try_object
from dragoman.wire.quirks import Quirks

FINISH: Final[dict[str, FinishName]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""The vendor's stop reasons and ours; any other word (``malformed_tool_use``, ``malformed_model_output``) is ``other``."""

PADDING: Final = "p"
_NOTHING: Final = msgspec.Raw(b"null")


class _ToolDelta(msgspec.Struct):
    input: str = ""


class _ReasoningDelta(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolDelta | None = None
    reasoning_content: _ReasoningDelta | None = None
    citation: Json = None


class _BlockDelta(msgspec.Struct, rename="camel"):
    """Only what is read, everything optional, because imitators leave out what they like."""

    content_block_index: int = 0
    delta: _Delta | None = None


class _BlockStop(msgspec.Struct, rename="camel"):
    content_block_index: int = 0


class _Call(msgspec.Struct, rename="camel"):
    tool_use_id: str | None = None
    name: str | None = None
    type: str | None = None
    input: msgspec.Raw = _NOTHING


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _Call | None = None


class _Message(msgspec.Struct):
    content: list[msgspec.Raw] | None = None


class _Output(msgspec.Struct):
    message: _Message | None = None


class _Answer(msgspec.Struct, rename="camel"):
    output: _Output | None = None
    stop_reason: str | None = None


_BLOCK_DELTA: Final = msgspec.json.Decoder(_BlockDelta)
_BLOCK_STOP: Final = msgspec.json.Decoder(_BlockStop)
_CALL: Final = msgspec.json.Decoder(_Block)
_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventMessages(), EventReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


# --- blocks -----------------------------------------------------------------------------------------------------------------------------


class _Open:
    """A block under way. ``kind`` is ours, or ``redacted``; a picture and hidden reasoning are told when they are known to be such."""

    __slots__ = ("index", "is_told", "kind", "pieces", "told")

    def __init__(self, index: int, kind: str) -> None:
        self.index = index
        self.kind = kind
        self.is_told = False
        """Its content has begun."""
        self.pieces: list[str] = []
        """Of a signature or of hidden reasoning."""
        self.told: list[JsonObject] = []
        """What came of an opaque block or a picture, to be joined."""


class Blocks:
    """The blocks of one answer, by the keys that the wire gives them. Each method appends to ``out`` the events that it means."""

    def __init__(self) -> None:
        self.open: dict[int, _Open] = {}
        self._count = 0

    def text(self, key: int, text: str, out: list[Event]) -> None:
        block = self.open.get(key)
        if not text and (block is None or block.kind != "text"):
            return
        block = self._of_kind(key, "text", out)
        if text:
            out.append(TextDelta(block.index, text))

    def cite(self, key: int, citation: Json, out: list[Event]) -> None:
        out.append(SourceAdded(decode_citation(citation), 0, self._of_kind(key, "text", out).index))

    def reasoning(self, key: int, delta: _ReasoningDelta, out: list[Event], rest: JsonObject | None = None) -> None:
        if delta.redacted_content is not None:
            self._of_kind(key, "redacted", out).pieces.append(delta.redacted_content)
            return
        block = self._of_kind(key, "reasoning", out, rest)
        if delta.text:
            out.append(ReasoningDelta(block.index, delta.text))
        if delta.signature:
            block.pieces.append(delta.signature)

    def begin_call(self, key: int, call: _Call, rest: JsonObject, out: list[Event]) -> None:
        self.end(key, out)
        block = self._open(key, "tool")
        out.append(BlockStarted(block.index, "tool", call.tool_use_id or None, call.name, extra=as_extra(rest)))

    def arguments(self, key: int, text: str, out: list[Event]) -> None:
        block = self._of_kind(key, "tool", out)
        if text:
            block.is_told = True
            out.append(ToolDelta(block.index, text))

    def begin_other(self, key: int, told: JsonObject, out: list[Event]) -> None:
        """A block that our events cannot say, or a picture, as far as it is known."""
        self.end(key, out)
        if isinstance(told.get("image"), dict):
            self._open(key, "image").told.append(told)
            return
        block = self._open(key, "opaque")
        block.told.append(told)
        out.append(BlockStarted(block.index, "opaque", extra={NAME: told}))

    def is_own_call(self, key: int) -> bool:
        """Whether the block is a call that the vendor answers itself, whose arguments are nobody else's."""
        block = self.open.get(key)
        return block is not None and block.kind == "opaque" and "toolUse" in block.told[0]

    def grow_other(self, key: int, delta: JsonObject, out: list[Event]) -> None:
        block = self.open.get(key)
        if block is None or block.kind not in ("opaque", "image"):
            self.begin_other(key, {name: {} for name, value in delta.items() if isinstance(value, dict)}, out)
            block = self.open[key]
        if block.kind == "image" and self._grow_image(block, delta.get("image"), out):
            return
        block.told.append(delta)

    def media(self, kind: BlockKind, media_type: str | None, data: bytes, rest: JsonObject, out: list[Event]) -> None:
        """A picture or a sound that comes whole."""
        index = self._count
        self._count += 1
        out.append(BlockStarted(index, kind, extra=as_extra(rest), media_type=media_type))
        out.append(MediaDelta(index, data))
        out.append(BlockEnded(index))

    def end(self, key: int, out: list[Event]) -> None:
        """A block is complete."""
        block = self.open.pop(key, None)
        if block is None:
            return
        signature, extra = None, {}
        match block.kind:
            case "tool" if not block.is_told:
                out.append(ToolDelta(block.index, "{}"))  # no arguments are the empty object
            case "reasoning":
                signature = "".join(block.pieces) or None
            case "redacted":
                out.append(BlockStarted(block.index, "reasoning", redacted_data=join_redacted(block.pieces)))
            case "image" if not block.is_told:
                out.append(BlockStarted(block.index, "opaque", extra={NAME: _joined(block.told)}))
            case "opaque":
                whole = _complete(_joined(block.told))
                extra = {NAME: whole} if whole != block.told[0] else {}
        out.append(BlockEnded(block.index, signature, 0, extra))

    def end_all(self, out: list[Event]) -> None:
        for key in list(self.open):
            self.end(key, out)

    def _of_kind(self, key: int, kind: str, out: list[Event], rest: JsonObject | None = None) -> _Open:
        """The open block of ``key``; one of another kind ends, because a delta says what it belongs to."""
        block = self.open.get(key)
        if block is not None and block.kind == kind:
            return block
        self.end(key, out)
        block = self._open(key, kind)
        if kind in ("text", "reasoning", "tool"):
            out.append(BlockStarted(block.index, kind, extra=as_extra(rest or {})))  # type: ignore[arg-type]  # one of three literals
        return block

    def _open(self, key: int, kind: str) -> _Open:
        block = self.open[key] = _Open(self._count, kind)
        self._count += 1
        return block

    def _grow_image(self, block: _Open, delta: Json, out: list[Event]) -> bool:
        """Whether ``delta`` brings bytes of the picture; where it brings none at first, the block is no picture that we could say."""
        source = delta.get("source") if isinstance(delta, dict) else None
        if not isinstance(source, dict) or source.get("bytes") is None:
            return block.is_told
        data = _base64(source["bytes"])
        if not block.is_told:
            block.is_told = True
            form, rest = _form(_joined(block.told)["image"], IMAGES)
            out.append(BlockStarted(block.index, "image", extra=as_extra(rest), media_type=form))
        out.append(MediaDelta(block.index, data))
        return True


def _form(told: Json, forms: dict[str, str]) -> tuple[str | None, JsonObject]:
    """The media type that a block tells, and what it says beside it and the place of its bytes."""
    told = told if isinstance(told, dict) else {}
    form = told.get("format")
    media_type = forms.get(form) if isinstance(form, str) else None
    known = ("source",) if media_type is None else ("source", "format")
    return media_type, {name: value for name, value in told.items() if name not in known and value is not None}


def _base64(told: Json) -> bytes:
    try:
        return decode_base64(told if isinstance(told, str) else "=", "the answer")
    except BadRequest as fault:
        raise BadReply(fault.message) from None


def _joined(told: list[JsonObject]) -> JsonObject:
    """What came in pieces as one: objects field by field, texts to texts, lists to lists; of anything else the last holds."""
    joined: JsonObject = {}
    for kind, values in _gathered(told).items():
        if kind == "toolResult":  # it starts as an object, and then brings lists
            values = [{"content": value} if isinstance(value, list) else value for value in values]
        if all(isinstance(value, dict) for value in values):
            joined[kind] = {name: _one(inner) for name, inner in _gathered(values).items()}
        else:
            joined[kind] = _one(values)
    return joined


def _gathered(pieces: list[JsonObject]) -> dict[str, list[Json]]:
    gathered: dict[str, list[Json]] = {}
    for piece in pieces:
        for name, value in piece.items():
            gathered.setdefault(name, []).append(value)
    return gathered


def _one(values: list[Json]) -> Json:
    if all(isinstance(value, str) for value in values):
        return "".join(values)
    if all(isinstance(value, list) for value in values):
        return [item for value in values for item in value]
    return values[-1]


def _complete(block: JsonObject) -> JsonObject:
    """A call that came in pieces has the object that its text is."""
    call = block.get("toolUse")
    if not isinstance(call, dict):
        return block
    text = call.get("input", "")
    if not isinstance(text, str):
        return block
    found = try_object(text.encode() or b"{}")
    return block if found is None else {**block, "toolUse": {**call, "input": found}}


def _finished(reason: str | None, told: JsonObject, extra: JsonObject) -> Finished:
    """The answer's end: why, what it used (from ``told``), and what else the vendor says."""
    usage = told.get("usage")
    extra |= {name: value for name, value in told.items() if name not in ("usage", PADDING) and value is not None}
    rest = uncounted(usage)
    if rest:
        extra["usage"] = rest
    why = FinishReason(FINISH.get(reason, "other"), reason) if reason else FinishReason("unknown")
    return Finished(why, decode_usage(usage), 0, as_extra(extra))


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


class EventReader:
    """Events of a streamed answer to ours."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._blocks = Blocks()
        self._started = False
        self._reason: str | None = None
        self._extra: JsonObject = {}
        self._metadata: JsonObject | None = None
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == "contentBlockDelta" and self._started:
            event = parse(data, _BLOCK_DELTA, "an event of the answer")
            delta, block = event.delta, self._blocks.open.get(event.content_block_index)
            if delta is not None and delta.text and block is not None and block.kind == "text":
                out.append(TextDelta(block.index, delta.text))
            else:
                self._grow(event, data, out)
            return
        self._read_other(name, data, out)

    def end(self, out: list[Event]) -> None:
        if self.ending and self._quirks.end_marker == "finish":
            self._finish(out)
            return
        if not self._started:
            raise BadReply("the answer is empty: the stream ended without a single event")
        raise StreamCut(f"the stream ended without {'metadata' if self.ending else 'messageStop'}")

    def _read_other(self, name: str, data: bytes, out: list[Event]) -> None:
        if name.startswith(EXCEPTION):
            body = snippet(data)
            raise record_error(try_object(data) or {"message": body}, name.removeprefix(EXCEPTION), body, self._quirks)
        read = _READERS.get(name)
        if read is None:
            return  # a kind of event that is yet to come
        if not self._started:
            self._started = True
            out.append(Started())
        read(self, data, out)

    def _read_start(self, data: bytes, out: list[Event]) -> None:
        """The role that it tells is always the assistant's."""

    def _read_delta(self, data: bytes, out: list[Event]) -> None:
        self._grow(parse(data, _BLOCK_DELTA, "an event of the answer"), data, out)

    def _grow(self, event: _BlockDelta, data: bytes, out: list[Event]) -> None:
        """Any delta."""
        key, delta, blocks = event.content_block_index, event.delta, self._blocks
        if delta is None:
            return
        self.ending = False
        if delta.tool_use is not None and blocks.is_own_call(key):
            blocks.grow_other(key, _field(parse_object(data), "delta"), out)
        elif delta.text is not None:
            blocks.text(key, delta.text, out)
        elif delta.tool_use is not None:
            blocks.arguments(key, delta.tool_use.input, out)
        elif delta.reasoning_content is not None:
            blocks.reasoning(key, delta.reasoning_content, out)
        elif delta.citation is not None:
            blocks.cite(key, delta.citation, out)
        else:
            told = _field(parse_object(data), "delta")
            if told:
                blocks.grow_other(key, told, out)

    def _read_block(self, data: bytes, out: list[Event]) -> None:
        told = parse_object(data)
        key = parse(data, _BLOCK_STOP, "an event of the answer").content_block_index
        start = _field(told, "start")
        self.ending = False
        call = start.get("toolUse")
        if isinstance(call, dict) and call.get("type") != SERVER_TOOL:
            known = _Call(_text(call, "toolUseId"), _text(call, "name"))
            self._blocks.begin_call(key, known, {name: value for name, value in call.items() if name not in _CALLED}, out)
        elif start.keys() & _UNANNOUNCED:
            self._begin_unannounced(key, start, data, out)
        elif start:
            self._blocks.begin_other(key, start, out)

    def _begin_unannounced(self, key: int, start: JsonObject, data: bytes, out: list[Event]) -> None:
        """Text or reasoning that a host announces all the same: what it says of it counts as a delta, if it is in the form of one."""
        self._blocks.end(key, out)
        try:
            event = msgspec.convert({"contentBlockIndex": key, "delta": start}, _BlockDelta)
        except msgspec.ValidationError:
            return
        self._grow(event, data, out)

    def _read_block_end(self, data: bytes, out: list[Event]) -> None:
        self._blocks.end(parse(data, _BLOCK_STOP, "an event of the answer").content_block_index, out)

    def _read_stop(self, data: bytes, out: list[Event]) -> None:
        told = parse_object(data)
        self._reason = _text(told, "stopReason")
        self._extra |= {name: value for name, value in told.items() if name not in ("stopReason", PADDING) and value is not None}
        self.ending = True
        if self._metadata is not None:
            self._finish(out)

    def _read_metadata(self, data: bytes, out: list[Event]) -> None:
        self._metadata = parse_object(data)
        if self.ending:
            self._finish(out)

    def _finish(self, out: list[Event]) -> None:
        self._blocks.end_all(out)
        out.append(_finished(self._reason, self._metadata or {}, self._extra))
        self.done = True


_CALLED: Final = frozenset({"toolUseId", "name"})
_UNANNOUNCED: Final = frozenset({"text", "reasoningContent"})
"""Kinds whose blocks begin with their first delta."""
_READERS: Final = {
    "messageStart": EventReader._read_start,
    "contentBlockStart": EventReader._read_block,
    "contentBlockDelta": EventReader._read_delta,
    "contentBlockStop": EventReader._read_block_end,
    "messageStop": EventReader._read_stop,
    "metadata": EventReader._read_metadata,
}


def _field(told: JsonObject, name: str) -> JsonObject:
    value = told.get(name)
    return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else {}


def _text(told: JsonObject, name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and value else None


# --- whole ------------------------------------------------------------------------------------------------------------------------------


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole answer to events. Raises the error it tells, or ``BadReply``."""
    answer = parse(body, _ANSWER)
    record = parse_object(body)
    message = answer.output.message if answer.output else None
    if message is None or message.content is None:
        if is_error(record):
            raise record_error(record, "", snippet(body), quirks)
        raise BadReply("the answer holds no content", body=snippet(body))
    out: list[Event] = [Started()]
    blocks = Blocks()
    for key, block in enumerate(message.content):
        _read_whole_block(blocks, key, bytes(block), out)
    told = {name: value for name, value in record.items() if name not in ("output", "stopReason")}
    out.append(_finished(answer.stop_reason, told, {}))
    return out


def _read_whole_block(blocks: Blocks, key: int, data: bytes, out: list[Event]) -> None:
    told = {name: value for name, value in parse_object(data, "a content block").items() if value is not None}
    known = parse(data, _CALL, "a content block")
    if known.text is not None:
        blocks.text(key, known.text, out)
    elif known.tool_use is not None and known.tool_use.type != SERVER_TOOL:
        call = known.tool_use
        blocks.begin_call(key, call, {name: value for name, value in told["toolUse"].items() if name not in _CALLED | {"input"}}, out)
        blocks.arguments(key, "" if bytes(call.input) == b"null" else bytes(call.input).decode(), out)
    elif not _read_rich_block(blocks, key, told, out) and told:
        blocks.begin_other(key, told, out)
    blocks.end(key, out)


def _read_rich_block(blocks: Blocks, key: int, told: JsonObject, out: list[Event]) -> bool:
    """Whether the block is one that we know, beside texts and calls."""
    kind, value = next(iter(told.items()), ("", None))
    read = _RICH.get(kind)
    return read is not None and isinstance(value, dict) and read(blocks, key, value, out)


def _read_reasoning(blocks: Blocks, key: int, told: JsonObject, out: list[Event]) -> bool:
    hidden, shown = told.get("redactedContent"), told.get("reasoningText")
    if isinstance(hidden, str):
        blocks.reasoning(key, _ReasoningDelta(redacted_content=hidden), out)
    elif isinstance(shown, dict):
        rest = {name: value for name, value in shown.items() if name not in ("text", "signature") and value is not None}
        blocks.reasoning(key, _ReasoningDelta(_text(shown, "text"), _text(shown, "signature")), out, rest)
    else:
        return False
    return True


def _read_cited(blocks: Blocks, key: int, told: JsonObject, out: list[Event]) -> bool:
    content, citations = told.get("content") or [], told.get("citations") or []
    pieces = [piece.get("text") if isinstance(piece, dict) else None for piece in content] if isinstance(content, list) else [None]
    if not isinstance(citations, list) or not all(isinstance(piece, str) for piece in pieces):
        return False
    for piece in pieces:
        blocks.text(key, str(piece), out)
    for citation in citations:
        blocks.cite(key, citation, out)
    return True


def _read_image(blocks: Blocks, key: int, told: JsonObject, out: list[Event]) -> bool:
    return _read_media(blocks, "image", IMAGES, told, out)


def _read_audio(blocks: Blocks, key: int, told: JsonObject, out: list[Event]) -> bool:
    return _read_media(blocks, "audio", SOUNDS, told, out)


def _read_media(blocks: Blocks, kind: BlockKind, forms: dict[str, str], told: JsonObject, out: list[Event]) -> bool:
    source = told.get("source")
    if not isinstance(source, dict) or source.get("bytes") is None:
        return False
    media_type, rest = _form(told, forms)
    blocks.media(kind, media_type, _base64(source["bytes"]), rest, out)
    return True


_RICH: Final = {"reasoningContent": _read_reasoning, "citationsContent": _read_cited, "image": _read_image, "audio": _read_audio}
