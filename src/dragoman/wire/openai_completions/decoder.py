"""OpenAI's legacy completions: an answer's bytes to events, streamed or whole."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, StreamCut
from dragoman.core.events import Event, Finished, FinishReason, Started, TokenLogprob
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json
from dragoman.core.usage import Usage
from dragoman.wire.blocks import Blocks
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.openai_chat.answer import FINISH, NOTHING
from dragoman.wire.openai_chat.errors import CODES, body_error, fault_error
from dragoman.wire.openai_chat.usage import decode_usage
from dragoman.wire.openai_completions.request import NAME
from dragoman.wire.payload import parse, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.stray import StrayLines


class _Logprobs(msgspec.Struct):
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = NOTHING
    error: Json = None
    system_fingerprint: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventStream(), _ChunkReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


class _State:
    def __init__(self) -> None:
        self.started = False
        self.usage: Usage | None = None
        self._blocks: dict[int, Blocks] = {}
        self._reasons: dict[int, FinishReason] = {}

    @property
    def is_complete(self) -> bool:
        return bool(self._blocks) and len(self._reasons) == len(self._blocks)

    def take(self, answer: _Answer, out: list[Event]) -> None:
        """The events of a chunk or a whole answer."""
        if answer.choices and not self.started:
            self.started = True
            created = int(answer.created) if answer.created else None
            own = {"system_fingerprint": answer.system_fingerprint} if answer.system_fingerprint else {}
            out.append(Started(id=answer.id or None, model=answer.model or None, created_s=created, extra={NAME: own} if own else {}))
        for choice in answer.choices or ():
            blocks = self._blocks.setdefault(choice.index, Blocks(choice.index))
            logprobs = _logprobs(choice.logprobs) if choice.logprobs else None
            if choice.text or logprobs:
                blocks.text(out, choice.text or "", logprobs)
            if choice.finish_reason:
                self._reasons[choice.index] = FinishReason(FINISH.get(choice.finish_reason, "other"), choice.finish_reason)
        if answer.usage is not NOTHING:
            self.usage = decode_usage(bytes(answer.usage)) or self.usage

    def finish(self, out: list[Event]) -> None:
        last = max(self._blocks, default=0)
        for index in sorted(self._blocks):
            self._blocks[index].end(out)
            out.append(Finished(self._reasons.get(index) or FinishReason("unknown"), self.usage if index == last else None, index))


def _logprobs(told: _Logprobs) -> tuple[TokenLogprob, ...] | None:
    """Three lists to one; the first token of an echoed prompt has no probability and is left out."""
    tokens, values = told.tokens or [], told.token_logprobs or []
    tops = told.top_logprobs or [None] * len(tokens)
    found = [
        TokenLogprob(token, value, None, tuple(TokenLogprob(*pair) for pair in (top or {}).items()))
        for token, value, top in zip(tokens, values, tops, strict=False)
        if value is not None
    ]
    return tuple(found) or None


class _ChunkReader:
    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._state = _State()
        self._stray = StrayLines(CODES, quirks, body_error)
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._state.started)
        elif data == b"[DONE]":
            self._finish(out)
        elif data.strip():
            chunk = parse(data, _ANSWER, "an event of the answer")
            if chunk.error:
                raise fault_error(chunk.error, snippet(data), self._quirks)
            self._state.take(chunk, out)
            self.ending = self._state.is_complete and self._quirks.end_marker == "finish"

    def end(self, out: list[Event]) -> None:
        if self._state.is_complete and self._quirks.end_marker != "done":
            self._finish(out)
        elif self._state.started:
            raise StreamCut(f"the stream ended without {'data: [DONE]' if self._state.is_complete else 'a finish reason'}")
        else:
            raise self._stray.no_answer()

    def _finish(self, out: list[Event]) -> None:
        if not self._state.started:
            raise BadReply("the answer is empty: the stream holds its end marker alone")
        self._state.finish(out)
        self.done = True


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    answer = parse(body, _ANSWER)
    if answer.error:
        raise fault_error(answer.error, snippet(body), quirks)
    if not answer.choices:
        raise body_error(body, quirks) or BadReply("the answer holds no choices", body=snippet(body))
    out: list[Event] = []
    state = _State()
    state.take(answer, out)
    state.finish(out)
    return out
