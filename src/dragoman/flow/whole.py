"""Answers that are one value and not a stream of events: embeddings, a picture, a list of models.

The law of an attempt, its retries and its timeouts are the same as for any answer: such an answer is read by a decoder that delivers no
events, and that holds the value once the body is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from dragoman.core.errors import BadReply, DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Decoder, Headers, Reply

T = TypeVar("T")

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""Several large pictures in base64 fit."""


class Whole(Generic[T]):
    """The value that ``read`` makes of an answer: of the last try, where there were several."""

    def __init__(self, read: Callable[[Reply], T], max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.read = read
        self.max_body_bytes = max_body_bytes
        self._values: list[T] = []

    def decoder(self, headers: Headers) -> Decoder:
        """What reads an answer with this head."""
        return _WholeDecoder(self, headers)

    def keep(self, value: T) -> None:
        self._values = [value]

    @property
    def value(self) -> T:
        """To be asked for once the flow has ended well."""
        return self._values[0]


class _WholeDecoder(Generic[T]):
    """Keeps the bytes until their end."""

    ending = False
    idle = False

    def __init__(self, whole: Whole[T], headers: Headers) -> None:
        self.error: DragomanError | None = None
        self.done = False
        self._whole = whole
        self._headers = headers
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self._whole.max_body_bytes:
            self.error = BadReply(f"the answer is longer than {self._whole.max_body_bytes} bytes", retryable=False)
        return []

    def close(self) -> list[Event]:
        try:
            self._whole.keep(self._whole.read(Reply(200, self._headers, b"".join(self._pieces))))
        except DragomanError as error:
            self.error = error
        self.done = True
        return []
