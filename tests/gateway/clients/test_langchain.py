"""LangChain's classes for OpenAI and Anthropic against the gateway: chat, streams, tools, answers of a type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from tests.gateway.stage import Stage

from .play import FINAL, LOOP, RESULTS, RIVER

UPSTREAMS: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")
KEY: Final = SecretStr("any-key")


def by_chat(url: str, model: str) -> Any:
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=KEY, max_retries=0, stream_usage=True)


def by_responses(url: str, model: str) -> Any:
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key=KEY, max_retries=0, use_responses_api=True)


def by_messages(url: str, model: str) -> Any:
    return ChatAnthropic(model_name=model, base_url=url, api_key=KEY, max_retries=0, timeout=10, stop=None)


WAYS: Final[dict[str, Callable[[str, str], Any]]] = {"chat": by_chat, "responses": by_responses, "messages": by_messages}


@pytest.fixture(scope="module")
def model_of(stage: Stage) -> Iterator[Callable[[str, str], Any]]:
    """The model by its way and upstream. LangChain shares connections among models and closes none, so that is done here."""
    made: dict[tuple[str, str], Any] = {}

    def get(way: str, upstream: str) -> Any:
        return made.setdefault((way, upstream), WAYS[way](stage.url, upstream))

    yield get
    for (way, _), model in made.items():
        (model._client if way == "messages" else model.root_client).close()


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


@tool
def weather(city: str, days: int) -> str:
    """The weather of a city."""
    return RESULTS["weather"]


@tool
def clock(zone: str) -> str:
    """The time of a zone."""
    return RESULTS["clock"]


@tool
def note(title: str, lines: list[str]) -> str:
    """Keep a note."""
    return RESULTS["note"]


TOOLS: Final[dict[str, BaseTool]] = {one.name: one for one in (weather, clock, note)}


def results(answer: Any) -> list[ToolMessage]:
    return [ToolMessage(TOOLS[call["name"]].invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", WAYS)
class TestEachWay:
    def test_chat_with_usage(self, model_of: Any, way: str, upstream: str) -> None:
        told = model_of(way, upstream).invoke([SystemMessage("Be brief."), HumanMessage("Name three rivers.")])
        assert told.text == "Name three rivers."
        assert told.usage_metadata["output_tokens"] == 3

    def test_streamed(self, model_of: Any, way: str, upstream: str) -> None:
        pieces = list(model_of(way, upstream).stream("Name three rivers."))
        assert "".join(piece.text for piece in pieces) == "Name three rivers."
        assert sum(bool(piece.text) for piece in pieces) == 3

    @pytest.mark.parametrize("stream", [False, True])
    def test_three_turns_of_calls(self, model_of: Any, way: str, upstream: str, stream: bool) -> None:
        model = model_of(way, upstream).bind_tools(list(TOOLS.values()))
        said: list[BaseMessage] = [HumanMessage(LOOP)]
        for _ in range(3):
            said.append(_streamed(model, said) if stream else model.invoke(said))
            said += results(said[-1])
        assert said[-1].text == FINAL

    def test_an_answer_of_a_type(self, model_of: Any, way: str, upstream: str) -> None:
        model = model_of(way, upstream).with_structured_output(River, method="json_schema")
        assert model.invoke("Which?") == River.model_validate(RIVER)


def test_asynchronously(stage: Stage) -> None:
    """All in one event loop, for LangChain's connections outlive the model that they were made for."""

    async def ask() -> list[str]:
        models = {(way, upstream): make(stage.url, upstream) for way, make in WAYS.items() for upstream in UPSTREAMS}
        told = ["".join([piece.text async for piece in model.astream("Name three rivers.")]) for model in models.values()]
        for (way, _), model in models.items():
            await (model._async_client if way == "messages" else model.root_async_client).close()
        return told

    assert asyncio.run(ask()) == ["Name three rivers."] * len(WAYS) * len(UPSTREAMS)


def _streamed(model: Any, said: list[BaseMessage]) -> BaseMessage:
    first, *rest = model.stream(said)
    whole: BaseMessage = first
    for piece in rest:
        whole = whole + piece
    return whole


def test_embeddings(stage: Stage) -> None:
    with httpx2.Client(trust_env=False) as http:
        model = OpenAIEmbeddings(
            model="gemini/gemini-embedding-001",
            base_url=f"{stage.url}/v1",
            api_key=KEY,
            check_embedding_ctx_length=False,
            http_client=http,
        )
        assert len(model.embed_documents(["a river", "a lake"])) == 2
