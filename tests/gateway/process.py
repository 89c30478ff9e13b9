"""``dragoman serve`` as a process of its own, before an upstream of the test's."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from tests.cli.terminal import COMMAND

SOON_S = 20.0
"""Far longer than anything here takes."""
_ADDRESS = re.compile(r"serves at (https?://\S+)")


class Serving:
    """The command, started with ``arguments``; ``said`` is what it wrote, ``url`` where it serves. A context manager."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.environment = {**environment, "TMPDIR": str(folder)}
        self.folder = folder
        self.process = subprocess.Popen(
            [*COMMAND, "serve", *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line

    @property
    def url(self) -> str:
        self.until(lambda: _ADDRESS.search(self.said))
        found = _ADDRESS.search(self.said)
        assert found
        return found[1]

    def until(self, is_true: Callable[[], object]) -> None:
        """Wait until it is so."""
        end = time.monotonic() + SOON_S
        while not is_true():
            assert time.monotonic() < end, f"waited in vain; it said: {self.said}"
            threading.Event().wait(0.02)

    def ready(self) -> Serving:
        """Wait until it answers."""
        self.until(self.answers)
        return self

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=SOON_S).status_code == 200
        except httpx.TransportError:
            assert self.process.poll() is None, f"it ended: {self.said}"
            return False

    @property
    def workers(self) -> list[int]:
        """Ids of the processes that it started to serve."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(id) for id in told if "spawn_main" in Path(f"/proc/{id}/cmdline").read_text()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The status with which it ended, told to by a signal."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        status = self.process.wait(SOON_S)
        self._reader.join(SOON_S)
        return status

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(SOON_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(SOON_S)
        assert self.process.stdout
        self.process.stdout.close()


def is_alive(id: int) -> bool:
    """Whether the process runs; one that has ended and is not yet buried does not."""
    try:
        return Path(f"/proc/{id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
