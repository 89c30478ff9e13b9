"""Bedrock Converse: content blocks to parts and back.

A block is an object with one field, which names its kind. What the vendor has inside a block beside what a part can say (a document's
``context``, a tool call's ``type`` …) stands in the part's ``extra`` and is written back as it came. Some fields there are ours:

- ``cachePoint``: the cache point behind the part (or several, as a list), because it is no content and other wires must not trip over it;
- ``guardContent``: the part stands in a ``guardContent`` block, whose other fields these are;
- ``bucketOwner``: of the S3 object that the part's address names;
- ``asText``: a document's bytes stand in its ``text`` field;
- ``json``: a text inside a tool's result stands in a ``json`` field;
- ``citation``: the vendor's record of a source.

A block that no part can say becomes ``Opaque`` and is replayed untouched; so are calls and results of tools that the vendor runs itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Audio, File, Image, Media, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.bedrock_converse.families import Family
from dragoman.wire.bedrock_converse.forms import DOCUMENTS, IMAGES, SOUNDS, form_by_name, form_of
from dragoman.wire.bedrock_converse.redacted import decode_redacted, encode_redacted
from dragoman.wire.carried import not_ours
from dragoman.wire.media import decode_base64, encode_base64, sniff_image
from dragoman.wire.payload import dump, is_complete, written_arguments

NAME: Final = "bedrock_converse"
"""Under which the fields that this dialect alone has stand in ``extra``."""

CACHE: Final = "cachePoint"
GUARD: Final = "guardContent"
OWNER: Final = "bucketOwner"
AS_TEXT: Final = "asText"
AS_JSON: Final = "json"
CITATION: Final = "citation"
_MARKS: Final = frozenset({CACHE, GUARD, OWNER, AS_TEXT, AS_JSON, CITATION})

REASONING_FIELD: Final = "reasoningContent"
"""As ``Quirks.reasoning_field``: every model behind this host takes every reasoning back."""
INVALID: Final = "INVALID_JSON"
"""The key under which arguments are sent that are no object, because the wire takes nothing else."""

S3: Final = "s3://"
_GOOD_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9\s\-()\[\]]+")
_MAX_NAME: Final = 200


def own_fields(extra: Extra) -> JsonObject:
    """The fields of this dialect in ``extra``."""
    return extra.get(NAME, {})


def as_extra(fields: JsonObject) -> Extra:
    """``fields`` as ``extra``; empty where there are none."""
    return {NAME: fields} if fields else {}


class Draft:
    """What the parts of one request share while they are written: warnings, and names that may occur once only."""

    def __init__(self, family: Family, warnings: list[str], replays_all: bool = False) -> None:
        self.warnings = warnings
        self.replay = "any" if replays_all else family.replay
        self._ids: dict[str, str] = {}
        self._without_id = {ToolCall: 0, ToolResult: 0}
        self._documents: dict[str, int] = {}
        """How often each name was given out, as a name or as the beginning of one."""

    def tool_id(self, part: ToolCall | ToolResult) -> str:
        """The part's id where the wire takes it, else one of our own, the same for a call and its result."""
        if _GOOD_ID.fullmatch(part.id):
            return part.id
        if part.id:
            return self._ids.setdefault(part.id, f"dragoman-{len(self._ids) + 1}")
        self._without_id[type(part)] += 1  # calls without ids are answered in their order
        return f"dragoman-unnamed-{self._without_id[type(part)]}"

    def document_name(self, given: str | None) -> str:
        """A name as the wire wants it: of few characters, and none twice in a conversation."""
        name = " ".join(_NOT_IN_NAMES.sub("-", given or "").split())[:_MAX_NAME].strip() or "document"
        base = name
        while name.casefold() in self._documents:
            count = self._documents[base.casefold()] = self._documents.get(base.casefold(), 1) + 1
            ending = f" ({count})"
            name = base[: _MAX_NAME - len(ending)] + ending
        self._documents[name.casefold()] = 1
        if given and name != given:
            self.warnings.append(f"messages: the file name {given!r} is not allowed by this provider, sent as {name!r}")
        return name


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_blocks(parts: Iterable[AnyPart], draft: Draft) -> list[JsonObject]:
    """Content blocks. Raises ``Unsupported`` for a part that this wire cannot say. Texts without a word are no content and left out."""
    blocks: list[JsonObject] = []
    for part in parts:
        if isinstance(part, Source):
            _cite(blocks, part, draft)
        elif isinstance(part, Reasoning) and not _can_replay(part, draft):
            draft.warnings.append("messages: reasoning that this model does not take back, left out")
        elif not (isinstance(part, (Text, Refusal)) and not part.text):
            blocks.append(encode_block(part, draft))
        blocks.extend(cache_points(part.extra))
    return blocks


def encode_block(part: AnyPart, draft: Draft) -> JsonObject:
    encode = _ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the Bedrock Converse wire has no place for a {type(part).__name__} part")
    return encode(part, draft)


def cache_points(extra: Extra) -> list[JsonObject]:
    """The cache points behind a part, as blocks."""
    told = own_fields(extra).get(CACHE)
    if told is None:
        return []
    return [{CACHE: point} for point in (told if isinstance(told, list) else [told])]


def cite(blocks: list[JsonObject], citation: JsonObject) -> None:
    """Put ``citation`` to the text before it, which so becomes a block of cited text."""
    last = blocks[-1] if blocks else {}
    if "citationsContent" in last:
        last["citationsContent"]["citations"].append(citation)
        return
    if last.keys() == {"text"}:
        blocks.pop()
        blocks.append({"citationsContent": {"content": [last], "citations": [citation]}})
    else:
        blocks.append({"citationsContent": {"content": [], "citations": [citation]}})


def _cite(blocks: list[JsonObject], source: Source, draft: Draft) -> None:
    citation = own_fields(source.extra).get(CITATION)
    if isinstance(citation, dict):
        cite(blocks, citation)
    else:
        draft.warnings.append("messages: a source that this provider did not name itself cannot be sent back to it, left out")


def _can_replay(part: Reasoning, draft: Draft) -> bool:
    return draft.replay == "any" or (draft.replay == "signed" and (bool(part.signature) or part.redacted_data is not None))


def _rest(part: AnyPart) -> JsonObject:
    return {name: value for name, value in own_fields(part.extra).items() if name not in _MARKS}


def _guarded(kind: str, block: JsonObject, part: AnyPart) -> JsonObject:
    """The block, or a ``guardContent`` block that holds it."""
    guard = own_fields(part.extra).get(GUARD)
    if guard is None:
        return {kind: block}
    return {GUARD: {kind: {**block, **(guard if isinstance(guard, dict) else {})}}}


def _encode_text(part: Text | Refusal, draft: Draft) -> JsonObject:
    if isinstance(part, Refusal):
        draft.warnings.append("messages: a refusal is sent as plain text, which is all that this wire knows")
    if GUARD in own_fields(part.extra):
        return _guarded("text", {"text": part.text}, part)
    return {"text": part.text}


def encode_image(part: Image, draft: Draft) -> JsonObject:
    form = _form(part, IMAGES, sniff_image(part.data or b""), "png")
    if part.detail not in (None, "auto"):
        draft.warnings.append("messages: the detail of an image is not understood by this provider, left out")
    return _guarded("image", {"format": form, "source": _address(part) or _bytes(part), **_rest(part)}, part)


def encode_audio(part: Audio, draft: Draft) -> JsonObject:
    form = _form(part, SOUNDS, None, "wav")
    return {"audio": {"format": form, "source": _address(part) or _bytes(part), **_rest(part)}}


def _encode_file(part: File, draft: Draft) -> JsonObject:
    source = _address(part) or (_plain_text(part) if AS_TEXT in own_fields(part.extra) else _bytes(part))
    form = _form(part, DOCUMENTS, None, form_by_name(part.name, DOCUMENTS) or "pdf")
    block = {"format": form, "name": draft.document_name(part.name), "source": source, **_rest(part)}
    return {"document": {name: value for name, value in block.items() if value is not None}}


def _form(part: Media, forms: dict[str, str], sniffed: str | None, otherwise: str) -> str:
    """The wire's word for a part's form. Raises ``Unsupported`` that names those there are."""
    if part.media_type is None:
        return form_by_name(part.url, forms) or (form_of(sniffed, forms) if sniffed else None) or otherwise
    form = form_of(part.media_type, forms)
    if form is None and "format" not in own_fields(part.extra):
        kind = type(part).__name__.lower()
        raise Unsupported(f"messages: the Bedrock Converse wire takes no {kind} of {part.media_type}; it knows {', '.join(forms.values())}")
    return form or otherwise


def _address(part: Media) -> JsonObject | None:
    if part.file_id is not None or (part.url is not None and not part.url.startswith(S3)):
        kind = type(part).__name__.lower()
        raise Unsupported(f"messages: the Bedrock Converse wire takes a {kind} as bytes or from S3 (s3://bucket/key), from nowhere else")
    if part.url is None:
        return None
    owner = own_fields(part.extra).get(OWNER)
    return {"s3Location": {"uri": part.url} if owner is None else {"uri": part.url, OWNER: owner}}


def _bytes(part: Media) -> JsonObject:
    if part.data is None:
        raise BadRequest(f"messages: a part of kind {type(part).__name__} has neither data nor an address")
    return {"bytes": encode_base64(part.data)}


def _plain_text(part: File) -> JsonObject:
    try:
        return {"text": (part.data or b"").decode()}
    except UnicodeDecodeError:
        return _bytes(part)


def encode_reasoning(part: Reasoning) -> JsonObject:
    if part.redacted_data is not None:
        return {"reasoningContent": {"redactedContent": encode_redacted(part.redacted_data), **_rest(part)}}
    signature = {} if part.signature is None else {"signature": part.signature}
    return {"reasoningContent": {"reasoningText": {"text": part.text, **signature, **_rest(part)}}}


def _encode_call(part: ToolCall, draft: Draft) -> JsonObject:
    arguments = encode_arguments(part.arguments)
    if isinstance(arguments, dict):
        draft.warnings.append(f"messages: the arguments of the call {part.id!r} are no JSON object, sent as text under {INVALID!r}")
    return {"toolUse": {"toolUseId": draft.tool_id(part), "name": part.name, "input": arguments, **_rest(part)}}


def encode_arguments(text: str) -> msgspec.Raw | JsonObject:
    """The exact text of a call's arguments as the object that the wire wants; text that is no object goes under ``INVALID``."""
    stripped = written_arguments(text)
    if stripped[0] == "{" and is_complete(stripped):
        return msgspec.Raw(stripped.encode())
    return {INVALID: text}


def _encode_result(part: ToolResult, draft: Draft) -> JsonObject:
    content = [_encode_inner(one, draft) for one in part.parts if not (isinstance(one, Text) and not one.text)]
    status = {"status": "error"} if part.is_error else {}
    return {"toolResult": {"toolUseId": draft.tool_id(part), "content": content, **status, **_rest(part)}}


def _encode_inner(part: Text | Image | File, draft: Draft) -> JsonObject:
    if isinstance(part, Text) and AS_JSON in own_fields(part.extra) and is_complete(part.text):
        return {AS_JSON: msgspec.Raw(part.text.encode())}
    return encode_block(part, draft)


def encode_opaque(part: Opaque) -> JsonObject:
    """The vendor's own block as it came. Raises ``Unsupported`` for another vendor's."""
    block = _rest(part)
    if not block and GUARD in own_fields(part.extra):
        block = {GUARD: own_fields(part.extra)[GUARD]}
    if not block:
        raise not_ours(part, NAME)
    return block


def _encode_reasoning(part: Reasoning, draft: Draft) -> JsonObject:
    return encode_reasoning(part)


def _encode_opaque(part: Opaque, draft: Draft) -> JsonObject:
    return encode_opaque(part)


_ENCODERS: Final[dict[type, Callable[[Json, Draft], JsonObject]]] = {
    Text: _encode_text,
    Refusal: _encode_text,
    Image: encode_image,
    Audio: encode_audio,
    File: _encode_file,
    Reasoning: _encode_reasoning,
    ToolCall: _encode_call,
    ToolResult: _encode_result,
    Opaque: _encode_opaque,
}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_blocks(given: list[Json], where: str, by_model: bool = False) -> tuple[list[JsonObject], list[AnyPart]]:
    """The cache points before any content, and the parts. ``by_model`` reads what a model said: a tool's result there is the vendor's.

    Raises ``BadRequest`` that names the place.
    """
    before: list[JsonObject] = []
    parts: list[AnyPart] = []
    points = before
    for i, block in enumerate(given):
        kind, value = _only_field(block, f"{where}[{i}]")
        if kind == CACHE:
            points.append(value)
            continue
        _set_points(parts, points, before)
        points = []
        parts.extend(_decode_block(kind, value, f"{where}[{i}].{kind}", by_model))
    _set_points(parts, points, before)
    return before, parts


def _only_field(given: Json, where: str) -> tuple[str, Json]:
    """The kind of a block, and what it holds."""
    told = [(name, value) for name, value in given.items() if value is not None] if isinstance(given, dict) else []
    if len(told) != 1:
        raise BadRequest(f"{where}: an object with exactly one field, such as text or image, is expected", param=where)
    return told[0]


def _set_points(parts: list[AnyPart], points: list[JsonObject], before: list[JsonObject]) -> None:
    """Put the cache points that followed the last part to it."""
    if points and points is not before:
        told = points[0] if len(points) == 1 else points
        parts[-1] = msgspec.structs.replace(parts[-1], extra={**parts[-1].extra, NAME: {**own_fields(parts[-1].extra), CACHE: told}})


def _decode_block(kind: str, value: Json, where: str, by_model: bool) -> list[AnyPart]:
    decode = _DECODERS.get(kind)
    is_the_vendors = kind == "toolResult" and by_model
    found = decode(value, where) if decode and not is_the_vendors else None
    return [Opaque(extra={NAME: {kind: value}})] if found is None else found


def _object(value: Json, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise BadRequest(f"{where}: {type(value).__name__} was given; an object is expected", param=where)
    return value


def _string(given: JsonObject, name: str, where: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        said = "it is missing" if value is None else f"{type(value).__name__} was given"
        raise BadRequest(f"{where}.{name}: {said}; a string is expected", param=f"{where}.{name}")
    return value


def _without(given: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in given.items() if name not in names and value is not None}


def _decode_text(value: Json, where: str) -> list[AnyPart] | None:
    if not isinstance(value, str):
        raise BadRequest(f"{where}: {type(value).__name__} was given; a string is expected", param=where)
    return [Text(text=value)]


def _place(given: JsonObject, where: str) -> tuple[JsonObject, JsonObject] | None:
    """The fields of a part that say where its bytes are, and what is kept beside them; ``None`` for a place of another kind."""
    kind, source = _only_field(given.get("source"), f"{where}.source")
    where = f"{where}.source.{kind}"
    match kind:
        case "bytes":
            return {"data": decode_bytes(source, where)}, {}
        case "s3Location":
            location = _object(source, where)
            return {"url": _string(location, "uri", where)}, _without(location, "uri")
        case "text" if isinstance(source, str):
            return {"data": source.encode()}, {AS_TEXT: True}
        case _:
            return None


def decode_bytes(value: Json, where: str) -> bytes:
    if not isinstance(value, str):
        raise BadRequest(f"{where}: {type(value).__name__} was given; base64 is expected", param=where)
    return decode_base64(value, where)


def _decode_media(part: type[Image] | type[Audio], forms: dict[str, str], value: Json, where: str) -> list[AnyPart] | None:
    given = _object(value, where)
    form = _string(given, "format", where)
    place = _place(given, where)
    if place is None or AS_TEXT in place[1]:
        return None
    fields, beside = place
    kept = {**beside, **_without(given, "source", *(["format"] if form in forms else []))}
    return [part(media_type=forms.get(form), extra=as_extra(kept), **fields)]


def _decode_image(value: Json, where: str) -> list[AnyPart] | None:
    return _decode_media(Image, IMAGES, value, where)


def _decode_audio(value: Json, where: str) -> list[AnyPart] | None:
    return _decode_media(Audio, SOUNDS, value, where)


def _decode_document(value: Json, where: str) -> list[AnyPart] | None:
    given = _object(value, where)
    place = _place(given, where)
    if place is None:
        return None  # a document made of blocks
    fields, beside = place
    form = given.get("format")
    media_type = DOCUMENTS.get(form) if isinstance(form, str) else None
    kept = {**beside, **_without(given, "source", "name", "format")}
    if media_type is None:
        kept["format"] = form
    return [File(media_type=media_type, name=_string(given, "name", where), extra=as_extra(kept), **fields)]


def _decode_guarded(value: Json, where: str) -> list[AnyPart] | None:
    kind, inner = _only_field(value, where)
    where = f"{where}.{kind}"
    if kind == "text":
        given = _object(inner, where)
        return [Text(text=_string(given, "text", where), extra=as_extra({GUARD: _without(given, "text")}))]
    found = _decode_image(inner, where) if kind == "image" else None
    if found is None:
        return None
    [part] = found
    return [msgspec.structs.replace(part, extra=as_extra({GUARD: {}, **own_fields(part.extra)}))]


def _decode_reasoning(value: Json, where: str) -> list[AnyPart] | None:
    kind, inner = _only_field(value, where)
    where = f"{where}.{kind}"
    if kind == "redactedContent":
        decode_bytes(inner, where)
        return [Reasoning(redacted_data=decode_redacted(inner))]
    if kind != "reasoningText":
        return None
    given = _object(inner, where)
    signature = _string(given, "signature", where) if given.get("signature") is not None else None
    return [Reasoning(text=_string(given, "text", where), signature=signature, extra=as_extra(_without(given, "text", "signature")))]


def _decode_call(value: Json, where: str) -> list[AnyPart] | None:
    given = _object(value, where)
    if given.get("type") == SERVER_TOOL:
        return None
    arguments = _object(given.get("input"), f"{where}.input")
    kept = _without(given, "toolUseId", "name", "input")
    id, name = _string(given, "toolUseId", where), _string(given, "name", where)
    return [ToolCall(id=id, name=name, arguments=dump(arguments).decode(), extra=as_extra(kept))]


SERVER_TOOL: Final = "server_tool_use"
"""The ``type`` of a call that the vendor answers itself."""


def _decode_result(value: Json, where: str) -> list[AnyPart] | None:
    """A result whose content our parts cannot say whole keeps the vendor's content beside what they can."""
    given = _object(value, where)
    content = given.get("content")
    if not isinstance(content, list):
        raise BadRequest(f"{where}.content: {type(content).__name__} was given; a list of blocks is expected", param=f"{where}.content")
    told = [_decode_inner(block, f"{where}.content[{i}]") for i, block in enumerate(content)]
    parts = tuple(part for part in told if part is not None)
    kept = _without(given, "toolUseId", *(["content"] if len(parts) == len(told) else []))
    is_error = kept.get("status") == "error"
    if is_error:
        del kept["status"]
    return [ToolResult(id=_string(given, "toolUseId", where), parts=parts, is_error=is_error, extra=as_extra(kept))]


def _decode_inner(given: Json, where: str) -> Text | Image | File | None:
    kind, value = _only_field(given, where)
    if kind == AS_JSON:
        return Text(text=dump(value).decode(), extra={NAME: {AS_JSON: True}})
    decode = _INNER.get(kind)
    found = decode(value, f"{where}.{kind}") if decode else None
    part = found[0] if found else None
    return part if isinstance(part, (Text, Image, File)) else None


def _decode_cited(value: Json, where: str) -> list[AnyPart] | None:
    given = _object(value, where)
    content, citations = given.get("content") or [], given.get("citations") or []
    if not isinstance(content, list) or not isinstance(citations, list):
        raise BadRequest(f"{where}: lists of content and citations are expected", param=where)
    if _without(given, "content", "citations"):
        return None
    pieces = [_string(_object(piece, f"{where}.content"), "text", f"{where}.content") for piece in content]
    return [Text(text="".join(pieces)), *map(decode_citation, citations)]


def decode_citation(given: Json) -> Source:
    """A citation as a source; the whole record stands in its ``extra``."""
    told = given if isinstance(given, dict) else {"cited": given}
    location = told.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    source, title = told.get("source"), told.get("title")
    urls = (web.get("url") if isinstance(web, dict) else None, source)
    cited = told.get("sourceContent")
    pieces = [piece.get("text") for piece in cited if isinstance(piece, dict)] if isinstance(cited, list) else []
    quote = "".join(piece for piece in pieces if isinstance(piece, str))
    return Source(
        url=next((url for url in urls if isinstance(url, str) and "://" in url), None),
        title=title if isinstance(title, str) else None,
        quote=quote or None,
        extra={NAME: {CITATION: told}},
    )


_INNER: Final[dict[str, Callable[[Json, str], list[AnyPart] | None]]] = {
    "text": _decode_text,
    "image": _decode_image,
    "document": _decode_document,
}
"""How blocks are read that may stand in a tool's result too."""
_DECODERS: Final[dict[str, Callable[[Json, str], list[AnyPart] | None]]] = {
    **_INNER,
    "audio": _decode_audio,
    GUARD: _decode_guarded,
    "reasoningContent": _decode_reasoning,
    "toolUse": _decode_call,
    "toolResult": _decode_result,
    "citationsContent": _decode_cited,
}
"""How a block of each kind is read; ``None`` comes back for one that no part can say."""
