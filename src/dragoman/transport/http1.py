"""HTTP/1.1 without I/O: a call to bytes, bytes to an answer. llhttp (strict) does the parsing.

Law: ``Exchange.feed`` never raises; what is wrong is in ``error`` and comes after all body bytes that arrived before it. A head, with
its interim answers, and whatever is neither head nor body (chunk headers, trailers) is bounded. A connection is reusable only after an
answer whose end was seen, with nothing behind it. Source: RFC 9112 (read 2026-11-21).
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from dragoman.core.errors import BadReply, DragomanError, StreamCut, UsageError
from dragoman.core.exchange import Call, Headers
from dragoman.transport.compression import Decompressor, decompressor, pull
from dragoman.transport.target import Target, split_url

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset({"content-length", "transfer-encoding", "content-encoding"})
_OURS = frozenset({"host", "content-length", "transfer-encoding", "accept-encoding"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


def encode_request(call: Call, target: Target | None = None, *, form: str = "", extra: str = "") -> bytes:
    """The whole request. ``form`` is written before the path (a proxy wants the absolute form), ``extra`` is further header lines.

    Host, Content-Length and ``Accept-Encoding: identity`` are added where the call does not set them. Raises ``UsageError`` for a
    method, header name or value that HTTP does not allow; the value is not shown, for it may be a key.
    """
    return encode_head(call, target or split_url(call.url), form=form, extra=extra).with_body_of(call)


class Head(msgspec.Struct, frozen=True):
    """What is the same in all requests with one method, URL and header fields. It holds a key: it is never printed."""

    target: Target
    fields: bytes
    """Request line and fields, but for the body's length."""
    end: bytes
    measures: bool
    """The call says the length of its body itself."""
    is_bare: bool
    """Its method has no body, so that none needs no length."""

    def with_body_of(self, call: Call) -> bytes:
        """The whole request. Raises ``UsageError`` where the call says another length than its body has."""
        body = call.body
        if self.measures:
            _check_length(call)
        elif body or not self.is_bare:
            return b"%bcontent-length: %d\r\n%b%b" % (self.fields, len(body), self.end, body)
        return b"%b%b%b" % (self.fields, self.end, body)


def encode_head(call: Call, target: Target, *, form: str = "", extra: str = "") -> Head:
    """See ``encode_request``."""
    method = _checked_method(call.method)
    given = {name.lower() for name, _ in call.headers} & _OURS
    lines = [f"{method} {form}{target.path} HTTP/1.1\r\n"]
    if "host" not in given:
        lines.append(f"host: {target.authority}\r\n")
    lines += [f"{_checked_name(name)}: {value}\r\n" for name, value in call.headers]
    _check_values(call.headers)
    if "accept-encoding" not in given:
        lines.append("accept-encoding: identity\r\n")
    measures = not given.isdisjoint(("content-length", "transfer-encoding"))
    return Head(target, "".join(lines).encode("latin-1"), f"{extra}\r\n".encode("latin-1"), measures, method in _WITHOUT_BODY)


@lru_cache(maxsize=64)
def _checked_method(method: str) -> str:
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"method is {method!r}; a token such as GET or POST is allowed")
    return method


@lru_cache(maxsize=512)
def _checked_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise UsageError(f"header name {name!r} is not a token (RFC 9110 section 5.1); letters, digits and - are allowed")
    return name


@lru_cache(maxsize=128)
def _lowered(name: bytes) -> str:
    """A host's answers have the same few names; a stream keeps its head, and many streams one text of each name."""
    return name.decode("latin-1").lower()


def _check_values(headers: Headers) -> None:
    try:
        joined = "".join([value for _, value in headers])
    except TypeError:
        wrong = next(name for name, value in headers if type(value) is not str)
        raise UsageError(f"the value of header {wrong!r} is no text; a str is allowed") from None
    if joined.isascii() and joined.isprintable():
        return
    for name, value in headers:
        if _NOT_IN_VALUE.search(value) or not _fits_latin1(value):
            raise UsageError(f"the value of header {name!r} holds a line break, control character or character outside Latin-1")


def _fits_latin1(value: str) -> bool:
    return all(character <= "\xff" for character in value)


def _check_length(call: Call) -> None:
    for name, value in call.headers:
        lowered = name.lower()
        if lowered == "transfer-encoding":
            raise UsageError("header 'transfer-encoding' is given; the body is sent whole, so only content-length is allowed")
        if lowered == "content-length" and value.strip() != str(len(call.body)):
            raise UsageError(f"header 'content-length' is {value!r}; {len(call.body)}, the length of the body, is allowed")


class Exchange:
    """One answer as its bytes arrive. ``status`` is 0 until the head is here; ``complete`` when the last byte was parsed."""

    __slots__ = (
        "_closes",
        "_coding",
        "_fields",
        "_head_only",
        "_keep_alive",
        "_max_head_bytes",
        "_overhead",
        "_parser",
        "_pieces",
        "_progress",
        "_pushed",
        "complete",
        "error",
        "headers",
        "received",
        "reusable",
        "status",
    )

    def __init__(self, *, head_only: bool = False, max_head_bytes: int = 65_536) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.error: DragomanError | None = None
        self.complete = False
        self.reusable = False
        self.received = False
        self._head_only = head_only
        self._max_head_bytes = max_head_bytes
        self._overhead = 0
        self._progress = False
        self._closes = False
        self._keep_alive = False
        self._coding: Decompressor | None = None
        self._pushed = False
        self._pieces: list[bytes] = []
        self._fields: list[tuple[str, str]] = []
        # The parser holds our methods and we hold it: ``_stop`` breaks that ring, so that memory goes back without the collector.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    @property
    def ended(self) -> bool:
        """The clean end: parsed, decoded and taken."""
        return self.complete and not self._pieces and self._coding is None and self.error is None

    def feed(self, data: bytes) -> None:
        """Bytes as they came from the connection."""
        parser = self._parser
        if parser is None:
            self.reusable = False
            return
        self.received = True
        self._progress = False
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._malformed(error)
        if self.complete or self.error is not None:
            self._parser = None
        elif not self._progress:
            self._overhead += len(data)
            if self._overhead > self._max_head_bytes:
                self._fail(f"the answer has more than {self._max_head_bytes} bytes of head or framing (max_head_bytes)")

    def end_of_stream(self, broken: str = "") -> None:
        """The connection ended; ``broken`` says why, where it was not simply closed."""
        if self.complete or self.error is not None:
            return
        if self.status and self._closes and not broken:
            self.complete = True
        else:
            how = f"broke ({broken})" if broken else "was closed"
            where = "inside the answer's body" if self.status else "inside the answer's head"
            self.error = StreamCut(f"the connection {how} {where if self.received else 'without an answer'}", status=self.status or None)
        self._parser = None

    def take(self) -> bytes:
        """Body bytes that are here, content-encoding undone; ``b""`` where there are none (then see ``ended`` and ``error``)."""
        if self._coding is not None:
            return self._take_decoded(self._coding)
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces = []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drop(self) -> None:
        """No more will be fed or taken."""
        self._parser = None
        self._coding = None
        self._pieces = []

    def _take_decoded(self, coding: Decompressor) -> bytes:
        try:
            while not (plain := pull(coding)) and self._pieces:
                coding.push(self._pieces.pop(0))
                self._pushed = True
        except BadReply as error:
            self._give_up(error)
            return b""
        if not plain and self.complete:
            self._coding = None
            if self._pushed and not coding.ended():
                self._give_up(BadReply("the answer's compressed body is cut short", status=self.status))
        return plain

    def _give_up(self, error: DragomanError) -> None:
        self.error = error
        self.reusable = False
        self.drop()

    def _fail(self, message: str) -> None:
        if self.error is None:
            self.error = BadReply(message, status=self.status or None)
        self.reusable = False
        self._parser = None

    def _malformed(self, error: Exception) -> None:
        if self.complete:
            self.reusable = False
        elif isinstance(error, HttpParserUpgrade):
            self._fail("the server changed the protocol, which was not asked for")
        else:
            self._fail(f"malformed HTTP: {error}")

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # After the head these are trailers: they say nothing that the body's reader could still use.
        if not self.status:
            self._fields.append((_lowered(name), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None or self.complete:
            return
        status = parser.get_status_code()
        if 100 <= status < 200:
            self._fields = []
            if status == 101:
                self._fail("the server changed the protocol, which was not asked for")
            return
        if status < 100:
            self._fail(f"malformed HTTP: status {status:03d}")
            return
        self.headers = tuple(self._fields)
        self.status = status
        self._keep_alive = parser.should_keep_alive()
        self._read_framing()
        if self._head_only and self.error is None:
            self.complete = True
            self.reusable = self._keep_alive

    def _read_framing(self) -> None:
        found: dict[str, str] = {}
        for name, value in self.headers:
            if name in _FRAMING:
                found[name] = f"{found[name]}, {value}" if name in found else value
        transfer = found.get("transfer-encoding")
        if transfer is not None and transfer.lower() != "chunked":
            self._fail(f"the answer has transfer-encoding {transfer[:60]!r}; only chunked can be read")
        self._closes = transfer is None and "content-length" not in found
        coding = found.get("content-encoding")
        if coding and not self._head_only and self.status not in (204, 304):
            self._undo(coding)

    def _undo(self, coding: str) -> None:
        try:
            self._coding = decompressor(coding)
        except BadReply as error:
            error.status = self.status
            self._give_up(error)
        if self._coding is not None:
            self.headers = tuple(field for field in self.headers if field[0] not in ("content-encoding", "content-length"))

    def on_body(self, body: bytes) -> None:
        self._progress = True
        if not self.complete and self.error is None:
            self._pieces.append(body)
        elif self.complete:
            self.reusable = False

    def on_message_complete(self) -> None:
        if self.status and not self.complete and self.error is None:
            self.complete = True
            self.reusable = self._keep_alive
