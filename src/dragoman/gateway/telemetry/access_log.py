"""One line for each request on standard output: who asked what of whom, how it went, how long it took. Never what was said, never a key."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Call
from dragoman.gateway.failures import names_addresses
from dragoman.gateway.telemetry.records import Record

_ENCODER: Final = msgspec.json.Encoder()
_LONGEST: Final = 500
"""Letters of what a provider says."""


class AccessLog:
    """An ``Observer`` that writes; ``write`` takes whole lines."""

    def __init__(self, form: Literal["json", "text"], write: Callable[[str], object] = sys.stdout.write) -> None:
        self._form = form
        self._write = write

    def began(self, record: Record, call: Call) -> None:
        """Nothing is written before the end."""

    def answering(self, record: Record) -> None:
        """Nor here."""

    def ended(self, record: Record) -> None:
        line = _ENCODER.encode(facts(record)).decode() if self._form == "json" else _line(record)
        with suppress(OSError, ValueError):  # a pipe that nobody reads, or letters that it cannot take, are no reason to fail a call
            self._write(line + "\n")


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is logged of a request; what is not known is left out."""

    time: str
    request_id: str
    method: str
    path: str
    status: int
    face: str | None = None
    key: str | None = None
    model: str | None = None
    target: str | None = None
    attempts: int | None = None
    streamed: bool | None = None
    passed_through: bool | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: str | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    overhead_ms: float | None = None
    error: str | None = None
    reason: str | None = None
    upstream_request_id: str | None = None


def facts(record: Record) -> Facts:
    usage, error = record.usage, record.error
    return Facts(
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        request_id=record.id,
        method=record.method,
        path=record.path,
        status=record.status,
        face=record.face or None,
        key=record.key_name,
        model=record.model,
        target=record.target,
        attempts=record.attempts or None,
        streamed=record.streamed or None,
        passed_through=record.passed_through or None,
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        cost_usd=None if record.cost is None else str(record.cost),
        first_token_ms=_ms(record.begun_s, record.first_token_s),
        total_ms=_ms(record.begun_s, record.ended_s),
        overhead_ms=None if record.overhead_s is None else round(record.overhead_s * 1000, 3),
        error=None if error is None else type(error).__name__,
        reason=None if error is None else _reason(error),
        upstream_request_id=None if error is None else error.request_id,
    )


def _reason(error: DragomanError) -> str | None:
    """Where the gateway could not get to, or was sent, which callers are not told."""
    return next((one.message[:_LONGEST] for one in (error, *error.attempts) if names_addresses(one)), None)


def _ms(begun_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else round((at_s - begun_s) * 1000, 1)


def _line(record: Record) -> str:
    usage, error = record.usage, record.error
    words = (
        time.strftime("%H:%M:%S"),
        str(record.status),
        f"{record.method} {record.path}",
        record.key_name or "-",
        f"{record.model or '-'} -> {record.target}" if record.target else record.model or "-",
        f"{_count(usage.input_tokens)}+{_count(usage.output_tokens)} tokens" if usage else "",
        f"{_ms(record.begun_s, record.ended_s) or 0:g} ms",
        "" if error is None else type(error).__name__,
        "" if error is None else _reason(error) or "",
        record.id,
    )
    return _printable("  ".join([word for word in words if word]))


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _printable(line: str) -> str:
    """``line`` without what could command a terminal or begin another line: callers choose paths and names of models."""
    return line if line.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in line)
