"""Painting: what is final is written once, whatever the screen's height and however the words come."""

from __future__ import annotations

import random
import re

import pytest

from dragoman.cli.blocks import split_final
from dragoman.cli.region import Region

TEXT = """# Title

A paragraph
of two lines.

- a
- b

  still b

```python
x = 1

# no heading
```

| a | b |
|---|---|
| 1 | 2 |

The end.
"""


class Screen:
    """A terminal's lines, with those that scrolled away."""

    def __init__(self, columns: int, lines: int) -> None:
        self.size = (columns, lines)
        self.gone: list[str] = []
        self._lines = [""] * lines
        self._row = self._column = 0

    @property
    def text(self) -> list[str]:
        """All that a user can scroll through."""
        return "\n".join([*self.gone, *self._lines]).rstrip("\n").split("\n")

    def write(self, text: str) -> None:
        for escape, count, kind, plain in re.findall(r"(\x1b\[\??([0-9;]*)([A-Za-z]))|([^\x1b])", text):
            if escape:
                self._obey(kind, count)
            else:
                self._put(plain)

    def _obey(self, kind: str, count: str) -> None:
        if kind == "A":
            self._row -= int(count)
            assert self._row >= 0, "the cursor was moved above the screen"
        elif kind == "K":
            self._lines[self._row] = ""
        elif kind == "J":
            assert (self._row, self._column) != (0, 0), "erasing from the top left fills some scrollbacks"
            self._lines[self._row] = self._lines[self._row][: self._column]
            self._lines[self._row + 1 :] = [""] * (self.size[1] - self._row - 1)

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._column = 0
            self._row += 1
            if self._row == self.size[1]:
                self.gone.append(self._lines.pop(0))
                self._lines.append("")
                self._row -= 1
        else:
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + letter + line[self._column + 1 :]
            self._column += 1


@pytest.mark.parametrize("height", [3, 5, 12, 50])
@pytest.mark.parametrize("seed", range(5))
def test_rows_settle_once_and_in_order(height: int, seed: int) -> None:
    chance = random.Random(seed)
    screen = Screen(40, height)
    region = Region(screen.write, lambda: screen.size, len)
    final: list[str] = []
    live: list[str] = []
    for step in range(60):
        live.append(f"row {step}")
        if chance.random() < 0.2:
            live[-1] += " grown"
        settled = [live.pop(0) for _ in range(chance.choice((0, 0, 0, 1, len(live))))]
        final += settled
        region.draw(settled, live)
    region.draw(live, [])
    region.close()
    assert screen.text == [*final, *live]


def test_what_is_live_shows_its_end() -> None:
    screen = Screen(40, 6)
    region = Region(screen.write, lambda: screen.size, len)
    region.draw([], [f"row {n}" for n in range(20)])
    assert screen.text == ["row 16", "row 17", "row 18", "row 19"]
    assert screen.gone == []


def test_only_rows_that_changed_are_written() -> None:
    written: list[str] = []
    region = Region(written.append, lambda: (40, 20), len)
    region.draw([], ["one", "two"])
    region.draw([], ["one", "two more"])
    region.draw([], ["one", "two more"])
    assert len(written) == 2
    assert "one" not in written[1]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_final_blocks_joined_are_the_text(size: int) -> None:
    final, rest = "", ""
    for at in range(0, len(TEXT), size):
        more, rest = split_final(rest + TEXT[at : at + size])
        final += more
    assert final + rest == TEXT
    assert rest.startswith("The end.")


@pytest.mark.parametrize(
    ("text", "final"),
    [
        ("one line", ""),
        ("a paragraph\n\n", ""),
        ("a paragraph\n\nb", "a paragraph\n\n"),
        ("- a\n- b\n", ""),
        ("```\ncode\n\nmore\n", ""),
        ("```\ncode\n```\nb", "```\ncode\n```\n"),
        ("a\u2028b\n\nc", "a\u2028b\n\n"),
    ],
)
def test_a_block_is_final_when_another_begins(text: str, final: str) -> None:
    assert split_final(text)[0] == final
