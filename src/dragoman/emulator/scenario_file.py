"""Scenario files: answers in TOML or JSON, taken in order or by what the user said.

::

    [[answers]]
    when = "(?i)weather"                 # searched in the last user message; without it the entry fits any
    tool_calls = [{ name = "get_weather", arguments = { city = "Paris" } }]
    repeat = 2                           # how often it may be used, or "always"

    [[answers]]
    text = "Hello."
    reasoning = "They greet me."
    fault = { stall-after = 3 }          # or "stall-after=3"

Each request takes the first entry that fits and is not used up. ``repeat`` is ``"always"`` by default for an entry with ``when``, and 1 for
one without, so that these are answered in order. Where none is left, the request is refused.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final, Literal

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.core.errors import BadRequest, UsageError
from dragoman.core.events import FinishName
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.emulator.answer import Answer, tool_call
from dragoman.emulator.fault import Fault
from dragoman.emulator.scenario import last_user_text


class _Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: JsonObject | str = "{}"
    id: str = ""


class _Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    when: str | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[_Call, ...] = ()
    finish: FinishName | None = None
    usage: _Usage | None = None
    repeat: int | Literal["always"] | None = None
    fault: str | JsonObject | None = None


_PLACES: Final[dict[str, type[msgspec.Struct]]] = {"": _Entry, "tool_calls": _Call, "usage": _Usage}
"""Where in an entry which fields are known."""


class _Line(msgspec.Struct, frozen=True):
    """An entry, checked."""

    answer: Answer
    when: re.Pattern[str] | None
    uses: int | None

    def fits(self, text: str, used: int) -> bool:
        return (self.uses is None or used < self.uses) and (self.when is None or self.when.search(text) is not None)


class Script:
    """The answers of one file, as a scenario. It counts its uses, so that each emulator needs one of its own."""

    def __init__(self, lines: list[_Line], source: str) -> None:
        self._lines = lines
        self._used = [0] * len(lines)
        self._source = source

    @classmethod
    def read(cls, path: Path) -> Script:
        """The script in ``path``. Raises ``UsageError`` with file, entry and field."""
        try:
            text = path.read_text(encoding="utf-8")
            told: Json = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
        except OSError as fault:
            raise UsageError(f"scenario: {path}: cannot be read: {fault.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.DecodeError) as fault:
            raise UsageError(f"scenario: {path}: not valid {'JSON' if path.suffix == '.json' else 'TOML'}: {fault}") from None
        if not isinstance(told, dict):
            raise UsageError(f"scenario: {path}: a table with [[answers]] is expected")
        odd = sorted(told.keys() - {"answers"})
        if odd:
            raise UsageError(f"scenario: {path}: unknown field {odd[0]!r}; {nearest(odd[0], ['answers'])}")
        answers = told.get("answers")
        if not isinstance(answers, list) or not answers:
            raise UsageError(f"scenario: {path}: answers: at least one entry [[answers]] is expected")
        return cls([_line(entry, f"{path}: answers[{i}]") for i, entry in enumerate(answers)], str(path))

    def __call__(self, request: Request) -> Answer:
        text = last_user_text(request)
        for i, line in enumerate(self._lines):
            if line.fits(text, self._used[i]):
                self._used[i] += 1
                return line.answer
        raise BadRequest(f"the scenario {self._source} has no answer left for a request that says {text[:80]!r}")


def _line(told: Json, where: str) -> _Line:
    try:
        entry = msgspec.convert(told, _Entry)
    except msgspec.ValidationError as fault:
        raise UsageError(f"scenario: {where}: {_explain(str(fault))}") from None
    if isinstance(entry.repeat, int) and entry.repeat < 1:
        raise UsageError(f'scenario: {where}: repeat: {entry.repeat} was given; a number from 1 on or "always" is allowed')
    try:
        when = None if entry.when is None else re.compile(entry.when)
    except re.error as fault:
        raise UsageError(f"scenario: {where}: when: {entry.when!r} is not a regular expression: {fault}") from None
    return _Line(_answer(entry, where), when, _uses(entry))


def _uses(entry: _Entry) -> int | None:
    if entry.repeat == "always" or (entry.repeat is None and entry.when is not None):
        return None
    return entry.repeat or 1


def _answer(entry: _Entry, where: str) -> Answer:
    try:
        fault = None if entry.fault is None else Fault.of(entry.fault)
    except UsageError as error:
        raise UsageError(f"scenario: {where}: {error.message}") from None
    return Answer(
        text=entry.text,
        reasoning=entry.reasoning,
        refusal=entry.refusal,
        tool_calls=tuple(tool_call(call.name, call.arguments, call.id) for call in entry.tool_calls),
        finish=entry.finish,
        usage=None if entry.usage is None else Usage(**msgspec.structs.asdict(entry.usage)),
        fault=fault,
    )


def _explain(fault: str) -> str:
    """msgspec's words, with the nearest names where a field is not known."""
    found = re.search(r"unknown field `([^`]*)`(?: - at `\$\.?([^`\[]*))?", fault)
    if not found:
        return fault.replace(" - at `$.", " at `").replace(" - at `$`", "")
    field, place = found.group(1), found.group(2) or ""
    kind = _PLACES.get(place, _Entry)
    return f"{place + ': ' if place else ''}unknown field {field!r}; {nearest(field, list(kind.__struct_fields__))}"
