"""Handles: names of what a provider keeps in the account that all callers of a gateway share, such as files, conversations and containers.

Law: where callers are known apart by their keys, each may name only what an answer gave to its own key. So nobody's files or conversations
are opened by a body that names them, whoever told the name. ``shared_account`` in the configuration takes that back.

A handle is known by its field's name, which is the same in every dialect, wherever it stands but in what is a caller's own: arguments,
schemas, results of functions, metadata. A body is searched as bytes, and parsed only where a field may be there; one that stands twice
counts twice. Sources, read 2026-11-21: https://platform.openai.com/docs/api-reference, https://platform.claude.com/docs/en/api,
https://ai.google.dev/api/generate-content, https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from dragoman.core.errors import BadRequest, DragomanError, PermissionDenied
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, Started
from dragoman.core.exchange import Call
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.payload import parse_request

_RESPONSES: Final = "openai_responses"


class Given(Protocol):
    """What was given to whom."""

    def is_given(self, owner: str, id: str) -> bool: ...

    def claim(self, owner: str, id: str) -> None: ...


class Fields(list[tuple[str, object]]):
    """A JSON object with each of its fields, also one that stands twice."""

    def every(self, name: str) -> list[object]:
        return [value for known, value in self if known == name]


# --- fields -----------------------------------------------------------------------------------------------------------------------------


def _texts(value: object) -> Iterator[str]:
    """A name, or several."""
    for one in value if isinstance(value, list) and not isinstance(value, Fields) else [value]:
        if isinstance(one, str) and one:
            yield one


def _id_within(value: object) -> Iterator[str]:
    """The name of an object; a text is something else in this field."""
    if isinstance(value, Fields):
        yield from (one for id in value.every("id") for one in _texts(id))


def _named(value: object) -> Iterator[str]:
    """A name, or an object that has one."""
    yield from _id_within(value) if isinstance(value, Fields) else _texts(value)


def _anything(value: object) -> Iterator[str]:
    """A source of the account's that has no one name."""
    if value:
        yield "what is described there"


def _bucket(value: object) -> Iterator[str]:
    if isinstance(value, Fields):
        yield next((one for uri in value.every("uri") for one in _texts(uri)), "an object")


def _kept_file(value: object) -> Iterator[str]:
    """A file of Google's service or a bucket; an address that anybody may open is none."""
    yield from (one for one in _texts(value) if not _is_public(one))


def _is_public(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    is_service = host.endswith(".googleapis.com") and host != "storage.googleapis.com"
    return parts.scheme in ("http", "https") and bool(host) and not is_service


_HANDLES: Final[dict[str, Callable[[object], Iterator[str]]]] = {
    "previous_response_id": _texts,
    "conversation": _named,
    "file_id": _texts,
    "file_ids": _texts,
    "vector_store_ids": _texts,
    "container": _named,
    "container_id": _texts,
    "skill_id": _texts,
    "prompt": _id_within,
    "audio": _id_within,
    "data_sources": _anything,
    "fileUri": _kept_file,
    "file_uri": _kept_file,
    "cachedContent": _texts,
    "cached_content": _texts,
    "fileSearchStoreNames": _texts,
    "file_search_store_names": _texts,
    "vertexAiSearch": _anything,
    "vertex_ai_search": _anything,
    "vertexRagStore": _anything,
    "vertex_rag_store": _anything,
    "externalApi": _anything,
    "external_api": _anything,
    "s3Location": _bucket,
}
"""A field and the names in its value."""
_REFERENCES: Final = ("item_reference", "image_generation_call")
"""Items of a Responses request that may stand for others by their ``id``."""
_OWN: Final = frozenset(
    {
        *("parameters", "schema", "input_schema", "inputSchema", "responseSchema", "response_schema"),
        *("parametersJsonSchema", "parameters_json_schema", "responseJsonSchema", "response_json_schema"),
        *("args", "arguments", "response", "json", "data", "toolUse", "metadata", "requestMetadata", "labels"),
    }
)
"""Fields whose content is the caller's own, whatever is called what in it."""
_PUBLIC_SKILL: Final = "anthropic"
_JSON: Final = re.compile(rb"\s*\{")
_ESCAPE: Final = b"\\u00"
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[4-7]")
"""As nobody writes a field's name in good faith."""
_TOO_DEEP: Final = "the request body is nested too deeply"
_ID: Final = b'"id"'
_INPUT: Final = b'"input"'


class _Item(msgspec.Struct, gc=False):
    """As much of an item of a Responses request as tells whether it is a reference without saying so."""

    type: str | None = None
    role: str | None = None


class _Items(msgspec.Struct):
    input: str | list[_Item] | None = None


_ITEMS: Final = msgspec.json.Decoder(_Items)


def named_in(call: Call, dialect: str) -> list[tuple[str, str]]:
    """The handles in a call's body, each with its field. Raises ``BadRequest`` where it cannot be read."""
    body = call.body
    if not _JSON.match(body) or not (_may_hold(body) or (dialect == _RESPONSES and _has_untyped(body))):
        return []
    whole = every_field(body)
    try:
        return [*_walk(whole), *(_references(whole) if dialect == _RESPONSES else ())]
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None


def _by_letter(names: Iterable[str]) -> bytes:
    """A regular expression of any of ``names``, those of one first letter together: most texts of a body begin with none of these."""
    rests: dict[str, list[str]] = {}
    for name in names:
        rests.setdefault(name[0], []).append(name[1:])
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in rests.items()).encode()


_FIELD: Final = re.compile(b'"(?:%b)"' % _by_letter((*_HANDLES, *_REFERENCES)))


def _may_hold(body: bytes) -> bool:
    return _FIELD.search(body) is not None or (_ESCAPE in body and _ESCAPED_LETTER.search(body) is not None)


def every_field(body: bytes) -> object:
    """A JSON body whose objects are ``Fields``. Raises ``BadRequest`` where it cannot be read."""
    try:
        whole: object = json.loads(body, object_pairs_hook=Fields)
    except (ValueError, RecursionError):
        parse_request(body)  # says what is wrong
        raise BadRequest(_TOO_DEEP) from None
    return whole


def _has_untyped(body: bytes) -> bool:
    """Whether an item of a Responses request is nothing but a name, or that cannot be told."""
    if _ID not in body:
        return False
    if body.count(_INPUT) > 1:
        return True
    try:
        items = _ITEMS.decode(body).input
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return True
    return isinstance(items, list) and any(item.type is None and item.role is None for item in items)


def _walk(value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Fields):
        for one in value if isinstance(value, list) else ():
            yield from _walk(one)
        return
    kinds = value.every("type")
    calls = any(isinstance(kind, str) and kind.endswith("tool_use") for kind in kinds)
    for name, inner in value:
        if name in _OWN or (calls and name == "input"):
            continue
        read = _HANDLES.get(name)
        if read is not None and not (name == "skill_id" and kinds == [_PUBLIC_SKILL]):
            yield from ((name, id) for id in read(inner))
        yield from _walk(inner)


def _references(whole: object) -> Iterator[tuple[str, str]]:
    """Items that stand for what an upstream keeps."""
    given = whole.every("input") if isinstance(whole, Fields) else []
    for item in (item for items in given if isinstance(items, list) for item in items):
        if isinstance(item, Fields) and _is_reference(item):
            yield from (("input", id) for one in item.every("id") for id in _texts(one))


def _is_reference(item: Fields) -> bool:
    kinds = [kind for kind in item.every("type") if kind is not None]
    if not kinds:
        return not item.every("role")
    return "item_reference" in kinds or ("image_generation_call" in kinds and not all(item.every("result") or [None]))


# --- the law ----------------------------------------------------------------------------------------------------------------------------


def check_handles(call: Call, dialect: str, owner: str, given: Given) -> None:
    """Raises a ``DragomanError`` for a handle in the body that was not given to ``owner``."""
    for field, id in named_in(call, dialect):
        if not given.is_given(owner, id):
            raise _refusal(field, id, owner)


def _refusal(field: str, id: str, owner: str) -> DragomanError:
    if field == "previous_response_id":
        return BadRequest(f"{field}: no answer {id!r} is kept here", status=404, param=field, code="previous_response_not_found")
    if field == "input":
        return BadRequest(f"input: no item {id!r} is kept here", status=404, param="input")
    reason = "callers share the gateway's account at the provider, and each may name only what an answer gave to its own key"
    return PermissionDenied(f"{field}: {id!r} was not given to the key {owner!r}; {reason}", param=field, code="not_given")


def given_in(events: Sequence[Event], dialect: str) -> Iterator[str]:
    """The handles that an answer gives a caller who speaks ``dialect``."""
    for event in events:
        if isinstance(event, Started | Finished | BlockStarted | BlockEnded):
            if dialect == _RESPONSES and isinstance(event, Started | BlockStarted):
                yield from _ids((event.id,))
            yield from _told(event.extra.get(dialect, {}))


def _ids(told: Iterable[Json]) -> Iterator[str]:
    return (one for one in told if isinstance(one, str) and one)


def _told(own: JsonObject) -> Iterator[str]:
    """Of an answer, an item or a message: nothing deeper, which a tool's server may have written."""
    yield from _ids((own.get("id"), own.get("container_id")))
    for name in ("message", "container"):
        inner = own.get(name)
        if isinstance(inner, dict):
            yield from _ids((inner.get("id"),))
