"""Ollama: an answer's bytes to events, streamed or whole; both endpoints' answers are read by one reader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, StreamCut
from dragoman.core.events import Event, Finished, FinishName, FinishReason, Started, TokenLogprob
from dragoman.core.exchange import Decoder
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.blocks import Blocks
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.media import decode_base64, sniff_image
from dragoman.wire.ndjson import JsonLines
from dragoman.wire.ollama.errors import fault_error
from dragoman.wire.ollama.messages import NAME, made_id
from dragoman.wire.openai_chat.errors import CODES
from dragoman.wire.payload import parse, parse_object, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.stray import plain_fault

FINISH: Final[dict[str, FinishName]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
"""The vendor's reasons (the last two are other servers' of this wire) and ours; any other word, as ``load``, is ``other``."""

METRICS: Final = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
"""Counts of tokens, and times in nanoseconds; kept as ``Usage.raw``."""

ORIGIN: Final = ("created_at", "remote_model", "remote_host")
"""What ``Started.extra`` keeps."""

_NOTHING: Final = msgspec.Raw(b"null")


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: msgspec.Raw = _NOTHING


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    images: list[str] | None = None


class _Answer(msgspec.Struct):
    """A line or a whole answer of either endpoint; only what is read."""

    model: str | None = None
    created_at: str | None = None
    message: _Message | None = None
    response: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    image: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    error: Json = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_READ: Final = frozenset({*_Answer.__struct_fields__, *METRICS, *ORIGIN})


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed or whole."""
    if streaming:
        return StreamDecoder(JsonLines(), LineReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


class LineReader:
    """Lines of a streamed answer to events. The line with ``done`` is the last and has all that there is to say."""

    ending = False

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._blocks = Blocks()
        self._time: str | None = None
        self._calls = 0
        self._held: tuple[TokenLogprob, ...] = ()
        self._writing = False
        self.started = False
        self.done = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        try:
            answer = parse(data, _ANSWER, "an event of the answer")
        except BadReply as unreadable:
            raise plain_fault(data, CODES, self._quirks) or unreadable from None
        if answer.error:
            raise fault_error(answer.error, snippet(data), self._quirks)
        if not self.started:
            self._start(answer, data, out)
        message = answer.message
        if message is not None:
            self._say(message.content, message.thinking, answer.logprobs, out)
            if message.images or message.tool_calls:
                self._add(message.images or [], message.tool_calls or [], out)
        elif answer.response is not None or answer.thinking is not None:
            self._say(answer.response, answer.thinking, answer.logprobs, out)
        if answer.image or answer.tool_calls:
            self._add([answer.image] if answer.image else [], answer.tool_calls or [], out)
        if answer.done:
            self.finish(answer.done_reason, data, out)

    def end(self, out: list[Event]) -> None:
        if not self.started:
            raise BadReply("the answer is empty: the stream ended without a single event")
        raise StreamCut('the stream ended without "done": true')

    def _start(self, answer: _Answer, data: bytes, out: list[Event]) -> None:
        self.started = True
        self._time = answer.created_at
        record = parse_object(data)
        own = {name: record[name] for name in ORIGIN if record.get(name)}
        out.append(Started(model=answer.model or None, created_s=_seconds(answer.created_at), extra={NAME: own} if own else {}))

    def _say(self, text: str | None, thought: str | None, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> None:
        if thought:
            self._held = ()  # the logarithms of thoughts have no place in our events
            self._writing = False
            self._blocks.reasoning(out, thought)
        if text:
            told = (*self._held, *logprobs) if logprobs else self._held
            self._held = ()
            self._writing = True
            self._blocks.text(out, text, told or None)
        elif logprobs and not thought:  # tokens of which the server does not yet know what they will be
            self._held = (*self._held, *logprobs)

    def _add(self, images: list[str], calls: list[_Call], out: list[Event]) -> None:
        self._writing = False
        for image in images:
            data = _image(image)
            self._blocks.media(out, "image", data, sniff_image(data))
        for call in calls:
            function = call.function or _Function()
            call_id = call.id or made_id(self._time, self._calls)
            arguments = bytes(function.arguments).decode("utf-8", "replace")
            self._blocks.tool(out, self._calls, call_id, function.name, "{}" if arguments == "null" else arguments)
            self._calls += 1

    def finish(self, reason: str | None, data: bytes, out: list[Event]) -> None:
        """End the answer with what its last object tells."""
        if self._held and self._writing:
            self._blocks.text(out, "", self._held)
        self._blocks.end(out)
        record = parse_object(data)
        rest = {name: value for name, value in record.items() if name not in _READ}
        out.append(Finished(self._reason(reason), decode_usage(record), extra={NAME: rest} if rest else {}))
        self.done = True

    def _reason(self, raw: str | None) -> FinishReason:
        if not raw:
            return FinishReason("unknown")
        unified = FINISH.get(raw, "other")
        if unified == "stop" and self._calls:
            unified = "tool_calls"  # the vendor has no word of its own for it
        return FinishReason(unified, raw)


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole answer to events. Raises the error it tells, or ``BadReply``."""
    answer = parse(body, _ANSWER)
    if not answer.error and answer.message is None and answer.response is None and not answer.done:
        raise BadReply("the answer holds neither a message nor a response", body=snippet(body))
    out: list[Event] = []
    reader = LineReader(quirks)
    reader.read("", body, out)
    if not reader.done:
        reader.finish(answer.done_reason, body, out)
    return out


def decode_usage(record: JsonObject) -> Usage | None:
    """The counts of an answer's last object. A prompt that was wholly cached is left out by older servers, and so unknown."""
    raw = {name: record[name] for name in METRICS if record.get(name) is not None}
    if not raw:
        return None
    return Usage(input_tokens=_count(raw, "prompt_eval_count"), output_tokens=_count(raw, "eval_count"), raw=raw)


def _count(raw: JsonObject, name: str) -> int | None:
    value = raw.get(name)
    return int(value) if isinstance(value, (int, float)) else None


def _seconds(time: str | None) -> int | None:
    """Seconds since 1970 of an RFC 3339 time, or ``None`` for anything else."""
    try:
        parsed = datetime.fromisoformat(time or "")
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def _image(text: str) -> bytes:
    try:
        return decode_base64(text, "an image of the answer")
    except BadRequest as fault:
        raise BadReply(fault.message) from None
