"""A process that serves: its event loop, its listener, its signals.

SIGTERM and SIGINT stop it in good order: no more requests, answers under way have their time; a second one cuts them. SIGHUP reads the
configuration anew; where that fails the old one stays.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from dragoman.core.errors import UsageError
from dragoman.gateway.application import Application
from dragoman.gateway.config.tables import TlsTable
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.siblings import Siblings
from dragoman.server.listener import Listener

HELD_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
"""What a process of the gateway heeds."""

Ready = Callable[[Application, int], None]


async def serve(read_setup: Callable[[], Setup], host: str, port: int, *, shared: Path | None = None, ready: Ready | None = None) -> None:
    """Serve until told to stop. Raises ``UsageError`` where the configuration or the address will not do.

    ``shared`` is the folder of workers that listen at the same port.
    """
    application = Application(read_setup, shared=shared)
    siblings = Siblings(shared, application.metrics) if shared else None
    listener = Listener(application.gateway, application.setup.config.limits.of_server())
    stop = asyncio.Event()
    try:
        bound = await listener.start(host, port, tls=tls_context(application.setup.config.tls), share_port=shared is not None)
        _watch_signals(application, stop, is_worker=shared is not None)
        if siblings is not None:
            _watch_parent(stop)
            await siblings.start()
            application.collect = siblings.collect
            application.on_reload = lambda: os.kill(os.getppid(), signal.SIGHUP)
        if ready is not None:
            ready(application, bound)
        _spare_what_stays()
        application.load_prices()
        await stop.wait()
        application.stopping = True
        await listener.stop(application.setup.config.limits.stop)
    finally:
        if siblings is not None:
            await siblings.stop()
        await application.close()


def _spare_what_stays() -> None:
    """What was made to serve stays for ever, and requests leave hardly a circle behind: looking for some at every turn took a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _watch_signals(application: Application, stop: asyncio.Event, *, is_worker: bool) -> None:
    """A worker is told to stop by its parent, and often by a terminal or a supervisor too: for it, that is one and the same word."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set() and not is_worker:
            raise SystemExit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, application.try_reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)  # a worker comes with them blocked


def _watch_parent(stop: asyncio.Event) -> None:
    """A worker whose parent was killed would serve on, and nobody could stop it."""
    from multiprocessing import parent_process

    loop, parent = asyncio.get_running_loop(), parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def gone() -> None:
        loop.remove_reader(sentinel)
        stop.set()

    loop.add_reader(sentinel, gone)


def tls_context(table: TlsTable | None) -> ssl.SSLContext | None:
    """Raises ``UsageError`` where the files cannot be used."""
    if table is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(table.certificate, table.key)
    except OSError as fault:  # ssl.SSLError among them
        raise UsageError(f"tls: {table.certificate} and {table.key} cannot be used: {fault}") from None
    return context


def set_up_output() -> None:
    """Of this process: warnings on standard error, and each line of the access log at once, which is read while it is written."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # also through a pipe


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` on uvloop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)
