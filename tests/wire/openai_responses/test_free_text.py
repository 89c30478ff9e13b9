"""The free text of a custom tool in a function's arguments: whatever the text, and however its pieces are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.openai_responses.free_text import FreeText, as_arguments, as_text, schema
from tests.wire.strategies import MODEST

PATCH = '*** Begin Patch\n*** Update File: a/b.py\n-print("a\\n")\n+print("\u00fc \U0001f30a")\t\u2028\x7f\n*** End Patch\n'
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def read(pieces: list[str]) -> list[str]:
    reader = FreeText()
    return [*(reader.feed(piece) for piece in pieces), reader.end()]


@MODEST
@given(texts, st.sampled_from([True, False]), st.data())
def test_any_text_comes_back_from_any_pieces(text: str, is_ascii: bool, data: st.DataObject) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=is_ascii)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=6)))
    pieces = [arguments[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(arguments)], strict=True)]
    assert "".join(read(pieces)) == text
    assert json.loads(as_arguments(text)) == {"input": text}


@pytest.mark.parametrize("is_ascii", [True, False], ids=["ascii", "as they are"])
def test_text_is_told_as_it_comes(is_ascii: bool) -> None:
    arguments = json.dumps({"input": PATCH}, ensure_ascii=is_ascii)
    told = read(list(arguments))
    assert "".join(told) == PATCH
    assert max(map(len, told)) == 1
    assert told[-1] == ""


OTHERS = {
    "other fields first": ('{"why": 1, "input": "a\\nb"}', "a\nb"),
    "another name": ('{"patch": "a\\nb"}', "a\nb"),
    "blanks": (' {\n "input" : "a\\nb" }\n', "a\nb"),
    "more fields behind": ('{"input": "a\\nb", "why": "c"}', "a\nb"),
    "a JSON string": (' "a\\nb"', "a\nb"),
    "no JSON at all": ('print("a")\n', 'print("a")\n'),
    "no text": ("{}", ""),
    "nothing": ("", ""),
    "no text in an object": ('{"input": 5}', '{"input": 5}'),
    "line ends as they are": ('{"input": "a\nb"}', "a\nb"),
    "an escape that JSON does not know": ('{"input": "a\\qb"}', "aqb"),
    "cut": ('{"input": "a\\nb', "a\nb"),
    "cut in an escape": ('{"input": "a\\u00', "a\\u00"),
    "cut in a pair of halves": ('{"input": "a\\ud83d', "a\ufffd"),
    "half a letter": ('{"input": "a\\ud83db"}', "a\ufffdb"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_model_writes_in_another_form_is_understood(name: str) -> None:
    arguments, text = OTHERS[name]
    assert as_text(arguments) == text
    assert "".join(read(list(arguments))) == text


def test_what_the_text_must_look_like_is_told_in_words() -> None:
    told = schema({"type": "grammar", "syntax": "lark", "definition": "start: WORD"})
    assert told["required"] == ["input"]
    assert told["properties"]["input"]["description"].endswith("It follows this Lark grammar:\nstart: WORD")
    assert "follows" not in schema({"type": "text"})["properties"]["input"]["description"]
