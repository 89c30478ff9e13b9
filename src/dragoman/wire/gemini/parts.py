"""Gemini: one part of a content, both ways. A part is an object with one field that says its kind, and fields beside it.

What stands beside the kind (``thoughtSignature``, ``videoMetadata`` …) is kept in ``extra`` and goes back to the same part. A tool's
arguments are an object on this wire: their JSON text is taken over as it is, but for the blanks between its tokens.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Audio, File, Image, Media, Opaque, Reasoning, Refusal, Text, ToolCall
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.carried import not_ours
from dragoman.wire.media import encode_base64
from dragoman.wire.payload import written_arguments

NAME: Final = "gemini"
"""Under which the fields that this dialect alone has stand in ``extra``."""
TRAILING: Final = "trailing"
"""In a part's ``extra``: the parts without words that came right behind it, mostly an empty text that carries a signature.

The vendor wants a signed part back as it came, neither merged with nor parted from another, so such a part is replayed behind its own.
"""

TRANSCRIPT: Final = "audioTranscription"
"""The field beside a sound that tells in words what is said in it."""

_INVENTED: Final = re.compile(r"gemini_[0-9]+(_[A-Za-z0-9_-]+)?")
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SNAKE: Final = re.compile(r"_([a-z0-9])")
DEFAULT_TYPES: Final[dict[type[Media], str]] = {Image: "image/png", Audio: "audio/wav", File: "application/pdf"}
_PICTURES: Final = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic"}
_PADDING: Final = {0: "", 2: "==", 3: "="}


# --- what both directions share ---------------------------------------------------------------------------------------------------------


def invent_id(position: int, answer: str | None = None) -> str:
    """A stable id for a call that came without one: its position, and the answer's own id so that two turns never share one."""
    return f"gemini_{position}_{answer}" if answer and _SAFE.fullmatch(answer) else f"gemini_{position}"


def is_invented(call_id: str) -> bool:
    """Whether an id is none that the vendor gave, and so must not be sent to it."""
    return not call_id or _INVENTED.fullmatch(call_id) is not None


def camel(given: JsonObject) -> JsonObject:
    """``given`` with the names of its own fields as the wire writes them; the API takes ``snake_case`` as well, and null for nothing."""
    return {_SNAKE.sub(lambda found: found.group(1).upper(), name): value for name, value in given.items() if value is not None}


def plain(part: JsonObject) -> JsonObject:
    """A part without what some clients write of every one."""
    return {name: value for name, value in camel(part).items() if not (name == "thought" and value is False)}


def merge(under: JsonObject, over: JsonObject) -> JsonObject:
    """``under`` with the fields of ``over`` laid on top, objects within objects."""
    merged = dict(under)
    for name, value in over.items():
        known = merged.get(name)
        merged[name] = merge(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def kept(fields: JsonObject) -> Extra:
    return {NAME: fields} if fields else {}


def read_base64(text: str) -> bytes:
    """Bytes of base64 in either alphabet, padded or not, as JSON of protocol buffers allows. Raises ``ValueError``."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    padding = _PADDING.get(len(plain) % 4)
    if padding is None:
        raise ValueError("a number of letters that no base64 has")
    try:
        return base64.b64decode(plain + padding, validate=True)
    except binascii.Error as fault:
        raise ValueError(str(fault)) from None


def media_part(media_type: str | None) -> type[Image] | type[Audio] | type[File]:
    """The kind of part that bytes of this type are; films are files, as the core knows no kind for them."""
    kind = (media_type or "").partition("/")[0].lower()
    return Image if kind == "image" else Audio if kind == "audio" else File


def exact_object(text: str) -> msgspec.Raw:
    """A JSON object's own text without the blanks between its tokens. Raises ``ValueError`` for anything else."""
    try:
        data = msgspec.json.format(text.encode() if text.strip() else b"{}", indent=-1)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise ValueError(str(fault)) from None
    if data[:1] != b"{":
        raise ValueError("it is no JSON object")
    return msgspec.Raw(data)


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_part(part: AnyPart, where: str, warnings: list[str]) -> list[JsonObject]:
    """The parts that ``part`` becomes: one, none where only others could read it, more where some trailed it."""
    encode = _ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"{where}: the Gemini wire has no place for a {type(part).__name__} part")
    own = dict(part.extra.get(NAME, {}))
    trailing = own.pop(TRAILING, [])
    encoded = encode(part, where, warnings)
    return ([merge(encoded, own)] if encoded is not None else []) + list(trailing)


def _encode_text(part: Text | Refusal, where: str, warnings: list[str]) -> JsonObject:
    if isinstance(part, Refusal):
        warnings.append(f"{where}: a refusal is sent as plain text, which is all that this wire knows")
    return {"text": part.text}


def _encode_reasoning(part: Reasoning, where: str, warnings: list[str]) -> JsonObject | None:
    """A signature of another vendor means nothing here; Gemini's own stands in ``extra``."""
    if part.redacted_data is not None and not part.text:
        warnings.append(f"{where}: hidden reasoning of another provider cannot be sent to this one, left out")
        return None
    if part.signature is not None:
        warnings.append(f"{where}: signed reasoning is another vendor's, only its text is sent to this provider")
    return {"text": part.text, "thought": True}


def _encode_call(part: ToolCall, where: str, warnings: list[str]) -> JsonObject:
    try:
        arguments = exact_object(written_arguments(part.arguments))
    except ValueError as fault:
        raise Unsupported(
            f"{where}: the arguments of {part.name} are no JSON object, and Gemini's wire carries nothing else: {fault}"
        ) from None
    named = {"name": part.name, "args": arguments}
    return {"functionCall": named if is_invented(part.id) else {"id": part.id, **named}}


def encode_media(part: Image | Audio | File, where: str, warnings: list[str]) -> JsonObject:
    """Bytes as ``inlineData``; an address or the vendor's name of a file as ``fileData``."""
    if isinstance(part, Image) and part.detail not in (None, "auto"):
        warnings.append(f"{where}.detail: not understood by this provider, left out")
    if isinstance(part, File) and part.name is not None and not part.extra.get(NAME):
        warnings.append(f"{where}.name: a file has no name on this wire, left out")
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type or DEFAULT_TYPES[type(part)], "data": encode_base64(part.data)}}
    file: JsonObject = {"fileUri": part.url if part.url is not None else part.file_id}
    media_type = part.media_type or (_type_by_ending(part.url) if isinstance(part, Image) else None)
    if media_type is not None:
        file["mimeType"] = media_type
    return {"fileData": file}


def _type_by_ending(url: str | None) -> str | None:
    """The type of a picture at ``url``, which other wires need not say; without one this wire does not even tell that it is a picture."""
    path = (url or "").partition("#")[0].partition("?")[0]
    return _PICTURES.get(path.rpartition(".")[2].lower())


def _encode_opaque(part: Opaque, where: str, warnings: list[str]) -> JsonObject:
    if NAME not in part.extra:
        raise not_ours(part, NAME, where)
    return {}


_ENCODERS: Final[dict[type, Callable[[Json, str, list[str]], JsonObject | None]]] = {
    Text: _encode_text,
    Refusal: _encode_text,
    Reasoning: _encode_reasoning,
    ToolCall: _encode_call,
    Image: encode_media,
    Audio: encode_media,
    File: encode_media,
    Opaque: _encode_opaque,
}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_part(given: Json, where: str) -> AnyPart:
    """A part of a request but for calls and results, whose ids want the whole conversation. Raises ``BadRequest``."""
    if not isinstance(given, dict) or not given:
        raise BadRequest(f"{where}: an object with one kind of content is expected", param=where)
    given = plain(given)
    for field, decode in _DECODERS.items():
        if field in given:
            return decode(given, where)
    return Opaque(extra={NAME: given})


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    text = given["text"]
    if not isinstance(text, str):
        raise BadRequest(f"{where}.text: {type(text).__name__} was given; a string is expected", param=f"{where}.text")
    if given.get("thought") is True:
        return Reasoning(text=text, extra=kept(without(given, "text", "thought")))
    return Text(text=text, extra=kept(without(given, "text")))


def _decode_inline(given: JsonObject, where: str) -> AnyPart:
    blob = inner(given, "inlineData", where)
    place = f"{where}.inlineData"
    media_type, text = blob.get("mimeType"), blob.get("data")
    if not isinstance(media_type, str) or not isinstance(text, str):
        raise BadRequest(f"{place}: mimeType and data (base64) are expected", param=place)
    try:
        data = read_base64(text)
    except ValueError as fault:
        raise BadRequest(f"{place}.data: not valid base64: {fault}", param=f"{place}.data") from None
    return _media(given, "inlineData", without(blob, "mimeType", "data"), Media(data=data, media_type=media_type))


def _decode_file(given: JsonObject, where: str) -> AnyPart:
    file = inner(given, "fileData", where)
    place = f"{where}.fileData"
    url, media_type = file.get("fileUri"), file.get("mimeType")
    if not isinstance(url, str) or not isinstance(media_type, str | None):
        raise BadRequest(f"{place}: fileUri (a string), and perhaps mimeType, are expected", param=place)
    named = Media(url=url, media_type=media_type) if ":" in url else Media(file_id=url, media_type=media_type)
    return _media(given, "fileData", without(file, "fileUri", "mimeType"), named)


def _media(given: JsonObject, field: str, rest: JsonObject, media: Media) -> AnyPart:
    extra = kept({**without(given, field), **({field: rest} if rest else {})})
    kind = media_part(media.media_type)
    if kind is File:
        name = rest.get("displayName")
        shown = name if isinstance(name, str) else None
        return File(data=media.data, url=media.url, file_id=media.file_id, media_type=media.media_type, name=shown, extra=extra)
    return kind(data=media.data, url=media.url, file_id=media.file_id, media_type=media.media_type, extra=extra)


def without(given: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in given.items() if name not in names}


def inner(given: JsonObject, field: str, where: str) -> JsonObject:
    """The object in ``field``, its own names as the wire writes them. Raises ``BadRequest``."""
    value = given.get(field)
    if not isinstance(value, dict):
        place = f"{where}.{field}"
        raise BadRequest(f"{place}: {type(value).__name__} was given; an object is expected", param=place)
    return camel(value)


_DECODERS: Final[dict[str, Callable[[JsonObject, str], AnyPart]]] = {
    "text": _decode_text,
    "inlineData": _decode_inline,
    "fileData": _decode_file,
}
"""Every other kind (``executableCode``, ``codeExecutionResult``, ``toolCall`` …) is the vendor's alone and stays as it is."""
