"""Connections that wait for their next call. Bookkeeping only; the same for both drivers.

Law: a connection is in use by one exchange or idle here, never both. It comes here only after a clean end, and leaves only if it is
still silent, young enough, and of this process (a fork shares sockets) and this event loop. The lock is never held during I/O.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol

from dragoman.transport.target import Origin


class Wire(Protocol):
    """One connection as the policy sees it; the driver decides whether waiting blocks or suspends.

    Waits end at an absolute time of the monotonic clock with ``TimeoutError``; a broken connection is an ``OSError``; a wire that
    ``close`` was called on raises ``Cancelled``.
    """

    def offer(self, data: bytes) -> bool:
        """Take ``data`` and send what leaves without waiting. ``False``: some has not; ``send`` goes on."""

    async def send(self, data: bytes, until: float | None) -> bool:
        """Take ``data`` and send. ``False``: input arrived before all had left; call again with ``b""`` to go on."""

    def look(self, until: float | None) -> bytes | None:
        """What ``receive`` gives, where that can be had without suspending: of a blocking wire always. ``None`` where it cannot."""

    async def receive(self, until: float | None) -> bytes:
        """The next bytes, ``b""`` when the other side has closed."""

    def idle(self) -> bool:
        """Everything was sent, nothing is readable, and the wire can be used from here."""

    def close(self) -> None:
        """At once, from any thread, more than once."""


class Connection:
    """A wire to an origin. ``form`` and ``extra`` are what a proxy wants in each request (see ``encode_request``)."""

    __slots__ = ("extra", "form", "idle_since", "origin", "pid", "used", "wire")

    def __init__(self, wire: Wire, origin: Origin, form: str, extra: str) -> None:
        self.wire = wire
        self.origin = origin
        self.form = form
        self.extra = extra
        self.pid = os.getpid()
        self.used = False
        self.idle_since = 0.0


class Pool:
    """Idle connections by origin, youngest first out; and the set of those in use, so that closing finds them."""

    def __init__(self, max_idle: int, idle_timeout_s: float) -> None:
        self._max_idle = max_idle
        self._idle_timeout_s = idle_timeout_s
        self._idle: dict[Origin, list[Connection]] = {}
        self._count = 0
        self._sweep_at = 0.0
        self._busy: set[Connection] = set()
        self._lock = threading.Lock()
        self.closed = False
        self.keeper: object = None
        """What must live as long as the pool and no longer."""
        # A child gets a lock that another thread may have held at the fork, so it gets a new one with its new process id.
        self._pid = os.getpid()

    def __del__(self) -> None:
        for waiting in self._idle.values():
            for connection in waiting:
                connection.wire.close()

    def take(self, origin: Origin, now: float) -> Connection | None:
        """An idle connection that can be used, now in use; those that cannot are closed."""
        waiting = self._idle.get(origin)
        while waiting:
            with self._guard():
                if not waiting:  # another thread was faster
                    return None
                connection = waiting.pop()
                self._count -= 1
                self._busy.add(connection)
            young = now - connection.idle_since < self._idle_timeout_s
            if young and connection.pid == self._pid and connection.wire.idle():
                return connection
            self.drop(connection)
        return None

    def add(self, connection: Connection) -> bool:
        """Count a new connection as in use; ``False`` where the pool was closed meanwhile."""
        with self._guard():
            self._busy.add(connection)
            return not self.closed

    def give_back(self, connection: Connection, now: float) -> None:
        """The exchange ended cleanly: keep the connection for the next."""
        connection.used = True
        connection.idle_since = now
        with self._lock:  # that of the process in which it was taken
            kept = connection in self._busy and not self.closed and self._max_idle > 0
            self._busy.discard(connection)
            if kept:
                waiting = self._idle.get(connection.origin)
                if waiting is None:
                    waiting = self._idle[connection.origin] = []
                waiting.append(connection)
                self._count += 1
                if self._count <= self._max_idle and now < self._sweep_at:
                    return
            surplus = self._surplus(now) if kept else [connection]
        for other in surplus:
            other.wire.close()

    def drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.wire.close()

    def close_all(self, *, for_ever: bool) -> None:
        with self._guard():
            self.closed = self.closed or for_ever
            doomed = [connection for waiting in self._idle.values() for connection in waiting]
            doomed += self._busy
            for waiting in self._idle.values():
                waiting.clear()  # whoever is about to take from one finds nothing
            self._idle.clear()
            self._busy.clear()
            self._count = 0
        for connection in doomed:
            connection.wire.close()

    def _surplus(self, now: float) -> list[Connection]:
        """What is too many, and now and then what is too old: the oldest of each origin stand first in its list."""
        doomed: list[Connection] = []
        self._sweep_at = now + self._idle_timeout_s / 4
        self._idle = {origin: waiting for origin, waiting in self._idle.items() if waiting}
        while self._idle:
            oldest = min((waiting[0] for waiting in self._idle.values()), key=lambda connection: connection.idle_since)
            if self._count <= self._max_idle and now - oldest.idle_since < self._idle_timeout_s:
                break
            self._remove_first(oldest.origin)
            doomed.append(oldest)
        return doomed

    def _remove_first(self, origin: Origin) -> None:
        waiting = self._idle[origin]
        del waiting[0]
        if not waiting:
            del self._idle[origin]
        self._count -= 1

    def _guard(self) -> threading.Lock:
        pid = os.getpid()
        return self._lock if pid == self._pid else self._new_lock(pid)

    def _new_lock(self, pid: int) -> threading.Lock:
        self._pid, self._lock = pid, threading.Lock()
        return self._lock
