"""Several answers on a wire that tells one: the first is told, exactly as if it had come alone, and the others are named in a warning.

What all of them used stands on the choice that finishes last (``core.events.Finished``), which may be another than the one that is told.
So the end of that one waits until the usage is known, or until nothing more comes. The dialects whose wire has a single answer put this
round their encoders, streamed and whole.
"""

from __future__ import annotations

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Finished, Started
from dragoman.core.exchange import Encoder
from dragoman.core.usage import Usage


class OneChoice:
    """Passes the events of choice 0 on to ``encoder``; where there is none, those of the lowest number, as some hosts count from 1."""

    def __init__(self, encoder: Encoder) -> None:
        self.content_type = encoder.content_type
        self._encoder = encoder
        self._is_told = False
        """Choice 0 has begun."""
        self._end: Finished | None = None
        self._usage: Usage | None = None
        self._others: set[int] = set()
        self._kept: list[Event] = []
        """What came of other choices before choice 0 began."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the answer was left out, by now."""
        count = len(self._others)
        return (f"choices: this wire tells one answer, left out {count} more",) if count else ()

    def send(self, event: Event) -> bytes:
        """The bytes that ``event`` becomes. Raises what the wrapped encoder does."""
        if type(event) is Started:  # not ``isinstance``, which asks the metaclass of a msgspec class that does not fit
            return self._encoder.send(event)
        if event.choice:
            return self._leave_out(event, event.choice)
        self._is_told = True
        if type(event) is Finished:
            self._end = event
            return self._finish(event.usage)
        return self._encoder.send(event)

    def fail(self, error: DragomanError) -> bytes:
        return self._encoder.fail(error)

    def close(self) -> bytes:
        """The end, with or without usage. Raises what the wrapped encoder does."""
        data = b"" if self._is_told else self._tell_lowest()
        return data + self._tell_end() + self._encoder.close()

    def _leave_out(self, event: Event, choice: int) -> bytes:
        self._others.add(choice)
        if not self._is_told:
            self._kept.append(event)
        elif self._kept:
            self._kept.clear()
        return self._finish(event.usage) if isinstance(event, Finished) else b""

    def _finish(self, usage: Usage | None) -> bytes:
        """The end of the choice that is told, once what all of them used is known."""
        self._usage = usage or self._usage
        return b"" if self._usage is None else self._tell_end()

    def _tell_end(self) -> bytes:
        end, self._end = self._end, None
        return b"" if end is None else self._encoder.send(msgspec.structs.replace(end, usage=self._usage))

    def _tell_lowest(self) -> bytes:
        kept, self._kept = self._kept, []
        lowest = min(self._others, default=0)
        self._others.discard(lowest)
        told = [msgspec.structs.replace(one, choice=0) for one in kept if not isinstance(one, Started) and one.choice == lowest]
        return b"".join(map(self.send, told))
