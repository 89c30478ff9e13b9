"""Failures as callers see them: in their own dialect, with what they can mend told and what is the gateway's own affair kept apart."""

from __future__ import annotations

from copy import copy
from http import HTTPStatus
from typing import Final

from dragoman.core.errors import (
    AuthFailed,
    DragomanError,
    MissingKey,
    PermissionDenied,
    RouteExhausted,
    ServerFault,
)

_STATUSES: Final = frozenset(HTTPStatus)
"""Every other is one vendor's own, such as Anthropic's 529: callers of another vendor do not know it."""
_OURS: Final = (AuthFailed, PermissionDenied, MissingKey)
"""Between the gateway and a provider; the caller's own key has nothing to do with it."""


def shown(error: DragomanError) -> DragomanError:
    """``error`` as it may be told to a caller."""
    if isinstance(error, _OURS) and error.provider is not None:
        told = ServerFault(f"{error.provider} refused the gateway: {error.message}", status=502, code="upstream_refused", retryable=False)
        told.provider, told.model = error.provider, error.model
        return told
    if isinstance(error, RouteExhausted) and error.attempts:
        causes = {type(shown(cause)) for cause in error.attempts}
        if len(causes) == 1:  # each failed alike, so the caller does what that failure asks for
            last = shown(error.attempts[-1])
            one = type(last)(error.message, status=last.status, code=last.code, param=last.param, retry_after_s=error.retry_after_s)
            one.attempts = error.attempts
            return one
    if error.status is not None and error.status not in _STATUSES:
        plain = copy(error)
        plain.status = None
        return plain
    return error
