"""OpenAI's legacy completions: events to an answer's bytes, streamed or whole.

The wire has text alone. Thinking and sources of an answer are left out, as they are no part of the continuation; a call, a picture or a
sound cannot be told, and ends the answer with an error.
"""

from __future__ import annotations

from dragoman.core.errors import DragomanError, Unsupported
from dragoman.core.events import BlockStarted, Event, Finished, FinishReason, Started, TextDelta, TokenLogprob
from dragoman.core.exchange import Encoder
from dragoman.core.fold import Choice, Fold
from dragoman.core.messages import Refusal, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.openai_chat.encoder import DONE
from dragoman.wire.openai_chat.errors import error_record
from dragoman.wire.openai_chat.usage import encode_usage
from dragoman.wire.openai_completions.request import NAME
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, encode_event

_SAID = frozenset({"text", "refusal", "reasoning"})


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``, streamed or whole as it asked."""
    return _StreamEncoder(request) if request.stream else _WholeEncoder(request)


def _check(event: Event) -> None:
    if isinstance(event, BlockStarted) and event.kind not in _SAID:
        raise Unsupported(f"the answer holds a {event.kind} block, and legacy completions can tell text alone")


class _StreamEncoder:
    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        options = request.extra.get(NAME, {}).get("stream_options")
        self._with_usage = bool(isinstance(options, dict) and options.get("include_usage"))
        self._head: JsonObject = {"id": "", "object": "text_completion", "created": 0, "model": request.model}
        self._usage: Usage | None = None
        self._offsets: dict[int, int] = {}

    def send(self, event: Event) -> bytes:
        _check(event)
        if isinstance(event, TextDelta):
            offset = self._offsets.get(event.choice, 0)
            self._offsets[event.choice] = offset + len(event.text)
            return self._chunk(event.choice, event.text, encode_logprobs(event.logprobs, offset), None)
        if isinstance(event, Started):
            self._head |= {"id": event.id or "", "created": event.created_s or 0, "model": event.model or self._head["model"]}
            self._head |= event.extra.get(NAME, {})
        elif isinstance(event, Finished):
            self._usage = event.usage or self._usage
            return self._chunk(event.choice, "", None, finish_word(event.reason))
        return b""

    def _chunk(self, choice: int, text: str, logprobs: Json, finish: str | None) -> bytes:
        said = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish}
        chunk: JsonObject = {**self._head, "choices": [said]}
        if self._with_usage:
            chunk["usage"] = None
        return encode_event(dump(chunk))

    def fail(self, error: DragomanError) -> bytes:
        return encode_event(dump(error_record(error)))

    def close(self) -> bytes:
        if not self._with_usage:
            return DONE
        return encode_event(dump({**self._head, "choices": [], "usage": encode_usage(self._usage)})) + DONE


class _WholeEncoder:
    content_type = "application/json"

    def __init__(self, request: Request) -> None:
        self._model = request.model
        self._fold = Fold()

    def send(self, event: Event) -> bytes:
        _check(event)
        self._fold.add(event)
        return b""

    def fail(self, error: DragomanError) -> bytes:
        return dump(error_record(error))

    def close(self) -> bytes:
        response = self._fold.response()
        body: JsonObject = {
            "id": response.id or "",
            "object": "text_completion",
            "created": response.created_s or 0,
            "model": response.model or self._model,
            "choices": [_encode_choice(index, choice) for index, choice in enumerate(response.choices)],
            "usage": encode_usage(response.usage),
        }
        return dump({**body, **response.extra.get(NAME, {})})


def _encode_choice(index: int, choice: Choice) -> JsonObject:
    text = "".join(part.text for part in choice.parts if isinstance(part, (Text, Refusal)))
    finish = finish_word(choice.finish) if choice.finish else None
    return {"text": text, "index": index, "logprobs": encode_logprobs(choice.logprobs, 0), "finish_reason": finish}


def finish_word(reason: FinishReason) -> str | None:
    """The vendor's own word where we have none; nothing where the vendor said nothing."""
    if reason.unified == "unknown":
        return None
    return reason.raw if reason.unified == "other" else reason.unified


def encode_logprobs(logprobs: tuple[TokenLogprob, ...] | None, offset: int) -> Json:
    """One list to four; ``offset`` is where in the text the first token begins."""
    if not logprobs:
        return None
    offsets = []
    for one in logprobs:
        offsets.append(offset)
        offset += len(one.token)
    return {
        "tokens": [one.token for one in logprobs],
        "token_logprobs": [one.logprob for one in logprobs],
        "top_logprobs": [{top.token: top.logprob for top in one.top_logprobs} or None for one in logprobs],
        "text_offset": offsets,
    }
