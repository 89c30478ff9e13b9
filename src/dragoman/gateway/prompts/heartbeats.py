"""What is sent into a stream that is silent, so that nobody on the way takes the connection for dead.

Only to callers whose dialect has a place for it: a comment, which event streams may hold anywhere and OpenAI's clients leave out, and
Anthropic's own ``ping``. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-21.
"""

from __future__ import annotations

from typing import Final

from dragoman.server.answer import Beat

_COMMENT: Final = b": keep-alive\n\n"
_BEATS: Final = {
    "openai_chat": _COMMENT,
    "openai_completions": _COMMENT,
    "openai_responses": _COMMENT,
    "anthropic_messages": b'event: ping\ndata: {"type": "ping"}\n\n',
}


def beat_of(dialect: str, silence_s: float | None) -> Beat | None:
    """What callers at faces of ``dialect`` get after ``silence_s`` seconds without a word; nothing where it has no place for it."""
    piece = _BEATS.get(dialect)
    return None if piece is None or silence_s is None else Beat(piece, silence_s)
