"""Feeding an answer to a decoder in every way a network may cut it, with the laws that hold whatever the cut.

Every event that a decoder gives is held against ``OrderCheck``; after an end or a failure a decoder says nothing more; and how the bytes
were split must not show in the events.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from dragoman.core.errors import BadReply, DragomanError, StreamCut
from dragoman.core.events import Event, Finished, OrderCheck
from dragoman.core.exchange import Decoder
from dragoman.core.fold import Response, fold

NewDecoder = Callable[[], Decoder]


@dataclass(frozen=True)
class Told:
    """What a decoder said of an answer."""

    events: tuple[Event, ...]
    error: DragomanError | None

    @property
    def response(self) -> Response:
        return fold(self.events)

    @property
    def verdict(self) -> tuple[str, str, bool] | None:
        """The error in a form that compares by value."""
        return None if self.error is None else (type(self.error).__name__, self.error.message, self.error.retryable)


def read(decoder: Decoder, chunks: Iterable[bytes]) -> Told:
    """Feed ``chunks`` and the end of the stream, checking the law of decoders at each step."""
    order = OrderCheck()
    events: list[Event] = []

    def take(given: list[Event]) -> None:
        for event in given:
            order.check(event)
            events.append(event)

    for chunk in chunks:
        take(decoder.feed(chunk))
        if decoder.error or decoder.done:
            break
    else:
        take(decoder.close())
    if decoder.error is None:
        assert decoder.done, "neither done nor failed after the end of the stream"
        order.end()
    assert decoder.feed(b'data: {"text":"late","choices":[{"delta":{"content":"late"}}]}\n\n') == []
    assert decoder.close() == []
    return Told(tuple(events), decoder.error)


def single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def random_pieces(data: bytes, seed: int) -> list[bytes]:
    """``data`` cut at places drawn from ``seed``, pieces of no bytes among them."""
    chance = random.Random(seed)
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 2 + len(data) // 20)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def splittings(data: bytes, seeds: Iterable[int] = range(5)) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and at random."""
    yield [data]
    yield single_bytes(data)
    for seed in seeds:
        yield random_pieces(data, seed)


def read_split_anyhow(new: NewDecoder, data: bytes, seeds: Iterable[int] = range(5)) -> Told:
    """What is told of ``data``, after asserting that no way of splitting changes it."""
    whole = read(new(), [data])
    for pieces in splittings(data, seeds):
        told = read(new(), pieces)
        assert told.events == whole.events
        assert told.verdict == whole.verdict
    return whole


def assert_every_cut_is_told(new: NewDecoder, data: bytes, complete_from: int) -> None:
    """Cut the good answer ``data`` at every offset.

    Before ``complete_from`` bytes each cut is an error after a prefix of the whole answer's events: ``BadReply`` only where nothing at all
    had been said, else ``StreamCut``. From there on the answer is complete, and at most its usage is missing.
    """
    whole = read(new(), [data])
    assert whole.error is None
    for length in range(len(data) + 1):
        cut = data[:length]
        told = read(new(), [cut])
        again = read(new(), random_pieces(cut, length))
        assert (again.events, again.verdict) == (told.events, told.verdict)
        if length < complete_from:
            assert told.events == whole.events[: len(told.events)], length
            assert isinstance(told.error, StreamCut) or (isinstance(told.error, BadReply) and not told.events), length
            assert whole.response.text.startswith(told.response.text), length
        else:
            assert told.error is None, length
            assert without_usage(told.events) == without_usage(whole.events), length


def without_usage(events: Iterable[Event]) -> list[Event]:
    return [msgspec.structs.replace(event, usage=None) if isinstance(event, Finished) else event for event in events]
