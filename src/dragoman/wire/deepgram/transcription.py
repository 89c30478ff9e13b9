"""Deepgram: ``/listen``, speech to text, in both roles.

Documentation: https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded, read 2026-11-21. The body is the sound itself,
or its address as JSON. Words come with their times, passages (``utterances``) where they are asked for. Of several channels the first is
the answer, and the others stand in ``extra``.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply, header, with_headers
from dragoman.core.messages import Audio
from dragoman.core.opaque import JsonObject
from dragoman.core.sound import Spoken, Transcription, TranscriptionRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.deepgram.errors import NAME, decode_error, decode_query, encode_query, taken
from dragoman.wire.media import sniff_audio
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/listen"
ROUTES: Final = (PATH,)

_PASSAGES: Final = "utterances"
_BYTES: Final = "application/octet-stream"
_BARE: Final = "word"
"""In a word's ``extra``: itself without capitals and marks, where the vendor tells both."""
_CHANNEL_READ: Final = ("alternatives", "detected_language")
_ALTERNATIVE_READ: Final = ("transcript", "words")
_PASSAGE_READ: Final = ("start", "end", "transcript", "words")


def encode_request(request: TranscriptionRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for a vendor's name of a file."""
    warnings = [] if request.prompt is None else ["prompt: not understood by this provider, left out; words to listen for are its keyterm"]
    if request.temperature is not None:
        warnings.append("temperature: not understood by this provider, left out")
    if request.format in ("srt", "vtt"):
        warnings.append(f"format: this provider has one form of transcript, not {request.format}")
    query: JsonObject = {"model": request.model} if request.model else {}
    if request.language is not None:
        query["language"] = request.language
    if "segment" in request.timestamps:
        query[_PASSAGES] = True
    sound = request.audio
    if sound.data is not None:
        kind, body = sound.media_type or sniff_audio(sound.data) or _BYTES, sound.data
    elif sound.url is not None:
        kind, body = "application/json", dump({"url": sound.url})
    else:
        raise Unsupported("audio: Deepgram takes speech to write down as data or by its address")
    query = apply_quirks({**query, **request.extra.get(NAME, {})}, quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    headers = with_headers((("content-type", kind), ("accept", "application/json")), quirks.headers)
    return Call("POST", encode_query(PATH, query), headers, body, tuple(warnings))


class _Address(msgspec.Struct):
    url: str


def decode_request(call: Call, quirks: Quirks) -> TranscriptionRequest:
    """What a caller wants written down. Raises ``BadRequest`` that names the field."""
    if urlsplit(call.url).path != PATH:
        raise BadRequest(f"the path {urlsplit(call.url).path!r} was used; {PATH} is expected")
    kind = (header(call.headers, "content-type") or _BYTES).partition(";")[0].strip().lower()
    if kind == "application/json":
        audio = Audio(url=convert(parse_request(call.body), _Address, "the request body").url)
    elif not call.body:
        raise BadRequest("the request body is empty; a sound is expected")
    else:
        audio = Audio(data=call.body, media_type=sniff_audio(call.body) if kind == _BYTES else kind)
    query = decode_query(call.url)
    passages = query.get(_PASSAGES) == "true" and query.pop(_PASSAGES) == "true"
    return TranscriptionRequest(
        model=taken(query, "model") or "",
        audio=audio,
        language=taken(query, "language"),
        timestamps=("segment",) if passages else (),
        extra={NAME: dict(query)} if query else {},
    )


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class _Word(msgspec.Struct):
    start: float
    end: float
    word: str = ""
    punctuated_word: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []
    languages: list[str] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative] = []
    detected_language: str | None = None


class _Passage(msgspec.Struct):
    start: float
    end: float
    transcript: str = ""


class _Results(msgspec.Struct):
    channels: list[_Channel] = []
    utterances: list[_Passage] | None = None


class _Metadata(msgspec.Struct):
    duration: float | None = None


class _Answer(msgspec.Struct):
    results: _Results | None = None
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decode_reply(reply: Reply, quirks: Quirks) -> Transcription:
    """What was said. Raises the error that the answer tells, or ``BadReply``."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _ANSWER)
    if told.results is None or not told.results.channels or not told.results.channels[0].alternatives:
        raise BadReply("the answer holds no transcript", body=snippet(reply.body))
    record = parse_object(reply.body)
    channel = told.results.channels[0]
    best = channel.alternatives[0]
    records: list[JsonObject] = record["results"]["channels"][0]["alternatives"][0].get("words") or []
    passages: list[JsonObject] = record["results"].get(_PASSAGES) or []
    return Transcription(
        text=best.transcript,
        language=channel.detected_language or (best.languages[0] if best.languages else None),
        duration_s=told.metadata.duration,
        segments=tuple(_decode_passage(one, it) for one, it in zip(told.results.utterances or (), passages, strict=True)),
        words=tuple(_decode_word(word, one) for word, one in zip(best.words, records, strict=True)),
        extra=_decode_own(record),
    )


def _decode_word(word: _Word, record: JsonObject) -> Spoken:
    own = {name: value for name, value in record.items() if name not in _Word.__struct_fields__ and value is not None}
    if word.punctuated_word is not None:
        own[_BARE] = word.word
    text = word.word if word.punctuated_word is None else word.punctuated_word
    return Spoken(text=text, start_s=word.start, end_s=word.end, extra={NAME: own} if own else {})


def _decode_passage(passage: _Passage, record: JsonObject) -> Spoken:
    """Who spoke stands beside it; its words are among all."""
    own = {name: value for name, value in record.items() if name not in _PASSAGE_READ and value is not None}
    return Spoken(text=passage.transcript, start_s=passage.start, end_s=passage.end, extra={NAME: own} if own else {})


def _decode_own(record: JsonObject) -> dict[str, JsonObject]:
    """What the vendor tells besides: of the request, of other channels, summaries and the like."""
    metadata = {name: value for name, value in (record.get("metadata") or {}).items() if name != "duration"}
    results = {name: value for name, value in record["results"].items() if name not in ("channels", _PASSAGES) and value is not None}
    first, *channels = record["results"]["channels"]
    best, *alternatives = first["alternatives"]
    told = {
        "metadata": metadata,
        **results,
        "channel": {name: value for name, value in first.items() if name not in _CHANNEL_READ and value is not None},
        "alternative": {name: value for name, value in best.items() if name not in _ALTERNATIVE_READ and value is not None},
        "alternatives": alternatives,
        "channels": channels,
    }
    own = {name: value for name, value in told.items() if value not in ({}, [])}
    return {NAME: own} if own else {}


def encode_reply(transcription: Transcription, request: TranscriptionRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, with all that the vendor's clients require of one."""
    own = dict(transcription.extra.get(NAME, {}))
    words = [_encode_word(one) for one in transcription.words]
    best = {"transcript": transcription.text, "confidence": 1.0, "words": words, **own.pop("alternative", {})}
    first: JsonObject = {"alternatives": [best, *own.pop("alternatives", [])], **own.pop("channel", {})}
    if transcription.language is not None:
        first["detected_language"] = transcription.language
    required: JsonObject = {"request_id": "", "created": "1970-01-01T00:00:00Z", "channels": 1, "models": [], "model_info": {}}
    metadata = {**required, "duration": transcription.duration_s or 0.0, **own.pop("metadata", {})}
    results: JsonObject = {"channels": [first, *own.pop("channels", [])], **own}
    if "segment" in request.timestamps:
        results[_PASSAGES] = [_encode_passage(one) for one in transcription.segments]
    return Reply(200, (("content-type", "application/json"),), dump({"metadata": metadata, "results": results}))


def _encode_passage(one: Spoken) -> JsonObject:
    return {"start": one.start_s, "end": one.end_s, "transcript": one.text, **one.extra.get(NAME, {})}


def _encode_word(one: Spoken) -> JsonObject:
    own = one.extra.get(NAME, {})
    written = {"punctuated_word": one.text} if _BARE in own else {}
    return {"word": one.text, "start": one.start_s, "end": one.end_s, "confidence": 1.0, **own, **written}
