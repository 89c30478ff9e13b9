"""Several processes that listen at one port, and the one that watches over them.

The parent serves nothing. It starts each worker anew that dies, hands SIGHUP on to all, and on SIGTERM or SIGINT stops them in good order;
a second one ends them at once. A worker whose parent is gone stops by itself.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Final

from dragoman.core.errors import UsageError
from dragoman.gateway.prompts.kept_responses import FILE, KeptResponses
from dragoman.gateway.serving import HELD_SIGNALS, run, serve, set_up_output
from dragoman.gateway.setup import Start
from dragoman.gateway.telemetry.siblings import SOCKETS
from dragoman.settings import Surroundings

_LOG = logging.getLogger("dragoman.gateway")
MIN_LIFE_S: Final = 5.0
"""A worker that dies sooner is not started again at once: it would die again."""
MAX_FOLDER_BYTES: Final = 72
STOP_SLACK_S: Final = 5.0
LOOK_S: Final = 0.1
"""How often the workers are looked at."""


def work(start: Start, host: str, port: int, shared: Path) -> None:
    """A worker's life."""
    set_up_output()
    surroundings = Surroundings()
    run(serve(lambda: start.read(surroundings), host, port, shared=shared))


class Workers:
    """``count`` processes that run ``work``."""

    def __init__(self, start: Start, host: str, port: int, count: int, stop_s: float) -> None:
        self._start = start
        self._host = host
        self._count = count
        self._stop_s = stop_s
        self._processes: list[tuple[BaseProcess, float]] = []
        self._stopping = False  # no event, whose lock a signal could find taken
        self._claim = _claimed(host, port)
        self.port: int = self._claim.getsockname()[1]
        self._shared = tempfile.TemporaryDirectory(prefix="dragoman-", dir=_short_folder())
        # Made before there are workers: of two that turn one file into a shared one at the same time, SQLite fails the second at once.
        kept = KeptResponses(str(Path(self._shared.name) / FILE))
        kept.make()
        kept.close()

    def run(self, ready: Callable[[int], None]) -> None:
        """Until a signal stops it. ``ready`` is told the port once all listen."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._hand_on)
        try:
            for _ in range(self._count):
                with _signals_held():
                    self._processes.append(self._spawn())
            told = False
            while not self._stopping:
                time.sleep(LOOK_S)
                if self._stopping:
                    break
                if not told and self._all_listen():
                    told = True
                    ready(self.port)
                with _signals_held():
                    self._processes = [self._alive(process, since_s) for process, since_s in self._processes]
        finally:
            self._stop()
            self._claim.close()
            self._shared.cleanup()

    def _all_listen(self) -> bool:
        return len(list(Path(self._shared.name).glob(SOCKETS))) >= self._count

    def _spawn(self) -> tuple[BaseProcess, float]:
        """Called with the signals held, as the worker begins: until it can heed them a SIGHUP would end it."""
        given = (self._start, self._host, self.port, Path(self._shared.name))
        process = multiprocessing.get_context("spawn").Process(target=work, args=given, daemon=True)
        process.start()
        return process, time.monotonic()

    def _alive(self, process: BaseProcess, since_s: float) -> tuple[BaseProcess, float]:
        """The worker, or another in its place."""
        if process.is_alive() or time.monotonic() - since_s < MIN_LIFE_S:
            return process, since_s
        _LOG.error("worker %s ended with %s; another takes its place", process.pid, process.exitcode)
        return self._spawn()

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            for process, _ in self._processes:
                process.kill()
        self._stopping = True

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        for process, _ in self._processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def _stop(self) -> None:
        for process, _ in self._processes:
            process.terminate()
        until = time.monotonic() + self._stop_s + STOP_SLACK_S
        for process, _ in self._processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                process.kill()


@contextmanager
def _signals_held() -> Iterator[None]:
    """What comes meanwhile is heeded afterwards, when the workers that it is for are known."""
    resource_tracker.ensure_running()  # first, for starting it lets the signals through again
    held = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _short_folder() -> str:
    """Where temporary files go, unless that is a name too long for sockets: the system has 107 bytes for one with its folder."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= MAX_FOLDER_BYTES else "/tmp"


def _claimed(host: str, port: int) -> socket.socket:
    """A socket that holds the port for the workers without listening at it. Raises ``UsageError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claim = socket.socket(family, socket.SOCK_STREAM)
    try:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        claim.bind((host, port))
    except OSError as fault:
        claim.close()
        raise UsageError(f"cannot listen on {host}:{port}: {fault.strerror}") from None
    return claim
