"""The two drivers: effects are performed in order, closing ends everything, and no end is silent. Each test holds for both."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest

from dragoman.core.errors import Cancelled, ConnectFailed, DragomanError, RateLimited, StreamCut, UsageError
from dragoman.core.events import BlockStarted, Event, Started, TextDelta
from dragoman.core.exchange import Call, Timeouts
from dragoman.drivers import AsyncDriver, Driver, known_outcome
from dragoman.flow.effects import Chance, Close, Emit, Finish, Flow, Instant, Now, Open, Read, Sleep, chance, now, opened, read
from tests.library.fakes import FACES, AsyncFakeTransport, BlockingFace, Face, FakeIncoming, FakeTransport

CALL = Call("POST", "http://host/")
TIMEOUTS = Timeouts()
Faces = pytest.mark.parametrize("face", FACES)


def words(*said: str) -> list[Event]:
    return [TextDelta(0, word) for word in said]


def copy_out() -> Flow[None]:
    """Delivers each read as one word."""
    yield from opened(CALL, TIMEOUTS)
    while data := (yield from read()):
        yield Emit(words(data.decode()))
    yield Finish()


def told(face: Face) -> list[str]:
    said = []
    while batch := face.batch():
        said.append("".join(event.text for event in batch))
    return said


@Faces
def test_effects_are_performed_and_batches_handed_out_as_they_come(face: type[Face]) -> None:
    incoming = FakeIncoming([b"a", b"b"])
    transport = FakeTransport([incoming])
    assert told(face(copy_out(), transport)) == ["a", "b"]
    assert transport.calls == [(CALL, TIMEOUTS)]
    assert (incoming.finished, incoming.closed) == (1, 0)


@Faces
def test_an_ended_answer_stays_ended_also_when_it_is_closed(face: type[Face]) -> None:
    there = face(copy_out(), FakeTransport([FakeIncoming([b"a"])]))
    assert told(there) == ["a"]
    assert there.batch() == []
    there.close()
    there.close()
    assert there.batch() == []


@Faces
def test_nothing_is_sent_before_the_first_batch_is_wanted(face: type[Face]) -> None:
    transport = FakeTransport([])
    face(copy_out(), transport).close()
    assert transport.calls == []


@Faces
def test_the_wait_of_a_read_and_the_outcomes_are_handed_through(face: type[Face]) -> None:
    seen: list[object] = []

    def flow() -> Flow[None]:
        seen.append((yield Open(CALL, TIMEOUTS)))
        seen.append((yield Read(1.5)))
        seen.append((yield Close()))
        seen.append((yield Finish()))
        yield Emit(words("x"))

    incoming = FakeIncoming([b"data"])
    there = face(flow(), FakeTransport([incoming]))
    assert told(there) == ["x"]
    assert incoming.asked == [1.5]
    assert seen[1:] == [b"data", None, None]
    assert (incoming.closed, incoming.finished) == (1, 1)


def test_clock_and_chance_are_the_machines_own() -> None:
    before = time.monotonic(), time.time()
    instant = known_outcome(Now())
    assert isinstance(instant, Instant)
    assert before[0] <= instant.monotonic_s <= time.monotonic()
    assert before[1] <= instant.epoch_s <= time.time()
    fractions = [known_outcome(Chance()) for _ in range(50)]
    assert all(isinstance(fraction, float) and 0 <= fraction < 1 for fraction in fractions)
    assert len(set(fractions)) > 40
    assert known_outcome(Finish()) is None


@Faces
def test_a_flow_learns_time_and_chance_and_waits(face: type[Face]) -> None:
    seen: list[float] = []

    def flow() -> Flow[None]:
        seen.append((yield from now()).monotonic_s)
        yield Sleep(0.02)
        seen.append((yield from now()).monotonic_s)
        seen.append((yield from chance()))
        yield Emit(words("x"))

    assert told(face(flow(), FakeTransport([]))) == ["x"]
    assert seen[1] - seen[0] >= 0.019
    assert 0 <= seen[2] < 1


@Faces
@pytest.mark.parametrize("error", [ConnectFailed("refused"), RateLimited("slowly")])
def test_a_failure_is_thrown_into_the_flow_which_may_go_on(face: type[Face], error: DragomanError) -> None:
    def flow() -> Flow[None]:
        with pytest.raises(DragomanError) as caught:
            yield from opened(CALL, TIMEOUTS)
        assert caught.value is error
        yield from copy_out()

    assert told(face(flow(), FakeTransport([error, FakeIncoming([b"a"])]))) == ["a"]


@Faces
def test_what_the_flow_raises_comes_out_and_closes(face: type[Face]) -> None:
    incoming = FakeIncoming([b"a", StreamCut("reset")])
    there = face(copy_out(), FakeTransport([incoming]))
    assert there.batch() == words("a")
    with pytest.raises(StreamCut, match="reset"):
        there.batch()
    assert incoming.closed == 1


@Faces
def test_after_a_failure_there_is_no_end_but_a_refusal(face: type[Face]) -> None:
    there = face(copy_out(), FakeTransport([FakeIncoming([StreamCut("reset")])]))
    with pytest.raises(StreamCut):
        there.batch()
    with pytest.raises(Cancelled):
        there.batch()


# --- closing


@Faces
def test_closing_closes_the_connection_and_ends_the_flow(face: type[Face]) -> None:
    ended = []

    def flow() -> Flow[None]:
        try:
            yield from copy_out()
        finally:
            ended.append(True)

    incoming = FakeIncoming([b"a", b"b"])
    there = face(flow(), FakeTransport([incoming]))
    there.batch()
    there.close()
    assert incoming.closed == 1
    assert ended == [True]
    with pytest.raises(Cancelled, match="before its end"):
        there.batch()


@Faces
def test_closing_while_bytes_come_in_is_no_end_of_the_answer(face: type[Face]) -> None:
    incoming = FakeIncoming([])
    there = face(copy_out(), FakeTransport([incoming]))

    def close_and_give() -> bytes:
        there.close()
        return b"a"

    incoming.pieces.append(close_and_give)
    with pytest.raises(Cancelled):
        there.batch()
    assert incoming.closed >= 1


@Faces
def test_closing_while_the_call_is_opened_closes_what_was_opened(face: type[Face]) -> None:
    incoming = FakeIncoming([b"a"])
    transport = FakeTransport([incoming])
    there = face(copy_out(), transport)
    transport.at_open = there.close
    with pytest.raises(Cancelled):
        there.batch()
    assert incoming.closed >= 1
    assert incoming.asked == []


@Faces
def test_closing_during_a_wait_opens_nothing_more(face: type[Face]) -> None:
    def flow() -> Flow[None]:
        with pytest.raises(ConnectFailed):
            yield from opened(CALL, TIMEOUTS)
        there.close()
        yield Sleep(0)
        yield from copy_out()

    transport = FakeTransport([ConnectFailed("refused"), FakeIncoming([b"a"])])
    there = face(flow(), transport)
    with pytest.raises(Cancelled):
        there.batch()
    assert len(transport.calls) == 1


@Faces
def test_one_that_is_dropped_in_the_midst_is_closed_when_it_is_collected(face: type[Face]) -> None:
    incoming = FakeIncoming([b"a", b"b"])
    there: Face | None = face(copy_out(), FakeTransport([incoming]))
    assert there is not None
    there.batch()
    there = None
    gc.collect()
    assert incoming.closed == 1


@Faces
def test_an_error_that_is_not_ours_closes_too(face: type[Face]) -> None:
    incoming = FakeIncoming([KeyboardInterrupt()])
    there = face(copy_out(), FakeTransport([incoming]))
    with pytest.raises(KeyboardInterrupt):
        there.batch()
    assert incoming.closed == 1


def test_a_cancelled_task_closes_the_connection() -> None:
    incoming = FakeIncoming([b"a"])
    started = asyncio.Event()

    async def never() -> list[Event]:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def main() -> None:
        transport = AsyncFakeTransport(FakeTransport([incoming]))
        driver = AsyncDriver(copy_out(), transport)
        assert await driver.batch() == words("a")
        driver._incoming.read = lambda timeout_s=None: never()  # type: ignore[method-assign, union-attr, return-value]  # a read that waits for ever
        task = asyncio.ensure_future(driver.batch())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(Cancelled):
            await driver.batch()

    asyncio.run(main())
    assert incoming.closed == 1


# --- one reader at a time


def test_a_second_thread_that_reads_is_refused_and_does_not_disturb_the_first() -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly() -> bytes:
        reading.set()
        assert go_on.wait(5)
        return b"a"

    driver = Driver(copy_out(), FakeTransport([FakeIncoming([slowly, b"b"])]))
    got: list[list[Event]] = []
    first = threading.Thread(target=lambda: got.append(driver.batch()))
    first.start()
    assert reading.wait(5)
    with pytest.raises(UsageError, match="one reader at a time"):
        driver.batch()
    go_on.set()
    first.join()
    assert got == [words("a")]
    assert driver.batch() == words("b")
    assert driver.batch() == []


def test_a_second_task_that_reads_is_refused_and_does_not_disturb_the_first() -> None:
    async def main() -> None:
        driver = AsyncDriver(copy_out(), AsyncFakeTransport(FakeTransport([FakeIncoming([b"a", b"b"])])))
        first = asyncio.ensure_future(driver.batch())
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="one reader at a time"):
            await driver.batch()
        assert await first == words("a")
        assert await driver.batch() == words("b")

    asyncio.run(main())


@Faces
def test_a_batch_is_handed_out_whole(face: type[Face]) -> None:
    def flow() -> Flow[None]:
        yield Emit([Started(), BlockStarted(0, "text"), *words("a", "b")])

    there = face(flow(), FakeTransport([]))
    assert len(there.batch()) == 4
    assert there.batch() == []


def test_the_blocking_driver_runs_inside_a_running_loop_and_out_of_it() -> None:
    async def main() -> list[str]:
        return told(BlockingFace(copy_out(), FakeTransport([FakeIncoming([b"a"])])))

    assert asyncio.run(main()) == told(BlockingFace(copy_out(), FakeTransport([FakeIncoming([b"a"])])))
