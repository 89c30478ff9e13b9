"""What is written as TOML is read as what it was."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.gateway.config.toml_text import toml_key, toml_table, toml_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(TEXTS, VALUES)
def test_a_value_comes_back(name: str, value: Any) -> None:
    assert tomllib.loads(f"{toml_key(name)} = {toml_value(value)}") == {name: value}


@given(TEXTS, TEXTS, TEXTS)
def test_a_table_comes_back(outer: str, inner: str, value: str) -> None:
    assert tomllib.loads(toml_table((outer, inner), {"a": value})) == {outer: {inner: {"a": value}}}


def test_what_is_not_told_is_left_out() -> None:
    assert toml_table(("keys", "web"), {"hash": None, "models": [], "quirks": {}, "hidden": False}) == "[keys.web]\nhidden = false\n"


@pytest.mark.parametrize("count", [2, 20])
def test_a_long_list_has_a_line_for_each_entry(count: int) -> None:
    text = toml_value(["openai/gpt-4.1"] * count)
    assert text.count("\n") == (0 if count == 2 else count + 1)
