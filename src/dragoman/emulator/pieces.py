"""Texts to the pieces in which an emulated model says them.

The law: the pieces of a text, joined, are the text. A piece is a word with the blanks before it, at most ``WORD_CHARACTERS`` long without
them; blanks at the end are a piece of their own. One piece counts as one token, in what is read and in what is said: a rule simple enough
to be checked by hand, and no vendor's tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.core.messages import AnyPart, Message, Reasoning, Refusal, Text, ToolCall, ToolResult

WORD_CHARACTERS: Final = 16
FRAGMENT_CHARACTERS: Final = 6
"""How much of a tool's arguments one piece holds."""

_PIECE: Final = re.compile(rf"\s*\S{{1,{WORD_CHARACTERS}}}|\s+")


def pieces(text: str) -> Iterator[str]:
    """``text`` at its word boundaries."""
    return (found.group() for found in _PIECE.finditer(text))


def fragments(arguments: str) -> Iterator[str]:
    """A tool's arguments cut anywhere, as vendors do."""
    return (arguments[at : at + FRAGMENT_CHARACTERS] for at in range(0, len(arguments), FRAGMENT_CHARACTERS))


def count_text(text: str) -> int:
    """How many pieces ``text`` has."""
    return sum(1 for _ in pieces(text))


def count_messages(messages: tuple[Message, ...]) -> int:
    """The pieces of all that was said; a part that is no text (a picture, a file) is one."""
    return sum(_count_part(part) for message in messages for part in message.parts)


def _count_part(part: AnyPart) -> int:
    match part:
        case Text() | Reasoning() | Refusal():
            return count_text(part.text)
        case ToolCall():
            return sum(1 for _ in fragments(part.arguments))
        case ToolResult():
            return sum(_count_part(inner) for inner in part.parts)
        case _:
            return 1
