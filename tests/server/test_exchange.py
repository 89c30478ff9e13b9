"""Requests and answers on one connection: kept, pipelined, asked for, and of every form."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer, Limits

from .wire import OK, Client, Feed, Held, Program, Runner, Served, chunked, get, post, serving, turns, until


def test_a_connection_is_kept_for_the_next_request(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program()) as served:
            client = await served.connect()
            for number in range(3):
                status, fields, body = await client.get(f"/{number}")
                assert (status, body) == (200, f"GET /{number} ".encode())
                assert "connection" not in fields
            assert len(served.listener.connections) == 1

    run(scenario)


@pytest.mark.parametrize(
    ("request_", "said", "kept"),
    [
        (get("/"), None, True),
        (get("/", "connection: close"), "close", False),
        (get("/", version="1.0"), "close", False),
        (get("/", "connection: keep-alive", version="1.0"), "keep-alive", True),
        (get("/", "connection: keep-alive"), None, True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_said_of_the_connection_is_what_becomes_of_it(
    run: Runner, request_: bytes, said: str | None, kept: bool, method: str
) -> None:
    async def scenario() -> None:
        async with serving(Program(OK)) as served:
            client = await served.connect()
            await client.send(request_.replace(b"GET", method.encode()))
            status, fields = await client.head()
            assert (status, fields.get("connection"), fields["content-length"]) == (200, said, "2")
            assert await client.exactly(2 if method == "GET" else 0) == (b"ok" if method == "GET" else b"")
            if kept:
                assert (await client.get())[2] == b"ok"
            else:
                assert await client.rest() == b""

    run(scenario)


@pytest.mark.parametrize("data", [post("/a", b"hello"), chunked("/a", b"hel", b"lo")], ids=["length", "chunks"])
def test_a_request_that_comes_byte_by_byte(run: Runner, data: bytes) -> None:
    async def scenario() -> None:
        async with serving(Program()) as served:
            client = await served.connect()
            await client.send_each(data)
            assert (await client.reply())[2] == b"POST /a hello"
            assert (await client.get())[2] == b"GET / "

    run(scenario)


def test_pipelined_requests_are_answered_in_their_order(run: Runner) -> None:
    async def scenario() -> None:
        first = Held(Answer(200, (), b"first"))
        async with serving(Program(first=first)) as served:
            client = await served.connect()
            await client.send(get("/first") + post("/2", b"two") + get("/3", method="HEAD") + get("/4"))
            await first.begun.wait()
            await turns()
            first.let_go.set()
            assert (await client.reply())[2] == b"first"
            assert (await client.reply())[2] == b"POST /2 two"
            assert (await client.head())[1]["content-length"] == str(len("HEAD /3 "))
            assert (await client.reply())[2] == b"GET /4 "

    run(scenario)


def test_beyond_the_bound_no_more_requests_are_read_until_some_are_answered(run: Runner) -> None:
    async def scenario() -> None:
        held = Held(Answer(200, (), b"0"))
        program = Program(held=held)
        async with serving(program, Limits(pipelined=3)) as served:
            client = await served.connect()
            await client.send(get("/held"))
            await held.begun.wait()
            (connection,) = served.listener.connections
            paused = connection._transport.is_reading
            for number in range(3):
                assert paused()
                await client.send(get(f"/{number}"))
                await turns()
            assert not paused()
            await client.send(get("/behind") * 20)
            held.let_go.set()
            assert (await client.reply())[2] == b"0"
            assert [(await client.reply())[2] for _ in range(23)][-1] == b"GET /behind "
            assert paused()

    run(scenario)


def test_bodies_that_wait_are_bounded_together(run: Runner) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held=held), Limits(body_bytes=1000)) as served:
            client = await served.connect()
            await client.send(get("/held"))
            await held.begun.wait()
            (connection,) = served.listener.connections
            reading = connection._transport.is_reading
            await client.send(post("/1", b"x" * 600))
            await turns()
            assert reading()
            await client.send(post("/2", b"x" * 600))
            await until(lambda: not reading())
            held.let_go.set()
            assert [(await client.reply())[0] for _ in range(3)] == [200, 200, 200]

    run(scenario)


def test_many_requests_behind_a_stream(run: Runner) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        feed = Feed(b"one", go_on, b"two")
        async with serving(Program(stream=Answer(200, (), feed))) as served:
            client = await served.connect()
            await client.send(get("/stream"))
            assert (await client.head())[1]["transfer-encoding"] == "chunked"
            assert await client.chunk() == b"one"
            sending = asyncio.create_task(client.send(b"".join(get(f"/{number}") for number in range(2000))))
            await turns()
            go_on.set()
            assert [await client.chunk(), await client.chunk()] == [b"two", b""]
            for number in range(2000):
                assert (await client.reply())[2] == f"GET /{number} ".encode()
            await sending
            assert feed.closed == 1

    run(scenario)


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_once(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program()) as served:
            client = await served.connect()
            await client.send_each(get("/", "content-length: 3", "Expect: 100-Continue", method="POST"))
            assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send_each(b"abc")
            assert (await client.reply())[2] == b"POST / abc"

    run(scenario)


def test_a_client_is_asked_for_its_body_after_the_answers_to_its_earlier_requests(run: Runner) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held=held)) as served:
            client = await served.connect()
            await client.send(get("/held") + get("/", "content-length: 3", "expect: 100-continue", method="POST"))
            await held.begun.wait()
            await turns()
            held.let_go.set()
            assert (await client.reply())[2] == b"ok"
            assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"abc")
            assert (await client.reply())[2] == b"POST / abc"

    run(scenario)


@pytest.mark.parametrize(
    "request_",
    [
        get("/", "content-length: 3", "expect: 100-continue", method="POST") + b"abc",
        get("/", "content-length: 3", "expect: 100-continue", "connection: keep-alive", method="POST", version="1.0") + b"abc",
        get("/", "expect: 100-continue"),
    ],
    ids=["body at once", "old version", "no body"],
)
def test_who_does_not_wait_is_not_asked(run: Runner, request_: bytes) -> None:
    async def scenario() -> None:
        async with serving(Program()) as served:
            client = await served.connect()
            await client.send(request_)
            assert (await client.reply())[0] == 200

    run(scenario)


def test_a_body_that_is_too_long_is_refused_before_it_is_asked_for(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(), Limits(body_bytes=9)) as served:
            client = await served.connect()
            await client.send(get("/", "content-length: 10", "expect: 100-continue", method="POST"))
            status, fields, _ = await client.reply()
            assert (status, fields["connection"]) == (413, "close")
            assert await client.rest() == b""

    run(scenario)


def test_an_upgrade_is_left_undone_and_its_body_is_a_body(run: Runner) -> None:
    async def scenario() -> None:
        upgrade = ("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABk")
        async with serving(Program()) as served:
            client = await served.connect()
            assert (await client.get("/", *upgrade))[2] == b"GET / "
            await client.send(post("/a", get("/hidden"), *upgrade) + get("/b"))
            assert (await client.reply())[2] == b"POST /a " + get("/hidden")
            assert (await client.reply())[2] == b"GET /b "

    run(scenario)


BODYLESS = [100, 101, 103, 199, 204, 304]


@pytest.mark.parametrize("status", BODYLESS)
@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_some_answers_never_have_a_body(run: Runner, status: int, in_pieces: bool, version: str) -> None:
    async def scenario() -> None:
        feed = Feed(b"body")
        answer = Answer(status, (("x", "y"),), feed if in_pieces else b"body", 4 if in_pieces else None)
        async with serving(Program(next=OK, otherwise=answer)) as served:
            client = await served.connect()
            await client.send(get("/", "connection: keep-alive", version=version))
            seen, fields = await client.head()
            assert seen == status
            assert fields.keys().isdisjoint({"content-length", "transfer-encoding"})
            if status < 200:  # no exchange ends with it, so nothing may follow
                assert fields["connection"] == "close"
                assert await client.rest() == b""
            else:
                assert (await client.get("/next"))[2] == b"ok"
            assert feed.closed == in_pieces
            assert not feed.asked.is_set()

    run(scenario)


@pytest.mark.parametrize(("length", "field"), [(4, ("content-length", "4")), (None, ("transfer-encoding", "chunked"))])
def test_head_has_the_head_alone_and_pieces_are_closed_unread(run: Runner, length: int | None, field: tuple[str, str]) -> None:
    async def scenario() -> None:
        feed = Feed(b"body")
        async with serving(Program(pieces=Answer(200, (), feed, length), otherwise=OK)) as served:
            client = await served.connect()
            await client.send(get("/pieces", method="HEAD"))
            assert field in (await client.head())[1].items()
            assert (await client.get())[2] == b"ok"
            assert (feed.closed, feed.given) == (1, 0)

    run(scenario)


def test_a_refused_head_has_no_body_either(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(), Limits(body_bytes=1)) as served:
            client = await served.connect()
            await client.send(get("/", "transfer-encoding: chunked", method="HEAD") + b"2\r\nxx\r\n")
            assert (await client.head())[0] == 413
            assert await client.rest() == b""

    run(scenario)


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"nonsense\r\n\r\n", 400), (get("/" + "a" * 2000), 431), (post("/", b"x" * 2000), 413), (get("/", version="2.0"), 505)],
)
def test_what_is_refused_is_worded_by_the_program_and_hurts_nobody_else(run: Runner, data: bytes, status: int) -> None:
    async def scenario() -> None:
        program = Program(held=(held := Held()))
        async with serving(program, Limits(head_bytes=1000, body_bytes=1000)) as served:
            other, client = await served.connect(), await served.connect()
            await other.send(get("/held"))
            await held.begun.wait()
            await client.send(data)
            seen, fields, body = await client.reply()
            ((call, told, message),) = program.refusals
            assert (seen, told, body) == (status, status, message.encode())
            assert fields["connection"] == "close"
            assert call.body == b""
            assert await client.rest() == b""
            held.let_go.set()
            assert (await other.reply())[2] == b"ok"

    run(scenario)


def test_a_refusal_comes_behind_the_answers_to_earlier_requests(run: Runner) -> None:
    async def scenario() -> None:
        held = Held()
        async with serving(Program(held=held)) as served:
            client = await served.connect()
            await client.send(get("/held") + get("/2") + b"nonsense\r\n\r\n")
            await held.begun.wait()
            held.let_go.set()
            assert [(await client.reply())[0] for _ in range(3)] == [200, 200, 400]
            assert await client.rest() == b""

    run(scenario)


@pytest.mark.parametrize("framed", [b"content-length: 50000000", b"transfer-encoding: chunked"], ids=["length", "chunks"])
def test_a_client_that_is_still_sending_can_read_its_refusal(run: Runner, framed: bytes) -> None:
    async def scenario() -> None:
        async with serving(Program(), Limits(body_bytes=100_000)) as served:
            client = await served.connect()
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\n%b\r\n\r\n" % framed)
            if framed.endswith(b"chunked"):
                await client.send(b"%x\r\n" % 50_000_000)
            await client.send(b"x" * 20_000_000)  # far more than lies in the buffers between
            assert (await client.reply())[0] == 413
            assert await client.rest() == b""

    run(scenario)


def test_a_refused_client_that_goes_on_sending_is_borne_for_a_moment_only(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program()) as served:
            client = await served.connect()
            await client.send(b"nonsense\r\n\r\n")
            assert (await client.reply())[0] == 400
            await client.send(b"more")
            await turns()
            assert served.listener.connections
            served.look_after(2.5)
            await until(lambda: not served.listener.connections)

    run(scenario)


def test_a_handler_that_raises_ends_its_connection_alone_and_is_told_of(run: Runner) -> None:
    async def scenario() -> None:
        async def broken(call: Call) -> Answer:
            raise RuntimeError("a fault of the program")

        told: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with serving(Program(broken=broken)) as served:
            other, client = await served.connect(), await served.connect()
            assert (await other.get())[0] == 200
            await client.send(get("/broken") + get("/next"))
            assert await client.rest() == b""
            client.close()
            assert (await other.get())[0] == 200
            await until(lambda: len(served.listener.connections) == 1)
        assert [str(context["exception"]) for context in told] == ["a fault of the program"]

    run(scenario)


def test_a_program_that_cannot_even_refuse_ends_the_connection_alone(run: Runner) -> None:
    async def scenario() -> None:
        class Mute(Program):
            def refuse(self, call: Call, status: int, message: str) -> Answer:
                raise RuntimeError("no words")

        told: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with serving(Mute()) as served:
            other, client = await served.connect(), await served.connect()
            await client.send(b"nonsense\r\n\r\n")
            assert await _ended(client) == b""
            assert (await other.get())[0] == 200
        assert len(told) == 1

    run(scenario)


async def _ended(client: Client) -> bytes:
    try:
        return await client.rest()
    except ConnectionResetError:
        return b""


async def _greet(served: Served) -> int:
    client = await served.connect()
    return (await client.get())[0]


def test_many_clients_at_once(run: Runner) -> None:
    async def scenario() -> None:
        async with serving(Program(OK)) as served:
            assert await asyncio.gather(*(_greet(served) for _ in range(200))) == [200] * 200

    run(scenario)
