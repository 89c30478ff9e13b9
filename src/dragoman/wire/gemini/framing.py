"""Gemini: an answer's bytes to chunks, in the two forms in which the vendor streams.

With ``alt=sse`` it is an event stream; without, one JSON array whose elements come one by one (``[{…}``, ``,\\r\\n{…}``, ``]``). An error
may come as a bare object in either. Each form shows itself by its first letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.core.errors import BadReply
from dragoman.wire.lines import MAX_LINE_BYTES
from dragoman.wire.sse import STRAY, EventStream, Frame

END: Final = "\0end"
"""The name of the frame that tells that the array is closed; no event can have it."""

_BLANKS: Final = b" \t\r\n"
_BETWEEN: Final = _BLANKS + b","
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')
_STRUCTURE: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+[{}\[\]]', re.S)
"""Up to and with the next letter of structure, over whole strings. Nothing here goes back over what it took, so time is linear."""
_OPEN_STRING: Final = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+"(?:[^"\\]++|\\.)*+(\\?)', re.S)
"""What ends inside a string, perhaps inside an escape."""
_STRING_REST: Final = re.compile(rb'(?:[^"\\]++|\\.)*+(["\\]?)', re.S)
"""A string from its midst to its end, or as far as it goes."""
_BRACES: Final = bytes.maketrans(b"[]", b"{}")
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b"{}[]"))
_DEEPEST: Final = 16
"""How far down ``_is_one`` looks; what is deeper it leaves to be scanned, so that its time stays linear."""


def _is_one(text: bytes) -> bool:
    """Whether ``text`` is one object and no more, by its structure: pairs of braces are taken out until none is left within the first."""
    if text[:1] != b"{" or text[-1:] != b"}":
        return False
    outside = _outside_strings(text)
    if outside is None:
        return False
    inside = outside.translate(_BRACES, _NO_STRUCTURE)[1:-1]
    for _ in range(_DEEPEST):
        if not inside:
            return True
        inside = inside.replace(b"{}", b"")
    return False


def _outside_strings(text: bytes) -> bytes | None:
    """What stands outside of strings; ``None`` where a string is open at the end, or where it takes more than a few steps to tell."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"\\/").replace(b'\\"', b"\\/")  # escapes all the same, and none with a quote
    pieces = text.split(b'"')
    outside = b"".join(pieces[::2])
    return outside if len(pieces) % 2 and b"\\" not in outside else None


class JsonArray:
    """Cuts a JSON array that grows into its elements, in linear time; an object in place of the array is its only element.

    Objects alone are elements. What stands outside of them, but for commas and blanks, is given out as ``STRAY``.
    """

    def __init__(self, max_element_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_element_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._in_array = False
        self._closed = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Elements completed by ``data``, lazily, so that those before a fault are had before it is raised."""
        if self._in_array and not self._depth and not self._closed:
            element = data.strip(_BETWEEN)
            if len(element) <= self._max and _is_one(element):  # as nearly every read is
                yield "", element
                return
        place = 0
        while place < len(data) and not self._closed:
            if self._depth:
                end = self._scan(data, place)
                self._keep(data[place:end])
                place = end
                if not self._depth:
                    yield "", self._take()
            else:
                found = _OUTSIDE.search(data, place)
                between = data[place : found.start() if found else len(data)].strip(_BETWEEN)
                if between:
                    yield STRAY, between
                place = found.start() if found else len(data)
                if found:
                    yield from self._enter(data[place : place + 1])
                    place += not self._depth

    def close(self) -> Iterator[Frame]:
        """What stands at the end without its own end."""
        if self._depth:
            yield "", self._take()

    def _enter(self, letter: bytes) -> Iterator[Frame]:
        """A letter of structure between elements. The brace that opens an element is left to be scanned with it."""
        if letter == b"{":
            self._depth = -1
        elif letter == b"[" and not self._in_array:
            self._in_array = True
        elif letter == b"]" and self._in_array:
            self._closed = True
            yield END, b""
        else:
            yield STRAY, letter

    def _scan(self, data: bytes, place: int) -> int:
        """Where in ``data`` the element under way ends, or the data's end."""
        self._depth = max(0, self._depth)
        while True:
            if self._in_string:
                place = self._leave_string(data, place)
            found = _STRUCTURE.match(data, place)
            if found is None:
                break
            place = found.end()
            self._depth += 1 if data[place - 1] in b"{[" else -1
            if not self._depth:
                return place
        tail = _OPEN_STRING.fullmatch(data, place)
        if tail is not None:
            self._in_string, self._escaped = True, bool(tail.group(1))
        return len(data)

    def _leave_string(self, data: bytes, place: int) -> int:
        """Where the string under way ends, or the data's end."""
        if self._escaped:
            self._escaped = False
            place += 1
        found = _STRING_REST.match(data, place)
        if found is None:
            return len(data)
        self._in_string = found.group(1) != b'"'
        self._escaped = found.group(1) == b"\\"
        return found.end()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise BadReply(f"an element of the answer is longer than {self._max} bytes")
        self._pieces.append(piece)

    def _take(self) -> bytes:
        element = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return element


class Chunks:
    """An event stream or a growing array, whichever comes."""

    def __init__(self) -> None:
        self._framing: EventStream | JsonArray | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        if self._framing is None:
            data = data.lstrip(_BLANKS)
            if not data:
                return
            self._framing = JsonArray() if data[:1] in (b"[", b"{") else EventStream()
        yield from self._framing.feed(data)

    def close(self) -> Iterator[Frame]:
        if self._framing is not None:
            yield from self._framing.close()
