"""Recorded traffic of real providers, where it is at hand.

The recordings are other projects' test data and not part of this one. They are looked for in the folder that ``DRAGOMAN_CASSETTES`` names,
else beside the project; their form is told in that folder's README.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "cassettes"
FOLDER = Path(os.environ.get("DRAGOMAN_CASSETTES") or BESIDE)
ABSENT = f"no recordings in {FOLDER}; DRAGOMAN_CASSETTES names the folder that has them"
CUT = "chars cut]"
"""How the recordings mark a text that they shortened."""
BASE64_FIELDS = frozenset({"data", "bytes", "file_data"})


@dataclass(frozen=True)
class Recording:
    """One exchange. ``asked`` is the request's JSON, ``told`` the answer's bytes."""

    id: str
    provider: str
    asked: Any
    status: int
    told: bytes


Exchange = dict[str, Any]


@cache
def exchanges(pattern: str) -> tuple[Exchange, ...]:
    """All exchanges of the files that match ``pattern`` (such as ``*.chat.stream``) as they stand there, none without the folder."""
    found: list[Exchange] = []
    for path in sorted(FOLDER.glob(f"{pattern}.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found.extend(json.loads(line) for line in lines)
    return tuple(found)


def cases(*patterns: str) -> list[Any]:
    """Every exchange as a case; where there are no recordings, one that is not run (see ``tests/conftest.py``)."""
    if not FOLDER.is_dir():
        return [pytest.param(None, marks=pytest.mark.recorded)]
    return [pytest.param(one, id=one["id"]) for pattern in patterns for one in exchanges(pattern)]


@cache
def recordings(pattern: str) -> tuple[Recording, ...]:
    """The same in another form."""
    return tuple(_recording(told) for told in exchanges(pattern))


def uncut(value: Any, name: str = "") -> Any:
    """A recorded body, with a word of base64 where the recording cut long data off; texts stay as they are."""
    if isinstance(value, dict):
        return {key: uncut(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [uncut(inner) for inner in value]
    if isinstance(value, str) and value.endswith(CUT):
        return value.partition(",")[0] + ",QUJD" if value.startswith("data:") else "QUJD" if name in BASE64_FIELDS else value
    return value


def _recording(told: Exchange) -> Recording:
    response, provider = told["response"], told["id"].partition("-chat-")[0]
    body = response.get("body")
    data = base64.b64decode(response["body_b64"]) if body is None else body.encode()
    return Recording(told["id"], provider, told["request"].get("body"), response["status"], data)


def ids(pattern: str) -> list[str]:
    return [one.id for one in recordings(pattern)]


def by_id(pattern: str, name: str) -> Recording:
    return next(one for one in recordings(pattern) if one.id == name)
