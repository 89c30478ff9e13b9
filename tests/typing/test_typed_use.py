"""A user's program with types: the type checker reads it with all the others, and it runs against emulated providers.

``assert_type`` is what the checker must see, to the letter; each ``type: ignore`` is what it must refuse, and would be reported as unused
where it no longer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, assert_type

import pytest

import dragoman
from dragoman import (
    AsyncClient,
    AsyncEventStream,
    Client,
    EventStream,
    Image,
    JsonFormat,
    Message,
    NamedTool,
    ReasoningOptions,
    Response,
    Text,
    Timeouts,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from dragoman.client import ClientSettings
from dragoman.core.events import Event, Finished, FinishName, FinishReason, TextDelta
from dragoman.core.fold import Choice
from dragoman.core.fold import Response as CoreResponse
from dragoman.core.messages import AnyPart, Role
from dragoman.errors import DragomanError, RateLimited, UsageError
from dragoman.prompts import Prompt
from dragoman.providers import AbstractProvider, Equing, Gravityengine, Lockchat, Raycast, gravityengine
from dragoman.testing import EmulatorFactory
from dragoman.typing import CreateResult, Messages
from dragoman.typing import Message as PlainMessage

MODEL = "openai/gpt-4.1"


@pytest.fixture
def settings(dragoman_emulator: EmulatorFactory) -> ClientSettings:
    emulator = dragoman_emulator(["openai", "raycast", "lockchat", "equing", "gravityengine"])
    names = ("openai", "raycast", "lockchat", "equing", "gravityengine")
    return {
        "keys": {"openai": "k", "raycast": "k"},
        "base_urls": {name: emulator.url(name) for name in names},
        "trust_env": False,
        "max_retries": 0,
    }


def test_a_whole_answer(settings: ClientSettings) -> None:
    with Client(**settings) as client:
        assert_type(client, Client)
        answer = client.complete(MODEL, "Name three rivers.", temperature=0.5, stop=["x"], timeout=5, max_output_tokens=100)
    assert_type(answer, Response)
    assert_type(answer.text, str)
    assert_type(answer.reasoning, str)
    assert_type(answer.refusal, str | None)
    assert_type(answer.usage, Usage | None)
    assert_type(answer.finish_reason, FinishName | None)
    assert_type(answer.finish, FinishReason | None)
    assert_type(answer.tool_calls, tuple[ToolCall, ...])
    assert_type(answer.choices, tuple[Choice, ...])
    assert_type(answer.message, Message)
    assert_type(answer.warnings, tuple[str, ...])
    assert_type(answer.provider, str | None)
    if answer.usage:
        assert_type(answer.usage.input_tokens, int | None)
    assert answer.text == "Name three rivers."


def test_a_streamed_answer(settings: ClientSettings) -> None:
    said: list[str] = []
    with Client(**settings) as client, client.stream(MODEL, "Tell me a story.") as stream:
        assert_type(stream, EventStream)
        for event in stream:
            assert_type(event, Event)
            assert_type(event.text, str)
            said.append(event.text)
            match event:
                case TextDelta():
                    assert_type(event.index, int)
                case Finished():
                    assert_type(event.reason, FinishReason)
                case _:
                    pass
    assert_type(stream.response, Response)
    assert "".join(said) == stream.response.text == "Tell me a story."


def test_the_two_functions(settings: ClientSettings) -> None:
    assert_type(dragoman.complete(MODEL, "Hi", **settings), Response)
    stream = dragoman.stream(MODEL, "Hi", **settings)
    assert_type(stream, EventStream)
    assert_type(next(stream), Event)
    assert_type(stream.finish(), Response)
    assert_type(dragoman.__version__, str)


def test_the_async_client(settings: ClientSettings) -> None:
    async def main() -> str:
        async with AsyncClient(**settings) as client:
            assert_type(client, AsyncClient)
            assert_type(await client.complete(MODEL, "Hi"), Response)
            stream = client.stream(MODEL, "Hi there")
            assert_type(stream, AsyncEventStream)
            async for event in stream:
                assert_type(event, Event)
            assert_type(await stream.finish(), Response)
            return stream.response.text

    assert asyncio.run(main()) == "Hi there"


def test_streams_are_iterators(settings: ClientSettings) -> None:
    def texts(stream: Iterator[Event]) -> Iterator[str]:
        return (event.text for event in stream)

    async def async_texts(stream: AsyncIterator[Event]) -> str:
        return "".join([event.text async for event in stream])

    async def main() -> str:
        async with AsyncClient(**settings) as client:
            return await async_texts(client.stream(MODEL, "Hi"))

    with Client(**settings) as client:
        assert "".join(texts(client.stream(MODEL, "Hi"))) == asyncio.run(main()) == "Hi"


def test_conversations_and_tools(settings: ClientSettings) -> None:
    tool = Tool(name="add", description="Adds.", parameters={"type": "object"})
    question = Message("user", (Text(text='call:add {"a": 1}'),))
    assert_type(question.role, Role)
    assert_type(question.parts, tuple[AnyPart, ...])
    prompts: list[Prompt] = ["Hi", question, [question], [{"role": "user", "content": "Hi"}], (question, {"role": "user", "content": "Hi"})]
    with Client(**settings) as client:
        for prompt in prompts:
            client.complete(MODEL, prompt)
        asked = client.complete(MODEL, [question], tools=[tool], tool_choice=NamedTool("add"))
        call = asked.tool_calls[0]
        assert_type(call.arguments, str)
        result = Message("tool", (ToolResult(id=call.id, parts=(Text(text="3"),)),))
        answer = client.complete(MODEL, [question, asked.message, result], tools=[tool], response_format=JsonFormat())
    assert answer.text == "3"
    Message("user", (Image(url="https://x/y.png"), Text(text="What is it?")))


def test_settings_and_options_are_checked(settings: ClientSettings) -> None:
    Client(timeout=5, max_retries=1, proxy="http://host:80", verify=True, ca_file=None, provider_files=[], max_idle_connections=3)
    Client(timeout=Timeouts(total_s=5))
    with Client(**settings) as client:
        client.complete(MODEL, "Hi", reasoning="low", key="k", strict=False)
        client.complete(MODEL, "Hi", reasoning=ReasoningOptions(effort="low"), timeout=Timeouts(first_byte_s=5))
        with pytest.raises(UsageError):
            client.complete(MODEL, "Hi", temperature="hot")  # type: ignore[call-overload]
        with pytest.raises(UsageError):
            client.complete(MODEL, "Hi", temprature=1)  # type: ignore[call-overload]
        with pytest.raises(UsageError):
            client.complete(MODEL, 5)  # type: ignore[call-overload]
    with pytest.raises(UsageError):
        Client(time_out=5)  # type: ignore[call-arg]
    with pytest.raises(UsageError):
        Client(max_retries="two")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Client("openai")  # type: ignore[call-arg, arg-type]
    with pytest.raises(AttributeError):
        Text(text="x").text = "y"  # type: ignore[misc]  # values do not change


def test_errors_have_their_facts(settings: ClientSettings) -> None:
    with Client(**settings) as client, pytest.raises(DragomanError) as caught:
        client.complete(f"{MODEL}!status=429,retry-after=7", "Hi")
    error = caught.value
    assert_type(error, DragomanError)
    assert isinstance(error, RateLimited)
    assert_type(error.retry_after_s, float | None)
    assert_type(error.status, int | None)
    assert_type(error.partial, CoreResponse | None)
    assert_type(error.attempts, tuple[DragomanError, ...])
    assert_type(error.retryable, bool)


def test_openais_shape(settings: ClientSettings) -> None:
    with Client(**settings) as client:
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
        assert_type(answer, Any)  # as free as the JSON that it is
        assert answer.choices[0].message.content == "Hi"


def test_the_provider_contract(settings: ClientSettings) -> None:
    url = settings["base_urls"]["raycast"]
    messages: list[PlainMessage] = [{"role": "user", "content": "Hi"}]
    same: Messages = messages
    result = Raycast.create_completion(model="gpt-4", messages=same, stream=True, auth="token", base_url=url)
    assert_type(result, CreateResult)
    assert_type(result, str | Generator[str, None, None])
    for piece in result:
        assert_type(piece, str)
    whole = Equing.create_completion("gpt-4", messages, False, base_url=settings["base_urls"]["equing"])
    assert isinstance(whole, str)
    pieces = gravityengine._create_completion("gpt-4", messages, True, base_url=settings["base_urls"]["gravityengine"])
    assert_type(pieces, Generator[str, None, None])
    assert "".join(pieces) == whole == "Hi"
    classes: list[type[AbstractProvider]] = [Raycast, Lockchat, Gravityengine, Equing]
    for one in classes:
        assert_type(one.url, str | None)
        assert_type(one.working, bool)
        assert_type(one.models, list[str])


def test_a_provider_of_the_users_own() -> None:
    class Own(AbstractProvider):
        @staticmethod
        def create_completion(model: str, messages: Messages, stream: bool, **kwargs: Any) -> CreateResult:
            return "".join(message["content"] for message in messages)

    assert_type(Own.create_completion("m", [], False), CreateResult)
