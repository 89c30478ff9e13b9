"""Gemini: ``google.rpc.Status`` as JSON, ``{"error": {"code", "message", "status", "details"}}``, and blocked prompts.

https://cloud.google.com/apis/design/errors and https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-21. A prompt that the
vendor's rules refuse is no error on this wire but an answer without candidates, with ``promptFeedback.blockReason``.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core import errors
from dragoman.core.errors import BadReply, ContentFiltered, DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.gemini.numbers import BLOCKS as NUMBERED_BLOCKS
from dragoman.wire.gemini.numbers import word
from dragoman.wire.payload import dump, parse, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify, plain_error

CODES: Final[dict[str, type[DragomanError]]] = {
    "INVALID_ARGUMENT": errors.BadRequest,
    "OUT_OF_RANGE": errors.BadRequest,
    "UNIMPLEMENTED": errors.BadRequest,
    "ALREADY_EXISTS": errors.BadRequest,
    "FAILED_PRECONDITION": errors.PermissionDenied,
    "UNAUTHENTICATED": errors.AuthFailed,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "NOT_FOUND": errors.ModelNotFound,
    "RESOURCE_EXHAUSTED": errors.RateLimited,
    "UNAVAILABLE": errors.Overloaded,
    "INTERNAL": errors.ServerFault,
    "UNKNOWN": errors.ServerFault,
    "ABORTED": errors.ServerFault,
    "CANCELLED": errors.ServerFault,
    "DATA_LOSS": errors.ServerFault,
    "DEADLINE_EXCEEDED": errors.ServerFault,
    "API_KEY_INVALID": errors.AuthFailed,
    "API_KEY_EXPIRED": errors.AuthFailed,
    "ACCESS_TOKEN_EXPIRED": errors.AuthFailed,
    "BILLING_DISABLED": errors.QuotaSpent,
    "CONTENT_FILTERED": errors.ContentFiltered,
    "CONTEXT_TOO_LONG": errors.ContextTooLong,
    "QUOTA_SPENT": errors.QuotaSpent,
}
"""The words of ``google.rpc.Code``, reasons of ``ErrorInfo`` that say more than they do, and three words of our own.

Those, the last, mean what the vendor tells in prose alone; an error that Dragoman writes has them as its reason. ``FAILED_PRECONDITION``
is told where the API is not open to a region or an account.
"""

_PROSE: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("INVALID_ARGUMENT", re.compile(r"api key (not valid|expired)|pass a valid api key", re.I), "API_KEY_INVALID"),
    (
        "INVALID_ARGUMENT",
        re.compile(r"token count .{0,80}(exceeds|supports up to)|exceeds the maximum number of tokens", re.I | re.S),
        "CONTEXT_TOO_LONG",
    ),
    ("PERMISSION_DENIED", re.compile(r"api key was reported as leaked|unregistered callers", re.I), "API_KEY_INVALID"),
    (
        "RESOURCE_EXHAUSTED",
        re.compile(r"credits? (are|is|have been) (depleted|exhausted)|funds are depleted|spending cap", re.I),
        "QUOTA_SPENT",
    ),
    ("INVALID_ARGUMENT", re.compile(r"responsible ai practices", re.I), "CONTENT_FILTERED"),
    ("NOT_FOUND", re.compile(r"\bcached? ?content", re.I), "INVALID_ARGUMENT"),
)
"""A status, what its message says, and the word that is meant."""

_WORDS: Final[tuple[tuple[type[DragomanError], str, str | None], ...]] = (
    (errors.MissingKey, "UNAUTHENTICATED", None),
    (errors.UnknownModel, "NOT_FOUND", None),
    (errors.UsageError, "INVALID_ARGUMENT", None),
    (errors.RateLimited, "RESOURCE_EXHAUSTED", None),
    (errors.QuotaSpent, "RESOURCE_EXHAUSTED", "QUOTA_SPENT"),
    (errors.AuthFailed, "UNAUTHENTICATED", None),
    (errors.PermissionDenied, "PERMISSION_DENIED", None),
    (errors.ModelNotFound, "NOT_FOUND", None),
    (errors.ContextTooLong, "INVALID_ARGUMENT", "CONTEXT_TOO_LONG"),
    (errors.ContentFiltered, "INVALID_ARGUMENT", "CONTENT_FILTERED"),
    (errors.Overloaded, "UNAVAILABLE", None),
    (errors.TimedOut, "DEADLINE_EXCEEDED", None),
    (errors.Cancelled, "CANCELLED", None),
    (errors.TransportError, "UNAVAILABLE", None),
    (errors.DragomanError, "INTERNAL", None),
)
"""How our errors are told: class, the vendor's word, and the reason where the word says too little; the first class that fits holds."""

BLOCKS: Final = frozenset(
    ("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK", "BLOCKED_REASON_UNSPECIFIED")
)
"""The vendor's reasons to refuse a prompt."""

_RECORDS: Final = msgspec.json.Decoder(list[JsonObject])
_DOMAIN: Final = "dragoman"
_TYPE: Final = "type.googleapis.com/google.rpc."
_DELAY: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_PROSE_DELAY: Final = re.compile(r"retry in (\d{1,9}(?:\.\d{1,9})?)s", re.I)


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means, be it an object or, as streams have it, an object in an array."""
    record = _record(reply.body)
    if record is not None:
        feedback = record.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            return blocked(feedback, snippet(reply.body), reply.status)
        if record.get("error"):
            return fault_error(record["error"], snippet(reply.body), quirks, reply.status)
    return plain_error(reply)


def _record(body: bytes) -> JsonObject | None:
    if not body.lstrip().startswith(b"["):
        return try_object(body)
    try:
        records = parse(body, _RECORDS)
    except BadReply:
        return None
    return records[0] if records else None


def body_error(body: bytes, quirks: Quirks) -> DragomanError | None:
    """The error that a body tells whose status was a success, by itself or as the only element of an array, or ``None``."""
    text = body.strip()
    record = try_object(text[1:-1] if text.startswith(b"[") else text)
    return fault_error(record["error"], snippet(text), quirks) if record and record.get("error") else None


def fault_error(told: Json, body: str, quirks: Quirks, status: int | None = None) -> DragomanError:
    """The error in an ``error`` field; inside an answer that began as a success ``status`` is not known but by its ``code``."""
    if not isinstance(told, dict):
        words = told if isinstance(told, str) and told else "the service reports an error without a word about it"
        return classify(Fault(message=words, status=status, body=body), CODES, quirks)
    code, message, word = told.get("code"), told.get("message"), told.get("status")
    details = [detail for detail in _listed(told.get("details")) if isinstance(detail, dict)]
    if status is None and isinstance(code, int) and 400 <= code < 600:
        status = code
    text = message if isinstance(message, str) and message else f"the service reports {word or code or 'an error'}"
    codes = (word,) if isinstance(word, str) and word else ()
    meant = _meant(text, codes, details)
    if meant is not None:
        codes = codes or (meant,)
    fault = Fault(message=text, codes=codes, param=_param(details), status=status, body=body)
    error = classify(fault, CODES if meant is None else {**CODES, **dict.fromkeys(codes, CODES[meant])}, quirks)
    error.retry_after_s = _retry_after_s(details, text)
    return error


def blocked(feedback: JsonObject, body: str, status: int | None = None) -> ContentFiltered:
    """The error of a prompt that was refused; ``code`` is the vendor's reason."""
    reason, words = feedback.get("blockReason"), feedback.get("blockReasonMessage")
    code = str(word(reason, NUMBERED_BLOCKS) if isinstance(reason, str | int) else reason)
    message = f"the prompt was blocked: {code}" + (f": {words}" if isinstance(words, str) and words else "")
    return ContentFiltered(message, code=code, body=body, status=status)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _meant(text: str, words: tuple[str, ...], details: list[JsonObject]) -> str | None:
    """What an error means beyond its status: by its reason, by the limit that was hit, by its prose."""
    reasons = [detail.get("reason") for detail in details]
    known = next((reason for reason in reasons if isinstance(reason, str) and reason in CODES), None)
    if known:
        return known
    violations = [one for detail in details for one in _listed(detail.get("violations")) if isinstance(one, dict)]
    if any("PerDay" in str(one.get("quotaId", "")) for one in violations):
        return "QUOTA_SPENT"  # a delay of seconds that is told with it is not meant: the limit is a day's
    return next((meant for word, prose, meant in _PROSE if word in words and prose.search(text)), None)


def _param(details: list[JsonObject]) -> str | None:
    fields = [one.get("field") for detail in details for one in _listed(detail.get("fieldViolations")) if isinstance(one, dict)]
    return next((field for field in fields if isinstance(field, str) and field), None)


def _retry_after_s(details: list[JsonObject], text: str) -> float | None:
    """The wait that ``RetryInfo`` asks for, or the message where it is missing."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _DELAY.fullmatch(delay)):
            return float(found.group(1))
    told = _PROSE_DELAY.search(text)
    return float(told.group(1)) if told else None


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def is_block(error: DragomanError) -> bool:
    """Whether the vendor would tell this error as a blocked prompt."""
    return isinstance(error, ContentFiltered) and error.code in BLOCKS


def error_record(error: DragomanError) -> JsonObject:
    """``error`` in the vendor's form."""
    if is_block(error):
        return {"promptFeedback": {"blockReason": error.code, "blockReasonMessage": error.message}}
    word, reason = next((word, reason) for kind, word, reason in _WORDS if isinstance(error, kind))
    status = error.status if error.status and 400 <= error.status < 600 else error.answer_status
    record: JsonObject = {"code": status, "message": error.message, "status": word}
    details: list[JsonObject] = []
    if reason is not None:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": _DOMAIN})
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{round(error.retry_after_s, 3):.9g}s"})
    return {"error": {**record, "details": details} if details else record}


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer; a blocked prompt is told with status 200, as the vendor does."""
    record = error_record(error)
    headers = [("content-type", "application/json; charset=UTF-8")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    return Reply(record["error"]["code"] if "error" in record else 200, tuple(headers), dump(record))
