"""Recorded exchanges with five services that speak this wire, where they are at hand, and a plain reading of their answers."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.recordings import Exchange

SCHEMA = "openresponses-openapi.json.gz"
STREAMS, WHOLES, ERRORS = "*.responses.stream", "*.responses.json", "*.responses.errors"


def is_stream(exchange: Exchange) -> bool:
    return "-stream-" in exchange["id"]


def told(exchange: Exchange) -> bytes:
    body: str = exchange["response"]["body"]
    return body.encode()


# --- a plain reading: split, json.loads, take the final items ---------------------------------------------------------------------------


def objects_of(exchange: Exchange) -> list[Any]:
    """The JSON of every event; the recordings have one data line an event."""
    lines = told(exchange).decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def final_response(exchange: Exchange) -> Any:
    """The response at the end, its items being those that the stream told (some hosts name them anew there), and any that it did not."""
    if not is_stream(exchange):
        return json.loads(told(exchange))
    objects = objects_of(exchange)
    items: dict[int, Any] = {one["output_index"]: one["item"] for one in objects if one["type"] == "response.output_item.done"}
    final = objects[-1]["response"]
    items = {**dict(enumerate(final["output"])), **items}
    return {**final, "output": [items[index] for index in sorted(items)]}


def text_of(response: Any) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


def deltas_of(exchange: Exchange, kind: str) -> str:
    return "".join(one["delta"] for one in objects_of(exchange) if one["type"] == f"response.{kind}.delta")


def reasoning_of(response: Any) -> list[str]:
    items = [item for item in response["output"] if item["type"] == "reasoning"]
    return ["\n\n".join(piece["text"] for field in ("summary", "content") for piece in item.get(field) or []) for item in items]


def calls_of(response: Any) -> list[tuple[str, str, str]]:
    return [(item["call_id"], _called(item), _said(item)) for item in response["output"] if is_callers(item)]


def is_callers(item: Any) -> bool:
    """Whether the caller runs what the item calls."""
    return item["type"] in ("function_call", "custom_tool_call") or (item["type"] == "tool_search_call" and item["execution"] == "client")


def _called(item: Any) -> str:
    name: str = item.get("name", "tool_search")
    return f"{item['namespace']}__{name}" if item.get("namespace") else name


def _said(item: Any) -> str:
    """Free text stands in an object's one string; what a search looks for is an object."""
    told = {"input": item["input"]} if item["type"] == "custom_tool_call" else item["arguments"]
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def annotations_of(response: Any) -> list[Any]:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return [annotation for part in parts for annotation in part.get("annotations") or []]


def others_of(response: Any) -> list[Any]:
    return [item for item in response["output"] if item["type"] not in ("message", "reasoning") and not is_callers(item)]


def usage_of(response: Any) -> tuple[Any, ...] | None:
    usage = response["usage"]
    if usage is None:
        return None
    inputs, outputs = usage["input_tokens_details"], usage["output_tokens_details"]
    return (
        usage["input_tokens"],
        inputs.get("cached_tokens"),
        inputs.get("cache_write_tokens"),
        usage["output_tokens"],
        outputs.get("reasoning_tokens"),
    )


# --- what is said in several ways, in one -----------------------------------------------------------------------------------------------


def canonical_request(body: Any) -> Any:
    """The form in which a request is written.

    A string as ``input`` is one user message; every item has a type; one bare text is a plain string; a text of the model's has its list of
    annotations; an image has a detail; null, ``stream: false``, and empty lists of tools and ``include`` say nothing; a function has all
    its fields; a message with a name has a status.
    """
    body = {name: value for name, value in body.items() if value is not None and (name, value) not in (("stream", False), ("tools", []))}
    if isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    if body.get("input") is not None:
        body["input"] = [_item(item) for item in body["input"]]
    if "tools" in body:
        body["tools"] = [_tool(tool) for tool in body["tools"]]
    for name in ("reasoning", "text"):
        if name in body:
            body[name] = {field: value for field, value in body[name].items() if value is not None}
    if not body.get("include"):
        body.pop("include", None)
    return body


def _tool(tool: Any) -> Any:
    if tool["type"] == "namespace":
        return {**tool, "tools": [_tool(one) for one in tool["tools"]]}
    if tool["type"] != "function":
        return tool
    kept = {name: value for name, value in tool.items() if value is not None}
    return {**kept, "parameters": tool.get("parameters"), "strict": tool.get("strict")}


def _item(item: Any) -> Any:
    kind = item.get("type", "message")
    if kind not in ("message", "reasoning", "function_call", "function_call_output"):
        return item
    item = {"type": kind, **{name: value for name, value in item.items() if value is not None}}
    if kind == "message":
        facts = item.keys() - {"type", "role", "content"}
        item["content"] = _content(item["content"], bool(facts) and item["role"] == "assistant")
        if "id" in item and item["role"] == "assistant":
            item = {"status": "completed", **item}
    if kind == "function_call_output":
        item["output"] = _content(item["output"], False)
    return item


def _content(content: Any, has_facts: bool) -> Any:
    if isinstance(content, str):
        return [{"type": "output_text", "text": content, "annotations": []}] if has_facts else content
    parts = [_part(part) for part in content]
    bare = ({"type", "text"}, {"type", "text", "annotations"})
    is_bare = len(parts) == 1 and parts[0].keys() in bare and not parts[0].get("annotations") and not has_facts
    return parts[0]["text"] if is_bare else parts


def _part(part: Any) -> Any:
    if part["type"] == "output_text":
        return {"annotations": [], **part}
    return {"detail": "auto", **part} if part["type"] == "input_image" else part
