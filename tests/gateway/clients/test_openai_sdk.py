"""OpenAI's SDK against the gateway, to upstreams of other vendors: what it asks, and what it shows of the answer."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any, Final

import openai
import pytest
from pydantic import BaseModel

from dragoman.core.messages import Reasoning
from dragoman.core.request import JsonFormat
from dragoman.emulator.media import png, wav
from tests.gateway.stage import Stage

from .play import RIVER, SEE, SIGNATURE, THINK, parts_of
from .talk_openai import sdk

MODELS: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")
USER: Final[Any] = {"role": "user", "content": "Name three rivers."}
PNG: Final = png(8, 8, b"\x10\x20\x30")
PICTURE: Final = "data:image/png;base64," + base64.b64encode(PNG).decode()


class River(BaseModel):
    name: str
    length_km: int


@pytest.mark.parametrize("model", MODELS)
class TestChat:
    def test_whole_with_usage_and_the_requests_id(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told = client.chat.completions.create(model=model, messages=[USER])
        assert told.choices[0].message.content == "Name three rivers."
        assert told.usage is not None
        assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens > 0
        assert (told._request_id or "").startswith("req_")

    def test_streamed_with_usage_only_where_it_was_asked_for(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            plain = list(client.chat.completions.create(model=model, messages=[USER], stream=True))
            told = list(client.chat.completions.create(model=model, messages=[USER], stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "Name three rivers."
        assert not any(chunk.usage for chunk in plain)
        assert told[-1].usage
        assert told[-1].choices == []
        assert len({chunk.id for chunk in told}) == 1

    def test_asynchronously(self, stage: Stage, model: str) -> None:
        async def ask() -> str:
            async with openai.AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="any-key", max_retries=0) as client:
                whole = await client.chat.completions.create(model=model, messages=[USER])
                pieces = [chunk async for chunk in await client.chat.completions.create(model=model, messages=[USER], stream=True)]
            assert whole.choices[0].message.content == "Name three rivers."
            return "".join(chunk.choices[0].delta.content or "" for chunk in pieces)

        assert asyncio.run(ask()) == "Name three rivers."

    def test_a_picture_arrives(self, stage: Stage, model: str) -> None:
        content: Any = [{"type": "text", "text": SEE}, {"type": "image_url", "image_url": {"url": PICTURE}}]
        with sdk(stage.url) as client:
            told = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
        assert told.choices[0].message.content == f"image/png of {len(PNG)} bytes"

    def test_an_answer_of_a_type(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told = client.chat.completions.parse(model=model, messages=[USER], response_format=River)
            with client.chat.completions.stream(model=model, messages=[USER], response_format=River) as events:
                last = events.get_final_completion()
        for answer in (told, last):
            assert answer.choices[0].message.parsed == River.model_validate(RIVER)
        asked = stage.emulator.requests[-1].request
        assert asked is not None
        assert isinstance(asked.response_format, JsonFormat)
        assert set((asked.response_format.schema or {})["properties"]) == {"name", "length_km"}

    def test_the_thoughts_are_shown(self, stage: Stage, model: str) -> None:
        asked: Any = {"model": model, "messages": [{"role": "user", "content": THINK}]}
        with sdk(stage.url) as client:
            whole: Any = client.chat.completions.create(**asked).choices[0].message
            pieces: list[Any] = [chunk.choices[0].delta for chunk in client.chat.completions.create(**asked, stream=True)]
        assert whole.reasoning_content == "The Nile or the Amazon?"
        assert "".join(getattr(piece, "reasoning_content", None) or "" for piece in pieces) == whole.reasoning_content


@pytest.mark.parametrize("model", MODELS)
class TestResponses:
    def test_whole_and_streamed(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            whole = client.responses.create(model=model, input="Name three rivers.")
            with client.responses.stream(model=model, input="Name three rivers.") as events:
                kinds = [event.type for event in events]
                last = events.get_final_response()
        assert whole.output_text == last.output_text == "Name three rivers."
        assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
        assert (whole._request_id or "").startswith("req_")

    def test_an_answer_of_a_type(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            assert client.responses.parse(model=model, input="Which?", text_format=River).output_parsed == River.model_validate(RIVER)

    def test_a_picture_arrives(self, stage: Stage, model: str) -> None:
        content: Any = [{"type": "input_text", "text": SEE}, {"type": "input_image", "detail": "auto", "image_url": PICTURE}]
        with sdk(stage.url) as client:
            told = client.responses.create(model=model, input=[{"role": "user", "content": content}])
        assert told.output_text == f"image/png of {len(PNG)} bytes"


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
def test_it_goes_on_from_an_earlier_answer_where_the_upstream_keeps_none(stage: Stage, model: str) -> None:
    with sdk(stage.url) as client:
        first = client.responses.create(model=model, input="Name three rivers.")
        client.responses.create(model=model, input="And a lake?", previous_response_id=first.id)
        kept = client.responses.retrieve(first.id)
    assert kept.output_text == first.output_text
    asked = stage.emulator.requests[-1].request
    assert asked is not None
    assert [message.text for message in asked.messages] == ["Name three rivers.", "Name three rivers.", "And a lake?"]


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_of_responses_go_back_as_they_came(stage: Stage, stream: bool) -> None:
    """Of the vendor's own, whose signature is the encrypted content."""
    asked: Any = {"model": "openai/gpt-4.1", "store": False, "include": ["reasoning.encrypted_content"]}
    said: list[Any] = [{"role": "user", "content": THINK}]
    with sdk(stage.url) as client:
        if stream:
            with client.responses.stream(input=said, **asked) as events:
                first: Any = events.get_final_response()
        else:
            first = client.responses.create(input=said, **asked)
        said += [item.model_dump(exclude_none=True) for item in first.output]
        client.responses.create(input=[*said, {"role": "user", "content": "Thanks."}], **asked)
    last = stage.emulator.requests[-1].request
    assert last is not None
    (thought,) = parts_of(last.messages, Reasoning)
    assert (thought.text, thought.signature) == ("The Nile or the Amazon?", SIGNATURE)


class TestOperations:
    @pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "gemini/gemini-embedding-001", "cohere/embed-v4.0"])
    def test_embeddings(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told = client.embeddings.create(model=model, input=["a river", "a lake"])
        assert [one.index for one in told.data] == [0, 1]
        assert all(isinstance(value, float) for one in told.data for value in one.embedding)

    def test_pictures(self, stage: Stage) -> None:
        with sdk(stage.url) as client:
            told = client.images.generate(model="openai/gpt-image-1", prompt="A river.", size="1024x1024")
        assert told.data
        assert base64.b64decode(told.data[0].b64_json or "").startswith(b"\x89PNG")

    def test_speech_and_its_transcript(self, stage: Stage) -> None:
        with sdk(stage.url) as client:
            spoken = client.audio.speech.create(model="openai/gpt-4o-mini-tts", voice="alloy", input="A river.", response_format="wav")
            assert spoken.content.startswith(b"RIFF")
            heard = client.audio.transcriptions.create(model="openai/whisper-1", file=("a.wav", io.BytesIO(wav(1.0))))
        assert heard.text == "The sound lasts 1 seconds."

    def test_moderation(self, stage: Stage) -> None:
        with sdk(stage.url) as client:
            told = client.moderations.create(model="openai/omni-moderation-latest", input=["calm", "flag:violence"])
        assert [one.flagged for one in told.results] == [False, True]

    def test_the_models_of_all_providers(self, stage: Stage) -> None:
        with sdk(stage.url) as client:
            names = [model.id for model in client.models.list()]
            one = client.models.retrieve("anthropic/claude-sonnet-4-5")
        assert {name.partition("/")[0] for name in names} >= {"openai", "anthropic", "gemini", "cohere", "bedrock"}
        assert one.id == "anthropic/claude-sonnet-4-5"

    def test_legacy_completions(self, stage: Stage) -> None:
        with sdk(stage.url) as client:
            told = client.completions.create(model="anthropic/claude-sonnet-4-5", prompt="Name three rivers.", max_tokens=64)
        assert told.choices[0].text == "Name three rivers."


def test_what_the_gateway_tells_of_itself_is_seen_in_the_raw_response(stage: Stage) -> None:
    with sdk(stage.url) as client:
        raw = client.chat.completions.with_raw_response.create(model="anthropic/claude-sonnet-4-5", messages=[USER], seed=7)
    assert raw.headers["x-dragoman-target"] == "anthropic/claude-sonnet-4-5"
    assert "seed" in raw.headers["x-dragoman-warning"]
