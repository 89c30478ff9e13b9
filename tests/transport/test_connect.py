"""How a connection comes about: names, several addresses, and what hangs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest
import uvloop

from dragoman.core.errors import Cancelled, ConnectFailed, TimedOut
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.aio import AsyncioDial, AsyncioDialer, AsyncioTransport
from dragoman.transport.connect import Address, Dialer, interleaved, race
from dragoman.transport.engine import Conversation, Engine
from dragoman.transport.pool import Wire
from dragoman.transport.settings import Settings
from dragoman.transport.sync import SelectPoller, SocketDial, SocketDialer, SocketTransport, run

from .colours import QUICK, Client, Colour, fails, read_all
from .servers import Peer, saying, saying_then_waiting, serve

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.contextmanager
def black_hole(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port where connecting neither succeeds nor fails: its queue of waiting connections is full."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_connect_that_hangs_ends_in_the_connect_timeout(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(f"http://127.0.0.1:{port}/", timeouts=Timeouts(connect_s=0.1)), TimedOut)
        assert "connect_s" in str(error)
        for limit in (Timeouts(first_byte_s=0.1), Timeouts(total_s=0.1), Timeouts.of(0.1)):
            error = await fails(client.open(f"http://127.0.0.1:{port}/", timeouts=limit), TimedOut)
            assert "no connection within 0.1 s" in str(error)

    with black_hole() as port:
        colour(scenario)


def test_a_name_is_looked_up(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(f"http://localhost:{server.port}/") == (200, b"ok")
        assert await client.fetch(f"http://LOCALHOST:{server.port}/") == (200, b"ok")

    def script(peer: Peer) -> None:
        peer.answer(OK)
        peer.answer(OK)
        peer.wait_closed()

    with serve(script) as server:
        colour(scenario)
    assert server.accepted == 1


def test_an_ipv6_address(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(f"http://[::1]:{port}/") == (200, b"ok")

    heard: list[bytes] = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_answer_once, args=(listener, heard))
        thread.start()
        colour(scenario)
        thread.join()
    assert f"host: [::1]:{port}\r\n".encode() in heard[0]


def _answer_once(listener: socket.socket, heard: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        peer = Peer(connection, heard)
        peer.answer(OK)
        peer.wait_closed()


class Resolving:
    """The socket dialer with a look-up of its own."""

    def __init__(self, addresses: list[Address] | OSError) -> None:
        self._inner = SocketDialer()
        self._addresses = addresses
        self.dials: list[SocketDial] = []

    async def resolve(self, host: str, port: int, until: float | None) -> list[Address]:
        if isinstance(self._addresses, OSError):
            raise self._addresses
        return self._addresses

    def dial(self, address: Address) -> SocketDial:
        self.dials.append(self._inner.dial(address))
        return self.dials[-1]

    async def settled(self, dials: Sequence[SocketDial], until: float | None) -> list[SocketDial]:
        return await self._inner.settled(dials, until)

    async def wire(self, dial: SocketDial) -> Wire:
        return await self._inner.wire(dial)

    async def straight(self, address: Address, until: float | None) -> Wire:
        return await self.wire(await race(self, (address,), until))


def call_over(dialer: Dialer[SocketDial], timeouts: Timeouts = QUICK) -> bytes:
    engine = Engine(Settings(), {}, dialer)
    try:
        return run(read_all(run(engine.open(Call("GET", "http://many.test/"), timeouts))))
    finally:
        engine.pool.close_all(for_ever=True)


def test_an_address_that_hangs_does_not_stop_the_next() -> None:
    with black_hole() as port, serve(saying(OK)) as server:
        dialer = Resolving([(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.1", server.port))])
        assert call_over(dialer) == b"ok"
        assert len(dialer.dials) == 2
        assert dialer.dials[0].socket is not None
        assert dialer.dials[0].socket.fileno() == -1


def test_an_address_that_refuses_gives_way_at_once() -> None:
    with serve(saying(OK)) as server:
        refusing = [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET6, ("::1", 1)), (socket.AF_INET, ("256.0.0.1", 1))]
        dialer = Resolving([*refusing, (socket.AF_INET, ("127.0.0.1", server.port))])
        assert call_over(dialer) == b"ok"


@pytest.mark.parametrize("addresses", [[], [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET6, ("::1", 1))]])
def test_no_address_that_answers(addresses: list[Address]) -> None:
    dialer = Resolving(addresses)
    with pytest.raises(ConnectFailed, match=r"many\.test"):
        call_over(dialer)
    assert all(dial.socket is not None and dial.socket.fileno() == -1 for dial in dialer.dials)


@pytest.mark.parametrize(("code", "passing"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
def test_a_name_that_is_not_found(code: int, passing: bool) -> None:
    with pytest.raises(ConnectFailed, match=r"many\.test was not found: no such thing") as caught:
        call_over(Resolving(socket.gaierror(code, "no such thing")))
    assert caught.value.retryable is passing


def test_a_look_up_that_hangs() -> None:
    with pytest.raises(TimedOut, match="connect_s"):
        call_over(Resolving(TimeoutError()), Timeouts(connect_s=0.1))


def test_the_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    addresses: list[Address] = [(six, "a"), (six, "b"), (six, "c"), (four, "d"), (four, "e")]
    assert [where for _, where in interleaved(addresses)] == ["a", "d", "b", "e", "c"]
    assert interleaved([]) == []


def test_a_transport_closed_while_it_connects_is_cancelled() -> None:
    class Closing(Resolving):
        """Closes the pool before it connects."""

        async def wire(self, dial: SocketDial) -> Wire:
            engine.pool.close_all(for_ever=True)
            return await super().wire(dial)

    def script(peer: Peer) -> None:
        peer.wait_closed()

    with serve(script) as server:
        engine: Engine[SocketDial] = Engine(Settings(), {}, Closing([(socket.AF_INET, ("127.0.0.1", server.port))]))
        with pytest.raises(Cancelled):
            run(engine.open(Call("GET", "http://many.test/"), QUICK))


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("wait_s", [0.0, 0.02])
def test_cancelling_a_connect_leaves_nothing_open(runner: object, wait_s: float) -> None:
    async def main() -> None:
        transport = AsyncioTransport(environ={})
        task = asyncio.create_task(transport.open(Call("GET", f"http://127.0.0.1:{port}/"), QUICK))
        await asyncio.wait((task,), timeout=wait_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.close()

    with black_hole() as port:
        runner(main())  # type: ignore[operator]  # both take a coroutine
    gc.collect()


class Finding(AsyncioDialer):
    """The asyncio dialer with a look-up of its own."""

    def __init__(self, *addresses: Address) -> None:
        self._addresses = addresses
        self.dials = 0

    async def resolve(self, host: str, port: int, until: float | None) -> list[Address]:
        return list(self._addresses)

    def dial(self, address: Address) -> AsyncioDial:
        self.dials += 1
        return super().dial(address)


async def open_at(dialer: AsyncioDialer) -> Conversation:
    return await Engine(Settings(), {}, dialer).open(Call("GET", "http://many.test/"), QUICK)


async def read_all_of(dialer: AsyncioDialer) -> bytes:
    return await read_all(await open_at(dialer))


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_single_address_runs_no_race(runner: Callable[[Coroutine[Any, Any, bytes]], bytes]) -> None:
    with serve(saying(OK)) as server:
        dialer = Finding((socket.AF_INET, ("127.0.0.1", server.port)))
        assert runner(read_all_of(dialer)) == b"ok"
    assert dialer.dials == 0


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_many_addresses_run_a_race_and_a_scope_is_told(runner: Callable[[Coroutine[Any, Any, bytes]], bytes]) -> None:
    with black_hole() as port, serve(saying(OK)) as server:
        reached: Address = (socket.AF_INET, ("127.0.0.1", server.port))
        dialer = Finding((socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET, ("127.0.0.1", port)), reached)
        assert runner(read_all_of(dialer)) == b"ok"
    assert dialer.dials == 3
    scoped = Finding((socket.AF_INET6, ("fe80::1", 1, 0, 2**31)))
    with pytest.raises(ConnectFailed, match=r"many\.test"):
        runner(read_all_of(scoped))
    assert scoped.dials == 1


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("wait_s", [0.0, 0.02])
def test_cancelling_a_race_leaves_nothing_open(runner: object, count: int, wait_s: float) -> None:
    async def main() -> None:
        task = asyncio.create_task(open_at(Finding(*[(socket.AF_INET, ("127.0.0.1", port))] * count)))
        await asyncio.wait((task,), timeout=wait_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with black_hole() as port:
        runner(main())  # type: ignore[operator]  # both take a coroutine
    gc.collect()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_loop_that_ends_closes_what_was_forgotten(runner: object) -> None:
    transport = AsyncioTransport(environ={})

    async def main() -> None:
        idle = await transport.open(Call("GET", server.url), QUICK)
        assert await read_all(idle) == b"ok"
        kept.append(await transport.open(Call("GET", other.url), QUICK))

    kept: list[object] = []
    with serve(saying_then_waiting(OK)) as server, serve(saying_then_waiting(OK[:-1])) as other:
        runner(main())  # type: ignore[operator]  # both take a coroutine
    kept.clear()
    gc.collect()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_transport_that_is_dropped_closes_its_connections(runner: object) -> None:
    async def main() -> None:
        answer = await AsyncioTransport(environ={}).open(Call("GET", server.url), QUICK)
        assert await read_all(answer) == b"ok"
        del answer
        await asyncio.to_thread(server.wait)

    with serve(saying_then_waiting(OK)) as server:
        runner(main())  # type: ignore[operator]  # both take a coroutine


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_an_answer_outlives_its_dropped_transport(runner: object) -> None:
    async def main() -> None:
        answer = await AsyncioTransport(environ={}).open(Call("GET", server.url), QUICK)
        gc.collect()
        assert await answer.read() == b"o"
        go_on.set()
        assert await read_all(answer) == b"k"
        del answer
        await asyncio.to_thread(server.wait)

    def script(peer: Peer) -> None:
        peer.answer(OK[:-1])
        assert go_on.wait(10)
        peer.send(OK[-1:])
        peer.wait_closed()

    go_on = threading.Event()
    with serve(script) as server:
        runner(main())  # type: ignore[operator]  # both take a coroutine


def test_a_blocking_transport_that_is_dropped_closes_its_connections() -> None:
    with serve(saying_then_waiting(OK)) as server:
        answer = SocketTransport(environ={}).open(Call("GET", server.url), QUICK)
        assert answer.read() + answer.read() == b"ok"
        del answer
        server.wait()


def test_a_slow_reader_slows_the_server(colour: Colour) -> None:
    size = 60_000_000

    async def scenario(client: Client) -> None:
        answer = await client.open(fast.url)
        await client.fetch(waiting.url)
        assert sent[0] < size
        got = 0
        while chunk := await answer.read():
            got += len(chunk)
        assert got == size

    sent = [0]
    full = threading.Event()

    def flooding(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        peer.socket.settimeout(0.2)
        block = bytes(50_000)
        try:
            while sent[0] < size:
                sent[0] += peer.socket.send(block[: size - sent[0]])
        except TimeoutError:
            full.set()
        peer.socket.settimeout(10)
        while sent[0] < size:
            sent[0] += peer.socket.send(block[: size - sent[0]])

    def patient(peer: Peer) -> None:
        peer.request()
        assert full.wait(10)
        peer.send(OK)

    with serve(flooding) as fast, serve(patient) as waiting:
        colour(scenario)


def test_two_reads_at_once_are_refused_rather_than_mixed() -> None:
    async def main() -> None:
        transport = AsyncioTransport(environ={})
        answer = await transport.open(Call("GET", server.url), QUICK)
        await answer.read()
        results = await asyncio.gather(answer.read(), answer.read(), return_exceptions=True)
        assert all(isinstance(result, Exception) for result in results)
        await transport.close()

    with serve(saying_then_waiting(OK[:-1])) as server:
        asyncio.run(main())


def test_waiting_without_poll() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        waits = SelectPoller(here)
        assert waits(0.0, False) is None
        assert waits(0.0, True) is False
        there.send(b"x")
        assert waits(1.0, True) is True
        assert waits(1.0, False) is True


def test_what_is_not_needed_is_not_loaded() -> None:
    heavy = {"ssl", "asyncio", "truststore", "python_socks", "httpx", "brotli"}
    code = f"import sys, dragoman.transport.sync; print(*{heavy!r} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
