"""Bedrock's errors: a name in ``x-amzn-errortype`` or ``__type`` and a ``message``, or an exception inside a stream.

Documentation: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors,
…/CommonErrors.html and https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html, read 2026-11-21. The
same exception is written ``ThrottlingException`` as an answer and ``throttlingException`` inside a stream.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply, header
from dragoman.core.opaque import JsonObject
from dragoman.wire.eventstream import encode_exception, encode_fault
from dragoman.wire.openai_chat import errors as openai_errors
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, by_status, classify, plain_error

CODES: Final[dict[str, type[DragomanError]]] = {
    "day's allowance": errors.QuotaSpent,
    "no such model": errors.ModelNotFound,
    "key refused": errors.AuthFailed,
    "context exceeded": errors.ContextTooLong,
    "content filtered": errors.ContentFiltered,
    "throttlingexception": errors.RateLimited,
    "toomanyrequestsexception": errors.RateLimited,
    "servicequotaexceededexception": errors.QuotaSpent,
    "accessdeniedexception": errors.PermissionDenied,
    "notauthorized": errors.PermissionDenied,
    "optinrequired": errors.PermissionDenied,
    "unrecognizedclientexception": errors.AuthFailed,
    "invalidsignatureexception": errors.AuthFailed,
    "incompletesignature": errors.AuthFailed,
    "incompletesignatureexception": errors.AuthFailed,
    "missingauthenticationtoken": errors.AuthFailed,
    "missingauthenticationtokenexception": errors.AuthFailed,
    "invalidclienttokenid": errors.AuthFailed,
    "expiredtoken": errors.AuthFailed,
    "expiredtokenexception": errors.AuthFailed,
    "requestexpired": errors.AuthFailed,
    "resourcenotfoundexception": errors.ModelNotFound,
    "validationexception": errors.BadRequest,
    "validationerror": errors.BadRequest,
    "serializationexception": errors.BadRequest,
    "unknownoperationexception": errors.BadRequest,
    "conflictexception": errors.BadRequest,
    "modelnotreadyexception": errors.Overloaded,
    "serviceunavailableexception": errors.Overloaded,
    "serviceunavailable": errors.Overloaded,
    "modeltimeoutexception": errors.ServerFault,
    "modelerrorexception": errors.ServerFault,
    "modelstreamerrorexception": errors.ServerFault,
    "internalserverexception": errors.ServerFault,
    "internalfailure": errors.ServerFault,
}
"""By the exception's name in lower case; the first five are ours, for what the vendor says in prose."""

_PROSE: Final[tuple[tuple[type[DragomanError], re.Pattern[str], str], ...]] = (
    (errors.RateLimited, re.compile(r"\bper day\b|\bdaily\b.{0,40}\b(limit|quota)", re.I), "day's allowance"),
    (
        errors.PermissionDenied,
        re.compile(r"API key\b.{0,40}\b(valid|invalid|expired)|\b(security|bearer) token\b.{0,60}\b(invalid|expired)", re.I),
        "key refused",
    ),
    (errors.BadRequest, re.compile(r"model identifier is invalid|reached the end of its life", re.I), "no such model"),
    (
        errors.BadRequest,
        re.compile(
            r"(input|prompt) is too long|maximum context length|too many (input |total )?tokens|input tokens exceed"
            r"|exceeds? (the )?context limit",
            re.I,
        ),
        "context exceeded",
    ),
    (errors.BadRequest, re.compile(r"\bcontent filter|blocked by .{0,40}\bpolic", re.I), "content filtered"),
)
"""What an exception of one class may mean more exactly, where its words say so."""

_WORDS: Final[tuple[tuple[type[DragomanError], str], ...]] = (
    (errors.MissingKey, "UnrecognizedClientException"),
    (errors.UnknownModel, "ResourceNotFoundException"),
    (errors.UsageError, "ValidationException"),
    (errors.RateLimited, "ThrottlingException"),
    (errors.QuotaSpent, "ServiceQuotaExceededException"),
    (errors.AuthFailed, "UnrecognizedClientException"),
    (errors.PermissionDenied, "AccessDeniedException"),
    (errors.ModelNotFound, "ResourceNotFoundException"),
    (errors.ContextTooLong, "ValidationException"),
    (errors.ContentFiltered, "ValidationException"),
    (errors.Overloaded, "ServiceUnavailableException"),
    (errors.BadReply, "ModelErrorException"),
    (errors.TimedOut, "ModelTimeoutException"),
    (errors.TransportError, "ModelErrorException"),
)
"""How our errors are told; the first class that fits holds, and any other is the vendor's ``InternalServerException``."""
_STATUSES: Final = {
    "ValidationException": 400,
    "ServiceQuotaExceededException": 400,
    "UnrecognizedClientException": 403,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ThrottlingException": 429,
    "ModelNotReadyException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
_IN_STREAM: Final = {
    "InternalServerException": "internalServerException",
    "ModelErrorException": "modelStreamErrorException",
    "ModelStreamErrorException": "modelStreamErrorException",
    "ModelTimeoutException": "modelStreamErrorException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ModelNotReadyException": "serviceUnavailableException",
    "ThrottlingException": "throttlingException",
    "ValidationException": "validationException",
}
"""What the vendor's description of a stream names; anything else goes as an error without a description."""

_LONGEST_MESSAGE: Final = 100_000
"""Of an error in characters: what does not fit into an event could not be told at all."""


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    record = try_object(reply.body)
    name = _plain_name(header(reply.headers, "x-amzn-errortype"))
    if record is None and not name:
        return plain_error(reply)
    foreign = (
        openai_errors.find_fault({"error": record["error"]}, reply.status, snippet(reply.body)) if record and "error" in record else None
    )
    if foreign is not None:  # a proxy before the service, or a host that copies the wire but not its errors
        return classify(foreign, CODES, quirks)
    if not name and not _message(record or {}) and not _name_in(record or {}):
        return plain_error(reply)
    error = record_error(record or {}, name, snippet(reply.body), quirks, reply.status)
    error.request_id = header(reply.headers, "x-amzn-requestid")
    return error


def record_error(record: JsonObject, name: str, body: str, quirks: Quirks, status: int | None = None) -> DragomanError:
    """The error told by a record; ``name`` is the exception's, where it stands beside the record."""
    name = name or _name_in(record)
    message = _message(record) or f"the service reports {name or 'an error'}"
    key = name.lower()
    kind = CODES.get(key) or by_status(status or 500)
    codes = [meaning for base, words, meaning in _PROSE if base is kind and words.search(message)]
    fault = Fault(message=message, codes=(*codes, *([key] if key else [])), status=status, body=body)
    error = classify(fault, CODES, quirks)
    error.code = name or None
    return error


def is_error(record: JsonObject) -> bool:
    """Whether a body that should be an answer tells an error."""
    return bool(_message(record) or _name_in(record)) or "error" in record


def _message(record: JsonObject) -> str:
    told = (record.get(name) for name in ("message", "Message", "errorMessage", "originalMessage"))
    return next((text for text in told if isinstance(text, str) and text), "")


def _name_in(record: JsonObject) -> str:
    told = (record.get("__type"), record.get("code"))
    output = record.get("Output")  # the form in which the service's own front refuses what it does not know
    inner = output.get("__type") if isinstance(output, dict) else None
    return next((_plain_name(text) for text in (*told, inner) if isinstance(text, str) and text), "")


def _plain_name(told: str | None) -> str:
    """``ValidationException`` of ``com.amazon.coral#ValidationException:http://…``."""
    return (told or "").partition(":")[0].rpartition("#")[2].partition(",")[0].strip()


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer. The status is the one that the vendor's clients know the name by, wherever the error came from."""
    name = _name_of(error)
    headers = [("content-type", "application/json"), ("x-amzn-errortype", name)]
    if error.request_id is not None:
        headers.append(("x-amzn-requestid", error.request_id))
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    return Reply(_status(error, name), tuple(headers), dump({"message": error.message}))


def error_record(error: DragomanError) -> JsonObject:
    """``error`` as the body of an answer that cannot say its name in its head any more."""
    return {"__type": _name_of(error), "message": error.message}


def stream_error(error: DragomanError) -> bytes:
    """``error`` as the last message of a stream."""
    name, message = _name_of(error), error.message[:_LONGEST_MESSAGE]
    known = _IN_STREAM.get(name)
    return encode_exception(known, dump({"message": message})) if known else encode_fault(name, message)


def _name_of(error: DragomanError) -> str:
    """The vendor's own name where it said one that means the same, else the one that comes nearest."""
    own = (error.code or "")[:1].upper() + (error.code or "")[1:]
    if own in _STATUSES and CODES.get(own.lower()) is type(error):
        return own
    return next((name for kind, name in _WORDS if isinstance(error, kind)), "InternalServerException")


def _status(error: DragomanError, name: str) -> int:
    status = error.status or 0
    if isinstance(error, errors.BadRequest) and 400 <= status < 500 and status not in _STATUSES.values():
        return status
    return _STATUSES[name]
