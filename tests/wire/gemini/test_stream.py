"""Streamed answers in both forms, however they are split and wherever they are cut."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import AuthFailed, BadReply, ContentFiltered, DragomanError, Overloaded, RateLimited, StreamCut
from dragoman.core.events import BlockEnded, BlockStarted, Event, FinishReason
from dragoman.core.exchange import Decoder
from dragoman.core.messages import Audio, Image, Opaque, Reasoning, Source, Text, ToolCall
from dragoman.wire import gemini
from dragoman.wire.gemini.framing import END, JsonArray
from dragoman.wire.gemini.parts import TRAILING
from dragoman.wire.quirks import NONE
from dragoman.wire.sse import STRAY
from tests.wire.splits import Told, assert_every_cut_is_told, random_pieces, read, read_split_anyhow, single_bytes

from .roles import NAME, chunk, sse

SETTINGS = settings(deadline=None, max_examples=300, database=None)


def new() -> Decoder:
    return gemini.decoder(True, NONE)


def array(*chunks: Any) -> bytes:
    return b"[" + b"\n,\r\n".join(json.dumps(one, indent=2).encode() for one in chunks) + b"\n]"


def told_of(*chunks: Any) -> Told:
    """What is told of the chunks, the same in both forms and however split."""
    streamed, grown = (read_split_anyhow(new, form(*chunks), seeds=range(3)) for form in (sse, array))
    assert streamed.events == grown.events
    assert streamed.verdict == grown.verdict
    return streamed


# --- what parts become ------------------------------------------------------------------------------------------------------------------


def test_words_thoughts_calls_and_usage() -> None:
    told = told_of(
        chunk({"text": "Let me ", "thought": True}),
        chunk({"text": "see.", "thought": True}),
        chunk({"text": "Lo"}),
        chunk({"text": "ire"}),
        chunk(
            {"functionCall": {"name": "f", "args": {"b": 1.0, "a": "x"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g", "id": "own"}},
        ),
        chunk({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 5, "thoughtsTokenCount": 7}),
    )
    response = told.response
    assert told.error is None
    assert response.parts == (
        Reasoning(text="Let me see."),
        Text(text="Loire"),
        ToolCall(id="gemini_0_r1", name="f", arguments='{"b":1.0,"a":"x"}', extra={NAME: {"thoughtSignature": "c2ln"}}),
        ToolCall(id="own", name="g", arguments="{}"),
    )
    assert response.finish == FinishReason("tool_calls", "STOP")
    assert (response.id, response.model) == ("r1", "gemini-2.5-flash")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.reasoning_tokens) == (3, 12, 7)


def test_part_without_words_trails_the_block_before_it_and_parts_it_from_the_next() -> None:
    told = told_of(chunk({"text": "a"}), chunk({"text": "", "thoughtSignature": "c2ln"}), chunk({"text": "b"}), chunk(finish="STOP"))
    assert told.response.parts == (
        Text(text="a", extra={NAME: {TRAILING: [{"text": "", "thoughtSignature": "c2ln"}]}}),
        Text(text="b"),
    )


def test_signed_words_are_a_block_of_their_own() -> None:
    told = told_of(chunk({"text": "a"}), chunk({"text": "b", "thoughtSignature": "c2ln"}), chunk({"text": "c"}, finish="STOP"))
    assert told.response.parts == (Text(text="a"), Text(text="b", extra={NAME: {"thoughtSignature": "c2ln"}}), Text(text="c"))


def test_signature_alone_stands_in_a_block_where_nothing_was_said_before() -> None:
    told = told_of(chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP"))
    assert told.response.parts == (Text(text="", extra={NAME: {"thoughtSignature": "c2ln"}}),)
    told = told_of(chunk({"thoughtSignature": "c2ln"}, finish="STOP"))
    assert told.response.parts == (Opaque(extra={NAME: {"thoughtSignature": "c2ln"}}),)


def test_signature_without_text_trails_a_call() -> None:
    told = told_of(chunk({"functionCall": {"name": "f", "args": {}}}, {"thoughtSignature": "c2ln"}, finish="STOP"))
    assert told.response.parts == (
        ToolCall(id="gemini_0_r1", name="f", arguments="{}", extra={NAME: {TRAILING: [{"thoughtSignature": "c2ln"}]}}),
    )


def test_vendors_own_parts_stay_as_they_are() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    film = {"inlineData": {"mimeType": "video/mp4", "data": "QUJD"}}
    told = told_of(chunk(code), chunk({"neverSeen": {"a": 1}}, film), chunk({"text": "b"}, finish="STOP"))
    assert told.response.parts[:3] == tuple(Opaque(extra={NAME: part}) for part in (code, {"neverSeen": {"a": 1}}, film))


def test_calls_that_the_vendors_server_answered_are_not_the_callers_to_answer() -> None:
    told = told_of(chunk(CALL, finish="STOP"), chunk(CALLED), chunk({"text": "One."}, finish="STOP"))
    assert told.response.parts[1:] == (Opaque(extra={NAME: CALLED}), Text(text="One."))
    assert told.response.finish == FinishReason("stop", "STOP")
    told = told_of(chunk(CALL, CALLED, CALL, finish="STOP"))
    assert told.response.finish == FinishReason("tool_calls", "STOP")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (1, FinishReason("stop", "STOP")),
        (2, FinishReason("length", "MAX_TOKENS")),
        (3, FinishReason("content_filter", "SAFETY")),
        (99, FinishReason("other", "99")),
    ],
)
def test_numbers_of_enums_are_their_names(number: int, reason: FinishReason) -> None:
    details = [{"modality": 1, "tokenCount": 2}, {"modality": 4, "tokenCount": 3}]
    usage = {"promptTokenCount": 5, "promptTokensDetails": details, "candidatesTokenCount": 1, "trafficType": 1}
    told = told_of({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": number}], "usageMetadata": usage})
    assert told.response.finish == reason
    assert told.response.usage is not None
    assert (told.response.usage.input_tokens, told.response.usage.input_audio_tokens) == (5, 3)


def test_pictures_are_blocks_and_sound_goes_on_over_chunks() -> None:
    def blob(kind: str, data: bytes) -> dict[str, Any]:
        return {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}

    told = told_of(
        chunk(blob("image/png", b"one")),
        chunk(blob("image/png", b"two")),
        chunk(blob("audio/L16;rate=24000", b"so")),
        chunk({**blob("audio/L16;rate=24000", b"und"), "audioTranscription": {"text": "hm"}}),
        chunk(finish="STOP"),
    )
    assert told.response.parts == (
        Image(data=b"one", media_type="image/png"),
        Image(data=b"two", media_type="image/png"),
        Audio(data=b"sound", media_type="audio/L16;rate=24000", transcript="hm"),
    )


def test_arguments_in_pieces_are_put_together() -> None:
    def piece(**value: Any) -> dict[str, Any]:
        return chunk({"functionCall": {"partialArgs": [value], "willContinue": True}})

    told = told_of(
        chunk({"functionCall": {"name": "f", "id": "own", "willContinue": True}}),
        piece(jsonPath="$.place", stringValue="Pa", willContinue=True),
        piece(jsonPath="$.place", stringValue="Pa"),
        piece(jsonPath="$.days[0].n", numberValue=2),
        piece(jsonPath="$.days[1]['a b']", boolValue=True),
        piece(jsonPath='$.days[1]["c.d"]', nullValue="NULL_VALUE"),
        chunk({"functionCall": {}}),
        chunk(finish="STOP"),
    )
    arguments = '{"place":"PaPa","days":[{"n":2},{"a b":true,"c.d":null}]}'
    assert told.response.parts == (ToolCall(id="own", name="f", arguments=arguments),)


@pytest.mark.parametrize("path", ["", "$", "$.", "place", "$.a[1]", "$.a[x]", "$.s.t", "$" + ".a" * 70])
def test_piece_of_arguments_without_a_place_is_a_bad_reply(path: str) -> None:
    pieces = [{"jsonPath": "$.s", "stringValue": "x"}, {"jsonPath": "$.a[0]", "numberValue": 1}, {"jsonPath": path, "stringValue": "x"}]
    pieces = pieces if path != "$.a[1]" else [pieces[0], {"jsonPath": "$.a[1]", "stringValue": "x"}]
    told = read(new(), [sse(chunk({"functionCall": {"name": "f", "partialArgs": pieces}}, finish="STOP"))])
    assert isinstance(told.error, BadReply)


def test_candidates_are_choices_and_the_last_bears_the_usage() -> None:
    told = told_of(
        chunk({"text": "a"}),
        chunk({"text": "x"}, index=1),
        chunk({"text": "b"}, finish="STOP"),
        chunk({"text": "y"}, index=1, finish="MAX_TOKENS", usageMetadata={"totalTokenCount": 5, "promptTokenCount": 5}),
    )
    assert [(choice.message.text, choice.finish) for choice in told.response.choices] == [
        ("ab", FinishReason("stop", "STOP")),
        ("xy", FinishReason("length", "MAX_TOKENS")),
    ]
    assert told.response.usage is not None
    assert told.response.usage.output_tokens == 0


def test_call_ids_are_told_apart_over_candidates() -> None:
    told = told_of(*(chunk({"functionCall": {"name": "f"}}, index=i, finish="STOP") for i in (0, 1)))
    assert [part.id for choice in told.response.choices for part in choice.parts if isinstance(part, ToolCall)] == [
        "gemini_0_r1",
        "gemini_1_r1",
    ]


@pytest.mark.parametrize(
    ("raw", "unified"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"), ("SPII", "content_filter"),
     ("MALFORMED_FUNCTION_CALL", "other"), ("NEVER_SEEN", "other"), ("FINISH_REASON_UNSPECIFIED", "unknown")],
)  # fmt: skip
def test_finish_reasons(raw: str, unified: Any) -> None:
    told = told_of(chunk({"text": "a"}, finish=raw, candidate={"finishMessage": "why"}))
    assert told.response.finish == FinishReason(unified, raw)
    assert told.response.choices[0].extra == {NAME: {"finishMessage": "why"}}


def test_sources_have_places_in_characters() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.test", "title": "A"}},
            {"retrievedContext": {"title": "B", "text": "so it is"}},
            {"web": {"uri": "c"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 6, "endIndex": 11, "text": "Größe"[:4]}, "groundingChunkIndices": [0]},
            {"segment": {"endIndex": 7, "text": "Größe"}, "groundingChunkIndices": [0, 1, 9]},
        ],
    }
    cited = {
        "citationSources": [{"startIndex": 8, "endIndex": 11, "uri": "https://d.test"}],
        "citations": [{}, {"uri": "e", "title": "E", "endIndex": 99}],
    }
    told = told_of(
        chunk({"text": "Größe"}, candidate={"groundingMetadata": {}}),
        chunk({"text": " tut"}, finish="STOP", candidate={"groundingMetadata": grounding, "citationMetadata": cited}),
    )
    assert told.response.sources == (
        Source(url="https://a.test", title="A"),
        Source(url="https://a.test", title="A", start=0, end=5),
        Source(title="B", quote="so it is", start=0, end=5),
        Source(url="c"),
        Source(url="https://d.test", start=6, end=9),
        Source(url="e", title="E"),
    )
    assert told.response.choices[0].extra == {NAME: {"groundingMetadata": grounding, "citationMetadata": cited}}


def test_logprobs_stand_on_the_words() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "tokenId": 1, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "b", "logProbability": -2}]}],
    }
    told = told_of(chunk({"text": "a"}, candidate={"logprobsResult": result, "avgLogprobs": -0.5}, finish="STOP"))
    logprobs = told.response.choices[0].logprobs
    assert logprobs is not None
    assert (logprobs[0].token, logprobs[0].logprob, [top.token for top in logprobs[0].top_logprobs]) == ("a", -0.5, ["a", "b"])


# --- cuts and ends ----------------------------------------------------------------------------------------------------------------------

ANSWER = (
    chunk({"text": "Größe 🌊", "thought": True}),
    chunk({"text": 'say "}]" and \\'}),
    chunk({"functionCall": {"name": "f", "args": {"a": ["}", {"b": '"'}]}}, "thoughtSignature": "c2ln"}),
    chunk({"text": "end"}, finish="STOP", usageMetadata={"promptTokenCount": 1, "totalTokenCount": 3}),
)


def test_stream_cut_at_any_byte_is_never_a_success_before_its_end() -> None:
    data = sse(*ANSWER)
    assert_every_cut_is_told(new, data, len(data) - 4)  # the blank line, and the line's own end, may be missing


def test_array_cut_at_any_byte_is_never_a_success_before_its_end() -> None:
    data = array(*ANSWER)
    assert_every_cut_is_told(new, data, len(data) - 2)  # its last element is whole, and tells the finish reason


def test_stream_of_two_candidates_is_cut_where_one_has_not_finished() -> None:
    told = told_of(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, index=1))
    assert isinstance(told.error, StreamCut)


def test_array_that_is_closed_without_a_finish_reason_is_cut() -> None:
    told = read(new(), [array(chunk({"text": "a"}))])
    assert isinstance(told.error, StreamCut)
    assert told.response.text == "a"


RUN = {"executableCode": {"language": "PYTHON", "code": "6*7"}}
RAN = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42"}}
CALL = {"functionCall": {"name": "f", "args": {}}}
CALLED = {"functionResponse": {"name": "f", "response": {"n": 1}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([chunk(RUN, finish="STOP")], [chunk(RAN), chunk({"text": "42"}, finish="STOP")], id="code that is to run"),
        pytest.param([chunk(RUN, finish="STOP"), chunk(RAN)], [chunk({"text": "42"}, finish="STOP")], id="result of code"),
        pytest.param([chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"})], [chunk({"text": "c"}, finish="STOP")], id="words"),
    ],
)
def test_answer_that_goes_on_after_a_finish_reason_is_not_complete_before_its_last(before: list[Any], after: list[Any]) -> None:
    decoder = new()
    decoder.feed(sse(*before))
    assert not decoder.ending
    assert isinstance(read(new(), [sse(*before)]).error, StreamCut)
    decoder.feed(sse(*after))
    assert decoder.ending
    assert told_of(*before, *after).response.finish == FinishReason("stop", "STOP")


def test_turn_with_a_token_may_go_on_after_a_call_or_end_with_it() -> None:
    decoder = new()
    decoder.feed(sse(chunk(CALL, finish="STOP", turnToken="t")))
    assert not decoder.ending
    assert told_of(chunk(CALL, finish="STOP", turnToken="t")).response.finish == FinishReason("tool_calls", "STOP")
    decoder.feed(sse(chunk(CALLED, turnToken="t"), chunk({"text": "1"}, finish="STOP", turnToken="t")))
    assert decoder.ending


def test_answer_is_ending_when_all_that_began_have_finished() -> None:
    decoder = new()
    decoder.feed(sse(chunk({"text": "a"}, finish="STOP")))
    assert decoder.ending
    assert not decoder.done
    decoder.feed(sse(chunk({"text": "b"}, index=1)))
    assert not decoder.ending


def test_array_that_was_waited_for_says_the_same_and_is_cut_where_it_would_be() -> None:
    whole = read(gemini.decoder(False, NONE), [array(*ANSWER)])
    assert whole.events == read(new(), [sse(*ANSWER)]).events
    assert isinstance(read(gemini.decoder(False, NONE), [array(*ANSWER[:2])]).error, StreamCut)
    assert read(gemini.decoder(False, NONE), [json.dumps(ANSWER[0]).encode()]).response.finish == FinishReason("unknown")


def test_closed_array_is_done_before_the_stream_ends() -> None:
    decoder = new()
    assert decoder.feed(array(*ANSWER))
    assert decoder.done
    assert decoder.error is None


@pytest.mark.parametrize("data", [b"", b"\r\n", b"[]", b"[", b": ping\n\n", b"data: [DONE]\n\n"])
def test_nothing_is_an_empty_answer(data: bytes) -> None:
    told = read(new(), [data])
    assert isinstance(told.error, BadReply)
    assert not told.events


def test_answer_of_usage_alone_is_cut_when_streamed_and_bad_when_whole() -> None:
    body = {"usageMetadata": {"promptTokenCount": 1}}
    assert isinstance(read(new(), [sse(body)]).error, StreamCut)
    assert isinstance(read(gemini.decoder(False, NONE), [json.dumps(body).encode()]).error, BadReply)


# --- errors inside ----------------------------------------------------------------------------------------------------------------------

FAULT = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def test_error_after_words_is_raised_after_them() -> None:
    told = told_of(chunk({"text": "Lo"}), FAULT)
    assert isinstance(told.error, Overloaded)
    assert told.error.status == 503
    assert told.response.text == "Lo"


def test_error_over_many_lines_that_are_no_event_is_read() -> None:
    """The vendor ends a broken event stream so."""
    data = sse(chunk({"text": "Lo"})) + json.dumps(FAULT, indent=2).replace("\n", "\r\n").encode() + b"\r\n"
    told = read_split_anyhow(new, data)
    assert isinstance(told.error, Overloaded)
    assert told.response.text == "Lo"


@pytest.mark.parametrize("wrap", [lambda fault: fault, lambda fault: [fault]])
def test_error_in_place_of_an_answer_is_read(wrap: Any) -> None:
    body = json.dumps(
        wrap({"error": {"code": 429, "message": "Slow. Please retry in 3.5s.", "status": "RESOURCE_EXHAUSTED"}}), indent=1
    ).encode()
    for streaming in (True, False):
        told = read_split_anyhow(lambda streaming=streaming: gemini.decoder(streaming, NONE), body)  # type: ignore[misc]
        assert isinstance(told.error, RateLimited)
        assert told.error.retry_after_s == 3.5


def test_blocked_prompt_is_an_error_with_the_vendors_reason() -> None:
    feedback = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}, "usageMetadata": {"promptTokenCount": 4}}
    for told in (told_of(feedback), read(gemini.decoder(False, NONE), [json.dumps(feedback).encode()])):
        assert isinstance(told.error, ContentFiltered)
        assert told.error.code == "PROHIBITED_CONTENT"
        assert "PROHIBITED_CONTENT" in told.error.message


def test_feedback_that_does_not_block_is_kept() -> None:
    feedback = {"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]}
    told = told_of(chunk({"text": "a"}, finish="STOP", promptFeedback=feedback, modelStatus={"message": "old"}))
    assert told.response.extra == {NAME: {"promptFeedback": feedback, "modelStatus": {"message": "old"}}}


def test_page_instead_of_a_stream_is_a_bad_reply() -> None:
    told = read(new(), [b"<html><body>no</body></html>"])
    assert isinstance(told.error, BadReply)


def test_key_error_with_status_400_is_told_by_its_reason() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    told = told_of({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}})
    assert isinstance(told.error, AuthFailed)


@pytest.mark.parametrize(
    "part",
    [
        {"functionCall": {"args": {}}},
        {"functionCall": {"name": "f", "args": []}},
        {"inlineData": {"mimeType": "image/png", "data": "A"}},
        {"text": 5},
        5,
    ],
)
def test_part_in_no_form_is_a_bad_reply_after_what_was_said(part: Any) -> None:
    told = told_of(chunk({"text": "a"}), chunk(part))
    assert isinstance(told.error, BadReply)
    assert told.response.text == "a"


@pytest.mark.parametrize(("form", "lead", "tail"), [(sse, 6, 3), (array, 1, 0)])
def test_every_event_comes_out_as_soon_as_it_is_whole(form: Any, lead: int, tail: int) -> None:
    """At the end of the blank line's first letter, or at the element's last brace."""
    first = chunk({"text": "a"})
    size = lead + len(json.dumps(first, indent=None if form is sse else 2)) + tail
    data = form(first, chunk({"text": "b"}))
    decoder = new()
    assert not decoder.feed(data[: size - 1])
    assert [event.text for event in decoder.feed(data[size - 1 : size]) if event.text] == ["a"]


# --- the array's framing ----------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(['"', "\\", "}", "]", '\\"', "{[", "🌊"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
elements = st.lists(st.dictionaries(st.text(max_size=4), json_values, max_size=3), max_size=4)


@SETTINGS
@given(elements, st.integers(0, 1000), st.sampled_from([None, 1]), st.booleans())
def test_array_comes_apart_into_its_elements_however_it_is_split(values: list[Any], seed: int, indent: int | None, ascii: bool) -> None:
    data = b" [" + b",\r\n".join(json.dumps(one, indent=indent, ensure_ascii=ascii).encode() for one in values) + b"]\n late"
    for pieces in ([data], single_bytes(data), random_pieces(data, seed)):
        framing = JsonArray()
        frames = [frame for piece in pieces for frame in framing.feed(piece)] + list(framing.close())
        assert [json.loads(body) for name, body in frames if not name] == values
        assert [name for name, _ in frames if name] == [END]


def test_element_longer_than_the_bound_is_refused_after_those_before_it() -> None:
    frames = JsonArray(max_element_bytes=100).feed(b'[{"a":1},{"b":"' + b"x" * 200 + b'"}]')
    assert next(frames) == ("", b'{"a":1}')
    with pytest.raises(BadReply, match="an element of the answer is longer than 100 bytes"):
        next(frames)


def test_endless_element_is_refused_while_it_comes() -> None:
    framing = JsonArray(max_element_bytes=1000)
    pieces = (frame for _ in range(100) for frame in framing.feed(b'{"a":' * 10))
    with pytest.raises(BadReply):
        list(pieces)


def test_what_is_no_element_is_stray() -> None:
    framing = JsonArray()
    assert list(framing.feed(b'[{"a":1}, 5, "x]", {"b":2}][')) == [
        ("", b'{"a":1}'),
        (STRAY, b"5"),
        (STRAY, b'"'),
        (STRAY, b"x"),
        (END, b""),
    ]


# --- anything -------------------------------------------------------------------------------------------------------------------------

POOL = [
    *(json.dumps(one).encode() for one in ANSWER),
    b'{"candidates":[{"content":{"parts":[{"text":null}]},"index":-1,"finishReason":"X"}]}',
    b'{"candidates":[{"groundingMetadata":{"groundingChunks":[1]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":"x"}}',
    b'{"candidates":[{"groundingMetadata":5,"citationMetadata":{"citations":[{"startIndex":-4,"endIndex":2}]}}],"createTime":"x"}',
    b'{"candidates":[{"content":{"parts":[{"functionCall":{"willContinue":true,"name":"f"}},{"text":"a"}]}}],"createTime":"2026-01-01T00:00:00.123456789Z"}',
    b'{"candidates":{}}', b'{"candidates":[[]]}', b'{"error":{}}', b'{"error":{"code":"x","details":[{"violations":5},{"retryDelay":1}]}}',
    b"[1,", b"]", b"{", b"}", b"data: ", b"\r\n", b"\n\n", b",", b'"', b"\\", b"\xff", b"[DONE]", b"event: x\n",
]  # fmt: skip


@SETTINGS
@given(
    st.lists(st.sampled_from(POOL) | st.binary(max_size=12), max_size=8),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from([b"", b"data: ", b"["]),
)
def test_any_bytes_become_legal_events_or_an_error(pieces: list[bytes], seed: int, streaming: bool, start: bytes) -> None:
    data = start + (b"\r\n\r\ndata: " if start == b"data: " else b"").join(pieces)
    whole = read(gemini.decoder(streaming, NONE), [data])
    again = read(gemini.decoder(streaming, NONE), random_pieces(data, seed))
    assert whole.error is None or isinstance(whole.error, DragomanError)
    assert (again.events, again.verdict) == (whole.events, whole.verdict)


@SETTINGS
@given(
    st.dictionaries(st.sampled_from(["candidates", "promptFeedback", "usageMetadata", "modelVersion", "error"]), json_values), st.booleans()
)
def test_any_json_becomes_legal_events_or_an_error(body: Any, streaming: bool) -> None:
    data = json.dumps(body).encode()
    read(gemini.decoder(streaming, NONE), [b"data: " + data + b"\n\n" if streaming else data])


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [event.kind for event in events if isinstance(event, BlockStarted)]


def test_blocks_end_where_the_next_begins() -> None:
    told = told_of(chunk({"text": "a"}), chunk({"text": "t", "thought": True}), chunk({"text": "b"}), chunk(finish="STOP"))
    assert kinds(told.events) == ["text", "reasoning", "text"]
    assert [event.index for event in told.events if isinstance(event, BlockEnded)] == [0, 1, 2]
