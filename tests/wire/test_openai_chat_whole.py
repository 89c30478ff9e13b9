"""OpenAI chat: whole answers, and the chunks and completions that our server role writes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.core.errors import BadReply, DragomanError, Overloaded
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.openai_chat import decoder, encoder
from dragoman.wire.openai_chat.answer import EMPTY, Choice
from dragoman.wire.openai_chat.choice import ChoiceReader, plain_events, plain_text
from dragoman.wire.quirks import NONE

from .splits import Told, read, read_split_anyhow


def whole(body: object) -> Told:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return read_split_anyhow(lambda: decoder(False, NONE), data)


def completion(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {
        "id": "c-1",
        "model": "m-1",
        "created": 1763700000,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **more,
    }


def test_whole_answer_becomes_the_same_events_as_a_streamed_one() -> None:
    told = whole(completion({"role": "assistant", "content": "Loire 🌊"}, system_fingerprint="fp"))
    assert told.events == (
        Started(id="c-1", model="m-1", created_s=1763700000, extra={"openai_chat": {"system_fingerprint": "fp"}}),
        BlockStarted(0, "text"),
        TextDelta(0, "Loire 🌊"),
        BlockEnded(0),
        Finished(FinishReason("stop", "stop")),
    )


def test_reasoning_refusal_and_tools_of_a_whole_answer() -> None:
    message = {
        "reasoning_content": "Hm",
        "content": None,
        "refusal": "No.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": "é"}'}},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": ""}},
        ],
    }
    response = whole(completion(message, "tool_calls")).response
    assert response.reasoning == "Hm"
    assert response.refusal == "No."
    assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == [("a", "f", '{"x": "é"}'), ("b", "f", "")]
    assert response.finish_reason == "tool_calls"


def test_usage_of_a_whole_answer_keeps_the_vendors_record() -> None:
    record = {
        "prompt_tokens": 20,
        "completion_tokens": 7,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 2, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0, "accepted_prediction_tokens": 3},
        "cost": 0.25,
    }
    assert whole(completion({"content": "a"}, usage=record)).response.usage == Usage(
        input_tokens=20,
        cache_read_tokens=16,
        cache_write_tokens=2,
        input_audio_tokens=1,
        output_tokens=7,
        reasoning_tokens=5,
        output_audio_tokens=0,
        raw=record,
    )


def test_unknown_usage_is_none_not_zero() -> None:
    assert whole(completion({"content": "a"})).response.usage is None
    usage = whole(completion({"content": "a"}, usage={"prompt_tokens": 3})).response.usage
    assert usage == Usage(input_tokens=3, raw={"prompt_tokens": 3})
    assert usage.total_tokens is None


@pytest.mark.parametrize(
    ("raw", "unified"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "other"),
        (None, "unknown"),
        ("", "unknown"),
    ],
)
def test_finish_reason_is_our_word_and_the_vendors(raw: str | None, unified: str) -> None:
    finish = whole(completion({"content": "a"}, raw)).response.finish
    assert finish is not None
    assert (finish.unified, finish.raw) == (unified, raw or None)


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the answer cannot be read: it is empty"),
    "html": (b"<!DOCTYPE html><h1>502</h1>", "the answer cannot be read: it is HTML or XML, not JSON"),
    "invalid UTF-8": (b'{"choices":[{"message":{"content":"\xff"}}]}', "the answer cannot be read: "),
    "truncated": (b'{"choices":[{"message":{"content":"Lo', "the answer cannot be read: "),
    "two values": (b'{"choices":[]}{}', "the answer cannot be read: "),
    "deep": (b'{"choices":' + b"[" * 100_000, "the answer cannot be read: "),
    "no object": (b"[]", "the answer cannot be read: it is a list"),
    "no choices": (b'{"id":"1"}', "the answer holds no choices"),
    "empty choices": (b'{"choices":[]}', "the answer holds no choices"),
    "odd choices": (b'{"choices":{"a":1}}', "the answer cannot be read: "),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_body_that_is_no_completion_is_a_bad_reply_that_shows_it(case: str) -> None:
    body, words = BAD_BODIES[case]
    told = whole(body)
    assert isinstance(told.error, BadReply)
    assert told.error.message.startswith(words)
    assert told.error.body == body.decode("utf-8", "replace")[:2000]
    assert told.events == ()


def test_whole_answer_cut_anywhere_is_a_bad_reply() -> None:
    data = json.dumps(completion({"content": "Lo\U0001f30a"})).encode()
    for length in range(len(data)):
        told = read(decoder(False, NONE), [data[:length]])
        assert type(told.error) is BadReply, length


def test_endless_body_is_a_bad_reply() -> None:
    reader = decoder(False, NONE)
    piece = b"1" * (1024 * 1024)
    for _ in range(64):
        assert reader.feed(piece) == []
    assert reader.error is None
    reader.feed(b"1")
    assert reader.error is not None
    assert reader.error.message == "the answer is longer than 67108864 bytes"


ERRORS_IN_A_SUCCESS: dict[str, tuple[object, str, str, bool]] = {
    "record": ({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}, "RateLimited", "Slow down", True),
    "word": ({"error": "no capacity"}, "ServerFault", "no capacity", True),
    "status for a code": ({"error": {"message": "Denied", "code": 403}}, "PermissionDenied", "Denied", False),
    "invalid request": ({"error": {"message": "Odd", "type": "invalid_request_error"}}, "BadRequest", "Odd", False),
    "context": (
        {"error": {"message": "This model's maximum context length is 8192 tokens", "type": "invalid_request_error"}},
        "ContextTooLong",
        "This model's maximum context length is 8192 tokens",
        False,
    ),
    "message": ({"object": "error", "message": "Busy", "code": 50000}, "ServerFault", "Busy", True),
    "detail": ({"detail": "Not ready"}, "ServerFault", "Not ready", True),
    "list": ({"error": [1]}, "ServerFault", "the service reports an error without a word about it", True),
    "empty record beside choices": (
        completion({"content": "a"}, error={"code": "server_error"}),
        "ServerFault",
        "the service reports server_error",
        True,
    ),
}


@pytest.mark.parametrize("case", ERRORS_IN_A_SUCCESS)
def test_error_inside_a_success_is_that_error(case: str) -> None:
    body, kind, message, retryable = ERRORS_IN_A_SUCCESS[case]
    told = whole(body)
    assert isinstance(told.error, DragomanError)
    assert told.verdict == (kind, message, retryable)
    assert told.events == ()


# --- the server's side ------------------------------------------------------------------------------------------------------------------

ANSWER: tuple[Event, ...] = (
    Started(id="c-1", model="m-1", created_s=1763700000),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "Hm"),
    BlockEnded(0, signature="opaque"),
    BlockStarted(1, "text"),
    TextDelta(1, "Lo", (TokenLogprob("Lo", -0.5, (76, 111), (TokenLogprob("La", -2.0),)),)),
    TextDelta(1, "ire"),
    BlockEnded(1),
    BlockStarted(2, "tool", "a", "tide"),
    BlockStarted(3, "tool", "b", "wind"),
    ToolDelta(3, '{"k":'),
    ToolDelta(2, "{}"),
    ToolDelta(3, "1}"),
    BlockEnded(2),
    BlockEnded(3),
    Finished(FinishReason("tool_calls", "tool_use"), Usage(input_tokens=5, output_tokens=9, cache_read_tokens=0, reasoning_tokens=2)),
)
LOGPROBS = {
    "content": [
        {
            "token": "Lo",
            "logprob": -0.5,
            "bytes": [76, 111],
            "top_logprobs": [{"token": "La", "logprob": -2.0, "bytes": None, "top_logprobs": []}],
        }
    ],
    "refusal": None,
}
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 9,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def asked(stream: bool, **extra: Any) -> Request:
    return Request(
        model="asked-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, extra={"openai_chat": extra} if extra else {}
    )


def written(request: Request, events: tuple[Event, ...] = ANSWER) -> bytes:
    encoding = encoder(request, NONE)
    return b"".join(encoding.send(event) for event in events) + encoding.close()


def test_streamed_answer_word_for_word() -> None:
    events = [line[6:] for line in written(asked(True, stream_options={"include_usage": True})).split(b"\n\n")[:-1]]
    assert events[-1] == b"[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1763700000, "model": "m-1"}
    assert all({name: chunk[name] for name in head} == head for chunk in chunks)
    assert [chunk["usage"] for chunk in chunks] == [None] * (len(chunks) - 1) + [USAGE]
    assert chunks[-1]["choices"] == []
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert [choice["index"] for choice in choices] == [0] * len(choices)
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm"},
        {"content": "Lo"},
        {"content": "ire"},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "tide", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "wind", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"k":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "1}"}}]},
        {},
    ]
    assert [choice["logprobs"] for choice in choices] == [None, None, LOGPROBS, None, None, None, None, None, None, None]
    assert [choice["finish_reason"] for choice in choices] == [None] * 9 + ["tool_calls"]


def test_usage_is_streamed_only_to_whom_asked_for_it() -> None:
    assert b"usage" not in written(asked(True))
    assert b"usage" not in written(asked(True, stream_options={"include_usage": False}))
    assert b"usage" not in written(asked(True, stream_options=[1]))
    assert b'"choices":[],"usage":null' in written(
        asked(True, stream_options={"include_usage": True}), (*ANSWER[:-1], Finished(FinishReason("stop")))
    )


def test_whole_answer_word_for_word() -> None:
    assert json.loads(written(asked(False))) == {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1763700000,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Loire",
                    "refusal": None,
                    "reasoning_content": "Hm",
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "tide", "arguments": "{}"}},
                        {"id": "b", "type": "function", "function": {"name": "wind", "arguments": '{"k":1}'}},
                    ],
                },
                "logprobs": LOGPROBS,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USAGE,
    }


def test_model_is_the_one_asked_for_where_the_answer_does_not_say() -> None:
    events = (Started(), BlockStarted(0, "text"), TextDelta(0, "a"), BlockEnded(0), Finished(FinishReason("stop")))
    assert json.loads(written(asked(False), events))["model"] == "asked-1"
    assert json.loads(written(asked(True), events).split(b"\n\n")[0][6:])["model"] == "asked-1"


@pytest.mark.parametrize("stream", [True, False])
def test_logprobs_of_a_refusal_are_told_as_a_refusals(stream: bool) -> None:
    token = TokenLogprob("No", -0.25, (78, 111))
    events = (Started(), BlockStarted(0, "refusal"), TextDelta(0, "No", (token,)), BlockEnded(0), Finished(FinishReason("stop", "stop")))
    data = written(asked(stream), events)
    assert b'"logprobs":{"content":null,"refusal":[{"token":"No"' in data
    told = read(decoder(stream, NONE), [data]).response
    assert told.refusal == "No"
    assert told.choices[0].logprobs == (token,)


@pytest.mark.parametrize("stream", [True, False])
def test_failure_is_told_in_openais_form_and_read_back_as_itself(stream: bool) -> None:
    encoding = encoder(asked(stream), NONE)
    sent = b"".join(encoding.send(event) for event in ANSWER[:7]) + encoding.fail(Overloaded("No room", param="model"))
    record = b'{"error":{"message":"No room","type":"server_error","param":"model","code":"engine_overloaded"}}'
    assert sent.endswith(b"data: " + record + b"\n\n" if stream else record)
    told = read(decoder(stream, NONE), [sent])
    assert told.verdict == ("Overloaded", "No room", True)
    assert told.response.text == ("Loire" if stream else "")


def test_each_event_is_sent_as_it_comes() -> None:
    encoding = encoder(asked(True), NONE)
    for event in ANSWER:
        sent = encoding.send(event)
        assert sent.count(b"data: ") == (0 if isinstance(event, BlockEnded) or getattr(event, "kind", "tool") != "tool" else 1)


def test_form_is_named_by_its_content_type() -> None:
    assert encoder(asked(True), NONE).content_type == "text/event-stream"
    assert encoder(asked(False), NONE).content_type == "application/json"


@pytest.mark.parametrize("index", [0, 3])
@pytest.mark.parametrize("more", [{}, {"stop_reason": 7, "native_finish_reason": "STOP"}])
@pytest.mark.parametrize("finish", ["stop", "odd"])
def test_a_plain_text_is_told_as_a_reader_tells_it(index: int, more: dict[str, Any], finish: str) -> None:
    message: dict[str, Any] = {"role": "assistant", "content": "hi", "refusal": None, "annotations": [], "tool_calls": []}
    choice = msgspec.convert({"index": index, "message": message, "finish_reason": finish, **more}, Choice)
    usage, told = Usage(input_tokens=3), list[Event]()
    reader = ChoiceReader(index, think_tags=False)
    reader.say(choice, choice.message or EMPTY, told)
    reader.finish(usage, told)
    assert plain_text(choice) == "hi"
    assert list(plain_events(choice, "hi", usage)) == told


@pytest.mark.parametrize(
    "more",
    [
        {"content": None},
        {"content": [{"type": "text", "text": "hi"}]},
        {"refusal": "no"},
        {"reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{}"}}]},
        {"function_call": {"name": "f", "arguments": "{}"}},
        {"annotations": [{"type": "url_citation"}]},
        {"audio": {"id": "a"}},
        {"images": [{}]},
        {"extra_content": {}},
        {"thought_signature": "s"},
    ],
)
def test_a_choice_with_anything_else_is_not_plain(more: dict[str, Any]) -> None:
    message = {"content": "hi", **more}
    told = msgspec.json.encode({"message": message, "finish_reason": "stop"})
    assert not plain_text(msgspec.json.decode(told, type=Choice))
