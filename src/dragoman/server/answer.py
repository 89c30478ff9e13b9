"""What a handler is and what it gives back: the seam between the program and the server under it.

Law: a handler raises nothing; whatever goes wrong it tells in an answer. A body that comes in pieces is closed by whoever reads it, read to
its end or not, and leaves as it comes: each piece is one write.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from dragoman.core.exchange import Call, Headers


class Pieces(Protocol):
    """A body that comes in pieces."""

    async def next(self) -> bytes:
        """The next piece; ``b""`` at the end. Raises ``BrokenOff`` where the body cannot be completed."""

    def close(self) -> None:
        """Nothing more is wanted: at once. Called always and once, also after the end."""


class BrokenOff(Exception):
    """The body ends here and is not whole: the connection is closed so that nobody takes it for complete."""


class Beat(msgspec.Struct, frozen=True):
    """What is sent between two pieces where a body is silent for so long, so that nobody on the way takes the connection for dead."""

    piece: bytes
    silence_s: float


class Answer(msgspec.Struct, frozen=True):
    """Status, header fields (names in lower case) and body. The server adds the date, what frames the body, and the connection's own
    fields, and leaves out such fields among ``headers``; line ends in a value become spaces.

    ``length`` is that of a body in pieces, where it is known; with ``head_first`` the head does not wait for the first of them. With
    status 1xx, 204 and 304 the body is not sent; behind 1xx, which ends no exchange, the connection is closed.
    """

    status: int
    headers: Headers = ()
    body: bytes | Pieces = b""
    length: int | None = None
    head_first: bool = False
    beat: Beat | None = None
    """Only for a body in pieces of unknown length, and only behind its first piece."""


class Handler(Protocol):
    """A program that answers calls."""

    async def handle(self, call: Call) -> Answer:
        """The answer to a call that has arrived whole. It is cancelled when its caller has left."""

    def refuse(self, call: Call, status: int, message: str) -> Answer:
        """How the program words it, in bytes, that the server cannot take this call, of which any part may be unknown and the body is."""


class Arrivals(Protocol):
    """Who wants to know of calls before their turn has come: a call may have to wait for the answers to others on its connection."""

    def arrived(self, call: Call) -> Call:
        """A call has arrived whole; what is given back is handled in its place."""

    def dropped(self, call: Call, *, by_client: bool) -> None:
        """It is not handled: its client has left before its turn came, or the connection was closed from here."""
