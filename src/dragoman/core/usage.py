"""What an answer consumed, in one normal form whatever the vendor counts.

The law: ``input_tokens`` and ``output_tokens`` are totals that *include* their parts (cached, reasoning, audio), and ``None`` means
that the vendor did not say, which is not zero. A vendor that reports a part beside the total is normalised by its dialect.
"""

from __future__ import annotations

import msgspec

from dragoman.core.opaque import JsonObject


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts of one answer."""

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    """Part of ``input_tokens`` that came from the vendor's prompt cache."""
    cache_write_tokens: int | None = None
    """Part of ``input_tokens`` that was written to the vendor's prompt cache."""
    input_audio_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Part of ``output_tokens`` that was thinking."""
    output_audio_tokens: int | None = None
    raw: JsonObject | None = None
    """The vendor's own record, untouched."""

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, or ``None`` where either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens
