"""What the server role answers with, in the vendor's own order and with the fields that its clients require."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import Overloaded, Unsupported
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishName,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import Source
from dragoman.core.usage import Usage
from dragoman.wire import anthropic_messages
from dragoman.wire.quirks import NONE
from tests.wire.splits import read

from .streams import NAME, asked, new_decoder, new_whole, records, written

STOPPED = Finished(FinishReason("stop", "stop"))


def shapes(data: bytes) -> list[str]:
    """The events of a stream, in brief."""
    found = []
    for record in records(data):
        what = record.get("delta", {}).get("type") or record.get("content_block", {}).get("type") or ""
        found.append(f"{record['type'].replace('content_block_', '')} {record.get('index', '')} {what}".strip())
    return found


def test_stream_of_an_answer_from_another_vendor() -> None:
    usage = Usage(input_tokens=100, cache_read_tokens=60, cache_write_tokens=30, output_tokens=9, reasoning_tokens=4)
    data = written(
        [
            Started(id="x-1", model="m-1"),
            BlockStarted(0, "reasoning"),
            ReasoningDelta(0, "Hm"),
            BlockEnded(0),
            BlockStarted(1, "text"),
            TextDelta(1, "Loire 🌊\n"),
            BlockEnded(1),
            BlockStarted(2, "tool", "call-1", "f"),
            ToolDelta(2, '{"a'),
            ToolDelta(2, '":1}'),
            BlockEnded(2),
            Finished(FinishReason("tool_calls", "tool_calls"), usage),
        ]
    )
    start, *blocks, last, stop = records(data)
    assert start["message"] == {
        "id": "x-1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": None, "cache_read_input_tokens": None},
    }
    assert blocks == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Loire 🌊\n"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "call-1", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a'}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '":1}'}},
        {"type": "content_block_stop", "index": 2},
    ]
    assert last["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert last["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 60,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert stop == {"type": "message_stop"}


def test_blocks_that_are_open_together_are_written_one_after_the_other_and_nothing_waits_longer_than_it_must() -> None:
    encoder = anthropic_messages.encoder(asked(), NONE)
    steps: list[tuple[Event, list[str]]] = [
        (BlockStarted(4, "tool", "a", "f"), ["start 0 tool_use"]),
        (BlockStarted(7, "tool", "b", "g"), []),
        (ToolDelta(7, '{"x":'), []),
        (ToolDelta(4, "{"), ["delta 0 input_json_delta"]),
        (BlockStarted(8, "text"), []),
        (ToolDelta(4, "}"), ["delta 0 input_json_delta"]),
        (BlockEnded(4), ["stop 0", "start 1 tool_use", "delta 1 input_json_delta"]),
        (TextDelta(8, "a"), []),
        (BlockEnded(8), []),
        (ToolDelta(7, "1}"), ["delta 1 input_json_delta"]),
        (BlockEnded(7), ["stop 1", "start 2 text", "delta 2 text_delta", "stop 2"]),
        (Finished(FinishReason("stop", "stop"), Usage(input_tokens=1, output_tokens=1)), ["message_delta", "message_stop"]),
    ]
    encoder.send(Started())
    for event, told in steps:
        assert shapes(encoder.send(event)) == told, event
    assert encoder.close() == b""


def test_source_goes_into_the_text_that_cites_it() -> None:
    own = {
        "type": "char_location",
        "cited_text": "q",
        "document_index": 1,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 1,
    }
    data = written(
        [
            Started(),
            BlockStarted(0, "text"),
            SourceAdded(Source(quote="q", extra={NAME: own}), 0, 0),
            TextDelta(0, "a"),
            SourceAdded(Source(url="https://x.test", title="X")),
            BlockEnded(0),
            STOPPED,
        ]
    )
    deltas = [record["delta"] for record in records(data) if record["type"] == "content_block_delta"]
    assert deltas == [
        {"type": "citations_delta", "citation": own},
        {"type": "text_delta", "text": "a"},
        {
            "type": "citations_delta",
            "citation": {
                "type": "web_search_result_location",
                "cited_text": "",
                "url": "https://x.test",
                "title": "X",
                "encrypted_index": "",
            },
        },
    ]


def test_source_that_comes_when_its_text_is_not_open_has_an_empty_text_of_its_own() -> None:
    source = Source(title="Rivers", quote="q")
    data = written(
        [
            Started(),
            BlockStarted(0, "text"),
            BlockEnded(0),
            SourceAdded(source, 0, 0),
            BlockStarted(1, "tool", "a", "f"),
            SourceAdded(source),
            SourceAdded(source, 0, 0),
            BlockEnded(1),
            STOPPED,
        ]
    )
    assert shapes(data)[1:-2] == [
        *("start 0 text", "stop 0", "start 1 text", "delta 1 citations_delta", "stop 1", "start 2 tool_use", "stop 2"),
        *("start 3 text", "delta 3 citations_delta", "stop 3", "start 4 text", "delta 4 citations_delta", "stop 4"),
    ]


def test_source_for_a_text_that_waits_waits_with_it() -> None:
    data = written(
        [
            Started(),
            BlockStarted(0, "tool", "a", "f"),
            BlockStarted(1, "text"),
            SourceAdded(Source(url="https://x.test"), 0, 1),
            BlockEnded(1),
            BlockEnded(0),
            STOPPED,
        ]
    )
    assert shapes(data)[1:-2] == ["start 0 tool_use", "stop 0", "start 1 text", "delta 1 citations_delta", "stop 1"]


def test_sources_of_a_whole_answer_stand_in_the_text_before_them() -> None:
    events: list[Event] = [
        Started(),
        SourceAdded(Source(quote="p")),
        BlockStarted(0, "text"),
        TextDelta(0, "a"),
        SourceAdded(Source(quote="q")),
        BlockEnded(0),
    ]
    content = json.loads(written([*events, STOPPED], stream=False))["content"]
    assert [(block["text"], [cited["cited_text"] for cited in block["citations"]]) for block in content] == [("", ["p"]), ("a", ["q"])]


def test_refusal_and_the_words_of_a_sound_are_text() -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "refusal"),
        TextDelta(0, "No."),
        BlockEnded(0),
        BlockStarted(1, "audio", media_type="audio/wav"),
        MediaDelta(1, b"RIFF"),
        MediaDelta(1, b"", "Hello"),
        BlockEnded(1),
        STOPPED,
    ]
    for stream in (True, False):
        told = read(new_decoder() if stream else new_whole(), [written(events, stream)])
        assert told.response.text == "No.Hello"


def test_picture_is_unsupported_and_not_dropped() -> None:
    events: list[Event] = [Started(), BlockStarted(0, "image", media_type="image/png"), MediaDelta(0, b"PNG"), BlockEnded(0), STOPPED]
    for stream in (True, False):
        with pytest.raises(Unsupported, match="the Anthropic messages wire has no place for it"):
            written(events, stream)


def test_opaque_block_of_another_vendor_leaves_no_gap_in_the_numbers() -> None:
    other: list[Event] = [BlockStarted(0, "opaque", extra={"openai_responses": {"type": "web_search_call"}}), BlockEnded(0)]
    events: list[Event] = [Started(), *other, BlockStarted(1, "text"), BlockEnded(1), STOPPED]
    assert shapes(written(events))[1:-2] == ["start 0 text", "stop 0"]
    assert [block["type"] for block in json.loads(written(events, stream=False))["content"]] == ["text"]


def test_first_of_several_answers_alone_is_written() -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "text"),
        BlockStarted(0, "text", choice=1),
        TextDelta(0, "b", None, 1),
        TextDelta(0, "a"),
        BlockEnded(0),
        BlockEnded(0, None, 1),
        STOPPED,
        Finished(FinishReason("length"), None, 1),
    ]
    for stream in (True, False):
        told = read(new_decoder() if stream else new_whole(), [written(events, stream)])
        assert told.response.text == "a"
        assert told.response.finish_reason == "stop"


@pytest.mark.parametrize(
    ("unified", "raw", "word"),
    [
        ("stop", "stop", "end_turn"),
        ("stop", "stop_sequence", "stop_sequence"),
        ("length", "length", "max_tokens"),
        ("length", "model_context_window_exceeded", "model_context_window_exceeded"),
        ("tool_calls", None, "tool_use"),
        ("content_filter", "SAFETY", "refusal"),
        ("other", "pause_turn", "pause_turn"),
        ("other", "eos", "eos"),
        ("unknown", None, None),
    ],
)
def test_finish_reason_is_the_vendors_word(unified: FinishName, raw: str | None, word: str | None) -> None:
    finished = Finished(FinishReason(unified, raw))
    assert records(written([Started(), finished]))[1]["delta"]["stop_reason"] == word
    assert json.loads(written([Started(), finished], stream=False))["stop_reason"] == word


def test_arguments_of_a_whole_answer_are_written_as_they_are_and_broken_ones_as_text() -> None:
    def content_of(arguments: str) -> bytes:
        events: list[Event] = [Started(), BlockStarted(0, "tool", "a", "f"), ToolDelta(0, arguments), BlockEnded(0), STOPPED]
        return written(events, stream=False)

    assert b'"input":{"b": 1.50,"a":1e2}' in content_of(' {"b": 1.50,"a":1e2}\n')
    assert b'"input":{}' in content_of(" ")
    assert b'"input":{"INVALID_JSON":"{\\"a"}' in content_of('{"a')
    assert b'"input":{"INVALID_JSON":"[1]"}' in content_of("[1]")


def test_failure_in_the_midst_is_the_vendors_error_event() -> None:
    encoder = anthropic_messages.encoder(asked(), NONE)
    encoder.send(Started())
    told: dict[str, Any] = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}, "request_id": "req_1"}
    error = Overloaded("Busy", request_id="req_1")
    assert records(encoder.fail(error)) == [told]
    assert json.loads(anthropic_messages.encoder(asked(stream=False), NONE).fail(error)) == told


def test_ids_and_counts_that_nobody_told_are_empty_and_zero() -> None:
    message = json.loads(written([Started(), STOPPED], stream=False))
    assert (message["id"], message["model"], message["content"]) == ("", "asked-1", [])
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (0, 0)
