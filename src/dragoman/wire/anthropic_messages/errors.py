"""Anthropic's error records: ``{"type": "error", "error": {"type", "message"}, "request_id"}``, whole or as an event of a stream."""

from __future__ import annotations

import re
from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import JsonObject
from dragoman.wire.openai_chat import errors as openai_errors
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify, plain_error

CODES: Final[dict[str, type[DragomanError]]] = {
    "credit_balance_too_low": errors.QuotaSpent,
    "enforced_spend_limit_reached": errors.QuotaSpent,
    "contract_spend_limit_reached": errors.QuotaSpent,
    "content_filtered": errors.ContentFiltered,
    "context_exceeded": errors.ContextTooLong,
    "organization_disabled": errors.PermissionDenied,
    "invalid_request_error": errors.BadRequest,
    "authentication_error": errors.AuthFailed,
    "billing_error": errors.QuotaSpent,
    "permission_error": errors.PermissionDenied,
    "not_found_error": errors.ModelNotFound,
    "request_too_large": errors.ContextTooLong,
    "rate_limit_error": errors.RateLimited,
    "timeout_error": errors.ServerFault,
    "api_error": errors.ServerFault,
    "overloaded_error": errors.Overloaded,
}
"""By ``details.error_code`` and, where that says nothing, by ``type``; four codes are ours, for what the vendor says in prose."""

_PROSE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"credit balance is too low|usage limits?\b.*regain access|spend limit", re.I | re.S), "credit_balance_too_low"),
    (re.compile(r"content filtering policy", re.I), "content_filtered"),
    (re.compile(r"organization has been disabled", re.I), "organization_disabled"),
    (re.compile(r"exceeds? (the )?context limit|prompt is too long|exceeds? the maximum .{0,40}tokens", re.I), "context_exceeded"),
)
"""A bad request of the vendor may mean an empty purse, a filter or a long prompt; only its words say so."""

_WORDS: Final[tuple[tuple[type[DragomanError], str, int], ...]] = (
    (errors.MissingKey, "authentication_error", 401),
    (errors.UnknownModel, "not_found_error", 404),
    (errors.UsageError, "invalid_request_error", 400),
    (errors.RateLimited, "rate_limit_error", 429),
    (errors.QuotaSpent, "billing_error", 402),
    (errors.AuthFailed, "authentication_error", 401),
    (errors.PermissionDenied, "permission_error", 403),
    (errors.ModelNotFound, "not_found_error", 404),
    (errors.ContextTooLong, "invalid_request_error", 400),
    (errors.ContentFiltered, "invalid_request_error", 400),
    (errors.Overloaded, "overloaded_error", 529),
    (errors.TimedOut, "timeout_error", 504),
)
"""How our errors are told: class, type, status; the first class that fits holds, and any other is the vendor's ``api_error``."""

_API_ERROR: Final = "api_error"


_TOO_LONG: Final = "prompt is too long"
"""The vendor has no type of its own for it: by these words its clients know that a conversation is to be shortened, as Claude Code does."""
THREAD_UNSUPPORTED: Final = "thread_unsupported_request"
_ACTED_ON: Final = frozenset({THREAD_UNSUPPORTED, "thread_not_found", "thread_already_continued", "thread_continue_in_flight"})
"""Codes of ``details`` by which the vendor's SDKs (since ``message-threads-2026-08-12``) send a conversation anew instead of failing."""


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    record = try_object(reply.body)
    if record is None or not isinstance(record.get("error"), dict):
        return _foreign_error(record, reply, quirks)
    return record_error(record, snippet(reply.body), quirks, reply.status)


def body_error(body: bytes, quirks: Quirks) -> DragomanError | None:
    """The error that a body tells whose status was a success, or ``None``."""
    record = try_object(body)
    return record_error(record, snippet(body), quirks) if record and record.get("error") else None


def record_error(record: JsonObject, body: str, quirks: Quirks, status: int | None = None) -> DragomanError:
    """The error told by a whole record, or by an ``error`` event inside an answer that began as a success."""
    told = record.get("error")
    fault = _fault(told if isinstance(told, dict) else {"message": told}, status, body)
    error = classify(fault, CODES, quirks)
    error.code = _first_own(fault.codes)
    request_id = record.get("request_id")
    error.request_id = request_id if isinstance(request_id, str) else None
    return error


def _fault(told: JsonObject, status: int | None, body: str) -> Fault:
    message, kind = told.get("message"), told.get("type")
    details = told.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    if not isinstance(message, str) or not message:
        message = f"the service reports {kind or 'an error'}"
    codes = [word for word in (code, kind) if isinstance(word, str) and word]
    if kind in ("invalid_request_error", None):
        codes[:0] = [meaning for words, meaning in _PROSE if words.search(message)]
    return Fault(message=message, codes=tuple(codes), status=status, body=body)


def _first_own(codes: tuple[str, ...]) -> str | None:
    """The service's own word, not one that we read out of its prose."""
    ours = {meaning for _, meaning in _PROSE}
    return next((code for code in codes if code not in ours), None)


def _foreign_error(record: JsonObject | None, reply: Reply, quirks: Quirks) -> DragomanError:
    """A host that copies the wire but not its errors, or a proxy before it."""
    fault = openai_errors.find_fault(record, reply.status, snippet(reply.body)) if record is not None else None
    return classify(fault, CODES, quirks) if fault else plain_error(reply)


def error_record(error: DragomanError) -> JsonObject:
    """``error`` in the vendor's form."""
    kind, status = _told(error)
    is_too_long = isinstance(error, errors.ContextTooLong) and status == 400 and _TOO_LONG not in error.message.lower()
    told: JsonObject = {"type": kind, "message": f"{_TOO_LONG}: {error.message}" if is_too_long else error.message}
    if error.code in _ACTED_ON:
        told["details"] = {"error_code": error.code}
    return {"type": "error", "error": told, "request_id": error.request_id}


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer. The status is the one that the vendor's clients know the type by, wherever the error came from."""
    headers = [("content-type", "application/json")]
    if error.request_id is not None:
        headers.append(("request-id", error.request_id))
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    return Reply(_told(error)[1], tuple(headers), dump(error_record(error)))


def _told(error: DragomanError) -> tuple[str, int]:
    """The type and the status of ``error``."""
    status = error.status or error.answer_status
    if isinstance(error, errors.ContextTooLong | errors.BadRequest) and status == 413:
        return "request_too_large", 413
    for kind, word, usual in _WORDS:
        if isinstance(error, kind):
            fits = isinstance(error, errors.BadRequest) and 400 <= status < 500 and status not in _TYPED
            return word, status if fits else usual
    return _API_ERROR, status if status >= 500 else 500


_TYPED: Final = frozenset(status for _, _, status in _WORDS)
"""Statuses that mean one type each to the vendor's clients."""
