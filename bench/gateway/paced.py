"""A provider that streams without end, so many events a second to each caller: ``python -m bench.gateway.paced PORT EVENTS_PER_S``.

Sockets and epoll by hand, for 400 streams at 50 events a second are 20,000 writes a second. The streams' turns are spread over the time
between two events, as those of callers who do not know of each other are.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time
from typing import Final

from bench.gateway.mock import scripts, stamp

STEP_S: Final = 0.001
BACKLOG: Final = 4096
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
_UNSENT: Final = stamp(0)
UNKNOWN: Final = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def wanted(received: bytes) -> str | None:
    """The path of a whole request; ``None`` until it is whole."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    method, path, _ = head.split(b" ", 2)
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return (path.decode() if method == b"POST" else "") if len(body) >= length else None


class Paced:
    """All streams of this process."""

    def __init__(self, port: int, per_s: float) -> None:
        self._listening = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._listening.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listening, select.EPOLLIN)
        self._turns: list[dict[int, tuple[socket.socket, bytes]]] = [{} for _ in range(max(1, round(1 / per_s / STEP_S)))]
        self._turn_of: dict[int, int] = {}
        self._asking: dict[int, tuple[socket.socket, bytes]] = {}
        self._opened = 0
        answers = {path: (HEAD + chunk(script.begin), chunk(script.event)) for path, script in scripts().items()}
        self._answers = answers

    def run(self) -> None:
        due, turn = time.monotonic(), 0
        while True:
            for number, events in self._epoll.poll(max(0.0, due - time.monotonic())):
                if number == self._listening.fileno():
                    self._accept()
                else:
                    self._read(number, events)
            while due <= time.monotonic():
                self._send(turn)
                due, turn = due + STEP_S, (turn + 1) % len(self._turns)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._asking[connection.fileno()] = (connection, b"")
                self._epoll.register(connection, select.EPOLLIN)

    def _read(self, number: int, events: int) -> None:
        connection, received = self._asking.get(number) or (self._turns[self._turn_of[number]][number][0], b"")
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._close(number, connection)
        elif number in self._asking:
            self._asking[number] = (connection, received + data)
            self._answer(number, connection, received + data)

    def _answer(self, number: int, connection: socket.socket, received: bytes) -> None:
        path = wanted(received)
        if path is None:
            return
        begin, event = self._answers.get(path, (UNKNOWN, b""))
        connection.send(begin)
        if not event:
            self._asking[number] = (connection, b"")
            return
        del self._asking[number]
        self._opened += 1
        self._turn_of[number] = self._opened * 7 % len(self._turns)
        self._turns[self._turn_of[number]][number] = (connection, event)

    def _send(self, turn: int) -> None:
        """One event to each stream of this turn; a caller who does not keep up misses it, but gets no half of one."""
        for number, (connection, event) in list(self._turns[turn].items()):
            event = event.replace(_UNSENT, stamp(time.monotonic_ns() // 1000))
            try:
                sent = connection.send(event)
            except BlockingIOError:
                continue
            except OSError:
                sent = 0
            if sent != len(event):
                self._close(number, connection)

    def _close(self, number: int, connection: socket.socket) -> None:
        self._asking.pop(number, None)
        turn = self._turn_of.pop(number, None)
        if turn is not None:
            del self._turns[turn][number]
        connection.close()


if __name__ == "__main__":
    Paced(int(sys.argv[1]), float(sys.argv[2])).run()
