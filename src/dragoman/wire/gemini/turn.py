"""Gemini: one turn asked of ``generateContent`` for something else than an answer in words, in both roles.

Pictures, speech and transcripts are asked for at the path of answers, by the fields of ``generationConfig``; what they share stands here.
Whatever of a body is not read by the operation is kept and goes back to its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, ContentFiltered, DragomanError, StreamCut
from dragoman.core.exchange import Call, Reply, header, with_headers
from dragoman.core.messages import AnyPart, Text
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.gemini.candidate import FINISH
from dragoman.wire.gemini.errors import blocked, decode_error, fault_error
from dragoman.wire.gemini.framing import END, Chunks
from dragoman.wire.gemini.parts import camel, decode_part, encode_part, kept, merge, without
from dragoman.wire.gemini.request import ALT, decode_path, encode_path
from dragoman.wire.gemini.usage import decode_usage, encode_usage
from dragoman.wire.payload import convert, dump, parse, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks
from dragoman.wire.sse import CONTENT_TYPE, STRAY

PATH: Final = "/models/{model}:generateContent"
CONFIG: Final = "generationConfig"
MODALITIES: Final = "responseModalities"
TRANSCRIBES: Final = "audioTranscriptionConfig"
INSTRUCTION: Final = "Generate a transcript of the speech."
"""As the documentation asks a model that does not transcribe by itself."""
_METHODS: Final = {False: "generateContent", True: "streamGenerateContent"}
_JSON: Final = (("content-type", "application/json; charset=UTF-8"),)
_DEEP: Final = ("imageConfig", "speechConfig", TRANSCRIBES)
"""Fields of ``generationConfig`` that an operation reads to their ground."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the parts of the one content, the fields of ``generationConfig``, and whatever else the body holds."""

    model: str
    parts: tuple[AnyPart, ...]
    config: JsonObject
    stream: bool = False
    own: JsonObject = {}


def encode_turn(turn: Turn, quirks: Quirks, warnings: list[str]) -> Call:
    """The call for ``turn``; what it holds of its own is laid over the rest."""
    parts = [encoded for i, part in enumerate(turn.parts) for encoded in encode_part(part, f"parts[{i}]", warnings)]
    body = merge({"contents": [{"role": "user", "parts": parts}], CONFIG: turn.config}, without(turn.own, ALT))
    if not body[CONFIG]:
        del body[CONFIG]
    body = apply_quirks(body, quirks, warnings)
    url = encode_path(turn.model, _METHODS[turn.stream], quirks) + ("?alt=sse" if turn.stream else "")
    headers = (("content-type", "application/json"), ("accept", CONTENT_TYPE if turn.stream else "application/json"))
    return Call("POST", url, with_headers(headers, quirks.headers), dump(body), tuple(warnings))


class _Content(msgspec.Struct):
    parts: list[Json] | JsonObject


class _Asked(msgspec.Struct, rename="camel"):
    contents: list[_Content] | _Content
    generation_config: JsonObject | None = None


def decode_turn(call: Call) -> Turn:
    """The one turn that a caller says. Raises ``BadRequest`` that names the field, also for a conversation."""
    model, method, query = decode_path(call.url)
    if method not in _METHODS.values():
        raise BadRequest(f"{method}: generateContent or streamGenerateContent is expected")
    given = camel(parse_request(call.body))
    asked = convert(given, _Asked, "the request body")
    contents = asked.contents if isinstance(asked.contents, list) else [asked.contents]
    if len(contents) != 1:
        raise BadRequest(f"contents: {len(contents)} turns were given; one is expected", param="contents")
    parts = contents[0].parts if isinstance(contents[0].parts, list) else [contents[0].parts]
    own = without(given, "contents", CONFIG)
    stream = method == _METHODS[True]
    if stream and "sse" not in (*query.get("alt", ()), *query.get("$alt", ())):
        own[ALT] = "json"
    return Turn(
        model=model,
        parts=tuple(decode_part(part, f"contents[0].parts[{i}]") for i, part in enumerate(parts)),
        config=_plain(asked.generation_config or {}),
        stream=stream,
        own=own,
    )


def _plain(config: JsonObject) -> JsonObject:
    config = camel(config)
    return {name: _camel_below(value) if name in _DEEP else value for name, value in config.items()}


def _camel_below(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _camel_below(inner) for name, inner in camel(value).items()}
    return [_camel_below(one) for one in value] if isinstance(value, list) else value


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: the parts of the first candidate as they are, why it ended, and what else the answer says."""

    parts: tuple[JsonObject, ...]
    reason: str | None = None
    words: str | None = None
    """What the vendor says of the reason."""
    usage: Usage | None = None
    extra: JsonObject = {}


class _Parts(msgspec.Struct):
    parts: list[JsonObject] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Parts | None = None
    finish_reason: str | None = None
    finish_message: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: Json = None
    usage_metadata: JsonObject | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Json = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


def decode_told(reply: Reply, quirks: Quirks) -> Told:
    """The answer, whole or streamed. Raises the error that it tells, ``BadReply``, or ``StreamCut`` where it breaks off."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    streamed = (header(reply.headers, "content-type") or "").startswith(CONTENT_TYPE) or reply.body.lstrip()[:1] == b"["
    pieces = list(_pieces(reply.body)) if streamed else [reply.body]
    chunks = [_chunk(piece, quirks) for piece in pieces]
    candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
    if not candidates:
        raise BadReply("the answer holds no candidates", body=snippet(reply.body))
    if streamed and candidates[-1].finish_reason is None:
        raise StreamCut("the stream ended before the candidate told its finish reason")
    counted = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    named = {"modelVersion": chunks[0].model_version, "responseId": chunks[0].response_id}
    return Told(
        parts=tuple(camel(part) for one in candidates if one.content for part in one.content.parts or ()),
        reason=candidates[-1].finish_reason,
        words=candidates[-1].finish_message,
        usage=decode_usage(counted[-1]) if counted else None,
        extra={name: value for name, value in named.items() if value},
    )


def _pieces(body: bytes) -> Iterator[bytes]:
    framing = Chunks()
    for name, data in (*framing.feed(body), *framing.close()):
        if name not in (END, STRAY) and data.strip() not in (b"", b"[DONE]"):
            yield data


def _chunk(data: bytes, quirks: Quirks) -> _Chunk:
    chunk = parse(data, _CHUNK)
    if chunk.error:
        raise fault_error(chunk.error, snippet(data), quirks)
    if isinstance(chunk.prompt_feedback, dict) and chunk.prompt_feedback.get("blockReason"):
        raise blocked(chunk.prompt_feedback, snippet(data))
    return chunk


def contents(told: Told) -> Iterator[AnyPart]:
    """The parts that are the answer, without the model's thoughts. Raises ``BadReply`` for what is none."""
    for i, part in enumerate(told.parts):
        if part.get("thought") is not True:
            try:
                yield decode_part(part, f"parts[{i}]")
            except BadRequest as fault:
                raise BadReply(f"a part of the answer cannot be read: {fault.message}") from None


def missing(told: Told, what: str) -> DragomanError:
    """The error of an answer without what was asked for: the vendor's rules, or whatever it says instead."""
    said = told.words or "".join(part["text"] for part in told.parts if isinstance(part.get("text"), str))[:200]
    words = f"the answer holds no {what}; it ended with {told.reason}" + (f": {said}" if said else "")
    if FINISH.get(told.reason or "") == "content_filter":
        return ContentFiltered(words, code=told.reason)
    return BadReply(words)


def encode_told(told: Told, own: JsonObject, stream: bool) -> Reply:
    """An answer in the form that was asked for; ``own`` is what the request held of this wire."""
    body: JsonObject = {
        "candidates": [{"content": {"role": "model", "parts": told.parts}, "finishReason": told.reason or "STOP", "index": 0}]
    }
    if told.usage is not None:
        body["usageMetadata"] = encode_usage(told.usage)
    data = dump({**body, **told.extra})
    if not stream:
        return Reply(200, _JSON, data)
    if own.get(ALT) == "json":
        return Reply(200, _JSON, b"[" + data + b"]")
    return Reply(200, (("content-type", CONTENT_TYPE),), b"data: " + data + b"\r\n\r\n")


def rest_of(turn: Turn, config: JsonObject) -> Extra:
    """What of a caller's turn an operation did not read; ``config`` is what is left of the configuration."""
    return kept({**turn.own, **({CONFIG: config} if config else {})})


# --- which operation it is --------------------------------------------------------------------------------------------------------------

_TRANSCRIBES: Final = "transcribe"
"""In the names of models that write down what they hear."""
_MARKS: Final = (b"odalities", b"ranscri")
"""One of them is in every body that asks for something else than an answer, so that others need not be read for it."""
_MODALITY: Final = {"IMAGE": "generate_image", "AUDIO": "speak"}


def asked_for(call: Call) -> str | None:
    """The operation that a call at the path of answers asks for, ``None`` for an answer. A picture beside words is an answer."""
    if not any(mark in call.body for mark in _MARKS) and _TRANSCRIBES not in call.url:
        return None
    try:
        turn = decode_turn(call)
    except BadRequest:
        return None
    wanted = turn.config.get(MODALITIES)
    if isinstance(wanted, list) and len(wanted) == 1 and str(wanted[0]) in _MODALITY:
        return _MODALITY[str(wanted[0])]
    in_words = Text(text=INSTRUCTION) in turn.parts and len(turn.parts) == 2
    return "transcribe" if in_words or TRANSCRIBES in turn.config or _TRANSCRIBES in turn.model else None
