"""Whole answers: each kind of block, and what is no answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.core.errors import BadReply
from dragoman.core.events import FinishReason
from dragoman.core.messages import AnyPart, Audio, Image, Opaque, Reasoning, Source, Text, ToolCall
from dragoman.core.usage import Usage
from tests.wire.splits import Told, read, read_split_anyhow

from .streams import NAME, new_whole, whole

PICTURE = base64.b64encode(b"\x89PNG").decode()


def told_by(*blocks: dict[str, Any], **fields: Any) -> Told:
    told = read_split_anyhow(new_whole, whole(*blocks, **fields), seeds=[1])
    assert told.error is None
    return told


BLOCKS: dict[str, tuple[dict[str, Any], tuple[AnyPart, ...]]] = {
    "text": ({"text": "Loire"}, (Text(text="Loire"),)),
    "text without a word": ({"text": ""}, ()),
    "call": (
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"b": 1.0, "a": [1]}}},
        (ToolCall(id="t", name="n", arguments='{"b": 1.0, "a": [1]}'),),
    ),
    "call with a type": (
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {}, "type": "tool_use"}},
        (ToolCall(id="t", name="n", arguments="{}", extra={NAME: {"type": "tool_use"}}),),
    ),
    "call without input": ({"toolUse": {"toolUseId": "t", "name": "n"}}, (ToolCall(id="t", name="n", arguments="{}"),)),
    "reasoning": (
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
        (Reasoning(text="Hm", signature="s"),),
    ),
    "reasoning with more": (
        {"reasoningContent": {"reasoningText": {"text": "Hm", "mood": "calm"}}},
        (Reasoning(text="Hm", extra={NAME: {"mood": "calm"}}),),
    ),
    "hidden reasoning": ({"reasoningContent": {"redactedContent": "AQID"}}, (Reasoning(redacted_data="AQID"),)),
    "reasoning of another form": ({"reasoningContent": {"dream": 1}}, (Opaque(extra={NAME: {"reasoningContent": {"dream": 1}}}),)),
    "cited text": (
        {"citationsContent": {"content": [{"text": "Lo"}, {"text": "ire"}], "citations": [{"title": "T"}]}},
        (Text(text="Loire"), Source(title="T", extra={NAME: {"citation": {"title": "T"}}})),
    ),
    "citations alone": (
        {"citationsContent": {"citations": [{"title": "T"}]}},
        (Text(text=""), Source(title="T", extra={NAME: {"citation": {"title": "T"}}})),
    ),
    "picture": (
        {"image": {"format": "png", "source": {"bytes": PICTURE}, "error": {"message": "blurred"}}},
        (Image(data=b"\x89PNG", media_type="image/png", extra={NAME: {"error": {"message": "blurred"}}}),),
    ),
    "picture of a new form": (
        {"image": {"format": "heic", "source": {"bytes": PICTURE}}},
        (Image(data=b"\x89PNG", extra={NAME: {"format": "heic"}}),),
    ),
    "picture elsewhere": (
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        (Opaque(extra={NAME: {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}}),),
    ),
    "sound": ({"audio": {"format": "wav", "source": {"bytes": "UklG"}}}, (Audio(data=b"RIF", media_type="audio/wav"),)),
    "the vendor's call": (
        {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}, "type": "server_tool_use"}},
        (Opaque(extra={NAME: {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}, "type": "server_tool_use"}}}),),
    ),
    "the vendor's result": (
        {"toolResult": {"toolUseId": "t", "content": [{"json": 1}]}},
        (Opaque(extra={NAME: {"toolResult": {"toolUseId": "t", "content": [{"json": 1}]}}}),),
    ),
    "something new": ({"hologram": {"x": 1}}, (Opaque(extra={NAME: {"hologram": {"x": 1}}}),)),
    "nothing": ({}, ()),
    "nulls beside": ({"text": "a", "image": None}, (Text(text="a"),)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block_becomes_its_part(name: str) -> None:
    block, parts = BLOCKS[name]
    assert told_by(block).response.parts == parts


def test_arguments_are_the_exact_text_of_the_object() -> None:
    text = '{"z" : 1e2,\n "a":"\\u00e9", "n": 12345678901234567890123}'
    body = '{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"n","input":HERE}}]}},"stopReason":"tool_use"}'
    told = read(new_whole(), [body.replace("HERE", text).encode()])
    assert [call.arguments for call in told.response.tool_calls] == [text]


def test_end_usage_and_what_else_is_said() -> None:
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 8, "cacheReadInputTokens": 5, "cacheWriteInputTokens": 0}
    more = {"cacheDetails": [{"ttl": "5m", "inputTokens": 0}]}
    told = told_by({"text": "a"}, reason="max_tokens", usage={**usage, **more}, trace={"x": 1}, serviceTier={"type": "flex"})
    assert told.response.finish == FinishReason("length", "max_tokens")
    assert told.response.usage == Usage(input_tokens=6, cache_read_tokens=5, cache_write_tokens=0, output_tokens=2, raw={**usage, **more})
    extra = told.response.choices[0].extra[NAME]
    assert extra == {"metrics": {"latencyMs": 345}, "trace": {"x": 1}, "serviceTier": {"type": "flex"}, "usage": more}


def test_what_was_not_counted_is_unknown() -> None:
    assert told_by({"text": "a"}, usage=None).response.usage is None
    assert told_by({"text": "a"}, usage={"inputTokens": 3}).response.usage == Usage(input_tokens=3, raw={"inputTokens": 3})


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"<html>", b'{"output":{}}', b'{"output":{"message":{}}}', b'{"output":5}'])
def test_body_that_is_no_answer_is_a_bad_reply(body: bytes) -> None:
    assert isinstance(read_split_anyhow(new_whole, body, seeds=[1]).error, BadReply)


@pytest.mark.parametrize("source", [{"bytes": "%"}, {"bytes": 5}])
def test_picture_that_is_no_base64_is_a_bad_reply(source: Any) -> None:
    assert isinstance(read(new_whole(), [whole({"image": {"format": "png", "source": source}})]).error, BadReply)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ({"message": "Slow down.", "__type": "ThrottlingException"}, ("RateLimited", "Slow down.", True)),
        ({"Message": "Broken."}, ("ServerFault", "Broken.", True)),
        (
            {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"},
            ("BadRequest", "the service reports UnknownOperationException", False),
        ),
    ],
)
def test_error_told_as_a_success_is_an_error(record: dict[str, Any], verdict: tuple[str, str, bool]) -> None:
    assert read_split_anyhow(new_whole, json.dumps(record).encode(), seeds=[1]).verdict == verdict
