"""Programs that a user's own files name, such as one that gives out keys: run, and what they print is taken.

Law: nothing of what one prints is shown; what it says of a fault (standard error) is, in one line. Who gives up waiting ends it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from dragoman.core.errors import AuthFailed, TimedOut, UsageError

if TYPE_CHECKING:
    import subprocess

MAX_WORDS = 300
"""How much of what a program says of a fault is told."""


def printed(command: str, timeout_s: float, hold: Callable[[Callable[[], None]], None]) -> bytes:
    """What ``command`` prints. ``hold`` is handed what ends it early. Raises ``UsageError``, ``AuthFailed`` or ``TimedOut``."""
    import subprocess  # few users have such a program, and all load this module

    with _started(command) as process:
        hold(process.kill)
        try:
            told, fault = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TimedOut(f"the program {_name(command)!r} was not done within {timeout_s:g} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        words = " ".join(fault.decode(errors="replace").split())[:MAX_WORDS] or "it does not say why"
        raise AuthFailed(f"the program {_name(command)!r} ended with status {process.returncode}: {words}")
    return told


async def async_printed(command: str, timeout_s: float, hold: Callable[[Callable[[], None]], None]) -> bytes:
    """``printed`` for an event loop: a thread waits for the program."""
    import asyncio  # programs that only ever block never load it

    return await asyncio.to_thread(printed, command, timeout_s, hold)


def _started(command: str) -> subprocess.Popen[bytes]:
    import shlex
    import subprocess

    pipe = subprocess.PIPE
    try:
        words = command if os.name == "nt" else shlex.split(command)  # Windows takes a line apart by itself
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    except (OSError, ValueError, IndexError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is no command"
        raise UsageError(f"the program {_name(command)!r} cannot be run: {reason}") from None


def _name(command: str) -> str:
    """The program alone: its arguments may be secret."""
    return (command.split() or [""])[0]
