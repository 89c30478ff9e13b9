"""The gateway as an ASGI application, to be mounted in anyone's: Starlette, FastAPI, or under uvicorn by itself.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html and lifespan.html, read 2026-11-21. It needs no lifespan: a program that mounts
it may leave its connections to the end of the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dragoman.core.exchange import Call
from dragoman.gateway.application import Application
from dragoman.gateway.config.tables import Config
from dragoman.gateway.setup import Start
from dragoman.server.answer import Answer, BrokenOff, Pieces
from dragoman.server.head import BODYLESS, SPACES
from dragoman.server.limits import Limits
from dragoman.settings import Surroundings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def create_app(config: Config | str | Path | None = None, environment: Mapping[str, str] | None = None) -> App:
    """The gateway of ``config``: a configuration, the path of a ``dragoman.toml``, or ``None`` for what the environment's keys allow.

    Raises ``UsageError`` with everything that is wrong in the file.
    """
    surroundings = Surroundings(environment)
    start = Start(made=config) if isinstance(config, Config) else Start(path=None if config is None else str(config))
    return App(Application(lambda: start.read(surroundings), mounted=True))


class App:
    """An ASGI 3 application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await _Exchange(self.application, scope, receive, send).run()
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
                self.application.load_prices()
            elif message["type"] == "lifespan.shutdown":
                self.application.stopping = True
                await self.application.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


class _Exchange:
    """One request and its answer."""

    def __init__(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        self._gateway = application.gateway
        self._limits: Limits = application.setup.config.limits.of_server()
        self._scope = scope
        self._receive = receive
        self._send = send

    async def run(self) -> None:
        body = await self._read_body()
        if body is None:
            return
        call = self._call(body)
        if len(body) > self._limits.body_bytes:
            bound = self._limits.body_bytes
            await self._answer(self._gateway.refuse(call, 413, f"the body is longer than the {bound} bytes that are allowed"))
            return
        work = asyncio.ensure_future(self._work(call))
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def _read_body(self) -> bytes | None:
        """``None`` where the caller left; longer than the bound where it is too long, and then not whole."""
        pieces, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if not message.get("more_body", False) or size > self._limits.body_bytes:
                return b"".join(pieces)

    def _call(self, body: bytes) -> Call:
        scope = self._scope
        root: str = scope.get("root_path", "")
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or path.encode()
        told = raw.decode("latin-1").partition("?")[0]
        told = next((told[len(form) :] for form in (root, quote(root)) if root and told.startswith(form)), told)
        query = scope.get("query_string", b"").decode("latin-1")
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
        return Call(scope["method"], f"{told or '/'}?{query}" if query else told or "/", headers, body)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _work(self, call: Call) -> None:
        await self._answer(await self._gateway.handle(call))

    async def _answer(self, answer: Answer) -> None:
        headers = [
            (name.encode("latin-1", "replace"), value.translate(SPACES).encode("latin-1", "replace")) for name, value in answer.headers
        ]
        if isinstance(answer.body, bytes):
            if answer.status not in BODYLESS:
                headers.append((b"content-length", str(len(answer.body)).encode()))
            await self._start(answer.status, headers)
            await self._send({"type": "http.response.body", "body": answer.body})
            return
        pieces: Pieces = answer.body
        try:
            await self._start(answer.status, headers)
            while piece := await pieces.next():
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        except BrokenOff:
            raise ConnectionError("the answer broke off") from None  # the server under us closes the connection without an end
        finally:
            pieces.close()

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
