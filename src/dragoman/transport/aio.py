"""The transport over asyncio, the standard loop's or uvloop's. Only the I/O is here; the policy is ``engine``.

Law: no threads but the loop's own for name look-ups. What arrives waits in a bounded buffer (the loop stops reading above it). One
lazy timer serves all waits of a loop, for a streamed answer waits often and seldom in vain. Connections belong to the loop
they were made on, and are closed when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, cast

from dragoman.core.errors import Cancelled, UsageError
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.connect import Address, race
from dragoman.transport.engine import Conversation, Engine
from dragoman.transport.pool import Pool
from dragoman.transport.seam import Hold
from dragoman.transport.settings import Settings

BUFFER_BYTES = 131_072
_LOOK_S = 0.000_02
"""Of rest for each wire that was looked at: a hundred times what that takes."""


class AsyncioTransport:
    """``AsyncTransport``; used from one event loop at a time."""

    def __init__(self, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._engine = Engine(settings or Settings(), os.environ if environ is None else environ, AsyncioDialer())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: AsyncGenerator[None, None] | None = None

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> Coroutine[Any, Any, Conversation]:
        if self._loop is asyncio.get_running_loop():
            return self._engine.open(call, timeouts, hold)
        return self._open_first(call, timeouts, hold)

    async def _open_first(self, call: Call, timeouts: Timeouts, hold: Hold | None) -> Conversation:
        await self._settle()
        return await self._engine.open(call, timeouts, hold)

    async def close(self) -> None:
        self._engine.pool.close_all(for_ever=True)
        if self._watch is not None and self._loop is asyncio.get_running_loop():
            await self._watch.aclose()
        # The loop lets go of a socket one step after it is told to.
        await asyncio.sleep(0)

    async def _settle(self) -> None:
        """Belong to the running loop. A loop that ends closes its asynchronous generators, and with this one our connections."""
        pool = self._engine.pool
        pool.close_all(for_ever=False)
        self._loop = asyncio.get_running_loop()
        self._watch = pool.keeper = _until_loop_ends(weakref.ref(pool))
        await anext(self._watch)


async def _until_loop_ends(reference: weakref.ref[Pool]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        pool = reference()
        if pool is not None:
            pool.close_all(for_ever=False)


class Alarm:
    """The one timer of a loop's wires: each of its own would weigh as much as the wire, and streams wait often and seldom in vain.

    When it rings it looks at all of them, and then rests so long that this takes a small share of the time; a wait may last so much longer.
    """

    __slots__ = ("_at", "_rested", "_timer", "loop", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0
        self._rested = 0.0
        self.waiting: set[AsyncioWire] = set()

    def watch(self, wire: AsyncioWire, until: float) -> None:
        """Ring for ``wire`` when ``until`` is over, unless it waits for something else by then."""
        self.waiting.add(wire)
        if self._timer is None or max(until, self._rested) < self._at:
            self._set(until, time.monotonic())

    def _set(self, until: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = until = max(until, self._rested)
        # A loop cannot count further than some weeks; the timer looks again when it rings.
        self._timer = self.loop.call_later(min(max(0.0, until - now), 86_400.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic()
        ends = [end for wire in list(self.waiting) if (end := wire.look_at_clock(now)) is not None]
        self._rested = now + len(ends) * _LOOK_S
        if ends:
            self._set(min(ends), now)


class AsyncioWire(asyncio.Protocol):
    """``Wire`` over an asyncio transport."""

    __slots__ = (
        "_alarm",
        "_chunks",
        "_closed",
        "_deadline",
        "_ended",
        "_loop",
        "_lost",
        "_paused",
        "_size",
        "_transport",
        "_waiter",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        self._loop = loop
        self._alarm = alarm
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._paused = False
        self._ended = False
        self._closed = False
        self._lost: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: float | None = None

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, so this cannot be asserted.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > BUFFER_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._lost = exc
        self._alarm.waiting.discard(self)
        self._wake()

    # What the policy calls.

    def offer(self, data: bytes) -> bool:
        self._check()
        if data and not self._ended and self._transport is not None:
            self._transport.write(data)
        return True

    async def send(self, data: bytes, until: float | None) -> bool:
        return self.offer(data)

    async def receive(self, until: float | None) -> bytes:
        while (data := self.look(until)) is None:
            waiter = self._wait(until)
            try:
                await waiter
            finally:
                self._waiter = None
        return data

    def look(self, until: float | None) -> bytes | None:
        self._check()
        if not self._chunks:
            if self._lost is not None:
                raise self._lost if isinstance(self._lost, OSError) else OSError(str(self._lost))
            return b"" if self._ended else None
        chunks, self._chunks, self._size = self._chunks, [], 0
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _wait(self, until: float | None) -> asyncio.Future[None]:
        """What is done as soon as there is something to look at."""
        if self._waiter is not None:
            raise UsageError("the answer is being read elsewhere; one read at a time is allowed")
        self._deadline = until
        if until is not None:
            self._alarm.watch(self, until)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def look_at_clock(self, now: float) -> float | None:
        """End a wait that has lasted too long; until when the wait that goes on may last, ``None`` where there is none."""
        waiter, deadline = self._waiter, self._deadline
        if waiter is None or deadline is None or waiter.done():
            self._alarm.waiting.discard(self)
            return None
        if now < deadline:
            return deadline
        self._alarm.waiting.discard(self)
        waiter.set_exception(TimeoutError())
        return None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _check(self) -> None:
        if self._closed:
            raise Cancelled("the connection was closed while it was in use")

    def idle(self) -> bool:
        transport = self._transport
        if transport is None or self._ended or self._closed or self._chunks or self._loop is not asyncio.get_running_loop():
            return False
        return transport.get_write_buffer_size() == 0

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            self._let_go()
        else:
            # Another thread, or the collector, or a loop that has ended (then there is nothing left to tell).
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._wake()


class AsyncioDial:
    """A connect that runs as a task."""

    __slots__ = ("socket", "task")

    def __init__(self, address: Address) -> None:
        family, where = address
        self.socket: socket.socket | None = None
        self.task = asyncio.ensure_future(self._connect(family, where))

    async def _connect(self, family: int, where: tuple[str, int]) -> None:
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(self.socket, where)

    def outcome(self) -> OSError | None:
        error = self.task.exception()
        return error if error is None or isinstance(error, OSError) else OSError(str(error))

    def abandon(self) -> None:
        # The loop still watches the socket's number until the task has ended; closed before, the number could be another's.
        self.task.cancel()
        self.task.add_done_callback(self._close)

    def _close(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()
        if self.socket is not None:
            self.socket.close()


class AsyncioDialer:
    """``Dialer`` whose waits suspend."""

    _alarm: Alarm | None = None
    """That of the loop in which the last wire was made."""

    def _wire(self) -> Callable[[], AsyncioWire]:
        loop = asyncio.get_running_loop()
        alarm = self._alarm
        if alarm is None or alarm.loop is not loop:
            alarm = self._alarm = Alarm(loop)
        return partial(AsyncioWire, loop, alarm)

    async def resolve(self, host: str, port: int, until: float | None) -> list[Address]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, where) for family, _, _, _, where in found]

    def dial(self, address: Address) -> AsyncioDial:
        return AsyncioDial(address)

    async def settled(self, dials: Sequence[AsyncioDial], until: float | None) -> list[AsyncioDial]:
        left = None if until is None else max(0.0, until - time.monotonic())
        await asyncio.wait([dial.task for dial in dials], timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return [dial for dial in dials if dial.task.done()]

    async def wire(self, dial: AsyncioDial) -> AsyncioWire:
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(self._wire(), sock=dial.socket)
        except BaseException:
            dial.abandon()
            raise
        return wire

    async def straight(self, address: Address, until: float | None) -> AsyncioWire:
        """By the loop's own way, which has no task and no socket object of Python's: uvloop's takes a third of the time of a race."""
        _, (host, port, *rest) = address
        if any(rest):  # the scope of a link-local address, which the loop would not be told
            return await self.wire(await race(self, (address,), until))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
            _, wire = await loop.create_connection(self._wire(), host, port)
        return wire
