"""The transport over plain sockets. Only the I/O is here; the policy is ``engine``.

Law: no event loop and no thread of ours, except that a name look-up, which the system cannot time out, waits in a thread that may be
left behind. Sockets never block: each wait is a ``poll`` with its own end, so that no timeout of a socket has to be set and set back.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import socket
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from dragoman.core.errors import Cancelled
from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.transport.connect import Address, race
from dragoman.transport.engine import Conversation, Engine
from dragoman.transport.seam import Hold
from dragoman.transport.settings import Settings

RECEIVE_BYTES = 65_536
_LONGEST_POLL_S = 86_400.0

ResultT = TypeVar("ResultT")


def run(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run a coroutine whose every wait blocks: it ends at the first step."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: ResultT = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine over blocking wires suspended")


class SocketTransport:
    """``Transport`` over sockets; may be shared between threads."""

    def __init__(self, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._engine = Engine(settings or Settings(), os.environ if environ is None else environ, SocketDialer())

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> SocketIncoming:
        return SocketIncoming(run(self._engine.open(call, timeouts, hold)))

    def close(self) -> None:
        self._engine.pool.close_all(for_ever=True)


class SocketIncoming:
    """``Incoming`` over a conversation whose waits block."""

    __slots__ = ("_conversation", "headers", "status")
    status: int
    headers: Headers

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self.status, self.headers = conversation.head

    def at_hand(self) -> bytes | None:
        return self._conversation.at_hand()

    def read(self, timeout_s: float | None = None) -> bytes:
        data = self._conversation.at_hand()
        return run(self._conversation.read(timeout_s)) if data is None else data

    def finish(self) -> None:
        if not self._conversation.is_over:
            run(self._conversation.finish())

    def close(self) -> None:
        self._conversation.close()


class SocketWire:
    """``Wire`` over a connected socket."""

    __slots__ = ("_broken", "_closed", "_in_use", "_pending", "_pid", "_poll", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = poller(connected)
        self._pending: memoryview | bytes = b""
        self._broken = False
        self._closed = False
        self._in_use = False
        self._pid = os.getpid()

    def offer(self, data: bytes) -> bool:
        if self._pending:
            self._pending = b"".join((self._pending, data))
            return False
        self._enter()
        try:
            count = self._socket.send(data)
        except BlockingIOError:
            count = 0
        except OSError:
            # The answer may be here all the same (413, then a reset); reading will tell.
            count, self._broken = len(data), True
        finally:
            self._leave()
        if count < len(data):
            self._pending = memoryview(data)[count:]
            return False
        return True

    async def send(self, data: bytes, until: float | None) -> bool:
        self._enter()
        try:
            self._pending = b"".join((self._pending, data)) if self._pending else data
            while self._pending:
                try:
                    count = self._socket.send(self._pending)
                except BlockingIOError:
                    if self._wait(until, True):
                        return False
                except OSError:
                    self._pending, self._broken = b"", True  # as above
                else:
                    self._pending = memoryview(self._pending)[count:] if count < len(self._pending) else b""
            return True
        finally:
            self._leave()

    def look(self, until: float | None) -> bytes:
        self._enter()
        try:
            while True:
                self._wait(until, False)
                try:
                    return self._socket.recv(RECEIVE_BYTES)
                except BlockingIOError:
                    continue
        finally:
            self._leave()

    async def receive(self, until: float | None) -> bytes:
        return self.look(until)

    def _wait(self, until: float | None, sending: bool) -> bool:
        """Wait for input; with ``sending`` also for room to send. Says whether there is input."""
        while True:
            left = _LONGEST_POLL_S if until is None else until - time.monotonic()
            ready = self._poll(left if 0.0 < left < _LONGEST_POLL_S else _pollable(left), sending)
            if ready is not None:
                return ready
            if until is not None and time.monotonic() >= until:
                raise TimeoutError

    def _enter(self) -> None:
        # In this order: whoever closes sets the one mark and then looks at the other, so at least one side sees the other's.
        self._in_use = True
        if self._closed:
            self._leave()

    def _leave(self) -> None:
        self._in_use = False
        if self._closed:
            self._socket.close()
            raise Cancelled("the connection was closed while it was in use") from None

    def idle(self) -> bool:
        return not (self._pending or self._broken or self._closed) and self._poll(0.0, False) is None

    def close(self) -> None:
        # Another thread may be waiting on this socket. It must be woken, and must close the socket itself: a number closed under it
        # could be another connection's by the time it looks. A forked child only lets go: a shutdown would end its parent's stream.
        self._closed = True
        if self._in_use and self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._socket.close()


class _Poller:
    """Waits for one socket. Called with seconds and whether to wait for room to send too.

    Returns ``True`` for input (or an end), ``False`` for room to send only, ``None`` when the time is up.
    """

    __slots__ = ("_input", "_poll", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def __call__(self, seconds: float, sending: bool) -> bool | None:
        if not sending:
            return True if self._poll.poll(seconds * 1000) else None
        both = select.poll()
        both.register(self._socket, select.POLLIN | select.POLLOUT)
        ready = both.poll(seconds * 1000)
        return bool(ready[0][1] & ~select.POLLOUT) if ready else None


class SelectPoller:
    """The same where the system has no ``poll`` (Windows)."""

    __slots__ = ("_socket",)

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def __call__(self, seconds: float, sending: bool) -> bool | None:
        readable, writable, _ = select.select([self._socket], [self._socket] if sending else [], [], seconds)
        return bool(readable) if readable or writable else None


poller = _Poller if hasattr(select, "poll") else SelectPoller


class SocketDial:
    """A non-blocking connect."""

    __slots__ = ("_failed", "socket")

    def __init__(self, address: Address) -> None:
        family, where = address
        self._failed: OSError | None = None
        self.socket: socket.socket | None = None
        try:
            self.socket = socket.socket(family, socket.SOCK_STREAM)
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.connect(where)
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed = error

    @property
    def failed(self) -> bool:
        return self._failed is not None

    def outcome(self) -> OSError | None:
        if self._failed is None and self.socket is not None:
            code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return OSError(code, os.strerror(code)) if code else None
        return self._failed

    def abandon(self) -> None:
        if self.socket is not None:
            self.socket.close()


class SocketDialer:
    """``Dialer`` whose waits block."""

    async def resolve(self, host: str, port: int, until: float | None) -> list[Address]:
        answers: SimpleQueue[list[Address] | OSError] = SimpleQueue()
        threading.Thread(target=_look_up, args=(host, port, answers), daemon=True, name=f"look-up of {host}").start()
        try:
            answer = answers.get(timeout=_seconds(until))
        except Empty:
            raise TimeoutError from None
        if isinstance(answer, OSError):
            raise answer
        return answer

    def dial(self, address: Address) -> SocketDial:
        return SocketDial(address)

    async def settled(self, dials: Sequence[SocketDial], until: float | None) -> list[SocketDial]:
        failed = [dial for dial in dials if dial.failed]
        if failed:
            return failed
        with selectors.DefaultSelector() as selector:
            for dial in dials:
                if dial.socket is not None:
                    selector.register(dial.socket, selectors.EVENT_WRITE, dial)
            return [key.data for key, _ in selector.select(_seconds(until))]

    async def wire(self, dial: SocketDial) -> SocketWire:
        assert dial.socket is not None
        return SocketWire(dial.socket)

    async def straight(self, address: Address, until: float | None) -> SocketWire:
        return await self.wire(await race(self, (address,), until))


def _pollable(left: float) -> float:
    return min(max(left, 0.0), _LONGEST_POLL_S)


def _seconds(until: float | None) -> float | None:
    """How long a wait may take; no system call waits longer than some weeks."""
    return None if until is None else min(max(0.0, until - time.monotonic()), _LONGEST_POLL_S)


def _look_up(host: str, port: int, answers: SimpleQueue[list[Address] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        answers.put(error)
    else:
        answers.put([(family, where) for family, _, _, _, where in found])
