"""Events of a stream that differ from the one before them in their text alone, told without being read.

Nearly every event of a streamed answer repeats its envelope (id, model, choice, nulls) byte for byte. Once one was read, and brought a
piece of text and nothing else, the next with the same bytes round another text means that other text. The law: what is told here is what
the dialect's reader would have told; whatever is not so alike in every byte is read.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core.events import TextDelta

_EVENT_END: Final = b"\n\n"
_MAX_BYTES: Final = 65_536
"""Longer events are read, as there are bounds to be kept."""
_TEXT: Final = msgspec.json.Decoder(str)
_FAULTS: Final = (msgspec.DecodeError, UnicodeError)


def text_under(name: str) -> re.Pattern[bytes]:
    """Finds texts that stand under ``name`` in JSON: its group 1 is the text with its quotes."""
    return re.compile(rb'"%b":\s*("[^"\\]*(?:\\.[^"\\]*)*")' % name.encode())


class Alike(msgspec.Struct, frozen=True, gc=False):
    """One event's bytes round its text, and where that text belongs."""

    head: bytes
    tail: bytes
    index: int
    choice: int

    @classmethod
    def to(cls, data: bytes, told: TextDelta, place: re.Pattern[bytes]) -> Alike | None:
        """To ``data``, one whole event that told ``told``; ``None`` where its text is not surely the one at ``place``."""
        found = place.search(data)
        if found is None or told.logprobs is not None or data.count(_EVENT_END) != 1 or not data.endswith(_EVENT_END):
            return None
        if place.search(data, found.end()) or _text(found[1]) != told.text:
            return None
        return cls(data[: found.start(1)], data[found.end(1) :], told.index, told.choice)

    def told_by(self, data: bytes) -> TextDelta | None:
        """What ``data`` tells; ``None`` where it has to be read for that."""
        if not (data.startswith(self.head) and data.endswith(self.tail) and len(data) <= _MAX_BYTES):
            return None
        text = _text(data[len(self.head) : -len(self.tail)])
        return TextDelta(self.index, text, None, self.choice) if text else None


def _text(literal: bytes) -> str | None:
    try:
        return _TEXT.decode(literal)
    except _FAULTS:
        return None
