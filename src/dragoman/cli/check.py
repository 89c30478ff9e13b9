"""``dragoman check config``: whether a dragoman.toml is in order, and what it serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.screen import console, plain_table, surroundings
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from dragoman.gateway.setup import Setup


def config(
    file: Annotated[Path | None, typer.Argument(help="The file; without one it is looked for as `dragoman serve` does.")] = None,
) -> None:
    """Check a dragoman.toml: print what it serves, or everything that is wrong with it, and then end with status 2.

    Nothing is contacted.
    """
    from dragoman.gateway.config_file import find_config, read_config
    from dragoman.gateway.setup import Setup

    around = surroundings()
    path = find_config(file, around)
    if path is None:
        raise UsageError("file: there is no dragoman.toml here and none in your own folder; `dragoman config example` prints one")
    setup = Setup(read_config(path, around.environment), around)
    out = console()
    out.print(f"[green]✓[/green] [bold]{path}[/bold] is in order. {_serving(setup)}", soft_wrap=True)
    for table in (_providers(setup), _models(setup), _keys(setup)):
        if table.row_count:
            out.print()
            out.print(table)


def _serving(setup: Setup) -> str:
    workers = f", {setup.config.workers} workers" if setup.config.workers > 1 else ""
    lacking = "" if setup.providers else "; no provider is served, as the environment holds no provider's key"
    return f"It listens on {setup.config.listen}{workers}{lacking}."


def _providers(setup: Setup) -> Table:
    table = plain_table("provider", "key", "address")
    for name in setup.providers:
        table.add_row(f"[bold]{name}[/bold]", *_standing(setup, name))
    return table


def _standing(setup: Setup, name: str) -> tuple[str, str]:
    """Where the provider's key and its address come from."""
    from dragoman.cli.standing import standing
    from dragoman.transport.target import shown

    stands = standing(setup.catalogue.provider(name), setup.surroundings)
    told = setup.config.providers.get(name)
    key = "in the file" if told and told.key is not None else stands.key_words
    return key, shown(told.base_url) if told and told.base_url is not None else stands.base_url


def _models(setup: Setup) -> Table:
    table = plain_table("model", "leads to")
    for name, told in setup.config.models.items():
        hidden = " [dim](hidden)[/dim]" if told.hidden else ""
        table.add_row(f"[bold]{name}[/bold]{hidden}", "[dim], then [/dim]".join(told.targets))
    return table


def _keys(setup: Setup) -> Table:
    table = plain_table("key of", "may ask for")
    for name, told in setup.config.keys.items():
        table.add_row(f"[bold]{name}[/bold]", ", ".join(told.models) or "everything")
    return table
