"""The least pictures and sounds there can be, whole and valid: PNG (RFC 2083) and WAV (Microsoft's RIFF), and how long a WAV lasts."""

from __future__ import annotations

import struct
import zlib
from typing import Final

WAV_HEAD_BYTES: Final = 44
SAMPLES_PER_S: Final = 8000
"""Of the sounds made here: one channel, eight bits a sample."""
_TONE: Final = b"\x70" * 9 + b"\x90" * 9
"""One swing of a soft tone."""


def png(width: int, height: int, colour: bytes) -> bytes:
    """A picture of one colour, three bytes of red, green and blue."""
    head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)  # one bit a pixel, into a palette of one colour
    rows = (b"\0" + bytes((width + 7) // 8)) * height
    chunks = ((b"IHDR", head), (b"PLTE", colour), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def wav(seconds: float) -> bytes:
    """A tone of so many seconds."""
    count = round(seconds * SAMPLES_PER_S)
    samples = (_TONE * (count // len(_TONE) + 1))[:count]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLES_PER_S, SAMPLES_PER_S, 1, 8)
    padded = samples + b"\0" * (count % 2)
    head = struct.pack("<4sI4s", b"RIFF", WAV_HEAD_BYTES - 8 + len(padded), b"WAVE")
    return head + form + struct.pack("<4sI", b"data", count) + padded


def wav_seconds(data: bytes) -> float | None:
    """How long a WAV lasts; ``None`` for what is none."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, bytes_per_s = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            bytes_per_s = int.from_bytes(data[at + 16 : at + 20], "little")
        elif name == b"data" and bytes_per_s:
            return min(size, len(data) - at - 8) / bytes_per_s
        at += 8 + size + size % 2
    return None
