"""Google's SDK against the gateway, to upstreams of other vendors: what it asks, and what it shows of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from google import genai
from google.genai import types
from pydantic import BaseModel

from dragoman.emulator.media import png
from tests.gateway.stage import Stage

from .play import RIVER, SEE, THINK
from .talk_gemini import sdk

MODELS: Final = ("gemini/gemini-2.5-flash", "openai/gpt-4.1", "anthropic/claude-sonnet-4-5")
PNG: Final = png(8, 8, b"\x10\x20\x30")


class River(BaseModel):
    name: str
    length_km: int


@contextmanager
def client_of(stage: Stage) -> Iterator[genai.Client]:
    client = sdk(stage.url)
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("model", MODELS)
class TestContents:
    def test_whole_and_streamed_with_usage(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            whole = client.models.generate_content(model=model, contents="Name three rivers.")
            pieces = list(client.models.generate_content_stream(model=model, contents="Name three rivers."))
        assert whole.text == "".join(piece.text or "" for piece in pieces) == "Name three rivers."
        for usage in (whole.usage_metadata, pieces[-1].usage_metadata):
            assert usage
            assert usage.candidates_token_count == 3
        assert whole.sdk_http_response
        assert (whole.sdk_http_response.headers or {})["x-request-id"].startswith("req_")

    def test_asynchronously(self, stage: Stage, model: str) -> None:
        async def ask() -> str:
            client = sdk(stage.url)
            whole = await client.aio.models.generate_content(model=model, contents="Name three rivers.")
            stream = await client.aio.models.generate_content_stream(model=model, contents="Name three rivers.")
            text = "".join([piece.text or "" async for piece in stream])
            await client.aio.aclose()
            client.close()
            assert whole.text == text
            return text

        assert asyncio.run(ask()) == "Name three rivers."

    def test_a_picture_arrives(self, stage: Stage, model: str) -> None:
        given: Any = [SEE, types.Part.from_bytes(data=PNG, mime_type="image/png")]
        with client_of(stage) as client:
            assert client.models.generate_content(model=model, contents=given).text == f"image/png of {len(PNG)} bytes"

    def test_an_answer_of_a_type(self, stage: Stage, model: str) -> None:
        config: Any = {"response_mime_type": "application/json", "response_schema": River}
        with client_of(stage) as client:
            told = client.models.generate_content(model=model, contents="Which?", config=config)
        assert told.parsed == River.model_validate(RIVER)

    def test_the_thoughts_are_shown(self, stage: Stage, model: str) -> None:
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024))
        with client_of(stage) as client:
            told: Any = client.models.generate_content(model=model, contents=THINK, config=config)
        parts = told.candidates[0].content.parts
        assert [(bool(part.thought), part.text) for part in parts] == [(True, "The Nile or the Amazon?"), (False, "The Nile.")]

    def test_its_own_loop_of_functions(self, stage: Stage, model: str) -> None:
        """The SDK calls Python functions by itself until none is asked for."""
        asked = []

        def clock(zone: str) -> str:
            """The time of a zone."""
            asked.append(zone)
            return "12:05"

        config = types.GenerateContentConfig(tools=[clock])
        with client_of(stage) as client:
            told = client.models.generate_content(model=model, contents='call:clock {"zone":"Europe/Berlin"}', config=config)
        assert asked == ["Europe/Berlin"]
        assert "12:05" in (told.text or "")

    def test_a_chat_of_several_turns(self, stage: Stage, model: str) -> None:
        with client_of(stage) as client:
            chat = client.chats.create(model=model)
            chat.send_message("Name three rivers.")
            chat.send_message("And a lake?")
        asked = stage.emulator.requests[-1].request
        assert asked is not None
        assert [message.text for message in asked.messages] == ["Name three rivers.", "Name three rivers.", "And a lake?"]


@pytest.mark.parametrize("model", ["gemini/gemini-2.5-flash", "anthropic/claude-sonnet-4-5"])
def test_tokens_are_counted(stage: Stage, model: str) -> None:
    with client_of(stage) as client:
        assert client.models.count_tokens(model=model, contents="Name three rivers.").total_tokens == 3


@pytest.mark.parametrize("model", ["gemini/gemini-embedding-001", "openai/text-embedding-3-small"])
def test_embeddings(stage: Stage, model: str) -> None:
    with client_of(stage) as client:
        told = client.models.embed_content(model=model, contents=["a river", "a lake"])
    assert told.embeddings
    assert [bool(one.values) for one in told.embeddings] == [True, True]


def test_the_models_of_all_providers(stage: Stage) -> None:
    with client_of(stage) as client:
        names = [(model.name or "").removeprefix("models/") for model in client.models.list()]
        one = client.models.get(model="openai/gpt-4.1")
    assert {name.partition("/")[0] for name in names} >= {"openai", "anthropic", "gemini", "cohere", "bedrock"}
    assert one.name == "models/openai/gpt-4.1"
