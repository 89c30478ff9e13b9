"""Servers that behave as no emulator should: bytes said as they stand, and a relay that counts connections.

Both run in threads and wait on conditions, so that a test waits for what happens and not for a time.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Piece = bytes | None
"""Bytes to send, or ``None`` to wait until the client has gone."""

GRACE_S = 5.0


def answer(
    body: bytes, content_type: str | None = "text/event-stream", *, status: int = 200, length: int | None = None, head: str = ""
) -> bytes:
    """A whole HTTP answer; ``length`` is what its head claims."""
    kind = f"content-type: {content_type}\r\n" if content_type is not None else ""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} Said\r\n{kind}content-length: {size}\r\n{head}\r\n".encode() + body


def chunked(*pieces: bytes, content_type: str = "text/event-stream", end: bool = True) -> bytes:
    """An answer in chunks; without ``end`` it breaks off after the last piece."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return head + body + (b"0\r\n\r\n" if end else b"")


class Counted:
    """How many connections there were and are, to be waited on."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self._changed = threading.Condition()

    def open(self) -> None:
        with self._changed:
            self.opened += 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed += 1
            self._changed.notify_all()

    def wait_until_closed(self, count: int | None = None, timeout_s: float = GRACE_S) -> None:
        """Until ``count`` connections (all that were opened) have been closed by the client."""
        with self._changed:
            wanted = self.opened if count is None else count
            assert self._changed.wait_for(lambda: self.closed >= wanted, timeout_s), f"{self.closed} of {wanted} are closed"

    def wait_until_opened(self, count: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.opened >= count, GRACE_S), f"{self.opened} of {count} were opened"


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """``serve`` every connection in a thread of its own; gives the base URL."""
    threads: list[threading.Thread] = []
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                thread = threading.Thread(target=run, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

        def run(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                serve(connection)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            for connection in (server, *held):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            server.close()
            for thread in (accepting, *threads):
                thread.join(GRACE_S)


@contextmanager
def saying(*answers: Sequence[Piece] | bytes) -> Iterator[tuple[str, Counted]]:
    """A server whose connections say the ``answers`` in turn, each after one request; the last is said again and again."""
    counted = Counted()
    left = list(answers)
    lock = threading.Lock()

    def serve(connection: socket.socket) -> None:
        counted.open()
        try:
            read_request(connection)
            with lock:
                told = left.pop(0) if len(left) > 1 else left[0]
            for piece in (told,) if isinstance(told, bytes) else told:
                if piece is None:
                    while connection.recv(65536):
                        pass
                else:
                    connection.sendall(piece)
        finally:
            counted.close()

    with listening(serve) as url:
        yield url, counted


def read_request(connection: socket.socket) -> bytes:
    """One request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("the client has gone")
    return data


@contextmanager
def relay(url: str) -> Iterator[tuple[str, Counted]]:
    """A way to the server at ``url`` (scheme, host, port and path) that counts the connections going over it."""
    scheme_and_host, slash, path = url.removeprefix("http://").partition("/")
    host, _, port = scheme_and_host.partition(":")
    counted = Counted()

    def serve(connection: socket.socket) -> None:
        counted.open()
        with socket.create_connection((host, int(port))) as upstream:
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            try:
                pump(connection, upstream)
            finally:
                counted.close()
            back.join(GRACE_S)

    with listening(serve) as own:
        yield own + slash + path, counted


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until the source ends, then end the sink."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
