"""What is at a path and which methods it takes: HEAD wherever GET is taken, and OPTIONS everywhere, which tells them.

Source: https://www.rfc-editor.org/rfc/rfc9110, sections 9.3.2, 9.3.7, 15.5.2 and 15.5.6, read 2026-11-21. Who asks for a WebSocket where
there is none is told 426, by which OpenAI's Codex 0.169 goes over to HTTP at once: at a 404, 405 or 501 it tries for six seconds.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from dragoman.core.errors import BadRequest, DragomanError, UnknownModel
from dragoman.core.exchange import Headers, header
from dragoman.server.answer import Answer

_LONGEST: Final = 100
"""Letters of a path that are told, and of one that may be another misspelled."""
_ALIKE: Final = 0.8


class NothingThere(UnknownModel):
    """Nothing is served at a path: told as each vendor tells of what it does not have."""


def nothing_at(path: str, known: Iterable[str]) -> NothingThere:
    """``known`` are the paths where something is."""
    near = difflib.get_close_matches(path, known, n=1, cutoff=_ALIKE) if len(path) <= _LONGEST else []
    hint = f"; did you mean {near[0]}?" if near else ""
    return NothingThere(f"nothing is served at {_cut(path)}{hint}", code="not_found")


def _cut(path: str) -> str:
    return path if len(path) <= _LONGEST else f"{path[:_LONGEST]}…"


class NotAllowed(BadRequest):
    """A method that a path does not take."""

    allow = ""
    """Those that it takes, as the field ``allow`` names them."""


def not_allowed(method: str, path: str, taken: Iterable[str], headers: Headers = ()) -> NotAllowed:
    """``method`` was used where ``taken`` are taken."""
    said, status = f"method {method} was used", 405
    if method == "GET" and (header(headers, "upgrade") or "").lower() == "websocket":
        said, status = "a WebSocket was asked", 426
    error = NotAllowed(f"{said} for {_cut(path)}; {', '.join(sorted(taken))} is allowed", status=status)
    error.allow = allow(taken)
    return error


def wanted(error: DragomanError, status: int) -> Headers:
    """What HTTP wants in the head of a failing answer in any dialect."""
    if isinstance(error, NotAllowed):
        return (("allow", error.allow),)
    return (("www-authenticate", "Bearer"),) if status == 401 else ()


def allow(taken: Iterable[str]) -> str:
    """The value of ``allow`` where ``taken`` are taken."""
    known = {*taken, "OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def told(taken: Iterable[str]) -> Answer:
    """The answer to OPTIONS."""
    return Answer(204, (("allow", allow(taken)),))
