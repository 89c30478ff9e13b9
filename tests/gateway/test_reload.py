"""The configuration is read anew while the gateway runs: what is under way goes on, and a file with mistakes changes nothing."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer
from tests.gateway.direct import CHUNK, WHOLE
from tests.gateway.process import Serving
from tests.gateway.upstream import EVENTS, JSON, Upstream

ADA, BEN, ADMIN = "dgm-key-of-ada-0123456789", "dgm-key-of-ben-0123456789", "dgm-key-of-admin-0123456789"
CHAT = "/v1/chat/completions"
Make = Callable[..., Serving]


class Released:
    """A stream of two words: the second comes when the test lets it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self._pieces = [
            CHUNK % (b'{"content":"Sei"}', b"null"),
            CHUNK % (b'{"content":"ne"}', b"null") + CHUNK % (b"{}", b'"stop"') + b"data: [DONE]\n\n",
        ]

    async def next(self) -> bytes:
        if len(self._pieces) == 1:
            while not self.let_go.is_set():
                await asyncio.sleep(0.01)
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None: ...


@pytest.fixture
def released() -> Released:
    return Released()


@pytest.fixture
def upstream(released: Released) -> Iterator[Upstream]:
    def answer(call: Call) -> Answer:
        return Answer(200, EVENTS, released) if b'"stream"' in call.body else Answer(200, JSON, WHOLE)

    with Upstream(answer) as running:
        yield running


def file_of(upstream: Upstream, *, models: str = "one", keys: str = f'[keys.ada]\nkey = "{ADA}"', admin: bool = True) -> str:
    told = (
        f'[providers.openai]\nbase_url = "{upstream.url}/v1"\nkey = "upstream-key"\n[models.{models}]\ntargets = ["openai/gpt-x"]\n{keys}\n'
    )
    return told + (f'[admin]\nkey = "{ADMIN}"\n' if admin else "")


def ask(serving: Serving, model: str, key: str = ADA) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}]}
    return httpx.post(serving.url + CHAT, json=body, headers={"x-api-key": key}, timeout=20).status_code


def by_signal(serving: Serving) -> None:
    count = serving.said.count("read anew")
    serving.process.send_signal(signal.SIGHUP)
    serving.until(lambda: serving.said.count("read anew") > count)


def by_call(serving: Serving) -> None:
    reply = httpx.post(f"{serving.url}/admin/reload", headers={"authorization": f"Bearer {ADMIN}"})
    assert (reply.status_code, reply.json()) == (200, {"status": "reloaded"})


WAYS = {"by a signal": by_signal, "by a call": by_call}


@pytest.mark.parametrize("way", WAYS)
def test_new_models_and_keys_count_and_old_ones_no_longer(make_serving: Make, upstream: Upstream, tmp_path: Path, way: str) -> None:
    serving = make_serving(file_of(upstream)).ready()
    assert (ask(serving, "one"), ask(serving, "two"), ask(serving, "one", BEN)) == (200, 404, 401)
    (tmp_path / "dragoman.toml").write_text(file_of(upstream, models="two", keys=f'[keys.ben]\nkey = "{BEN}"'))
    WAYS[way](serving)
    assert (ask(serving, "two", BEN), ask(serving, "one", BEN), ask(serving, "two", ADA)) == (200, 404, 401)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_under_way_goes_on(make_serving: Make, upstream: Upstream, released: Released, tmp_path: Path, way: str) -> None:
    serving = make_serving(file_of(upstream)).ready()
    body = {"model": "one", "messages": [{"role": "user", "content": "x"}], "stream": True}
    with httpx.stream("POST", serving.url + CHAT, json=body, headers={"x-api-key": ADA}, timeout=20) as reply:
        lines = reply.iter_lines()
        assert "Sei" in next(lines)
        (tmp_path / "dragoman.toml").write_text(file_of(upstream, models="two", keys=f'[keys.ben]\nkey = "{BEN}"'))
        WAYS[way](serving)
        assert ask(serving, "two", BEN) == 200
        released.let_go.set()
        rest = "\n".join(lines)
    assert '"ne"' in rest
    assert rest.rstrip().endswith("data: [DONE]")


MISTAKES = {
    "no TOML": ("[models", "dragoman.toml:1: "),
    "an unknown field": ("workrs = 2\n", "dragoman.toml:1: workrs: unknown; did you mean 'workers'"),
    "a variable that is not set": ('[providers.openai]\nkey = "${NOT_SET_AT_ALL}"\n', "dragoman.toml:2: providers.openai.key"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_file_with_a_mistake_changes_nothing_and_says_where_it_is(
    make_serving: Make, upstream: Upstream, tmp_path: Path, mistake: str
) -> None:
    text, words = MISTAKES[mistake]
    serving = make_serving(file_of(upstream)).ready()
    (tmp_path / "dragoman.toml").write_text(text)
    serving.process.send_signal(signal.SIGHUP)
    serving.until(lambda: "the configuration was not changed" in serving.said)
    assert words in serving.said
    reply = httpx.post(f"{serving.url}/admin/reload", headers={"authorization": f"Bearer {ADMIN}"})
    assert reply.status_code == 400
    assert words in reply.json()["error"]["message"]
    assert ask(serving, "one") == 200
    (tmp_path / "dragoman.toml").unlink()
    assert httpx.post(f"{serving.url}/admin/reload", headers={"authorization": f"Bearer {ADMIN}"}).status_code == 400
    assert ask(serving, "one") == 200


def test_only_the_administrator_may(make_serving: Make, upstream: Upstream) -> None:
    serving = make_serving(file_of(upstream)).ready()
    for key in (ADA, "", "nonsense"):
        reply = httpx.post(f"{serving.url}/admin/reload", headers={"x-api-key": key})
        assert reply.status_code == 401, reply.text
    assert httpx.get(f"{serving.url}/admin/reload").status_code == 405
    assert ask(serving, "one", ADMIN) == 401, "nor is its key a caller's"
    assert ADMIN not in serving.said


def test_without_a_key_of_its_own_nothing_of_it_is_served(make_serving: Make, upstream: Upstream) -> None:
    serving = make_serving(file_of(upstream, admin=False)).ready()
    for headers in ({}, {"x-api-key": ADA}, {"authorization": "Bearer x"}):
        reply = httpx.post(f"{serving.url}/admin/reload", headers=headers)
        assert reply.status_code == 404
        assert "[admin]" in reply.json()["error"]["message"]


@pytest.mark.parametrize("way", WAYS)
def test_all_workers_follow(make_serving: Make, upstream: Upstream, tmp_path: Path, way: str) -> None:
    serving = make_serving(file_of(upstream), "--workers", "3").ready()
    (tmp_path / "dragoman.toml").write_text(file_of(upstream, models="two"))
    if way == "by a signal":
        serving.process.send_signal(signal.SIGHUP)
    else:
        by_call(serving)
    serving.until(lambda: serving.said.count("read anew") >= 3)
    assert {ask(serving, "two") for _ in range(30)} == {200}
    assert len(serving.workers) == 3
    assert "takes its place" not in serving.said
