"""Values as text in TOML, for the few forms that a ``dragoman.toml`` has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDE: Final = 110
"""Columns from which on a list has a line for each entry."""


def toml_key(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else _text(name)


def toml_value(value: Any) -> str:
    """A text, number, truth, list or table; tables on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml_key(name)} = {toml_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        entries = [toml_value(one) for one in value]
        line = f"[{', '.join(entries)}]"
        return line if len(line) <= _WIDE else "[\n" + "".join(f"  {entry},\n" for entry in entries) + "]"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def toml_table(header: Sequence[str], fields: Mapping[str, Any]) -> str:
    """A table with its header; what is ``None`` or empty is left out."""
    lines = [f"{name} = {toml_value(value)}\n" for name, value in fields.items() if value is not None and value not in ([], {})]
    return f"[{'.'.join(map(toml_key, header))}]\n{''.join(lines)}"


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")  # JSON's escapes are TOML's but for this letter
