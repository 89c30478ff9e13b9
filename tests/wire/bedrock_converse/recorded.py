"""Recorded exchanges with the vendor, where they are at hand, and what to leave aside when two bodies are compared."""

from __future__ import annotations

import base64
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


def bytes_of(exchange: Exchange) -> bytes:
    """The body of the answer."""
    answer = exchange["response"]
    return base64.b64decode(answer["body_b64"]) if "body_b64" in answer else answer["body"].encode()


def uncut(value: Any, name: str = "") -> Any:
    """A recorded body, with a word of base64 where the recording cut long data off."""
    if isinstance(value, dict):
        return {key: uncut(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [uncut(inner) for inner in value]
    return "QUJD" if name == "bytes" and isinstance(value, str) and value.endswith("chars cut]") else value


def canonical_request(body: Any) -> Any:
    """What the wire says in several ways, in one: the form in which a request is written.

    Objects and lists that hold nothing are said by saying nothing, and the text of a schema has no blanks.
    """
    body = {name: value for name, value in body.items() if value not in ({}, [])}
    schema = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    if schema:
        schema["schema"] = json.loads(schema["schema"])
    return body
