"""A small value that fits a JSON schema, for answers in structured output and for the arguments of a call that a request obliges to.

By rule, the same each time: what is required is there and nothing else; a list has one entry, a text is ``text``, a number the least that
is allowed or 0, a choice its first. What the schema says beyond that (patterns, ``multipleOf``) is not looked at.

Schema: https://json-schema.org/draft/2020-12/json-schema-validation, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.core.opaque import JsonObject

DEEP: Final = 6
"""From here on a schema that holds itself is left by its other way: a list is empty, of several forms the last is taken."""
DEEPEST: Final = 30
TEXT: Final = "text"
_FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "text@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: JsonObject) -> Any:
    """The value for ``schema``; ``None`` where it never ends or says nothing that is understood."""
    return _value(schema, schema, 0)


def _value(schema: Any, root: JsonObject, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return _value(_referred(schema["$ref"], root), root, depth + 1)
    forms = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if forms:
        return _value(forms[-1 if depth > DEEP else 0], root, depth + 1)
    make = _MAKERS.get(_type(schema))
    return make(schema, root, depth) if make else None


def _type(schema: JsonObject) -> str:
    told = schema.get("type", "object" if "properties" in schema else "")
    return str(told[0] if isinstance(told, list) and told else told)


def _referred(path: Any, root: JsonObject) -> Any:
    found: Any = root
    for name in str(path).removeprefix("#").split("/")[1:]:
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _object(schema: JsonObject, root: JsonObject, depth: int) -> Any:
    properties: Any = schema.get("properties") or {}
    required: Any = schema.get("required") or ()
    return {name: _value(properties.get(name), root, depth + 1) for name in required}


def _array(schema: JsonObject, root: JsonObject, depth: int) -> Any:
    first: Any = schema.get("prefixItems") or []
    least: Any = schema.get("minItems", 0 if depth > DEEP or schema.get("maxItems") == 0 else 1)
    rest = max(0, least - len(first)) if "items" in schema else 0
    return [_value(one, root, depth + 1) for one in [*first, *[schema.get("items")] * rest]]


def _string(schema: JsonObject, root: JsonObject, depth: int) -> Any:
    text = _FORMATS.get(str(schema.get("format")), TEXT)
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    return text.ljust(least if isinstance(least, int) else 0, ".")[: most if isinstance(most, int) else None]


def _number(schema: JsonObject, root: JsonObject, depth: int) -> Any:
    above, most = schema.get("exclusiveMinimum"), schema.get("maximum")
    least: Any = above + 1 if isinstance(above, int | float) else schema.get("minimum", 0)
    return min(least, most) if isinstance(most, int | float) else least


_MAKERS: Final[dict[str, Callable[[JsonObject, JsonObject, int], Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _number,
    "boolean": lambda _schema, _root, _depth: False,
}
