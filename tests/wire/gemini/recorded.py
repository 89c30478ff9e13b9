"""Recorded exchanges with the vendor, where they are at hand, and a simple reading of them that shares nothing with the dialect's."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from tests.conformance.recordings import Exchange

PLACEHOLDER = base64.b64encode(b"skip_thought_signature_validator").decode()


def body_of(exchange: Exchange) -> bytes:
    """The answer's bytes."""
    body = exchange["response"]["body"]
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def url_of(exchange: Exchange) -> str:
    asked = exchange["request"]
    return f"{asked['path']}?{asked['query']}".removesuffix("?")


def is_stream(exchange: Exchange) -> bool:
    return "event-stream" in exchange["response"]["headers"]["content-type"]


# --- answers ----------------------------------------------------------------------------------------------------------------------------


def chunks_of(exchange: Exchange) -> list[dict[str, Any]]:
    text = body_of(exchange).decode()
    if not is_stream(exchange):
        return [json.loads(text)]
    return [json.loads(line[5:]) for line in re.split(r"\r?\n", text) if line.startswith("data:")]


def parts_of(exchange: Exchange) -> list[dict[str, Any]]:
    """All parts of the only candidate, in order."""
    found = []
    for chunk in chunks_of(exchange):
        for candidate in chunk.get("candidates", []):
            found.extend(candidate.get("content", {}).get("parts", []))
    return found


def meaning_of(exchange: Exchange) -> dict[str, Any]:
    """What an answer says."""
    parts, chunks = parts_of(exchange), chunks_of(exchange)
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    reasons = [one["finishReason"] for chunk in chunks for one in chunk.get("candidates", []) if "finishReason" in one]
    usage = [chunk["usageMetadata"] for chunk in chunks if "usageMetadata" in chunk][-1]
    probable = [one["logprobsResult"] for chunk in chunks for one in chunk.get("candidates", []) if "logprobsResult" in one]
    chosen = [token for one in probable for token in one.get("chosenCandidates", [])]
    own = ("executableCode", "codeExecutionResult")
    return {
        "text": "".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        "reasoning": "".join(part["text"] for part in parts if part.get("thought")),
        "calls": [(call.get("id"), call["name"], call["args"]) for call in calls],
        "signatures": [part["thoughtSignature"] for part in parts if "thoughtSignature" in part],
        "own": [name for part in parts for name in own if name in part],
        "finish": reasons[-1] if reasons else None,
        "input": usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0),
        "output": usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0),
        "thoughts": usage.get("thoughtsTokenCount"),
        "cached": usage.get("cachedContentTokenCount"),
        "tokens": [(one["token"], one["logProbability"]) for one in chosen],
    }


# --- requests ---------------------------------------------------------------------------------------------------------------------------


FREE = frozenset({"args", "response", "parametersJsonSchema", "parameters", "responseJsonSchema", "responseSchema", "labels"})
"""Fields whose names within are the user's own."""
VENDORS = frozenset({"executableCode", "codeExecutionResult", "toolCall", "toolResponse", "modelArmorConfig", "fileSearch", "googleSearch"})
"""Fields that are passed on as they are."""


def camelled(value: Any) -> Any:
    if isinstance(value, list):
        return [camelled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in FREE | VENDORS else camelled(inner) for name, inner in named.items()}


def canonical_request(body: dict[str, Any], model: str) -> dict[str, Any]:
    """What the wire says in several ways, in one: the form in which a request is written.

    ``snake_case`` is ``camelCase``; declared functions stand in one tool, before the vendor's own; a user's contents beside results are one
    content, and so are the model's that follow one another; base64 is of the usual alphabet; levels of thinking are in capitals; no
    arguments are an empty object, and what is empty is not said; models from Gemini 3 on get a placeholder where a turn's first call bears
    no signature.
    """
    body = camelled(body)
    if "tools" in body:
        body["tools"] = _tools(body["tools"])
    contents: list[dict[str, Any]] = []
    for content in body["contents"]:
        content = {"role": content.get("role") or "user", "parts": [_part(part) for part in content["parts"]]}
        pair = [*contents[-1:], content]
        roles = [one["role"] for one in pair]
        results = any("functionResponse" in p for one in pair for p in one["parts"])
        if roles == ["model", "model"] or (roles == ["user", "user"] and results):
            contents[-1]["parts"] += content["parts"]
        else:
            contents.append(content)
    for content in contents:
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first and "gemini-3" in model:
            first.setdefault("thoughtSignature", PLACEHOLDER)
    body["contents"] = contents
    thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].upper()
    return {name: value for name, value in body.items() if value not in ({}, [], None)}


def _tools(given: Any) -> list[dict[str, Any]]:
    tools = [given] if isinstance(given, dict) else given
    declared = [one for tool in tools for one in tool.get("functionDeclarations", [])]
    own = [{name: value for name, value in tool.items() if name != "functionDeclarations"} for tool in tools]
    return ([{"functionDeclarations": declared}] if declared else []) + [tool for tool in own if tool]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if "functionCall" in part:
        return {**part, "functionCall": {"args": {}, **part["functionCall"]}}
    if "inlineData" in part:
        return {**part, "inlineData": _blob(part["inlineData"])}
    if "parts" in part.get("functionResponse", {}):
        inner = [
            {**one, "inlineData": _blob(one["inlineData"])} if "inlineData" in one else one for one in part["functionResponse"]["parts"]
        ]
        return {**part, "functionResponse": {**part["functionResponse"], "parts": inner}}
    return part


def _blob(blob: dict[str, Any]) -> dict[str, Any]:
    return {**blob, "data": base64.b64encode(base64.urlsafe_b64decode(blob["data"].replace("+", "-").replace("/", "_"))).decode()}
