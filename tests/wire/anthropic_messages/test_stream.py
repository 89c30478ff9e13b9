"""Streamed answers, however they are split, wherever they are cut, and whatever an imitator sends out of order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadReply, StreamCut
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Finished,
    FinishReason,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import Opaque, Reasoning, Source, Text, ToolCall
from dragoman.core.usage import Usage
from dragoman.wire.quirks import PassingFault, Quirks
from tests.wire.splits import Told, assert_every_cut_is_told, read, read_split_anyhow

from .streams import NAME, PING, START, STOP, closed, delta, ended, new_decoder, opened, sse, text

CITATION = {
    "type": "char_location",
    "cited_text": "Loire",
    "document_index": 0,
    "document_title": "Rivers",
    "start_char_index": 0,
    "end_char_index": 5,
}
SEARCH = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"type": "web_search_result", "url": "https://x.test"}]}

ANSWER = sse(
    START,
    PING,
    opened(0, type="thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="Hm, "),
    delta(0, "thinking_delta", thinking="rivers 🌊"),
    delta(0, "signature_delta", signature="c2ln+/="),
    closed(0),
    opened(1, type="redacted_thinking", data="b3BhcXVl"),
    closed(1),
    *text(2, "Loi", "re 🌊"),
    opened(3, type="text", text="", citations=[]),
    delta(3, "citations_delta", citation=CITATION),
    delta(3, "text_delta", text="Rhône"),
    closed(3),
    opened(4, type="server_tool_use", id="srv_1", name="web_search", input={}),
    delta(4, "input_json_delta", partial_json=""),
    delta(4, "input_json_delta", partial_json='{"query":'),
    PING,
    delta(4, "input_json_delta", partial_json=' "é"}'),
    closed(4),
    opened(5, **SEARCH),
    closed(5),
    opened(6, type="tool_use", id="toolu_1", name="weather", input={}, caller={"type": "direct"}),
    delta(6, "input_json_delta", partial_json=""),
    delta(6, "input_json_delta", partial_json='{"city": '),
    delta(6, "input_json_delta", partial_json='"Nantes"}'),
    closed(6),
    opened(7, type="tool_use", id="toolu_2", name="now", input={}),
    delta(7, "input_json_delta", partial_json=""),
    closed(7),
    ended("tool_use", container={"id": "container_1"}),
    STOP,
)


def told(data: bytes, quirks: Quirks = Quirks()) -> Told:  # noqa: B008  # frozen
    return read_split_anyhow(lambda: new_decoder(quirks), data)


def good(*events: dict[str, Any]) -> Told:
    found = told(sse(*events))
    assert found.error is None
    return found


def test_every_kind_of_block_of_an_answer() -> None:
    found = told(ANSWER)
    assert found.error is None
    response = found.response
    assert response.parts == (
        Reasoning(text="Hm, rivers 🌊", signature="c2ln+/="),
        Reasoning(redacted_data="b3BhcXVl"),
        Text(text="Loire 🌊"),
        Text(text="Rhône"),
        Source(title="Rivers", quote="Loire", extra={NAME: CITATION}),
        Opaque(extra={NAME: {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "é"}}}),
        Opaque(extra={NAME: SEARCH}),
        ToolCall(id="toolu_1", name="weather", arguments='{"city": "Nantes"}', extra={NAME: {"caller": {"type": "direct"}}}),
        ToolCall(id="toolu_2", name="now", arguments="{}"),
    )
    assert (response.id, response.model, response.finish) == ("msg_1", "claude-1", FinishReason("tool_calls", "tool_use"))
    assert response.choices[0].extra == {NAME: {"container": {"id": "container_1"}}}


def test_usage_is_the_last_word_of_each_count_and_the_input_holds_what_was_cached() -> None:
    raw = {"input_tokens": 7, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 30, "output_tokens": 12}
    assert told(ANSWER).response.usage == Usage(input_tokens=39, cache_read_tokens=30, cache_write_tokens=2, output_tokens=12, raw=raw)


def test_answer_cut_at_any_byte_is_never_a_success_before_its_stop_reason() -> None:
    marker = ANSWER.index(b"message_delta\ndata")
    complete_from = ANSWER.index(b"\n\n", marker)
    while ANSWER[complete_from - 1] in b" ":
        complete_from -= 1
    assert_every_cut_is_told(new_decoder, ANSWER, complete_from)


def test_where_only_message_stop_ends_an_answer_a_stop_reason_does_not() -> None:
    complete_from = ANSWER.rindex(b"}") + 1
    assert_every_cut_is_told(lambda: new_decoder(Quirks(end_marker="done")), ANSWER, complete_from)


def test_content_is_known_to_be_complete_before_the_stream_ends() -> None:
    decoder = new_decoder()
    decoder.feed(sse(START, *text(0, "a")))
    assert not decoder.ending
    decoder.feed(sse(ended()))
    assert decoder.ending
    assert not decoder.done
    assert isinstance(decoder.feed(sse(STOP, *text(1, "late")))[-1], Finished)
    assert decoder.done


def test_answer_is_not_ending_where_a_further_block_begins_after_all() -> None:
    decoder = new_decoder()
    decoder.feed(sse(START, ended("pause_turn"), opened(0, type="text", text="")))
    assert not decoder.ending


def test_each_event_comes_out_as_soon_as_it_is_whole() -> None:
    decoder = new_decoder()
    first, second = sse(START, opened(0, type="text", text="")), sse(delta(0, "text_delta", text="a"))
    assert decoder.feed(first) == [
        Started(id="msg_1", model="claude-1", extra={NAME: {"usage": START["message"]["usage"]}}),
        BlockStarted(0, "text"),
    ]
    assert decoder.feed(second[:-1]) == []
    assert decoder.feed(second[-1:]) == [TextDelta(0, "a")]


@pytest.mark.parametrize(
    ("raw", "unified"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "other"),
        ("compaction", "other"),
        (None, "unknown"),
    ],
)
def test_stop_reason_is_our_word_and_the_vendors(raw: str | None, unified: str) -> None:
    finish = good(START, *text(0, "a"), ended(raw), STOP).response.finish
    assert finish is not None
    assert (finish.unified, finish.raw) == (unified, raw)


def test_stop_sequence_and_details_stand_beside_the_reason() -> None:
    found = good(START, ended("stop_sequence", stop_sequence="###"), STOP)
    assert found.response.choices[0].extra == {NAME: {"stop_sequence": "###"}}
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    found = good(START, ended("refusal", stop_details=details), {**ended(None), "context_management": {"applied_edits": []}}, STOP)
    assert found.response.choices[0].extra == {NAME: {"stop_details": details, "context_management": {"applied_edits": []}}}
    assert found.response.finish_reason == "content_filter"


def test_usage_beyond_our_counts_is_kept() -> None:
    start = json.loads(json.dumps(START))
    start["message"]["usage"] |= {"service_tier": "standard", "cache_creation": {"ephemeral_1h_input_tokens": 2}}
    last = ended()
    last["usage"] |= {"output_tokens_details": {"thinking_tokens": 5}, "server_tool_use": {"web_search_requests": 1}}
    response = good(start, last, STOP).response
    assert response.usage is not None
    assert response.usage.reasoning_tokens == 5
    assert response.choices[0].extra[NAME]["usage"] == {
        "service_tier": "standard",
        "cache_creation": {"ephemeral_1h_input_tokens": 2},
        "server_tool_use": {"web_search_requests": 1},
    }


def test_citations_name_the_block_that_cites() -> None:
    events = good(START, opened(0, type="text", text=""), delta(0, "citations_delta", citation=CITATION), closed(0), ended(), STOP).events
    assert [event.index for event in events if isinstance(event, SourceAdded)] == [0]


def test_web_citation_is_an_address_and_a_quote() -> None:
    web = {"type": "web_search_result_location", "cited_text": "q", "url": "https://x.test", "title": "X", "encrypted_index": "Eo"}
    response = good(START, opened(0, type="text", text="", citations=[web]), closed(0), ended(), STOP).response
    assert response.sources == (Source(url="https://x.test", title="X", quote="q", extra={NAME: web}),)


def test_block_of_an_unknown_kind_grows_by_whatever_its_deltas_say() -> None:
    found = good(
        START,
        opened(0, type="compaction", content=None),
        delta(0, "compaction_delta", content="Sum"),
        delta(0, "compaction_delta", content="mary", encrypted_content="x"),
        closed(0),
        opened(1, type="novel", title="t", parts=[1]),
        delta(1, "citations_delta", citation={"n": 1}),
        delta(1, "novel_delta", parts=[2]),
        closed(1),
        ended(),
        STOP,
    )
    assert [part.extra[NAME] for part in found.response.parts] == [
        {"type": "compaction", "content": "Summary", "encrypted_content": "x"},
        {"type": "novel", "title": "t", "parts": [2], "citations": [{"n": 1}]},
    ]
    starts = [event for event in found.events if isinstance(event, BlockStarted)]
    assert starts[0].extra == {NAME: {"type": "compaction", "content": None}}


def test_arguments_of_a_server_tool_that_are_no_json_stay_as_text() -> None:
    found = good(
        START,
        opened(0, type="server_tool_use", id="s", name="n", input={}),
        delta(0, "input_json_delta", partial_json='{"a'),
        ended(),
        STOP,
    )
    assert found.response.parts[0].extra[NAME]["input"] == '{"a'


# --- what imitators send ----------------------------------------------------------------------------------------------------------------


def test_whole_content_in_a_blocks_start_is_not_lost() -> None:
    found = good(
        START,
        opened(0, type="text", text="Loire"),
        closed(0),
        opened(1, type="thinking", thinking="Hm", signature="s"),
        closed(1),
        opened(2, type="tool_use", id="t", name="f", input={"b": 1.0, "a": [2]}),
        closed(2),
        ended(),
        STOP,
    )
    assert found.response.parts == (
        Text(text="Loire"),
        Reasoning(text="Hm", signature="s"),
        ToolCall(id="t", name="f", arguments='{"b":1.0,"a":[2]}'),
    )


def test_thinking_inside_a_text_block_becomes_a_block_of_its_own() -> None:
    found = good(
        START,
        opened(0, type="text", text=""),
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "text_delta", text="Loire"),
        closed(0),
        STOP,
    )
    assert found.events[1:] == (
        BlockStarted(0, "text"),
        BlockEnded(0),
        BlockStarted(1, "reasoning"),
        ReasoningDelta(1, "Hm"),
        BlockEnded(1),
        BlockStarted(2, "text"),
        TextDelta(2, "Loire"),
        BlockEnded(2),
        Finished(FinishReason("unknown"), found.response.usage),
    )


def test_deltas_without_a_start_open_their_block() -> None:
    found = good(delta(0, "text_delta", text="a"), delta(1, "input_json_delta", partial_json="{}"), closed(1), closed(9), ended(), STOP)
    assert [type(event).__name__ for event in found.events] == [
        *("Started", "BlockStarted", "TextDelta", "BlockStarted", "ToolDelta", "BlockEnded", "BlockEnded", "Finished")
    ]
    assert found.events[4] == ToolDelta(1, "{}")


def test_block_opened_twice_is_two_blocks_and_a_second_message_start_is_none() -> None:
    found = good(START, opened(0, type="text", text="a"), START, opened(0, type="text", text="b"), ended(), STOP)
    assert found.response.parts == (Text(text="a"), Text(text="b"))
    assert sum(isinstance(event, Started) for event in found.events) == 1


def test_interleaved_blocks_keep_apart() -> None:
    found = good(
        START,
        opened(0, type="tool_use", id="a", name="f", input={}),
        opened(1, type="tool_use", id="b", name="g", input={}),
        delta(1, "input_json_delta", partial_json='{"x":'),
        delta(0, "input_json_delta", partial_json="{}"),
        delta(1, "input_json_delta", partial_json="1}"),
        closed(0),
        closed(1),
        ended("tool_use"),
        STOP,
    )
    assert [(call.id, call.arguments) for call in found.response.tool_calls] == [("a", "{}"), ("b", '{"x":1}')]


def test_unknown_events_deltas_empty_data_and_openais_marker_are_ignored() -> None:
    data = sse(
        START,
        {"type": "novel_event", "index": 4},
        opened(0, type="text", text=""),
        delta(0, "novel_delta", x=1),
        delta(0, "text_delta", text="a"),
    )
    data += b": comment\n\nevent: ping\ndata:\n\n" + sse(closed(0), ended(), STOP).replace(
        b"event: message_stop", b"data: [DONE]\n\nevent: message_stop"
    )
    found = told(data)
    assert found.error is None
    assert found.response.text == "a"


def test_type_may_stand_in_the_events_name_alone() -> None:
    data = b'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"a"}}\n\nevent: message_stop\ndata: {}\n\n'
    found = told(data)
    assert found.error is None
    assert found.response.text == "a"


# --- errors -----------------------------------------------------------------------------------------------------------------------------

ERRORS = [
    ("overloaded_error", "Overloaded", True),
    ("api_error", "ServerFault", True),
    ("rate_limit_error", "RateLimited", True),
    ("timeout_error", "ServerFault", True),
    ("invalid_request_error", "BadRequest", False),
    ("permission_error", "PermissionDenied", False),
    ("novel_error", "ServerFault", True),
]


@pytest.mark.parametrize(("kind", "name", "retryable"), ERRORS)
def test_error_inside_a_stream_is_classified_after_the_text_that_came(kind: str, name: str, retryable: bool) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "Sorry"}, "request_id": "req_1"}
    found = told(sse(START, opened(0, type="text", text=""), delta(0, "text_delta", text="Loi"), error, STOP))
    assert found.verdict == (name, "Sorry", retryable)
    assert found.error is not None
    assert (found.error.request_id, found.error.code) == ("req_1", kind)
    assert found.response.text == "Loi"


def test_error_in_openais_form_and_error_at_once() -> None:
    found = told(b'data: {"error":{"message":"Busy","type":"overloaded_error"}}\n\n')
    assert found.verdict == ("Overloaded", "Busy", True)
    assert found.events == ()


BAD = {
    "empty": (b"", "the answer is empty: the stream ended without a single event"),
    "comments": (b": hi\n\n", "the answer is empty: the stream ended without a single event"),
    "end marker alone": (sse(STOP), "the answer is empty: the stream holds its end marker alone"),
    "html": (b"<html>\n<h1>Bad gateway</h1>\n", "the answer is not an event stream"),
    "no json": (b"data: {nonsense\n\n" + sse(START, STOP), "an event of the answer cannot be read"),
    "no object": (b"data: [1]\n\n", "an event of the answer cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_stream_that_is_no_answer_is_a_bad_reply(case: str) -> None:
    data, words = BAD[case]
    found = told(data)
    assert isinstance(found.error, BadReply)
    assert found.error.message.startswith(words)
    assert found.events == ()


def test_bare_error_record_in_place_of_a_stream_is_that_error() -> None:
    found = told(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert found.verdict == ("Overloaded", "Overloaded", True)


def test_fault_that_a_host_announces_in_plain_text() -> None:
    quirks = Quirks(passing_faults=(PassingFault("warming up", "Overloaded"),))
    assert told(b"model is warming up\n\n", quirks).verdict == ("Overloaded", "model is warming up", True)


def test_stream_without_a_stop_reason_is_cut() -> None:
    found = told(sse(START, *text(0, "Loi")))
    assert isinstance(found.error, StreamCut)
    assert found.response.text == "Loi"


def test_start_of_another_answer_amid_this_one_is_no_part_of_it() -> None:
    other = {**START, "message": {**START["message"], "id": "msg_2"}}
    found = told(sse(START, opened(0, type="text", text=""), delta(0, "text_delta", text="Loi"), other, *text(0, "Loire"), ended(), STOP))
    assert isinstance(found.error, StreamCut)
    assert found.response.text == "Loi"
    assert good(START, {"type": "message_start", "message": {}}, START, *text(0, "a"), ended(), STOP).response.text == "a"


def test_broken_event_before_and_after_the_content_is_complete() -> None:
    broken = b'data: {"type":'
    assert isinstance(read(new_decoder(), [sse(START, *text(0, "a")) + broken]).error, StreamCut)
    assert read(new_decoder(), [sse(START, *text(0, "a"), ended()) + broken]).error is None
