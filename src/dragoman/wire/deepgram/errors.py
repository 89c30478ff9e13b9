"""Deepgram: ``{"err_code", "err_msg", "request_id"}``, or ``{"category", "message", "details", "request_id"}``; and queries both ways.

https://developers.deepgram.com/docs/errors, read 2026-11-21.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import JsonObject
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify, plain_error

NAME: Final = "deepgram"

CODES: Final[dict[str, type[DragomanError]]] = {
    "INVALID_AUTH": errors.AuthFailed,
    "INSUFFICIENT_PERMISSIONS": errors.PermissionDenied,
    "ASR_PAYMENT_REQUIRED": errors.QuotaSpent,
    "PAYMENT_REQUIRED": errors.QuotaSpent,
    "TOO_MANY_REQUESTS": errors.RateLimited,
    "RATE_LIMIT_EXCEEDED": errors.RateLimited,
    "MODEL_NOT_FOUND": errors.ModelNotFound,
    "CONTEXT_TOO_LONG": errors.ContextTooLong,
    "CONTENT_FILTERED": errors.ContentFiltered,
    "SERVICE_UNAVAILABLE": errors.Overloaded,
}
"""By the vendor's word; what is not here goes by the HTTP status."""

_WORDS: Final[tuple[tuple[type[DragomanError], str], ...]] = (
    (errors.MissingKey, "INVALID_AUTH"),
    (errors.UnknownModel, "MODEL_NOT_FOUND"),
    (errors.UsageError, "Bad Request"),
    (errors.RateLimited, "TOO_MANY_REQUESTS"),
    (errors.QuotaSpent, "ASR_PAYMENT_REQUIRED"),
    (errors.AuthFailed, "INVALID_AUTH"),
    (errors.PermissionDenied, "INSUFFICIENT_PERMISSIONS"),
    (errors.ModelNotFound, "MODEL_NOT_FOUND"),
    (errors.ContextTooLong, "CONTEXT_TOO_LONG"),
    (errors.ContentFiltered, "CONTENT_FILTERED"),
    (errors.Overloaded, "SERVICE_UNAVAILABLE"),
    (DragomanError, "INTERNAL_SERVER_ERROR"),
)
"""How our errors are told; the first class that fits holds."""


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    told = try_object(reply.body) or {}
    words = [told[name] for name in ("err_msg", "message", "details") if isinstance(told.get(name), str) and told[name]]
    if not words:
        return plain_error(reply)
    codes = tuple(told[name] for name in ("err_code", "category") if isinstance(told.get(name), str))
    error = classify(Fault(message=": ".join(words), codes=codes, status=reply.status, body=snippet(reply.body)), CODES, quirks)
    request_id = told.get("request_id")
    error.request_id = request_id if isinstance(request_id, str) else None
    return error


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer."""
    word = next(word for kind, word in _WORDS if isinstance(error, kind))
    body: JsonObject = {"err_code": word, "err_msg": error.message, "request_id": error.request_id or ""}
    status = error.status if error.status and 400 <= error.status < 600 else error.answer_status
    headers = [("content-type", "application/json")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    return Reply(status, tuple(headers), dump(body))


# --- queries ----------------------------------------------------------------------------------------------------------------------------


def encode_query(path: str, given: JsonObject) -> str:
    """``path`` with a query; a list is one field for each of its items, and truth is written in small letters."""
    pairs = [(name, one) for name, value in given.items() for one in (value if isinstance(value, list) else [value])]
    told = [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in pairs]
    return f"{path}?{urlencode(told)}" if told else path


def decode_query(url: str) -> dict[str, str | list[str]]:
    """The fields of a query; one that is said again is a list."""
    given: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        before = given.get(name)
        given[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return given


def taken(given: dict[str, str | list[str]], name: str) -> str | None:
    """The field ``name``, taken out; of one that was said again, the last."""
    value = given.pop(name, None)
    return value[-1] if isinstance(value, list) else value
