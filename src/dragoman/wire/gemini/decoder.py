"""Gemini: an answer's bytes to events, streamed or whole.

Each chunk is a whole answer's form with a piece of its content. Nothing marks the end of a stream: an answer is complete when each of its
candidates has told its finish reason, and no content came after it, as it does where the vendor's server runs code or tools. Chunks with
plain words alone, nearly all, are read by a decoder that knows nothing else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, StreamCut
from dragoman.core.events import Event, Started, TokenLogprob
from dragoman.core.exchange import Decoder
from dragoman.core.messages import File, Image, Media
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.framed import StreamDecoder, WholeDecoder
from dragoman.wire.gemini.arguments import Piece
from dragoman.wire.gemini.candidate import Candidate
from dragoman.wire.gemini.errors import CODES, blocked, body_error, fault_error
from dragoman.wire.gemini.framing import END, Chunks, JsonArray
from dragoman.wire.gemini.numbers import FINISHES, word
from dragoman.wire.gemini.parts import TRANSCRIPT, exact_object, invent_id, kept, media_part, read_base64, without
from dragoman.wire.gemini.usage import decode_usage
from dragoman.wire.payload import parse, parse_object, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import STRAY
from dragoman.wire.stray import StrayLines

_NOTHING: Final = msgspec.Raw(b"null")


class _Words(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    text: str
    thought: bool = False


class _PlainContent(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[_Words]
    role: str | None = None


class _PlainCandidate(msgspec.Struct, forbid_unknown_fields=True):
    content: _PlainContent
    index: int = 0


class _PlainChunk(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A chunk that holds words or thoughts and nothing else; any further field sends it the long way."""

    candidates: list[_PlainCandidate]
    usage_metadata: msgspec.Raw = _NOTHING
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None


class _Call(msgspec.Struct, rename="camel"):
    id: str | None = None
    name: str | None = None
    args: msgspec.Raw = _NOTHING
    partial_args: list[Piece] | None = None
    will_continue: bool | None = None


class _Blob(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    data: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    function_call: _Call | None = None
    inline_data: _Blob | None = None


class _Content(msgspec.Struct):
    parts: list[msgspec.Raw] | None = None


class _Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _TopTokens(msgspec.Struct):
    candidates: list[_Token] | None = None


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_TopTokens] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    index: int = 0
    finish_reason: str | int | None = None
    logprobs_result: _Logprobs | None = None


class _Answer(msgspec.Struct, rename="camel"):
    """A chunk or a whole answer; everything optional."""

    candidates: list[msgspec.Raw] | None = None
    prompt_feedback: Json = None
    usage_metadata: msgspec.Raw = _NOTHING
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    turn_token: Json = None
    """The server may go on with the turn by itself: it runs tools of an MCP server."""
    error: Json = None


_PLAIN: Final = msgspec.json.Decoder(_PlainChunk)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_CANDIDATE: Final = msgspec.json.Decoder(_Candidate)
_PART: Final = msgspec.json.Decoder(_Part)
_READ: Final = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_CANDIDATE_READ: Final = ("content", "index", "finishReason", "logprobsResult")


def decoder(streaming: bool, quirks: Quirks) -> Decoder:
    """A decoder for one answer that comes streamed (in either form) or whole."""
    if streaming:
        return StreamDecoder(Chunks(), ChunkReader(quirks))
    return WholeDecoder(lambda body: read_whole(body, quirks))


def read_whole(body: bytes, quirks: Quirks) -> list[Event]:
    """A whole answer to events; an array is a streamed one that was waited for. Raises the error it tells, or ``BadReply``."""
    out: list[Event] = []
    reader = ChunkReader(quirks)
    if body.lstrip()[:1] == b"[":
        framing = JsonArray(len(body))
        for name, data in (*framing.feed(body), *framing.close()):
            reader.read(name, data, out)
        if not reader.done:
            reader.end(out)
        return out
    reader.read_any(body, out, "the answer")
    reader.finish(out)
    return out


class ChunkReader:
    """Chunks of an answer to events."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._candidates: dict[int, Candidate] = {}
        self._started = False
        self._id: str | None = None
        self._calls = 0
        self._usage: msgspec.Raw = _NOTHING
        self._stray = StrayLines(CODES, quirks, body_error)
        self._seen = False
        self._whole = False
        """The answer may end here."""
        self.done = False
        self.ending = False

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name:
            self._read_named(name, data, out)
            return
        try:
            chunk = _PLAIN.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() not in (b"", b"[DONE]"):
                self.read_any(data, out, "an event of the answer")
            return
        if not self._started:
            self._start(chunk, {}, out)
        if chunk.usage_metadata is not _NOTHING:
            self._usage = chunk.usage_metadata
        for told in chunk.candidates:
            candidate = self._candidates.get(told.index) or self._new(told.index)
            for part in told.content.parts:
                if part.text:
                    (candidate.reasoning if part.thought else candidate.text)(out, part.text)
                    self._whole = self.ending = False

    def _read_named(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == STRAY:
            self._read_stray(data)
        elif name == END:
            self.end(out)
        else:
            self.read("", data, out)  # the vendor names no events, but nothing forbids it

    def read_any(self, data: bytes, out: list[Event], what: str) -> None:
        """A chunk of any content."""
        answer = parse(data, _ANSWER, what)
        self._seen = True
        if answer.error:
            raise fault_error(answer.error, snippet(data), self._quirks)
        if isinstance(answer.prompt_feedback, dict) and answer.prompt_feedback.get("blockReason"):
            raise blocked(answer.prompt_feedback, snippet(data))
        if answer.usage_metadata is not _NOTHING:
            self._usage = answer.usage_metadata
        if not answer.candidates:
            return
        if not self._started:
            self._start(answer, parse_object(data, what), out)
        for raw in answer.candidates:
            self._read_candidate(bytes(raw), out)
        self._whole = all(candidate.is_complete for candidate in self._candidates.values())
        self.ending = self._whole and not (answer.turn_token and any(candidate.unanswered for candidate in self._candidates.values()))

    def _start(self, chunk: _Answer | _PlainChunk, whole: JsonObject, out: list[Event]) -> None:
        self._started = True
        self._id = chunk.response_id or None
        own = {name: value for name, value in whole.items() if name not in _READ}
        if chunk.create_time:
            own["createTime"] = chunk.create_time
        out.append(Started(id=self._id, model=chunk.model_version or None, created_s=_seconds(chunk.create_time), extra=kept(own)))

    def _new(self, index: int) -> Candidate:
        self._whole = self.ending = False
        candidate = self._candidates[index] = Candidate(index)
        return candidate

    def _read_candidate(self, data: bytes, out: list[Event]) -> None:
        told = parse(data, _CANDIDATE, "a candidate of the answer")
        candidate = self._candidates.get(told.index) or self._new(told.index)
        logprobs = _logprobs(told.logprobs_result) if told.logprobs_result else None
        for raw in (told.content and told.content.parts) or ():
            if self._read_part(candidate, bytes(raw), logprobs, out):
                logprobs = None
        if told.finish_reason:
            candidate.reason = word(told.finish_reason, FINISHES)
        for name, value in parse_object(data).items():
            if name not in _CANDIDATE_READ and (value or name not in candidate.extra):
                candidate.extra[name] = value

    def _read_part(self, candidate: Candidate, data: bytes, logprobs: tuple[TokenLogprob, ...] | None, out: list[Event]) -> bool:
        """One part; true where it took the logprobs."""
        part, whole = parse(data, _PART, "a part of the answer"), parse_object(data, "a part of the answer")
        if part.function_call is not None:
            self._read_call(candidate, part.function_call, whole, out)
        elif part.text is not None:
            rest = without(whole, "text", "thought")
            if rest:
                candidate.signed(out, "reasoning" if part.thought else "text", part.text, rest)
            elif part.thought and part.text:
                candidate.reasoning(out, part.text)
            elif part.text or (logprobs and not part.thought):
                candidate.text(out, part.text, logprobs)
                return True
        elif part.inline_data is not None and part.inline_data.data is not None:
            _read_media(candidate, part.inline_data, whole, out)
        elif whole.keys() <= {"thought", "thoughtSignature"}:
            if whole:
                candidate.bare(out, whole)
        else:
            candidate.opaque(out, whole)
        return False

    def _read_call(self, candidate: Candidate, call: _Call, whole: JsonObject, out: list[Event]) -> None:
        arguments = candidate.arguments
        if call.name and not (arguments is not None and call.partial_args):
            rest = without(whole["functionCall"], "id", "name", "args", "partialArgs", "willContinue")
            extra = {**without(whole, "functionCall"), **({"functionCall": rest} if rest else {})}
            call_id = call.id or invent_id(self._calls, self._id)
            self._calls += 1
            if not call.will_continue and not call.partial_args:
                candidate.call(out, call_id, call.name, _arguments(call.args), extra)
                return
            candidate.call_in_pieces(out, call_id, call.name, extra)
            arguments = candidate.arguments
        if arguments is None:
            raise BadReply("a call of the answer has no name", body=snippet(bytes(call.args)))
        for piece in call.partial_args or ():
            arguments.add(piece)
        if not call.will_continue:
            candidate.end_arguments(out)

    def end(self, out: list[Event]) -> None:
        if self._whole:
            self.finish(out)
            return
        if self._started or self._seen:
            raise StreamCut("the stream ended without a finish reason")
        raise self._stray.no_answer()

    def finish(self, out: list[Event]) -> None:
        """Finish every candidate; the usage stands on the last."""
        if not self._candidates:
            raise BadReply("the answer holds no candidates")
        usage = self._told_usage()
        last = max(self._candidates)
        for index in sorted(self._candidates):
            self._candidates[index].finish(out, usage if index == last else None)
        self.done = True

    def _told_usage(self) -> Usage | None:
        told = try_object(bytes(self._usage))
        return decode_usage(told) if told is not None else None

    def _read_stray(self, line: bytes) -> None:
        """A line that is no event; the vendor breaks an error that ends a stream over many of them."""
        is_kept = self._stray.take(line, self._seen or self._started)
        fault = self._stray.told() if is_kept and line.rstrip().endswith((b"}", b"]")) else None
        if fault:
            raise fault


def _arguments(raw: msgspec.Raw) -> str:
    """The JSON text of a call's arguments, as the vendor wrote it but for blanks."""
    if raw is _NOTHING or bytes(raw) == b"null":
        return "{}"
    try:
        return bytes(exact_object(bytes(raw).decode())).decode()
    except ValueError as fault:
        raise BadReply(f"the arguments of a call cannot be read: {fault}", body=snippet(bytes(raw))) from None


def _read_media(candidate: Candidate, blob: _Blob, whole: JsonObject, out: list[Event]) -> None:
    """A picture or a sound; bytes of any other type stay as they are."""
    kind = media_part(blob.mime_type)
    if kind is File:
        candidate.opaque(out, whole)
        return
    try:
        data = read_base64(blob.data or "")
    except ValueError as fault:
        raise BadReply(f"the answer holds {blob.mime_type} that is not valid base64: {fault}") from None
    rest = without(whole["inlineData"], "mimeType", "data")
    extra = {**without(whole, "inlineData"), **({"inlineData": rest} if rest else {})}
    match extra.get(TRANSCRIPT):
        case {"text": str(transcript), **more} if not more:
            del extra[TRANSCRIPT]
        case _:
            transcript = ""
    candidate.media(out, "image" if kind is Image else "audio", Media(data=data, media_type=blob.mime_type), transcript, extra)


def _logprobs(told: _Logprobs) -> tuple[TokenLogprob, ...]:
    top = told.top_candidates or []
    tops = [tuple(TokenLogprob(one.token, one.log_probability) for one in place.candidates or ()) for place in top]
    chosen = told.chosen_candidates or []
    return tuple(TokenLogprob(one.token, one.log_probability, None, tops[i] if i < len(tops) else ()) for i, one in enumerate(chosen))


def _seconds(text: str | None) -> int | None:
    try:
        moment = datetime.fromisoformat(text or "")
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, OSError):
        return None
