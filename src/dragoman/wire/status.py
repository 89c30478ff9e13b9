"""What an HTTP status means where a dialect's own code says nothing, and the fields in which services name a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply, header
from dragoman.wire.payload import snippet
from dragoman.wire.quirks import Quirks

BY_STATUS: Final[dict[int, type[DragomanError]]] = {
    400: errors.BadRequest,
    401: errors.AuthFailed,
    402: errors.QuotaSpent,
    403: errors.PermissionDenied,
    404: errors.ModelNotFound,
    408: errors.ServerFault,
    413: errors.ContextTooLong,
    422: errors.BadRequest,
    429: errors.RateLimited,
    500: errors.ServerFault,
    501: errors.Unsupported,
    503: errors.Overloaded,
    529: errors.Overloaded,
}

BY_WORDS: Final[tuple[tuple[re.Pattern[str], type[DragomanError]], ...]] = (
    (re.compile(r"context (length|window|size)|prompt is too long|too many (input )?tokens", re.I), errors.ContextTooLong),
    (re.compile(r"\bmodel\b.{0,120}(not found|does not exist|not exist|unknown)", re.I | re.S), errors.ModelNotFound),
    (re.compile(r"is not a valid model id|the supported (api )?model names are", re.I), errors.ModelNotFound),
    (re.compile(r"\b(incorrect|invalid) api key", re.I), errors.AuthFailed),
)
"""Only for a bad request whose code says nothing more: services put the reason into prose."""

_NO_MONEY: Final = re.compile(r"used all available credits|monthly spending limit|insufficient (balance|credits|funds)", re.I)
_MAY_BE_MONEY: Final = frozenset({errors.RateLimited, errors.PermissionDenied})
"""What services call it that an account has no money left, which the prose alone tells."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A service's error record in one form; ``codes`` are its machine-readable words, the most telling first."""

    message: str
    codes: tuple[str, ...] = ()
    param: str | None = None
    status: int | None = None
    body: str | None = None


def by_status(status: int) -> type[DragomanError]:
    """The error class for a failing status."""
    found = BY_STATUS.get(status)
    if found:
        return found
    if 300 <= status < 400 or status < 200:
        return errors.BadReply
    return errors.ServerFault if status >= 500 else errors.BadRequest


def classify(fault: Fault, codes: Mapping[str, type[DragomanError]], quirks: Quirks) -> DragomanError:
    """The error that ``fault`` is, by the host's quirks, the dialect's codes, its prose, and last its status."""
    code = fault.codes[0] if fault.codes else None
    for passing in quirks.passing_faults:
        if re.search(passing.pattern, fault.message):
            kind = getattr(errors, passing.error)
            return _error(kind, fault, code, retryable=True)
    known = next((codes[word] for word in fault.codes if word in codes), None)
    kind = known or (by_status(fault.status) if fault.status else errors.ServerFault)
    if kind is errors.BadRequest:
        kind = next((other for words, other in BY_WORDS if words.search(fault.message)), kind)
    elif kind in _MAY_BE_MONEY and _NO_MONEY.search(fault.message):
        kind = errors.QuotaSpent
    return _error(kind, fault, code)


def plain_error(reply: Reply) -> DragomanError:
    """The error of a failing answer whose body is in no form that the dialect knows."""
    status, text = reply.status, snippet(reply.body)
    if 300 <= status < 400:
        message = f"the service redirects to {header(reply.headers, 'location')!r}; redirects are not followed, set the base URL to it"
        return by_status(status)(message, status=status, body=text or None, retryable=False)
    message = f"the service answered with status {status}" + (f": {_first_words(text)}" if text.strip() else " and no text")
    return by_status(status)(message, status=status, body=text or None)


def _error(kind: type[DragomanError], fault: Fault, code: str | None, retryable: bool | None = None) -> DragomanError:
    if retryable is None and fault.status and 300 <= fault.status < 400:
        retryable = False  # the next try would be sent elsewhere just the same
    return kind(fault.message, status=fault.status, code=code, param=fault.param, body=fault.body, retryable=retryable)


def _first_words(text: str) -> str:
    plain = " ".join(re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S | re.I).split())
    return plain[:200] or "an HTML page"
