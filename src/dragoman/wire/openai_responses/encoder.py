"""Responses: events to an answer's bytes, streamed or whole. Both forms build the same items (``items``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from dragoman.core.errors import DragomanError
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.exchange import Encoder
from dragoman.core.messages import Opaque, Source
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.openai_responses.content import CONTENT, MESSAGE, encode_source, own_fields
from dragoman.wire.openai_responses.errors import error_fields, error_record
from dragoman.wire.openai_responses.items import (
    ID_STEM_LENGTH,
    CallItems,
    MessageItem,
    Output,
    OwnItem,
    PictureItem,
    ReasoningItem,
    Words,
    call_item,
)
from dragoman.wire.openai_responses.messages import is_item
from dragoman.wire.openai_responses.response import PREFIX, ResponseObject, incomplete_details
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.sse import CONTENT_TYPE, encode_event

_Block = Words | ReasoningItem | CallItems | PictureItem | OwnItem


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    return OneChoice(SpokenSounds(StreamEncoder(request) if request.stream else WholeEncoder(request), "Responses"))


class Builder:
    """Events to the items of a response and to the wire's own events."""

    def __init__(self, request: Request) -> None:
        self.output = Output()
        self.response = ResponseObject(request)
        self._tools = {tool.name: tool for tool in request.tools}
        self.whole: JsonObject | None = None
        """The finished response."""
        self._blocks: dict[int, _Block] = {}
        self._messages: list[MessageItem] = []
        self._sources: list[Source] = []
        """Named before there was a text to name them in."""

    def add(self, event: Event) -> None:
        _ADD[type(event)](self, event)

    def fail(self, error: DragomanError) -> None:
        """In the vendor's own order: the error, then the response that it ended."""
        fields = error_fields(error)
        has_started = bool(self.output.stem)
        self.output.tell("error", code=fields["code"], message=fields["message"], param=fields["param"], error=fields)
        if has_started:
            self.output.tell("response.failed", response=self.response.failed(fields, self.output.items))

    def _start(self, event: Started) -> None:
        self.response.start(event)
        self.output.stem = self.response.id.removeprefix(PREFIX)[-ID_STEM_LENGTH:] or "0"
        for kind in ("created", "in_progress"):
            self.output.tell(f"response.{kind}", response=self.response.running())

    def _finish(self, event: Finished) -> None:
        self._name_what_waits()
        why = incomplete_details(event)
        for message in self._messages:
            message.close("incomplete" if why else "completed")
        self.whole = self.response.finished(event, self.output.items)
        self.output.tell(f"response.{self.whole['status']}", response=self.whole)

    def _name_what_waits(self) -> None:
        """Sources that came when no text was open any more stand in one without a word."""
        if any(encode_source(source) is not None for source in self._sources):
            started = BlockStarted(min(self._blocks, default=0) - 1, "text")
            self._open(started)
            self._end(BlockEnded(started.index))

    def _open(self, event: BlockStarted) -> None:
        match event.kind:
            case "text" | "refusal":
                self._blocks[event.index] = words = Words(self._message(event), event)
                self._sources = [source for source in self._sources if not words.cite(source)]
            case "reasoning":
                self._blocks[event.index] = ReasoningItem(self._close_messages(), event)
            case "tool":
                self._blocks[event.index] = call_item(self._close_messages(), event, self._tools)
            case "image":
                self._blocks[event.index] = PictureItem(self._close_messages(), event)
            case "opaque":
                self._open_opaque(event)
            case "audio":
                # This wire has no sound in its items; what is said in it is told in words.
                self._blocks[event.index] = Words(self._message(event), BlockStarted(event.index, "text"))
            case _:
                assert_never(event.kind)

    def _open_opaque(self, event: BlockStarted) -> None:
        own = own_fields(event.extra)
        if is_item(Opaque(extra=event.extra)):
            self._blocks[event.index] = OwnItem(self._close_messages(), event)
        elif isinstance(own.get(CONTENT), dict):
            self._message(event).add_whole(own[CONTENT])

    def _message(self, event: BlockStarted) -> MessageItem:
        """The message item that a text belongs to."""
        facts = own_fields(event.extra).get(MESSAGE)
        facts = facts if isinstance(facts, dict) else {}
        last = self._messages[-1] if self._messages else None
        if last is not None and last.takes(facts):
            return last
        self._close_messages()
        self._messages.append(MessageItem(self.output, facts))
        return self._messages[-1]

    def _close_messages(self) -> Output:
        """Something else begins: what was said is complete."""
        for message in self._messages:
            message.close("completed")
        return self.output

    def _grow_words(self, event: TextDelta) -> None:
        block = self._blocks[event.index]
        if isinstance(block, Words):
            block.grow(event)

    def _grow_thought(self, event: ReasoningDelta) -> None:
        block = self._blocks[event.index]
        if isinstance(block, ReasoningItem):
            block.grow(event.reasoning)

    def _grow_call(self, event: ToolDelta) -> None:
        block = self._blocks[event.index]
        if isinstance(block, CallItems):
            block.grow(event.arguments)

    def _grow_media(self, event: MediaDelta) -> None:
        block = self._blocks[event.index]
        if isinstance(block, PictureItem):
            block.grow(event.data)
        elif isinstance(block, Words) and event.transcript:
            block.grow(TextDelta(event.index, event.transcript))

    def _end(self, event: BlockEnded) -> None:
        block = self._blocks.get(event.index)
        if block is not None:
            block.end(event)

    def _cite(self, event: SourceAdded) -> None:
        """In its own text where that is still open, else in the last that is; before the first text it waits for that."""
        blocks = [block for block in self._blocks.values() if isinstance(block, Words)]
        own = self._blocks.get(event.index) if event.index is not None else None
        if not any(block.cite(event.source) for block in ([own] if isinstance(own, Words) else []) + blocks[::-1]):
            self._sources.append(event.source)


_ADD: Final[dict[type[Event], Callable[[Builder, Json], None]]] = {
    TextDelta: Builder._grow_words,
    ReasoningDelta: Builder._grow_thought,
    ToolDelta: Builder._grow_call,
    MediaDelta: Builder._grow_media,
    SourceAdded: Builder._cite,
    Started: Builder._start,
    BlockStarted: Builder._open,
    BlockEnded: Builder._end,
    Finished: Builder._finish,
}


class StreamEncoder:
    """Events to an event stream."""

    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        self._builder = Builder(request)

    def send(self, event: Event) -> bytes:
        self._builder.add(event)
        return self._written()

    def fail(self, error: DragomanError) -> bytes:
        self._builder.fail(error)
        return self._written()

    def close(self) -> bytes:
        return b""

    def _written(self) -> bytes:
        return b"".join(encode_event(dump(one), one["type"]) for one in self._builder.output.take())


class WholeEncoder:
    """Events to one response."""

    content_type = "application/json"

    def __init__(self, request: Request) -> None:
        self._builder = Builder(request)

    def send(self, event: Event) -> bytes:
        self._builder.add(event)
        self._builder.output.told.clear()
        return b""

    def fail(self, error: DragomanError) -> bytes:
        return dump(error_record(error))

    def close(self) -> bytes:
        return dump(self._builder.whole or self._builder.response.running())
