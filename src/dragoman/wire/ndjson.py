"""Newline-delimited JSON, both ways (https://github.com/ndjson/ndjson-spec, read 2026-11-21): a JSON value a line, blanks ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dragoman.wire.lines import MAX_LINE_BYTES, Lines
from dragoman.wire.sse import Frame

CONTENT_TYPE: Final = "application/x-ndjson"


class JsonLines:
    """An incremental parser; its frames have no name."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._lines = Lines(max_line_bytes)

    def feed(self, data: bytes) -> Iterator[Frame]:
        for line in self._lines.feed(data):
            if line.strip():
                yield "", line

    def close(self) -> Iterator[Frame]:
        """A last line without its end."""
        rest = self._lines.close()
        if rest.strip():
            yield "", rest


def encode_line(data: bytes) -> bytes:
    return data + b"\n"
