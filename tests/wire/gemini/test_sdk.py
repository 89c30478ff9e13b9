"""Google's own SDK as a client of the server role, and its types as judges of what the client role sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="Google's SDK is not installed")

from google import genai
from google.genai import errors as sdk_errors
from google.genai import types

from dragoman.core import errors
from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import DragomanError
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Image, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, ReasoningOptions, Request
from dragoman.core.usage import Usage
from dragoman.emulator import Scenario
from dragoman.emulator.operations import Operated
from tests.wire.gemini.roles import NAME, body_of, request
from tests.wire.gemini.test_request import CONVERSATION, FULL
from tests.wire.served import Served, said, serving

MODEL = "gemini-2.5-flash"
STARTED = Started(id="r1", model=MODEL)
USAGE = Usage(input_tokens=5, cache_read_tokens=2, output_tokens=7, reasoning_tokens=3)
STOP = Finished(FinishReason("stop", "stop"), USAGE)


def saying(*events: Event) -> Scenario:
    return said(STARTED, *events)


@contextmanager
def client_of(scenario: Scenario, version: str = "v1beta", **operations: Operated) -> Iterator[tuple[genai.Client, Served]]:
    with serving(NAME, scenario, bases=("/v1beta", "/v1"), operations=operations) as served:
        options = types.HttpOptions(base_url=served.root, api_version=version, retry_options=types.HttpRetryOptions(attempts=1))
        client = genai.Client(api_key="k", http_options=options)
        yield client, served
        client.close()


TEXT = saying(BlockStarted(0, "text"), TextDelta(0, "Lo"), TextDelta(0, "ire 🌊"), BlockEnded(0), STOP)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_text_whole_and_streamed(version: str) -> None:
    with client_of(TEXT, version) as (client, served):
        answer = client.models.generate_content(model=MODEL, contents="Hi")
        pieces = list(client.models.generate_content_stream(model=MODEL, contents="Hi"))
    assert answer.text == "Loire 🌊"
    assert [piece.text for piece in pieces] == ["Lo", "ire 🌊", ""]
    for last in (answer, pieces[-1]):
        assert last.candidates is not None
        assert last.candidates[0].finish_reason == types.FinishReason.STOP
        usage = last.usage_metadata
        assert usage is not None
        counts = (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count, usage.thoughts_token_count)
        assert (*counts, usage.total_token_count) == (5, 2, 4, 3, 12)
        assert (last.model_version, last.response_id) == (MODEL, "r1")
    assert [asked.stream for asked in served.asked] == [False, True]
    assert all(asked.messages[0].text == "Hi" for asked in served.asked)


def test_text_in_the_asynchronous_colour() -> None:
    async def ask(client: genai.Client) -> str:
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents="Hi")
        text = "".join([piece.text or "" async for piece in stream])
        await client.aio.aclose()
        return text

    with client_of(TEXT) as (client, _):
        assert asyncio.run(ask(client)) == "Loire 🌊"


def test_chat_keeps_what_was_streamed() -> None:
    """The SDK forgets turns in which any chunk has no content."""
    with client_of(TEXT) as (client, served):
        chat = client.chats.create(model=MODEL)
        for _ in range(2):
            assert list(chat.send_message_stream("Hi"))
    assert [message.role for message in served.asked[1].messages][:2] == ["user", "assistant"]
    assert "".join(message.text for message in served.asked[1].messages if message.role == "assistant") == "Loire 🌊"
    assert len(chat.get_history(curated=True)) > 2


SIGNED = {NAME: {"thoughtSignature": "c2lnbmVk"}}
CALLS = (
    BlockStarted(0, "tool", "toolu_1", "weather", extra=SIGNED),
    BlockStarted(1, "tool", "gemini_1_r1", "weather"),
    ToolDelta(0, '{"city": '),
    ToolDelta(1, '{"city": "Rome"}'),
    ToolDelta(0, '"Paris"}'),
    BlockEnded(0),
    BlockEnded(1),
    Finished(FinishReason("tool_calls", "tool_use"), USAGE),
)
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="The weather",
            parameters=types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]),
        ),
        types.FunctionDeclaration(name="other", parameters_json_schema={"type": "object"}),
    ]
)


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls_and_their_results(stream: bool) -> None:
    def scenario(asked: Request) -> Iterator[Event]:
        return iter(
            (STARTED, *(CALLS if len(asked.messages) == 1 else (BlockStarted(0, "text"), TextDelta(0, "Sunny."), BlockEnded(0), STOP)))
        )

    config = types.GenerateContentConfig(tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))
    with client_of(scenario) as (client, served):

        def ask(contents: Any) -> list[types.Part]:
            if not stream:
                whole = client.models.generate_content(model=MODEL, contents=contents, config=config)
                return list(whole.parts or [])
            pieces = client.models.generate_content_stream(model=MODEL, contents=contents, config=config)
            return [part for piece in pieces for part in piece.parts or [] if part.text != ""]

        said = ask("Weather?")
        calls = [part.function_call for part in said]
        assert [(call.id, call.name, call.args) for call in calls if call] == [
            ("toolu_1", "weather", {"city": "Paris"}),
            (None, "weather", {"city": "Rome"}),
        ]
        assert [part.thought_signature for part in said] == [b"signed", None]
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": city}))
            for call, city in zip(calls, ("rain", "sun"), strict=True)
            if call
        ]
        history = [types.Content(role="user", parts=[types.Part(text="Weather?")]), types.Content(role="model", parts=said)]
        assert [part.text for part in ask([*history, types.Content(role="user", parts=results)])] == ["Sunny."]
    first, second = served.asked
    assert [tool.name for tool in first.tools] == ["weather", "other"]
    assert first.tools[0].parameters == {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    asked, answered = second.messages[1].parts, second.messages[2].parts
    assert [(part.id, json.loads(part.arguments)) for part in asked if isinstance(part, ToolCall)] == [
        ("toolu_1", {"city": "Paris"}),
        ("gemini_1", {"city": "Rome"}),
    ]
    assert [(part.id, part.parts) for part in answered if isinstance(part, ToolResult)] == [
        ("toolu_1", (Text(text="rain"),)),
        ("gemini_1", (Text(text="sun"),)),
    ]
    assert asked[0].extra == SIGNED


def test_function_of_the_users_is_called_by_the_sdk() -> None:
    def weather(city: str) -> str:
        """The weather."""
        return f"sun in {city}"

    def scenario(asked: Request) -> Iterator[Event]:
        return iter(
            (STARTED, *(CALLS if len(asked.messages) == 1 else (BlockStarted(0, "text"), TextDelta(0, "Sunny."), BlockEnded(0), STOP)))
        )

    with client_of(scenario) as (client, served):
        answer = client.models.generate_content(model=MODEL, contents="Weather?", config=types.GenerateContentConfig(tools=[weather]))
    assert answer.text == "Sunny."
    results = [part for message in served.asked[1].messages for part in message.parts if isinstance(part, ToolResult)]
    assert [part.parts for part in results] == [(Text(text=f'{{"result":"sun in {city}"}}'),) for city in ("Paris", "Rome")]


def test_pictures_in_and_out() -> None:
    picture = bytes(range(256))
    scenario = saying(
        BlockStarted(0, "image", media_type="image/png"), MediaDelta(0, picture[:99]), MediaDelta(0, picture[99:]), BlockEnded(0), STOP
    )
    with client_of(scenario) as (client, served):
        contents: Any = [
            "Look",
            types.Part.from_bytes(data=picture, mime_type="image/png"),
            types.Part.from_uri(file_uri="gs://a/b.png", mime_type="image/png"),
        ]
        answers = [
            client.models.generate_content(model=MODEL, contents=contents),
            *client.models.generate_content_stream(model=MODEL, contents=contents),
        ]
    blobs = [part.inline_data for answer in answers for part in answer.parts or [] if part.inline_data]
    assert [(blob.data, blob.mime_type) for blob in blobs] == [(picture, "image/png")] * 2
    assert served.asked[0].messages[0].parts[1:] == (
        Image(data=picture, media_type="image/png"),
        Image(url="gs://a/b.png", media_type="image/png"),
    )


def test_thoughts_sources_and_logprobs() -> None:
    scenario = saying(
        BlockStarted(0, "reasoning"),
        ReasoningDelta(0, "hm"),
        BlockEnded(0),
        BlockStarted(1, "text", extra=SIGNED),
        TextDelta(1, "Größe", (TokenLogprob("Größe", -0.5),)),
        BlockEnded(1),
        SourceAdded(Source(url="https://a.test", title="A", start=0, end=5)),
        STOP,
    )
    with client_of(scenario) as (client, _):
        answer = client.models.generate_content(model=MODEL, contents="Hi")
        pieces = list(client.models.generate_content_stream(model=MODEL, contents="Hi"))
    for parts in (answer.parts, [part for piece in pieces for part in piece.parts or []]):
        assert parts is not None
        assert [(part.text, part.thought, part.thought_signature) for part in parts][:2] == [("hm", True, None), ("Größe", None, b"signed")]
    for last in (answer, pieces[-1]):
        assert last.candidates is not None
        grounding = last.candidates[0].grounding_metadata
        assert grounding is not None
        assert grounding.grounding_chunks is not None
        assert grounding.grounding_chunks[0].web == types.GroundingChunkWeb(uri="https://a.test", title="A")
        assert grounding.grounding_supports is not None
        assert grounding.grounding_supports[0].segment == types.Segment(start_index=0, end_index=7, text="Größe")
    assert answer.candidates is not None
    assert answer.candidates[0].logprobs_result is not None
    assert answer.candidates[0].logprobs_result.chosen_candidates == [types.LogprobsResultCandidate(token="Größe", log_probability=-0.5)]


def test_configuration_arrives() -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        top_p=0.25,
        top_k=40,
        candidate_count=2,
        max_output_tokens=10,
        stop_sequences=["a"],
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        response_logprobs=True,
        logprobs=3,
        response_mime_type="application/json",
        response_schema=types.Schema(type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.INTEGER)}),
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=128),
        tools=[WEATHER, types.Tool(google_search=types.GoogleSearch())],
        tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)),
        safety_settings=[
            types.SafetySetting(category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_NONE)
        ],
        cached_content="cachedContents/1",
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    with client_of(TEXT) as (client, served):
        client.models.generate_content(model=MODEL, contents="Hi", config=config)
    (asked,) = served.asked
    told = (asked.temperature, asked.top_p, asked.top_k, asked.n, asked.max_output_tokens, asked.stop, asked.seed)
    assert told == (0.5, 0.25, 40, 2, 10, ("a",), 7)
    assert (asked.presence_penalty, asked.frequency_penalty, asked.logprobs, asked.top_logprobs) == (0.5, 0.25, True, 3)
    assert asked.response_format == JsonFormat(schema={"type": "object", "properties": {"a": {"type": "integer"}}})
    assert asked.reasoning == ReasoningOptions(budget_tokens=128, summary="auto")
    assert (asked.tool_choice, asked.messages[0].role, asked.messages[0].text) == ("required", "system", "Be brief.")
    assert asked.extra[NAME]["tools"] == [{"googleSearch": {}}]
    assert asked.extra[NAME]["cachedContent"] == "cachedContents/1"
    assert asked.extra[NAME]["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (errors.BadRequest("why"), sdk_errors.ClientError, "INVALID_ARGUMENT"),
        (errors.MissingKey("why"), sdk_errors.ClientError, "UNAUTHENTICATED"),
        (errors.UnknownModel("why"), sdk_errors.ClientError, "NOT_FOUND"),
        (errors.RateLimited("why", retry_after_s=30), sdk_errors.ClientError, "RESOURCE_EXHAUSTED"),
        (errors.QuotaSpent("why"), sdk_errors.ClientError, "RESOURCE_EXHAUSTED"),
        (errors.AuthFailed("why"), sdk_errors.ClientError, "UNAUTHENTICATED"),
        (errors.PermissionDenied("why"), sdk_errors.ClientError, "PERMISSION_DENIED"),
        (errors.ModelNotFound("why"), sdk_errors.ClientError, "NOT_FOUND"),
        (errors.ContextTooLong("why"), sdk_errors.ClientError, "INVALID_ARGUMENT"),
        (errors.ContentFiltered("why"), sdk_errors.ClientError, "INVALID_ARGUMENT"),
        (errors.Overloaded("why"), sdk_errors.ServerError, "UNAVAILABLE"),
        (errors.ServerFault("why"), sdk_errors.ServerError, "INTERNAL"),
        (errors.BadReply("why"), sdk_errors.ServerError, "INTERNAL"),
        (errors.TimedOut("why"), sdk_errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors_at_the_start_and_in_the_midst(error: DragomanError, kind: type[sdk_errors.APIError], status: str) -> None:
    amid = said(STARTED, BlockStarted(0, "text"), TextDelta(0, "Lo"), failure=error)
    with client_of(said(failure=error)) as (client, _), pytest.raises(kind) as whole:
        client.models.generate_content(model=MODEL, contents="Hi")
    assert (whole.value.code, whole.value.status, whole.value.message) == (error.answer_status, status, "why")
    with client_of(amid) as (client, _):
        stream = client.models.generate_content_stream(model=MODEL, contents="Hi")
        assert next(stream).text == "Lo"
        with pytest.raises(kind) as streamed:
            next(stream)
    assert (streamed.value.code, streamed.value.status, streamed.value.message) == (error.answer_status, status, "why")


def test_blocked_prompt_is_shown_as_the_vendor_does() -> None:
    with client_of(said(failure=errors.ContentFiltered("why", code="PROHIBITED_CONTENT"))) as (client, _):
        answer = client.models.generate_content(model=MODEL, contents="Hi")
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert answer.text is None


def test_malformed_request_is_told_to_the_sdk() -> None:
    with client_of(TEXT) as (client, _), pytest.raises(sdk_errors.ClientError, match=r"contents\[0\].role"):
        client.models.generate_content(model=MODEL, contents=[types.Content(role="system", parts=[types.Part(text="a")])])


def test_counting_and_embedding() -> None:
    def embed(asked: EmbedRequest) -> Embeddings:
        return Embeddings(vectors=tuple((float(i), 0.5) for i, _ in enumerate(asked.inputs)))

    counted = Usage(input_tokens=12, cache_read_tokens=4)
    with client_of(TEXT, embed=embed, count_tokens=lambda asked: counted) as (client, served):
        count = client.models.count_tokens(model=MODEL, contents="Hi")
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
        embedded = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)
    assert (count.total_tokens, count.cached_content_token_count) == (12, 4)
    assert [one.values for one in embedded.embeddings or []] == [[0.0, 0.5], [1.0, 0.5]]
    _, asked = served.operated
    assert (asked.inputs, asked.purpose, asked.dimensions) == (("a", "b"), "query", 2)


# --- its types as judges ----------------------------------------------------------------------------------------------------------------


def test_sdk_types_take_what_the_client_role_sends() -> None:
    for asked in (FULL, request(*CONVERSATION)):
        body = body_of(asked)
        for content in [*body["contents"], *([body["systemInstruction"]] if "systemInstruction" in body else [])]:
            types.Content.model_validate(content)
        for tool in body.get("tools", []):
            types.Tool.model_validate(tool)
        for setting in body.get("safetySettings", []):
            types.SafetySetting.model_validate(setting)
    config = {name: value for name, value in body_of(FULL)["generationConfig"].items() if name != "thinkingConfig"}
    types.GenerationConfig.model_validate(config)
    types.ThinkingConfig.model_validate({"thinkingBudget": 128, "includeThoughts": True})
    types.ToolConfig.model_validate(body_of(FULL)["toolConfig"])
