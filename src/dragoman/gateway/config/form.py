"""Whether a file has the form of ``gateway.config``: every fault of names, types, bounds and variables, not the first alone.

The form is read off the Structs themselves. What has a fault is left out of what is handed on, so that the rest can be judged as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UsageError
from dragoman.gateway.config.tables import FORM, SECRETS
from dragoman.gateway.config.toml_lines import Place
from dragoman.gateway.config.toml_text import toml_key

_VARIABLE: Final = re.compile(r"\$(\$?)\{([^}]*)(\}?)")
_NAMED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?", re.DOTALL)
_LEFT_OUT: Final = object()
_MANY: Final = 5
"""Values from which on only the nearest are named."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong at a place of the file."""

    place: Place
    words: str


class Form:
    """Holds a file's value against a type; ``faults`` is what did not fit."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.faults: list[Fault] = []
        self._environment = environment
        self._kinds: dict[type[inspect.Type], Callable[[Any, Any, Place], Any]] = {
            inspect.StructType: self._struct,
            inspect.DictType: self._dict,
            inspect.VarTupleType: self._list,
            inspect.UnionType: self._union,
            inspect.LiteralType: self._literal,
            inspect.StrType: self._text,
            inspect.IntType: self._number,
            inspect.FloatType: self._number,
            inspect.BoolType: self._switch,
            inspect.AnyType: self._any,
            inspect.Metadata: self._described,
        }

    def fit(self, told: Any, form: inspect.Type, place: Place = ()) -> Any:
        """``told`` as it may be converted, variables filled in and without what has a fault."""
        return self._kinds[type(form)](told, form, place)

    def _struct(self, told: Any, form: inspect.StructType, place: Place) -> Any:
        if not isinstance(told, dict):
            return self._fault(place, told, "a table is expected")
        fields = {field.encode_name: field for field in form.fields}
        for name in told.keys() - fields.keys():
            self.faults.append(Fault((*place, name), f"unknown; {nearest(name, list(fields))}"))
        fitting = self._fitting(((name, one, fields[name].type) for name, one in told.items() if name in fields), place)
        missing = [name for name, field in fields.items() if field.required and name not in fitting]
        for name in missing:
            if name not in told:
                self.faults.append(Fault(place, f"{name} is missing"))
        return _LEFT_OUT if missing else fitting

    def _described(self, told: Any, form: inspect.Metadata, place: Place) -> Any:
        own = (form.extra or {}).get(FORM)
        return self.fit(told, inspect.type_info(own) if own else form.type, place)

    def _dict(self, told: Any, form: inspect.DictType, place: Place) -> Any:
        if not isinstance(told, dict):
            return self._fault(place, told, "a table is expected")
        return self._fitting(((name, one, form.value_type) for name, one in told.items()), place)

    def _fitting(self, entries: Iterable[tuple[str, Any, inspect.Type]], place: Place) -> dict[str, Any]:
        fitted = {name: self.fit(one, form, (*place, name)) for name, one, form in entries}
        return {name: one for name, one in fitted.items() if one is not _LEFT_OUT}

    def _list(self, told: Any, form: inspect.VarTupleType, place: Place) -> Any:
        if not isinstance(told, list):
            return self._fault(place, told, "a list is expected")
        fitted = [self.fit(one, form.item_type, (*place, at)) for at, one in enumerate(told)]
        return _LEFT_OUT if any(one is _LEFT_OUT for one in fitted) else fitted

    def _union(self, told: Any, form: inspect.UnionType, place: Place) -> Any:
        kinds = [kind for kind in form.types if not isinstance(kind, inspect.NoneType)]
        if len(kinds) == 1:
            return self.fit(told, kinds[0], place)
        if not isinstance(told, str | dict):
            return self._fault(place, told, "a string or a table is expected")
        wanted = inspect.DictType if isinstance(told, dict) else inspect.StrType
        return self.fit(told, next(kind for kind in kinds if isinstance(kind, wanted)), place)

    def _literal(self, told: Any, form: inspect.LiteralType, place: Place) -> Any:
        text = self._text(told, form, place)
        if text is _LEFT_OUT or text in form.values:
            return text
        allowed = [str(value) for value in form.values]
        return self._fault(
            place, told, nearest(text, allowed) if len(allowed) > _MANY else f"one of {', '.join(allowed)} is expected", shown=True
        )

    def _text(self, told: Any, form: inspect.Type, place: Place) -> Any:
        if not isinstance(told, str):
            return self._fault(place, told, "a string is expected")
        return self._filled(told, place)

    def _number(self, told: Any, form: inspect.IntType | inspect.FloatType, place: Place) -> Any:
        if isinstance(told, str) and _VARIABLE.search(told):
            told = _read(self._filled(told, place), int, float)
        if told is _LEFT_OUT:
            return told
        is_whole = isinstance(form, inspect.IntType)
        fits = isinstance(told, int if is_whole else int | float) and not isinstance(told, bool) and math.isfinite(told)
        fits = (
            fits and (form.gt is None or told > form.gt) and (form.ge is None or told >= form.ge) and (form.le is None or told <= form.le)
        )
        allowed = f"{'a whole number' if is_whole else 'a number'}{_bounds(form)} is expected"
        return told if fits else self._fault(place, told, allowed, shown=True)

    def _switch(self, told: Any, form: inspect.BoolType, place: Place) -> Any:
        if isinstance(told, str) and _VARIABLE.search(told):
            told = _read(self._filled(told, place), bool)
        return told if told is _LEFT_OUT or isinstance(told, bool) else self._fault(place, told, "true or false is expected")

    def _any(self, told: Any, form: inspect.Type, place: Place) -> Any:
        if isinstance(told, dict):
            return self._fitting(((name, one, form) for name, one in told.items()), place)
        if isinstance(told, list):
            fitted = [self.fit(one, form, (*place, at)) for at, one in enumerate(told)]
            return [one for one in fitted if one is not _LEFT_OUT]
        return self._filled(told, place) if isinstance(told, str) else told

    def _filled(self, told: str, place: Place) -> Any:
        try:
            return filled(told, self._environment)
        except UsageError as fault:
            self.faults.append(Fault(place, fault.message))
            return _LEFT_OUT

    def _fault(self, place: Place, told: Any, allowed: str, *, shown: bool = False) -> Any:
        is_secret = any(name in SECRETS for name in place)
        given = repr(told) if shown and not is_secret and not isinstance(told, dict | list) else _kind_of(told)
        self.faults.append(Fault(place, f"{given} was given; {allowed}"))
        return _LEFT_OUT


def filled(told: str, environment: Mapping[str, str]) -> str:
    """``told`` with each ``${NAME}`` and ``${NAME:-default}`` filled in; ``$${`` is ``${``.

    Raises ``UsageError`` for one that is not set, or empty, and has no default.
    """

    def value(found: re.Match[str]) -> str:
        escaped, inside, end = found.groups()
        if escaped:
            return found[0][1:]
        named = _NAMED.fullmatch(inside)
        if not named or not end:
            raise UsageError(
                f"{found[0][:40]!r} was given; ${{NAME}} or ${{NAME:-default}} is expected, and $${{ for the letters themselves"
            )
        name, has_default, default = named.groups()
        held = environment.get(name)
        if not held and not has_default:
            raise UsageError(f"the environment variable {name} is {'not set' if held is None else 'empty'}")
        return held or str(default)

    return _VARIABLE.sub(value, told)


def shown_place(place: Place) -> str:
    """A place as one would write it: ``models."gpt-4.1".targets[0]``."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + toml_key(part)
    return text


def _read(text: Any, *kinds: type) -> Any:
    """What a variable's value is as one of ``kinds``; else the text."""
    for kind in kinds if text is not _LEFT_OUT else ():
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            continue
    return text


def _kind_of(told: Any) -> str:
    return next((words for kind, words in _KINDS if isinstance(told, kind)), "a date or time")


_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "true or false"),
    (str, "a string"),
    (int, "a whole number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a table"),
)


def _bounds(form: inspect.IntType | inspect.FloatType) -> str:
    told = [f"{words} {bound:g}" for bound, words in ((form.gt, "above"), (form.ge, "from"), (form.le, "up to")) if bound is not None]
    return f" {' '.join(told)}" if told else ""
