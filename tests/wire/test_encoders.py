"""The law of encoders, for every dialect in every form (``core.exchange.Encoder``): what may be raised, and that any end is a legal one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core import errors
from dragoman.core.errors import BadReply, DragomanError, Unsupported
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, MediaDelta, OrderCheck, Started, ToolDelta
from dragoman.core.exchange import Encoder
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE

from . import legal
from .splits import read
from .strategies import MODEST

FEW = settings(MODEST, max_examples=30)

Form = tuple[str, bool, dict[str, Any]]
FORMS: list[Form] = [
    *((name, stream, {}) for name in NAMES for stream in (True, False) if name != "raycast" or stream),
    ("gemini", True, {"alt": "json"}),
    ("ollama", True, {"generate": {}}),
    ("ollama", False, {"generate": {}}),
]
EACH_FORM = pytest.mark.parametrize(
    "form", FORMS, ids=[f"{name} {'streamed' if stream else 'whole'}{' ' if own else ''}{' '.join(own)}" for name, stream, own in FORMS]
)
FAULTS = [
    kind("the model stopped in its midst")
    for kind in (errors.ServerFault, errors.BadReply, errors.StreamCut, errors.TimedOut, errors.RateLimited, errors.Unsupported)
]


def new_encoder(form: Form) -> Encoder:
    name, stream, own = form
    asked = Request(model="model-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, extra={name: own} if own else {})
    return dialect(name).encoder(asked, NONE)


def sent(encoder: Encoder, events: list[Event]) -> tuple[bytes, DragomanError | None]:
    """What ``encoder`` makes of ``events``, up to what it cannot say. Anything else that it raises passes through."""
    data = b""
    for event in events:
        try:
            data += encoder.send(event)
        except (Unsupported, BadReply) as refusal:
            return data, refusal
    return data, None


def written(encoder: Encoder, events: list[Event]) -> tuple[bytes, DragomanError | None]:
    """The same with the end behind them."""
    data, refusal = sent(encoder, events)
    if refusal is None:
        try:
            data += encoder.close()
        except (Unsupported, BadReply) as late:
            return data, late
    return data, refusal


def assert_is_an_answer(form: Form, data: bytes) -> None:
    name, stream, _ = form
    assert read(dialect(name).decoder(stream, NONE), [data]).error is None


def assert_tells(form: Form, data: bytes, error: DragomanError) -> None:
    """``data`` is an answer that ends with ``error``, in every event before it in legal order."""
    name, stream, _ = form
    told = read(dialect(name).decoder(stream, NONE), [data])
    assert told.error is not None
    assert told.error.message == error.message


@EACH_FORM
@FEW
@given(events=legal.answers(), place=st.floats(0, 1, exclude_max=True), fault=st.sampled_from(FAULTS))
def test_whatever_is_legal_is_said_or_refused_and_any_failure_ends_it_in_the_dialects_own_form(
    form: Form, events: list[Event], place: float, fault: DragomanError
) -> None:
    encoder = new_encoder(form)
    data, refusal = written(encoder, events)
    if refusal is not None:
        assert_tells(form, data + encoder.fail(refusal), refusal)
    else:
        assert_is_an_answer(form, data)
    begun = events[: int(place * len(events))]
    written(new_encoder(form), begun)  # closed too early, an answer still raises nothing else
    encoder = new_encoder(form)
    data, refusal = sent(encoder, begun)
    assert_tells(form, data + encoder.fail(refusal or fault), refusal or fault)


@MODEST
@given(events=legal.answers())
def test_answers_that_are_tried_are_legal(events: list[Event]) -> None:
    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()


END = Finished(FinishReason("stop", "stop"))
PICTURE: list[Event] = [Started(), BlockStarted(0, "image", media_type="image/png"), MediaDelta(0, b"\x89PNG"), BlockEnded(0), END]
SOUND: list[Event] = [Started(), BlockStarted(0, "audio", media_type="audio/wav"), MediaDelta(0, b"RIFF"), BlockEnded(0), END]
LIST: list[Event] = [Started(), BlockStarted(0, "tool", "call-1", "weather"), ToolDelta(0, "[1]"), BlockEnded(0), END]
TEXT_ALONE = ("raycast", "openai_completions")
TRANSCRIBED = ("raycast", "ollama", "cohere", "anthropic_messages", "openai_responses")
REFUSED: dict[str, tuple[type[DragomanError], list[Event], tuple[str, ...]]] = {
    "picture": (Unsupported, PICTURE, ("cohere", "anthropic_messages", *TEXT_ALONE)),
    "sound without words": (Unsupported, SOUND, ("openai_completions", *TRANSCRIBED)),
    "arguments that are no object": (BadReply, LIST, ("ollama", "gemini")),
}
"""What each wire has no place for, beside that the last two are no text, of which some have nothing else."""


@EACH_FORM
@pytest.mark.parametrize("what", list(REFUSED))
def test_what_a_wire_has_no_place_for_is_refused_streamed_and_whole(what: str, form: Form) -> None:
    kind, events, refusing = REFUSED[what]
    name = form[0]
    encoder = new_encoder(form)
    data, refusal = written(encoder, events)
    if name in TEXT_ALONE:
        kind = Unsupported
    is_refused = name in (*refusing, *TEXT_ALONE) or (what.startswith("sound") and form[:2] == ("bedrock_converse", True))
    assert (type(refusal) is kind) == is_refused
    if refusal is not None:
        assert_tells(form, data + encoder.fail(refusal), refusal)
