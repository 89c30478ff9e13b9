"""What is read of an answer that passes on is what reading all of it says, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.events import Event, Finished, Started
from dragoman.response import tier_in
from dragoman.wire.anthropic_messages import ends as anthropic_ends
from dragoman.wire.anthropic_messages import read_whole as read_message
from dragoman.wire.openai_chat import ends as openai_ends
from dragoman.wire.openai_chat import read_whole as read_completion
from dragoman.wire.quirks import NONE
from tests.conformance import recordings

TOOL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Seine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 20}},
}
TWO = [{"index": at, "message": {"role": "assistant", "content": "S"}, "finish_reason": why} for at, why in ((0, "stop"), (1, "length"))]
CALLS = [{"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [TOOL]}, "finish_reason": "tool_calls"}]
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "thinking", "thinking": "?", "signature": "c2ln"}, {"type": "text", "text": "Seine"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 2},
}


def facts(events: list[Event]) -> Any:
    """What a request is accounted by."""
    start = next(event for event in events if isinstance(event, Started))
    ends = [event for event in events if isinstance(event, Finished)]
    usages = [end.usage for end in ends if end.usage is not None]
    return start.id, start.model, tier_in(start.extra), [(end.choice, end.reason) for end in ends], usages


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"service_tier": "flex", "system_fingerprint": "fp"},
        {"choices": TWO},
        {"choices": CALLS},
        {"usage": None},
        {"usage": {}},
        {"id": "", "model": ""},
        {"id": 7},
        {"brand_new": [1.5]},
    ],
    ids=lambda changes: ",".join(changes) or "plain",
)
def test_a_completion(changes: dict[str, Any]) -> None:
    body = json.dumps(COMPLETION | changes).encode()
    events = openai_ends.read_ends(body)
    assert events is not None
    assert facts(events) == facts(read_completion(body, NONE))


@pytest.mark.parametrize(
    "changes", [{}, {"stop_reason": "tool_use"}, {"content": []}, {"stop_reason": "pause_turn"}, {"model": ""}], ids=str
)
def test_a_message(changes: dict[str, Any]) -> None:
    body = json.dumps(MESSAGE | changes).encode()
    events = anthropic_ends.read_ends(body)
    assert events is not None
    assert facts(events) == facts(read_message(body, NONE))


@pytest.mark.parametrize(
    "changes",
    [
        {"error": {"message": "overloaded"}},
        {"choices": []},
        {"choices": None},
        {"choices": [{"index": 0, "message": {"content": "S"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "finish_reason": "stop"}]},
        {"choices": [CALLS[0] | {"finish_reason": "stop"}]},
        {"choices": [{"index": 0, "message": {"audio": {"id": "audio_1"}}, "finish_reason": "stop"}]},
        {"usage": {"prompt_tokens": "many"}},
        {"model": 5},
    ],
    ids=str,
)
def test_a_completion_with_something_about_it_is_read_whole(changes: dict[str, Any]) -> None:
    assert openai_ends.read_ends(json.dumps(COMPLETION | changes).encode()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"error": {"type": "overloaded_error"}},
        {"type": "error"},
        {"content": None},
        {"content": "Seine"},
        {"stop_reason": None},
        {"container": {"id": "c_1"}},
        {"usage": None},
        {"usage": {"input_tokens": None, "output_tokens": 2}},
    ],
    ids=str,
)
def test_a_message_with_something_about_it_is_read_whole(changes: dict[str, Any]) -> None:
    assert anthropic_ends.read_ends(json.dumps(MESSAGE | changes).encode()) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>", b'"\xff"', b"[" * 100_000], ids=len)
def test_what_is_no_answer_is_read_whole(body: bytes) -> None:
    assert openai_ends.read_ends(body) is None
    assert anthropic_ends.read_ends(body) is None


@pytest.mark.recorded
@pytest.mark.parametrize("name", recordings.ids("*.chat.json"))
def test_a_recorded_completion(name: str) -> None:
    body = recordings.by_id("*.chat.json", name).told
    events = openai_ends.read_ends(body)
    if events is None:  # hosts that name no reason, in an empty word, or say stop behind a call
        assert b'"finish_reason":""' in body.replace(b" ", b"") or b"tool_calls" in body
    else:
        assert facts(events) == facts(read_completion(body, NONE))


@pytest.mark.recorded
@pytest.mark.parametrize("name", recordings.ids("anthropic.messages.json"))
def test_a_recorded_message(name: str) -> None:
    body = recordings.by_id("anthropic.messages.json", name).told
    events = anthropic_ends.read_ends(body)
    if events is None:  # the vendor keeps something
        assert b'"container":{' in body.replace(b" ", b"")
    else:
        assert facts(events) == facts(read_message(body, NONE))
