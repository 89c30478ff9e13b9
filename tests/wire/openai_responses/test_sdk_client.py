"""The vendor's own SDK as client of the server role: what it makes of our answers, and what we make of its requests."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from pydantic import BaseModel

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta, ToolDelta
from dragoman.core.messages import File, Image, Message, Opaque, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.emulator import Scenario
from tests.wire.served import Served, said, serving

from .streams import NAME
from .test_encoder import EVERYTHING

STOP = Finished(FinishReason("stop", "stop"))
NOW: Any = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False}


@contextmanager
def served(scenario: Scenario) -> Iterator[tuple[OpenAI, Served]]:
    """The vendor's client, joined to a server that answers by ``scenario``."""
    with (
        serving(NAME, scenario) as server,
        OpenAI(api_key="key", base_url=server.root, max_retries=0, http_client=DefaultHttpxClient(trust_env=False)) as client,
    ):
        yield client, server


def saying(words: str) -> Scenario:
    return said(Started(id="a", model="m", created_s=1), BlockStarted(0, "text"), TextDelta(0, words), BlockEnded(0), STOP)


def check_everything(response: Any) -> None:
    kinds = ["reasoning", "reasoning", "web_search_call", "message", "function_call", "function_call", "image_generation_call"]
    assert [item.type for item in response.output] == kinds
    thought, hidden, search, message, weather, now, picture = response.output
    assert (thought.summary[0].text, thought.encrypted_content) == ("Hm, rivers", "c2ln")
    assert (hidden.summary, hidden.encrypted_content) == ([], "redacted_data:ZGF0YQ==")
    assert search.action.query == "q"
    assert response.output_text == "Loire 🌊"
    assert message.content[0].annotations[0].url == "https://x.test"
    assert message.content[0].logprobs[0].top_logprobs[0].token == "Sei"
    assert message.content[1].refusal == "No more."
    assert [(call.call_id, call.name, call.arguments) for call in (weather, now)] == [
        ("call-1", "weather", '{"city": "Nantes"}'),
        ("call-2", "now", ""),
    ]
    assert base64.b64decode(picture.result) == b"RIFFWEBP"
    assert (response.id, response.model, response.created_at, response.status) == ("resp_chat-1", "told-1", 5, "completed")
    usage = response.usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens, usage.total_tokens) == (100, 60, 9, 109)


def test_whole_answer_of_every_kind() -> None:
    with served(said(*EVERYTHING)) as (client, server):
        response = client.responses.create(model="m", input="Hi")
    check_everything(response)
    assert server.asked == [Request(model="m", messages=(Message("user", (Text(text="Hi"),)),))]


def test_streamed_answer_of_every_kind() -> None:
    with served(said(*EVERYTHING)) as (client, server), client.responses.create(model="m", input="Hi", stream=True) as stream:
        events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Loire 🌊"
    last = events[-1]
    assert last.type == "response.completed"
    check_everything(last.response)
    assert server.asked[0].stream


def test_accumulator_of_the_sdk() -> None:
    with served(said(*EVERYTHING)) as (client, _), client.responses.stream(model="m", input="Hi") as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.function_call_arguments.delta"]
        check_everything(stream.get_final_response())
    assert snapshots == ['{"city": ', '{"city": "Nantes"}']


def test_asynchronous_client() -> None:
    async def ask(base: str) -> tuple[str, str, str]:
        async with AsyncOpenAI(api_key="key", base_url=base, max_retries=0, http_client=DefaultAsyncHttpxClient(trust_env=False)) as client:
            whole = await client.responses.create(model="m", input="Hi")
            events = [event async for event in await client.responses.create(model="m", input="Hi", stream=True)]
            async with client.responses.stream(model="m", input="Hi") as stream:
                final = await stream.get_final_response()
            words = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            return whole.output_text, words, final.output_text

    with serving(NAME, saying("Loire 🌊")) as server:
        assert asyncio.run(ask(server.root)) == ("Loire 🌊",) * 3


def test_incomplete_answer() -> None:
    short = said(Started(), BlockStarted(0, "text"), TextDelta(0, "Lo"), BlockEnded(0), Finished(FinishReason("length")))
    with served(short) as (client, _):
        whole = client.responses.create(model="m", input="Hi", max_output_tokens=16)
        events = list(client.responses.create(model="m", input="Hi", max_output_tokens=16, stream=True))
    assert whole.status == "incomplete"
    assert whole.incomplete_details is not None
    assert (whole.incomplete_details.reason, whole.max_output_tokens) == ("max_output_tokens", 16)
    assert events[-1].type == "response.incomplete"


def two_calls(request: Request) -> Iterable[Event]:
    """Asks for two tools at once, and repeats their results when it has them."""
    yield Started(id="t", model="m")
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    if not results:
        yield BlockStarted(0, "reasoning")
        yield BlockEnded(0, "c2ln")
        for i, city in enumerate(("Nantes", "Tours"), 1):
            yield BlockStarted(i, "tool", f"call-{i}", "weather")
            yield ToolDelta(i, f'{{"city":  "{city}"}}')
            yield BlockEnded(i)
        yield Finished(FinishReason("tool_calls"))
        return
    yield BlockStarted(0, "text")
    yield TextDelta(0, " and ".join(part.text for result in results for part in result.parts if isinstance(part, Text)))
    yield BlockEnded(0)
    yield STOP


@pytest.mark.parametrize("streamed", [False, True])
def test_loop_of_tools_with_the_items_replayed(streamed: bool) -> None:
    with served(two_calls) as (client, server):
        items: list[Any] = [{"role": "user", "content": "Weather?"}]
        first = answered(client, items, streamed)
        items += first.output
        calls = [item for item in first.output if item.type == "function_call"]
        items += [{"type": "function_call_output", "call_id": call.call_id, "output": f"sun for {call.call_id}"} for call in calls]
        second = answered(client, items, streamed)
    assert second.output_text == "sun for call-1 and sun for call-2"
    _, turn, results = server.asked[1].messages
    thought, *asked = turn.parts
    assert isinstance(thought, Reasoning)
    assert (thought.id, thought.signature) == ("rs_t_0", "c2ln")
    assert [(call.id, call.name, call.arguments) for call in asked if isinstance(call, ToolCall)] == [
        ("call-1", "weather", '{"city":  "Nantes"}'),
        ("call-2", "weather", '{"city":  "Tours"}'),
    ]
    assert [part.id for part in results.parts if isinstance(part, ToolResult)] == ["call-1", "call-2"]
    assert [tool.name for tool in server.asked[1].tools] == ["now"]


def answered(client: OpenAI, items: list[Any], streamed: bool) -> Any:
    if not streamed:
        return client.responses.create(model="m", input=items, tools=[NOW])
    with client.responses.stream(model="m", input=items, tools=[NOW]) as stream:
        return stream.get_final_response()


class River(BaseModel):
    name: str
    length_km: int


def test_structured_output() -> None:
    with served(saying('{"name": "Loire", "length_km": 1006}')) as (client, server):
        whole = client.responses.parse(model="m", input="Which?", text_format=River)
        with client.responses.stream(model="m", input="Which?", text_format=River) as stream:
            final = stream.get_final_response()
    assert whole.output_parsed == final.output_parsed == River(name="Loire", length_km=1006)
    wanted = server.asked[0].response_format
    assert isinstance(wanted, JsonFormat)
    assert (wanted.name, wanted.strict) == ("River", True)
    assert wanted.schema is not None
    assert wanted.schema["required"] == ["name", "length_km"]


def test_structured_arguments_of_a_tool() -> None:
    call = (Started(), BlockStarted(0, "tool", "c", "River"), ToolDelta(0, '{"name": "Loire", "length_km": 1006}'), BlockEnded(0), STOP)
    with served(said(*call)) as (client, server):
        response = client.responses.parse(model="m", input="Which?", tools=[openai.pydantic_function_tool(River)])
        item = response.output[0]
    assert item.type == "function_call"
    assert item.parsed_arguments == River(name="Loire", length_km=1006)
    assert server.asked[0].tools[0].strict is True


def test_every_kind_of_input_and_option() -> None:
    picture = "data:image/png;base64," + base64.b64encode(b"png").decode()
    search: Any = {"type": "web_search", "search_context_size": "low"}
    user: Any = {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": picture, "detail": "low"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,cGRm", "filename": "a.pdf"},
        ],
    }
    reference: Any = {"type": "item_reference", "id": "msg_9"}
    with served(saying("Seen")) as (client, server):
        client.responses.create(
            model="m",
            instructions="Be brief.",
            input=[{"role": "developer", "content": "Be kind."}, user, reference],
            tools=[search, NOW],
            tool_choice={"type": "function", "name": "now"},
            parallel_tool_calls=False,
            reasoning={"effort": "low", "summary": "auto"},
            include=["message.output_text.logprobs", "reasoning.encrypted_content"],
            text={"format": {"type": "json_object"}, "verbosity": "low"},
            temperature=0.5,
            top_logprobs=2,
            metadata={"a": "b"},
            store=False,
            previous_response_id="resp_0",
            truncation="auto",
            prompt_cache_key="k",
            safety_identifier="s",
        )
    assert server.asked == [
        Request(
            model="m",
            messages=(
                Message("system", (Text(text="Be brief."),)),
                Message("system", (Text(text="Be kind."),), extra={NAME: {"role": "developer"}}),
                Message(
                    "user",
                    (
                        Text(text="Look"),
                        Image(data=b"png", media_type="image/png", detail="low"),
                        File(data=b"pdf", media_type="application/pdf", name="a.pdf"),
                    ),
                ),
                Message("user", (Opaque(extra={NAME: {"type": "item_reference", "id": "msg_9"}}),)),
            ),
            tools=(Tool(name="now", parameters={"type": "object", "properties": {}}, strict=False),),
            tool_choice=NamedTool("now"),
            parallel_tool_calls=False,
            reasoning=ReasoningOptions(effort="low", summary="auto"),
            response_format=JsonFormat(),
            logprobs=True,
            temperature=0.5,
            top_logprobs=2,
            metadata={"a": "b"},
            extra={
                NAME: {
                    "tools": [search],
                    "tools_at": [0],
                    "include": ["reasoning.encrypted_content"],
                    "text": {"verbosity": "low"},
                    "store": False,
                    "previous_response_id": "resp_0",
                    "truncation": "auto",
                    "prompt_cache_key": "k",
                    "safety_identifier": "s",
                }
            },
        )
    ]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.BadRequest("no"), openai.BadRequestError),
        (errors.ContextTooLong("long"), openai.BadRequestError),
        (errors.ContentFiltered("bad"), openai.BadRequestError),
        (errors.AuthFailed("key"), openai.AuthenticationError),
        (errors.PermissionDenied("not you"), openai.PermissionDeniedError),
        (errors.ModelNotFound("gone"), openai.NotFoundError),
        (errors.RateLimited("slow", retry_after_s=3), openai.RateLimitError),
        (errors.QuotaSpent("spent"), openai.RateLimitError),
        (errors.Overloaded("busy"), openai.InternalServerError),
        (errors.ServerFault("down"), openai.InternalServerError),
        (errors.StreamCut("cut"), openai.InternalServerError),
    ],
)
def test_error_is_the_sdks_own(error: DragomanError, kind: type[openai.APIStatusError]) -> None:
    with served(said(failure=error)) as (client, _), pytest.raises(kind) as caught:
        client.responses.create(model="m", input="Hi")
    assert error.message in caught.value.message
    assert caught.value.response.headers.get("retry-after") == ("3" if error.retry_after_s else None)


def test_error_in_the_midst_of_a_stream_is_raised() -> None:
    cut = said(Started(id="a"), BlockStarted(0, "text"), TextDelta(0, "Lo"), failure=errors.Overloaded("busy now"))
    with served(cut) as (client, _):
        stream = client.responses.create(model="m", input="Hi", stream=True)
        words: list[str] = []
        with pytest.raises(openai.APIError, match="busy now") as caught:
            words.extend(event.delta for event in stream if event.type == "response.output_text.delta")
    assert caught.value.code == "engine_overloaded"


def test_request_amiss_names_its_field() -> None:
    with served(saying("")) as (client, _), pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="m", input=[{"role": "nobody", "content": "Hi"}])  # type: ignore[list-item, misc]  # what is tested
    assert caught.value.param == "input[0].role"
