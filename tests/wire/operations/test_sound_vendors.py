"""ElevenLabs and Deepgram: both roles and back, what each says in its own way, and how failures are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core import errors
from dragoman.core.errors import BadReply, BadRequest, DragomanError, Unsupported
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.messages import Audio
from dragoman.core.sound import Speech, SpeechRequest, Spoken, Transcription, TranscriptionRequest
from dragoman.wire.elevenlabs.speech import ANY_VOICE
from dragoman.wire.operations import encode_error, operation
from dragoman.wire.quirks import NONE

MP3 = Speech(audio=Audio(data=b"ID3sound", media_type="audio/mpeg"))
RECORD = {"request_id": "r", "created": "2026-01-01T00:00:00Z", "channels": 2, "models": ["m"], "model_info": {}}

ROUNDS: list[tuple[str, str, Any, Any]] = [
    (
        "elevenlabs",
        "speak",
        SpeechRequest(
            model="eleven_v3",
            text="Hi",
            voice="a/b",
            format="pcm",
            speed=1.1,
            extra={"elevenlabs": {"seed": 5, "voice_settings": {"stability": 0.5}, "query": {"enable_logging": "false"}}},
        ),
        MP3,
    ),
    ("elevenlabs", "speak", SpeechRequest(model="", text="Hi", voice="v", format="mp3_44100_192", stream=True), MP3),
    (
        "elevenlabs",
        "transcribe",
        TranscriptionRequest(
            model="scribe_v2",
            audio=Audio(data=b"\x00\r\n", media_type="audio/ogg"),
            name="a.ogg",
            language="en",
            temperature=0.5,
            timestamps=("character",),
            extra={"elevenlabs": {"diarize": "true", "keyterms": ["one", "two"]}},
        ),
        Transcription(
            text="Hello there.",
            language="en",
            duration_s=1.5,
            words=(Spoken(text="Hello", start_s=0.0, end_s=0.5, extra={"elevenlabs": {"speaker_id": "s", "logprob": -0.5}}),),
            extra={"elevenlabs": {"language_probability": 0.9, "transcription_id": "t"}},
        ),
    ),
    (
        "elevenlabs",
        "transcribe",
        TranscriptionRequest(model="scribe_v2", audio=Audio(url="https://x.test/a.mp3")),
        Transcription(text="", language="en", extra={"elevenlabs": {"language_probability": 1.0}}),
    ),
    (
        "deepgram",
        "speak",
        SpeechRequest(model="aura-2-thalia-en", text="Hi", format="wav", speed=1.1, extra={"deepgram": {"tag": ["a", "b"]}}),
        Speech(audio=Audio(data=b"RIFF....WAVE", media_type="audio/wav")),
    ),
    ("deepgram", "speak", SpeechRequest(model="", text="Hi", extra={"deepgram": {"encoding": "linear16", "sample_rate": "8000"}}), MP3),
    (
        "deepgram",
        "transcribe",
        TranscriptionRequest(
            model="nova-3",
            audio=Audio(data=b"x", media_type="audio/flac"),
            language="de",
            timestamps=("segment",),
            extra={"deepgram": {"smart_format": "true"}},
        ),
        Transcription(
            text="Hello there.",
            language="de",
            duration_s=1.5,
            segments=(Spoken(text="Hello there.", start_s=0.0, end_s=1.25, extra={"deepgram": {"speaker": 1, "channel": 0}}),),
            words=(Spoken(text="Hello", start_s=0.0, end_s=0.5, extra={"deepgram": {"confidence": 0.5, "speaker": 1, "word": "hello"}}),),
            extra={
                "deepgram": {
                    "metadata": RECORD,
                    "summary": {"short": "Hi."},
                    "channel": {"language_confidence": 0.9},
                    "alternative": {"confidence": 0.75, "paragraphs": {"transcript": "Hello there."}},
                    "alternatives": [{"transcript": "Yellow hair."}],
                    "channels": [{"alternatives": [{"transcript": "Well."}]}],
                }
            },
        ),
    ),
    (
        "deepgram",
        "transcribe",
        TranscriptionRequest(model="", audio=Audio(url="https://x.test/a.mp3")),
        Transcription(text="", duration_s=0.0, extra={"deepgram": {"metadata": RECORD, "alternative": {"confidence": 0.5}}}),
    ),
]


@pytest.mark.parametrize(("dialect", "name", "request_", "answer"), ROUNDS)
def test_request_and_answer_come_back(dialect: str, name: str, request_: Any, answer: Any) -> None:
    speaking = operation(dialect, name)
    call = speaking.encode_request(request_, NONE)
    assert call.warnings == ()
    assert speaking.decode_request(call, NONE) == request_
    assert speaking.decode_reply(speaking.encode_reply(answer, request_, NONE), NONE) == answer


# --- as the documentation has it --------------------------------------------------------------------------------------------------------


def test_elevenlabs_is_asked_to_speak() -> None:
    call = operation("elevenlabs", "speak").encode_request(
        SpeechRequest(model="eleven_v3", text="Hi", voice="v", format="mp3", speed=0.9), NONE
    )
    assert call.url == "/text-to-speech/v?output_format=mp3_44100_128"
    assert json.loads(call.body) == {"text": "Hi", "model_id": "eleven_v3", "voice_settings": {"speed": 0.9}}


def test_deepgram_is_asked_to_speak() -> None:
    call = operation("deepgram", "speak").encode_request(SpeechRequest(model="aura-2-thalia-en", text="Hi", format="pcm"), NONE)
    assert call.url == "/speak?model=aura-2-thalia-en&encoding=linear16&container=none"
    assert json.loads(call.body) == {"text": "Hi"}


def test_deepgram_is_given_the_bytes_of_a_sound_or_its_address() -> None:
    listen = operation("deepgram", "transcribe")
    own = {"deepgram": {"smart_format": True, "keyterm": ["one", "two"]}}
    call = listen.encode_request(TranscriptionRequest(model="nova-3", audio=Audio(data=b"RIFF....WAVE"), extra=own), NONE)
    assert (call.url, call.body) == ("/listen?model=nova-3&smart_format=true&keyterm=one&keyterm=two", b"RIFF....WAVE")
    assert header(call.headers, "content-type") == "audio/wav"
    call = listen.encode_request(TranscriptionRequest(model="nova-3", audio=Audio(url="https://x.test/a.mp3")), NONE)
    assert (header(call.headers, "content-type"), json.loads(call.body)) == ("application/json", {"url": "https://x.test/a.mp3"})


def test_voice_that_was_not_said_is_one_of_the_vendors_with_a_warning() -> None:
    call = operation("elevenlabs", "speak").encode_request(SpeechRequest(model="eleven_v3", text="Hi"), NONE)
    assert call.url == f"/text-to-speech/{ANY_VOICE}"
    assert [warning.partition(":")[0] for warning in call.warnings] == ["voice"]


@pytest.mark.parametrize(
    ("dialect", "name", "request_", "unsaid"),
    [
        ("elevenlabs", "speak", SpeechRequest(model="m", text="t", voice="v", format="flac", instructions="i"), ["instructions", "format"]),
        (
            "deepgram",
            "speak",
            SpeechRequest(model="m", text="t", voice="v", format="ulaw", instructions="i"),
            ["voice", "instructions", "format"],
        ),
        (
            "elevenlabs",
            "transcribe",
            TranscriptionRequest(model="m", audio=Audio(data=b"x"), prompt="p", format="srt", timestamps=("segment", "word")),
            ["prompt", "format", "timestamps"],
        ),
        (
            "deepgram",
            "transcribe",
            TranscriptionRequest(model="m", audio=Audio(data=b"x"), prompt="p", format="vtt", temperature=0.5),
            ["prompt", "temperature", "format"],
        ),
    ],
)
def test_what_cannot_be_said_is_named(dialect: str, name: str, request_: Any, unsaid: list[str]) -> None:
    call = operation(dialect, name).encode_request(request_, NONE)
    assert [warning.partition(":")[0] for warning in call.warnings] == unsaid


@pytest.mark.parametrize("dialect", ["elevenlabs", "deepgram"])
def test_sound_by_a_vendors_name_is_refused(dialect: str) -> None:
    with pytest.raises(Unsupported, match="audio"):
        operation(dialect, "transcribe").encode_request(TranscriptionRequest(model="m", audio=Audio(file_id="f")), NONE)


@pytest.mark.parametrize(
    ("dialect", "name", "url", "kind", "body"),
    [
        ("elevenlabs", "speak", "/text-to-speech", "application/json", b'{"text":"a"}'),
        ("elevenlabs", "speak", "/text-to-speech/v", "application/json", b'{"model_id":"m"}'),
        ("elevenlabs", "transcribe", "/speech-to-text", "application/json", b"{}"),
        ("elevenlabs", "transcribe", "/speech-to-text", "multipart/form-data; boundary=b", b"--b--\r\n"),
        ("deepgram", "speak", "/speak?speed=fast", "application/json", b'{"text":"a"}'),
        ("deepgram", "speak", "/listen", "application/json", b'{"text":"a"}'),
        ("deepgram", "transcribe", "/listen", "audio/wav", b""),
        ("deepgram", "transcribe", "/listen", "application/json", b"{}"),
    ],
)
def test_wrong_call_is_refused(dialect: str, name: str, url: str, kind: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        operation(dialect, name).decode_request(Call("POST", url, (("content-type", kind),), body), NONE)


# --- answers ----------------------------------------------------------------------------------------------------------------------------


def test_blanks_and_noises_are_no_words() -> None:
    words = [
        {"text": "Hi", "start": 0.1, "end": 0.5, "type": "word"},
        {"text": " ", "start": 0.5, "end": 0.6, "type": "spacing"},
        {"text": "(laughter)", "start": 0.6, "end": 0.9, "type": "audio_event"},
    ]
    body = json.dumps({"language_code": "eng", "text": "Hi (laughter)", "words": words}).encode()
    answer = operation("elevenlabs", "transcribe").decode_reply(Reply(200, (), body), NONE)
    assert (answer.text, answer.words) == ("Hi (laughter)", (Spoken(text="Hi", start_s=0.1, end_s=0.5),))


def test_words_are_written_as_the_transcript_writes_them() -> None:
    word = {"word": "hi", "punctuated_word": "Hi!", "start": 0.1, "end": 0.5}
    results = {"channels": [{"alternatives": [{"transcript": "Hi!", "words": [word], "languages": ["en"]}]}]}
    answer = operation("deepgram", "transcribe").decode_reply(Reply(200, (), json.dumps({"results": results}).encode()), NONE)
    hi = Spoken(text="Hi!", start_s=0.1, end_s=0.5, extra={"deepgram": {"word": "hi"}})
    assert (answer.words, answer.language, answer.duration_s) == ((hi,), "en", None)


@pytest.mark.parametrize(
    ("dialect", "name"), [(dialect, name) for dialect in ("elevenlabs", "deepgram") for name in ("speak", "transcribe")]
)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"results":{"channels":[]}}', b'{"message":"accepted"}', b"<html>"])
def test_answer_without_what_was_asked_for_is_an_error(dialect: str, name: str, body: bytes) -> None:
    with pytest.raises(BadReply):
        operation(dialect, name).decode_reply(Reply(200, (("content-type", "application/json"),), body), NONE)


# --- errors -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "status", "body", "kind"),
    [
        ("elevenlabs", 401, {"detail": {"status": "quota_exceeded", "message": "No."}}, errors.QuotaSpent),
        ("elevenlabs", 401, {"detail": {"status": "invalid_api_key", "message": "No."}}, errors.AuthFailed),
        ("elevenlabs", 400, {"detail": {"status": "max_character_limit_exceeded", "message": "No."}}, errors.ContextTooLong),
        ("elevenlabs", 429, {"detail": {"status": "system_busy", "message": "No."}}, errors.Overloaded),
        ("elevenlabs", 429, {"detail": {"status": "of_tomorrow", "message": "No."}}, errors.RateLimited),
        ("elevenlabs", 422, {"detail": [{"loc": ["body", "text"], "msg": "No.", "type": "missing"}]}, errors.BadRequest),
        ("elevenlabs", 404, {"detail": "Not Found"}, errors.ModelNotFound),
        ("elevenlabs", 500, {"detail": 5}, errors.ServerFault),
        ("deepgram", 401, {"err_code": "INVALID_AUTH", "err_msg": "No.", "request_id": "r"}, errors.AuthFailed),
        ("deepgram", 402, {"err_code": "ASR_PAYMENT_REQUIRED", "err_msg": "No."}, errors.QuotaSpent),
        ("deepgram", 400, {"category": "INVALID_JSON", "message": "No.", "details": "At all."}, errors.BadRequest),
        ("deepgram", 429, {"err_code": "TOO_MANY_REQUESTS", "err_msg": "No."}, errors.RateLimited),
        ("deepgram", 504, {}, errors.ServerFault),
    ],
)
@pytest.mark.parametrize("name", ["speak", "transcribe"])
def test_failure_is_understood(dialect: str, name: str, status: int, body: Any, kind: type[DragomanError]) -> None:
    with pytest.raises(DragomanError) as caught:
        operation(dialect, name).decode_reply(Reply(status, (), json.dumps(body).encode()), NONE)
    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize("dialect", ["elevenlabs", "deepgram"])
@pytest.mark.parametrize(
    "kind",
    ["RateLimited", "QuotaSpent", "AuthFailed", "PermissionDenied", "ModelNotFound", "ContextTooLong", "ContentFiltered", "Overloaded"],
)
def test_failure_is_told_and_understood_again(dialect: str, kind: str) -> None:
    reply = encode_error(dialect, getattr(errors, kind)("No.", retry_after_s=3.0), NONE)
    with pytest.raises(getattr(errors, kind), match=r"No\."):
        operation(dialect, "speak").decode_reply(reply, NONE)
    assert header(reply.headers, "retry-after") == "3"
    wrong = encode_error(dialect, BadRequest("No.", param="text"), NONE)
    assert wrong.status == 400
    with pytest.raises(BadRequest):
        operation(dialect, "transcribe").decode_reply(wrong, NONE)
