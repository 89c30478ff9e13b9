"""Clients that leave, and what of them is left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer, Limits
from dragoman.server.connection import Connection
from dragoman.server.request import Arriving, RequestParser

from .wire import OK, Client, Feed, Held, Program, Runner, get, post, serving, until

WAYS: dict[str, Callable[[Client], None]] = {"closes": Client.close, "resets": Client.reset, "closes its half": Client.half_close}


@pytest.fixture(params=list(WAYS))
def leave(request: pytest.FixtureRequest) -> Callable[[Client], None]:
    return WAYS[request.param]


def test_a_client_that_leaves_ends_the_work_on_its_answer_at_once(run: Runner, leave: Callable[[Client], None]) -> None:
    async def scenario() -> None:
        held = Held()
        program = Program(held)
        async with serving(program) as served:
            client = await served.connect()
            await client.send(get("/1") + get("/2"))
            await held.begun.wait()
            leave(client)
            await held.cancelled.wait()
            await until(lambda: not served.listener.connections)
            assert [call.url for call in program.calls] == ["/1"]

    run(scenario)


@pytest.mark.parametrize("begun", [False, True], ids=["before the first piece", "behind it"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_leaves_ends_its_stream_at_once(run: Runner, leave: Callable[[Client], None], begun: bool, version: str) -> None:
    async def scenario() -> None:
        never = asyncio.Event()
        feed = Feed(*([b"one"] if begun else []), never)
        async with serving(Program(Answer(200, (), feed))) as served:
            client = await served.connect()
            await client.send(get("/", version=version))
            await feed.asked.wait()
            if begun:
                await client.until(b"one")
            leave(client)
            await until(lambda: feed.closed)
            await until(lambda: not served.listener.connections)
            assert feed.closed == 1

    run(scenario)


def test_a_client_that_leaves_while_it_does_not_read(run: Runner) -> None:
    async def scenario() -> None:
        feed = Feed(then=b"x" * 10_000)
        async with serving(Program(Answer(200, (), feed))) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get("/"))
            await until(lambda: any(connection._drained is not None for connection in served.listener.connections))
            client.reset()
            await until(lambda: feed.closed)
            assert feed.closed == 1

    run(scenario)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HT", post("/", b"abc")[:-1]], ids=["nothing", "a line", "a part", "almost all"])
def test_a_client_that_leaves_before_its_request_is_whole(run: Runner, leave: Callable[[Client], None], sent: bytes) -> None:
    async def scenario() -> None:
        program = Program()
        async with serving(program) as served:
            client = await served.connect()
            await client.send(sent)
            await until(lambda: served.listener.connections)
            leave(client)
            await until(lambda: not served.listener.connections)
            assert not program.calls
            assert not program.refusals

    run(scenario)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_stream_whose_client_closed_its_half_is_not_ended_as_if_whole(run: Runner, version: str) -> None:
    async def scenario() -> None:
        class Stubborn(Feed):
            """Takes its cancellation for the end of the body."""

            async def next(self) -> bytes:
                try:
                    return await super().next()
                except asyncio.CancelledError:
                    return b""

        feed = Stubborn(b"one", asyncio.Event())
        async with serving(Program(Answer(200, (), feed))) as served:
            client = await served.connect()
            await client.send(get("/", version=version))
            await client.until(b"one")
            client.half_close()
            if version == "1.0":
                with pytest.raises(ConnectionResetError):
                    await client.rest()
            else:
                assert b"0\r\n" not in await client.rest()
            assert feed.closed == 1

    run(scenario)


def test_a_handler_that_catches_its_cancellation_answers_nobody(run: Runner) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def stubborn(call: Call) -> Answer:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return Answer(200, (), feed)
            raise AssertionError

        feed = Feed(b"one")
        async with serving(Program(stubborn)) as served:
            client = await served.connect()
            await client.send(get("/"))
            await begun.wait()
            client.half_close()
            assert await client.rest() == b""
            assert (feed.closed, feed.given) == (1, 0)

    run(scenario)


def test_what_was_answered_before_a_client_closed_its_half_reaches_it(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(Answer(200, (), b"x" * 5_000_000))) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get("/"))
            await client.until(b"\r\n\r\n")
            client.half_close()
            assert len(await client.rest()) == 5_000_000

    run(scenario)


def _left() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, (Connection, RequestParser, Arriving))]


def test_nothing_of_thousands_of_connections_is_left_and_nothing_waits_for_the_collector(run: Runner) -> None:
    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)

        async def broken(call: Call) -> Answer:
            raise RuntimeError

        async def streamed(call: Call) -> Answer:
            return Answer(200, (), Feed(b"one", b"two"))

        kinds = [
            (get("/"), b"ok"),
            (post("/streamed", b"abc", "connection: close"), b"0\r\n\r\n"),
            (b"nonsense\r\n\r\n", b"400"),
            (get("/")[:-2], b""),
            (get("/broken"), b""),
            (b"", b""),
            (get("/") + get("/", "upgrade: h2c", "connection: upgrade"), b"ok"),
        ]
        async with serving(Program(OK, broken=broken, streamed=streamed), Limits()) as served:
            for number in range(2000):
                client = await served.connect()
                sent, mark = kinds[number % len(kinds)]
                await client.send(sent)
                if mark:
                    await client.until(mark)
                client.close()
                served.clients.clear()
            await until(lambda: not served.listener.connections)
            await asyncio.sleep(0)
            assert _left() == []

    gc.collect()
    gc.disable()
    try:
        run(scenario)
    finally:
        gc.enable()
