"""A client of httpx or httpx2 in the place of our own transport: the same law, whatever the library does."""

from __future__ import annotations

import asyncio
import gzip
import threading
from typing import Any

import httpx
import httpx2
import pytest

from dragoman.core.errors import BadReply, Cancelled, ConnectFailed, DragomanError, StreamCut, TimedOut, UsageError
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.httpx_adapter import adapt
from dragoman.transport.sync import run

from .colours import BlockingFace, Client, Scenario, fails, read_all
from .programs import Nginx
from .servers import Peer, closed_port, saying, saying_then_waiting, serve
from .test_exchange import CHUNKED, LENGTH, UNTIL_CLOSE


class Library:
    """Runs a scenario with a client of one library."""

    def __init__(self, module: Any, *, blocking: bool) -> None:
        self._module = module
        self.blocking = blocking

    def __call__(self, scenario: Scenario) -> None:
        if self.blocking:
            run(self._blocking(scenario))
        else:
            asyncio.run(self._suspending(scenario))

    async def _blocking(self, scenario: Scenario) -> None:
        with self._module.Client(trust_env=False) as owned:
            transport = BlockingFace(adapt(owned))
            await scenario(Client(transport))
            await transport.close()
            assert not owned.is_closed

    async def _suspending(self, scenario: Scenario) -> None:
        async with self._module.AsyncClient(trust_env=False) as owned:
            transport = adapt(owned)
            await scenario(Client(transport))
            await transport.close()
            assert not owned.is_closed


LIBRARIES = {
    "httpx": Library(httpx, blocking=True),
    "httpx2": Library(httpx2, blocking=True),
    "httpx-async": Library(httpx, blocking=False),
    "httpx2-async": Library(httpx2, blocking=False),
}


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> Library:
    return LIBRARIES[request.param]


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, UNTIL_CLOSE], ids=["length", "chunked", "close"])
def test_a_body_arrives(library: Library, answer: bytes) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url, headers=(("X-Key", "k"),), body=b"abc") == (200, b"hello world")

    with serve(saying(answer)) as server:
        library(scenario)
    assert server.heard[0].startswith(b"POST /v1 HTTP/1.1\r\n")
    assert server.heard[0].endswith(b"\r\n\r\nabc")
    assert b"x-key: k\r\n" in server.heard[0].lower()
    assert b"accept-encoding: identity\r\n" in server.heard[0].lower()


def test_nginx_keeps_the_connection(library: Library, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        seen = [(await client.fetch(nginx.url("plain")))[1].split()[1] for _ in range(3)]
        assert seen == [b"1", b"2", b"3"]
        assert (await client.fetch(nginx.url("plain", "/moved")))[0] == 302

    library(scenario)


def test_gzip_is_undone(library: Library) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        assert "content-encoding" not in dict(answer.headers)
        assert await read_all(answer) == b"hello world"

    body = gzip.compress(b"hello world")
    with serve(saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body), body)) as server:
        library(scenario)


FAILURES = {
    "malformed": (b"SSH-2.0-x\r\n\r\n", BadReply),
    "bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", BadReply),
    "not gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nuv", BadReply),
    "no answer": (b"", StreamCut),
    "cut length": (LENGTH[:-2], StreamCut),
    "cut chunks": (CHUNKED[:-12], StreamCut),
}


@pytest.mark.parametrize(("answer", "kind"), FAILURES.values(), ids=FAILURES.keys())
def test_failures_are_ours(library: Library, answer: bytes, kind: type[DragomanError]) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.fetch(server.url), kind)

    with serve(saying(answer)) as server:
        library(scenario)


def test_nothing_listens(library: Library) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(f"http://127.0.0.1:{closed_port()}/"), ConnectFailed)

    library(scenario)


@pytest.mark.parametrize("bad", [{"url": "ftp://127.0.0.1/"}, {"url": "http://127.0.0.1/", "headers": (("x", "a\r\nb"),)}])
def test_what_cannot_be_sent_is_a_usage_error(library: Library, bad: dict[str, Any]) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(**bad), UsageError)

    library(scenario)


@pytest.mark.parametrize(
    ("start", "timeouts", "said"),
    [
        (b"", Timeouts(first_byte_s=0.1), "first_byte_s"),
        (LENGTH[:-3], Timeouts(between_bytes_s=0.1), "between_bytes_s"),
        (b"", Timeouts(total_s=0.1), "total_s"),
    ],
)
def test_timeouts_are_ours(library: Library, start: bytes, timeouts: Timeouts, said: str) -> None:
    async def scenario(client: Client) -> None:
        assert said in str(await fails(client.fetch(server.url, timeouts=timeouts), TimedOut))

    with serve(saying_then_waiting(start)) as server:
        library(scenario)


def test_a_shortened_read_can_be_read_on() -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        assert await answer.read() == b"hello"
        await fails(answer.read(0.02), TimedOut)
        go_on.set()
        assert await read_all(answer) == b" world"

    def script(peer: Peer) -> None:
        peer.answer(LENGTH[:-6])
        go_on.wait(5)
        peer.send(LENGTH[-6:])

    go_on = threading.Event()
    with serve(script) as server:
        LIBRARIES["httpx-async"](scenario)


def test_closing_closes_the_connection_at_once(library: Library) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        answer.close()
        await fails(answer.read(), Cancelled)
        other = await client.open(server.url)
        await other.read()
        await other.finish()

    with serve(saying_then_waiting(LENGTH[:-3]), saying_then_waiting(LENGTH[:-3])) as server:
        library(scenario)


def test_a_cancelled_read_closes_the_connection() -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        await answer.read()
        task: asyncio.Task[bytes] = asyncio.create_task(answer.read())
        await asyncio.wait((task,), timeout=0.01)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        await asyncio.to_thread(server.wait)

    with serve(saying_then_waiting(LENGTH[:-3])) as server:
        LIBRARIES["httpx-async"](scenario)


def test_a_client_that_its_owner_closed() -> None:
    owned = httpx.Client(trust_env=False)
    owned.close()
    with pytest.raises(UsageError, match="closed"):
        adapt(owned).open(Call("GET", "http://127.0.0.1:1/"), Timeouts())


def test_anything_else_is_refused() -> None:
    with pytest.raises(UsageError, match="http"):
        adapt(object())  # type: ignore[call-overload]  # on purpose
