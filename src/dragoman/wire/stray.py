"""What an answer holds that its wire has no place for: lines that are no field of an event stream, frames and bodies in no known form.

A host may announce a passing fault so, in plain text. JSON that was cut is never searched: it may be the text of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.core.errors import BadReply, DragomanError
from dragoman.wire.payload import SNIPPET_CHARACTERS, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify

Codes = Mapping[str, type[DragomanError]]
_MOST_BYTES: Final = SNIPPET_CHARACTERS * 4
_ERROR: Final = b"error:"
"""The field, unknown to event streams, in which llama.cpp tells a failure."""


def passing_fault(data: bytes, codes: Codes, quirks: Quirks) -> DragomanError | None:
    """The fault that goes away by itself which ``data`` announces, or ``None``."""
    if not quirks.passing_faults:
        return None
    text = snippet(data)
    if not any(re.search(passing.pattern, text) for passing in quirks.passing_faults):
        return None
    return classify(Fault(message=text, body=text), codes, quirks)


def plain_fault(data: bytes, codes: Codes, quirks: Quirks) -> DragomanError | None:
    """The same of what cannot be read as the wire's JSON: plain text, a JSON string, a page."""
    return None if data.lstrip()[:1] in (b"{", b"[") else passing_fault(data, codes, quirks)


class StrayLines:
    """The lines of a stream that are no event: the first of them, as far as an error can show them, and what they mean.

    ``read_body`` says which error a whole body tells, if any.
    """

    def __init__(self, codes: Codes, quirks: Quirks, read_body: Callable[[bytes, Quirks], DragomanError | None]) -> None:
        self._codes = codes
        self._quirks = quirks
        self._read_body = read_body
        self._lines: list[bytes] = []
        self._size = 0

    def take(self, line: bytes, has_begun: bool) -> bool:
        """Whether ``line`` is among the first. Raises the fault that the host announces in plain text, or in a field ``error``.

        Where the answer has not begun and more lines would say no more, it is none: a page in place of it is refused before its end.
        """
        fault = passing_fault(line, self._codes, self._quirks)
        if not fault and line.startswith(_ERROR):
            fault = self._read_body(line.removeprefix(_ERROR).strip(), self._quirks)
        if fault:
            raise fault
        is_kept = self._size < _MOST_BYTES
        if is_kept:
            self._lines.append(line)
            self._size += len(line) + 1
        if self._size >= _MOST_BYTES and not has_begun:
            raise self.no_answer()
        return is_kept

    def told(self) -> DragomanError | None:
        """The error that the lines tell together, if they are the body of one."""
        return self._read_body(b"\n".join(self._lines), self._quirks) if self._lines else None

    def no_answer(self) -> DragomanError:
        """What a stream is that ended, or went on, without an event."""
        if not self._lines:
            return BadReply("the answer is empty: the stream ended without a single event")
        return self.told() or BadReply("the answer is not an event stream", body=snippet(b"\n".join(self._lines)))
