"""The server role behind a real socket on loopback, for the vendor's own client to speak to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openai import DefaultHttpxClient, OpenAI

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers
from dragoman.core.request import Request
from dragoman.wire import openai_responses
from dragoman.wire.quirks import NONE

Answer = Callable[[Request], Iterable[Event]]
"""What is said to a request; may raise a ``DragomanError``, before or in the midst of the answer."""


class Server(ThreadingHTTPServer):
    """Answers with ``answer`` and remembers what was asked."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *given: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        try:
            self._answer(openai_responses.decode_request(Call("POST", self.path, (), body), NONE))
        except DragomanError as error:
            reply = openai_responses.encode_error(error, NONE)
            self._send(reply.status, reply.headers, reply.body)

    def _answer(self, request: Request) -> None:
        self.server.asked.append(request)
        events = iter(self.server.answer(request))
        encoder = openai_responses.encoder(request, NONE)
        pieces = [encoder.send(next(events))]
        try:
            for event in events:
                pieces.append(encoder.send(event))  # noqa: PERF401  # what came before a failure is sent
            pieces.append(encoder.close())
        except DragomanError as error:
            pieces.append(encoder.fail(error))
        self._send(200, (("content-type", encoder.content_type), ("x-request-id", "req_loopback")), b"".join(pieces))

    def _send(self, status: int, headers: Headers, body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """A server that answers with ``answer``."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1"


@contextmanager
def served(answer: Answer) -> Iterator[tuple[OpenAI, Server]]:
    """The vendor's client, joined to a server that answers with ``answer``."""
    with (
        serving(answer) as server,
        OpenAI(api_key="key", base_url=address(server), max_retries=0, http_client=DefaultHttpxClient(trust_env=False)) as client,
    ):
        yield client, server
