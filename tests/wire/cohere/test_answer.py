"""Cohere answers: event streams and whole bodies to events and back, however they are split and wherever they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dragoman.core.errors import (
    AuthFailed,
    BadReply,
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    DragomanError,
    MissingKey,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaSpent,
    RateLimited,
    ServerFault,
    StreamCut,
)
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
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.exchange import Call, Decoder, Reply
from dragoman.core.fold import Response, fold
from dragoman.core.messages import Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import cohere
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.wire import strategies
from tests.wire.splits import assert_every_cut_is_told, random_pieces, read, read_split_anyhow
from tests.wire.strategies import MODEST

EVENT: TypeAdapter[Any] = TypeAdapter(V2ChatStreamResponse)
STREAM = Request(model="m", messages=(), stream=True)
WHOLE = Request(model="m", messages=())
PLAN = {"cohere": {"tool_plan": True}}
DONE = b"data: [DONE]\n\n"


def new() -> Decoder:
    return cohere.decoder(True, NONE)


def event(kind: str, index: int | None = None, name: bool = True, **rest: Any) -> bytes:
    told = {"type": kind, **({} if index is None else {"index": index}), **rest}
    return (f"event: {kind}\n".encode() if name else b"") + b"data: " + json.dumps(told).encode() + b"\n\n"


def content(kind: str, index: int | None, **fields: Any) -> bytes:
    return event(f"content-{kind}", index, delta={"message": {"content": fields}})


def call(kind: str, index: int, **fields: Any) -> bytes:
    return event(f"tool-call-{kind}", index, delta={"message": {"tool_calls": fields}})


def plan(text: str) -> bytes:
    return event("tool-plan-delta", delta={"message": {"tool_plan": text}})


def end(reason: str | None = "COMPLETE", **rest: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, **rest})


USAGE = {"billed_units": {"input_tokens": 3, "output_tokens": 5}, "tokens": {"input_tokens": 70.0, "output_tokens": 9}, "cached_tokens": 64}
CITATION = {"start": 0, "end": 5, "text": "Loire", "sources": [{"type": "document", "id": "d", "document": {"title": "Rivers"}}]}
BEGIN = event("message-start", id="id-1", delta={"message": {"role": "assistant", "content": [], "tool_calls": [], "citations": []}})
TEXT = (
    content("start", 0, type="text", text="")
    + content("delta", 0, text="Lo")
    + content("delta", 0, text="ire\n🌊")
    + event("content-end", 0)
)

GOOD = {
    "text": BEGIN + TEXT + end(usage=USAGE) + DONE,
    "thinking": BEGIN
    + content("start", 0, type="thinking", thinking="")
    + content("delta", 0, thinking="Hm")
    + event("content-end", 0)
    + content("start", 1, type="text", text="Lo")
    + content("delta", 1, text="ire")
    + event("content-end", 1)
    + end()
    + DONE,
    "tools": BEGIN
    + plan("I will")
    + plan(" look.")
    + call("start", 0, id="call_1", type="function", function={"name": "a", "arguments": ""})
    + call("delta", 0, function={"arguments": '{\n "x":'})
    + call("start", 1, id="call_2", type="function", function={"name": "b", "arguments": "{}"})
    + call("delta", 0, function={"arguments": " 1.10}"})
    + event("tool-call-end", 0)
    + event("tool-call-end", 1)
    + end("TOOL_CALL")
    + DONE,
    "citations": BEGIN
    + content("start", 0, type="text", text="")
    + content("delta", 0, text="Loire")
    + event("citation-start", 0, delta={"message": {"citations": CITATION}})
    + event("citation-end", 0)
    + event("content-end", 0)
    + event("citation-start", 1, delta={"message": {"citations": [{**CITATION, "content_index": 0}]}})
    + event("citation-end", 1)
    + end()
    + DONE,
    "a block of unknown type": BEGIN
    + content("start", 0, type="map", place="Lo", size=1)
    + content("delta", 0, place="ire", size=2)
    + event("content-end", 0)
    + end()
    + DONE,
    "starts and ends forgotten": content("delta", 0, text="a")
    + content("delta", 0, thinking="b")
    + plan("c")
    + content("delta", 0, text="d")
    + end()
    + DONE,
    "a start without a type": BEGIN + event("content-start", 0, delta={}) + content("delta", 0, text="a") + end() + DONE,
    "a start twice": BEGIN + content("start", 0, type="text") + content("delta", 0, text="a") + TEXT + end() + DONE,
    "names alone tell the types": BEGIN.replace(b'"type": "message-start", ', b"") + TEXT + end() + DONE,
    "types alone tell the types": BEGIN + TEXT.replace(b"event: content-delta\n", b"") + end() + DONE,
    "unknown events": BEGIN + event("debug", prompt="p") + event("weather", 0, delta={"message": {}}) + TEXT + b": ping\n\n" + end() + DONE,
    "nothing": BEGIN + end() + DONE,
    "no DONE": BEGIN + TEXT + end(usage=USAGE),
}


def complete_from(data: bytes) -> int:
    return data.index(b"\n\n", data.index(b'"type": "message-end"'))


@pytest.mark.parametrize("case", GOOD)
def test_good_answer_says_the_same_however_it_is_split_and_is_cut_before_its_end(case: str) -> None:
    data = GOOD[case]
    told = read_split_anyhow(new, data)
    assert told.error is None
    assert_every_cut_is_told(new, data, complete_from(data))


@pytest.mark.parametrize("case", ["text", "tools"])
def test_where_only_done_ends_an_answer_its_last_event_does_not(case: str) -> None:
    data = GOOD[case]
    assert_every_cut_is_told(lambda: cohere.decoder(True, Quirks(end_marker="done")), data, data.rindex(b"[DONE]") + 6)


def test_text_with_its_counts() -> None:
    assert read(new(), [GOOD["text"]]).events == (
        Started(id="id-1"),
        BlockStarted(0, "text"),
        TextDelta(0, "Lo"),
        TextDelta(0, "ire\n🌊"),
        BlockEnded(0),
        Finished(FinishReason("stop", "COMPLETE"), Usage(input_tokens=70, cache_read_tokens=64, output_tokens=9, raw=USAGE)),
    )


def test_tool_plan_is_marked_reasoning_and_arguments_are_exact() -> None:
    response = read(new(), [GOOD["tools"]]).response
    assert response.parts == (
        Reasoning(text="I will look.", extra=PLAN),
        ToolCall(id="call_1", name="a", arguments='{\n "x": 1.10}'),
        ToolCall(id="call_2", name="b", arguments="{}"),
    )
    assert response.finish == FinishReason("tool_calls", "TOOL_CALL")


def test_thinking_is_content_and_a_citation_a_source_of_the_block_that_cites() -> None:
    assert read(new(), [GOOD["thinking"]]).response.parts == (Reasoning(text="Hm"), Text(text="Loire"))
    told = read(new(), [GOOD["citations"]])
    sources = [one for one in told.events if isinstance(one, SourceAdded)]
    assert [(one.index, one.source.title, one.source.start, one.source.end) for one in sources] == [(0, "Rivers", 0, 5)] * 2


def test_block_of_unknown_type_is_put_together() -> None:
    assert read(new(), [GOOD["a block of unknown type"]]).response.parts == (
        Opaque(extra={"cohere": {"type": "map", "place": "Loire", "size": 2}}),
    )


def test_forgotten_starts_are_made_good() -> None:
    parts = read(new(), [GOOD["starts and ends forgotten"]]).response.parts
    assert parts == (Text(text="a"), Reasoning(text="b"), Reasoning(text="c", extra=PLAN), Text(text="d"))
    assert read(new(), [GOOD["a start twice"]]).response.text == "aLoire\n🌊"


def test_logprobs_of_a_piece_of_several_tokens() -> None:
    delta = {"message": {"content": {"text": "Loire"}}}
    piece = event("content-delta", 0, delta=delta, logprobs={"text": "Loire", "token_ids": [1, 2], "logprobs": [-0.5, -1]})
    told = read(new(), [BEGIN + piece + end() + DONE])
    assert told.response.choices[0].logprobs == (TokenLogprob("Loire", -0.5), TokenLogprob("", -1.0))
    items = [{"text": "Lo", "token_ids": [1], "logprobs": [-0.5]}, {"text": "ire", "token_ids": [2, 3], "logprobs": [-1.0, -2.0]}]
    body = {"id": "i", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [{"type": "text", "text": "Loire"}]}}
    told = read(cohere.decoder(False, NONE), [json.dumps({**body, "logprobs": items}).encode()])
    assert told.response.choices[0].logprobs == (TokenLogprob("Lo", -0.5), TokenLogprob("ire", -1.0), TokenLogprob("", -2.0))
    assert json.loads(written(list(told.events), WHOLE))["logprobs"] == items, "with the numbers of the tokens"


@pytest.mark.parametrize(
    ("raw", "unified"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
        ("ODD", "other"),
    ],
)
def test_reasons_to_stop_come_back(raw: str, unified: Any) -> None:
    told = read(new(), [BEGIN + end(raw) + DONE])
    assert told.response.finish == FinishReason(unified, raw)
    assert json.loads(written(list(told.events), WHOLE))["finish_reason"] == raw


@pytest.mark.parametrize(
    ("reason", "word"),
    [(FinishReason("stop", "end_turn"), "COMPLETE"), (FinishReason("unknown"), "COMPLETE"), (FinishReason("length"), "MAX_TOKENS")],
)
def test_other_vendors_reasons_become_coheres(reason: FinishReason, word: str) -> None:
    assert json.loads(written([Started(), Finished(reason)], WHOLE))["finish_reason"] == word


def test_content_is_known_to_be_complete_before_the_stream_ends() -> None:
    decoder = new()
    decoder.feed(BEGIN + TEXT)
    assert not decoder.ending
    decoder.feed(end())
    assert decoder.ending
    assert not decoder.done
    assert isinstance(decoder.feed(DONE)[0], Finished)
    assert decoder.done


# --- what goes wrong --------------------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[bytes, type[DragomanError], str, str]] = {
    "nothing at all": (b"", BadReply, "the answer is empty: the stream ended without a single event", ""),
    "nothing but the end marker": (DONE, BadReply, "the answer is empty: the stream holds its end marker alone", ""),
    "no end": (BEGIN + TEXT, StreamCut, "the stream ended without message-end", "Loire\n🌊"),
    "an end marker too early": (BEGIN + TEXT + DONE, StreamCut, "the stream ended without message-end", "Loire\n🌊"),
    "a failure at the end": (BEGIN + TEXT + end("ERROR", error="broken"), ServerFault, "broken", "Loire\n🌊"),
    "a failure without words": (BEGIN + end("ERROR"), ServerFault, "the generation failed inside the service", ""),
    "a failure with a reason": (BEGIN + end("ERROR", error="too many tokens: 9"), ContextTooLong, "too many tokens: 9", ""),
    "too long a time": (BEGIN + TEXT + end("TIMEOUT"), ServerFault, "the service took longer than it allows", "Loire\n🌊"),
    "a bare message": (BEGIN + b'data: {"message":"all is lost"}\n\n', ServerFault, "all is lost", ""),
    "an error that calls itself a stream": (b'{"message":"no such thing"}', ServerFault, "no such thing", ""),
    "a page": (b"<html>busy</html>\n", BadReply, "the answer is not an event stream", ""),
    "no JSON": (BEGIN + b"data: {\n\n" + end(), BadReply, "", ""),
    "arguments without a call": (BEGIN + call("delta", 3, function={"arguments": "{}"}), BadReply, "", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_answer_gives_its_text_and_then_its_error_however_it_is_split(case: str) -> None:
    data, kind, message, text = BAD[case]
    told = read_split_anyhow(new, data)
    assert type(told.error) is kind
    assert told.error.message == message or not message
    assert told.response.text == text


def test_fault_that_a_host_announces_in_plain_text_is_raised() -> None:
    quirks = Quirks(passing_faults=(PassingFault("all busy", "Overloaded"),))
    told = read(cohere.decoder(True, quirks), [b"sorry, all busy\n\n"])
    assert isinstance(told.error, Overloaded)
    assert told.error.retryable


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadReply),
        (b"{}", BadReply),
        (b'{"message":"broken"}', ServerFault),
        (b'{"id":"1","finish_reason":"ERROR","message":{"role":"assistant"}}', ServerFault),
        (b'{"id":"1","finish_reason":"TIMEOUT","message":{"role":"assistant"}}', ServerFault),
    ],
)
def test_bad_whole_answer_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    assert type(read(cohere.decoder(False, NONE), [body]).error) is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: temperature must be between 0 and 1.0 inclusive.", BadRequest),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.", ContextTooLong),
        (401, "invalid api token", AuthFailed),
        (402, "Maximum billing reached for this API key", QuotaSpent),
        (403, "not yours", PermissionDenied),
        (404, "model 'xyz' not found, make sure the correct model ID was used", ModelNotFound),
        (422, "unprocessable", BadRequest),
        (429, "You are past the per minute request limit, please wait and try again later.", RateLimited),
        (429, "You are using a Trial key, which is limited to 40 API calls / minute.", RateLimited),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", QuotaSpent),
        (498, "a forbidden token", ContentFiltered),
        (499, "request cancelled", ServerFault),
        (500, "internal server error", ServerFault),
        (501, "not implemented", BadRequest),
        (503, "overloaded", Overloaded),
        (504, "gateway timeout", ServerFault),
    ],
)
def test_failing_answer_is_classified_and_comes_back(status: int, message: str, kind: type[DragomanError]) -> None:
    error = cohere.decode_error(Reply(status, (), json.dumps({"id": "r-1", "message": message}).encode()), NONE)
    assert (type(error), error.status, error.message, error.request_id) == (kind, status, message, "r-1")
    again = cohere.encode_error(error, NONE)
    assert (again.status, json.loads(again.body)) == (status, {"id": "r-1", "message": message})


def test_failing_answer_in_no_form_is_told_by_its_status() -> None:
    assert type(cohere.decode_error(Reply(503, (), b"<html>busy</html>"), NONE)) is Overloaded
    assert type(cohere.decode_error(Reply(404, (), b"404 page not found"), NONE)) is ModelNotFound


def test_error_of_our_own_says_when_to_try_again() -> None:
    reply = cohere.encode_error(RateLimited("slow down", retry_after_s=2.5), NONE)
    assert (reply.status, dict(reply.headers)["retry-after"], json.loads(reply.body)) == (429, "2.5", {"message": "slow down"})
    assert cohere.encode_error(MissingKey("no key"), NONE).status == 401


# --- both roles -------------------------------------------------------------------------------------------------------------------------


def written(events: list[Event], request: Request) -> bytes:
    encoder = cohere.encoder(request, NONE)
    return b"".join(encoder.send(one) for one in events) + encoder.close()


def sent(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each held against the SDK's types and its own name."""
    told = []
    for block in data.decode().removesuffix(DONE.decode()).split("\n\n")[:-1]:
        name, value = block.split("\n")
        told.append(json.loads(value.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
        assert EVENT.validate_python(told[-1]).type == told[-1]["type"]
    return told


def answered(events: list[Event], request: Request, seed: int = 0) -> Response:
    data = written(events, request)
    if request.stream:
        sent(data)
    else:
        V2ChatResponse.model_validate(json.loads(data))
    told = read(cohere.decoder(request.stream, NONE), random_pieces(data, seed))
    assert told.error is None
    return told.response


def test_blocks_that_are_open_together_are_written_one_after_the_other() -> None:
    events: list[Event] = [
        Started(id="i"),
        BlockStarted(0, "tool", "1", "a"),
        BlockStarted(1, "tool", "2", "b"),
        ToolDelta(1, '{"y"'),
        ToolDelta(0, '{"x"'),
        ToolDelta(1, ":2}"),
        BlockEnded(1),
        ToolDelta(0, ":1}"),
        BlockEnded(0),
        Finished(FinishReason("tool_calls")),
    ]
    encoder = cohere.encoder(STREAM, NONE)
    told = [[(one["type"], one.get("index")) for one in sent(encoder.send(one))] for one in events]
    start, delta, stop = "tool-call-start", "tool-call-delta", "tool-call-end"
    assert told[1:9] == [
        [(start, 0)],
        [],
        [],
        [(delta, 0)],
        [],
        [],
        [(delta, 0)],
        [(stop, 0), (start, 1), (delta, 1), (delta, 1), (stop, 1)],
    ]
    assert answered(events, STREAM).tool_calls == fold(events).tool_calls


def test_stream_is_numbered_as_cohere_numbers_it() -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "reasoning", extra=PLAN),
        ReasoningDelta(0, "I will look."),
        BlockEnded(0),
        BlockStarted(1, "reasoning"),
        ReasoningDelta(1, "Hm"),
        BlockEnded(1),
        BlockStarted(2, "refusal"),
        TextDelta(2, "No"),
        SourceAdded(Source(url="https://x.test", title="t", start=0, end=2), index=2),
        BlockEnded(2),
        BlockStarted(3, "tool", "1", "a"),
        BlockEnded(3),
        BlockStarted(4, "audio"),
        MediaDelta(4, b"x"),
        MediaDelta(4, b"", "La"),
        BlockEnded(4),
        Finished(FinishReason("tool_calls"), Usage(output_tokens=3, cache_read_tokens=1)),
    ]
    told = sent(written(events, STREAM))
    assert [(one["type"], one.get("index")) for one in told] == [
        ("message-start", None),
        ("tool-plan-delta", None),
        ("content-start", 0),
        ("content-delta", 0),
        ("content-end", 0),
        ("content-start", 1),
        ("content-delta", 1),
        ("citation-start", 0),
        ("citation-end", 0),
        ("content-end", 1),
        ("tool-call-start", 0),
        ("tool-call-end", 0),
        ("content-start", 2),
        ("content-delta", 2),
        ("content-end", 2),
        ("message-end", None),
    ]
    assert told[0]["id"] == ""
    assert told[7]["delta"]["message"]["citations"] == {
        "start": 0,
        "end": 2,
        "text": "No",
        "sources": [{"type": "document", "id": "https://x.test", "document": {"url": "https://x.test", "title": "t"}}],
        "type": "TEXT_CONTENT",
    }
    counts = {"output_tokens": 3}
    assert told[-1]["delta"]["usage"] == {"billed_units": counts, "tokens": counts, "cached_tokens": 1}
    assert answered(events, WHOLE).sources == answered(events, STREAM).sources


@pytest.mark.parametrize("request_", [STREAM, WHOLE])
def test_block_of_unknown_type_comes_back(request_: Request) -> None:
    own = {"cohere": {"type": "map", "place": "Loire"}}
    events: list[Event] = [Started(), BlockStarted(0, "opaque"), BlockEnded(0, extra=own), Finished(FinishReason("stop"))]
    for _ in range(2):
        assert read(cohere.decoder(request_.stream, NONE), [written(events, request_)]).response.parts == (Opaque(extra=own),)
        events[1:3] = [BlockStarted(0, "opaque", extra=own), BlockEnded(0)]


def test_failure_is_told_in_the_callers_form() -> None:
    told = sent(cohere.encoder(STREAM, NONE).fail(StreamCut("cut")))
    assert told == [{"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "cut"}}]
    assert cohere.encoder(WHOLE, NONE).fail(StreamCut("cut")) == b'{"message":"cut"}'


def test_other_choices_have_no_place() -> None:
    events: list[Event] = [Started(), BlockStarted(0, "text", choice=1), TextDelta(0, "no", choice=1), Finished(FinishReason("stop"))]
    assert answered(events, STREAM).text == ""


def as_told(response: Response) -> dict[str, Any]:
    usage = response.usage or Usage()
    return {
        "id": response.id or None,
        "text": "".join(part.text for part in response.parts if isinstance(part, (Text, Refusal))),
        "reasoning": response.reasoning,
        "calls": sorted((call.id, call.name, call.arguments) for call in response.tool_calls),
        "usage": (usage.input_tokens or 0, usage.output_tokens or 0, usage.cache_read_tokens),
        "finish": response.finish_reason if response.finish_reason != "unknown" else "stop",
    }


@MODEST
@given(strategies.answers(most_choices=1), st.integers(0, 100), st.booleans())
def test_answer_comes_back_equal(events: list[Event], seed: int, stream: bool) -> None:
    assert as_told(answered(events, STREAM if stream else WHOLE, seed)) == as_told(fold(events))


@MODEST
@given(strategies.answers(most_choices=1))
def test_each_log_probability_comes_back_where_it_stood(events: list[Event]) -> None:
    told = read(new(), [written(events, STREAM)])
    expected = [[one.logprob for one in event.logprobs or ()] for event in events if isinstance(event, TextDelta) and event.text]
    assert [[one.logprob for one in event.logprobs or ()] for event in told.events if isinstance(event, TextDelta)] == expected


# --- hostile JSON -----------------------------------------------------------------------------------------------------------------------


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with any of these fields. A function hides them, because Hypothesis warns of strategies whose description is long."""
    fields = st.fixed_dictionaries({}, optional=values)

    @st.composite
    def objects(draw: st.DrawFn) -> Any:
        return draw(fields)

    return objects()


odd = strategies.json_values
FIELDS = ("id", "type", "text", "thinking", "function", "name", "arguments", "start", "end", "sources", "document", "tool_output", "title")
TYPES = (
    *("message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start", "tool-call-delta"),
    *("tool-call-end", "citation-start", "message-end", "debug"),
)
odd_inner = some(
    **dict.fromkeys(FIELDS, odd)
    | {"type": st.sampled_from(["text", "thinking", "document"]) | odd, "sources": st.lists(odd, max_size=2) | odd},
)
odd_listed = odd | odd_inner | st.lists(odd_inner, max_size=2)
odd_said = some(content=odd_listed, tool_calls=odd_listed, citations=odd_listed, tool_plan=odd)
odd_event = some(
    type=st.sampled_from(TYPES) | odd,
    index=st.integers(0, 2) | odd,
    delta=some(message=odd_said, finish_reason=odd, usage=odd, error=odd) | odd,
    logprobs=some(text=odd, logprobs=odd) | odd,
    message=odd | odd_said,
    finish_reason=odd,
    usage=some(tokens=odd, cached_tokens=odd) | odd,
)


@MODEST
@given(st.booleans(), st.binary(max_size=120), st.integers(0, 50))
def test_any_bytes_are_an_answer_or_an_error(stream: bool, data: bytes, seed: int) -> None:
    read_split_anyhow(lambda: cohere.decoder(stream, NONE), data, seeds=[seed])


@MODEST
@given(st.lists(odd_event, min_size=1, max_size=5), st.integers(0, 50))
def test_events_of_any_json_are_an_answer_or_an_error(events: list[Any], seed: int) -> None:
    data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)
    told = read_split_anyhow(new, data + DONE, seeds=[seed])
    if told.error is None:
        written(list(told.events), STREAM)
    read_split_anyhow(lambda: cohere.decoder(False, NONE), json.dumps(events[0]).encode(), seeds=[seed])


odd_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]) | odd},
    optional={"content": odd | st.lists(odd_inner, max_size=2), "tool_plan": odd, "tool_calls": odd | st.lists(odd_inner, max_size=2)}
    | {"citations": odd | st.lists(odd_inner, max_size=2), "tool_call_id": odd},
)


@MODEST
@given(
    st.binary(max_size=100)
    | st.fixed_dictionaries(
        {"model": st.just("m") | odd, "messages": odd | st.lists(odd_message, max_size=3)},
        optional=dict.fromkeys(("tools", "thinking", "response_format", "tool_choice", "stop_sequences", "k", "strict_tools", "zz"), odd),
    ).map(lambda body: json.dumps(body).encode())
)
def test_any_body_is_a_request_or_refused(data: bytes) -> None:
    try:
        request = cohere.decode_request(Call("POST", "/v2/chat", (), data), NONE)
    except BadRequest:
        return
    cohere.encode_request(request, NONE)


@MODEST
@given(st.integers(100, 599), st.binary(max_size=60) | odd_event.map(lambda value: json.dumps(value).encode()))
def test_any_failing_answer_is_an_error(status: int, data: bytes) -> None:
    error = cohere.decode_error(Reply(status, (), data), NONE)
    assert isinstance(error, DragomanError)
    assert isinstance(json.loads(cohere.encode_error(error, NONE).body)["message"], str)
