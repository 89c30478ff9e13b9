"""OpenAI chat: an answer's bytes to events, streamed or whole."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, StreamCut
from dragoman.core.events import Event, Started
from dragoman.core.exchange import Decoder
from dragoman.core.usage import Usage
from dragoman.wire.alike import text_under
from dragoman.wire.framed import SniffedDecoder, StreamDecoder, WholeDecoder
from dragoman.wire.openai_chat.answer import ANSWER, EMPTY, NOTHING, OWN_OF_ANSWER, Answer, Choice, Said
from dragoman.wire.openai_chat.choice import ChoiceReader, plain_events, plain_text
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.openai_chat.errors import CODES, body_error, fault_error
from dragoman.wire.openai_chat.sources import sources, told_beside
from dragoman.wire.openai_chat.usage import decode_usage
from dragoman.wire.payload import dump, parse, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.stray import StrayLines, passing_fault, plain_fault

_TEXT: Final = text_under("content")


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole, and is read as what it turns out to be."""
    return SniffedDecoder(
        streaming,
        lambda: StreamDecoder(EventStream(), ChunkReader(quirks), None if quirks.think_tags else _TEXT),  # tags may stand in any text
        lambda: WholeDecoder(lambda body: read_whole(body, quirks)),
    )


class _State:
    """What both forms share: the choices seen, the usage, the sources told beside them."""

    def __init__(self, quirks: Quirks) -> None:
        self.started = False
        self.usage: Usage | None = None
        self.beside: msgspec.Raw | None = None
        self._choices: dict[int, ChoiceReader] = {}
        self._open = 0
        self._think_tags = quirks.think_tags

    def start(self, answer: Answer, out: list[Event]) -> None:
        self.started = True
        out.append(start_of(answer))

    def say(self, choice: Choice, said: Said, out: list[Event]) -> None:
        """The events of what one choice said."""
        reader = self._choices.get(choice.index)
        if reader is None:
            reader = self._choices[choice.index] = ChoiceReader(choice.index, self._think_tags)
            self._open += 1
        was_open = reader.reason is None
        reader.say(choice, said, out)
        if was_open and reader.reason is not None:
            self._open -= 1

    @property
    def is_complete(self) -> bool:
        """Whether every choice that was begun has told why it ended."""
        return not self._open and bool(self._choices)

    def finish(self, out: list[Event]) -> None:
        """End every choice; the usage stands on the last."""
        last = max(self._choices, default=0)
        for index in sorted(self._choices):
            beside = sources(self.beside) if self.beside is not None else ()
            self._choices[index].finish(self.usage if index == last else None, out, beside)


class ChunkReader:
    """Chunks of a streamed answer to events."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._state = _State(quirks)
        self._stray = StrayLines(CODES, quirks, body_error)
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._state.started)
            return
        if data.strip() == b"[DONE]":
            self._finish(out)
            return
        chunk = _parsed(data, self._quirks, "an event of the answer") if data.strip() else Answer()
        state = self._state
        if chunk.error:
            raise fault_error(chunk.error, snippet(data), self._quirks)
        if chunk.choices:
            if not state.started:
                state.start(chunk, out)
            for choice in chunk.choices:
                state.say(choice, choice.delta or choice.message or EMPTY, out)
            self.ending = state.is_complete and self._quirks.end_marker == "finish"
        elif chunk.choices is None and (fault := passing_fault(data, CODES, self._quirks)):
            raise fault
        state.beside = told_beside(chunk) or state.beside
        if chunk.usage is not NOTHING:
            state.usage = decode_usage(bytes(chunk.usage)) or state.usage
        elif chunk.x_groq:
            state.usage = decode_usage(bytes(chunk.x_groq.usage)) or state.usage

    def end(self, out: list[Event]) -> None:
        is_complete = self._state.is_complete
        if is_complete and self._quirks.end_marker != "done":
            self._finish(out)
            return
        if not self._state.started:
            raise self._stray.no_answer()
        awaited = "data: [DONE]" if is_complete else "a finish reason"
        raise StreamCut(f"the stream ended without {awaited}")

    def _finish(self, out: list[Event]) -> None:
        if not self._state.started:
            raise BadReply("the answer is empty: the stream holds its end marker alone")
        self._state.finish(out)
        self.done = True


def start_of(answer: Answer) -> Started:
    """What an answer or a chunk tells of itself."""
    own = {name: value for name in OWN_OF_ANSWER if (value := getattr(answer, name)) is not None}
    return Started(
        id=answer.id if isinstance(answer.id, str) and answer.id else None,
        model=answer.model or None,
        created_s=answer.created_s,
        extra={NAME: own} if own else {},
    )


def _parsed(data: bytes, quirks: Quirks, what: str = "the answer") -> Answer:
    try:
        return parse(data, ANSWER, what)
    except BadReply as unreadable:
        spared = _without_logprobs(data)
        if spared is None:
            raise plain_fault(data, CODES, quirks) or unreadable from None
        return spared


def _without_logprobs(data: bytes) -> Answer | None:
    """An answer that could be read but for its probabilities: hosts behind OpenRouter tell one number, and that spoils no good answer."""
    record = try_object(data)
    choices = record.get("choices") if record else None
    if record is None or not isinstance(choices, list) or not any(isinstance(one, dict) and one.get("logprobs") for one in choices):
        return None
    spared = [{**one, "logprobs": None} if isinstance(one, dict) else one for one in choices]
    try:
        return parse(dump({**record, "choices": spared}), ANSWER)
    except BadReply:
        return None


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole completion to events. Raises the error it tells, or ``BadReply``."""
    if body.lstrip()[:1] == b"[":
        raise body_error(body, quirks) or BadReply("the answer cannot be read: it is a list, not a completion", body=snippet(body))
    answer = _parsed(body, quirks)
    if answer.error:
        raise fault_error(answer.error, snippet(body), quirks)
    if not answer.choices:
        fault = body_error(body, quirks) or passing_fault(body, CODES, quirks)
        raise fault or BadReply("the answer holds no choices", body=snippet(body))
    beside = told_beside(answer)
    if len(answer.choices) == 1 and beside is None and not quirks.think_tags and (text := plain_text(answer.choices[0])):
        return [start_of(answer), *plain_events(answer.choices[0], text, decode_usage(bytes(answer.usage)))]
    out: list[Event] = []
    state = _State(quirks)
    state.start(answer, out)
    state.usage, state.beside = decode_usage(bytes(answer.usage)), beside
    for choice in answer.choices:
        state.say(choice, choice.message or choice.delta or EMPTY, out)
    state.finish(out)
    return out
