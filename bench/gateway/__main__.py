"""``make bench-gateway``: the tables of docs/reference/speed.md; ``--write`` puts them there."""

from __future__ import annotations

import argparse
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.gateway import machine, tables
from bench.gateway.contenders import DIRECT, GATEWAYS, LITELLM_ROW, NGINX, Contender, Place, Start, servers
from bench.gateway.scenes import CONNECTIONS, Plan, in_turns, say, streaming, weights, whole_answers

SCRIPT: Final = machine.ROOT / "scripts" / "install-debian.sh"
PAGE: Final = machine.ROOT / "docs" / "reference" / "speed.md"
MARKS: Final = ("<!-- bench-gateway: begin -->", "<!-- bench-gateway: end -->")
NEEDED: Final = {"nginx": "nginx-light", "wrk": "wrk"}
FILES_BESIDE: Final = 400
"""What a program opens besides its streams."""
Starts = Mapping[str, Start]
FULL: Final = Plan(rounds=5, seconds=3)
QUICK: Final = Plan(rounds=1, seconds=1, open_streams=500, open_events_per_s=2, starts=1)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-gateway ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, for a first look")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--seconds", type=float, help="of each run")
    parser.add_argument("--open-streams", type=int, help="how many are open at once where memory is measured; 2,000 by default")
    parser.add_argument("--only", action="append", choices=[one.server for one in GATEWAYS], help="measure these servers alone")
    parser.add_argument("--scene", action="append", choices=sorted(SCENES), help="measure this alone")
    parser.add_argument("--with-litellm", action="store_true", help="install LiteLLM's proxy from PyPI for this run, and measure it too")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(machine.ROOT)}")
    return parser.parse_args(given)


def plan_of(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else FULL
    chosen = {name: getattr(options, name) for name in ("rounds", "seconds", "open_streams")}
    return plan._replace(**{name: value for name, value in chosen.items() if value is not None})


def contenders_of(options: argparse.Namespace) -> list[Contender]:
    chosen = [one for one in GATEWAYS if options.only is None or one.server in options.only]
    return [*chosen, LITELLM_ROW] if options.with_litellm else chosen


# --- what is needed


def install() -> None:
    """What is missing, where this machine allows it. Raises ``SystemExit`` where it does not."""
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        subprocess.run([str(SCRIPT), *missing], check=False)
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if absent:
        raise SystemExit(
            f"bench-gateway needs {' and '.join(absent)}; on Debian: apt-get install {' '.join(NEEDED[one] for one in absent)}"
        )
    if not sys.platform.startswith("linux"):
        raise SystemExit("bench-gateway reads /proc and uses epoll: it runs on Linux alone")


def install_litellm(folder: Path) -> Path:
    """LiteLLM's command, in an environment of its own below ``folder``."""
    say("installing LiteLLM")
    venv.create(folder, with_pip=True)
    done = subprocess.run([folder / "bin" / "pip", "install", "--quiet", "litellm[proxy]"], check=False)
    if done.returncode:
        raise SystemExit("bench-gateway: LiteLLM cannot be installed here; leave --with-litellm out")
    return folder / "bin" / "litellm"


@contextmanager
def orderly_end() -> Iterator[None]:
    """Being told to end, or losing the terminal, ends what was started as Ctrl-C does."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- the scenes


def load_scene(place: Place, plan: Plan, contenders: list[Contender], starts: Starts) -> list[str]:
    rows = [DIRECT, NGINX, *contenders]
    with whole_answers(place, contenders, starts) as run:
        warm = in_turns(lambda one: run(one, CONNECTIONS, 1), rows, [], 1)  # connections to the provider are made, code is loaded
        fit = [one for one in contenders if warm[one.name]]
        many = in_turns(lambda one: run(one, CONNECTIONS, plan.seconds), [DIRECT, *fit], [NGINX], plan.rounds)
        single = in_turns(lambda one: run(one, 1, plan.seconds), fit, [DIRECT, NGINX], plan.rounds)
    return [tables.load_table(rows, many), tables.delay_table(rows, single)]


def stream_scene(place: Place, plan: Plan, contenders: list[Contender], starts: Starts) -> list[str]:
    rows = [NGINX, *(one for one in contenders if one.streams)]
    trials = streaming(place, plan, rows[1:], starts)
    return [tables.event_table(rows, trials, plan.streams, plan.events_per_s), tables.first_table(rows, trials, plan.streams)]


def weight_scene(place: Place, plan: Plan, contenders: list[Contender], starts: Starts) -> list[str]:
    rows = [NGINX, *(one for one in contenders if one.streams)]
    return [tables.weight_table(rows, weights(place, plan, rows, starts), plan.open_streams)]


SCENES: Final = {"load": load_scene, "streams": stream_scene, "weight": weight_scene}


def measure(plan: Plan, options: argparse.Namespace) -> str:
    cores = machine.cores()
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})
    plan, files = fitting(plan)
    parts = []
    with orderly_end(), tempfile.TemporaryDirectory(prefix="bench-gateway-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # a web server that gives its rights away must still reach its files
        starts = servers(install_litellm(folder / "litellm") if options.with_litellm else None)
        place = Place(cores, folder, 0, False, f"sk-{secrets.token_urlsafe(32)}", files)
        for scene in options.scene or SCENES:
            parts += SCENES[scene](place, plan, contenders_of(options), starts)
    return "\n\n".join([*parts, record(plan, cores)])


def fitting(plan: Plan) -> tuple[Plan, int]:
    """The plan with no more open streams than the machine has files for, and how many files a program may open."""
    files = machine.allow_files(2 * plan.open_streams + FILES_BESIDE)
    most = (files - FILES_BESIDE) // 2
    if plan.open_streams > most:
        say(f"a process may open {files} files here: {most} streams are opened instead of {plan.open_streams}")
    return plan._replace(open_streams=min(plan.open_streams, most)), files


def record(plan: Plan, cores: machine.Cores) -> str:
    """What this was measured on, and when."""
    pinned = "gateway and load on a core each" if cores.gateway is not None else "one core for everything, which distorts the figures"
    versions = [f"{name} {version(name)}" for name in ("dragoman", "uvloop", "httptools", "msgspec")]
    where = f"{datetime.now(UTC):%Y-%m-%d}, {machine.processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    programs = f"CPython {platform.python_version()}, {spoken('nginx', '-v')}, {spoken('wrk', '-v')}, {', '.join(versions)}"
    return f"Measured {where}; {pinned}; {programs}; {plan.rounds} rounds of {plan.seconds:g} s."


def spoken(*command: str) -> str:
    """A program's name and version, as it says them."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return f"{command[0]} {found[0] if found else 'of unknown version'}"


def main() -> None:
    options = arguments(sys.argv[1:])
    install()
    try:
        text = measure(plan_of(options), options)
    except KeyboardInterrupt:
        raise SystemExit("bench-gateway: broken off; what it had started is ended") from None
    except machine.Failed as fault:
        raise SystemExit(f"bench-gateway: {fault}") from None
    print(text)
    if options.write:
        PAGE.write_text(placed(PAGE.read_text(), text))


def placed(page: str, text: str) -> str:
    """The page with ``text`` between its marks."""
    before, _, rest = page.partition(MARKS[0])
    return f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"


if __name__ == "__main__":
    main()
