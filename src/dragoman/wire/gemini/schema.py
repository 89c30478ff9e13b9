"""Gemini's ``Schema`` (a part of OpenAPI 3.0 in its own spelling) as JSON schema, for whoever else is to read it.

https://ai.google.dev/api/caching#Schema, read 2026-11-21. Only decoded: what Dragoman writes is JSON schema, in the fields for it.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.gemini.numbers import TYPES, word
from dragoman.wire.gemini.parts import camel

_COUNTS: Final = frozenset({"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"})
"""64-bit numbers, which JSON of protocol buffers writes as strings."""
_DROPPED: Final = frozenset({"nullable", "propertyOrdering", "example"})


def json_schema(given: JsonObject) -> JsonObject:
    """``given`` in the words of JSON schema; a field that is none of Gemini's stays as it is."""
    given = camel(given)
    schema = {name: _FIELDS.get(name, _same)(value) for name, value in given.items() if name not in _DROPPED}
    for name in _COUNTS & schema.keys():
        if isinstance(schema[name], str) and schema[name].isdecimal():
            schema[name] = int(schema[name])
    kind = schema.get("type")
    if given.get("nullable") is True and isinstance(kind, str):
        schema["type"] = [kind, "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _same(value: Json) -> Json:
    return value


def _kind(value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    return str(word(value, TYPES)).lower()


def _one(value: Json) -> Json:
    return json_schema(value) if isinstance(value, dict) else value


def _list(value: Json) -> Json:
    return [_one(item) for item in value] if isinstance(value, list) else value


def _named(value: Json) -> Json:
    return {name: _one(item) for name, item in value.items()} if isinstance(value, dict) else value


_FIELDS: Final = {
    "type": _kind,
    "items": _one,
    "additionalProperties": _one,
    "anyOf": _list,
    "prefixItems": _list,
    "properties": _named,
    "defs": _named,
}
