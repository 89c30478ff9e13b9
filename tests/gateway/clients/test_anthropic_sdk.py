"""Anthropic's SDK against the gateway, to upstreams of other vendors: what it asks, and what it shows of the answer."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Final

import anthropic
import pytest
from pydantic import BaseModel

from dragoman.core.messages import Reasoning
from dragoman.emulator.media import png
from tests.gateway.stage import Stage

from .play import RIVER, SEE, SIGNATURE, THINK, parts_of
from .talk_anthropic import sdk

MODELS: Final = ("anthropic/claude-sonnet-4-5", "openai/gpt-4.1", "gemini/gemini-2.5-flash")
USER: Final[Any] = {"role": "user", "content": "Name three rivers."}
PNG: Final = png(8, 8, b"\x10\x20\x30")


class River(BaseModel):
    name: str
    length_km: int


def asking(model: str, *messages: Any) -> Any:
    return {"model": model, "max_tokens": 64, "messages": messages or [USER]}


@pytest.mark.parametrize("model", MODELS)
class TestMessages:
    def test_whole_with_usage_and_the_requests_id(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told: Any = client.messages.create(**asking(model))
        assert told.content[0].text == "Name three rivers."
        assert told.stop_reason == "end_turn"
        assert told.usage.output_tokens > 0
        assert told._request_id.startswith("req_")

    def test_streamed(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client, client.messages.stream(**asking(model)) as events:
            assert list(events.text_stream) == ["Name", " three", " rivers."]
            assert events.get_final_message().usage.output_tokens > 0
            assert (events.request_id or "").startswith("req_")

    def test_asynchronously(self, stage: Stage, model: str) -> None:
        async def ask() -> str:
            async with anthropic.AsyncAnthropic(base_url=stage.url, auth_token="any-key", max_retries=0) as client:
                whole: Any = await client.messages.create(**asking(model))
                async with client.messages.stream(**asking(model)) as events:
                    text = "".join([piece async for piece in events.text_stream])
            assert whole.content[0].text == text
            return text

        assert asyncio.run(ask()) == "Name three rivers."

    def test_beta_messages(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told: Any = client.beta.messages.create(betas=["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"], **asking(model))
            with client.beta.messages.stream(betas=["interleaved-thinking-2025-05-14"], **asking(model)) as events:
                last: Any = events.get_final_message()
        assert told.content[0].text == last.content[0].text == "Name three rivers."

    def test_a_picture_arrives(self, stage: Stage, model: str) -> None:
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}}
        with sdk(stage.url) as client:
            told: Any = client.messages.create(**asking(model, {"role": "user", "content": [{"type": "text", "text": SEE}, picture]}))
        assert told.content[0].text == f"image/png of {len(PNG)} bytes"

    def test_an_answer_of_a_type(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            told = client.messages.parse(**asking(model), output_format=River)
        assert told.parsed_output == River.model_validate(RIVER)

    def test_the_thoughts_are_shown(self, stage: Stage, model: str) -> None:
        thinking: Any = {"type": "enabled", "budget_tokens": 1024}
        with sdk(stage.url) as client:
            whole: Any = client.messages.create(
                **{**asking(model, {"role": "user", "content": THINK}), "max_tokens": 2048}, thinking=thinking
            )
        assert [block.type for block in whole.content] == ["thinking", "text"]
        assert whole.content[0].thinking == "The Nile or the Amazon?"

    def test_tokens_are_counted_or_it_is_told_in_the_vendors_form_that_they_are_not(self, stage: Stage, model: str) -> None:
        with sdk(stage.url) as client:
            if model.startswith("openai/"):
                with pytest.raises(anthropic.BadRequestError) as caught:
                    client.messages.count_tokens(model=model, messages=[USER])
                told: Any = caught.value.body
                assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")
            else:
                assert client.messages.count_tokens(model=model, messages=[USER]).input_tokens == 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"])
def test_thoughts_go_back_as_they_came(stage: Stage, model: str, stream: bool) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    asked = {**asking(model, {"role": "user", "content": THINK}), "max_tokens": 2048, "thinking": thinking}
    with sdk(stage.url) as client:
        if stream:
            with client.messages.stream(**asked) as events:
                first: Any = events.get_final_message()
        else:
            first = client.messages.create(**asked)
        said = [*asked["messages"], {"role": "assistant", "content": first.content}, {"role": "user", "content": "Thanks."}]
        client.messages.create(**{**asked, "messages": said})
    last = stage.emulator.requests[-1].request
    assert last is not None
    (thought,) = parts_of(last.messages, Reasoning)
    assert (thought.text, thought.signature) == ("The Nile or the Amazon?", SIGNATURE)


def test_the_models_of_all_providers(stage: Stage) -> None:
    with sdk(stage.url) as client:
        names = [model.id for model in client.models.list()]
        one = client.models.retrieve("openai/gpt-4.1")
    assert {name.partition("/")[0] for name in names} >= {"openai", "anthropic", "gemini", "cohere", "bedrock"}
    assert one.id == "openai/gpt-4.1"
