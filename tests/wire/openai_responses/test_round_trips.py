"""Through both roles and back: requests come out equal, and answers say the same by streams that keep the wire's laws."""

from __future__ import annotations

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.core.events import Event, OrderCheck, TextDelta
from dragoman.core.fold import fold
from dragoman.core.request import Request
from dragoman.wire import openai_responses
from dragoman.wire.quirks import NONE
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

from . import consistent, strategies
from .streams import asked, decoder, encoded


@MODEST
@given(strategies.requests())
def test_request_comes_back_equal(request: Request) -> None:
    call = openai_responses.encode_request(request, NONE)
    assert call.warnings == ()
    assert openai_responses.decode_request(call, NONE) == request


@MODEST
@given(strategies.answers(), st.booleans(), st.integers(0, 100))
def test_answer_says_the_same(events: list[Event], stream: bool, seed: int) -> None:
    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()
    data = encoded(events, asked(stream))
    if stream:
        consistent.check(data)
    told = read(decoder(stream), random_pieces(data, seed))
    assert told.error is None
    before, after = fold(events), told.response
    assert strategies.told_by(after.parts) == strategies.told_by(before.parts)
    assert (after.id, after.model, after.created_s, after.finish) == (before.id, before.model, before.created_s, before.finish)
    usage = after.usage and msgspec.structs.replace(after.usage, raw=None)
    assert usage == before.usage


@MODEST
@given(strategies.answers())
def test_deltas_pass_one_by_one(events: list[Event]) -> None:
    told = read(decoder(), [encoded(events, asked())])
    assert [event.text for event in told.events if isinstance(event, TextDelta)] == [
        event.text for event in events if isinstance(event, TextDelta)
    ]


@MODEST
@given(strategies.answers())
def test_answer_that_is_replayed_and_read_again_is_the_same(events: list[Event]) -> None:
    """What a client of our server role sends back is what it got, item by item."""
    response = read(decoder(False), [encoded(events, asked(False))]).response
    assume(response.parts)
    call = openai_responses.encode_request(msgspec.structs.replace(asked(), messages=(response.message,)), NONE)
    assert openai_responses.encode_request(openai_responses.decode_request(call, NONE), NONE).body == call.body
