"""AWS's SDK, boto3, on Bedrock's Converse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import boto3  # type: ignore[import-untyped]  # boto3 has no types
from botocore.config import Config  # type: ignore[import-untyped]  # likewise

from tests.pairs.features import CLOCK, PDF, PNG, SCHEMA, WEATHER
from tests.pairs.table import MODELS

from .shown import Ask, Shown

NAME: Final = "bedrock_converse"
USER: Final = {"role": "user", "content": [{"text": "Name a river."}]}
CALLED: Final = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Köln"}}}]}
THOUGHT: Final = {"reasoningContent": {"reasoningText": {"text": "First think hard.", "signature": "c2lnbmVk"}}}
PICTURE: Final = {"image": {"format": "png", "source": {"bytes": PNG}}}
BASE: Final[dict[str, Any]] = {"modelId": MODELS[NAME], "messages": [USER]}


@contextmanager
def client(url: str) -> Iterator[Any]:
    sdk = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=10, connect_timeout=10),
    )
    try:
        yield sdk
    finally:
        sdk.close()


def asking(**options: Any) -> Ask:
    return lambda sdk: sdk.converse(**{**BASE, **options})


def showing(part: dict[str, Any]) -> Ask:
    return asking(messages=[{"role": "user", "content": [{"text": "Look at this."}, part]}])


def tool(given: Any, **more: Any) -> dict[str, Any]:
    return {"toolSpec": {"name": given.name, "description": given.description, "inputSchema": {"json": given.parameters}, **more}}


def result(*content: dict[str, Any], **more: Any) -> Ask:
    given = {"toolResult": {"toolUseId": "call_1", "content": list(content), **more}}
    return asking(messages=[USER, CALLED, {"role": "user", "content": [given]}])


BOTH: Final = [tool(WEATHER), tool(CLOCK)]
FORMAT: Final = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "place"}}}
ASKED: Final[dict[str, Ask]] = {
    "system": asking(system=[{"text": "Be brief."}]),
    "image by data": showing(PICTURE),
    "document by data": showing({"document": {"format": "pdf", "name": "paper", "source": {"bytes": PDF}}}),
    "audio": showing({"audio": {"format": "wav", "source": {"bytes": b"RIFF sound"}}}),
    "tools": asking(toolConfig={"tools": [tool(WEATHER)]}),
    "strict tools": asking(toolConfig={"tools": [tool(WEATHER, strict=True), tool(CLOCK, strict=True)]}),
    "tool choice: required": asking(toolConfig={"tools": BOTH, "toolChoice": {"any": {}}}),
    "tool choice: one tool": asking(toolConfig={"tools": BOTH, "toolChoice": {"tool": {"name": "weather"}}}),
    "tool call and result": result({"text": "Rain."}),
    "picture from a tool": result({"text": "Shown:"}, PICTURE),
    "failed tool": result({"text": "No network."}, status="error"),
    "reasoning, signed": asking(messages=[USER, {"role": "assistant", "content": [THOUGHT, {"text": "Done."}]}, USER]),
    "max_output_tokens": asking(inferenceConfig={"maxTokens": 100}),
    "stop": asking(inferenceConfig={"stopSequences": ["END"]}),
    "temperature": asking(inferenceConfig={"temperature": 0.25}),
    "JSON answer by schema": asking(outputConfig={"textFormat": FORMAT}),
    "reasoning effort": asking(outputConfig={"effort": "low"}),
    "reasoning budget": asking(additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 2048}}),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: Any, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    if not stream:
        told = sdk.converse(**BASE)
        return seen(told["output"]["message"]["content"], told["usage"])
    with closing(sdk.converse_stream(**BASE)["stream"]) as events:
        given = list(events)
    blocks: dict[int, dict[str, Any]] = {}
    for event in given:
        for kind in ("contentBlockStart", "contentBlockDelta"):
            if kind in event:
                told = event[kind]
                add(blocks.setdefault(told["contentBlockIndex"], {}), told.get("start") or told.get("delta") or {})
    return seen([blocks[index] for index in sorted(blocks)], given[-1]["metadata"]["usage"])


def add(block: dict[str, Any], piece: dict[str, Any]) -> None:
    """A piece of a block, put to what there is of it: texts and bytes are joined, other values set."""
    for name, value in piece.items():
        if isinstance(value, dict):
            add(block.setdefault(name, {}), value)
        elif isinstance(value, str | bytes) and type(block.get(name)) is type(value):
            block[name] += value
        else:
            block[name] = value


def seen(blocks: list[dict[str, Any]], usage: dict[str, Any]) -> Shown:
    thoughts = [
        block["reasoningContent"].get("reasoningText", block["reasoningContent"]) for block in blocks if "reasoningContent" in block
    ]
    cited = [block["citationsContent"] for block in blocks if "citationsContent" in block]
    citations = [one for told in cited for one in told["citations"]] + [block["citation"] for block in blocks if "citation" in block]
    texts = [block.get("text", "") for block in blocks] + [one["text"] for told in cited for one in told["content"]]
    cached = usage.get("cacheReadInputTokens", 0)
    return {
        "text": "".join(texts),
        "reasoning": "".join(thought.get("text", "") for thought in thoughts),
        "reasoning's signature": [thought["signature"] for thought in thoughts if thought.get("signature")],
        "tool calls": [(block["toolUse"]["name"], block["toolUse"]["input"]) for block in blocks if "toolUse" in block],
        "sources": sorted({one["location"]["web"]["url"] for one in citations}),
        "picture": [block["image"]["source"]["bytes"] for block in blocks if "image" in block],
        "usage": (usage["inputTokens"] + cached + usage.get("cacheWriteInputTokens", 0), usage["outputTokens"]),
        "cached tokens read": usage.get("cacheReadInputTokens"),
    }
