"""wrk: how many requests a second at 64 connections, and how long one takes at one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from bench.gateway.machine import Failed, Program, busy_s, cpu_s
from bench.gateway.mock import Ask

MARK: Final = "bench:"
SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["accept"] = "application/json"
wrk.headers["user-agent"] = "bench"
{headers}
wrk.body = [==[{body}]==]
done = function(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("{mark} %d %d %.2f %.2f %d\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), bad))
end
"""


class Load(NamedTuple):
    """What one run of wrk saw."""

    per_s: float
    p50_us: float
    p99_us: float
    cpu_us: float
    """CPU time of the measured program for one request."""
    foreign: float
    """Share of the measured program's core that others had meanwhile."""


def script(ask: Ask) -> str:
    headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in ask.headers.items())
    return SCRIPT.format(headers=headers, body=ask.body.decode(), mark=MARK)


def read(output: str) -> tuple[int, float, float, float]:
    """Requests, seconds, p50 and p99 in µs of wrk's output. Raises ``Failed`` where a request failed, as its speed says nothing."""
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise Failed(f"wrk did not end well: {output.strip()[-300:]}")
    requests, duration_us, p50_us, p99_us, bad = map(float, line.removeprefix(MARK).split())
    if bad or not requests:
        raise Failed(f"{bad:.0f} of {requests:.0f} requests failed")
    return int(requests), duration_us / 1e6, p50_us, p99_us


def run(ask: Ask, program: Program, core: int | None, connections: int, seconds: float, folder: Path) -> Load:
    """The load comes from the core that this process has; ``core`` is that of ``program``."""
    lua = folder / "ask.lua"
    lua.write_text(script(ask))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(lua)]
    before, busy = cpu_s(program.pid), busy_s(core)
    done = subprocess.run([*command, f"http://127.0.0.1:{program.port}{ask.path}"], capture_output=True, text=True, check=False)
    spent, had = cpu_s(program.pid) - before, busy_s(core) - busy
    requests, taken_s, p50_us, p99_us = read(done.stdout + done.stderr)
    return Load(requests / taken_s, p50_us, p99_us, spent / requests * 1e6, max(0.0, had - spent) / taken_s)
