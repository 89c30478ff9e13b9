"""Recorded exchanges with the vendor, where they are at hand, and what to leave aside when two bodies are compared."""

from __future__ import annotations

from typing import Any


def canonical_request(body: Any) -> Any:
    """What the wire says in several ways, in one: the form in which a request is written.

    A string is a list of one text block; ``is_error: false``, ``stream: false``, empty lists of tools and citations, and ``null`` are said
    by saying nothing; ``output_format`` is ``output_config.format``; a user's turns beside tool results are one turn.
    """
    body = {
        name: value for name, value in body.items() if not (name == "stream" and value is False) and not (name == "tools" and not value)
    }
    if "output_format" in body:
        body["output_config"] = {**body.get("output_config", {}), "format": body.pop("output_format")}
    if "system" in body:
        body["system"] = _blocks(body["system"])
    turns: list[dict[str, Any]] = []
    for message in body["messages"]:
        turn = {**message, "content": _blocks(message["content"])}
        kinds = {block["type"] for one in (*turns[-1:], turn) for block in one["content"]}
        if turns and turns[-1]["role"] == turn["role"] == "user" and "tool_result" in kinds:
            turns[-1]["content"] += turn["content"]
        else:
            turns.append(turn)
    return without_nothing({**body, "messages": turns})


def _blocks(content: Any) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    blocks = []
    for block in content:
        block = {name: value for name, value in block.items() if not (name == "is_error" and value is False)}
        if block["type"] == "tool_result" and "content" in block:
            block["content"] = _blocks(block["content"])
        if block.get("citations") == []:
            del block["citations"]
        blocks.append(block)
    return blocks


def without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nothing(inner) for name, inner in value.items() if inner is not None}
    return [without_nothing(inner) for inner in value] if isinstance(value, list) else value
