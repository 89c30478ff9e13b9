"""Usage that a provider did not tell: absent where the caller's wire lets it be, else 0 with a warning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.exchange import Call, Reply
from tests.gateway.direct import Direct
from tests.gateway.upstream import JSON

WARNING = "x-dragoman-warning"
USER: dict[str, Any] = {"role": "user", "content": "x"}
ASKED: dict[str, tuple[str, Any]] = {
    "anthropic": ("/v1/messages", {"max_tokens": 9, "messages": [USER]}),
    "bedrock": ("/model/{}/converse", {"messages": [{"role": "user", "content": [{"text": "x"}]}]}),
    "responses": ("/v1/responses", {"input": "x", "store": False}),
    "chat": ("/v1/chat/completions", {"messages": [USER]}),
    "completions": ("/v1/completions", {"prompt": "x"}),
    "gemini": ("/v1beta/models/{}:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}),
    "ollama": ("/api/chat", {"messages": [USER], "stream": False}),
    "cohere": ("/v2/chat", {"messages": [USER]}),
}
NUMBERS = ("anthropic", "bedrock")
"""Wires that want numbers even where none are known."""
BOTH = (*NUMBERS, "chat", "responses", "completions")
"""Wires that want both where one is known."""


def gemini(usage: Any) -> Reply:
    said = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Seine"}]}, "finishReason": "STOP"}]}
    return Reply(200, JSON, json.dumps({**said, "usageMetadata": usage} if usage else said).encode())


def cohere(usage: Any) -> Reply:
    message = {"role": "assistant", "content": [{"type": "text", "text": "Seine"}]}
    return Reply(
        200, JSON, json.dumps({"id": "1", "message": message, "finish_reason": "COMPLETE", **({"usage": usage} if usage else {})}).encode()
    )


def ask(face: str, usage: Any) -> tuple[list[str], str]:
    """The warnings, and the body without what has nothing to do with it, from a provider of another dialect."""
    provider, answer = ("cohere", cohere) if face == "gemini" else ("gemini", gemini)
    told = usage and ({"tokens": {"input_tokens": usage}} if provider == "cohere" else {"promptTokenCount": usage})
    path, body = ASKED[face]
    with Direct(providers=(provider,), answer=lambda call: answer(told)) as direct:
        reply = direct.post(path.format(f"{provider}%2Fm"), {"model": f"{provider}/m", **body})
    assert reply.status == 200, reply
    return [value for name, value in reply.headers if name == WARNING and value.startswith("usage")], reply.body.decode()


def counts(body: str) -> list[int]:
    """Every count of tokens in an answer."""
    found: list[int] = []

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, key)
        elif isinstance(value, int) and ("token" in name.lower() or "eval_count" in name) and "max" not in name:
            found.append(value)

    walk(json.loads(body), "")
    return found


@pytest.mark.parametrize("face", ASKED)
def test_what_was_not_counted_is_no_number_unless_the_wire_wants_one(face: str) -> None:
    warnings, body = ask(face, None)
    assert bool(counts(body)) is (face in NUMBERS), body
    assert (warnings == []) is (face not in NUMBERS)
    assert all("tokens of input and output there were; 0 stands for them" in warning for warning in warnings)


@pytest.mark.parametrize("face", ASKED)
def test_where_one_total_is_known_the_other_is_none_unless_the_wire_wants_both(face: str) -> None:
    warnings, body = ask(face, 5)
    assert 5 in counts(body), body
    assert (0 in counts(body)) is (face in BOTH), body
    assert (["how many tokens of output there were" in warning for warning in warnings]) == ([True] if face in BOTH else [])


@pytest.mark.parametrize("known", [True, False])
def test_an_embedding_says_so_too(known: bool) -> None:
    def answer(call: Call) -> Reply:
        count = {"prompt_eval_count": 3} if known else {}
        return Reply(200, JSON, json.dumps({"model": "m", "embeddings": [[0.5, 0.25]], **count}).encode())

    house = {"dialect": "ollama", "base_url": "https://upstream.example"}
    with Direct({"providers": {"house": house}}, providers=(), answer=answer) as direct:
        reply = direct.post("/v1/embeddings", {"model": "house/m", "input": "x"})
    assert json.loads(reply.body)["usage"]["prompt_tokens"] == (3 if known else 0)
    assert any(name == WARNING and "tokens of input there were" in value for name, value in reply.headers) is not known


@pytest.mark.parametrize("usage", [None, 5])
def test_a_stream_of_anthropics_leaves_out_what_it_may(usage: int | None) -> None:
    told = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"Seine"}]},"finishReason":"STOP"}]%b}'
    more = b"" if usage is None else b',"usageMetadata":{"promptTokenCount":5}'
    reply = Reply(200, (("content-type", "text/event-stream"),), b"data: " + told % more + b"\n\n")
    with Direct(providers=("gemini",), answer=lambda call: reply) as direct:
        body = direct.post("/v1/messages", {"model": "gemini/m", "stream": True, "max_tokens": 9, "messages": [USER]}).body
    last = next(json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ") and b'"message_delta"' in line)
    assert last["usage"].get("input_tokens") == usage
    assert last["usage"]["output_tokens"] == 0
