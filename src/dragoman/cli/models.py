"""``dragoman models``: the models that the catalogue lists, or those that a provider's own server tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dragoman.cli.rows import print_rows
from dragoman.cli.screen import console, print_json, say, surroundings
from dragoman.core.errors import UsageError

if TYPE_CHECKING:
    from dragoman.catalogue.schema import Provider
    from dragoman.settings import Surroundings


def models(
    provider: Annotated[str | None, typer.Argument(help="One provider; without it all of them.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the provider's own server.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds that any single wait may take, with --live.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list.")] = False,
) -> None:
    """List models by the names that `dragoman chat -m` takes.

    The catalogue's list is the package's own and not complete: a provider takes any model of its own unless it says otherwise.
    """
    if live and provider is None:
        raise UsageError("provider: none was named; --live asks one, such as: dragoman models openai --live")
    around = surroundings()
    catalogue = around.catalogue()
    rows = list(catalogue) if provider is None else [catalogue.provider(provider)]
    found = _live(rows[0], around, timeout) if live else [_listed(row, model.name) for row in rows for model in row.models]
    if as_json:
        print_json(found)
        return
    _show(found, rows, live=live)


def _show(found: list[dict[str, Any]], rows: list[Provider], *, live: bool) -> None:
    from rich.text import Text

    rows_shown = [
        (
            one["model"],
            _count(one["context_tokens"]),
            _count(one["output_tokens"]),
            Text("default", "dim") if one["default"] else "",
        )
        for one in found
    ]
    if found:
        print_rows(console(), ("model", "context", "answer", "note"), rows_shown)
    silent = [row.name for row in rows if not any(one["provider"] == row.name for one in found)]
    if silent:
        note = (
            f"{silent[0]}: its server has no model"
            if live
            else f"dragoman models NAME --live asks the server itself; of these only it knows the models: {', '.join(silent)}"
        )
        say(console(stderr=True), Text(note, "dim"))


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _live(row: Provider, around: Surroundings, timeout: float) -> list[dict[str, Any]]:
    from dragoman.cli.reach import live_models
    from dragoman.client import Client
    from dragoman.core.exchange import Timeouts

    with Client(environment=around.environment) as client:
        return [_listed(row, name) for name in live_models(client, row, Timeouts.of(timeout))]


def _listed(row: Provider, name: str) -> dict[str, Any]:
    known = next((model for model in row.models if model.name == name), None)
    return {
        "model": f"{row.name}/{name}",
        "provider": row.name,
        "context_tokens": known and known.context_tokens,
        "output_tokens": known and known.output_tokens,
        "default": name == row.default_model,
    }
