"""Where the programs run, and what the kernel says of them: cores, ports, readiness, CPU time and memory."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent.parent
PROC: Final = Path("/proc")
NS: Final = 1e9
START_S: Final = 20.0
STOP_S: Final = 5.0
LOOK_S: Final = 0.001


class Failed(Exception):
    """What kept a program from being measured."""


class Cores(NamedTuple):
    """Which core the measured program has, and which the load; ``None`` where there is but one."""

    gateway: int | None
    load: int | None


def cores() -> Cores:
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1]) if len(allowed) > 1 and shutil.which("taskset") else Cores(None, None)


def allow_files(wanted: int) -> int:
    """How many files this process and those it starts may open: ``wanted`` or more, or what the machine allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(wanted, hard), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            return most
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


# --- programs


class Program(NamedTuple):
    """A program that runs and answers."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float
    """From its start to the first answer."""

    @property
    def pid(self) -> int:
        return self.process.pid


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    core: int | None,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    within_s: float = START_S,
) -> Iterator[Program]:
    """``command``, once it answers at ``port``; it and all that it started are gone afterwards."""
    pinned = ["taskset", "-c", str(core), *command] if core is not None else list(command)
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            pinned,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await_answer(process, port, begun + within_s, log)
            yield Program(process, port, time.perf_counter() - begun)
        finally:
            _stop(process)


def _await_answer(process: subprocess.Popen[bytes], port: int, until: float, log: Path) -> None:
    while not _answers(port):
        if process.poll() is not None or time.perf_counter() > until:
            said = log.read_text(errors="replace").strip()[-600:]
            raise Failed(f"{process.args!r} does not come up: {said or 'it says nothing'}")
        time.sleep(LOOK_S)


def _answers(port: int) -> bool:
    """Whether a request is answered, with whatever status: a socket that listens may have nobody behind it yet."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET /is-anyone-there HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        return connection.recv(1) != b""
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, which is a session of its own, so that Ctrl-C reaches it through here alone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    process.wait()


# --- what the kernel says


def family(pid: int) -> list[int]:
    """A process and all those below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in (PROC / str(one) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds that a process and those below it have had, in user and kernel mode."""
    return sum(_cpu_s(one) for one in family(pid))


def _cpu_s(pid: int) -> float:
    total = 0.0
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            total += cpu_of_stat((task / "stat").read_text(), _schedstat(task))
    return total


def busy_s(core: int | None) -> float:
    """Seconds that ``core`` was not idle, whoever had it; of all cores where it is ``None``."""
    wanted = "cpu" if core is None else f"cpu{core}"
    for line in (PROC / "stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == wanted:
            user, nice, system, _, _, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _schedstat(task: Path) -> str | None:
    try:
        return (task / "schedstat").read_text()
    except OSError:
        return None


def cpu_of_stat(stat: str, schedstat: str | None) -> float:
    """Nanoseconds where the kernel counts them, else its ticks of a hundredth of a second."""
    if schedstat is not None and schedstat.split()[0] != "0":
        return int(schedstat.split()[0]) / NS
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """What a process and those below it hold in memory."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            total += int((PROC / str(one) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def processor() -> str:
    """Its name, as far as the kernel knows it."""
    with contextlib.suppress(OSError):
        for line in (PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
