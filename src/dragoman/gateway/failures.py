"""Failures as callers see them: in their own dialect, with what they can mend told and what is the gateway's own affair kept apart."""

from __future__ import annotations

from copy import copy
from http import HTTPStatus
from typing import Final

from dragoman.core.errors import (
    AuthFailed,
    ConnectFailed,
    DragomanError,
    MissingKey,
    PermissionDenied,
    RouteExhausted,
    ServerFault,
)
from dragoman.flow.fallback import exhausted

_STATUSES: Final = frozenset(HTTPStatus)
"""Every other is one vendor's own, such as Anthropic's 529: callers of another vendor do not know it."""
_OURS: Final = (AuthFailed, PermissionDenied, MissingKey)
"""Between the gateway and a provider; the caller's own key has nothing to do with it."""


def names_addresses(error: DragomanError) -> bool:
    """Whether it tells where the gateway went or was sent, which is for its operator to know: callers need no map of what is behind it."""
    return error.provider is not None and (isinstance(error, ConnectFailed) or _is_redirect(error))


def _is_redirect(error: DragomanError) -> bool:
    return error.status is not None and 300 <= error.status < 400


def _between_us(error: DragomanError) -> DragomanError:
    """What the gateway and a provider have to settle."""
    told: DragomanError
    if isinstance(error, ConnectFailed):
        told = ConnectFailed(f"{error.provider} could not be reached", retryable=error.retryable)
    else:
        what = "redirects the gateway, which does not follow" if _is_redirect(error) else f"refused the gateway: {error.message}"
        told = ServerFault(f"{error.provider} {what}", status=502, code="upstream_refused", retryable=False)
    told.provider, told.model = error.provider, error.model
    return told


def shown(error: DragomanError) -> DragomanError:
    """``error`` as it may be told to a caller."""
    if names_addresses(error) or (isinstance(error, _OURS) and error.provider is not None):
        return _between_us(error)
    if isinstance(error, RouteExhausted) and error.attempts:
        causes = [shown(cause) for cause in error.attempts]
        told, last = exhausted(causes), causes[-1]
        if len({type(cause) for cause in causes}) > 1:
            return told
        one = type(last)(told.message, status=last.status, code=last.code, param=last.param, retry_after_s=error.retry_after_s)
        one.attempts = error.attempts  # each failed alike, so the caller does what that failure asks for
        return one
    if error.status is not None and error.status not in _STATUSES:
        plain = copy(error)
        plain.status = None
        return plain
    return error
