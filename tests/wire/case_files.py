"""Answers written by hand, one file of bytes and one of what they say each, under ``cases/<dialect>``.

``<name>.sse`` is a streamed answer as a service would send it; ``<name>.json`` tells what it means:

``text``, ``reasoning``, ``refusal``, ``tool_calls`` (id, name, arguments), ``finish`` (our word, the vendor's), ``usage``, ``logprobs``,
``id``, ``model``, ``others`` (text and finish of further choices), each only where it is not empty; ``complete_after``, the piece of the
file with which the answer is complete though the stream be cut behind it (null where no one piece does that); or ``error`` (class,
message, retryable), then ``text`` is what had arrived before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dragoman.core.fold import Choice, Response
from dragoman.core.messages import Reasoning, Refusal, Text
from dragoman.core.usage import Usage

CASES = Path(__file__).parent / "cases"


def names(dialect: str) -> list[str]:
    return sorted(path.stem for path in (CASES / dialect).glob("*.sse"))


def answer(dialect: str, name: str) -> bytes:
    return (CASES / dialect / f"{name}.sse").read_bytes()


def meaning(dialect: str, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((CASES / dialect / f"{name}.json").read_text("utf-8"))
    return told


def good_names(dialect: str) -> list[str]:
    return [name for name in names(dialect) if "error" not in meaning(dialect, name)]


def bad_names(dialect: str) -> list[str]:
    return [name for name in names(dialect) if "error" in meaning(dialect, name)]


def complete_from(data: bytes, told: dict[str, Any]) -> int:
    """How many bytes must have come for the answer to be complete."""
    marker = told["complete_after"].encode()
    return data.index(marker) + len(marker)


def as_told(response: Response) -> dict[str, Any]:
    """``response`` in the form of a case's meaning."""
    first = response.choices[0] if response.choices else Choice()
    told = {
        "text": _joined(first, Text),
        "reasoning": _joined(first, Reasoning),
        "refusal": _joined(first, Refusal),
        "tool_calls": [[call.id, call.name, call.arguments] for call in response.tool_calls],
        "finish": [first.finish.unified, first.finish.raw] if first.finish else None,
        "usage": _usage(response.usage),
        "logprobs": [
            [one.token, one.logprob, list(one.bytes or ()), [[top.token, top.logprob] for top in one.top_logprobs]]
            for one in first.logprobs or ()
        ],
        "id": response.id,
        "model": response.model,
        "others": [[_joined(choice, Text), choice.finish.unified if choice.finish else None] for choice in response.choices[1:]],
    }
    return {name: value for name, value in told.items() if value}


def expected(told: dict[str, Any]) -> dict[str, Any]:
    """What ``as_told`` must give; a case that does not speak of the answer's id and model has the customary ones, or none."""
    return {name: value for name, value in told.items() if value and name not in ("complete_after", "error")}


def _joined(choice: Choice, kind: type[Text | Reasoning | Refusal]) -> str:
    return "".join(part.text for part in choice.parts if isinstance(part, kind))


def _usage(usage: Usage | None) -> dict[str, int]:
    if usage is None:
        return {}
    return {name: getattr(usage, name) for name in usage.__struct_fields__ if name != "raw" and getattr(usage, name) is not None}
