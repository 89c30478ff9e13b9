"""Every driver behind one asynchronous face, so that each behaviour is written once.

The socket driver's face never suspends, so its scenarios run to their end at the first step, with no event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

import uvloop

from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.transport.aio import AsyncioTransport
from dragoman.transport.seam import AsyncIncoming, AsyncTransport, Hold, Incoming, Transport
from dragoman.transport.settings import Settings
from dragoman.transport.sync import SocketTransport, run

QUICK = Timeouts(connect_s=5, first_byte_s=5, between_bytes_s=5, total_s=10)

Scenario = Callable[["Client"], Coroutine[Any, Any, None]]


class Client:
    """A transport under test with a shorter way to call."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport

    async def open(
        self, url: str, *, method: str = "POST", body: bytes = b"{}", headers: Headers = (), timeouts: Timeouts = QUICK
    ) -> AsyncIncoming:
        return await self.transport.open(Call(method, url, headers, body), timeouts)

    async def fetch(self, url: str, **options: Any) -> tuple[int, bytes]:
        """Status and whole body."""
        answer = await self.open(url, **options)
        return answer.status, await read_all(answer)


async def read_all(answer: AsyncIncoming) -> bytes:
    chunks = []
    while chunk := await answer.read():
        chunks.append(chunk)
    return b"".join(chunks)


class Colour(Protocol):
    """Runs a scenario with a fresh transport and closes it afterwards."""

    name: str

    def __call__(self, scenario: Scenario, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None: ...


class Sync:
    name = "sync"

    def __call__(self, scenario: Scenario, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None:
        face = BlockingFace(SocketTransport(settings, environ or {}))
        run(_closing(scenario, face))


class Async:
    def __init__(self, name: str, runner: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self.name = name
        self._runner = runner

    def __call__(self, scenario: Scenario, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> None:
        async def main() -> None:
            await _closing(scenario, AsyncioTransport(settings, environ or {}))

        self._runner(main())


async def _closing(scenario: Scenario, transport: AsyncTransport) -> None:
    try:
        await scenario(Client(transport))
    finally:
        await transport.close()


COLOURS: dict[str, Colour] = {"sync": Sync(), "asyncio": Async("asyncio", asyncio.run), "uvloop": Async("uvloop", uvloop.run)}


class BlockingFace:
    """``AsyncTransport`` over a ``Transport``: every method blocks."""

    def __init__(self, transport: Transport) -> None:
        self.inner = transport

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncIncoming:
        return BlockingAnswer(self.inner.open(call, timeouts, hold))

    async def close(self) -> None:
        self.inner.close()


class BlockingAnswer:
    """``AsyncIncoming`` over an ``Incoming``."""

    def __init__(self, answer: Incoming) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = answer.headers

    def at_hand(self) -> bytes | None:
        return self._answer.at_hand()

    async def read(self, timeout_s: float | None = None) -> bytes:
        return self._answer.read(timeout_s)

    async def finish(self) -> None:
        self._answer.finish()

    def close(self) -> None:
        self._answer.close()


async def fails(awaitable: Awaitable[object], kind: type[Exception]) -> Any:
    """The error that ``awaitable`` ends in, which must be exactly of ``kind``."""
    try:
        await awaitable
    except Exception as error:
        if type(error) is kind:
            return error
        raise
    raise AssertionError(f"{kind.__name__} was expected, nothing was raised")
