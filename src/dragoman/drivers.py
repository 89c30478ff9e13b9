"""Run a flow: perform its effects on a transport and hand out the events it delivers, batch by batch.

The two classes are the same text but for ``await``; a test compares them. Closing one closes its upstream connection at once, from any
thread, and ends the flow; one that is dropped unread is closed when it is collected. Effects are told apart by ``type(…) is``, because
``isinstance`` asks the metaclass of each msgspec class that it is not.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from dragoman.core.errors import Cancelled, DragomanError, UsageError
from dragoman.core.events import Event
from dragoman.flow.effects import Chance, Close, Effect, Emit, Finish, Flow, Instant, Now, Open, Outcome, Read, Run, Sleep, Wait
from dragoman.programs import async_printed, printed
from dragoman.transport.seam import AsyncIncoming, AsyncTransport, Hold, Incoming, Transport


class Driver:
    """Runs one flow on blocking I/O."""

    def __init__(self, flow: Flow[None], transport: Transport) -> None:
        self._flow = flow
        self._transport = transport
        self._incoming: Incoming | None = None
        self._busy = False
        self._closed = False
        self.ended = False
        """Whether there are no more events."""
        self._give_up: Callable[[], None] | None = None

    def batch(self) -> list[Event]:
        """The next events, at least one; none when the answer has ended. Raises what the flow raises."""
        outcome: Outcome = None
        failure: DragomanError | None = None
        if self.ended:
            return []
        if self._closed:
            raise Cancelled("the stream was closed before its end")
        if self._busy:  # the flow would take this reader's coming for the outcome that it waits for
            raise UsageError("the stream is being read elsewhere; one reader at a time is allowed")
        self._busy = True
        try:
            while True:
                effect = self._flow.throw(failure) if failure else self._flow.send(outcome)
                if type(effect) is Emit:
                    return effect.events
                outcome, failure = None, None
                try:
                    incoming = self._incoming  # of a stream nearly all effects are reads
                    outcome = incoming.read(effect.timeout_s) if type(effect) is Read and incoming else self._perform(effect)
                except DragomanError as error:
                    failure = error
        except StopIteration:
            self._check_open()  # a flow that another thread closed ends in the same way as one that is complete
            self._incoming = self._give_up = None
            self.ended = True
            return []
        except BaseException:
            self.close()
            raise
        finally:
            self._busy = False

    def _perform(self, effect: Effect) -> Outcome:
        if type(effect) is Open:
            self._check_open()
            self._incoming = self._transport.open(effect.call, effect.timeouts, self._hold)
            self._check_open()
            return self._incoming
        if type(effect) is Finish and self._incoming:
            self._incoming.finish()
        elif type(effect) is Close and self._incoming:
            self._incoming.close()
        elif type(effect) is Sleep:
            pause(effect.seconds, self._hold)
        elif type(effect) is Wait:
            pause(effect.timeout_s, either(self._hold, effect.gate.when_open))
        elif type(effect) is Run:
            return printed(effect.command, effect.timeout_s, self._hold)
        return known_outcome(effect)

    def _hold(self, give_up: Callable[[], None]) -> None:
        """Takes what ends the wait that begins: for an answer's head, or before another try."""
        self._give_up = give_up
        if self._closed:
            give_up()

    def _check_open(self) -> None:
        if self._closed:
            self.close()
            raise Cancelled("the stream was closed before its end") from None

    def close(self) -> None:
        """Stop at once. May be called again."""
        self._closed = True
        if self.ended:
            return
        if self._give_up is not None:
            self._give_up()
        if self._incoming is not None:
            self._incoming.close()
        try:
            self._flow.close()
        except ValueError:  # it is being run by another thread, which the closed connection will wake
            return

    def __del__(self) -> None:
        if not self._closed:
            self.close()


class AsyncDriver:
    """Runs one flow on an event loop."""

    def __init__(self, flow: Flow[None], transport: AsyncTransport) -> None:
        self._flow = flow
        self._transport = transport
        self._incoming: AsyncIncoming | None = None
        self._busy = False
        self._closed = False
        self.ended = False
        """Whether there are no more events."""
        self._give_up: Callable[[], None] | None = None

    async def batch(self) -> list[Event]:
        """The next events, at least one; none when the answer has ended. Raises what the flow raises."""
        outcome: Outcome = None
        failure: DragomanError | None = None
        if self.ended:
            return []
        if self._closed:
            raise Cancelled("the stream was closed before its end")
        if self._busy:  # the flow would take this reader's coming for the outcome that it waits for
            raise UsageError("the stream is being read elsewhere; one reader at a time is allowed")
        self._busy = True
        try:
            while True:
                effect = self._flow.throw(failure) if failure else self._flow.send(outcome)
                if type(effect) is Emit:
                    return effect.events
                outcome, failure = None, None
                try:
                    incoming = self._incoming  # of a stream nearly all effects are reads
                    outcome = await (incoming.read(effect.timeout_s) if type(effect) is Read and incoming else self._perform(effect))
                except DragomanError as error:
                    failure = error
        except StopIteration:
            self._check_open()  # a flow that another thread closed ends in the same way as one that is complete
            self._incoming = self._give_up = None
            self.ended = True
            return []
        except BaseException:
            self.close()
            raise
        finally:
            self._busy = False

    async def _perform(self, effect: Effect) -> Outcome:
        if type(effect) is Open:
            self._check_open()
            self._incoming = await self._transport.open(effect.call, effect.timeouts, self._hold)
            self._check_open()
            return self._incoming
        if type(effect) is Finish and self._incoming:
            await self._incoming.finish()
        elif type(effect) is Close and self._incoming:
            self._incoming.close()
        elif type(effect) is Sleep:
            await async_pause(effect.seconds, self._hold)
        elif type(effect) is Wait:
            await async_pause(effect.timeout_s, either(self._hold, effect.gate.when_open))
        elif type(effect) is Run:
            return await async_printed(effect.command, effect.timeout_s, self._hold)
        return known_outcome(effect)

    def _hold(self, give_up: Callable[[], None]) -> None:
        """Takes what ends the wait that begins: for an answer's head, or before another try."""
        self._give_up = give_up
        if self._closed:
            give_up()

    def _check_open(self) -> None:
        if self._closed:
            self.close()
            raise Cancelled("the stream was closed before its end") from None

    def close(self) -> None:
        """Stop at once. May be called again."""
        self._closed = True
        if self.ended:
            return
        if self._give_up is not None:
            self._give_up()
        if self._incoming is not None:
            self._incoming.close()
        try:
            self._flow.close()
        except ValueError:  # it is being run by another thread, which the closed connection will wake
            return

    def __del__(self) -> None:
        if not self._closed:
            self.close()


def pause(seconds: float | None, hold: Hold) -> None:
    """Wait; what ``hold`` is handed ends it early."""
    woken = threading.Event()
    hold(woken.set)
    woken.wait(seconds)


async def async_pause(seconds: float | None, hold: Hold) -> None:
    """``pause`` on an event loop, which may be woken from another thread too."""
    import asyncio  # programs that only ever block never load it

    woken, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # a loop that was closed since has nobody to wake
            loop.call_soon_threadsafe(woken.set)

    hold(wake)
    with suppress(TimeoutError):
        await asyncio.wait_for(woken.wait(), seconds)


def either(one: Hold, other: Hold) -> Hold:
    """Hands what ends the wait to both."""

    def hold(wake: Callable[[], None]) -> None:
        one(wake)
        other(wake)

    return hold


def known_outcome(effect: Effect) -> Outcome:
    """The outcome of an effect that needs no connection."""
    if type(effect) is Now:
        return Instant(time.monotonic(), time.time())
    if type(effect) is Chance:
        return random.random()
    return None
