"""Finds and reads ``dragoman.toml``. What is wrong in it is told all at once, each fault with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dragoman.core.errors import UsageError
from dragoman.gateway.config.case import Case
from dragoman.gateway.config.form import Fault, Form, shown_place
from dragoman.gateway.config.rules import faults_of
from dragoman.gateway.config.tables import Config
from dragoman.gateway.config.toml_lines import Place, lines_of
from dragoman.settings import Surroundings

NAME: Final = "dragoman.toml"
VARIABLE: Final = "DRAGOMAN_CONFIG"
_LONG_ENOUGH_TO_HIDE: Final = 6
_NAMES: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


def find_config(given: Path | None, surroundings: Surroundings, folder: Path | None = None) -> Path | None:
    """The file: as given, the environment's, that of ``folder`` (the working one), the user's. ``None`` where there is none.

    Raises ``UsageError`` where one was named that is not there.
    """
    named = surroundings.environment.get(VARIABLE)
    told = given or (Path(named) if named else None)
    if told is not None:
        if not told.is_file():
            raise UsageError(f"{told}: no such file{'' if given else f'; {VARIABLE} names it'}; `dragoman config example` prints one")
        return told
    return next((path for path in ((folder or Path()) / NAME, surroundings.home / NAME) if path.is_file()), None)


def read_config(path: Path, environment: Mapping[str, str]) -> Config:
    """The configuration in ``path``, checked against ``environment``. Raises ``UsageError`` with every fault on a line of its own."""
    text = _read(path)
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise UsageError(_syntax(path, text, str(fault))) from None
    form = Form(environment)
    fitted = form.fit(told, msgspec.inspect.type_info(Config))
    try:
        config = msgspec.convert(fitted, Config)
    except msgspec.ValidationError as fault:
        form.faults.append(Fault((), str(fault)))
        config = Config()
    faults = [*form.faults, *faults_of(Case(config, told, form.faults, Surroundings(environment)))]
    if faults:
        raise UsageError("\n".join(_told(faults, path, text, environment)))
    return config


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is not text in UTF-8") from None


def _syntax(path: Path, text: str, words: str) -> str:
    """The parser's words with the line first."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", words, re.DOTALL)
    if not found:
        return f"{path}: not valid TOML: {words}"
    line = found[2] or text.count("\n") + 1
    column = f", column {found[3]}" if found[3] else ""
    return f"{path}:{line}: not valid TOML: {found[1]}{column}"


def _told(faults: Iterable[Fault], path: Path, text: str, environment: Mapping[str, str]) -> list[str]:
    lines = lines_of(text)
    placed = sorted((_line(lines, fault.place), shown_place(fault.place), fault.words) for fault in faults)
    hidden = {name: environment.get(name, "") for name in _NAMES.findall(text)}
    return [_hide(f"{path}:{line}: {place}{': ' if place else ''}{words}", hidden) for line, place, words in dict.fromkeys(placed)]


def _line(lines: Mapping[Place, int], place: Place) -> int:
    """The line of ``place``, or of what is nearest to it: the table that it would stand in, or what is in it."""
    while place and place not in lines:
        inside = [line for known, line in lines.items() if known[: len(place)] == place]
        if inside:
            return min(inside)
        place = place[:-1]
    return lines.get(place, 1)


def _hide(line: str, variables: Mapping[str, str]) -> str:
    """``line`` with what came out of the environment as the file has it, for it may be a secret."""
    for name, value in variables.items():
        if len(value) >= _LONG_ENOUGH_TO_HIDE:
            line = line.replace(value, f"${{{name}}}")
    return line
