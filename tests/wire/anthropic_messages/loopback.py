"""The server role behind a real socket on loopback, for the vendor's own client to speak to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from anthropic import Anthropic, DefaultHttpxClient

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers
from dragoman.core.listing import ListedModel, Listing
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import anthropic_messages
from dragoman.wire.anthropic_messages import count, models
from dragoman.wire.quirks import NONE

Answer = Callable[[Request], Iterable[Event]]
"""What is said to a request; may raise a ``DragomanError``, before or in the midst of the answer."""

LISTED = (
    ListedModel(name="claude-2", title="Claude Two", created_s=1_739_923_200, context_tokens=200_000, output_tokens=8000),
    ListedModel(name="claude-1"),
)
"""The models there are, one to a page."""


class Server(ThreadingHTTPServer):
    """Answers with ``answer`` and remembers what was asked."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Request] = []
        self.calls: list[Call] = []


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *given: object) -> None:
        pass

    def do_GET(self) -> None:
        call = Call("GET", self.path, tuple((name.lower(), value) for name, value in self.headers.items()))
        self.server.calls.append(call)
        request = models.decode_request(call, NONE)
        later = request.page is not None
        listing = Listing(models=LISTED[1:] if later else LISTED[:1], next_page=None if later else LISTED[0].name)
        reply = models.encode_reply(listing, request, NONE)
        self._send(reply.status, reply.headers, reply.body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        call = Call("POST", self.path, tuple((name.lower(), value) for name, value in self.headers.items()), body)
        self.server.calls.append(call)
        try:
            if self.path.startswith(count.PATH):
                self.server.asked.append(count.decode_request(call, NONE))
                reply = count.encode_reply(Usage(input_tokens=42), self.server.asked[-1], NONE)
                self._send(reply.status, reply.headers, reply.body)
            else:
                self._answer(anthropic_messages.decode_request(call, NONE))
        except DragomanError as error:
            reply = anthropic_messages.encode_error(error, NONE)
            self._send(reply.status, reply.headers, reply.body)

    def _answer(self, request: Request) -> None:
        self.server.asked.append(request)
        events = iter(self.server.answer(request))
        first = next(events)
        encoder = anthropic_messages.encoder(request, NONE)
        pieces = [encoder.send(first)]
        try:
            for event in events:
                pieces.append(encoder.send(event))  # noqa: PERF401  # what came before a failure is sent
            pieces.append(encoder.close())
        except DragomanError as error:
            pieces.append(encoder.fail(error))
        self._send(200, (("content-type", encoder.content_type), ("request-id", "req_loopback")), b"".join(pieces))

    def _send(self, status: int, headers: Headers, body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(answer: Answer) -> Iterator[tuple[Anthropic, Server]]:
    """The vendor's client, joined to a server that answers with ``answer``."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        with Anthropic(api_key="key", base_url=address, max_retries=0, http_client=DefaultHttpxClient(trust_env=False)) as client:
            yield client, server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
