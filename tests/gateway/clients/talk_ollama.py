"""Ollama's SDK holding a conversation with tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import ollama

from .play import LOOP, TOOLS
from .talk import Made, Turn


class Chat:
    """``/api/chat``, where calls have no ids: results follow in the order of the calls, with the tools' names."""

    def __init__(self, url: str, model: str) -> None:
        self._model = model
        self._sdk = ollama.Client(host=url, trust_env=False)
        self._messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": LOOP}]
        self._tools: Any = [
            {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
            for tool in TOOLS
        ]

    def close(self) -> None:
        self._sdk._client.close()

    def ask(self, streamed: bool) -> Turn:
        asked: Any = {"model": self._model, "messages": self._messages, "tools": self._tools}
        told: list[Any] = list(self._sdk.chat(**asked, stream=True)) if streamed else [self._sdk.chat(**asked)]
        calls = [call for one in told for call in one.message.tool_calls or ()]
        text = "".join(one.message.content or "" for one in told)
        thought = "".join(one.message.thinking or "" for one in told)
        self._messages.append({"role": "assistant", "content": text, "thinking": thought or None, "tool_calls": calls})
        return Turn([Made("", call.function.name, json.dumps(call.function.arguments)) for call in calls], text)

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        self._messages += [{"role": "tool", "tool_name": call.name, "content": result} for call, result in results]
