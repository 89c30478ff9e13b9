"""The heads of answers. No I/O; the clock comes in.

Law: a field's value cannot end a head (RFC 9110 section 5.5: CR, LF and NUL become spaces), what frames a body is written here alone, and
every answer is dated (RFC 9110 section 6.6.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from dragoman.core.exchange import Headers

REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
UNKNOWN: Final = "Status"
"""Stands in for the reason of a status that has no name."""
BODYLESS: Final = frozenset({*range(100, 200), 204, 304})
"""Statuses whose answers never have a body, whatever their head says."""
_OURS: Final = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAKING: Final = b"\r\n\0"
SPACES: Final = str.maketrans("\r\n\0", "   ")
"""For what would end a field of a head early."""


class Openings(dict[int, bytes]):
    """Status to status line and date. Cleared by whoever sees that time goes on."""

    def __init__(self, clock: Callable[[], float], unknown_reason: str = UNKNOWN) -> None:
        super().__init__()
        self._clock = clock
        self._unknown_reason = unknown_reason

    def __missing__(self, status: int) -> bytes:
        reason = REASONS.get(status, self._unknown_reason)
        line = f"HTTP/1.1 {status} {reason}\r\ndate: {formatdate(self._clock(), usegmt=True)}\r\n".encode("ascii")
        self[status] = line
        return line


def write_head(opening: bytes, headers: Headers, framing: bytes) -> bytes:
    """``framing`` are the whole lines that the server adds."""
    lines = [f"{name}: {value}\r\n" for name, value in headers if name not in _OURS]
    fields = "".join(lines).encode("latin-1", "replace")
    if len(fields) - len(fields.translate(None, _BREAKING)) != 2 * len(lines):
        fields = _harmless(headers)
    return b"%b%b%b\r\n" % (opening, fields, framing)


def _harmless(headers: Headers) -> bytes:
    """The fields without what would end one of them early; one whose name is no name is left out."""
    kept = [(name, value) for name, value in headers if name not in _OURS and _NAME.fullmatch(name)]
    return "".join(f"{name}: {value.translate(SPACES)}\r\n" for name, value in kept).encode("latin-1", "replace")
