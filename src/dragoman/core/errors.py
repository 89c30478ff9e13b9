"""Everything that can go wrong, as one tree. No other exception type leaves the package.

::

    DragomanError
    ├── UsageError (also a ValueError)      the caller can mend it
    │   ├── BadRequest                      the request is malformed, here or by the provider's word
    │   ├── Unsupported                     the target cannot carry what was asked
    │   ├── UnknownModel                    no such provider or model name is known
    │   └── MissingKey                      the provider needs a key and none was found
    ├── ProviderError                       the provider answered, and the answer is an error
    │   ├── RateLimited                     too many requests or tokens for now
    │   ├── QuotaSpent                      the account's money or allowance is used up
    │   ├── AuthFailed                      the key was refused
    │   ├── PermissionDenied                the key is good, but not for this
    │   ├── ModelNotFound                   the provider does not have (or show) this model
    │   ├── ContextTooLong                  the prompt is larger than the model's context
    │   ├── ContentFiltered                 refused by the provider's content rules
    │   ├── Overloaded                      the provider is out of capacity
    │   ├── ServerFault                     the provider failed
    │   └── BadReply                        the answer breaks its own protocol
    ├── TransportError                      the network between us failed
    │   ├── ConnectFailed                   no connection, TLS or proxy failure
    │   ├── TimedOut                        a wait was longer than allowed
    │   ├── StreamCut                       the answer stopped before its end
    │   └── Cancelled                       the caller closed it
    ├── RouteExhausted                      every target of a route failed; ``attempts`` has them all
    └── TurnsExhausted                      a loop of tools came to its limit before an answer; ``messages`` has it all
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec

if TYPE_CHECKING:
    from dragoman.core.fold import Response
    from dragoman.core.messages import Message

REDACTED = "[key removed]"
SHORTEST_REAL_KEY = 8


class DragomanError(Exception):
    """Any failure of this package.

    ``provider`` and ``model`` name the target; ``status`` is the HTTP status it answered, ``code`` and ``param`` its own words for
    the fault, ``request_id`` its name for the request and ``body`` (text, at most a few kB) what it sent. ``retry_after_s`` is how
    long it asked us to wait. ``retryable`` says whether the same request may succeed later. ``partial`` is the answer as far as it
    had arrived, ``attempts`` the errors of earlier tries. ``messages`` is the conversation so far, where a loop of several calls was
    broken off. A fact that is not known is ``None``.
    """

    retryable_by_default: ClassVar[bool] = False
    answer_status: ClassVar[int] = 500
    """The HTTP status with which a gateway passes this failure on."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        body: str | None = None,
        retry_after_s: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.body = body
        self.retry_after_s = retry_after_s
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.partial: Response | None = None
        self.attempts: tuple[DragomanError, ...] = ()
        self.messages: tuple[Message, ...] = ()

    def __str__(self) -> str:
        facts = [
            "/".join(filter(None, (self.provider, self.model))),
            f"status {self.status}" if self.status else "",
            f"request {self.request_id}" if self.request_id else "",
            f"after {len(self.attempts) + 1} tries" if self.attempts else "",
        ]
        known = ", ".join(filter(None, facts))
        return f"{self.message} [{known}]" if known else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from positional arguments only; this keeps the facts when one crosses a process border.
        return _rebuild, (type(self), self.message, self.__dict__)

    def redact(self, secret: str) -> None:
        """Remove ``secret`` from every text this error could print, its earlier tries' and its partial answer's among them."""
        if not secret:
            return
        sight = _sight(secret)
        for name in ("message", "body", "code", "param", "request_id"):
            value = getattr(self, name)
            if value and secret in value:
                setattr(self, name, sight.sub(REDACTED, value))
        self.args = (self.message,)
        if self.partial is not None:
            self.partial = cast("Response", _without(self.partial, sight))
        for error in self.attempts:
            error.redact(secret)


def _sight(secret: str) -> re.Pattern[str]:
    """Where ``secret`` stands in a text. One so short that it may be part of a word counts only where it stands alone."""
    pattern = re.escape(secret)
    return re.compile(pattern if len(secret) >= SHORTEST_REAL_KEY else rf"(?<![\w-]){pattern}(?![\w-])")


def _without(value: object, sight: re.Pattern[str]) -> object:
    """``value`` with the secret taken out of every text in it."""
    match value:
        case str():
            return sight.sub(REDACTED, value)
        case bytes():
            return sight.sub(REDACTED, value.decode("latin-1")).encode("latin-1")
        case dict():
            return {_without(name, sight): _without(one, sight) for name, one in value.items()}
        case tuple() | list():
            return type(value)(_without(one, sight) for one in value)
        case msgspec.Struct():
            return msgspec.structs.replace(value, **{name: _without(getattr(value, name), sight) for name in value.__struct_fields__})
        case _:
            return value


def _rebuild(kind: type[DragomanError], message: str, facts: dict[str, object]) -> DragomanError:
    error = kind(message)
    error.__dict__.update(facts)
    return error


class UsageError(DragomanError, ValueError):
    """The call is wrong; the message says which argument, what was given and what is allowed."""

    answer_status = 400


class BadRequest(UsageError):
    """The request is malformed, by our own check or by the provider's word (then ``status`` is set)."""


class Unsupported(UsageError):
    """The chosen target cannot carry what was asked for."""


class UnknownModel(UsageError):
    """No provider or model of that name is known; the message names the nearest ones."""

    answer_status = 404


class MissingKey(UsageError):
    """The provider needs a key and none was given, configured or found in the environment."""

    answer_status = 401


class ProviderError(DragomanError):
    """The provider was reached and answered with a failure."""

    answer_status = 502


class RateLimited(ProviderError):
    """Too many requests or tokens for now."""

    retryable_by_default = True
    answer_status = 429


class QuotaSpent(ProviderError):
    """The account's money or allowance is used up: waiting does not help."""

    answer_status = 429


class AuthFailed(ProviderError):
    """The provider refused the key."""

    answer_status = 401


class PermissionDenied(ProviderError):
    """The key is known but may not do this."""

    answer_status = 403


class ModelNotFound(ProviderError):
    """The provider does not have this model, or does not show it to this key."""

    answer_status = 404


class ContextTooLong(ProviderError):
    """The prompt, or prompt and answer together, exceed the model's context."""

    answer_status = 400


class ContentFiltered(ProviderError):
    """The provider's content rules refused the prompt or the answer."""

    answer_status = 400


class Overloaded(ProviderError):
    """The provider is out of capacity."""

    retryable_by_default = True
    answer_status = 503


class ServerFault(ProviderError):
    """The provider failed inside."""

    retryable_by_default = True


class BadReply(ProviderError):
    """The answer breaks its own protocol: not JSON, wrong content type, an endless line, malformed HTTP."""

    retryable_by_default = True


class TransportError(DragomanError):
    """The network between us and the provider failed."""

    retryable_by_default = True
    answer_status = 502


class ConnectFailed(TransportError):
    """No connection could be made: name look-up, refusal, TLS or a proxy."""


class TimedOut(TransportError):
    """A wait was longer than allowed; the message says which (connect, first byte, between bytes, total)."""

    answer_status = 504


class StreamCut(TransportError):
    """The answer stopped before its own end marker. What had arrived was delivered and is in ``partial``."""


class Cancelled(TransportError):
    """The caller closed the client or the stream while it was in use."""

    retryable_by_default = False
    answer_status = 499


class RouteExhausted(DragomanError):
    """Every target of a route failed; ``attempts`` holds each one's own error, in order."""

    answer_status = 502


class TurnsExhausted(DragomanError):
    """A loop of tools was at its limit and the model still called for more. ``partial`` is its last answer, whose calls were not run."""
