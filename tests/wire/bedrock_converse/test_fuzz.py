"""Whatever bytes come in, what comes out is events in a legal order or an error of the project's tree; never anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadRequest, DragomanError, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.wire import bedrock_converse
from dragoman.wire.eventstream import encode_event, encode_exception
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST
from tests.wire.test_fuzz import mutate, mutations

from . import strategies
from .streams import METADATA, START, begun, closed, delta, stopped, stream, text, tool, whole

QUIRKS = (NONE, Quirks(end_marker="done", streaming="always", drop=("topP",), rename={"system": "prompt"}))
EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "tomorrow", "")
FIELDS = (
    *("role", "content", "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint", "source"),
    *("reasoningContent", "reasoningText", "redactedContent", "signature", "citationsContent", "citations", "citation", "location", "web"),
    *("format", "name", "bytes", "s3Location", "uri", "toolUseId", "input", "status", "type", "json", "title", "sourceContent", "url"),
    *("contentBlockIndex", "start", "delta", "stopReason", "usage", "inputTokens", "outputTokens", "cacheReadInputTokens", "metrics"),
    *("output", "message", "Message", "__type", "code", "Output", "error", "p", "trace", "additionalModelResponseFields"),
    *("toolSpec", "inputSchema", "auto", "any", "tool", "structure", "jsonSchema", "schema", "thinking", "budget_tokens", "effort"),
)
WORDS = ("user", "assistant", "system", "png", "pdf", "YWJj", "s3://b/k", "server_tool_use", "end_turn", "{}", "error", "json_schema", "")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([10**30, -(2**63) - 1, 1e308, 0.5]),
    st.sampled_from(WORDS),
    st.text(max_size=3),
)
near_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4), max_leaves=12
)
"""JSON that has the wire's own names in the wrong places, with values of the wrong types."""


def some(**fields: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=fields)


near_block = st.dictionaries(
    st.sampled_from(FIELDS[2:15]), near_json | some(text=near_json, source=near_json, content=near_json, citations=near_json), max_size=2
)
near_event = st.tuples(
    st.sampled_from(EVENTS),
    near_json
    | some(
        contentBlockIndex=st.integers(0, 2) | near_json,
        start=near_block | near_json,
        delta=near_block | near_json,
        stopReason=near_json,
        usage=near_json,
        metrics=near_json,
    ),
)
near_answer = near_json | some(
    output=near_json | some(message=near_json | some(content=st.lists(near_block | near_json, max_size=3))),
    stopReason=near_json,
    usage=near_json,
    message=near_json,
)
near_message = near_json | some(
    role=st.sampled_from(["user", "assistant", "system"]) | near_json, content=st.lists(near_block | near_json, max_size=3) | near_json
)
near_request = near_json | some(
    messages=st.lists(near_message, max_size=3) | near_json,
    system=st.lists(near_block, max_size=2) | near_json,
    inferenceConfig=near_json,
    toolConfig=near_json | some(tools=st.lists(near_json | some(toolSpec=near_json), max_size=2), toolChoice=near_json),
    additionalModelRequestFields=near_json,
    outputConfig=near_json,
    requestMetadata=near_json,
)

GOOD = stream(
    START,
    *text(0, "Lo", "ire"),
    *tool(1, "t", "n", '{"a"', ":1}"),
    delta(2, reasoningContent={"text": "x"}),
    closed(2),
    begun(3, image={"format": "png"}),
    delta(3, image={"source": {"bytes": "YWJj"}}),
    closed(3),
    stopped(),
    METADATA,
)
WHOLE = whole(
    {"text": "Loire"}, {"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}, {"reasoningContent": {"redactedContent": "YQ=="}}
)
all_quirks = st.sampled_from(QUIRKS)
seeds = st.integers(0, 50)


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def check_answer(streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    """``read`` asserts the legal order, and lets no exception pass."""
    told = read(bedrock_converse.decoder(streaming, quirks), [data])
    parts = read(bedrock_converse.decoder(streaming, quirks), random_pieces(data, seed))
    assert told.error is None or isinstance(told.error, DragomanError)
    assert (parts.events, parts.verdict) == (told.events, told.verdict)
    assert told.error is None or told.error.message


def check_request(quirks: Quirks, data: bytes, model: str = "m") -> None:
    """A body is refused as the caller's mistake, or it is a request, which can be written again or is refused in turn."""
    with suppress(UsageError):
        request = bedrock_converse.decode_request(Call("POST", f"/model/{model}/converse", (), data), quirks)
        bedrock_converse.encode_request(request, quirks)


@MODEST
@given(st.booleans(), all_quirks, st.binary(max_size=200), seeds)
def test_any_bytes_are_an_answer_or_an_error(streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    check_answer(streaming, quirks, data, seed)


@MODEST
@given(all_quirks, st.lists(near_event, max_size=6), seeds)
def test_events_of_any_json_are_an_answer_or_an_error(quirks: Quirks, events: list[tuple[str, Any]], seed: int) -> None:
    check_answer(True, quirks, b"".join(encode_event(name, dump(value)) for name, value in events), seed)


@MODEST
@given(all_quirks, st.lists(near_event, max_size=4), seeds)
def test_events_of_any_json_within_an_answer_are_an_answer_or_an_error(quirks: Quirks, events: list[tuple[str, Any]], seed: int) -> None:
    inside = b"".join(encode_event(name, dump(value)) for name, value in events)
    check_answer(True, quirks, stream(START, *text(0, "a")) + inside + stream(stopped(), METADATA), seed)


@MODEST
@given(st.text(max_size=8), near_json | st.just(None), st.binary(max_size=20), st.booleans(), seeds)
def test_exception_of_any_name_and_json_is_an_error(name: str, value: Any, raw: bytes, as_json: bool, seed: int) -> None:
    data = stream(START, *text(0, "a")) + encode_exception(name, dump(value) if as_json else raw)
    told = read(bedrock_converse.decoder(True, NONE), random_pieces(data, seed))
    assert isinstance(told.error, DragomanError)
    assert told.response.text == "a"


@MODEST
@given(all_quirks, near_answer, seeds)
def test_body_of_any_json_is_an_answer_or_an_error(quirks: Quirks, value: Any, seed: int) -> None:
    check_answer(False, quirks, dump(value), seed)


@MODEST
@given(all_quirks, mutations, seeds)
def test_spoilt_answer_is_an_answer_or_an_error(quirks: Quirks, changes: list[tuple[str, int, int]], seed: int) -> None:
    streamed, plain = GOOD, WHOLE
    for change in changes:
        streamed, plain = mutate(streamed, *change), mutate(plain, *change)
    check_answer(True, quirks, streamed, seed)
    check_answer(False, quirks, plain, seed)


@MODEST
@given(
    st.integers(100, 599),
    st.sampled_from([None, "", "ThrottlingException", "x#y:z", "#", ":"]),
    st.binary(max_size=100) | near_json.map(dump) | some(message=near_json, Message=near_json, __type=near_json, error=near_json).map(dump),
)
def test_any_failing_answer_is_an_error(status: int, name: str | None, data: bytes) -> None:
    headers = () if name is None else (("x-amzn-errortype", name),)
    error = bedrock_converse.decode_error(Reply(status, headers, data), NONE)
    assert isinstance(error, DragomanError)
    again = bedrock_converse.encode_error(error, NONE)
    assert 400 <= again.status < 600
    assert isinstance(json.loads(again.body)["message"], str)


@MODEST
@given(
    all_quirks,
    st.binary(max_size=100) | near_request.map(dump),
    st.sampled_from(["m", "us.anthropic.claude-x", "us.amazon.nova-2-lite-v1%3A0", "openai.x", "cohere.x"]),
)
def test_any_body_is_a_request_or_refused(quirks: Quirks, data: bytes, model: str) -> None:
    check_request(quirks, data, model)


@MODEST
@given(strategies.requests(), mutations)
def test_spoilt_body_is_a_request_or_refused(request: Any, changes: list[tuple[str, int, int]]) -> None:
    data = bedrock_converse.encode_request(request, NONE).body
    for change in changes:
        data = mutate(data, *change)
    check_request(NONE, data)


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"-1e400", b"1" * 5000, b"NaN", b"1e-400", b"01"])
def test_number_out_of_all_range_is_no_crash(number: bytes) -> None:
    usage = b'{"usage":{"inputTokens":%b,"outputTokens":%b},"metrics":{"latencyMs":%b}}' % ((number,) * 3)
    events = encode_event("contentBlockDelta", b'{"contentBlockIndex":%b,"delta":{"text":"a"}}' % number)
    check_answer(True, NONE, stream(START) + events + stream(stopped()) + encode_event("metadata", usage), 1)
    body = b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"n","input":{"a":%b}}}]}},"usage":{"inputTokens":%b}}'
    check_answer(False, NONE, body % (number, number), 1)
    check_request(NONE, b'{"inferenceConfig":{"maxTokens":%b},"messages":[],"x":%b}' % (number, number))


def test_nesting_without_end_is_refused() -> None:
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
    check_answer(True, NONE, stream(START) + encode_event("contentBlockStart", b'{"contentBlockIndex":0,"start":%b}' % deep), 1)
    check_answer(False, NONE, b'{"output":{"message":{"content":[%b]}}}' % deep, 1)
    with pytest.raises(BadRequest):
        bedrock_converse.decode_request(Call("POST", "/model/m/converse", (), b'{"messages":[%b]}' % deep), NONE)
