"""On which line of a TOML file each value stands, which ``tomllib`` does not tell.

It reads only text that ``tomllib`` has accepted, so that it need not find faults: tables, keys (bare, quoted, dotted), strings in all four
forms, lists and inline tables. A value's line is that of its key, or in a list that on which it begins. TOML 1.0,
https://toml.io/en/v1.0.0 (read 2026-11-21).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""Where a value is: names of tables and keys, numbers in lists."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*(\.?)""")
_STRING: Final = re.compile(
    r'''"""(?:[^\\]|\\[\s\S])*?"{3,5}|\'\'\'[\s\S]*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
)
_OTHER: Final = re.compile(r"[^,\]}#\r\n]+")


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of every table, key and list entry in ``text``, which is valid TOML."""
    return _Scan(text).lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text = text
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._at = 0
        self._counts: dict[Place, int] = {}
        table: Place = ()
        while not self._skip_blank():
            table = self._header() if text[self._at] == "[" else self._pair(table)

    def _skip_blank(self) -> bool:
        """Go on to what is no blank and no comment; whether there is nothing more."""
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at >= len(self._text)

    def _header(self) -> Place:
        at, many = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        table = self._inside(self._key())
        self._at += 2 if many else 1
        if many:
            self._counts[table] = self._counts.get(table, -1) + 1
            self._note(table, at)
            table = (*table, self._counts[table])
        self._note(table, at)
        return table

    def _inside(self, key: Place) -> Place:
        """A header's whole place: where its beginning names a list of tables, it means the last of them."""
        place: Place = ()
        for part in key[:-1]:
            place = (*place, part)
            place = (*place, self._counts[place]) if place in self._counts else place
        return (*place, key[-1])

    def _pair(self, table: Place) -> Place:
        at = self._at
        place = (*table, *self._key())
        for depth in range(len(table) + 1, len(place) + 1):
            self._note(place[:depth], at)
        self._at += 1
        self._value(place)
        return table

    def _key(self) -> Place:
        return tuple(self._parts())

    def _parts(self) -> Iterator[str]:
        more = "."
        while more:
            found = _KEY.match(self._text, self._at)
            assert found, "tomllib has accepted the text"
            self._at = found.end()
            written, more = found.groups()
            yield next(iter(tomllib.loads(f"{written} = 0"))) if written[0] in "\"'" else written

    def _value(self, place: Place) -> None:
        self._skip_blank()
        first = self._text[self._at]
        if first == "[":
            self._list(place)
        elif first == "{":
            self._table(place)
        else:
            found = (_STRING if first in "\"'" else _OTHER).match(self._text, self._at)
            assert found, "tomllib has accepted the text"
            self._at = found.end()

    def _list(self, place: Place) -> None:
        for number in self._entries("]"):
            self._note((*place, number), self._at)
            self._value((*place, number))

    def _table(self, place: Place) -> None:
        for _ in self._entries("}"):
            self._pair(place)

    def _entries(self, end: str) -> Iterator[int]:
        """Stops before each entry, whose reader moves on; then behind ``end``."""
        self._at += 1
        number = 0
        while not self._skip_blank() and self._text[self._at] != end:
            yield number
            number += 1
            self._skip_blank()
            if self._text[self._at] == ",":
                self._at += 1
        self._at += 1

    def _note(self, place: Place, at: int) -> None:
        self.lines.setdefault(place, bisect_right(self._ends, at - 1) + 1)
