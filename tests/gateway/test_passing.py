"""Pass-through: what is not ours to change goes on byte for byte, both ways."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from dragoman.core.exchange import Call, header
from dragoman.server import Answer
from tests.gateway.stage import KEY, Stage
from tests.gateway.upstream import EVENTS, JSON, Told, Upstream

ANSWER = (
    b'{ "id":"chatcmpl-1", "object":"chat.completion","created":1,"model":"gpt-x","brand_new": [1.50, 2e3],\n'
    b' "choices":[{"index":0,"message":{"role":"assistant","content":"Seine"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n'
)
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
DELTA = CHUNK + b'"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}],"x":1.0}\n\n'
FINISH = CHUNK + b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = CHUNK + b'"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
CHAT = "/v1/chat/completions"

Make = Callable[..., tuple[Stage, Upstream]]


@pytest.fixture
def between() -> Iterator[Make]:
    """A gateway between a test and an upstream of the test's own, which is served as ``provider``."""
    with ExitStack() as running:

        def make(answer: Callable[[Call], Answer], provider: str = "openai", path: str = "/v1", **config: Any) -> tuple[Stage, Upstream]:
            upstream = running.enter_context(Upstream(answer))
            tables = {provider: {"base_url": upstream.url + path, "key": KEY}}
            return running.enter_context(Stage(["gravityengine"], {"providers": tables, **config})), upstream

        yield make


def said(body: str = '"hi"', model: str = "openai/gpt-x") -> bytes:
    return b'{ "model" : "%b",  "messages":[{"role":"user","content":%b}] , "future_field": {"a": 1.0, "b":[ ]} }' % (
        model.encode(),
        body.encode(),
    )


def test_a_request_goes_on_with_the_models_name_alone_changed(between: Make) -> None:
    stage, upstream = between(lambda call: Answer(200, JSON, ANSWER))
    reply = httpx.post(stage.url + CHAT, content=said())
    assert upstream.calls[0].body == said(model="gpt-x")
    assert reply.content == ANSWER
    assert reply.headers["x-dragoman-target"] == "openai/gpt-x"


def test_a_field_called_model_elsewhere_is_not_touched(between: Make) -> None:
    stage, upstream = between(lambda call: Answer(200, JSON, ANSWER))
    tricky = r'[{"type":"text","text":"\"model\": \"openai/gpt-x\""}, {"model": "openai/gpt-x", "type":"text","text":"x"}]'
    httpx.post(stage.url + CHAT, content=said(tricky))
    assert upstream.calls[0].body == said(tricky, "gpt-x")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"openai/gpt-x","messages":[],"model":"openai/gpt-y"}',
        rb'{"mod\u0065l":"openai/gpt-y","messages":[],"metadata":{"model":"openai/gpt-y"}}',
        rb'{"model":"openai/gpt-x","messages":[],"m\u006fdel":"openai/gpt-y"}',
    ],
    ids=["twice", "spelled with an escape", "both"],
)
def test_a_model_that_is_named_twice_or_oddly_is_named_once_to_the_upstream(between: Make, body: bytes) -> None:
    stage, upstream = between(lambda call: Answer(200, JSON, ANSWER))
    httpx.post(stage.url + CHAT, content=body)
    assert upstream.calls[0].body.count(b'"gpt-y"') == 1
    assert json.loads(upstream.calls[0].body)["model"] == "gpt-y"
    assert b"gpt-x" not in upstream.calls[0].body


def test_a_key_of_the_gateway_never_reaches_a_provider_nor_the_other_way_round(between: Make) -> None:
    key = "key-of-ada-0123456789"
    stage, upstream = between(
        lambda call: Answer(401, JSON, b'{"error":{"message":"bad key %b"}}' % KEY.encode()), keys={"ada": {"key": key}}
    )
    reply = httpx.post(
        f"{stage.url}{CHAT}?key={key}", content=said(), headers={"x-api-key": key, "authorization": f"Bearer {key}", "cookie": "a=b"}
    )
    call = upstream.calls[0]
    assert key not in call.url
    assert all(key not in value for _, value in call.headers)
    assert header(call.headers, "cookie") is None
    assert header(call.headers, "authorization") == f"Bearer {KEY}"
    assert KEY not in reply.text
    assert reply.status_code == 502


def test_a_stream_goes_on_frame_by_frame_with_what_nobody_knows(between: Make) -> None:
    frames = [DELTA % b"Sei", b": a comment\n\n", b'event: brand_new\ndata: {"what": 1.0}\n\n', DELTA % b"ne", FINISH, USAGE, DONE]
    stage, _ = between(lambda call: Answer(200, EVENTS, Told(frames)))
    body = {"model": "openai/gpt-x", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    assert httpx.post(stage.url + CHAT, json=body).content == b"".join(frames)


def test_usage_is_asked_for_and_not_shown_to_who_did_not_ask(between: Make) -> None:
    frames = [DELTA % b"Seine", FINISH, USAGE, DONE]
    stage, upstream = between(lambda call: Answer(200, EVENTS, Told(frames)))
    body = b'{"model":"openai/gpt-x","messages":[],"stream":true,"future":1.0}'
    reply = httpx.post(stage.url + CHAT, content=body)
    assert reply.content == frames[0] + FINISH + DONE
    sent = upstream.calls[0].body
    assert json.loads(sent)["stream_options"] == {"include_usage": True}
    assert b'"future":1.0' in sent
    tokens = stage.application.metrics.tables.counters["dragoman_tokens"]
    assert tokens["openai", "gpt-x", "input"] == 3


@pytest.mark.parametrize("size", [1, 7, 64])
def test_frames_go_on_whole_however_they_arrive(between: Make, size: int) -> None:
    whole = DELTA % "Séine".encode() + FINISH + DONE
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    stage, _ = between(lambda call: Answer(200, EVENTS, Told(pieces)))
    body = {"model": "openai/gpt-x", "messages": [], "stream": True}
    assert httpx.post(stage.url + CHAT, json=body).content == whole


def test_a_cut_stream_ends_with_the_faces_own_error_after_the_last_whole_frame(between: Make) -> None:
    stage, _ = between(lambda call: Answer(200, EVENTS, Told([DELTA % b"Sei", b'data: {"id":"c","cho'], cut=True)))
    body = {"model": "openai/gpt-x", "messages": [], "stream": True}
    told = httpx.post(stage.url + CHAT, json=body).content
    first, second, *rest = told.split(b"\n\n")
    assert first + b"\n\n" == DELTA % b"Sei"
    assert "error" in json.loads(second.removeprefix(b"data: "))
    assert b"[DONE]" not in told
    assert rest in ([], [b""])


def test_an_end_without_a_finish_is_not_taken_for_one(between: Make) -> None:
    stage, _ = between(lambda call: Answer(200, EVENTS, Told([DELTA % b"Sei"])))
    told = httpx.post(stage.url + CHAT, json={"model": "openai/gpt-x", "messages": [], "stream": True}).content
    assert b'"error"' in told
    assert b"[DONE]" not in told


def test_an_error_inside_a_stream_is_told_once_and_without_our_key(between: Make) -> None:
    failing = b'data: {"error":{"message":"overloaded, key %b","type":"server_error"}}\n\n' % KEY.encode()
    stage, _ = between(lambda call: Answer(200, EVENTS, Told([DELTA % b"Sei" + failing])))
    told = httpx.post(stage.url + CHAT, json={"model": "openai/gpt-x", "messages": [], "stream": True}).content
    assert told.startswith(DELTA % b"Sei")
    assert told.count(b'"error"') == 1
    assert KEY.encode() not in told


def test_an_error_before_the_first_word_is_tried_again(between: Make) -> None:
    failing = b'data: {"error":{"message":"overloaded","type":"overloaded_error","code":503}}\n\n'
    answers = [Told([failing]), Told([DELTA % b"Seine", FINISH, DONE])]
    stage, upstream = between(lambda call: Answer(200, EVENTS, answers.pop(0)))
    reply = httpx.post(stage.url + CHAT, json={"model": "openai/gpt-x", "messages": [], "stream": True})
    assert reply.content == DELTA % b"Seine" + FINISH + DONE
    assert reply.headers["x-dragoman-attempts"] == "2"
    assert len(upstream.calls) == 2


MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":9,"output_tokens":1}}'
)
THINKING = b'{"type":"thinking","thinking":"","signature":""}'
ENDED = b'"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}'
ANTHROPIC = [
    b'event: message_start\ndata: {"type":"message_start","message":' + MESSAGE + b"}\n\n",
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":' + THINKING + b"}\n\n",
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}\n\n',
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: brand_new\ndata: {"type":"brand_new","x":[1.0]}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta",' + ENDED + b"}\n\n",
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]


def test_a_coding_agents_request_reaches_anthropic_as_it_was_written(between: Make) -> None:
    stage, upstream = between(lambda call: Answer(200, EVENTS, Told(ANTHROPIC)), "anthropic", "")
    thinking = {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmF0dXJl"}
    redacted = {"type": "redacted_thinking", "data": "b3BhcXVl"}
    turns = [
        {"role": "user", "content": "x" * 150_000},
        {"role": "assistant", "content": [thinking, redacted, {"type": "text", "text": "Yes."}]},
    ]
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 100,
        "stream": True,
        "messages": [*turns, {"role": "user", "content": "Go on."}],
        "context_management": {"edits": []},
    }
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "a-2025-01-01,b-2025-02-02", "x-api-key": "any", "x-app": "cli"}
    reply = httpx.post(f"{stage.url}/v1/messages?beta=true", json=body, headers=headers)
    call = upstream.calls[0]
    assert reply.content == b"".join(ANTHROPIC)
    assert call.url == "/v1/messages?beta=true"
    assert json.loads(call.body) == body
    assert header(call.headers, "anthropic-beta") == headers["anthropic-beta"]
    assert header(call.headers, "anthropic-version") == headers["anthropic-version"]
    assert header(call.headers, "x-api-key") == KEY
    tokens = stage.application.metrics.tables.counters["dragoman_tokens"]
    assert (tokens["anthropic", "claude-opus-5-5", "input"], tokens["anthropic", "claude-opus-5-5", "output"]) == (9, 7)


def test_geminis_stream_has_the_form_that_the_caller_chose(between: Make) -> None:
    part = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"Seine"}]},"finishReason":"STOP","index":0}], "new": 1.0}'
    frames = b"data: " + part + b"\r\n\r\n"
    stage, upstream = between(lambda call: Answer(200, EVENTS, frames), "gemini", "/v1beta")
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    assert httpx.post(f"{stage.url}{path}?alt=sse", json={"contents": [{"parts": [{"text": "x"}]}]}).content == frames
    array = httpx.post(stage.url + path, json={"contents": [{"parts": [{"text": "x"}]}]}).json()
    assert array[0]["candidates"][0]["content"]["parts"][0]["text"] == "Seine"
    assert [call.url for call in upstream.calls] == [f"{path}?alt=sse"] * 2


def test_what_a_host_spells_otherwise_is_changed_and_the_rest_is_not(between: Make) -> None:
    stage, upstream = between(lambda call: Answer(200, JSON, ANSWER))
    httpx.post(stage.url + CHAT, content=b'{"model":"openai/gpt-x","messages":[],"max_tokens":5,"future":{"deep":[1,2]}}')
    told = json.loads(upstream.calls[0].body)
    assert told == {"model": "gpt-x", "messages": [], "max_completion_tokens": 5, "future": {"deep": [1, 2]}}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("face", [CHAT, "/v1/messages"], ids=["passed through", "translated"])
def test_what_an_upstream_compressed_reaches_the_caller_readable(between: Make, face: str, coding: str) -> None:
    frames = DELTA % b"Seine" + FINISH + DONE
    packed = gzip.compress(frames) if coding == "gzip" else zlib.compress(frames)
    fields = (*EVENTS, ("content-encoding", coding))
    stage, _ = between(lambda call: Answer(200, fields, packed))
    body = {"model": "openai/gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stream": True}
    with httpx.stream("POST", stage.url + face, json=body, headers={"accept-encoding": "identity"}) as reply:
        told = b"".join(reply.iter_raw())
    assert "content-encoding" not in reply.headers
    assert b"Seine" in told
    assert face != CHAT or told == frames


COUNT = "/v1/messages/count_tokens"


def test_a_count_of_tokens_is_asked_for_and_told_as_it_is(between: Make) -> None:
    told = b'{ "input_tokens": 7, "context_management": {"original_input_tokens": 9} }'
    stage, upstream = between(lambda call: Answer(200, JSON, told), "anthropic", "")
    body = (
        b'{"model": "anthropic/claude-x","messages":[{"role":"user","content":[{"type":"yet_to_come","x":1.0}]}], "thinking_2":{"on":true}}'
    )
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "token-counting-2030", "x-custom": "mine"}
    reply = httpx.post(f"{stage.url}{COUNT}?beta=true", content=body, headers=headers)
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, told, "application/json")
    assert reply.headers["x-dragoman-target"] == "anthropic/claude-x"
    (call,) = upstream.calls
    assert call.url == f"{COUNT}?beta=true"
    assert call.body == body.replace(b"anthropic/claude-x", b"claude-x")
    assert header(call.headers, "anthropic-beta") == "token-counting-2030"
    assert header(call.headers, "x-api-key") == KEY
    assert header(call.headers, "x-custom") is None


def test_a_count_that_fails_is_told_in_our_words_and_the_next_target_may_be_another_kind() -> None:
    busy = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    with (
        Upstream(lambda call: Answer(529, JSON, busy)) as failing,
        Upstream(lambda call: Answer(200, JSON, b'{"totalTokens": 5}')) as counting,
    ):
        tables = {
            "anthropic": {"base_url": failing.url, "key": KEY},
            "house": {"dialect": "gemini", "base_url": f"{counting.url}/v1beta", "key": KEY},
        }
        models = {"both": {"targets": ["anthropic/claude-x", "house/gemini-x"]}}
        with Stage(["gravityengine"], {"providers": tables, "models": models, "max_retries": 0}) as stage:
            body = {"model": "both", "messages": [{"role": "user", "content": "x"}]}
            reply = httpx.post(stage.url + COUNT, json=body)
            assert (reply.status_code, reply.json()) == (200, {"input_tokens": 5})
            failed = httpx.post(stage.url + COUNT, json={**body, "model": "anthropic/claude-x"})
            assert (failed.status_code, failed.json()["error"]["type"]) == (529, "overloaded_error")
            assert [len(there.calls) for there in (failing, counting)] == [2, 1]
