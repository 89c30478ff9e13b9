"""Thinking between tags in the text, told apart however the text is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.messages import Reasoning, Text
from dragoman.wire.openai_chat import decoder
from dragoman.wire.openai_chat.think_tags import ThinkTags
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.splits import random_pieces, read
from tests.wire.strategies import MODEST

TAGS = Quirks(think_tags=True)

SPLIT: dict[str, list[tuple[bool, str]]] = {
    "<think>\nHm\n</think>\n\nLoire": [(True, "Hm\n"), (False, "Loire")],
    "<think></think>Loire": [(False, "Loire")],
    "a<think>b</think>c<think>d": [(False, "a"), (True, "b"), (False, "c"), (True, "d")],
    "a < b <thin": [(False, "a < b <thin")],
    "a <<think>b</think": [(False, "a <"), (True, "b</think")],
    "</think>": [(False, "</think>")],
    "no tags\n": [(False, "no tags\n")],
}


def joined(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    out: list[tuple[bool, str]] = []
    for is_thinking, text in pieces:
        if out and out[-1][0] == is_thinking:
            out[-1] = (is_thinking, out[-1][1] + text)
        else:
            out.append((is_thinking, text))
    return out


def split(pieces: list[str]) -> list[tuple[bool, str]]:
    tags = ThinkTags()
    return joined([piece for text in pieces for piece in tags.feed(text)] + tags.close())


@pytest.mark.parametrize("text", SPLIT)
def test_tags_part_thinking_from_text_wherever_they_are_cut(text: str) -> None:
    assert split([text]) == SPLIT[text]
    assert split(list(text)) == SPLIT[text]
    for place in range(len(text)):
        assert split([text[:place], text[place:]]) == SPLIT[text]


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "/", " ", "\n", "a", "</thi"]), max_size=12), st.data())
def test_no_cut_changes_what_is_told(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
    assert split(pieces) == split([text])


def test_text_that_cannot_be_a_tag_is_not_held_back() -> None:
    tags = ThinkTags()
    assert tags.feed("a <b") == [(False, "a <b")]
    assert tags.feed("<thi") == []
    assert tags.feed("s") == [(False, "<this")]


@pytest.mark.parametrize("stream", [True, False])
def test_tags_count_in_answers_of_hosts_that_are_said_to_have_them(stream: bool) -> None:
    text = "<think>Hm</think>Loire"
    if stream:
        chunks = [{"choices": [{"index": 0, "delta": {"content": letter}}]} for letter in text]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        data = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
    else:
        data = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()
    assert read(decoder(stream, TAGS), [data]).response.choices[0].parts == (Reasoning(text="Hm"), Text(text="Loire"))
    assert read(decoder(stream, NONE), [data]).response.text == text


@MODEST
@given(st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "a", " ", "\\n"]), max_size=8), st.data())
def test_tagged_answer_is_told_in_legal_order_however_its_bytes_are_cut(words: list[str], data: st.DataObject) -> None:
    body = b"".join(b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % word.encode() for word in words)
    body += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    whole = read(decoder(True, TAGS), [body])
    told = read(decoder(True, TAGS), random_pieces(body, data.draw(st.integers(0, 1000))))
    assert (told.events, whole.error) == (whole.events, None)
