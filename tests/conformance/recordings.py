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

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "cassettes"
FOLDER = Path(os.environ.get("DRAGOMAN_CASSETTES") or BESIDE)
ABSENT = f"no recordings in {FOLDER}; DRAGOMAN_CASSETTES names the folder that has them"
CUT = "chars cut]"
"""How the recordings mark a text that they shortened."""


@dataclass(frozen=True)
class Recording:
    """One exchange. ``asked`` is the request's JSON, ``told`` the answer's bytes."""

    id: str
    provider: str
    asked: Any
    status: int
    told: bytes

    @property
    def was_shortened(self) -> bool:
        return CUT in json.dumps(self.asked)


@cache
def recordings(pattern: str) -> tuple[Recording, ...]:
    """All exchanges of the files that match ``pattern`` (such as ``*.chat.stream``), none where the folder is absent."""
    found: list[Recording] = []
    for path in sorted(FOLDER.glob(f"{pattern}.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found.extend(_recording(path.name.split(".")[0], json.loads(line)) for line in lines)
    return tuple(found)


def _recording(provider: str, told: Any) -> Recording:
    response = told["response"]
    body = response.get("body")
    data = base64.b64decode(response["body_b64"]) if body is None else body.encode()
    return Recording(told["id"], provider, told["request"].get("body"), response["status"], data)


def ids(pattern: str) -> list[str]:
    return [one.id for one in recordings(pattern)]


def by_id(pattern: str, name: str) -> Recording:
    return next(one for one in recordings(pattern) if one.id == name)
