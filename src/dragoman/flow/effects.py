"""What a flow may ask of its driver. The outcome of each effect is said in its docstring; a failure is thrown into the flow."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers, Timeouts


class Opened(Protocol):
    """An answer whose head has arrived; the driver's own handle to it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...


class Open(msgspec.Struct, frozen=True):
    """Send ``call`` and wait for the head of the answer. Outcome: an ``Opened``."""

    call: Call
    timeouts: Timeouts


class Read(msgspec.Struct, frozen=True):
    """The next bytes of the open answer. Outcome: ``bytes``, empty at the clean end. ``timeout_s`` shortens this one wait."""

    timeout_s: float | None = None


class Finish(msgspec.Struct, frozen=True):
    """The answer is complete: leave its connection in the best state for the next call. Outcome: ``None``."""


class Close(msgspec.Struct, frozen=True):
    """Give up the open answer at once. Outcome: ``None``."""


class Sleep(msgspec.Struct, frozen=True):
    """Wait. Outcome: ``None``."""

    seconds: float


class Instant(msgspec.Struct, frozen=True):
    """A moment: seconds on a clock that never jumps, and seconds since 1970."""

    monotonic_s: float
    epoch_s: float


class Now(msgspec.Struct, frozen=True):
    """Outcome: an ``Instant``."""


class Chance(msgspec.Struct, frozen=True):
    """Outcome: a random number, at least 0 and below 1."""


class Gate:
    """What one flow opens and others wait at. Threads and event loops may share one: each step is a single one of the interpreter's."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Callable[[], object]] = []
        self._is_open = False

    def open(self) -> None:
        """Let everybody through who waits or will wait."""
        self._is_open = True
        self._let_through()

    def when_open(self, tell: Callable[[], object]) -> None:
        """Call ``tell`` once, when the gate is opened: from the opener's thread, or at once where it is open."""
        self._waiting.append(tell)
        if self._is_open:  # looked at after the line above, so that an opener either sees the newcomer or was seen by it
            self._let_through()

    def _let_through(self) -> None:
        while self._waiting:
            try:
                tell = self._waiting.pop()
            except IndexError:  # another thread was faster
                return
            tell()


class Wait(msgspec.Struct, frozen=True):
    """Wait until ``gate`` is open, at most ``timeout_s``. Outcome: ``None``."""

    gate: Gate
    timeout_s: float | None = None


class Run(msgspec.Struct, frozen=True):
    """Run a program that the user's own files name, and wait until it has ended. Outcome: the ``bytes`` that it printed."""

    command: str
    timeout_s: float


class Emit(msgspec.Struct, frozen=True):
    """Deliver ``events`` to the caller. Outcome: ``None``, once the caller wants more."""

    events: list[Event]


Effect: TypeAlias = Open | Read | Finish | Close | Sleep | Now | Chance | Wait | Run | Emit
Outcome: TypeAlias = Opened | bytes | Instant | float | None
T = TypeVar("T")
Flow: TypeAlias = Generator[Effect, Outcome, T]
"""A policy at work; it returns ``T`` when it is done."""


def opened(call: Call, timeouts: Timeouts) -> Flow[Opened]:
    """The answer to ``call``, its head read. Typed help for ``yield from``, as are the functions below."""
    outcome = yield Open(call, timeouts)
    return outcome  # type: ignore[return-value]  # the driver's contract; a generator's outcomes have one type for all effects


def read(timeout_s: float | None = None) -> Flow[bytes]:
    outcome = yield Read(timeout_s)
    return outcome  # type: ignore[return-value]  # as above


def printed(command: str, timeout_s: float) -> Flow[bytes]:
    outcome = yield Run(command, timeout_s)
    return outcome  # type: ignore[return-value]  # as above


def now() -> Flow[Instant]:
    outcome = yield Now()
    return outcome  # type: ignore[return-value]  # as above


def chance() -> Flow[float]:
    outcome = yield Chance()
    return outcome  # type: ignore[return-value]  # as above
