"""The vendor's own SDK as client of the server role: what it makes of our answers, and what we make of its requests."""

from __future__ import annotations

import base64
from typing import Any

import anthropic
import msgspec
import pytest

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.exchange import header
from dragoman.core.fold import fold
from dragoman.core.messages import File, Image, Message, Opaque, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.request import NamedTool, ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage
from dragoman.wire import anthropic_messages
from dragoman.wire.quirks import NONE
from tests.wire.served import said

from .client import served
from .streams import NAME

ASK: dict[str, Any] = {"model": "claude-1", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
SEARCHED = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [], "caller": {"type": "direct"}}
EVERYTHING: tuple[Event, ...] = (
    Started(id="msg_1", model="claude-1"),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "Hm, "),
    ReasoningDelta(0, "rivers"),
    BlockEnded(0, "c2ln"),
    BlockStarted(1, "reasoning", redacted_data="ZGF0YQ=="),
    BlockEnded(1),
    BlockStarted(2, "opaque", extra={NAME: {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "q"}}}),
    BlockEnded(2),
    BlockStarted(3, "opaque", extra={NAME: SEARCHED}),
    BlockEnded(3),
    BlockStarted(4, "text"),
    TextDelta(4, "Loi"),
    SourceAdded(Source(url="https://x.test", title="X", quote="q"), 0, 4),
    TextDelta(4, "re 🌊"),
    BlockEnded(4),
    BlockStarted(5, "tool", "call-1", "weather"),
    BlockStarted(6, "tool", "call-2", "now"),
    ToolDelta(5, '{"city": '),
    BlockEnded(6),
    ToolDelta(5, '"Nantes"}'),
    BlockEnded(5),
    Finished(
        FinishReason("tool_calls", "tool_calls"),
        Usage(input_tokens=100, cache_read_tokens=60, cache_write_tokens=10, output_tokens=9, reasoning_tokens=2),
    ),
)


def check_everything(message: Any) -> None:
    kinds = ["thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result", "text", "tool_use", "tool_use"]
    assert [block.type for block in message.content] == kinds
    thinking, redacted, asked, found, text, weather, now = message.content
    assert (thinking.thinking, thinking.signature, redacted.data) == ("Hm, rivers", "c2ln", "ZGF0YQ==")
    assert (asked.input, found.tool_use_id) == ({"query": "q"}, "srv_1")
    assert (text.text, text.citations[0].url, text.citations[0].cited_text) == ("Loire 🌊", "https://x.test", "q")
    assert (weather.id, weather.name, weather.input) == ("call-1", "weather", {"city": "Nantes"})
    assert (now.id, now.input) == ("call-2", {})
    assert (message.id, message.model, message.role, message.stop_reason) == ("msg_1", "claude-1", "assistant", "tool_use")
    usage = message.usage
    counted = (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens, usage.output_tokens)
    assert counted == (30, 60, 10, 9)
    assert usage.output_tokens_details.thinking_tokens == 2


def test_whole_answer() -> None:
    with served(said(*EVERYTHING)) as (client, _):
        message = client.messages.create(**ASK)
    check_everything(message)
    assert message._request_id == "req_emulated_1"


def test_streamed_answer_that_the_client_puts_together() -> None:
    with served(said(*EVERYTHING)) as (client, server), client.messages.stream(**ASK) as stream:
        texts = list(stream.text_stream)
        check_everything(stream.get_final_message())
    assert texts == ["Loi", "re 🌊"]
    assert server.asked[0].stream


def test_streamed_answer_event_by_event() -> None:
    with served(said(*EVERYTHING)) as (client, _), client.messages.create(**ASK, stream=True) as stream:
        kinds = [event.type for event in stream]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 7


def test_beta_client_gets_the_same_and_its_flags_arrive() -> None:
    with served(said(*EVERYTHING)) as (client, server):
        check_everything(client.beta.messages.create(**ASK, betas=["context-1m-2025-08-07", "x-1"]))
        with client.beta.messages.stream(**ASK) as stream:
            check_everything(stream.get_final_message())
    assert server.asked[0].extra[NAME]["betas"] == ["context-1m-2025-08-07", "x-1"]
    assert "betas" not in server.asked[1].extra.get(NAME, {})


def test_answer_that_the_client_sends_back_is_the_answer_that_was_given() -> None:
    with served(said(*EVERYTHING)) as (client, server):
        message = client.messages.create(**ASK)
        results = [{"type": "tool_result", "tool_use_id": id, "content": "1"} for id in ("call-1", "call-2")]
        history = [*ASK["messages"], {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        client.messages.create(**{**ASK, "messages": history})
    spoken = server.asked[1].messages[1].parts
    given = fold(EVERYTHING).parts
    assert [type(part) for part in spoken] == [Reasoning, Reasoning, Opaque, Opaque, Text, Source, ToolCall, ToolCall]
    assert spoken[:2] == given[:2]
    assert (spoken[6], spoken[7]) == (
        ToolCall(id="call-1", name="weather", arguments='{"city":"Nantes"}'),
        ToolCall(id="call-2", name="now", arguments="{}"),
    )
    assert server.asked[1].messages[2] == Message(
        "tool", (ToolResult(id="call-1", parts=(Text(text="1"),)), ToolResult(id="call-2", parts=(Text(text="1"),)))
    )


def test_what_the_client_asks_is_what_we_read() -> None:
    png = base64.b64encode(b"PNG").decode()
    with served(said(*EVERYTHING)) as (client, server):
        client.messages.create(
            model="claude-1",
            max_tokens=4000,
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}},
                        {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}, "title": "T"},
                        {"type": "text", "text": "What is this?"},
                    ],
                }
            ],
            tools=[
                {"name": "f", "description": "d", "input_schema": {"type": "object"}},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 1},
            ],
            tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            thinking={"type": "adaptive"},
            output_config={"effort": "low"},
            stop_sequences=["###"],
            metadata={"user_id": "u"},
            service_tier="auto",
        )
    assert [without_version(request) for request in server.asked] == [
        Request(
            model="claude-1",
            messages=(
                Message("system", (Text(text="Be brief.", extra={NAME: {"cache_control": {"type": "ephemeral"}}}),)),
                Message(
                    "user",
                    (Image(data=b"PNG", media_type="image/png"), File(url="https://x.test/a.pdf", name="T"), Text(text="What is this?")),
                ),
            ),
            max_output_tokens=4000,
            tools=(Tool(name="f", description="d", parameters={"type": "object"}),),
            tool_choice=NamedTool("f"),
            parallel_tool_calls=False,
            reasoning=ReasoningOptions(effort="low", enabled=True),
            stop=("###",),
            user="u",
            extra={NAME: {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}], "service_tier": "auto"}},
        )
    ]


def without_version(request: Request) -> Request:
    """Each major version of the SDK asks for the version of the wire that was current when it came out."""
    own = {name: value for name, value in request.extra[NAME].items() if name != "version"}
    return msgspec.structs.replace(request, extra={NAME: own})


def test_version_that_the_client_asks_for_is_kept_where_it_is_not_the_customary_one() -> None:
    with served(said(*EVERYTHING)) as (client, server):
        client.messages.create(**ASK)
    asked_for = header(server.calls[0].headers, "anthropic-version")
    again = anthropic_messages.encode_request(server.asked[0], NONE)
    assert header(again.headers, "anthropic-version") == asked_for


def test_counting() -> None:
    with served(count_tokens=lambda request: Usage(input_tokens=42)) as (client, server):
        assert client.messages.count_tokens(model="claude-1", messages=ASK["messages"], system="s").input_tokens == 42
        assert client.beta.messages.count_tokens(model="claude-1", messages=ASK["messages"]).input_tokens == 42
    assert [message.role for message in server.operated[0].messages] == ["system", "user"]


ERRORS: list[tuple[DragomanError, type[anthropic.APIStatusError], str]] = [
    (errors.BadRequest("no"), anthropic.BadRequestError, "invalid_request_error"),
    (errors.AuthFailed("no"), anthropic.AuthenticationError, "authentication_error"),
    (errors.MissingKey("no"), anthropic.AuthenticationError, "authentication_error"),
    (errors.QuotaSpent("no", status=429), anthropic.APIStatusError, "billing_error"),
    (errors.PermissionDenied("no"), anthropic.PermissionDeniedError, "permission_error"),
    (errors.ModelNotFound("no"), anthropic.NotFoundError, "not_found_error"),
    (errors.RateLimited("no", retry_after_s=1), anthropic.RateLimitError, "rate_limit_error"),
    (errors.ContextTooLong("prompt is too long: no"), anthropic.BadRequestError, "invalid_request_error"),
    (errors.Overloaded("no"), anthropic.APIStatusError, "overloaded_error"),
    (errors.ServerFault("no"), anthropic.InternalServerError, "api_error"),
    (errors.TimedOut("no"), anthropic.APIStatusError, "timeout_error"),
    (errors.StreamCut("no"), anthropic.APIStatusError, "api_error"),
]


@pytest.mark.parametrize(("error", "kind", "word"), ERRORS, ids=[type(error).__name__ for error, _, _ in ERRORS])
def test_each_error_is_the_clients_own(error: DragomanError, kind: type[anthropic.APIStatusError], word: str) -> None:
    error.request_id = "req_1"
    with served(said(failure=error)) as (client, _), pytest.raises(kind) as caught:
        client.messages.create(**ASK)
    assert (caught.value.type, caught.value.request_id, caught.value.status_code) == (word, "req_1", caught.value.response.status_code)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["message"] == error.message


def test_error_in_the_midst_of_a_stream_reaches_the_client_after_the_text_that_came() -> None:
    started = (Started(), BlockStarted(0, "text"), TextDelta(0, "Loi"))
    texts: list[str] = []
    with served(said(*started, failure=errors.Overloaded("busy"))) as (client, _), client.messages.stream(**ASK) as stream:
        with pytest.raises(anthropic.APIStatusError) as caught:
            texts.extend(stream.text_stream)
        assert texts == ["Loi"]
    assert caught.value.type == "overloaded_error"


def test_request_that_is_refused_names_the_field() -> None:
    with served(said(*EVERYTHING)) as (client, _), pytest.raises(anthropic.BadRequestError, match=r"messages\[0\].role"):
        client.messages.create(**{**ASK, "messages": [{"role": "tool", "content": "x"}]})
