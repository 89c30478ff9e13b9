"""``dragoman emulate``: providers on this machine, for trying out and for tests; offline and without an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dragoman.cli.screen import console, surroundings, without_controls
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dragoman.catalogue.schema import Provider
    from dragoman.emulator import Record, Scenario

_COLOURS = {"finished": "green", "refused": "yellow", "cut": "red", "abandoned": "magenta"}
ANY_KEY: Final = "any-key"
"""No word of an answer or an id: a key is taken out of whatever is shown."""


def emulate(
    names: Annotated[list[str] | None, typer.Argument(help="Providers, as `dragoman providers` names them.")] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; a loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 4010,
    scenario: Annotated[
        str, typer.Option("--scenario", help="What is answered: echo, lorem:TOKENS, canned:TEXT, or a scenario file (.toml, .json).")
    ] = "echo",
    ttft: Annotated[float, typer.Option("--ttft", min=0, help="Seconds before the first token.")] = 0.2,
    tokens_per_second: Annotated[float, typer.Option("--tokens-per-second", min=0, help="Speed; 0 is as fast as may be.")] = 40.0,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="What goes wrong, such as status=429 or cut-after=400. May be repeated.")
    ] = None,
) -> None:
    """Serve providers on this machine: their wire, made-up answers, no account. Ctrl-C ends it.

    A single request asks for a fault behind its model's name: dragoman chat -m 'openai/gpt-4.1!cut-after=200' …
    """
    from dragoman.emulator.service import serve

    catalogue = surroundings().catalogue()
    if not names:
        raise UsageError(
            "names: none was given; name providers, such as: dragoman emulate openai anthropic (`dragoman providers` lists them)"
        )
    out = console()
    serve(
        names,
        host,
        port,
        scenario=read_scenario(scenario),
        ttft_s=ttft,
        tokens_per_second=tokens_per_second or None,
        faults=fault,
        catalogue=catalogue,
        on_ready=lambda ready: _announce(out, [(catalogue.provider(name), url) for name, url, _ in ready]),
        on_request=lambda record: out.print(line(record), soft_wrap=True),
    )
    out.print("\n[dim]Ended.[/dim]")


def read_scenario(given: str) -> str | Path | Scenario:
    """A scenario as the emulator takes it: ``name:value`` and ``name=value`` mean the same, and a file may be named by itself."""
    name, mark, value = given.partition(":")
    if mark and name in ("lorem", "canned", "script"):
        return f"{name}={value}"
    if Path(given).suffix in (".toml", ".json") and "=" not in given:
        return Path(given)
    return given


def _announce(out: Console, served: list[tuple[Provider, str]]) -> None:
    out.print("[bold]Emulated on this machine; every answer is made up.[/bold] Ctrl-C ends it.\n")
    for row, url in served:
        out.print(f"[bold]{row.title}[/bold]  {url}", soft_wrap=True)
        for shell in environment_lines(row, url):
            out.print(f"  {shell}", style="cyan", soft_wrap=True, markup=False)
    first = next((row for row, _ in served if row.answers_prompts), None)
    model = first and (first.name if first.default_model else f"{first.name}/any")
    then = f', then: dragoman chat -m {model} "Hello"' if model else "."
    out.print(f"\n[dim]Paste the lines into another terminal{then}[/dim]\n", soft_wrap=True)


def environment_lines(row: Provider, url: str) -> list[str]:
    """The lines for a shell that send requests for ``row`` to ``url``."""
    lines = [f"export {variable}={url}" for variable in row.base_url_variables[:1]]
    if row.auth.required and row.auth.variables:
        lines.append(f"export {row.auth.variables[0]}={ANY_KEY}")
    return lines or [f"--base-url {url}"]


def line(record: Record) -> Text:
    """One request, as a line."""
    from rich.text import Text

    took = "" if record.ended_s is None else f"{record.ended_s - record.started_s:.2f} s"
    asked = record.request or record.asked
    streamed = " streamed" if getattr(asked, "stream", False) else ""
    what = f"{record.operation or ''} {getattr(asked, 'model', None) or ''}{streamed}".strip()
    outcome = record.outcome or "under way"
    return Text.assemble(
        (f"{record.status or '–'!s:>3} ", "bold"),
        (f"{outcome:<9} ", _COLOURS.get(outcome, "")),
        f"{record.provider or '–'} ",
        (without_controls(f"{record.method} {record.path} "), "dim"),
        without_controls(what),
        (f"  {record.sent_bytes} bytes, {took}", "dim"),
        (f"  {without_controls(record.error.message)}" if record.error else "", "yellow"),
    )
