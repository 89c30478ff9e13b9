"""Whatever bytes come in, what comes out is events in a legal order or an error of the project's tree; never anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.wire import anthropic_messages
from dragoman.wire.anthropic_messages import count
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

from .streams import written
from .test_stream import ANSWER

QUIRKS = (NONE, Quirks(end_marker="done", streaming="always", passing_faults=(PassingFault("warming", "Overloaded"),)))
FIELDS = (
    *("type", "index", "delta", "content_block", "message", "usage", "error", "id", "model", "role", "content", "text", "thinking"),
    *("signature", "data", "name", "input", "partial_json", "citation", "citations", "cited_text", "stop_reason", "stop_sequence"),
    *("input_tokens", "output_tokens", "cache_read_input_tokens", "output_tokens_details", "thinking_tokens", "details", "error_code"),
    *(
        "messages",
        "system",
        "max_tokens",
        "source",
        "media_type",
        "url",
        "file_id",
        "title",
        "tool_use_id",
        "is_error",
        "tools",
        "tool_choice",
    ),
    *("input_schema", "metadata", "user_id", "output_config", "format", "schema", "effort", "budget_tokens", "display", "request_id"),
)
WORDS = (
    *(
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    ),
    *("text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image", "document", "server_tool_use", "text_delta", "auto"),
    *("input_json_delta", "thinking_delta", "signature_delta", "citations_delta", "end_turn", "user", "assistant", "system", "base64"),
    *("url", "file", "enabled", "json_schema", "overloaded_error", "YQ==", "{}", "warming"),
)
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
blocks = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS)},
    optional=dict.fromkeys(("text", "thinking", "signature", "data", "id", "name", "citations"), scalars) | {"input": near_json},
)
deltas = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS)}, optional=dict.fromkeys(("text", "thinking", "partial_json", "signature", "citation"), near_json)
)
near_events = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS[:8])},
    optional={
        "index": st.integers(0, 2) | scalars,
        "content_block": blocks | near_json,
        "delta": deltas | near_json,
        "message": near_json,
        "usage": near_json,
    },
)
"""Events of the wire's own kinds that hold something near to what they should."""


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def check_answer(streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    """``read`` asserts the legal order, and lets no exception pass. What was read can be written again."""
    whole = read(anthropic_messages.decoder(streaming, quirks), [data])
    parts = read(anthropic_messages.decoder(streaming, quirks), random_pieces(data, seed))
    assert whole.error is None or isinstance(whole.error, DragomanError)
    assert (parts.events, parts.verdict) == (whole.events, whole.verdict)
    for stream in (True, False):
        with suppress(UsageError):
            written(whole.events, stream)


@MODEST
@given(st.binary(max_size=300), st.booleans(), st.sampled_from(QUIRKS), st.integers(0, 100))
def test_any_bytes(data: bytes, streaming: bool, quirks: Quirks, seed: int) -> None:
    check_answer(streaming, quirks, data, seed)


@MODEST
@given(st.lists(near_json | near_events, max_size=6), st.sampled_from(QUIRKS), st.integers(0, 100))
def test_any_events(events: list[Any], quirks: Quirks, seed: int) -> None:
    check_answer(True, quirks, b"".join(b"data: " + dump(event) + b"\n\n" for event in events), seed)


@MODEST
@given(st.lists(near_events, min_size=1, max_size=8), st.integers(0, 100))
def test_any_events_after_a_proper_start(events: list[Any], seed: int) -> None:
    start = b'data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}\n\n'
    check_answer(True, NONE, start + b"".join(b"data: " + dump(event) + b"\n\n" for event in events), seed)


@MODEST
@given(near_json | st.fixed_dictionaries({"content": st.lists(blocks | near_json, max_size=3) | near_json}), st.integers(0, 100))
def test_any_message(body: Any, seed: int) -> None:
    check_answer(False, NONE, dump(body), seed)


@MODEST
@given(st.integers(0, len(ANSWER)), st.binary(min_size=1, max_size=4), st.integers(0, 100))
def test_damaged_answer(place: int, damage: bytes, seed: int) -> None:
    check_answer(True, NONE, ANSWER[:place] + damage + ANSWER[place + len(damage) :], seed)


messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(WORDS)}, optional={"content": st.lists(blocks, max_size=3) | near_json}) | near_json,
    max_size=3,
)
bodies = st.fixed_dictionaries(
    {"model": scalars | st.just("m")}, optional={"messages": messages, "max_tokens": scalars} | dict.fromkeys(FIELDS[40:], near_json)
)


@MODEST
@given(bodies | near_json, st.sampled_from(QUIRKS))
def test_any_request_is_read_or_refused_and_what_is_read_can_be_written(body: Any, quirks: Quirks) -> None:
    call = Call("POST", "/v1/messages?beta=true", (("anthropic-beta", "a"),), dump(body))
    with suppress(UsageError):
        request = anthropic_messages.decode_request(call, quirks)
        again = anthropic_messages.encode_request(request, quirks)
        assert anthropic_messages.decode_request(again, quirks).messages is not None
    with suppress(UsageError):
        count.encode_request(count.decode_request(call, quirks), quirks)


@MODEST
@given(st.binary(max_size=60) | near_json.map(dump), st.integers(300, 599))
def test_any_failing_answer_is_an_error_that_can_be_told(body: bytes, status: int) -> None:
    error = anthropic_messages.decode_error(Reply(status, (), body), NONE)
    reply = anthropic_messages.encode_error(error, NONE)
    assert 400 <= reply.status < 600
    assert json.loads(reply.body)["type"] == "error"
