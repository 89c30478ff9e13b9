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
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, PassingFault, Quirks

from . import case_files, strategies
from .splits import random_pieces, read
from .strategies import MODEST

DIALECTS = ("openai_chat", "raycast")
QUIRKS = (
    NONE,
    Quirks(
        end_marker="done",
        text_only=True,
        streaming="always",
        only=("model", "messages", "stream"),
        passing_faults=(PassingFault("The model: `[^`]*` does not exist", "ModelNotFound"),),
    ),
)
CASES = [(name, case_files.answer(name, case)) for name in DIALECTS for case in case_files.names(name)]

FIELDS = (
    *("id", "model", "created", "choices", "index", "delta", "message", "role", "content", "refusal", "reasoning", "reasoning_content"),
    *("tool_calls", "function", "name", "arguments", "type", "text", "thinking", "finish_reason", "logprobs", "token", "logprob", "bytes"),
    *("top_logprobs", "usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens", "error", "code", "param"),
    *("detail", "loc", "msg", "status_code", "messages", "author", "stream", "stream_options", "tools", "tool_choice", "parameters"),
    *("response_format", "json_schema", "schema", "image_url", "url", "input_audio", "data", "format", "file", "file_data", "file_id"),
    *("temperature", "stop", "max_tokens", "n", "seed", "metadata", "user", "tool_call_id", "service_tier", "system_fingerprint"),
)
WORDS = (
    *("user", "assistant", "tool", "system", "function", "text", "image_url", "input_audio", "file", "refusal", "stop", "length", "wav"),
    *("json_schema", "auto", "data:image/png;base64,YQ==", "data:;base64,", "{}", "[DONE]", "thinking", "https://x.test", ""),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([10**30, -(2**63) - 1, 1e308, 0.5, 403]),
    st.sampled_from(WORDS),
    st.text(max_size=3),
)
near_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4), max_leaves=12
)
"""JSON that has the wire's own names in the wrong places, with values of the wrong types."""


def some_answer(values: Any) -> Any:
    """Values at the places where a reader looks first."""
    said = st.fixed_dictionaries({}, optional=dict.fromkeys(("content", "reasoning_content", "refusal", "tool_calls"), values))
    choice = st.fixed_dictionaries(
        {}, optional={"delta": said | values, "message": said | values, "finish_reason": values, "logprobs": values, "index": values}
    )
    return st.fixed_dictionaries(
        {}, optional={"choices": st.lists(choice, max_size=2) | values, "usage": values, "error": values, "created": values, "text": values}
    )


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def check_answer(name: str, streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    """``read`` asserts the legal order, and lets no exception pass."""
    speak = dialect(name)
    whole = read(speak.decoder(streaming, quirks), [data])
    parts = read(speak.decoder(streaming, quirks), random_pieces(data, seed))
    assert whole.error is None or isinstance(whole.error, DragomanError)
    assert (parts.events, parts.verdict) == (whole.events, whole.verdict)
    if whole.error is not None:
        assert whole.error.message
        assert str(whole.error)


def check_error(name: str, quirks: Quirks, status: int, data: bytes) -> None:
    speak = dialect(name)
    error = speak.decode_error(Reply(status, (), data), quirks)
    assert isinstance(error, DragomanError)
    again = speak.encode_error(error, quirks)
    assert 400 <= again.status < 600
    assert isinstance(json.loads(again.body)["error"]["message"], str)


def check_request(name: str, quirks: Quirks, data: bytes) -> None:
    """A body is refused as the caller's mistake, or it is a request, which can be written again or is refused in turn."""
    speak = dialect(name)
    with suppress(UsageError):
        request = speak.decode_request(Call("POST", speak.PATH, (), data), quirks)
        speak.encode_request(request, quirks)


dialects = st.sampled_from(DIALECTS)
all_quirks = st.sampled_from(QUIRKS)
seeds = st.integers(0, 50)


@MODEST
@given(dialects, st.booleans(), all_quirks, st.binary(max_size=200), seeds)
def test_any_bytes_are_an_answer_or_an_error(name: str, streaming: bool, quirks: Quirks, data: bytes, seed: int) -> None:
    check_answer(name, streaming, quirks, data, seed)


@MODEST
@given(
    dialects,
    all_quirks,
    st.lists(
        st.sampled_from([b"data", b":", b" ", b"\n", b"\r", b"[DONE]", b"{", b"}", b'"text"', b"\xef\xbb\xbf", b"\xff", b"event", b"1"]),
        max_size=30,
    ),
    seeds,
)
def test_pieces_of_the_framing_in_any_order_are_an_answer_or_an_error(name: str, quirks: Quirks, pieces: list[bytes], seed: int) -> None:
    check_answer(name, True, quirks, b"".join(pieces), seed)


@MODEST
@given(dialects, all_quirks, st.lists(near_json | some_answer(near_json), min_size=1, max_size=4), seeds)
def test_events_of_any_json_are_an_answer_or_an_error(name: str, quirks: Quirks, values: list[Any], seed: int) -> None:
    check_answer(name, True, quirks, b"".join(b"data: " + dump(value) + b"\n\n" for value in values) + b"data: [DONE]\n\n", seed)


@MODEST
@given(dialects, all_quirks, near_json | some_answer(near_json), seeds)
def test_body_of_any_json_is_an_answer_or_an_error(name: str, quirks: Quirks, value: Any, seed: int) -> None:
    check_answer(name, False, quirks, dump(value), seed)


def mutate(data: bytes, kind: str, place: int, other: int) -> bytes:
    place, other = sorted((place % (len(data) + 1), other % (len(data) + 1)))
    match kind:
        case "flip" if place < len(data):
            return data[:place] + bytes([data[place] ^ (1 << other % 8)]) + data[place + 1 :]
        case "delete":
            return data[:place] + data[min(other, place + 40) :]
        case "duplicate":
            return data[:other] + data[place:other] + data[other:]
        case "swap":
            return data[other:] + data[place:other] + data[:place]
        case _:
            return data[:place]


mutations = st.lists(
    st.tuples(st.sampled_from(["flip", "delete", "duplicate", "swap", "truncate"]), st.integers(0, 5000), st.integers(0, 5000)),
    min_size=1,
    max_size=3,
)


@MODEST
@given(st.sampled_from(CASES), all_quirks, mutations, seeds)
def test_spoilt_stream_is_an_answer_or_an_error(
    case: tuple[str, bytes], quirks: Quirks, changes: list[tuple[str, int, int]], seed: int
) -> None:
    name, data = case
    for kind, place, other in changes:
        data = mutate(data, kind, place, other)
    check_answer(name, True, quirks, data, seed)
    check_answer(name, False, quirks, data, seed)


@MODEST
@given(
    dialects,
    all_quirks,
    st.integers(100, 599),
    st.binary(max_size=100)
    | near_json.map(dump)
    | st.fixed_dictionaries({}, optional={"error": near_json, "detail": near_json, "message": near_json}).map(dump),
)
def test_any_failing_answer_is_an_error(name: str, quirks: Quirks, status: int, data: bytes) -> None:
    check_error(name, quirks, status, data)


messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"]) | near_json},
    optional={
        "content": near_json
        | st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(WORDS)},
                optional=dict.fromkeys(("text", "image_url", "file", "input_audio", "refusal"), near_json),
            ),
            max_size=2,
        ),
        "tool_calls": near_json,
        "tool_call_id": near_json,
        "name": near_json,
        "author": near_json,
        "refusal": near_json,
    },
)
bodies = st.fixed_dictionaries(
    {"model": st.just("m") | near_json, "messages": st.lists(messages | near_json, max_size=3) | near_json},
    optional=dict.fromkeys(
        (
            "stream",
            "stream_options",
            "tools",
            "tool_choice",
            "response_format",
            "stop",
            "seed",
            "max_tokens",
            "metadata",
            "temperature",
            "reasoning_effort",
        ),
        near_json,
    ),
)


@MODEST
@given(dialects, all_quirks, st.binary(max_size=100) | near_json.map(dump) | bodies.map(dump))
def test_any_body_is_a_request_or_refused(name: str, quirks: Quirks, data: bytes) -> None:
    check_request(name, quirks, data)


@MODEST
@given(strategies.requests(), mutations)
def test_spoilt_body_is_a_request_or_refused(request: Any, changes: list[tuple[str, int, int]]) -> None:
    data = dialect("openai_chat").encode_request(request, Quirks(reasoning_field="reasoning")).body
    for kind, place, other in changes:
        data = mutate(data, kind, place, other)
    check_request("openai_chat", NONE, data)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"-1e400", b"1" * 5000, b"NaN", b"1e-400", b"01"])
def test_number_out_of_all_range_is_no_crash(name: str, number: bytes) -> None:
    data = b'{"created":%b,"choices":[{"index":%b,"delta":{"content":"a"}}],"usage":{"prompt_tokens":%b},"text":%b}' % ((number,) * 4)
    check_answer(name, True, NONE, b"data: " + data + b"\n\n", 1)
    check_answer(name, False, NONE, data, 1)
    check_error(name, NONE, 500, b'{"error":{"code":%b,"message":%b},"detail":%b}' % ((number,) * 3))
    check_error(name, NONE, 500, b'{"detail":[{"loc":[%b],"msg":%b}]}' % ((number,) * 2))
    check_error(name, NONE, 500, b'{"detail":{"a":%b}}' % number)
    check_request(name, NONE, b'{"model":"m","messages":[{"role":"user","content":"a"}],"seed":%b,"n":%b,"zz":%b}' % ((number,) * 3))


@pytest.mark.parametrize("name", DIALECTS)
def test_nesting_without_end_is_refused(name: str) -> None:
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
    check_answer(name, True, NONE, b"data: " + deep + b"\n\n", 1)
    check_answer(name, False, NONE, deep, 1)
    check_error(name, NONE, 500, deep)
    with pytest.raises(BadRequest):
        dialect(name).decode_request(Call("POST", "/", (), b'{"model":"m","messages":[{"role":"user","content":%b}]}' % deep), NONE)
