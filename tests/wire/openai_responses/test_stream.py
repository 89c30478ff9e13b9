"""Streamed answers, split and cut everywhere, from OpenAI and from hosts that leave out what they like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core import errors
from dragoman.core.events import BlockEnded, BlockStarted, FinishReason, Started, TextDelta, TokenLogprob
from dragoman.core.messages import Image, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.usage import Usage
from dragoman.wire.quirks import PassingFault, Quirks
from tests.wire.splits import Told, assert_every_cut_is_told, read, read_split_anyhow

from .streams import CREATED, HEAD, NAME, USAGE, added, completed, decoder, delta, done, event, message, response, text, written

CITATION = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 3}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call-1", "name": "now", "arguments": '{"a":  1}', "status": "completed"}
THOUGHT = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "First"}, {"type": "summary_text", "text": "Second"}],
    "encrypted_content": "gAAA",
    "status": "completed",
}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
SAID = message("msg_3", text("Loire 🌊", CITATION), {"type": "refusal", "refusal": "No more."}, phase="final_answer")


def part(step: str, index: int, place: int, told: Any, kind: str = "content_part", number: str = "content_index") -> Any:
    return event(f"response.{kind}.{step}", output_index=index, **{number: place}, item_id=f"x_{index}", part=told)


def summary(index: int, place: int, *words: str) -> list[Any]:
    place_of = {"output_index": index, "summary_index": place, "item_id": "rs_1"}
    kind, number = "reasoning_summary_part", "summary_index"
    return [
        part("added", index, place, {"type": "summary_text", "text": ""}, kind, number),
        *(event("response.reasoning_summary_text.delta", delta=word, **place_of) for word in words),
        event("response.reasoning_summary_text.done", text="".join(words), **place_of),
        part("done", index, place, {"type": "summary_text", "text": "".join(words)}, kind, number),
    ]


ANSWER = (
    CREATED,
    event("response.in_progress", response=response()),
    added(0, "reasoning", id="rs_1", summary=[], encrypted_content="g"),
    *summary(0, 0, "Fi", "rst"),
    *summary(0, 1, "Second"),
    done(0, THOUGHT),
    added(1, "function_call", id="fc_1", call_id="call-1", name="now", arguments="", status="in_progress"),
    event("response.function_call_arguments.delta", output_index=1, item_id="fc_1", delta='{"a":', obfuscation="x"),
    added(2, "web_search_call", id="ws_1", status="in_progress"),
    event("response.web_search_call.searching", output_index=2, item_id="ws_1"),
    event("response.function_call_arguments.delta", output_index=1, item_id="fc_1", delta="  1}"),
    event("response.function_call_arguments.done", output_index=1, item_id="fc_1", arguments='{"a":  1}'),
    done(2, SEARCH),
    done(1, CALL),
    event("keepalive"),
    added(3, "message", id="msg_3", status="in_progress", role="assistant", content=[], phase="final_answer"),
    part("added", 3, 0, text("")),
    delta(3, "Loi", logprobs=[{"token": "Loi", "logprob": -0.5, "top_logprobs": [{"token": "Sei", "logprob": -1}]}], obfuscation="a"),
    event("response.output_text.annotation.added", output_index=3, content_index=0, item_id="msg_3", annotation=CITATION),
    delta(3, "re 🌊", logprobs=[]),
    event("response.output_text.done", output_index=3, content_index=0, item_id="msg_3", text="Loire 🌊"),
    part("done", 3, 0, text("Loire 🌊", CITATION)),
    part("added", 3, 1, {"type": "refusal", "refusal": ""}),
    delta(3, "No more.", 1, "refusal"),
    event("response.refusal.done", output_index=3, content_index=1, item_id="msg_3", refusal="No more."),
    part("done", 3, 1, {"type": "refusal", "refusal": "No more."}),
    done(3, SAID),
    completed(THOUGHT, CALL, SEARCH, SAID, service_tier="default", completed_at=9),
)
PARTS = (
    Reasoning(
        text="First\n\nSecond",
        signature="gAAA",
        id="rs_1",
        extra={NAME: {"parts": [["summary_text", 5], ["summary_text", 6]], "status": "completed"}},
    ),
    ToolCall(id="call-1", name="now", arguments='{"a":  1}', extra={NAME: {"id": "fc_1", "status": "completed"}}),
    Opaque(extra={NAME: SEARCH}),
    Text(text="Loire 🌊", extra={NAME: {"message": {"id": "msg_3", "status": "in_progress", "phase": "final_answer"}}}),
    Source(url="https://x.test", title="X", start=0, end=3, extra={NAME: CITATION}),
    Refusal(text="No more.", extra={NAME: {"message": {"id": "msg_3", "status": "completed", "phase": "final_answer"}}}),
)


def told(*events: Any, named: bool = True) -> Told:
    return read_split_anyhow(decoder, written(*events, named=named), seeds=range(2))


def test_answer_of_every_kind() -> None:
    answer = told(*ANSWER)
    assert answer.error is None
    response = answer.response
    assert response.parts == PARTS
    assert (response.id, response.model, response.created_s) == ("resp_1", "gpt-x", 1700000000)
    assert response.finish == FinishReason("tool_calls", "completed")
    assert response.choices[0].logprobs == (TokenLogprob("Loi", -0.5, None, (TokenLogprob("Sei", -1.0),)),)
    assert response.choices[0].extra == {NAME: {"service_tier": "default", "completed_at": 9}}
    assert response.usage == Usage(
        input_tokens=10, cache_read_tokens=4, cache_write_tokens=1, output_tokens=7, reasoning_tokens=3, raw=USAGE
    )


def test_names_of_events_are_not_needed() -> None:
    assert told(*ANSWER, named=False).response == told(*ANSWER).response


def test_answer_cut_at_any_byte_is_never_a_success_before_its_end() -> None:
    data = written(*ANSWER)
    assert_every_cut_is_told(decoder, data, len(data) - 2)


@pytest.mark.parametrize("left_out", ["added", "delta", "done", "part", "annotation"])
def test_what_a_host_leaves_out_on_the_way_is_taken_from_what_is_left(left_out: str) -> None:
    words = {
        "added": (".added",),
        "delta": (".delta",),
        "done": ("output_item.done", "part.done", "text.done"),
        "part": ("content_part", "summary_part"),
        "annotation": ("annotation",),
    }[left_out]
    answer = told(*(one for one in ANSWER if not any(word in one["type"] for word in words)))
    assert answer.error is None
    response = answer.response
    assert (response.text, response.reasoning, response.refusal) == ("Loire 🌊", "First\n\nSecond", "No more.")
    assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == [("call-1", "now", '{"a":  1}')]
    assert [source.url for source in response.sources] == ["https://x.test"]
    assert Opaque(extra={NAME: SEARCH}) in response.parts


def test_last_event_alone_says_it_all() -> None:
    answer = told(ANSWER[-1])
    assert answer.response.text == "Loire 🌊"
    assert [type(one) for one in answer.response.parts] == [Reasoning, ToolCall, Opaque, Text, Source, Refusal]


def test_items_without_a_place_are_known_by_their_names() -> None:
    bare = [{name: value for name, value in one.items() if name != "output_index"} for one in ANSWER]
    named = [one | ({"item_id": "msg_3"} if one.get("item_id") in ("msg_3", "x_3") else {}) for one in bare]
    named = [one | ({"item_id": "rs_1"} if one.get("item_id") == "x_0" else {}) for one in named]
    answer = told(*named)
    assert answer.response.parts == PARTS


def test_interleaved_messages_keep_their_words_apart() -> None:
    first, second = message("msg_0", text("Seine")), message("msg_1", text("Loire"))
    answer = told(
        CREATED,
        added(0, "message", id="msg_0"),
        added(1, "message", id="msg_1"),
        *(delta(0, "Sei"), delta(1, "Loi"), delta(0, "ne"), delta(1, "re")),
        done(1, second),
        delta(1, "late"),
        done(0, first),
        completed(first, second),
    )
    assert [part.text for part in answer.response.parts if isinstance(part, Text)] == ["Seine", "Loire"]


def test_final_items_under_other_names_are_not_told_twice() -> None:
    answer = told(
        CREATED, added(0, "message", id="tmp"), delta(0, "4"), done(0, message("tmp", text("4"))), completed(message("b", text("4")))
    )
    assert answer.response.text == "4"


def test_items_that_share_a_place_are_told_one_after_the_other() -> None:
    thought = {"id": "rs_1", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    said = message("msg_1", text("Hi"))
    begun = (CREATED, added(0, "reasoning", id="rs_1"), delta(0, "Hm", -1, "reasoning_text"))
    next_one = (added(0, "message", id="msg_1"), delta(0, "Hi", -1))
    for ends in ((done(0, thought),), ()):
        answer = told(*begun, *ends, *next_one, done(0, said), completed(thought, said))
        assert (answer.response.reasoning, answer.response.text) == ("Hm", "Hi")
        assert len(answer.response.parts) == 2


def test_parts_counted_through_all_items_are_those_of_their_item() -> None:
    told = read_split_anyhow(
        decoder,
        written(
            CREATED,
            done(0, {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}),
            added(1, "message", id="msg_1", role="assistant", content=[]),
            part("added", 1, 1, text("")),
            delta(1, "Loire", 1),
            part("done", 1, 1, text("Loire")),
            done(1, message("msg_1", text("Loire"))),
            completed(),
        ),
    )
    assert (told.error, told.response.text) == (None, "Loire")


def test_item_announced_behind_its_first_delta_gets_its_name() -> None:
    answer = told(CREATED, delta(0, "H"), added(0, "message", id="msg_1"), delta(0, "i"), completed())
    assert answer.response.parts == (Text(text="Hi", extra={NAME: {"message": {"id": "msg_1"}}}),)


def test_item_that_never_ended_is_taken_from_the_final_response() -> None:
    answer = told(
        CREATED, added(0, "web_search_call", id="ws_1", status="in_progress"), delta(1, "Hi"), completed(SEARCH, message("m", text("Hi")))
    )
    assert answer.response.parts[0] == Opaque(extra={NAME: SEARCH})
    assert answer.response.text == "Hi"


def test_deltas_pass_one_by_one() -> None:
    reader = decoder()
    assert [type(one) for one in reader.feed(written(CREATED))] == [Started]
    assert [type(one) for one in reader.feed(written(delta(0, "a")))] == [BlockStarted, TextDelta]
    assert reader.feed(written(delta(0, "b"))) == [TextDelta(0, "b")]


def test_thoughts_themselves_and_their_summary() -> None:
    item = {**THOUGHT, "summary": [{"type": "summary_text", "text": "S"}], "content": [{"type": "reasoning_text", "text": "Long"}]}
    for kind in ("reasoning_text", "reasoning"):
        answer = told(CREATED, added(0, "reasoning", id="rs_1"), delta(0, "Lo", 0, kind), delta(0, "ng", 0, kind), completed())
        assert answer.response.parts == (Reasoning(text="Long", id="rs_1", extra={NAME: {"parts": [["reasoning_text", 4]]}}),)
    both = told(CREATED, completed(item)).response.parts[0]
    assert isinstance(both, Reasoning)
    assert both.text == "S\n\nLong"
    assert both.extra[NAME]["parts"] == [["summary_text", 1], ["reasoning_text", 4]]


def test_hidden_reasoning_is_a_block_of_its_proof() -> None:
    hidden = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    answer = told(CREATED, added(0, "reasoning", id="rs_1"), done(0, hidden), completed(hidden))
    assert answer.response.parts == (Reasoning(id="rs_1", signature="gAAA", extra={NAME: {"parts": []}}),)


def test_hidden_thinking_of_another_vendor_is_known_by_its_mark() -> None:
    hidden = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "redacted_data:ZGF0"}
    part = told(CREATED, done(0, hidden), completed(hidden)).response.parts[0]
    assert isinstance(part, Reasoning)
    assert (part.redacted_data, part.signature) == ("ZGF0", None)


def test_picture_is_an_image_and_keeps_what_else_was_said_of_it() -> None:
    item = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "revised_prompt": "p", "result": "iVBORw0KGgo="}
    partial = event(
        "response.image_generation_call.partial_image", output_index=0, item_id="ig_1", partial_image_b64="eA==", partial_image_index=0
    )
    answer = told(CREATED, added(0, "image_generation_call", id="ig_1"), partial, done(0, item), completed(item))
    own = {name: value for name, value in item.items() if name != "result"}
    assert answer.response.parts == (Image(data=b"\x89PNG\r\n\x1a\n", media_type="image/png", extra={NAME: own}),)
    failed = {**item, "status": "failed", "result": None}
    assert told(CREATED, done(0, failed), completed()).response.parts == (Opaque(extra={NAME: failed}),)


def test_message_of_nothing_and_of_what_we_do_not_know_are_kept() -> None:
    empty, sound = message("msg_0"), message("msg_1", {"type": "output_audio", "data": "eA=="})
    answer = told(CREATED, done(0, empty), done(1, sound), completed())
    facts = {"id": "msg_1", "status": "completed"}
    assert answer.response.parts == (
        Opaque(extra={NAME: empty}),
        Opaque(extra={NAME: {"content": {"type": "output_audio", "data": "eA=="}, "message": facts}}),
    )


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (completed(), FinishReason("stop", "completed")),
        (completed(CALL), FinishReason("tool_calls", "completed")),
        (
            event("response.incomplete", response=response("incomplete", incomplete_details={"reason": "max_output_tokens"})),
            FinishReason("length", "max_output_tokens"),
        ),
        (
            event("response.incomplete", response=response("incomplete", incomplete_details={"reason": "content_filter"})),
            FinishReason("content_filter", "content_filter"),
        ),
        (
            event("response.incomplete", response=response("incomplete", incomplete_details={"reason": "steered"})),
            FinishReason("other", "steered"),
        ),
        (event("response.incomplete", response=response("incomplete")), FinishReason("other", "incomplete")),
        (event("response.completed"), FinishReason("stop", "completed")),
    ],
)
def test_reason_of_the_end(last: Any, reason: FinishReason) -> None:
    assert told(CREATED, last).response.finish == reason


def failed(**error: Any) -> Any:
    return event("response.failed", response={**HEAD, "status": "failed", "output": [], "error": error})


@pytest.mark.parametrize(
    ("last", "kind", "words", "code"),
    [
        (failed(code="server_error", message="Down."), errors.ServerFault, "Down.", "server_error"),
        (failed(code="rate_limit_exceeded", message="Slow."), errors.RateLimited, "Slow.", "rate_limit_exceeded"),
        (failed(code="invalid_prompt", message="Bad."), errors.ContentFiltered, "Bad.", "invalid_prompt"),
        (failed(code="image_too_large", message="Big."), errors.BadRequest, "Big.", "image_too_large"),
        (failed(code="context_length_exceeded", message="Long."), errors.ContextTooLong, "Long.", "context_length_exceeded"),
        (failed(code="insufficient_quota", message="Spent."), errors.QuotaSpent, "Spent.", "insufficient_quota"),
        (event("response.failed", response=response("failed")), errors.ServerFault, "reports an error", None),
        (event("error", code="rate_limit_exceeded", message="Slow.", param=None), errors.RateLimited, "Slow.", "rate_limit_exceeded"),
        (
            event("error", error={"type": "invalid_request_error", "code": None, "message": "No.", "param": "input"}),
            errors.BadRequest,
            "No.",
            "invalid_request_error",
        ),
        (event("response.cancelled", response=response("cancelled")), errors.Cancelled, "cancelled", None),
    ],
)
def test_failure_in_the_stream_is_raised_after_what_had_come(last: Any, kind: type[errors.DragomanError], words: str, code: Any) -> None:
    answer = told(CREATED, delta(0, "Lo"), last)
    assert type(answer.error) is kind
    assert words in answer.error.message
    assert answer.error.code == code
    assert answer.response.text == "Lo"
    assert not any(isinstance(one, BlockEnded) for one in answer.events)


def test_error_record_of_other_wires_in_the_stream() -> None:
    answer = read(decoder(), [b'data: {"error": {"message": "Busy.", "code": 503}}\n\n'])
    assert isinstance(answer.error, errors.Overloaded)


def test_marker_of_chat_behind_the_end_or_without_it() -> None:
    data = written(CREATED, delta(0, "Hi"), completed()) + b"data: [DONE]\n\n"
    assert read(decoder(), [data]).response.text == "Hi"
    assert isinstance(read(decoder(), [written(CREATED), b"data: [DONE]\n\n"]).error, errors.StreamCut)


def test_bodies_that_are_no_stream() -> None:
    assert isinstance(read(decoder(), [b""]).error, errors.BadReply)
    assert isinstance(read(decoder(), [b"<html>gone</html>"]).error, errors.BadReply)
    body = b'{"error": {"message": "Wrong key.", "code": "invalid_api_key"}}'
    assert isinstance(read(decoder(), [body]).error, errors.AuthFailed)
    warming = Quirks(passing_faults=(PassingFault("warming up", "Overloaded"),))
    assert isinstance(read(decoder(True, warming), [b"model is warming up\n"]).error, errors.Overloaded)


def test_whole_answer_says_what_the_stream_says() -> None:
    whole = read_split_anyhow(lambda: decoder(False), json.dumps(ANSWER[-1]["response"]).encode())
    assert whole.error is None
    streamed = told(*ANSWER).response
    assert (whole.response.text, whole.response.reasoning, whole.response.usage) == (streamed.text, streamed.reasoning, streamed.usage)
    facts = {NAME: {"message": {"id": "msg_3", "status": "completed", "phase": "final_answer"}}}
    assert whole.response.parts[3] == Text(text="Loire 🌊", extra=facts)
    assert whole.response.parts[:3] + whole.response.parts[4:] == PARTS[:3] + PARTS[4:]


def test_total_below_nought_is_unknown() -> None:
    told = read(decoder(), [written(CREATED, completed(usage={"input_tokens": 0, "output_tokens": -9}))])
    assert told.response.usage == Usage(input_tokens=0, raw={"input_tokens": 0, "output_tokens": -9})


def test_whole_answer_keeps_the_probabilities_of_its_tokens() -> None:
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    body = json.dumps(response("completed", [message("m", {**text("Hi"), "logprobs": [token]})])).encode()
    assert read(decoder(False), [body]).response.choices[0].logprobs == (TokenLogprob("Hi", -0.5, (72, 105)),)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (response("failed", error={"code": "server_error", "message": "Down."}), errors.ServerFault),
        (response("cancelled"), errors.Cancelled),
        (response("queued"), errors.Unsupported),
        ({"error": {"message": "Wrong key.", "code": "invalid_api_key"}}, errors.AuthFailed),
        ({"detail": "gone wrong"}, errors.ServerFault),
        ({}, errors.BadReply),
        ([], errors.BadReply),
    ],
)
def test_whole_body_that_is_no_answer(body: Any, kind: type[errors.DragomanError]) -> None:
    assert type(read(decoder(False), [json.dumps(body).encode()]).error) is kind


def test_whole_answer_without_a_status() -> None:
    body = {name: value for name, value in response("completed", [message("m", text("Hi"))]).items() if name != "status"}
    assert read(decoder(False), [json.dumps(body).encode()]).response.finish == FinishReason("unknown")
