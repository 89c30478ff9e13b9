"""Bodies that come in pieces: framed, broken off, held up by a client that does not read."""

from __future__ import annotations

import asyncio
import sys

import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer, Limits
from dragoman.server.answer import BrokenOff
from dragoman.server.connection import Connection

from .wire import OK, Client, Feed, Program, Runner, get, post, serving, turns, until

MIB = 1024 * 1024


async def ending(client: Client) -> tuple[bytes, bool]:
    """What came, and whether the connection broke behind it."""
    pieces = [client.kept]
    try:
        while data := await client.receive():
            pieces.append(data)
    except ConnectionResetError:
        return b"".join(pieces), True
    return b"".join(pieces), False


def test_each_piece_is_one_chunk_and_leaves_at_once(run: Runner) -> None:
    async def scenario() -> None:
        second, end = asyncio.Event(), asyncio.Event()
        feed = Feed(b"one", second, b"second", end)
        async with serving(Program(pieces=Answer(200, (), feed), otherwise=OK)) as served:
            client = await served.connect()
            await client.send(get("/pieces"))
            assert (await client.head())[1]["transfer-encoding"] == "chunked"
            assert await client.chunk() == b"one"
            second.set()
            assert await client.chunk() == b"second"
            assert feed.closed == 0
            end.set()
            assert await client.chunk() == b""
            assert (await client.get())[2] == b"ok"
            assert feed.closed == 1

    run(scenario)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("length", [None, 3])
def test_a_head_may_leave_before_the_first_piece(run: Runner, version: str, length: int | None) -> None:
    async def scenario() -> None:
        first = asyncio.Event()
        async with serving(Program(Answer(200, (), Feed(first, b"one"), length, head_first=True))) as served:
            client = await served.connect()
            await client.send(get("/", "connection: close", version=version))
            status, fields = await client.head()
            first.set()
            assert status == 200
            chunked = fields.get("transfer-encoding") == "chunked"
            assert await client.rest() == (b"3\r\none\r\n0\r\n\r\n" if chunked else b"one")

    run(scenario)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_pieces_of_a_known_length(run: Runner, version: str) -> None:
    async def scenario() -> None:
        feed = Feed(b"one", b"two")
        async with serving(Program(pieces=Answer(200, (), feed, 6), otherwise=OK)) as served:
            client = await served.connect()
            await client.send(get("/pieces", "connection: keep-alive", version=version))
            status, fields, body = await client.reply()
            assert (status, fields["content-length"], body) == (200, "6", b"onetwo")
            assert "transfer-encoding" not in fields
            assert (await client.get())[2] == b"ok"
            assert feed.closed == 1

    run(scenario)


def test_the_old_version_sees_the_end_by_the_connection(run: Runner) -> None:
    async def scenario() -> None:
        feed = Feed(b"one", b"two")
        async with serving(Program(Answer(200, (), feed))) as served:
            client = await served.connect()
            await client.send(get("/", "connection: keep-alive", version="1.0"))
            status, fields = await client.head()
            assert (status, fields["connection"]) == (200, "close")
            assert fields.keys().isdisjoint({"transfer-encoding", "content-length"})
            assert await ending(client) == (b"onetwo", False)
            assert feed.closed == 1

    run(scenario)


@pytest.mark.parametrize("length", [None, 0], ids=["chunks", "length"])
def test_no_pieces_are_an_empty_body(run: Runner, length: int | None) -> None:
    async def scenario() -> None:
        async with serving(Program(empty=Answer(200, (), Feed(), length), otherwise=OK)) as served:
            client = await served.connect()
            assert (await client.get("/empty"))[2] == b""
            assert (await client.get())[2] == b"ok"

    run(scenario)


FAULTS = {"broken off": BrokenOff, "a fault of the program": RuntimeError, "an end too early": None}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [(), (b"one",), (b"one", b"two")], ids=["at once", "behind one", "behind two"])
@pytest.mark.parametrize("framing", ["chunks", "length", "close"])
def test_a_body_that_is_not_whole_is_not_taken_for_whole(run: Runner, fault: str, before: tuple[bytes, ...], framing: str) -> None:
    kind = FAULTS[fault]
    if kind is None and framing != "length":
        return  # without a length, an end is an end

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        feed = Feed(*before, *(() if kind is None else (kind(),)))
        answer = Answer(200, (), feed, 100 if framing == "length" else None)
        async with serving(Program(otherwise=answer, next=OK)) as served:
            client = await served.connect()
            await client.send(get("/", version="1.0" if framing == "close" else "1.1") + (b"" if framing == "close" else get("/next")))
            data, broke = await ending(client)
            body = data.partition(b"\r\n\r\n")[2]
            assert feed.closed == 1
            if framing == "chunks":
                assert not body.endswith(b"0\r\n\r\n")
            elif framing == "length":
                assert len(body) < 100
            else:
                assert broke
            assert data.count(b"HTTP/1.1") <= 1, "nothing follows an answer that is not whole"
            client.close()
            await until(lambda: not served.listener.connections)

    run(scenario)


@pytest.mark.parametrize("parts", [(b"12345",), (b"1234", b"5")], ids=["in one", "in two"])
def test_more_than_was_announced_never_becomes_another_answer(run: Runner, parts: tuple[bytes, ...]) -> None:
    async def scenario() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        feed = Feed(*parts)
        async with serving(Program(otherwise=Answer(200, (), feed, 4), next=OK)) as served:
            client = await served.connect()
            await client.send(get("/") + get("/next"))
            data, _ = await ending(client)
            assert b"5" not in data.partition(b"\r\n\r\n")[2]
            assert data.count(b"HTTP/1.1") <= 1
            assert feed.closed == 1
        assert "said to have 4 bytes" in str(told[0])

    run(scenario)


def test_a_break_leaves_what_came_before_it(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(Answer(200, (("x", "y"),), Feed(BrokenOff())))) as served:
            client = await served.connect()
            await client.send(get("/"))
            assert (await client.head())[1]["x"] == "y"
            assert await ending(client) == (b"", False)

    run(scenario)


def test_who_makes_the_pieces_stops_while_the_client_does_not_read(run: Runner) -> None:
    async def scenario() -> None:
        feed = Feed(then=b"x" * 10_000)
        async with serving(Program(Answer(200, (), feed))) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get("/"))
            (connection,) = await _connections(served.listener.connections)
            await until(lambda: connection._drained is not None)
            given = feed.given
            await turns(200)
            assert feed.given == given
            assert connection._transport.get_write_buffer_size() < 100_000
            while feed.given < given + 100:  # the client reads, and it goes on
                await client.receive()

    run(scenario)


async def _connections(connections: set[Connection]) -> list[Connection]:
    await until(lambda: connections)
    return list(connections)


@pytest.mark.parametrize("path", ["/pieces", "/whole"])
def test_a_client_that_takes_nothing_is_cut_off(run: Runner, path: str) -> None:
    async def scenario() -> None:
        feed = Feed(then=b"x" * 10_000)
        async with serving(Program(pieces=Answer(200, (), feed), whole=Answer(200, (), b"x" * 20 * MIB)), Limits(send_s=5.0)) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get(path))
            (connection,) = await _connections(served.listener.connections)
            await until(lambda: connection._drained is not None)
            await turns(200)
            served.look_after(4.5)
            await turns()
            assert served.listener.connections
            served.look_after(5.5)  # in the first moment the buffers between may have taken some
            served.look_after(11.5)
            await until(lambda: not served.listener.connections)
            assert (await ending(client))[1]
            await until(lambda: feed.closed == (path == "/pieces"))

    run(scenario)


def test_a_client_that_takes_little_is_borne(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(Answer(200, (), b"x" * 20 * MIB)), Limits(send_s=5.0)) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get("/"))
            (connection,) = await _connections(served.listener.connections)
            await until(lambda: connection._drained is not None)
            untaken = connection._transport.get_write_buffer_size
            for _ in range(5):
                before = untaken()
                while untaken() >= before:
                    assert await client.receive()
                served.look_after(5.5)
                await turns()
                assert served.listener.connections

    run(scenario)


def test_what_was_answered_whole_is_bounded_by_the_same_wait(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(Answer(200, (), b"x" * 20 * MIB)), Limits(send_s=5.0)) as served:
            client = await served.connect(receive_buffer=20_000)
            await client.send(get("/", "connection: close"))
            await client.until(b"\r\n\r\n")
            client.half_close()
            await turns(200)
            assert served.listener.connections
            served.look_after(5.5)
            served.look_after(11.5)
            await until(lambda: not served.listener.connections)

    run(scenario)


class Keeping(Program):
    """Keeps what it was given and what it gave, to see who else does."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.bodies: list[bytes] = []
        self.answer = answer

    async def handle(self, call: Call) -> Answer:
        self.bodies.append(call.body)
        return self.answer


def test_a_stream_holds_neither_its_request_nor_its_head(run: Runner) -> None:
    async def scenario() -> None:
        end = asyncio.Event()
        handler = Keeping(Answer(200, (("x-large", "y" * 500),), Feed(b"one", end)))
        async with serving(handler) as served:
            client = await served.connect()
            await client.send(post("/", b"x" * 5000))
            assert (await client.head())[1]["x-large"] == "y" * 500
            assert await client.chunk() == b"one"
            held = sys.getrefcount(handler.bodies[0]), sys.getrefcount(handler.answer)
            assert held == (2, 2), "held here and looked at, and by nobody else"
            end.set()
            assert await client.chunk() == b""

    run(scenario)


@pytest.mark.parametrize("cut", [0, 1, 20, 60])
def test_a_request_that_comes_while_a_stream_is_sent_is_read_in_any_pieces(run: Runner, cut: int) -> None:
    async def scenario() -> None:
        end = asyncio.Event()
        program = Program(pieces=Answer(200, (), Feed(b"one", end)), otherwise=OK)
        async with serving(program) as served:
            client = await served.connect()
            later = post("/later", b"body" * 10)
            await client.send(get("/pieces") + later[:cut])
            await client.head()
            assert await client.chunk() == b"one"
            await client.send(later[cut:-5])
            await client.send(later[-5:])
            end.set()
            assert await client.chunk() == b""
            assert (await client.reply())[2] == b"ok"
            assert [call.body for call in program.calls] == [b"", b"body" * 10]

    run(scenario)
