"""Ollama's SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import ollama

from tests.pairs.features import CLOCK, PNG, SCHEMA

from .shown import Ask, Shown

NAME: Final = "ollama"
USER: Final = {"role": "user", "content": "Name a river."}
CALLED: Final = {"role": "assistant", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Köln"}}}]}


@contextmanager
def client(url: str) -> Iterator[ollama.Client]:
    sdk = ollama.Client(host=url)
    try:
        yield sdk
    finally:
        sdk._client.close()


def asking(**options: Any) -> Ask:
    return lambda sdk: sdk.chat(**{"model": "model-1", "messages": [USER], **options})


def tool(given: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": given.name, "description": given.description, "parameters": given.parameters}}


ASKED: Final[dict[str, Ask]] = {
    "system": asking(messages=[{"role": "system", "content": "Be brief."}, USER]),
    "image by data": asking(messages=[{"role": "user", "content": "Look at this.", "images": [PNG]}]),
    "tools": asking(tools=[tool(CLOCK)]),
    "tool call and result": asking(messages=[USER, CALLED, {"role": "tool", "tool_name": "weather", "content": "Rain."}]),
    "picture from a tool": asking(
        messages=[USER, CALLED, {"role": "tool", "tool_name": "weather", "content": "Shown:", "images": [PNG]}],
    ),
    "max_output_tokens": asking(options={"num_predict": 100}),
    "stop": asking(options={"stop": ["END"]}),
    "temperature": asking(options={"temperature": 0.25}),
    "seed": asking(options={"seed": 7}),
    "JSON answer by schema": asking(format=SCHEMA),
    "reasoning effort": asking(think="low"),
}
VALUES: Final[dict[str, Any]] = {"tools": (CLOCK,)}
"""What is asked in place of a feature's first value: of a tool's schema the SDK sends types, properties and what is required alone."""
BEYOND: Final = {"picture": "the SDK refuses an answer with a picture: it takes an image's base64 for no `Image`"}
"""What the wire carries and the SDK has no word for."""


def read(sdk: ollama.Client, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    pieces: list[Any] = list(sdk.chat("model-1", [USER], stream=True)) if stream else [sdk.chat("model-1", [USER])]
    messages = [piece.message for piece in pieces]
    return {
        "text": "".join(message.content or "" for message in messages),
        "reasoning": "".join(message.thinking or "" for message in messages),
        "tool calls": [(call.function.name, call.function.arguments) for message in messages for call in message.tool_calls or ()],
        "picture": [base64.b64decode(image.value) for message in messages for image in message.images or ()],
        "logprobs": [one.token for piece in pieces for one in piece.logprobs or ()],
        "usage": (pieces[-1].prompt_eval_count, pieces[-1].eval_count),
    }
