"""The page of all providers is what its script makes of the rows."""

from __future__ import annotations

import runpy
from pathlib import Path

from dragoman.catalogue.load import Catalogue

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "providers.md"


def test_page_is_what_the_script_prints() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "make-provider-table.py"))["page"]()
    assert PAGE.read_text("utf-8") == made, "make it anew: python scripts/make-provider-table.py > docs/reference/providers.md"


def test_page_has_every_provider() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in Catalogue().names())
