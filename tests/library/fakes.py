"""Transports without a network, and both drivers behind one face so that one test shows both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.drivers import AsyncDriver, Driver
from dragoman.flow.effects import Flow
from dragoman.transport.seam import AsyncIncoming, AsyncTransport, Hold, Incoming, Transport

Piece = bytes | BaseException | Callable[[], bytes]


@dataclass
class FakeIncoming:
    """Gives its pieces one by one; what is not bytes is raised or called."""

    pieces: list[Piece]
    status: int = 200
    headers: Headers = (("content-type", "text/event-stream"),)
    closed: int = 0
    finished: int = 0
    asked: list[float | None] = field(default_factory=list)

    def at_hand(self) -> bytes | None:
        return None

    def read(self, timeout_s: float | None = None) -> bytes:
        self.asked.append(timeout_s)
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, BaseException):
            raise piece
        return piece if isinstance(piece, bytes) else piece()

    def finish(self) -> None:
        self.finished += 1

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeTransport:
    """Answers each call with the next of ``answers``."""

    answers: list[FakeIncoming | DragomanError]
    calls: list[tuple[Call, Timeouts]] = field(default_factory=list)
    at_open: Callable[[], object] = lambda: None
    closed: int = 0

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> Incoming:
        self.calls.append((call, timeouts))
        self.at_open()
        answer = self.answers.pop(0)
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


class AsyncFakeIncoming:
    """The same, for an event loop."""

    def __init__(self, inner: FakeIncoming) -> None:
        self.inner = inner
        self.status = inner.status
        self.headers = inner.headers

    def at_hand(self) -> bytes | None:
        return None

    async def read(self, timeout_s: float | None = None) -> bytes:
        await asyncio.sleep(0)
        return self.inner.read(timeout_s)

    async def finish(self) -> None:
        self.inner.finish()

    def close(self) -> None:
        self.inner.close()


class AsyncFakeTransport:
    """The same, for an event loop."""

    def __init__(self, inner: FakeTransport) -> None:
        self.inner = inner

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncIncoming:
        await asyncio.sleep(0)
        answer = self.inner.open(call, timeouts, hold)
        assert isinstance(answer, FakeIncoming)
        return AsyncFakeIncoming(answer)

    async def close(self) -> None:
        self.inner.close()


class BlockingFace:
    """A ``Driver``."""

    def __init__(self, flow: Flow[None], transport: FakeTransport) -> None:
        sync_transport: Transport = transport
        self.driver = Driver(flow, sync_transport)

    def batch(self) -> list[Event]:
        return self.driver.batch()

    def close(self) -> None:
        self.driver.close()


class LoopFace:
    """An ``AsyncDriver``, each step run to its end."""

    def __init__(self, flow: Flow[None], transport: FakeTransport) -> None:
        async_transport: AsyncTransport = AsyncFakeTransport(transport)
        self.driver = AsyncDriver(flow, async_transport)

    def batch(self) -> list[Event]:
        return asyncio.run(self.driver.batch())

    def close(self) -> None:
        self.driver.close()


Face = BlockingFace | LoopFace
FACES: list[type[BlockingFace] | type[LoopFace]] = [BlockingFace, LoopFace]
