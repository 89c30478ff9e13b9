"""Which connections are kept and used again, and which are not."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import pytest

from dragoman.core.errors import Cancelled, DragomanError, StreamCut, TimedOut
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.aio import AsyncioTransport
from dragoman.transport.pool import Connection, Pool
from dragoman.transport.settings import Settings
from dragoman.transport.sync import SocketTransport

from .colours import QUICK, Client, Colour, fails, read_all
from .programs import Nginx
from .servers import Peer, Script, saying_then_waiting, serve

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED_START = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n"


def answering(*answers: bytes) -> Script:
    def script(peer: Peer) -> None:
        for answer in answers:
            peer.answer(answer)
        peer.wait_closed()

    return script


def test_nginx_keeps_one_connection_for_many_calls(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        seen = [(await client.fetch(nginx.url("plain")))[1].split()[:2] for _ in range(20)]
        assert len({connection for connection, _ in seen}) == 1
        assert [int(number) for _, number in seen] == list(range(1, 21))

    colour(scenario)


def test_nginx_that_allows_two_requests_a_connection(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        seen = [(await client.fetch(nginx.url("two_requests")))[1].split()[:2] for _ in range(10)]
        assert [int(number) for _, number in seen] == [1, 2] * 5

    colour(scenario)


def test_nginx_that_closes_idle_connections_soon(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        for wait_s in (0.001, 0.02, 0.021, 0.04, 0.019, 0.02, 0.06) * 2:
            assert (await client.fetch(nginx.url("short")))[0] == 200
            # Time passes in a call to a server that says nothing.
            await fails(client.open(silent.url, timeouts=Timeouts(first_byte_s=wait_s)), TimedOut)

    with serve(*[Peer.wait_closed] * 14) as silent:  # a millisecond may be over before the request is sent
        colour(scenario)


def test_nginx_other_answers(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("plain", "/moved")))[0] == 302
        assert await client.fetch(nginx.url("plain", "/empty")) == (204, b"")
        assert await client.fetch(nginx.url("plain"), method="HEAD", body=b"") == (200, b"")
        assert (await client.fetch(nginx.url("plain"), body=b"x" * 2_000_000))[0] == 413
        squeezed = {"method": "GET", "body": b"", "headers": (("accept-encoding", "gzip"),)}
        answer = await client.open(nginx.url("plain", "/gzip/text"), **squeezed)  # type: ignore[arg-type]  # a table of options
        assert dict(answer.headers).keys().isdisjoint({"content-encoding", "content-length"})
        assert await read_all(answer) == b"squeeze me " * 20_000

    colour(scenario)


def test_a_kept_connection_that_closed_is_replaced(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url) == (200, b"ok")
        closed.wait(5)
        assert await client.fetch(server.url) == (200, b"ok")

    closed = threading.Event()

    def first(peer: Peer) -> None:
        peer.answer(OK)
        peer.socket.close()
        closed.set()

    with serve(first, saying_then_waiting(OK)) as server:
        colour(scenario)
    assert len(server.heard) == 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_call_that_a_stale_connection_swallowed_is_sent_again_once(colour: Colour, reset: bool) -> None:
    async def scenario(client: Client) -> None:
        await client.fetch(server.url, body=b"first")
        assert await client.fetch(server.url, body=b"second") == (200, b"ok")

    def first(peer: Peer) -> None:
        peer.answer(OK)
        peer.request()
        if reset:
            peer.reset()

    with serve(first, saying_then_waiting(OK)) as server:
        colour(scenario)
    assert [request[-6:] for request in server.heard] == [b"\nfirst", b"second", b"second"]


def test_a_fresh_connection_that_swallows_it_too_ends_the_call(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await client.fetch(server.url)
        await fails(client.open(server.url), StreamCut)

    def first(peer: Peer) -> None:
        peer.answer(OK)
        peer.request()

    with serve(first, lambda peer: peer.answer()) as server:
        colour(scenario)
    assert len(server.heard) == 3


def test_one_byte_of_an_answer_forbids_sending_again(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await client.fetch(server.url)
        await fails(client.open(server.url), StreamCut)

    def script(peer: Peer) -> None:
        peer.answer(OK)
        peer.answer(b"H")

    with serve(script) as server:
        colour(scenario)
    assert server.accepted == 1


NOT_KEPT = {
    "connection: close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "http 1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "bytes behind the end": OK + b"HTTP/1.1 200 OK\r\n",
    "a second answer behind the end": OK + OK,
    "garbage behind the end": OK + b"\x00",
}


@pytest.mark.parametrize("answer", NOT_KEPT.values(), ids=NOT_KEPT.keys())
def test_a_connection_that_is_not_kept(colour: Colour, answer: bytes) -> None:
    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert await client.fetch(server.url) == (200, b"ok")

    with serve(saying_then_waiting(answer), saying_then_waiting(answer)) as server:
        colour(scenario)


def test_http_1_0_with_keep_alive_is_kept(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert await client.fetch(server.url) == (200, b"ok")

    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    with serve(answering(answer, answer)) as server:
        colour(scenario)
    assert server.accepted == 1


@pytest.mark.parametrize("settings", [Settings(max_idle_connections=0), Settings(idle_timeout_s=1e-9)], ids=["none", "short"])
def test_the_settings_of_the_pool_are_kept(colour: Colour, settings: Settings) -> None:
    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert await client.fetch(server.url) == (200, b"ok")

    with serve(saying_then_waiting(OK), saying_then_waiting(OK)) as server:
        colour(scenario, settings)
    assert server.accepted == 2


def test_more_idle_connections_than_allowed_are_closed_oldest_first(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        one, other = await client.open(server.url), await client.open(second.url)
        await read_all(one)
        await read_all(other)
        await client.fetch(second.url)
        await client.fetch(server.url)

    with serve(answering(OK), answering(OK)) as server, serve(answering(OK, OK)) as second:
        colour(scenario, Settings(max_idle_connections=1))
    assert (server.accepted, second.accepted) == (2, 1)


def test_an_answer_closed_before_its_end_is_not_kept(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        (await client.open(server.url)).close()
        await client.fetch(server.url)

    with serve(saying_then_waiting(OK[:-1]), saying_then_waiting(OK)) as server:
        colour(scenario)


def test_finish_takes_an_end_that_is_at_hand(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        assert await answer.read() == b"done"
        go_on.send(b"x")
        there.recv(1)
        await answer.finish()
        await answer.finish()
        answer.close()
        await client.fetch(server.url)

    def script(peer: Peer) -> None:
        peer.answer(CHUNKED_START)
        wait.recv(1)
        peer.send(b"0\r\n\r\n")
        arrived.send(b"x")
        peer.answer(OK)
        peer.wait_closed()

    go_on, wait = socket.socketpair()
    arrived, there = socket.socketpair()
    with go_on, wait, arrived, there, serve(script) as server:
        colour(scenario)
    assert server.accepted == 1


@pytest.mark.parametrize("tail", [b"", b"4\r\nmore\r\n" * 5000], ids=["no end", "much more"])
def test_finish_does_not_wait_for_an_end_that_is_not(colour: Colour, tail: bytes) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        await answer.read()
        await answer.finish()

    with serve(saying_then_waiting(CHUNKED_START, tail)) as server:
        colour(scenario)


def test_many_threads_share_a_transport(nginx: Nginx) -> None:
    transport = SocketTransport(environ={})
    failures: list[object] = []

    def work() -> None:
        for _ in range(40):
            answer = transport.open(Call("POST", nginx.url("plain"), (), b"{}"), QUICK)
            if answer.status != 200 or not answer.read() or answer.read():
                failures.append(answer)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transport.close()
    assert failures == []


def test_many_tasks_share_a_transport(nginx: Nginx) -> None:
    async def main() -> None:
        transport = AsyncioTransport(environ={})
        client = Client(transport)
        answers = await asyncio.gather(*(client.fetch(nginx.url("plain")) for _ in range(100)))
        assert {status for status, _ in answers} == {200}
        await transport.close()

    asyncio.run(main())


def test_an_answer_can_be_closed_from_another_thread_while_it_is_read() -> None:
    transport = SocketTransport(environ={})

    def script(peer: Peer) -> None:
        peer.answer(OK[:-1])
        peer.wait_closed()

    with serve(script) as server:
        answer = transport.open(Call("GET", server.url), QUICK)
        assert answer.read() == b"o"
        thread = threading.Timer(0.05, answer.close)
        thread.start()
        with pytest.raises(Cancelled):
            answer.read()
        thread.join()
    transport.close()


def test_a_transport_can_be_closed_from_another_thread_while_it_waits() -> None:
    transport = SocketTransport(environ={})

    def script(peer: Peer) -> None:
        peer.request()
        threading.Timer(0.02, transport.close).start()
        peer.wait_closed()

    with serve(script) as server, pytest.raises(Cancelled):
        transport.open(Call("GET", server.url), QUICK)


@pytest.mark.parametrize("start", [b"", OK[:20], OK[:-1]], ids=["waiting", "head", "body"])
def test_a_cancelled_task_closes_its_connection_at_once(start: bytes) -> None:
    async def main() -> None:
        transport = AsyncioTransport(environ={})
        task = asyncio.create_task(Client(transport).fetch(server.url))
        await asyncio.get_running_loop().sock_recv(arrived, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(server.wait)
        await transport.close()

    def script(peer: Peer) -> None:
        peer.answer(start)
        tell.send(b"x")
        peer.wait_closed()

    tell, arrived = socket.socketpair()
    arrived.setblocking(False)
    with tell, arrived, serve(script) as server:
        asyncio.run(main())


def test_connections_of_another_loop_are_not_used() -> None:
    transport = AsyncioTransport(environ={})

    async def main() -> None:
        assert await Client(transport).fetch(server.url) == (200, b"ok")

    with serve(saying_then_waiting(OK), saying_then_waiting(OK)) as server:
        asyncio.run(main())
        asyncio.run(main())
    assert server.accepted == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_makes_its_own_connections() -> None:
    transport = SocketTransport(environ={})

    def call() -> bytes:
        answer = transport.open(Call("GET", server.url), QUICK)
        return answer.read() + answer.read()

    with serve(answering(OK, OK), saying_then_waiting(OK)) as server:
        assert call() == b"ok"
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                failed = int(call() != b"ok")
                transport.close()
            finally:
                os._exit(failed)
        assert os.waitpid(child, 0)[1] == 0
        assert call() == b"ok"
        transport.close()
    assert server.accepted == 2


def test_a_small_answer_frees_its_connection_before_it_is_read(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        one, other = await client.open(server.url), await client.open(server.url)
        assert (await read_all(one), await read_all(other)) == (b"ok", b"ok")

    with serve(answering(OK, OK)) as server:
        colour(scenario)
    assert server.accepted == 1


def test_an_error_is_always_ours(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        for number in range(60):
            with pytest.raises(DragomanError):
                await client.fetch(server.url, timeouts=Timeouts(first_byte_s=0.5, between_bytes_s=0.5))
            assert number < 60

    with serve(*(broken_at(number) for number in range(60))) as server:
        colour(scenario)


def broken_at(number: int) -> Script:
    """A script that resets the connection after ``number`` bytes of an answer."""

    def script(peer: Peer) -> None:
        peer.answer((OK[:-1] + b"o" * 20)[:number] if number < len(OK) - 1 else OK[:-1])
        peer.reset()

    return script


class SilentWire:
    """A wire on which nothing happens."""

    def __init__(self) -> None:
        self.closed = False

    async def send(self, data: bytes, until: float | None) -> bool:
        return True

    def offer(self, data: bytes) -> bool:
        return True

    async def receive(self, until: float | None) -> bytes:
        return b""

    def look(self, until: float | None) -> bytes | None:
        return None

    def idle(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


def test_connections_too_old_are_closed_although_nobody_asks_for_their_origin() -> None:
    pool = Pool(max_idle=10, idle_timeout_s=30)
    wires = [SilentWire() for _ in range(3)]
    for second, wire in enumerate(wires):
        pool.add(connection := Connection(wire, ("http", f"{second}.test", 80), "", ""))
        pool.give_back(connection, float(second * 20))
    assert [wire.closed for wire in wires] == [True, False, False]
    assert pool.take(("http", "1.test", 80), 51.0) is None
    assert pool.take(("http", "2.test", 80), 51.0) is not None
    pool.close_all(for_ever=True)
    assert all(wire.closed for wire in wires)
