"""Anthropic messages: content blocks to parts and back.

What a block has beside the fields that a part can say (``cache_control``, a document's ``context``, a tool call's ``caller`` …) stands in
the part's ``extra`` and is written back as it came. A block that no part can say becomes ``Opaque`` and is replayed untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, File, Image, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.carried import not_ours
from dragoman.wire.media import decode_base64, encode_base64
from dragoman.wire.payload import dump, is_complete, written_arguments
from dragoman.wire.quirks import Quirks

NAME: Final = "anthropic_messages"
"""Under which the fields that this dialect alone has stand in ``extra``."""

UNSIGNED: Final = "messages: reasoning without a signature cannot be sent back to this provider, left out"
THINKING: Final = "thinking"
"""As ``Quirks.reasoning_field``: this host takes thinking back that carries no signature, which Anthropic itself refuses."""

PDF: Final = "application/pdf"
INVALID: Final = "INVALID_JSON"
"""The vendor's advice for arguments that a model wrote amiss or did not end: an object that holds their text under such a key."""
IMAGE_TYPE: Final = "image/png"
"""Of an image whose type was not said; the wire requires one."""
_EMPTY: Final[JsonObject] = {"type": "text", "text": ""}
"""A block that the vendor refuses. Other wires have one beside calls; a turn of nothing else is the vendor's to judge."""


def own_fields(extra: Extra) -> JsonObject:
    """The fields of this dialect in ``extra``."""
    return extra.get(NAME, {})


def as_extra(fields: JsonObject) -> Extra:
    """``fields`` as ``extra``; empty where there are none."""
    return {NAME: fields} if fields else {}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_blocks(parts: Iterable[AnyPart], quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    """Content blocks. Raises ``Unsupported`` for a part that this wire cannot say."""
    blocks: list[JsonObject] = []
    for part in parts:
        if isinstance(part, Source):
            _cite(blocks, part, warnings)
        elif isinstance(part, Reasoning) and not _can_replay(part, quirks):
            warnings.append(UNSIGNED)
        else:
            blocks.append(_encode_block(part, warnings))
    return [block for block in blocks if block != _EMPTY] or blocks


def _encode_block(part: AnyPart, warnings: list[str]) -> JsonObject:
    encode = _ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the Anthropic messages wire has no place for a {type(part).__name__} part")
    return {**encode(part, warnings), **own_fields(part.extra)}


def _cite(blocks: list[JsonObject], source: Source, warnings: list[str]) -> None:
    """A source follows the text that it supports; only the vendor's own record of it can be sent back."""
    citation = own_fields(source.extra)
    if citation and blocks and blocks[-1]["type"] == "text":
        blocks[-1].setdefault("citations", []).append(citation)
    else:
        warnings.append("messages: a source that this provider did not name itself cannot be sent back to it, left out")


def _can_replay(part: Reasoning, quirks: Quirks) -> bool:
    return bool(part.signature or part.redacted_data) or quirks.reasoning_field == THINKING


def _encode_text(part: Text | Refusal, warnings: list[str]) -> JsonObject:
    if isinstance(part, Refusal):
        warnings.append("messages: a refusal is sent as plain text, which is all that this wire knows")
    return {"type": "text", "text": part.text}


def _encode_image(part: Image, warnings: list[str]) -> JsonObject:
    if part.detail not in (None, "auto"):
        warnings.append("messages: the detail of an image is not understood by this provider, left out")
    return {"type": "image", "source": _encode_address(part) or _encode_data(part.data, part.media_type or IMAGE_TYPE)}


def _encode_file(part: File, warnings: list[str]) -> JsonObject:
    block: JsonObject = {"type": "document", "source": _encode_address(part) or _encode_document(part)}
    if part.name is not None:
        block["title"] = part.name
    return block


def _encode_address(part: Image | File) -> JsonObject | None:
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    return {"type": "url", "url": part.url} if part.url is not None else None


def _encode_data(data: bytes | None, media_type: str) -> JsonObject:
    if data is None:
        raise BadRequest("messages: an image or a file has neither data nor an address")
    return {"type": "base64", "media_type": media_type, "data": encode_base64(data)}


def _encode_document(part: File) -> JsonObject:
    """PDF as base64; any kind of text as plain text, the only text type that this wire has."""
    media_type = part.media_type or PDF
    if media_type == PDF:
        return _encode_data(part.data, PDF)
    if part.data is not None and media_type.startswith("text/"):
        try:
            return {"type": "text", "media_type": "text/plain", "data": part.data.decode()}
        except UnicodeDecodeError:
            raise Unsupported("messages: the Anthropic messages wire takes text files in UTF-8 only") from None
    raise Unsupported(f"messages: the Anthropic messages wire takes files of PDF and text, and {media_type} was given")


def _encode_reasoning(part: Reasoning, warnings: list[str]) -> JsonObject:
    if part.redacted_data is not None:
        return {"type": "redacted_thinking", "data": part.redacted_data}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}


def _encode_call(part: ToolCall, warnings: list[str]) -> JsonObject:
    arguments = encode_arguments(part.arguments)
    if isinstance(arguments, dict):
        warnings.append(f"messages: the arguments of the call {part.id!r} are no JSON object, sent as text under {INVALID!r}")
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}


def encode_arguments(text: str) -> msgspec.Raw | JsonObject:
    """The exact text of a call's arguments as the object that the wire wants; text that is no object goes under ``INVALID``."""
    stripped = written_arguments(text)
    if stripped[0] == "{" and is_complete(stripped):
        return msgspec.Raw(stripped.encode())
    return {INVALID: text}


def _encode_result(part: ToolResult, warnings: list[str]) -> JsonObject:
    block: JsonObject = {"type": "tool_result", "tool_use_id": part.id}
    if part.parts:
        block["content"] = plain([_encode_block(one, warnings) for one in part.parts])
    if part.is_error:
        block["is_error"] = True
    return block


def _encode_opaque(part: Opaque, warnings: list[str]) -> JsonObject:
    if not own_fields(part.extra):
        raise not_ours(part, NAME)
    return {}


def plain(blocks: list[JsonObject]) -> Json:
    """A string where there is one bare text block, which is what it is short for."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


_ENCODERS: Final[dict[type, Callable[[Json, list[str]], JsonObject]]] = {
    Text: _encode_text,
    Refusal: _encode_text,
    Image: _encode_image,
    File: _encode_file,
    Reasoning: _encode_reasoning,
    ToolCall: _encode_call,
    ToolResult: _encode_result,
    Opaque: _encode_opaque,
}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_content(given: Json, where: str) -> list[AnyPart]:
    """A string or a list of blocks. Raises ``BadRequest`` that names the place."""
    if isinstance(given, str):
        return [Text(text=given)]
    if not isinstance(given, list):
        said = "it is missing" if given is None else f"{type(given).__name__} was given"
        raise BadRequest(f"{where}: {said}; a string or a list of blocks is expected", param=where)
    return [part for i, block in enumerate(given) for part in _decode_block(block, f"{where}[{i}]")]


def _decode_block(given: Json, where: str) -> list[AnyPart]:
    """The part that a block is, and the sources that it names."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str):
        raise BadRequest(f"{where}.type: a block with a type is expected", param=f"{where}.type")
    decode, known = _DECODERS.get(kind, (_decode_opaque, frozenset()))
    part = decode(given, where)
    if part is None:
        return [Opaque(extra={NAME: given})]
    if known:
        part = msgspec.structs.replace(part, extra=_beside(given, known, part.extra))
    cited = given.get("citations") if kind == "text" else None
    return [part, *map(decode_citation, cited)] if isinstance(cited, list) else [part]


def _beside(given: JsonObject, known: frozenset[str], extra: Extra) -> Extra:
    rest = {name: value for name, value in given.items() if name not in known and value is not None}
    return as_extra({**rest, **own_fields(extra)})


def decode_citation(given: Json) -> Source:
    """A citation as a source; the whole record stands in its ``extra``."""
    told = given if isinstance(given, dict) else {"cited": given}
    return Source(
        url=_text(told, "url") or _text(told, "source"),
        title=_text(told, "title") or _text(told, "document_title"),
        quote=_text(told, "cited_text"),
        extra={NAME: told},
    )


def _text(told: JsonObject, name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) else None


def _string(given: JsonObject, name: str, where: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        said = "it is missing" if name not in given else f"{type(value).__name__} was given"
        raise BadRequest(f"{where}.{name}: {said}; a string is expected", param=f"{where}.{name}")
    return value


def _source(given: JsonObject, where: str) -> tuple[str, JsonObject]:
    """Where a block's bytes are: the kind of place, and the record of it."""
    source = given.get("source")
    kind = source.get("type") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(kind, str):
        raise BadRequest(f"{where}.source: an object with a type is expected", param=f"{where}.source")
    return kind, source


def _decode_opaque(given: JsonObject, where: str) -> AnyPart | None:
    return None


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    return Text(text=_string(given, "text", where))


def _decode_image(given: JsonObject, where: str) -> AnyPart | None:
    kind, source = _source(given, where)
    where = f"{where}.source"
    match kind:
        case "base64":
            data = decode_base64(_string(source, "data", where), f"{where}.data")
            return Image(data=data, media_type=_string(source, "media_type", where))
        case "url":
            return Image(url=_string(source, "url", where))
        case "file":
            return Image(file_id=_string(source, "file_id", where))
        case _:
            return None


def _decode_document(given: JsonObject, where: str) -> AnyPart | None:
    kind, source = _source(given, where)
    name, where = _text(given, "title"), f"{where}.source"
    match kind:
        case "base64":
            data = decode_base64(_string(source, "data", where), f"{where}.data")
            return File(data=data, media_type=_string(source, "media_type", where), name=name)
        case "text":
            return File(data=_string(source, "data", where).encode(), media_type="text/plain", name=name)
        case "url":
            return File(url=_string(source, "url", where), name=name)
        case "file":
            return File(file_id=_string(source, "file_id", where), name=name)
        case _:
            return None  # a document made of blocks


def _decode_thinking(given: JsonObject, where: str) -> AnyPart:
    return Reasoning(text=_string(given, "thinking", where), signature=_text(given, "signature") or None)


def _decode_redacted(given: JsonObject, where: str) -> AnyPart:
    return Reasoning(redacted_data=_string(given, "data", where))


def _decode_call(given: JsonObject, where: str) -> AnyPart:
    arguments = given.get("input")
    if not isinstance(arguments, dict):
        raise BadRequest(f"{where}.input: {type(arguments).__name__} was given; an object is expected", param=f"{where}.input")
    return ToolCall(id=_string(given, "id", where), name=_string(given, "name", where), arguments=dump(arguments).decode())


def _decode_result(given: JsonObject, where: str) -> AnyPart:
    """A result whose content our parts cannot say whole keeps the vendor's content beside what they can."""
    content = given.get("content")
    told = [] if content is None else decode_content(content, f"{where}.content")
    parts: list[Text | Image | File] = []
    for part in told:
        if isinstance(part, (Text, Image, File)):
            parts.append(part)
        elif isinstance(part, Opaque):
            parts.extend(_searched(own_fields(part.extra)))
    return ToolResult(
        id=_string(given, "tool_use_id", where),
        parts=tuple(parts),
        is_error=given.get("is_error") is True,
        extra={} if parts == told else {NAME: {"content": content}},
    )


def _searched(block: JsonObject) -> list[Text]:
    """The words of a ``search_result`` block, for the dialects that have no such thing."""
    content = block.get("content")
    if block.get("type") != "search_result" or not isinstance(content, list):
        return []
    return [Text(text=one["text"]) for one in content if isinstance(one, dict) and isinstance(one.get("text"), str)]


_DECODERS: Final[dict[str, tuple[Callable[[JsonObject, str], AnyPart | None], frozenset[str]]]] = {
    "text": (_decode_text, frozenset({"type", "text", "citations"})),
    "image": (_decode_image, frozenset({"type", "source"})),
    "document": (_decode_document, frozenset({"type", "source", "title"})),
    "thinking": (_decode_thinking, frozenset({"type", "thinking", "signature"})),
    "redacted_thinking": (_decode_redacted, frozenset({"type", "data"})),
    "tool_use": (_decode_call, frozenset({"type", "id", "name", "input"})),
    "tool_result": (_decode_result, frozenset({"type", "tool_use_id", "content", "is_error"})),
}
"""How a block of each type is read, and the fields that the part says itself."""
