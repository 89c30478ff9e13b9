"""An answer in one body: the events are folded, and the response is written at their end."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.fold import Fold, Response
from dragoman.core.opaque import JsonObject
from dragoman.wire.payload import dump


class WholeEncoder:
    """Writes what ``encode`` makes of the response, or what ``record`` makes of an error in its place."""

    def __init__(
        self,
        encode: Callable[[Response], JsonObject],
        record: Callable[[DragomanError], JsonObject],
        content_type: str = "application/json",
    ) -> None:
        self.content_type = content_type
        self._encode = encode
        self._record = record
        self._fold = Fold()

    def send(self, event: Event) -> bytes:
        self._fold.add(event)
        return b""

    def fail(self, error: DragomanError) -> bytes:
        return dump(self._record(error))

    def close(self) -> bytes:
        """The body. Raises what ``encode`` does: ``Unsupported`` or ``BadReply`` for what the wire cannot say."""
        return dump(self._encode(self._fold.response()))
