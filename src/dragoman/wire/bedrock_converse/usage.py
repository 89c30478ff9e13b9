"""Bedrock Converse: token counts to ours and back.

The vendor's ``inputTokens`` leaves out what was read from and written to its cache; our total holds both, as its ``totalTokens`` does.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage

_INPUT: Final = "inputTokens"
_READ: Final = "cacheReadInputTokens"
_WRITE: Final = "cacheWriteInputTokens"
_OUTPUT: Final = "outputTokens"
_TOTAL: Final = "totalTokens"
_COUNTED: Final = frozenset({_INPUT, _READ, _WRITE, _OUTPUT, _TOTAL})


def decode_usage(told: Json) -> Usage | None:
    """Our form of the vendor's record; ``None`` where there is none."""
    if not isinstance(told, dict) or not told:
        return None
    fresh, read, written = _count(told.get(_INPUT)), _count(told.get(_READ)), _count(told.get(_WRITE))
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=_count(told.get(_OUTPUT)),
        raw=told,
    )


def uncounted(told: Json) -> JsonObject:
    """What the record says that our counts do not: how long the cache keeps what was written, searches made …"""
    return {name: value for name, value in told.items() if name not in _COUNTED and value is not None} if isinstance(told, dict) else {}


def encode_usage(usage: Usage | None) -> JsonObject:
    """The vendor's record. Its clients require numbers for input, output and both together: 0 stands there for what is unknown."""
    usage = usage or Usage()
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    total, output = usage.input_tokens or 0, usage.output_tokens or 0
    encoded = {_INPUT: max(total - cached, 0), _OUTPUT: output, _TOTAL: total + output}
    parts = {_READ: usage.cache_read_tokens, _WRITE: usage.cache_write_tokens}
    return {**encoded, **{name: count for name, count in parts.items() if count is not None}}


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
