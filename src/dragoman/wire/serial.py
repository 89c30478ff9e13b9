"""Events with one block open at a time, for the encoders of wires that know no other order.

Several blocks may be open at once in our events. Here the first opened goes through as it comes; what belongs to the others waits until
their turn, which comes in the order in which they were opened. Nothing is lost and nothing waits that need not.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    TextDelta,
    ToolDelta,
)

_DELTAS: Final = (TextDelta, ReasoningDelta, ToolDelta, MediaDelta)
_SPOKEN: Final = frozenset({"text", "refusal", "audio"})
"""Blocks that say words, and so may cite."""


class OneBlockAtATime:
    """Reorders the events of one choice.

    With ``cites_inside`` a source stands inside the text that it supports, as on wires whose citations are a part of it: where that text
    is not open or not said, in an empty one of its own. Else it goes through at once.
    """

    def __init__(self, cites_inside: bool = False) -> None:
        self._cites_inside = cites_inside
        self._current: int | None = None
        self._waiting: dict[int, list[Event]] = {}
        self._queue: list[int] = []
        """The blocks that wait, in the order in which they began; few, and a deque would have room for many in each stream."""
        self._texts: set[int] = set()
        """The blocks with words whose end has not come."""
        self._own = 0
        """The number of the last block that is ours and no event's; they count down from -1."""

    def take(self, event: Event) -> list[Event]:
        """The events whose turn has come with ``event``."""
        if isinstance(event, _DELTAS):
            return self._place(event.index, event)
        if isinstance(event, BlockStarted):
            return self._begin(event)
        if isinstance(event, BlockEnded):
            return self._end(event)
        if isinstance(event, SourceAdded) and self._cites_inside:
            return self._cite(event)
        return [event]

    def _place(self, index: int, event: Event) -> list[Event]:
        """``event`` goes through where its block is the open one, else it waits for that block's turn."""
        if index == self._current:
            return [event]
        self._waiting[index].append(event)
        return []

    def _begin(self, event: BlockStarted) -> list[Event]:
        if event.kind in _SPOKEN:
            self._texts.add(event.index)
        if self._current is None:
            self._current = event.index
        else:
            self._waiting[event.index] = []
            self._queue.append(event.index)
        return self._place(event.index, event)

    def _end(self, event: BlockEnded) -> list[Event]:
        self._texts.discard(event.index)
        due = self._place(event.index, event)
        return [*due, *self._go_on()] if due else due

    def _go_on(self) -> list[Event]:
        """What has come of the next blocks, up to and with the first that has not ended."""
        self._current = None
        due: list[Event] = []
        while self._queue and self._current is None:
            index = self._queue.pop(0)
            events = self._waiting.pop(index)
            due.extend(events)
            if not isinstance(events[-1], BlockEnded):
                self._current = index
        return due

    def _cite(self, event: SourceAdded) -> list[Event]:
        index = self._current if event.index is None else event.index
        if index in self._texts:
            return self._place(index, event)
        self._own -= 1
        own = self._own
        return [*self._begin(BlockStarted(own, "text")), *self._place(own, event), *self._end(BlockEnded(own))]
