"""One block at a time: nothing is lost, nothing waits that need not, and the work grows with the events alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import BlockEnded, BlockStarted, Event, OrderCheck, SourceAdded, Started, TextDelta
from dragoman.core.fold import fold
from dragoman.core.messages import Source, Text
from dragoman.wire.serial import OneBlockAtATime

from . import legal
from .steps import steps
from .strategies import MODEST

CITED = SourceAdded(Source(url="https://x.test"), index=1)


def in_turn(events: Sequence[Event], cites_inside: bool) -> list[Event]:
    order = OneBlockAtATime(cites_inside)
    return [due for event in events for due in order.take(event)]


def of_one_choice(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, Started) or event.choice == 0]


def assert_one_block_is_open_at_a_time(events: Sequence[Event]) -> None:
    order, current = OrderCheck(), None
    for event in events:
        order.check(event)
        if isinstance(event, BlockStarted):
            assert current is None
            current = event.index
        elif isinstance(event, BlockEnded):
            current = None


@MODEST
@given(legal.answers(1), st.booleans())
def test_blocks_come_one_after_the_other_and_say_the_same(events: list[Event], cites_inside: bool) -> None:
    events = of_one_choice(events)
    told = in_turn(events, cites_inside)
    assert_one_block_is_open_at_a_time(told)
    ours = [part for part in fold(told).parts if not isinstance(part, Source) and part != Text(text="")]
    assert ours == [part for part in fold(events).parts if not isinstance(part, Source) and part != Text(text="")]
    assert len(fold(told).sources) == len(fold(events).sources)


@MODEST
@given(legal.answers(1))
def test_source_that_is_placed_stands_inside_a_block_with_words(events: list[Event]) -> None:
    kind: Any = None
    for event in in_turn(of_one_choice(events), cites_inside=True):
        if isinstance(event, BlockStarted):
            kind = event.kind
        elif isinstance(event, BlockEnded):
            kind = None
        elif isinstance(event, SourceAdded):
            assert kind in ("text", "refusal", "audio")


def test_source_waits_with_the_text_that_it_supports() -> None:
    order = OneBlockAtATime(cites_inside=True)
    events: list[Event] = [BlockStarted(0, "text"), BlockStarted(1, "text"), TextDelta(1, "a"), CITED, BlockEnded(1)]
    assert [order.take(event) for event in events] == [[events[0]], [], [], [], []]
    assert order.take(BlockEnded(0)) == [BlockEnded(0), *events[1:]]


def test_source_goes_through_at_once_where_it_stands_beside_the_text() -> None:
    order = OneBlockAtATime()
    order.take(BlockStarted(0, "text"))
    order.take(BlockStarted(1, "text"))
    assert order.take(CITED) == [CITED]


@pytest.mark.parametrize("index", [None, 1, 7])
def test_source_of_no_open_text_stands_in_an_empty_one_of_its_own(index: int | None) -> None:
    source = msgspec.structs.replace(CITED, index=index)
    start, cited, end = OneBlockAtATime(cites_inside=True).take(source)
    assert isinstance(start, BlockStarted)
    assert (start.kind, cited, end) == ("text", source, BlockEnded(start.index))


def let_wait(count: int) -> None:
    """Hold back ``count`` blocks behind the first, and let them go."""
    starts: list[Event] = [BlockStarted(index, "text") for index in range(count)]
    words: list[Event] = [TextDelta(index, "a") for index in range(count)]
    ends: list[Event] = [BlockEnded(index) for index in range(count)]
    told = in_turn([*starts, *words, *ends[1:], ends[0]], cites_inside=True)
    assert len(told) == 3 * count


def test_work_grows_with_the_blocks_that_wait_and_no_faster() -> None:
    assert steps(lambda: let_wait(800)) < 2.1 * steps(lambda: let_wait(400))
