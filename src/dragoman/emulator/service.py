"""The emulator as a program: it serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dragoman.catalogue.load import Catalogue
from dragoman.emulator.answer import Answer
from dragoman.emulator.emulator import Emulator, Faults, Providers
from dragoman.emulator.log import Record
from dragoman.emulator.scenario import Scenario

DEFAULT_PORT: Final = 4010

Ready = list[tuple[str, str, str | None]]
"""For each provider: its name, its base URL, and the environment variable that points a client there."""


def serve(
    providers: Providers,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    scenario: str | Path | Answer | Scenario = "echo",
    ttft_s: float = 0.0,
    tokens_per_second: float | None = None,
    faults: Faults = None,
    catalogue: Catalogue | None = None,
    allow_remote: bool = False,
    on_ready: Callable[[Ready], None] | None = None,
    on_request: Callable[[Record], None] | None = None,
) -> None:
    """Serve ``providers`` until SIGINT or SIGTERM.

    ``on_ready`` is called once the socket listens, ``on_request`` with each request that has ended. Raises ``UsageError`` for a wrong
    argument, a port in use, and a host that is not loopback without ``allow_remote``.
    """
    emulator = Emulator(
        providers,
        scenario=scenario,
        ttft_s=ttft_s,
        tokens_per_second=tokens_per_second,
        faults=faults,
        host=host,
        port=port,
        catalogue=catalogue,
        allow_remote=allow_remote,
    )
    emulator.requests.listen(on_request)
    # Where the loop cannot catch the signal itself (Windows), it comes as the interpreter's own interrupt.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(emulator, on_ready))


async def _serve(emulator: Emulator, on_ready: Callable[[Ready], None] | None) -> None:
    stopping = asyncio.Event()
    with _on_signals(stopping.set):
        async with emulator:
            if on_ready:
                on_ready(_ready(emulator))
            await stopping.wait()


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    caught = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stop)
                caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _ready(emulator: Emulator) -> Ready:
    return [(mount.name, emulator.url(mount.name), next(iter(mount.row.base_url_variables), None)) for mount in emulator.mounts]
