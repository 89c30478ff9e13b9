"""Anthropic messages: beginning and end of a whole answer, for who passes it on and need not know what is said in between.

Law: what ``read_whole`` says of the answer's id, model, stop reason and usage, or nothing at all.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.events import Event, Finished, FinishReason, Started
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.anthropic_messages.decoder import FINISH
from dragoman.wire.anthropic_messages.usage import decode_usage


class _Block(msgspec.Struct, gc=False):
    """Whatever is in it."""


class _Ends(msgspec.Struct):
    content: list[_Block]
    stop_reason: str
    usage: JsonObject
    id: str | None = None
    model: str | None = None
    type: str = ""
    error: Json = None
    container: Json = None
    """What the provider keeps."""


_ENDS: Final = msgspec.json.Decoder(_Ends)


def read_ends(body: bytes) -> list[Event] | None:
    """``Started`` and ``Finished``; ``None`` where the answer is to be read whole."""
    try:
        answer = _ENDS.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if (
        not answer.stop_reason
        or answer.error is not None
        or answer.container is not None
        or answer.type == "error"
        or None in answer.usage.values()
    ):
        return None
    raw = answer.stop_reason
    end = Finished(FinishReason(FINISH.get(raw, "other"), raw), decode_usage(answer.usage))
    return [Started(id=answer.id or None, model=answer.model or None), end]
