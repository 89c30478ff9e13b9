"""A server that says exactly the bytes it is told, on loopback: one script per connection, each in its own thread."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

PATIENCE_S = 10.0


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, heard: list[bytes]) -> None:
        connection.settimeout(PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._heard = heard
        self._left = b""

    def request(self) -> bytes:
        """Read one whole request."""
        data = self._left
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        while len(body) < length:
            body += self._more()
        request, self._left = head + b"\r\n\r\n" + body[:length], body[length:]
        self._heard.append(request)
        return request

    def _more(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the client closed inside a request")
        return data

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def answer(self, *parts: bytes) -> None:
        """Hear a request, then send."""
        self.request()
        self.send(*parts)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Break the connection with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_closed(self) -> None:
        """Return when the client has let go. That it does is what this checks."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65_536):
                pass

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on in TLS, as its server."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def relay(self, port: int, *, step: int = 65_536) -> None:
        """Pass bytes to and from a server on this machine, ``step`` at a time, until either side ends."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as other, selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ, other)
            selector.register(other, selectors.EVENT_READ, self.socket)
            while True:
                for key, _ in selector.select(PATIENCE_S):
                    try:
                        data = key.fileobj.recv(65_536)  # type: ignore[union-attr]  # they are sockets
                    except ConnectionError:
                        return
                    if not data:
                        return
                    for start in range(0, len(data), step):
                        key.data.sendall(data[start : start + step])


Script = Callable[[Peer], None]


class ScriptedServer:
    """``heard`` has every request, ``accepted`` counts connections."""

    def __init__(self, listener: socket.socket, scripts: tuple[Script, ...]) -> None:
        self.heard: list[bytes] = []
        self.accepted = 0
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._listener = listener
        self._scripts = iter(scripts)
        self._ended: list[Future[None]] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            ended: Future[None] = Future()
            self._ended.append(ended)
            script = next(self._scripts, None)
            threading.Thread(target=self._play, args=(script, connection, ended), daemon=True).start()

    def _play(self, script: Script | None, connection: socket.socket, ended: Future[None]) -> None:
        peer = Peer(connection, self.heard)
        # ``secure`` puts another socket in the place of the first.
        with connection, contextlib.closing(peer):
            try:
                if script is None:
                    raise AssertionError("more connections were made than the test has scripts for")
                script(peer)
            except BaseException as error:  # noqa: BLE001  the test's own thread raises it again
                ended.set_exception(error)
            else:
                ended.set_result(None)

    def wait(self) -> None:
        """Until every script has ended; raises what one of them raised."""
        for ended in list(self._ended):
            ended.result(PATIENCE_S)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)


@contextlib.contextmanager
def serve(*scripts: Script) -> Iterator[ScriptedServer]:
    """A server whose n-th connection plays the n-th script; at the end all of them must have ended well."""
    server = ScriptedServer(socket.create_server(("127.0.0.1", 0)), scripts)
    try:
        yield server
    finally:
        server.stop()
    server.wait()


def saying(*parts: bytes) -> Script:
    """Answer one request with ``parts`` and close."""
    return lambda peer: peer.answer(*parts)


def saying_then_waiting(*parts: bytes) -> Script:
    """Answer one request with ``parts`` and wait until the client lets go."""

    def script(peer: Peer) -> None:
        peer.answer(*parts)
        peer.wait_closed()

    return script


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
