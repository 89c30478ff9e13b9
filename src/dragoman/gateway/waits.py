"""How long one caller is willing to wait: the field ``x-dragoman-timeout``.

A number is the seconds that the whole answer may take; otherwise waits are named: ``connect=2,first_token=20,between_tokens=10,total=120``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, UsageError
from dragoman.core.exchange import Timeouts

FIELD: Final = "x-dragoman-timeout"
_NAMES: Final = {"connect": "connect_s", "first_token": "first_byte_s", "between_tokens": "between_bytes_s", "total": "total_s"}


def asked_waits(fields: Mapping[str, str], timeouts: Timeouts) -> Timeouts:
    """``timeouts``, with what the fields of the caller's head ask for in its place. Raises ``BadRequest``."""
    told = fields.get(FIELD)
    if told is None:
        return timeouts
    waits = dict(_one(part) for part in told.split(","))
    try:
        return msgspec.structs.replace(timeouts, **waits)
    except UsageError as fault:
        raise _wrong(str(fault)) from None


def _one(part: str) -> tuple[str, float]:
    name, mark, value = part.rpartition("=")
    field = _NAMES.get(name.strip()) if mark else "total_s"
    try:
        seconds = float(value)
    except ValueError:
        field = None
    if field is None:
        raise _wrong(f"{part.strip()!r} was given")
    return field, seconds


def _wrong(reason: str) -> BadRequest:
    return BadRequest(f"{FIELD}: {reason}; seconds for the whole, or any of {', '.join(f'{name}=seconds' for name in _NAMES)}", param=FIELD)
