"""The gateway mounted in other people's programs: Starlette's and FastAPI's, under httpx's transport and a real uvicorn."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import fastapi
import httpx
import msgspec
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from dragoman.core.exchange import Call
from dragoman.gateway import create_app
from dragoman.gateway.asgi import App
from dragoman.gateway.config.tables import Config
from dragoman.server import Answer
from tests.gateway.direct import CHUNK, STREAMED, WHOLE
from tests.gateway.stage import KEY
from tests.gateway.test_reload import Released
from tests.gateway.upstream import EVENTS, JSON, Endless, Told, Upstream

CHAT = "/v1/chat/completions"
SAID = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": "x"}], "max_tokens": 9}
SOON_S = 20.0
SURROUNDINGS = {"DRAGOMAN_HOME": "/nonexistent"}


def app_before(upstream: Upstream, **tables: Any) -> App:
    told = {"providers": {"openai": {"base_url": f"{upstream.url}/v1", "key": KEY}}, "log": {"access": "off"}, "max_retries": 0, **tables}
    return create_app(msgspec.convert(told, Config), SURROUNDINGS)


def in_starlette(app: App) -> Any:
    return Starlette(routes=[Mount("/llm/all", app=app)])


def in_fastapi(app: App) -> Any:
    program = fastapi.FastAPI()
    program.mount("/llm/all", app)
    return program


def deep_in_fastapi(app: App) -> Any:
    inner, outer = fastapi.FastAPI(), fastapi.FastAPI()
    inner.mount("/all", app)
    outer.mount("/llm", inner)
    return outer


MOUNTED: dict[str, tuple[Callable[[App], Any], str]] = {
    "by itself": (lambda app: app, ""),
    "in Starlette": (in_starlette, "/llm/all"),
    "in FastAPI": (in_fastapi, "/llm/all"),
    "deep in FastAPI": (deep_in_fastapi, "/llm/all"),
    "at a path with blanks": (lambda app: Starlette(routes=[Mount("/l l/ü", app=app)]), "/l%20l/%C3%BC"),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    def answer(call: Call) -> Answer:
        return Answer(200, EVENTS, STREAMED) if b'"stream"' in call.body else Answer(200, JSON, WHOLE)

    with Upstream(answer) as running:
        yield running


def run(scenario: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
    async def patiently() -> None:
        async with asyncio.timeout(SOON_S), AsyncExitStack() as running:
            await scenario(running)

    asyncio.run(patiently())


@asynccontextmanager
async def client_of(app: App, program: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(program), base_url="http://program.example") as client:
        yield client
    await app.application.close()


@pytest.mark.parametrize("how", MOUNTED)
def test_every_face_is_served_below_the_path_where_it_is_mounted(upstream: Upstream, how: str) -> None:
    mount, base = MOUNTED[how]

    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream)
        client = await running.enter_async_context(client_of(app, mount(app)))
        whole = await client.post(base + CHAT, json=SAID)
        assert (whole.status_code, whole.content) == (200, WHOLE)
        assert (await client.post(f"{base}/v1/messages", json=SAID)).json()["content"][0]["text"] == "Seine"
        gemini = f"{base}/v1beta/models/openai%2Fgpt-x:generateContent?key=any"
        reply = await client.post(gemini, json={"contents": [{"parts": [{"text": "x"}]}]})
        assert reply.json()["candidates"][0]["content"]["parts"][0]["text"] == "Seine"
        streamed = await client.post(base + CHAT, json={**SAID, "stream": True})
        assert streamed.headers["content-type"] == "text/event-stream"
        assert "[DONE]" in streamed.text
        assert (await client.get(f"{base}/v1/models")).status_code == 200
        assert (await client.get(f"{base}/health/ready")).json() == {"status": "ready"}
        wrong = await client.post(f"{base}/v1/nothing", json={})
        assert (wrong.status_code, "nothing is served at /v1/nothing" in wrong.text) == (404, True)
        assert app.application.gateway.open_requests == 0

    run(scenario)


def test_a_body_that_is_too_long_is_refused_in_the_callers_dialect(upstream: Upstream) -> None:
    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream, limits={"body_bytes": 1000})
        client = await running.enter_async_context(client_of(app, app))
        for path in (CHAT, "/v1/messages"):
            reply = await client.post(path, json={**SAID, "user": "x" * 1000})
            assert reply.status_code == 413
            assert "longer than the 1000 bytes" in reply.json()["error"]["message"]
        assert (await client.post(CHAT, json=SAID)).status_code == 200
        assert app.application.gateway.open_requests == 0

    run(scenario)


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_methods_are_told_and_head_has_no_body(upstream: Upstream, http: str) -> None:
    app = app_before(upstream, cors={"origins": ["*"]})
    with Uvicorn(in_starlette(app), http) as there:
        asked = httpx.options(there.url + CHAT)
        assert (asked.status_code, asked.headers["allow"], asked.content) == (204, "OPTIONS, POST", b"")
        assert "content-length" not in asked.headers
        page = {"origin": "https://page.example", "access-control-request-method": "POST"}
        assert httpx.options(there.url + CHAT, headers=page).headers["access-control-allow-origin"] == "*"
        head, whole = httpx.head(there.url + "/v1/models"), httpx.get(there.url + "/v1/models")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", whole.headers["content-length"])
        assert httpx.get(there.url + CHAT).status_code == 405
    asyncio.run(app.application.close())


def test_keys_are_asked_for_where_there_are_some(upstream: Upstream) -> None:
    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream, keys={"ada": {"key": "dgm-key-of-ada-0123456789"}})
        client = await running.enter_async_context(client_of(app, app))
        assert (await client.post(CHAT, json=SAID)).status_code == 401
        headers = {"authorization": "Bearer dgm-key-of-ada-0123456789"}
        assert (await client.post(CHAT, json=SAID, headers=headers)).status_code == 200

    run(scenario)


class Uvicorn:
    """A program under a real uvicorn, in a thread. A context manager; ``url`` is its address."""

    def __init__(self, program: Any, http: str) -> None:
        self._server = uvicorn.Server(uvicorn.Config(program, port=0, log_level="critical", http=http, loop="asyncio"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.url = ""

    def __enter__(self) -> Uvicorn:
        self._thread.start()
        end = time.monotonic() + SOON_S
        while not self._server.started:
            assert time.monotonic() < end
            threading.Event().wait(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/llm/all"
        return self

    def __exit__(self, *told: object) -> None:
        self._server.should_exit = True
        self._thread.join(SOON_S)


SERVERS = ("httptools", "h11")


@pytest.mark.parametrize("http", SERVERS)
def test_a_stream_is_not_held_back(http: str) -> None:
    released = Released()
    with Upstream(lambda call: Answer(200, EVENTS, released)) as slow:
        app = app_before(slow)
        with Uvicorn(in_fastapi(app), http) as served:
            with httpx.stream("POST", served.url + CHAT, json={**SAID, "stream": True}, timeout=SOON_S) as reply:
                lines = reply.iter_lines()
                assert "Sei" in next(lines)
                released.let_go.set()
                assert "\n".join(lines).rstrip().endswith("data: [DONE]")
            assert app.application.gateway.open_requests == 0


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"], ids=["passed through", "translated"])
@pytest.mark.parametrize("http", SERVERS)
def test_a_caller_who_leaves_frees_the_upstream(http: str, path: str) -> None:
    told = Told([CHUNK % (b'{"content":"Sei"}', b"null")], hold=True)
    with Upstream(lambda call: Answer(200, EVENTS, told)) as slow:
        app = app_before(slow)
        with Uvicorn(in_starlette(app), http) as served:
            with httpx.stream("POST", served.url + path, json={**SAID, "stream": True}, timeout=SOON_S) as reply:
                pieces = reply.iter_text()
                while "Sei" not in next(pieces):
                    pass
            assert told.closed.wait(SOON_S)
            end = time.monotonic() + SOON_S
            while app.application.gateway.open_requests or app.application.gateway.open_streams:
                assert time.monotonic() < end
                threading.Event().wait(0.01)


@pytest.mark.parametrize("http", SERVERS)
def test_one_who_leaves_before_the_first_word_does_too(http: str) -> None:
    arrived, told = threading.Event(), Told([], hold=True)

    def answer(call: Call) -> Answer:
        arrived.set()
        return Answer(200, EVENTS, told)

    with Upstream(answer) as slow:
        app = app_before(slow)
        with Uvicorn(in_starlette(app), http) as served:
            host, _, port = served.url.removeprefix("http://").partition("/")[0].partition(":")
            data = json.dumps(SAID).encode()
            with socket.create_connection((host, int(port)), SOON_S) as connection:
                head = f"POST /llm/all{CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n\r\n"
                connection.sendall(head.encode() + data)
                assert arrived.wait(SOON_S)
            assert told.closed.wait(SOON_S)


@pytest.mark.parametrize("http", SERVERS)
def test_one_who_does_not_read_holds_the_upstream_back(http: str) -> None:
    endless = Endless(CHUNK % (b'{"content":"%b"}' % (b"x" * 4000), b"null"))
    with Upstream(lambda call: Answer(200, EVENTS, endless)) as fast:
        app = app_before(fast)
        with Uvicorn(in_starlette(app), http) as served:
            with httpx.stream("POST", served.url + CHAT, json={**SAID, "stream": True}, timeout=SOON_S):
                sent = -1
                while sent != endless.sent:
                    sent = endless.sent
                    threading.Event().wait(0.3)
                assert sent < 32 * 1024 * 1024
            assert endless.closed.wait(SOON_S)


@pytest.mark.parametrize("http", SERVERS)
def test_a_cut_answer_does_not_look_whole(http: str) -> None:
    """One whose form has no words for a failure in its midst: its bytes end without an end."""
    head = (*JSON, ("content-length", str(len(WHOLE) + 5)))
    with Upstream(lambda call: Answer(200, head, Told([WHOLE[:50]], cut=True), len(WHOLE))) as broken:
        app = app_before(broken)
        with Uvicorn(in_starlette(app), http) as served:
            reply = httpx.post(served.url + CHAT, json=SAID, timeout=SOON_S)
            assert reply.status_code == 502
            assert "error" in reply.json()


def test_a_lifespan_closes_what_was_open(upstream: Upstream) -> None:
    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream)
        told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return told.pop(0)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert app.application.stopping
        call = Call("GET", "/health/ready", (("host", "localhost"),))
        ready = await app.application.gateway.handle(call)
        assert (ready.status, json.loads(ready.body)) == (503, {"status": "stopping"})  # type: ignore[arg-type]

    run(scenario)


def test_a_field_of_ours_cannot_be_made_to_end_a_head_early(upstream: Upstream) -> None:
    """Whatever server is under it writes fields as they are given."""

    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream)
        running.push_async_callback(app.application.close)
        sent: list[Any] = []

        told = [{"type": "http.request", "body": b""}]

        async def receive() -> Any:
            return told.pop() if told else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        app.application.gateway.pages = {("GET", "/x"): _Page()}  # type: ignore[dict-item]
        await app({"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b""}, receive, send)
        assert (b"x-one", b"a  x-evil: 1") in sent[0]["headers"]

    run(scenario)


class _Page:
    for_callers = False

    async def show(self, call: Call) -> Answer:
        return Answer(200, (("x-one", "a\r\nx-evil: 1"),), b"")


def test_a_web_socket_is_let_go(upstream: Upstream) -> None:
    async def scenario(running: AsyncExitStack) -> None:
        app = app_before(upstream)
        running.push_async_callback(app.application.close)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "websocket", "path": "/"}, receive, send)
        assert sent == ["websocket.close"]

    run(scenario)
