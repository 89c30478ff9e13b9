"""What an answer holds beside text and calls: sound, pictures, citations, signed thinking, functions as before tools, hosts' own fields.

Each answer is read streamed and whole, in every split, and told again by our server role, to ourselves and to OpenAI's own SDK.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest

from dragoman.core.errors import BadReply, BadRequest, RateLimited, StreamCut
from dragoman.core.events import BlockEnded, Event, FinishReason, SourceAdded
from dragoman.core.exchange import Reply
from dragoman.core.fold import Choice, Response
from dragoman.core.messages import AnyPart, Audio, Image, Message, Opaque, Reasoning, Source, Text, ToolCall
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.openai_chat import decode_error, decoder, encoder
from dragoman.wire.openai_chat.encoder import completion
from dragoman.wire.openai_chat.usage import encode_usage
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.served import said, serving
from tests.wire.splits import Told, read, read_split_anyhow

PICTURE = b"\x89PNG\r\n\x1a\n-a"
SOUND = b"RIFF0000WAVEab"
DETAIL = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, "text": "Hm, 2.", "signature": "c2ln"}
HIDDEN = {"type": "reasoning.encrypted", "format": "openai-responses-v1", "index": 1, "data": "Z0FB", "id": "rs_1"}
CITATION = {"url": "https://x.test", "title": "X", "start_index": 1, "end_index": 4, "content": "x is"}


def stream(*deltas: dict[str, Any], finish: str = "stop", **more: Any) -> bytes:
    chunks = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish, **more}]})
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


def whole(message: dict[str, Any], finish: str = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish, **more}
    return json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()


def streamed(data: bytes, quirks: Quirks = NONE) -> Told:
    return read_split_anyhow(lambda: decoder(True, quirks), data)


def at_once(data: bytes, quirks: Quirks = NONE) -> Told:
    return read_split_anyhow(lambda: decoder(False, quirks), data)


def parts(told: Told) -> tuple[AnyPart, ...]:
    assert told.error is None
    return told.response.choices[0].parts


def request(stream: bool = False, **extra: Any) -> Request:
    return Request(model="m", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, extra={"openai_chat": extra} if extra else {})


def written(told: Told, stream: bool, **extra: Any) -> bytes:
    encoding = encoder(request(stream, **extra), NONE)
    return b"".join(encoding.send(event) for event in told.events) + encoding.close()


DELTAS: dict[str, tuple[bytes, bytes, tuple[AnyPart, ...]]] = {
    "sound": (
        stream(
            {"audio": {"id": "audio_1", "data": base64.b64encode(SOUND[:12]).decode(), "transcript": "He"}},
            {"audio": {"data": base64.b64encode(SOUND[12:]).decode()}},
            {"audio": {"transcript": "llo"}},
            {"audio": {"expires_at": 9}},
        ),
        whole(
            {"content": None, "audio": {"id": "audio_1", "data": base64.b64encode(SOUND).decode(), "expires_at": 9, "transcript": "Hello"}}
        ),
        (Audio(data=SOUND, media_type="audio/wav", transcript="Hello", extra={"openai_chat": {"id": "audio_1", "expires_at": 9}}),),
    ),
    "pictures": (
        stream(
            {"content": "See"},
            {"images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"}}]},
        ),
        whole(
            {
                "content": "See",
                "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"}}],
            }
        ),
        (Text(text="See"), Image(data=PICTURE, media_type="image/png")),
    ),
    "citations": (
        stream({"content": "a xyz"}, {"annotations": [{"type": "url_citation", "url_citation": CITATION}]}),
        whole({"content": "a xyz", "annotations": [{"type": "url_citation", "url_citation": CITATION}]}),
        (Text(text="a xyz"), Source(url="https://x.test", title="X", quote="x is", start=1, end=4)),
    ),
    "signed thinking": (
        stream(
            {"reasoning": "Hm,", "reasoning_details": [{**DETAIL, "text": "Hm,", "signature": ""}]},
            {"reasoning": " 2.", "reasoning_details": [{**DETAIL, "text": " 2.", "signature": None}]},
            {"content": "", "reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "c2ln"}]},
            {"reasoning_details": [HIDDEN]},
            {"content": "4"},
        ),
        whole({"content": "4", "reasoning": "Hm, 2.", "reasoning_details": [DETAIL, HIDDEN]}),
        (
            Reasoning(text="Hm, 2.", signature="c2ln", extra={"openai_chat": {"reasoning_details": [DETAIL, HIDDEN]}}),
            Text(text="4"),
        ),
    ),
    "thinking in details alone": (
        stream({"reasoning_details": [{**DETAIL, "text": "Hm,"}]}, {"reasoning_details": [{**DETAIL, "text": " 2."}]}, {"content": "4"}),
        whole({"content": "4", "reasoning_details": [DETAIL]}),
        (Reasoning(text="Hm, 2.", signature="c2ln", extra={"openai_chat": {"reasoning_details": [DETAIL]}}), Text(text="4")),
    ),
    "signed thinking before a call": (
        stream(
            {"reasoning_details": [{**DETAIL, "text": "Hm,"}]},
            {"reasoning_details": [{**DETAIL, "text": " 2."}]},
            {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]},
            finish="tool_calls",
        ),
        whole(
            {
                "content": None,
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
                "reasoning_details": [DETAIL],
            },
            "tool_calls",
        ),
        (
            Reasoning(text="Hm, 2.", signature="c2ln", extra={"openai_chat": {"reasoning_details": [DETAIL]}}),
            ToolCall(id="1", name="f", arguments="{}"),
        ),
    ),
    "function as before tools": (
        stream({"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": '{"x": 1}'}}, finish="function_call"),
        whole({"content": None, "function_call": {"name": "f", "arguments": '{"x": 1}'}}, "function_call"),
        (ToolCall(id="", name="f", arguments='{"x": 1}', extra={"openai_chat": {"legacy": True}}),),
    ),
    "signature on a call": (
        stream(
            {"tool_calls": [{"index": 0, "id": "1", "extra_content": {"google": {"thought_signature": "s"}}, "function": {"name": "f"}}]},
            {"tool_calls": [{"index": 0, "id": "", "function": {"name": "", "arguments": "{}"}}]},
            finish="tool_calls",
        ),
        whole(
            {
                "content": None,
                "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": "s"}}}
                ],
            },
            "tool_calls",
        ),
        (ToolCall(id="1", name="f", arguments="{}", extra={"openai_chat": {"extra_content": {"google": {"thought_signature": "s"}}}}),),
    ),
    "signature on the message": (
        stream({"content": "a"}, {"thought_signature": "s"}),
        whole({"content": "a", "thought_signature": "s"}),
        (Text(text="a", extra={"openai_chat": {"message": {"thought_signature": "s"}}}),),
    ),
    "parts of Mistral": (
        stream(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}, {"type": "other"}]}]},
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]},
            {"content": [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]},
        ),
        whole(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "a"},
                    {"type": "reference", "reference_ids": [1]},
                ]
            }
        ),
        (
            Reasoning(text="Hm"),
            Text(text="a"),
            Opaque(extra={"openai_chat": {"part": {"type": "reference", "reference_ids": [1]}}}),
        ),
    ),
    "call of a tool that takes free text": (
        stream(
            {"tool_calls": [{"index": 0, "id": "1", "type": "custom", "custom": {"name": "f", "input": "a"}}]},
            {"tool_calls": [{"index": 0, "custom": {"input": "b"}}]},
            finish="tool_calls",
        ),
        whole({"content": None, "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "ab"}}]}, "tool_calls"),
        (
            Opaque(
                extra={"openai_chat": {"message": {"tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "ab"}}]}}}
            ),
        ),
    ),
}
"""Deltas, the same as one message, and what both mean."""


@pytest.mark.parametrize("case", DELTAS)
def test_answer_means_the_same_streamed_and_whole(case: str) -> None:
    deltas, message, meaning = DELTAS[case]
    assert parts(streamed(deltas)) == meaning
    assert parts(at_once(message)) == meaning


def told_again(told: Told, stream: bool) -> Told:
    """Through our server role."""
    return read(decoder(stream, NONE), [written(told, stream)])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("case", DELTAS)
def test_answer_told_by_our_server_role_means_the_same(case: str, stream: bool) -> None:
    deltas, _, meaning = DELTAS[case]
    extra = {"legacy_functions": True} if case == "function as before tools" else {}
    again = read(decoder(stream, NONE), [written(streamed(deltas), stream, **extra)])
    assert parts(again) == meaning


@pytest.mark.parametrize("case", DELTAS)
def test_openais_sdk_reads_what_our_server_role_tells(case: str) -> None:
    deltas, _, meaning = DELTAS[case]
    with serving("openai_chat", said(*streamed(deltas).events)) as server, openai.OpenAI(base_url=server.root, api_key="k") as client:
        message = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}]).choices[0].message
        chunks = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True))
    text = "".join(part.text for part in meaning if isinstance(part, Text))
    if not any(isinstance(part, Opaque) for part in meaning):
        assert (message.content or "") == text
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    for part in meaning:
        if isinstance(part, Audio):
            assert message.audio is not None
            assert (message.audio.id, message.audio.transcript, message.audio.expires_at) == ("audio_1", "Hello", 9)
            assert base64.b64decode(message.audio.data) == SOUND
        if isinstance(part, Source):
            assert message.annotations is not None
            cited = message.annotations[0].url_citation
            assert (cited.url, cited.title, cited.start_index, cited.end_index) == ("https://x.test", "X", 1, 4)
        if isinstance(part, ToolCall):
            assert message.tool_calls is not None


def test_call_of_free_text_has_its_place_in_a_stream() -> None:
    told = at_once(DELTAS["call of a tool that takes free text"][1])
    function = {"id": "0", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    both = json.loads(DELTAS["call of a tool that takes free text"][1])
    both["choices"][0]["message"]["tool_calls"].insert(0, function)
    for one, places in ((told, [0]), (at_once(json.dumps(both).encode()), [0, 1])):
        chunks = [json.loads(line[6:]) for line in written(one, True).split(b"\n\n") if line.startswith(b"data: {")]
        calls = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls", ())]
        assert sorted({call["index"] for call in calls}) == places


def test_caller_who_knows_functions_alone_is_told_in_that_form() -> None:
    deltas = DELTAS["function as before tools"][0]
    with serving("openai_chat", said(*streamed(deltas).events)) as server, openai.OpenAI(base_url=server.root, api_key="k") as client:
        asked: dict[str, Any] = {
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "functions": [{"name": "f", "parameters": {}}],
        }
        choice = client.chat.completions.create(**asked).choices[0]
        chunks = list(client.chat.completions.create(**asked, stream=True))
    assert choice.message.function_call is not None
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("f", '{"x": 1}')
    assert choice.finish_reason == "function_call"
    calls = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
    assert "".join(call.arguments or "" for call in calls) == '{"x": 1}'


def test_span_from_nothing_to_nothing_is_unknown() -> None:
    cited = {"url": "https://x.test", "title": "", "start_index": 0, "end_index": 0}
    told = streamed(stream({"annotations": [{"type": "url_citation", "url_citation": cited}]}))
    assert [event for event in told.events if isinstance(event, SourceAdded)] == [SourceAdded(Source(url="https://x.test"))]


def test_citation_names_the_open_text_block() -> None:
    told = streamed(stream({"content": "a", "annotations": [{"type": "url_citation", "url_citation": CITATION}]}))
    assert [event.index for event in told.events if isinstance(event, SourceAdded)] == [0]


FOUND = [{"title": "X", "url": "https://x.test", "snippet": "x is", "date": "2026-01-02", "source": None}, {"url": ""}, 7]
FOUND_SOURCE = Source(url="https://x.test", title="X", quote="x is", extra={"openai_chat": {"date": "2026-01-02"}})
BESIDE_ALL: dict[str, tuple[dict[str, Any], tuple[Source, ...]]] = {
    "records": ({"search_results": FOUND, "citations": ["https://x.test"]}, (FOUND_SOURCE,)),
    "addresses": (
        {"search_results": [], "citations": ["https://x.test", "https://y.test"]},
        (Source(url="https://x.test"), Source(url="https://y.test")),
    ),
    "no list": ({"search_results": None, "citations": {"a": 1}}, ()),
    "nothing": ({"search_results": None, "citations": []}, ()),
}


@pytest.mark.parametrize("case", BESIDE_ALL)
def test_sources_told_beside_the_choices_are_the_answers(case: str) -> None:
    more, sources = BESIDE_ALL[case]
    body = json.dumps({**json.loads(whole({"content": "x [1]"})), **more}).encode()
    first = b'data: {"choices":[{"delta":{"content":"x "}}],"citations":["https://old.test"]}\n\n'
    last = json.dumps({"choices": [{"delta": {"content": "[1]"}, "finish_reason": "stop"}], **more}).encode()
    assert parts(at_once(body)) == (Text(text="x [1]"), *sources)
    assert parts(streamed(b"data: %b\n\ndata: [DONE]\n\n" % last)) == (Text(text="[1]"), *sources)
    if sources:
        assert parts(streamed(first + b"data: %b\n\ndata: [DONE]\n\n" % last)) == (Text(text="x [1]"), *sources)


def test_sources_told_beside_the_choices_and_within_are_told_once() -> None:
    message = {"content": "a xyz", "annotations": [{"type": "url_citation", "url_citation": CITATION}]}
    body = json.dumps({**json.loads(whole(message)), "citations": ["https://x.test"]}).encode()
    assert parts(at_once(body)) == (Text(text="a xyz"), Source(url="https://x.test", title="X", quote="x is", start=1, end=4))


def test_sound_without_anything_in_it_is_none() -> None:
    assert parts(at_once(whole({"content": "a", "audio": {"data": "", "expires_at": 0, "id": "", "transcript": ""}}))) == (Text(text="a"),)


def test_sound_and_picture_that_are_no_base64_are_bad_replies() -> None:
    assert isinstance(at_once(whole({"audio": {"data": "%"}})).error, BadReply)
    assert isinstance(at_once(whole({"images": [{"image_url": {"url": "data:x"}}]})).error, BadReply)


def test_streamed_sound_is_bare_samples() -> None:
    (sound,) = parts(streamed(stream({"audio": {"data": "AAAA"}})))
    assert sound == Audio(data=b"\0\0\0", media_type="audio/pcm")


def test_annotation_of_another_type_and_picture_by_address_come_back_on_the_message() -> None:
    own = {"annotations": [{"type": "file", "file": {"hash": "h"}}], "images": [{"type": "image_url", "image_url": {"url": "https://x"}}]}
    assert parts(at_once(whole({"content": "a", **own}))) == (Text(text="a", extra={"openai_chat": {"message": own}}),)
    assert parts(told_again(at_once(whole({"content": "a", **own})), False)) == (Text(text="a", extra={"openai_chat": {"message": own}}),)


def test_hosts_own_finish_reason_is_kept() -> None:
    told = streamed(stream({"content": "a"}, native_finish_reason="completed"))
    assert told.response.choices[0].extra == {"openai_chat": {"native_finish_reason": "completed"}}
    for again in (told_again(told, True), told_again(told, False)):
        assert again.response.choices[0].extra == {"openai_chat": {"native_finish_reason": "completed"}}


COUNTS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "DeepSeek": ({"prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 4}, {"cache_read_tokens": 3}),
    "Mistral": ({"num_cached_tokens": 3}, {"cache_read_tokens": 3}),
    "Moonshot": ({"cached_tokens": 3}, {"cache_read_tokens": 3}),
    "Databricks": (
        {"cache_read_input_tokens": 3, "cache_creation_input_tokens": 2},
        {"cache_read_tokens": 3, "cache_write_tokens": 2},
    ),
    "numbers with a point": ({"prompt_tokens": 1.0, "completion_tokens": 2.0}, {"input_tokens": 1, "output_tokens": 2}),
}


@pytest.mark.parametrize("host", COUNTS)
def test_counts_under_other_names(host: str) -> None:
    record, counts = COUNTS[host]
    usage = at_once(json.dumps({"choices": [{"message": {"content": "a"}}], "usage": record}).encode()).response.usage
    assert usage == Usage(**counts, raw=record)


BESIDE: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "thinking beside the output": ({"total_tokens": 35, "completion_tokens_details": {"reasoning_tokens": 20}}, (10, 25)),
    "thinking within the output": ({"total_tokens": 15, "completion_tokens_details": {"reasoning_tokens": 3}}, (10, 5)),
    "thinking that makes up no difference": ({"total_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 20}}, (10, 5)),
    "thinking beside a total unknown": ({"completion_tokens_details": {"reasoning_tokens": 20}}, (10, 5)),
    "sound beside the input": ({"total_tokens": 45, "prompt_tokens_details": {"audio_tokens": 30}}, (40, 5)),
    "sound within the input": ({"total_tokens": 15, "prompt_tokens_details": {"audio_tokens": 4}}, (10, 5)),
}


@pytest.mark.parametrize("case", BESIDE)
def test_part_that_a_host_counts_beside_its_total_is_added_to_it(case: str) -> None:
    more, totals = BESIDE[case]
    record = {"prompt_tokens": 10, "completion_tokens": 5, **more}
    usage = at_once(json.dumps({"choices": [{"message": {"content": "a"}}], "usage": record}).encode()).response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.raw) == (*totals, record)


@pytest.mark.parametrize("odd", [-1.5, "no", [1], {"content": [{"token": 1}]}])
def test_probabilities_that_cannot_be_read_spoil_no_answer(odd: Any) -> None:
    assert parts(at_once(whole({"content": "a"}, logprobs=odd))) == (Text(text="a"),)
    assert parts(streamed(stream({"content": "a"}, logprobs=odd))) == (Text(text="a"),)


def test_other_faults_beside_odd_probabilities_stay() -> None:
    body = b'{"choices":[{"message":{"content":5},"finish_reason":"stop","logprobs":-1.5}]}'
    assert isinstance(at_once(body).error, BadReply)


@pytest.mark.parametrize(("raw", "unified"), [("stop", "tool_calls"), ("tool_call", "tool_calls"), ("length", "length")])
def test_end_behind_a_call_is_for_the_call(raw: str, unified: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for told in (
        at_once(whole({"content": None, "tool_calls": [call]}, raw)),
        streamed(stream({"tool_calls": [{"index": 0, **call}]}, finish=raw)),
    ):
        assert told.response.finish == FinishReason(unified, raw)


def test_what_a_cache_gave_beside_the_input_is_added_to_it() -> None:
    record = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 30}}
    usage = at_once(json.dumps({"choices": [{"message": {"content": "a"}}], "usage": record}).encode()).response.usage
    assert usage == Usage(input_tokens=40, cache_read_tokens=30, output_tokens=2, raw=record)


def test_usage_that_is_not_known_is_left_out_and_half_of_it_is_filled_with_nought() -> None:
    assert encode_usage(None) is None
    assert encode_usage(Usage(cache_read_tokens=1)) is None
    assert encode_usage(Usage(input_tokens=3)) == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    assert completion(Response(choices=(Choice(),), usage=Usage()), "m")["usage"] is None


def test_error_in_a_list_of_one_is_that_error() -> None:
    body = b'[{"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}]'
    error = decode_error(Reply(429, (), body), NONE)
    assert isinstance(error, RateLimited)
    assert error.message == "Slow down."
    assert isinstance(at_once(body).error, RateLimited)
    assert isinstance(decode_error(Reply(400, (), b'[{"error": {"message": "No.", "code": 400}}]'), NONE), BadRequest)


SEQUENTIAL = (
    b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[{"index":1,"delta":{"content":"b"}}]}\n\n'
)
LAST = b'data: {"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}\n\n'


def test_where_several_choices_were_asked_for_a_finish_reason_ends_nothing() -> None:
    reading = decoder(True, Quirks(end_marker="stream"))
    events: list[Event] = reading.feed(SEQUENTIAL)
    assert not reading.ending
    events += reading.feed(LAST)
    assert not reading.ending
    assert reading.close()
    assert reading.done
    assert len(events) == 5
    cut = read(decoder(True, Quirks(end_marker="stream")), [SEQUENTIAL])
    assert isinstance(cut.error, StreamCut)


def test_records_of_thinking_are_whole_when_their_block_ends() -> None:
    reading = decoder(True, NONE)
    fragments = stream(
        {"reasoning_details": [{**DETAIL, "text": "Hm,"}]},
        {"reasoning_details": [{**DETAIL, "text": " 2."}]},
        {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]},
    )
    for event in fragments.split(b"\n\n"):
        for told in reading.feed(event + b"\n\n"):
            if isinstance(told, BlockEnded) and told.signature:
                assert told.extra == {"openai_chat": {"reasoning_details": [DETAIL]}}
                return
    raise AssertionError("the block did not end")


def test_hidden_thinking_that_comes_after_a_call_is_a_block_of_its_own() -> None:
    call = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}
    told = streamed(stream(call, {"reasoning_details": [HIDDEN]}, finish="tool_calls"))
    assert parts(told) == (
        ToolCall(id="1", name="f", arguments="{}"),
        Reasoning(extra={"openai_chat": {"reasoning_details": [HIDDEN]}}),
    )
