"""Real requests of many clients: read by our server role and written again, they are the same but for what ``canonical`` says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.exchange import Call
from dragoman.wire.openai_chat import decode_request, encode_request
from dragoman.wire.quirks import Quirks

from . import recordings

pytestmark = pytest.mark.recorded

PATTERNS = ("*.chat.stream", "*.chat.json", "*.chat.errors")
ASKED = [
    (one.provider, one.id, recordings.uncut(one.asked))
    for pattern in PATTERNS
    for one in recordings.recordings(pattern)
    if isinstance(one.asked, dict)
]

HOSTS = {
    "mistral": Quirks(reasoning_field="content", file_url="document_url"),
    "openrouter": Quirks(reasoning_field="reasoning_details", file_url="file_data"),
}
"""How single hosts want what others cannot take."""
OTHERS = Quirks(reasoning_field="reasoning_content")
GOOD = {name: (provider, asked) for provider, name, asked in ASKED}


def canonical(asked: Any) -> Any:
    """What a client may write in several ways, written in one.

    One text part is a plain string; an assistant's missing or empty content is null beside tool calls; nulls, empty lists and
    ``stream: false`` say nothing; a tool without type is a function; the token limit has its older name; reasoning has DeepSeek's name
    for its field; usage is always asked for in a stream; a call's index, left over from a stream, means nothing in a message; functions
    stand before a host's own tools; Mistral's ``any`` is ``required``.
    """
    body = {name: value for name, value in asked.items() if value is not None and (name, value) not in (("tools", []), ("stream", False))}
    body["messages"] = [canonical_message(message) for message in body["messages"]]
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if "tools" in body:
        body["tools"] = sorted(({"type": "function", **tool} for tool in body["tools"]), key=lambda tool: tool["type"] != "function")
    if body.get("tool_choice") == "any":
        body["tool_choice"] = "required"
    if body.get("stream"):
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    return body


def canonical_message(given: Any) -> Any:
    message = {name: value for name, value in given.items() if value is not None and (name, value) != ("tool_calls", [])}
    content = message.get("content")
    if isinstance(content, list) and len(content) == 1 and content[0].keys() == {"type", "text"}:
        content = content[0]["text"]
    if message["role"] == "assistant" and not content:
        content = None if message.get("tool_calls") else ""
    message["content"] = content
    if "tool_calls" in message:
        message["tool_calls"] = [{name: value for name, value in call.items() if name != "index"} for call in message["tool_calls"]]
    if "reasoning" in message:
        message["reasoning_content"] = message.pop("reasoning")
    return message


def written_again(provider: str, asked: Any) -> Any:
    quirks = HOSTS.get(provider, OTHERS)
    call = encode_request(decode_request(Call("POST", "/chat/completions", (), json.dumps(asked).encode()), quirks), quirks)
    assert call.warnings == ()
    return json.loads(call.body)


@pytest.mark.parametrize("name", GOOD)
def test_recorded_request_comes_back_equal(name: str) -> None:
    provider, asked = GOOD[name]
    assert canonical(written_again(provider, asked)) == canonical(asked)


@pytest.mark.parametrize("name", GOOD)
def test_request_written_by_us_is_in_canonical_form(name: str) -> None:
    provider, asked = GOOD[name]
    once = written_again(provider, asked)
    assert written_again(provider, once) == once
