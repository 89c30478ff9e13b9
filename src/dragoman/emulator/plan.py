"""An answer as a plan: status, header fields and timed steps, before a byte is sent. Pure: a delay is data in the plan, never slept here.

Steps are made one by one as they are performed, so that an answer of any length costs no memory and making it stops when the client leaves.
Faults are transformations of the steps, in two rounds: those that count events, then those that count bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from dragoman.core.errors import DragomanError, ServerFault
from dragoman.core.events import BlockStarted, Event, Finished
from dragoman.core.exchange import Encoder, Headers, Reply, header, with_headers
from dragoman.core.request import Request
from dragoman.emulator.answer import DELTAS
from dragoman.emulator.fault import Fault
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, encode_event

Outcome = Literal["finished", "abandoned", "cut", "refused"]
"""How a request ended: answered to the end, left by the client, cut off by a fault or the emulator's stop, or answered with an error."""

NO_FAULT: Final = Fault()


class Wait(msgspec.Struct, frozen=True):
    """Time passes: the model thinks. Even with no time at all, what was written before leaves on its own."""

    seconds: float


class Write(msgspec.Struct, frozen=True):
    """Bytes of the body leave, at once and apart from others."""

    data: bytes
    is_tail: bool = False
    """The answer's content is complete with these bytes."""


class Stall(msgspec.Struct, frozen=True):
    """Silence, for ever where ``seconds`` is ``None``."""

    seconds: float | None


class Cut(msgspec.Struct, frozen=True):
    """The connection is closed with the body incomplete."""


Step = Wait | Write | Stall | Cut


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the emulated model is: ``ttft_s`` before the first content, then ``tokens_per_second`` (``None`` is as fast as may be)."""

    ttft_s: float = 0.0
    tokens_per_second: float | None = None

    @property
    def gap_s(self) -> float:
        return 1 / self.tokens_per_second if self.tokens_per_second else 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to be performed once. ``length`` is the body's; ``None`` is a stream of unknown length."""

    status: int
    headers: Headers
    steps: Iterable[Step]
    length: int | None = None
    delay_s: float = 0.0
    """Time before the first byte of the head."""
    provider: str | None = None
    request: Request | None = None
    operation: str | None = None
    asked: Any = None
    error: DragomanError | None = None
    fault: Fault | None = None

    @property
    def outcome(self) -> Outcome:
        """What a performance to the end amounts to."""
        return "refused" if self.status >= 400 else "finished"


FACTS: Final = ("provider", "request", "operation", "asked", "error", "fault", "status")
"""What of a plan is worth telling of its request."""


def plan_events(events: Iterable[Event], request: Request, encoder: Encoder, pace: Pace, fault: Fault, quirks: Quirks) -> Plan:
    """The answer that ``events`` tell, streamed or whole as ``request`` asks, with ``fault`` in it."""
    if not request.stream:
        return _plan_whole(events, encoder, pace, fault)
    steps = _stream_steps(events, encoder, pace, _left_out(fault, quirks))
    if fault.error_after is not None:
        steps = _fail_after(steps, fault.error_after, lambda: encoder.fail(asked_error(fault)))
    return _faulty(200, (("content-type", encoder.content_type), ("cache-control", "no-cache")), steps, None, fault)


def _plan_whole(events: Iterable[Event], encoder: Encoder, pace: Pace, fault: Fault) -> Plan:
    deltas = 0
    for event in events:
        deltas += isinstance(event, DELTAS)
        encoder.send(event)
    body = encoder.close() if fault.error_after is None else encoder.fail(asked_error(fault))
    plan = plan_reply(Reply(200, (("content-type", encoder.content_type),), body), fault)
    return msgspec.structs.replace(plan, delay_s=plan.delay_s + pace.ttft_s + max(deltas - 1, 0) * pace.gap_s)


def plan_reply(reply: Reply, fault: Fault = NO_FAULT) -> Plan:
    """A whole answer, with those faults in it that bytes can have."""
    body = reply.body
    if fault.malformed_after is not None:
        body = break_json(body)
    half = len(body) // 2
    whole: list[Step] = [Write(body, is_tail=True)] if body else []
    halves: list[Step] = [Write(body[:half]), Stall(fault.stall_s), Write(body[half:], is_tail=True)]
    steps = whole if fault.stall_after is None else halves
    by_bytes = msgspec.structs.replace(fault, malformed_after=None, stall_after=None, stall_s=None)
    return _faulty(reply.status, reply.headers, iter(steps), len(body), by_bytes)


def plan_operation(reply: Reply, pace: Pace, fault: Fault, failure: bytes) -> Plan:
    """The answer to an operation, which waits for the model to begin; where it is an event stream, each event is one.

    ``failure`` tells what ``error-after`` asks for.
    """
    if header(reply.headers, "content-type") == CONTENT_TYPE:
        events = reply.body.removesuffix(b"\n\n").split(b"\n\n")
        steps: Iterator[Step] = (Write(event + b"\n\n") for event in (events[:-1] if fault.no_end else events))
        if fault.error_after is not None:
            steps = _fail_after(steps, fault.error_after, lambda: encode_event(failure))
        plan = _faulty(reply.status, reply.headers, steps, None, fault)
    else:
        told = reply if fault.error_after is None else Reply(200, (("content-type", "application/json"),), failure)
        plan = plan_reply(told, fault)
    return msgspec.structs.replace(plan, delay_s=plan.delay_s + pace.ttft_s)


def _faulty(status: int, headers: Headers, steps: Iterator[Step], length: int | None, fault: Fault) -> Plan:
    if fault.malformed_after is not None:
        steps = _malform_after(steps, fault.malformed_after)
    if fault.stall_after is not None:
        steps = _stall_after(steps, fault.stall_after, Stall(fault.stall_s))
    if fault.cut_after is not None:
        steps = _cut_after(steps, fault.cut_after)
    if fault.split is not None:
        steps = _split(steps, fault.split)
    if fault.content_type is not None:
        headers = with_headers(headers, {"content-type": fault.content_type})
    return Plan(status=status, headers=headers, steps=steps, length=length, delay_s=fault.slow_start_s or 0.0)


def asked_error(fault: Fault) -> DragomanError:
    """The failure that ``error-after`` tells inside the answer."""
    return ServerFault("the emulator was asked to fail here", code=fault.code)


# --- the stream -------------------------------------------------------------------------------------------------------------------------


def _left_out(fault: Fault, quirks: Quirks) -> tuple[bool, bool]:
    """Whether the finish and whether the stream's own end are left out: what completes an answer is the host's quirk."""
    return fault.no_end and quirks.end_marker == "finish", fault.no_end


def _stream_steps(events: Iterable[Event], encoder: Encoder, pace: Pace, left_out: tuple[bool, bool]) -> Iterator[Step]:
    without_finish, without_end = left_out
    try:
        for event, wait_s in _timed(events, pace):
            if wait_s:
                yield Wait(wait_s)
            if without_finish and isinstance(event, Finished):
                continue
            data = encoder.send(event)
            if data:
                yield Write(data, isinstance(event, Finished))
    except DragomanError as error:
        yield Write(encoder.fail(error), is_tail=True)
        return
    end = b"" if without_end else encoder.close()
    if end:
        yield Write(end, is_tail=True)


def _timed(events: Iterable[Event], pace: Pace) -> Iterator[tuple[Event, float]]:
    """Each event with the time before it: the first content waits for the model to begin, each further token for its turn."""
    begun = spoken = False
    gap_s = pace.gap_s
    for event in events:
        wait_s = 0.0
        if not begun and isinstance(event, (BlockStarted, *DELTAS, Finished)):
            begun, wait_s = True, pace.ttft_s
        if isinstance(event, DELTAS):
            wait_s += gap_s if spoken else 0.0
            spoken = True
        yield event, wait_s


# --- faults that count events -----------------------------------------------------------------------------------------------------------


def _fail_after(steps: Iterator[Step], count: int, failure: Callable[[], bytes]) -> Iterator[Step]:
    """``failure``, worded when it is due, ends the answer after ``count`` events, or at its end where it is shorter."""
    for step in steps:
        if isinstance(step, Write):
            if not count:
                break
            count -= 1
        yield step
    yield Write(failure(), is_tail=True)


def _malform_after(steps: Iterator[Step], count: int) -> Iterator[Step]:
    """The first event after ``count`` that holds JSON is broken."""
    done = False
    for step in steps:
        if isinstance(step, Write) and not done:
            if count:
                count -= 1
            elif b"}" in step.data:
                done = True
                step = Write(break_json(step.data), step.is_tail)
        yield step


def _stall_after(steps: Iterator[Step], count: int, stall: Stall) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, Write):
            if count == 0:
                yield stall
            count -= 1
        yield step
    if count == 0:
        yield stall


def break_json(data: bytes) -> bytes:
    """``data`` without its last closing brace, so that its framing holds and its JSON does not."""
    head, brace, tail = data.rpartition(b"}")
    return head + tail if brace else data + b"{"


# --- faults that count bytes ------------------------------------------------------------------------------------------------------------


def _cut_after(steps: Iterator[Step], left: int) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, Write):
            if left <= len(step.data):
                if left:
                    yield Write(step.data[:left])
                yield Cut()
                return
            left -= len(step.data)
        yield step


def _split(steps: Iterator[Step], size: int) -> Iterator[Step]:
    """A wait of no length parts the pieces: they are handed over one by one."""
    begun = False
    for step in steps:
        if not isinstance(step, Write):
            yield step
            continue
        for at in range(0, len(step.data), size):
            if begun:
                yield Wait(0.0)
            begun = True
            yield Write(step.data[at : at + size], step.is_tail)


# --- texts in place of an answer --------------------------------------------------------------------------------------------------------

PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"

_ANYTHING: Final = re.compile(r"\[\^?[^\]]+\][*+]\??|\.[*+]\??|\\[wSd][*+]\??")
_ESCAPED: Final = re.compile(r"\\([^A-Za-z0-9])")


def sample(pattern: str, word: str) -> str | None:
    """A text in which ``pattern`` is found, each run of any characters being ``word``; ``None`` for a pattern that this cannot do."""
    text = _ESCAPED.sub(r"\1", _ANYTHING.sub(lambda _found: word, pattern).strip("^$"))
    return text if re.search(pattern, text) else None
