"""Responses: token counts, which are totals that include their parts, and back."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.opaque import Json
from dragoman.core.usage import Usage
from dragoman.wire.payload import parse, parse_object


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_USAGE: Final = msgspec.json.Decoder(_Usage)


def decode_usage(data: bytes) -> Usage | None:
    if data == b"null":
        return None
    told = parse(data, _USAGE, "the usage")
    input_details = told.input_tokens_details or _InputDetails()
    output_details = told.output_tokens_details or _OutputDetails()
    return Usage(
        input_tokens=_total(told.input_tokens),
        cache_read_tokens=input_details.cached_tokens,
        cache_write_tokens=input_details.cache_write_tokens,
        input_audio_tokens=input_details.audio_tokens,
        output_tokens=_total(told.output_tokens),
        reasoning_tokens=output_details.reasoning_tokens,
        output_audio_tokens=output_details.audio_tokens,
        raw=parse_object(data, "the usage"),
    )


def _total(count: int | None) -> int | None:
    """OpenAI's models for research have told totals below 0, which say nothing."""
    return None if count is None or count < 0 else count


def encode_usage(usage: Usage | None) -> Json:
    """OpenAI's record, or null where neither total is known. Where one is, 0 stands for all others, because the wire requires them."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": read + written,
    }
