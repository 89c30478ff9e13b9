"""Waits of many connections on one loop: each ends at its own time, and none because of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from dragoman.core.errors import TimedOut
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.aio import AsyncioTransport

Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_waits_end_in_their_order_and_what_has_no_end_goes_on(runner: Runner) -> None:
    async def main() -> None:
        answered = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answering.append(asyncio.current_task())
            asked = await reader.readuntil(b"\r\n\r\n")
            if b"/for-ever" in asked:
                await answered.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await reader.read()
            writer.close()
            await writer.wait_closed()

        answering: list[Any] = []
        ended: list[float | None] = []

        async def ask(wait_s: float | None) -> None:
            path = "for-ever" if wait_s is None else "silent"
            try:
                incoming = await transport.open(Call("GET", f"http://127.0.0.1:{port}/{path}"), Timeouts(first_byte_s=wait_s, connect_s=30))
                assert await incoming.read() == b"ok"
            except TimedOut:
                assert wait_s is not None
            ended.append(wait_s)

        transport = AsyncioTransport(environ={})
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            unending = asyncio.create_task(ask(None))
            await asyncio.gather(*(ask(wait_s) for wait_s in (1.0, 0.2, 0.6)))
            assert ended == [0.2, 0.6, 1.0]
            await ask(0.1)
            answered.set()
            await unending
            assert ended[3:] == [0.1, None]
            await transport.close()
            await asyncio.gather(*answering)

    runner(main())
