"""Responses: the parts inside a message or a tool's output, and back; annotations and sources.

What a part has beside the fields that ours can say stands in its ``extra`` and is written back as it came. A part that none of ours can say
becomes ``Opaque``, with the part under ``content`` of its extra; that is how it is told from an item of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, File, Image, Opaque, Refusal, Source, Text
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.carried import not_ours
from dragoman.wire.media import decode_data_url, encode_data_url
from dragoman.wire.quirks import Quirks

NAME: Final = "openai_responses"
"""Under which the fields that this dialect alone has stand in ``extra``."""

CONTENT: Final = "content"
"""In the extra of an opaque part: a part of a message, where the extra is not an item."""
MESSAGE: Final = "message"
"""In the extra of an assistant's text: what is known of the message item that it stands in (its id, status, phase …)."""
AUTO: Final = "auto"
"""The detail of an image for which none was asked; the wire requires one."""


def own_fields(extra: Extra) -> JsonObject:
    """The fields of this dialect in ``extra``."""
    return extra.get(NAME, {})


def as_extra(fields: JsonObject) -> Extra:
    """``fields`` as ``extra``; empty where there are none."""
    return {NAME: fields} if fields else {}


def beside(given: JsonObject, known: frozenset[str]) -> JsonObject:
    """The fields of ``given`` that are not ``known``; what is null says nothing."""
    return {name: value for name, value in given.items() if name not in known and value is not None}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_input(parts: tuple[AnyPart, ...], quirks: Quirks) -> Json:
    """What is said to the model: a string for one bare text, else a list. Raises ``Unsupported``."""
    if len(parts) == 1 and isinstance(parts[0], Text) and not own_fields(parts[0].extra):
        return parts[0].text
    if quirks.text_only:
        return "".join(_only_text(part) for part in parts)
    return [_encode_part(part) for part in parts]


def _only_text(part: AnyPart) -> str:
    if not isinstance(part, Text):
        raise Unsupported(f"messages: this provider takes plain text only, and a {type(part).__name__.lower()} part was given")
    return part.text


def _encode_part(part: AnyPart) -> JsonObject:
    encode = _PART_ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the Responses wire has no place for a {type(part).__name__} part here")
    own = beside(own_fields(part.extra), frozenset({MESSAGE, CONTENT}))
    return {**encode(part), **own}


def _encode_text(part: Text) -> JsonObject:
    return {"type": "input_text", "text": part.text}


def _encode_image(part: Image) -> JsonObject:
    image: JsonObject = {"type": "input_image", "detail": part.detail or AUTO}
    if part.file_id is not None:
        return {**image, "file_id": part.file_id}
    if part.data is not None:
        return {**image, "image_url": encode_data_url(part.data, part.media_type or "image/png")}
    return {**image, "image_url": part.url}


def _encode_file(part: File) -> JsonObject:
    file: JsonObject = {"type": "input_file"}
    if part.name is not None:
        file["filename"] = part.name
    if part.file_id is not None:
        return {**file, "file_id": part.file_id}
    if part.data is not None:
        return {**file, "file_data": encode_data_url(part.data, part.media_type or "application/pdf")}
    return {**file, "file_url": part.url}


def _encode_opaque(part: Opaque) -> JsonObject:
    own = own_fields(part.extra).get(CONTENT)
    if not isinstance(own, dict):
        raise not_ours(part, NAME)
    return own


_PART_ENCODERS: Final[dict[type, Callable[[Json], JsonObject]]] = {
    Text: _encode_text,
    Image: _encode_image,
    File: _encode_file,
    Opaque: _encode_opaque,
}


def encode_output(part: Text | Refusal | Opaque) -> JsonObject:
    """A part of what the model said."""
    own = beside(own_fields(part.extra), frozenset({MESSAGE, CONTENT}))
    match part:
        case Text():
            return {"type": "output_text", "text": part.text, "annotations": [], **own}
        case Refusal():
            return {"type": "refusal", "refusal": part.text, **own}
        case Opaque():
            return _encode_opaque(part)


def encode_source(source: Source) -> JsonObject | None:
    """An annotation: the vendor's own record where there is one, else the citation of an address; ``None`` where there is neither."""
    own = own_fields(source.extra)
    if own:
        return own
    if source.url is None:
        return None
    return {
        "type": "url_citation",
        "url": source.url,
        "title": source.title or "",
        "start_index": source.start or 0,
        "end_index": source.end or 0,
    }


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_input(given: Json, where: str) -> list[AnyPart]:
    """A string or a list of parts. Raises ``BadRequest`` that names the place."""
    if isinstance(given, str):
        return [Text(text=given)]
    if not isinstance(given, list):
        said = "it is missing" if given is None else f"{type(given).__name__} was given"
        raise BadRequest(f"{where}: {said}; a string or a list of parts is expected", param=where)
    return [part for i, one in enumerate(given) for part in decode_part(one, f"{where}[{i}]")]


def decode_part(given: Json, where: str) -> list[AnyPart]:
    """The part that ``given`` is, with the sources that it names."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str):
        raise BadRequest(f"{where}.type: a part with a type is expected", param=f"{where}.type")
    decode, known = _PART_DECODERS.get(kind, (_decode_opaque, frozenset()))
    part = decode(given, where)
    if known:
        part = msgspec.structs.replace(part, extra=as_extra(beside(given, known)))
    return [part, *decode_sources(given.get("annotations"))] if kind == "output_text" else [part]


def decode_sources(given: Json) -> list[Source]:
    """The ``annotations`` of a text."""
    return [decode_source(one) for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def decode_source(given: JsonObject) -> Source:
    """Any kind of annotation; all that it says is kept beside what ours can say."""

    def word(name: str) -> str | None:
        value = given.get(name)
        return value if isinstance(value, str) else None

    def place(name: str) -> int | None:
        value = given.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    title = word("title") or word("filename")
    return Source(url=word("url"), title=title, start=place("start_index"), end=place("end_index"), extra={NAME: given})


def inner(given: JsonObject, field: str, where: str) -> str:
    """The text under ``field``."""
    value = given.get(field)
    if not isinstance(value, str):
        place = f"{where}.{field}"
        raise BadRequest(f"{place}: {type(value).__name__} was given; a string is expected", param=place)
    return value


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    return Text(text=inner(given, "text", where))


def _decode_refusal(given: JsonObject, where: str) -> AnyPart:
    return Refusal(text=inner(given, "refusal", where))


def _decode_image(given: JsonObject, where: str) -> AnyPart:
    detail = given.get("detail")
    detail = detail if isinstance(detail, str) else None
    if isinstance(given.get("file_id"), str):
        return Image(file_id=given["file_id"], detail=detail)
    url = inner(given, "image_url", where)
    if url.startswith("data:"):
        data, media_type = decode_data_url(url, f"{where}.image_url")
        return Image(data=data, media_type=media_type, detail=detail)
    return Image(url=url, detail=detail)


def _decode_file(given: JsonObject, where: str) -> AnyPart:
    name = given.get("filename")
    name = name if isinstance(name, str) else None
    if isinstance(given.get("file_id"), str):
        return File(file_id=given["file_id"], name=name)
    if isinstance(given.get("file_url"), str):
        return File(url=given["file_url"], name=name)
    data, media_type = decode_data_url(inner(given, "file_data", where), f"{where}.file_data")
    return File(data=data, media_type=media_type, name=name)


def _decode_opaque(given: JsonObject, where: str) -> AnyPart:
    return Opaque(extra={NAME: {CONTENT: given}})


_TEXT: Final = frozenset({"type", "text", "annotations"})
_PART_DECODERS: Final[dict[str, tuple[Callable[[JsonObject, str], AnyPart], frozenset[str]]]] = {
    "input_text": (_decode_text, _TEXT),
    "output_text": (_decode_text, _TEXT),
    "refusal": (_decode_refusal, frozenset({"type", "refusal"})),
    "input_image": (_decode_image, frozenset({"type", "image_url", "file_id", "detail"})),
    "input_file": (_decode_file, frozenset({"type", "filename", "file_id", "file_url", "file_data"})),
}
