"""What a docstring says of a function and of each parameter, whichever of the three customs it follows.

Google's (``Args:`` and indented lines), reST's (``:param name: …``) and numpy's (``Parameters`` underlined), and none of them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_SECTIONS: Final = "Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters"
_OTHERS: Final = "Returns|Return|Yields|Yield|Raises|Raise|Attributes|Warns|See Also|References"
_GOOGLE: Final = re.compile(rf"(?P<name>{_SECTIONS}|{_OTHERS}):\s*")
_NUMPY: Final = re.compile(rf"(?P<name>{_SECTIONS}|{_OTHERS})\s*")
_UNDERLINE: Final = re.compile(r"-{3,}\s*|={3,}\s*")
_REST: Final = re.compile(r":(?P<field>[a-z]+)(?:\s+(?P<rest>[^:]*))?:\s*(?P<words>.*)")
_REST_PARAMETER: Final = ("param", "parameter", "arg", "argument", "key", "keyword")
_GOOGLE_ITEM: Final = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<words>.*)")
_NUMPY_ITEM: Final = re.compile(r"\*{0,2}(?P<names>\w+(?:\s*,\s*\w+)*)\s*(?::.*)?")


class Told(msgspec.Struct, frozen=True):
    """The description, and what is said of each parameter."""

    text: str
    parameters: dict[str, str]


def parse_docstring(docstring: str) -> Told:
    """``docstring`` (its indentation cleaned, as ``inspect.getdoc`` does) taken apart."""
    lines = docstring.expandtabs(4).splitlines()
    first = next((i for i in range(len(lines)) if _opens_section(lines, i)), len(lines))
    parameters: dict[str, list[str]] = {}
    section, i, current = "", first, ""
    indent: int | None = None
    while i < len(lines):
        line = lines[i]
        if name := _opens_section(lines, i):
            section, current, indent = name, "", None
            if section == "numpy" or section == "numpy other":
                i += 1
            if section == "rest":
                current = _read_rest(line, parameters)
        elif line.strip():
            depth = len(line) - len(line.lstrip())
            indent = depth if indent is None else indent
            current = _read_line(section, line.strip(), depth <= indent, current, parameters)
        i += 1
    return Told("\n".join(lines[:first]).strip(), {name: " ".join(words).strip() for name, words in parameters.items() if any(words)})


def _opens_section(lines: list[str], i: int) -> str:
    """Which section begins at line ``i``, if any."""
    line = lines[i]
    if _REST.fullmatch(line):
        return "rest"
    if i + 1 < len(lines) and _UNDERLINE.fullmatch(lines[i + 1]) and (found := _NUMPY.fullmatch(line)):
        return "numpy" if re.fullmatch(_SECTIONS, found["name"]) else "numpy other"
    if found := _GOOGLE.fullmatch(line):
        return "google" if re.fullmatch(_SECTIONS, found["name"]) else "google other"
    return ""


def _read_rest(line: str, parameters: dict[str, list[str]]) -> str:
    found = _REST.fullmatch(line)
    if found is None or found["field"] not in _REST_PARAMETER or not found["rest"]:
        return ""
    name = found["rest"].split()[-1].lstrip("*")
    parameters[name] = [found["words"]]
    return name


def _read_line(section: str, line: str, is_item: bool, current: str, parameters: dict[str, list[str]]) -> str:
    """Take in a line of a section; gives the parameter that the next lines belong to."""
    if section == "google" and is_item and (found := _GOOGLE_ITEM.fullmatch(line)):
        parameters[found["name"]] = [found["words"]]
        return found["name"]
    if section == "numpy" and is_item and (found := _NUMPY_ITEM.fullmatch(line)):
        names = [name.strip() for name in found["names"].split(",")]
        shared: list[str] = []
        parameters.update(dict.fromkeys(names, shared))
        return names[0]
    if current and section in ("google", "numpy", "rest"):
        parameters[current].append(line)
    return current
