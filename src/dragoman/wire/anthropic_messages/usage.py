"""Anthropic messages: token counts to ours and back.

The vendor's ``input_tokens`` leaves out what was read from and written to its cache; our total holds both. Where context was compacted, the
vendor's counts leave that step out and tell it in ``iterations``; so do ours, and the record stands in ``raw``.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage

_INPUT: Final = "input_tokens"
_WRITE: Final = "cache_creation_input_tokens"
_READ: Final = "cache_read_input_tokens"
_OUTPUT: Final = "output_tokens"
_DETAILS: Final = "output_tokens_details"
_THINKING: Final = "thinking_tokens"
_COUNTED: Final = frozenset({_INPUT, _WRITE, _READ, _OUTPUT, _DETAILS})


def decode_usage(told: JsonObject) -> Usage | None:
    """Our form of the vendor's record; ``None`` where it is empty."""
    if not told:
        return None
    fresh, read, written = _count(told.get(_INPUT)), _count(told.get(_READ)), _count(told.get(_WRITE))
    details = told.get(_DETAILS)
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=_count(told.get(_OUTPUT)),
        reasoning_tokens=_count(details.get(_THINKING)) if isinstance(details, dict) else None,
        raw=told,
    )


def uncounted(told: JsonObject) -> JsonObject:
    """What the record says that our counts do not: tiers, searches made, how long the cache keeps what was written …"""
    return {name: value for name, value in told.items() if name not in _COUNTED and value is not None}


def encode_usage(usage: Usage | None) -> JsonObject:
    """The vendor's record. Its clients require numbers for input and output: 0 stands there for what is unknown."""
    usage = usage or Usage()
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    encoded: JsonObject = {
        _INPUT: max((usage.input_tokens or 0) - cached, 0),
        _WRITE: usage.cache_write_tokens,
        _READ: usage.cache_read_tokens,
        _OUTPUT: usage.output_tokens or 0,
    }
    if usage.reasoning_tokens is not None:
        encoded[_DETAILS] = {_THINKING: usage.reasoning_tokens}
    return encoded


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
