"""The vendor's own types as judge: of the requests that the client role writes, and of the answers of the server role.

The SDK's client reads leniently; here its models validate. Nested iterables of its request types are checked only as they are consumed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message as WholeMessage
from anthropic.types import RawMessageStreamEvent, message_count_tokens_params, message_create_params
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.beta import message_create_params as beta_create_params
from pydantic import TypeAdapter, ValidationError

from dragoman.core.messages import File, Image, Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire import anthropic_messages, openai_chat
from dragoman.wire.anthropic_messages import count
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases

from .streams import NAME, call_of, records, written
from .test_recorded import ANSWERS, asked_in, told_of
from .test_sdk_client import EVERYTHING

WHOLE: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParamsNonStreaming)
STREAMED: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParamsStreaming)
BETA: TypeAdapter[Any] = TypeAdapter(beta_create_params.MessageCreateParamsBase)
COUNTED: TypeAdapter[Any] = TypeAdapter(message_count_tokens_params.MessageCountTokensParams)
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
BETA_EVENT: TypeAdapter[Any] = TypeAdapter(BetaRawMessageStreamEvent)

SPOKEN = (
    Reasoning(text="Hm", signature="c2ln"),
    Reasoning(redacted_data="ZGF0YQ=="),
    Text(text="a"),
    ToolCall(id="t", name="f", arguments='{"x": 1}'),
)
SHOWN = (
    Text(text="a", extra={NAME: {"cache_control": {"type": "ephemeral"}}}),
    Image(data=b"PNG", media_type="image/png"),
    Image(url="https://x.test/a.png"),
    Image(file_id="file_1"),
    File(data=b"PDF", media_type="application/pdf", name="T"),
    File(data=b"a,b", media_type="text/csv", extra={NAME: {"citations": {"enabled": True}}}),
    File(url="https://x.test/a.pdf"),
    File(file_id="file_1"),
)
FULL = Request(
    model="claude-1",
    messages=(
        Message("system", (Text(text="s"), Text(text="s"))),
        Message("user", SHOWN),
        Message("assistant", SPOKEN),
        Message("tool", (ToolResult(id="t", parts=(Text(text="1"), SHOWN[1]), is_error=True),)),
        Message("user", (Text(text="b"),)),
        Message("system", (Text(text="late"),)),
    ),
    tools=(Tool(name="f", description="d", parameters={"type": "object"}, strict=True), Tool(name="g")),
    tool_choice=NamedTool("f"),
    parallel_tool_calls=False,
    response_format=JsonFormat(schema={"type": "object"}),
    reasoning=ReasoningOptions(effort="high", enabled=True, summary="auto"),
    stop=("###",),
    user="u",
    extra={NAME: {"tools": [{"type": "web_search_20250305", "name": "web_search"}, {"type": "bash_20250124", "name": "bash"}]}},
)


def consume(value: Any) -> Any:
    """``value`` with every lazy iterable in it read to its end."""
    if isinstance(value, dict):
        return {name: consume(inner) for name, inner in value.items()}
    if isinstance(value, (str, bytes, int, float, type(None))):
        return value
    return [consume(inner) for inner in value]


@pytest.mark.parametrize("stream", [True, False])
def test_full_request_is_one_of_the_vendors(stream: bool) -> None:
    fields = {name: getattr(FULL, name) for name in FULL.__struct_fields__} | {"stream": stream}
    body = json.loads(anthropic_messages.encode_request(Request(**fields), NONE).body)
    judge = STREAMED if stream else WHOLE
    assert consume(judge.validate_python(body)) == body
    assert consume(BETA.validate_python(body)) == {name: value for name, value in body.items() if name != "stream"}


def test_judge_of_requests_does_judge() -> None:
    body = json.loads(anthropic_messages.encode_request(FULL, NONE).body)
    body["messages"][0]["content"][1]["source"]["media_type"] = "image/novel"
    with pytest.raises(ValidationError):
        consume(WHOLE.validate_python(body))


@pytest.mark.parametrize(
    "reasoning",
    [
        ReasoningOptions(budget_tokens=2000),
        ReasoningOptions(enabled=False),
        ReasoningOptions(enabled=True, summary="auto"),
        ReasoningOptions(effort="minimal"),
        ReasoningOptions(effort="none"),
    ],
)
def test_every_form_of_thinking_is_one_of_the_vendors(reasoning: ReasoningOptions) -> None:
    request = Request(model="m", messages=FULL.messages[1:2], reasoning=reasoning)
    body = json.loads(anthropic_messages.encode_request(request, NONE).body)
    assert consume(WHOLE.validate_python(body)) == body


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
@pytest.mark.parametrize("parallel", [True, False, None])
def test_every_choice_of_a_tool_is_one_of_the_vendors(choice: Any, parallel: bool | None) -> None:
    request = Request(model="m", messages=FULL.messages[1:2], tools=FULL.tools, tool_choice=choice, parallel_tool_calls=parallel)
    body = json.loads(anthropic_messages.encode_request(request, NONE).body)
    assert consume(WHOLE.validate_python(body)) == body


def test_request_of_openais_caller_becomes_one_of_the_vendors() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
            },
            {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "t", "content": "1"},
            {"role": "user", "content": "b"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "parallel_tool_calls": False,
        "reasoning_effort": "high",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    call = anthropic_messages.encode_request(openai_chat.decode_request(call_of(body), NONE), NONE)
    assert call.warnings == ()
    told = json.loads(call.body)
    assert consume(STREAMED.validate_python(told)) == told
    assert [turn["role"] for turn in told["messages"]] == ["user", "assistant", "user"]


def test_request_for_a_count_is_one_of_the_vendors() -> None:
    body = json.loads(count.encode_request(FULL, NONE).body)
    assert consume(COUNTED.validate_python(body)) == body


@pytest.mark.parametrize("exchange", ANSWERS)
def test_recorded_request_written_again_is_one_of_the_vendors(exchange: Exchange) -> None:
    call = anthropic_messages.encode_request(anthropic_messages.decode_request(asked_in(exchange), NONE), NONE)
    consume(BETA.validate_python(json.loads(call.body)))


def test_answer_of_another_vendor_is_one_of_the_vendors() -> None:
    WholeMessage.model_validate_json(written(EVERYTHING, stream=False), strict=True)
    for record in records(written(EVERYTHING)):
        EVENT.validate_python(record, strict=True)


@pytest.mark.parametrize("exchange", cases("anthropic.messages.stream", "anthropic.messages.json"))
def test_recorded_answer_written_again_is_one_of_the_vendors(exchange: Exchange) -> None:
    events = told_of(exchange).events
    BetaMessage.model_validate(with_fetches(json.loads(written(events, stream=False))))
    for record in records(written(events)):
        BETA_EVENT.validate_python(with_fetches(record))


def with_fetches(record: dict[str, Any]) -> dict[str, Any]:
    """Older recordings lack a count that the vendor's types have required since."""
    searched = record.get("usage", {}).get("server_tool_use")
    if searched:
        searched.setdefault("web_fetch_requests", 0)
    return record
