"""The types of what a program gets: values of its own types, runs of tools, and each operation's answer."""

from __future__ import annotations

import asyncio
import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, assert_type

import msgspec
import pytest

import dragoman
from dragoman import (
    AsyncClient,
    Audio,
    Client,
    Embeddings,
    File,
    Image,
    Message,
    Moderation,
    Pictures,
    Ranking,
    Response,
    Speech,
    StructuredResponse,
    StructuredToolRun,
    Text,
    TokenCount,
    ToolCall,
    ToolRun,
    Transcription,
    Usage,
)
from dragoman.client import ClientSettings
from dragoman.core.listing import ListedModel
from dragoman.core.request import Request
from dragoman.emulator import Answer
from dragoman.errors import TurnsExhausted, UsageError
from dragoman.testing import EmulatorFactory
from tests.library.talk import settings as settings_for

MODEL = "openai/gpt-4.1"


@dataclasses.dataclass
class River:
    name: str


class Lake(msgspec.Struct):
    name: str


def scenario(request: Request) -> Answer:
    wanted = request.response_format and request.response_format.schema
    if not wanted:
        return Answer(text="Hi")
    return Answer(text='{"value": []}' if "value" in wanted["properties"] else '{"name": "Rhine"}')


@pytest.fixture
def settings(dragoman_emulator: EmulatorFactory) -> ClientSettings:
    return settings_for(dragoman_emulator("openai", scenario=scenario))


def test_the_value_has_the_type_that_was_asked_for(settings: ClientSettings) -> None:
    with Client(**settings) as client:
        river = client.complete(MODEL, "One, please.", into=River)
        assert_type(river, StructuredResponse[River])
        assert_type(river.value, River)
        assert_type(river.cost, Decimal | None)
        assert_type(client.complete(MODEL, "One, please.", into=Lake, max_repairs=1).value, Lake)
        assert_type(client.complete(MODEL, "Some, please.", into=list[int]).value, list[int])
        plain = client.complete(MODEL, "Hi", temperature=0.5)
        assert_type(plain, Response)
        assert_type(plain.cost, Decimal | None)
        with pytest.raises(AttributeError):
            _ = plain.value  # type: ignore[attr-defined]
        response: Response = river
    assert response.text == '{"name": "Rhine"}'


def test_forms_that_are_no_classes_are_any(dragoman_emulator: EmulatorFactory) -> None:
    with Client(**settings_for(dragoman_emulator("openai", scenario=Answer(text='{"value": "a"}')))) as client:
        answer = client.complete(MODEL, "a or b?", into=Literal["a", "b"])
        assert_type(answer, StructuredResponse[Any])
    assert answer.value == "a"


def test_the_async_client_and_the_function_have_the_same_types(settings: ClientSettings) -> None:
    async def main() -> None:
        async with AsyncClient(**settings) as client:
            assert_type(await client.complete(MODEL, "One, please.", into=River), StructuredResponse[River])
            assert_type(await client.complete(MODEL, "Hi"), Response)

            async def later() -> int:
                return 1

            assert_type(await client.run_tools(MODEL, "Hi", tools=[later]), ToolRun)
            assert_type(await client.run_tools(MODEL, "Hi", tools=[later], into=River), StructuredToolRun[River])

    asyncio.run(main())
    assert_type(dragoman.complete(MODEL, "One, please.", into=River, **settings), StructuredResponse[River])
    assert_type(dragoman.complete(MODEL, "Hi", **settings), Response)
    assert_type(dragoman.run_tools(MODEL, "Hi", tools=[len_of], **settings), ToolRun)
    assert_type(dragoman.run_tools(MODEL, "Hi", tools=[len_of], into=River, **settings), StructuredToolRun[River])
    assert_type(dragoman.run_tools(MODEL, "Hi", tools=[len_of], into=River, **settings).value, River)


def len_of(text: str) -> int:
    """How long a text is."""
    return len(text)


def test_a_run_of_tools(settings: ClientSettings) -> None:
    def tool(a: int) -> str:
        return str(a)

    with Client(**settings) as client:
        run = client.run_tools(MODEL, "Hi", tools=[tool, dragoman.Tool(name="plain"), {"name": "told"}], max_turns=3, temperature=0)
        assert_type(run, ToolRun)
        assert_type(run.response, Response)
        assert_type(run.messages, tuple[Message, ...])
        assert_type(run.pending, tuple[ToolCall, ...])
        assert_type(run.usage, Usage | None)
        assert_type(run.text, str)
        assert_type(run.cost, Decimal | None)
        with pytest.raises(UsageError):
            client.run_tools(MODEL, "Hi", tools=[tool], max_turn=3)  # type: ignore[call-overload]
    assert_type(TurnsExhausted("x").messages, tuple[Message, ...])


def test_attachments_and_mixed_prompts(settings: ClientSettings, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    part = dragoman.attach(path)
    assert_type(part, Image | Audio | File)
    with Client(**settings) as client:
        client.complete(MODEL, ["What is this?", path])
        client.complete(MODEL, ["What is this?", path.read_bytes(), part, Text(text="Well?")])
        with pytest.raises(UsageError):
            client.complete(MODEL, ["What is this?", 5])  # type: ignore[list-item]


def operations(client: Client) -> None:
    """Never run: what the checker sees of each operation."""
    embeddings = client.embed("openai/m", ["a", Path("b.png"), ["c", b"d"]], dimensions=3, purpose="query", key="k", timeout=3)
    assert_type(embeddings, Embeddings)
    assert_type(embeddings.vectors, tuple[tuple[float, ...], ...])
    assert_type(embeddings.cost, Decimal | None)
    assert_type(embeddings.warnings, tuple[str, ...])
    assert_type(client.rerank("cohere/m", "q", ["a"], top_n=1, strict=True), Ranking)
    assert_type(client.generate_image("openai/m", "a cat", images=[Path("a.png"), b""], size="1024x1024"), Pictures)
    assert_type(client.transcribe("openai/m", Path("a.wav"), timestamps=["word"]), Transcription)
    assert_type(client.speak("openai/m", "Hi", voice="alloy"), Speech)
    assert_type(client.speak("openai/m", "Hi").data, bytes)
    assert_type(client.moderate("openai", "Hi").flagged, bool)
    assert_type(client.moderate("openai", "Hi"), Moderation)
    assert_type(client.count_tokens("anthropic/m", "Hi", system="s"), TokenCount)
    assert_type(client.count_tokens("anthropic/m", "Hi").input_tokens, int | None)
    assert_type(client.list_models("openai", timeout=3), tuple[ListedModel, ...])
    client.embed("openai/m", "Hi", dimension=3)  # type: ignore[call-arg]
    client.rerank("cohere/m", "q", [5])  # type: ignore[list-item]
    client.transcribe("openai/m", "a.wav")  # type: ignore[arg-type]
