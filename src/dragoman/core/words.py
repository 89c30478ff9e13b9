"""A value in the words of an error, which must not become an error itself: some values have no text, or one of many pages."""

from __future__ import annotations

from typing import Final

MAX_CHARACTERS: Final = 200


def in_words(value: object) -> str:
    """``value`` as its ``repr``, cut where that is long; by its type where it has none."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # whatever a stranger's class does: too deep, too large, broken
        return f"an integer of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
