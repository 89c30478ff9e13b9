"""Rows of a list on a screen: a table where there is room for one, else each row as lines of its own. No name is ever cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dragoman.cli.screen import plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

LEAST: Final = 20
"""So much room a column wants whose words may be broken; with less it is harder to read than lines are."""
GAP: Final = 2


def print_rows(out: Console, columns: Sequence[str], rows: Sequence[Sequence[Text | str]]) -> None:
    """Print ``rows``, of which the first cell is the name."""
    table = plain_table(*columns)
    cells = [[_text(cell) for cell in row] for row in rows]
    if _fitted(table, cells, out.width):
        for row in cells:
            table.add_row(*row)
        _print_table(out, table)
        return
    for row in cells:
        out.print(row[0], soft_wrap=True)
        out.print(_below(columns[1:], row[1:]))


def has_room(out: Console, columns: Sequence[str], rows: Sequence[Sequence[Text | str]]) -> bool:
    """Whether ``rows`` stand in a table."""
    return _fitted(plain_table(*columns), [[_text(cell) for cell in row] for row in rows], out.width)


def _print_table(out: Console, table: Table) -> None:
    """In a pipe without the blanks that fill a row, which a terminal behind it would break into lines."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as told:
        out.print(table)
    for line in told.get().splitlines():
        out.print(line.rstrip(), soft_wrap=True, markup=False)


def _text(cell: Text | str) -> Text:
    from rich.text import Text

    return Text(cell) if isinstance(cell, str) else cell


def _fitted(table: Table, cells: list[list[Text]], width: int) -> bool:
    """Whether the table has room; a line may end before a key's name, and within an address."""
    texts = [[str(column.header), *(row[i].plain for row in cells)] for i, column in enumerate(table.columns)]
    widest = [max(map(len, one)) for one in texts]
    if sum(widest) + GAP * (len(widest) - 1) <= width:
        return True
    least = [one if column.no_wrap else min(one, _least(words)) for one, column, words in zip(widest, table.columns, texts, strict=True)]
    for column, one in zip(table.columns[:-1], least[:-1], strict=True):
        column.width = one  # said, or Rich would take from each what is too much, and cut
    return sum(least) + GAP * len(least) <= width


def _least(texts: list[str]) -> int:
    return max([LEAST, *(len(word) for text in texts for word in text.split() if "://" not in word)])


def _below(columns: Sequence[str], row: Sequence[Text]) -> Padding:
    """What a row holds besides its name, one cell a line with its column's name before it."""
    from rich.padding import Padding
    from rich.table import Table

    lines = Table.grid(padding=(0, GAP, 0, 0))
    lines.add_column(style="dim", no_wrap=True, min_width=max(map(len, columns)))
    lines.add_column(overflow="fold")
    for column, cell in zip(columns, row, strict=True):
        if cell:
            lines.add_row(column, cell)
    return Padding(lines, (0, 0, 0, GAP))
