"""Reads that are one element of the array each, which the vendor's are: taken in a few steps, and never otherwise than letter by letter."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadReply
from dragoman.wire.gemini.framing import END, JsonArray
from dragoman.wire.sse import STRAY
from tests.wire.splits import single_bytes
from tests.wire.steps import steps
from tests.wire.strategies import MODEST

TOKENS = (
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b",", b" ", b"a", b"\r\n", b"\\\\", b'\\"', b",\r\n", b"\\n"),
    *(b'{"a":1}', b'{"x":[{"y":"\\""}]}', b'{"z":"\\\\"}', b'{"}":"]"}', b"{}"),
)
reads = st.lists(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=7).map(b"".join), min_size=1, max_size=5)


def told(pieces: Iterable[bytes]) -> tuple[list[bytes], bytes, bool, str | None]:
    """The elements; what stands between them, but for commas and blanks; whether the array was closed; what was refused."""
    framing = JsonArray(max_element_bytes=40)
    elements, stray, is_closed = [], b"", False
    try:
        for piece in pieces:
            for name, body in framing.feed(piece):
                elements += [] if name else [body]
                stray += body.translate(None, b" \t\r\n,") if name == STRAY else b""
                is_closed = is_closed or name == END
    except BadReply as refusal:
        return elements, stray, is_closed, refusal.message
    return elements + [body for _, body in framing.close()], stray, is_closed, None


@MODEST
@given(st.sampled_from([b"", b"["]), reads)
def test_reads_are_taken_as_if_letter_by_letter(start: bytes, pieces: list[bytes]) -> None:
    assert told([start, *pieces]) == told(single_bytes(start + b"".join(pieces)))


def work(element: bytes) -> int:
    framing = JsonArray()
    assert list(framing.feed(b'[{"a":1}')) == [("", b'{"a":1}')]
    return steps(lambda: list(framing.feed(b",\r\n" + element)))


@pytest.mark.parametrize("text", [b"a", b'\\"\\n\\\\', "Rhône 🌊 {[".encode()])
def test_read_of_one_element_takes_as_many_steps_however_long_it_is(text: bytes) -> None:
    def element(count: int) -> bytes:
        return b'{"parts":[' + b",".join([b'{"text":"%b"}' % text] * count) + b"]}"

    assert work(element(100)) == work(element(1))


def test_work_grows_with_the_depth_and_no_faster() -> None:
    def element(depth: int) -> bytes:
        return b'{"a":' * depth + b"1" + b"}" * depth

    assert work(element(800)) < 2.1 * work(element(400))
