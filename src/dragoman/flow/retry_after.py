"""How long a service asks us to wait, in every form in use.

``Retry-After`` holds seconds or an HTTP date (RFC 9110, section 10.2.3); ``retry-after-ms`` is OpenAI's and Azure's finer one;
``x-ratelimit-reset-…`` tells when a spent limit is full again, as a duration (``6m0s``, ``250ms``), as seconds, or as a time, which
OpenRouter counts in milliseconds. Azure writes 0 milliseconds beside a whole second: those say nothing.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from dragoman.core.exchange import Headers, header

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LIMITS: Final = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)
_EPOCH_FROM: Final = 1_000_000_000.0
"""A number of seconds above this is a time since 1970, not a wait."""
_EPOCH_MS_FROM: Final = _EPOCH_FROM * 1000
"""From here on that time is in milliseconds."""


def retry_after_s(headers: Headers, epoch_s: float) -> float | None:
    """The seconds to wait from now (``epoch_s``) on, never negative, or ``None`` where the service does not say."""
    finer = header(headers, "retry-after-ms")
    milliseconds = _number(finer) if finer else None
    told = header(headers, "retry-after")
    if milliseconds or (milliseconds is not None and not told):
        return milliseconds / 1000
    if told:
        return _wait(told, epoch_s)
    spent = [header(headers, reset) for remaining, reset in _LIMITS if header(headers, remaining) == "0"]
    waits = [wait for wait in (_wait(reset, epoch_s) for reset in spent if reset) if wait is not None]
    return max(waits, default=None)


def _wait(told: str, epoch_s: float) -> float | None:
    told = told.strip()
    number = _number(told)
    if number is not None:
        number = number / 1000 if number > _EPOCH_MS_FROM else number
        return max(0.0, number - epoch_s if number > _EPOCH_FROM else number)
    parts = _DURATION.findall(told)
    if parts and "".join(amount + unit for amount, unit in parts) == told:
        return _finite(sum(float(amount) * _SECONDS[unit] for amount, unit in parts))
    try:
        moment = parsedate_to_datetime(told)
        # A date without a zone, or with -0000, is UTC as every HTTP date is; Python would take it for this machine's own time.
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - epoch_s)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text.replace("_", "?"))  # Python alone reads 1_0 as a number
    except ValueError:
        return None
    return _finite(number)


def _finite(number: float) -> float | None:
    return number if 0 <= number < float("inf") else None
