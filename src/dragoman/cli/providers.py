"""``dragoman providers``: every row of the catalogue, and how it stands on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dragoman.cli.rows import has_room, print_rows
from dragoman.cli.screen import console, print_json, surroundings

if TYPE_CHECKING:
    from rich.text import Text

    from dragoman.cli.standing import Standing

Cell = TypeVar("Cell")


def providers(as_json: Annotated[bool, typer.Option("--json", help="A JSON list.")] = False) -> None:
    """List the providers: which key each reads and whether it was found, and which address holds.

    Nothing is contacted; `dragoman doctor` does that.
    """
    from dragoman.cli.standing import standings

    all_of_them = list(standings(surroundings()))
    if as_json:
        print_json([_as_json(one) for one in all_of_them])
        return
    out = console()
    columns: tuple[str, ...] = ("name", "provider", "dialect", "key", "address")
    rows = [_row(one) for one in all_of_them]
    if not has_room(out, columns, rows):
        columns, rows = _without_title(columns), list(map(_without_title, rows))
    print_rows(out, columns, rows)


def _row(one: Standing) -> tuple[Text | str, ...]:
    from rich.text import Text

    return Text(one.name, "bold"), one.row.title, Text(one.row.dialect, "dim"), _key(one), _address(one)


def _without_title(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Where there is no room for title and dialect."""
    return cells[0], *cells[3:]


def _key(one: Standing) -> Text:
    from rich.text import Text

    style = "green" if one.key_place else "yellow" if one.lacks_key else "dim"
    return Text(one.key_words, style)


def _address(one: Standing) -> Text:
    from rich.text import Text

    text = Text(one.base_url)
    if one.base_url_variable:
        text.append(f" (by {one.base_url_variable})", "green")
    elif one.is_gone:
        text.append(" (gone)", "dim")
    elif one.row.local:
        text.append(" (local)", "dim")
    return text


def _as_json(one: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.row.title,
        "dialect": one.row.dialect,
        "key": one.key_place,
        "key_variables": one.row.auth.variables,
        "key_required": one.needs_key,
        "base_url": one.base_url,
        "base_url_variable": one.base_url_variable,
        "default_model": one.row.default_model,
        "working": one.row.working,
        "local": one.row.local,
        "note": one.row.note,
    }
