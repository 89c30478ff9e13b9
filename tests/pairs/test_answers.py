"""Answers through every dialect, and through every dialect into every other, streamed and whole: nothing that both can say is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Unsupported
from dragoman.core.events import Event, FinishName, OrderCheck
from dragoman.core.fold import Response, fold
from dragoman.core.messages import Audio, Message, Refusal, Text
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.wire.splits import random_pieces, read

from .answers import ASPECTS, FINISHES, PIECES, USAGES, answer
from .table import ANSWER_CELLS, ANSWER_REASONS, CARRIED, DIALECTS, LEFT_OUT, MODELS, QUIET, REFUSED
from .test_requests import MODEST, THOROUGH

FORMS = [(name, stream) for name in DIALECTS for stream in (True, False) if name != "raycast" or stream]
PAIRS = [(one, first, other, second) for one, first in FORMS for other, second in FORMS if one != other]
NEEDS = {
    "interleaved calls": "tool calls",
    "call without arguments": "tool calls",
    "tool call": "tool calls",
    "picture": "picture",
    "sound": "sound",
}
"""What a wire must have a place for, where it refuses what it has none for."""


def asked(name: str, stream: bool) -> Request:
    """A request whose caller wants to know all that there is to know."""
    extra = {name: {"stream_options": {"include_usage": True}}} if name in ("openai_chat", "openai_completions") else {}
    question = (Message("user", (Text(text="Hi"),)),)
    return Request(model=MODELS.get(name, "model-1"), messages=question, stream=stream, logprobs=True, n=2, extra=extra)


def through(name: str, stream: bool, events: Sequence[Event], seed: int = 0) -> tuple[Event, ...]:
    """What the dialect's client role reads of what its server role wrote, cut anywhere; every event in legal order."""
    encoder = dialect(name).encoder(asked(name, stream), NONE)
    data = b"".join(encoder.send(event) for event in events) + encoder.close()
    told = read(dialect(name).decoder(stream, NONE), random_pieces(data, seed))
    assert told.error is None
    return told.events


def words(response: Response) -> list[str]:
    """All that is said, letter by letter: a whole message has one field for each kind and so an order of its own."""
    said = [part.transcript or "" if isinstance(part, Audio) else part.text for part in response.parts if isinstance(part, SPOKEN)]
    return sorted("".join(said))


SPOKEN = (Text, Refusal, Audio)


def hold(names: Sequence[str], before: Response, after: Response) -> None:
    """What all of ``names`` carry is in ``after`` as it was in ``before``, what one leaves out is not, and nothing is made up."""
    assert words(after) == words(before)
    for aspect, cells in ANSWER_CELLS.items():
        said, found = ASPECTS[aspect](before), ASPECTS[aspect](after)
        marks = {cells[name] for name in names}
        if aspect.startswith("finish") and before.tool_calls and before.finish_reason == "stop":
            continue  # several wires say that there are calls by the calls alone
        if aspect == "text":
            assert found.startswith(said) or marks != {CARRIED} or len(before.parts) > 1
        elif marks == {CARRIED} and said:
            assert found == said, (aspect, names)
        elif LEFT_OUT in marks or not said:
            assert not found or aspect in MADE or not any(found), (aspect, names, found)


MADE = ("id", "model", "ids of calls", "usage")
"""What clients of some wires require, so that something stands there always."""


@st.composite
def told_answers(draw: st.DrawFn) -> tuple[list[str], FinishName, Usage | None]:
    pieces = draw(st.lists(st.sampled_from(list(PIECES)), min_size=1, max_size=4, unique=True))
    calls = any(NEEDS.get(piece) == "tool calls" for piece in pieces)
    finish: FinishName = "tool_calls" if calls else draw(st.sampled_from([one for one in FINISHES if one != "tool_calls"]))
    return pieces, finish, draw(st.sampled_from([None, *USAGES]))


APART: Final = ("bedrock_converse", False)
"""A whole answer of Bedrock's tells a sound and, apart from it, what is said in it."""
SILENT_SOUND_REFUSED: Final = ("raycast", "ollama", "cohere", "anthropic_messages", "openai_responses")
"""Wires on which a sound is what is said in it, so that one without words has no place."""


def kept_by(forms: Sequence[tuple[str, bool]], pieces: Sequence[str]) -> list[str]:
    """The pieces that none of ``forms`` refuses; at least a text."""
    kept = [piece for piece in pieces if all(place_for(name, piece) for name, _ in forms)]
    falls_silent = APART in forms and any(name in SILENT_SOUND_REFUSED for name, _ in forms)
    return [piece for piece in kept if piece != "sound" or not falls_silent] or ["text"]


def place_for(name: str, piece: str) -> bool:
    return piece not in NEEDS or ANSWER_CELLS[NEEDS[piece]][name] != REFUSED


def finish_of(finish: FinishName, pieces: Sequence[str]) -> FinishName:
    return finish if finish != "tool_calls" or any(NEEDS.get(piece) == "tool calls" for piece in pieces) else "stop"


def test_every_aspect_is_in_the_table() -> None:
    assert list(ANSWER_CELLS) == list(ASPECTS)
    assert {aspect for aspect, cells in ANSWER_CELLS.items() if QUIET in cells.values()} == set(ANSWER_REASONS)


def test_answers_are_made_in_legal_order() -> None:
    for events in (answer([piece], "stop", USAGES[0], choices) for piece in PIECES for choices in (1, 2)):
        order = OrderCheck()
        for event in events:
            order.check(event)
        order.end()


@pytest.mark.parametrize(("name", "stream"), FORMS)
@pytest.mark.parametrize("piece", list(PIECES))
def test_piece_by_itself_is_told_as_the_table_says(piece: str, name: str, stream: bool) -> None:
    calls = NEEDS.get(piece) == "tool calls"
    events = answer([piece], "tool_calls" if calls else "stop", USAGES[1])
    if not place_for(name, piece):
        with pytest.raises(Unsupported, match="answer"):
            through(name, stream, events)
        return
    after = fold(through(name, stream, events))
    hold([name], fold(events), after)
    aspect = {"interleaved calls": "exact arguments", "tool call": "tool calls", "call without arguments": "ids of calls"}.get(piece, piece)
    if ANSWER_CELLS[aspect][name] == CARRIED:
        assert ASPECTS[aspect](after) == ASPECTS[aspect](fold(events))


@pytest.mark.parametrize(("name", "stream"), FORMS)
@pytest.mark.parametrize("finish", FINISHES)
def test_finish_is_told_as_the_table_says(finish: FinishName, name: str, stream: bool) -> None:
    pieces = kept_by([(name, stream)], ["tool call"]) if finish == "tool_calls" else ["text"]
    events = answer(pieces, finish, None)
    told = fold(through(name, stream, events))
    assert (told.finish_reason == finish) == (ANSWER_CELLS[f"finish: {finish}"][name] == CARRIED)


@pytest.mark.parametrize(("name", "stream"), FORMS)
def test_several_choices_are_all_told_or_the_first_alone(name: str, stream: bool) -> None:
    events = answer(["text"], "stop", None, choices=2)
    told = fold(through(name, stream, events))
    expected = fold(events).choices if ANSWER_CELLS["several choices"][name] == CARRIED else fold(events).choices[:1]
    assert [choice.message.text for choice in told.choices] == [choice.message.text for choice in expected]


@pytest.mark.parametrize(("name", "stream"), FORMS)
@THOROUGH
@given(told=told_answers(), seed=st.integers(0, 99))
def test_pieces_together_are_told_as_each_by_itself(name: str, stream: bool, told: Any, seed: int) -> None:
    pieces, finish, usage = told
    pieces = kept_by([(name, stream)], pieces)
    events = answer(pieces, finish_of(finish, pieces), usage)
    hold([name], fold(events), fold(through(name, stream, events, seed)))


def form(name: str, stream: bool) -> str:
    return f"{name} {'streamed' if stream else 'whole'}"


@pytest.mark.parametrize(
    ("one", "first", "other", "second"), [pytest.param(*pair, id=f"{form(*pair[:2])} to {form(*pair[2:])}") for pair in PAIRS]
)
@MODEST
@given(told=told_answers(), seed=st.integers(0, 99))
def test_answer_goes_through_one_dialect_into_another(one: str, first: bool, other: str, second: bool, told: Any, seed: int) -> None:
    pieces, finish, usage = told
    pieces = kept_by([(one, first), (other, second)], pieces)
    events = answer(pieces, finish_of(finish, pieces), usage)
    between = through(one, first, events, seed)
    after = through(other, second, between, seed)
    hold([one, other], fold(events), fold(after))
