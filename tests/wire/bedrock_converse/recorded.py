"""Recorded exchanges with the vendor, where they are at hand, and what to leave aside when two bodies are compared."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.conformance.recordings import Exchange


def bytes_of(exchange: Exchange) -> bytes:
    """The body of the answer."""
    answer = exchange["response"]
    return base64.b64decode(answer["body_b64"]) if "body_b64" in answer else answer["body"].encode()


def canonical_request(body: Any) -> Any:
    """What the wire says in several ways, in one: the form in which a request is written.

    Objects and lists that hold nothing are said by saying nothing, and the text of a schema has no blanks.
    """
    body = {name: value for name, value in body.items() if value not in ({}, [])}
    schema = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    if schema:
        schema["schema"] = json.loads(schema["schema"])
    return body
