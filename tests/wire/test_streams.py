"""Streamed answers of every dialect, however they are split and wherever they are cut."""

from __future__ import annotations

import pytest

from dragoman.core.errors import StreamCut
from dragoman.core.exchange import Decoder
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, Quirks

from . import case_files
from .splits import assert_every_cut_is_told, read, read_split_anyhow

DIALECTS = ("openai_chat", "raycast")
GOOD = [(name, case) for name in DIALECTS for case in case_files.good_names(name)]
BAD = [(name, case) for name in DIALECTS for case in case_files.bad_names(name)]
TERSE = {"id", "model"}


def new_decoder(name: str, quirks: Quirks = NONE) -> Decoder:
    return dialect(name).decoder(True, quirks)


@pytest.mark.parametrize(("name", "case"), GOOD)
def test_good_answer_says_the_same_however_it_is_split(name: str, case: str) -> None:
    told = read_split_anyhow(lambda: new_decoder(name), case_files.answer(name, case))
    assert told.error is None
    meaning = case_files.expected(case_files.meaning(name, case))
    said = case_files.as_told(told.response)
    assert {field: value for field, value in said.items() if field in meaning or field not in TERSE} == meaning


@pytest.mark.parametrize(("name", "case"), [one for one in GOOD if case_files.meaning(*one)["complete_after"]])
def test_answer_cut_at_any_byte_is_never_a_success_before_its_end(name: str, case: str) -> None:
    data = case_files.answer(name, case)
    complete_from = case_files.complete_from(data, case_files.meaning(name, case))
    assert_every_cut_is_told(lambda: new_decoder(name), data, complete_from)


@pytest.mark.parametrize("case", [case for name, case in GOOD if name == "openai_chat" and case != "without-done"])
def test_where_only_done_ends_an_answer_a_finish_reason_does_not(case: str) -> None:
    data = case_files.answer("openai_chat", case)
    quirks = Quirks(end_marker="done")
    assert_every_cut_is_told(lambda: new_decoder("openai_chat", quirks), data, data.rindex(b"[DONE]") + len(b"[DONE]"))


def test_cut_between_two_choices_is_seen_once_the_second_has_begun() -> None:
    """Where each choice is sent whole before the next, a cut between them cannot be told from an answer with fewer choices."""
    data = case_files.answer("openai_chat", "two-choices-one-after-the-other")
    second_begins = data.index(b'{"index":1')
    second_ends = data.index(b'"finish_reason":"length"}]}') + len(b'"finish_reason":"length"}]}')
    first_event_ends = data.index(b"\n\n", second_begins)
    for length in range(first_event_ends, second_ends):
        told = read(new_decoder("openai_chat"), [data[:length]])
        assert isinstance(told.error, StreamCut), length
        assert told.response.text == "Loire"


def test_where_only_done_ends_an_answer_one_without_it_is_cut() -> None:
    told = read(new_decoder("openai_chat", Quirks(end_marker="done")), [case_files.answer("openai_chat", "without-done")])
    assert isinstance(told.error, StreamCut)
    assert told.error.message == "the stream ended without data: [DONE]"
    assert told.response.text == "Loire"


@pytest.mark.parametrize(("name", "case"), BAD)
def test_bad_answer_gives_its_text_and_then_its_error_however_it_is_split(name: str, case: str) -> None:
    meaning = case_files.meaning(name, case)
    kind, message, retryable = meaning["error"]
    told = read_split_anyhow(lambda: new_decoder(name), case_files.answer(name, case))
    assert told.error is not None
    assert type(told.error).__name__ == kind
    assert told.error.retryable is retryable
    assert message in (None, told.error.message)
    assert told.response.text == meaning.get("text", "")


def test_several_events_in_one_read_come_out_together_and_each_as_soon_as_it_is_whole() -> None:
    decoder = new_decoder("raycast")
    assert [event.text for event in decoder.feed(b'data: {"text":"a"}\n\ndata: {"text":"b"}\n\ndata: {"te')] == ["", "", "a", "b"]
    assert [event.text for event in decoder.feed(b'xt":"c"}\n\n')] == ["c"]


def test_content_is_known_to_be_complete_before_the_stream_ends() -> None:
    decoder = new_decoder("openai_chat")
    decoder.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
    assert not decoder.ending
    decoder.feed(b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n')
    assert decoder.ending
    assert not decoder.done
    decoder.feed(b"data: [DONE]\n\n")
    assert decoder.done


def test_answer_is_not_ending_while_another_choice_is_open() -> None:
    decoder = new_decoder("openai_chat")
    decoder.feed(b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
    assert decoder.ending
    decoder.feed(b'data: {"choices":[{"index":1,"delta":{"content":"b"}}]}\n\n')
    assert not decoder.ending
