"""Through both roles and back: requests come out equal, and answers say the same."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import Event, Finished, FinishReason, OrderCheck, Started, TextDelta, ToolDelta
from dragoman.core.fold import Response, fold
from dragoman.core.messages import AnyPart, Opaque, Source
from dragoman.core.request import Request
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

from . import strategies
from .streams import new_decoder, new_whole, records, written


@MODEST
@given(strategies.requests())
def test_request_comes_back_equal(request: Request) -> None:
    call = bedrock_converse.encode_request(request, NONE)
    assert call.warnings == ()
    assert bedrock_converse.decode_request(call, NONE) == request


@MODEST
@given(strategies.requests())
def test_request_comes_back_equal_through_renamed_fields(request: Request) -> None:
    quirks = Quirks(rename={"inferenceConfig": "inference", "system": "systemPrompt"})
    assert bedrock_converse.decode_request(bedrock_converse.encode_request(request, quirks), quirks) == request


def canonical(response: Response) -> Response:
    """``response`` without what the wire does not tell: the usage record is the encoder's own."""
    usage = None if response.usage is None else msgspec.structs.replace(response.usage, raw=None)
    return msgspec.structs.replace(response, usage=usage)


def without_order_of_sources(response: Response) -> tuple[list[AnyPart], list[AnyPart]]:
    """Of interleaved blocks the sources are told with theirs."""
    sources = [part for part in response.parts if isinstance(part, Source)]
    return [part for part in response.parts if not isinstance(part, Source)], sorted(sources, key=str)


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_streamed_answer_comes_back_event_by_event(events: list[Event], seed: int) -> None:
    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()
    told = read(new_decoder(), random_pieces(written(events), seed))
    assert told.error is None
    assert canonical(told.response) == canonical(fold(events))


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_whole_answer_comes_back_equal(events: list[Event], seed: int) -> None:
    told = read(new_whole(), random_pieces(written(events, stream=False), seed))
    assert told.error is None
    assert canonical(told.response) == canonical(fold(events))


@MODEST
@given(strategies.answers(interleaved=True), st.integers(0, 100))
def test_interleaved_answer_says_the_same_one_block_at_a_time(events: list[Event], seed: int) -> None:
    data = written(events)
    told = read(new_decoder(), random_pieces(data, seed))
    assert told.error is None
    assert without_order_of_sources(told.response) == without_order_of_sources(fold(events))
    indices = [record["contentBlockIndex"] for _, record in records(data) if "contentBlockIndex" in record]
    assert indices == sorted(indices)


@MODEST
@given(strategies.answers())
def test_deltas_pass_one_by_one(events: list[Event]) -> None:
    """What is said piece by piece is read piece by piece; only a piece of nothing is lost."""
    told = read(new_decoder(), [written(events)])
    for kind, words in ((TextDelta, "text"), (ToolDelta, "arguments")):
        pieces = [getattr(event, words) for event in events if isinstance(event, kind) and getattr(event, words)]
        assert [getattr(event, words) for event in told.events if isinstance(event, kind)] == pieces


@MODEST
@given(strategies.answers())
def test_answer_can_be_asked_on_from(events: list[Event]) -> None:
    """The vendor's own blocks of an answer are replayed untouched."""
    response = fold(events)
    turn = msgspec.structs.replace(response.choices[0].message, parts=tuple(part for part in response.parts if isinstance(part, Opaque)))
    request = Request(model="m", messages=(turn,))
    if turn.parts:
        assert bedrock_converse.decode_request(bedrock_converse.encode_request(request, NONE), NONE).messages == (turn,)


def test_start_and_end_alone_are_an_answer() -> None:
    told = read(new_decoder(), [written([Started(), Finished(FinishReason("stop", "end_turn"))])])
    assert (told.error, told.response.parts) == (None, ())
