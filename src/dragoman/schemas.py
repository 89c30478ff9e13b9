"""Python types as JSON schemas, and JSON text as values of those types.

Types are msgspec's: builtins, ``Literal``, enums, dataclasses, ``TypedDict``, ``NamedTuple``, ``Struct``, ``Annotated[…, Meta(…)]``. A
pydantic model is known by its methods ``model_json_schema`` and ``model_validate`` wherever it stands in a type; pydantic is not imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.words import in_words

REFERENCE: Final = "#/$defs/"
_NOT_STRICT: Final = frozenset({"patternProperties", "prefixItems", "unevaluatedProperties", "propertyNames"})
"""What vendors that guarantee a schema cannot guarantee."""


class Misfit(ValueError):
    """A text that is not JSON of the wanted type; the message says where and why, in words for a model."""


def schema_of(kind: Any, what: str) -> JsonObject:
    """The schema of ``kind``, its definitions at its root in ``$defs``. Raises ``UsageError`` that begins with ``what``."""
    try:
        (schema,), definitions = msgspec.json.schema_components((kind,), schema_hook=_foreign_schema, ref_template=REFERENCE + "{name}")
    except (TypeError, ValueError, NameError, NotImplementedError, RecursionError) as fault:
        raise UsageError(f"{what}: no JSON schema can be made of {type_name(kind)}: {str(fault).splitlines()[-1]}") from None
    found: dict[str, Json] = {}
    schema = _hoisted(schema, found, what)
    for name, definition in definitions.items():
        _define(name, _hoisted(definition, found, what), found, what)
    return _at_root(schema, found)


def read_json(text: str, kind: Any) -> Any:
    """``text`` as a value of ``kind``. Raises ``Misfit``."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_foreign_value)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise Misfit(str(fault)) from None


def to_json(value: object) -> str:
    """``value`` as JSON text. Raises ``TypeError`` or ``ValueError`` where it cannot be said so."""
    return msgspec.json.encode(value, enc_hook=_foreign_fields).decode()


def type_name(kind: Any) -> str:
    name = getattr(kind, "__name__", None)
    return str(name or (kind if isinstance(kind, str) else in_words(kind)))


def inlined(schema: JsonObject) -> JsonObject:
    """``schema`` with what its root refers to in the place of the reference."""
    reference = schema.get("$ref")
    definitions = schema.get("$defs", {})
    target = definitions.get(reference.removeprefix(REFERENCE)) if isinstance(reference, str) else None
    return schema if target is None else {**target, "$defs": definitions}


def strict_schema(schema: JsonObject) -> JsonObject | None:
    """``schema`` as vendors want it to guarantee it: every object closed, every field required; ``None`` where it cannot be said so.

    The rules are OpenAI's (https://platform.openai.com/docs/guides/structured-outputs, read 2026-11-21), the narrowest.
    """
    try:
        told: JsonObject = _strict(schema)
        return told
    except _NotStrictError:
        return None


class _NotStrictError(Exception):
    pass


def _strict(schema: Json) -> Json:
    if not isinstance(schema, dict) or not schema or schema.keys() & _NOT_STRICT:
        raise _NotStrictError  # anything goes here, and that is what cannot be guaranteed
    if "$ref" in schema:  # nothing may stand beside a reference
        told: JsonObject = {"$ref": schema["$ref"]}
        return {**told, "$defs": _each(schema["$defs"])} if "$defs" in schema else told
    changed = {name: value for name, value in schema.items() if name != "default"}
    if "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
        changed.pop("discriminator", None)
    for name in ("$defs", "properties"):
        if name in changed:
            changed[name] = _each(changed[name])
    if "anyOf" in changed:
        changed["anyOf"] = [_strict(one) for one in changed["anyOf"]]
        changed.pop("discriminator", None)
    if "items" in changed or changed.get("type") == "array":
        changed["items"] = _strict(changed.get("items"))
    if changed.get("type") == "object":
        if "properties" not in changed or changed.get("additionalProperties", False) is not False:
            raise _NotStrictError
        changed |= {"required": list(changed["properties"]), "additionalProperties": False}
    return changed


def _each(schemas: dict[str, Json]) -> dict[str, Json]:
    return {name: _strict(schema) for name, schema in schemas.items()}


# --- definitions


def _hoisted(schema: Json, found: dict[str, Json], what: str) -> Json:
    """``schema`` without the ``$defs`` inside it, which go into ``found``: a foreign schema refers to them as if it were the root."""
    if isinstance(schema, list):
        return [_hoisted(item, found, what) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = schema.get("$defs")
    if isinstance(inner, dict) and not isinstance(inner.get("type"), str):
        for name, definition in inner.items():
            _define(name, _hoisted(definition, found, what), found, what)
        schema = {name: value for name, value in schema.items() if name != "$defs"}
    return {name: _hoisted(value, found, what) for name, value in schema.items()}


def _define(name: str, definition: Json, found: dict[str, Json], what: str) -> None:
    if found.setdefault(name, definition) != definition:
        raise UsageError(f"{what}: two different types are called {name}; rename one of them")


def _at_root(schema: JsonObject, definitions: dict[str, Json]) -> JsonObject:
    """``schema`` with its reference resolved and only those of ``definitions`` that it needs."""
    root = inlined({**schema, "$defs": definitions})
    root.pop("$defs", None)
    needed: dict[str, Json] = {}
    _collect(root, definitions, needed)
    return {**root, "$defs": needed} if needed else root


def _collect(schema: Json, definitions: dict[str, Json], needed: dict[str, Json]) -> None:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        name = reference.removeprefix(REFERENCE) if isinstance(reference, str) else ""
        if name in definitions and name not in needed:
            needed[name] = definitions[name]
            _collect(definitions[name], definitions, needed)
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _collect(value, definitions, needed)


# --- pydantic's models, by their methods


def _method(kind: object, name: str) -> Callable[..., Any]:
    found = getattr(kind, name, None)
    if not callable(found):
        raise NotImplementedError(f"{type_name(kind)} is not understood")
    return found  # type: ignore[no-any-return]  # whatever it is, it can be called


def _foreign_schema(kind: type) -> JsonObject:
    return _method(kind, "model_json_schema")()  # type: ignore[no-any-return]  # a schema by pydantic's contract


def _foreign_value(kind: type, given: Any) -> Any:
    return _method(kind, "model_validate")(given)


def _foreign_fields(value: Any) -> Any:
    return _method(value, "model_dump")(mode="json")
