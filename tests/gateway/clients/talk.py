"""A conversation with tools, as every client here holds it; how a client says it is its own affair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from .play import RESULTS

MAX_TURNS = 5


class Made(msgspec.Struct, frozen=True):
    """A call as a client got it. ``pieces`` counts what its arguments came in; ``None`` where they came whole."""

    id: str
    name: str
    arguments: str
    pieces: int | None = None


class Turn(msgspec.Struct, frozen=True):
    """An answer as a client got it."""

    calls: Sequence[Made]
    text: str


class Talk(Protocol):
    """One conversation of one client; it keeps what was said."""

    def ask(self, streamed: bool) -> Turn:
        """Send all that was said so far."""

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        """Add what the tools gave back."""


def hold(talk: Talk, streamed: bool) -> list[Turn]:
    """The turns of ``talk`` until nothing more is called."""
    turns: list[Turn] = []
    while len(turns) < MAX_TURNS:
        turns.append(talk.ask(streamed))
        if not turns[-1].calls:
            return turns
        talk.tell([(call, RESULTS[call.name]) for call in turns[-1].calls])
    raise AssertionError(f"after {MAX_TURNS} turns tools are still called")
