"""OpenAI chat: beginning and end of a whole answer, for who passes it on and need not know what is said in between.

Law: what ``read_whole`` says of the answer's id, model, tier, finish reasons and usage, or nothing at all.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Finished, FinishReason
from dragoman.wire.openai_chat.answer import FINISH, Answer
from dragoman.wire.openai_chat.decoder import start_of
from dragoman.wire.openai_chat.usage import decode_usage


class _Anything(msgspec.Struct, gc=False):
    """Whatever is in it."""


class _Message(msgspec.Struct):
    audio: _Anything | None = None
    tool_calls: list[_Anything] | None = None
    function_call: _Anything | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str
    index: int = 0

    @property
    def is_usual(self) -> bool:
        """Whether it has a reason, which is no other than it says, and nothing that the provider keeps."""
        message = self.message
        if not self.finish_reason or message.audio is not None:
            return False
        return self.finish_reason != "stop" or not (message.tool_calls or message.function_call)


class _Ends(Answer):
    choices: list[_Choice] | None = None  # type: ignore[assignment]  # less of each is read


_ENDS: Final = msgspec.json.Decoder(_Ends)


def read_ends(body: bytes) -> list[Event] | None:
    """``Started`` and each choice's ``Finished``; ``None`` where the answer is to be read whole."""
    try:
        answer = _ENDS.decode(body)
        choices = answer.choices
        if not choices or answer.error is not None or not all(choice.is_usual for choice in choices):
            return None
        usage = decode_usage(bytes(answer.usage))
    except (msgspec.DecodeError, UnicodeError, RecursionError, DragomanError):
        return None
    events: list[Event] = [start_of(answer)]
    for choice in choices:
        raw = choice.finish_reason
        events.append(Finished(FinishReason(FINISH.get(raw, "other"), raw), usage if choice is choices[-1] else None, choice.index))
    return events
