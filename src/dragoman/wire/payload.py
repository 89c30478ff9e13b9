"""The one guarded JSON parse: whatever bytes come from a network become a value of the wanted type or a ``BadReply``/``BadRequest``."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.opaque import JsonObject

T = TypeVar("T")

SNIPPET_CHARACTERS: Final = 2000
_ANY: Final = msgspec.json.Decoder(Any)


def _encode_other(value: object) -> str:
    """A string of a class of its own, such as a member of a string enum, as what it says."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_other)
_FAULTS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""How what is compressed begins."""
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`")


def snippet(data: bytes) -> str:
    """The beginning of ``data`` as text, for an error's ``body``."""
    return data[: SNIPPET_CHARACTERS * 4].decode("utf-8", "replace")[:SNIPPET_CHARACTERS]


def parse(data: bytes, decoder: msgspec.json.Decoder[T], what: str = "the answer") -> T:
    """``data`` as the type of ``decoder``; raises ``BadReply`` with the fault and the bytes' beginning."""
    try:
        return decoder.decode(data)
    except _FAULTS as fault:
        raise BadReply(f"{what} cannot be read: {_describe(data, fault)}", body=snippet(data)) from None


def parse_object(data: bytes, what: str = "the answer") -> JsonObject:
    """``data`` as a JSON object of any content; raises ``BadReply``."""
    value = parse(data, _ANY, what)
    if not isinstance(value, dict):
        raise BadReply(f"{what} is {type(value).__name__}, not a JSON object", body=snippet(data))
    return value


def try_object(data: bytes) -> JsonObject | None:
    """``data`` as a JSON object, or ``None`` where it is anything else."""
    try:
        value = _ANY.decode(data)
    except _FAULTS:
        return None
    return value if isinstance(value, dict) else None


def is_complete(text: str) -> bool:
    """Whether ``text`` is one whole JSON value."""
    try:
        _ANY.decode(text)
    except _FAULTS:
        return False
    return True


def written_arguments(text: str) -> str:
    """A call's arguments as they were written, an object of nothing for what means that: ``null`` at Groq, ``[]`` of PHP's clients."""
    stripped = text.strip()
    return "{}" if stripped in ("", "null", "[]") else stripped


def parse_request(data: bytes, what: str = "the request body") -> JsonObject:
    """A caller's JSON object; raises ``BadRequest``."""
    try:
        value = _ANY.decode(data)
    except _FAULTS as fault:
        raise BadRequest(f"{what} is not valid JSON: {_describe(data, fault)}") from None
    if not isinstance(value, dict):
        raise BadRequest(f"{what} is {type(value).__name__}; a JSON object is expected")
    return value


def convert(value: Any, kind: type[T], what: str) -> T:
    """A caller's parsed JSON as ``kind``; raises ``BadRequest`` that names the field, what it was and what is allowed."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        text = str(fault)
        found = _PATH.search(text)
        param = found.group(1) if found else None
        reason = _PATH.sub("", text)
        missing = _MISSING.fullmatch(reason)
        if missing:
            place = param or (None if " " in what else what)  # prose says that it is the whole
            field = f"{place}.{missing[1]}" if place else missing[1]
            raise BadRequest(f"{field}: it is missing", param=field) from None
        raise BadRequest(f"{param or what}: {reason[:1].lower()}{reason[1:]}", param=param) from None


def dump(value: Any) -> bytes:
    """JSON without blanks and without line ends; raises ``BadRequest`` for what JSON cannot say."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as fault:
        raise BadRequest(f"the request cannot be written as JSON: {fault}") from None


def _describe(data: bytes, fault: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if data.lstrip()[:1] == b"<":
        return "it is HTML or XML, not JSON"
    for begin, coding in _COMPRESSED.items():
        if data.startswith(begin):
            return f"it is compressed with {coding}; send it as it is"
    return str(fault)
