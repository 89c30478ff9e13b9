"""The emulator as a program's object: in a thread of its own (``with``) or in the running event loop (``async with``)."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias

from dragoman.catalogue.load import Catalogue, nearest
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import UsageError
from dragoman.emulator.answer import Answer
from dragoman.emulator.app import App, Mount
from dragoman.emulator.fault import Fault
from dragoman.emulator.log import Log
from dragoman.emulator.operations import ANSWERS, Operated
from dragoman.emulator.plan import Pace
from dragoman.emulator.scenario import Scenario, scenario_of
from dragoman.emulator.server import Server

Providers: TypeAlias = str | Provider | Sequence[str | Provider]
"""One or more names of rows, or rows."""
Faults: TypeAlias = Fault | str | Sequence[Fault | str] | None
"""One or more faults or their descriptions. Of several, each request meets the first that is not used up (``times``)."""


class Emulator:
    """Serves ``providers`` on loopback::

        with Emulator(["raycast", "openai"]) as emulator:
            emulator.url("raycast")                     # http://127.0.0.1:<port>/raycast, to be used as base URL

    ``operations`` gives answers of one's own to what else may be asked, by names of ``wire.operations``: ``{"embed": lambda request: …}``,
    from the core's request to the core's answer. ``requests`` lists what was asked and how it ended. Every argument is checked here;
    raises ``UsageError``.
    """

    def __init__(
        self,
        providers: Providers,
        *,
        scenario: str | Path | Answer | Scenario = "echo",
        ttft_s: float = 0.0,
        tokens_per_second: float | None = None,
        faults: Faults = None,
        host: str = "127.0.0.1",
        port: int = 0,
        catalogue: Catalogue | None = None,
        allow_remote: bool = False,
        operations: Mapping[str, Operated] | None = None,
    ) -> None:
        _check_address(host, port, allow_remote)
        rows = _rows(providers, catalogue or Catalogue())
        self._host = "127.0.0.1" if host == "localhost" else host
        self._port = port
        self._app = App(rows, scenario_of(scenario), _pace(ttft_s, tokens_per_second), _faults(faults), _operations(operations or {}))
        self.requests = Log()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The providers served, in order."""
        return self._app.mounts

    @property
    def port(self) -> int:
        """The port listened on. Raises ``UsageError`` before the start."""
        if self._server is None:
            raise UsageError("the emulator is not running: use it as a context manager, or call start()")
        return self._server.port

    def url(self, provider: str | None = None) -> str:
        """The base URL of ``provider`` (the first one served where none is named). Raises ``UsageError``."""
        names = [mount.name for mount in self.mounts]
        mount = next((mount for mount in self.mounts if provider in (None, mount.name)), None)
        if mount is None:
            raise UsageError(f"provider: {provider!r} is not emulated here; {nearest(str(provider), names)}")
        host = _SHOWN.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}{mount.url_path}"

    # --- in a thread of its own

    def start(self) -> None:
        """Serve in a thread until ``close``. Raises ``UsageError`` where the address cannot be had."""
        if self._server is not None:
            raise UsageError("the emulator is running already")
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="dragoman-emulator", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop serving; what is under way is cut. Does nothing where nothing runs."""
        if self._thread is None:
            return
        if self._loop and self._stopping and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self.open()
        started.set_result(None)
        try:
            await self._stopping.wait()
        finally:
            await self.aclose()

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- in the running event loop

    async def open(self) -> None:
        """Serve in the running event loop until ``aclose``. Raises ``UsageError``."""
        server = Server(self._app, self.requests)
        await server.start(self._host, self._port)
        self._server = server

    async def aclose(self) -> None:
        """Stop serving in the running event loop."""
        server, self._server = self._server, None
        if server:
            await server.close()

    async def __aenter__(self) -> Emulator:
        if self._server is not None:
            raise UsageError("the emulator is running already")
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _rows(providers: Providers, catalogue: Catalogue) -> list[Provider]:
    listed: Sequence[str | Provider] = (providers,) if isinstance(providers, (str, Provider)) else providers
    rows = [one if isinstance(one, Provider) else catalogue.provider(one) for one in listed]
    names = [row.name for row in rows]
    if not rows:
        raise UsageError(f"providers: none was given; {nearest('', catalogue.names())}")
    if len(set(names)) < len(names):
        raise UsageError(f"providers: {', '.join(names)} were given; each is allowed once")
    return rows


def _pace(ttft_s: float, tokens_per_second: float | None) -> Pace:
    if not _is_number(ttft_s) or ttft_s < 0:
        raise UsageError(f"ttft_s: {ttft_s!r} was given; a number of seconds from 0 on is allowed")
    if tokens_per_second is not None and (not _is_number(tokens_per_second) or tokens_per_second <= 0):
        raise UsageError(f"tokens_per_second: {tokens_per_second!r} was given; a positive number or None is allowed")
    return Pace(ttft_s=ttft_s, tokens_per_second=tokens_per_second)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _faults(given: Faults) -> list[Fault]:
    if given is None:
        return []
    return [Fault.of(one) for one in ((given,) if isinstance(given, (Fault, str)) else given)]


def _operations(given: Mapping[str, Operated]) -> Mapping[str, Operated]:
    for name, answer in given.items():
        if name not in ANSWERS:
            raise UsageError(f"operations: {name!r} is not known; {nearest(str(name), list(ANSWERS))}")
        if not callable(answer):
            raise UsageError(f"operations[{name!r}]: {type(answer).__name__} was given; a callable is expected")
    return given


_SHOWN: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a client on this machine finds a server that listens everywhere."""


def _check_address(host: str, port: int, allow_remote: bool) -> None:
    if port not in range(65536):
        raise UsageError(f"port: {port!r} was given; a number from 0 (any free one) to 65535 is allowed")
    if allow_remote or host == "localhost":
        return
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise UsageError(
            f"host: {host!r} was given; only a loopback address such as 127.0.0.1 is allowed (in Python allow_remote=True lifts this)"
        )
