"""How long a client is waited for. No test waits: the listener is told how late it is."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.server import Answer, Limits, Listener
from dragoman.server.answer import Beat

from .wire import OK, Client, Feed, Held, Program, Runner, Served, ended, get, post, serving, turns, until

LIMITS = Limits(head_s=20.0, body_silence_s=30.0, idle_s=90.0, send_s=120.0)


async def in_silence(served: Served, wait_s: float) -> None:
    """What was sent is read; then so much time passes."""
    await until(lambda: served.listener.connections)
    await turns()
    served.look_after(wait_s)
    await turns()


async def refused(client: Client) -> None:
    status, fields, _ = await client.reply()
    assert (status, fields["connection"]) == (408, "close")
    assert await client.rest() == b""


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n\r\n"], ids=["nothing", "a line", "lines"])
def test_a_connection_without_a_request_is_closed_without_a_word(run: Runner, sent: bytes) -> None:
    async def scenario() -> None:
        program = Program(OK)
        async with serving(program, LIMITS) as served:
            client = await served.connect()
            await client.send(sent)
            await in_silence(served, 89.0)
            assert served.listener.connections
            await in_silence(served, 91.0)
            assert await client.rest() == b""
            assert program.refusals == []

    run(scenario)


def test_a_kept_connection_has_its_wait_anew_after_each_answer(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            for _ in range(3):
                assert (await client.get())[0] == 200
                await in_silence(served, 89.0)
            await in_silence(served, 91.0)
            assert await client.rest() == b""

    run(scenario)


@pytest.mark.parametrize("earlier", [b"", get("/")], ids=["first", "kept"])
@pytest.mark.parametrize("sent", [b"G", get("/")[:-1]], ids=["a byte", "almost all"])
def test_a_head_that_does_not_come_is_refused(run: Runner, earlier: bytes, sent: bytes) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            if earlier:
                await client.send(earlier)
                await client.reply()
            await client.send(sent)
            await in_silence(served, 19.0)
            assert served.listener.connections
            await in_silence(served, 21.0)
            await refused(client)

    run(scenario)


def test_bytes_that_trickle_in_do_not_lengthen_the_wait_for_a_head(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            await client.send(b"G")
            await in_silence(served, 0.0)
            (connection,) = served.listener.connections
            due_s = connection._due_s
            await client.send_each(get("/")[1:-1])
            await turns()
            assert connection._due_s == due_s is not None

    run(scenario)


def test_empty_lines_do_not_lengthen_the_wait_for_a_request(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            await until(lambda: served.listener.connections)
            (connection,) = served.listener.connections
            due_s = connection._due_s
            await client.send_each(b"\r\n" * 20)
            await turns()
            assert connection._due_s == due_s is not None

    run(scenario)


@pytest.mark.parametrize("first", [get("/")[:5], post("/", b"abc")[:-1]], ids=["in a head", "in a body"])
def test_a_head_that_begins_behind_a_slow_request_has_a_wait_too(run: Runner, first: bytes) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held), LIMITS) as served:
            client = await served.connect()
            await client.send(first)
            await in_silence(served, 0.0)
            await client.send((get("/") if first.startswith(b"GET") else post("/", b"abc"))[len(first) :] + b"GET")
            await held.begun.wait()
            await in_silence(served, 1000.0)  # a handler may take its time
            held.let_go.set()
            assert (await client.reply())[2] == b"ok"
            await in_silence(served, 21.0)
            await refused(client)

    run(scenario)


@pytest.mark.parametrize("framed", ["content-length: 3", "transfer-encoding: chunked"], ids=["length", "chunks"])
def test_a_body_that_does_not_come_is_refused(run: Runner, framed: str) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            await client.send(get("/", framed, method="POST"))
            for byte in (b"", b"1") if "chunked" in framed else (b"", b"a", b"b"):
                await client.send(byte)
                await in_silence(served, 29.0)
                assert served.listener.connections
            await in_silence(served, 31.0)
            await refused(client)

    run(scenario)


def test_a_client_that_was_asked_for_its_body_and_sends_none(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), LIMITS) as served:
            client = await served.connect()
            await client.send(get("/", "content-length: 3", "expect: 100-continue", method="POST"))
            await client.until(b"100 Continue\r\n\r\n")
            await in_silence(served, 31.0)
            await refused(client)

    run(scenario)


def test_a_call_may_take_its_time(run: Runner) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held), LIMITS) as served:
            client = await served.connect()
            await client.send(get("/"))
            await held.begun.wait()
            await in_silence(served, 100_000.0)
            held.let_go.set()
            assert (await client.reply())[2] == b"ok"

    run(scenario)


def test_without_bounds_everything_is_waited_for(run: Runner) -> None:
    async def scenario() -> None:
        unbounded = Limits(head_s=None, body_silence_s=None, send_s=None, idle_s=None)
        async with serving(Program(OK), unbounded) as served:
            client = await served.connect()
            data = post("/", b"abc")
            for at in (0, 5, len(data) - 1):
                await client.send(data[:5] if at == 0 else data[5:-1] if at == 5 else data[-1:])
                await in_silence(served, 1e9)
            assert (await client.reply())[2] == b"ok"

    run(scenario)


def test_the_listener_looks_by_itself(run: Runner) -> None:
    async def scenario() -> None:
        listener = Listener(Program(OK), Limits(idle_s=1e-9), look_s=1e-9)
        async with ended(Served(listener, await listener.start("127.0.0.1", 0))) as served:
            client = await served.connect()
            assert await client.rest() == b""

    run(scenario)


BEAT = Beat(b": alive\n\n", 15.0)


def test_a_silent_body_gets_a_beat_between_two_pieces_and_no_other_does(run: Runner) -> None:
    async def scenario() -> None:
        going_on = asyncio.Event()
        feed = Feed(b"one", going_on, b"two")
        async with serving(Program(Answer(200, (), feed, beat=BEAT)), LIMITS) as served:
            client = await served.connect()
            await client.send(get("/"))
            assert (await client.until(b"one\r\n")).endswith(b"3\r\none\r\n")
            await in_silence(served, 0.0)
            await in_silence(served, 14.0)
            await in_silence(served, 15.0)
            await in_silence(served, 16.0)
            going_on.set()
            assert await client.until(b"0\r\n\r\n") == b"9\r\n: alive\n\n\r\n3\r\ntwo\r\n0\r\n\r\n"

    run(scenario)


def test_nothing_beats_before_the_first_piece(run: Runner) -> None:
    async def scenario() -> None:
        going_on = asyncio.Event()
        feed = Feed(going_on, b"one")
        async with serving(Program(Answer(200, (), feed, beat=BEAT)), LIMITS) as served:
            client = await served.connect()
            await client.send(get("/"))
            await feed.asked.wait()
            await in_silence(served, 0.0)
            await in_silence(served, 60.0)
            going_on.set()
            assert b"alive" not in await client.until(b"0\r\n\r\n")

    run(scenario)
