"""Streamed answers: what each event means, in what order, and what of a stream that breaks off."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dragoman.core.errors import BadReply, StreamCut
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
from dragoman.core.messages import Image, Opaque, Reasoning, Source, Text, ToolCall
from dragoman.core.usage import Usage
from dragoman.wire.eventstream import Header, encode_event, encode_exception, encode_fault, encode_message
from dragoman.wire.quirks import Quirks
from tests.wire.splits import Told, random_pieces, read, read_split_anyhow

from .streams import METADATA, NAME, START, Record, answer, begun, closed, delta, new_decoder, stopped, stream, text, tool

USAGE = Usage(input_tokens=39, cache_read_tokens=30, cache_write_tokens=2, output_tokens=12, raw=METADATA[1]["usage"])


def told_by(*given: Record, reason: str = "end_turn") -> Told:
    told = read_split_anyhow(new_decoder, answer(*given, reason=reason), seeds=[1, 2])
    assert told.error is None
    return told


def inside(told: Told) -> list[Event]:
    """The events between the start and the end."""
    assert isinstance(told.events[0], Started)
    assert isinstance(told.events[-1], Finished)
    return list(told.events[1:-1])


def test_text_comes_piece_by_piece_with_its_usage_and_end() -> None:
    told = told_by(*text(0, "Loire", ", ", "Rhône"))
    assert inside(told) == [
        BlockStarted(0, "text"),
        TextDelta(0, "Loire"),
        TextDelta(0, ", "),
        TextDelta(0, "Rhône"),
        BlockEnded(0),
    ]
    assert told.events[-1] == Finished(FinishReason("stop", "end_turn"), USAGE, 0, {NAME: {"metrics": {"latencyMs": 345}}})


def test_each_event_leaves_as_soon_as_its_last_byte_came() -> None:
    decoder = new_decoder()
    pieces = [stream(record) for record in (START, *text(0, "a", "b"))]
    assert [len(decoder.feed(piece[:-1])) for piece in pieces[:1]] == [0]
    assert [event.text for event in decoder.feed(pieces[0][-1:] + pieces[1] + pieces[2][:-1])] == ["", "", "a"]
    assert [event.text for event in decoder.feed(pieces[2][-1:])] == ["b"]


def test_arguments_come_fragment_by_fragment_as_the_model_wrote_them() -> None:
    told = told_by(*tool(0, "t-1", "look", '{"q": ', '"a\\u00e9"', " }"), reason="tool_use")
    assert inside(told) == [
        BlockStarted(0, "tool", "t-1", "look"),
        ToolDelta(0, '{"q": '),
        ToolDelta(0, '"a\\u00e9"'),
        ToolDelta(0, " }"),
        BlockEnded(0),
    ]
    assert told.response.finish == FinishReason("tool_calls", "tool_use")


@pytest.mark.parametrize("pieces", [[], [""]])
def test_call_without_arguments_has_an_empty_object(pieces: list[str]) -> None:
    assert told_by(*tool(0, "t-1", "now", *pieces)).response.tool_calls == (ToolCall(id="t-1", name="now", arguments="{}"),)


def test_parallel_calls_are_calls_each() -> None:
    told = told_by(*text(0, "Both."), *tool(1, "a", "x", "{}"), *tool(2, "b", "x", '{"n":1}'), reason="tool_use")
    assert [(call.id, call.arguments) for call in told.response.tool_calls] == [("a", "{}"), ("b", '{"n":1}')]


def test_blocks_that_are_interleaved_keep_their_own() -> None:
    told = told_by(
        begun(0, toolUse={"toolUseId": "a", "name": "x"}),
        begun(1, toolUse={"toolUseId": "b", "name": "y"}),
        delta(1, toolUse={"input": "[2"}),
        delta(0, toolUse={"input": "[1"}),
        delta(1, toolUse={"input": "]"}),
        closed(1),
        delta(0, toolUse={"input": "]"}),
        closed(0),
    )
    assert [(call.id, call.arguments) for call in told.response.tool_calls] == [("a", "[1]"), ("b", "[2]")]


def test_reasoning_has_its_signature_at_its_end() -> None:
    told = told_by(
        delta(0, reasoningContent={"text": "Well"}),
        delta(0, reasoningContent={"text": "…"}),
        delta(0, reasoningContent={"signature": "sig"}),
        delta(0, reasoningContent={"signature": "ned"}),
        closed(0),
        *text(1, "Yes"),
    )
    assert inside(told)[:4] == [
        BlockStarted(0, "reasoning"),
        ReasoningDelta(0, "Well"),
        ReasoningDelta(0, "…"),
        BlockEnded(0, "signed"),
    ]
    assert told.response.parts == (Reasoning(text="Well…", signature="signed"), Text(text="Yes"))


def test_hidden_reasoning_in_pieces_is_one() -> None:
    first, second = base64.b64encode(b"\1\2").decode(), base64.b64encode(b"\3\4\5").decode()
    told = told_by(delta(0, reasoningContent={"redactedContent": first}), delta(0, reasoningContent={"redactedContent": second}), closed(0))
    assert told.response.parts == (Reasoning(redacted_data=base64.b64encode(b"\1\2\3\4\5").decode()),)


def test_citations_stand_at_their_text() -> None:
    citation = {
        "title": "Rivers",
        "source": "https://x.test/rivers",
        "sourceContent": [{"text": "long"}, {"text": " rivers"}],
        "location": {"web": {"url": "https://x.test/r", "domain": "x.test"}},
    }
    other = {"title": "T", "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}}}
    told = told_by(delta(0, text="Loire"), delta(0, citation=citation), delta(0, citation=other), closed(0))
    sources = [event for event in told.events if isinstance(event, SourceAdded)]
    assert sources[0] == SourceAdded(
        Source(url="https://x.test/r", title="Rivers", quote="long rivers", extra={NAME: {"citation": citation}}), 0, 0
    )
    assert sources[1] == SourceAdded(Source(title="T", extra={NAME: {"citation": other}}), 0, 0)


def test_picture_in_pieces_is_an_image() -> None:
    pieces = [b"\x89PNG", b"more"]
    told = told_by(
        begun(0, image={"format": "png"}),
        *(delta(0, image={"source": {"bytes": base64.b64encode(piece).decode()}}) for piece in pieces),
        closed(0),
    )
    assert inside(told) == [
        BlockStarted(0, "image", media_type="image/png"),
        MediaDelta(0, pieces[0]),
        MediaDelta(0, pieces[1]),
        BlockEnded(0),
    ]
    assert told.response.parts == (Image(data=b"\x89PNGmore", media_type="image/png"),)


@pytest.mark.parametrize(
    "inner", [{"source": {"s3Location": {"uri": "s3://b/k"}}}, {"error": {"message": "none made"}}, {"source": 5}, 5, None]
)
def test_picture_without_bytes_is_opaque(inner: Any) -> None:
    told = told_by(begun(0, image={"format": "webp"}), *([] if inner is None else [delta(0, image=inner)]), closed(0))
    expected = {"format": "webp", **inner} if isinstance(inner, dict) else inner or {"format": "webp"}
    assert told.response.parts == (Opaque(extra={NAME: {"image": expected}}),)


def test_calls_that_the_vendor_answers_itself_are_opaque_and_whole() -> None:
    told = told_by(
        begun(0, toolUse={"toolUseId": "t", "name": "nova_code_interpreter", "type": "server_tool_use"}),
        delta(0, toolUse={"input": '{"snippet":'}),
        delta(0, toolUse={"input": '"1+1"}'}),
        closed(0),
        begun(1, toolResult={"toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success"}),
        delta(1, toolResult=[{"json": {"stdOut": "2"}}]),
        delta(1, toolResult=[{"text": "more"}]),
        closed(1),
        begun(2, toolUse={"toolUseId": "u", "name": "final", "type": "tool_use"}),
        closed(2),
    )
    call, result, ours = told.response.parts
    assert call.extra[NAME] == {
        "toolUse": {"toolUseId": "t", "name": "nova_code_interpreter", "type": "server_tool_use", "input": {"snippet": "1+1"}}
    }
    content = [{"json": {"stdOut": "2"}}, {"text": "more"}]
    told_result = {"toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success", "content": content}
    assert result.extra[NAME] == {"toolResult": told_result}
    assert ours == ToolCall(id="u", name="final", arguments="{}", extra={NAME: {"type": "tool_use"}})


def test_call_of_the_vendor_without_arguments_has_an_empty_object() -> None:
    [part] = told_by(begun(0, toolUse={"toolUseId": "t", "name": "n", "type": "server_tool_use"}), closed(0)).response.parts
    assert part.extra[NAME]["toolUse"]["input"] == {}


def test_blocks_that_are_yet_to_come_are_opaque_whether_announced_or_not() -> None:
    told = told_by(
        begun(0, hologram={"depth": 3}),
        delta(0, hologram={"text": "a", "points": [1]}),
        delta(0, hologram={"text": "b", "points": [2]}),
        closed(0),
        delta(1, smell={"of": "roses"}),
        closed(1),
        delta(2, plain="x"),
        delta(2, plain="y"),
        closed(2),
    )
    assert [part.extra[NAME] for part in told.response.parts] == [
        {"hologram": {"depth": 3, "text": "ab", "points": [1, 2]}},
        {"smell": {"of": "roses"}},
        {"plain": "xy"},
    ]
    assert all(isinstance(part, Opaque) for part in told.response.parts)


def test_text_without_a_word_is_no_block() -> None:
    """gpt-oss opens with one."""
    told = told_by(*text(0, ""), delta(1, reasoningContent={"text": "Hm"}), closed(1), *text(2, "Hello", ""))
    assert told.response.parts == (Reasoning(text="Hm"), Text(text="Hello"))


def test_delta_of_another_kind_ends_its_block_and_begins_one() -> None:
    told = told_by(delta(0, reasoningContent={"text": "a"}), delta(0, text="b"), delta(0, toolUse={"input": "{}"}), closed(0))
    assert [event.kind for event in told.events if isinstance(event, BlockStarted)] == ["reasoning", "text", "tool"]


def test_block_of_unknown_kind_keeps_what_is_its_own_and_no_more() -> None:
    """A delta says what it belongs to, also where its block was announced as something else."""
    told = told_by(
        begun(0, hologram={"depth": 3}),
        delta(0, hologram={"text": "a"}),
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"signature": "c2ln"}),
        delta(0, text="Hello"),
        delta(0, toolUse={"input": "{}"}),
        closed(0),
    )
    assert told.response.parts == (
        Opaque(extra={NAME: {"hologram": {"depth": 3, "text": "a"}}}),
        Reasoning(text="Hm", signature="c2ln"),
        Text(text="Hello"),
        ToolCall(id="", name="", arguments="{}"),
    )


@pytest.mark.parametrize("start", [{"reasoningContent": {}}, {"reasoningContent": 5}, {"reasoningContent": {"text": "Hm"}}])
def test_reasoning_that_is_announced_all_the_same_is_reasoning(start: Any) -> None:
    said = start["reasoningContent"].get("text", "") if isinstance(start["reasoningContent"], dict) else ""
    told = told_by(begun(0, **start), delta(0, reasoningContent={"text": " well"}), closed(0))
    assert told.response.parts == (Reasoning(text=f"{said} well"),)


@pytest.mark.parametrize(("start", "said"), [({"text": ""}, ""), ({"text": "He"}, "He"), ({"text": {}}, "")])
def test_text_that_is_announced_all_the_same_is_text(start: Any, said: str) -> None:
    told = told_by(begun(0, **start), delta(0, text="llo"), closed(0))
    assert told.response.parts == (Text(text=f"{said}llo"),)


def test_events_out_of_place_or_unknown_do_no_harm() -> None:
    told = told_by(
        ("initial-response", {}),
        ("tomorrows", {"news": 1}),
        closed(5),
        ("contentBlockDelta", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {}}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {}}),
        *text(0, "a"),
    )
    assert told.response.text == "a"


def test_stream_without_start_is_an_answer() -> None:
    told = read_split_anyhow(new_decoder, stream(*text(0, "a"), stopped(), METADATA))
    assert (told.error, told.response.text) == (None, "a")


def test_metadata_before_the_stop_are_kept_until_it_comes() -> None:
    told = read_split_anyhow(new_decoder, stream(START, METADATA, *text(0, "a"), stopped()))
    assert (told.error, told.response.usage) == (None, USAGE)


def test_open_blocks_end_with_the_answer() -> None:
    told = told_by(delta(0, text="a"), begun(1, toolUse={"toolUseId": "t", "name": "n"}))
    assert told.response.parts == (Text(text="a"), ToolCall(id="t", name="n", arguments="{}"))


@pytest.mark.parametrize(
    ("word", "unified"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "other"),
        ("malformed_tool_use", "other"),
        ("tomorrows_word", "other"),
    ],
)
def test_stop_reason_is_ours_and_the_vendors(word: str, unified: Any) -> None:
    assert told_by(*text(0, "a"), reason=word).response.finish == FinishReason(unified, word)


def test_answer_that_does_not_say_why_it_ended_has_ended_for_an_unknown_reason() -> None:
    told = read(new_decoder(), [stream(START, stopped(None), METADATA)])
    assert told.response.finish == FinishReason("unknown")


def test_all_that_the_vendor_says_at_the_end_is_kept() -> None:
    said = {"trace": {"guardrail": {"actionReason": "x"}}, "performanceConfig": {"latency": "optimized"}, "serviceTier": {"type": "flex"}}
    usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "cacheDetails": [{"ttl": "1h", "inputTokens": 5}]}
    end = ("metadata", {"usage": usage, "metrics": {"latencyMs": 9}, **said})
    stop = stopped("stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    told = read_split_anyhow(new_decoder, stream(START, *text(0, "a"), stop, end))
    assert told.response.choices[0].extra[NAME] == {
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "metrics": {"latencyMs": 9},
        **said,
        "usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 5}]},
    }
    assert told.response.usage == Usage(input_tokens=1, output_tokens=2, raw=usage)


# --- ends and cuts ----------------------------------------------------------------------------------------------------------------------

CUT = [START, *text(0, "Lo", "ire"), *tool(1, "t", "n", '{"a"', ":1}"), delta(2, reasoningContent={"text": "x"}), closed(2)]


def test_content_is_complete_with_the_stop_and_the_answer_with_metadata() -> None:
    decoder = new_decoder()
    states = []
    for record in (*CUT, stopped("tool_use"), METADATA):
        decoder.feed(stream(record))
        states.append((decoder.ending, decoder.done))
    assert states[:-2] == [(False, False)] * len(CUT)
    assert states[-2:] == [(True, False), (True, True)]


def test_block_after_the_stop_is_content_again() -> None:
    decoder = new_decoder()
    for record in (*CUT, stopped(), *text(3, "more")):
        decoder.feed(stream(record))
    assert not decoder.ending
    assert isinstance(read(new_decoder(), [stream(*CUT, stopped(), *text(3, "more"))]).error, StreamCut)


def test_answer_cut_at_any_byte_is_never_a_success_before_its_stop() -> None:
    """Behind the stop it is complete, without usage as long as the metadata have not come whole."""
    data = stream(*CUT, stopped("tool_use"))
    complete_from, full = len(data), data + stream(METADATA)
    whole = read(new_decoder(), [full])
    for length in range(len(full) + 1):
        told = read(new_decoder(), [full[:length]])
        again = read(new_decoder(), random_pieces(full[:length], length))
        assert (again.events, again.verdict) == (told.events, told.verdict)
        if length < complete_from:
            assert told.events == whole.events[: len(told.events)], length
            assert isinstance(told.error, StreamCut) or (isinstance(told.error, BadReply) and not told.events), length
        elif length < len(full):
            assert told.error is None
            assert told.events == (*whole.events[:-1], Finished(FinishReason("tool_calls", "tool_use")))
    assert whole.response.usage == USAGE


def test_where_only_metadata_end_an_answer_a_stop_does_not() -> None:
    told = read(new_decoder(Quirks(end_marker="done")), [stream(*CUT, stopped())])
    assert isinstance(told.error, StreamCut)
    assert told.error.message == "the stream ended without metadata"


def test_empty_stream_is_no_answer() -> None:
    told = read(new_decoder(), [])
    assert isinstance(told.error, BadReply)
    assert told.events == ()


def test_damaged_message_is_an_error_after_what_came_before_it() -> None:
    good = stream(START, *text(0, "a"))
    bad = bytearray(stream(delta(1, text="lies")))
    bad[-20] ^= 1
    told = read_split_anyhow(new_decoder, good + bytes(bad) + stream(stopped(), METADATA))
    assert isinstance(told.error, BadReply)
    assert (told.response.text, told.error.retryable) == ("a", True)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"delta":[]}', b'{"delta":{"text":5}}', b'{"contentBlockIndex":"x"}'])
def test_event_that_cannot_be_read_is_an_error(payload: bytes) -> None:
    told = read_split_anyhow(new_decoder, stream(START, *text(0, "a")) + encode_event("contentBlockDelta", payload))
    assert isinstance(told.error, BadReply)
    assert told.response.text == "a"


@pytest.mark.parametrize("bad", ["%", 5])
def test_picture_that_is_no_base64_is_an_error(bad: Any) -> None:
    told = read(new_decoder(), [stream(START, begun(0, image={"format": "png"}), delta(0, image={"source": {"bytes": bad}}))])
    assert isinstance(told.error, BadReply)


# --- errors inside ----------------------------------------------------------------------------------------------------------------------

INSIDE = {
    "throttlingException": ("RateLimited", True),
    "validationException": ("BadRequest", False),
    "modelStreamErrorException": ("ServerFault", True),
    "internalServerException": ("ServerFault", True),
    "serviceUnavailableException": ("Overloaded", True),
    "modelTimeoutException": ("ServerFault", True),
    "tomorrowsException": ("ServerFault", True),
}


@pytest.mark.parametrize("name", INSIDE)
def test_exception_inside_a_stream_has_its_class_after_what_was_said(name: str) -> None:
    message = json.dumps({"message": "It is so.", "originalStatusCode": 500}).encode()
    told = read_split_anyhow(new_decoder, stream(START, *text(0, "Loi")) + encode_exception(name, message) + stream(stopped()))
    assert told.verdict == (INSIDE[name][0], "It is so.", INSIDE[name][1])
    assert told.error is not None
    assert (told.error.code, told.response.text) == (name, "Loi")


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (encode_fault("ThrottlingException", "Slow down."), ("RateLimited", "Slow down.", True)),
        (encode_fault("InternalFailure", "Broken."), ("ServerFault", "Broken.", True)),
        (encode_exception("throttlingException", b""), ("RateLimited", "the service reports throttlingException", True)),
        (encode_exception("validationException", b"not json"), ("BadRequest", "not json", False)),
        (encode_exception("validationException", b'{"message":"Input is too long for requested model."}'),
         ("ContextTooLong", "Input is too long for requested model.", False)),
        (encode_message((Header(":message-type", "exception"),), b'{"message":"?"}'), ("ServerFault", "?", True)),
        (encode_exception("modelStreamErrorException", b'{"originalMessage":"inner"}'), ("ServerFault", "inner", True)),
    ],
)  # fmt: skip
def test_error_message_is_classified(data: bytes, verdict: tuple[str, str, bool]) -> None:
    assert read_split_anyhow(new_decoder, data).verdict == verdict
