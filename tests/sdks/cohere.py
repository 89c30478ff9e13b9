"""Cohere's SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from cohere import ClientV2

from tests.pairs.features import ARGUMENTS, CLOCK, PNG, SCHEMA, WEATHER

from .shown import Ask, Shown

NAME: Final = "cohere"
USER: Final = {"role": "user", "content": "Name a river."}
CALLED: Final = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}],
}
ONCE: Final[Any] = {"max_retries": 0}


@contextmanager
def client(url: str) -> Iterator[ClientV2]:
    with httpx.Client(trust_env=False) as http:
        yield ClientV2(api_key="k", base_url=url, httpx_client=http)


def asking(**options: Any) -> Ask:
    return lambda sdk: sdk.chat(**{"model": "model-1", "messages": [USER], "request_options": ONCE, **options})


def showing(url: str) -> Ask:
    part = {"type": "image_url", "image_url": {"url": url}}
    return asking(messages=[{"role": "user", "content": [{"type": "text", "text": "Look at this."}, part]}])


def tool(given: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": given.name, "description": given.description, "parameters": given.parameters}}


BOTH: Final = [tool(WEATHER), tool(CLOCK)]
ASKED: Final[dict[str, Ask]] = {
    "system": asking(messages=[{"role": "system", "content": "Be brief."}, USER]),
    "image by data": showing("data:image/png;base64," + base64.b64encode(PNG).decode()),
    "image by URL": showing("https://example.com/a.png"),
    "tools": asking(tools=[tool(WEATHER)]),
    "strict tools": asking(tools=BOTH, strict_tools=True),
    "tool choice: required": asking(tools=BOTH, tool_choice="REQUIRED"),
    "tool call and result": asking(messages=[USER, CALLED, {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}]),
    "max_output_tokens": asking(max_tokens=100),
    "stop": asking(stop_sequences=["END"]),
    "temperature": asking(temperature=0.25),
    "seed": asking(seed=7),
    "JSON answer by schema": asking(response_format={"type": "json_object", "json_schema": SCHEMA}),
    "reasoning budget": asking(thinking={"type": "enabled", "token_budget": 2048}),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: ClientV2, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    return streamed(sdk) if stream else whole(sdk)


def whole(sdk: ClientV2) -> Shown:
    asked: Any = [USER]
    told: Any = sdk.chat(model="model-1", messages=asked, request_options=ONCE)
    blocks = told.message.content or []
    return {
        "text": "".join(block.text for block in blocks if block.type == "text"),
        "reasoning": "".join(block.thinking for block in blocks if block.type == "thinking"),
        "tool calls": [(call.function.name, call.function.arguments) for call in told.message.tool_calls or ()],
        "sources": urls_of(told.message.citations or ()),
        "logprobs": [one.text for one in told.logprobs or ()],
        "usage": (told.usage.tokens.input_tokens, told.usage.tokens.output_tokens),
        "cached tokens read": told.usage.cached_tokens,
    }


def streamed(sdk: ClientV2) -> Shown:
    asked: Any = [USER]
    events: list[Any] = list(sdk.chat_stream(model="model-1", messages=asked, request_options=ONCE))
    by_kind: dict[str, list[Any]] = {}
    for event in events:
        by_kind.setdefault(event.type, []).append(event)
    pieces = by_kind.get("content-delta", [])
    usage = events[-1].delta.usage
    starts = {event.index: event.delta.message.tool_calls.function for event in by_kind.get("tool-call-start", [])}
    arguments = {index: function.arguments or "" for index, function in starts.items()}
    for event in by_kind.get("tool-call-delta", []):
        arguments[event.index] += event.delta.message.tool_calls.function.arguments
    return {
        "text": "".join(event.delta.message.content.text or "" for event in pieces),
        "reasoning": "".join(event.delta.message.content.thinking or "" for event in pieces),
        "tool calls": [(function.name, arguments[index]) for index, function in starts.items()],
        "sources": urls_of([event.delta.message.citations for event in by_kind.get("citation-start", [])]),
        "logprobs": [event.logprobs.text for event in pieces if event.logprobs],
        "usage": (usage.tokens.input_tokens, usage.tokens.output_tokens),
        "cached tokens read": usage.cached_tokens,
    }


def urls_of(citations: Any) -> list[str]:
    return sorted({source.document["url"] for citation in citations for source in citation.sources})
