"""Callers who leave, upstreams that stall, waits that are too long: nothing is left running, and everything is counted."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from dragoman.core.exchange import Call, Reply
from dragoman.gateway.telemetry.records import Record
from dragoman.server import Answer
from tests.gateway.direct import STREAMED, Direct
from tests.gateway.stage import KEY, Stage
from tests.gateway.upstream import EVENTS, JSON, Endless, Told, Upstream

CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
CHUNK_OF_USAGE = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n'
)
STREAM = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": "x"}], "stream": True}
TRANSLATED = {"model": "openai/gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stream": True}
FACES = {"passed through": ("/v1/chat/completions", STREAM), "translated": ("/v1/messages", TRANSLATED)}
COUNTED = STREAMED.replace(b"data: [DONE]", CHUNK_OF_USAGE + b"data: [DONE]")
SOON_S = 5.0
"""Far longer than anything here takes; a test that waits so long has failed."""

Make = Callable[..., Stage]


@pytest.fixture
def before() -> Iterator[Make]:
    """A gateway before an upstream of the test's own."""
    with ExitStack() as running:

        def make(answer: Callable[[Call], Answer], **config: Any) -> Stage:
            upstream = running.enter_context(Upstream(answer))
            tables = {"openai": {"base_url": f"{upstream.url}/v1", "key": KEY}}
            return running.enter_context(Stage(["gravityengine"], {"providers": tables, "max_retries": 0, **config}))

        yield make


def raw(stage: Stage, path: str, body: dict[str, Any], fields: str = "") -> socket.socket:
    """A request on a socket of its own, its answer unread."""
    data = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", stage.port), timeout=SOON_S)
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{fields}\r\n"
    connection.sendall(head.encode() + data)
    return connection


def settled(stage: Stage) -> Iterator[None]:
    """Waits until nothing is under way."""
    until = time.monotonic() + SOON_S
    while stage.call(lambda: stage.application.gateway.open_requests):
        assert time.monotonic() < until, "a request is still open"
        yield


@pytest.mark.parametrize("face", FACES)
def test_a_caller_who_leaves_in_the_middle_frees_the_upstream_at_once(before: Make, face: str) -> None:
    told = Told([CHUNK % b"Sei"], hold=True)
    stage = before(lambda call: Answer(200, EVENTS, told))
    connection = raw(stage, *FACES[face])
    assert b"Sei" in _until(connection, b"Sei")
    left_s = time.monotonic()
    connection.close()
    assert told.closed.wait(SOON_S)
    assert time.monotonic() - left_s < 1.0  # a bound that a busy machine keeps; what it takes is a matter of the bench
    for _ in settled(stage):
        pass
    requests = stage.application.metrics.tables.counters["dragoman_requests"]
    assert sum(requests.values()) == 1
    assert stage.application.metrics.tables.counters["dragoman_upstream_errors"]["openai", "Cancelled"] == 1


@pytest.mark.parametrize("face", FACES)
def test_a_caller_who_leaves_before_the_first_word_frees_the_upstream_too(before: Make, face: str) -> None:
    arrived, told = threading.Event(), Told([], hold=True)

    def answer(call: Call) -> Answer:
        arrived.set()
        return Answer(200, EVENTS, told)

    stage = before(answer)
    connection = raw(stage, *FACES[face])
    assert arrived.wait(SOON_S)
    connection.close()
    assert told.closed.wait(SOON_S)
    for _ in settled(stage):
        pass


@pytest.mark.parametrize("face", FACES)
def test_a_caller_who_does_not_read_stops_the_upstream_and_memory_stays_bounded(before: Make, face: str) -> None:
    endless = Endless(CHUNK % (b"x" * 4000))
    stage = before(lambda call: Answer(200, EVENTS, endless))
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.connect(("127.0.0.1", stage.port))
    path, body = FACES[face]
    data = json.dumps(body).encode()
    connection.sendall(f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
    sent = -1
    until = time.monotonic() + SOON_S
    while sent != endless.sent:  # it stands still once every buffer on the way is full
        assert time.monotonic() < until, f"{endless.sent} bytes were taken from the upstream, and it goes on"
        sent = endless.sent
        threading.Event().wait(0.3)
    assert 0 < sent < 32 * 1024 * 1024
    connection.close()
    assert endless.closed.wait(SOON_S)


def _until(connection: socket.socket, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        piece = connection.recv(65536)
        assert piece, f"the answer ended before {word!r}: {seen!r}"
        seen += piece
    return seen


WAITS = {
    "before the first word": ([], {"first_token": 0.05}, "first_byte_s"),
    "between words": ([CHUNK % b"Sei"], {"between_tokens": 0.05}, "between_bytes_s"),
    "for the whole": ([CHUNK % b"Sei"], {"total": 0.05}, "total_s"),
}


@pytest.mark.parametrize("how", ["of the file", "of the model", "of the call"])
@pytest.mark.parametrize("kind", WAITS)
@pytest.mark.parametrize("face", FACES)
def test_every_wait_ends_in_time_wherever_it_was_set(before: Make, face: str, kind: str, how: str) -> None:
    pieces, waits, name = WAITS[kind]
    config: dict[str, Any] = {}
    headers = {}
    path, body = FACES[face]
    if how == "of the file":
        config = {"timeouts": waits}
    elif how == "of the model":
        config = {"models": {"slow": {"targets": ["openai/gpt-x"], "timeouts": waits}}}
        body = {**body, "model": "slow"}
    else:
        headers = {"x-dragoman-timeout": ",".join(f"{key}={value}" for key, value in waits.items())}
    stage = before(lambda call: Answer(200, EVENTS, Told(pieces, hold=True)), **config)
    reply = httpx.post(stage.url + path, json=body, headers=headers, timeout=SOON_S)
    if pieces:
        assert reply.status_code == 200
        assert "error" in reply.text
        assert "Sei" in reply.text
    else:
        assert reply.status_code == 504
        assert name in reply.text or "within" in reply.text


@pytest.mark.parametrize("told", ["soon", "first_token=", "first_token=-1", "nothing=3", "0", "first_token=1,,"])
def test_a_wait_that_cannot_be_read_is_refused_with_what_is_allowed(before: Make, told: str) -> None:
    stage = before(lambda call: Answer(200, JSON, b"{}"))
    reply = httpx.post(stage.url + "/v1/chat/completions", json=STREAM, headers={"x-dragoman-timeout": told})
    assert reply.status_code == 400
    assert "x-dragoman-timeout" in reply.json()["error"]["message"]


def test_a_bare_number_bounds_the_whole_answer(before: Make) -> None:
    stage = before(lambda call: Answer(200, EVENTS, Told([CHUNK % b"Sei"], hold=True)))
    reply = httpx.post(stage.url + "/v1/chat/completions", json=STREAM, headers={"x-dragoman-timeout": "0.05"}, timeout=SOON_S)
    assert "error" in reply.text


def test_the_next_target_answers_where_one_fails_before_its_first_word(before: Make) -> None:
    done = CHUNK.replace(b'"delta":{"content":"%b"}', b'"delta":{},"finish_reason":"stop"') + b"data: [DONE]\n\n"

    def answer(call: Call) -> Answer:
        if b'"bad"' in call.body:
            return Answer(500, JSON, b'{"error":{"message":"broken"}}')
        return Answer(200, EVENTS, CHUNK % b"Seine" + done)

    stage = before(answer, models={"fast": {"targets": ["openai/bad", "openai/good"]}})
    reply = httpx.post(stage.url + "/v1/chat/completions", json={**STREAM, "model": "fast"})
    assert "Seine" in reply.text
    assert reply.headers["x-dragoman-target"] == "openai/good"
    assert reply.headers["x-dragoman-attempts"] == "2"


def test_where_all_targets_fail_alike_that_failure_is_told(before: Make) -> None:
    limited = Answer(429, (*JSON, ("retry-after", "7")), b'{"error":{"message":"slow down"}}')
    stage = before(lambda call: limited, models={"fast": {"targets": ["openai/one", "openai/two"]}})
    reply = httpx.post(stage.url + "/v1/chat/completions", json={**STREAM, "model": "fast"})
    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "7"
    assert "each of 2 targets failed" in reply.json()["error"]["message"]


def test_a_fault_of_the_callers_is_not_tried_elsewhere(before: Make) -> None:
    seen: list[bytes] = []

    def answer(call: Call) -> Answer:
        seen.append(call.body)
        return Answer(400, JSON, b'{"error":{"message":"temperature: too hot","param":"temperature"}}')

    stage = before(answer, models={"fast": {"targets": ["openai/one", "openai/two"]}})
    reply = httpx.post(stage.url + "/v1/chat/completions", json={**STREAM, "model": "fast"})
    assert (reply.status_code, reply.json()["error"]["param"], len(seen)) == (400, "temperature", 1)


class Ended:
    """What each request ended with."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def began(self, record: Record, call: Call) -> None:
        pass

    def answering(self, record: Record) -> None:
        pass

    def ended(self, record: Record) -> None:
        self.records.append(record)


LAST = {"/v1/chat/completions": b"[DONE]", "/v1/responses": b"response.completed", "/v1/messages": b"message_stop"}


@pytest.mark.parametrize("path", LAST)
def test_a_caller_who_leaves_with_the_last_event_has_its_answer(path: str) -> None:
    body = {**TRANSLATED, "model": "together_ai/gpt-x", "input": "x", "stream_options": {"include_usage": True}}
    call = Call("POST", path, (("host", "localhost"),), json.dumps(body).encode())
    with Direct(answer=lambda call: Reply(200, EVENTS, COUNTED), providers=("together_ai",)) as direct:
        ended = Ended()
        direct.gateway.observers = (ended,)
        direct.leave(call, LAST[path])
        (record,) = ended.records
        assert (record.error, record.finish_reasons) == (None, ("stop",))
        assert record.usage is not None
