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
from dragoman.core.fold import Choice, Response
from dragoman.core.messages import AnyPart, Audio, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.media import encode_base64
from dragoman.wire.openai_chat import details
from dragoman.wire.openai_chat.content import MESSAGE, NAME, PART, RESERVED, encode_image, own_fields
from dragoman.wire.openai_chat.errors import error_record
from dragoman.wire.openai_chat.request import LEGACY_FUNCTIONS
from dragoman.wire.openai_chat.usage import encode_usage
from dragoman.wire.payload import dump
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, encode_event
from dragoman.wire.whole import WholeEncoder

DONE: Final = encode_event(b"[DONE]")
_EMPTY: Final = dump("")
REASONING_FIELD: Final = "reasoning_content"
"""DeepSeek's name for it, which most hosts and clients have taken up; OpenAI itself shows no reasoning here."""


def encoder(request: Request, quirks: Quirks) -> Encoder:
    """An encoder for the answer to ``request``."""
    if request.stream:
        return StreamEncoder(request)
    return WholeEncoder(lambda response: completion(response, request.model, is_legacy(request)), error_record)


class ChunkBuilder:
    """Events to the chunks of a streamed completion, as objects. Also serves the library's own OpenAI-shaped streams."""

    def __init__(self, model: str, with_usage: bool, is_legacy: bool = False) -> None:
        self._head: JsonObject = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": model}
        self._with_usage = with_usage
        self._is_legacy = is_legacy
        self._calls: dict[tuple[int, int], int] = {}
        self._blocks: dict[tuple[int, int], BlockStarted] = {}
        self._pictures: dict[tuple[int, int], list[bytes]] = {}
        self._greeted: set[int] = set()
        self._usage: Usage | None = None

    def chunks(self, event: Event) -> list[JsonObject]:
        """The chunks that ``event`` becomes, mostly one or none."""
        match event:
            case TextDelta():
                block = self._blocks.get((event.choice, event.index))
                field = "refusal" if block and block.kind == "refusal" else "content"
                return self._said(event.choice, {field: event.text}, event.logprobs)
            case ReasoningDelta():
                return self._said(event.choice, {REASONING_FIELD: event.reasoning})
            case ToolDelta():
                return self._said(event.choice, self._call(event.choice, event.index, {}, {"arguments": event.arguments}))
            case Started():
                return self._start(event)
            case BlockStarted():
                return self._open(event)
            case MediaDelta():
                return self._media(event)
            case SourceAdded():
                return self._said(event.choice, {"annotations": [encode_source(event.source)]})
            case BlockEnded():
                return self._end(event)
            case Finished():
                self._usage = event.usage or self._usage
                return [self._chunk(event.choice, {}, finish_word(event.reason, self._is_legacy), None, event.extra.get(NAME))]
            case _:
                assert_never(event)

    def last(self) -> list[JsonObject]:
        """The chunk with the usage, where it was asked for and is known."""
        return [{**self._head, "choices": [], "usage": encode_usage(self._usage)}] if self._with_usage else []

    def _start(self, event: Started) -> list[JsonObject]:
        self._head |= {"id": event.id or "", "created": event.created_s or 0, "model": event.model or self._head["model"]}
        self._head |= event.extra.get(NAME, {})
        return [self._chunk(0, self._greeting(0) | {"content": ""})]

    def _open(self, event: BlockStarted) -> list[JsonObject]:
        key = (event.choice, event.index)
        self._blocks[key] = event
        own = event.extra.get(NAME, {})
        if event.kind == "tool":
            self._calls[key] = sum(choice == event.choice for choice, _ in self._calls)
            call = {"id": event.id or "", "type": "function", **without_reserved(own)}
            return self._said(event.choice, self._call(*key, call, {"name": event.name or "", "arguments": ""}))
        if event.kind == "opaque" and PART in own:
            return self._said(event.choice, {"content": [own[PART]]})
        return self._said(event.choice, self._of_message(event.choice, own)) if MESSAGE in own else []

    def _of_message(self, choice: int, own: JsonObject) -> JsonObject:
        """Fields of the message; calls that take free text stand in it whole, and in a stream each has its place."""
        fields: JsonObject = dict(own.get(MESSAGE, {}))
        if "tool_calls" in fields:
            first = sum(of == choice for of, _ in self._calls)
            fields["tool_calls"] = [{"index": first + i, **call} for i, call in enumerate(fields["tool_calls"])]
        return fields

    def _call(self, choice: int, index: int, call: JsonObject, function: JsonObject) -> JsonObject:
        if self._is_legacy:
            return {"function_call": function}
        return {"tool_calls": [{"index": self._calls[choice, index], **call, "function": function}]}

    def _media(self, event: MediaDelta) -> list[JsonObject]:
        key = (event.choice, event.index)
        if self._blocks[key].kind == "image":
            self._pictures.setdefault(key, []).append(event.data)
            return []
        sound: JsonObject = {}
        if event.data:
            sound["data"] = encode_base64(event.data)
        if event.transcript:
            sound["transcript"] = event.transcript
        return self._said(event.choice, {"audio": sound}) if sound else []

    def _end(self, event: BlockEnded) -> list[JsonObject]:
        key = (event.choice, event.index)
        block, own = self._blocks.pop(key), event.extra.get(NAME, {})
        delta = self._of_message(event.choice, own)
        if block.kind == "image":
            picture = Image(data=b"".join(self._pictures.pop(key, ())), media_type=block.media_type)
            delta["images"] = [encode_image(picture)]
        elif block.kind == "audio":
            told = {**block.extra.get(NAME, {}), **own}
            sound = {name: told[name] for name in ("id", "expires_at") if name in told}
            delta |= {"audio": sound} if sound else {}
        elif details.FIELD in own:
            delta[details.FIELD] = own[details.FIELD]
        elif block.kind == "tool" and without_reserved(own):
            delta |= self._call(*key, without_reserved(own), {})
        return self._said(event.choice, delta) if delta else []

    def _greeting(self, choice: int) -> JsonObject:
        """The role, once for each choice."""
        if choice in self._greeted:
            return {}
        self._greeted.add(choice)
        return {"role": "assistant"}

    def _said(self, choice: int, delta: JsonObject, logprobs: tuple[TokenLogprob, ...] | None = None) -> list[JsonObject]:
        return [self._chunk(choice, self._greeting(choice) | delta, None, logprobs)]

    def _chunk(
        self,
        choice: int,
        delta: JsonObject,
        finish: str | None = None,
        logprobs: tuple[TokenLogprob, ...] | None = None,
        own: JsonObject | None = None,
    ) -> JsonObject:
        told = encode_logprobs(logprobs, of_refusal="refusal" in delta)
        said = {"index": choice, "delta": delta, "logprobs": told, "finish_reason": finish, **(own or {})}
        chunk = {**self._head, "choices": [said]}
        if self._with_usage:
            chunk["usage"] = None
        return chunk


class StreamEncoder:
    """Events to an event stream of chunks."""

    content_type = CONTENT_TYPE

    def __init__(self, request: Request) -> None:
        options = request.extra.get(NAME, {}).get("stream_options")
        with_usage = bool(isinstance(options, dict) and options.get("include_usage"))
        self._builder = ChunkBuilder(request.model, with_usage, is_legacy(request))
        self._envelopes: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def send(self, event: Event) -> bytes:
        if type(event) is TextDelta and event.logprobs is None:  # nearly every event of a stream
            return self._send_text(event)
        return self._encode(event)

    def _send_text(self, event: TextDelta) -> bytes:
        """The first of a block may greet; those behind it differ in their text alone."""
        key = (event.choice, event.index)
        envelope = self._envelopes.get(key)
        if envelope is not None:
            return b"%b%b%b" % (envelope[0], dump(event.text), envelope[1])
        data = self._encode(event)
        head, _, tail = self._encode(TextDelta(event.index, "", None, event.choice)).rpartition(_EMPTY)
        self._envelopes[key] = (head, tail)
        return data

    def _encode(self, event: Event) -> bytes:
        return b"".join([encode_event(dump(chunk)) for chunk in self._builder.chunks(event)])

    def fail(self, error: DragomanError) -> bytes:
        return encode_event(dump(error_record(error)))

    def close(self) -> bytes:
        return b"".join(encode_event(dump(chunk)) for chunk in self._builder.last()) + DONE


def is_legacy(request: Request) -> bool:
    """Whether the caller knows functions alone, as they were before tools."""
    return bool(request.extra.get(NAME, {}).get(LEGACY_FUNCTIONS))


def completion(response: Response, model: str, is_legacy: bool = False) -> JsonObject:
    """A response as OpenAI's ``chat.completion`` object."""
    return {
        "id": response.id or "",
        "object": "chat.completion",
        "created": response.created_s or 0,
        "model": response.model or model,
        "choices": [_encode_choice(index, choice, is_legacy) for index, choice in enumerate(response.choices)],
        "usage": encode_usage(response.usage),
        **response.extra.get(NAME, {}),
    }


def _encode_choice(index: int, choice: Choice, is_legacy: bool) -> JsonObject:
    message = _encode_answer(choice.message, is_legacy)
    return {
        "index": index,
        "message": message,
        "logprobs": encode_logprobs(choice.logprobs, of_refusal=message["content"] is None and message["refusal"] is not None),
        "finish_reason": finish_word(choice.finish, is_legacy) if choice.finish else None,
        **choice.extra.get(NAME, {}),
    }


def _encode_answer(message: Message, is_legacy: bool) -> JsonObject:
    parts = message.parts
    encoded: JsonObject = {"role": "assistant", "content": _encode_content(parts), "refusal": _joined(parts, Refusal)}
    thoughts = _joined(parts, Reasoning)
    if thoughts is not None:
        encoded[REASONING_FIELD] = thoughts
    calls: list[JsonObject] = []
    for part in parts:
        own = own_fields(part)
        encoded |= own.get(MESSAGE, {})
        match part:
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments}
                calls.append({"id": part.id, "type": "function", "function": function, **without_reserved(own)})
            case Source():
                encoded.setdefault("annotations", []).append(encode_source(part))
            case Audio() if "audio" not in encoded:
                encoded["audio"] = _encode_sound(part)
            case Image():
                encoded.setdefault("images", []).append(encode_image(part))
            case Reasoning() if details.FIELD in own:
                encoded.setdefault(details.FIELD, []).extend(own[details.FIELD])
            case _:
                pass
    if calls and is_legacy:
        encoded["function_call"] = calls[0]["function"]
    elif calls:
        encoded["tool_calls"] = [*calls, *encoded.get("tool_calls", ())]
    return encoded


def _encode_content(parts: tuple[AnyPart, ...]) -> Json:
    """The text; a list of parts where there is one of a type that this wire's imitators alone have."""
    if not any(PART in own_fields(part) for part in parts if isinstance(part, Opaque)):
        return _joined(parts, Text)
    told = [own_fields(part).get(PART) if isinstance(part, Opaque) else _text_part(part) for part in parts]
    return [part for part in told if part]


def _text_part(part: AnyPart) -> JsonObject | None:
    return {"type": "text", "text": part.text} if isinstance(part, Text) else None


def _encode_sound(part: Audio) -> JsonObject:
    own = own_fields(part)
    return {
        "id": own.get("id", ""),
        "data": encode_base64(part.data or b""),
        "expires_at": own.get("expires_at", 0),
        "transcript": part.transcript or "",
    }


def encode_source(source: Source) -> JsonObject:
    """OpenAI's citation, whose span its clients require: from 0 to 0 where it is not known."""
    cited: JsonObject = {
        "url": source.url or "",
        "title": source.title or "",
        "start_index": source.start or 0,
        "end_index": source.end or 0,
    }
    if source.quote is not None:
        cited["content"] = source.quote
    return {"type": "url_citation", "url_citation": cited}


def without_reserved(own: JsonObject) -> JsonObject:
    return {name: value for name, value in own.items() if name not in RESERVED}


def _joined(parts: tuple[object, ...], kind: type[Text | Refusal | Reasoning]) -> str | None:
    texts = [part.text for part in parts if isinstance(part, kind)]
    return "".join(texts) if texts else None


def finish_word(reason: FinishReason, is_legacy: bool = False) -> str | None:
    """OpenAI's word; the vendor's own where we have none, and nothing where the vendor said nothing."""
    if reason.unified == "unknown":
        return None
    if is_legacy and reason.unified == "tool_calls":
        return "function_call"
    return reason.raw if reason.unified == "other" else reason.unified


def encode_logprobs(logprobs: tuple[TokenLogprob, ...] | None, of_refusal: bool = False) -> Json:
    if logprobs is None:
        return None
    told = msgspec.to_builtins(logprobs)
    return {"content": None, "refusal": told} if of_refusal else {"content": told, "refusal": None}
