"""Answers through both roles: what goes in as events comes out as events, in each of the three forms."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import BadReply, ContentFiltered, RateLimited
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
from dragoman.core.fold import Choice, fold
from dragoman.core.messages import Audio, Image, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.usage import Usage
from dragoman.wire import gemini
from dragoman.wire.gemini.usage import decode_usage, encode_usage
from dragoman.wire.quirks import NONE
from tests.wire import strategies
from tests.wire.gemini.roles import FORMS, NAME, Form, asked, new_decoder, written
from tests.wire.splits import random_pieces, read

SETTINGS = settings(deadline=None, max_examples=300, database=None)
STOP = Finished(FinishReason("stop", "STOP"))


def back(events: list[Event], form: Form) -> Any:
    told = read(new_decoder(form), [written(events, form)])
    assert told.error is None
    return told.response


def chunks(events: list[Event]) -> list[Any]:
    return [json.loads(frame.removeprefix(b"data: ")) for frame in written(events, "sse").split(b"\r\n\r\n") if frame]


def said(choice: Choice) -> dict[str, Any]:
    """What a choice says, in the words that this wire has: a refusal is text, an object of arguments has no blanks."""
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    assert choice.finish is not None
    words = {"stop": "stop", "tool_calls": "stop"}
    unified = words.get(choice.finish.unified, choice.finish.unified)
    return {
        "text": "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal)),
        "reasoning": "".join(part.text for part in choice.parts if isinstance(part, Reasoning)),
        "calls": [(call.id, call.name, json.loads(call.arguments or "{}")) for call in calls],
        "finish": "tool_calls" if unified == "stop" and calls else unified,
        "logprobs": [(one.token, one.logprob, [(top.token, top.logprob) for top in one.top_logprobs]) for one in choice.logprobs or ()],
    }


@SETTINGS
@given(strategies.answers(), st.integers(0, 100), st.sampled_from(FORMS))
def test_answer_of_any_vendor_says_the_same(events: list[Event], seed: int, form: Form) -> None:
    told = read(new_decoder(form), random_pieces(written(events, form), seed))
    assert told.error is None
    given_response, response = fold(events), told.response
    assert [said(choice) for choice in response.choices] == [said(choice) for choice in given_response.choices]
    assert (response.id, response.model) == (given_response.id, given_response.model)
    if given_response.usage is not None:
        assert response.usage is not None
        assert response.usage.input_tokens == given_response.usage.input_tokens
        assert response.usage.output_tokens == max(given_response.usage.output_tokens or 0, given_response.usage.reasoning_tokens or 0)


@SETTINGS
@given(strategies.answers(most_choices=1))
def test_words_pass_one_by_one(events: list[Event]) -> None:
    pieces = [event.text for event in events if isinstance(event, TextDelta) and event.text]
    told = read(new_decoder("sse"), [written(events, "sse")])
    assert [event.text for event in told.events if isinstance(event, TextDelta) and event.text] == pieces


OWN = {NAME: {"thoughtSignature": "c2ln"}}
TRAILED = {NAME: {"trailing": [{"text": "", "thoughtSignature": "dHI="}]}}
VENDORS: list[Event] = [
    Started(
        id="r1",
        model="gemini-2.5-flash",
        created_s=1767225600,
        extra={NAME: {"createTime": "2026-01-01T00:00:00.5Z", "modelStatus": {"a": 1}}},
    ),
    BlockStarted(0, "reasoning", extra=OWN),
    ReasoningDelta(0, "hm"),
    BlockEnded(0),
    BlockStarted(1, "text"),
    TextDelta(1, "a"),
    TextDelta(1, "b"),
    BlockEnded(1, extra=TRAILED),
    BlockStarted(2, "text", extra=OWN),
    TextDelta(2, "c"),
    BlockEnded(2),
    BlockStarted(3, "tool", "own", "f", extra=OWN),
    ToolDelta(3, '{"a":1.0,"b":[]}'),
    BlockEnded(3, extra=TRAILED),
    BlockStarted(4, "tool", "gemini_1_r1", "g"),
    ToolDelta(4, "{}"),
    BlockEnded(4),
    BlockStarted(5, "opaque", extra={NAME: {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"}}),
    BlockEnded(5),
    BlockStarted(6, "image", media_type="image/png", extra=OWN),
    MediaDelta(6, b"png"),
    BlockEnded(6),
    BlockStarted(7, "audio", media_type="audio/wav"),
    MediaDelta(7, b"wav", "said"),
    BlockEnded(7),
    SourceAdded(Source(url="https://a.test", start=0, end=2)),
    Finished(
        FinishReason("tool_calls", "STOP"),
        Usage(
            input_tokens=4,
            output_tokens=2,
            raw={"promptTokenCount": 3, "toolUsePromptTokenCount": 1, "candidatesTokenCount": 2, "trafficType": "X"},
        ),
        extra={
            NAME: {
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "https://a.test"}}],
                    "groundingSupports": [{"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}],
                },
                "safetyRatings": [{"a": 1}],
            }
        },
    ),
]


@pytest.mark.parametrize("form", FORMS)
def test_all_that_the_vendor_has_comes_back(form: Form) -> None:
    assert back(VENDORS, form) == fold(VENDORS)


def test_streamed_chunks_have_the_vendors_form() -> None:
    first, *_, last = chunks(VENDORS)
    tail = {"modelVersion": "gemini-2.5-flash", "responseId": "r1", "createTime": "2026-01-01T00:00:00.5Z"}
    part = {"text": "hm", "thought": True, "thoughtSignature": "c2ln"}
    assert first == {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], **tail, "modelStatus": {"a": 1}}
    assert last["candidates"][0]["content"] == {"parts": [{"text": ""}], "role": "model"}
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["trafficType"] == "X"
    calls = [
        part["functionCall"] for chunk in chunks(VENDORS) for part in chunk["candidates"][0]["content"]["parts"] if "functionCall" in part
    ]
    assert calls == [{"id": "own", "name": "f", "args": {"a": 1.0, "b": []}}, {"name": "g", "args": {}}]


def test_forms_of_an_answer() -> None:
    events: list[Event] = [Started(), BlockStarted(0, "text"), TextDelta(0, "a"), BlockEnded(0), STOP]
    streamed, grown, whole = (written(events, form) for form in FORMS)
    assert streamed.startswith(b'data: {"candidates":')
    assert streamed.endswith(b"}\r\n\r\n")
    assert grown.startswith(b'[{"candidates":')
    assert b"},\r\n{" in grown
    assert grown.endswith(b"}]")
    assert len(json.loads(grown)) == 2
    assert json.loads(whole)["candidates"] == [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0, "finishReason": "STOP"}]
    types = [gemini.encoder(asked(form), NONE).content_type for form in FORMS]
    assert types == ["text/event-stream", "application/json; charset=UTF-8", "application/json; charset=UTF-8"]


def test_sources_of_other_vendors_become_grounding() -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "text"),
        TextDelta(0, "Größe tut"),
        BlockEnded(0),
        SourceAdded(Source(url="https://a.test", title="A", start=6, end=9)),
        SourceAdded(Source(url="https://a.test", title="A", start=0, end=5)),
        SourceAdded(Source(title="B", quote="so it is")),
        STOP,
    ]
    for form in FORMS:
        response = back(events, form)
        assert response.sources == fold(events).sources
        supports = response.choices[0].extra[NAME]["groundingMetadata"]["groundingSupports"]
        assert supports[0]["segment"] == {"startIndex": 8, "endIndex": 11, "text": "tut"}


def test_blocks_open_at_once_leave_one_after_another() -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "tool", "a", "f"),
        BlockStarted(1, "text"),
        TextDelta(1, "later"),
        ToolDelta(0, '{"x":'),
        ToolDelta(0, "1}"),
        BlockEnded(0),
        TextDelta(1, "!"),
        BlockEnded(1),
        STOP,
    ]
    parts = [part for chunk in chunks(events) for part in chunk["candidates"][0]["content"]["parts"]]
    assert parts == [{"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}}, {"text": "later"}, {"text": "!"}, {"text": ""}]


@pytest.mark.parametrize("arguments", ["[1]", '{"a":', "x"])
@pytest.mark.parametrize("form", FORMS)
def test_arguments_that_are_no_object_are_an_error_and_never_changed(arguments: str, form: Form) -> None:
    events: list[Event] = [Started(), BlockStarted(0, "tool", "a", "f"), ToolDelta(0, arguments), BlockEnded(0), STOP]
    with pytest.raises(BadReply, match="no JSON object"):
        written(events, form)


def test_arguments_keep_their_numbers_and_lose_only_blanks() -> None:
    text = '{\n "a": 1.0, "b": 12345678901234567890123, "c": "\\u00e9 x"}'
    events: list[Event] = [Started(), BlockStarted(0, "tool", "a", "f"), ToolDelta(0, text), BlockEnded(0), STOP]
    for form in FORMS:
        assert back(events, form).tool_calls[0].arguments == '{"a":1.0,"b":12345678901234567890123,"c":"\\u00e9 x"}'


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (FinishReason("length", "max_tokens"), "MAX_TOKENS"),
        (FinishReason("content_filter", "RECITATION"), "RECITATION"),
        (FinishReason("content_filter", "content_filter"), "SAFETY"),
        (FinishReason("other", "pause_turn"), "OTHER"),
        (FinishReason("unknown"), "FINISH_REASON_UNSPECIFIED"),
    ],
)
def test_finish_reasons_of_other_vendors(reason: FinishReason, word: str) -> None:
    (last,) = chunks([Started(), Finished(reason)])
    assert last["candidates"][0]["finishReason"] == word


@pytest.mark.parametrize("form", FORMS)
def test_failure_in_the_midst_is_told_as_the_vendor_does(form: Form) -> None:
    for error in (RateLimited("slow", status=429, retry_after_s=2), ContentFiltered("no", code="SAFETY")):
        encoder = gemini.encoder(asked(form), NONE)
        head: list[Event] = [Started(), BlockStarted(0, "text"), TextDelta(0, "a")]
        data = b"".join(encoder.send(event) for event in head) + encoder.fail(error)
        told = read(new_decoder(form), [data])
        assert type(told.error) is type(error)
        assert told.error.retry_after_s == error.retry_after_s
        assert told.response.text == ("" if form == "whole" else "a")


def test_own_blocks_of_other_vendors_have_no_place() -> None:
    events: list[Event] = [Started(), BlockStarted(0, "opaque", extra={"other": {"a": 1}}), BlockEnded(0), STOP]
    for form in FORMS:
        assert not [part for part in back(events, form).parts if isinstance(part, Opaque)]


def test_media_without_a_type_get_the_usual_one() -> None:
    events: list[Event] = [Started()]
    for index, kind in enumerate(("image", "audio")):
        events += [BlockStarted(index, kind), MediaDelta(index, b"a"), MediaDelta(index, b"b"), BlockEnded(index)]  # type: ignore[arg-type]
    for form in FORMS:
        assert back([*events, STOP], form).parts == (Image(data=b"ab", media_type="image/png"), Audio(data=b"ab", media_type="audio/wav"))


# --- usage ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3},
            Usage(input_tokens=5, output_tokens=5, reasoning_tokens=3),
        ),
        ({"promptTokenCount": 5, "toolUsePromptTokenCount": 4, "cachedContentTokenCount": 3}, Usage(input_tokens=9, cache_read_tokens=3)),
        ({"promptTokenCount": 5, "totalTokenCount": 8}, Usage(input_tokens=5, output_tokens=3)),
        ({"trafficType": "ON_DEMAND"}, Usage()),
        ({"promptTokenCount": "many"}, Usage()),
        (
            {
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}, {"modality": "TEXT", "tokenCount": 1}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
            },
            Usage(input_audio_tokens=3, output_audio_tokens=2),
        ),
    ],
)
def test_usage_in_normal_form(told: Any, usage: Usage) -> None:
    assert decode_usage(told) == msgspec.structs.replace(usage, raw=told)


def test_usage_of_other_vendors_is_counted_side_by_side() -> None:
    usage = Usage(
        input_tokens=9,
        cache_read_tokens=4,
        input_audio_tokens=2,
        output_tokens=7,
        reasoning_tokens=3,
        output_audio_tokens=1,
        raw={"prompt_tokens": 9},
    )
    told = encode_usage(usage)
    assert told == {
        "promptTokenCount": 9,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 4,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 16,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}, {"modality": "AUDIO", "tokenCount": 2}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 1}],
    }
    assert msgspec.structs.replace(decode_usage(told), raw=usage.raw) == usage


def test_what_is_unknown_is_not_said() -> None:
    assert encode_usage(Usage()) == {}
    assert "usageMetadata" not in chunks([Started(), STOP])[0]


def test_logprobs_come_back() -> None:
    logprobs = (TokenLogprob("a", -0.5, None, (TokenLogprob("a", -0.5), TokenLogprob("b", -1.0))),)
    events: list[Event] = [Started(), BlockStarted(0, "text"), TextDelta(0, "a", logprobs), BlockEnded(0), STOP]
    for form in FORMS:
        assert back(events, form).choices[0].logprobs == logprobs
