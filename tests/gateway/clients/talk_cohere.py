"""Cohere's SDK holding a conversation with tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import httpx
from cohere import ClientV2

from .play import LOOP, TOOLS
from .talk import Made, Turn

ONCE: Final[Any] = {"max_retries": 0}


class Chat:
    """``/v2/chat``."""

    def __init__(self, url: str, model: str) -> None:
        self._http = httpx.Client(trust_env=False)
        self._sdk = ClientV2(api_key="any-key", base_url=url, httpx_client=self._http)
        self._messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": LOOP}]
        tools = [
            {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
            for tool in TOOLS
        ]
        self._asked: Any = {"model": model, "tools": tools, "request_options": ONCE}

    def close(self) -> None:
        self._http.close()

    def ask(self, streamed: bool) -> Turn:
        turn = self._streamed() if streamed else self._whole()
        told: dict[str, Any] = {"role": "assistant"}
        if turn.calls:
            told["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in turn.calls
            ]
            told["tool_plan"] = turn.text or None
        else:
            told["content"] = turn.text
        self._messages.append({name: value for name, value in told.items() if value is not None})
        return turn

    def _whole(self) -> Turn:
        told: Any = self._sdk.chat(messages=self._messages, **self._asked).message
        text = "".join(block.text for block in told.content or () if block.type == "text")
        return Turn([Made(call.id, call.function.name, call.function.arguments) for call in told.tool_calls or ()], text)

    def _streamed(self) -> Turn:
        calls: dict[int, Made] = {}
        text = ""
        event: Any
        for event in self._sdk.chat_stream(messages=self._messages, **self._asked):
            if event.type == "content-delta":
                text += event.delta.message.content.text or ""
            elif event.type == "tool-call-start":
                call = event.delta.message.tool_calls
                calls[event.index] = Made(call.id, call.function.name, call.function.arguments or "", 0)
            elif event.type == "tool-call-delta":
                call, more = calls[event.index], event.delta.message.tool_calls.function.arguments
                calls[event.index] = Made(call.id, call.name, call.arguments + more, (call.pieces or 0) + 1)
        return Turn(list(calls.values()), text)

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        self._messages += [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in results]
