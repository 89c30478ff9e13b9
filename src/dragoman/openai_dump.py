"""What a dump of an object in OpenAI's shape holds, by the arguments that openai-python's objects take for it, which are pydantic's.

The objects are JSON values as the wire carried them. They have no field that the wire left out, no alias and no type of their own, so
``exclude_unset``, ``by_alias`` and the like change nothing; the others choose as pydantic does. An argument that is none of these is a
``TypeError``. Source: https://docs.pydantic.dev/latest/concepts/serialization/, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Final, Literal, TypeAlias, TypedDict

from dragoman.core.opaque import Json

Choice: TypeAlias = "Set[str] | Set[int] | Mapping[str, Any] | Mapping[int, Any]"
"""Names or places, or each with the choice inside it, or with ``True`` for all of it; ``"__all__"`` is every item of a list."""

OPTIONAL: Final = frozenset(
    {
        "annotations", "audio", "completion_tokens_details", "content", "finish_reason", "function", "function_call", "id", "logprobs",
        "name", "prompt_tokens_details", "refusal", "role", "service_tier", "system_fingerprint", "tool_calls", "type", "usage",
    }
)  # fmt: skip
"""Fields of OpenAI's objects whose default is ``None``."""


class DumpForm(TypedDict, total=False):
    """What may be said of a dump."""

    include: Choice | None
    exclude: Choice | None
    exclude_none: bool
    exclude_defaults: bool
    exclude_unset: bool
    by_alias: bool | None
    mode: Literal["json", "python"] | str
    round_trip: bool
    warnings: bool | Literal["none", "warn", "error"]
    serialize_as_any: bool
    context: Any
    fallback: Callable[[Any], Any] | None


def dumped(told: Json, form: DumpForm) -> Any:
    """A copy of ``told`` with what ``form`` chooses of it. Raises ``TypeError`` for a word of ``form`` that is not understood."""
    for name in form.keys() - DumpForm.__annotations__.keys():
        raise TypeError(f"{name}: no such argument of a dump; it takes {', '.join(DumpForm.__annotations__)}")
    for name in ("include", "exclude"):
        if not isinstance(form.get(name), Set | Mapping | None):
            raise TypeError(f"{name}: {type(form[name]).__name__} was given; a set or a dict is expected")  # type: ignore[literal-required]  # it is one of the two
    value = _chosen(told, form.get("include"), form.get("exclude"))
    if form.get("exclude_none"):
        return _without_none(value, None)
    return _without_none(value, OPTIONAL) if form.get("exclude_defaults") else value


def _without_none(value: Json, names: Set[str] | None) -> Any:
    """``value`` without its fields that are ``None``, or those among ``names``."""
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if item is not None or (names is not None and name not in names)}
        return {name: _without_none(item, names) for name, item in kept.items()}
    return [_without_none(item, names) for item in value] if isinstance(value, list) else value


def _chosen(value: Json, include: Any, exclude: Any) -> Any:
    """What of ``value`` is included, without what is excluded; ``None`` stands for no choice."""
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() for kept in _kept(item, include, exclude, name)}
    if isinstance(value, list):
        size = len(value)
        return [kept for place, item in enumerate(value) for kept in _kept(item, include, exclude, place, place - size)]
    return value


def _kept(item: Json, include: Any, exclude: Any, *names: str | int) -> list[Any]:
    """``item`` with what is chosen inside it, or nothing where it is left out as a whole."""
    wanted, unwanted = _rule(include, *names, "__all__"), _rule(exclude, *names, "__all__")
    if unwanted is True or (include is not None and wanted is None):
        return []
    return [_chosen(item, None if wanted is True else wanted, unwanted)]


def _rule(rules: Any, *names: str | int) -> Any:
    """What ``rules`` say under the first of these names, and besides it under the others: all (``True``), nothing (``None``), or rules."""
    found = None
    for name in names:
        found = _joined(found, _understood(_as_mapping(rules).get(name)))
    return found


def _joined(one: Any, other: Any) -> Any:
    """Both together; where one of them says all and the other more closely what, ``one`` says it."""
    if one is None or one is True or other is None or other is True:
        return other if one is None else one
    mappings = _as_mapping(one), _as_mapping(other)
    return {name: _joined(*(_understood(rules.get(name)) for rules in mappings)) for name in {*one, *other}}


def _understood(rule: Any) -> Any:
    if rule is ... or rule is True:
        return True
    if not isinstance(rule, Set | Mapping | None):
        raise TypeError(f"include and exclude: {rule!r} was given inside; True, a set or a dict is expected")
    return rule


def _as_mapping(rules: Any) -> Mapping[Any, Any]:
    return dict.fromkeys(rules, True) if isinstance(rules, Set) else rules or {}
