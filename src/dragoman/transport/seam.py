"""What the rest of the package knows of a transport: open a call, read its answer. Nothing here does anything.

Law: whatever goes wrong is a ``DragomanError``; whoever opened an answer reads it to its end, finishes it or closes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from dragoman.core.exchange import Call, Headers, Timeouts

Hold: TypeAlias = Callable[[Callable[[], None]], None]
"""Is handed, as soon as a call has a connection, what closes it at once: so that a call can be given up before its answer begins."""


class Incoming(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers:
        """Names in lower case. Where a content-encoding was undone, it and the content-length it had are left out."""

    def at_hand(self) -> bytes | None:
        """What a read gives that need not wait; ``None`` where it may have to."""

    def read(self, timeout_s: float | None = None) -> bytes:
        """The next bytes of the body, content-encoding undone; ``b""`` at the clean end.

        The first read waits for what is left of ``first_byte_s``, each later one for ``between_bytes_s``; ``timeout_s`` shortens
        the wait of this one read, and when only that has passed, the answer can still be read.
        """

    def finish(self) -> None:
        """The reader saw the answer's own end: take the clean end if it is here or a few ms away, else close. Never raises."""

    def close(self) -> None:
        """At once, from any thread; an unfinished exchange closes its connection. May be called again."""


class Transport(Protocol):
    """Sends calls, one exchange each."""

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> Incoming:
        """Send ``call`` (its URL absolute) and return when the head of the answer has arrived."""

    def close(self) -> None:
        """Close every connection; what is still being read ends in ``Cancelled``."""


class AsyncIncoming(Protocol):
    """``Incoming`` for a running event loop. A cancelled read closes the exchange."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def at_hand(self) -> bytes | None: ...

    async def read(self, timeout_s: float | None = None) -> bytes: ...

    async def finish(self) -> None: ...

    def close(self) -> None: ...


class AsyncTransport(Protocol):
    """``Transport`` for a running event loop."""

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncIncoming: ...

    async def close(self) -> None: ...
