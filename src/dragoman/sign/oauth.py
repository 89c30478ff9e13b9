"""Asking an OAuth 2.0 token endpoint, and understanding what it says.

Documentation: RFC 6749, sections 4.4, 5 and 6, read 2026-11-21. What an endpoint says of a fault is told; what was sent to it never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from dragoman.core.errors import AuthFailed, BadReply, DragomanError, RateLimited, ServerFault, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.core.token import Grant, Token

SECRET_FIELDS: Final = ("assertion", "client_assertion", "client_secret", "refresh_token", "subject_token")
PASSING: Final = frozenset({"temporarily_unavailable", "server_error", "internal_failure", "backend_error", "IDPCommunicationError"})
"""Codes of faults that go away, whatever the status."""
THROTTLED: Final = frozenset({"Throttling", "ThrottlingException"})
UNSAID_LIFETIME_S: Final = 300.0
"""Of a token whose answer does not say how long it is good."""
LONGEST_S: Final = 10.0 * 365 * 86400
"""No token is believed to hold longer."""
MAX_BODY: Final = 4096
"""How much of a failing answer is kept for people to read."""


class _Answer(msgspec.Struct):
    access_token: str | None = None
    expires_in: float | None = None
    expires_on: str | float | None = None
    """Seconds since 1970, which Azure's machines tell in place of the above."""
    error: str | dict[str, object] | None = None
    error_description: str | None = None


def grant(url: str, fields: Mapping[str, str]) -> Grant:
    """The question for a token at ``url``. Raises ``UsageError`` where that is no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise UsageError(f"token address: {url!r} was found; an address like https://host/path is expected")
    secrets = [fields[name] for name in SECRET_FIELDS if name in fields]
    headers = (("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json"))
    shown = dict.fromkeys([*secrets, *map(quote_plus, secrets)])
    return Grant(Call("POST", url, headers, urlencode(fields).encode()), tuple(shown))


def read_token(reply: Reply, now_epoch_s: float) -> Token:
    """The token in ``reply``, which came at ``now_epoch_s``. Raises ``ProviderError`` where it holds none."""
    answer = _decoded(reply)
    if not 200 <= reply.status < 300 or answer is None or answer.access_token is None:
        raise _fault(reply, answer or _Answer())
    lifetime_s = _lifetime_s(answer, now_epoch_s)
    return read_bare_token(answer.access_token, now_epoch_s + min(max(lifetime_s, 0.0), LONGEST_S), reply)


def _lifetime_s(answer: _Answer, now_epoch_s: float) -> float:
    if answer.expires_in is not None:
        return answer.expires_in
    try:
        return UNSAID_LIFETIME_S if answer.expires_on is None else float(answer.expires_on) - now_epoch_s
    except ValueError:  # a date, in one of the forms that it had
        return UNSAID_LIFETIME_S


def read_bare_token(text: str, ends_epoch_s: float, reply: Reply) -> Token:
    """A token that can be put into a header. Raises ``BadReply``."""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise BadReply("the token endpoint gave a token that no header can carry", status=reply.status)
    return Token(text, ends_epoch_s)


def timestamp(told: str, source: str) -> float:
    """A time of RFC 3339, or as older tools of AWS wrote it, in seconds since 1970. Raises ``BadReply`` that names ``source``."""
    try:
        read = datetime.fromisoformat(told.removesuffix("UTC"))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadReply(f"{source}: an end of {told[:40]!r} was found; a time like 2026-01-31T12:00:00Z is expected") from None


def _fault(reply: Reply, answer: _Answer) -> DragomanError:
    code, words = _told(answer)
    said = ": ".join(filter(None, (code, words))) or "nothing that says why"
    return _error(reply, f"the token endpoint gave no token: {said}", code)


def refusal(reply: Reply, what: str) -> DragomanError:
    """The error where something else than a token endpoint gave nothing: ``what`` says who, and the answer why."""
    answer = _decoded(reply) or _Answer()
    code, words = _told(answer)
    said = ": ".join(filter(None, (code, words))) or f"it answered with status {reply.status} and does not say why"
    return _error(reply, f"{what}: {said}", code)


def _error(reply: Reply, message: str, code: str | None) -> DragomanError:
    body = None if reply.status == 200 else reply.body[:MAX_BODY].decode(errors="replace")
    return fault_kind(reply.status, code)(message, status=reply.status, code=code, body=body)


def _decoded(reply: Reply) -> _Answer | None:
    try:
        return msgspec.json.decode(reply.body, type=_Answer, strict=False)
    except (ValueError, RecursionError):
        return None


def _told(answer: _Answer) -> tuple[str | None, str | None]:
    """The fault's code and words; Google's newer endpoints tell them in an object."""
    if isinstance(answer.error, dict):
        status, words = answer.error.get("status"), answer.error.get("message")
        return (status if isinstance(status, str) else None), (words if isinstance(words, str) else None)
    return answer.error, answer.error_description


def fault_kind(status: int, code: str | None) -> type[DragomanError]:
    """The error for an answer that gives nothing to sign with."""
    if status == 429 or code in THROTTLED:
        return RateLimited
    if status >= 500 or code in PASSING:
        return ServerFault
    return AuthFailed if 400 <= status < 500 else BadReply
