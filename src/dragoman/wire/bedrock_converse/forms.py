"""Bedrock Converse: the words by which the wire names the form of a picture, a document or a sound, and media types."""

from __future__ import annotations

from typing import Final

IMAGES: Final = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
DOCUMENTS: Final = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
SOUNDS: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "ogg": "audio/ogg",
    "mkv": "audio/x-matroska",
    "pcm": "audio/pcm",
    "webm": "audio/webm",
}
"""What the wire may say beside these (``m4a``, ``mpga`` …) stands in a part's ``extra`` as it came."""

_ALIASES: Final = {"image/jpg": "jpeg", "audio/mp3": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "application/csv": "csv"}
_ENDINGS: Final = {"jpg": "jpeg", "htm": "html", "text": "txt"}


def form_of(media_type: str, forms: dict[str, str]) -> str | None:
    """The wire's word for ``media_type``, or ``None`` where it has none. Any text that has no word of its own is ``txt``."""
    plain = media_type.partition(";")[0].strip().lower()
    word = next((word for word, known in forms.items() if known == plain), None) or _ALIASES.get(plain)
    if word in forms:
        return word
    return "txt" if forms is DOCUMENTS and plain.startswith("text/") else None


def form_by_name(name: str | None, forms: dict[str, str]) -> str | None:
    """The wire's word that a file's name or address ends in, or ``None``."""
    ending = (name or "").rpartition(".")[2].lower()
    word = _ENDINGS.get(ending, ending)
    return word if word in forms else None
