"""Ollama's SDK against the gateway, to upstreams of other vendors: what it asks, and what it shows of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import ollama
import pytest

from dragoman.emulator.media import png
from tests.gateway.stage import Stage

from .play import RIVER, SEE, THINK

MODELS: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "ollama_native/qwen3")
USER: Final = {"role": "user", "content": "Name three rivers."}
PNG: Final = png(8, 8, b"\x10\x20\x30")
SCHEMA: Final[Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "length_km": {"type": "integer"}},
    "required": ["name", "length_km"],
}


@contextmanager
def client_of(stage: Stage) -> Iterator[Any]:
    client = ollama.Client(host=stage.url, trust_env=False)
    try:
        yield client
    finally:
        client._client.close()


@pytest.mark.parametrize("model", MODELS)
class TestChat:
    def test_whole_and_streamed_with_counts(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            whole = client.chat(model, [USER])
            pieces = list(client.chat(model, [USER], stream=True))
        assert whole.message.content == "".join(piece.message.content for piece in pieces) == "Name three rivers."
        assert whole.done
        assert [piece.done for piece in pieces].count(True) == 1
        assert (pieces[-1].eval_count, whole.eval_count) == (3, 3)

    def test_asynchronously(self, stage: Stage, model: str) -> None:
        async def ask() -> str:
            client: Any = ollama.AsyncClient(host=stage.url, trust_env=False)
            whole = await client.chat(model, [USER])
            text = "".join([piece.message.content async for piece in await client.chat(model, [USER], stream=True)])
            await client._client.aclose()
            assert whole.message.content == text
            return text

        assert asyncio.run(ask()) == "Name three rivers."

    def test_generate(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            assert client.generate(model, "Name three rivers.").response == "Name three rivers."
            assert "".join(piece.response for piece in client.generate(model, "Name three rivers.", stream=True)) == "Name three rivers."

    def test_a_picture_arrives(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            told = client.chat(model, [{"role": "user", "content": SEE, "images": [PNG]}])
        assert f"{len(PNG)} bytes" in told.message.content

    def test_an_answer_by_a_schema(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            told = client.chat(model, [USER], format=SCHEMA)
        assert json.loads(told.message.content) == RIVER

    def test_the_thoughts_are_shown(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            told = client.chat(model, [{"role": "user", "content": THINK}], think=True)
        assert (told.message.thinking, told.message.content) == ("The Nile or the Amazon?", "The Nile.")


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "gemini/gemini-embedding-001", "ollama_native/nomic-embed-text"])
def test_embeddings(stage: Stage, model: str) -> None:
    with client_of(stage) as client:
        assert len(client.embed(model, ["a river", "a lake"]).embeddings) == 2


def test_the_models_of_all_providers(stage: Stage) -> None:
    with client_of(stage) as client:
        names = [model.model for model in client.list().models]
    assert {name.partition("/")[0] for name in names} >= {"openai", "anthropic", "gemini", "cohere", "bedrock"}


def test_what_a_model_can_do_and_which_are_loaded(stage: Stage) -> None:
    with client_of(stage) as client:
        assert "completion" in client.show("openai/gpt-4.1").capabilities
        assert client.ps().models == []
