"""Bedrock Converse: hidden reasoning, which the wire carries as base64 and we as a text.

Bedrock's own is that base64 itself. Another vendor's opaque text need not be base64; it is then carried inside it behind a mark, so that
a client of our server role, which sees bytes only, hands back what we can read again.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

_MARK: Final = b"\0dragoman:"


def encode_redacted(text: str) -> str:
    """Base64 for the wire."""
    data = _bytes(text)
    if data is None or data.startswith(_MARK):
        return base64.b64encode(_MARK + text.encode("utf-8", "surrogatepass")).decode("ascii")
    return text


def decode_redacted(told: str) -> str:
    """Our text for what the wire carries; what is no base64, or not marked by us, is left as it is."""
    data = _bytes(told)
    if data is None or not data.startswith(_MARK):
        return told
    try:
        return data[len(_MARK) :].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return told


def join_redacted(pieces: list[str]) -> str:
    """One base64 text for what came in several, each encoded for itself."""
    if len(pieces) == 1:
        return decode_redacted(pieces[0])
    decoded = [_bytes(piece) for piece in pieces]
    known = [piece for piece in decoded if piece is not None]
    if len(known) < len(decoded):
        return "".join(pieces)
    return decode_redacted(base64.b64encode(b"".join(known)).decode("ascii"))


def _bytes(text: str) -> bytes | None:
    """The bytes that ``text`` encodes in the one customary way, or ``None``."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None
