"""One HTTP exchange as values: what is sent, what comes back, how long to wait. No I/O.

Dialects, signers, flows and transports all speak of these, and none of them imports another; that is why they stand here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.events import Event
from dragoman.core.words import in_words

Headers = tuple[tuple[str, str], ...]
"""Header fields in order, names in lower case. A field may occur several times."""


def header(headers: Headers, name: str) -> str | None:
    """The first value of the field ``name`` (lower case), or ``None``."""
    for field, value in headers:
        if field == name:
            return value
    return None


def with_headers(headers: Headers, changes: Mapping[str, str]) -> Headers:
    """``headers`` with each field of ``changes`` set, replacing what had the same name."""
    if not changes:
        return headers
    lowered = {name.lower(): value for name, value in changes.items()}
    return (*((name, value) for name, value in headers if name not in lowered), *lowered.items())


class Call(msgspec.Struct, frozen=True):
    """A request on its way out (client role) or as it came in (server role).

    ``url`` is the dialect's own path when a dialect makes it, absolute once the router has joined it to a base, and path with query
    as received in the server role. ``warnings`` name what of the request could not be put into it.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    warnings: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """A whole answer: status, header fields (names in lower case) and body."""

    status: int
    headers: Headers = ()
    body: bytes = b""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds; ``None`` waits for ever.

    ``connect_s`` bounds one connection with its TLS and proxy handshakes. ``first_byte_s`` bounds the time until the answer begins,
    over all tries together. ``between_bytes_s`` bounds each silence after that, ``total_s`` everything.
    """

    connect_s: float | None = 10.0
    first_byte_s: float | None = 300.0
    between_bytes_s: float | None = 120.0
    total_s: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _check_wait(name, getattr(self, name))

    @classmethod
    def of(cls, given: float | Timeouts | None) -> Timeouts:
        """A number bounds every single wait (connect, first byte, each silence); ``None`` gives the defaults."""
        if given is None:
            return cls()
        if isinstance(given, Timeouts):
            return given
        _check_wait("timeout", given)
        return cls(connect_s=given, first_byte_s=given, between_bytes_s=given)

    def each_at_most(self, wait_s: float, connect_s: float | None = None) -> Timeouts:
        """The same, but no single wait is longer than ``wait_s``, nor a connection than ``connect_s``."""
        most = {"connect_s": connect_s or wait_s, "first_byte_s": wait_s, "between_bytes_s": wait_s}
        return msgspec.structs.replace(self, **{name: min(bound_s, getattr(self, name) or bound_s) for name, bound_s in most.items()})

    @property
    def shortest_s(self) -> float | None:
        """The shorter of the bounds that span all tries."""
        return min((bound for bound in (self.first_byte_s, self.total_s) if bound is not None), default=None)

    def after(self, spent_s: float) -> Timeouts | None:
        """What is left after ``spent_s`` seconds of the bounds that span all tries; ``None`` where one of them is used up."""
        shortest_s = self.shortest_s
        if shortest_s is None:
            return self
        if spent_s >= shortest_s:
            return None
        return msgspec.structs.replace(
            self,
            first_byte_s=None if self.first_byte_s is None else self.first_byte_s - spent_s,
            total_s=None if self.total_s is None else self.total_s - spent_s,
        )


_LONGEST_S: Final = 1.7976931348623157e308
"""The largest float: clocks want floats, and an integer beyond it is none."""


def _check_wait(name: str, value: object) -> None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _LONGEST_S):
        return
    raise UsageError(f"{name} is {in_words(value)}; a positive number of seconds or None is allowed")


class Decoder(Protocol):
    """Bytes of one answer to events. Never raises: after each call ``error`` says whether the answer failed.

    Events decoded before a failure are returned first, so text that arrived is never lost to an error that came in the same read.
    """

    @property
    def error(self) -> DragomanError | None: ...

    @property
    def done(self) -> bool:
        """The answer's own end was seen; nothing more needs to be read."""

    @property
    def ending(self) -> bool:
        """The content is complete and only a tail (usage, end marker) may follow; waiting long for it is not worth while."""

    @property
    def idle(self) -> bool:
        """The last bytes brought nothing of the answer: a comment, a blank line, a line of no meaning."""

    def feed(self, data: bytes) -> list[Event]: ...

    def close(self) -> list[Event]: ...


class Encoder(Protocol):
    """Events of one answer, in legal order, to bytes of a server's answer.

    The law, which holds for every dialect, streamed or whole. ``send`` and ``close`` raise two errors and no others: ``Unsupported`` for
    what the wire has no place for, and ``BadReply`` for what the model wrote and the wire cannot say (arguments of a call that are no JSON
    object). ``fail`` raises none. After a refusal, as at any event before the last, ``fail`` gives the legal end of what was sent: behind
    the bytes of a stream, or as the whole body, of which nothing was sent before. ``close`` ends an answer that is complete; after
    ``fail`` it is not called. Texts are such as UTF-8 can say, which decoders see to.
    """

    content_type: str

    def send(self, event: Event) -> bytes: ...

    def fail(self, error: DragomanError) -> bytes:
        """The failure in the dialect's own form, after which nothing more is sent."""

    def close(self) -> bytes: ...


def decode(decoder: Decoder, chunks: Iterable[bytes]) -> Iterable[Event]:
    """All events of an answer whose bytes are at hand; raises the decoder's error where it occurs."""
    for chunk in chunks:
        yield from decoder.feed(chunk)
        if decoder.error:
            raise decoder.error
        if decoder.done:
            return
    yield from decoder.close()
    if decoder.error:
        raise decoder.error
