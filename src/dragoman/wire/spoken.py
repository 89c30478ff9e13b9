"""A sound on a wire that tells of it what is said: one in which nothing is said is refused, not lost."""

from __future__ import annotations

from dragoman.core.errors import DragomanError, Unsupported
from dragoman.core.events import BlockEnded, BlockStarted, Event, MediaDelta
from dragoman.core.exchange import Encoder


class SpokenSounds:
    """Passes the events of one choice on to ``encoder``; ``wire`` is its name in the refusal."""

    def __init__(self, encoder: Encoder, wire: str) -> None:
        self.content_type = encoder.content_type
        self._encoder = encoder
        self._wire = wire
        self._silent: set[int] = set()
        """Sounds that are open and in which nothing has been said."""

    def send(self, event: Event) -> bytes:
        """Raises ``Unsupported`` for a sound without words, and what the wrapped encoder does."""
        if type(event) is MediaDelta or type(event) is BlockStarted or type(event) is BlockEnded:  # as in ``OneChoice``
            self._hear(event)
        return self._encoder.send(event)

    def fail(self, error: DragomanError) -> bytes:
        return self._encoder.fail(error)

    def close(self) -> bytes:
        return self._encoder.close()

    def _hear(self, event: MediaDelta | BlockStarted | BlockEnded) -> None:
        if isinstance(event, BlockStarted):
            if event.kind == "audio":
                self._silent.add(event.index)
        elif isinstance(event, BlockEnded):
            if event.index in self._silent:
                raise Unsupported(f"the answer holds a sound without a transcript, and the {self._wire} wire has no place for it")
        elif event.transcript:
            self._silent.discard(event.index)
