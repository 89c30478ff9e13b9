"""OpenAI's ``/audio/speech``, in both roles: a text to sound.

Documentation: https://platform.openai.com/docs/api-reference/audio/createSpeech, read 2026-11-21. The answer is the sound itself, or an
event stream of ``speech.audio.delta`` in base64 with ``speech.audio.done`` at its end. Mistral answers with JSON that holds it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest, StreamCut
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.messages import Audio
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.sound import Speech, SpeechRequest
from dragoman.core.usage import Usage
from dragoman.wire.media import decode_base64, encode_base64, sniff_audio
from dragoman.wire.openai_call import check, counted, json_call, rest, routes
from dragoman.wire.openai_chat.errors import body_error, fault_error
from dragoman.wire.openai_chat.request import with_deployment
from dragoman.wire.payload import convert, dump, parse, parse_request, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.sse import CONTENT_TYPE, STRAY, EventStream, encode_event

PATH: Final = "/audio/speech"
ROUTES: Final = routes(PATH)

TYPES: Final = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
"""OpenAI's words for a sound's form, and its media type."""
_OPTIONS: Final = {"voice": "voice", "format": "response_format", "speed": "speed", "instructions": "instructions"}


class _Body(msgspec.Struct):
    model: str
    input: str
    voice: str | None = None
    response_format: str | None = None
    speed: Number | None = None
    instructions: str | None = None
    stream_format: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    audio: str = ""
    usage: JsonObject | None = None
    error: Json = None


_EVENT: Final = msgspec.json.Decoder(_Event)


def encode_request(request: SpeechRequest, quirks: Quirks) -> Call:
    """The call for ``request``."""
    body: JsonObject = {"model": request.model, "input": request.text}
    body |= {theirs: value for ours, theirs in _OPTIONS.items() if (value := getattr(request, ours)) is not None}
    if request.stream:
        body["stream_format"] = "sse"
    call = json_call(PATH, request.model, body, request.extra, quirks, [])
    return msgspec.structs.replace(call, headers=tuple((name, "*/*" if name == "accept" else value) for name, value in call.headers))


def decode_request(call: Call, quirks: Quirks) -> SpeechRequest:
    """What a caller wants read. Raises ``BadRequest`` that names the field."""
    given = with_deployment(parse_request(call.body), call.url)
    own_voice = given.get("voice")
    if isinstance(own_voice, dict) and isinstance(own_voice.get("id"), str):
        given["voice"] = own_voice["id"]
    body = convert(given, _Body, "the request body")
    options = {ours: getattr(body, theirs) for ours, theirs in _OPTIONS.items()}
    return SpeechRequest(
        model=body.model,
        text=body.input,
        stream=body.stream_format == "sse",
        extra=rest(given, _Body.__struct_fields__),
        **options,
    )


def decode_reply(reply: Reply, quirks: Quirks) -> Speech:
    """The sound. Raises the error that the answer tells, ``BadReply``, or ``StreamCut`` where its events break off."""
    check(reply, quirks)
    kind = (header(reply.headers, "content-type") or "").partition(";")[0].strip().lower()
    if kind == CONTENT_TYPE:
        return _read_events(reply, quirks)
    if kind == "application/json" and (told := try_object(reply.body)) and isinstance(told.get("audio_data"), str):  # Mistral
        sound = _bytes(told["audio_data"])
        return Speech(audio=Audio(data=sound, media_type=sniff_audio(sound)), usage=counted(told.get("usage")))
    if kind == "application/json" or kind.startswith("text/"):
        raise body_error(reply.body, quirks) or BadReply(f"the answer is {kind}, not a sound", body=snippet(reply.body))
    if not reply.body:
        raise BadReply("the answer is empty")
    media_type = kind if kind.startswith("audio/") else sniff_audio(reply.body)
    return Speech(audio=Audio(data=reply.body, media_type=media_type))


def _read_events(reply: Reply, quirks: Quirks) -> Speech:
    pieces: list[bytes] = []
    framing = EventStream()
    for name, data in (*framing.feed(reply.body), *framing.close()):
        if name == STRAY or data in (b"", b"[DONE]"):
            continue
        event = parse(data, _EVENT, "an event of the answer")
        if event.error:
            raise fault_error(event.error, snippet(data), quirks)
        if event.type == "speech.audio.delta":
            pieces.append(_bytes(event.audio))
        elif event.type == "speech.audio.done":
            sound = b"".join(pieces)
            return Speech(audio=Audio(data=sound, media_type=sniff_audio(sound)), usage=counted(event.usage))
    raise StreamCut("the stream ended without speech.audio.done")


def _bytes(text: str) -> bytes:
    try:
        return decode_base64(text, "audio")
    except BadRequest:
        raise BadReply("a piece of the sound is no base64", body=text[:200]) from None


def encode_reply(speech: Speech, request: SpeechRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, streamed or whole as it asked."""
    data = speech.audio.data or b""
    if not request.stream:
        media_type = speech.audio.media_type or TYPES.get(request.format or "mp3", "application/octet-stream")
        return Reply(200, (("content-type", media_type),), data)
    events = [{"type": "speech.audio.delta", "audio": encode_base64(data)}, {"type": "speech.audio.done", "usage": _usage(speech.usage)}]
    return Reply(200, (("content-type", CONTENT_TYPE),), b"".join(encode_event(dump(event)) for event in events))


def _usage(usage: Usage | None) -> JsonObject:
    read, written = (usage.input_tokens or 0, usage.output_tokens or 0) if usage else (0, 0)
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
