"""Bytes to lines, incrementally, in linear time and bounded memory. Shared by the event stream and the NDJSON framings.

A line ends at LF, CR or CRLF. A CR at the very end of a read ends its line at once (the LF that may follow is then skipped), so no
event waits for a byte that need not come.
"""

from __future__ import annotations

import re

from dragoman.core.errors import BadReply

MAX_LINE_BYTES = 8 * 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Lines:
    """Cuts a byte stream into lines without their ends."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_line_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._skip_lf = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes. Raises ``BadReply`` for one longer than the bound."""
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 0x0A:
                data = data[1:]
        if b"\r" in data:
            lines = _LINE_END.split(data)
            self._skip_lf = data.endswith(b"\r")
        else:
            lines = data.split(b"\n")
        tail = lines.pop()
        if lines:
            if self._pieces:
                self._pieces.append(lines[0])
                lines[0] = b"".join(self._pieces)
                self._pieces.clear()
                self._size = 0
            if len(data) > self._max or len(lines[0]) > self._max:
                self._check(max(map(len, lines)))
        if tail:
            self._pieces.append(tail)
            self._size += len(tail)
            self._check(self._size)
        return lines

    def close(self) -> bytes:
        """What stands after the last line end."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return rest

    def _check(self, size: int) -> None:
        if size > self._max:
            raise BadReply(f"a line of the answer is longer than {self._max} bytes")
