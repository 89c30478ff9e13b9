"""OpenAI chat: the parts of a message's ``content`` and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.carried import not_ours
from dragoman.wire.media import decode_base64, decode_data_url, encode_base64, encode_data_url, sniff_audio
from dragoman.wire.openai_chat import details
from dragoman.wire.quirks import Quirks

NAME: Final = "openai_chat"
"""Under which the fields that this dialect alone has stand in ``extra``."""

MESSAGE: Final = "message"
"""Within a part's extra: fields of its whole message, such as a signature, that this dialect alone has."""
PART: Final = "part"
"""Within a part's extra: the content part as it came, of a type that has no part of ours."""
LEGACY: Final = "legacy"
"""Within a part's extra: the call or result of a function in the form that OpenAI had before tools."""
RESERVED: Final = frozenset({MESSAGE, PART, LEGACY, details.FIELD})

_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3"}
_AUDIO_TYPES: Final = {name: media_type for media_type, name in _AUDIO_FORMATS.items()}


# --- encode -------------------------------------------------------------------------------------------------------------------------------


def own_fields(part: Part) -> JsonObject:
    return part.extra.get(NAME, {})


def spread(part: Part) -> JsonObject:
    """What of the part's own fields stands beside its content on the wire."""
    own = own_fields(part)
    return {name: value for name, value in own.items() if name not in RESERVED} if own else own


def encode_content(parts: list[AnyPart], quirks: Quirks) -> Json:
    """A string for plain text, else a list of content parts."""
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text) and not spread(parts[0]):
        return parts[0].text
    if quirks.text_only:
        return "".join(only_text(part) for part in parts)
    return [encode_part(part, quirks) for part in parts]


def only_text(part: AnyPart) -> str:
    if not isinstance(part, Text):
        raise Unsupported(f"messages: this provider takes plain text only, and a {type(part).__name__.lower()} part was given")
    return part.text


def encode_part(part: AnyPart, quirks: Quirks) -> JsonObject:
    encode = _PART_ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the OpenAI chat wire has no place for a {type(part).__name__} part")
    return {**encode(part, quirks), **spread(part)}


def _encode_opaque(part: Opaque, quirks: Quirks) -> JsonObject:
    given: JsonObject | None = own_fields(part).get(PART)
    if given is None:
        raise not_ours(part, NAME)
    return given


def _encode_text(part: Text, quirks: Quirks) -> JsonObject:
    return {"type": "text", "text": part.text}


def _encode_refusal(part: Refusal, quirks: Quirks) -> JsonObject:
    return {"type": "refusal", "refusal": part.text}


def _encode_image(part: Image, quirks: Quirks) -> JsonObject:
    return encode_image(part)


def encode_image(part: Image) -> JsonObject:
    """A picture in a question or an answer."""
    if part.data is not None:
        url = encode_data_url(part.data, part.media_type or "image/png")
    elif part.url is not None:
        url = part.url
    else:
        raise Unsupported("messages: the OpenAI chat wire takes an image as data or URL, not by file id")
    image = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
    return {"type": "image_url", "image_url": image}


def _encode_audio(part: Audio, quirks: Quirks) -> JsonObject:
    form = _AUDIO_FORMATS.get(part.media_type or "")
    if part.data is None or form is None:
        raise Unsupported("messages: the OpenAI chat wire takes audio as data of type audio/wav or audio/mpeg")
    return {"type": "input_audio", "input_audio": {"data": encode_base64(part.data), "format": form}}


def _encode_file(part: File, quirks: Quirks) -> JsonObject:
    if part.file_id is None and quirks.file_url == "document_url":
        named: JsonObject = {"document_name": part.name} if part.name is not None else {}
        return {"type": "document_url", "document_url": part.url if part.data is None else _file_url(part.data, part), **named}
    file: JsonObject = {}
    if part.file_id is not None:
        file["file_id"] = part.file_id
    elif part.data is not None:
        file["file_data"] = _file_url(part.data, part)
    elif part.url is not None and quirks.file_url == "file_data":
        file["file_data"] = part.url
    else:
        raise Unsupported("messages: the OpenAI chat wire takes a file as data or by file id, not by URL")
    if part.name is not None:
        file["filename"] = part.name
    return {"type": "file", "file": file}


def _file_url(data: bytes, part: File) -> str:
    return encode_data_url(data, part.media_type or "application/pdf")


_PART_ENCODERS: Final[dict[type, Callable[[Json, Quirks], JsonObject]]] = {
    Text: _encode_text,
    Refusal: _encode_refusal,
    Image: _encode_image,
    Audio: _encode_audio,
    File: _encode_file,
    Opaque: _encode_opaque,
}


# --- decode -------------------------------------------------------------------------------------------------------------------------------


def decode_part(given: Json, where: str) -> AnyPart:
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str):
        raise odd_type(kind, where)
    decode = _PART_DECODERS.get(kind)
    if decode is None:
        return Opaque(extra={NAME: {PART: given}})
    part = decode(given, where)
    if kind in _WHOLE_PARTS:
        return part
    rest = {name: value for name, value in given.items() if name not in ("type", kind)}
    return msgspec.structs.replace(part, extra={NAME: rest}) if rest else part


def odd_type(given: object, where: str) -> BadRequest:
    return BadRequest(f"{where}.type: {given!r} was given; {one_of(_PART_DECODERS)} is allowed", param=f"{where}.type")


_WANTED: Final[dict[type, str]] = {str: "a string", dict: "an object", list: "a list"}


def _inner(given: JsonObject, field: str, kind: type, where: str) -> Json:
    value = given.get(field)
    if not isinstance(value, kind):
        wanted = _WANTED[kind]
        raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; {wanted} is expected", param=f"{where}.{field}")
    return value


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    return Text(text=_inner(given, "text", str, where))


def _decode_refusal(given: JsonObject, where: str) -> AnyPart:
    return Refusal(text=_inner(given, "refusal", str, where))


def _decode_image(given: JsonObject, where: str) -> AnyPart:
    if isinstance(given.get("image_url"), str):  # Mistral's short form
        given = {**given, "image_url": {"url": given["image_url"]}}
    image = _inner(given, "image_url", dict, where)
    place = f"{where}.image_url"
    url, detail = _inner(image, "url", str, place), image.get("detail")
    if url.startswith("data:"):
        data, media_type = decode_data_url(url, f"{place}.url")
        return Image(data=data, media_type=media_type, detail=detail)
    return Image(url=url, detail=detail)


def _decode_audio(given: JsonObject, where: str) -> AnyPart:
    if isinstance(given.get("input_audio"), str):
        return _bare_audio(given["input_audio"], f"{where}.input_audio")
    audio = _inner(given, "input_audio", dict, where)
    place = f"{where}.input_audio"
    form = _inner(audio, "format", str, place)
    if form not in _AUDIO_TYPES:
        raise BadRequest(f"{place}.format: {form!r} was given; {one_of(_AUDIO_TYPES)} is allowed", param=f"{place}.format")
    return Audio(data=decode_base64(_inner(audio, "data", str, place), f"{place}.data"), media_type=_AUDIO_TYPES[form])


def _bare_audio(told: str, place: str) -> Audio:
    """Mistral's short form, base64 or an address; the sound's own first bytes tell its form."""
    if told.startswith(("https:", "http:")):
        return Audio(url=told)
    data = decode_base64(told, place)
    return Audio(data=data, media_type=sniff_audio(data))


def _decode_file(given: JsonObject, where: str) -> AnyPart:
    file = _inner(given, "file", dict, where)
    place = f"{where}.file"
    name = file.get("filename")
    if isinstance(file.get("file_id"), str):
        return File(file_id=file["file_id"], name=name)
    told = _inner(file, "file_data", str, place)
    if told.startswith(("https:", "http:")):  # OpenRouter
        return File(url=told, name=name)
    data, media_type = decode_data_url(told, f"{place}.file_data")
    return File(data=data, media_type=media_type, name=name)


def _decode_thinking(given: JsonObject, where: str) -> AnyPart:
    """Mistral's thinking of an earlier turn."""
    thoughts = _inner(given, "thinking", list, where)
    texts = [thought["text"] for thought in thoughts if isinstance(thought, dict) and isinstance(thought.get("text"), str)]
    return Reasoning(text="".join(texts), extra={NAME: {PART: given}})


def _decode_document(given: JsonObject, where: str) -> AnyPart:
    """Mistral's file by its address."""
    name = given.get("document_name")
    told = given.get("document_url")
    url = told.get("url") if isinstance(told, dict) else told
    if not isinstance(url, str):
        raise BadRequest(f"{where}.document_url: a string is expected", param=f"{where}.document_url")
    if url.startswith("data:"):
        data, media_type = decode_data_url(url, f"{where}.document_url")
        return File(data=data, media_type=media_type, name=name if isinstance(name, str) else None)
    return File(url=url, name=name if isinstance(name, str) else None)


_PART_DECODERS: Final[dict[str, Callable[[JsonObject, str], AnyPart]]] = {
    "text": _decode_text,
    "refusal": _decode_refusal,
    "image_url": _decode_image,
    "input_audio": _decode_audio,
    "file": _decode_file,
    "thinking": _decode_thinking,
    "document_url": _decode_document,
}
_WHOLE_PARTS: Final = frozenset({"thinking", "document_url"})
"""Types all of whose fields their decoders take."""


def one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(map(repr, names))
