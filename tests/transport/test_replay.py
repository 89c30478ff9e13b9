"""Answers from recorded bytes."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.core.errors import BadReply, Cancelled, ConnectFailed, DragomanError, StreamCut, UsageError
from dragoman.core.exchange import Call, Timeouts
from dragoman.transport.replay import Answer, AsyncReplayTransport, Recording, ReplayTransport, cut, recording
from dragoman.transport.seam import AsyncTransport, Transport
from dragoman.transport.sync import run

from .colours import BlockingFace, Client, Scenario, fails, read_all

RAW = b"HTTP/1.1 201 Created\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def replayed(scenario: Scenario, *answers: Answer) -> list[Call]:
    """Run a scenario over both replay transports; the calls of the blocking one."""
    transport, other = ReplayTransport(answers), AsyncReplayTransport(answers)
    as_transport: Transport = transport
    as_async: AsyncTransport = other
    run(scenario(Client(BlockingFace(as_transport))))
    asyncio.run(scenario(Client(as_async)))
    assert transport.calls == other.calls
    return transport.calls


def test_a_recording_answers_with_its_chunks_and_the_call_is_kept() -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open("http://x.test/", body=b"q")
        assert (answer.status, answer.headers) == (200, (("a", "b"),))
        assert [await answer.read() for _ in range(4)] == [b"one", b"two", b"", b""]

    assert replayed(scenario, Recording(200, (("a", "b"),), (b"one", b"", b"two"))) == [Call("POST", "http://x.test/", (), b"q")]


def test_raw_http_answers_too() -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open("http://x.test/")
        assert (answer.status, answer.headers[0]) == (201, ("x-a", "b"))
        assert await read_all(answer) == b"abcde"

    replayed(scenario, RAW)


@pytest.mark.parametrize(("answer", "kind"), [(RAW[:-9], StreamCut), (cut(recording(RAW), 4, BadReply("x")), BadReply)])
def test_a_recording_can_end_in_an_error(answer: Answer, kind: type[DragomanError]) -> None:
    async def scenario(client: Client) -> None:
        got = await client.open("http://x.test/")
        assert (await got.read()).startswith(b"abc")
        with pytest.raises(kind):
            await read_all(got)

    replayed(scenario, answer)


@pytest.mark.parametrize(("answer", "kind"), [(ConnectFailed("no"), ConnectFailed), (b"", StreamCut), (b"nonsense", BadReply)])
def test_an_error_can_stand_in_place_of_an_answer(answer: Answer, kind: type[DragomanError]) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open("http://x.test/"), kind)

    replayed(scenario, answer)


def test_a_call_too_many_and_a_closed_answer_or_transport() -> None:
    async def scenario(client: Client) -> None:
        first, second = await client.open("http://x.test/"), await client.open("http://x.test/")
        await first.finish()
        second.close()
        await fails(second.read(), Cancelled)
        await fails(client.open("http://x.test/"), UsageError)
        await client.transport.close()
        await fails(client.open("http://x.test/"), UsageError)

    replayed(scenario, RAW, RAW)


def test_raw_bytes_can_be_recorded_in_steps() -> None:
    assert recording(RAW, step=1).chunks == (b"a", b"b", b"c", b"d", b"e")
    assert recording(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", head_only=True).chunks == ()


def test_how_the_reader_left_an_answer_can_be_seen() -> None:
    transport = ReplayTransport([RAW, RAW])
    first, second = (transport.open(Call("GET", "http://x.test/"), Timeouts()) for _ in range(2))
    first.finish()
    second.close()
    assert (first.finished, first.closed, second.finished, second.closed) == (True, False, False, True)
