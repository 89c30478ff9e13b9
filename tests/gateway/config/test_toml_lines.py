"""The lines that are found are those on which things stand, in every form that TOML has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.gateway.config.toml_lines import Place, lines_of

EVERYTHING = '''\
# a comment = "with a key"
listen = "127.0.0.1:4000" # behind
"quoted key" = 'literal # no comment'
a . "b.c" .d = 1

[providers.openai]
key = """
[not.a.table]
no_key = 1 \\""" still
"""
models = [
  "one", # [comment]
  "two",

  { name = "three", deep = [1, [2,
     3]] },
]
when = 1979-05-27 07:32:00
text = """""quoted"""""
lit = \'\'\'
'' ] \'\'\'

  [models."gpt-4.1"]
  targets = ["a/b"]
[models.'*']
[[answers]]
text = "x"
[answers.usage]
n = 1
[[answers]]
[[answers.calls]]
name = "y"
'''


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place of a value that ``tomllib`` read."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*at, key)
        yield from places(one, (*at, key))


def test_every_value_has_its_line() -> None:
    lines = lines_of(EVERYTHING)
    told = tomllib.loads(EVERYTHING)
    expected = {
        ("listen",): 2,
        ("quoted key",): 3,
        ("a",): 4,
        ("a", "b.c", "d"): 4,
        ("providers", "openai"): 6,
        ("providers", "openai", "key"): 7,
        ("providers", "openai", "models"): 11,
        ("providers", "openai", "models", 1): 13,
        ("providers", "openai", "models", 2, "name"): 15,
        ("providers", "openai", "models", 2, "deep", 1, 1): 16,
        ("providers", "openai", "when"): 18,
        ("providers", "openai", "lit"): 20,
        ("models", "gpt-4.1", "targets", 0): 24,
        ("models", "*"): 25,
        ("answers",): 26,
        ("answers", 0, "text"): 27,
        ("answers", 0, "usage", "n"): 29,
        ("answers", 1): 30,
        ("answers", 1, "calls", 0, "name"): 32,
    }
    assert {place: lines[place] for place in expected} == expected
    whole = {place for place in places(told) if place not in {("providers",), ("models",)}}  # these stand nowhere by themselves
    assert whole <= set(lines)
    assert not set(lines) - set(places(told))


def test_line_ends_of_another_system_count_once() -> None:
    assert lines_of(EVERYTHING.replace("\n", "\r\n")) == lines_of(EVERYTHING)


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n", "a=1", "[a]", "a = []", "a = {}", "a = [[], {}]"])
def test_little_is_read_too(text: str) -> None:
    assert set(lines_of(text)) == set(places(tomllib.loads(text)))


NAMES = st.sampled_from(["a", "b-c", '"d.e"', "'f'", '"g \\" ]"', "7"])
SCALARS = st.sampled_from(["1", "1.5", "true", '"x # ]"', "'}'", '"""a\n]\n"""', "'''\n[b]\n'''", "2026-11-21", "inf", '"\\\\"'])
BREAKS = st.sampled_from(["", " ", "\n", " # c ]\n"])


def listed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(inner, max_size=3), BREAKS).map(lambda told: "[" + f",{told[1]}".join(told[0]) + told[1] + "]")


def inlined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.dictionaries(NAMES, inner, max_size=3).map(lambda told: "{" + ", ".join(f"{key} = {one}" for key, one in told.items()) + "}")


VALUES = st.recursive(SCALARS, lambda inner: listed(inner) | inlined(inner), max_leaves=6)
TABLES = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda told: "".join(f"{key} = {one}\n" for key, one in told.items()))
FILES = st.tuples(TABLES, st.dictionaries(NAMES.map(lambda name: f"t.{name}"), TABLES, max_size=3)).map(
    lambda told: told[0] + "".join(f"[{name}]\n{table}" for name, table in told[1].items())
)


@given(FILES)
def test_all_that_tomllib_reads_is_found_and_nothing_else(text: str) -> None:
    found = lines_of(text)
    assert set(found) | {("t",)} == set(places(tomllib.loads(text))) | {("t",)}
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
