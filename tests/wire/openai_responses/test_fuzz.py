"""Whatever bytes come in, what comes out is events in a legal order or an error of the project's tree; never anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.wire import openai_responses
from dragoman.wire.openai_responses.decoder import READERS
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

from .streams import asked, encoded, written
from .test_stream import ANSWER

QUIRKS = (NONE, Quirks(streaming="always", reasoning_field="content", passing_faults=(PassingFault("warming", "Overloaded"),)))
FIELDS = (
    *("type", "response", "item", "part", "delta", "text", "refusal", "summary", "content", "annotations", "annotation", "logprobs"),
    *("id", "call_id", "name", "arguments", "status", "output", "usage", "error", "message", "code", "param", "result", "role", "phase"),
    *("output_index", "content_index", "summary_index", "item_id", "encrypted_content", "incomplete_details", "reason", "created_at"),
    *("input_tokens", "output_tokens", "input_tokens_details", "cached_tokens", "url", "title", "start_index", "filename", "token"),
    *(
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "include",
        "reasoning",
        "effort",
        "format",
        "schema",
        "image_url",
        "detail",
    ),
    *("file_id", "file_data", "file_url", "output_format", "previous_response_id", "metadata", "stream", "parameters", "strict"),
)
WORDS = (
    *("message", "reasoning", "function_call", "function_call_output", "image_generation_call", "web_search_call", "item_reference"),
    *("output_text", "input_text", "refusal", "summary_text", "reasoning_text", "input_image", "input_file", "url_citation", "function"),
    *(
        "completed",
        "incomplete",
        "failed",
        "cancelled",
        "queued",
        "user",
        "assistant",
        "developer",
        "auto",
        "json_schema",
        "max_output_tokens",
    ),
    *("redacted_data:x", "data:image/png;base64,YQ==", "YQ==", "{}", "message.output_text.logprobs", "rate_limit_exceeded", ""),
)
EVENTS = (*sorted(READERS), "error", "response.output_text.done", "response.mcp_call.completed", "")
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([10**30, -(2**63) - 1, 1e308, 0.5]),
    st.sampled_from(WORDS),
    st.text(max_size=3),
)
near_json: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4), max_leaves=12
)
"""JSON that has the wire's own names in the wrong places, with values of the wrong types."""


def record(*inner: str) -> st.SearchStrategy[Any]:
    """An object with a known type."""
    return st.fixed_dictionaries({"type": st.sampled_from(WORDS)}, optional=dict.fromkeys(inner, near_json))


parts = record("text", "refusal", "annotations", "logprobs", "image_url", "detail", "file_data")
lists = st.lists(parts | near_json, max_size=3)
items = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS)},
    optional=dict.fromkeys(("id", "call_id", "name", "arguments", "status", "result", "encrypted_content", "role", "output"), scalars)
    | {"content": lists | near_json, "summary": lists | near_json},
)
responses = st.fixed_dictionaries(
    {},
    optional={"output": st.lists(items | near_json, max_size=3), "status": st.sampled_from(WORDS), "usage": near_json, "error": near_json},
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(EVENTS)},
    optional={
        **dict.fromkeys(("output_index", "content_index", "summary_index"), st.integers(-1, 2)),
        "item_id": st.sampled_from(["a", "b"]),
        "delta": scalars,
        "item": items,
        "part": parts,
        "annotation": near_json,
        "response": responses,
    },
)


def check_answer(streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    """``read`` asserts the legal order, and lets no exception pass; what was read can be written again."""
    whole = read(openai_responses.decoder(streaming, quirks), [data])
    pieces = read(openai_responses.decoder(streaming, quirks), random_pieces(data, seed))
    assert (pieces.events, pieces.verdict) == (whole.events, whole.verdict)
    if whole.error is not None:
        assert str(whole.error)
        return
    for stream in (True, False):
        json.loads(encoded(whole.events, asked(stream)).decode().rpartition("data: ")[2])


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


@MODEST
@given(st.booleans(), st.sampled_from(QUIRKS), st.binary(max_size=200), st.integers(0, 50))
def test_any_bytes(streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    check_answer(streaming, quirks, data, seed)


@MODEST
@given(st.sampled_from(QUIRKS), st.lists(events | near_json, min_size=1, max_size=6), st.integers(0, 50))
def test_events_of_any_json(quirks: Quirks, values: list[Any], seed: int) -> None:
    end = {"type": "response.completed", "response": {}}
    check_answer(True, quirks, b"".join(b"data: " + dump(value) + b"\n\n" for value in (*values, end)), seed)


@MODEST
@given(st.sampled_from(QUIRKS), responses | near_json, st.integers(0, 50))
def test_body_of_any_json(quirks: Quirks, value: Any, seed: int) -> None:
    check_answer(False, quirks, dump(value), seed)


@MODEST
@given(st.permutations(ANSWER), st.sets(st.integers(0, len(ANSWER) - 1), max_size=12), st.integers(0, 50))
def test_good_events_in_any_order_and_number(order: list[Any], left_out: set[int], seed: int) -> None:
    check_answer(True, NONE, written(*(one for i, one in enumerate(order) if i not in left_out)), seed)


@MODEST
@given(st.integers(0, len(written(*ANSWER)) - 1), st.integers(0, 255))
def test_good_answer_with_one_byte_changed(place: int, byte: int) -> None:
    data = written(*ANSWER)
    check_answer(True, NONE, data[:place] + bytes([byte]) + data[place + 1 :], 1)


@MODEST
@given(
    st.sampled_from(QUIRKS),
    st.fixed_dictionaries(
        {"model": st.just("m"), "input": st.lists(items | near_json, max_size=3) | near_json},
        optional=dict.fromkeys(("tools", "tool_choice", "text", "reasoning", "include", "instructions", "stream"), near_json),
    )
    | near_json,
)
def test_request_of_any_json(quirks: Quirks, body: Any) -> None:
    with suppress(UsageError):
        request = openai_responses.decode_request(Call("POST", "/responses", (), dump(body)), quirks)
        openai_responses.encode_request(request, quirks)
        openai_responses.encoder(request, quirks).close()


@MODEST
@given(st.integers(100, 599), near_json)
def test_error_of_any_json(status: int, body: Any) -> None:
    error = openai_responses.decode_error(Reply(status, (), dump(body)), NONE)
    assert isinstance(error, DragomanError)
    assert isinstance(json.loads(openai_responses.encode_error(error, NONE).body)["error"]["message"], str)


def test_nesting_without_end_is_refused() -> None:
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
    check_answer(True, NONE, b"data: " + deep + b"\n\n", 1)
    check_answer(False, NONE, deep, 1)
