"""The listening socket: addresses, TLS, Unix sockets, the date, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from dragoman.core.errors import UsageError
from dragoman.server import Answer, Limits, Listener

from .wire import OK, Client, Feed, Held, Program, Runner, Served, ended, get, post, serving, turns, until


def test_stopping_closes_who_has_no_request_and_takes_nobody_new(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK)) as served:
            fresh, kept = await served.connect(), await served.connect()
            assert (await kept.get())[0] == 200
            await until(lambda: len(served.listener.connections) == 2)
            assert await served.listener.stop(1000.0) == 0
            assert await fresh.rest() == await kept.rest() == b""
            with pytest.raises(ConnectionRefusedError):
                await served.connect()

    run(scenario)


def test_answers_under_way_end_while_it_stops_and_say_that_it_is_the_last(run: Runner) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        held = Held()
        async with serving(Program(held=held, stream=Answer(200, (), Feed(b"one", go_on, b"two")))) as served:
            waiting, streaming, sending = [await served.connect() for _ in range(3)]
            await waiting.send(get("/held") + get("/never"))
            await streaming.send(get("/stream"))
            await streaming.head()
            assert await streaming.chunk() == b"one"
            await sending.send(post("/sent", b"abc")[:-1])
            await held.begun.wait()
            await turns()
            stopping = asyncio.create_task(served.listener.stop(1000.0))
            await until(lambda: served.listener.stopping)
            await turns()
            assert not stopping.done()
            held.let_go.set()
            go_on.set()
            await sending.send(b"c")
            status, fields, body = await waiting.reply()
            assert (status, fields["connection"], body) == (200, "close", b"ok")
            assert await waiting.rest() == b""
            assert [await streaming.chunk(), await streaming.chunk()] == [b"two", b""]
            assert await streaming.rest() == b""
            _, fields, body = await sending.reply()
            assert (fields["connection"], body) == ("close", b"POST /sent abc")
            waiting.close()
            assert await stopping == 0

    run(scenario)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_has_not_ended_in_time_is_cut_and_counted(run: Runner, version: str) -> None:
    async def scenario() -> None:
        held = Held()
        feed = Feed(b"one", asyncio.Event())
        async with serving(Program(held=held, stream=Answer(200, (), feed))) as served:
            waiting, streaming, sending = [await served.connect() for _ in range(3)]
            await waiting.send(get("/held"))
            await streaming.send(get("/stream", version=version))
            await streaming.until(b"one")
            await sending.send(b"GET")
            await held.begun.wait()
            await until(lambda: len(served.listener.connections) == 3)
            await turns()
            assert await served.listener.stop(0.0) == 3
            assert held.cancelled.is_set()
            assert feed.closed == 1
            assert not served.listener.connections
            with pytest.raises(ConnectionResetError):  # an end would be taken for the stream's
                await streaming.rest()

    run(scenario)


def test_the_same_port_serves_again_at_once(run: Runner) -> None:
    async def scenario() -> None:
        port = 0
        for _ in range(3):
            async with serving(Program(OK), port=port) as served:
                port = served.port
                client = await served.connect()
                assert (await client.get())[0] == 200
                await served.listener.stop()  # the server closes first
                assert await client.rest() == b""

    run(scenario)


def test_a_listener_that_never_began_stops(run: Runner) -> None:
    async def scenario() -> None:
        assert await Listener(Program()).stop(1000.0) == 0

    run(scenario)


def test_an_address_that_cannot_be_had_is_said(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK)) as served:
            with pytest.raises(UsageError, match="another program has this port"):
                await Listener(Program()).start("127.0.0.1", served.port)
            with pytest.raises(UsageError, match="another program has this port"):
                await Listener(Program()).start("127.0.0.1", served.port, share_port=True)

    run(scenario)


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_is_none_is_said(run: Runner, port: int) -> None:
    async def scenario() -> None:
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}: ports are from 0 to 65535"):
            async with serving(Program(), port=port):
                pass

    run(scenario)


def test_two_listeners_share_a_port_where_both_want_to(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), share_port=True) as one, serving(Program(OK), port=one.port, share_port=True) as other:
            assert one.port == other.port
            while not (one.listener.connections and other.listener.connections):
                assert (await (await one.connect()).get())[2] == b"ok"
            for client in one.clients:
                client.close()

    run(scenario)


def test_one_listener_at_two_addresses(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK)) as served:
            other = Served(served.listener, await served.listener.start("127.0.0.1", 0))
            async with ended(other):
                for one in (served, other):
                    assert (await (await one.connect()).get())[2] == b"ok"

    run(scenario)


def test_a_unix_socket(run: Runner, tmp_path: Path) -> None:
    async def scenario() -> None:
        path = str(tmp_path / "served")
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(path)
        listener = Listener(Program())
        await listener.start_on(bound)
        async with ended(Served(listener, 0)) as served:
            connected = socket.socket(socket.AF_UNIX)
            connected.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connected, path)
            served.clients.append(client := Client(connected))
            assert (await client.get("/a"))[2] == b"GET /a "
            assert (await client.get("/b"))[2] == b"GET /b "

    run(scenario)


def test_a_socket_that_listens_already(run: Runner) -> None:
    async def scenario() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        listener = Listener(Program())
        await listener.start_on(listening)
        async with ended(Served(listener, listening.getsockname()[1])) as served:
            assert (await (await served.connect()).get("/a"))[2] == b"GET /a "

    run(scenario)


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return await reader.readexactly(length)


def test_tls(run: Runner, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = contexts

    async def scenario() -> None:
        held = Held()
        feed = Feed(b"one", asyncio.Event())
        program = Program(held=held, stream=Answer(200, (), feed), big=Answer(200, (), b"x" * 3_000_000))
        async with serving(program, Limits(body_bytes=1000), tls=server) as served:
            await talk(served, held, feed)
            await until(lambda: not served.listener.connections)

    async def talk(served: Served, held: Held, feed: Feed) -> None:
        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", served.port, ssl=trusting)

        reader, writer = await connect()
        for path in ("/a", "/b"):
            writer.write(get(path))
            assert await read_answer(reader) == f"GET {path} ".encode()
        writer.write(get("/big"))
        assert len(await read_answer(reader)) == 3_000_000
        writer.write(get("/", "content-length: 1001", method="POST"))
        assert b"1000 bytes" in await read_answer(reader)
        writer.close()
        for path, is_over in (("/held", held.cancelled.is_set), ("/stream", lambda: feed.closed == 1)):
            reader, writer = await connect()
            writer.write(get(path))
            await (held.begun if path == "/held" else feed.asked).wait()
            writer.transport.abort()
            await until(is_over)

    run(scenario)


def test_a_plain_client_at_a_tls_port_is_let_go(run: Runner, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def scenario() -> None:
        async with serving(Program(OK), tls=contexts[0]) as served:
            client = await served.connect()
            await client.send(get("/"))
            assert b"HTTP" not in await client.rest()

    run(scenario)


def test_every_answer_is_dated_by_the_clock(run: Runner) -> None:
    async def scenario() -> None:
        now_s = 784_111_777.0
        listener = Listener(Program(OK, pieces=Answer(200, (), Feed(), 0)), clock=lambda: now_s)
        async with ended(Served(listener, await listener.start("127.0.0.1", 0))) as served:
            client = await served.connect()
            for path in ("/", "/pieces"):
                assert (await client.get(path))[1]["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
            now_s += 1.0
            served.look_after(0.0)
            assert (await client.get())[1]["date"] == "Sun, 06 Nov 1994 08:49:38 GMT"
            await client.send(b"nonsense\r\n\r\n")
            assert (await client.reply())[1]["date"] == "Sun, 06 Nov 1994 08:49:38 GMT"

    run(scenario)


def test_a_client_that_comes_while_it_stops_is_not_kept(run: Runner) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held)) as served:
            waiting = await served.connect()
            await waiting.send(get("/"))
            await held.begun.wait()
            late = await served.connect()  # the kernel took it, the loop has not seen it yet
            stopping = asyncio.create_task(served.listener.stop(1000.0))
            await turns()
            held.let_go.set()
            assert (await waiting.reply())[0] == 200
            assert await stopping == 0
            with contextlib.suppress(ConnectionResetError):  # where the kernel alone knew of it
                assert await late.rest() == b""

    run(scenario)
