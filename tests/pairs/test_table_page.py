"""The page of dialects is what its data says, and each of its marks names a test that is there."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from dragoman.wire.operations import MODULES

from .answers import ASPECTS
from .features import FEATURES
from .table import DIALECTS


def script() -> ModuleType:
    """The generator, which is a program and no module of a package."""
    from pathlib import Path

    path = Path(__file__).parents[2] / "scripts" / "make-dialect-table.py"
    spec = importlib.util.spec_from_file_location("make_dialect_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = script()
DATA: dict[str, Any] = MAKER.load()


def test_page_is_up_to_date() -> None:
    assert MAKER.PAGE.read_text() == MAKER.page()


def test_every_test_that_a_mark_names_is_there() -> None:
    assert MAKER.missing_tests() == []


def test_capabilities_are_features_or_aspects_and_every_dialect_has_its_section() -> None:
    assert tuple(DATA["dialects"]) == DIALECTS
    for rule in DATA["capabilities"].values():
        assert rule.get("request") in FEATURES or rule.get("answer") in ASPECTS


def test_every_operation_has_its_row() -> None:
    assert set(DATA["operations"]) == set(MODULES.values()), "docs/reference/capabilities.toml says who has checked each of them"
    assert all(all(told.values()) for told in DATA["operations"].values())


def test_every_cell_has_a_mark_or_a_reason() -> None:
    for name in DIALECTS:
        for capability, rule in DATA["capabilities"].items():
            assert all(MAKER.row(capability, rule, name, DATA)), (name, capability)


@pytest.mark.recorded
@pytest.mark.parametrize("name", [name for name in DIALECTS if "recordings" in DATA["dialects"][name]])
def test_what_counts_as_checked_by_recordings_occurs_in_them(name: str) -> None:
    told = DATA["dialects"][name]
    seen = MAKER.seen_in(name, told["recordings"])
    assert set(told["cassettes"]) == set(seen)
    assert told["exchanges"] == len(MAKER.recorded(told["recordings"]))
