"""Real answers of a dozen hosts of OpenAI's chat wire, against a plain second reading, and through our server role and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.fold import Response
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire.openai_chat import decode_error, decoder, encoder
from dragoman.wire.quirks import NONE
from tests.wire.splits import Told, random_pieces, read, without_usage

from . import recordings
from .plain_reading import as_reading, objects_of_stream, read_objects

pytestmark = pytest.mark.recorded

STREAMS, WHOLES, ERRORS = "*.chat.stream", "*.chat.json", "*.chat.errors"

FAILED_STREAMS = {"groq-chat-stream-006": ("BadRequest", "Tool call validation failed: ")}
"""Recorded streams that end in an error event, and what it means."""

ERROR_CLASSES = {
    "groq-chat-errors-001": ("ModelNotFound", False),
    "openai-chat-errors-001": ("BadRequest", False),
    "openai-chat-errors-003": ("BadRequest", False),
    "openai-chat-errors-006": ("ModelNotFound", False),
    "openai-chat-errors-007": ("BadRequest", False),
    "openrouter-chat-errors-000": ("RateLimited", True),
}


def decoded(pattern: str, name: str) -> Told:
    """The recording as told whole, after asserting that it is told the same in random pieces."""
    recording = recordings.by_id(pattern, name)
    streaming = pattern == STREAMS
    whole = read(decoder(streaming, NONE), [recording.told])
    for seed in range(3):
        told = read(decoder(streaming, NONE), random_pieces(recording.told, seed))
        assert (told.events, told.verdict) == (whole.events, whole.verdict)
    return whole


@pytest.mark.parametrize("name", [name for name in recordings.ids(STREAMS) if name not in FAILED_STREAMS])
def test_recorded_stream_says_what_a_plain_reading_finds(name: str) -> None:
    told = decoded(STREAMS, name)
    assert told.error is None
    assert as_reading(told.response) == read_objects(objects_of_stream(recordings.by_id(STREAMS, name).told))


@pytest.mark.parametrize("name", [name for name in recordings.ids(STREAMS) if name in FAILED_STREAMS])
def test_recorded_stream_that_failed_gives_what_came_and_its_error(name: str) -> None:
    told = decoded(STREAMS, name)
    kind, words = FAILED_STREAMS[name]
    assert type(told.error).__name__ == kind
    assert isinstance(told.error, DragomanError)
    assert told.error.message.startswith(words)
    objects = [one for one in objects_of_stream(recordings.by_id(STREAMS, name).told) if "error" not in one]
    assert as_reading(told.response)["choices"] == read_objects(objects)["choices"]


@pytest.mark.parametrize("name", recordings.ids(WHOLES))
def test_recorded_answer_says_what_a_plain_reading_finds(name: str) -> None:
    told = decoded(WHOLES, name)
    assert told.error is None
    assert as_reading(told.response) == read_objects([json.loads(recordings.by_id(WHOLES, name).told)])


@pytest.mark.parametrize("name", recordings.ids(STREAMS)[::7])
def test_recorded_stream_cut_anywhere_is_never_a_success_before_its_finish_reason(name: str) -> None:
    if name in FAILED_STREAMS:
        return
    data = recordings.by_id(STREAMS, name).told
    whole = read(decoder(True, NONE), [data])
    step = max(1, len(data) // 400)
    for length in range(0, len(data), step):
        told = read(decoder(True, NONE), [data[:length]])
        if told.error is None:
            assert without_usage(told.events) == without_usage(whole.events), length
        else:
            assert told.events == whole.events[: len(told.events)], length


def asked(stream: bool) -> Request:
    extra = {"openai_chat": {"stream_options": {"include_usage": True}}}
    return Request(model="asked", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, extra=extra)


def told_again(told: Told, stream: bool) -> Response:
    """Through our server role and back."""
    encoding = encoder(asked(stream), NONE)
    data = b"".join(encoding.send(event) for event in told.events) + encoding.close()
    again = read(decoder(stream, NONE), random_pieces(data, 1))
    assert again.error is None
    return again.response


def canonical(reading: dict[str, Any]) -> dict[str, Any]:
    """``function_call`` is told in today's word, and so is a ``stop`` behind a call, as OpenAI has it where the call was demanded; a total
    that a host did not count is 0, and without any the usage is not told.
    """
    usage = reading["usage"]
    totals = {name: usage[name] for name in ("input_tokens", "output_tokens")} if usage else {}
    usage = {**usage, **{name: count or 0 for name, count in totals.items()}} if any(one is not None for one in totals.values()) else None
    ends = {"function_call": "tool_calls", "stop": "tool_calls"}
    choices = [
        choice | {"finish": ends.get(choice["finish"], choice["finish"]) if choice["calls"] else choice["finish"]}
        for choice in reading["choices"]
    ]
    return reading | {"usage": usage, "choices": choices}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("pattern", "name"),
    [(pattern, name) for pattern in (STREAMS, WHOLES) for name in recordings.ids(pattern) if name not in FAILED_STREAMS],
)
def test_recorded_answer_written_by_our_server_role_says_the_same(pattern: str, name: str, stream: bool) -> None:
    told = decoded(pattern, name)
    assert canonical(as_reading(told_again(told, stream))) == canonical(as_reading(told.response))


@pytest.mark.parametrize("name", recordings.ids(ERRORS))
def test_recorded_error_has_its_class(name: str) -> None:
    recording = recordings.by_id(ERRORS, name)
    error = decode_error(Reply(recording.status, (), recording.told), NONE)
    assert (type(error).__name__, error.retryable) == ERROR_CLASSES[name]
    assert error.status == recording.status
    assert error.message.startswith(json.loads(recording.told)["error"]["message"])  # behind OpenRouter's stands what the provider said
