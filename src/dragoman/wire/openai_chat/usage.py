"""OpenAI chat: token counts, read in every form that its imitators write and written in OpenAI's own.

``prompt_tokens`` and ``completion_tokens`` are totals that include their parts. The count of cached tokens has other names elsewhere:
``prompt_cache_hit_tokens`` (DeepSeek), ``num_cached_tokens`` (Mistral), ``cached_tokens`` (Moonshot), ``cache_read_input_tokens``
(Databricks). Some hosts write counts as ``1.0``. xAI counts thinking beside ``completion_tokens`` and Mistral a question's sound beside
``prompt_tokens``; ``total_tokens`` shows it, and the part is added where it alone makes up the difference
(https://docs.x.ai/docs/key-information/consumption-and-rate-limits, read 2026-11-21). Azure counts what Grok took from a cache beside all
of them, which shows where it is more than the whole.
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

    @property
    def otherwise_cached(self) -> Count:
        """Tokens from a cache, by the names that others than OpenAI have for them."""
        for count in (self.prompt_cache_hit_tokens, self.num_cached_tokens, self.cached_tokens, self.cache_read_input_tokens):
            if count is not None:
                return count
        return None


_NOTHING_READ: Final = _InputDetails()
_NOTHING_WRITTEN: Final = _OutputDetails()
_USAGE: Final = msgspec.json.Decoder(_Usage)


def decode_usage(data: bytes) -> Usage | None:
    """The counts of a ``usage`` record, or ``None`` for what is no record and for one without any."""
    if data[:1] != b"{":
        return None
    told = parse(data, _USAGE, "the usage")
    raw: JsonObject = parse_object(data, "the usage")
    if not raw:
        return None
    read, written = told.prompt_tokens_details or _NOTHING_READ, told.completion_tokens_details or _NOTHING_WRITTEN
    cached = told.otherwise_cached if read.cached_tokens is None else read.cached_tokens
    kept = told.cache_creation_input_tokens if read.cache_write_tokens is None else read.cache_write_tokens
    thought = told.reasoning_tokens if written.reasoning_tokens is None else written.reasoning_tokens
    counts = (told.prompt_tokens, cached, kept, read.audio_tokens, told.completion_tokens, thought, written.audio_tokens)
    # Named by position: this is read for every answer, and a call for each count would take as long as all the rest.
    given, cached, kept, heard, said, thought, spoken = [None if count is None else int(count) for count in counts]
    if cached and given is not None and cached > given:
        given += cached
    if (heard or thought) and told.total_tokens is not None and given is not None and said is not None:
        beside = int(told.total_tokens) - given - said
        given = given + beside if heard == beside else given
        said = said + beside if thought == beside else said
    return Usage(
        input_tokens=given,
        cache_read_tokens=cached,
        cache_write_tokens=kept,
        input_audio_tokens=heard,
        output_tokens=said,
        reasoning_tokens=thought,
        output_audio_tokens=spoken,
        raw=raw,
    )


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
