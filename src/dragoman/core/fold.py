"""Events to one response: the only accumulator in the package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, assert_never

import msgspec

from dragoman.core.events import (
    BlockEnded,
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
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import AnyPart, Audio, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers asked for. ``finish`` is ``None`` where the answer did not reach its end."""

    parts: tuple[AnyPart, ...] = ()
    finish: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    extra: Extra = {}

    @property
    def message(self) -> Message:
        """The turn to append to the conversation."""
        return Message("assistant", self.parts)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. The shortcuts (``text``, ``tool_calls`` …) read the first choice."""

    choices: tuple[Choice, ...]
    id: str | None = None
    model: str | None = None
    created_s: int | None = None
    usage: Usage | None = None
    warnings: tuple[str, ...] = ()
    provider: str | None = None
    extra: Extra = {}

    @property
    def parts(self) -> tuple[AnyPart, ...]:
        return self.choices[0].parts if self.choices else ()

    @property
    def message(self) -> Message:
        """The turn to append to the conversation."""
        return Message("assistant", self.parts)

    @property
    def text(self) -> str:
        return "".join([part.text for part in self.parts if isinstance(part, Text)])

    @property
    def reasoning(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str | None:
        return "".join(part.text for part in self.parts if isinstance(part, Refusal)) or None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(part for part in self.parts if isinstance(part, Source))

    @property
    def finish_reason(self) -> FinishName | None:
        """Our word for why the model stopped; ``None`` where the answer did not reach its end. The vendor's is in ``finish.raw``."""
        return self.finish.unified if self.finish else None

    @property
    def finish(self) -> FinishReason | None:
        return self.choices[0].finish if self.choices else None

    def __str__(self) -> str:
        return self.text


class _Block:
    __slots__ = ("data", "ended", "pieces", "started")

    def __init__(self, started: BlockStarted) -> None:
        self.started = started
        self.pieces: list[str] = []
        self.data: list[bytes] = []
        self.ended: BlockEnded | None = None

    def part(self) -> AnyPart:
        started, text = self.started, "".join(self.pieces)
        extra = joined(started.extra, self.ended.extra) if self.ended and self.ended.extra else started.extra
        match started.kind:
            case "text":
                return Text(text=text, extra=extra)
            case "refusal":
                return Refusal(text=text, extra=extra)
            case "opaque":
                return Opaque(extra=extra)
            case "image":
                return Image(data=b"".join(self.data), media_type=started.media_type, extra=extra)
            case "audio":
                return Audio(data=b"".join(self.data), media_type=started.media_type, transcript=text or None, extra=extra)
            case "tool":
                return ToolCall(id=started.id or "", name=started.name or "", arguments=text, extra=extra)
            case "reasoning":
                signature = self.ended.signature if self.ended else None
                return Reasoning(text=text, signature=signature, redacted_data=started.redacted_data, id=started.id, extra=extra)
            case _:
                assert_never(started.kind)


def joined(first: Extra, last: Extra) -> Extra:
    """Both, dialect by dialect: a vendor tells some of its own fields when a block opens and some when it ends."""
    return {name: {**first.get(name, {}), **last.get(name, {})} for name in first | last}


class _Choice:
    __slots__ = ("blocks", "finished", "logprobs", "order")

    def __init__(self) -> None:
        self.blocks: dict[int, _Block] = {}
        self.order: list[_Block | Source] = []
        self.logprobs: list[TokenLogprob] = []
        self.finished: Finished | None = None

    def choice(self) -> Choice:
        finished = self.finished
        return Choice(
            parts=tuple([item.part() if isinstance(item, _Block) else item for item in self.order]),
            finish=finished.reason if finished else None,
            logprobs=tuple(self.logprobs) or None,
            extra=finished.extra if finished else {},
        )


def _add_text(choice: _Choice, event: TextDelta) -> None:
    choice.blocks[event.index].pieces.append(event.text)
    if event.logprobs:
        choice.logprobs.extend(event.logprobs)


def _add_reasoning(choice: _Choice, event: ReasoningDelta) -> None:
    choice.blocks[event.index].pieces.append(event.reasoning)


def _add_arguments(choice: _Choice, event: ToolDelta) -> None:
    choice.blocks[event.index].pieces.append(event.arguments)


def _add_media(choice: _Choice, event: MediaDelta) -> None:
    block = choice.blocks[event.index]
    block.data.append(event.data)
    block.pieces.append(event.transcript)


def _start_block(choice: _Choice, event: BlockStarted) -> None:
    block = choice.blocks[event.index] = _Block(event)
    choice.order.append(block)


def _end_block(choice: _Choice, event: BlockEnded) -> None:
    choice.blocks[event.index].ended = event


def _add_source(choice: _Choice, event: SourceAdded) -> None:
    choice.order.append(event.source)


def _finish(choice: _Choice, event: Finished) -> None:
    choice.finished = event


_ADD: Final[dict[type, Callable[[_Choice, Any], None]]] = {
    TextDelta: _add_text,
    ReasoningDelta: _add_reasoning,
    ToolDelta: _add_arguments,
    MediaDelta: _add_media,
    BlockStarted: _start_block,
    BlockEnded: _end_block,
    SourceAdded: _add_source,
    Finished: _finish,
}


class Fold:
    """Accumulates events; ``response()`` may be asked at any time and then holds what has arrived so far."""

    def __init__(self) -> None:
        self._started = Started()
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None

    def add(self, event: Event) -> None:
        """Take in one event, in legal order."""
        self.add_all((event,))

    def add_all(self, events: Iterable[Event]) -> None:
        """Take in several, in legal order."""
        choices = self._choices
        for event in events:
            if type(event) is Started:  # not ``isinstance``, which asks the metaclass of a msgspec class
                self._started = event
                continue
            choice = choices.get(event.choice)
            if choice is None:
                choice = choices[event.choice] = _Choice()
            _ADD[type(event)](choice, event)
            if type(event) is Finished:
                self._usage = event.usage or self._usage

    def response(self) -> Response:
        started = self._started
        return Response(
            choices=tuple([self._choices[number].choice() for number in sorted(self._choices)]),
            id=started.id,
            model=started.model,
            created_s=started.created_s,
            usage=self._usage,
            warnings=started.warnings,
            extra=started.extra,
        )


def fold(events: Iterable[Event]) -> Response:
    """The response that ``events`` tell."""
    state = Fold()
    state.add_all(events)
    return state.response()
