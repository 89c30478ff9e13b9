"""``dragoman config example``: a complete dragoman.toml to begin with."""

from __future__ import annotations

import typer


def example() -> None:
    """Print a complete dragoman.toml with its explanations.

    It works as it is: dragoman config example > dragoman.toml
    """
    from dragoman.gateway.config.example import EXAMPLE

    typer.echo(EXAMPLE, nl=False)
