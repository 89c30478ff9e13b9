"""What a wire has no field for must be named, never dropped in silence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Protocol

from dragoman.core.errors import Unsupported
from dragoman.core.messages import Opaque
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.request import Request

ABOUT_THE_WIRE: Final = frozenset({"stream_options", "alt", "tools_at", "tools_again"})
"""Fields of single dialects that say how a request or its answer travels and nothing of the answer wanted."""
SPELLING: Final = ABOUT_THE_WIRE | {
    *("id", "status", "role", "message", "type", "name", "namespace"),
    *("parameters", "execution", "about_namespace", "additional_tools", "found"),
    *("json", "response", "tool_plan"),
}
"""Those, and what of a message, a part or a tool says what is ours already in a dialect's own terms, or how its vendor calls it."""
_PLACE: Final = re.compile(r"(?<=^messages)\[\d+\]|(?<=^tools)(?:\[\d+\]|\.[^.:]+(?=\.))")
"""Which of many messages or tools a warning is about."""
_ASKS_NOTHING: Final = {"n": 1, "logprobs": False, "top_logprobs": 0}
"""Values with which a caller asks for what comes anyway."""
_LONGEST_KIND: Final = 80
_NOTHING: Final[tuple[Json, ...]] = (None, [], {})
"""Values with which clients say that they do not use a field."""


class Extended(Protocol):
    """Anything asked that may hold fields of single dialects."""

    @property
    def extra(self) -> Extra: ...


def uncarried(request: Request, carried: Collection[str]) -> list[str]:
    """A warning for every field of ``request`` that asks for something and that is not among ``carried``."""
    defaults = Request(model="", messages=())
    return [
        f"{name}: not understood by this provider, left out"
        for name in request.__struct_fields__
        if name not in carried and getattr(request, name) not in (getattr(defaults, name), _ASKS_NOTHING.get(name))
    ]


def left_out(wanted: object, where: str, *names: str) -> list[str]:
    """A warning for each of the fields ``names`` that the caller set in ``wanted``, which stands at ``where`` in the request."""
    return [f"{where}.{name}: not understood by this provider, left out" for name in names if getattr(wanted, name) is not None]


def foreign_fields(request: Extended, name: str) -> list[str]:
    """A warning for every field of ``request``, and of its tools, that a dialect other than ``name`` alone understands."""
    told = [
        f"{field}{_which(value)}: understood by {dialect} alone, left out"
        for dialect, fields in request.extra.items()
        if dialect != name
        for field, value in fields.items()
        if field not in ABOUT_THE_WIRE and value not in _NOTHING
    ]
    tools = request.tools if isinstance(request, Request) else ()
    return told + [warning for i, tool in enumerate(tools) if tool.extra for warning in foreign(tool.extra, f"tools[{i}]", name)]


def foreign(extra: Extra, where: str, name: str, known: Collection[str] = SPELLING) -> list[str]:
    """Warnings for what a message, a part or a tool has beyond ``known`` that dialects other than ``name`` alone understand."""
    theirs = {dialect: [field for field in fields if field not in known] for dialect, fields in extra.items() if dialect != name}
    return [f"{where}: what {dialect} alone has ({', '.join(fields)}) is left out" for dialect, fields in theirs.items() if fields]


def not_ours(part: Opaque, name: str, where: str = "messages") -> Unsupported:
    """A part that dialects other than ``name`` alone understand."""
    told = [f"{dialect}'s {_kind(own)}" for dialect, own in part.extra.items()]
    return Unsupported(f"{where}: {' and '.join(told) or 'a part of another provider'} was given, which {name} has no word for")


def _kind(own: JsonObject) -> str:
    """What the vendor calls it."""
    named = [one.get("type") for one in (own, *own.values()) if isinstance(one, dict)]
    return repr(next((kind for kind in named if isinstance(kind, str)), next(iter(own), "part")))[:_LONGEST_KIND]


def gathered(warnings: Iterable[str]) -> tuple[str, ...]:
    """Each warning once, at the first of the places that it names: a long conversation has the same reason at every turn."""
    told: dict[str, list[str]] = {}
    for warning in warnings:
        told.setdefault(_PLACE.sub("", warning), []).append(warning)
    return tuple(_first_of(same) for same in told.values())


def _first_of(same: list[str]) -> str:
    more = len(set(same)) - 1
    where, _, why = same[0].partition(": ")
    return f"{where} (and {more} more): {why}" if more else same[0]


def _which(value: Json) -> str:
    """Which of several things is meant, where each has a name or a type: a vendor's own tools among those that are carried."""
    listed = [one.get("name") or one.get("type") for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    names = [one for one in listed if isinstance(one, str)]
    return f" ({', '.join(names)})" if names else ""
