"""Listeners to many streams at once, by hand on epoll: when the first event came to each, how many came, and whose stream was lost."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Final, NamedTuple

from bench.gateway.machine import Failed
from bench.gateway.mock import Ask, stamped_at

EVENT: Final = b"\n\n"
DATA: Final = b"data:"
READ_BYTES: Final = 65536
SAMPLED: Final = 32
"""Of so many pieces one is looked at for how old it is, which costs more than counting."""


class Listener:
    """One stream."""

    __slots__ = ("begun", "connection", "events", "first_s", "head", "is_lost")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.begun = time.perf_counter()
        self.head = b""
        self.first_s: float | None = None
        self.events = 0
        self.is_lost = False

    def hear(self, data: bytes) -> None:
        if self.first_s is None:
            self.head += data
            status = self.head[9:12]
            if status and status != b"200":
                raise Failed(f"a stream is refused: {self.head[:400].decode(errors='replace')}")
            if DATA in self.head.partition(b"\r\n\r\n")[2]:
                self.first_s, self.head = time.perf_counter() - self.begun, b""
        self.events += data.count(EVENT)


class Heard(NamedTuple):
    """What came to all in a span of time."""

    events: int
    seconds: float
    silent: int
    """Streams that are lost, or to which nothing came."""
    delays_ms: list[float]
    """Of some events: how long ago the provider had sent them, rising."""


class Audience:
    """Opens streams and listens. A context manager: in the end all are closed."""

    def __init__(self, port: int, ask: Ask) -> None:
        lines = [f"POST {ask.path} HTTP/1.1", f"host: 127.0.0.1:{port}", "content-type: application/json", "accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in ask.headers.items()]
        self._request = "\r\n".join([*lines, f"content-length: {len(ask.body)}", "", ""]).encode() + ask.body
        self._port = port
        self._epoll = select.epoll()
        self._by_number: dict[int, Listener] = {}
        self._waiting = 0
        self._pieces = 0
        self._delays_ms: list[float] = []

    def __enter__(self) -> Audience:
        return self

    def __exit__(self, *fault: object) -> None:
        for listener in self._by_number.values():
            listener.connection.close()
        self._epoll.close()

    def open(self, count: int, abreast: int, within_s: float) -> list[float]:
        """Seconds from connecting to the first event, of ``count`` streams, ``abreast`` of them being opened at one time."""
        until = time.perf_counter() + within_s
        made = 0
        while made < count or self._waiting:
            while made < count and self._waiting < abreast:
                self._connect()
                made += 1
            if time.perf_counter() > until:
                raise Failed(f"{self._waiting} of {count} streams did not begin within {within_s:.0f} s")
            self._hear(0.1)
        return [one.first_s for one in self._by_number.values() if one.first_s is not None]

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener = Listener(connection)
        with contextlib.suppress(BlockingIOError):
            connection.connect(("127.0.0.1", self._port))
        self._by_number[connection.fileno()] = listener
        self._epoll.register(connection, select.EPOLLOUT)
        self._waiting += 1

    def listen(self, seconds: float) -> Heard:
        before = {number: one.events for number, one in self._by_number.items()}
        self._delays_ms = []
        begun = time.perf_counter()
        while (left := begun + seconds - time.perf_counter()) > 0:
            self._hear(left)
        taken = time.perf_counter() - begun
        came = [one.events - before[number] for number, one in self._by_number.items()]
        silent = sum(one.is_lost or not events for one, events in zip(self._by_number.values(), came, strict=True))
        return Heard(sum(came), taken, silent, sorted(self._delays_ms))

    def _hear(self, wait_s: float) -> None:
        for number, events in self._epoll.poll(wait_s):
            listener = self._by_number[number]
            if events & select.EPOLLOUT:
                listener.connection.send(self._request)
                self._epoll.modify(number, select.EPOLLIN)
            else:
                self._read(number, listener)

    def _read(self, number: int, listener: Listener) -> None:
        was_waiting = listener.first_s is None
        try:
            data = listener.connection.recv(READ_BYTES)
        except OSError:
            data = b""
        if data:
            listener.hear(data)
            self._sample(data)
        else:
            listener.is_lost = True
            self._epoll.unregister(number)
        self._waiting -= was_waiting and (listener.is_lost or listener.first_s is not None)

    def _sample(self, data: bytes) -> None:
        self._pieces += 1
        if self._pieces % SAMPLED:
            return
        sent_us = stamped_at(data)
        if sent_us is not None:
            self._delays_ms.append(time.monotonic_ns() / 1e6 - sent_us / 1e3)
