"""Counting tokens and embedding, in both roles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, BadRequest, DragomanError, RateLimited
from dragoman.core.exchange import Reply
from dragoman.core.messages import Image, Message, Text
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.gemini import count_tokens, embed
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.gemini.roles import NAME, call_of

VERTEX = Quirks(vertex=True)
HI = {"parts": [{"text": "Hi"}], "role": "user"}
REQUEST = Request(model="gemini-2.5-flash", messages=(Message("system", (Text(text="s"),)), Message("user", (Text(text="Hi"),))))
FAULT = Reply(429, (), b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}')


def test_count_request_has_the_form_of_each_service() -> None:
    call = count_tokens.encode_request(REQUEST, NONE)
    inner = {"contents": [HI], "systemInstruction": {"parts": [{"text": "s"}]}}
    assert call.url == "/models/gemini-2.5-flash:countTokens"
    assert json.loads(call.body) == {"generateContentRequest": {"model": "models/gemini-2.5-flash", **inner}}
    assert json.loads(count_tokens.encode_request(REQUEST, VERTEX).body) == inner
    bare = Request(model="m", messages=REQUEST.messages[1:])
    assert json.loads(count_tokens.encode_request(bare, NONE).body) == {"contents": [HI]}
    for quirks in (NONE, VERTEX):
        assert count_tokens.decode_request(count_tokens.encode_request(REQUEST, quirks), NONE) == REQUEST


def test_snake_case_count_request_is_understood() -> None:
    body = {"generate_content_request": {"model": "models/x", "contents": [HI], "system_instruction": {"parts": [{"text": "s"}]}}}
    assert count_tokens.decode_request(call_of(body, "/models/gemini-2.5-flash:countTokens"), NONE) == REQUEST


def test_counts_come_back() -> None:
    for usage in (Usage(input_tokens=9), Usage(input_tokens=9, cache_read_tokens=4, input_audio_tokens=2)):
        told = count_tokens.decode_reply(count_tokens.encode_reply(usage, REQUEST, NONE), NONE)
        assert (told.input_tokens, told.cache_read_tokens, told.input_audio_tokens) == (
            9,
            usage.cache_read_tokens,
            usage.input_audio_tokens,
        )


@pytest.mark.parametrize("reply", [FAULT, Reply(200, (), b"{}"), Reply(200, (), b"x"), Reply(200, (), b"[]")])
def test_counts_that_are_none_are_errors(reply: Reply) -> None:
    kind: type[DragomanError] = RateLimited if reply is FAULT else BadReply
    with pytest.raises(kind):
        count_tokens.decode_reply(reply, NONE)
    with pytest.raises(kind):
        embed.decode_reply(reply, NONE)


@pytest.mark.parametrize(
    ("url", "body"),
    [("/models/m:embedContent", {}), ("/models/m:countTokens", {"generateContentRequest": 5}), ("/models/m:countTokens", {"contents": []})],
)
def test_malformed_count_request_is_refused(url: str, body: Any) -> None:
    with pytest.raises(BadRequest):
        count_tokens.decode_request(call_of(body, url), NONE)


EMBED = EmbedRequest(
    model="gemini-embedding-001",
    inputs=("a", (Text(text="b"), Image(data=b"png", media_type="image/png"))),
    dimensions=256,
    purpose="query",
    extra={NAME: {"title": "t"}},
)


def test_embed_request_has_its_form_and_comes_back() -> None:
    call = embed.encode_request(EMBED, NONE)
    assert (call.url, call.warnings) == ("/models/gemini-embedding-001:batchEmbedContents", ())
    first, second = json.loads(call.body)["requests"]
    options = {"model": "models/gemini-embedding-001", "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256, "title": "t"}
    assert first == {"content": {"parts": [{"text": "a"}]}, **options}
    assert second["content"]["parts"][1]["inlineData"]["mimeType"] == "image/png"
    assert embed.decode_request(call, NONE) == EMBED


def test_single_embed_request_is_answered_alone() -> None:
    body = {"content": {"parts": [{"text": "a"}]}, "task_type": "CODE_RETRIEVAL_QUERY"}
    request = embed.decode_request(call_of(body, "/models/m:embedContent"), NONE)
    assert (request.inputs, request.purpose) == (("a",), "CODE_RETRIEVAL_QUERY")
    call = embed.encode_request(request, NONE)
    assert (call.url, json.loads(call.body)["taskType"]) == ("/models/m:embedContent", "CODE_RETRIEVAL_QUERY")
    answer = Embeddings(vectors=((0.5, -1.0),), usage=Usage(input_tokens=3, raw={"promptTokenCount": 3}))
    reply = embed.encode_reply(answer, request, NONE)
    assert json.loads(reply.body) == {"embedding": {"values": [0.5, -1.0]}, "usageMetadata": {"promptTokenCount": 3}}
    assert embed.decode_reply(reply, NONE) == answer


def test_embeddings_come_back() -> None:
    answer = Embeddings(vectors=((0.5,), (1.0,)), extra={NAME: {"zz": 1}})
    assert embed.decode_reply(embed.encode_reply(answer, EMBED, NONE), NONE) == answer


def test_what_embedding_cannot_say_is_named() -> None:
    request = EmbedRequest(model="m", inputs=("a",), encodings=("int8",), user="u")
    assert [told.partition(":")[0] for told in embed.encode_request(request, NONE).warnings] == ["user", "encodings"]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("generateContent", {}),
        ("batchEmbedContents", {}),
        ("batchEmbedContents", {"requests": []}),
        (
            "batchEmbedContents",
            {"requests": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": "b"}]}, "title": "t"}]},
        ),
        ("embedContent", {"content": {}}),
        ("embedContent", {"content": {"parts": [{"inlineData": {"mimeType": "audio/wav", "data": ""}}]}}),
    ],
)
def test_malformed_embed_request_is_refused(method: str, body: Any) -> None:
    with pytest.raises(BadRequest):
        embed.decode_request(call_of(body, f"/models/m:{method}"), NONE)
