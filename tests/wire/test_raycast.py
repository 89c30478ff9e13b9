"""Raycast's wire: its bodies and events word for word, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadRequest, Overloaded, Unsupported
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, ReasoningDelta, Started, TextDelta
from dragoman.core.exchange import Call
from dragoman.core.messages import Image, Message, Text, ToolCall
from dragoman.core.request import Request, Tool
from dragoman.wire.quirks import NONE, Quirks
from dragoman.wire.raycast import PATH, decode_request, decoder, encode_request, encoder

from .splits import read

HI = Message("user", (Text(text="Hi"),))


def decoded(body: object) -> Request:
    return decode_request(Call("POST", PATH, (), json.dumps(body).encode()), NONE)


def test_body_word_for_word() -> None:
    call = encode_request(Request(model="gpt-4", messages=(HI,)), NONE)
    assert (call.method, call.url) == ("POST", "/api/v1/ai/chat_completions")
    assert call.body == (
        b'{"debug":false,"locale":"en-CN","messages":[{"author":"user","content":{"text":"Hi"}}],"model":"gpt-4",'
        b'"provider":"openai","source":"ai_chat","system_instruction":"markdown","temperature":0.5}'
    )


def test_quirks_change_the_body() -> None:
    call = encode_request(Request(model="gpt-4", messages=(HI,)), Quirks(path="/x", constants={"locale": "de-DE"}, drop=("debug",)))
    assert call.url == "/x"
    assert json.loads(call.body)["locale"] == "de-DE"
    assert "debug" not in json.loads(call.body)


def test_what_the_wire_has_no_field_for_is_named() -> None:
    request = Request(model="m", messages=(HI,), tools=(Tool(name="f"),), seed=1, stop=("a",), stream=True, temperature=1.0)
    assert sorted(encode_request(request, NONE).warnings) == [
        "seed: not understood by this provider, left out",
        "stop: not understood by this provider, left out",
        "tools: not understood by this provider, left out",
    ]


@pytest.mark.parametrize("part", [Image(url="https://x.test/a.png"), ToolCall(id="a", name="f", arguments="{}")])
def test_anything_but_text_is_refused_by_its_place(part: Any) -> None:
    with pytest.raises(
        Unsupported, match=rf"messages\[1\]\.content: a {type(part).__name__} part was given; Raycast takes plain text only"
    ):
        encode_request(Request(model="m", messages=(HI, Message("assistant", (Text(text="a"), part)))), NONE)


REFUSED: dict[str, tuple[object, str | None, str]] = {
    "no model": ({"messages": []}, "model", "model: it is missing"),
    "no messages": ({"model": "m"}, "messages", "messages: it is missing"),
    "empty messages": ({"model": "m", "messages": []}, "messages", "messages: the list is empty"),
    "openai's message": (
        {"model": "m", "messages": [{"role": "user", "content": "a"}]},
        "messages[0]",
        "author and content.text are expected",
    ),
    "number for text": (
        {"model": "m", "messages": [{"author": "user", "content": {"text": 5}}]},
        "messages[0]",
        "author and content.text are expected",
    ),
    "unknown author": (
        {"model": "m", "messages": [{"author": "robot", "content": {"text": "a"}}]},
        "messages[0].role",
        "'robot' was given; one of 'system', ",
    ),
    "odd temperature": ({"model": "m", "messages": [], "temperature": "hot"}, "temperature", "temperature: expected `int | float"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_body_that_is_wrong_is_refused_by_its_place(case: str) -> None:
    body, param, words = REFUSED[case]
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert words in caught.value.message
    assert caught.value.param == param


def test_fields_that_say_nothing_are_read_over() -> None:
    body = {"model": "m", "messages": [{"author": "user", "content": {"text": "Hi", "x": 1}}], "locale": "xx", "zz": []}
    assert decoded(body) == Request(model="m", messages=(HI,), stream=True)


ANSWER: tuple[Event, ...] = (
    Started(id="c"),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "Hm"),
    BlockEnded(0),
    BlockStarted(1, "text"),
    TextDelta(1, "Lo"),
    TextDelta(1, "ire 🌊"),
    BlockEnded(1),
)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (FinishReason("stop", "end_turn"), "stop"),
        (FinishReason("length", "max_tokens"), "length"),
        (FinishReason("other", "eos"), "eos"),
        (FinishReason("unknown"), "stop"),
    ],
)
def test_answer_word_for_word(reason: FinishReason, word: str) -> None:
    encoding = encoder(Request(model="m", messages=(HI,)), NONE)
    sent = b"".join(encoding.send(event) for event in (*ANSWER, Finished(reason))) + encoding.close()
    assert encoding.content_type == "text/event-stream"
    assert sent.decode() == f'data: {{"text":"Lo"}}\n\ndata: {{"text":"ire 🌊"}}\n\ndata: {{"text":"","finish_reason":"{word}"}}\n\n'


def test_failure_after_text_is_told_and_read_back() -> None:
    encoding = encoder(Request(model="m", messages=(HI,)), NONE)
    sent = b"".join(encoding.send(event) for event in ANSWER) + encoding.fail(Overloaded("No room"))
    told = read(decoder(True, NONE), [sent])
    assert told.verdict == ("Overloaded", "No room", True)
    assert told.response.text == "Loire 🌊"


def test_name_of_a_speaker_is_left_out_with_a_warning() -> None:
    call = encode_request(Request(model="m", messages=(Message("user", (Text(text="Hi"),), "ada"),)), NONE)
    assert json.loads(call.body)["messages"] == [{"author": "user", "content": {"text": "Hi"}}]
    assert call.warnings == ("messages[0].name: not understood by this provider, left out",)
