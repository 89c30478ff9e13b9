"""Which methods a path takes: HEAD wherever GET is taken, and OPTIONS everywhere, which tells them.

Source: https://www.rfc-editor.org/rfc/rfc9110, sections 9.3.2, 9.3.7 and 15.5.6, read 2026-11-21. Who asks for a WebSocket where there is
none is told 426, by which OpenAI's Codex 0.169 goes over to HTTP at once: at a 404, 405 or 501 it tries for six seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Headers, header
from dragoman.server.answer import Answer


class NotAllowed(BadRequest):
    """A method that a path does not take."""

    allow = ""
    """Those that it takes, as the field ``allow`` names them."""


def not_allowed(method: str, path: str, taken: Iterable[str], headers: Headers = ()) -> NotAllowed:
    """``method`` was used where ``taken`` are taken."""
    said, status = f"method {method} was used", 405
    if method == "GET" and (header(headers, "upgrade") or "").lower() == "websocket":
        said, status = "a WebSocket was asked", 426
    error = NotAllowed(f"{said} for {path}; {', '.join(sorted(taken))} is allowed", status=status)
    error.allow = allow(taken)
    return error


def allow(taken: Iterable[str]) -> str:
    """The value of ``allow`` where ``taken`` are taken."""
    known = {*taken, "OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def told(taken: Iterable[str]) -> Answer:
    """The answer to OPTIONS."""
    return Answer(204, (("allow", allow(taken)),))
