"""Cohere's errors: ``{"message": "…"}`` with a failing status; inside a stream, the last event's ``error``.

There are no codes; the status speaks (https://docs.cohere.com/reference/errors, read 2026-11-21), and for a few the words.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import JsonObject
from dragoman.wire.openai_chat.errors import CODES, find_fault
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import BY_WORDS, Fault, classify, plain_error

_STATUSES: Final[dict[int, type[DragomanError]]] = {
    498: errors.ContentFiltered,  # the prompt or the answer holds a token that is on a list of the forbidden
    499: errors.ServerFault,  # "request cancelled", which the vendor says to try again
    501: errors.BadRequest,
}
"""Statuses that mean something of their own here."""

_SPENT: Final = re.compile(r"calls? */ *month|monthly|billing", re.I)
"""In a 429: an allowance for the month, which waiting does not bring back."""


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    record = try_object(reply.body)
    fault = find_fault(record, reply.status, snippet(reply.body)) if record is not None else None
    if fault is None and reply.body[:1] != b"<":
        plain = plain_error(reply)
        fault = Fault(message=plain.message, status=reply.status, body=plain.body)
    if fault is None:
        return plain_error(reply)
    kind = _STATUSES.get(reply.status)
    if reply.status == 429 and _SPENT.search(fault.message):
        kind = errors.QuotaSpent
    error = kind(fault.message, status=fault.status, body=fault.body) if kind else classify(fault, CODES, quirks)
    told = record.get("id") if record else None
    error.request_id = told if isinstance(told, str) else None
    return error


def body_error(body: bytes, quirks: Quirks) -> DragomanError | None:
    """The error that a body tells whose status was a success, or ``None``."""
    message = (try_object(body) or {}).get("message")
    return stream_error(message, snippet(body), quirks) if isinstance(message, str) else None


def stream_error(message: str, body: str, quirks: Quirks) -> DragomanError:
    """The error that an answer tells which began as a success: by its words, else a fault of the service."""
    kind = next((kind for words, kind in BY_WORDS if words.search(message)), None)
    if kind:
        return kind(message, body=body)
    return classify(Fault(message=message, body=body), CODES, quirks)


def error_record(error: DragomanError) -> JsonObject:
    """``error`` in Cohere's form."""
    return {"message": error.message}


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer."""
    headers = [("content-type", "application/json")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    status = error.status if error.status and error.status >= 400 else error.answer_status
    record = error_record(error) if error.request_id is None else {"id": error.request_id, **error_record(error)}
    return Reply(status, tuple(headers), dump(record))
