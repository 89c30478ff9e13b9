"""AWS's SDK, boto3, holding a conversation with tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 has no types
from botocore.config import Config  # type: ignore[import-untyped]  # likewise

from .play import LOOP, TOOLS
from .talk import Made, Turn


class Converse:
    """``Converse``, whose thoughts go back as they came."""

    def __init__(self, url: str, model: str) -> None:
        self._sdk = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        self._messages: list[Any] = [{"role": "user", "content": [{"text": LOOP}]}]
        tools = [
            {"toolSpec": {"name": tool.name, "description": tool.description, "inputSchema": {"json": tool.parameters}}} for tool in TOOLS
        ]
        self._asked: dict[str, Any] = {"modelId": model, "system": [{"text": "Be brief."}], "toolConfig": {"tools": tools}}

    def close(self) -> None:
        self._sdk.close()

    def ask(self, streamed: bool) -> Turn:
        blocks, pieces = self._streamed() if streamed else (self._whole(), {})
        self._messages.append({"role": "assistant", "content": blocks})
        calls = [_made(block["toolUse"], pieces.get(place)) for place, block in enumerate(blocks) if "toolUse" in block]
        return Turn(calls, "".join(block.get("text", "") for block in blocks))

    def _whole(self) -> list[Any]:
        blocks: list[Any] = self._sdk.converse(messages=self._messages, **self._asked)["output"]["message"]["content"]
        return blocks

    def _streamed(self) -> tuple[list[Any], dict[int, list[str]]]:
        blocks: dict[int, Any] = {}
        pieces: dict[int, list[str]] = {}
        with closing(self._sdk.converse_stream(messages=self._messages, **self._asked)["stream"]) as events:
            for event in events:
                for told in (event[kind] for kind in ("contentBlockStart", "contentBlockDelta") if kind in event):
                    place = told["contentBlockIndex"]
                    _add(blocks.setdefault(place, {}), told.get("start") or told.get("delta") or {}, pieces.setdefault(place, []))
        for place, made in pieces.items():
            if made:
                blocks[place]["toolUse"]["input"] = json.loads("".join(made))
        return list(blocks.values()), {place: made for place, made in pieces.items() if made}

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        content = [{"toolResult": {"toolUseId": call.id, "content": [{"text": result}]}} for call, result in results]
        self._messages.append({"role": "user", "content": content})


def _add(block: dict[str, Any], told: dict[str, Any], pieces: list[str]) -> None:
    if "text" in told:
        block["text"] = block.get("text", "") + told["text"]
    elif "input" in told.get("toolUse", {}):
        pieces.append(told["toolUse"]["input"])
    elif "toolUse" in told:
        block["toolUse"] = dict(told["toolUse"])
    elif "reasoningContent" in told:
        thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
        thought.update({"text": thought["text"] + told["reasoningContent"].get("text", "")})
        thought.update({name: value for name, value in told["reasoningContent"].items() if name == "signature"})


def _made(call: Any, pieces: list[str] | None) -> Made:
    if pieces is None:
        return Made(call["toolUseId"], call["name"], json.dumps(call["input"]))
    return Made(call["toolUseId"], call["name"], "".join(pieces), len(pieces))
