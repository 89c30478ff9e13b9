"""A conversation of three turns with tools, by every vendor's SDK to every vendor's upstream: nothing of a call is lost or changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest

from dragoman.core.messages import Reasoning, ToolCall
from dragoman.emulator.pieces import fragments
from tests.gateway.stage import Stage

from . import talk_anthropic, talk_bedrock, talk_cohere, talk_gemini, talk_ollama, talk_openai
from .play import BEFORE_CALLS, FINAL, SIGNATURE, THOUGHT, TURNS, parts_of
from .talk import Turn, hold

CLIENTS: Final[dict[str, Callable[[str, str], Any]]] = {
    "openai_chat": talk_openai.Chat,
    "openai_responses": talk_openai.Responses,
    "anthropic_messages": talk_anthropic.Messages,
    "gemini": talk_gemini.Contents,
    "ollama": talk_ollama.Chat,
    "cohere": talk_cohere.Chat,
    "bedrock_converse": talk_bedrock.Converse,
}
MODELS: Final = {
    "openai": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "cohere": "command-a-03-2025",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "ollama_native": "qwen3",
}
BY_VALUE: Final = ("gemini", "ollama_native")
"""Upstreams on whose wire arguments are an object, so that nobody knows how they were written; they come in one piece."""
AS_TEXT: Final = {"openai_chat", "openai_responses", "cohere"}, {"openai", "cohere"}
"""Clients and upstreams on whose wire arguments are text also in a whole answer."""
SIGNS: Final = {"anthropic": ("anthropic_messages", "bedrock_converse"), "bedrock": ("anthropic_messages", "bedrock_converse")}
"""Upstreams whose thoughts are signed, and the clients whose wire brings a signature back."""


def held(stage: Stage, client: str, upstream: str, streamed: bool) -> list[Turn]:
    with closing(CLIENTS[client](stage.url, f"{upstream}/{MODELS[upstream]}")) as talk:
        return hold(talk, streamed)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", MODELS)
@pytest.mark.parametrize("client", CLIENTS)
def test_three_turns_of_calls_lose_nothing(stage: Stage, client: str, upstream: str, streamed: bool) -> None:
    turns = held(stage, client, upstream, streamed)
    assert turns[-1].text == FINAL
    assert turns[0].text == BEFORE_CALLS
    assert len(turns) == len(TURNS) + 1
    for turn, expected in zip(turns, TURNS, strict=False):
        assert [call.name for call in turn.calls] == [name for name, _ in expected]
        for call, (_, arguments) in zip(turn.calls, expected, strict=True):
            assert json.loads(call.arguments) == json.loads(arguments)
            if not streamed and client in AS_TEXT[0] and upstream in AS_TEXT[1]:
                assert call.arguments == arguments
            if call.pieces is not None and upstream not in BY_VALUE:
                assert call.arguments == arguments
                assert call.pieces == len(list(fragments(arguments)))
    ids = [call.id for turn in turns for call in turn.calls if call.id]
    assert len(set(ids)) == len(ids)
    last = stage.emulator.requests[-1].request
    assert last is not None
    assert [call.name for call in parts_of(last.messages, ToolCall)] == [name for turn in TURNS for name, _ in turn]
    if client in SIGNS.get(upstream, ()):
        (thought,) = parts_of(last.messages, Reasoning)
        assert (thought.text, thought.signature) == (THOUGHT, SIGNATURE)
