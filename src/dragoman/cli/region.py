"""The last lines of a terminal, redrawn as they change, under a scrollback that is written once and never again.

The law: no line that is final is drawn twice, so what scrolled away is never doubled; what still changes is shown as far as the screen is
high, its end first. Rows hold their own colours; the cursor stands on the line below the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Size: TypeAlias = tuple[int, int]
"""Columns and lines."""

_HIDE: Final = "\x1b[?25l"
_SHOW: Final = "\x1b[?25h"
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
"""Synchronised output: a terminal that knows it shows what stands between in one go, any other ignores it."""
_ERASE_LINE: Final = "\x1b[2K"
_ERASE_BELOW: Final = "\x1b[J"
"""Never sent at the top left of the screen: some terminals then keep what they erase in their scrollback."""
_SPARE_LINES: Final = 2
"""The cursor's line, and one above, so that the top left is never reached."""
_RESET: Final = "\x1b[0m"


class Region:
    """What is drawn and may still change. Not for several threads at once."""

    def __init__(self, write: Callable[[str], object], size: Callable[[], Size], width_of: Callable[[str], int]) -> None:
        self._write = write
        self._size = size
        self._width_of = width_of
        self._rows: list[str] = []
        self._drawn_at: Size = (0, 0)

    def draw(self, settled: Sequence[str], live: Sequence[str]) -> None:
        """Make ``settled`` final in place of what was live, and show ``live`` below it, or as much of its end as fits."""
        size = self._size()
        shown = list(live[-max(1, size[1] - _SPARE_LINES) :])
        rows = [*settled, *shown]
        kept = self._unchanged(rows) if size == self._drawn_at else 0
        up = self._height(self._rows[kept:], size[0])
        if up or rows[kept:]:
            text = "".join(f"{_ERASE_LINE}{row}{_RESET}\n" for row in rows[kept:])
            back = f"\x1b[{up}A" if up else ""
            self._write(f"{_BEGIN}{_HIDE}\r{back}{text}{_ERASE_BELOW}{_END}")
        self._rows, self._drawn_at = shown, size

    def _unchanged(self, rows: Sequence[str]) -> int:
        for at, (old, new) in enumerate(zip(self._rows, rows, strict=False)):
            if old != new:
                return at
        return min(len(self._rows), len(rows))

    def _height(self, rows: Sequence[str], columns: int) -> int:
        """Lines that ``rows`` take now: a terminal that became narrower has wrapped them."""
        if columns == self._drawn_at[0]:
            return len(rows)
        return sum(max(1, -(-self._width_of(row) // max(1, columns))) for row in rows)

    def close(self) -> None:
        """Leave what is drawn as it is and show the cursor again."""
        self._rows = []
        self._write(f"\r{_ERASE_LINE}{_SHOW}")  # a terminal shows ^C where the cursor stood
