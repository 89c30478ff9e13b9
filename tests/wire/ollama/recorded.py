"""Recorded exchanges with a vendor, where they are at hand."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("DRAGOMAN_CASSETTES") or Path(__file__).parents[4] / "shared" / "cassettes")
Exchange = dict[str, Any]


@cache
def exchanges(name: str) -> tuple[Exchange, ...]:
    """The exchanges of one recording."""
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def cases(*names: str) -> list[Any]:
    """Every exchange as a case; where the recordings are not at hand, one that is skipped and says so."""
    if not FOLDER.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no recordings at {FOLDER}; DRAGOMAN_CASSETTES names their folder"))]
    return [pytest.param(one, id=one["id"]) for name in names for one in exchanges(name)]
