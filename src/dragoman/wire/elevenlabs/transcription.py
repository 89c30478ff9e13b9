"""ElevenLabs: ``/speech-to-text``, speech to text, in both roles, uploaded as a form.

Documentation: https://elevenlabs.io/docs/api-reference/speech-to-text/convert, read 2026-11-21. Words come with their times, and between
them blanks and noises as words of another kind, which are no words of ours.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Audio
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.sound import Spoken, Transcription, TranscriptionRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.elevenlabs.errors import NAME, decode_error
from dragoman.wire.media import sniff_audio
from dragoman.wire.multipart import Field, decode_form, encode_form
from dragoman.wire.payload import dump, parse, parse_object, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/speech-to-text"
ROUTES: Final = (PATH,)

_ADDRESSES: Final = ("source_url", "cloud_storage_url")
"""Fields for a sound by its address, the first of which is written."""
_OPTIONS: Final = {"model": "model_id", "language": "language_code", "temperature": "temperature"}
_TIMES: Final = "timestamps_granularity"


class _Word(msgspec.Struct):
    text: str = ""
    start: float | None = None
    end: float | None = None
    type: str = "word"


class _Answer(msgspec.Struct):
    text: str | None = None
    language_code: str | None = None
    audio_duration_secs: float | None = None
    words: list[_Word] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: TranscriptionRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for a vendor's name of a file."""
    warnings = [] if request.prompt is None else ["prompt: not understood by this provider, left out; words to listen for are its keyterms"]
    if request.format in ("srt", "vtt"):
        warnings.append(f"format: this provider has one form of transcript, not {request.format}")
    warnings += [f"timestamps: not told by {one} here, left out" for one in request.timestamps if one not in ("word", "character")]
    body: JsonObject = {theirs: value for ours, theirs in _OPTIONS.items() if (value := getattr(request, ours)) is not None}
    finest = next((one for one in ("character", "word") if one in request.timestamps), None)
    if finest is not None:
        body[_TIMES] = finest
    sound, files = request.audio, []
    if sound.data is not None:
        files = [Field("file", sound.data, request.name, sound.media_type or sniff_audio(sound.data))]
    elif sound.url is not None:
        body[_ADDRESSES[0]] = sound.url
    else:
        raise Unsupported("audio: ElevenLabs takes speech to write down as data or by its address")
    body = apply_quirks({**body, **request.extra.get(NAME, {})}, quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    content_type, data = encode_form([*_fields(body), *files])
    headers = with_headers((("content-type", content_type), ("accept", "application/json")), quirks.headers)
    return Call("POST", PATH, headers, data, tuple(warnings))


def _fields(body: JsonObject) -> list[Field]:
    """A list is one field for each of its items, as the vendor's SDK writes it."""
    listed = [(name, one) for name, value in body.items() for one in (value if isinstance(value, list) else [value])]
    return [Field(name, value.encode() if isinstance(value, str) else dump(value)) for name, value in listed]


def decode_request(call: Call, quirks: Quirks) -> TranscriptionRequest:
    """What a caller wants written down. Raises ``BadRequest`` that names the field."""
    fields = decode_form(call.headers, call.body)
    file = next((field for field in fields if field.name == "file"), None)
    given = _values(fields)
    model = given.pop("model_id", None)
    if not isinstance(model, str):
        raise BadRequest("model_id: it is missing; a name is expected", param="model_id")
    addresses = [url for name in _ADDRESSES if isinstance(url := given.pop(name, None), str)]
    if file is None and not addresses:
        raise BadRequest("file: it is missing; a file or source_url is expected", param="file")
    audio = Audio(data=file.data, media_type=_media_type(file)) if file else Audio(url=addresses[0])
    times = given.pop(_TIMES, None)
    return TranscriptionRequest(
        model=model,
        audio=audio,
        name=(file.file_name if file else None) or "audio",
        language=given.pop("language_code", None),
        temperature=_number(given.pop("temperature", None)),
        timestamps=(times,) if times in ("word", "character") else (),
        extra={NAME: given} if given else {},
    )


def _values(fields: list[Field]) -> JsonObject:
    """The fields that are no file; one that is said again is a list."""
    given: JsonObject = {}
    for field in fields:
        if field.name != "file":
            before = given.get(field.name)
            given[field.name] = field.text if before is None else [*(before if isinstance(before, list) else [before]), field.text]
    return given


def _media_type(file: Field) -> str | None:
    return None if file.media_type in (None, "application/octet-stream") else file.media_type


def _number(given: Json) -> float | None:
    try:
        return None if given is None else float(given)
    except (TypeError, ValueError):
        raise BadRequest(f"temperature: {given!r} was given; a number is expected", param="temperature") from None


def decode_reply(reply: Reply, quirks: Quirks) -> Transcription:
    """What was said. Raises the error that the answer tells, or ``BadReply``, also where several channels were asked for apart."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _ANSWER)
    if told.text is None:
        raise BadReply("the answer holds no text", body=snippet(reply.body))
    record = parse_object(reply.body)
    own = {name: value for name, value in record.items() if name not in _Answer.__struct_fields__ and value is not None}
    return Transcription(
        text=told.text,
        language=told.language_code,
        duration_s=told.audio_duration_secs,
        words=tuple(_words(told.words or [], record.get("words") or [])),
        extra={NAME: own} if own else {},
    )


def _words(told: list[_Word], records: list[JsonObject]) -> list[Spoken]:
    words = []
    for word, record in zip(told, records, strict=True):
        if word.type == "word" and word.start is not None and word.end is not None:
            own = {name: value for name, value in record.items() if name not in _Word.__struct_fields__ and value is not None}
            words.append(Spoken(text=word.text, start_s=word.start, end_s=word.end, extra={NAME: own} if own else {}))
    return words


def encode_reply(transcription: Transcription, request: TranscriptionRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, with all that the vendor's clients require of one."""
    body: JsonObject = {"language_code": transcription.language or "", "language_probability": 1.0, "text": transcription.text}
    body["words"] = [_encode_word(one) for one in transcription.words]
    if transcription.duration_s is not None:
        body["audio_duration_secs"] = transcription.duration_s
    return Reply(200, (("content-type", "application/json"),), dump({**body, **transcription.extra.get(NAME, {})}))


def _encode_word(one: Spoken) -> JsonObject:
    return {"text": one.text, "start": one.start_s, "end": one.end_s, "type": "word", "logprob": 0.0, **one.extra.get(NAME, {})}
