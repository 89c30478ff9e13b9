"""Answers of a type, by the SDKs' own means: each sends its schema, and reads the value out of what we say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from pydantic import BaseModel

from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta
from dragoman.core.request import JsonFormat
from tests.wire.served import said, serving

from . import anthropic_messages, cohere, gemini, ollama, openai_chat
from .matrix import BASES, SDKS


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


LOIRE: Final = River(name="Loire", length_km=1006)
SAID: Final[list[Event]] = [
    Started(id="a", model="model-1", created_s=1),
    BlockStarted(0, "text"),
    TextDelta(0, LOIRE.model_dump_json()),
    BlockEnded(0),
    Finished(FinishReason("stop")),
]
SCHEMA: Final = River.model_json_schema()


def from_chat(client: Any) -> Any:
    told = client.chat.completions.parse(model="model-1", messages=[openai_chat.USER], response_format=River)
    return told.choices[0].message.parsed


def from_ollama(client: Any) -> Any:
    return River.model_validate_json(client.chat("model-1", [ollama.USER], format=SCHEMA).message.content)


def from_gemini(client: Any) -> Any:
    config = {"response_mime_type": "application/json", "response_schema": River}
    return client.models.generate_content(model=gemini.MODEL, contents="Which?", config=config).parsed


def from_cohere(client: Any) -> Any:
    form = {"type": "json_object", "json_schema": SCHEMA}
    told = client.chat(model="model-1", messages=[cohere.USER], response_format=form, request_options=cohere.ONCE)
    return River.model_validate_json(told.message.content[0].text)


PARSED: Final[dict[str, Callable[[Any], Any]]] = {
    "openai_chat": from_chat,
    "openai_responses": lambda client: client.responses.parse(model="model-1", input="Which?", text_format=River).output_parsed,
    "anthropic_messages": lambda client: (
        client.messages.parse(model="model-1", max_tokens=4096, messages=[anthropic_messages.USER], output_format=River).parsed_output
    ),
    "gemini": from_gemini,
    "ollama": from_ollama,
    "cohere": from_cohere,
}


@pytest.mark.parametrize("name", PARSED)
def test_a_type_is_asked_for_and_its_value_given(name: str) -> None:
    sdk = SDKS[name]
    with serving(name, said(*SAID), bases=BASES.get(name, ("",))) as server, sdk.client(server.root) as client:
        assert PARSED[name](client) == LOIRE
    (asked,) = server.asked
    assert isinstance(asked.response_format, JsonFormat)
    assert asked.response_format.schema is not None
    assert set(asked.response_format.schema["properties"]) == {"name", "length_km"}


def test_every_sdk_with_such_means_is_here() -> None:
    assert set(SDKS) - set(PARSED) == {"openai_completions", "bedrock_converse"}, "these SDKs have no such means of their own"
