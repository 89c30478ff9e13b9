"""The server by its bytes: what stands on a raw socket, and what is noticed of a client."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dragoman.core.errors import UsageError
from dragoman.core.events import BlockStarted, Event, TextDelta
from dragoman.core.request import Request
from dragoman.emulator import Answer, Emulator
from dragoman.emulator.server import MAX_HEAD_BYTES, MAX_PIPELINED
from dragoman.testing import EmulatorFactory
from tests.emulator.raw import Raw, ask, chat, dechunked, post, said

LEAVING_IS_SEEN_WITHIN_S = 0.5


# --- one answer's bytes -----------------------------------------------------------------------------------------------------------------


def test_a_stream_is_chunked_one_event_to_a_chunk(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one two")))
        head = raw.until(b"\r\n\r\n")
        chunks = list(iter(raw.chunk, b""))

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/event-stream\r\n" in head
    assert b"transfer-encoding: chunked\r\n" in head
    assert b"content-length" not in head
    assert all(chunk.startswith(b"data: ") and chunk.count(b"\n\n") == 1 for chunk in chunks)
    assert chunks[-1] == b"data: [DONE]\n\n"


def test_a_whole_answer_has_its_length(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one two", stream=False)))
        status, headers, body = raw.reply()

    assert (status, headers["content-type"], headers["content-length"]) == (200, "application/json", str(len(body)))
    assert json.loads(body)["choices"][0]["message"]["content"] == "one two"
    assert headers["x-request-id"] == "req_emulated_1"


def test_an_old_client_gets_no_chunks_and_the_end_of_the_connection(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one two")).replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, _, body = raw.rest().partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert said(body) == "one two"


def test_events_leave_when_they_are_made_not_when_the_answer_is_complete(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai", faults="stall-after=3").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one two three")))
        raw.until(b"\r\n\r\n")

        assert said(b"".join(raw.chunk() for _ in range(3))) == "one two"


def test_the_head_of_a_stream_does_not_wait_for_what_the_model_says_first(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai", faults="stall-after=0").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one")))

        assert raw.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_long_answer_comes_whole(dragoman_emulator: EmulatorFactory, version: bytes, stream: bool) -> None:
    text = "word " * 20_000
    emulator = dragoman_emulator("openai", scenario=Answer(text=text))
    with Raw(emulator.url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat(stream=stream), "Connection: close").replace(b"HTTP/1.1", b"HTTP/" + version))
        answer = raw.rest()

    body = dechunked(answer) if b"chunked" in answer.partition(b"\r\n\r\n")[0] else answer.partition(b"\r\n\r\n")[2]
    assert (said(body) if stream else json.loads(body)["choices"][0]["message"]["content"]) == text
    assert (emulator.requests[0].outcome, emulator.requests[0].sent_bytes) == ("finished", len(body))


def test_a_pace_is_kept(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", ttft_s=0.1, tokens_per_second=20)

    ask(emulator.url(), chat("one two three"))

    record = emulator.requests[0]
    assert record.ended_s
    assert 0.19 <= record.ended_s - record.started_s < 2


# --- every fault, by bytes --------------------------------------------------------------------------------------------------------------


def _faulty(make: EmulatorFactory, fault: str, *, stream: bool = True) -> tuple[bytes, Emulator]:
    emulator = make("openai")
    return ask(emulator.url(), chat(stream=stream), f"X-Dragoman-Fault: {fault}"), emulator


def test_status_and_retry_after(dragoman_emulator: EmulatorFactory) -> None:
    answer, emulator = _faulty(dragoman_emulator, "status=429,retry-after=2")

    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nretry-after: 2\r\n" in answer
    assert b'"code":"rate_limit_exceeded"' in answer
    assert emulator.requests[0].outcome == "refused"


def test_a_status_without_a_name_of_its_own(dragoman_emulator: EmulatorFactory) -> None:
    assert _faulty(dragoman_emulator, "status=529")[0].startswith(b"HTTP/1.1 529 Emulated\r\n")


def test_slow_start(dragoman_emulator: EmulatorFactory) -> None:
    answer, emulator = _faulty(dragoman_emulator, "slow-start=0.1")

    record = emulator.requests[0]
    assert said(dechunked(answer)) == "one two three"
    assert record.ended_s
    assert record.ended_s - record.started_s >= 0.09


def test_a_stall_with_an_end(dragoman_emulator: EmulatorFactory) -> None:
    answer, emulator = _faulty(dragoman_emulator, "stall-after=2,stall=0.1")

    record = emulator.requests[0]
    assert said(dechunked(answer)) == "one two three"
    assert record.ended_s
    assert record.ended_s - record.started_s >= 0.09


@pytest.mark.parametrize("size", [0, 1, 100, 350])
def test_a_cut_leaves_a_stream_without_its_last_chunk(dragoman_emulator: EmulatorFactory, size: int) -> None:
    answer, emulator = _faulty(dragoman_emulator, f"cut-after={size}")

    body = answer.partition(b"\r\n\r\n")[2]
    kept = b"".join(re.findall(rb"[0-9a-f]+\r\n(.*?)\r\n", body, re.S))
    assert len(kept) == size
    assert not body.endswith(b"0\r\n\r\n")
    assert (emulator.requests[0].outcome, emulator.requests[0].sent_bytes) == ("cut", size)


def test_a_cut_leaves_a_whole_answer_short_of_its_length(dragoman_emulator: EmulatorFactory) -> None:
    answer, emulator = _faulty(dragoman_emulator, "cut-after=20", stream=False)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert len(body) == 20
    assert int(re.findall(rb"content-length: (\d+)", head)[0]) > 20
    assert emulator.requests[0].outcome == "cut"


def test_a_malformed_event(dragoman_emulator: EmulatorFactory) -> None:
    frames = dechunked(_faulty(dragoman_emulator, "malformed-after=1")[0]).split(b"\n\n")

    json.loads(frames[0].removeprefix(b"data: "))
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(frames[1].removeprefix(b"data: "))


def test_split_at_every_byte(dragoman_emulator: EmulatorFactory) -> None:
    answer, _ = _faulty(dragoman_emulator, "split=1")

    sizes = set(re.findall(rb"(?:^|\r\n)([0-9a-f]+)\r\n.", answer.partition(b"\r\n\r\n")[2], re.S))
    assert sizes == {b"1", b"0"}
    assert said(dechunked(answer)) == "one two three"


def test_split_of_a_whole_answer(dragoman_emulator: EmulatorFactory) -> None:
    answer, _ = _faulty(dragoman_emulator, "split=3", stream=False)

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["choices"][0]["message"]["content"] == "one two three"


def test_wrong_content_type(dragoman_emulator: EmulatorFactory) -> None:
    answer, _ = _faulty(dragoman_emulator, "content-type=text/html")

    assert b"\r\ncontent-type: text/html\r\n" in answer
    assert said(dechunked(answer)) == "one two three"


def test_an_error_event(dragoman_emulator: EmulatorFactory) -> None:
    answer, emulator = _faulty(dragoman_emulator, "error-after=2")

    assert b'data: {"error":' in dechunked(answer)
    assert emulator.requests[0].outcome == "finished"


def test_no_end(dragoman_emulator: EmulatorFactory) -> None:
    body = dechunked(_faulty(dragoman_emulator, "no-end")[0])

    assert said(body) == "one two three"
    assert b"[DONE]" not in body


@pytest.mark.parametrize(("fault", "first"), [("html", b"HTTP/1.1 200 OK"), ("html,status=502", b"HTTP/1.1 502 Bad Gateway")])
def test_a_page(dragoman_emulator: EmulatorFactory, fault: str, first: bytes) -> None:
    answer, _ = _faulty(dragoman_emulator, fault)

    assert answer.startswith(first)
    assert b"content-type: text/html; charset=utf-8\r\n" in answer
    assert b"\r\n\r\n<!DOCTYPE html>" in answer


def test_an_empty_answer(dragoman_emulator: EmulatorFactory) -> None:
    answer, _ = _faulty(dragoman_emulator, "empty")

    assert b"content-length: 0\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_passing_fault(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("lockchat", faults="passing-fault=1")

    answers = []
    for _ in range(2):
        with Raw(emulator.url()) as raw:
            raw.send(post("/lockchat/v1/chat/completions", chat(model="gpt-4")))
            answers.append(raw.reply()[2])

    assert answers[0] == b"The model: `gpt-4` does not exist\n"
    assert said(answers[1]) == "one two three"


def test_a_fault_by_the_models_suffix(dragoman_emulator: EmulatorFactory) -> None:
    answer = ask(dragoman_emulator("openai").url(), chat(model="gpt-4!status=503"))

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable")


# --- clients that leave -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"faults": "stall-after=2"}, {"tokens_per_second": 1}, {"ttft_s": 60.0}, {"faults": "slow-start=60"}], ids=str
)
def test_a_client_that_leaves_is_noticed_at_once(options: dict[str, str | float]) -> None:
    with Emulator("openai", **options) as emulator:  # type: ignore[arg-type]
        raw = Raw(emulator.url())
        raw.send(post(f"{raw.path}/chat/completions", chat()))
        emulator.requests.wait_for(lambda record: record.status == 200)
        raw.socket.close()

        emulator.requests.wait_for(lambda record: record.outcome == "abandoned", LEAVING_IS_SEEN_WITHIN_S)


def test_a_client_that_leaves_a_stream_which_never_rests_is_noticed_and_making_it_stops(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=_endless)
    raw = Raw(emulator.url())
    raw.send(post(f"{raw.path}/chat/completions", chat()))
    assert raw.receive()
    raw.socket.close()

    emulator.requests.wait_for(lambda record: record.outcome == "abandoned", LEAVING_IS_SEEN_WITHIN_S)


def _endless(request: Request) -> Iterator[Event]:
    yield BlockStarted(0, "text")
    while True:
        yield TextDelta(0, "word ")


def test_a_client_that_does_not_read_holds_the_stream_back(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=_endless)
    with Raw(emulator.url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat()))
        emulator.requests.wait_for(lambda record: record.status == 200)
        # Another client is served meanwhile, so the first one holds up nothing but itself.
        assert ask(dragoman_emulator("openai").url(), chat()).startswith(b"HTTP/1.1 200")

    record = emulator.requests.wait_for(lambda record: record.outcome == "abandoned")
    assert record.sent_bytes < 64 * 1024 * 1024


def test_a_client_that_closes_its_sending_half_has_left(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="stall-after=1")
    with Raw(emulator.url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat()))
        raw.until(b"\r\n\r\n")
        raw.socket.shutdown(socket.SHUT_WR)

        emulator.requests.wait_for(lambda record: record.outcome == "abandoned", LEAVING_IS_SEEN_WITHIN_S)


def test_requests_that_waited_for_their_turn_are_abandoned_too(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="stall-after=1")
    with Raw(emulator.url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat()) * 3)
        raw.until(b"\r\n\r\n")

    emulator.requests.wait_for(lambda record: record.outcome == "abandoned", LEAVING_IS_SEEN_WITHIN_S, count=3)


def test_requests_behind_an_answer_that_was_cut_are_cut_too(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="cut-after=10")
    with Raw(emulator.url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat()) * 3)
        raw.rest()

    emulator.requests.wait_for(lambda record: record.outcome == "cut", count=3)


def test_stopping_cuts_what_is_under_way_and_what_waits_behind_it() -> None:
    with Emulator("openai", faults="stall-after=1") as emulator:
        raw = Raw(emulator.url())
        raw.send(post(f"{raw.path}/chat/completions", chat()) * 2)
        emulator.requests.wait_for(lambda record: record.number == 2)

    assert [record.outcome for record in emulator.requests] == ["cut", "cut"]
    raw.socket.close()


# --- one connection, many requests ------------------------------------------------------------------------------------------------------


def test_a_connection_is_used_again(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    with Raw(emulator.url()) as raw:
        for stream in (True, False, True):
            raw.send(post(f"{raw.path}/chat/completions", chat(stream=stream)))
            assert raw.reply()[0] == 200
        raw.send(post(f"{raw.path}/chat/completions", b"no json"))
        assert raw.reply()[0] == 400
        raw.send(post(f"{raw.path}/chat/completions", chat(), "Connection: close"))
        assert b"connection: close" in raw.until(b"\r\n\r\n")
        assert raw.rest().endswith(b"0\r\n\r\n")

    assert [record.outcome for record in emulator.requests] == ["finished"] * 3 + ["refused", "finished"]


def test_pipelined_requests_are_answered_in_their_order(dragoman_emulator: EmulatorFactory) -> None:
    texts = [f"request number {at}" for at in range(20)]
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(b"".join(post(f"{raw.path}/chat/completions", chat(text, stream=at % 2 == 0)) for at, text in enumerate(texts)))
        bodies = [raw.reply()[2] for _ in texts]

    told = [said(body) if at % 2 == 0 else json.loads(body)["choices"][0]["message"]["content"] for at, body in enumerate(bodies)]
    assert told == texts


def test_a_request_may_come_byte_by_byte(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        for byte in post(f"{raw.path}/chat/completions", chat("ü")):
            raw.send(bytes((byte,)))
        assert said(raw.reply()[2]) == "ü"


def test_a_body_may_come_in_chunks(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    body = json.dumps(chat("one two")).encode()
    with Raw(emulator.url()) as raw:
        head = f"POST {raw.path}/chat/completions HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer k\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw.send(head.encode() + b"5\r\n" + body[:5] + b"\r\n" + b"%x\r\n" % len(body[5:]) + body[5:] + b"\r\n0\r\n\r\n")
        assert said(raw.reply()[2]) == "one two"

    assert emulator.requests[0].body == body


def test_a_client_that_expects_to_be_asked_for_its_body_is_asked(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        head, _, body = post(f"{raw.path}/chat/completions", chat("one"), "Expect: 100-continue").partition(b"\r\n\r\n")
        raw.send(head + b"\r\n\r\n")
        assert raw.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(body)
        assert said(raw.reply()[2]) == "one"


def test_a_pipelined_client_is_asked_for_its_body_after_the_answer_before_it(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        first = post(f"{raw.path}/chat/completions", chat("one"))
        head, _, body = post(f"{raw.path}/chat/completions", chat("two"), "Expect: 100-continue").partition(b"\r\n\r\n")
        raw.send(first + head + b"\r\n\r\n")
        assert said(raw.reply()[2]) == "one"
        assert raw.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(body)
        assert said(raw.reply()[2]) == "two"


def test_two_hundred_streams_at_once(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", tokens_per_second=10)
    url = emulator.url()

    async def one(at: int) -> str:
        host, port = url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(post("/openai/v1/chat/completions", chat(f"number {at} " * 5), "Connection: close"))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return said(dechunked(answer))

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(one(at) for at in range(200)))

    assert asyncio.run(all_of_them()) == [f"number {at} " * 5 for at in range(200)]
    assert {record.outcome for record in emulator.requests} == {"finished"}
    started, ended = [record.started_s for record in emulator.requests], [record.ended_s or 0 for record in emulator.requests]
    assert max(started) < min(ended), "they were answered at the same time"


def test_threads_may_ask_and_look_at_once(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: ask(emulator.url(), chat(f"n {at}")), range(40)))

    assert [said(dechunked(answer)) for answer in answers] == [f"n {at}" for at in range(40)]
    assert sorted(record.number for record in emulator.requests) == list(range(1, 41))


# --- what is no proper request ----------------------------------------------------------------------------------------------------------


def test_what_is_no_http_is_a_400(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")

        answer = raw.rest()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"this is not an HTTP/1.1 request" in answer


def test_a_head_too_long_is_a_431(dragoman_emulator: EmulatorFactory) -> None:
    for field in (b"X-Long: " + b"a" * MAX_HEAD_BYTES, b"X-Short: aaaa\r\n" * (MAX_HEAD_BYTES // 10)):
        with Raw(dragoman_emulator("openai").url()) as raw:
            raw.send(b"GET / HTTP/1.1\r\n" + field + b"\r\n\r\n")
            assert raw.rest().startswith(b"HTTP/1.1 431 ")


def test_a_head_without_an_end_is_a_431(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(b"GET /" + b"a" * (MAX_HEAD_BYTES * 8))
        assert raw.rest().startswith(b"HTTP/1.1 431 ")


def test_a_body_too_long_is_a_413(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(b"POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 99999999999\r\n\r\n")
        piece = b"a" * (1 << 20)
        for _ in range(65):
            raw.send(piece)
        assert raw.rest().startswith(b"HTTP/1.1 413 ")


def test_more_pipelined_requests_than_may_wait_are_all_answered_in_their_order(dragoman_emulator: EmulatorFactory) -> None:
    texts = [f"request number {at}" for at in range(MAX_PIPELINED + 40)]
    with Raw(dragoman_emulator("openai", faults="stall-after=0,stall=0.5,times=1").url()) as raw:
        raw.send(b"".join(post(f"{raw.path}/chat/completions", chat(text)) for text in texts))
        assert [said(raw.reply()[2]) for _ in texts] == texts


def test_a_bad_request_after_a_good_one_is_told_after_its_answer(dragoman_emulator: EmulatorFactory) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one")) + b"nonsense\r\n\r\n")
        assert said(raw.reply()[2]) == "one"
        assert raw.reply()[0] == 400


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_left_undone(dragoman_emulator: EmulatorFactory, protocol: str) -> None:
    with Raw(dragoman_emulator("openai").url()) as raw:
        raw.send(post(f"{raw.path}/chat/completions", chat("one"), "Connection: Upgrade", f"Upgrade: {protocol}"))
        status, headers, body = raw.reply()
        assert (status, said(body)) == (200, "one")
        assert "upgrade" not in headers
        raw.send(post(f"{raw.path}/chat/completions", chat("two")))
        assert said(raw.reply()[2]) == "two"


def test_a_head_request_gets_no_body(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    with Raw(emulator.url()) as raw:
        raw.send(b"HEAD /openai/v1/models HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n")
        answer = raw.rest()

    assert (emulator.requests[0].outcome, emulator.requests[0].sent_bytes) == ("refused", 0)
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert answer.endswith(b"\r\n\r\n")


# --- starting and stopping --------------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_said_so(dragoman_emulator: EmulatorFactory) -> None:
    taken = dragoman_emulator("openai").port

    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{taken}: .* another program has this port"):
        dragoman_emulator("openai", port=taken)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": []}, "providers: none was given"),
        ({"providers": "opnai"}, "did you mean 'openai'"),
        ({"providers": ["openai", "openai"]}, "each is allowed once"),
        ({"host": "0.0.0.0"}, "host: '0.0.0.0' was given; only a loopback address"),
        ({"host": "example.org"}, "only a loopback address"),
        ({"port": 70000}, "port: 70000 was given"),
        ({"port": "80"}, "port: '80' was given"),
        ({"ttft_s": -1}, "ttft_s: -1 was given"),
        ({"tokens_per_second": 0}, "tokens_per_second: 0 was given"),
        ({"tokens_per_second": True}, "tokens_per_second: True was given"),
        ({"scenario": "ehco"}, "did you mean 'echo'"),
        ({"scenario": "echo=1"}, "scenario: 'echo=1' was given"),
        ({"scenario": "lorem"}, "scenario: 'lorem' was given"),
        ({"scenario": "lorem=x"}, "lorem=TOKENS is allowed"),
        ({"scenario": 5}, "scenario: 5 was given"),
        ({"scenario": "script=/nowhere.toml"}, "/nowhere.toml: cannot be read"),
        ({"faults": "statsu=1"}, "'statsu' is not known"),
        ({"faults": ["split=1", "x"]}, "'x' is not known"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Emulator(**{"providers": "openai", **options})  # type: ignore[arg-type]

    assert words in str(caught.value)


def test_urls_hold_the_path_of_the_rows_base_url(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator(["raycast", "openai"])
    base = f"http://127.0.0.1:{emulator.port}"

    assert (emulator.url("raycast"), emulator.url("openai"), emulator.url()) == (f"{base}/raycast", f"{base}/openai/v1", f"{base}/raycast")
    with pytest.raises(UsageError, match="provider: 'opena' is not emulated here; did you mean 'openai'"):
        emulator.url("opena")


def test_what_does_not_run_has_no_url_and_may_be_closed() -> None:
    emulator = Emulator("openai")
    with pytest.raises(UsageError, match="not running"):
        emulator.url()
    emulator.close()


def test_an_emulator_runs_once_at_a_time_and_may_run_again() -> None:
    emulator = Emulator("openai")
    for _ in range(2):
        with emulator:
            assert ask(emulator.url(), chat()).startswith(b"HTTP/1.1 200")
            with pytest.raises(UsageError, match="running already"):
                emulator.start()
    assert len(emulator.requests) == 2


def test_it_runs_in_ones_own_event_loop() -> None:
    async def go() -> bytes:
        async with Emulator("openai", scenario=Answer(text="from the same loop")) as emulator:
            reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
            writer.write(post("/openai/v1/chat/completions", chat(), "Connection: close"))
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert said(dechunked(asyncio.run(go()))) == "from the same loop"


def test_localhost_and_the_other_loopback_addresses_are_allowed() -> None:
    for host in ("localhost", "127.0.0.2", "::1"):
        with Emulator("openai", host=host) as emulator:
            assert ask(emulator.url(), chat()).startswith(b"HTTP/1.1 200")


def test_a_wider_address_is_allowed_where_one_says_so() -> None:
    with Emulator("openai", host="0.0.0.0", allow_remote=True) as emulator:
        assert emulator.url().startswith("http://127.0.0.1:")
        assert ask(emulator.url(), chat()).startswith(b"HTTP/1.1 200")
