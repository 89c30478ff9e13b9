"""Whole answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadReply, DragomanError
from dragoman.core.events import BlockEnded, BlockStarted, Finished, FinishReason, SourceAdded, Started, TextDelta, ToolDelta
from dragoman.core.messages import Source, Text
from dragoman.core.usage import Usage
from tests.wire.splits import Told, read, read_split_anyhow

from .streams import NAME, new_whole

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-1",
    "content": [{"type": "text", "text": "Loire 🌊"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}


def whole(body: object) -> Told:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return read_split_anyhow(new_whole, data)


def test_whole_answer_becomes_the_same_events_as_a_streamed_one() -> None:
    assert whole(MESSAGE).events == (
        Started(id="msg_1", model="claude-1"),
        BlockStarted(0, "text"),
        TextDelta(0, "Loire 🌊"),
        BlockEnded(0),
        Finished(FinishReason("stop", "end_turn"), Usage(input_tokens=3, output_tokens=4, raw=MESSAGE["usage"])),
    )


def test_arguments_are_the_exact_text_that_was_sent() -> None:
    exact = '{"b": 1.50, "a":\n[1e2, 12345678901234567890123], "é": "\\u00e9"}'
    body = json.dumps({**MESSAGE, "content": ["@"]}).replace('"@"', f'{{"type":"tool_use","id":"t","name":"f","input":{exact}}}')
    assert whole(body.encode()).events[1:4] == (BlockStarted(0, "tool", "t", "f"), ToolDelta(0, exact), BlockEnded(0))


def test_call_without_arguments_has_an_empty_object() -> None:
    cases: tuple[dict[str, Any], ...] = ({"input": {}}, {"input": None}, {})
    for given in cases:
        block = {"type": "tool_use", "id": "t", "name": "f", **given}
        assert whole({**MESSAGE, "content": [block]}).response.tool_calls[0].arguments == "{}"


def test_citations_of_a_whole_text_name_it() -> None:
    cited = {"type": "page_location", "cited_text": "q", "document_title": None, "start_page_number": 1, "end_page_number": 2}
    told = whole(
        {**MESSAGE, "content": [{"type": "text", "text": "a", "citations": [cited]}, {"type": "text", "text": "b", "citations": None}]}
    )
    source = Source(quote="q", extra={NAME: cited})
    assert told.events[3] == SourceAdded(source, 0, 0)
    assert told.response.parts == (Text(text="a"), source, Text(text="b"))


def test_what_a_message_has_beside_our_fields_is_kept() -> None:
    more = {"stop_sequence": "###", "container": {"id": "c"}, "context_management": {"applied_edits": []}}
    assert whole({**MESSAGE, **more, "stop_details": None}).response.choices[0].extra == {NAME: more}


def test_unknown_usage_is_none_not_zero() -> None:
    assert whole({**MESSAGE, "usage": None}).response.usage is None
    usage = whole({**MESSAGE, "usage": {"output_tokens": 4, "cache_read_input_tokens": 9}}).response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.total_tokens) == (None, 9, None, None)


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the answer cannot be read: it is empty"),
    "html": (b"<!DOCTYPE html><h1>502</h1>", "the answer cannot be read: it is HTML or XML, not JSON"),
    "invalid UTF-8": (b'{"content":[{"type":"text","text":"\xff"}]}', "the answer cannot be read: "),
    "deep": (b'{"content":' + b"[" * 100_000, "the answer cannot be read: "),
    "no object": (b"[]", "the answer cannot be read: "),
    "no content": (b'{"id":"1"}', "the answer holds no content"),
    "block that is no object": (b'{"content":[1]}', "a content block cannot be read: "),
    "text that is none": (b'{"content":[{"type":"text","text":1}]}', "a content block cannot be read: "),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_body_that_is_no_message_is_a_bad_reply_that_shows_it(case: str) -> None:
    body, words = BAD_BODIES[case]
    told = whole(body)
    assert isinstance(told.error, BadReply)
    assert told.error.message.startswith(words)
    assert told.events == ()


def test_whole_answer_cut_anywhere_is_a_bad_reply() -> None:
    data = json.dumps(MESSAGE).encode()
    for length in range(len(data)):
        assert type(read(new_whole(), [data[:length]]).error) is BadReply, length


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, "Overloaded", "Busy"),
        ({"error": {"message": "Odd", "type": "invalid_request_error"}}, "BadRequest", "Odd"),
        ({"error": "no capacity"}, "ServerFault", "no capacity"),
        ({"type": "error", "error": None}, "ServerFault", "the service reports an error"),
    ],
)
def test_error_inside_a_success_is_that_error(body: object, name: str, message: str) -> None:
    told = whole(body)
    assert isinstance(told.error, DragomanError)
    assert (type(told.error).__name__, told.error.message) == (name, message)
    assert told.events == ()
