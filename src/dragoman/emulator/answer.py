"""What an emulated model says, and the events in which it says it.

``Answer`` is the high-level form; ``answer_events`` tells it in legal order, the choices asked for side by side. ``complete_events`` fills
in what a scenario need not care for (id, model, time, token counts), whichever way the events came about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
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
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import ToolCall
from dragoman.core.opaque import JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.emulator.fault import Fault
from dragoman.emulator.pieces import count_messages, fragments, pieces

MAX_CHOICES: Final = 128
COUNTED_BY: Final[JsonObject] = {"counted_by": "dragoman emulator: one token for each piece"}
"""Stands in ``Usage.raw`` of every count that the emulator made itself."""

DELTAS: Final = (TextDelta, ReasoningDelta, ToolDelta, MediaDelta)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, said in this order: reasoning, text, refusal, tool calls.

    ``finish`` is by default what follows from the rest, ``usage`` is counted (see ``pieces``) unless given, and ``fault`` is what goes
    wrong with this answer where the request itself asks for no other fault. Raises ``UsageError`` for a fault that is none.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish: FinishName | None = None
    usage: Usage | None = None
    fault: Fault | str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.fault, str):
            Fault.parse(self.fault)


def tool_call(name: str, arguments: JsonObject | str = "{}", id: str = "") -> ToolCall:
    """A call for an ``Answer``; without an ``id`` the emulator gives it one."""
    return ToolCall(id=id, name=name, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))


def answer_events(answer: Answer, request: Request, call_prefix: str = "call_emulated") -> Iterator[Event]:
    """The events of ``answer``, once for each choice that ``request`` asks for. Raises ``BadRequest`` for an impossible number."""
    count = 1 if request.n is None else request.n
    if not 1 <= count <= MAX_CHOICES:
        raise BadRequest(f"n: {count} was given; a number from 1 to {MAX_CHOICES} is allowed", param="n")
    choices = [_choice_events(answer, choice, request.max_output_tokens, f"{call_prefix}_{choice}") for choice in range(count)]
    return (event for row in zip_longest(*choices) for event in row if event is not None)


class _Block(msgspec.Struct, frozen=True):
    kind: BlockKind
    deltas: Iterable[str]
    call: ToolCall | None = None


def _blocks(answer: Answer) -> Iterator[_Block]:
    if answer.reasoning:
        yield _Block("reasoning", pieces(answer.reasoning))
    if answer.text:
        yield _Block("text", pieces(answer.text))
    if answer.refusal:
        yield _Block("refusal", pieces(answer.refusal))
    for call in answer.tool_calls:
        yield _Block("tool", fragments(call.arguments), call)


def _choice_events(answer: Answer, choice: int, limit: int | None, call_prefix: str) -> Iterator[Event]:
    """One choice, cut off where the caller's limit of tokens is reached."""
    said = 0
    for index, block in enumerate(_blocks(answer)):
        call = block.call
        if call:
            yield BlockStarted(index, "tool", call.id or f"{call_prefix}_{index}", call.name, choice=choice)
        else:
            yield BlockStarted(index, block.kind, choice=choice)
        for piece in block.deltas:
            if said == limit:
                yield BlockEnded(index, choice=choice)
                yield Finished(FinishReason("length"), answer.usage, choice)
                return
            said += 1
            yield _delta(block.kind, index, piece, choice)
        yield BlockEnded(index, choice=choice)
    yield Finished(FinishReason(answer.finish or ("tool_calls" if answer.tool_calls else "stop")), answer.usage, choice)


def _delta(kind: BlockKind, index: int, piece: str, choice: int) -> Event:
    if kind == "tool":
        return ToolDelta(index, piece, choice)
    if kind == "reasoning":
        return ReasoningDelta(index, piece, choice)
    return TextDelta(index, piece, None, choice)


def complete_events(events: Iterable[Event], request: Request, id: str, now_s: int) -> Iterator[Event]:
    """``events`` with a ``Started`` at their head that knows id, model and time, and the token counts on the last choice to finish."""
    started = False
    said = thought = finished = 0
    for event in events:
        if isinstance(event, Started):
            event = _named(event, request, id, now_s)
        elif not started:
            yield _named(Started(), request, id, now_s)
        started = True
        if isinstance(event, DELTAS):
            said += 1
            thought += isinstance(event, ReasoningDelta)
        elif isinstance(event, Finished):
            finished += 1
            if event.usage is None and finished >= (request.n or 1):
                event = msgspec.structs.replace(event, usage=_usage(request, said, thought))
        yield event


def _named(event: Started, request: Request, id: str, now_s: int) -> Started:
    return msgspec.structs.replace(
        event,
        id=event.id or id,
        model=event.model or request.model,
        created_s=now_s if event.created_s is None else event.created_s,
    )


def _usage(request: Request, said: int, thought: int) -> Usage:
    return Usage(input_tokens=count_messages(request.messages), output_tokens=said, reasoning_tokens=thought, raw=COUNTED_BY)
