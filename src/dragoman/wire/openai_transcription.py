"""OpenAI's ``/audio/transcriptions``, in both roles: speech to text, uploaded as a form.

Documentation: https://platform.openai.com/docs/api-reference/audio/createTranscription, read 2026-11-21. The answer is JSON (``json``,
``verbose_json`` with times), plain text, subtitles (``srt``, ``vtt``), or an event stream that ends with ``transcript.text.done``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, StreamCut, Unsupported
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.messages import Audio
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.sound import Spoken, Transcription, TranscriptionRequest
from dragoman.core.usage import Usage
from dragoman.wire.media import sniff_audio
from dragoman.wire.multipart import Field, decode_form
from dragoman.wire.openai_call import NAME, answer, check, counted, json_reply, rest, routes
from dragoman.wire.openai_chat.errors import body_error, fault_error
from dragoman.wire.openai_chat.request import with_deployment
from dragoman.wire.openai_images import form_call, form_values
from dragoman.wire.payload import dump, parse, parse_object, snippet
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, STRAY, EventStream, encode_event
from dragoman.wire.subtitles import decode_subtitles, encode_subtitles

PATH: Final = "/audio/transcriptions"
ROUTES: Final = routes(PATH)

_OPTIONS: Final = {"language": "language", "prompt": "prompt", "format": "response_format", "temperature": "temperature"}
_TIMES: Final = "timestamp_granularities"
_PLAIN: Final = frozenset({"text", "srt", "vtt"})
_BY_SPEAKERS: Final = "diarized_json"
_TURN: Final = "transcript.text.segment"
"""What one of several speakers says, as a segment and as an event."""


class _Passage(msgspec.Struct):
    start: float
    end: float
    text: str = ""
    word: str = ""


class _Answer(msgspec.Struct):
    text: str | None = None
    language: str | None = None
    duration: float | str | None = None
    segments: list[_Passage] | None = None
    words: list[_Passage] | None = None
    usage: JsonObject | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: str = ""
    text: str | None = None
    usage: JsonObject | None = None
    start: float = 0.0
    end: float = 0.0
    error: Json = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_EVENT: Final = msgspec.json.Decoder(_Event)
_KNOWN: Final = frozenset(_Answer.__struct_fields__)


def encode_request(request: TranscriptionRequest, quirks: Quirks) -> Call:
    """The call for ``request``. Raises ``Unsupported`` for a sound that is not at hand."""
    if request.audio.data is None:
        raise Unsupported("audio: OpenAI takes speech to write down as data, not by URL or file id")
    body: JsonObject = {"model": request.model}
    body |= {theirs: value for ours, theirs in _OPTIONS.items() if (value := getattr(request, ours)) is not None}
    if request.timestamps:
        body[_TIMES] = list(request.timestamps)
    if request.stream:
        body["stream"] = True
    media_type = request.audio.media_type or sniff_audio(request.audio.data)
    file = Field("file", request.audio.data, request.name, media_type)
    return form_call(PATH, request.model, body, [file], request.extra, quirks)


def decode_request(call: Call, quirks: Quirks) -> TranscriptionRequest:
    """What a caller wants written down. Raises ``BadRequest`` that names the field."""
    fields = decode_form(call.headers, call.body)
    file = next((field for field in fields if field.name == "file"), None)
    if file is None:
        raise BadRequest("file: it is missing; a file is expected", param="file")
    given = with_deployment(form_values(fields), call.url)
    model = given.pop("model", None)
    if not isinstance(model, str):
        raise BadRequest("model: it is missing; a name is expected", param="model")
    times = given.pop(_TIMES, [])
    temperature = _number(given.pop("temperature", None))
    stream = given.pop("stream", "false")
    media_type = None if file.media_type in (None, "application/octet-stream") else file.media_type
    return TranscriptionRequest(
        model=model,
        audio=Audio(data=file.data, media_type=media_type or sniff_audio(file.data)),
        name=file.file_name or "audio",
        temperature=temperature,
        timestamps=tuple(times) if isinstance(times, list) else (times,),
        stream=stream in ("true", "True", "1"),
        **{ours: given.get(theirs) for ours, theirs in _OPTIONS.items() if ours != "temperature"},
        extra=rest(given, _OPTIONS.values()),
    )


def _number(given: Json) -> float | None:
    try:
        return None if given is None else float(given)
    except (TypeError, ValueError):
        raise BadRequest(f"temperature: {given!r} was given; a number is expected", param="temperature") from None


def decode_reply(reply: Reply, quirks: Quirks) -> Transcription:
    """What was said, in whatever form it is told. Raises the error that the answer tells, ``BadReply`` or ``StreamCut``."""
    check(reply, quirks)
    kind = (header(reply.headers, "content-type") or "").partition(";")[0].strip().lower()
    if kind == CONTENT_TYPE:
        return _read_events(reply, quirks)
    if kind == "application/json" or (kind in ("", "text/plain") and reply.body.lstrip()[:1] == b"{"):
        return _read_json(reply, quirks)
    try:
        text = reply.body.decode()
    except UnicodeDecodeError:
        raise BadReply("the answer is no UTF-8", body=snippet(reply.body)) from None
    if kind == "text/html":
        raise BadReply("the answer is an HTML page", body=snippet(reply.body))
    passages = decode_subtitles(text)
    if passages:
        return Transcription(text=" ".join(one.text for one in passages), segments=passages)
    return Transcription(text=text.removesuffix("\n"))


def _read_json(reply: Reply, quirks: Quirks) -> Transcription:
    told = answer(reply, _ANSWER, quirks)
    if told.text is None:
        raise body_error(reply.body, quirks) or BadReply("the answer holds no text", body=snippet(reply.body))
    record = parse_object(reply.body)
    return Transcription(
        text=told.text,
        language=told.language,
        duration_s=_seconds(told.duration),
        segments=_passages(told.segments, record.get("segments")),
        words=_passages(told.words, record.get("words")),
        usage=counted(told.usage),
        extra=rest(record, _KNOWN),
    )


def _seconds(told: float | str | None) -> float | None:
    """OpenAI has told the duration as a text in the past."""
    try:
        return None if told is None else float(told)
    except ValueError:
        return None


def _passages(told: list[_Passage] | None, records: Json) -> tuple[Spoken, ...]:
    return tuple(
        Spoken(text=one.text or one.word, start_s=one.start, end_s=one.end, extra=rest(record, _Passage.__struct_fields__))
        for one, record in zip(told or (), records or (), strict=True)
    )


def _read_events(reply: Reply, quirks: Quirks) -> Transcription:
    pieces: list[str] = []
    turns: list[Spoken] = []
    framing = EventStream()
    for name, data in (*framing.feed(reply.body), *framing.close()):
        if name == STRAY or data in (b"", b"[DONE]"):
            continue
        event = parse(data, _EVENT, "an event of the answer")
        if event.error:
            raise fault_error(event.error, snippet(data), quirks)
        if event.type == "transcript.text.delta":
            pieces.append(event.delta)
        elif event.type == _TURN:
            own = rest(parse_object(data), ("text", "start", "end"))
            turns.append(Spoken(text=event.text or "", start_s=event.start, end_s=event.end, extra=own))
        elif event.type == "transcript.text.done":
            text = "".join(pieces) if event.text is None else event.text
            return Transcription(text=text, segments=tuple(turns), usage=counted(event.usage))
    raise StreamCut("the stream ended without transcript.text.done")


def encode_reply(transcription: Transcription, request: TranscriptionRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, in the form it asked for."""
    if request.stream:
        return _encode_events(transcription, request.format == _BY_SPEAKERS)
    if request.format in _PLAIN:
        text = transcription.text if request.format == "text" else encode_subtitles(transcription, request.format == "vtt")
        return Reply(200, (("content-type", "text/plain; charset=utf-8"),), (text.rstrip("\n") + "\n").encode())
    body: JsonObject = {"text": transcription.text}
    if request.format == "verbose_json":
        body = {"task": "transcribe", "language": transcription.language or "", "duration": transcription.duration_s or 0.0, **body}
        body["segments"] = [_encode_segment(i, one) for i, one in enumerate(transcription.segments)]
        if transcription.words:
            body["words"] = [{"word": one.text, "start": one.start_s, "end": one.end_s} for one in transcription.words]
    elif request.format == _BY_SPEAKERS:
        turns = [_encode_turn(i, one) for i, one in enumerate(transcription.segments)]
        body = {"task": "transcribe", "duration": transcription.duration_s or 0.0, **body, "segments": turns}
    usage = _encode_usage(transcription.usage)
    if usage:
        body["usage"] = usage
    return json_reply({**body, **transcription.extra.get(NAME, {})})


def _encode_segment(position: int, given: Spoken) -> JsonObject:
    """A passage with all that OpenAI's clients require of one."""
    required = {"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.0, "no_speech_prob": 0.0}
    return {"id": position, "start": given.start_s, "end": given.end_s, "text": given.text, **required, **given.extra.get(NAME, {})}


def _encode_turn(position: int, given: Spoken) -> JsonObject:
    """A segment of one speaker, with all that OpenAI's clients require of one."""
    told = {"id": f"seg_{position}", "start": given.start_s, "end": given.end_s, "text": given.text, "speaker": ""}
    return {**told, **given.extra.get(NAME, {}), "type": _TURN}


def _encode_usage(usage: Usage | None) -> JsonObject | None:
    """The record as OpenAI told it; else the tokens, where they are known."""
    if usage is None:
        return None
    if usage.raw and "type" in usage.raw:
        return usage.raw
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return {
        "type": "tokens",
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _encode_events(transcription: Transcription, by_speakers: bool) -> Reply:
    done: JsonObject = {"type": "transcript.text.done", "text": transcription.text}
    usage = _encode_usage(transcription.usage)
    if usage and usage["type"] == "tokens":
        done["usage"] = usage
    said = [{"type": "transcript.text.delta", "delta": transcription.text}]
    events = [*([_encode_turn(i, one) for i, one in enumerate(transcription.segments)] if by_speakers else said), done]
    return Reply(200, (("content-type", CONTENT_TYPE),), b"".join(encode_event(dump(event)) for event in events))
