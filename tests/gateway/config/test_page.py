"""The page of dragoman.toml is what its script makes of the Structs, and leaves no field without words."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dragoman.gateway.config import tables as config

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "dragoman-toml.md"
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make-config-page.py"))


def test_the_page_is_what_the_script_prints() -> None:
    assert PAGE.read_text("utf-8") == SCRIPT["page"](), "make it anew: python scripts/make-config-page.py > docs/reference/dragoman-toml.md"


@pytest.mark.parametrize(
    "table", [table for table in SCRIPT["TABLES"] if table.__module__ == config.__name__ and table is not config.Config]
)
def test_every_field_has_words(table: type) -> None:
    assert set(SCRIPT["words_of"](table)) == set(table.__struct_fields__)  # type: ignore[attr-defined]  # a Struct's
