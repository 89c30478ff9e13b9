"""Events with one block open at a time, for the encoders of wires that know no other order.

Several blocks may be open at once in our events. Here the first opened goes through as it comes; what belongs to the others waits until
their turn, which comes in the order in which they were opened. Nothing is lost and nothing waits that need not.
"""

from __future__ import annotations

from dragoman.core.events import BlockEnded, BlockStarted, Event, MediaDelta, ReasoningDelta, TextDelta, ToolDelta

_INSIDE = (TextDelta, ReasoningDelta, ToolDelta, MediaDelta, BlockEnded)


class OneBlockAtATime:
    """Reorders the events of one choice."""

    def __init__(self) -> None:
        self._current: int | None = None
        self._waiting: dict[int, list[Event]] = {}

    def take(self, event: Event) -> list[Event]:
        """The events whose turn has come with ``event``."""
        if isinstance(event, BlockStarted):
            if self._current is not None:
                self._waiting[event.index] = [event]
                return []
            self._current = event.index
        elif isinstance(event, _INSIDE) and event.index != self._current:
            self._waiting[event.index].append(event)
            return []
        elif isinstance(event, BlockEnded):
            return [event, *self._go_on()]
        return [event]

    def _go_on(self) -> list[Event]:
        """What has come of the next blocks, up to and with the first that has not ended."""
        self._current = None
        due: list[Event] = []
        while self._waiting and self._current is None:
            index = next(iter(self._waiting))
            events = self._waiting.pop(index)
            due.extend(events)
            if not isinstance(events[-1], BlockEnded):
                self._current = index
        return due
