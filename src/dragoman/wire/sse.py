"""Server-sent events, both ways: bytes to frames and frames to bytes.

The rules are those of WHATWG's HTML standard, section 9.2.6 (https://html.spec.whatwg.org/multipage/server-sent-events.html, read
2026-11-21): lines end in LF, CR or CRLF, a leading byte order mark is dropped, a line that begins with a colon is a comment, data lines
of one event are joined by LF, a blank line dispatches. Two things are ours: an event whose blank line is missing at the end of the stream
is still given out by ``close`` (services forget it), and a line that is no field at all is given out as ``STRAY``, because that is how
an HTML page or a bare error text shows itself inside an answer that calls itself an event stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dragoman.core.errors import BadReply
from dragoman.wire.lines import MAX_LINE_BYTES, Lines

CONTENT_TYPE: Final = "text/event-stream"
STRAY: Final = "\0stray"
"""The name under which a line that is no field is given out; no event can have it, as a name with NUL is ignored."""

Frame = tuple[str, bytes]
"""An event's name (empty where it has none) and its data."""

_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = frozenset({b"data", b"event", b"id", b"retry"})


class EventStream:
    """An incremental parser; ``feed`` gives the frames that became complete."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._lines = Lines(max_line_bytes)
        self._max = max_line_bytes
        self._name = ""
        self._data: bytes | None = None
        self._more: list[bytes] = []
        self._size = 0
        self._at_start = True

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by ``data``, lazily, so that those before a fault are had before it is raised."""
        for line in self._lines.feed(data):
            if line[:5] == b"data:":
                self._add_data(line[6:] if line[5:6] == b" " else line[5:])
            elif line:
                stray = self._other_line(line)
                if stray:
                    yield STRAY, stray
            elif self._data is not None:
                yield self._take()
            else:
                self._name = ""
                self._at_start = False

    def close(self) -> Iterator[Frame]:
        """What stands at the end of the stream without its blank line."""
        rest = self._lines.close()
        if rest:
            yield from self.feed(rest + b"\n")
        if self._data is not None:
            yield self._take()

    def _add_data(self, value: bytes) -> None:
        self._at_start = False
        if self._data is None:
            self._data = value
            self._size = len(value)
            return
        self._size += len(value) + 1
        if self._size > self._max:
            raise BadReply(f"an event of the answer is longer than {self._max} bytes")
        self._more.append(value)

    def _take(self) -> Frame:
        data = self._data or b""
        if self._more:
            data = b"\n".join((data, *self._more))
            self._more.clear()
        frame = (self._name, data)
        self._data = None
        self._name = ""
        return frame

    def _other_line(self, line: bytes) -> bytes | None:
        """Anything but a data or a blank line; returned where it is no field."""
        if self._at_start:
            self._at_start = False
            if line.startswith(_BOM):
                line = line[len(_BOM) :]
        field, colon, value = line.partition(b":")
        if field not in _FIELDS:
            return None if colon and not field else line or None
        value = value.removeprefix(b" ")
        if field == b"event" and b"\0" not in value:
            self._name = value.decode("utf-8", "replace")
        elif field == b"data":
            self._add_data(value)
        return None


def encode_event(data: bytes, name: str = "") -> bytes:
    """One event as bytes. ``data`` must hold no line end, as JSON without indentation never does."""
    if name:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
    return b"data: %b\n\n" % data
