"""``make bench``: import time, the time ``complete()`` adds to a bare call, and the cost of decoding a chunk; with ``--write`` into README.

Every figure is the median of rounds in which the programs compared take turns, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import calls, dialects, upstream

README = Path(__file__).parent.parent / "README.md"
MARKS = ("<!-- bench: begin -->", "<!-- bench: end -->")
CHUNK = (
    b'data: {"id":"chatcmpl-CMKAtIAKW1eiFzDAZmCcrbvHgyoSw","object":"chat.completion.chunk","created":1759436803,"model":"gpt-4o",'
    b'"service_tier":"default","system_fingerprint":"fp_cbf1785567","choices":[{"index":0,"delta":{"content":" rivers"},"logprobs":null,'
    b'"finish_reason":null}],"usage":null,"obfuscation":"BEZvnVuFF"}\n\n'
)
Row = tuple[str, str, str, str]


def rounds(programs: Mapping[str, Callable[[], object]], repeat: int, number: int) -> dict[str, float]:
    """Median seconds of one call of each program, over ``repeat`` rounds of ``number`` calls each, taken in turns."""
    for program in programs.values():
        for _ in range(max(1, number // 10)):
            program()
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeat):
        for name, program in programs.items():
            begun = time.perf_counter()
            for _ in range(number):
                program()
            times[name].append((time.perf_counter() - begun) / number)
    return {name: statistics.median(taken) for name, taken in times.items()}


def import_rows() -> list[Row]:
    """What ``import`` costs beyond starting Python, in whole processes."""
    names = [name for name in ("dragoman", "openai", "litellm") if find_spec(name)]
    first_use = "import dragoman; dragoman.Client"
    statements = {"": "pass", "dragoman.Client": first_use, **{name: f"import {name}" for name in names}}
    programs = {name: partial(subprocess.run, [sys.executable, "-c", text], check=True) for name, text in statements.items()}
    taken = rounds(programs, 7, 1)
    rows = []
    for name in ("dragoman", "dragoman.Client", *names[1:]):
        cost = (taken[name] - taken[""]) * 1000
        bar = "≤ 60 ms" if name == "dragoman" else ""
        rows.append((f"`import {name}`" if "." not in name else f"the same and `{name}`", f"{max(cost, 0):.0f} ms", "", bar))
    return rows


def call_rows() -> list[Row]:
    """One blocking call over a kept connection to nginx, which answers at once."""
    nginx = upstream.find_nginx()
    if nginx is None:
        return [("one call", "not measured", "nginx is missing (Debian: nginx-light)", "")]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with upstream.running(nginx, cores[-1] if len(cores) > 1 else None) as port, ExitStack() as stack:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})
        made = {name: make(port, stack) for name, make in calls.CALLERS.items()}
        taken = rounds({name: call for name, call in made.items() if call is not None}, 25, 100)
        if len(cores) > 1:
            os.sched_setaffinity(0, set(cores))
    least = taken["bare socket + httptools"]
    rows = [(f"one call, {name}", f"{seconds * 1e6:.0f} µs", f"{seconds / least:.1f} × bare", "") for name, seconds in taken.items()]
    added = (taken["dragoman"] - least) * 1e6
    return [*rows, ("`complete()` adds", f"{added:.0f} µs", "", "≤ 50 µs")]


def dialect_rows() -> list[Row]:
    """One text delta of each dialect, fed or sent by itself. A program takes its turns alone, so that none meets a growing encoder."""
    rows = []
    for name, program in dialects.programs({"openai_chat": CHUNK}).items():
        taken = rounds({name: program}, 9, 5_000)
        rows.append((name, f"{taken[name] * 1e6:.2f} µs", "", "≤ 5 µs"))
    return rows


def machine() -> str:
    """What this was measured on, and when."""
    names = ("dragoman", "httptools", "msgspec", "openai", "litellm")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    cores = os.cpu_count()
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {platform.machine()} {platform.system()}, {cores} cores, CPython {platform.python_version()}; {', '.join(versions)}"


def table(rows: list[Row]) -> str:
    lines = ["| what | measured | ratio | bar |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", f"Measured {machine()}."])


def main() -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices when it is imported
    text = table([*import_rows(), *call_rows(), *dialect_rows()])
    print(text)
    if "--write" in sys.argv[1:]:
        before, _, rest = README.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        README.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()
