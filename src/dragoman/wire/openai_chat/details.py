"""``reasoning_details``: thinking as OpenRouter and Snowflake tell it, a list of records that must be sent back untouched.

Documentation: https://openrouter.ai/docs/use-cases/reasoning-tokens, read 2026-11-21. A record has a ``type`` (``reasoning.text``,
``reasoning.summary``, ``reasoning.encrypted``), the ``format`` of the vendor behind the host, and words, a signature or hidden data.
Streamed, a record comes in fragments of the same type and index, whose words are joined.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.messages import Reasoning
from dragoman.core.opaque import JsonObject

FIELD: Final = "reasoning_details"

_WORDS: Final = ("text", "summary", "data")
"""What is joined, fragment by fragment; every other field replaces what stood there."""


class Details:
    """Joins the fragments of one reasoning block. ``records`` grows in place."""

    def __init__(self) -> None:
        self.records: list[JsonObject] = []
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._places: dict[tuple[str, int], int] = {}

    def add(self, fragments: list[JsonObject]) -> None:
        """The records of one message or delta: each goes on with one that came in an earlier delta, or begins."""
        before = len(self.records)
        for fragment in fragments:
            kind, index = fragment.get("type"), fragment.get("index")
            key = (kind if isinstance(kind, str) else "", index if isinstance(index, int) else -1)
            place = self._places.get(key)
            if place is None or place >= before or self._is_another(self.records[place], fragment):
                place = self._places[key] = len(self.records)
                self.records.append({})
            self._join(place, fragment)

    def _join(self, place: int, fragment: JsonObject) -> None:
        record = self.records[place]
        for name, value in fragment.items():
            if name in _WORDS and isinstance(value, str):
                self._pieces.setdefault((place, name), []).append(value)
                record.setdefault(name, "")
            elif value or name not in record:
                record[name] = value

    def finish(self) -> None:
        """Put the words into the records."""
        for (place, name), pieces in self._pieces.items():
            self.records[place][name] = "".join(pieces)

    @staticmethod
    def _is_another(record: JsonObject, fragment: JsonObject) -> bool:
        """Hidden thinking of several calls comes under one index, and is told apart by its id."""
        return bool(fragment.get("id") and record.get("id") and fragment["id"] != record["id"])


def words(fragment: JsonObject) -> str:
    """What a record shows of the thinking."""
    told = fragment.get("text") or fragment.get("summary")
    return told if isinstance(told, str) else ""


def signature(fragment: JsonObject) -> str | None:
    told = fragment.get("signature")
    return told if isinstance(told, str) and told else None


def says_nothing(fragment: JsonObject) -> bool:
    return not any(fragment.get(name) for name in (*_WORDS, "signature"))


def record_of(part: Reasoning) -> JsonObject:
    """A record for thinking that came from elsewhere."""
    if part.redacted_data is not None:
        return {"type": "reasoning.encrypted", "data": part.redacted_data}
    record: JsonObject = {"type": "reasoning.text", "text": part.text}
    return record if part.signature is None else {**record, "signature": part.signature}
