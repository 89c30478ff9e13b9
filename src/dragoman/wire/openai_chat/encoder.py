"""OpenAI chat: events to an answer's bytes, streamed or whole."""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.events import (
    BlockEnded,
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
from dragoman.core.fold import Choice, Fold, Response
from dragoman.core.messages import Message, Reasoning, Refusal, Text, ToolCall
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.openai_chat.errors import error_record
from dragoman.wire.openai_chat.messages import NAME
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, encode_event

DONE: Final = encode_event(b"[DONE]")
REASONING_FIELD: Final = "reasoning_content"
"""DeepSeek's name for it, which most hosts and clients have taken up; OpenAI itself shows no reasoning here."""


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    return StreamEncoder(request) if request.stream else WholeEncoder(request)


class ChunkBuilder:
    """Events to the chunks of a streamed completion, as objects. Also serves the library's own OpenAI-shaped streams."""

    def __init__(self, model: str, with_usage: bool) -> None:
        self._head: JsonObject = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": model}
        self._with_usage = with_usage
        self._calls: dict[tuple[int, int], int] = {}
        self._kinds: dict[tuple[int, int], str] = {}
        self._greeted: set[int] = set()
        self._usage: Usage | None = None

    def chunks(self, event: Event) -> list[JsonObject]:
        """The chunks that ``event`` becomes, mostly one or none."""
        match event:
            case TextDelta():
                field = self._kinds.get((event.choice, event.index), "content")
                return self._said(event.choice, {field: event.text}, event.logprobs)
            case ReasoningDelta():
                return self._said(event.choice, {REASONING_FIELD: event.reasoning})
            case ToolDelta():
                call = {"index": self._calls[event.choice, event.index], "function": {"arguments": event.arguments}}
                return self._said(event.choice, {"tool_calls": [call]})
            case Started():
                return self._start(event)
            case BlockStarted():
                return self._open(event)
            case Finished():
                self._usage = event.usage or self._usage
                return [self._chunk(event.choice, {}, finish_word(event.reason))]
            case BlockEnded() | SourceAdded() | MediaDelta():
                return []
            case _:
                assert_never(event)

    def last(self) -> list[JsonObject]:
        """The chunk with the usage, where it was asked for."""
        if not self._with_usage:
            return []
        return [{**self._head, "choices": [], "usage": encode_usage(self._usage) if self._usage else None}]

    def _start(self, event: Started) -> list[JsonObject]:
        self._head |= {"id": event.id or "", "created": event.created_s or 0, "model": event.model or self._head["model"]}
        self._head |= event.extra.get(NAME, {})
        return [self._chunk(0, self._greeting(0) | {"content": ""})]

    def _open(self, event: BlockStarted) -> list[JsonObject]:
        key = (event.choice, event.index)
        if event.kind == "refusal":
            self._kinds[key] = "refusal"
        if event.kind != "tool":
            return []
        index = self._calls[key] = sum(choice == event.choice for choice, _ in self._calls)
        call = {"index": index, "id": event.id or "", "type": "function", "function": {"name": event.name or "", "arguments": ""}}
        return self._said(event.choice, {"tool_calls": [call]})

    def _greeting(self, choice: int) -> JsonObject:
        """The role, once for each choice."""
        if choice in self._greeted:
            return {}
        self._greeted.add(choice)
        return {"role": "assistant"}

    def _said(self, choice: int, delta: JsonObject, logprobs: tuple[TokenLogprob, ...] | None = None) -> list[JsonObject]:
        return [self._chunk(choice, self._greeting(choice) | delta, None, logprobs)]

    def _chunk(
        self, choice: int, delta: JsonObject, finish: str | None = None, logprobs: tuple[TokenLogprob, ...] | None = None
    ) -> JsonObject:
        told = encode_logprobs(logprobs, of_refusal="refusal" in delta)
        said = {"index": choice, "delta": delta, "logprobs": told, "finish_reason": finish}
        chunk = {**self._head, "choices": [said]}
        if self._with_usage:
            chunk["usage"] = None
        return chunk


class StreamEncoder:
    """Events to an event stream of chunks."""

    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        options = request.extra.get(NAME, {}).get("stream_options")
        self._builder = ChunkBuilder(request.model, bool(isinstance(options, dict) and options.get("include_usage")))

    def send(self, event: Event) -> bytes:
        return b"".join(encode_event(dump(chunk)) for chunk in self._builder.chunks(event))

    def fail(self, error: DragomanError) -> bytes:
        return encode_event(dump(error_record(error)))

    def close(self) -> bytes:
        return b"".join(encode_event(dump(chunk)) for chunk in self._builder.last()) + DONE


class WholeEncoder:
    """Events to one completion."""

    content_type = "application/json"

    def __init__(self, request: Request) -> None:
        self._model = request.model
        self._fold = Fold()

    def send(self, event: Event) -> bytes:
        self._fold.add(event)
        return b""

    def fail(self, error: DragomanError) -> bytes:
        return dump(error_record(error))

    def close(self) -> bytes:
        return dump(completion(self._fold.response(), self._model))


def completion(response: Response, model: str) -> JsonObject:
    """A response as OpenAI's ``chat.completion`` object."""
    return {
        "id": response.id or "",
        "object": "chat.completion",
        "created": response.created_s or 0,
        "model": response.model or model,
        "choices": [_encode_choice(index, choice) for index, choice in enumerate(response.choices)],
        "usage": encode_usage(response.usage) if response.usage else None,
        **response.extra.get(NAME, {}),
    }


def _encode_choice(index: int, choice: Choice) -> JsonObject:
    message = _encode_answer(choice.message)
    return {
        "index": index,
        "message": message,
        "logprobs": encode_logprobs(choice.logprobs, of_refusal=message["content"] is None and message["refusal"] is not None),
        "finish_reason": finish_word(choice.finish) if choice.finish else None,
    }


def _encode_answer(message: Message) -> JsonObject:
    parts = message.parts
    encoded: JsonObject = {
        "role": "assistant",
        "content": _joined(parts, Text),
        "refusal": _joined(parts, Refusal),
    }
    thoughts = _joined(parts, Reasoning)
    if thoughts is not None:
        encoded[REASONING_FIELD] = thoughts
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in parts
        if isinstance(part, ToolCall)
    ]
    if calls:
        encoded["tool_calls"] = calls
    return encoded


def _joined(parts: tuple[object, ...], kind: type[Text | Refusal | Reasoning]) -> str | None:
    texts = [part.text for part in parts if isinstance(part, kind)]
    return "".join(texts) if texts else None


def finish_word(reason: FinishReason) -> str | None:
    """OpenAI's word; the vendor's own where we have none, and nothing where the vendor said nothing."""
    if reason.unified == "unknown":
        return None
    return reason.raw if reason.unified == "other" else reason.unified


def encode_logprobs(logprobs: tuple[TokenLogprob, ...] | None, of_refusal: bool = False) -> Json:
    if logprobs is None:
        return None
    told = msgspec.to_builtins(logprobs)
    return {"content": None, "refusal": told} if of_refusal else {"content": told, "refusal": None}


def encode_usage(usage: Usage) -> JsonObject:
    """OpenAI's token counts. What is unknown is left out of the details and 0 in the totals, which OpenAI's clients require."""
    encoded: JsonObject = {
        "prompt_tokens": usage.input_tokens or 0,
        "completion_tokens": usage.output_tokens or 0,
        "total_tokens": usage.total_tokens or 0,
    }
    input_details = _known(
        cached_tokens=usage.cache_read_tokens, cache_write_tokens=usage.cache_write_tokens, audio_tokens=usage.input_audio_tokens
    )
    output_details = _known(reasoning_tokens=usage.reasoning_tokens, audio_tokens=usage.output_audio_tokens)
    if input_details:
        encoded["prompt_tokens_details"] = input_details
    if output_details:
        encoded["completion_tokens_details"] = output_details
    return encoded


def _known(**counts: int | None) -> JsonObject:
    return {name: count for name, count in counts.items() if count is not None}
