"""Gemini: words of the wire that came as numbers.

JSON of protocol buffers takes an enum's number for its name, and Google's older SDKs write such requests and ask for such answers
(``$alt=json;enum-encoding=int``). Here are the numbers that mean the same in the Gemini API and in Vertex AI
(https://docs.cloud.google.com/ruby/docs/reference/google-cloud-ai_platform-v1/latest, read 2026-11-21); any other is a word of digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FINISHES: Final = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
BLOCKS: Final = ("BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT")
MODES: Final = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE")
TYPES: Final = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
MODALITIES: Final = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")


def word(told: str | int | None, names: Sequence[str]) -> str | None:
    """``told`` as the name that it is, or is the number of."""
    if not isinstance(told, int):
        return told
    return names[told] if 0 <= told < len(names) else str(told)
