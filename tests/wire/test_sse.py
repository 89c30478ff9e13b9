"""The event-stream rules of WHATWG's HTML standard, one by one, and what this parser adds to them."""

from __future__ import annotations

import pytest

from dragoman.core.errors import BadReply
from dragoman.wire.sse import STRAY, EventStream, Frame, encode_event

from .splits import splittings

BOM = b"\xef\xbb\xbf"

RULES: dict[str, tuple[bytes, list[Frame]]] = {
    "a blank line dispatches": (b"data: a\n\ndata: b\n\n", [("", b"a"), ("", b"b")]),
    "LF ends a line": (b"data: a\n\n", [("", b"a")]),
    "CR ends a line": (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
    "CRLF ends one line, not two": (b"data: a\r\ndata: b\r\n\r\n", [("", b"a\nb")]),
    "the three line ends may be mixed": (b"data: a\r\ndata: b\ndata: c\r\r\ndata: d\n\r\n", [("", b"a\nb\nc"), ("", b"d")]),
    "LF then CR is two line ends": (b"data: a\n\rdata: b\n\n", [("", b"a"), ("", b"b")]),
    "a leading byte order mark is dropped": (BOM + b"data: a\n\n", [("", b"a")]),
    "only one byte order mark is dropped": (BOM + BOM + b"data: a\n\n", [(STRAY, BOM + b"data: a")]),
    "a byte order mark before a comment is dropped": (BOM + b": hi\ndata: a\n\n", [("", b"a")]),
    "a byte order mark alone on its line is nothing": (BOM + b"\ndata: a\n\n", [("", b"a")]),
    "a byte order mark further on is data of its line": (b"data: a\n\n" + BOM + b"data: b\n\n", [("", b"a"), (STRAY, BOM + b"data: b")]),
    "a byte order mark after a blank first line is no mark": (b"\n" + BOM + b"data: b\n\n", [(STRAY, BOM + b"data: b")]),
    "a byte order mark inside data is data": (b"data: " + BOM + b"\n\n", [("", BOM)]),
    "a line that begins with a colon is a comment": (b": ping\ndata: a\n:\n:data: no\n\n", [("", b"a")]),
    "data lines of one event are joined by LF": (b"data: a\ndata: b\ndata: c\n\n", [("", b"a\nb\nc")]),
    "one blank after the colon is dropped": (b"data: a\ndata:b\ndata:  c\ndata:\td\n\n", [("", b"a\nb\n c\n\td")]),
    "blanks at the end of a value stay": (b"data: a  \n\n", [("", b"a  ")]),
    "a colon in the value stays": (b"data: a: b:c\n\n", [("", b"a: b:c")]),
    "an empty data line dispatches an empty event": (b"data:\n\n", [("", b"")]),
    "data without a colon is an empty data line": (b"data\n\n", [("", b"")]),
    "two empty data lines make one LF": (b"data\ndata\n\n", [("", b"\n")]),
    "an event has the name told last": (b"event: x\nevent: add\ndata: a\n\n", [("add", b"a")]),
    "the name may come after the data": (b"data: a\nevent: add\n\n", [("add", b"a")]),
    "a name holds for one event": (b"event: add\ndata: a\n\ndata: b\n\n", [("add", b"a"), ("", b"b")]),
    "a name without data dispatches nothing and is forgotten": (b"event: add\n\ndata: b\n\n", [("", b"b")]),
    "event without a colon has an empty name": (b"event: add\nevent\ndata: a\n\n", [("", b"a")]),
    "a name is UTF-8": ("event: größe\ndata: a\n\n".encode(), [("größe", b"a")]),
    "a name that is no UTF-8 is read with replacement": (b"event: \xff\ndata: a\n\n", [("\ufffd", b"a")]),
    "a name with NUL is ignored": (b"event: \0stray\ndata: a\n\n", [("", b"a")]),
    "id and retry are read over": (b"id: 1\nretry: 10\nid\nretry\ndata: a\n\n", [("", b"a")]),
    "several blank lines dispatch once": (b"\n\n\ndata: a\n\n\n\n", [("", b"a")]),
    "field names are exact": (b"Data: a\n\n", [(STRAY, b"Data: a")]),
    "a blank before a field name is part of it": (b" data: a\n\n", [(STRAY, b" data: a")]),
    "the words data: and [DONE] in data are data": (b"data: data: [DONE]\ndata: : x\n\n", [("", b"data: [DONE]\n: x")]),
    "invalid UTF-8 in data passes as it is": (b"data: \xff\xfe\n\n", [("", b"\xff\xfe")]),
    "NUL in data passes": (b"data: a\0b\n\n", [("", b"a\0b")]),
    "a line separator of Unicode ends no line": ("data: a\u2028b\u0085c\n\n".encode(), [("", "a\u2028b\u0085c".encode())]),
    "vertical tab and form feed end no line": (b"data: a\x0bb\x0cc\n\n", [("", b"a\x0bb\x0cc")]),
    "ours: an event without its blank line is given at the end": (b"data: a\n\ndata: b\n", [("", b"a"), ("", b"b")]),
    "ours: nor needs the last line its end": (b"data: a\n\nevent: e\ndata: b", [("", b"a"), ("e", b"b")]),
    "ours: a last line ended by CR": (b"data: a\r", [("", b"a")]),
    "ours: a last data line without colon": (b"data", [("", b"")]),
    "ours: a line that is no field is given out": (b"<html>\ndata: a\n\n", [(STRAY, b"<html>"), ("", b"a")]),
    "ours: an unknown field is such a line": (b"color: red\ndata: a\n\n", [(STRAY, b"color: red"), ("", b"a")]),
    "ours: so is what a cut left of a field": (b"dat", [(STRAY, b"dat")]),
    "nothing gives nothing": (b"", []),
    "comments alone give nothing": (b": a\n\n: b\n\n", []),
    "a comment cut short gives nothing": (b": a", []),
}


def parse(pieces: list[bytes]) -> list[Frame]:
    stream = EventStream()
    frames = [frame for piece in pieces for frame in stream.feed(piece)]
    return frames + list(stream.close())


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds_however_the_bytes_are_split(rule: str) -> None:
    data, frames = RULES[rule]
    for pieces in splittings(data):
        assert parse(pieces) == frames, pieces


def test_event_is_given_with_the_byte_that_ends_it() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: a\n")) == []
    assert list(stream.feed(b"\n")) == [("", b"a")]


def test_carriage_return_at_the_end_of_a_read_does_not_hold_the_event_back() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: a\r\n\r")) == [("", b"a")]
    assert list(stream.feed(b"\ndata: b\r\n\r")) == [("", b"b")]
    assert list(stream.feed(b"\r")) == []
    assert list(stream.close()) == []


def test_read_of_no_bytes_between_carriage_return_and_line_feed_changes_nothing() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: a\r")) == []
    assert list(stream.feed(b"")) == []
    assert list(stream.feed(b"\ndata: b\r")) == []
    assert list(stream.feed(b"")) == []
    assert list(stream.feed(b"\n\r\n")) == [("", b"a\nb")]


def test_frames_before_an_endless_event_are_had_before_it_is_refused() -> None:
    stream = EventStream(max_line_bytes=200)
    frames = stream.feed(b"data: a\n\n" + b"data: 0123456789\n" * 20)
    assert next(frames) == ("", b"a")
    with pytest.raises(BadReply, match="an event of the answer is longer than 200 bytes"):
        next(frames)


def test_event_is_written_in_the_form_that_is_read() -> None:
    assert encode_event(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert encode_event(b"{}", "message_start") == b"event: message_start\ndata: {}\n\n"
    assert parse([encode_event(b"x", "größe")]) == [("größe", b"x")]
