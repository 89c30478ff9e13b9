"""Deepgram: ``/speak``, a text to sound, in both roles.

Documentation: https://developers.deepgram.com/reference/text-to-speech/speak-request and …/docs/tts-media-output-settings, read
2026-11-21. The model is the voice. The form of the sound is an encoding and a container; the answer is the sound itself.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, header, with_headers
from dragoman.core.messages import Audio
from dragoman.core.opaque import JsonObject
from dragoman.core.sound import Speech, SpeechRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.deepgram.errors import NAME, decode_error, decode_query, encode_query, taken
from dragoman.wire.media import sniff_audio
from dragoman.wire.payload import convert, dump, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/speak"
ROUTES: Final = (PATH,)

FORMATS: Final[dict[str, dict[str, str]]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none"},
}
"""Our words for a sound's form and the vendor's fields."""
_TYPES: Final = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/l16"}


class _Body(msgspec.Struct):
    text: str


def encode_request(request: SpeechRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [] if request.voice is None else ["voice: the model is the voice here, left out"]
    if request.instructions is not None:
        warnings.append("instructions: not understood by this provider, left out")
    query: JsonObject = {"model": request.model} if request.model else {}
    if request.format in FORMATS:
        query |= FORMATS[request.format]
    elif request.format is not None:
        warnings.append(f"format: {request.format} is none of this provider's, left out; they are {', '.join(FORMATS)}")
    if request.speed is not None:
        query["speed"] = request.speed
    query = apply_quirks({**query, **request.extra.get(NAME, {})}, quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    headers = with_headers((("content-type", "application/json"), ("accept", "*/*")), quirks.headers)
    return Call("POST", encode_query(PATH, query), headers, dump({"text": request.text}), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> SpeechRequest:
    """What a caller wants read. Raises ``BadRequest`` that names the field."""
    if urlsplit(call.url).path != PATH:
        raise BadRequest(f"the path {urlsplit(call.url).path!r} was used; {PATH} is expected")
    body = convert(parse_request(call.body), _Body, "the request body")
    query = decode_query(call.url)
    form = next((ours for ours, fields in FORMATS.items() if fields.items() <= query.items()), None)
    for name in FORMATS.get(form or "", ()):
        del query[name]
    return SpeechRequest(
        model=taken(query, "model") or "",
        text=body.text,
        format=form,
        speed=_number(taken(query, "speed")),
        extra={NAME: dict(query)} if query else {},
    )


def _number(given: str | None) -> float | None:
    try:
        return None if given is None else float(given)
    except ValueError:
        raise BadRequest(f"speed: {given!r} was given; a number is expected", param="speed") from None


def decode_reply(reply: Reply, quirks: Quirks) -> Speech:
    """The sound. Raises the error that the answer tells, or ``BadReply``."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    kind = (header(reply.headers, "content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.startswith("text/"):
        raise BadReply(f"the answer is {kind}, not a sound", body=snippet(reply.body))
    if not reply.body:
        raise BadReply("the answer is empty")
    return Speech(audio=Audio(data=reply.body, media_type=kind if kind.startswith("audio/") else sniff_audio(reply.body)))


def encode_reply(speech: Speech, request: SpeechRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    media_type = speech.audio.media_type or _TYPES.get(request.format or "mp3", "application/octet-stream")
    return Reply(200, (("content-type", media_type),), speech.audio.data or b"")
