"""Anthropic's SDK holding a conversation with tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import anthropic

from .play import LOOP, TOOLS
from .talk import Made, Turn


def sdk(url: str, **options: Any) -> anthropic.Anthropic:
    http = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(**{"base_url": url, "api_key": "any-key", "max_retries": 0, "http_client": http, **options})


class Messages:
    """Messages, whose thoughts go back as they came."""

    def __init__(self, url: str, model: str) -> None:
        self._sdk = sdk(url)
        self._messages: list[Any] = [{"role": "user", "content": LOOP}]
        tools = [{"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in TOOLS]
        self._asked: Any = {"model": model, "max_tokens": 4096, "system": "Be brief.", "tools": tools}

    def close(self) -> None:
        self._sdk.close()

    def ask(self, streamed: bool) -> Turn:
        pieces: dict[int, list[str]] = {}
        if streamed:
            with self._sdk.messages.stream(messages=self._messages, **self._asked) as events:
                for event in events:
                    if event.type == "content_block_delta" and event.delta.type == "input_json_delta" and event.delta.partial_json:
                        pieces.setdefault(event.index, []).append(event.delta.partial_json)
                told: Any = events.get_final_message()
        else:
            told = self._sdk.messages.create(messages=self._messages, **self._asked)
        self._messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in told.content]})
        calls = [_made(block, pieces.get(place)) for place, block in enumerate(told.content) if block.type == "tool_use"]
        return Turn(calls, "".join(block.text for block in told.content if block.type == "text"))

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        content = [{"type": "tool_result", "tool_use_id": call.id, "content": result} for call, result in results]
        self._messages.append({"role": "user", "content": content})


def _made(block: Any, pieces: list[str] | None) -> Made:
    if pieces is None:
        return Made(block.id, block.name, json.dumps(block.input))
    return Made(block.id, block.name, "".join(pieces), len(pieces))
