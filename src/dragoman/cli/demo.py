"""``dragoman demo``: what this package does, shown with emulated providers in a quarter of a minute."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
import typer

from dragoman.cli.rows import print_rows
from dragoman.cli.screen import FAILED, console, describe, redacted

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table

    from dragoman.cli.demonstration.faults import Outcome
    from dragoman.cli.demonstration.stage import Stage
    from dragoman.cli.demonstration.ways import Act, Way
    from dragoman.emulator import Emulator

PROVIDERS: Final = ("raycast", "lockchat", "gravityengine", "equing", "openai")
TTFT_S: Final = 0.1
TOKENS_PER_SECOND: Final = 60.0
_LOG_WIDTH: Final = 100
_COLUMNS: Final = ("provider", "first token", "tokens/s", "tokens", "errors")
WIDE: Final = 72
"""Columns from which on there is room for tables."""


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, as it went. ``first_s`` is ``None`` where a process had to start first, or nothing came."""

    provider: str
    text: str
    first_s: float | None
    total_s: float
    error: str | None = None


def demo() -> None:
    """Show a conversation with every legacy provider and OpenAI, in every way of calling, then every fault and its error.

    All of it runs on this machine: the providers are emulated, the answers made up. Nothing is sent elsewhere.
    """
    from dragoman.cli.demonstration.script import speak
    from dragoman.cli.demonstration.stage import Stage
    from dragoman.emulator import Emulator

    out = console()
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = _LOG_WIDTH
    stage = Stage(out)
    begun_s = time.monotonic()
    with _apart(), Emulator(PROVIDERS, scenario=speak, ttft_s=TTFT_S, tokens_per_second=TOKENS_PER_SECOND) as emulator:
        _introduce(stage, emulator)
        takes = [take for name in PROVIDERS for take in _converse(stage, emulator, name)]
        _show_table(stage, takes)
    with _apart(), Emulator(PROVIDERS, scenario=speak) as emulator:
        went_well = _show_faults(stage, emulator)
    out.print(f"\n[dim]{time.monotonic() - begun_s:.0f} s. All answers were emulated on this machine.[/dim]")
    out.print("Try it yourself: [green]dragoman emulate openai[/green], which prints what to type in another terminal.")
    if not went_well or any(take.error for take in takes):
        raise typer.Exit(FAILED)


@contextmanager
def _apart() -> Iterator[None]:
    """Apart from the user's own files, and past any proxy, so that the demonstration is the same everywhere."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(DRAGOMAN_HOME=folder, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _introduce(stage: Stage, emulator: Emulator) -> None:
    from rich.panel import Panel

    stage.out.print(
        Panel(
            "One conversation, five providers, five ways to call each.\n"
            "[bold yellow]The answers are emulated:[/bold yellow] every provider below is a server on this machine\n"
            f"(127.0.0.1:{emulator.port}) that speaks the real one's wire. Nothing leaves it.",
            title="[bold]dragoman demo[/bold]",
            width=stage.width,
            border_style="cyan",
        )
    )


# --- the conversation -------------------------------------------------------------------------------------------------------------------


def _converse(stage: Stage, emulator: Emulator, name: str) -> Iterator[Take]:
    from dragoman.cli.demonstration.script import QUESTIONS
    from dragoman.cli.demonstration.ways import WAYS, Act

    row = next(mount.row for mount in emulator.mounts if mount.name == name)
    stage.title(row.title, f"emulated at {emulator.url(name).removeprefix('http://')}")
    turns: list[dict[str, str]] = []
    for way, question in zip(WAYS, QUESTIONS, strict=True):
        turns = [*turns, {"role": "user", "content": question}]
        take = _perform(stage, way, Act(row, emulator.url(name), turns))
        turns = [*turns, {"role": "assistant", "content": take.text or "…"}]
        yield take


def _perform(stage: Stage, way: Way, act: Act) -> Take:
    from dragoman.cli.demonstration.script import count
    from dragoman.cli.demonstration.ways import command_line
    from dragoman.core.errors import DragomanError

    question = act.turns[-1]["content"]
    stage.code(way.name, way.code.format(model=act.model, provider=act.row.name.capitalize(), question=question))
    stage.out.print(f"  [bold]›[/bold] {question}")
    pen = stage.pen(4)
    pieces: list[str] = []
    first_s: float | None = None
    begun_s = time.monotonic()

    def say(piece: str) -> None:
        nonlocal first_s
        if piece:
            first_s = first_s or time.monotonic() - begun_s
            pieces.append(piece)
            pen.write(piece)

    error = None
    try:
        way.run(act, say)
    except DragomanError as fault:
        error = redacted(describe(fault))
    total_s, text = time.monotonic() - begun_s, "".join(pieces)
    pen.end(error or f"{count(text)} tokens, {total_s:.2f} s")
    is_process = way.run is command_line
    return Take(provider=act.row.title, text=text, first_s=None if is_process else first_s, total_s=total_s, error=error)


# --- the tables -------------------------------------------------------------------------------------------------------------------------


def _show_table(stage: Stage, takes: list[Take]) -> None:
    stage.title("How it went", "emulated: 0.1 s to the first token, then 60 tokens/s")
    names = dict.fromkeys(take.provider for take in takes)
    rows = [(name, *_figures([take for take in takes if take.provider == name])) for name in names]
    if stage.width < WIDE:
        print_rows(stage.out, _COLUMNS, rows)
    else:
        stage.out.print(_speed_table(stage, rows))
    stage.out.print(
        "[dim]Times are those of the four ways inside this process; the command line's first token waits for Python to start.\n"
        "Gravityengine answers whole, so its first token is its last.[/dim]"
    )


def _speed_table(stage: Stage, rows: Sequence[tuple[str, ...]]) -> Table:
    from rich.table import Table

    table = Table(width=stage.width, box=_lines(stage.out), header_style="bold", border_style="dim")
    table.add_column(_COLUMNS[0], ratio=2)
    for column in _COLUMNS[1:]:
        table.add_column(column, justify="right", ratio=1)
    for row in rows:
        table.add_row(*row)
    return table


def _figures(takes: list[Take]) -> tuple[str, str, str, str]:
    """First-token time (median), tokens a second after it, tokens and errors of one provider."""
    from statistics import median

    from dragoman.cli.demonstration.script import count

    timed = [(take, take.first_s) for take in takes if take.first_s is not None]
    first = f"{median(first_s for _, first_s in timed):.2f} s" if timed else "–"
    spoken_s = sum(take.total_s - first_s for take, first_s in timed)
    spoken = sum(count(take.text) - 1 for take, _ in timed)
    is_whole = spoken_s < 0.01 * max(1, len(timed))
    speed = "whole" if is_whole else f"{spoken / spoken_s:.0f}"
    return first, speed, str(sum(count(take.text) for take in takes)), str(sum(take.error is not None for take in takes))


def _show_faults(stage: Stage, emulator: Emulator) -> bool:
    """Every fault and what became of it. Says whether every answer was kept as far as it had come."""
    from dragoman.cli.demonstration.faults import outcomes

    stage.title("What goes wrong, and what you get", "each asked for once, without retries")
    with stage.out.status("[dim]each fault, once …[/dim]") if stage.out.is_terminal else _nothing():
        found = list(outcomes(emulator))
    if stage.width < WIDE:
        _list_faults(stage, found)
    else:
        stage.out.print(_fault_table(stage, found))
    stage.out.print(
        "[dim]kept: tokens that had arrived; they are in the error's partial answer, never lost and never passed off as whole.[/dim]"
    )
    return all(one.is_expected for one in found)


def _fault_table(stage: Stage, found: list[Outcome]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(width=stage.width, box=_lines(stage.out), header_style="bold", border_style="dim")
    table.add_column("fault", ratio=4, overflow="fold")
    table.add_column("error", min_width=14)
    table.add_column("it says", ratio=6)
    table.add_column("kept", justify="right", min_width=8)
    for one in found:
        what = Text.assemble((one.what, "bold"), "\n", (one.asked, "green"))
        table.add_row(what, Text(one.error, _colour(one)), Text(one.message), one.kept)
    return table


def _list_faults(stage: Stage, found: list[Outcome]) -> None:
    from rich.text import Text

    for one in found:
        stage.out.print(Text.assemble("\n", (one.what, "bold"), ": ", (one.asked, "green")))
        stage.out.print(Text.assemble((one.error, _colour(one)), f": {one.message}; kept: {one.kept}"))


def _colour(one: Outcome) -> str:
    return "green" if one.error == "none" else "bold red"


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _lines(out: Console) -> Box:
    from rich import box

    return box.ROUNDED if out.encoding.lower().startswith("utf") else box.ASCII
