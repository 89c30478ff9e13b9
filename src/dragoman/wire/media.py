"""Media in text: ``data:`` URLs (RFC 2397) and base64."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from dragoman.core.errors import BadRequest

_IMAGE_MARKS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
)
"""Where a picture's bytes tell its form: offset, mark, media type."""

_AUDIO_MARKS: Final = (
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\xff\xf1", "audio/aac"),
)
"""Likewise a sound's."""


def encode_data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{encode_base64(data)}"


def decode_data_url(url: str, what: str) -> tuple[bytes, str]:
    """The bytes and the media type of a base64 ``data:`` URL. Raises ``BadRequest``."""
    head, comma, text = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        raise BadRequest(f"{what}: a data URL must look like data:<media type>;base64,<data>", param=what)
    return decode_base64(text, what), head.removesuffix(";base64")


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """Raises ``BadRequest`` for what is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise BadRequest(f"{what}: not valid base64: {fault}", param=what) from None


def sniff_image(data: bytes) -> str | None:
    """The media type that a picture's first bytes tell, for wires that do not say it; ``None`` where they tell nothing."""
    return next((media_type for offset, mark, media_type in _IMAGE_MARKS if data.startswith(mark, offset)), None)


def sniff_audio(data: bytes) -> str | None:
    """The media type that a sound's first bytes tell; ``None`` where they tell nothing, as those of bare samples do."""
    return next((media_type for offset, mark, media_type in _AUDIO_MARKS if data.startswith(mark, offset)), None)
