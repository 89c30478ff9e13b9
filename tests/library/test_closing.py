"""Whoever stops early stops the upstream at once: however it is done, the provider sees the connection go."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any

import pytest

import dragoman
from dragoman import AsyncClient, AsyncEventStream, Client, EventStream
from dragoman.core.errors import Cancelled, StreamCut, TimedOut
from dragoman.emulator import Emulator
from dragoman.testing import EmulatorFactory
from tests.library.talk import MODELS, NAMES, settings

SOON_S = 0.5
"""How soon the provider must have seen it."""


@pytest.fixture
def endless(dragoman_emulator: EmulatorFactory) -> Emulator:
    """Providers that speak slowly and for ever."""
    return dragoman_emulator(NAMES, scenario="lorem=100000", tokens_per_second=200)


@pytest.fixture
def stalled(dragoman_emulator: EmulatorFactory) -> Emulator:
    """Providers that fall silent after the first words."""
    return dragoman_emulator(NAMES, scenario="lorem=1000", faults="stall-after=4")


def seen_to_leave(emulator: Emulator, count: int = 1) -> None:
    emulator.requests.wait_for(lambda record: record.outcome == "abandoned", SOON_S, count)


def first_word(stream: EventStream) -> str:
    return next(event.text for event in stream if event.text)


async def first_word_on_loop(stream: AsyncEventStream) -> str:
    async for event in stream:
        if event.text:
            return event.text
    raise AssertionError("no word came")


# --- blocking


def break_and_close(stream: EventStream) -> None:
    first_word(stream)
    stream.close()


def leave_the_context(stream: EventStream) -> None:
    with stream:
        first_word(stream)


def leave_the_context_by_an_error(stream: EventStream) -> None:
    def fail() -> None:
        with stream:
            raise KeyError(first_word(stream))

    with pytest.raises(KeyError):
        fail()


def use_closing(stream: EventStream) -> None:
    with closing(stream):
        first_word(stream)


@pytest.mark.parametrize("stop", [break_and_close, leave_the_context, leave_the_context_by_an_error, use_closing])
def test_stopping_is_seen_at_once(endless: Emulator, stop: Callable[[EventStream], None]) -> None:
    with Client(**settings(endless)) as client:
        stream = client.stream(MODELS["openai"], "Hi")
        stop(stream)
        seen_to_leave(endless)
        with pytest.raises(Cancelled):
            stream.finish()


@pytest.mark.parametrize("name", ["openai", "raycast", "lockchat", "equing"])
def test_every_provider_sees_it(endless: Emulator, name: str) -> None:
    with Client(**settings(endless)) as client, client.stream(MODELS[name], "Hi") as stream:
        assert first_word(stream)
    seen_to_leave(endless)


def test_a_stream_that_is_dropped_is_closed(endless: Emulator) -> None:
    with Client(**settings(endless)) as client:
        for _ in client.stream(MODELS["openai"], "Hi"):
            break
        gc.collect()
        seen_to_leave(endless)


def test_a_stream_without_a_client_is_closed(endless: Emulator) -> None:
    with dragoman.stream("openai/gpt-4.1", "Hi", key="k", base_url=endless.url("openai")) as stream:
        first_word(stream)
    seen_to_leave(endless)


def test_closing_the_client_closes_its_streams(endless: Emulator) -> None:
    with Client(**settings(endless)) as client:
        stream = client.stream(MODELS["openai"], "Hi")
        first_word(stream)
    seen_to_leave(endless)
    with pytest.raises(Cancelled):
        stream.finish()


def test_what_had_arrived_can_be_had_after_closing(endless: Emulator) -> None:
    with Client(**settings(endless)) as client, client.stream(MODELS["openai"], "Hi") as stream:
        word = first_word(stream)
    assert stream.response.text.startswith(word)
    assert stream.response.finish_reason is None


class Reader(threading.Thread):
    """Reads a stream to its end and keeps how that was."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self.begun = threading.Event()
        self.error: BaseException | None = None
        self._stream = stream

    def run(self) -> None:
        try:
            for event in self._stream:
                if event.text:
                    self.begun.set()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test looks at it
            self.error = error

    def ended(self) -> BaseException | None:
        self.join(SOON_S)
        assert not self.is_alive(), "it still waits"
        return self.error


def test_another_thread_may_close_a_stream_that_is_being_read(stalled: Emulator) -> None:
    with Client(**settings(stalled)) as client:
        stream = client.stream(MODELS["openai"], "Hi")
        reader = Reader(stream)
        reader.start()
        assert reader.begun.wait(5)
        stream.close()
        assert isinstance(reader.ended(), Cancelled)
        seen_to_leave(stalled)


def test_another_thread_may_close_the_client_of_a_stream_that_is_being_read(stalled: Emulator) -> None:
    client = Client(**settings(stalled))
    reader = Reader(client.stream(MODELS["openai"], "Hi"))
    reader.start()
    assert reader.begun.wait(5)
    client.close()
    assert isinstance(reader.ended(), Cancelled)
    seen_to_leave(stalled)


def test_closing_the_client_ends_a_call_whose_answer_has_not_begun(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="slow-start=30")
    client = Client(**settings(emulator))
    reader = Reader(client.stream(MODELS["openai"], "Hi"))
    reader.start()
    emulator.requests.wait_for(lambda record: record.outcome is None)
    client.close()
    assert isinstance(reader.ended(), Cancelled)
    seen_to_leave(emulator)


def test_closing_a_stream_ends_a_call_whose_answer_has_not_begun(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="slow-start=30")
    with Client(**settings(emulator)) as client:
        stream = client.stream(MODELS["openai"], "Hi")
        reader = Reader(stream)
        reader.start()
        emulator.requests.wait_for(lambda record: record.outcome is None)
        stream.close()
        assert isinstance(reader.ended(), Cancelled)
        seen_to_leave(emulator)


def test_closing_a_stream_ends_the_wait_before_another_try(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="status=429,retry-after=25")
    with Client(**settings(emulator, max_retries=2)) as client:
        stream = client.stream(MODELS["openai"], "Hi", timeout=60)
        reader = Reader(stream)
        reader.start()
        emulator.requests.wait_for(lambda record: record.outcome is not None)
        stream.close()
        assert isinstance(reader.ended(), Cancelled)
        assert len(emulator.requests) == 1


def test_closing_again_and_again_from_many_threads_is_harmless(endless: Emulator) -> None:
    with Client(**settings(endless)) as client:
        for _ in range(5):
            stream = client.stream(MODELS["openai"], "Hi")
            reader = Reader(stream)
            reader.start()
            assert reader.begun.wait(5)
            closers = [threading.Thread(target=stream.close) for _ in range(8)]
            for closer in closers:
                closer.start()
            for closer in closers:
                closer.join(5)
            assert isinstance(reader.ended(), Cancelled)
    seen_to_leave(endless, 5)


# --- on an event loop


async def seen_to_leave_on_loop(emulator: Emulator, count: int = 1) -> None:
    await asyncio.to_thread(seen_to_leave, emulator, count)


async def async_break_and_close(stream: AsyncEventStream) -> None:
    await first_word_on_loop(stream)
    stream.close()


async def async_use_aclosing(stream: AsyncEventStream) -> None:
    async with aclosing(stream) as held:
        await first_word_on_loop(held)


async def async_leave_the_context(stream: AsyncEventStream) -> None:
    async with stream:
        await first_word_on_loop(stream)


async def async_cancel_the_task(stream: AsyncEventStream) -> None:
    task = asyncio.ensure_future(stream.finish())
    while not stream.response.text:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def async_run_out_of_patience(stream: AsyncEventStream) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await stream.finish()


ASYNC_STOPS = [async_break_and_close, async_use_aclosing, async_leave_the_context, async_cancel_the_task, async_run_out_of_patience]


@pytest.mark.parametrize("stop", ASYNC_STOPS)
def test_stopping_on_a_loop_is_seen_at_once(endless: Emulator, stop: Callable[[AsyncEventStream], Awaitable[None]]) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(endless)) as client:
            stream = client.stream(MODELS["openai"], "Hi")
            await stop(stream)
            await seen_to_leave_on_loop(endless)
            with pytest.raises(Cancelled):
                await stream.finish()

    asyncio.run(main())


def test_a_stream_that_is_dropped_on_a_loop_is_closed(endless: Emulator) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(endless)) as client:
            stream: AsyncEventStream | None = client.stream(MODELS["openai"], "Hi")
            assert stream is not None
            await first_word_on_loop(stream)
            stream = None
            gc.collect()
            await seen_to_leave_on_loop(endless)

    asyncio.run(main())


def test_an_async_client_closes_by_the_name_that_is_custom_there(endless: Emulator) -> None:
    async def main() -> None:
        async with aclosing(AsyncClient(**settings(endless))) as client:
            stream = client.stream(MODELS["openai"], "Hi")
            await first_word_on_loop(stream)
        await seen_to_leave_on_loop(endless)

    asyncio.run(main())


def test_closing_the_async_client_closes_its_streams(endless: Emulator) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(endless)) as client:
            streams = [client.stream(MODELS["openai"], "Hi") for _ in range(5)]
            await asyncio.gather(*map(first_word_on_loop, streams))
        await seen_to_leave_on_loop(endless, 5)
        for stream in streams:
            with pytest.raises(Cancelled):
                await stream.finish()

    asyncio.run(main())


def test_a_loop_that_ends_takes_its_streams_along(endless: Emulator) -> None:
    client = AsyncClient(**settings(endless))

    async def main() -> AsyncEventStream:
        stream = client.stream(MODELS["openai"], "Hi")
        await first_word_on_loop(stream)
        return stream

    stream = asyncio.run(main())
    seen_to_leave(endless)
    stream.close()


def test_cancelling_while_the_answer_has_not_begun_is_seen(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="slow-start=30")

    async def main() -> None:
        async with AsyncClient(**settings(emulator)) as client:
            task = asyncio.ensure_future(client.complete(MODELS["openai"], "Hi"))
            await asyncio.to_thread(emulator.requests.wait_for, lambda record: record.outcome is None)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await seen_to_leave_on_loop(emulator)

    asyncio.run(main())


def test_another_task_may_close_a_stream_that_is_being_read(stalled: Emulator) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(stalled)) as client:
            stream = client.stream(MODELS["openai"], "Hi")
            task = asyncio.ensure_future(stream.finish())
            while not stream.response.text:
                await asyncio.sleep(0)
            stream.close()
            with pytest.raises(Cancelled):
                await asyncio.wait_for(task, SOON_S)
            await seen_to_leave_on_loop(stalled)

    asyncio.run(main())


def test_another_task_may_close_a_stream_whose_answer_has_not_begun(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="slow-start=30")

    async def main() -> None:
        async with AsyncClient(**settings(emulator)) as client:
            stream = client.stream(MODELS["openai"], "Hi")
            task = asyncio.ensure_future(stream.finish())
            await asyncio.to_thread(emulator.requests.wait_for, lambda record: record.outcome is None)
            stream.close()
            with pytest.raises(Cancelled):
                await asyncio.wait_for(task, SOON_S)
            await seen_to_leave_on_loop(emulator)

    asyncio.run(main())


def test_another_task_ends_the_wait_before_another_try(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="status=429,retry-after=25")

    async def main() -> None:
        async with AsyncClient(**settings(emulator, max_retries=2)) as client:
            stream = client.stream(MODELS["openai"], "Hi", timeout=60)
            task = asyncio.ensure_future(stream.finish())
            await asyncio.to_thread(emulator.requests.wait_for, lambda record: record.outcome is not None)
            stream.close()
            with pytest.raises(Cancelled):
                await asyncio.wait_for(task, SOON_S)

    asyncio.run(main())


# --- OpenAI's shape


def chunks(client: Client) -> Any:
    return client.chat.completions.create(model=MODELS["openai"], messages=[{"role": "user", "content": "Hi"}], stream=True)


def test_an_openai_shaped_stream_is_closed_by_its_context_and_by_close_and_when_dropped(endless: Emulator) -> None:
    with Client(**settings(endless)) as client:
        with chunks(client) as stream:
            next(stream)
        seen_to_leave(endless, 1)
        stream = chunks(client)
        next(iter(stream))
        stream.close()
        seen_to_leave(endless, 2)
        for _ in chunks(client):
            break
        gc.collect()
        seen_to_leave(endless, 3)


def test_an_openai_shaped_stream_on_a_loop_is_closed_in_each_way(endless: Emulator) -> None:
    async def main() -> None:
        async with AsyncClient(**settings(endless)) as client:

            async def begin() -> Any:
                stream = await client.chat.completions.create(
                    model=MODELS["openai"], messages=[{"role": "user", "content": "Hi"}], stream=True
                )
                await anext(stream)
                return stream

            async with await begin():
                pass
            await seen_to_leave_on_loop(endless, 1)
            await (await begin()).close()
            await seen_to_leave_on_loop(endless, 2)
            async with aclosing(await begin()):
                pass
            await seen_to_leave_on_loop(endless, 3)
            stream = await begin()
            del stream
            gc.collect()
            await seen_to_leave_on_loop(endless, 4)

    asyncio.run(main())


# --- generators of a user's own over our streams


def test_a_users_own_generator_closes_with_its_stream(endless: Emulator) -> None:
    def words(client: Client) -> Iterator[str]:
        with client.stream(MODELS["openai"], "Hi") as stream:
            for event in stream:
                yield event.text

    with Client(**settings(endless)) as client, closing(words(client)) as own:  # type: ignore[type-var]  # a generator has close
        next(own)
    seen_to_leave(endless)


def test_a_users_own_async_generator_closes_with_its_stream(endless: Emulator) -> None:
    async def words(client: AsyncClient) -> AsyncIterator[str]:
        async with client.stream(MODELS["openai"], "Hi") as stream:
            async for event in stream:
                yield event.text

    async def main() -> None:
        async with AsyncClient(**settings(endless)) as client:
            async with aclosing(words(client)) as own:  # type: ignore[type-var]  # a generator has aclose
                await anext(own)
            await seen_to_leave_on_loop(endless)

    asyncio.run(main())


# --- an upstream that goes, and a wait that ends


def test_an_upstream_that_stops_cuts_the_stream_at_once(endless: Emulator) -> None:
    with Client(**settings(endless)) as client:
        stream = client.stream(MODELS["openai"], "Hi")
        first_word(stream)
        endless.close()
        begun = time.monotonic()
        with pytest.raises(StreamCut) as caught:
            stream.finish()
        assert time.monotonic() - begun < SOON_S
    assert caught.value.partial is not None
    assert caught.value.partial.text


def test_a_stream_that_timed_out_is_closed(stalled: Emulator) -> None:
    with Client(**settings(stalled, timeout=0.2)) as client, pytest.raises(TimedOut):
        client.stream(MODELS["openai"], "Hi").finish()
    seen_to_leave(stalled)
