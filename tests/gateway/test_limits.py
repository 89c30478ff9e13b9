"""What the gateway bears: what is too much, too slow or too many is refused in the caller's dialect, and others go on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest

from dragoman.core.exchange import Reply
from dragoman.server import Answer
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.gateway.direct import CHUNK, WHOLE
from tests.gateway.stage import KEY, Stage
from tests.gateway.test_leaving import settled
from tests.gateway.upstream import EVENTS, JSON, Endless, Told, Upstream

CHAT = "/v1/chat/completions"
SAID = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": "x"}], "max_tokens": 9}
PATHS = {
    CHAT: "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
    "/v1beta/models/openai%2Fgpt-x:generateContent": "gemini",
    "/api/chat": "ollama",
    "/v2/chat": "cohere",
    "/model/openai%2Fgpt-x/converse": "bedrock_converse",
    "/api/v1/ai/chat_completions": "raycast",
}
LIMITS = {"body_bytes": 2000, "head_bytes": 4000, "head": 5.0, "body_silence": 5.0, "send": 5.0, "idle": 5.0}
SOON_S = 10.0


class Wire:
    """A connection of bytes."""

    def __init__(self, stage: Stage, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(SOON_S)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", stage.port))
        self.source = self.socket.makefile("rb")

    def send(self, path: str, body: bytes = b"", *fields: str, method: str = "POST", length: bool = True) -> None:
        told = [f"content-length: {len(body)}"] if length else []
        self.socket.sendall("\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", *told, *fields, "", ""]).encode() + body)

    def reply(self) -> Reply:
        """The next whole answer."""
        source = self.source
        status = int(source.readline().split()[1])
        fields = tuple(
            (line.partition(b":")[0].decode(), line.partition(b":")[2].strip().decode()) for line in iter(source.readline, b"\r\n")
        )
        return Reply(status, fields, source.read(int(dict(fields)["content-length"])))

    def rest(self) -> bytes:
        return self.source.read()

    def close(self) -> None:
        self.source.close()
        self.socket.close()


Connect = Callable[..., Wire]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """A factory of connections, all closed when the test ends."""
    with ExitStack() as running:
        yield lambda *given, **options: running.enter_context(closing(Wire(*given, **options)))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(lambda call: Answer(200, JSON, WHOLE)) as running:
        yield running


def stage_before(make_stage: Any, upstream: Upstream, **limits: Any) -> Stage:
    tables = {"openai": {"base_url": f"{upstream.url}/v1", "key": KEY}}
    made: Stage = make_stage(["gravityengine"], {"providers": tables, "limits": {**LIMITS, **limits}, "max_retries": 0})
    return made


@pytest.fixture
def stage(make_stage: Any, upstream: Upstream) -> Stage:
    return stage_before(make_stage, upstream)


def goes_on(stage: Stage) -> None:
    """Others are served, and nothing is left over."""
    assert httpx.post(stage.url + CHAT, json=SAID).status_code == 200
    for _ in settled(stage):
        pass


def told(path: str, reply: Reply) -> str:
    return dialect(PATHS[path]).decode_error(reply, NONE).message


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_is_too_long_is_refused_in_the_callers_dialect(stage: Stage, path: str, chunked: bool, connect: Connect) -> None:
    wire = connect(stage)
    if chunked:
        wire.send(path, b"7d1\r\n" + b"x" * 2001 + b"\r\n0\r\n\r\n", "transfer-encoding: chunked", length=False)
    else:
        wire.send(path, b"", "content-length: 2001", length=False)
    reply = wire.reply()
    assert reply.status == 413
    assert "longer than the 2000 bytes" in told(path, reply)
    assert wire.rest() == b""
    goes_on(stage)


@pytest.mark.parametrize("path", PATHS)
def test_so_is_a_head_that_is_too_long(stage: Stage, path: str, connect: Connect) -> None:
    wire = connect(stage)
    wire.send(path, b"", "x-long: " + "x" * 4000)
    reply = wire.reply()
    assert reply.status == 431
    assert "longer than 4000 bytes" in told(path, reply)
    goes_on(stage)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_stops_arriving_is_given_up(stage: Stage, path: str, connect: Connect) -> None:
    wire = connect(stage)
    wire.send(path, b'{"model":', "content-length: 100", length=False)
    _until_arriving(stage)
    stage.call(lambda: stage.listener.look(stage.listener.loop.time() + 6.0))
    reply = wire.reply()
    assert reply.status == (400 if "converse" in path else 408)  # Bedrock has none for it
    assert "did not arrive in time" in told(path, reply)
    goes_on(stage)


def test_a_head_that_stops_arriving_is_given_up_too(stage: Stage, connect: Connect) -> None:
    wire = connect(stage)
    wire.socket.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: loc")
    _until_arriving(stage)
    stage.call(lambda: stage.listener.look(stage.listener.loop.time() + 6.0))
    assert wire.reply().status == 408
    goes_on(stage)


def _until_arriving(stage: Stage) -> None:
    """Until the beginning of a request is here."""
    for _ in range(100_000):
        if stage.call(lambda: any(connection._parser.arriving for connection in stage.listener.connections)):
            return
    raise AssertionError("nothing arrives")


def test_a_body_in_chunks_is_one_body(stage: Stage, connect: Connect) -> None:
    data = json.dumps(SAID).encode()
    wire = connect(stage)
    wire.send(CHAT, b"".join(b"1\r\n%c\r\n" % byte for byte in data) + b"0\r\n\r\n", "transfer-encoding: chunked", length=False)
    assert wire.reply().status == 200
    goes_on(stage)


def test_requests_that_do_not_wait_for_one_another_are_answered_in_their_order(stage: Stage, connect: Connect) -> None:
    wire = connect(stage)
    for path in (CHAT, "/v1/nothing", CHAT, "/api/chat"):
        wire.send(path, json.dumps({**SAID, "stream": False}).encode())
    source = wire.source
    statuses = []
    for _ in range(4):
        statuses.append(int(source.readline().split()[1]))
        fields = dict((line.split(b": ", 1)) for line in iter(source.readline, b"\r\n"))
        source.read(int(fields[b"content-length"]))
    assert statuses == [200, 404, 200, 200]
    goes_on(stage)


SMUGGLED = {
    "two lengths": "content-length: 5\r\ncontent-length: 6",
    "a length and chunks": "content-length: 5\r\ntransfer-encoding: chunked",
    "an odd coding": "transfer-encoding: gzip, chunked",
    "two hosts": "host: elsewhere",
    "a length that is none": "content-length: -1",
    "a field without a name": ": x",
    "a folded field": "x-one: 1\r\n two",
    "a blank before the colon": "x-one : 1",
    "a bare line end": "x-one: 1\nx-two: 2",
    "a zero byte": "x-one: a\0b",
}


@pytest.mark.parametrize("field", SMUGGLED)
def test_what_two_readers_could_read_in_two_ways_is_refused(stage: Stage, field: str, connect: Connect) -> None:
    wire = connect(stage)
    wire.send(CHAT, b"hello", SMUGGLED[field], length=False)
    assert wire.reply().status in (400, 501)
    assert wire.rest() == b""
    goes_on(stage)


# --- how many at one time


@pytest.mark.parametrize("path", PATHS)
def test_more_requests_than_are_allowed_are_told_to_come_again(make_stage: Any, path: str, connect: Connect) -> None:
    held = Told([], hold=True)
    with Upstream(lambda call: Answer(200, EVENTS, held)) as slow:
        stage = stage_before(make_stage, slow, requests=1)
        first = connect(stage)
        first.send(CHAT, json.dumps({**SAID, "stream": True}).encode())
        _until(stage, 1)
        reply = connect(stage)
        reply.send(path, json.dumps(SAID).encode())
        answer = reply.reply()
        assert answer.status in (503, 529)  # which is Anthropic's own
        assert dict(answer.headers)["retry-after"] == "1"
        assert "too many requests" in told(path, answer)
        assert httpx.get(f"{stage.url}/health/live").status_code == 200
        first.close()
        for _ in settled(stage):
            pass


def _until(stage: Stage, requests: int) -> None:
    for _ in range(100_000):
        if stage.call(lambda: stage.application.gateway.open_requests) == requests:
            return
    raise AssertionError(f"there were never {requests} requests")


def test_streams_are_counted_before_they_begin_and_others_are_not_refused_for_them(make_stage: Any, connect: Connect) -> None:
    def answer(call: Any) -> Answer:
        return Answer(200, EVENTS, Told([], hold=True)) if b'"stream"' in call.body else Answer(200, JSON, WHOLE)

    with Upstream(answer) as slow:
        stage = stage_before(make_stage, slow, streams=2)
        begun = [connect(stage) for _ in range(2)]
        for wire in begun:
            wire.send(CHAT, json.dumps({**SAID, "stream": True}).encode())
        _until(stage, 2)
        reply = httpx.post(stage.url + CHAT, json={**SAID, "stream": True})
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
        assert "too many streams" in reply.json()["error"]["message"]
        assert httpx.post(stage.url + CHAT, json=SAID).status_code == 200
        for wire in begun:
            wire.close()
        for _ in settled(stage):
            pass
        assert stage.application.gateway.open_streams == 0


def test_a_reader_that_stands_still_is_let_go_and_its_upstream_too(make_stage: Any, connect: Connect) -> None:
    piece = CHUNK % (b'{"content":"%b"}' % (b"x" * 4000), b"null")
    endless = Endless(piece)
    with Upstream(lambda call: Answer(200, EVENTS, endless)) as fast:
        stage = stage_before(make_stage, fast)
        wire = connect(stage, receive_buffer=16 * 1024)
        wire.send(CHAT, json.dumps({**SAID, "stream": True}).encode())
        for _ in range(100_000):
            if stage.call(lambda: any(connection._drained for connection in stage.listener.connections)):
                break
        for _ in range(50):  # what it had taken is looked at, and then that it took nothing more
            stage.call(lambda: stage.listener.look(stage.listener.loop.time() + 6.0))
            if endless.closed.wait(0.05):
                break
        assert endless.closed.wait(SOON_S)
        for _ in settled(stage):
            pass
        assert stage.application.gateway.open_streams == 0
        assert httpx.get(f"{stage.url}/health/live").status_code == 200
