"""What an answer holds that its wire has no place for: lines that are no field of an event stream, frames and bodies in no known form.

A host may announce a passing fault so, in plain text. JSON that was cut is never searched: it may be the text of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dragoman.core.errors import DragomanError
from dragoman.wire.payload import SNIPPET_CHARACTERS, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify

Codes = Mapping[str, type[DragomanError]]


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
    """The first lines that are no event, as far as an error can show them."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> None:
        if not self.full:
            self._lines.append(line)
            self._size += len(line) + 1

    @property
    def full(self) -> bool:
        """Whether more lines would say nothing more: an answer that has not begun by then is none."""
        return self._size >= SNIPPET_CHARACTERS * 4

    @property
    def text(self) -> bytes:
        return b"\n".join(self._lines)
