"""Requests as they arrive: bytes to calls, by llhttp. No I/O; sizes are bounded here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httptools

from dragoman.core.exchange import Call
from dragoman.server.limits import Limits

_MAX_NAMES: Final = 1024


class Names(dict[bytes, str]):
    """Header names as they were sent to how they are known: clients send the same few again and again."""

    def __missing__(self, name: bytes) -> str:
        known = name.decode("latin-1").lower()
        if len(self) < _MAX_NAMES:
            self[name] = known
        return known


class Refused(Exception):
    """A request that cannot be taken, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Arriving:
    """A request of which at least a byte has come."""

    __slots__ = ("body", "body_bytes", "head_bytes", "headers", "is_old", "keep_alive", "method", "pieces", "url", "wants_continue")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.head_bytes = 0
        self.pieces: list[bytes] = []
        self.body_bytes = 0
        self.method = ""
        self.is_old = False
        self.keep_alive = True
        self.wants_continue = False

    def call(self) -> Call:
        pieces = self.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Call(self.method, self.url.decode("latin-1"), tuple(self.headers), body)


class RequestParser:
    """The requests of one connection: ``feed`` hands each that is complete to ``complete``, and raises ``Refused``.

    ``arriving`` is the request that is under way; ``in_head`` whether its head is.
    """

    __slots__ = ("_complete", "_fed", "_limits", "_names", "_parser", "_started_here", "arriving", "in_head")

    def __init__(self, limits: Limits, names: Names, complete: Callable[[Arriving], None]) -> None:
        self._limits = limits
        self._names = names
        self._complete = complete
        self._parser = httptools.HttpRequestParser(self)
        self._started_here = False
        self._fed = 0
        self.arriving: Arriving | None = None
        self.in_head = False

    def feed(self, data: bytes) -> None:
        self._started_here = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without(data[upgrade.args[0] :])
        except httptools.HttpParserError as fault:
            cause = fault.__context__
            raise cause if isinstance(cause, Refused) else Refused(400, f"this is not an HTTP/1.1 request: {fault}") from None
        if self.in_head and not self._started_here:
            self._fed += len(data)
            self._check_head(self._fed)

    def _go_on_without(self, rest: bytes) -> None:
        """An upgrade that was asked for may be left undone (RFC 9110 section 7.8); what follows is HTTP/1.1 as before."""
        self._parser = httptools.HttpRequestParser(self)
        if rest:
            self.feed(rest)

    # --- what llhttp calls

    def on_message_begin(self) -> None:
        self.arriving = Arriving()
        self.in_head = self._started_here = True
        self._fed = 0

    def on_url(self, url: bytes) -> None:
        arriving = self.arriving
        assert arriving
        arriving.url += url
        arriving.head_bytes += len(url)
        self._check_head(arriving.head_bytes)

    def on_header(self, name: bytes, value: bytes) -> None:
        arriving = self.arriving
        assert arriving
        field, text = self._names[name], value.decode("latin-1")
        arriving.head_bytes += len(name) + len(value) + 4
        if arriving.head_bytes > self._limits.head_bytes:
            self._check_head(arriving.head_bytes)
        arriving.headers.append((field, text))
        if field == "expect":
            arriving.wants_continue = text.lower() == "100-continue"
        elif field == "content-length" and len(text) > 6 and text.isdigit():
            self._check_body(int(text))

    def on_headers_complete(self) -> None:
        arriving, parser = self.arriving, self._parser
        assert arriving
        self.in_head = False
        arriving.method = parser.get_method().decode("ascii")
        arriving.is_old = parser.get_http_version() == "1.0"
        arriving.keep_alive = parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        arriving = self.arriving
        assert arriving
        arriving.body_bytes += len(data)
        self._check_body(arriving.body_bytes)
        arriving.wants_continue = False
        arriving.pieces.append(data)

    def on_message_complete(self) -> None:
        arriving, self.arriving = self.arriving, None
        assert arriving
        self._complete(arriving)

    # --- bounds

    def _check_head(self, size: int) -> None:
        if size > self._limits.head_bytes:
            raise Refused(431, f"the head of the request is longer than {self._limits.head_bytes} bytes")

    def _check_body(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise Refused(413, f"the body is longer than the {self._limits.body_bytes} bytes that are allowed")
