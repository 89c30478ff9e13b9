"""Ollama answers: lines and whole bodies to events and back, however they are split and wherever they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import (
    AuthFailed,
    BadReply,
    BadRequest,
    ContextTooLong,
    DragomanError,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    ServerFault,
    StreamCut,
    UnknownModel,
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
from dragoman.core.messages import Image, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import ollama
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.wire import strategies
from tests.wire.splits import assert_every_cut_is_told, random_pieces, read, read_split_anyhow
from tests.wire.strategies import MODEST

TIME = "2025-10-26T17:21:21.196249Z"
PNG = b"\x89PNG\r\n\x1a\nrest"
CHAT = Request(model="asked", messages=(), stream=True)
GENERATE = Request(model="asked", messages=(), stream=True, extra={"ollama": {"generate": {}}})


def new() -> Decoder:
    return ollama.decoder(True, NONE)


def line(done: bool = False, **fields: Any) -> bytes:
    return json.dumps({"model": "qwen3", "created_at": TIME, **fields, "done": done}).encode() + b"\n"


def said(**message: Any) -> bytes:
    return line(message={"role": "assistant", "content": "", **message})


def whole(data: bytes) -> Response:
    told = read(ollama.decoder(False, NONE), [data])
    assert told.error is None
    return told.response


END = line(True, message={"role": "assistant", "content": ""}, done_reason="stop", prompt_eval_count=7, eval_count=3, total_duration=99)

GOOD = {
    "text": said(content="Lo") + said(content="ire\n🌊") + END,
    "thinking": said(thinking="Hm") + said(thinking="m.") + said(content="Loire") + END,
    "tools": said(content="See:")
    + b'{"created_at":"%b","message":{"tool_calls":[{"function":{"name":"a","arguments":{ "b" : 1.10,"a":[] }}},' % TIME.encode()
    + b'{"id":"call_x","function":{"index":1,"name":"c","arguments":{}}}]},"done":false}\n'
    + said(tool_calls=[{"function": {"name": "a", "arguments": {"z": "\n"}}}])
    + END,
    "picture": said(content="Here:") + said(images=["iVBORw0KGgpyZXN0"]) + END,
    "generate": line(response="Lo", thinking="Hm") + line(response="ire") + line(True, response="!", context=[1, 2], eval_count=1),
    "last line speaks": line(True, message={"role": "assistant", "content": "Loire"}, done_reason="length"),
    "nothing": END,
    "blank lines": b"\n" + said(content="a") + b"\r\n \n" + END,
    "unknown fields": line(progress=[1]) + said(content="a", mood="good") + END,
}


@pytest.mark.parametrize("case", GOOD)
def test_good_answer_says_the_same_however_it_is_split_and_is_cut_before_its_end(case: str) -> None:
    data = GOOD[case]
    told = read_split_anyhow(new, data)
    assert told.error is None
    assert_every_cut_is_told(new, data, data.rindex(b"}") + 1)


def test_text_with_its_counts() -> None:
    told = read(new(), [GOOD["text"]])
    raw = {"total_duration": 99, "prompt_eval_count": 7, "eval_count": 3}
    assert told.events == (
        Started(model="qwen3", created_s=1761499281, extra={"ollama": {"created_at": TIME}}),
        BlockStarted(0, "text"),
        TextDelta(0, "Lo"),
        TextDelta(0, "ire\n🌊"),
        BlockEnded(0),
        Finished(FinishReason("stop", "stop"), Usage(input_tokens=7, output_tokens=3, raw=raw)),
    )


def test_thinking_is_a_block_of_its_own() -> None:
    response = read(new(), [GOOD["thinking"]]).response
    assert response.parts == (Reasoning(text="Hmm."), Text(text="Loire"))


def test_calls_have_their_exact_arguments_and_ids_where_none_came() -> None:
    response = read(new(), [GOOD["tools"]]).response
    assert response.tool_calls == (
        ToolCall(id="ollama_20251026172121196249_0", name="a", arguments='{ "b" : 1.10,"a":[] }'),
        ToolCall(id="call_x", name="c", arguments="{}"),
        ToolCall(id="ollama_20251026172121196249_2", name="a", arguments='{"z": "\\n"}'),
    )
    assert response.finish == FinishReason("tool_calls", "stop"), "Ollama itself has no word for it"


def test_picture_comes_as_one() -> None:
    assert read(new(), [GOOD["picture"]]).response.parts == (Text(text="Here:"), Image(data=PNG, media_type="image/png"))


def test_generate_is_read_by_the_same_decoder() -> None:
    told = read(new(), [GOOD["generate"]])
    assert told.response.parts == (Reasoning(text="Hm"), Text(text="Loire!"))
    assert told.response.finish == FinishReason("unknown"), "older servers do not say"
    assert told.response.choices[0].extra == {"ollama": {"context": [1, 2]}}
    assert told.response.usage == Usage(output_tokens=1, raw={"eval_count": 1})


@pytest.mark.parametrize(
    ("raw", "unified"), [("stop", "stop"), ("length", "length"), ("load", "other"), ("unload", "other"), ("odd", "other")]
)
def test_reasons_to_stop(raw: str, unified: Any) -> None:
    told = read(new(), [line(True, message={"content": ""}, done_reason=raw)])
    assert told.response.finish == FinishReason(unified, raw)
    assert json.loads(written([Finished(FinishReason(unified, raw))], CHAT))["done_reason"] == raw


def test_logprobs_of_tokens_that_a_server_holds_back_stand_with_the_text_they_become() -> None:
    one, two = (
        {"token": "Lo", "logprob": -0.5, "bytes": [76, 111]},
        {"token": "ire", "logprob": -1, "top_logprobs": [{"token": "x", "logprob": -2}]},
    )
    data = (
        line(message={"content": "", "thinking": "Hm"}, logprobs=[one])
        + line(message={"content": ""}, logprobs=[one])
        + line(message={"content": "Loire"}, logprobs=[two])
        + line(message={"content": ""}, logprobs=[one])
        + END
    )
    told = read(new(), [data])
    first, second = TokenLogprob("Lo", -0.5, (76, 111)), TokenLogprob("ire", -1, None, (TokenLogprob("x", -2),))
    assert told.response.choices[0].logprobs == (first, second, first)
    assert told.response.parts == (Reasoning(text="Hm"), Text(text="Loire"))


def test_logprobs_come_back_in_both_forms() -> None:
    logprobs = (TokenLogprob("a", -0.5, (97,), (TokenLogprob("b", -2.0),)),)
    events: list[Event] = [
        Started(model="m"),
        BlockStarted(0, "text"),
        TextDelta(0, "a", logprobs),
        BlockEnded(0),
        Finished(FinishReason("stop", "stop")),
    ]
    assert answered(events, CHAT).choices[0].logprobs == logprobs
    assert answered(events, Request(model="m", messages=())).choices[0].logprobs == logprobs


# --- what goes wrong --------------------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[bytes, type[DragomanError], str, str]] = {
    "nothing at all": (b"", BadReply, "the answer is empty: the stream ended without a single event", ""),
    "no end": (said(content="a"), StreamCut, 'the stream ended without "done": true', "a"),
    "an error in the stream": (
        said(content="a") + b'{"error":"an error was encountered while running the model"}\n',
        ServerFault,
        "an error was encountered while running the model",
        "a",
    ),
    "an error with a reason": (
        said(content="a") + b'{"error":"the prompt is longer than the context length currently available"}\n' + END,
        ContextTooLong,
        "the prompt is longer than the context length currently available",
        "a",
    ),
    "an error in OpenAI's form": (
        b'{"error":{"message":"slow down","code":429}}\n',
        RateLimited,
        "slow down",
        "",
    ),
    "an error without words": (b'{"error":{}, "message":{"content":"x"}}\n{"error":[1]}\n', ServerFault, "", "x"),
    "a page": (b"<html>busy</html>\n", BadReply, "an event of the answer cannot be read: it is HTML or XML, not JSON", ""),
    "no base64": (said(images=["%"]), BadReply, "", ""),
    "a list": (b"[]\n", BadReply, "", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_answer_gives_its_text_and_then_its_error_however_it_is_split(case: str) -> None:
    data, kind, message, text = BAD[case]
    told = read_split_anyhow(new, data)
    assert type(told.error) is kind
    assert told.error.message == message or not message
    assert told.response.text == text


def test_fault_that_a_host_announces_in_plain_text_is_what_it_says() -> None:
    quirks = Quirks(passing_faults=(PassingFault("all busy", "Overloaded"),))
    told = read(ollama.decoder(True, quirks), [b"sorry, all busy\n"])
    assert isinstance(told.error, Overloaded)
    assert told.error.retryable


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":"model crashed"}', ServerFault),
        (b"", BadReply),
        (b"{}", BadReply),
        (b'{"status":"success"}', BadReply),
    ],
)
def test_bad_whole_answer_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    assert type(read(ollama.decoder(False, NONE), [body]).error) is kind


def test_whole_answer_without_done_is_whole() -> None:
    assert whole(b'{"message":{"content":"a"}}').text == "a"
    assert whole(b'{"message":{"content":"a"}}').finish == FinishReason("unknown")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error":"invalid options"}', BadRequest),
        (400, '{"error":"the input length exceeds the context length"}', ContextTooLong),
        (401, '{"error":"unauthorized","signin_url":"https://x.test"}', AuthFailed),
        (403, '{"error":"not yours"}', PermissionDenied),
        (404, '{"error":"model \'x\' not found"}', ModelNotFound),
        (404, "404 page not found", ModelNotFound),
        (429, '{"error":"too many"}', RateLimited),
        (500, '{"error":"llama runner process has terminated"}', ServerFault),
        (502, "<html>bad gateway</html>", ServerFault),
        (503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}', Overloaded),
    ],
)
def test_failing_answer_is_classified_and_comes_back(status: int, body: str, kind: type[DragomanError]) -> None:
    error = ollama.decode_error(Reply(status, (), body.encode()), NONE)
    assert (type(error), error.status) == (kind, status)
    again = ollama.encode_error(error, NONE)
    assert (again.status, json.loads(again.body)) == (status, {"error": error.message})


def test_error_of_our_own_says_when_to_try_again() -> None:
    reply = ollama.encode_error(RateLimited("slow down", retry_after_s=2.5), NONE)
    assert (reply.status, dict(reply.headers)["retry-after"]) == (429, "2.5")
    assert ollama.encode_error(UnknownModel("no such"), NONE).status == 404


# --- both roles -------------------------------------------------------------------------------------------------------------------------


def written(events: list[Event], request: Request) -> bytes:
    encoder = ollama.encoder(request, NONE)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def answered(events: list[Event], request: Request, seed: int = 0) -> Response:
    told = read(ollama.decoder(request.stream, NONE), random_pieces(written(events, request), seed))
    assert told.error is None
    return told.response


def test_lines_are_those_that_ollama_writes() -> None:
    events: list[Event] = [
        Started(model="qwen3", created_s=1761499281),
        BlockStarted(0, "reasoning"),
        ReasoningDelta(0, "Hm"),
        BlockEnded(0),
        BlockStarted(1, "tool", "call_1", "weather"),
        ToolDelta(1, '{"city":'),
        ToolDelta(1, '\n"Bonn"}'),
        BlockEnded(1),
        BlockStarted(2, "text"),
        TextDelta(2, "Sun"),
        BlockEnded(2),
        SourceAdded(Source(url="u")),
        Finished(FinishReason("tool_calls", "TOOL"), Usage(input_tokens=7, output_tokens=0)),
    ]
    head = '"model":"qwen3","created_at":"2025-10-26T17:21:21Z"'
    call = '{"id":"call_1","function":{"index":0,"name":"weather","arguments":{"city": "Bonn"}}}'
    empty = '"role":"assistant","content":""'
    assert written(events, CHAT).decode().splitlines() == [
        f'{{{head},"message":{{{empty},"thinking":"Hm"}},"done":false}}',
        f'{{{head},"message":{{{empty},"tool_calls":[{call}]}},"done":false}}',
        f'{{{head},"message":{{"role":"assistant","content":"Sun"}},"done":false}}',
        f'{{{head},"message":{{{empty}}},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":0}}',
    ]
    assert written(events, GENERATE).decode().splitlines() == [
        f'{{{head},"response":"","thinking":"Hm","done":false}}',
        f'{{{head},"response":"","tool_calls":[{call}],"done":false}}',
        f'{{{head},"response":"Sun","done":false}}',
        f'{{{head},"response":"","done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":0}}',
    ]


def test_parallel_calls_leave_each_as_soon_as_it_is_complete() -> None:
    encoder = ollama.encoder(CHAT, NONE)
    events: list[Event] = [
        Started(),
        BlockStarted(0, "tool", "1", "a"),
        BlockStarted(1, "tool", "2", "b"),
        ToolDelta(1, "{}"),
        ToolDelta(0, "{"),
        BlockEnded(1),
        ToolDelta(0, "}"),
        BlockEnded(0),
    ]
    told = [encoder.send(event) for event in events]
    assert [bool(one) for one in told] == [False, False, False, False, False, True, False, True]
    calls = [json.loads(one)["message"]["tool_calls"][0]["function"] for one in told if one]
    assert calls == [{"index": 0, "name": "b", "arguments": {}}, {"index": 1, "name": "a", "arguments": {}}]


@pytest.mark.parametrize("stream", [True, False])
def test_arguments_that_are_no_object_are_the_models_fault(stream: bool) -> None:
    encoder = ollama.encoder(Request(model="m", messages=(), stream=stream), NONE)
    events: list[Event] = [Started(), BlockStarted(0, "tool", "1", "a"), ToolDelta(0, '{"a":'), BlockEnded(0)]
    with pytest.raises(BadReply, match="takes a JSON object alone"):
        [encoder.send(event) for event in events] + [encoder.close()]


@pytest.mark.parametrize(
    "request_", [CHAT, GENERATE, Request(model="m", messages=()), Request(model="m", messages=(), extra=GENERATE.extra)]
)
def test_picture_and_the_words_of_a_sound_come_back(request_: Request) -> None:
    events: list[Event] = [
        Started(),
        BlockStarted(0, "audio"),
        MediaDelta(0, b"x", "spoken"),
        BlockEnded(0),
        BlockStarted(1, "image", media_type="image/png"),
        MediaDelta(1, PNG[:4]),
        MediaDelta(1, PNG[4:]),
        BlockEnded(1),
        Finished(FinishReason("stop")),
    ]
    assert answered(events, request_).parts == (Text(text="spoken"), Image(data=PNG, media_type="image/png"))


def test_failure_is_told_in_the_callers_form() -> None:
    error = StreamCut("cut")
    assert ollama.encoder(CHAT, NONE).fail(error) == b'{"error":"cut"}\n'
    assert ollama.encoder(Request(model="m", messages=()), NONE).fail(error) == b'{"error":"cut"}'


def test_other_choices_have_no_place() -> None:
    events: list[Event] = [Started(), BlockStarted(0, "text", choice=1), TextDelta(0, "no", choice=1), Finished(FinishReason("stop"))]
    assert answered(events, CHAT).text == ""


def as_told(response: Response) -> dict[str, Any]:
    """What an answer says on this wire, whatever the order of its parts and the blanks in its arguments."""
    usage = response.usage or Usage()
    return {
        "text": "".join(part.text for part in response.parts if isinstance(part, (Text, Refusal))),
        "reasoning": response.reasoning,
        "calls": sorted((call.id, call.name, json.dumps(json.loads(call.arguments or "{}"))) for call in response.tool_calls),
        "model": response.model,
        "usage": (usage.input_tokens, usage.output_tokens),
        "stopped": response.finish_reason not in ("stop", "tool_calls") and response.finish_reason,
        "logprobs": response.choices[0].logprobs,
    }


@MODEST
@given(strategies.answers(most_choices=1), st.integers(0, 100), st.booleans(), st.booleans())
def test_answer_comes_back_equal(events: list[Event], seed: int, stream: bool, generate: bool) -> None:
    request = Request(model="m", messages=(), stream=stream, extra=GENERATE.extra if generate else {})
    assert as_told(answered(events, request, seed)) == as_told(fold(events))


@MODEST
@given(
    st.booleans(),
    st.binary(max_size=120) | st.lists(strategies.json_values.map(lambda value: json.dumps(value).encode()), max_size=3).map(b"\n".join),
    st.integers(0, 50),
)
def test_any_bytes_are_an_answer_or_an_error(stream: bool, data: bytes, seed: int) -> None:
    read_split_anyhow(lambda: ollama.decoder(stream, NONE), data, seeds=[seed])


odd = strategies.json_values
odd_call = st.fixed_dictionaries(
    {}, optional={"id": odd, "function": odd | st.fixed_dictionaries({}, optional={"name": odd, "arguments": odd, "index": odd})}
)
odd_message = st.fixed_dictionaries(
    {},
    optional={
        "role": odd,
        "content": odd,
        "thinking": odd,
        "tool_calls": odd | st.lists(odd_call, max_size=2),
        "images": odd,
        "tool_name": odd,
    }
    | {"tool_call_id": odd},
)
odd_line = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("model", "created_at", "response", "thinking", "done_reason", "logprobs", "error", "image", "eval_count"), odd)
    | {"message": odd | odd_message, "done": st.booleans() | odd, "tool_calls": odd | st.lists(odd_call, max_size=2)},
)


@MODEST
@given(st.lists(odd_line, min_size=1, max_size=3), st.integers(0, 50))
def test_lines_of_any_json_are_an_answer_or_an_error(lines: list[Any], seed: int) -> None:
    data = b"".join(json.dumps(one).encode() + b"\n" for one in lines)
    read_split_anyhow(new, data, seeds=[seed])
    read_split_anyhow(lambda: ollama.decoder(False, NONE), json.dumps(lines[0]).encode(), seeds=[seed])


@MODEST
@given(
    st.sampled_from(["/api/chat", "/api/generate"]),
    st.binary(max_size=100)
    | st.fixed_dictionaries(
        {"model": st.just("m") | odd},
        optional={"messages": odd | st.lists(odd_message, max_size=3), "tools": odd, "options": odd, "think": odd, "format": odd}
        | {"prompt": odd, "system": odd, "images": odd, "context": odd, "stream": odd, "zz": odd},
    ).map(lambda body: json.dumps(body).encode()),
)
def test_any_body_is_a_request_or_refused(path: str, data: bytes) -> None:
    try:
        request = ollama.decode_request(Call("POST", path, (), data), NONE)
    except BadRequest:
        return
    ollama.encode_request(request, NONE)


@MODEST
@given(st.integers(100, 599), st.binary(max_size=60) | odd.map(lambda value: json.dumps({"error": value}).encode()))
def test_any_failing_answer_is_an_error(status: int, data: bytes) -> None:
    error = ollama.decode_error(Reply(status, (), data), NONE)
    assert isinstance(error, DragomanError)
    assert isinstance(json.loads(ollama.encode_error(error, NONE).body)["error"], str)
