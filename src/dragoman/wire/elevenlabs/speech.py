"""ElevenLabs: ``/text-to-speech/{voice}``, a text to sound, in both roles.

Documentation: https://elevenlabs.io/docs/api-reference/text-to-speech/convert, read 2026-11-21. The voice stands in the path, the form of
the sound in the query, as codec, rate and bits (``mp3_44100_128``). The answer is the sound itself; ``/stream`` behind the path brings the
same bytes earlier.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, header, with_headers
from dragoman.core.messages import Audio
from dragoman.core.opaque import JsonObject, Number
from dragoman.core.sound import Speech, SpeechRequest
from dragoman.wire.carried import foreign_fields
from dragoman.wire.elevenlabs.errors import NAME, decode_error
from dragoman.wire.media import sniff_audio
from dragoman.wire.payload import convert, dump, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/text-to-speech/{voice}"
ROUTES: Final = (r"/text-to-speech/[^/]+(?:/stream)?",)

ANY_VOICE: Final = "JBFqnCBsd6RMkjVDRZzb"
"""The voice of the documentation's examples, taken where none is said: there is no default."""
FORMATS: Final = {"mp3": "mp3_44100_128", "pcm": "pcm_24000", "wav": "wav_24000", "opus": "opus_48000_128"}
"""Our words for a sound's form and the vendor's; any other with an underscore is the vendor's own."""
_OUR_FORMATS: Final = {theirs: ours for ours, theirs in FORMATS.items()}
_TYPES: Final = {
    "mp3": "audio/mpeg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "opus": "audio/opus",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw",
}
_LOCATED: Final = re.compile(r"/text-to-speech/([^/]+)(/stream)?")
_FORM: Final = "output_format"
_QUERY: Final = "query"
"""In a request's ``extra``: what else stands in the query."""


class _Settings(msgspec.Struct):
    speed: Number | None = None


class _Body(msgspec.Struct):
    text: str
    model_id: str | None = None
    voice_settings: _Settings | None = None


def encode_request(request: SpeechRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    own = dict(request.extra.get(NAME, {}))
    warnings = [] if request.instructions is None else ["instructions: not understood by this provider, left out"]
    if request.voice is None:
        warnings.append(f"voice: it is required here, and that of the vendor's examples assumed ({ANY_VOICE})")
    query: JsonObject = dict(own.pop(_QUERY, {}))
    form = FORMATS.get(request.format or "", request.format)
    if form is not None and "_" in form:
        query[_FORM] = form
    elif form is not None:
        warnings.append(f"format: {form} is none of this provider's, left out; they are {', '.join(FORMATS)}")
    settings = {**own.pop("voice_settings", {}), **({} if request.speed is None else {"speed": request.speed})}
    body: JsonObject = {"text": request.text, **({"model_id": request.model} if request.model else {})}
    body |= {**({"voice_settings": settings} if settings else {}), **own}
    body = apply_quirks(body, quirks, warnings)
    path = PATH.replace("{voice}", quote(request.voice or ANY_VOICE, safe="")) + ("/stream" if request.stream else "")
    headers = with_headers((("content-type", "application/json"), ("accept", "*/*")), quirks.headers)
    warnings.extend(foreign_fields(request, NAME))
    return Call("POST", f"{path}?{urlencode(query)}" if query else path, headers, dump(body), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> SpeechRequest:
    """What a caller wants read. Raises ``BadRequest`` that names the field."""
    parts = urlsplit(call.url)
    found = _LOCATED.fullmatch(parts.path)
    if found is None:
        raise BadRequest(f"the path {parts.path!r} names no voice; {PATH} is expected")
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    query = dict(parse_qsl(parts.query))
    form = query.pop(_FORM, None)
    settings = {name: value for name, value in (given.get("voice_settings") or {}).items() if name != "speed" and value is not None}
    own = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    own |= {**({"voice_settings": settings} if settings else {}), **({_QUERY: query} if query else {})}
    return SpeechRequest(
        model=body.model_id or "",
        text=body.text,
        voice=unquote(found[1]),
        format=None if form is None else _OUR_FORMATS.get(form, form),
        speed=body.voice_settings.speed if body.voice_settings else None,
        stream=found[2] is not None,
        extra={NAME: own} if own else {},
    )


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
    codec = FORMATS.get(request.format or "mp3", request.format or "").partition("_")[0]
    media_type = speech.audio.media_type or _TYPES.get(codec, "application/octet-stream")
    return Reply(200, (("content-type", media_type),), speech.audio.data or b"")
