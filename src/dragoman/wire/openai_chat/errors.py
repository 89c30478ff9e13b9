"""OpenAI's error records: ``{"error": {"message", "type", "param", "code"}}`` and the forms its imitators use instead."""

from __future__ import annotations

from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify, plain_error

CODES: Final[dict[str, type[DragomanError]]] = {
    "rate_limit_exceeded": errors.RateLimited,
    "rate_limit_error": errors.RateLimited,
    "insufficient_quota": errors.QuotaSpent,
    "billing_hard_limit_reached": errors.QuotaSpent,
    "billing_not_active": errors.QuotaSpent,
    "invalid_api_key": errors.AuthFailed,
    "invalid_authentication": errors.AuthFailed,
    "authentication_error": errors.AuthFailed,
    "permission_denied": errors.PermissionDenied,
    "permission_error": errors.PermissionDenied,
    "unsupported_country_region_territory": errors.PermissionDenied,
    "model_not_found": errors.ModelNotFound,
    "invalid_model": errors.ModelNotFound,
    "model_decommissioned": errors.ModelNotFound,
    "context_length_exceeded": errors.ContextTooLong,
    "too_many_prompt_tokens": errors.ContextTooLong,
    "content_filter": errors.ContentFiltered,
    "content_policy_violation": errors.ContentFiltered,
    "overloaded_error": errors.Overloaded,
    "engine_overloaded": errors.Overloaded,
    "server_error": errors.ServerFault,
    "internal_server_error": errors.ServerFault,
}
"""By ``code`` and, where that says nothing, by ``type``."""

_WORDS: Final[tuple[tuple[type[DragomanError], str, str | None], ...]] = (
    (errors.MissingKey, "invalid_request_error", "invalid_api_key"),
    (errors.UnknownModel, "invalid_request_error", "model_not_found"),
    (errors.UsageError, "invalid_request_error", None),
    (errors.RateLimited, "rate_limit_error", "rate_limit_exceeded"),
    (errors.QuotaSpent, "insufficient_quota", "insufficient_quota"),
    (errors.AuthFailed, "invalid_request_error", "invalid_api_key"),
    (errors.PermissionDenied, "permission_error", "permission_denied"),
    (errors.ModelNotFound, "invalid_request_error", "model_not_found"),
    (errors.ContextTooLong, "invalid_request_error", "context_length_exceeded"),
    (errors.ContentFiltered, "invalid_request_error", "content_filter"),
    (errors.Overloaded, "server_error", "engine_overloaded"),
    (errors.DragomanError, "server_error", None),
)
"""How our errors are told: class, type, code; the first class that fits holds."""


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    record = _record(reply.body)
    fault = find_fault(record, reply.status, snippet(reply.body)) if record is not None else None
    if fault is None and reply.body[:1] != b"<":
        plain = plain_error(reply)
        fault = Fault(message=plain.message, status=reply.status, body=plain.body)
    return classify(fault, CODES, quirks) if fault else plain_error(reply)


def _record(body: bytes) -> JsonObject | None:
    """The body's object; Google's hosts wrap an error in a list of one."""
    found = try_object(body)
    if found is None and body.lstrip()[:1] == b"[":
        found = try_object(body.strip()[1:-1])
    return found


def find_fault(record: JsonObject, status: int | None, body: str | None) -> Fault | None:
    """The error inside an answer's JSON, in any of the forms seen, or ``None`` where there is none."""
    told = record.get("error")
    if isinstance(told, str) and told:
        code = record.get("code")  # xAI tells it beside
        return Fault(message=told, codes=(code,) if isinstance(code, str) and code else (), status=status, body=body)
    if isinstance(told, dict):
        return _fault(told, status, body)
    if status is None or status < 400:
        return None
    if "message" in record:
        return _fault(record, status, body)
    detail = record.get("detail")
    return Fault(message=_detail(detail), status=status, body=body) if detail else None


def fault_error(told: Json, body: str, quirks: Quirks) -> DragomanError:
    """The error told by an ``error`` field inside an answer that began as a success."""
    fault = find_fault({"error": told}, None, body)
    return classify(fault or Fault(message="the service reports an error without a word about it", body=body), CODES, quirks)


def body_error(body: bytes, quirks: Quirks) -> DragomanError | None:
    """The error that a whole body tells though its status was a success, or ``None``. Some hosts have a form of their own for it."""
    record = _record(body)
    if record is None:
        return None
    if record.get("error"):
        return fault_error(record["error"], snippet(body), quirks)
    fault = find_fault(record, 500, snippet(body))
    return classify(fault, CODES, quirks) if fault else None


def _fault(told: JsonObject, status: int | None, body: str | None) -> Fault:
    message = _with_reason(told)
    code, kind, param = told.get("code"), told.get("type"), told.get("param")
    if status is None:
        status = _status_inside(told)
    return Fault(
        message=message if isinstance(message, str) and message else f"the service reports {code or kind or 'an error'}",
        codes=tuple(word for word in (code, kind) if isinstance(word, str) and word),
        param=param if isinstance(param, str) else None,
        status=status,
        body=body,
    )


_LONGEST_REASON: Final = 500


def _with_reason(told: JsonObject) -> Json:
    """The message; OpenRouter's says that a provider failed and no more, and what that one said stands beside."""
    message, beside = told.get("message"), told.get("metadata")
    raw = beside.get("raw") if isinstance(beside, dict) else None
    if not isinstance(beside, dict) or not isinstance(raw, str) or not raw.strip():
        return message
    record = try_object(raw.encode("utf-8", "replace"))
    fault = find_fault(record, 400, None) if record else None
    reason = fault.message if fault else raw
    who = beside.get("provider_name")
    return f"{message or 'the service reports an error'}{f' ({who})' if who else ''}: {reason[:_LONGEST_REASON]}"


def _status_inside(told: JsonObject) -> int | None:
    """The status that an error inside a success would have had: some say it, and an invalid request is the caller's fault."""
    for number in (told.get("code"), told.get("status_code")):
        if isinstance(number, int) and 400 <= number < 600:
            return number
    return 400 if told.get("type") == "invalid_request_error" else None


def _detail(detail: Json) -> str:
    """The validation reports of FastAPI servers (vLLM and many small hosts): text, or a list of places."""
    if isinstance(detail, list):
        return "; ".join(_place(item) for item in detail)
    return detail if isinstance(detail, str) else dump(detail).decode()


def _place(item: Json) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = item.get("loc")
    place = ".".join(map(str, where)) if isinstance(where, list) else ""
    return f"{place}: {item.get('msg', 'refused')}" if place else str(item.get("msg", "refused"))


def error_record(error: DragomanError) -> JsonObject:
    """``error`` in OpenAI's form."""
    kind, code = next((kind, code) for cls, kind, code in _WORDS if isinstance(error, cls))
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code or code}}


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer."""
    headers = [("content-type", "application/json")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    status = error.status if error.status and error.status >= 400 else error.answer_status
    return Reply(status, tuple(headers), dump(error_record(error)))
