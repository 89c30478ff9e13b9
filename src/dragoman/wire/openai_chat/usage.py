"""OpenAI chat: token counts, read in every form that its imitators write and written in OpenAI's own.

``prompt_tokens`` and ``completion_tokens`` are totals that include their parts. The count of cached tokens has other names elsewhere:
``prompt_cache_hit_tokens`` (DeepSeek), ``num_cached_tokens`` (Mistral), ``cached_tokens`` (Moonshot), ``cache_read_input_tokens``
(Databricks). Some hosts write counts as ``1.0``. xAI counts thinking beside ``completion_tokens`` and Mistral a question's sound beside
``prompt_tokens``; ``total_tokens`` shows it, and the part is added where it alone makes up the difference
(https://docs.x.ai/docs/key-information/consumption-and-rate-limits, read 2026-11-21).
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.payload import parse, parse_object

Count = int | float | None


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None
    audio_tokens: Count = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count = None
    audio_tokens: Count = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: Count = None
    num_cached_tokens: Count = None
    cached_tokens: Count = None
    cache_read_input_tokens: Count = None
    cache_creation_input_tokens: Count = None
    reasoning_tokens: Count = None


_NOTHING_READ: Final = _InputDetails()
_NOTHING_WRITTEN: Final = _OutputDetails()
_USAGE: Final = msgspec.json.Decoder(_Usage)


def decode_usage(data: bytes) -> Usage | None:
    """The counts of a ``usage`` record, or ``None`` for what is no record and for one without any."""
    if data[:1] != b"{":
        return None
    told = parse(data, _USAGE, "the usage")
    read = told.prompt_tokens_details or _NOTHING_READ
    written = told.completion_tokens_details or _NOTHING_WRITTEN
    raw: JsonObject = parse_object(data, "the usage")
    if not raw:
        return None
    reasoning = _first(written.reasoning_tokens, told.reasoning_tokens)
    beside = _beside(told)
    return Usage(
        input_tokens=_with_part(told.prompt_tokens, _whole(read.audio_tokens), beside),
        cache_read_tokens=_first(
            read.cached_tokens, told.prompt_cache_hit_tokens, told.num_cached_tokens, told.cached_tokens, told.cache_read_input_tokens
        ),
        cache_write_tokens=_first(read.cache_write_tokens, told.cache_creation_input_tokens),
        input_audio_tokens=_whole(read.audio_tokens),
        output_tokens=_with_part(told.completion_tokens, reasoning, beside),
        reasoning_tokens=reasoning,
        output_audio_tokens=_whole(written.audio_tokens),
        raw=raw,
    )


def _beside(told: _Usage) -> int:
    """What the sum of all tokens holds beyond input and output; 0 where that is not known."""
    if told.total_tokens is None or told.prompt_tokens is None or told.completion_tokens is None:
        return 0
    return int(told.total_tokens - told.prompt_tokens - told.completion_tokens)


def _with_part(total: Count, part: int | None, beside: int) -> int | None:
    """``total`` with its ``part`` in it, which this host counted beside it."""
    counted = _whole(total)
    return counted + part if counted is not None and part and part == beside else counted


def _whole(count: Count) -> int | None:
    return None if count is None else int(count)


def _first(*counts: Count) -> int | None:
    for count in counts:
        if count is not None:
            return int(count)
    return None


def encode_usage(usage: Usage | None) -> Json:
    """OpenAI's record, or null where neither total is known. Where one is, the other is 0, because OpenAI's clients require both."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    encoded: JsonObject = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    input_details = _known(
        cached_tokens=usage.cache_read_tokens, cache_write_tokens=usage.cache_write_tokens, audio_tokens=usage.input_audio_tokens
    )
    output_details = _known(reasoning_tokens=usage.reasoning_tokens, audio_tokens=usage.output_audio_tokens)
    if input_details:
        encoded["prompt_tokens_details"] = input_details
    if output_details:
        encoded["completion_tokens_details"] = output_details
    return encoded


def _known(**counts: int | None) -> JsonObject:
    return {name: count for name, count in counts.items() if count is not None}
