"""A small HTTP server on this machine that answers as a test tells it, so that a vendor's own SDK can be the client of our server role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Reply
from dragoman.core.request import Request
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE

Answer = Callable[[Call], Reply]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address of a server that answers each call as ``answer`` says, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = tuple((name.lower(), value) for name, value in self.headers.items())
            reply = answer(Call(self.command, self.path, headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST  # noqa: N815  # the name is http.server's

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Server:
    """The server role of a dialect: it says ``events``, then ``failure``; or ``refusal`` instead. It remembers what it was asked."""

    def __init__(
        self, name: str, events: Iterable[Event] = (), failure: DragomanError | None = None, refusal: DragomanError | None = None
    ) -> None:
        self._speak = dialect(name)
        self._events = tuple(events)
        self._failure = failure
        self._refusal = refusal
        self.asked: list[Request] = []

    def __call__(self, call: Call) -> Reply:
        try:
            request = self._speak.decode_request(call, NONE)
        except DragomanError as error:
            return self._speak.encode_error(error, NONE)
        self.asked.append(request)
        if self._refusal:
            return self._speak.encode_error(self._refusal, NONE)
        encoder = self._speak.encoder(request, NONE)
        said = b"".join(encoder.send(event) for event in self._events)
        end = encoder.fail(self._failure) if self._failure else encoder.close()
        return Reply(200, (("content-type", encoder.content_type),), said + end)
