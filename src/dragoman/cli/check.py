"""``dragoman check config``: whether a dragoman.toml is in order, and what it serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.rows import print_rows
from dragoman.cli.screen import console, say, surroundings
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from dragoman.gateway.setup import Setup


def config(
    file: Annotated[Path | None, typer.Argument(help="The file; without one it is looked for as `dragoman serve` does.")] = None,
) -> None:
    """Check a dragoman.toml: print what it serves, or everything that is wrong with it, and then end with status 2.

    Nothing is contacted.
    """
    from rich.text import Text

    from dragoman.gateway.config.file import find_config, read_config
    from dragoman.gateway.setup import Setup

    around = surroundings()
    path = find_config(file, around)
    if path is None:
        raise UsageError("file: there is no dragoman.toml here and none in your own folder; `dragoman config example` prints one")
    setup = Setup(read_config(path, around.environment), around)
    out = console()
    say(out, Text.assemble(("✓ ", "green"), (str(path), "bold"), f" is in order. {_serving(setup)}"))
    for columns, rows in _lists(setup):
        if rows:
            out.print()
            print_rows(out, columns, rows)


def _serving(setup: Setup) -> str:
    workers = f", {setup.config.workers} workers" if setup.config.workers > 1 else ""
    lacking = "" if setup.providers else "; no provider is served, as the environment holds no provider's key"
    return f"It listens on {setup.config.listen}{workers}{lacking}."


def _lists(setup: Setup) -> Iterator[tuple[tuple[str, ...], list[tuple[Text | str, ...]]]]:
    """Columns and rows of what is served: providers, names of models, callers."""
    yield ("provider", "key", "address"), [(_bold(name), *_standing(setup, name)) for name in setup.providers]
    models = setup.config.models.items()
    yield (
        ("model", "leads to"),
        [(_bold(f"{name}{' (hidden)' if told.hidden else ''}"), ", then ".join(told.targets)) for name, told in models],
    )
    keys = setup.config.keys.items()
    yield ("key of", "may ask for"), [(_bold(name), ", ".join(told.models) or "everything") for name, told in keys]


def _bold(name: str) -> Text:
    from rich.text import Text

    return Text(name, "bold")


def _standing(setup: Setup, name: str) -> tuple[str, str]:
    """Where the provider's key comes from, and where it is called."""
    from dragoman.cli.standing import standing
    from dragoman.transport.target import shown

    row = setup.catalogue.provider(name)
    told = setup.config.providers.get(name)
    key = "in the file" if told and told.key is not None else standing(row, setup.surroundings).key_words_of_one_wanted
    return key, shown(setup.router.place(row, None, None).endpoint.base_url)
