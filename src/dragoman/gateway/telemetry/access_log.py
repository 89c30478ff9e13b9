"""One line for each request on standard output: who asked what of whom, how it went, how long it took. Never what was said, never a key."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from dragoman.core.exchange import Call
from dragoman.gateway.failures import names_addresses
from dragoman.gateway.telemetry.records import Record

_ENCODER: Final = msgspec.json.Encoder()
_LONGEST: Final = 500
"""Letters of what a provider says."""


class AccessLog:
    """An ``Observer`` that writes; ``write`` takes whole lines."""

    def __init__(self, form: Literal["json", "text", "off"], write: Callable[[str], object] = sys.stdout.write) -> None:
        self._form = form
        self._write = write

    def began(self, record: Record, call: Call) -> None:
        """Nothing is written before the end."""

    def answering(self, record: Record) -> None:
        """Nor here."""

    def ended(self, record: Record) -> None:
        if self._form != "off":
            line = _ENCODER.encode(facts(record)).decode() if self._form == "json" else _line(record)
            with suppress(OSError, ValueError):  # a pipe that nobody reads, or letters that it cannot take, are no reason to fail a call
                self._write(line + "\n")


def facts(record: Record) -> dict[str, Any]:
    """What is logged of a request; what is not known is left out."""
    usage = record.usage
    told: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": record.id,
        "method": record.method,
        "path": record.path,
        "face": record.face or None,
        "status": record.status,
        "key": record.key_name,
        "model": record.model,
        "target": record.target,
        "attempts": record.attempts or None,
        "streamed": record.streamed or None,
        "passed_through": record.passed_through or None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_usd": None if record.cost is None else str(record.cost),
        "first_token_ms": _ms(record.begun_s, record.first_token_s),
        "total_ms": _ms(record.begun_s, record.ended_s),
        "overhead_ms": None if record.overhead_s is None else round(record.overhead_s * 1000, 3),
        "error": None if record.error is None else type(record.error).__name__,
        "reason": _reason(record),
        "upstream_request_id": None if record.error is None else record.error.request_id,
    }
    return {name: value for name, value in told.items() if value is not None}


def _reason(record: Record) -> str | None:
    """Where the gateway could not get to, or was sent, which callers are not told."""
    error = record.error
    if error is None:
        return None
    return next((one.message[:_LONGEST] for one in (error, *error.attempts) if names_addresses(one)), None)


def _ms(begun_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else round((at_s - begun_s) * 1000, 1)


def _line(record: Record) -> str:
    told = facts(record)
    words = [
        datetime.now().astimezone().strftime("%H:%M:%S"),
        str(record.status),
        f"{record.method} {record.path}",
        record.key_name or "-",
        f"{record.model or '-'} -> {record.target}" if record.target else record.model or "-",
        f"{told.get('input_tokens', '?')}+{told.get('output_tokens', '?')} tokens" if record.usage else "",
        f"{told.get('total_ms', 0):g} ms",
        type(record.error).__name__ if record.error else "",
        told.get("reason", ""),
        record.id,
    ]
    return _printable("  ".join(word for word in words if word))


def _printable(line: str) -> str:
    """``line`` without what could command a terminal or begin another line: callers choose paths and names of models."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)
