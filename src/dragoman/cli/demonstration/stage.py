"""Where the demonstration is shown: words as they come, wrapped at their blanks, on a terminal or in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_LINE: Final = 120
REMARK_WIDTH: Final = 19
"""Room kept at the right margin for what is remarked of an answer."""


class Stage:
    """A console with a pen that keeps inside its margins."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self.width = min(out.width, LONGEST_LINE)

    def title(self, left: str, right: str) -> None:
        """A line across, with a name on its left and a remark on its right."""
        rule = "━" * max(3, self.width - cell_len(left) - cell_len(right) - 5)
        self.out.print(Text.assemble("\n", (f"━ {left} ", "bold cyan"), (rule, "cyan"), (f" {right}", "dim")))

    def code(self, name: str, code: str) -> None:
        """How the next words are asked for; on a line of its own where it does not fit behind its name."""
        lead = f"  {name:<16}"
        if cell_len(lead) + cell_len(code) > self.width:
            lead += "\n    "
        self.out.print(Text.assemble("\n", (lead, "bold"), (code, "green")), soft_wrap=True)

    def pen(self, indent: int, style: str = "") -> Pen:
        return Pen(self, indent, style)


class Pen:
    """Writes words as they come."""

    def __init__(self, stage: Stage, indent: int, style: str) -> None:
        self._stage = stage
        self._indent = " " * indent
        self._style = style
        self._column = 0

    def write(self, words: str) -> None:
        """Add ``words``; a word that no longer fits begins a line."""
        for word in _words(words):
            self._write_word(word)
        self._stage.out.file.flush()

    def _write_word(self, word: str) -> None:
        if self._column and self._column + cell_len(word) > self._stage.width - REMARK_WIDTH:
            self._put("\n")
            self._column = 0
        if not self._column:
            word = self._indent + word.lstrip()
        self._put(word)
        self._column += cell_len(word)

    def end(self, remark: str = "") -> None:
        """End the line, with a remark at the right margin where there is room for it, else behind the words."""
        if remark:
            room = self._stage.width - self._column - cell_len(remark)
            lead = " " * max(1, room)
            self._stage.out.print(Text(lead + remark, "dim"), end="", soft_wrap=True)
        self._put("\n")
        self._column = 0

    def _put(self, text: str) -> None:
        self._stage.out.print(Text(text, self._style), end="", soft_wrap=True)


def _words(text: str) -> list[str]:
    """``text`` cut before each run of blanks."""
    found: list[str] = []
    for word in text.replace("\n", " ").split(" "):
        found.append(f" {word}" if found else word)
    return [word for word in found if word]
