"""What one exchange of the transports costs in CPU, against the least that a program can do: ``python -m bench.exchanges``.

The processor time of this process is counted and not the clock's, so that a neighbour's load spoils little; of many rounds in turn the
least is told, and the median beside it, which shows how quiet the machine was. Only ratios within one run are worth quoting.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any, TypeAlias

import httptools

from bench import calls, upstream
from bench.run import Row, table
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.aio import AsyncioTransport
from dragoman.transport.sync import SocketTransport

ROUNDS = 60
CALLS = 320
"""In each round."""
AT_ONCE = 32
HEADERS = (("content-type", "application/json"), ("authorization", "Bearer sk-bench"))
TIMEOUTS = Timeouts()

Exchange: TypeAlias = Callable[[int], Awaitable[object]]
"""Makes a call; of several at once each has its number."""
Costs: TypeAlias = dict[str, list[float]]


class ByHand(asyncio.Protocol):
    """One connection and the least that reads an HTTP answer from it."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._ended.set_result(None)

    async def call(self) -> bytes:
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._ended = asyncio.get_running_loop().create_future()
        self._transport.write(calls.REQUEST)
        await self._ended
        return b"".join(self._pieces)


def a_call(port: int) -> Call:
    return Call("POST", f"http://127.0.0.1:{port}/v1/chat/completions", HEADERS, calls.BODY)


def blocking(port: int) -> Costs:
    """A bare socket, and the blocking transport."""
    transport, call = SocketTransport(environ={}), a_call(port)

    def ours() -> None:
        answer = transport.open(call, TIMEOUTS)
        while answer.read():
            pass

    with ExitStack() as stack:
        programs = {"by hand": calls.bare(port, stack), "ours": ours}
        costs: Costs = {name: [] for name in programs}
        for _ in range(ROUNDS):
            for name, program in programs.items():
                begun = time.process_time()
                for _ in range(CALLS):
                    program()
                costs[name].append((time.process_time() - begun) / CALLS)
    transport.close()
    return costs


async def on_a_loop(port: int, at_once: int) -> Costs:
    """A protocol by hand, and the asyncio transport; ``at_once`` calls at a time."""
    loop, transport, call = asyncio.get_running_loop(), AsyncioTransport(environ={}), a_call(port)
    hands = [(await loop.create_connection(ByHand, "127.0.0.1", port))[1] for _ in range(at_once)]

    async def ours(number: int) -> None:
        answer = await transport.open(call, TIMEOUTS)
        while await answer.read():
            pass

    programs: Mapping[str, Exchange] = {"by hand": lambda number: hands[number].call(), "ours": ours}
    costs: Costs = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            begun = time.process_time()
            await asyncio.gather(*(_in_turn(program, number, CALLS // at_once) for number in range(at_once)))
            costs[name].append((time.process_time() - begun) / CALLS)
    await transport.close()
    return costs


async def _in_turn(program: Exchange, number: int, count: int) -> None:
    for _ in range(count):
        await program(number)


def rows(title: str, costs: Costs) -> list[Row]:
    least = min(costs["by hand"])
    return [
        (f"{title}, {name}", f"{min(taken) * 1e6:.1f} µs (median {statistics.median(taken) * 1e6:.1f})", f"{min(taken) / least:.2f} ×", "")
        for name, taken in costs.items()
    ]


def loops() -> dict[str, Callable[[Coroutine[Any, Any, Costs]], Costs]]:
    found: dict[str, Callable[[Coroutine[Any, Any, Costs]], Costs]] = {"asyncio": asyncio.run}
    if find_spec("uvloop"):
        import uvloop

        found["uvloop"] = uvloop.run
    return found


def main() -> None:
    nginx = upstream.find_nginx()
    if nginx is None:
        raise SystemExit("bench: nginx is missing (Debian: nginx-light)")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with upstream.running(nginx, cores[-1] if len(cores) > 1 else None) as port:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})
        told = rows("blocking", blocking(port))
        for name, run in loops().items():
            for at_once in (1, AT_ONCE):
                told += rows(f"{name}, {at_once} at once", run(on_a_loop(port, at_once)))
    print(table(told))


if __name__ == "__main__":
    main()
