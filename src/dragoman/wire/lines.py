"""Bytes to lines, incrementally, in linear time and bounded memory. Shared by the event stream and the NDJSON framings.

A line ends at LF, CR or CRLF. A CR at the very end of a read ends its line at once (the LF that may follow is then skipped), so no
event waits for a byte that need not come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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

    def feed(self, data: bytes) -> Iterable[bytes]:
        """The lines that ``data`` completes. One longer than the bound raises ``BadReply`` when its turn comes, after those before it."""
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
        if lines and self._pieces:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
        if tail:
            self._pieces.append(tail)
            self._size += len(tail)
        if len(data) > self._max or self._size > self._max or (lines and len(lines[0]) > self._max):
            return self._checked(lines)
        return lines

    def close(self) -> bytes:
        """What stands after the last line end."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return rest

    def _checked(self, lines: list[bytes]) -> Iterator[bytes]:
        """``lines`` as far as they keep to the bound."""
        for line in lines:
            self._check(len(line))
            yield line
        self._check(self._size)

    def _check(self, size: int) -> None:
        if size > self._max:
            raise BadReply(f"a line of the answer is longer than {self._max} bytes")
