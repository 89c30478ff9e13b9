"""Several processes at one port, and how they end: nothing is lost, nothing is left."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer
from tests.gateway.direct import CHUNK, WHOLE
from tests.gateway.process import Serving, is_alive
from tests.gateway.test_reload import ADA, CHAT, Released, ask, file_of
from tests.gateway.upstream import EVENTS, JSON, Told, Upstream

Make = Callable[..., Serving]
TWO = ("--workers", "2")
STREAM = {"model": "one", "messages": [{"role": "user", "content": "x"}], "stream": True}
HEADERS = {"x-api-key": ADA}


@pytest.fixture
def released() -> Released:
    return Released()


@pytest.fixture
def upstream(released: Released) -> Iterator[Upstream]:
    def answer(call: Call) -> Answer:
        return Answer(200, EVENTS, released) if b'"stream"' in call.body else Answer(200, JSON, WHOLE)

    with Upstream(answer) as running:
        yield running


def requests_counted(serving: Serving) -> float:
    text = httpx.get(f"{serving.url}/metrics", headers=HEADERS, timeout=20).text
    return sum(float(count) for count in re.findall(r'^dragoman_requests_total\{[^}]*provider="openai"[^}]*\} (\S+)$', text, re.MULTILINE))


def nothing_is_left(serving: Serving, workers: list[int]) -> None:
    serving.until(lambda: not any(map(is_alive, workers)))
    assert list(serving.folder.iterdir()) == []
    if "serves at" in serving.said:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{serving.url}/health/live")


def both_are_up(serving: Serving) -> list[int]:
    """The workers' ids, once each of them tells its counts."""
    serving.ready()
    serving.until(lambda: len(list(serving.folder.glob("dragoman-*/*.sock"))) == 2)
    return serving.workers


def test_both_answer_and_their_counts_are_one(make_serving: Make, upstream: Upstream) -> None:
    serving = make_serving(file_of(upstream), *TWO)
    workers = both_are_up(serving)
    assert len(workers) == 2
    for _ in range(40):
        assert ask(serving, "one") == 200
    listed = [httpx.get(f"{serving.url}/v1/models", headers=HEADERS, timeout=20) for _ in range(40)]
    assert len({reply.headers["x-request-id"][: len("req_") + 12] for reply in listed}) == 2, "each process begins its ids in its own way"
    assert {requests_counted(serving) for _ in range(10)} == {40.0}
    assert serving.said.count(f" {CHAT} ") == 40, "each has its line in the log at once"
    assert serving.stop() == 0
    nothing_is_left(serving, workers)


def test_one_that_is_killed_is_replaced(make_serving: Make, upstream: Upstream) -> None:
    serving = make_serving(file_of(upstream), *TWO)
    workers = both_are_up(serving)
    os.kill(workers[0], signal.SIGKILL)
    serving.until(lambda: "takes its place" in serving.said)
    serving.until(lambda: len(serving.workers) == 2 and workers[0] not in serving.workers)
    serving.ready()
    assert {ask(serving, "one") for _ in range(20)} == {200}
    assert serving.stop() == 0


@pytest.mark.parametrize("arguments", [(), TWO], ids=["one process", "two workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_may_end_while_nobody_new_comes_in(
    make_serving: Make, upstream: Upstream, released: Released, arguments: tuple[str, ...], number: int
) -> None:
    serving = make_serving(file_of(upstream), *arguments)
    workers = both_are_up(serving) if arguments else serving.ready().workers
    with httpx.stream("POST", serving.url + CHAT, json=STREAM, headers=HEADERS, timeout=20) as reply:
        lines = reply.iter_lines()
        assert "Sei" in next(lines)
        for id in workers:  # as a terminal and a supervisor do, which tell all of a group
            os.kill(id, number)
        serving.process.send_signal(number)
        serving.until(lambda: not _takes_calls(serving))
        assert serving.process.poll() is None
        released.let_go.set()
        rest = "\n".join(lines)
    assert rest.rstrip().endswith("data: [DONE]")
    assert serving.ended() == 0
    assert "takes its place" not in serving.said
    nothing_is_left(serving, workers)


def _takes_calls(serving: Serving) -> bool:
    try:
        return httpx.get(f"{serving.url}/health/live", timeout=20).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("arguments", [(), TWO], ids=["one process", "two workers"])
def test_one_that_does_not_end_is_cut_when_its_time_is_over(make_serving: Make, arguments: tuple[str, ...]) -> None:
    told = Told([CHUNK % (b'{"content":"Sei"}', b"null")], hold=True)
    with Upstream(lambda call: Answer(200, EVENTS, told)) as endless:
        serving = make_serving(f"{file_of(endless)}\n[limits]\nstop = 0.2\n", *arguments)
        workers = both_are_up(serving) if arguments else serving.ready().workers
        with httpx.stream("POST", serving.url + CHAT, json=STREAM, headers=HEADERS, timeout=20) as reply:
            lines = reply.iter_lines()
            assert "Sei" in next(lines)
            serving.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.TransportError):
                list(lines)
        assert serving.ended() == 0
        assert told.closed.wait(20)
        nothing_is_left(serving, workers)


@pytest.mark.parametrize("arguments", [(), TWO], ids=["one process", "two workers"])
def test_a_second_signal_ends_it_at_once(make_serving: Make, upstream: Upstream, arguments: tuple[str, ...]) -> None:
    serving = make_serving(file_of(upstream), *arguments)
    workers = both_are_up(serving) if arguments else serving.ready().workers
    with httpx.stream("POST", serving.url + CHAT, json=STREAM, headers=HEADERS, timeout=20) as reply:
        lines = reply.iter_lines()
        assert "Sei" in next(lines)
        serving.process.send_signal(signal.SIGTERM)
        serving.until(lambda: not _takes_calls(serving))
        serving.process.send_signal(signal.SIGTERM)
        assert serving.ended() in (0, 130)
    nothing_is_left(serving, workers)


def test_workers_end_with_a_parent_that_was_killed(make_serving: Make, upstream: Upstream) -> None:
    serving = make_serving(file_of(upstream), *TWO)
    workers = both_are_up(serving)
    serving.process.kill()
    serving.until(lambda: not any(map(is_alive, workers)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_workers_start_is_heeded(make_serving: Make, upstream: Upstream, number: int) -> None:
    serving = make_serving(file_of(upstream), *TWO)
    serving.until(lambda: len(serving.workers) == 2)
    workers = serving.workers
    if number == signal.SIGINT:  # as a terminal sends it, to all of them
        for id in workers:
            os.kill(id, number)
    serving.process.send_signal(number)
    if number == signal.SIGHUP:
        serving.until(lambda: serving.said.count("read anew") == 2)
        assert serving.workers == workers
        assert serving.stop() == 0
    assert serving.ended() == 0
    assert "Traceback" not in serving.said
    nothing_is_left(serving, workers)


def test_a_port_that_is_taken_is_told_once(make_serving: Make, upstream: Upstream, tmp_path: Path) -> None:
    first = make_serving(file_of(upstream)).ready()
    port = first.url.rpartition(":")[2]
    for arguments in ((), TWO):
        other = make_serving(file_of(upstream), *arguments, "--port", port)
        assert other.ended() == 2
        assert other.said.count(f"cannot listen on 127.0.0.1:{port}") == 1
        assert "Traceback" not in other.said
        assert list(other.folder.glob("dragoman-*")) == []
