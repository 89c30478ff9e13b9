"""What one role writes the other reads back equal, for requests and answers at random."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import BlockStarted, Event, Finished, OrderCheck, Started, ToolDelta
from dragoman.core.fold import Response, fold
from dragoman.core.messages import Source
from dragoman.core.request import Request
from dragoman.wire import anthropic_messages
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

from . import strategies
from .streams import NAME, new_decoder, new_whole, records, written


@MODEST
@given(strategies.requests())
def test_request_comes_back_equal(request: Request) -> None:
    call = anthropic_messages.encode_request(request, NONE)
    assert call.warnings == ()
    assert anthropic_messages.decode_request(call, NONE) == request


@MODEST
@given(strategies.requests())
def test_request_comes_back_equal_through_renamed_fields(request: Request) -> None:
    quirks = Quirks(rename={"max_tokens": "limit", "system": "preamble"})
    assert anthropic_messages.decode_request(anthropic_messages.encode_request(request, quirks), quirks) == request


def without_records(event: Event) -> Event:
    """The usage record is the encoder's own, also the empty one that an answer starts with."""
    if isinstance(event, Finished) and event.usage is not None:
        return msgspec.structs.replace(event, usage=msgspec.structs.replace(event.usage, raw=None))
    if isinstance(event, Started):
        rest = {name: value for name, value in event.extra.get(NAME, {}).items() if name != "usage"}
        return msgspec.structs.replace(event, extra={NAME: rest} if rest else {})
    return event


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_streamed_answer_comes_back_event_by_event(events: list[Event], seed: int) -> None:
    told = read(new_decoder(), random_pieces(written(events), seed))
    assert told.error is None
    assert [without_records(event) for event in told.events] == [without_records(event) for event in events]


@MODEST
@given(strategies.answers(together=True), st.integers(0, 100))
def test_blocks_open_together_come_back_one_by_one(events: list[Event], seed: int) -> None:
    """In the order in which they began, numbered from nought, each whole before the next."""
    order = OrderCheck()
    for event in events:
        order.check(event)
    data = written(events)
    told = read(new_decoder(), random_pieces(data, seed))
    assert told.error is None
    assert by_block(told.response) == by_block(fold(events))
    open_block = None
    for record in records(data):
        if record["type"] == "content_block_start":
            assert open_block is None
            open_block = record["index"]
        elif record["type"] == "content_block_stop":
            assert record["index"] == open_block
            open_block = None
    assert [event.index for event in told.events if isinstance(event, BlockStarted)] == list(
        range(sum(isinstance(event, BlockStarted) for event in told.events))
    )


def by_block(response: Response) -> tuple[Any, ...]:
    """The parts and, apart from them, the sources: a source may have to wait for its text, which stands before it in any case."""
    return [part for part in response.parts if not isinstance(part, Source)], sorted(map(repr, response.sources)), response.finish


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_whole_answer_comes_back_equal(events: list[Event], seed: int) -> None:
    told = read(new_whole(), random_pieces(written(events, stream=False), seed))
    assert told.error is None
    given_response, response = fold(map(without_records, events)), fold(map(without_records, told.events))
    assert response.parts == given_response.parts
    assert (response.id, response.model, response.finish, response.usage) == (
        given_response.id,
        given_response.model,
        given_response.finish,
        given_response.usage,
    )
    assert response.choices[0].extra.get(NAME, {}) == {
        **given_response.extra.get(NAME, {}),
        **given_response.choices[0].extra.get(NAME, {}),
    }


@MODEST
@given(strategies.answers())
def test_deltas_pass_one_by_one(events: list[Event]) -> None:
    told = read(new_decoder(), [written(events)])
    assert [event for event in told.events if isinstance(event, ToolDelta)] == [event for event in events if isinstance(event, ToolDelta)]
