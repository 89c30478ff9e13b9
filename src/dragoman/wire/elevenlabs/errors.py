"""ElevenLabs: ``{"detail": {"status", "message"}}``; ``detail`` may be a text, or a list of faults in single fields.

https://help.elevenlabs.io/hc/en-us/articles/19572237925521 and https://elevenlabs.io/docs/developers/resources/error-messages, read
2026-11-21. The word in ``status`` tells more than the HTTP status: a spent quota comes as 401.
"""

from __future__ import annotations

from typing import Final

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import Fault, classify, plain_error

NAME: Final = "elevenlabs"

CODES: Final[dict[str, type[DragomanError]]] = {
    "invalid_api_key": errors.AuthFailed,
    "needs_authorization": errors.AuthFailed,
    "missing_permissions": errors.PermissionDenied,
    "detected_unusual_activity": errors.PermissionDenied,
    "only_for_creator+": errors.PermissionDenied,
    "quota_exceeded": errors.QuotaSpent,
    "max_character_limit_exceeded": errors.ContextTooLong,
    "too_many_concurrent_requests": errors.RateLimited,
    "concurrent_limit_exceeded": errors.RateLimited,
    "rate_limit_exceeded": errors.RateLimited,
    "system_busy": errors.Overloaded,
    "model_not_found": errors.ModelNotFound,
    "voice_not_found": errors.BadRequest,
    "content_against_policy": errors.ContentFiltered,
}
"""By the vendor's word; what is not here goes by the HTTP status."""

_WORDS: Final[tuple[tuple[type[DragomanError], str], ...]] = (
    (errors.MissingKey, "invalid_api_key"),
    (errors.UnknownModel, "model_not_found"),
    (errors.UsageError, "invalid_parameters"),
    (errors.RateLimited, "rate_limit_exceeded"),
    (errors.QuotaSpent, "quota_exceeded"),
    (errors.AuthFailed, "invalid_api_key"),
    (errors.PermissionDenied, "missing_permissions"),
    (errors.ModelNotFound, "model_not_found"),
    (errors.ContextTooLong, "max_character_limit_exceeded"),
    (errors.ContentFiltered, "content_against_policy"),
    (errors.Overloaded, "system_busy"),
    (DragomanError, "internal_server_error"),
)
"""How our errors are told; the first class that fits holds."""


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means."""
    told = (try_object(reply.body) or {}).get("detail")
    if isinstance(told, list) and told and isinstance(told[0], dict):
        told = {"message": told[0].get("msg"), "param": _place(told[0].get("loc"))}
    if isinstance(told, str):
        told = {"message": told}
    if not isinstance(told, dict) or not isinstance(told.get("message"), str):
        return plain_error(reply)
    codes = tuple(told[name] for name in ("status", "code") if isinstance(told.get(name), str))
    param = told.get("param")
    fault = Fault(
        message=told["message"],
        codes=codes,
        param=param if isinstance(param, str) else None,
        status=reply.status,
        body=snippet(reply.body),
    )
    return classify(fault, CODES, quirks)


def _place(given: Json) -> str | None:
    return ".".join(str(step) for step in given if step != "body") if isinstance(given, list) else None


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer."""
    word = next(word for kind, word in _WORDS if isinstance(error, kind))
    detail: JsonObject = {"status": word, "message": error.message}
    if error.param is not None:
        detail["param"] = error.param
    status = error.status if error.status and 400 <= error.status < 600 else error.answer_status
    headers = [("content-type", "application/json")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    return Reply(status, tuple(headers), dump({"detail": detail}))
