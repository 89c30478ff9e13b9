"""Transports that answer from recorded bytes. No network, no clock.

Law: the answers are given in order, one a call; every call that came is kept in ``calls``. A recording may end in an error where the
recorded connection did. Bytes of HTTP are read by the same ``Exchange`` as live ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dragoman.core.errors import Cancelled, DragomanError, UsageError
from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.transport.http1 import Exchange
from dragoman.transport.seam import Hold


class Recording(msgspec.Struct, frozen=True):
    """An answer: its head, and its body as the chunks in which it came. ``error`` is raised behind the last chunk."""

    status: int = 200
    headers: Headers = ()
    chunks: tuple[bytes, ...] = ()
    error: DragomanError | None = None


Answer = Recording | DragomanError | bytes
"""What a call gets: a recording, an error in place of an answer, or raw bytes of HTTP (cut short, they end as a cut stream)."""


class ReplayTransport:
    """``Transport`` over recorded answers."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.calls: list[Call] = []
        self._answers: Iterator[Answer] = iter(answers)
        self._closed = False

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> ReplayIncoming:
        return ReplayIncoming(self._next(call))

    def close(self) -> None:
        self._closed = True

    def _next(self, call: Call) -> Recording:
        if self._closed:
            raise UsageError("the transport is closed; a new one is needed")
        self.calls.append(call)
        answer = next(self._answers, None)
        if answer is None:
            raise UsageError(f"{len(self.calls)} calls were made; {len(self.calls) - 1} answers were recorded")
        if isinstance(answer, DragomanError):
            raise answer
        return answer if isinstance(answer, Recording) else recording(answer, head_only=call.method == "HEAD")


class ReplayIncoming:
    """``Incoming`` over a recording. ``closed`` and ``finished`` tell how the reader left it."""

    def __init__(self, answer: Recording) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.closed = False
        self.finished = False
        self._chunks = iter([chunk for chunk in answer.chunks if chunk])
        self._error = answer.error

    def at_hand(self) -> bytes | None:
        """See ``seam.Incoming.at_hand``."""
        return None

    def read(self, timeout_s: float | None = None) -> bytes:
        if self.closed or self.finished:
            raise Cancelled("the answer was closed before its end")
        chunk = next(self._chunks, b"")
        if not chunk and self._error is not None:
            raise self._error
        return chunk

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed = True


class AsyncReplayTransport:
    """``AsyncTransport`` over recorded answers."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._inner = ReplayTransport(answers)
        self.calls = self._inner.calls

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncReplayIncoming:
        return AsyncReplayIncoming(self._inner.open(call, timeouts))

    async def close(self) -> None:
        self._inner.close()


class AsyncReplayIncoming:
    """``AsyncIncoming`` over a recording."""

    def __init__(self, inner: ReplayIncoming) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._inner = inner

    @property
    def closed(self) -> bool:
        return self._inner.closed

    @property
    def finished(self) -> bool:
        return self._inner.finished

    def at_hand(self) -> bytes | None:
        """See ``seam.Incoming.at_hand``."""
        return None

    async def read(self, timeout_s: float | None = None) -> bytes:
        return self._inner.read(timeout_s)

    async def finish(self) -> None:
        self._inner.finish()

    def close(self) -> None:
        self._inner.close()


def recording(raw: bytes, *, head_only: bool = False, step: int | None = None) -> Recording:
    """Raw bytes of an HTTP answer as a recording, fed ``step`` bytes at a time (``None``: whole). Raises what its head is guilty of."""
    exchange = Exchange(head_only=head_only)
    chunks: list[bytes] = []
    size = step or max(1, len(raw))
    for start in range(0, len(raw), size):
        exchange.feed(raw[start : start + size])
        chunks += iter(exchange.take, b"")
    exchange.end_of_stream()
    chunks += iter(exchange.take, b"")
    if not exchange.status and exchange.error is not None:
        raise exchange.error
    return Recording(exchange.status, exchange.headers, tuple(chunks), exchange.error)


def cut(answer: Recording, after_bytes: int, error: DragomanError) -> Recording:
    """The same answer, ending in ``error`` after so many bytes of its body."""
    kept: list[bytes] = []
    left = after_bytes
    for chunk in answer.chunks:
        if left <= 0:
            break
        kept.append(chunk[:left])
        left -= len(chunk)
    return Recording(answer.status, answer.headers, tuple(kept), error)
