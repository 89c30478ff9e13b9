"""Heads of answers: nothing that a program puts into a field ends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.exchange import Headers
from dragoman.server.head import Openings, write_head

OPENING = b"HTTP/1.1 200 OK\r\n"


def fields(headers: Headers, framing: bytes = b"") -> list[str]:
    head = write_head(OPENING, headers, framing)
    assert head.startswith(OPENING)
    assert head.endswith(b"\r\n\r\n")
    return head.decode("latin-1")[len(OPENING) : -4].split("\r\n") if head[len(OPENING) :] != b"\r\n" else []


def test_a_head_is_its_opening_its_fields_and_what_the_server_adds() -> None:
    assert (
        write_head(OPENING, (("a", "b"), ("c", "é")), b"content-length: 0\r\n") == OPENING + b"a: b\r\nc: \xe9\r\ncontent-length: 0\r\n\r\n"
    )


@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r", "\0", "\r\n\r\n", "\n\n"])
def test_what_would_end_a_field_becomes_spaces(breaking: str) -> None:
    value = f"one{breaking}set-cookie: two"
    assert fields((("x", value), ("y", "z"))) == [f"x: one{' ' * len(breaking)}set-cookie: two", "y: z"]


@pytest.mark.parametrize("name", ["x\r\ny", "x\n", "\0", "x: y\r"])
def test_a_name_that_would_end_a_field_is_left_out(name: str) -> None:
    assert fields(((name, "a"), ("y", "z"))) == ["y: z"]


@pytest.mark.parametrize("name", ["connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"])
def test_what_the_server_says_itself_a_program_does_not_say(name: str) -> None:
    assert fields(((name, "a"), ("y", "z"))) == ["y: z"]
    assert fields(((name, "a\r\nb"), ("y", "z\n"))) == ["y: z "]


def test_letters_that_a_head_cannot_hold_are_replaced() -> None:
    assert fields((("x", "日本 ĊĀ"),)) == ["x: ?? ??"]


@given(st.lists(st.tuples(st.text(), st.text())))
def test_no_field_becomes_two(headers: list[tuple[str, str]]) -> None:
    seen = fields(tuple(headers), b"content-length: 0\r\n")
    assert len(seen) <= len(headers) + 1
    assert seen[-1] == "content-length: 0"
    assert not any(set("\r\n\0") & set(line) for line in seen)


def test_a_status_without_a_name_has_a_line_too() -> None:
    openings = Openings(lambda: 0.0)
    assert openings[200] == b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    assert openings[529].startswith(b"HTTP/1.1 529 Status\r\n")
    assert Openings(lambda: 0.0, "Played")[529].startswith(b"HTTP/1.1 529 Played\r\n")
