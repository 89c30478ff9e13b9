"""Hidden reasoning: any text through base64 and back."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.bedrock_converse.redacted import decode_redacted, encode_redacted, join_redacted
from tests.wire.strategies import MODEST

MARKED = base64.b64encode(b"\0dragoman:\xff").decode()


@MODEST
@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_any_text_comes_back_from_base64(text: str) -> None:
    told = encode_redacted(text)
    base64.b64decode(told, validate=True)
    assert decode_redacted(told) == text


@MODEST
@given(st.binary().filter(lambda data: not data.startswith(b"\0dragoman:")))
def test_base64_that_does_not_look_marked_is_carried_as_it_is(data: bytes) -> None:
    told = base64.b64encode(data).decode()
    assert encode_redacted(told) == told


@pytest.mark.parametrize("told", ["no base64", MARKED])
def test_what_cannot_be_read_is_left_as_it_is(told: str) -> None:
    assert decode_redacted(told) == told


def test_text_that_looks_marked_is_told_apart() -> None:
    marked = base64.b64encode(b"\0dragoman:x").decode()
    assert decode_redacted(encode_redacted(marked)) == marked


def test_pieces_are_joined_as_bytes_or_else_as_text() -> None:
    assert join_redacted(["AQ==", "Ag=="]) == "AQI="
    assert join_redacted(["AQ==", "?"]) == "AQ==?"
