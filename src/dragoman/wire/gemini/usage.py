"""Gemini: ``usageMetadata`` in our normal form and back.

The vendor counts side by side what ours counts within: what tools put into the prompt stands beside ``promptTokenCount``, thoughts beside
``candidatesTokenCount``; ``cachedContentTokenCount`` is within the prompt. A count of nothing is left out on this wire, so where the total
is told the answer's count follows from it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.opaque import JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.gemini.numbers import MODALITIES, word


class _Modality(msgspec.Struct, rename="camel"):
    modality: str | int | None = None
    token_count: int | None = None


class _Counts(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None


_AUDIO: Final = "AUDIO"


def decode_usage(told: JsonObject) -> Usage:
    """The normal form of ``usageMetadata``. Counts in a form that cannot be read are unknown, and stay in ``raw``."""
    try:
        counts = msgspec.convert(told, _Counts)
    except msgspec.ValidationError:
        return Usage(raw=told)
    input_tokens = _sum(counts.prompt_token_count, counts.tool_use_prompt_token_count)
    output_tokens = _sum(counts.candidates_token_count, counts.thoughts_token_count)
    if output_tokens is None and counts.total_token_count is not None and input_tokens is not None:
        output_tokens = max(0, counts.total_token_count - input_tokens)
    return Usage(
        input_tokens=input_tokens,
        cache_read_tokens=counts.cached_content_token_count,
        input_audio_tokens=_audio(counts.prompt_tokens_details),
        output_tokens=output_tokens,
        reasoning_tokens=counts.thoughts_token_count,
        output_audio_tokens=_audio(counts.candidates_tokens_details),
        raw=told,
    )


def _sum(first: int | None, second: int | None) -> int | None:
    """Both together; a count that is left out beside one that is told is nothing."""
    return None if first is None and second is None else (first or 0) + (second or 0)


def _audio(details: list[_Modality] | None) -> int | None:
    """The sound among the counts by modality; ``None`` where none is listed."""
    counts = [one.token_count or 0 for one in details or () if word(one.modality, MODALITIES) == _AUDIO]
    return sum(counts) if counts else None


def encode_usage(usage: Usage) -> JsonObject:
    """``usageMetadata``: the vendor's own record where the usage is its, else its words for what is known."""
    if (
        usage.raw
        and decode_usage(usage.raw) == usage
        and any(getattr(usage, name) is not None for name in ("input_tokens", "output_tokens"))
    ):
        return usage.raw
    counts: JsonObject = {}
    if usage.input_tokens is not None:
        counts["promptTokenCount"] = usage.input_tokens
    if usage.cache_read_tokens is not None:
        counts["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.output_tokens is not None:
        counts["candidatesTokenCount"] = max(0, usage.output_tokens - (usage.reasoning_tokens or 0))
    if usage.reasoning_tokens is not None:
        counts["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.total_tokens is not None:
        counts["totalTokenCount"] = usage.total_tokens
    for field, count, total in (
        ("promptTokensDetails", usage.input_audio_tokens, usage.input_tokens),
        ("candidatesTokensDetails", usage.output_audio_tokens, counts.get("candidatesTokenCount")),
    ):
        if count is not None:
            rest = [] if total is None else [{"modality": "TEXT", "tokenCount": max(0, total - count)}]
            counts[field] = [*rest, {"modality": _AUDIO, "tokenCount": count}]
    return counts
