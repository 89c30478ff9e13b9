"""Cohere's own SDK as the client of our server role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from cohere import ClientV2
from cohere.core.api_error import ApiError
from cohere.errors import (
    BadRequestError,
    ForbiddenError,
    GatewayTimeoutError,
    InternalServerError,
    InvalidTokenError,
    NotFoundError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
    UnprocessableEntityError,
)

from dragoman.core.embedding import Embeddings
from dragoman.core.errors import (
    AuthFailed,
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    DragomanError,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaSpent,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
    Unsupported,
)
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
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Image, Message, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.ranking import Ranked, Ranking
from dragoman.core.request import JsonFormat, ReasoningOptions
from dragoman.core.usage import Usage
from dragoman.emulator import Scenario
from dragoman.emulator.operations import Operated
from tests.wire.served import Served, said, serving

ASK: list[Any] = [{"role": "user", "content": "Name a river."}]
ONCE: Any = {"max_retries": 0}
PLAN = {"cohere": {"tool_plan": True}}


@contextmanager
def served(scenario: Scenario | None = None, **operations: Operated) -> Iterator[tuple[ClientV2, Served]]:
    with serving("cohere", scenario, operations=operations) as server, httpx.Client() as http:
        yield ClientV2(api_key="any", base_url=server.root, httpx_client=http), server


SAID: tuple[Event, ...] = (
    Started(id="id-1"),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "A long"),
    ReasoningDelta(0, " one."),
    BlockEnded(0),
    BlockStarted(1, "text"),
    TextDelta(1, "Lo", (TokenLogprob("Lo", -0.5),)),
    TextDelta(1, "ire"),
    SourceAdded(Source(url="https://x.test", start=0, end=5), index=1),
    BlockEnded(1),
    Finished(FinishReason("stop"), Usage(input_tokens=7, output_tokens=3, cache_read_tokens=2)),
)


def test_whole_answer() -> None:
    with served(said(*SAID)) as (sdk, server):
        told = sdk.chat(
            model="command-a",
            messages=ASK,
            k=5,
            p=0.5,
            max_tokens=9,
            stop_sequences=["END"],
            thinking={"type": "enabled", "token_budget": 5},  # type: ignore[arg-type]  # the SDK takes dictionaries too
            response_format={"type": "json_object"},  # type: ignore[arg-type]  # likewise
            documents=["a document"],
            request_options=ONCE,
        )
    assert told.id == "id-1"
    assert told.message.content is not None
    assert [(block.type, getattr(block, block.type)) for block in told.message.content] == [("thinking", "A long one."), ("text", "Loire")]
    assert told.message.citations is not None
    assert (told.message.citations[0].start, told.message.citations[0].text) == (0, "Loire")
    assert told.finish_reason == "COMPLETE"
    assert told.usage is not None
    assert told.usage.tokens is not None
    assert (told.usage.tokens.input_tokens, told.usage.tokens.output_tokens, told.usage.cached_tokens) == (7, 3, 2)
    assert told.logprobs is not None
    assert (told.logprobs[0].text, told.logprobs[0].logprobs) == ("Lo", [-0.5])
    asked = server.asked[0]
    assert (asked.model, asked.messages) == ("command-a", (Message("user", (Text(text="Name a river."),)),))
    assert (asked.top_k, asked.top_p, asked.max_output_tokens, asked.stop) == (5, 0.5, 9, ("END",))
    assert (asked.reasoning, asked.response_format) == (ReasoningOptions(enabled=True, budget_tokens=5), JsonFormat())
    assert asked.extra == {"cohere": {"documents": ["a document"]}}
    assert not asked.stream


def test_streamed_answer() -> None:
    with served(said(*SAID)) as (sdk, server):
        events: list[Any] = list(sdk.chat_stream(model="m", messages=ASK, request_options=ONCE))
    assert [(event.type, getattr(event, "index", None)) for event in events] == [
        ("message-start", None),
        ("content-start", 0),
        ("content-delta", 0),
        ("content-delta", 0),
        ("content-end", 0),
        ("content-start", 1),
        ("content-delta", 1),
        ("content-delta", 1),
        ("citation-start", 0),
        ("citation-end", 0),
        ("content-end", 1),
        ("message-end", None),
    ]
    assert events[0].id == "id-1"
    assert [event.delta.message.content.thinking for event in events[2:4]] == ["A long", " one."]
    assert [event.delta.message.content.text for event in events[6:8]] == ["Lo", "ire"]
    assert events[6].logprobs.logprobs == [-0.5]
    assert events[8].delta.message.citations.sources[0].document == {"url": "https://x.test"}
    assert (events[-1].delta.finish_reason, events[-1].delta.usage.tokens.input_tokens) == ("COMPLETE", 7)
    assert server.asked[0].stream


CALLS: tuple[Event, ...] = (
    Started(id="id-2"),
    BlockStarted(0, "reasoning", extra=PLAN),
    ReasoningDelta(0, "I will look."),
    BlockEnded(0),
    BlockStarted(1, "tool", "call_1", "weather"),
    BlockStarted(2, "tool", "call_2", "weather"),
    ToolDelta(1, '{"city":'),
    ToolDelta(2, '{"city": "Bonn"}'),
    ToolDelta(1, ' "Köln"}'),
    BlockEnded(1),
    BlockEnded(2),
    Finished(FinishReason("tool_calls")),
)
TOOLS: list[Any] = [{"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": {"type": "object"}}}]


def test_parallel_tools_and_their_results() -> None:
    with served(said(*CALLS)) as (sdk, server):
        told = sdk.chat(model="m", messages=ASK, tools=TOOLS, tool_choice="REQUIRED", strict_tools=True, request_options=ONCE)
        calls = told.message.tool_calls or []
        turn = [*ASK, told.message]
        turn.append({"role": "tool", "tool_call_id": calls[0].id, "content": "sun"})
        turn.append(
            {"role": "tool", "tool_call_id": calls[1].id, "content": [{"type": "document", "document": {"data": {"sky": "rain"}}}]},
        )
        sdk.chat(model="m", messages=turn, tools=TOOLS, request_options=ONCE)
    assert (told.finish_reason, told.message.tool_plan) == ("TOOL_CALL", "I will look.")
    arguments = [(call.id, call.function.name, call.function.arguments) for call in calls if call.function]
    assert arguments == [("call_1", "weather", '{"city": "Köln"}'), ("call_2", "weather", '{"city": "Bonn"}')]
    first, second = server.asked
    assert (first.tool_choice, first.tools[0].strict, first.tools[0].name) == ("required", True, "weather")
    assert second.messages[1].parts == (
        Reasoning(text="I will look.", extra=PLAN),
        ToolCall(id="call_1", name="weather", arguments='{"city": "Köln"}'),
        ToolCall(id="call_2", name="weather", arguments='{"city": "Bonn"}'),
    )
    results = [part for part in second.messages[2].parts if isinstance(part, ToolResult)]
    assert [(result.id, [part.text for part in result.parts if isinstance(part, Text)]) for result in results] == [
        ("call_1", ["sun"]),
        ("call_2", ['{"sky":"rain"}']),
    ]


def test_parallel_tools_streamed() -> None:
    with served(said(*CALLS)) as (sdk, _):
        events: list[Any] = list(sdk.chat_stream(model="m", messages=ASK, tools=TOOLS, request_options=ONCE))
    assert [event.type for event in events] == [
        "message-start",
        "tool-plan-delta",
        *("tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call-end"),
        *("tool-call-start", "tool-call-delta", "tool-call-end"),
        "message-end",
    ]
    assert events[1].delta.message.tool_plan == "I will look."
    starts = [event.delta.message.tool_calls for event in events if event.type == "tool-call-start"]
    assert [(call.id, call.function.name) for call in starts] == [("call_1", "weather"), ("call_2", "weather")]
    pieces = ["", ""]
    for event in events:
        if event.type == "tool-call-delta":
            pieces[event.index] += event.delta.message.tool_calls.function.arguments
    assert pieces == ['{"city": "Köln"}', '{"city": "Bonn"}']


def test_pictures() -> None:
    parts: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
    ]
    with served(said(*SAID)) as (sdk, server):
        sdk.chat(model="m", messages=[{"role": "user", "content": parts}], request_options=ONCE)  # type: ignore[list-item]  # as above
    assert server.asked[0].messages[0].parts == (
        Text(text="What is it?"),
        Image(data=b"abc", media_type="image/png", detail="high"),
        Image(url="https://x.test/a.png"),
    )


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (BadRequest("no"), BadRequestError, 400),
        (Unsupported("no"), BadRequestError, 400),
        (ContextTooLong("no"), BadRequestError, 400),
        (BadRequest("no", status=422), UnprocessableEntityError, 422),
        (AuthFailed("no"), UnauthorizedError, 401),
        (QuotaSpent("no", status=402), ApiError, 402),
        (PermissionDenied("no"), ForbiddenError, 403),
        (ModelNotFound("no"), NotFoundError, 404),
        (RateLimited("no"), TooManyRequestsError, 429),
        (ContentFiltered("no", status=498), InvalidTokenError, 498),
        (ServerFault("no", status=500), InternalServerError, 500),
        (Overloaded("no"), ServiceUnavailableError, 503),
        (TimedOut("no"), GatewayTimeoutError, 504),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_each_error_is_the_sdks_own(error: DragomanError, kind: type[ApiError], status: int, stream: bool) -> None:
    with served(said(failure=error)) as (sdk, _), pytest.raises(kind) as caught:
        list(
            sdk.chat_stream(model="m", messages=ASK, request_options=ONCE)
            if stream
            else sdk.chat(model="m", messages=ASK, request_options=ONCE)
        )
    assert (caught.value.status_code, caught.value.body) == (status, {"message": "no"})


def test_failure_inside_a_stream_is_its_last_event() -> None:
    with served(said(*SAID[:-1], failure=StreamCut("cut off"))) as (sdk, _):
        events: list[Any] = list(sdk.chat_stream(model="m", messages=ASK, request_options=ONCE))
    assert (events[-1].type, events[-1].delta.finish_reason, events[-1].delta.error) == ("message-end", "ERROR", "cut off")


def test_embeddings() -> None:
    own = {"cohere": {"embeddings": {"int8": [[1, 2]]}}}
    answer = Embeddings(vectors=((0.5, -1.0),), id="e-1", usage=Usage(input_tokens=4), extra=own)
    with served(embed=lambda request: answer) as (sdk, server):
        told = sdk.embed(
            model="embed-v4.0",
            texts=["a"],
            input_type="search_query",
            embedding_types=["float", "int8"],
            output_dimension=256,
            request_options=ONCE,
        )
    assert (told.id, told.embeddings.float_, told.embeddings.int8, told.texts) == ("e-1", [[0.5, -1.0]], [[1, 2]], ["a"])
    assert told.meta is not None
    assert told.meta.billed_units is not None
    assert told.meta.billed_units.input_tokens == 4
    asked = server.operated
    assert (asked[0].inputs, asked[0].purpose, asked[0].encodings, asked[0].dimensions) == (("a",), "query", ("float", "int8"), 256)


def test_ranking() -> None:
    results = (Ranked(index=1, score=0.9), Ranked(index=0, score=0.25))
    answer = Ranking(results=results, id="r-1", raw_usage={"billed_units": {"search_units": 1}})
    with served(rank=lambda request: answer) as (sdk, server):
        told = sdk.rerank(model="rerank-v3.5", query="q", documents=["a", "b"], top_n=2, max_tokens_per_doc=9, request_options=ONCE)
    assert [(one.index, one.relevance_score) for one in told.results] == [(1, 0.9), (0, 0.25)]
    assert told.id == "r-1"
    asked = server.operated
    assert (asked[0].query, asked[0].documents, asked[0].top_n) == ("q", ("a", "b"), 2)
    assert asked[0].extra == {"cohere": {"max_tokens_per_doc": 9}}
