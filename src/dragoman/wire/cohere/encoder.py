"""Cohere: events to an answer's bytes, streamed or whole.

The vendor's SDK takes an event for what its JSON says; the name before it is written too, as the vendor does. Content blocks, calls and
citations are numbered each for themselves. An answer without an id has an empty one, because the SDK requires it.
"""

from __future__ import annotations

from typing import Final, assert_never

from dragoman.core.errors import DragomanError, Unsupported
from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.exchange import Encoder
from dragoman.core.fold import Response
from dragoman.core.messages import Audio, Image, Opaque, Reasoning, Refusal, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.cohere.citations import NAME, encode_citation
from dragoman.wire.cohere.errors import error_record
from dragoman.wire.cohere.messages import encode_call, is_plan
from dragoman.wire.one_choice import OneChoice
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.serial import OneBlockAtATime
from dragoman.wire.spoken import SpokenSounds
from dragoman.wire.sse import CONTENT_TYPE, encode_event
from dragoman.wire.whole import WholeEncoder

DONE: Final = encode_event(b"[DONE]")

_FINISH: Final = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "content_filter": "ERROR_TOXIC"}
_OWN_STOPS: Final = frozenset({"COMPLETE", "STOP_SEQUENCE"})
_SHOWN: Final[dict[BlockKind, str]] = {"audio": "text", "text": "text", "refusal": "text", "reasoning": "thinking"}
"""The kinds that are content blocks here, and their type, which is also the field of their text."""


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    return OneChoice(SpokenSounds(StreamEncoder() if request.stream else WholeEncoder(_whole, error_record), "Cohere"))


class _Open:
    """The block that is being written."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind = kind
        self.number = number


class StreamEncoder:
    """Events to an event stream."""

    content_type = CONTENT_TYPE

    def __init__(self) -> None:
        self._order = OneBlockAtATime()
        self._open: _Open | None = None
        self._counts = {"content": 0, "tool": 0, "citation": 0}
        self._text: list[str] = []

    def send(self, event: Event) -> bytes:
        due = self._order.take(event)
        return b"".join([encode_event(dump(said), said["type"]) for one in due for said in self._said(one)])

    def fail(self, error: DragomanError) -> bytes:
        end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": error.message}}
        return encode_event(dump(end), "message-end")

    def close(self) -> bytes:
        return DONE

    def _said(self, event: Event) -> list[JsonObject]:
        match event:
            case TextDelta():
                self._text.append(event.text)
                return [_with_logprobs(self._delta("text", event.text), event.logprobs)]
            case ReasoningDelta():
                return [self._think(event.reasoning)]
            case ToolDelta():
                return [self._numbered("tool-call-delta", {"tool_calls": {"function": {"arguments": event.arguments}}})]
            case Started():
                return [_start(event.id)]
            case BlockStarted():
                return self._start_block(event)
            case BlockEnded():
                return self._end_block(event)
            case SourceAdded():
                return self._cite(event)
            case Finished():
                end: JsonObject = {"finish_reason": finish_word(event.reason), **event.extra.get(NAME, {})}
                if event.usage:
                    end["usage"] = encode_usage(event.usage)
                return [{"type": "message-end", "delta": end}]
            case MediaDelta():
                return [self._delta("text", event.transcript)] if event.transcript else []  # of a sound, what is said in it
            case _:
                assert_never(event)

    def _start_block(self, event: BlockStarted) -> list[JsonObject]:
        if event.kind == "tool":
            self._open = self._next("tool")
            function = {"name": event.name or "", "arguments": ""}
            return [self._numbered("tool-call-start", {"tool_calls": {"id": event.id or "", "type": "function", "function": function}})]
        if event.kind == "reasoning" and is_plan(event.extra):
            self._open = _Open("plan", 0)
            return []
        if event.kind == "image":
            raise _no_picture()
        shown = _SHOWN.get(event.kind)
        if shown:
            self._open = self._next("content")
            return [self._numbered("content-start", {"content": {"type": shown, shown: ""}})]
        self._open = _Open(event.kind, 0)
        return self._whole_block(event.extra.get(NAME))

    def _end_block(self, event: BlockEnded) -> list[JsonObject]:
        block, self._open = self._open, None
        if block is None or block.kind == "plan":
            return []
        if block.kind in ("tool", "content"):
            kind = "tool-call-end" if block.kind == "tool" else "content-end"
            return [{"type": kind, "index": block.number}]
        return self._whole_block(event.extra.get(NAME)) if block.kind == "opaque" else []

    def _whole_block(self, own: JsonObject | None) -> list[JsonObject]:
        """A block of a type that this vendor alone knows, in one piece."""
        if not own:
            return []
        block = self._next("content")
        started = {"type": "content-start", "index": block.number, "delta": {"message": {"content": own}}}
        return [started, {"type": "content-end", "index": block.number}]

    def _think(self, text: str) -> JsonObject:
        if self._open and self._open.kind == "plan":
            return {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}
        return self._delta("thinking", text)

    def _delta(self, field: str, text: str) -> JsonObject:
        return self._numbered("content-delta", {"content": {field: text}})

    def _cite(self, event: SourceAdded) -> list[JsonObject]:
        citation = encode_citation(event.source, "".join(self._text))
        if citation is None:
            return []
        number = self._next("citation").number
        started = {"type": "citation-start", "index": number, "delta": {"message": {"citations": citation}}}
        return [started, {"type": "citation-end", "index": number}]

    def _numbered(self, kind: str, message: JsonObject) -> JsonObject:
        """An event about the block that is being written."""
        return {"type": kind, "index": self._open.number if self._open else 0, "delta": {"message": message}}

    def _next(self, kind: str) -> _Open:
        number = self._counts[kind]
        self._counts[kind] += 1
        return _Open(kind, number)


def _start(id: str | None) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    return {"id": id or "", "type": "message-start", "delta": {"message": message}}


def _whole(response: Response) -> JsonObject:
    message: JsonObject = {"role": "assistant"}
    plan = "".join(part.text for part in response.parts if isinstance(part, Reasoning) and is_plan(part.extra))
    content = [block for part in response.parts if (block := _encode_block(part))]
    text = "".join(block.get("text", "") for block in content)
    cited = [encode_citation(source, text) for source in response.sources]
    fields: dict[str, Json] = {
        "tool_plan": plan,
        "content": content,
        "tool_calls": [encode_call(call) for call in response.tool_calls],
        "citations": [citation for citation in cited if citation],
    }
    message |= {name: value for name, value in fields.items() if value}
    finish = response.finish
    encoded: JsonObject = {"id": response.id or "", "finish_reason": finish_word(finish or FinishReason("unknown")), "message": message}
    if response.usage:
        encoded["usage"] = encode_usage(response.usage)
    first = response.choices[0] if response.choices else None
    if first and first.logprobs:
        encoded["logprobs"] = [_encode_logprobs((one,)) for one in first.logprobs]
    return {**encoded, **(first.extra.get(NAME, {}) if first else {})}


def _encode_block(part: object) -> JsonObject | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text}
        case Reasoning() if not is_plan(part.extra):
            return {"type": "thinking", "thinking": part.text}
        case Audio() if part.transcript:
            return {"type": "text", "text": part.transcript}
        case Opaque() if NAME in part.extra:
            return part.extra[NAME]
        case Image():
            raise _no_picture()
        case _:
            return None


def _no_picture() -> Unsupported:
    return Unsupported("the answer holds a picture, and the Cohere wire has no place for it")


def finish_word(reason: FinishReason) -> str:
    """Cohere's word; ``COMPLETE`` where the vendor said nothing, because one is required."""
    if reason.raw in _OWN_STOPS and reason.unified == "stop":
        return reason.raw
    return _FINISH.get(reason.unified) or reason.raw or "COMPLETE"


def encode_usage(usage: Usage) -> JsonObject:
    """Cohere's own record where there is one; else of its counts what is known."""
    if usage.raw and ("tokens" in usage.raw or "billed_units" in usage.raw):
        return usage.raw
    told = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    counts = {name: count for name, count in told.items() if count is not None}
    encoded: JsonObject = {"billed_units": counts, "tokens": counts} if counts else {}
    if usage.cache_read_tokens is not None:
        encoded["cached_tokens"] = usage.cache_read_tokens
    return encoded


def _with_logprobs(encoded: JsonObject, logprobs: tuple[TokenLogprob, ...] | None) -> JsonObject:
    if logprobs:
        encoded["logprobs"] = _encode_logprobs(logprobs)
    return encoded


def _encode_logprobs(logprobs: tuple[TokenLogprob, ...]) -> JsonObject:
    """A piece of text; the numbers of its tokens are unknown, and the SDK wants a list."""
    return {"text": "".join(one.token for one in logprobs), "token_ids": [], "logprobs": [one.logprob for one in logprobs]}
