"""Ollama's own SDK as the client of our server role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ollama
import pytest

from dragoman.core.errors import (
    AuthFailed,
    BadRequest,
    ContextTooLong,
    DragomanError,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaSpent,
    RateLimited,
    ServerFault,
    StreamCut,
    Unsupported,
)
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Image, Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, ReasoningOptions
from dragoman.core.usage import Usage
from dragoman.emulator import Scenario
from tests.wire.served import Served, said, serving

PNG = b"\x89PNG\r\n\x1a\nrest"
ASK = [{"role": "user", "content": "Name a river."}]


@contextmanager
def served(scenario: Scenario) -> Iterator[tuple[ollama.Client, Served]]:
    with serving("ollama", scenario) as server:
        client = ollama.Client(host=server.root)
        try:
            yield client, server
        finally:
            client._client.close()


SAID: tuple[Event, ...] = (
    Started(model="qwen3", created_s=1761499281),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "A long"),
    ReasoningDelta(0, " one."),
    BlockEnded(0),
    BlockStarted(1, "text"),
    TextDelta(1, "Lo", (TokenLogprob("Lo", -0.5, (76, 111), (TokenLogprob("La", -1.5),)),)),
    TextDelta(1, "ire"),
    BlockEnded(1),
    Finished(FinishReason("stop", "end_turn"), Usage(input_tokens=7, output_tokens=3)),
)


def test_text_and_thinking_whole() -> None:
    with served(said(*SAID)) as (sdk, server):
        answer = sdk.chat("qwen3", ASK, think="low", options={"num_ctx": 4096, "temperature": 0.1}, keep_alive="1m", format="json")
    assert (answer.message.content, answer.message.thinking, answer.message.role) == ("Loire", "A long one.", "assistant")
    assert (answer.model, answer.created_at, answer.done, answer.done_reason) == ("qwen3", "2025-10-26T17:21:21Z", True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (7, 3)
    assert answer.logprobs is not None
    assert answer.logprobs[0].top_logprobs is not None
    assert (answer.logprobs[0].token, answer.logprobs[0].top_logprobs[0].logprob) == ("Lo", -1.5)
    asked = server.asked[0]
    assert (asked.model, asked.messages, asked.stream) == ("qwen3", (Message("user", (Text(text="Name a river."),)),), False)
    assert (asked.reasoning, asked.temperature, asked.response_format) == (ReasoningOptions(effort="low"), 0.1, JsonFormat())
    assert asked.extra == {"ollama": {"keep_alive": "1m", "options": {"num_ctx": 4096}}}


def test_text_and_thinking_streamed() -> None:
    with served(said(*SAID)) as (sdk, server):
        parts = list(sdk.chat("qwen3", ASK, stream=True, think=True))
    assert [part.message.thinking for part in parts] == ["A long", " one.", None, None, None]
    assert [part.message.content for part in parts] == ["", "", "Lo", "ire", ""]
    assert [part.done for part in parts] == [False, False, False, False, True]
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("stop", 3)
    assert server.asked[0].stream


@pytest.mark.parametrize("stream", [False, True])
def test_generate(stream: bool) -> None:
    with served(said(*SAID)) as (sdk, server):
        if stream:
            parts = list(sdk.generate("qwen3", "Name a river.", system="Be brief.", stream=True))
            text, thinking = ("".join(getattr(part, name) or "" for part in parts) for name in ("response", "thinking"))
            last = parts[-1]
        else:
            last = sdk.generate("qwen3", "Name a river.", system="Be brief.", images=[PNG], context=[1])
            text, thinking = last.response or "", last.thinking or ""
    assert (text, thinking, last.done_reason, last.prompt_eval_count) == ("Loire", "A long one.", "stop", 7)
    picture = () if stream else (Image(data=PNG, media_type="image/png"),)
    assert server.asked[0].messages == (
        Message("system", (Text(text="Be brief."),)),
        Message("user", (Text(text="Name a river."), *picture)),
    )
    assert server.asked[0].extra["ollama"]["generate"] == ({} if stream else {"context": [1]})


CALLS: tuple[Event, ...] = (
    Started(model="qwen3"),
    BlockStarted(0, "tool", "call_1", "weather"),
    BlockStarted(1, "tool", "call_2", "weather"),
    ToolDelta(0, '{"city":'),
    ToolDelta(1, '{"city": "Bonn"}'),
    ToolDelta(0, ' "Köln"}'),
    BlockEnded(0),
    BlockEnded(1),
    Finished(FinishReason("tool_calls", "tool_calls")),
)


def weather(city: str) -> str:
    """The weather in a city.

    Args:
      city: its name
    """
    return f"sun in {city}"


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_and_their_results(stream: bool) -> None:
    with served(said(*CALLS)) as (sdk, server):
        if stream:
            messages = [part.message for part in sdk.chat("qwen3", ASK, tools=[weather], stream=True)]
            calls = [call for message in messages for call in message.tool_calls or ()]
        else:
            calls = list(sdk.chat("qwen3", ASK, tools=[weather]).message.tool_calls or ())
        turn: list[Any] = [*ASK, {"role": "assistant", "thinking": "Two.", "tool_calls": calls}]
        turn += [{"role": "tool", "tool_name": call.function.name, "content": weather(**call.function.arguments)} for call in calls]
        sdk.chat("qwen3", turn, tools=[weather])
    assert [call.function.arguments for call in calls] == [{"city": "Köln"}, {"city": "Bonn"}]
    assert server.asked[0].tools[0].name == "weather"
    assert server.asked[0].tools[0].parameters is not None
    assert server.asked[0].tools[0].parameters["properties"]["city"]["type"] == "string"
    asked, results = server.asked[1].messages[1:]
    first, second = asked.parts[1], asked.parts[2]
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert asked.parts[0] == Reasoning(text="Two.")
    assert (first.name, first.arguments, second.arguments) == ("weather", '{"city":"Köln"}', '{"city":"Bonn"}')
    assert results.parts == (
        ToolResult(id=first.id, parts=(Text(text="sun in Köln"),), name="weather"),
        ToolResult(id=second.id, parts=(Text(text="sun in Bonn"),), name="weather"),
    )
    assert first.id != second.id


def test_pictures_and_a_schema() -> None:
    schema = {"type": "object", "properties": {"river": {"type": "string"}}}
    with served(said(*SAID)) as (sdk, server):
        sdk.chat("qwen3", [{"role": "user", "content": "What is it?", "images": [PNG]}], format=schema)
    assert server.asked[0].messages[0].parts == (Text(text="What is it?"), Image(data=PNG, media_type="image/png"))
    assert server.asked[0].response_format == JsonFormat(schema=schema)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadRequest("no"), 400),
        (Unsupported("no"), 400),
        (AuthFailed("no"), 401),
        (PermissionDenied("no"), 403),
        (ModelNotFound("no", status=404), 404),
        (ContextTooLong("no"), 400),
        (RateLimited("no"), 429),
        (QuotaSpent("no", status=402), 402),
        (ServerFault("no", status=500), 500),
        (ServerFault("no"), 502),
        (Overloaded("no"), 503),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_each_error_is_the_sdks_with_its_status(error: DragomanError, status: int, stream: bool) -> None:
    with served(said(failure=error)) as (sdk, _), pytest.raises(ollama.ResponseError) as caught:
        list(sdk.chat("qwen3", ASK, stream=True)) if stream else sdk.chat("qwen3", ASK)
    assert (caught.value.status_code, caught.value.error) == (status, "no")


def test_failure_inside_a_stream_is_raised_after_what_was_said() -> None:
    with served(said(*SAID[:-1], failure=StreamCut("cut off"))) as (sdk, _):
        parts = sdk.chat("qwen3", ASK, stream=True)
        assert [next(parts).message.content for _ in range(4)] == ["", "", "Lo", "ire"]
        with pytest.raises(ollama.ResponseError, match="cut off"):
            next(parts)


def test_wrong_request_is_refused_with_the_fields_name() -> None:
    refused = pytest.raises(ollama.ResponseError, match=r"messages\[0\].role: 'robot' was given")
    with served(said(*SAID)) as (sdk, _), refused as caught:
        sdk.chat("qwen3", [{"role": "robot", "content": "a"}])
    assert caught.value.status_code == 400
