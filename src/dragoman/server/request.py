"""Requests as they arrive: bytes to calls, by llhttp. No I/O; sizes are bounded here.

Law: RFC 9112. Where two readers could see two different requests in the same bytes (two lengths, a coding that is not known, a body behind
an upgrade), the request is refused or read in the one way the standard has; trailers never become header fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import httptools

from dragoman.core.exchange import Call
from dragoman.server.limits import Limits

_MAX_NAMES: Final = 1024
_MAX_NAME_BYTES: Final = 64
_SLASH: Final = ord("/")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)(/[^#]*|\?[^#]*|)", re.IGNORECASE)
_HOST: Final = re.compile(r"[^\s,/?#@\\]*")


class Names(dict[bytes, str]):
    """Header names as they were sent to how they are known: clients send the same few again and again."""

    def __missing__(self, name: bytes) -> str:
        known = name.decode("latin-1").lower()
        if len(self) < _MAX_NAMES and len(name) <= _MAX_NAME_BYTES:
            self[name] = known
        return known


class Hosts(dict[str, bool]):
    """Whether a host can be one, for those that were asked for."""

    def __missing__(self, host: str) -> bool:
        sound = _HOST.fullmatch(host) is not None
        if len(self) < _MAX_NAMES and len(host) <= _MAX_NAME_BYTES:
            self[host] = sound
        return sound


class Refused(Exception):
    """A request that cannot be taken, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Arriving:
    """A request of which at least a byte has come."""

    method = ""
    url = b""
    hosts = 0
    length = 0
    """As the head has it."""
    body_bytes = 0
    is_chunked = False
    is_old = False
    keep_alive = True
    upgrades = False
    wants_continue = False
    known: Call | None = None
    """As which it is handled, where that was said at its arrival."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []

    @property
    def head_bytes(self) -> int:
        return len(self.url) + sum(len(field) + len(text) + 4 for field, text in self.headers)

    def call(self) -> Call:
        if self.known is not None:
            return self.known
        pieces = self.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Call(self.method, self.url.decode("latin-1"), tuple(self.headers), body)

    def taken(self) -> Call:
        """The call; here nothing is kept of its words, for it may be long and its answer slow."""
        call = self.call()
        self.known = None
        self.headers.clear()
        self.pieces.clear()
        return call


class RequestParser:
    """The requests of one connection: ``feed`` hands each that is complete to ``complete``, and raises ``Refused``.

    ``arriving`` is the request that is under way; ``in_head`` whether its head is.
    """

    __slots__ = (
        "_began",
        "_complete",
        "_fed",
        "_hosts",
        "_limits",
        "_moved",
        "_names",
        "_parser",
        "_read",
        "_upgrading",
        "arriving",
        "in_head",
    )

    def __init__(self, limits: Limits, names: Names, hosts: Hosts, complete: Callable[[Arriving], None]) -> None:
        self._limits = limits
        self._names = names
        self._hosts = hosts
        self._complete = complete
        self._parser: httptools.HttpRequestParser | None = None
        self._read = 0
        """Bytes that were read at once, in which the request began with others perhaps before it ..."""
        self._began = 0
        """... and those in which it began."""
        self._fed = 0
        """Bytes since the reading that began it, ended its head or brought something of its body."""
        self._moved = False
        self._upgrading: Arriving | None = None
        self.arriving: Arriving | None = None
        self.in_head = False

    def feed(self, data: bytes) -> None:
        self._moved = False
        self._read = len(data)
        while data:
            if self._parser is None:
                self._parser = httptools.HttpRequestParser(self)
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._leave_upgrade_undone()
            except httptools.HttpParserError as fault:
                cause = fault.__context__
                raise cause if isinstance(cause, Refused) else Refused(400, f"this is not an HTTP/1.1 request: {fault}") from None
        if self.arriving is not None and not self._moved:
            self._fed += self._read
            self._check_head(self._fed)

    def _leave_upgrade_undone(self) -> None:
        """An upgrade that was asked for may be left undone (RFC 9110 section 7.8); what follows is HTTP/1.1 as before.

        llhttp takes the body of such a request for the other protocol's first bytes. A parser that was given a head with the same framing
        takes it for the body.
        """
        parser = self._parser = httptools.HttpRequestParser(self)
        request, self._upgrading = self._upgrading, None
        if request is not None:
            framing = b"transfer-encoding: chunked" if request.is_chunked else b"content-length: %d" % request.length
            parser.feed_data(b"POST / HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n" % framing)
            self.arriving = request

    def rest(self) -> None:
        """Between two requests that may be far apart: what reads them weighs more than all the rest here, and is soon made anew."""
        if self.arriving is None:
            self._parser = None

    def close(self) -> None:
        """Nothing more is fed. Lets go of what would be kept by a circle of references."""
        self._parser = None
        del self._complete
        self.arriving = self._upgrading = None

    # --- what llhttp calls

    def on_message_begin(self) -> None:
        self.arriving = Arriving()
        self.in_head = self._moved = True
        self._began = self._read
        self._fed = 0

    def on_url(self, url: bytes) -> None:
        arriving = self.arriving
        assert arriving
        arriving.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:  # a trailer, which is no header field (RFC 9110 section 6.5.1)
            return
        arriving = self.arriving
        assert arriving
        field, text = self._names[name], value.rstrip().decode("latin-1")
        arriving.headers.append((field, text))
        if field == "host":
            arriving.hosts += 1
            if not self._hosts[text]:
                raise Refused(400, "the host field holds no host")
        elif field in _HEEDED:
            _HEEDED[field](self, arriving, text)

    def on_headers_complete(self) -> None:
        arriving, parser = self.arriving, self._parser
        assert arriving
        assert parser
        self.in_head = False
        self._moved = True
        if self._began + self._fed + self._read > self._limits.head_bytes:  # it may be, others in the same bytes or not
            self._check_head(arriving.head_bytes)
        self._fed = 0
        arriving.method = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            _take_old(arriving, version)
        elif arriving.hosts != 1:
            raise Refused(400, "a request names one host")
        if arriving.url[0] != _SLASH:
            _take_other_form(arriving)
        arriving.keep_alive = parser.should_keep_alive()
        if arriving.upgrades and parser.should_upgrade() and (arriving.length or arriving.is_chunked):
            self._upgrading, self.arriving = arriving, None

    def on_body(self, data: bytes) -> None:
        arriving = self.arriving
        assert arriving
        self._moved = True
        self._fed = 0
        arriving.body_bytes += len(data)
        self._check_body(arriving.body_bytes)
        arriving.wants_continue = False
        arriving.pieces.append(data)

    def on_message_complete(self) -> None:
        arriving, self.arriving = self.arriving, None
        if arriving is not None:  # else its body is still to come
            self._complete(arriving)

    # --- fields that say how the request is to be read

    def heed_length(self, arriving: Arriving, text: str) -> None:
        arriving.length = int(text)
        self._check_body(arriving.length)

    def heed_coding(self, arriving: Arriving, text: str) -> None:
        if text.lower() != "chunked":
            raise Refused(501, "no transfer coding but chunked is known here")
        arriving.is_chunked = True

    def heed_expectation(self, arriving: Arriving, text: str) -> None:
        arriving.wants_continue = text.lower() == "100-continue"

    def heed_upgrade(self, arriving: Arriving, text: str) -> None:
        arriving.upgrades = True

    # --- bounds

    def _check_head(self, size: int) -> None:
        if size > self._limits.head_bytes:
            raise Refused(431, f"the head of the request is longer than {self._limits.head_bytes} bytes")

    def _check_body(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise Refused(413, f"the body is longer than the {self._limits.body_bytes} bytes that are allowed")


def _take_old(arriving: Arriving, version: str) -> None:
    """HTTP/1.0 knows no chunks and no 100 Continue."""
    if version != "1.0":
        raise Refused(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    if arriving.hosts > 1 or arriving.is_chunked:
        raise Refused(400, "this is not an HTTP/1.0 request")
    arriving.is_old = True
    arriving.wants_continue = False


def _take_other_form(arriving: Arriving) -> None:
    """The forms of a target that are no path (RFC 9112 section 3.2): a whole address becomes its path, and says what the host is."""
    absolute = _ABSOLUTE.fullmatch(arriving.url)
    if arriving.method == "CONNECT":
        raise Refused(501, "this is no proxy")
    if absolute is not None:
        host, path = absolute[1].decode("latin-1"), absolute[2]
        arriving.headers = [("host", host), *(field for field in arriving.headers if field[0] != "host")]
        arriving.url = path if path.startswith(b"/") else b"/" + path
    elif arriving.url != b"*" or arriving.method != "OPTIONS":
        raise Refused(400, "the target of the request is neither a path nor an address")


_HEEDED: Final[dict[str, Callable[[RequestParser, Arriving, str], None]]] = {
    "content-length": RequestParser.heed_length,
    "expect": RequestParser.heed_expectation,
    "transfer-encoding": RequestParser.heed_coding,
    "upgrade": RequestParser.heed_upgrade,
}
