"""Responses: an answer's bytes to events, streamed or whole.

A whole answer is read as a stream whose items come at once, so there is one reading of items (``answer``). The stream's end is the event
that says how the answer ended (``response.completed``, ``incomplete`` or ``failed``); what a host left out on the way is taken from the
final response in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, Cancelled, StreamCut, Unsupported
from dragoman.core.events import Event, Finished, FinishName, FinishReason, Started, TextDelta, TokenLogprob
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.openai_responses.answer import Answer
from dragoman.wire.openai_responses.content import as_extra, beside
from dragoman.wire.openai_responses.errors import CODES, body_error, told_error
from dragoman.wire.openai_responses.reasoning import SUMMARY, THOUGHT
from dragoman.wire.openai_responses.usage import decode_usage
from dragoman.wire.payload import parse, parse_object, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY, EventStream
from dragoman.wire.stray import StrayLines

INCOMPLETE: Final[dict[str, FinishName]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why an answer is incomplete, in the vendor's words and ours; any other word is ``other``."""

ECHOED: Final = frozenset(
    {
        *("instructions", "tools", "tool_choice", "text", "temperature", "top_p", "top_logprobs", "presence_penalty", "frequency_penalty"),
        *("parallel_tool_calls", "max_output_tokens", "max_tool_calls", "metadata", "reasoning", "truncation", "store", "background"),
        *("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "previous_response_id", "prompt"),
    }
)
"""What a response repeats of the request."""
_SAID: Final = frozenset(
    {"id", "object", "created_at", "model", "status", "output", "output_text", "usage", "error", "incomplete_details", *ECHOED}
)
_NOTHING: Final = msgspec.Raw(b"null")


class _Event(msgspec.Struct):
    """Only what is read, everything optional, because imitators leave out what they like."""

    type: str = ""
    output_index: int | None = None
    content_index: int = 0
    summary_index: int = 0
    item_id: str | None = None
    delta: Json = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    item: Json = None
    part: Json = None
    annotation: Json = None
    response: msgspec.Raw = _NOTHING
    error: Json = None


class _Details(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    output: list[Json] | None = None
    usage: msgspec.Raw = _NOTHING
    incomplete_details: _Details | None = None
    error: Json = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_RESPONSE: Final = msgspec.json.Decoder(_Response)


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(EventStream(), EventReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


# --- both -------------------------------------------------------------------------------------------------------------------------------


def _start(response: _Response, record: JsonObject, out: list[Event]) -> JsonObject:
    """The answer begins; what else the response says of itself is returned."""
    told = beside(record, _SAID)
    created = response.created_at
    out.append(
        Started(
            id=response.id or None,
            model=response.model or None,
            created_s=int(created) if created else None,
            extra=as_extra(told),
        )
    )
    return told


def _finish(response: _Response, record: JsonObject, told: JsonObject, answer: Answer, out: list[Event]) -> None:
    """The answer is complete; ``told`` is what was said of it at its start."""
    answer.finish(response.output or [], out)
    extra = {name: value for name, value in beside(record, _SAID).items() if told.get(name) != value}
    reason = _reason(response, answer)
    if reason.unified == "other":
        extra["incomplete_details"] = record.get("incomplete_details")
    out.append(Finished(reason, decode_usage(bytes(response.usage)), 0, as_extra(extra)))


def _reason(response: _Response, answer: Answer) -> FinishReason:
    if response.status == "incomplete":
        word = response.incomplete_details.reason if response.incomplete_details else None
        return FinishReason(INCOMPLETE.get(word or "", "other"), word or "incomplete")
    if response.status is None and not answer.called:
        return FinishReason("unknown")
    return FinishReason("tool_calls" if answer.called else "stop", response.status)


def _check_status(response: _Response, record: JsonObject, quirks: Quirks) -> None:
    """Raise what an answer is that is no answer."""
    match response.status:
        case "failed":
            raise told_error({"error": response.error}, snippet(msgspec.json.encode(record)), quirks)
        case "cancelled":
            raise Cancelled(f"the answer {response.id} was cancelled at the service")
        case "queued" | "in_progress":
            raise Unsupported(f"the answer {response.id} is made in the background, and this library does not fetch it when it is ready")
        case _ if response.error:
            raise told_error({"error": response.error}, snippet(msgspec.json.encode(record)), quirks)


# --- streamed ---------------------------------------------------------------------------------------------------------------------------


class EventReader:
    """Events of a streamed answer to ours."""

    ending = False  # nothing follows the event that ends the answer

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._answer = Answer()
        self._started = False
        self._told: JsonObject = {}
        self._stray = StrayLines(CODES, quirks, body_error)
        self.done = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._stray.take(data, self._started)
            return
        if not data.strip() or data == b"[DONE]":  # some hosts end with chat's marker behind the wire's own
            return
        event = parse(data, _EVENT, "an event of the answer")
        if event.type == "response.output_text.delta":
            part = self._answer.text_at(event.output_index, event.content_index)
            text = event.delta
            if part is not None and isinstance(text, str):
                if text or event.logprobs:
                    part.pieces.append(text)
                    out.append(TextDelta(part.index, text, event.logprobs or None))
                return
        self._read_other(event.type or name, event, data, out)

    def end(self, out: list[Event]) -> None:
        if not self._started:
            raise self._stray.no_answer()
        raise StreamCut("the stream ended without response.completed")

    def _read_other(self, kind: str, event: _Event, data: bytes, out: list[Event]) -> None:
        if kind == "error" or (event.error and not kind.startswith("response.")):
            raise told_error(parse_object(data), snippet(data), self._quirks)
        read = READERS.get(kind)
        if read is None:
            return  # progress of a tool that the vendor runs, whose item says it all at its end, or an event that is yet to come
        if not self._started and kind not in _LIFE:
            self._begin(_Response(), {}, out)
        read(self, event, out)

    def _begin(self, response: _Response, record: JsonObject, out: list[Event]) -> None:
        self._started = True
        self._told = _start(response, record, out)

    def _read_life(self, event: _Event, out: list[Event]) -> tuple[_Response, JsonObject]:
        """Any event with a response; the first one starts the answer."""
        data = bytes(event.response)
        if data == b"null":
            response, record = _Response(), {}
        else:
            response, record = parse(data, _RESPONSE, "the response"), parse_object(data, "the response")
        if not self._started:
            self._begin(response, record, out)
        return response, record

    def _read_start(self, event: _Event, out: list[Event]) -> None:
        if not self._started:
            self._read_life(event, out)

    def _read_end(self, event: _Event, out: list[Event]) -> None:
        response, record = self._read_life(event, out)
        response.status = _STATUS.get(event.type, response.status)
        _check_status(response, record, self._quirks)
        _finish(response, record, self._told, self._answer, out)
        self.done = True

    def _read_item(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.item, dict):
            self._answer.begin(self._answer.key(event.output_index, event.item.get("id")), event.item, out)

    def _read_item_end(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.item, dict):
            self._answer.end(self._answer.key(event.output_index, event.item.get("id")), event.item, out)

    def _read_part(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.part, dict):
            kind = event.part.get("type")
            place = event.summary_index if kind == SUMMARY else event.content_index
            self._answer.begin_part(self._key(event), str(kind), place, out)

    def _read_part_end(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.part, dict):
            place = event.summary_index if event.part.get("type") == SUMMARY else event.content_index
            self._answer.settle_part(self._key(event), place, event.part, out)

    def _read_text(self, event: _Event, out: list[Event]) -> None:
        self._grow("output_text", event.content_index, event, out)

    def _read_refusal(self, event: _Event, out: list[Event]) -> None:
        self._grow("refusal", event.content_index, event, out)

    def _read_thought(self, event: _Event, out: list[Event]) -> None:
        self._grow(THOUGHT, event.content_index, event, out)

    def _read_summary(self, event: _Event, out: list[Event]) -> None:
        self._grow(SUMMARY, event.summary_index, event, out)

    def _grow(self, kind: str, place: int, event: _Event, out: list[Event]) -> None:
        if isinstance(event.delta, str):
            self._answer.grow(self._key(event), kind, place, event.delta, event.logprobs or None, out)

    def _read_arguments(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.delta, str):
            self._answer.grow_arguments(self._key(event), event.delta, out)

    def _read_source(self, event: _Event, out: list[Event]) -> None:
        if isinstance(event.annotation, dict):
            self._answer.cite(self._key(event), event.content_index, event.annotation, out)

    def _key(self, event: _Event) -> object:
        return self._answer.key(event.output_index, event.item_id)


_STATUS: Final = {f"response.{status}": status for status in ("completed", "incomplete", "failed", "cancelled")}
_LIFE: Final = frozenset({*_STATUS, "response.created", "response.queued", "response.in_progress"})
_Read = Callable[[EventReader, _Event, list[Event]], None]
READERS: Final[dict[str, _Read]] = {
    "response.created": EventReader._read_start,
    "response.queued": EventReader._read_start,
    "response.in_progress": EventReader._read_start,
    "response.completed": EventReader._read_end,
    "response.incomplete": EventReader._read_end,
    "response.failed": EventReader._read_end,
    "response.cancelled": EventReader._read_end,
    "response.output_item.added": EventReader._read_item,
    "response.output_item.done": EventReader._read_item_end,
    "response.content_part.added": EventReader._read_part,
    "response.content_part.done": EventReader._read_part_end,
    "response.reasoning_summary_part.added": EventReader._read_part,
    "response.reasoning_summary_part.done": EventReader._read_part_end,
    "response.output_text.delta": EventReader._read_text,
    "response.refusal.delta": EventReader._read_refusal,
    "response.reasoning_text.delta": EventReader._read_thought,
    "response.reasoning.delta": EventReader._read_thought,
    "response.reasoning_summary_text.delta": EventReader._read_summary,
    "response.function_call_arguments.delta": EventReader._read_arguments,
    "response.custom_tool_call_input.delta": EventReader._read_arguments,
    "response.output_text.annotation.added": EventReader._read_source,
}
"""What is not here repeats what an item or a part says at its end (``output_text.done`` …) or tells of its progress."""


# --- whole ------------------------------------------------------------------------------------------------------------------------------


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole response to events. Raises the error it tells, or ``BadReply``."""
    response = parse(body, _RESPONSE)
    record = parse_object(body)
    _check_status(response, record, quirks)
    if response.output is None:
        raise body_error(body, quirks) or BadReply("the answer holds no output", body=snippet(body))
    out: list[Event] = []
    told = _start(response, record, out)
    _finish(response, record, told, Answer(), out)
    return out
