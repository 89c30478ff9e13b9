"""``dragoman keys new``: a key for somebody who calls the gateway, shown once; its hash goes into the file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from dragoman.cli.screen import console, say, surroundings
from dragoman.core.errors import UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def new(
    name: Annotated[str, typer.Argument(help="Who will use it: a name for logs and metrics.")],
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The dragoman.toml to write its hash into, in place of the one that is found.")
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Write nothing; print the table for the file.")] = False,
    models: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A model that it may ask for, or a pattern with *. May be repeated.")
    ] = None,
) -> None:
    """Make a key for a caller of the gateway. It is shown once; the file gets its hash alone.

    A running gateway takes it at its next reload: kill -HUP its process.
    """
    from dragoman.gateway.client_keys import new_key

    if not _NAME.fullmatch(name):
        raise UsageError(f"name: {name!r} was given; letters of ASCII, digits, - and _ are allowed, 64 at most")
    path = None if print_only else _file(file)
    key, hashed = new_key()
    table = _table(name, hashed, tuple(models or ()))
    if path is not None:
        _append(path, name, table)
    _show(name, key, table, path)


def _file(given: Path | None) -> Path | None:
    from dragoman.gateway.config.file import find_config

    return find_config(given, surroundings())


def _table(name: str, hashed: str, models: tuple[str, ...]) -> str:
    from dragoman.gateway.config.toml_text import toml_value

    allowed = f"models = {toml_value(list(models))}\n" if models else ""
    return f'[keys.{name}]\nhash = "{hashed}"\n{allowed}'


def _append(path: Path, name: str, table: str) -> None:
    """Put ``table`` behind what the file has. Raises ``UsageError`` where it has one of this name, or cannot hold it."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text).get("keys", {})
        if isinstance(told, dict) and name in told:
            raise UsageError(f"{path}: keys.{name}: there is one of this name already; take another name, or remove that one")
        longer = f"{text.rstrip()}\n\n{table}" if text.strip() else table
        tomllib.loads(longer)
        path.write_text(longer, encoding="utf-8")
    except OSError as fault:
        raise UsageError(f"{path}: cannot be written: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(f"{path}: not valid TOML, or it cannot take a table at its end: {fault}") from None


def _show(name: str, key: str, table: str, path: Path | None) -> None:
    """The key alone on standard output, so that it can be piped into a safe place; all words beside it on standard error."""
    words = console(stderr=True)
    words.print(f"The key of [bold]{name}[/bold], shown this once:" if sys.stdout.isatty() else f"The key of {name} is on standard output.")
    typer.echo(key)
    if path is not None:
        say(words, f"Its hash is in {path}; a running gateway takes it at its next reload (SIGHUP).")
    else:
        say(words, "For the dragoman.toml:\n")
        words.print(table, soft_wrap=True, markup=False, end="")
