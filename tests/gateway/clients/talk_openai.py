"""OpenAI's SDK holding a conversation with tools: chat completions and responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai

from .play import LOOP, TOOLS
from .talk import Made, Turn


def sdk(url: str, **options: Any) -> openai.OpenAI:
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(**{"base_url": f"{url}/v1", "api_key": "any-key", "max_retries": 0, "http_client": http, **options})


class Chat:
    """Chat completions."""

    def __init__(self, url: str, model: str) -> None:
        self._model = model
        self._sdk = sdk(url)
        self._messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": LOOP}]
        self._tools: Any = [
            {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
            for tool in TOOLS
        ]

    def close(self) -> None:
        self._sdk.close()

    def ask(self, streamed: bool) -> Turn:
        return self._streamed() if streamed else self._whole()

    def _whole(self) -> Turn:
        answer = self._sdk.chat.completions.create(model=self._model, messages=self._messages, tools=self._tools)
        told: Any = answer.choices[0].message
        self._messages.append(told.model_dump(exclude_none=True))
        return Turn([Made(call.id, call.function.name, call.function.arguments) for call in told.tool_calls or ()], told.content or "")

    def _streamed(self) -> Turn:
        calls: dict[int, Made] = {}
        text = ""
        for chunk in self._sdk.chat.completions.create(model=self._model, messages=self._messages, tools=self._tools, stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or ():
                    calls[piece.index] = _grown(calls.get(piece.index), piece)
        made = list(calls.values())
        self._messages.append(
            {"role": "assistant", "content": text or None, **({"tool_calls": [_call(one) for one in made]} if made else {})}
        )
        return Turn(made, text)

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        self._messages += [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in results]


def _grown(call: Made | None, piece: Any) -> Made:
    call = call or Made(piece.id, piece.function.name, "", 0)
    more = piece.function.arguments or ""
    return Made(call.id, call.name, call.arguments + more, (call.pieces or 0) + bool(more))


def _call(made: Made) -> Any:
    return {"id": made.id, "type": "function", "function": {"name": made.name, "arguments": made.arguments}}


class Responses:
    """Responses, with the whole conversation in each request."""

    def __init__(self, url: str, model: str) -> None:
        self._model = model
        self._sdk = sdk(url)
        self._input: list[Any] = [{"role": "user", "content": LOOP}]
        self._tools: Any = [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters, "strict": False}
            for tool in TOOLS
        ]

    def close(self) -> None:
        self._sdk.close()

    def ask(self, streamed: bool) -> Turn:
        asked: Any = {
            "model": self._model,
            "input": self._input,
            "tools": self._tools,
            "instructions": "Be brief.",
            "store": False,
            "include": ["reasoning.encrypted_content"],
        }
        pieces: dict[str, int] | None = None
        if streamed:
            pieces = {}
            with self._sdk.responses.stream(**asked) as events:
                for event in events:
                    if event.type == "response.function_call_arguments.delta":
                        pieces[event.item_id] = pieces.get(event.item_id, 0) + 1
                told: Any = events.get_final_response()
        else:
            told = self._sdk.responses.create(**asked)
        items = [item.model_dump(exclude_none=True, exclude={"parsed_arguments", "status"}) for item in told.output]
        self._input += items
        calls = [
            Made(item.call_id, item.name, item.arguments, None if pieces is None else pieces.get(item.id, 0))
            for item in told.output
            if item.type == "function_call"
        ]
        return Turn(calls, told.output_text)

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        self._input += [{"type": "function_call_output", "call_id": call.id, "output": result} for call, result in results]
