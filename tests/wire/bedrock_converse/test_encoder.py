"""Answers written: in the vendor's order, one block at a time, with every field that its clients require."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import DragomanError, Overloaded, RateLimited, ServerFault, StreamCut, TimedOut, Unsupported
from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import Image, Source
from dragoman.core.usage import Usage
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE
from tests.wire.splits import read

from .streams import NAME, Record, asked, begun, closed, delta, new_decoder, new_whole, records, stopped, written

END = Finished(FinishReason("stop", "end_turn"), Usage(input_tokens=39, cache_read_tokens=30, cache_write_tokens=2, output_tokens=12))
NOTHING_COUNTED = {"usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}, "metrics": {"latencyMs": 0}}


def streamed(*events: Event) -> list[Record]:
    """What is written between the start and the stop."""
    found = records(written([Started(), *events, END]))
    assert found[0] == ("messageStart", {"role": "assistant"})
    assert found[-2] == stopped()
    return found[1:-2]


def whole(*events: Event, end: Finished = END) -> Any:
    return json.loads(written([Started(), *events, end], stream=False))


def content(*events: Event) -> list[Any]:
    return list(whole(*events)["output"]["message"]["content"])


def text_events(index: int, *pieces: str) -> list[Event]:
    return [BlockStarted(index, "text"), *(TextDelta(index, piece) for piece in pieces), BlockEnded(index)]


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


def test_text_has_deltas_and_a_stop_but_no_start() -> None:
    assert streamed(*text_events(7, "a", "", "b")) == [delta(0, text="a"), delta(0, text="b"), closed(0)]


def test_block_without_a_word_is_not_written_and_not_counted() -> None:
    assert streamed(*text_events(0), *text_events(1, "a")) == [delta(0, text="a"), closed(0)]


def test_call_is_announced_and_its_fragments_pass_one_by_one() -> None:
    events: list[Event] = [BlockStarted(0, "tool", "t", "n"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"), BlockEnded(0)]
    assert streamed(*events) == [
        begun(0, toolUse={"toolUseId": "t", "name": "n"}),
        delta(0, toolUse={"input": '{"a"'}),
        delta(0, toolUse={"input": ":1}"}),
        closed(0),
    ]


def test_call_without_arguments_has_an_empty_object() -> None:
    assert streamed(BlockStarted(0, "tool", "t", "n"), BlockEnded(0))[1] == delta(0, toolUse={"input": "{}"})


def test_second_open_block_waits_until_the_first_has_ended() -> None:
    interleaved: list[Event] = [
        BlockStarted(0, "tool", "a", "x"),
        BlockStarted(1, "tool", "b", "y"),
        ToolDelta(1, "[2]"),
        ToolDelta(0, "[1]"),
        BlockEnded(1),
        BlockEnded(0),
    ]
    assert [(name, record["contentBlockIndex"]) for name, record in streamed(*interleaved)] == [
        (name, index) for index in (0, 1) for name in ("contentBlockStart", "contentBlockDelta", "contentBlockStop")
    ]


def test_what_need_not_wait_leaves_at_once() -> None:
    encoding = bedrock_converse.encoder(asked(), NONE)
    sent = [encoding.send(event) for event in (Started(), BlockStarted(0, "tool", "a", "x"), ToolDelta(0, "{"), ToolDelta(0, "}"))]
    assert [len(records(piece)) for piece in sent] == [1, 1, 1, 1]


def test_reasoning_has_its_signature_last() -> None:
    events: list[Event] = [BlockStarted(0, "reasoning"), ReasoningDelta(0, "Hm"), BlockEnded(0, "sig")]
    assert streamed(*events) == [delta(0, reasoningContent={"text": "Hm"}), delta(0, reasoningContent={"signature": "sig"}), closed(0)]


@pytest.mark.parametrize("data", ["AQID", "gAAAA-not_base64", "", "é"])
def test_hidden_reasoning_is_base64_on_the_wire_and_comes_back_as_it_was(data: str) -> None:
    events: list[Event] = [Started(), BlockStarted(0, "reasoning", redacted_data=data), BlockEnded(0), END]
    for stream, decoder in ((True, new_decoder()), (False, new_whole())):
        told = read(decoder, [written(events, stream)])
        assert [part.redacted_data for part in told.response.parts] == [data]  # type: ignore[union-attr]  # the only part


def test_picture_is_announced_with_its_form() -> None:
    png = b"\x89PNG\r\n\x1a\n"
    events: list[Event] = [BlockStarted(0, "image"), MediaDelta(0, png), MediaDelta(0, b"x"), BlockEnded(0)]
    found = streamed(*events)
    assert found[0] == begun(0, image={"format": "png"})
    assert [name for name, _ in found[1:]] == ["contentBlockDelta", "contentBlockDelta", "contentBlockStop"]
    assert content(*events) == [{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgp4"}}}]


def test_refusal_and_a_sounds_words_are_text() -> None:
    refusal: list[Event] = [BlockStarted(0, "refusal"), TextDelta(0, "No"), BlockEnded(0)]
    sound: list[Event] = [BlockStarted(1, "audio"), MediaDelta(1, b"RIFF", "La"), MediaDelta(1, b"", " la"), BlockEnded(1)]
    assert streamed(*refusal, *sound) == [delta(0, text="No"), closed(0), delta(1, text="La"), delta(1, text=" la"), closed(1)]
    assert content(*refusal) == [{"text": "No"}]


def test_words_of_a_sound_that_has_no_bytes_are_text_in_a_whole_answer_too() -> None:
    assert content(BlockStarted(0, "audio"), MediaDelta(0, b"", "La"), BlockEnded(0)) == [{"text": "La"}]


def test_sound_has_a_place_in_a_whole_answer_alone() -> None:
    sound: list[Event] = [BlockStarted(0, "audio", media_type="audio/mpeg"), MediaDelta(0, b"RIF"), BlockEnded(0)]
    assert content(*sound) == [{"audio": {"format": "mp3", "source": {"bytes": "UklG"}}}]
    with pytest.raises(Unsupported, match="sound without a transcript"):
        streamed(*sound)


def test_what_is_said_in_a_sound_stands_behind_it_in_a_whole_answer() -> None:
    sound: list[Event] = [
        BlockStarted(0, "audio", media_type="audio/mpeg"),
        MediaDelta(0, b"RIF", "La"),
        MediaDelta(0, b"", " la"),
        BlockEnded(0),
    ]
    assert content(*sound) == [{"audio": {"format": "mp3", "source": {"bytes": "UklG"}}}, {"text": "La la"}]


def test_source_goes_to_the_text_that_it_supports() -> None:
    source = Source(url="https://x.test", title="X", quote="q")
    citation = {"sourceContent": [{"text": "q"}], "title": "X", "source": "https://x.test", "location": {"web": {"url": "https://x.test"}}}
    open_text: list[Event] = [BlockStarted(0, "text"), TextDelta(0, "a"), SourceAdded(source, 0, 0), BlockEnded(0)]
    assert streamed(*open_text) == [delta(0, text="a"), delta(0, citation=citation), closed(0)]
    assert content(*open_text) == [{"citationsContent": {"content": [{"text": "a"}], "citations": [citation]}}]


def test_source_that_belongs_nowhere_has_a_block_of_its_own() -> None:
    own = Source(title="T", extra={NAME: {"citation": {"title": "T", "location": {}}}})
    call: list[Event] = [BlockStarted(0, "tool", "t", "n"), SourceAdded(own), ToolDelta(0, "{}"), BlockEnded(0)]
    cited = [delta(1, citation={"title": "T", "location": {}}), closed(1)]
    assert streamed(*call)[-2:] == cited
    assert streamed(SourceAdded(own)) == [delta(0, citation={"title": "T", "location": {}}), closed(0)]
    assert content(SourceAdded(own), SourceAdded(own)) == [
        {"citationsContent": {"content": [], "citations": [{"title": "T", "location": {}}] * 2}}
    ]


def test_source_of_a_block_that_waits_waits_with_it() -> None:
    events: list[Event] = [
        BlockStarted(0, "tool", "t", "n"),
        BlockStarted(1, "text"),
        TextDelta(1, "a"),
        SourceAdded(Source(title="T"), 0, 1),
        ToolDelta(0, "{}"),
        BlockEnded(0),
        BlockEnded(1),
    ]
    assert streamed(*events)[3:] == [delta(1, text="a"), delta(1, citation={"title": "T"}), closed(1)]


def test_source_of_a_text_that_has_ended_or_waits_no_more_has_a_block_of_its_own() -> None:
    waiting: list[Event] = [
        BlockStarted(0, "tool", "t", "n"),
        BlockStarted(1, "text"),
        TextDelta(1, "a"),
        BlockEnded(1),
        SourceAdded(Source(quote="q"), 0, 1),
        BlockEnded(0),
    ]
    assert streamed(*waiting)[3:] == [delta(1, text="a"), closed(1), delta(2, citation={"sourceContent": [{"text": "q"}]}), closed(2)]


def test_the_vendors_own_blocks_are_written_as_the_vendor_writes_them() -> None:
    call = {"toolUse": {"toolUseId": "t", "name": "n", "type": "server_tool_use", "input": {"a": 1}}}
    result = {"toolResult": {"toolUseId": "t", "type": "n_result", "content": [{"json": {"b": 2}}]}}
    new = {"hologram": {"x": 1}}
    own = BlockStarted(0, "opaque", extra={NAME: call})
    blocks: list[Event] = [own, BlockEnded(0), BlockStarted(1, "opaque"), BlockEnded(1, extra={NAME: result})]
    foreign = BlockStarted(3, "opaque", extra={"other": {"z": 1}})
    more: list[Event] = [BlockStarted(2, "opaque", extra={NAME: new}), BlockEnded(2), foreign, BlockEnded(3)]
    assert streamed(*blocks, *more) == [
        begun(0, toolUse={"toolUseId": "t", "name": "n", "type": "server_tool_use"}),
        delta(0, toolUse={"input": '{"a":1}'}),
        closed(0),
        begun(1, toolResult={"toolUseId": "t", "type": "n_result"}),
        delta(1, toolResult=[{"json": {"b": 2}}]),
        closed(1),
        begun(2, hologram={"x": 1}),
        closed(2),
    ]
    assert content(*blocks, *more) == [call, result, new]


def test_failure_in_the_midst_is_an_exception_or_an_error() -> None:
    encoding = bedrock_converse.encoder(asked(), NONE)
    begun_bytes = encoding.send(Started())
    for error, name in (
        (RateLimited("Slow."), "throttlingException"),
        (Overloaded("Full."), "serviceUnavailableException"),
        (StreamCut("Cut."), "modelStreamErrorException"),
    ):
        told = read(new_decoder(), [begun_bytes + encoding.fail(error)])
        assert told.error is not None
        assert (told.error.message, told.error.code) == (error.message, name)


# --- the end ----------------------------------------------------------------------------------------------------------------------------


def test_what_was_not_counted_is_0_because_clients_require_a_number() -> None:
    assert records(written([Started(), Finished(FinishReason("unknown"))])) == [
        ("messageStart", {"role": "assistant"}),
        stopped(),
        ("metadata", NOTHING_COUNTED),
    ]
    empty = whole(end=Finished(FinishReason("unknown")))
    assert empty == {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", **NOTHING_COUNTED}


def test_usage_leaves_out_of_the_input_what_the_cache_did() -> None:
    usage = {"inputTokens": 7, "outputTokens": 12, "totalTokens": 51, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 2}
    assert records(written([Started(), END]))[-1][1]["usage"] == usage
    assert whole()["usage"] == usage


def test_the_vendors_own_words_at_the_end_stand_where_it_puts_them() -> None:
    own = {"metrics": {"latencyMs": 9}, "trace": {"x": 1}, "additionalModelResponseFields": {"s": "END"}, "usage": {"cacheDetails": []}}
    end = Finished(FinishReason("stop", "stop_sequence"), extra={NAME: own})
    counted = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0, "cacheDetails": []}
    assert records(written([Started(), end]))[1:] == [
        stopped("stop_sequence", additionalModelResponseFields={"s": "END"}),
        ("metadata", {"metrics": {"latencyMs": 9}, "trace": {"x": 1}, "usage": counted}),
    ]
    told = whole(end=end)
    assert (told["additionalModelResponseFields"], told["trace"], told["usage"]) == ({"s": "END"}, {"x": 1}, counted)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (FinishReason("stop", "stop"), "end_turn"),
        (FinishReason("stop", "stop_sequence"), "stop_sequence"),
        (FinishReason("length", "length"), "max_tokens"),
        (FinishReason("length", "model_context_window_exceeded"), "model_context_window_exceeded"),
        (FinishReason("tool_calls", None), "tool_use"),
        (FinishReason("content_filter", "SAFETY"), "content_filtered"),
        (FinishReason("content_filter", "guardrail_intervened"), "guardrail_intervened"),
        (FinishReason("other", "malformed_tool_use"), "malformed_tool_use"),
        (FinishReason("other", "pause_turn"), "pause_turn"),
        (FinishReason("other", None), "end_turn"),
        (FinishReason("unknown"), "end_turn"),
    ],
)
def test_reason_is_told_in_the_vendors_word(reason: FinishReason, word: str) -> None:
    assert records(written([Started(), Finished(reason)]))[1] == stopped(word)
    assert whole(end=Finished(reason))["stopReason"] == word


def test_of_several_answers_the_first_alone_is_written() -> None:
    second: list[Event] = [BlockStarted(0, "text", choice=1), TextDelta(0, "b", None, 1), BlockEnded(0, None, 1)]
    events = [Started(), *text_events(0, "a"), *second, SourceAdded(Source(title="T"), 1), Finished(FinishReason("stop"), None, 1), END]
    told = read(new_decoder(), [written(events)])
    assert (told.response.text, len(told.response.choices)) == ("a", 1)


def test_arguments_that_are_no_object_go_under_a_key_of_a_whole_answer() -> None:
    events: list[Event] = [BlockStarted(0, "tool", "t", "n"), ToolDelta(0, '{"a'), BlockEnded(0)]
    assert content(*events) == [{"toolUse": {"toolUseId": "t", "name": "n", "input": {"INVALID_JSON": '{"a'}}}]


def test_failure_of_a_whole_answer_says_its_name() -> None:
    encoding = bedrock_converse.encoder(asked(False), NONE)
    encoding.send(Started())
    assert json.loads(encoding.fail(RateLimited("Slow."))) == {"__type": "ThrottlingException", "message": "Slow."}


def test_picture_that_is_too_large_for_one_event_comes_in_several() -> None:
    data = b"\x89PNG" + bytes(17 * 1024 * 1024)
    told = read(
        new_decoder(), [written([Started(), BlockStarted(0, "image", media_type="image/png"), MediaDelta(0, data), BlockEnded(0), END])]
    )
    assert told.error is None
    assert told.response.parts == (Image(data=data, media_type="image/png"),)


def test_text_that_is_too_large_for_one_event_is_refused_and_the_refusal_is_told() -> None:
    encoder = bedrock_converse.encoder(asked(), NONE)
    begun = encoder.send(Started()) + encoder.send(BlockStarted(0, "text"))
    with pytest.raises(Unsupported, match="more than one event can") as refused:
        encoder.send(TextDelta(0, "a" * 17 * 1024 * 1024))
    told = read(new_decoder(), [begun + encoder.fail(refused.value)])
    assert told.error is not None
    assert told.error.message == refused.value.message


@pytest.mark.parametrize("kind", [ServerFault, TimedOut])
def test_failure_with_a_message_of_any_length_is_told(kind: type[DragomanError]) -> None:
    told = read(new_decoder(), [bedrock_converse.encoder(asked(), NONE).fail(kind("a" * 17 * 1024 * 1024))])
    assert told.error is not None
    assert told.error.message.startswith("aaaa")
