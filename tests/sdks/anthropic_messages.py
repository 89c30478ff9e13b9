"""Anthropic's SDK."""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from typing import Any, Final

import anthropic

from tests.pairs.features import CLOCK, PDF, PNG, SCHEMA, WEATHER

from .shown import Ask, Shown

NAME: Final = "anthropic_messages"
USER: Final = {"role": "user", "content": "Name a river."}
PICTURE: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}}
CALLED: Final = {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Köln"}}]}
THOUGHT: Final = {"type": "thinking", "thinking": "First think hard.", "signature": "c2lnbmVk"}


def client(url: str) -> AbstractContextManager[anthropic.Anthropic]:
    return anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, http_client=anthropic.DefaultHttpxClient(trust_env=False))


def asking(**options: Any) -> Ask:
    return lambda sdk: sdk.messages.create(**{"model": "model-1", "max_tokens": 4096, "messages": [USER], **options})


def showing(part: dict[str, Any]) -> Ask:
    return asking(messages=[{"role": "user", "content": [{"type": "text", "text": "Look at this."}, part]}])


def tool(given: Any, **more: Any) -> dict[str, Any]:
    return {"name": given.name, "description": given.description, "input_schema": given.parameters, **more}


def result(content: Any, **more: Any) -> Ask:
    given = {"type": "tool_result", "tool_use_id": "call_1", "content": content, **more}
    return asking(messages=[USER, CALLED, {"role": "user", "content": [given]}])


BOTH: Final = [tool(WEATHER), tool(CLOCK)]
ASKED: Final[dict[str, Ask]] = {
    "system": asking(system="Be brief."),
    "image by data": showing(PICTURE),
    "image by URL": showing({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
    "document by data": showing(
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()}}
    ),
    "tools": asking(tools=[tool(WEATHER)]),
    "strict tools": asking(tools=[tool(WEATHER, strict=True), tool(CLOCK, strict=True)]),
    "tool choice: required": asking(tools=BOTH, tool_choice={"type": "any"}),
    "tool choice: one tool": asking(tools=BOTH, tool_choice={"type": "tool", "name": "weather"}),
    "tool call and result": result("Rain."),
    "picture from a tool": result([{"type": "text", "text": "Shown:"}, PICTURE]),
    "failed tool": result("No network.", is_error=True),
    "reasoning, signed": asking(messages=[USER, {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "Done."}]}, USER]),
    "max_output_tokens": asking(max_tokens=100),
    "stop": asking(stop_sequences=["END"]),
    "temperature": asking(extra_body={"temperature": 0.25}),  # what the SDK has no argument for is said so
    "JSON answer by schema": asking(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "reasoning effort": asking(output_config={"effort": "low"}),
    "reasoning budget": asking(thinking={"type": "enabled", "budget_tokens": 2048}),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: anthropic.Anthropic, stream: bool) -> Shown:
    """What the SDK gives out of an answer, put together by its own accumulator where it is streamed."""
    asked: Any = {"model": "model-1", "max_tokens": 4096, "messages": [USER]}
    if stream:
        with sdk.messages.stream(**asked) as events:
            return seen(events.get_final_message())
    return seen(sdk.messages.create(**asked))


def seen(told: Any) -> Shown:
    blocks: dict[str, list[Any]] = {}
    for block in told.content:
        blocks.setdefault(block.type, []).append(block)
    texts, thoughts = blocks.get("text", []), blocks.get("thinking", [])
    usage = told.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return {
        "text": "".join(block.text for block in texts),
        "reasoning": "".join(block.thinking for block in thoughts),
        "reasoning's signature": [block.signature for block in thoughts if block.signature],
        "tool calls": [(block.name, block.input) for block in blocks.get("tool_use", [])],
        "sources": sorted({one.url for block in texts for one in block.citations or ()}),
        "usage": (usage.input_tokens + cached, usage.output_tokens),
        "cached tokens read": usage.cache_read_input_tokens,
    }
