"""Responses: the free text of a custom tool's call as the arguments of a function with one string, and back.

Sources: https://developers.openai.com/api/docs/guides/function-calling#custom-tools and OpenAI's SDK 3.52, read 2026-11-21. A custom tool
takes any text, or such as a grammar allows; everywhere else a tool takes a JSON object. So to us the tool is a function of one string,
``{"input": "…"}``. Text is told as it comes, in both directions; what a model writes in another form is understood at its end.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.payload import dump, is_complete, try_object

FIELD: Final = "input"
BEGINS: Final = '{"' + FIELD + '":"'
ENDS: Final = '"}'

_OPENING: Final = re.compile(r'\s*\{\s*"' + FIELD + r'"\s*:\s*"')
_WHOLE: Final = re.compile(r'[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*')
"""Letters and complete escapes, up to the string's end or to an escape that is cut."""
_ESCAPE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_CLOSING: Final = re.compile(r'"\s*\}\s*$')
_LONGEST_OPENING: Final = 64
"""A model that writes blanks before the text writes few."""
_HIGH_HALF: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SYNTAXES: Final = {"lark": "this Lark grammar", "regex": "this regular expression"}


def schema(form: Json) -> JsonObject:
    """The schema of a function that takes the text, with what ``format`` asks of it in words: others cannot hold a model to a grammar."""
    told = "The tool's input: free text, as it is, and not JSON."
    match form:
        case {"type": "grammar", "syntax": str(syntax), "definition": str(definition)}:
            told += f" It follows {_SYNTAXES.get(syntax, syntax)}:\n{definition}"
    text: JsonObject = {"type": "string", "description": told}
    return {"type": "object", "properties": {FIELD: text}, "required": [FIELD], "additionalProperties": False}


def escaped(text: str) -> str:
    """``text`` as it stands between the quotes of a JSON string."""
    return dump(text).decode()[1:-1]


def as_arguments(text: str) -> str:
    return BEGINS + escaped(text) + ENDS


def as_text(arguments: str) -> str:
    """The text in a whole call's arguments."""
    reader = FreeText()
    return reader.feed(arguments) + reader.end()


class FreeText:
    """What of a call's arguments is the text, as they come."""

    def __init__(self) -> None:
        self._held = ""
        self._other: list[str] = []
        """All of arguments that do not begin with the text."""
        self._is_inside = self._is_over = False

    def feed(self, piece: str) -> str:
        """The text that ``piece`` completes."""
        if self._is_over:
            return ""
        if self._other:
            self._other.append(piece)
            return ""
        self._held += piece
        return self._take() if self._is_inside or self._enter() else ""

    def end(self) -> str:
        """The rest of the text: all of it where the arguments were of another form, and what is left of one that is cut or ill formed."""
        if self._is_over:
            return ""
        if self._is_inside:
            return _unescaped(_CLOSING.sub("", self._held))
        return _of_another_form("".join(self._other) or self._held)

    def _enter(self) -> bool:
        opening = _OPENING.match(self._held)
        if opening is not None:
            self._held = self._held[opening.end() :]
            self._is_inside = True
        elif len(self._held) > _LONGEST_OPENING:
            self._other.append(self._held)
        return self._is_inside

    def _take(self) -> str:
        found = _WHOLE.match(self._held)
        end = found.end() if found else 0
        self._is_over = self._held[end : end + 1] == '"'
        half = None if self._is_over else _HIGH_HALF.search(self._held[:end])
        if half is not None:
            end = half.start()
        text, self._held = self._held[:end], self._held[end:]
        return _unescaped(text)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(escape: re.Match[str]) -> str:
    kind = escape[0][1]
    if len(escape[0]) == 2:
        return _LETTERS.get(kind, escape[0] if kind == "u" else kind)
    units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in escape[0].split("\\u")[1:])
    return units.decode("utf-16-be", "replace")


def _of_another_form(arguments: str) -> str:
    """The text in arguments that do not begin with it: the one string of an object, a JSON string, or what was written without any JSON."""
    told = try_object(arguments.encode())
    if told is not None:
        texts = [value for value in (told.get(FIELD), *told.values()) if isinstance(value, str)]
        return texts[0] if texts else arguments if told else ""
    inside = arguments.strip()
    return _unescaped(inside[1:-1]) if inside.startswith('"') and is_complete(inside) else arguments
