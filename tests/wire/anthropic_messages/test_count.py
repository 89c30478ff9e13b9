"""Token counting."""

from __future__ import annotations

import json

import pytest

from dragoman.core.errors import AuthFailed, BadReply, BadRequest
from dragoman.core.exchange import Reply
from dragoman.core.messages import Message, Text
from dragoman.core.request import ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage
from dragoman.wire.anthropic_messages.count import decode_reply, decode_request, encode_reply, encode_request
from dragoman.wire.quirks import NONE, Quirks

from .streams import NAME, call_of

REQUEST = Request(
    model="m",
    messages=(Message("system", (Text(text="s"),)), Message("user", (Text(text="Hi"),))),
    tools=(Tool(name="f", parameters={"type": "object"}),),
    reasoning=ReasoningOptions(budget_tokens=1024, enabled=True),
    extra={NAME: {"betas": ["b-1"], "beta": True}},
)


def test_what_concerns_the_answer_is_left_out_without_a_warning() -> None:
    full = {"max_output_tokens": 5, "temperature": 0.5, "top_k": 3, "stop": ("a",), "user": "u", "stream": True, "seed": 1}
    fields = {name: getattr(REQUEST, name) for name in REQUEST.__struct_fields__} | full
    call = encode_request(Request(**fields), NONE)
    assert call.url == "/v1/messages/count_tokens?beta=true"
    assert ("anthropic-beta", "b-1") in call.headers
    assert call.warnings == ()
    assert json.loads(call.body) == {
        "model": "m",
        "system": "s",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }


def test_request_comes_back() -> None:
    assert decode_request(encode_request(REQUEST, NONE), NONE) == REQUEST


def test_path_of_a_host_is_followed() -> None:
    assert encode_request(REQUEST, Quirks(path="/anthropic/messages")).url == "/anthropic/messages/count_tokens"


def test_request_without_messages_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="messages"):
        decode_request(call_of({"model": "m"}), NONE)


def test_count_comes_back_and_a_failing_answer_is_its_error() -> None:
    assert decode_reply(encode_reply(Usage(input_tokens=12), REQUEST, NONE), NONE).input_tokens == 12
    for body in (b"{}", b"", b"[]"):
        with pytest.raises(BadReply):
            decode_reply(Reply(200, (), body), NONE)
    with pytest.raises(AuthFailed):
        decode_reply(Reply(401, (), b"{}"), NONE)
