"""Lines of a stream that are no event mean the same in every dialect of event streams."""

from __future__ import annotations

import pytest

from dragoman.core.errors import AuthFailed, BadReply, DragomanError, ModelNotFound, Overloaded
from dragoman.core.events import BlockStarted, Event, Started, TextDelta
from dragoman.core.exchange import Decoder
from dragoman.core.request import Request
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, PassingFault, Quirks

from .splits import read, read_split_anyhow

NAMES = ("openai_chat", "openai_completions", "raycast", "cohere", "anthropic_messages", "gemini", "openai_responses")
STREAMED = pytest.mark.parametrize("name", NAMES)
PASSING = Quirks(passing_faults=(PassingFault("The model: `[^`]*` is asleep", "Overloaded"),))
ASLEEP = b"The model: `x` is asleep\n\n"
PAGE = b"<html>\n" + b"<p>Sign in to go on.</p>\n" * 1000

OPENAIS: tuple[bytes, type[DragomanError]] = (b'{"error":{"message":"no such key","code":"invalid_api_key"}}', AuthFailed)
TOLD: dict[str, tuple[bytes, type[DragomanError]]] = {
    **dict.fromkeys(("openai_chat", "openai_completions", "raycast", "openai_responses"), OPENAIS),
    "anthropic_messages": (b'{"type":"error","error":{"type":"authentication_error","message":"no such key"}}', AuthFailed),
    "gemini": (b'[{"error":{"code":401,"message":"no such key",\n"status":"UNAUTHENTICATED"}}]', AuthFailed),
    "cohere": (b'{"message":"model \'x\' not found"}', ModelNotFound),
}
"""The body of an error in place of the events, and what it is."""


def new_decoder(name: str, quirks: Quirks = NONE) -> Decoder:
    return dialect(name).decoder(True, quirks)


def begun(name: str) -> bytes:
    """The beginning of an answer."""
    encoder = dialect(name).encoder(Request(model="model-1", messages=(), stream=True), NONE)
    events: list[Event] = [Started(id="answer-1", model="model-1"), BlockStarted(0, "text"), TextDelta(0, "Loire")]
    return b"".join(map(encoder.send, events))


@STREAMED
def test_fault_that_a_host_announces_in_plain_text_is_that_fault(name: str) -> None:
    error = read_split_anyhow(lambda: new_decoder(name, PASSING), ASLEEP).error
    assert isinstance(error, Overloaded)
    assert (error.message, error.retryable) == ("The model: `x` is asleep", True)


@STREAMED
def test_fault_that_a_host_announces_in_the_midst_of_an_answer_ends_it(name: str) -> None:
    told = read_split_anyhow(lambda: new_decoder(name, PASSING), begun(name) + ASLEEP)
    assert isinstance(told.error, Overloaded)
    assert told.response.text == "Loire"


@STREAMED
def test_failure_in_a_field_of_its_own_ends_the_answer(name: str) -> None:
    body, kind = TOLD[name]
    told = read_split_anyhow(lambda: new_decoder(name), begun(name) + b"error: " + body.replace(b"\n", b"") + b"\n\n")
    assert isinstance(told.error, kind)
    assert told.response.text == "Loire"


@STREAMED
def test_plain_text_that_no_host_is_known_for_is_no_answer(name: str) -> None:
    error = read_split_anyhow(lambda: new_decoder(name), ASLEEP).error
    assert isinstance(error, BadReply)
    assert (error.message, error.body) == ("the answer is not an event stream", ASLEEP.decode().strip())


@STREAMED
def test_page_in_place_of_an_answer_is_refused_before_its_end(name: str) -> None:
    decoder = new_decoder(name)
    assert decoder.feed(PAGE) == []
    assert isinstance(decoder.error, BadReply)
    assert decoder.error.body is not None
    assert decoder.error.body.startswith("<html>\n<p>Sign in")
    assert len(decoder.error.body) <= 2000


@STREAMED
def test_stray_lines_in_the_midst_of_an_answer_do_no_harm(name: str) -> None:
    decoder = new_decoder(name)
    events = decoder.feed(begun(name)) + decoder.feed(PAGE)
    assert decoder.error is None
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Loire"]


@STREAMED
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_error_in_place_of_the_events_is_that_error(name: str, end: bytes) -> None:
    body, kind = TOLD[name]
    error = read(new_decoder(name), [body + end]).error
    assert type(error) is kind


@STREAMED
def test_stream_without_a_line_is_empty(name: str) -> None:
    error = read(new_decoder(name), []).error
    assert isinstance(error, BadReply)
    assert error.message.startswith("the answer is empty")
