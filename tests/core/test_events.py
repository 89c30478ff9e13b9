"""The legal order of events, as a table of what breaks it; and the one accumulator."""

from __future__ import annotations

import pickle
from typing import get_args

import msgspec
import pytest

from dragoman.core.events import (
    DELTAS,
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    OrderCheck,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.fold import Choice, Fold, Response, fold
from dragoman.core.messages import Audio, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.usage import Usage

STOP = Finished(FinishReason("stop"))
S, B, T, E = Started(), BlockStarted(0, "text"), TextDelta(0, "a"), BlockEnded(0)
SOURCE = SourceAdded(Source(url="https://x.test"))

LEGAL: dict[str, list[Event]] = {
    "nothing said": [S, STOP],
    "one block": [S, B, T, T, E, STOP],
    "a block without deltas": [S, B, E, STOP],
    "blocks one after another": [S, B, T, E, BlockStarted(1, "text"), TextDelta(1, "b"), BlockEnded(1), STOP],
    "blocks at once": [
        S,
        BlockStarted(0, "tool"),
        BlockStarted(1, "tool"),
        ToolDelta(1, "{"),
        ToolDelta(0, "{}"),
        ToolDelta(1, "}"),
        BlockEnded(1),
        BlockEnded(0),
        STOP,
    ],
    "indexes with gaps": [S, BlockStarted(7, "reasoning"), ReasoningDelta(7, "a"), BlockEnded(7), STOP],
    "a source inside and outside a block": [S, SOURCE, B, SOURCE, E, SOURCE, STOP],
    "a refusal": [S, BlockStarted(0, "refusal"), T, E, STOP],
    "media": [S, BlockStarted(0, "image"), MediaDelta(0, b"a"), E, BlockStarted(1, "audio"), MediaDelta(1, b"", "hi"), BlockEnded(1), STOP],
    "an opaque block": [S, BlockStarted(0, "opaque", extra={"x": {"a": 1}}), E, STOP],
    "choices interleaved, with the same indexes": [
        S,
        B,
        BlockStarted(0, "tool", choice=1),
        T,
        ToolDelta(0, "{}", 1),
        BlockEnded(0, choice=1),
        Finished(FinishReason("stop"), choice=1),
        E,
        STOP,
    ],
}

ILLEGAL: dict[str, tuple[list[Event], str]] = {
    "block before the start": ([B], "BlockStarted is not legal in state 'idle'"),
    "source before the start": ([SOURCE], "SourceAdded is not legal in state 'idle'"),
    "finish before the start": ([STOP], "Finished is not legal in state 'idle'"),
    "delta before the start": ([T], "TextDelta for block (0, 0), which was never started"),
    "second start": ([S, S], "Started is not legal in state 'started'"),
    "second start inside a block": ([S, B, S], "Started is not legal in state 'started'"),
    "delta without a block": ([S, T], "TextDelta for block (0, 0), which was never started"),
    "end without a block": ([S, E], "BlockEnded for block (0, 0), which was never started"),
    "delta of another block": ([S, B, TextDelta(1, "a")], "TextDelta for block (0, 1), which was never started"),
    "delta of another choice": ([S, B, TextDelta(0, "a", None, 1)], "TextDelta for block (1, 0), which was never started"),
    "delta after the block": ([S, B, E, T], "TextDelta is not legal in state 'ended'"),
    "second end": ([S, B, E, E], "BlockEnded is not legal in state 'ended'"),
    "block started twice": ([S, B, B], "block (0, 0) started twice"),
    "index used again": ([S, B, E, B], "block (0, 0) started twice"),
    "finish with an open block": ([S, B, STOP], "choice 0 finished with open blocks [(0, 0)]"),
    "block after the finish": ([S, STOP, B], "BlockStarted is not legal in state 'finished'"),
    "source after the finish": ([S, STOP, SOURCE], "SourceAdded is not legal in state 'finished'"),
    "second finish": ([S, STOP, STOP], "Finished is not legal in state 'finished'"),
    "start after the finish": ([S, STOP, S], "Started is not legal in state 'started'"),
}

WRONG_DELTAS = [
    (kind, delta)
    for kind, own in DELTAS.items()
    for delta in (TextDelta(0, "a"), ReasoningDelta(0, "a"), ToolDelta(0, "a"), MediaDelta(0, b"a"))
    if type(delta) is not own
]

UNFINISHED: dict[str, tuple[list[Event], str]] = {
    "nothing": ([], "the answer never finished"),
    "a start alone": ([S], "the answer never finished"),
    "an open block": ([S, B, T], "choices [0] never finished"),
    "an ended block": ([S, B, T, E], "choices [0] never finished"),
    "one choice of two": ([S, B, E, STOP, BlockStarted(0, "text", choice=1)], "choices [1] never finished"),
}


def check(events: list[Event]) -> OrderCheck:
    order = OrderCheck()
    for event in events:
        order.check(event)
    return order


@pytest.mark.parametrize("case", LEGAL)
def test_legal_order_passes(case: str) -> None:
    check(LEGAL[case]).end()


@pytest.mark.parametrize("case", ILLEGAL)
def test_illegal_order_is_seen_at_its_event(case: str) -> None:
    events, words = ILLEGAL[case]
    order = check(events[:-1])
    with pytest.raises(AssertionError) as caught:
        order.check(events[-1])
    assert str(caught.value).split("\n", maxsplit=1)[0] == words


@pytest.mark.parametrize(("kind", "delta"), WRONG_DELTAS)
def test_block_takes_deltas_of_its_own_kind_only(kind: str, delta: Event) -> None:
    order = check([S, BlockStarted(0, kind)])  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=f"{type(delta).__name__} inside a {kind} block"):
        order.check(delta)


@pytest.mark.parametrize("case", UNFINISHED)
def test_answer_that_did_not_finish_is_seen_at_its_end(case: str) -> None:
    events, words = UNFINISHED[case]
    order = check(events)
    with pytest.raises(AssertionError) as caught:
        order.end()
    assert str(caught.value).split("\n", maxsplit=1)[0] == words


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (S, ""),
        (B, ""),
        (T, "a"),
        (ReasoningDelta(0, "hm"), ""),
        (ToolDelta(0, "{}"), ""),
        (MediaDelta(0, b"a", "hi"), ""),
        (SOURCE, ""),
        (E, ""),
        (STOP, ""),
    ],
)
def test_text_of_an_event_is_the_answers_words(event: Event, text: str) -> None:
    assert event.text == text


def test_event_comes_back_equal_from_json_and_from_pickle() -> None:
    events = [event for case in LEGAL.values() for event in case]
    assert msgspec.json.decode(msgspec.json.encode(events), type=list[Event]) == events
    assert pickle.loads(pickle.dumps(events)) == events


# --- fold -------------------------------------------------------------------------------------------------------------------------------


def test_every_kind_of_block_becomes_its_part() -> None:
    events: list[Event] = [
        Started(id="c", model="m", created_s=5, warnings=("top_k: left out",), extra={"x": {"a": 1}}),
        BlockStarted(0, "reasoning", "r-1", redacted_data="zzz"),
        ReasoningDelta(0, "H"),
        ReasoningDelta(0, "m"),
        BlockEnded(0, "sig"),
        BlockStarted(1, "text", extra={"x": {"b": 2}}),
        TextDelta(1, "Lo", (TokenLogprob("Lo", -1.0),)),
        TextDelta(1, "ire", (TokenLogprob("ire", -2.0),)),
        BlockEnded(1, extra={"y": {"c": 3}}),
        SourceAdded(Source(url="https://x.test")),
        BlockStarted(2, "refusal"),
        TextDelta(2, "No"),
        BlockEnded(2),
        BlockStarted(3, "tool", "t-1", "tide"),
        BlockStarted(4, "tool"),
        ToolDelta(4, '{"b"'),
        ToolDelta(3, "{}"),
        ToolDelta(4, ":1}"),
        BlockEnded(3),
        BlockEnded(4),
        BlockStarted(5, "image", media_type="image/png"),
        MediaDelta(5, b"\x89"),
        MediaDelta(5, b"PNG"),
        BlockEnded(5),
        BlockStarted(6, "audio", media_type="audio/wav"),
        MediaDelta(6, b"RIFF", "hi "),
        MediaDelta(6, b"", "there"),
        BlockEnded(6),
        BlockStarted(7, "opaque", extra={"x": {"d": 4}}),
        BlockEnded(7),
        Finished(FinishReason("stop", "end_turn"), Usage(input_tokens=1), extra={"x": {"e": 5}}),
    ]
    check(events).end()
    parts = (
        Reasoning(text="Hm", signature="sig", redacted_data="zzz", id="r-1"),
        Text(text="Loire", extra={"x": {"b": 2}, "y": {"c": 3}}),
        Source(url="https://x.test"),
        Refusal(text="No"),
        ToolCall(id="t-1", name="tide", arguments="{}"),
        ToolCall(id="", name="", arguments='{"b":1}'),
        Image(data=b"\x89PNG", media_type="image/png"),
        Audio(data=b"RIFF", media_type="audio/wav", transcript="hi there"),
        Opaque(extra={"x": {"d": 4}}),
    )
    logprobs = (TokenLogprob("Lo", -1.0), TokenLogprob("ire", -2.0))
    response = fold(events)
    assert response == Response(
        choices=(Choice(parts=parts, finish=FinishReason("stop", "end_turn"), logprobs=logprobs, extra={"x": {"e": 5}}),),
        id="c",
        model="m",
        created_s=5,
        usage=Usage(input_tokens=1),
        warnings=("top_k: left out",),
        extra={"x": {"a": 1}},
    )
    assert (response.text, str(response), response.reasoning, response.refusal) == ("Loire", "Loire", "Hm", "No")
    assert response.tool_calls == parts[4:6]
    assert response.sources == (parts[2],)
    assert response.finish_reason == "stop"
    assert response.message == Message("assistant", parts)


def test_extra_of_a_blocks_start_and_end_are_joined_within_a_dialect() -> None:
    events: list[Event] = [S, BlockStarted(0, "text", extra={"x": {"a": 1}}), BlockEnded(0, extra={"x": {"b": 2}}), STOP]
    assert fold(events).parts[0].extra == {"x": {"a": 1, "b": 2}}


def test_choices_are_in_the_order_of_their_numbers() -> None:
    events: list[Event] = [
        S,
        BlockStarted(0, "text", choice=1),
        B,
        TextDelta(0, "b", None, 1),
        T,
        BlockEnded(0, choice=1),
        Finished(FinishReason("length"), Usage(output_tokens=2), choice=1),
        E,
        STOP,
    ]
    response = fold(events)
    assert [choice.message.text for choice in response.choices] == ["a", "b"]
    assert [choice.finish for choice in response.choices] == [FinishReason("stop"), FinishReason("length")]
    assert response.usage == Usage(output_tokens=2)


def test_answer_may_be_asked_for_at_any_time() -> None:
    state = Fold()
    assert state.response() == Response(choices=())
    assert (state.response().text, state.response().parts, state.response().finish, state.response().finish_reason) == ("", (), None, None)
    begun: list[Event] = [S, B, T]
    for event in begun:
        state.add(event)
    before = state.response()
    assert (before.text, before.finish_reason) == ("a", None)
    rest: list[Event] = [T, E, STOP]
    for event in rest:
        state.add(event)
    assert (before.text, state.response().text, state.response().finish_reason) == ("a", "aa", "stop")


def test_every_kind_of_event_is_taken_in() -> None:
    assert {type(event) for events in LEGAL.values() for event in events} == set(get_args(Event))
    for events in LEGAL.values():
        assert all(choice.finish for choice in fold(events).choices)


def test_refusal_is_none_where_there_is_none() -> None:
    assert fold([S, B, T, E, STOP]).refusal is None
