"""OpenAI chat: beginning and end of a whole answer, for who passes it on and need not know what is said in between.

Law: what ``read_whole`` says of the answer's id, model, tier, finish reasons and usage, or nothing at all.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Finished, FinishReason
from dragoman.core.opaque import Json
from dragoman.wire.openai_chat.answer import FINISH, Answer
from dragoman.wire.openai_chat.decoder import start_of
from dragoman.wire.openai_chat.usage import decode_usage


class _Message(msgspec.Struct):
    """Whatever is in it, but for a sound, which the provider keeps."""

    audio: Json = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str
    index: int = 0


class _Ends(Answer):
    choices: list[_Choice] | None = None  # type: ignore[assignment]  # less of each is read


_ENDS: Final = msgspec.json.Decoder(_Ends)


def read_ends(body: bytes) -> list[Event] | None:
    """``Started`` and each choice's ``Finished``; ``None`` where the answer is to be read whole."""
    try:
        answer = _ENDS.decode(body)
        choices = answer.choices
        if not choices or answer.error is not None or any(not choice.finish_reason or choice.message.audio for choice in choices):
            return None
        usage = decode_usage(bytes(answer.usage))
    except (msgspec.DecodeError, UnicodeError, RecursionError, DragomanError):
        return None
    events: list[Event] = [start_of(answer)]
    for choice in choices:
        raw = choice.finish_reason
        events.append(Finished(FinishReason(FINISH.get(raw, "other"), raw), usage if choice is choices[-1] else None, choice.index))
    return events
