"""The dialect's server role behind a socket on this machine, for programs that are not ours to call."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers, Reply
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import gemini
from dragoman.wire.gemini import count_tokens, embed
from dragoman.wire.quirks import NONE

Scenario = Callable[[Request], Iterator[Event]]


class Served:
    """What is answered, and what was asked."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.requests: list[Request] = []
        self.embedded: list[EmbedRequest] = []
        self.url = ""


def answer(served: Served, call: Call) -> tuple[int, Headers, Iterator[bytes]]:
    """Status, header fields and the pieces of the body."""
    method = call.url.partition("?")[0].rpartition(":")[2]
    try:
        if method == "countTokens":
            served.requests.append(count_tokens.decode_request(call, NONE))
            return whole(count_tokens.encode_reply(Usage(input_tokens=12, cache_read_tokens=4), served.requests[-1], NONE))
        if method in ("embedContent", "batchEmbedContents"):
            asked = embed.decode_request(call, NONE)
            served.embedded.append(asked)
            vectors = tuple((float(i), 0.5) for i, _ in enumerate(asked.inputs))
            return whole(embed.encode_reply(Embeddings(vectors=vectors), asked, NONE))
        request = gemini.decode_request(call, NONE)
        served.requests.append(request)
        events = served.scenario(request)
        first = next(events)
    except DragomanError as error:
        return whole(gemini.encode_error(error, NONE))
    encoder = gemini.encoder(request, NONE)

    def pieces() -> Iterator[bytes]:
        yield encoder.send(first)
        try:
            for event in events:
                yield encoder.send(event)
            yield encoder.close()
        except DragomanError as error:
            yield encoder.fail(error)

    return 200, (("content-type", encoder.content_type),), pieces()


def whole(reply: Reply) -> tuple[int, Headers, Iterator[bytes]]:
    return reply.status, reply.headers, iter([reply.body])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: ClassVar[Served]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        fields = tuple((name.lower(), value) for name, value in self.headers.items())
        path = re.sub(r"^/v1(beta1?)?(?=/)", "", self.path)
        status, headers, pieces = answer(self.served, Call("POST", path, fields, body))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@contextmanager
def serving(scenario: Scenario) -> Iterator[Served]:
    """A server that answers by ``scenario`` until the block ends."""
    served = Served(scenario)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
