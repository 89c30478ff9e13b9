"""Gemini: a text to sound, in both roles, by the models for it (``…-tts``).

Documentation: https://ai.google.dev/gemini-api/docs/speech-generation and
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/speech/text-to-speech, with the types of google-genai 3.4, all read
2026-11-21. The sound comes as bare samples, 16 bits each, whose rate is in their media type (``audio/L16;codec=pcm;rate=24000``); no other
form can be asked for. How it is to be read stands beside the text (``speechMetadata``); models before Gemini 3.8 want it before the text.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Audio, Text
from dragoman.core.opaque import JsonObject
from dragoman.core.sound import Speech, SpeechRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.gemini import turn
from dragoman.wire.gemini.parts import NAME, encode_part, kept, without
from dragoman.wire.gemini.request import PATH, ROUTES
from dragoman.wire.gemini.turn import CONFIG, MODALITIES, Told, Turn
from dragoman.wire.quirks import Quirks

__all__ = ["PATH", "ROUTES", "decode_reply", "decode_request", "encode_reply", "encode_request"]


TYPE: Final = "audio/L16;codec=pcm;rate=24000"
_SOUND: Final = "AUDIO"
_SPEECH: Final = "speechConfig"
_VOICE: Final = ("voiceConfig", "prebuiltVoiceConfig", "voiceName")
_STYLE: Final = ("speechMetadata", "style")
_STYLE_IN_TEXT: Final = re.compile(r"gemini-(?:2|3\.1)\b")


def encode_request(request: SpeechRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [] if request.speed is None else ["speed: not understood by this provider, left out; say it in instructions"]
    if request.format not in (None, "pcm"):
        warnings.append(f"format: {request.format} cannot be asked for here; the sound comes as bare samples (pcm)")
    config: JsonObject = {MODALITIES: [_SOUND]}
    if request.voice is not None:
        config[_SPEECH] = _nested(_VOICE, request.voice)
    asked = Turn(model=request.model, parts=(_encode_text(request),), config=config, stream=request.stream, own=request.extra.get(NAME, {}))
    return turn.encode_turn(asked, quirks, [*warnings, *foreign_fields(request, NAME)])


def _encode_text(request: SpeechRequest) -> Text:
    if request.instructions is None:
        return Text(text=request.text)
    if _STYLE_IN_TEXT.search(request.model):
        return Text(text=f"{request.instructions}: {request.text}")
    return Text(text=request.text, extra={NAME: _nested(_STYLE, request.instructions)})


def _nested(path: tuple[str, ...], value: str) -> JsonObject:
    made: JsonObject = {path[-1]: value}
    for name in reversed(path[:-1]):
        made = {name: made}
    return made


def _taken(given: JsonObject, path: tuple[str, ...]) -> tuple[str | None, JsonObject]:
    """The text at ``path``, and ``given`` without it and without what is empty then."""
    name, *rest = path
    inner = given.get(name)
    if not rest:
        return (inner, without(given, name)) if isinstance(inner, str) else (None, given)
    if not isinstance(inner, dict):
        return None, given
    found, left = _taken(inner, tuple(rest))
    return found, {**without(given, name), **({name: left} if left else {})}


def decode_request(call: Call, quirks: Quirks) -> SpeechRequest:
    """What a caller wants read. Raises ``BadRequest`` that names the field, also where no sound is asked for."""
    asked = turn.decode_turn(call)
    wanted = asked.config.get(MODALITIES)
    if not isinstance(wanted, list) or _SOUND not in wanted:
        raise BadRequest(f"{CONFIG}.{MODALITIES}: {_SOUND} is expected to be among them", param=f"{CONFIG}.{MODALITIES}")
    texts = [part for part in asked.parts if isinstance(part, Text)]
    if len(texts) != len(asked.parts) or not texts:
        raise BadRequest("contents: words alone can be read aloud", param="contents")
    styles = {_taken(text.extra.get(NAME, {}), _STYLE)[0] for text in texts}
    if len(styles) > 1 or any(_taken(text.extra.get(NAME, {}), _STYLE)[1] for text in texts):
        raise BadRequest("contents: parts that are read in several ways or by several speakers cannot be carried", param="contents")
    speech = asked.config.get(_SPEECH)
    voice, speech = _taken(speech if isinstance(speech, dict) else {}, _VOICE)
    config = {**without(asked.config, MODALITIES, _SPEECH), **({_SPEECH: speech} if speech else {})}
    return SpeechRequest(
        model=asked.model,
        text="".join(text.text for text in texts),
        voice=voice,
        instructions=styles.pop(),
        stream=asked.stream,
        extra=turn.rest_of(asked, config),
    )


def decode_reply(reply: Reply, quirks: Quirks) -> Speech:
    """The sound. Raises the error that the answer tells, ``BadReply`` or ``ContentFiltered`` where it holds none, or ``StreamCut``."""
    told = turn.decode_told(reply, quirks)
    sounds = [part for part in turn.contents(told) if isinstance(part, Audio) and part.data is not None]
    if not sounds:
        raise turn.missing(told, "sound")
    data = b"".join(sound.data or b"" for sound in sounds)
    return Speech(audio=Audio(data=data, media_type=sounds[0].media_type, extra=kept(told.extra)), usage=told.usage)


def encode_reply(speech: Speech, request: SpeechRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, streamed or whole as it asked."""
    own = speech.audio.extra.get(NAME, {})
    sound = Audio(data=speech.audio.data or b"", media_type=speech.audio.media_type or TYPE)
    told = Told(parts=tuple(encode_part(sound, "audio", [])), usage=speech.usage, extra=own)
    return turn.encode_told(told, request.extra.get(NAME, {}), request.stream)
