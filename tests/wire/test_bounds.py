"""Reading is bounded in memory and linear in time, shown by counting bytes, not by a clock."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex

import pytest

from dragoman.core.errors import BadReply
from dragoman.wire.lines import MAX_LINE_BYTES, Lines
from dragoman.wire.ndjson import JsonLines
from dragoman.wire.openai_chat import decoder
from dragoman.wire.quirks import NONE
from dragoman.wire.sse import EventStream, Frame

MIB = 1024 * 1024
Feed = Callable[[bytes], Iterable[Frame]]


def drain(feed: Feed, pieces: Iterable[bytes]) -> int:
    """Feed all; the number of bytes in the frames."""
    return sum(len(data) for piece in pieces for _, data in feed(piece))


def test_the_bound_is_eight_mebibytes() -> None:
    assert MAX_LINE_BYTES == 8 * MIB


def test_line_of_just_the_bound_is_read() -> None:
    line = b"data: " + b"x" * (MAX_LINE_BYTES - 6)
    assert drain(EventStream().feed, [line + b"\n\n"]) == MAX_LINE_BYTES - 6


def test_line_over_the_bound_is_refused_in_one_read() -> None:
    with pytest.raises(BadReply, match="a line of the answer is longer than 8388608 bytes"):
        drain(EventStream().feed, [b"data: " + b"x" * MAX_LINE_BYTES + b"\n\n"])


@pytest.mark.parametrize("parser", [EventStream, JsonLines])
@pytest.mark.parametrize("size", [1000, 65536, 3 * MIB])
def test_endless_line_is_refused_as_soon_as_it_passes_the_bound(parser: type[EventStream | JsonLines], size: int) -> None:
    feed = parser().feed
    for _ in range(MAX_LINE_BYTES // size):
        assert drain(feed, [b"x" * size]) == 0
    with pytest.raises(BadReply, match="longer than 8388608 bytes"):
        drain(feed, [b"x" * size])


def test_endless_line_of_single_bytes_is_refused() -> None:
    feed = EventStream(max_line_bytes=10_000).feed
    with pytest.raises(BadReply, match="longer than 10000 bytes"):
        drain(feed, (b"x" for _ in range(10_001)))


@pytest.mark.parametrize("line", [b"data: " + b"x" * 1000, b"data:", b"data"], ids=["long lines", "empty lines", "bare lines"])
def test_endless_event_of_many_lines_is_refused(line: bytes) -> None:
    feed = EventStream(max_line_bytes=100_000).feed
    with pytest.raises(BadReply, match="an event of the answer is longer than 100000 bytes"):
        drain(feed, (line + b"\n" for _ in range(200_000)))


def test_event_of_many_lines_under_the_bound_is_read() -> None:
    assert drain(EventStream().feed, [b"data: " + b"x" * 999 + b"\n"] * 1000 + [b"\n"]) == 1000 * 1000 - 1


def test_bound_holds_anew_for_each_event() -> None:
    feed = EventStream(max_line_bytes=1000).feed
    assert drain(feed, [b"data: " + b"x" * 600 + b"\ndata: " + b"x" * 300 + b"\n\n"] * 50) == 50 * 901


def test_endless_comments_and_blank_lines_are_read_over_in_constant_memory() -> None:
    feed = EventStream().feed
    tracemalloc.start()
    try:
        assert drain(feed, (b": ping\n\n\nid: 7\n" for _ in range(20_000))) == 0
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


class CountedBytes(bytes):
    """Bytes that count how many of them were copied by joining, slicing and splitting."""

    copied = 0

    def split(self, sep: Any = None, maxsplit: SupportsIndex = -1) -> list[bytes]:
        CountedBytes.copied += len(self)
        return bytes.split(self, sep, maxsplit)


def test_line_in_single_bytes_is_copied_once_and_held_once() -> None:
    """What waits for its line's end is kept in pieces and joined when the end comes; nothing is searched or copied twice."""
    lines = Lines()
    CountedBytes.copied = 0
    count = 50_000
    for _ in range(count):
        assert lines.feed(CountedBytes(b"x")) == []
    assert CountedBytes.copied == count
    assert sum(map(len, lines._pieces)) == count
    assert lines.feed(b"\n") == [b"x" * count]
    assert lines._pieces == []


def test_memory_of_a_long_line_in_small_reads_is_linear() -> None:
    def peak(count: int) -> int:
        lines = Lines()
        piece = bytes(100)
        tracemalloc.start()
        try:
            for _ in range(count):
                lines.feed(piece[:99])
            lines.feed(b"\n")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(8000) < 2.5 * peak(4000)


def test_stray_text_kept_for_the_error_is_bounded() -> None:
    reader = decoder(True, NONE)
    tracemalloc.start()
    try:
        for _ in range(2000):
            assert reader.feed(b"<p>" + b"x" * 1000 + b"\n") == []
        assert tracemalloc.get_traced_memory()[1] < 256 * 1024
    finally:
        tracemalloc.stop()
    reader.close()
    assert isinstance(reader.error, BadReply)
    assert reader.error.body is not None
    assert len(reader.error.body) <= 2000


@pytest.mark.parametrize("framing", [EventStream, JsonLines])
def test_whole_lines_before_one_too_long_are_had_though_all_came_in_one_read(framing: type[EventStream] | type[JsonLines]) -> None:
    frames = framing(max_line_bytes=20).feed(b"data: 1\n\n" + b"data: " + b"x" * 100)
    assert next(iter(frames))[1] in (b"1", b"data: 1")
    with pytest.raises(BadReply, match="longer than 20 bytes"):
        list(frames)
