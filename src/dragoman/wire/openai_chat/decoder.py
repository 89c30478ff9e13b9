"""OpenAI chat: an answer's bytes to events, streamed or whole."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, DragomanError, StreamCut
from dragoman.core.events import Event, Finished, FinishName, FinishReason, Started, TokenLogprob
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.blocks import Blocks
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.openai_chat.errors import CODES, body_error, fault_error
from dragoman.wire.openai_chat.messages import NAME
from dragoman.wire.payload import SNIPPET_CHARACTERS, dump, parse, parse_object, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.status import Fault, classify

FINISH: Final[dict[str, FinishName]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""The vendor's finish reasons and ours; any other word is ``other``."""


_NOTHING: Final = msgspec.Raw(b"null")


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: msgspec.Raw = _NOTHING


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Logprobs(msgspec.Struct):
    content: tuple[TokenLogprob, ...] | None = None
    refusal: tuple[TokenLogprob, ...] | None = None


class _Said(msgspec.Struct):
    """A whole message or a streamed delta: their fields are the same."""

    content: str | list[Json] | JsonObject | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Answer(msgspec.Struct):
    """A chunk or a whole completion; only what is read, everything optional, because imitators leave out what they like."""

    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _NOTHING
    error: Json = None
    service_tier: str | None = None
    system_fingerprint: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_USAGE: Final = msgspec.json.Decoder(_Usage)
_TEXT: Final = msgspec.json.Decoder(str)
_EMPTY: Final = _Said()
_NO_LOGPROBS: Final = _Logprobs()


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventStream(), ChunkReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


class _State:
    """What both forms share: the choices seen, their reasons, the usage."""

    def __init__(self) -> None:
        self.started = False
        self.blocks: dict[int, Blocks] = {}
        self.reasons: dict[int, FinishReason] = {}
        self.usage: Usage | None = None

    def start(self, answer: _Answer, out: list[Event]) -> None:
        self.started = True
        told = {"service_tier": answer.service_tier, "system_fingerprint": answer.system_fingerprint}
        own = {name: value for name, value in told.items() if value is not None}
        out.append(
            Started(
                id=answer.id or None,
                model=answer.model or None,
                created_s=int(answer.created) if answer.created else None,
                extra={NAME: own} if own else {},
            )
        )

    def say(self, choice: _Choice, said: _Said, out: list[Event]) -> None:
        """The events of what one choice said."""
        blocks = self.blocks.get(choice.index)
        if blocks is None:
            blocks = self.blocks[choice.index] = Blocks(choice.index)
        thought = said.reasoning_content or said.reasoning
        if thought:
            blocks.reasoning(out, thought)
        content = said.content
        logprobs = choice.logprobs or _NO_LOGPROBS
        if isinstance(content, str):
            if content or logprobs.content:  # a token that is part of a letter comes without text
                blocks.text(out, content, logprobs.content)
        elif content:
            _say_parts(blocks, content, out)
        if said.refusal:
            blocks.refusal(out, said.refusal, logprobs.refusal)
        if said.tool_calls:
            for position, call in enumerate(said.tool_calls):
                _say_call(blocks, position if call.index is None else call.index, call, out)
        if choice.finish_reason:
            raw = choice.finish_reason
            self.reasons[choice.index] = FinishReason(FINISH.get(raw, "other"), raw)

    def finish(self, out: list[Event]) -> None:
        """End every choice; the usage stands on the last."""
        for index in sorted(self.blocks):
            self.blocks[index].end(out)
            reason = self.reasons.get(index) or FinishReason("unknown")
            out.append(Finished(reason, self.usage if index == max(self.blocks) else None, index))


def _say_parts(blocks: Blocks, content: list[Json] | JsonObject, out: list[Event]) -> None:
    """Content that is not plain text: Mistral's list of parts, or the object itself where JSON was asked of Cloudflare."""
    if isinstance(content, dict):
        blocks.text(out, dump(content).decode())
        return
    for part in content:
        match part:
            case {"type": "text", "text": str(text)}:
                blocks.text(out, text)
            case {"type": "thinking", "thinking": [*thoughts]}:
                for thought in thoughts:
                    if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                        blocks.reasoning(out, thought["text"])


def _say_call(blocks: Blocks, key: int, call: _Call, out: list[Event]) -> None:
    function = call.function
    arguments = _arguments(function.arguments) if function else ""
    blocks.tool(out, key, call.id, function.name if function else None, arguments)


def _arguments(raw: msgspec.Raw) -> str:
    """The exact JSON text of a call's arguments; some hosts send the object itself instead of its text."""
    data = bytes(raw)
    if data[:1] == b'"':
        return parse(data, _TEXT)
    return "" if data == b"null" else data.decode("utf-8", "replace")


class ChunkReader:
    """Chunks of a streamed answer to events."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._state = _State()
        self._stray: list[bytes] = []
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._read_stray(data)
            return
        if data == b"[DONE]":
            self._finish(out)
            return
        chunk = parse(data, _ANSWER, "an event of the answer") if data.strip() else _Answer()
        state = self._state
        if chunk.error:
            raise fault_error(chunk.error, snippet(data), self._quirks)
        if chunk.choices:
            if not state.started:
                state.start(chunk, out)
            for choice in chunk.choices:
                state.say(choice, choice.delta or choice.message or _EMPTY, out)
            self.ending = len(state.reasons) == len(state.blocks)
        if chunk.usage is not _NOTHING:
            state.usage = decode_usage(bytes(chunk.usage)) or state.usage

    def end(self, out: list[Event]) -> None:
        if self.ending and self._quirks.end_marker == "finish":
            self._finish(out)
            return
        if not self._state.started and self._stray:
            raise self._stray_error()
        if not self._state.started:
            raise BadReply("the answer is empty: the stream ended without a single event")
        awaited = "data: [DONE]" if self.ending else "a finish reason"
        raise StreamCut(f"the stream ended without {awaited}")

    def _finish(self, out: list[Event]) -> None:
        if not self._state.started:
            raise BadReply("the answer is empty: the stream holds its end marker alone")
        self._state.finish(out)
        self.done = True

    def _read_stray(self, line: bytes) -> None:
        """A line that is no event: a fault that the host announces in plain text, or a page that is no event stream at all."""
        text = snippet(line)
        if any(re.search(passing.pattern, text) for passing in self._quirks.passing_faults):
            raise classify(Fault(message=text, body=text), CODES, self._quirks)
        if sum(map(len, self._stray)) < SNIPPET_CHARACTERS:
            self._stray.append(line)

    def _stray_error(self) -> DragomanError:
        body = b"\n".join(self._stray)
        no_stream = BadReply("the answer is not an event stream though its content type says so", body=snippet(body))
        return body_error(body, self._quirks) or no_stream


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole completion to events. Raises the error it tells, or ``BadReply``."""
    answer = parse(body, _ANSWER)
    if answer.error:
        raise fault_error(answer.error, snippet(body), quirks)
    if not answer.choices:
        raise body_error(body, quirks) or BadReply("the answer holds no choices", body=snippet(body))
    out: list[Event] = []
    state = _State()
    state.start(answer, out)
    state.usage = decode_usage(bytes(answer.usage))
    for choice in answer.choices:
        state.say(choice, choice.message or choice.delta or _EMPTY, out)
    state.finish(out)
    return out


def decode_usage(data: bytes) -> Usage | None:
    """OpenAI's token counts, already totals that include their parts."""
    if data == b"null":
        return None
    told = parse(data, _USAGE, "the usage")
    input_details = told.prompt_tokens_details or _InputDetails()
    output_details = told.completion_tokens_details or _OutputDetails()
    raw: JsonObject = parse_object(data, "the usage")
    return Usage(
        input_tokens=told.prompt_tokens,
        cache_read_tokens=input_details.cached_tokens,
        cache_write_tokens=input_details.cache_write_tokens,
        input_audio_tokens=input_details.audio_tokens,
        output_tokens=told.completion_tokens,
        reasoning_tokens=output_details.reasoning_tokens,
        output_audio_tokens=output_details.audio_tokens,
        raw=raw,
    )
