"""An HTTP client of bytes and sockets, which hides nothing of what a server does."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from urllib.parse import urlsplit

from dragoman.core.opaque import Json, JsonObject

TIMEOUT_S = 10.0


class Raw:
    """One connection to the host of ``url``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), TIMEOUT_S)
        self._kept = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> bytes:
        """What comes next; empty at the end."""
        return self.socket.recv(65536)

    def until(self, mark: bytes) -> bytes:
        """All up to and with ``mark``."""
        while mark not in self._kept:
            data = self.receive()
            assert data, f"closed before {mark!r}, after {self._kept!r}"
            self._kept += data
        head, _, self._kept = self._kept.partition(mark)
        return head + mark

    def exactly(self, size: int) -> bytes:
        while len(self._kept) < size:
            data = self.receive()
            assert data, f"closed after {self._kept!r}"
            self._kept += data
        data, self._kept = self._kept[:size], self._kept[size:]
        return data

    def rest(self) -> bytes:
        """All until the server closes."""
        pieces = [self._kept]
        self._kept = b""
        while data := self.receive():
            pieces.append(data)
        return b"".join(pieces)

    def chunk(self) -> bytes:
        """One chunk of a chunked body; empty for the last."""
        size = int(self.until(b"\r\n"), 16)
        data = self.exactly(size)
        assert self.exactly(2) == b"\r\n"
        return data

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        """One whole answer: status, header fields, body."""
        head = self.until(b"\r\n\r\n").decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.exactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body


def chat(text: str = "one two three", *, stream: bool = True, model: str = "gpt-4.1", **more: Json) -> JsonObject:
    """The body of an OpenAI chat request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, **more}


def post(path: str, body: Json, *headers: str) -> bytes:
    """A request's bytes; ``body`` is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = "".join(f"{line}\r\n" for line in ("Host: emulated", "Authorization: Bearer any", f"Content-Length: {len(data)}", *headers))
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + data


def ask(url: str, body: Json, *headers: str) -> bytes:
    """All bytes that a request to OpenAI's chat path below ``url`` is answered with, on a connection of its own."""
    with Raw(url) as raw:
        raw.send(post(f"{raw.path}/chat/completions", body, "Connection: close", *headers))
        return raw.rest()


def dechunked(answer: bytes) -> bytes:
    """The body of a chunked answer; raises where the last chunk is missing."""
    body, rest = b"", answer.partition(b"\r\n\r\n")[2]
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert rest == b"\r\n"
            return body
        body, rest = body + rest[:length], rest[length + 2 :]


def said(body: bytes) -> str:
    """The text of an OpenAI event stream."""
    chunks = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", ()))
