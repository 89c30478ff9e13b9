"""Newline-delimited JSON: a value a line, blank lines ignored, the last line's end optional."""

from __future__ import annotations

import pytest

from dragoman.wire.ndjson import JsonLines, encode_line

from .splits import splittings

CASES: dict[str, tuple[bytes, list[bytes]]] = {
    "a value a line": (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    "CRLF": (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
    "blank lines": (b'\n\n{"a":1}\n \t\n\r\n{"b":2}\n\n', [b'{"a":1}', b'{"b":2}']),
    "no last line end": (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
    "blanks after the last line": (b'{"a":1}\n  ', [b'{"a":1}']),
    "letters of several bytes": ('{"a":"größe 河 🌊"}\n'.encode(), ['{"a":"größe 河 🌊"}'.encode()]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("case", CASES)
def test_lines_are_the_same_however_the_bytes_are_split(case: str) -> None:
    data, lines = CASES[case]
    for pieces in splittings(data):
        parser = JsonLines()
        frames = [frame for piece in pieces for frame in parser.feed(piece)] + list(parser.close())
        assert frames == [("", line) for line in lines]


def test_line_is_written_with_its_end() -> None:
    assert encode_line(b'{"a":1}') == b'{"a":1}\n'
