"""Gemini: a call's arguments that come in pieces (Vertex AI's ``streamFunctionCallArguments``), put together.

Each piece names its place by a JSONPath (RFC 9535) of names and numbers alone, and holds one value; a text may go on in the next piece.
https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling, read 2026-11-21.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.opaque import Json, JsonObject

_STEP: Final = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPED: Final = re.compile(r"\\(.)")
_MAX_DEPTH: Final = 64


class Piece(msgspec.Struct, rename="camel"):
    """One piece; where none of the values is there, it is null."""

    json_path: str = ""
    string_value: str | None = None
    number_value: float | int | None = None
    bool_value: bool | None = None

    @property
    def value(self) -> Json:
        told = (self.string_value, self.number_value, self.bool_value)
        return next((value for value in told if value is not None), None)


class Arguments:
    """The arguments so far."""

    def __init__(self) -> None:
        self.whole: JsonObject = {}

    def add(self, piece: Piece) -> None:
        """Put a piece in its place. Raises ``BadReply`` for a place that cannot be."""
        steps = _steps(piece.json_path)
        holder: Json = self.whole
        for step, following in pairwise(steps):
            holder = _inside(holder, step, [] if isinstance(following, int) else {}, piece.json_path)
        last, value = steps[-1], piece.value
        before = _inside(holder, last, None, piece.json_path)
        holder[last] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    place = 1
    while path.startswith("$") and (found := _STEP.match(path, place)):
        name, number, single, double = found.groups()
        quoted = single if single is not None else double
        steps.append(int(number) if number is not None else name if name is not None else _ESCAPED.sub(r"\1", quoted))
        place = found.end()
    if not steps or place != len(path) or len(steps) > _MAX_DEPTH:
        raise BadReply(f"a call's arguments come in pieces, one of which has no place: {path!r}")
    return steps


def _inside(holder: Json, step: str | int, new: Json, path: str) -> Json:
    """What stands at ``step``, put there where nothing does."""
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.setdefault(step, new)
    if isinstance(holder, list) and isinstance(step, int) and step <= len(holder):
        if step == len(holder):
            holder.append(new)
        return holder[step]
    raise BadReply(f"a call's arguments come in pieces that do not fit together at {path!r}")
