"""``dragoman import litellm``: a dragoman.toml from another gateway's configuration, and what of it has no place here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.screen import console, say, surroundings
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from dragoman.gateway.litellm.config import Carried


def litellm(
    file: Annotated[Path, typer.Argument(help="LiteLLM's config.yaml.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write; without it the result is printed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a dragoman.toml from a LiteLLM config.yaml, and list what could not be carried over, with the reason.

    Nothing is contacted, and no variable's value is read: os.environ/NAME becomes ${NAME}.
    """
    from dragoman.gateway.litellm.config import convert

    if output is not None and output.exists() and not force:
        raise UsageError(f"output: {output} is there already; --force overwrites it")
    carried = convert(file, surroundings().catalogue())
    if output is None:
        typer.echo(carried.text, nl=False)
    else:
        _write(output, carried.text, like=file)
    _tell(carried, output)


def _tell(carried: Carried, output: Path | None) -> None:
    """What was lost and what to look at, on standard error."""
    from rich.text import Text

    words = console(stderr=True)
    for title, style, lines in (("not carried: ", "yellow", carried.lost), ("look at: ", "cyan", carried.advice)):
        for line in lines:
            say(words, Text.assemble((title, style), line))
    if output is not None:
        say(words, Text.assemble((str(output), "bold"), f" was written. Check it with: dragoman check config {output}"))


def _write(path: Path, text: str, like: Path) -> None:
    """Write ``text``, to be read by those who may read ``like``, as either may hold keys."""
    try:
        path.touch()
        path.chmod(like.stat().st_mode & 0o666)
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise UsageError(f"{path}: cannot be written: {fault.strerror}") from None
