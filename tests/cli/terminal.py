"""The command run for real: as a plain process, or on a terminal of its own that is read and typed into, each wait with an end."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final

COMMAND: Final = (sys.executable, "-W", "error", "-m", "dragoman.cli")
PATIENCE_S: Final = 20.0
_OWN_TERMINAL: Final = (
    sys.executable,
    "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])",
)
"""Makes its standard input the controlling terminal, so that Ctrl-C is a signal; then it becomes the command."""
_WHERE: Final = b"\x1b[6n"
"""A program's question where the cursor stands, which a terminal answers."""
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][AB0]|[=>78])|\x1b[^@-~]*$")


def run(*arguments: str, environment: Mapping[str, str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a process, its output in pipes; ``stdin`` is piped in, else there is none."""
    given: dict[str, object] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # either stdin or input
        [*COMMAND, *arguments], env=dict(environment), capture_output=True, text=True, timeout=60, check=False, **given
    )


def plain(text: str) -> str:
    """``text`` without what commands a terminal."""
    return _ESCAPES.sub("", text).replace("\r", "")


class Terminal:
    """The command on a terminal. ``said`` is all that it wrote, without colours and cursor movements."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], size: tuple[int, int] = (100, 40)) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        variables = {**environment, "TERM": "xterm-256color"}
        command = [*_OWN_TERMINAL, *COMMAND, *arguments]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=variables, start_new_session=True)
        os.close(slave)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.raw = ""
        self._at = 0

    @property
    def said(self) -> str:
        return plain(self.raw)

    def expect(self, words: str) -> None:
        """Wait until ``words`` are said, behind what was expected before."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.said.find(words, self._at)) < 0:
            if not self._read(until):
                raise AssertionError(f"{words!r} was not said; said was:\n{self.said[self._at :]}")
        self._at = found + len(words)

    def press(self, keys: str) -> None:
        """Press ``keys``."""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Wait for the end of the process and return its code."""
        until = time.monotonic() + PATIENCE_S
        while self._read(until):
            pass
        return self.process.wait(PATIENCE_S)

    def _read(self, until: float) -> bool:
        """More of what is said; ``False`` where there is no more or the time is up."""
        if not select.select([self._master], [], [], max(0.0, until - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # the other side has closed
            return False
        self.raw += self._decoder.decode(data)
        for _ in range(data.count(_WHERE)):
            os.write(self._master, b"\x1b[1;1R")
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
