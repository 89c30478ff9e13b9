"""Any value has words."""

from __future__ import annotations

from typing import Any

from dragoman.core.words import MAX_CHARACTERS, in_words


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_value_is_shown_as_python_writes_it_and_cut_where_it_is_long() -> None:
    assert in_words({"a": "b"}) == "{'a': 'b'}"
    assert in_words("x" * 5000) == "'" + "x" * (MAX_CHARACTERS - 1) + "…"


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert in_words(deep) == "a list that cannot be shown"
    assert in_words(Broken()) == "a Broken that cannot be shown"
    assert in_words(10**5000) == "an integer of 16610 bits"
