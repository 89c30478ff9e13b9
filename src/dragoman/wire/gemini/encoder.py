"""Gemini: events to an answer's bytes: an event stream, an array that grows, or one whole answer.

Words leave at once. A call or a picture is one part on this wire and leaves when its block ends. Blocks leave one after another
(``serial``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from dragoman.core.errors import BadReply, DragomanError, UsageError
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
from dragoman.core.fold import Choice, Response
from dragoman.core.messages import AnyPart, Audio, Image, Opaque, Source, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.wire.gemini.candidate import FINISH
from dragoman.wire.gemini.errors import error_record
from dragoman.wire.gemini.parts import DEFAULT_TYPES, NAME, TRAILING, TRANSCRIPT, encode_part, exact_object, is_invented, merge, without
from dragoman.wire.gemini.sources import FIELDS, encode_sources
from dragoman.wire.gemini.usage import encode_usage
from dragoman.wire.media import encode_base64
from dragoman.wire.payload import dump, written_arguments
from dragoman.wire.quirks import Quirks
from dragoman.wire.serial import OneBlockAtATime
from dragoman.wire.sse import CONTENT_TYPE
from dragoman.wire.whole import WholeEncoder

_WORDS: Final = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "other": "OTHER",
    "unknown": "FINISH_REASON_UNSPECIFIED",
}
_JSON: Final = "application/json; charset=UTF-8"


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``, in the form it asked for."""
    if not request.stream:
        return WholeEncoder(lambda response: encode_response(response, request.model), error_record, _JSON)
    as_array = request.extra.get(NAME, {}).get("alt") == "json"
    return ArrayEncoder(request) if as_array else StreamEncoder(request)


class _Block:
    """The block under way."""

    def __init__(self, started: BlockStarted) -> None:
        self.started = started
        self.pieces: list[str] = []
        self.data: list[bytes] = []
        self.extra: JsonObject = dict(started.extra.get(NAME, {}))


class _Choice:
    """What has to be known of one choice from chunk to chunk."""

    def __init__(self) -> None:
        self.order = OneBlockAtATime()
        self.block: _Block | None = None
        self.words: list[str] = []
        self.sources: list[Source] = []


class ChunkBuilder:
    """Events to the chunks of a streamed answer, as objects."""

    def __init__(self, model: str) -> None:
        self._tail: JsonObject = {"modelVersion": model, "responseId": ""}
        self._once: JsonObject = {}
        self._choices: dict[int, _Choice] = {}

    def chunks(self, event: Event) -> list[JsonObject]:
        """The chunks that ``event`` becomes, mostly one or none."""
        if isinstance(event, Started):
            self._start(event)
            return []
        choice = self._choices.get(event.choice)
        if choice is None:
            choice = self._choices[event.choice] = _Choice()
        out: list[JsonObject] = []
        for due in choice.order.take(event):
            self._say(choice, due, out)
        return out

    def _start(self, event: Started) -> None:
        own = event.extra.get(NAME, {})
        self._once = without(own, "createTime")
        self._tail = {"modelVersion": event.model or self._tail["modelVersion"], "responseId": event.id or ""}
        created = _create_time(event.created_s, own)
        if created is not None:
            self._tail["createTime"] = created

    def _say(self, choice: _Choice, event: Event, out: list[JsonObject]) -> None:
        match event:
            case BlockStarted():
                choice.block = _Block(event)
            case Finished():
                out.append(self._finish(choice, event))
            case SourceAdded():
                choice.sources.append(event.source)
            case _ if choice.block is not None:
                self._say_inside(choice, choice.block, event, out)

    def _say_inside(self, choice: _Choice, block: _Block, event: Event, out: list[JsonObject]) -> None:
        match event:
            case TextDelta():
                choice.words.append(event.text)
                out.append(self._chunk(event.choice, [_with_extra(block, {"text": event.text})], encode_logprobs(event.logprobs)))
            case ReasoningDelta():
                out.append(self._chunk(event.choice, [_with_extra(block, {"text": event.reasoning, "thought": True})]))
            case ToolDelta():
                block.pieces.append(event.arguments)
            case MediaDelta():
                block.data.append(event.data)
                block.pieces.append(event.transcript)
            case BlockEnded():
                parts = _last_parts(block, event)
                if parts:
                    out.append(self._chunk(event.choice, parts))
                choice.block = None

    def _finish(self, choice: _Choice, event: Finished) -> JsonObject:
        own = dict(event.extra.get(NAME, {}))
        if choice.sources and not any(field in own for field in FIELDS):
            own |= encode_sources(choice.sources, "".join(choice.words))
        # An empty text, as the vendor sends it: its SDK holds a content without parts to be no answer.
        chunk = self._chunk(event.choice, [{"text": ""}], {"finishReason": finish_word(event.reason), **own})
        if event.usage is not None:
            chunk["usageMetadata"] = encode_usage(event.usage)
        return chunk

    def _chunk(self, index: int, parts: list[JsonObject], fields: JsonObject | None = None) -> JsonObject:
        candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "index": index, **(fields or {})}
        chunk = {"candidates": [candidate], **self._tail, **self._once}
        self._once = {}
        return chunk


def _with_extra(block: _Block, part: JsonObject) -> JsonObject:
    """``part`` with what stands beside the words of this block, on the first of them."""
    extra, block.extra = block.extra, {}
    return merge(part, without(extra, TRAILING)) if extra else part


def _last_parts(block: _Block, ended: BlockEnded) -> list[JsonObject]:
    """What a block still has to say when it ends: all of a call or a picture, and what trails it."""
    started = block.started
    trailing = [*block.extra.get(TRAILING, ()), *ended.extra.get(NAME, {}).get(TRAILING, ())]
    extra = {**without(block.extra, TRAILING), **without(ended.extra.get(NAME, {}), TRAILING)}
    match started.kind:
        case "tool":
            return [merge(encode_call(started, "".join(block.pieces)), extra), *trailing]
        case "image" | "audio":
            media_type = started.media_type or DEFAULT_TYPES[Image if started.kind == "image" else Audio]
            part = {"inlineData": {"mimeType": media_type, "data": encode_base64(b"".join(block.data))}}
            return [merge(_transcribed(part, "".join(block.pieces)), extra), *trailing]
        case "opaque":
            return [extra, *trailing] if extra else trailing
        case _:
            thought = {"thought": True} if started.kind == "reasoning" else {}
            return [{"text": "", **thought, **extra}, *trailing] if extra else trailing


def _transcribed(part: JsonObject, transcript: str | None) -> JsonObject:
    return {**part, TRANSCRIPT: {"text": transcript}} if transcript else part


def encode_call(started: BlockStarted, arguments: str) -> JsonObject:
    """A call as a part. Raises ``BadReply`` where the model's arguments are no JSON object, which this wire cannot say."""
    try:
        args = exact_object(written_arguments(arguments))
    except ValueError as fault:
        raise BadReply(f"the arguments of a call to {started.name} are no JSON object: {fault}") from None
    call: JsonObject = {"name": started.name or "", "args": args}
    return {"functionCall": call if is_invented(started.id or "") else {"id": started.id, **call}}


class StreamEncoder:
    """Events to an event stream, its lines ended as the vendor ends them."""

    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        self._builder = ChunkBuilder(request.model)

    def send(self, event: Event) -> bytes:
        return b"".join(_frame(chunk) for chunk in self._builder.chunks(event))

    def fail(self, error: DragomanError) -> bytes:
        return _frame(error_record(error))

    def close(self) -> bytes:
        return b""


def _frame(chunk: JsonObject) -> bytes:
    return b"data: %b\r\n\r\n" % dump(chunk)


class ArrayEncoder:
    """Events to an array that grows by an element a chunk."""

    content_type = _JSON

    def __init__(self, request: Request) -> None:
        self._builder = ChunkBuilder(request.model)
        self._empty = True

    def send(self, event: Event) -> bytes:
        return b"".join(self._element(chunk) for chunk in self._builder.chunks(event))

    def fail(self, error: DragomanError) -> bytes:
        return self._element(error_record(error)) + b"]"

    def close(self) -> bytes:
        return b"[]" if self._empty else b"]"

    def _element(self, chunk: JsonObject) -> bytes:
        joint = b"[" if self._empty else b",\r\n"
        self._empty = False
        return joint + dump(chunk)


def encode_response(response: Response, model: str) -> JsonObject:
    """A response as the vendor's ``GenerateContentResponse``."""
    own = response.extra.get(NAME, {})
    whole: JsonObject = {"candidates": [_encode_choice(index, choice) for index, choice in enumerate(response.choices)]}
    if response.usage is not None:
        whole["usageMetadata"] = encode_usage(response.usage)
    whole |= {"modelVersion": response.model or model, "responseId": response.id or ""}
    created = _create_time(response.created_s, own)
    if created is not None:
        whole["createTime"] = created
    return {**whole, **without(own, "createTime")}


def _encode_choice(index: int, choice: Choice) -> JsonObject:
    parts = [encoded for part in choice.parts if not _is_foreign(part) for encoded in _encode_said(part)]
    own = dict(choice.extra.get(NAME, {}))
    sources = [part for part in choice.parts if isinstance(part, Source)]
    if sources and not any(field in own for field in FIELDS):
        own |= encode_sources(sources, "".join(part.text for part in choice.parts if isinstance(part, Text)))
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}, "index": index}
    if choice.finish is not None:
        candidate["finishReason"] = finish_word(choice.finish)
    return {**candidate, **encode_logprobs(choice.logprobs), **own}


def _encode_said(part: AnyPart) -> list[JsonObject]:
    try:
        encoded = encode_part(part, "the answer", [])
    except UsageError as fault:  # only a call's arguments can be such
        raise BadReply(fault.message) from None
    return [_transcribed(encoded[0], part.transcript), *encoded[1:]] if isinstance(part, Audio) else encoded


def _is_foreign(part: AnyPart) -> bool:
    """Sources stand beside the content, and another vendor's own blocks have no place here."""
    return isinstance(part, Source) or (isinstance(part, Opaque) and NAME not in part.extra)


def finish_word(reason: FinishReason) -> str:
    """The vendor's word: its own where it said one, else the nearest."""
    return reason.raw if reason.raw in FINISH and reason.raw is not None else _WORDS[reason.unified]


def encode_logprobs(logprobs: tuple[TokenLogprob, ...] | None) -> JsonObject:
    if not logprobs:
        return {}
    tops: list[Json] = [{"candidates": [_token(one) for one in place.top_logprobs]} for place in logprobs]
    return {"logprobsResult": {"chosenCandidates": [_token(one) for one in logprobs], "topCandidates": tops}}


def _token(told: TokenLogprob) -> JsonObject:
    return {"token": told.token, "logProbability": told.logprob}


def _create_time(created_s: int | None, own: JsonObject) -> str | None:
    told = own.get("createTime")
    if isinstance(told, str):
        return told
    try:
        return None if created_s is None else datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a time that no calendar has
        return None
