"""What tools gave back: words in their own messages, pictures and documents behind them or, where a host takes them, among them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman import Client
from dragoman.core.errors import Unsupported
from dragoman.core.exchange import Call
from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Text, ToolCall, ToolResult
from dragoman.core.request import Request
from dragoman.wire.openai_chat import decode_request, encode_request
from dragoman.wire.quirks import NONE, Quirks

PNG = Image(data=b"x", media_type="image/png")
PDF = File(data=b"x", media_type="application/pdf", name="a.pdf")
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
PDF_PART = {"type": "file", "file": {"file_data": "data:application/pdf;base64,eA==", "filename": "a.pdf"}}
WORDS = Text(text="Shown:")
NEXT = Message("user", (Text(text="Well?"),))


def result(id: str, *parts: Any, **more: Any) -> ToolResult:
    return ToolResult(id=id, parts=parts, **more)


def called(*ids: str) -> Message:
    return Message("assistant", tuple(ToolCall(id=id, name="look", arguments="{}") for id in ids))


def sent(*messages: Message, quirks: Quirks = NONE) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    call = encode_request(Request(model="m", messages=messages), quirks)
    return json.loads(call.body)["messages"], call.warnings


def read(messages: list[dict[str, Any]]) -> tuple[Message, ...]:
    return decode_request(Call("POST", "/chat/completions", (), json.dumps({"model": "m", "messages": messages}).encode()), NONE).messages


def label(place: int, id: str) -> dict[str, str]:
    return {"type": "text", "text": f"Result {place} of the tools above, call {id}, also holds:"}


def test_media_follow_behind_all_results_of_the_turn_each_below_the_name_of_its_call() -> None:
    conversation = (
        called("a", "b", "c"),
        Message("tool", (result("a", WORDS, PNG), result("b", Text(text="2")), result("c", PDF, PNG))),
        NEXT,
    )
    told, warnings = sent(*conversation)
    assert warnings == ()
    assert told[1:] == [
        {"role": "tool", "tool_call_id": "a", "content": "Shown:"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "tool", "tool_call_id": "c", "content": "The result is in the next message."},
        {"role": "user", "content": [label(1, "a"), PNG_PART, label(3, "c"), PDF_PART, PNG_PART]},
        {"role": "user", "content": "Well?"},
    ]
    assert read(told) == conversation


def test_results_in_messages_of_their_own_are_one_turn_and_each_turn_shows_its_own() -> None:
    turn = (called("a", "b"), Message("tool", (result("a", PNG),)), Message("tool", (result("b", PNG),)))
    told, _ = sent(*turn, *turn)
    assert [message["role"] for message in told] == ["assistant", "tool", "tool", "user"] * 2
    assert told[3]["content"] == told[7]["content"] == [label(1, "a"), PNG_PART, label(2, "b"), PNG_PART]
    joined = (called("a", "b"), Message("tool", (result("a", PNG), result("b", PNG))))
    assert read(told) == (*joined, *joined)


def test_a_host_that_takes_media_from_a_tool_gets_them_there() -> None:
    conversation = (called("a"), Message("tool", (result("a", PNG, WORDS, PDF),)))
    told, warnings = sent(*conversation, quirks=Quirks(tool_media=True))
    assert (told[1:], warnings) == (
        [{"role": "tool", "tool_call_id": "a", "content": [PNG_PART, {"type": "text", "text": "Shown:"}, PDF_PART]}],
        (),
    )
    assert read(told) == conversation


def test_words_that_came_after_a_picture_are_said_to_be_moved() -> None:
    _, warnings = sent(called("a"), Message("tool", (result("a", PNG, WORDS),)))
    assert warnings == ("messages: this wire takes words alone from a tool, so they are sent before the pictures among them",)


@pytest.mark.parametrize(("parts", "words"), [((PNG, WORDS), "before the pictures"), ((WORDS, File(url="https://x.test/a")), "by URL")])
def test_strict_refuses_what_would_be_lost(parts: tuple[AnyPart, ...], words: str) -> None:
    with Client(keys={"openai": "k"}) as client, pytest.raises(Unsupported, match=words):
        client.complete("openai/gpt-4.1", [NEXT, called("a"), Message("tool", (result("a", *parts),))], strict=True)


def test_results_of_functions_as_before_tools_are_named_by_their_function() -> None:
    functions: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": [PNG_PART]},
    ]
    told, _ = sent(*read(functions))
    assert told[1]["content"] == "The result is in the next message."
    assert told[2]["content"] == [label(1, "look"), PNG_PART]
    assert read(told) == read(functions)


OWN = {
    "words of their own": [{"type": "text", "text": "Look"}, PNG_PART],
    "no words": [PNG_PART],
    "another call's name": [label(1, "z"), PNG_PART],
    "a place that is none": [label(2, "a"), PNG_PART],
    "a sound": [label(1, "a"), {"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}],
}


@pytest.mark.parametrize("name", OWN)
def test_a_users_own_message_stays_one(name: str) -> None:
    told = [*sent(called("a"), Message("tool", (result("a", WORDS),)))[0], {"role": "user", "content": OWN[name]}]
    messages = read(told)
    assert [message.role for message in messages] == ["assistant", "tool", "user"]
    assert messages[1].parts == (result("a", WORDS),)


def test_a_users_message_with_a_name_stays_one() -> None:
    shown = {"role": "user", "content": [label(1, "a"), PNG_PART], "name": "ada"}
    assert len(read([*sent(called("a"), Message("tool", (result("a", WORDS),)))[0], shown])) == 3


def test_what_others_alone_have_of_a_picture_is_named() -> None:
    marked = msgspec.structs.replace(PNG, extra={"anthropic_messages": {"cache_control": {"type": "ephemeral"}}})
    _, warnings = sent(called("a"), Message("tool", (result("a", marked),)))
    assert warnings == ("messages[1]: what anthropic_messages alone has (cache_control) is left out",)


def test_a_sound_has_no_place_in_a_result() -> None:
    with pytest.raises(Unsupported, match="audio as data"):
        sent(called("a"), Message("tool", (result("a", Audio(url="https://x.test/a.wav")),)))
