"""The gateway's handler without a network: calls go in by hand, and what it would send to providers is answered here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

from dragoman.core.exchange import Call, Headers, Reply, Timeouts
from dragoman.gateway.config.tables import Config
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.prompts.kept_responses import KeptResponses
from dragoman.gateway.setup import Start
from dragoman.server.answer import Answer, BrokenOff
from dragoman.settings import Surroundings
from dragoman.transport.seam import Hold
from tests.gateway.stage import KEY
from tests.gateway.upstream import JSON

UPSTREAM = "https://upstream.example/v1"
WHOLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-x","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Seine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
)
CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
)
STREAMED = CHUNK % (b'{"content":"Seine"}', b"null") + CHUNK % (b"{}", b'"stop"') + b"data: [DONE]\n\n"


def chat_answer(call: Call) -> Reply:
    """As a provider of OpenAI's dialect answers a prompt."""
    if b'"stream":true' in call.body.replace(b" ", b""):
        return Reply(200, (("content-type", "text/event-stream"),), STREAMED)
    return Reply(200, JSON, WHOLE)


class _Incoming:
    """An answer that is here."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers: Headers = reply.headers
        self._body = reply.body

    def at_hand(self) -> bytes | None:
        return None

    async def read(self, timeout_s: float | None = None) -> bytes:
        body, self._body = self._body, b""
        return body

    async def finish(self) -> None:
        self._body = b""

    def close(self) -> None:
        self._body = b""


class Direct:
    """A gateway with ``config`` before providers that answer by ``answer``; ``calls`` has what was sent to them. A context manager."""

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        answer: Callable[[Call], Reply] = chat_answer,
        *,
        providers: tuple[str, ...] = ("openai",),
        mounted: bool = False,
    ) -> None:
        config = config or {}
        tables = {name: {"base_url": UPSTREAM, "key": KEY} for name in providers}
        told = {"max_retries": 0, **config, "providers": {**tables, **config.get("providers", {})}}
        setup = Start(made=msgspec.convert(told, Config)).read(Surroundings({"DRAGOMAN_HOME": "/nonexistent"}))
        self.calls: list[Call] = []
        self._answer = answer
        self._runner = asyncio.Runner()
        self._kept = KeptResponses()
        self.gateway = Gateway(setup, self, kept_responses=self._kept, mounted=mounted)

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._runner.close()
        self._kept.close()

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> _Incoming:
        self.calls.append(call)
        return _Incoming(self._answer(call))

    async def close(self) -> None:
        """Nothing is open."""

    def ask(self, call: Call) -> Reply:
        """The whole answer to ``call``, as a caller sees it; a break in it is a status of 0."""
        return self._runner.run(self._ask(call))

    async def _ask(self, call: Call) -> Reply:
        answer = await self.gateway.handle(call)
        return await taken(answer)

    def leave(self, call: Call, last: bytes) -> None:
        """Ask for a stream and leave as soon as ``last`` has come."""
        self._runner.run(self._leave(call, last))

    async def _leave(self, call: Call, last: bytes) -> None:
        body = (await self.gateway.handle(call)).body
        assert not isinstance(body, bytes)
        while last not in (piece := await body.next()):
            assert piece, f"the stream ended without {last!r}"
        body.close()

    def post(self, path: str, body: bytes | object, *headers: tuple[str, str]) -> Reply:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.ask(Call("POST", path, (("host", "localhost"), ("content-type", "application/json"), *headers), data))

    def get(self, path: str, *headers: tuple[str, str]) -> Reply:
        return self.ask(Call("GET", path, (("host", "localhost"), *headers)))


async def taken(answer: Answer) -> Reply:
    """``answer`` read to its end, and closed as a server does."""
    if isinstance(answer.body, bytes):
        return Reply(answer.status, answer.headers, answer.body)
    pieces = []
    try:
        while piece := await answer.body.next():
            pieces.append(piece)
    except BrokenOff:
        return Reply(0, answer.headers, b"".join(pieces))
    finally:
        answer.body.close()
    return Reply(answer.status, answer.headers, b"".join(pieces))
