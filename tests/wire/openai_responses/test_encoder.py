"""What the server role writes: complete and consistent streams, items with stable names, whole answers that say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import RateLimited, ServerFault
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
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Source
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Tool
from dragoman.core.usage import Usage
from dragoman.wire import openai_responses
from dragoman.wire.quirks import NONE

from . import consistent
from .streams import NAME, asked, encoded

STOPPED = Finished(FinishReason("stop", "end_turn"))
SEARCH = {"id": "ws_9", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
EVERYTHING: tuple[Event, ...] = (
    Started(id="chat-1", model="told-1", created_s=5),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "Hm, "),
    ReasoningDelta(0, "rivers"),
    BlockEnded(0, "c2ln"),
    BlockStarted(1, "reasoning", redacted_data="ZGF0YQ=="),
    BlockEnded(1),
    BlockStarted(2, "opaque", extra={NAME: {**SEARCH, "status": "in_progress"}}),
    BlockEnded(2, extra={NAME: SEARCH}),
    BlockStarted(3, "text"),
    TextDelta(3, "Loi", (TokenLogprob("Loi", -0.5, (76, 111, 105), (TokenLogprob("Sei", -1.0),)),)),
    SourceAdded(Source(url="https://x.test", title="X", start=0, end=3), 0, 3),
    TextDelta(3, "re 🌊"),
    BlockEnded(3),
    BlockStarted(4, "refusal"),
    TextDelta(4, "No more."),
    BlockEnded(4),
    BlockStarted(5, "tool", "call-1", "weather"),
    BlockStarted(6, "tool", "call-2", "now"),
    ToolDelta(5, '{"city": '),
    BlockEnded(6),
    ToolDelta(5, '"Nantes"}'),
    BlockEnded(5),
    BlockStarted(7, "image", media_type="image/webp"),
    MediaDelta(7, b"RIFF"),
    MediaDelta(7, b"WEBP"),
    BlockEnded(7),
    Finished(FinishReason("tool_calls", "tool_use"), Usage(input_tokens=100, cache_read_tokens=60, output_tokens=9)),
)


def final_of(*events: Event, **fields: Any) -> Any:
    """The final response of the stream, which must be what the whole answer is."""
    streamed = consistent.check(encoded(events, asked(True, **fields)))
    assert json.loads(encoded(events, asked(False, **fields))) == streamed
    return streamed


def test_answer_of_every_kind_of_block() -> None:
    final = final_of(*EVERYTHING)
    thought, hidden, search, said, weather, now, picture = final["output"]
    assert thought == {
        "id": "rs_chat-1_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm, rivers"}],
        "encrypted_content": "c2ln",
    }
    assert hidden == {"id": "rs_chat-1_1", "type": "reasoning", "summary": [], "encrypted_content": "redacted_data:ZGF0YQ=="}
    assert search == SEARCH
    assert (said["id"], said["role"], said["status"]) == ("msg_chat-1_3", "assistant", "completed")
    assert said["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 3}
    ]
    assert said["content"][0]["logprobs"] == [
        {
            "token": "Loi",
            "logprob": -0.5,
            "bytes": [76, 111, 105],
            "top_logprobs": [{"token": "Sei", "logprob": -1.0, "bytes": [83, 101, 105]}],
        }
    ]
    assert [part.get("text", part.get("refusal")) for part in said["content"]] == ["Loire 🌊", "No more."]
    assert weather == {
        "id": "fc_chat-1_4",
        "type": "function_call",
        "call_id": "call-1",
        "name": "weather",
        "arguments": '{"city": "Nantes"}',
        "status": "completed",
    }
    assert (now["id"], now["arguments"]) == ("fc_chat-1_5", "")
    assert picture == {
        "id": "ig_chat-1_6",
        "output_format": "webp",
        "type": "image_generation_call",
        "status": "completed",
        "result": "UklGRldFQlA=",
    }
    assert (final["id"], final["model"], final["created_at"], final["status"]) == ("resp_chat-1", "told-1", 5, "completed")
    assert final["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 109,
    }


def test_arguments_of_parallel_calls_pass_one_by_one() -> None:
    encoder = openai_responses.encoder(asked(), NONE)
    told = [consistent.events_of(encoder.send(event)) for event in EVERYTHING]
    deltas = [(one["output_index"], one["delta"]) for events in told for one in events if "arguments.delta" in one["type"]]
    assert deltas == [(4, '{"city": '), (4, '"Nantes"}')]
    assert all(told[i] for i, event in enumerate(EVERYTHING) if isinstance(event, (TextDelta, ReasoningDelta, ToolDelta)))


def test_answer_of_nothing() -> None:
    final = final_of(Started(), STOPPED)
    assert (final["id"], final["model"], final["output"], final["usage"]) == ("resp_0", "asked-1", [], None)


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("unknown", "completed", None),
        ("other", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_status_by_reason(reason: FinishName, status: str, details: Any) -> None:
    final = final_of(Started(), BlockStarted(0, "text"), TextDelta(0, "Lo"), BlockEnded(0), Finished(FinishReason(reason)))
    assert (final["status"], final["incomplete_details"]) == (status, details)
    assert final["output"][0]["status"] == status


def test_request_is_repeated() -> None:
    final = final_of(
        Started(),
        STOPPED,
        tools=(Tool(name="now"),),
        tool_choice=NamedTool("now"),
        temperature=0.5,
        metadata={"a": "b"},
        reasoning=ReasoningOptions(effort="low"),
        response_format=JsonFormat(),
        extra={NAME: {"previous_response_id": "resp_0", "text": {"verbosity": "low"}, "store": True}},
    )
    assert final["tools"] == [{"type": "function", "name": "now", "parameters": None, "strict": None}]
    assert final["tool_choice"] == {"type": "function", "name": "now"}
    assert (final["temperature"], final["metadata"], final["store"]) == (0.5, {"a": "b"}, True)
    assert final["reasoning"] == {"effort": "low", "summary": None}
    assert final["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert (final["previous_response_id"], final["instructions"]) == ("resp_0", None)


def test_texts_of_one_message_are_its_parts_and_other_things_end_it() -> None:
    final = final_of(
        Started(id="x"),
        *(BlockStarted(0, "text"), TextDelta(0, "a"), BlockEnded(0)),
        *(BlockStarted(1, "text"), TextDelta(1, "b"), BlockEnded(1)),
        *(BlockStarted(2, "tool", "c", "f"), BlockEnded(2)),
        *(BlockStarted(3, "text"), TextDelta(3, "d"), BlockEnded(3)),
        STOPPED,
    )
    assert [[part["text"] for part in item.get("content", [])] for item in final["output"]] == [["a", "b"], [], ["d"]]


def test_texts_open_at_once_keep_their_words_apart() -> None:
    final = final_of(
        Started(id="x"),
        BlockStarted(0, "text"),
        BlockStarted(1, "tool", "c", "f"),
        BlockStarted(2, "text"),
        TextDelta(2, "b"),
        TextDelta(0, "a"),
        ToolDelta(1, "{}"),
        BlockEnded(0),
        BlockEnded(2),
        BlockEnded(1),
        STOPPED,
    )
    assert [[part["text"] for part in item.get("content", [])] for item in final["output"]] == [["a", "b"], []]


def test_messages_keep_the_names_they_came_with() -> None:
    first = {"message": {"id": "msg_a", "phase": "commentary"}}
    second = {"message": {"id": "msg_b"}}
    final = final_of(
        Started(id="resp_own", extra={NAME: {"service_tier": "flex"}}),
        *(BlockStarted(0, "text", extra={NAME: first}), TextDelta(0, "a"), BlockEnded(0, extra={NAME: first})),
        *(BlockStarted(1, "text", extra={NAME: second}), TextDelta(1, "b"), BlockEnded(1, extra={NAME: second})),
        Finished(FinishReason("stop"), None, 0, {NAME: {"completed_at": 9}}),
    )
    assert [(item["id"], item.get("phase")) for item in final["output"]] == [("msg_a", "commentary"), ("msg_b", None)]
    assert (final["id"], final["service_tier"], final["completed_at"]) == ("resp_own", "flex", 9)


def test_source_named_behind_its_text_or_before_it() -> None:
    early, late = Source(url="https://a.test"), Source(url="https://b.test")
    final = final_of(
        Started(),
        SourceAdded(early),
        *(BlockStarted(0, "text"), TextDelta(0, "a"), BlockEnded(0)),
        SourceAdded(late),
        SourceAdded(Source(quote="without an address")),
        STOPPED,
    )
    assert [one["url"] for one in final["output"][0]["content"][0]["annotations"]] == ["https://a.test", "https://b.test"]


def test_sound_is_told_in_the_words_that_are_said_in_it() -> None:
    final = final_of(
        Started(), BlockStarted(0, "audio"), MediaDelta(0, b"..", "Good "), MediaDelta(0, b"..", "day"), BlockEnded(0), STOPPED
    )
    assert final["output"][0]["content"][0]["text"] == "Good day"


def test_what_another_dialect_alone_has_and_further_choices_are_passed_over() -> None:
    final = final_of(
        Started(),
        BlockStarted(0, "opaque", extra={"cohere": {"type": "plan"}}),
        BlockEnded(0),
        BlockStarted(0, "text", choice=1),
        TextDelta(0, "no", None, 1),
        BlockEnded(0, None, 1),
        Finished(FinishReason("stop"), None, 1),
        STOPPED,
    )
    assert final["output"] == []


def test_content_part_that_only_this_wire_knows() -> None:
    part = {"type": "output_audio", "data": "YQ=="}
    own = {NAME: {"content": part, "message": {"id": "msg_a"}}}
    final = final_of(
        Started(),
        *(BlockStarted(0, "text", extra={NAME: {"message": {"id": "msg_a"}}}), TextDelta(0, "a"), BlockEnded(0)),
        *(BlockStarted(1, "opaque", extra=own), BlockEnded(1)),
        STOPPED,
    )
    assert [item["id"] for item in final["output"]] == ["msg_a"]
    assert final["output"][0]["content"][1] == part


def test_thoughts_are_told_as_thoughts_where_they_came_so() -> None:
    parts = {NAME: {"parts": [["reasoning_text", 2]]}}
    events = (Started(), BlockStarted(0, "reasoning", "rs_a", extra=parts), ReasoningDelta(0, "Hm"), BlockEnded(0, extra=parts), STOPPED)
    data = encoded(events, asked())
    assert consistent.check(data)["output"] == [
        {"id": "rs_a", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    ]
    assert b"event: response.reasoning_text.delta\n" in data


def test_names_of_items_stay_short_enough_to_be_sent_back() -> None:
    events = (Started(id="x" * 300), BlockStarted(0, "text"), BlockEnded(0), STOPPED)
    assert len(final_of(*events)["output"][0]["id"]) <= 64


def test_failure_in_the_midst() -> None:
    encoder = openai_responses.encoder(asked(), NONE)
    data = b"".join(encoder.send(event) for event in EVERYTHING[:12]) + encoder.fail(RateLimited("slow", code="rpm")) + encoder.close()
    error, failed = consistent.events_of(data)[-2:]
    assert error["error"] == {"message": "slow", "type": "rate_limit_error", "param": None, "code": "rpm"}
    assert {name: error[name] for name in ("message", "code", "param")} == {"message": "slow", "code": "rpm", "param": None}
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "rpm", "message": "slow"}
    assert len(failed["response"]["output"]) == 4


def test_failure_before_the_first_word_and_of_a_whole_answer() -> None:
    assert [one["type"] for one in consistent.events_of(openai_responses.encoder(asked(), NONE).fail(ServerFault("down")))] == ["error"]
    whole = json.loads(openai_responses.encoder(asked(False), NONE).fail(ServerFault("down")))
    assert whole == {"error": {"message": "down", "type": "server_error", "param": None, "code": None}}
