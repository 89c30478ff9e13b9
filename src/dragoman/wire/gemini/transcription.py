"""Gemini: speech to text, in both roles.

Documentation: https://ai.google.dev/gemini-api/docs/generate-content/transcribe, https://ai.google.dev/gemini-api/docs/audio and the types
of google-genai 3.4, read 2026-11-21. The models for it (``…-transcribe``) are given a sound alone and ``audioTranscriptionConfig``; each
part of their answer is one speaker's turn, not always in the order of time, with ``audioTranscription`` beside or in place of its text.
Any other model heeds none of that and would answer what is said, so it is asked in the vendor's own words for a transcript, and a warning
says so: what it writes may hold words that nobody spoke.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Audio, File, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.sound import Spoken, Transcription, TranscriptionRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.gemini import turn
from dragoman.wire.gemini.parts import NAME, TRANSCRIPT, camel, kept, without
from dragoman.wire.gemini.request import PATH, ROUTES
from dragoman.wire.gemini.turn import INSTRUCTION, Told, Turn
from dragoman.wire.media import sniff_audio
from dragoman.wire.payload import snippet
from dragoman.wire.quirks import Quirks

__all__ = ["PATH", "ROUTES", "decode_reply", "decode_request", "encode_reply", "encode_request"]


_LANGUAGES: Final = "languageCodes"
_TIMES: Final = "wordTimestamp"
_OFFSET: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def transcribes(model: str) -> bool:
    """Whether ``model`` is one for this, and needs no asking in words."""
    return "transcribe" in model


def encode_request(request: TranscriptionRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    own_way = transcribes(request.model)
    warnings = list(_unsaid(request, own_way))
    config: JsonObject = {} if request.temperature is None else {"temperature": request.temperature}
    wanted: JsonObject = {}
    if own_way and request.language is not None:
        wanted[_LANGUAGES] = [request.language]
    if own_way and "word" in request.timestamps:
        wanted[_TIMES] = True
    if wanted:
        config[turn.TRANSCRIBES] = wanted
    sound = request.audio
    if sound.data is not None and sound.media_type is None:
        sound = msgspec.structs.replace(sound, media_type=sniff_audio(sound.data))
    parts = (sound,) if own_way else (Text(text=INSTRUCTION), sound)
    asked = Turn(model=request.model, parts=parts, config=config, stream=request.stream, own=request.extra.get(NAME, {}))
    return turn.encode_turn(asked, quirks, [*warnings, *foreign_fields(request, NAME)])


def _unsaid(request: TranscriptionRequest, own_way: bool) -> list[str]:
    unsaid = []
    if not own_way:
        unsaid.append(f"model: {request.model} is asked in words for a transcript, and may add words of its own")
    if request.prompt is not None:
        unsaid.append("prompt: not understood by this provider, left out; words to listen for are its customVocabulary, in extra")
    if request.language is not None and not own_way:
        unsaid.append("language: only this provider's models for transcripts take it, left out")
    if request.format not in (None, "json", "text"):
        unsaid.append(f"format: this provider has one form of transcript, not {request.format}")
    known = {"word"} if own_way else set()
    return unsaid + [f"timestamps: not told by {one} here, left out" for one in request.timestamps if one not in known]


def decode_request(call: Call, quirks: Quirks) -> TranscriptionRequest:
    """What a caller wants written down. Raises ``BadRequest`` that names the field, also where an answer is asked for."""
    asked = turn.decode_turn(call)
    parts = [part for part in asked.parts if part != Text(text=INSTRUCTION)]
    if len(parts) != 1 or not (transcribes(asked.model) or len(parts) < len(asked.parts)):
        raise BadRequest("contents: a sound alone is expected, and a model for transcripts", param="contents")
    [sound] = parts
    wanted = asked.config.get(turn.TRANSCRIBES)
    wanted = wanted if isinstance(wanted, dict) else {}
    languages = wanted.get(_LANGUAGES)
    one = languages[0] if isinstance(languages, list) and len(languages) == 1 and isinstance(languages[0], str) else None
    left = without(wanted, *((_LANGUAGES,) if one else ()), *((_TIMES,) if wanted.get(_TIMES) is True else ()))
    temperature = asked.config.get("temperature")
    if temperature is not None and not isinstance(temperature, int | float):
        raise BadRequest("generationConfig.temperature: a number is expected", param="generationConfig.temperature")
    config = {**without(asked.config, turn.TRANSCRIBES, "temperature"), **({turn.TRANSCRIBES: left} if left else {})}
    return TranscriptionRequest(
        model=asked.model,
        audio=_sound(sound),
        language=one,
        temperature=temperature,
        timestamps=("word",) if wanted.get(_TIMES) is True else (),
        stream=asked.stream,
        extra=turn.rest_of(asked, config),
    )


def _sound(part: object) -> Audio:
    if isinstance(part, Audio):
        return part
    if isinstance(part, File):  # a film, taken for what is said in it
        return Audio(data=part.data, url=part.url, file_id=part.file_id, media_type=part.media_type, extra=part.extra)
    raise BadRequest("contents[0].parts: a sound is expected", param="contents[0].parts")


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class _Word(msgspec.Struct, rename="camel"):
    word: str = ""
    start_offset: str = "0s"
    end_offset: str | None = None


class _Transcript(msgspec.Struct, rename="camel"):
    text: str = ""
    language_code: str | None = None
    speaker_label: str | None = None
    words: list[_Word] = []


class _Turn(msgspec.Struct, frozen=True):
    """One speaker's turn."""

    text: str
    language: str | None = None
    words: tuple[Spoken, ...] = ()
    extra: JsonObject = {}


def decode_reply(reply: Reply, quirks: Quirks) -> Transcription:
    """What was said. Raises the error that the answer tells, ``BadReply`` or ``ContentFiltered`` where it holds nothing, ``StreamCut``."""
    told = turn.decode_told(reply, quirks)
    try:
        turns = [_decode_turn(part) for part in told.parts if part.get("thought") is not True]
    except msgspec.ValidationError as fault:
        raise BadReply(f"a transcript of the answer cannot be read: {fault}", body=snippet(reply.body)) from None
    if not turns:
        raise turn.missing(told, "transcript")
    timed = all(one.words for one in turns)
    if timed:
        turns.sort(key=lambda one: one.words[0].start_s)
    labelled = timed or any(one.extra for one in turns)
    return Transcription(
        text=(" " if labelled else "").join(one.text for one in turns),
        language=next((one.language for one in turns if one.language), None),
        segments=tuple(_segment(one) for one in turns) if timed else (),
        words=tuple(word for one in turns for word in one.words),
        usage=told.usage,
        extra=kept(told.extra),
    )


def _decode_turn(part: JsonObject) -> _Turn:
    record = part.get(TRANSCRIPT)
    text = part.get("text")
    told = msgspec.convert(_plain(record) if isinstance(record, dict) else {}, _Transcript)
    label = {"speakerLabel": told.speaker_label} if told.speaker_label else {}
    words = [_spoken(word, label) for word in told.words]
    known = tuple(word for word in words if word is not None)
    whole = known if len(known) == len(words) else ()
    return _Turn(text if isinstance(text, str) and text else told.text, told.language_code, whole, label)


def _plain(record: JsonObject) -> JsonObject:
    record = camel(record)
    words: Json = record.get("words")
    return {**record, "words": [camel(word) if isinstance(word, dict) else word for word in words] if isinstance(words, list) else []}


def _spoken(word: _Word, label: JsonObject) -> Spoken | None:
    start, end = _OFFSET.fullmatch(word.start_offset), _OFFSET.fullmatch(word.end_offset or "")
    return Spoken(text=word.word, start_s=float(start[1]), end_s=float(end[1]), extra=kept(label)) if start and end else None


def _segment(one: _Turn) -> Spoken:
    return Spoken(text=one.text, start_s=one.words[0].start_s, end_s=one.words[-1].end_s, extra=kept(one.extra))


def encode_reply(transcription: Transcription, request: TranscriptionRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``: one turn, with its words and their times where they are known."""
    record: JsonObject = {"text": transcription.text}
    if transcription.language is not None:
        record["languageCode"] = transcription.language
    if transcription.words:
        record["words"] = [
            {"word": one.text, "startOffset": f"{one.start_s:g}s", "endOffset": f"{one.end_s:g}s"} for one in transcription.words
        ]
    part: JsonObject = {"text": transcription.text, **({TRANSCRIPT: record} if len(record) > 1 else {})}
    told = Told(parts=(part,), usage=transcription.usage, extra=transcription.extra.get(NAME, {}))
    return turn.encode_told(told, request.extra.get(NAME, {}), request.stream)
