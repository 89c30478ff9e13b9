"""How much of a growing Markdown text is final: every top-level block but the last, which more words may still change. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").enable("strikethrough")


def split_final(text: str) -> tuple[str, str]:
    """The blocks of ``text`` that no further words can change, and the rest."""
    if "\n" not in text:
        return "", text
    starts = [token.map[0] for token in _parser().parse(text) if token.level == 0 and token.nesting >= 0 and token.map]
    if len(starts) < 2:
        return "", text
    lines = text.split("\n")  # as the parser counts them; splitlines() knows more kinds of line end
    return "\n".join(lines[: starts[-1]]) + "\n", "\n".join(lines[starts[-1] :])
