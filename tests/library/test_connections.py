"""Connections: kept for the next call, never more than needed, none left over; with one call or with hundreds at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

import dragoman
from dragoman import AsyncClient, Client
from dragoman.core.errors import DragomanError, ServerFault, UsageError
from dragoman.emulator import Emulator
from dragoman.testing import EmulatorFactory
from dragoman.transport.seam import Transport
from tests.library.fakes import FakeIncoming, FakeTransport
from tests.library.servers import Counted, relay
from tests.library.talk import MODELS, settings

MODEL = MODELS["openai"]


@pytest.fixture
def way(emulated: Emulator) -> Iterator[tuple[str, Counted]]:
    """An address of the emulated OpenAI, over which connections are counted."""
    with relay(emulated.url("openai")) as told:
        yield told


def test_calls_in_turn_share_one_connection(way: tuple[str, Counted]) -> None:
    url, counted = way
    with Client(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client:
        for _ in range(5):
            assert client.complete(MODEL, "Hi").text == "Hi"
            assert client.stream(MODEL, "Hi there").finish().text == "Hi there"
        assert counted.opened == 1
    counted.wait_until_closed()


def test_calls_in_turn_on_a_loop_share_one_connection(way: tuple[str, Counted]) -> None:
    url, counted = way

    async def main() -> None:
        async with AsyncClient(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client:
            for _ in range(5):
                assert (await client.complete(MODEL, "Hi")).text == "Hi"
                assert (await client.stream(MODEL, "Hi there").finish()).text == "Hi there"
        assert counted.opened == 1

    asyncio.run(main())
    counted.wait_until_closed()


def test_a_failing_answer_leaves_its_connection_for_the_next_call(way: tuple[str, Counted]) -> None:
    url, counted = way
    with Client(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client:
        for _ in range(3):
            with pytest.raises(ServerFault):
                client.complete(f"{MODEL}!status=500", "Hi")
        assert client.complete(MODEL, "Hi").text == "Hi"
    assert counted.opened == 1


def test_a_stream_that_is_stopped_costs_its_connection_and_no_other(way: tuple[str, Counted]) -> None:
    url, counted = way
    with Client(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client:
        with client.stream(f"{MODEL}!stall-after=2", "one two three") as stream:
            next(stream)
        counted.wait_until_closed(1)
        client.complete(MODEL, "Hi")
        client.complete(MODEL, "Hi")
    assert counted.opened == 2
    counted.wait_until_closed()


FAULTS = ["cut-after=40", "malformed-after=1", "stall-after=1", "html", "empty", "error-after=1", "no-end", "status=503"]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_leaves_a_connection_behind(way: tuple[str, Counted], fault: str) -> None:
    url, counted = way
    with Client(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0, timeout=0.2) as client:
        for ask in (client.stream(f"{MODEL}!{fault}", "one two").finish, lambda: client.complete(f"{MODEL}!{fault}", "one two")):
            try:
                ask()
            except DragomanError:
                continue
    counted.wait_until_closed()


def test_a_client_may_be_used_again_after_it_was_closed(way: tuple[str, Counted]) -> None:
    url, counted = way
    client = Client(keys={"openai": "k"}, base_urls={"openai": url})
    for count in (1, 2):
        assert client.complete(MODEL, "Hi").text == "Hi"
        client.close()
        counted.wait_until_closed(count)
    client.close()


def test_an_async_client_may_be_used_again_after_it_was_closed_and_on_another_loop(way: tuple[str, Counted]) -> None:
    url, counted = way
    client = AsyncClient(keys={"openai": "k"}, base_urls={"openai": url})

    async def main() -> None:
        assert (await client.complete(MODEL, "Hi")).text == "Hi"
        await client.close()
        assert (await client.complete(MODEL, "Hi")).text == "Hi"

    asyncio.run(main())
    asyncio.run(main())
    asyncio.run(client.close())
    counted.wait_until_closed(4)


def test_the_two_functions_leave_no_connection(way: tuple[str, Counted]) -> None:
    url, counted = way
    assert dragoman.complete(MODEL, "Hi", key="k", base_url=url).text == "Hi"
    counted.wait_until_closed(1)
    stream = dragoman.stream(MODEL, "Hi", key="k", base_url=url)
    assert stream.finish().text == "Hi"
    counted.wait_until_closed(2)
    stream.close()


def test_a_stream_that_is_never_read_opens_nothing(way: tuple[str, Counted]) -> None:
    url, counted = way
    with Client(base_urls={"openai": url}, keys={"openai": "k"}) as client:
        client.stream(MODEL, "Hi").close()
    assert counted.opened == 0


# --- many at a time


def test_two_hundred_streams_at_a_time_each_get_their_own_answer(way: tuple[str, Counted]) -> None:
    url, counted = way
    prompts = [" ".join(f"{number}-{word}" for word in range(20)) for number in range(200)]

    async def main() -> list[str]:
        async with AsyncClient(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client:

            async def ask(prompt: str) -> str:
                return "".join([event.text async for event in client.stream(MODEL, prompt)])

            return await asyncio.gather(*map(ask, prompts))

    assert asyncio.run(main()) == prompts
    assert counted.opened <= 200
    counted.wait_until_closed()


def test_two_hundred_streams_of_which_half_are_left_early(emulated: Emulator) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(emulated)) as client:

            async def ask(number: int) -> None:
                if number % 2:
                    assert (await client.stream(MODEL, f"answer {number}").finish()).text == f"answer {number}"
                    return
                async with client.stream(f"{MODEL}!stall-after=3", "one two three") as stream:
                    async for event in stream:
                        if event.text:
                            break

            await asyncio.gather(*map(ask, range(200)))
            await asyncio.to_thread(emulated.requests.wait_for, lambda record: record.outcome == "abandoned", 5.0, 100)

    asyncio.run(main())


def test_fifty_threads_share_one_client(way: tuple[str, Counted]) -> None:
    url, counted = way
    start = threading.Barrier(50)

    def ask(number: int) -> bool:
        start.wait(10)
        for turn in range(3):
            prompt = f"thread {number} turn {turn}"
            if client.stream(MODEL, prompt).finish().text != prompt or client.complete(MODEL, prompt).text != prompt:
                return False
        return True

    with Client(keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0) as client, ThreadPoolExecutor(50) as pool:
        assert all(pool.map(ask, range(50)))
    assert counted.opened <= 50
    counted.wait_until_closed()


def test_threads_that_come_first_at_the_same_moment_share_one_transport() -> None:
    client = Client()
    both_make_one = threading.Barrier(2)
    make = client._configured.make_transport

    def make_slowly() -> Transport:
        with suppress(threading.BrokenBarrierError):  # unless the other comes here too
            both_make_one.wait(0.2)
        return make()

    client._configured.make_transport = make_slowly  # type: ignore[method-assign]  # so that both would be here at a time
    with client, ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(lambda _: id(client.transport), range(2)))) == 1
    assert both_make_one.broken


# --- a transport of the user's own


def test_an_httpx_client_carries_the_calls_and_stays_open(emulated: Emulator) -> None:
    with httpx.Client(trust_env=False) as own:
        with Client(**settings(emulated, http=own)) as client:
            assert client.complete(MODEL, "Hi").text == "Hi"
            assert client.stream(MODEL, "Hi there").finish().text == "Hi there"
        assert not own.is_closed


def test_an_async_httpx_client_carries_the_calls_and_stays_open(emulated: Emulator) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as own:
            async with AsyncClient(**settings(emulated, http=own)) as client:
                assert (await client.complete(MODEL, "Hi")).text == "Hi"
                assert (await client.stream(MODEL, "Hi there").finish()).text == "Hi there"
            assert not own.is_closed

    asyncio.run(main())


def test_a_transport_of_the_users_own_is_used_and_not_closed() -> None:
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
    transport = FakeTransport([FakeIncoming([body], headers=(("content-type", "application/json"),))])
    with Client(http=transport) as client:
        assert client.complete("ollama/m", "Hi").text == "Hi"
    assert len(transport.calls) == 1
    assert transport.closed == 0


def test_an_http_client_of_the_other_kind_is_refused_at_the_call() -> None:
    with httpx.Client() as blocking, pytest.raises(UsageError, match=r"http: .*Client was given; an AsyncClient needs one of its own kind"):
        AsyncClient(http=blocking).stream("ollama/m", "Hi")
    with pytest.raises(UsageError, match=r"http: .*AsyncClient was given; a Client needs one of its own kind"):
        Client(http=httpx.AsyncClient()).stream("ollama/m", "Hi")
    with pytest.raises(UsageError, match="http"):
        Client(http=5).complete("ollama/m", "Hi")


def test_two_emulated_providers_have_a_connection_each(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator(["openai", "raycast"])
    with relay(emulator.url("openai")) as (one, ones), relay(emulator.url("raycast")) as (other, others):
        with Client(keys={"openai": "k", "raycast": "k"}, base_urls={"openai": one, "raycast": other}) as client:
            for _ in range(2):
                client.complete(MODELS["openai"], "Hi")
                client.complete(MODELS["raycast"], "Hi")
        assert (ones.opened, others.opened) == (1, 1)
