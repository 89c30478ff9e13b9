"""Whether JSON text that grows in fragments is one whole value by now, each character looked at once.

Brackets and strings are counted; the text is parsed a single time, when the count first says that the value has closed. Asking again
and again while it grows therefore costs no more than reading it, however a service cuts and interleaves its fragments.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.wire.payload import is_complete

_MARKS: Final = re.compile(r'[\[{\]}"]')
_STRING_END: Final = re.compile(r'["\\]')
_MAX_SCALAR_CHARACTERS: Final = 64
"""Numbers and words have no closing mark and are parsed anew; longer ones are no JSON that anyone writes as arguments."""


class Balance:
    """Takes text piece by piece; ``is_whole`` may be asked at any time."""

    __slots__ = ("_closed", "_depth", "_escaped", "_in_string", "_judged", "_pieces", "_started", "_verdict", "size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._judged = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._started = False
        self._closed = False
        self._verdict = False
        self.size = 0

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self.size += len(text)

    def is_whole(self) -> bool:
        """Whether all that was added is one whole JSON value."""
        while self._judged < len(self._pieces):
            piece = self._pieces[self._judged]
            self._judged += 1
            if not self._closed:
                self._count(piece)
                self._verdict = self._judge()
            elif piece.strip():
                self._verdict = False
        return self._verdict

    def _judge(self) -> bool:
        if self._depth or self._in_string or not (self._started or self.size <= _MAX_SCALAR_CHARACTERS):
            return False
        self._closed = self._started
        return is_complete("".join(self._pieces[: self._judged]))

    def _count(self, piece: str) -> None:
        at = 0
        if self._escaped and piece:
            self._escaped = False
            at = 1
        while True:
            found = (_STRING_END if self._in_string else _MARKS).search(piece, at)
            if found is None:
                return
            at = found.end()
            mark = found.group()
            self._started = True
            if mark == '"':
                self._in_string = not self._in_string
            elif mark == "\\":
                self._escaped = at == len(piece)
                at += 1
            else:
                self._depth += 1 if mark in "[{" else -1
            if self._depth <= 0 and not self._in_string:
                self._depth = 0
                return
