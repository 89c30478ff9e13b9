"""An upstream that says exactly what a test tells it to, byte for byte, and sees exactly what arrived."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType

from dragoman.core.exchange import Call, Headers
from dragoman.server import Answer, Listener
from dragoman.server.answer import BrokenOff

JSON: Headers = (("content-type", "application/json"),)
EVENTS: Headers = (("content-type", "text/event-stream"),)


class Told:
    """A body in the pieces that a test gives. ``hold`` keeps it open after them; ``cut`` breaks it off."""

    def __init__(self, pieces: Sequence[bytes], *, hold: bool = False, cut: bool = False) -> None:
        self._pieces = list(pieces)
        self._hold = hold
        self._cut = cut
        self.closed = threading.Event()

    async def next(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._hold:
            await asyncio.get_running_loop().create_future()
        if self._cut:
            raise BrokenOff
        return b""

    def close(self) -> None:
        self.closed.set()


class Endless:
    """A body that never ends; ``sent`` counts its bytes."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self.sent = 0
        self.closed = threading.Event()

    async def next(self) -> bytes:
        await asyncio.sleep(0)
        self.sent += len(self._piece)
        return self._piece

    def close(self) -> None:
        self.closed.set()


class Upstream:
    """Answers every call by ``answer``; ``calls`` has what arrived. ``url`` is its address."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self.answer = answer
        self.calls: list[Call] = []
        self.url = ""
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def handle(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.answer(call)

    def refuse(self, call: Call, status: int, message: str) -> Answer:
        return Answer(status, (), message.encode())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = Listener(self)
        self.url = f"http://127.0.0.1:{await listener.start('127.0.0.1', 0)}"
        self._started.set_result(None)
        await self._stop.wait()
        await listener.stop()

    def __enter__(self) -> Upstream:
        self._thread.start()
        self._started.result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
