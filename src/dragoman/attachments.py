"""Pictures, sounds and documents for a prompt: from bytes, from an address, or from a file on this machine.

The law: a local file is read only where the caller passed a ``pathlib.Path``. A string is an address, never a file's name, so that text
from elsewhere cannot make a program read its own files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from dragoman.core.errors import UsageError
from dragoman.core.messages import Audio, File, Image
from dragoman.core.words import in_words
from dragoman.wire.media import decode_data_url, sniff_audio, sniff_image

MAX_BYTES: Final = 50_000_000
"""The largest attachment by default; vendors take 20 to 50 MB in a request."""

Attachable: TypeAlias = "bytes | bytearray | str | Path"
Attachment: TypeAlias = Image | Audio | File

_SUFFIXES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "heif": "image/heif",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "weba": "audio/webm",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "htm": "text/html",
    "xml": "application/xml",
    "json": "application/json",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

_MARKS: Final = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"\xff\xf9", "audio/aac"),
)
"""What the first bytes tell beside the pictures and sounds of ``wire.media``: offset, mark, media type."""

_TEXTS: Final = ("text/", "application/json", "application/xml", "image/svg")
"""Forms whose first bytes mean nothing."""


def attach(source: Attachable, *, media_type: str | None = None, name: str | None = None, max_bytes: int = MAX_BYTES) -> Attachment:
    """``source`` as a part of a message: an ``Image``, an ``Audio`` or a ``File``.

    ``source`` is bytes, a ``pathlib.Path`` (which is read now), or a string with an ``http``, ``https`` or ``data`` URL. Its media type is
    found by its first bytes, else by its suffix; ``media_type`` says it where neither does. Raises ``UsageError``::

        from pathlib import Path

        import dragoman

        dragoman.complete("openai/gpt-4.1", ["What is this?", dragoman.attach("https://example.com/cat.png"), Path("dog.png")])
    """
    _check_told(media_type, name, max_bytes)
    if isinstance(source, Path):
        data = _read(source, max_bytes)
        return _part(data, media_type or _media_type(data, source.name), name or source.name, f"attachment {source}")
    if isinstance(source, (bytes, bytearray)):
        data = _bounded(bytes(source), max_bytes, "attachment")
        return _part(data, media_type or _media_type(data, name or ""), name, "attachment")
    if not isinstance(source, str):
        raise UsageError(f"attachment: {type(source).__name__} was given; bytes, a pathlib.Path or a URL is expected")
    return _from_url(source, media_type, name, max_bytes)


def _check_told(media_type: object, name: object, max_bytes: object) -> None:
    for what, told in (("media_type", media_type), ("name", name)):
        if told is not None and not isinstance(told, str):
            raise UsageError(f"{what}: {in_words(told)} was given; a string is expected")
    if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 0:
        raise UsageError(f"max_bytes: {in_words(max_bytes)} was given; a whole number from 0 up is allowed")


def attached(source: Attachable, where: str) -> Attachment:
    """``source`` as a part of what is asked. Raises ``UsageError`` that begins with ``where``."""
    try:
        return attach(source)
    except UsageError as fault:
        raise UsageError(f"{where}: {fault.message}", param=where) from None


def _from_url(url: str, media_type: str | None, name: str | None, max_bytes: int) -> Attachment:
    try:
        parts = urlsplit(url)
        scheme, path, is_web = parts.scheme.lower(), parts.path, bool(parts.hostname)
    except ValueError:
        scheme, path, is_web = "", "", False
    if scheme == "data":
        data, told = decode_data_url(url, "attachment")
        data = _bounded(data, max_bytes, "attachment")
        return _part(data, media_type or told or _media_type(data, name or ""), name, "attachment")
    if scheme not in ("http", "https") or not is_web:
        shown = url if len(url) <= 80 else url[:80] + "…"
        raise UsageError(
            f"attachment: {shown!r} was given; a string must be an http(s) or data URL, and pathlib.Path({shown!r}) reads a local file"
        )
    found = media_type or _by_suffix(path)
    if found is None:
        raise UsageError(f"attachment {url}: its address does not tell what it is; say it with media_type, such as image/png")
    return _made(found, url=url, name=name)


def _part(data: bytes, media_type: str | None, name: str | None, what: str) -> Attachment:
    if not data:
        raise UsageError(f"{what}: it is empty")
    if media_type is None:
        raise UsageError(f"{what}: neither its first bytes nor its name tell what it is; say it with media_type, such as image/png")
    return _made(media_type, data=data, name=name)


def _made(media_type: str, *, name: str | None, data: bytes | None = None, url: str | None = None) -> Attachment:
    """The part that carries this form; of the three kinds a file alone has a name."""
    match media_type.partition("/")[0].lower():
        case "image":
            return Image(data=data, url=url, media_type=media_type)
        case "audio":
            return Audio(data=data, url=url, media_type=media_type)
        case _:
            return File(data=data, url=url, media_type=media_type, name=name)


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"attachment {path}: {'it is no file' if path.exists() else 'there is no such file'}")
        with path.open("rb") as file:
            return _bounded(file.read(max_bytes + 1), max_bytes, f"attachment {path}")
    except OSError as fault:
        raise UsageError(f"attachment {path}: cannot be read: {fault.strerror}") from None


def _bounded(data: bytes, max_bytes: int, what: str) -> bytes:
    if len(data) > max_bytes:
        raise UsageError(f"{what}: it is larger than {max_bytes} bytes; max_bytes allows more, if the provider takes it")
    return data


def _media_type(data: bytes, name: str) -> str | None:
    """What ``data`` is by its first bytes, else by the suffix of its ``name``."""
    named = _by_suffix(name)
    if named is not None and named.startswith(_TEXTS):
        return named
    marked = (media_type for offset, mark, media_type in _MARKS if data.startswith(mark, offset))
    return next(marked, None) or sniff_image(data) or sniff_audio(data) or named


def _by_suffix(name: str) -> str | None:
    _, dot, suffix = name.rpartition(".")
    return _SUFFIXES.get(suffix.lower()) if dot else None
