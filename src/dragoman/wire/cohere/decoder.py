"""Cohere: an answer's bytes to events, streamed or whole."""

from __future__ import annotations

from collections.abc import Callable
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
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.cohere.citations import NAME, decode_citation
from dragoman.wire.cohere.errors import body_error, stream_error
from dragoman.wire.cohere.messages import PLAN
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.openai_chat.errors import CODES
from dragoman.wire.payload import parse, parse_object, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.stray import StrayLines

FINISH: Final[dict[str, FinishName]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
"""The vendor's finish reasons (the last is its older interface's) and ours; any other word is ``other``."""

FAILURES: Final = {"ERROR": "the generation failed inside the service", "TIMEOUT": "the service took longer than it allows"}
"""Finish reasons that are failures, and what they mean where nothing more is said."""

_KINDS: Final[dict[str, BlockKind]] = {"text": "text", "thinking": "reasoning"}
_NOTHING: Final = msgspec.Raw(b"null")


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Content(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Said(msgspec.Struct):
    """The message inside a delta; the first event's has empty lists where later ones have an object."""

    content: _Content | list[Json] | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[Json] | None = None
    citations: JsonObject | list[Json] | None = None


class _Delta(msgspec.Struct):
    message: _Said | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = _NOTHING
    error: str | None = None


class _Logprobs(msgspec.Struct):
    text: str | None = None
    logprobs: list[float] | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    index: int | None = None
    id: str | None = None
    delta: _Delta | None = None
    logprobs: _Logprobs | None = None
    message: Json = None


class _Message(msgspec.Struct):
    content: list[JsonObject] | str | None = None
    tool_plan: str | None = None
    tool_calls: list[_Call] | None = None
    citations: list[JsonObject] | None = None


class _Whole(msgspec.Struct):
    id: str | None = None
    finish_reason: str | None = None
    message: _Message | str | None = None
    usage: msgspec.Raw = _NOTHING
    logprobs: list[_Logprobs] | None = None


class _Tokens(msgspec.Struct, gc=False):
    input_tokens: float | None = None
    output_tokens: float | None = None


class _Usage(msgspec.Struct):
    tokens: _Tokens | None = None
    cached_tokens: float | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_WHOLE: Final = msgspec.json.Decoder(_Whole)
_USAGE: Final = msgspec.json.Decoder(_Usage)
_NO_DELTA: Final = _Delta()
_NOTHING_SAID: Final = _Said()


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventStream(), EventReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


class _Block:
    __slots__ = ("index", "kind", "whole")

    def __init__(self, index: int, kind: BlockKind, whole: JsonObject | None) -> None:
        self.index = index
        self.kind = kind
        self.whole = whole
        """Of a block of unknown type: all that has come of it."""


_Key = tuple[str, int | None]
_PLAN_KEY: Final[_Key] = ("plan", None)


class _State:
    """What both forms share: the blocks, by their kind and number in the wire."""

    def __init__(self) -> None:
        self.started = False
        self._count = 0
        self._open: dict[_Key, _Block] = {}
        self._last: dict[int | None, int] = {}

    def start(self, id: str | None, out: list[Event]) -> None:
        self.started = True
        out.append(Started(id=id or None))

    def open(
        self,
        out: list[Event],
        key: _Key,
        kind: BlockKind,
        call: _Call | None = None,
        extra: Extra | None = None,
        whole: JsonObject | None = None,
    ) -> _Block:
        """A new block under ``key``; a tool plan, and what was open under the key, is thereby complete."""
        self.end(out, _PLAN_KEY)
        self.end(out, key)
        block = self._open[key] = _Block(self._count, kind, whole)
        self._count += 1
        if key[0] == "content":
            self._last[key[1]] = self._last[None] = block.index
        name = call.function.name if call and call.function else None
        out.append(BlockStarted(block.index, kind, call.id if call else None, name, extra=extra or {}))
        return block

    def get(self, key: _Key) -> _Block | None:
        return self._open.get(key)

    def write(self, out: list[Event], number: int | None, text: str, logprobs: tuple[TokenLogprob, ...] | None = None) -> None:
        """Text of the content block ``number``, which is opened where the wire forgot to."""
        key = ("content", number)
        block = self._open.get(key)
        if block is None or block.kind != "text":
            block = self.open(out, key, "text")
        out.append(TextDelta(block.index, text, logprobs))

    def think(self, out: list[Event], key: _Key, text: str) -> None:
        block = self._open.get(key)
        if block is None or block.kind != "reasoning":
            block = self.open(out, key, "reasoning", extra=PLAN if key is _PLAN_KEY else None)
        out.append(ReasoningDelta(block.index, text))

    def cite(self, out: list[Event], citation: JsonObject) -> None:
        number = citation.get("content_index")
        plan = self._open.get(_PLAN_KEY)
        if citation.get("type") == "PLAN":
            index = plan.index if plan else None
        else:
            index = self._last.get(number if isinstance(number, int) else None)
        out.extend(SourceAdded(source, index=index) for source in decode_citation(citation))

    def end(self, out: list[Event], key: _Key) -> None:
        block = self._open.pop(key, None)
        if block:
            out.append(BlockEnded(block.index, extra={NAME: block.whole} if block.whole else {}))

    def end_all(self, out: list[Event]) -> None:
        for key in list(self._open):
            self.end(out, key)


class EventReader:
    """Events of a streamed answer to ours."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._state = _State()
        self._stray = StrayLines(CODES, quirks, body_error)
        self._finished: Finished | None = None
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._state.started)
            return
        if data == b"[DONE]":
            self._finish(out)
            return
        if self.ending or not data.strip():
            return
        event = parse(data, _EVENT, "an event of the answer")
        kind = event.type or name
        if not kind and isinstance(event.message, str):
            raise stream_error(event.message, snippet(data), self._quirks)
        read = _READERS.get(kind)
        if read is None:
            return
        if not self._state.started:
            self._state.start(event.id, out)
        read(self, event, data, out)

    def end(self, out: list[Event]) -> None:
        if self.ending and self._quirks.end_marker == "finish":
            self._finish(out)
            return
        if not self._state.started:
            raise self._stray.no_answer()
        raise StreamCut(f"the stream ended without {'data: [DONE]' if self.ending else 'message-end'}")

    def _finish(self, out: list[Event]) -> None:
        if self._finished is None:
            if not self._state.started:
                raise BadReply("the answer is empty: the stream holds its end marker alone")
            raise StreamCut("the stream ended without message-end")
        out.append(self._finished)
        self.done = True

    # Each of these reads one type of event.

    def _message_start(self, event: _Event, data: bytes, out: list[Event]) -> None:
        """Nothing but the id, which has been read."""

    def _content_start(self, event: _Event, data: bytes, out: list[Event]) -> None:
        content = _content(event)
        kind = _KINDS.get(content.type or ("thinking" if content.thinking is not None else "text"))
        key = ("content", event.index)
        if kind is None:
            self._state.open(out, key, "opaque", whole=_raw_content(data))
            return
        self._state.open(out, key, kind)
        self._content_delta(event, data, out)

    def _content_delta(self, event: _Event, data: bytes, out: list[Event]) -> None:
        content = _content(event)
        block = self._state.get(("content", event.index))
        if block and block.whole is not None:
            _merge(block.whole, _raw_content(data))
            return
        if content.thinking:
            self._state.think(out, ("content", event.index), content.thinking)
        if content.text or (event.logprobs and not content.thinking):
            self._state.write(out, event.index, content.text or "", _logprobs(event.logprobs))

    def _content_end(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self._state.end(out, ("content", event.index))

    def _tool_plan(self, event: _Event, data: bytes, out: list[Event]) -> None:
        plan = _said(event).tool_plan
        if plan:
            self._state.think(out, _PLAN_KEY, plan)

    def _call_start(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self._state.open(out, ("tool", event.index), "tool", call=_call(event))
        self._call_delta(event, data, out)

    def _call_delta(self, event: _Event, data: bytes, out: list[Event]) -> None:
        call = _call(event)
        arguments = call.function.arguments if call.function else None
        if not arguments:
            return
        block = self._state.get(("tool", event.index))
        if block is None:
            raise BadReply("the arguments of a tool call come before its start or after its end", body=snippet(data))
        out.append(ToolDelta(block.index, arguments))

    def _call_end(self, event: _Event, data: bytes, out: list[Event]) -> None:
        self._state.end(out, ("tool", event.index))

    def _citation(self, event: _Event, data: bytes, out: list[Event]) -> None:
        told = _said(event).citations
        for citation in told if isinstance(told, list) else [told]:
            if isinstance(citation, dict):
                self._state.cite(out, citation)

    def _message_end(self, event: _Event, data: bytes, out: list[Event]) -> None:
        delta = event.delta or _NO_DELTA
        _check(delta.finish_reason, delta.error, data, self._quirks)
        self._state.end_all(out)
        told = parse_object(data).get("delta") or {}
        rest = {name: value for name, value in told.items() if name not in ("finish_reason", "usage", "error")}
        usage = decode_usage(bytes(delta.usage))
        self._finished = Finished(_reason(delta.finish_reason), usage, extra={NAME: rest} if rest else {})
        self.ending = True


_READERS: Final[dict[str, Callable[[EventReader, _Event, bytes, list[Event]], None]]] = {
    "message-start": EventReader._message_start,
    "content-start": EventReader._content_start,
    "content-delta": EventReader._content_delta,
    "content-end": EventReader._content_end,
    "tool-plan-delta": EventReader._tool_plan,
    "tool-call-start": EventReader._call_start,
    "tool-call-delta": EventReader._call_delta,
    "tool-call-end": EventReader._call_end,
    "citation-start": EventReader._citation,
    "message-end": EventReader._message_end,
}
"""The other types (``citation-end``, ``debug`` and what is to come) say nothing to us."""


def _said(event: _Event) -> _Said:
    return (event.delta or _NO_DELTA).message or _NOTHING_SAID


def _content(event: _Event) -> _Content:
    content = _said(event).content
    return content if isinstance(content, _Content) else _Content()


def _call(event: _Event) -> _Call:
    call = _said(event).tool_calls
    return call if isinstance(call, _Call) else _Call()


def _raw_content(data: bytes) -> JsonObject:
    """The content inside an event as it is."""
    match parse_object(data):
        case {"delta": {"message": {"content": {**content}}}}:
            return {str(name): value for name, value in content.items()}
        case _:
            return {}


def _merge(whole: JsonObject, piece: JsonObject) -> None:
    """Add a delta to a block of unknown type: texts are continued, anything else is replaced."""
    for name, value in piece.items():
        before = whole.get(name)
        joined = isinstance(before, str) and isinstance(value, str) and name != "type"
        whole[name] = f"{before}{value}" if joined else value


def _logprobs(told: _Logprobs | None) -> tuple[TokenLogprob, ...] | None:
    if told is None or not told.logprobs:
        return None
    return tuple(TokenLogprob("" if i else told.text or "", logprob) for i, logprob in enumerate(told.logprobs))


def _check(reason: str | None, error: str | None, data: bytes, quirks: Quirks) -> None:
    """Raise the failure that an answer's end tells, if it does."""
    if error or reason in FAILURES:
        raise stream_error(error or FAILURES[reason or ""], snippet(data), quirks)


def _reason(raw: str | None) -> FinishReason:
    return FinishReason(FINISH.get(raw, "other"), raw) if raw else FinishReason("unknown")


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole answer to events. Raises the error it tells, or ``BadReply``."""
    answer = parse(body, _WHOLE)
    message = answer.message
    if isinstance(message, str):
        raise stream_error(message, snippet(body), quirks)
    _check(answer.finish_reason, None, body, quirks)
    if message is None:
        raise BadReply("the answer holds no message", body=snippet(body))
    out: list[Event] = []
    state = _State()
    state.start(answer.id, out)
    if message.tool_plan:
        state.think(out, _PLAN_KEY, message.tool_plan)
    logprobs = _all_logprobs(answer.logprobs)
    content = [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content or []
    for number, block in enumerate(content):
        if _say_block(state, number, block, logprobs, out):
            logprobs = None
    for number, call in enumerate(message.tool_calls or ()):
        opened = state.open(out, ("tool", number), "tool", call=call)
        if call.function and call.function.arguments:
            out.append(ToolDelta(opened.index, call.function.arguments))
        state.end(out, ("tool", number))
    for citation in message.citations or ():
        state.cite(out, citation)
    state.end_all(out)
    extra: Extra = {NAME: {"logprobs": parse_object(body)["logprobs"]}} if answer.logprobs else {}
    out.append(Finished(_reason(answer.finish_reason), decode_usage(bytes(answer.usage)), extra=extra))
    return out


def _say_block(state: _State, number: int, block: JsonObject, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> bool:
    """The events of one content block; whether it took the logprobs."""
    key = ("content", number)
    took = False
    match block:
        case {"type": "text", "text": str(text)}:
            if text or logprobs:
                state.write(out, number, text, logprobs)
                took = True
        case {"type": "thinking", "thinking": str(text)}:
            if text:
                state.think(out, key, text)
        case _:
            state.open(out, key, "opaque", whole=block)
    state.end(out, key)
    return took


def _all_logprobs(told: list[_Logprobs] | None) -> tuple[TokenLogprob, ...] | None:
    return tuple(one for some in told or () for one in _logprobs(some) or ()) or None


def decode_usage(data: bytes) -> Usage | None:
    """Cohere's counts of ``tokens``; ``cached_tokens`` is part of the input."""
    if data == b"null":
        return None
    told = parse(data, _USAGE, "the usage")
    tokens = told.tokens or _Tokens()
    return Usage(
        input_tokens=_whole_number(tokens.input_tokens),
        cache_read_tokens=_whole_number(told.cached_tokens),
        output_tokens=_whole_number(tokens.output_tokens),
        raw=parse_object(data, "the usage"),
    )


def _whole_number(value: float | None) -> int | None:
    return None if value is None else int(value)
