"""pydantic-ai's models for OpenAI and Anthropic against the gateway: chat, streams, tools, answers of a type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import anthropic
import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.gateway.stage import Stage

from .play import FINAL, LOOP, RESULTS, RIVER

UPSTREAMS: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


def by_openai(url: str) -> OpenAIProvider:
    return OpenAIProvider(openai_client=openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any-key", max_retries=0))


def by_anthropic(url: str) -> AnthropicProvider:
    return AnthropicProvider(anthropic_client=anthropic.AsyncAnthropic(base_url=url, api_key="any-key", max_retries=0))


WAYS: Final[dict[str, Callable[[str, str], Any]]] = {
    "chat": lambda url, model: OpenAIChatModel(model, provider=by_openai(url)),
    "responses": lambda url, model: OpenAIResponsesModel(model, provider=by_openai(url)),
    "messages": lambda url, model: AnthropicModel(model, provider=by_anthropic(url)),
}


def run(ask: Callable[[Any], Any], way: str, url: str, upstream: str) -> Any:
    """What ``ask`` gives for a model whose connections are closed with its loop."""

    async def within() -> Any:
        model = WAYS[way](url, upstream)
        try:
            return await ask(model)
        finally:
            await model.client.close()

    return asyncio.run(within())


def weather(city: str, days: int) -> str:
    """The weather of a city."""
    return RESULTS["weather"]


def clock(zone: str) -> str:
    """The time of a zone."""
    return RESULTS["clock"]


def note(title: str, lines: list[str]) -> str:
    """Keep a note."""
    return RESULTS["note"]


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", WAYS)
class TestEachWay:
    def test_chat_with_usage(self, stage: Stage, way: str, upstream: str) -> None:
        async def ask(model: Any) -> Any:
            return await Agent(model, instructions="Be brief.").run("Name three rivers.")

        told = run(ask, way, stage.url, upstream)
        assert told.output == "Name three rivers."
        assert told.usage.output_tokens == 3

    def test_streamed(self, stage: Stage, way: str, upstream: str) -> None:
        async def ask(model: Any) -> Any:
            async with Agent(model).run_stream("Name three rivers.") as told:
                return [piece async for piece in told.stream_text(delta=True, debounce_by=None)]

        assert run(ask, way, stage.url, upstream) == ["Name", " three", " rivers."]

    def test_three_turns_of_calls(self, stage: Stage, way: str, upstream: str) -> None:
        async def ask(model: Any) -> Any:
            return await Agent(model, tools=[weather, clock, note]).run(LOOP)

        assert run(ask, way, stage.url, upstream).output == FINAL

    def test_three_turns_of_calls_streamed(self, stage: Stage, way: str, upstream: str) -> None:
        async def ask(model: Any) -> Any:
            async with Agent(model, tools=[weather, clock, note]).run_stream_events(LOOP) as events:
                return [event async for event in events]

        told = run(ask, way, stage.url, upstream)
        assert told[-1].result.output == FINAL
        assert [event.part.tool_name for event in told if event.event_kind == "function_tool_call"] == ["weather", "clock", "note"]

    def test_an_answer_of_a_type_by_a_tool(self, stage: Stage, way: str, upstream: str) -> None:
        async def ask(model: Any) -> Any:
            return await Agent(model, output_type=River).run("Which?")

        assert run(ask, way, stage.url, upstream).output == River.model_validate(RIVER)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", ["chat", "responses"])
def test_an_answer_of_a_type_by_its_schema(stage: Stage, way: str, upstream: str) -> None:
    """Of Anthropic's models pydantic-ai decides by their names which may be asked so, and knows no ``provider/model``."""

    async def ask(model: Any) -> Any:
        return await Agent(model, output_type=NativeOutput(River)).run("Which?")

    assert run(ask, way, stage.url, upstream).output == River.model_validate(RIVER)
