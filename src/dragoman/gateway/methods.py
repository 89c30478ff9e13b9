"""Which methods a path takes: HEAD wherever GET is taken, and OPTIONS everywhere, which tells them.

Source: https://www.rfc-editor.org/rfc/rfc9110, sections 9.3.2, 9.3.7 and 15.5.6, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.core.errors import BadRequest
from dragoman.server.answer import Answer


class NotAllowed(BadRequest):
    """A method that a path does not take."""

    allow = ""
    """Those that it takes, as the field ``allow`` names them."""


def not_allowed(method: str, path: str, taken: Iterable[str]) -> NotAllowed:
    """``method`` was used where ``taken`` are taken."""
    error = NotAllowed(f"method {method} was used for {path}; {', '.join(sorted(taken))} is allowed", status=405)
    error.allow = allow(taken)
    return error


def allow(taken: Iterable[str]) -> str:
    """The value of ``allow`` where ``taken`` are taken."""
    known = {*taken, "OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def told(taken: Iterable[str]) -> Answer:
    """The answer to OPTIONS."""
    return Answer(204, (("allow", allow(taken)),))
