"""A value for a schema: it fits, is the same each time, and every schema has an end."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest

import dragoman
from dragoman.emulator import Emulator
from dragoman.emulator.sample import sample

NODE: dict[str, Any] = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]}
TREE: dict[str, Any] = {"type": "object", "properties": {"in": {"type": "array", "items": {"$ref": "#"}}}, "required": ["in"]}
CASES: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string"}, "text"),
    ({"type": "string", "minLength": 6}, "text.."),
    ({"type": "string", "maxLength": 2}, "te"),
    ({"type": "string", "format": "date"}, "2026-01-01"),
    ({"type": "integer", "minimum": 3}, 3),
    ({"type": "integer", "exclusiveMinimum": 3}, 4),
    ({"type": "number", "maximum": -1}, -1),
    ({"type": "boolean"}, False),
    ({"type": ["null", "string"]}, None),
    ({"enum": ["yes", "no"]}, "yes"),
    ({"const": 7}, 7),
    ({"type": "array", "items": {"type": "integer"}}, [0]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2}, ["text", 0]),
    ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}}, 0),
    ({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]}, {"b": "text"}),
]


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_each_kind_has_its_value_and_it_fits(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema) == value
    jsonschema.validate(value, schema)


@pytest.mark.parametrize("schema", [NODE, TREE], ids=["node", "tree"])
def test_a_schema_that_holds_itself_has_an_end(schema: dict[str, Any]) -> None:
    jsonschema.validate(sample(schema), schema)


@pytest.mark.parametrize("schema", [{}, {"$ref": "#"}, {"$ref": "#/nowhere"}, {"type": "odd"}, {"type": []}, {"anyOf": [True]}])
def test_what_is_not_understood_is_no_value(schema: dict[str, Any]) -> None:
    assert sample(schema) is None


@dataclasses.dataclass
class River:
    name: str
    length_km: float
    countries: list[str]
    kind: Literal["stream", "river"]


@pytest.mark.parametrize("model", ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "cohere/command-a-03-2025"])
def test_who_asks_an_emulator_for_a_type_gets_a_value_of_it(model: str) -> None:
    provider = model.partition("/")[0]
    with Emulator(provider) as emulator, dragoman.Client(base_urls={provider: emulator.url()}, keys={provider: "any"}) as client:
        assert client.complete(model, "Describe the Rhine.", into=River).value == River("text", 0, ["text"], "river")
        told = '{"name": "Rhine", "length_km": 1233, "countries": [], "kind": "river"}'
        assert client.complete(model, told, into=River).value == River("Rhine", 1233, [], "river")
