"""A gateway on a real socket over emulated providers, for tests; both run in threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from dragoman.core.exchange import Call
from dragoman.emulator import Emulator
from dragoman.gateway.application import Application
from dragoman.gateway.config.tables import Config
from dragoman.gateway.setup import Start
from dragoman.server.answer import Answer
from dragoman.server.listener import Listener
from dragoman.settings import Surroundings

T = TypeVar("T")

EVERY = ("openai", "anthropic", "gemini", "cohere", "bedrock", "raycast", "lockchat", "gravityengine", "equing")
KEY = "upstream-key-of-the-gateway"


class Stage:
    """``providers`` emulated, and a gateway that serves them with ``config``, the tables of a ``dragoman.toml``.

    ``options`` go to the emulator.
    """

    def __init__(
        self,
        providers: Sequence[str] = EVERY,
        config: dict[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.emulator = Emulator(providers, **options)
        self._providers = providers
        self._config = config or {}
        self._environment = {"DRAGOMAN_HOME": "/nonexistent", **(environment or {})}
        self._thread = threading.Thread(target=self._run, name="gateway-under-test", daemon=True)
        self._started: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self.application: Application
        self.listener: Listener
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_of(self, config: dict[str, Any]) -> Start:
        """What a gateway with ``config`` begins with."""
        own = config.get("providers", {})
        tables = {name: {"base_url": self.emulator.url(name), "key": KEY} | own.get(name, {}) for name in self._providers}
        return Start(made=msgspec.convert({"log": {"access": "off"}, **config, "providers": {**own, **tables}}, Config))

    def call(self, function: Callable[[], T]) -> T:
        """``function`` run in the gateway's loop."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def handle(self, call: Call) -> Answer:
        """The gateway's answer to ``call``, without the server in front of it."""
        return asyncio.run_coroutine_threadsafe(self.application.gateway.handle(call), self._loop).result(10)

    def __enter__(self) -> Stage:
        self.emulator.start()
        self._thread.start()
        self._started.result(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self.emulator.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            raise

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        surroundings = Surroundings(self._environment)
        self.application = Application(lambda: self.start_of(self._config).read(surroundings))
        self.listener = Listener(self.application.gateway, self.application.setup.config.limits.of_server())
        self.port = await self.listener.start("127.0.0.1", 0)
        self._started.set_result(None)
        await self._stop.wait()
        await self.listener.stop()
        await self.application.close()
