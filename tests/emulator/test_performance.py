"""Plans on their way out: which pieces leave when, and what is said of their end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import pytest

from dragoman.emulator.performance import HELD_BYTES, Performance
from dragoman.emulator.plan import Cut, Outcome, Plan, Stall, Step, Wait, Write
from dragoman.server import BrokenOff

Told = list[tuple[str, Outcome | None, int] | bytes]


def perform(steps: Iterable[Step], length: int | None = None, status: int = 200, closed_after: int | None = None) -> Told:
    """The pieces, and among them what was said of the end."""
    told: Told = []

    async def go() -> None:
        plan = Plan(status=status, headers=(), steps=steps, length=length)
        performance = Performance(plan, lambda outcome, sent_bytes: told.append(("end", outcome, sent_bytes)))
        try:
            while closed_after != len(told) and (piece := await performance.next()):
                told.append(piece)
        finally:
            performance.close()

    asyncio.run(go())
    return told


def test_the_end_is_told_before_the_tail_leaves() -> None:
    steps = [Write(b"one"), Write(b"two", is_tail=True), Write(b"end", is_tail=True)]

    assert perform(steps) == [b"one", ("end", "finished", 9), b"two", b"end", ("end", None, 9)]


def test_a_tail_before_which_time_passes_does_not_wait_for_it() -> None:
    steps: list[Step] = [Write(b"two", is_tail=True), Wait(0.0), Write(b"end", is_tail=True)]

    assert perform(steps) == [b"two", ("end", "finished", 6), b"end", ("end", None, 6)]


def test_only_the_last_bytes_of_a_long_body_leave_behind_its_end() -> None:
    body = bytes(HELD_BYTES * 3)

    assert perform([Write(body, is_tail=True)], len(body)) == [
        bytes(HELD_BYTES * 2),
        ("end", "finished", len(body)),
        bytes(HELD_BYTES),
        ("end", None, len(body)),
    ]


def test_a_long_event_stays_one_and_does_not_hold_up_those_before_it() -> None:
    event = bytes(HELD_BYTES * 3)
    told = perform([Write(b"one", is_tail=True), Write(event, is_tail=True)])

    assert told == [b"one", ("end", "finished", len(event) + 3), event, ("end", None, len(event) + 3)]


def test_nothing_to_send_has_an_end_too() -> None:
    assert perform([], 0, 429)[0] == ("end", "refused", 0)


def test_a_cut_breaks_off_and_is_told_before() -> None:
    told: Told = []
    plan = Plan(status=200, headers=(), steps=[Write(b"one", is_tail=True), Cut()])

    async def go() -> bytes:
        performance = Performance(plan, lambda outcome, sent_bytes: told.append(("end", outcome, sent_bytes)))
        first = await performance.next()
        with pytest.raises(BrokenOff):
            await performance.next()
        return first

    assert asyncio.run(go()) == b"one"
    assert told == [("end", "cut", 3)]


def test_a_plan_that_fails_on_the_way_is_a_cut() -> None:
    def failing() -> Iterator[Step]:
        yield Write(b"one")
        raise ValueError("no more words")

    told: Told = []

    async def go() -> None:
        performance = Performance(Plan(status=200, headers=(), steps=failing()), lambda outcome, sent: told.append(("end", outcome, sent)))
        assert await performance.next() == b"one"
        await performance.next()

    with pytest.raises(ValueError, match="no more words"):
        asyncio.run(go())
    assert told == [("end", "cut", 3)]


@pytest.mark.parametrize("length", [None, 6])
@pytest.mark.parametrize("closed_after", [0, 1])
def test_closing_stops_the_making_of_steps(length: int | None, closed_after: int) -> None:
    stopped: list[str] = []

    def made() -> Iterator[Step]:
        try:
            yield Write(b"one")
            yield Write(b"two")
        finally:
            stopped.append("stopped")

    told = perform(made(), length, closed_after=closed_after)

    assert told == [*[b"one"][:closed_after], ("end", None, 3 * closed_after)]
    assert stopped == ["stopped"][:closed_after]


def test_a_stall_without_an_end_lasts_until_it_is_given_up() -> None:
    async def go() -> bool:
        performance = Performance(Plan(status=200, headers=(), steps=[Stall(None), Write(b"one")]), lambda outcome, sent: None)
        task = asyncio.ensure_future(performance.next())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        performance.close()
        return task.cancelled()

    assert asyncio.run(go())
