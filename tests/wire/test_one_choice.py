"""Several answers on a wire that tells one: the first is told as if it had come alone, with what all of them used, streamed and whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings

from dragoman.core.errors import BadReply, Unsupported
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta
from dragoman.core.exchange import Encoder
from dragoman.core.fold import Response
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.dialects import dialect
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.quirks import NONE

from . import legal
from .splits import read
from .strategies import MODEST

FEW = settings(MODEST, max_examples=30)
WIRES = ("anthropic_messages", "bedrock_converse", "ollama", "cohere", "openai_responses")
"""Those that tell usage; Raycast's tells one answer too, and nothing of what it used."""
FORMS = pytest.mark.parametrize(("name", "stream"), [(name, stream) for name in WIRES for stream in (True, False)])
USAGE = Usage(input_tokens=12, output_tokens=34)
STOPPED = FinishReason("stop", "stop")


def said(choice: int, *words: str) -> list[Event]:
    return [BlockStarted(0, "text", choice=choice), *(TextDelta(0, word, None, choice) for word in words), BlockEnded(0, None, choice)]


FIRST, SECOND = said(0, "Loire", "!"), said(1, "Rhine", "?")
BEGUN: list[Event] = [Started(id="answer-1", model="model-1")]
ORDERS: dict[str, list[Event]] = {
    "one after the other": [*BEGUN, *FIRST, Finished(STOPPED), *SECOND, Finished(STOPPED, USAGE, 1)],
    "by turns": [
        *BEGUN,
        *(event for both in zip(FIRST, SECOND, strict=True) for event in both),
        Finished(STOPPED),
        Finished(STOPPED, USAGE, 1),
    ],
    "the second first": [*BEGUN, *SECOND, *FIRST, Finished(STOPPED, None, 1), Finished(STOPPED, USAGE)],
    "the second ends first": [*BEGUN, *SECOND, Finished(STOPPED, None, 1), *FIRST, Finished(STOPPED, USAGE)],
}


def new_encoder(name: str, stream: bool) -> Encoder:
    return dialect(name).encoder(Request(model="model-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream), NONE)


def written(encoder: Encoder, events: Sequence[Event]) -> bytes:
    return b"".join(map(encoder.send, events)) + encoder.close()


def through(name: str, stream: bool, events: Sequence[Event]) -> Response:
    told = read(dialect(name).decoder(stream, NONE), [written(new_encoder(name, stream), events)])
    assert told.error is None
    return told.response


@FORMS
@pytest.mark.parametrize("order", list(ORDERS))
def test_first_is_told_with_the_usage_of_all(order: str, name: str, stream: bool) -> None:
    told = through(name, stream, ORDERS[order])
    assert [choice.message.text for choice in told.choices] == ["Loire!"]
    assert told.usage is not None
    assert (told.usage.input_tokens, told.usage.output_tokens) == (12, 34)


def renumbered(event: Event) -> Event:
    return event if isinstance(event, Started) else msgspec.structs.replace(event, choice=0)


@FORMS
@FEW
@given(events=legal.answers())
def test_answer_is_told_as_if_the_first_had_come_alone(name: str, stream: bool, events: list[Event]) -> None:
    first = min(event.choice for event in events if not isinstance(event, Started))
    alone = [renumbered(event) for event in events if isinstance(event, Started) or event.choice == first]
    end, last = events[-1], alone[-1]
    assert isinstance(end, Finished)
    assert isinstance(last, Finished)
    alone[-1] = msgspec.structs.replace(last, usage=end.usage)
    try:
        expected = written(new_encoder(name, stream), alone)
    except (Unsupported, BadReply) as refusal:
        with pytest.raises(type(refusal), match=r"answer|arguments"):
            written(new_encoder(name, stream), events)
    else:
        assert written(new_encoder(name, stream), events) == expected


@FORMS
def test_end_waits_for_the_usage_and_no_longer(name: str, stream: bool) -> None:
    if not stream:
        return
    encoder = new_encoder(name, True)
    begun = b"".join(map(encoder.send, [*BEGUN, *FIRST]))
    assert encoder.send(Finished(STOPPED)) == b""
    assert b"".join(map(encoder.send, SECOND)) == b""
    end = encoder.send(Finished(STOPPED, USAGE, 1))
    alone = new_encoder(name, True)
    assert (begun, end) == (b"".join(map(alone.send, [*BEGUN, *FIRST])), alone.send(Finished(STOPPED, USAGE)))


@FORMS
def test_usage_that_nobody_knows_is_told_as_one_answer_by_itself_tells_it(name: str, stream: bool) -> None:
    events = [*BEGUN, *FIRST, Finished(STOPPED), *SECOND, Finished(STOPPED, None, 1)]
    assert through(name, stream, events).usage == through(name, stream, [*BEGUN, *FIRST, Finished(STOPPED)]).usage


@pytest.mark.parametrize("number", [1, 5])
@FORMS
def test_answer_whose_only_choice_has_another_number_is_not_lost(name: str, stream: bool, number: int) -> None:
    told = through(name, stream, [*BEGUN, *said(number, "Loire"), Finished(STOPPED, USAGE, number)])
    assert told.text == "Loire"
    assert told.usage is not None
    assert told.usage.output_tokens == 34


@FORMS
def test_choices_that_are_left_out_are_named(name: str, stream: bool) -> None:
    encoder = new_encoder(name, stream)
    assert isinstance(encoder, OneChoice)
    written(encoder, [*BEGUN, *FIRST, *SECOND, Finished(STOPPED, None, 1), Finished(STOPPED, USAGE)])
    assert encoder.warnings == ("choices: this wire tells one answer, left out 1 more",)


@pytest.mark.parametrize("number", [0, 1])
@FORMS
def test_single_answer_has_nothing_left_out(name: str, stream: bool, number: int) -> None:
    encoder = new_encoder(name, stream)
    assert isinstance(encoder, OneChoice)
    written(encoder, [*BEGUN, *said(number, "Loire"), Finished(STOPPED, USAGE, number)])
    assert encoder.warnings == ()


def test_what_came_of_others_before_the_first_is_not_kept_any_longer() -> None:
    encoder = new_encoder("ollama", True)
    assert isinstance(encoder, OneChoice)
    for event in [*BEGUN, *SECOND[:2], *FIRST[:1], *SECOND[2:]]:
        encoder.send(event)
    assert encoder._kept == []
