"""Gemini's pictures, speech and transcripts: both roles and back, Google's own SDK as client of the server role, and what goes wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="Google's SDK is not installed")

from google import genai
from google.genai import errors as sdk_errors
from google.genai import types
from google.oauth2.credentials import Credentials

from dragoman.core.embedding import Embeddings
from dragoman.core.errors import AuthFailed, BadReply, BadRequest, ContentFiltered, DragomanError, RateLimited, StreamCut, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Audio, Image
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.core.sound import Speech, SpeechRequest, Spoken, Transcription, TranscriptionRequest
from dragoman.core.usage import Usage
from dragoman.wire.gemini import sizes
from dragoman.wire.gemini.turn import INSTRUCTION
from dragoman.wire.operations import asked_for, operation
from dragoman.wire.quirks import NONE
from tests.wire.served import serving

PNG = b"\x89PNG\r\n\x1a\n-"
PICTURE = Picture(image=Image(data=PNG, media_type="image/png"))
USAGE = Usage(input_tokens=5, output_tokens=1290)
DRAWN = Pictures(pictures=(PICTURE,), usage=USAGE, extra={"gemini": {"modelVersion": "m", "responseId": "r", "text": "Here."}})
TYPE = "audio/L16;codec=pcm;rate=24000"
SPOKEN = Speech(audio=Audio(data=b"\x01\x00\x02\x00", media_type=TYPE), usage=Usage(input_tokens=5, output_tokens=48))
WRITTEN = Transcription(
    text="Hello there.",
    language="en-US",
    words=(Spoken(text="Hello", start_s=0.0, end_s=0.5), Spoken(text="there.", start_s=0.5, end_s=1.25)),
    usage=Usage(input_tokens=40, output_tokens=4),
)

OWN = {"gemini": {"safetySettings": [], "generationConfig": {"seed": 5, "imageConfig": {"imageSize": "2K"}}}}
ROUNDS: list[tuple[str, Any, Any]] = [
    ("generate_image", PictureRequest(model="gemini-3-pro-image", prompt="A cat", size="16:9", extra=OWN), DRAWN),
    (
        "generate_image",
        PictureRequest(
            model="gemini-2.5-flash-image",
            prompt="With a hat",
            images=(Image(data=PNG, media_type="image/png"), Image(file_id="files/1", media_type="image/jpeg")),
            size="4K",
            extra={"gemini": {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}},
        ),
        Pictures(pictures=(PICTURE, PICTURE)),
    ),
    (
        "generate_image",
        PictureRequest(
            model="imagen-4.0-generate-001",
            prompt="A cat",
            n=2,
            size="3:4",
            format="jpeg",
            extra={"gemini": {"parameters": {"seed": 5, "outputOptions": {"compressionQuality": 80}}, "labels": {"a": "b"}}},
        ),
        Pictures(
            pictures=(
                Picture(image=Image(data=PNG, media_type="image/png"), revised_prompt="A fine cat"),
                Picture(image=Image(url="gs://a/b.png", media_type="image/png")),
            ),
            extra={"gemini": {"refused": ["No."]}},
        ),
    ),
    ("speak", SpeechRequest(model="gemini-3.8-flash-tts", text="Hi", voice="Kore", instructions="Softly"), SPOKEN),
    ("speak", SpeechRequest(model="gemini-3.8-flash-tts", text="Hi", stream=True), SPOKEN),
    (
        "speak",
        SpeechRequest(
            model="gemini-3.8-flash-tts",
            text="Hi",
            voice="Kore",
            extra={"gemini": {"generationConfig": {"speechConfig": {"languageCode": "de"}}}},
        ),
        SPOKEN,
    ),
    (
        "transcribe",
        TranscriptionRequest(
            model="gemini-3.5-transcribe",
            audio=Audio(data=b"x", media_type="audio/wav"),
            language="en-US",
            temperature=0.5,
            timestamps=("word",),
            extra={"gemini": {"generationConfig": {"audioTranscriptionConfig": {"customVocabulary": ["oz"]}}}},
        ),
        WRITTEN,
    ),
    (
        "transcribe",
        TranscriptionRequest(model="gemini-3.5-transcribe", audio=Audio(url="gs://a/b.mp3", media_type="audio/mpeg"), stream=True),
        Transcription(text="Hello there."),
    ),
]


def asked_again(given: Any) -> Any:
    """What is compared of an answer: usage keeps the vendor's record, words of a transcript make a segment."""
    usage = given.usage and (given.usage.input_tokens, given.usage.output_tokens)
    if isinstance(given, Transcription):
        return given.text, given.language, [(one.text, one.start_s, one.end_s) for one in given.words], usage
    return (given.pictures, given.extra, usage) if isinstance(given, Pictures) else (given.audio, usage)


@pytest.mark.parametrize(("name", "request_", "answer"), ROUNDS)
def test_request_and_answer_come_back(name: str, request_: Any, answer: Any) -> None:
    speaking = operation("gemini", name)
    call = speaking.encode_request(request_, NONE)
    assert call.warnings == ()
    again = speaking.decode_request(call, NONE)
    assert again == request_
    assert speaking.encode_request(again, NONE) == call
    reply = speaking.encode_reply(answer, request_, NONE)
    assert asked_again(speaking.decode_reply(reply, NONE)) == asked_again(answer)


@pytest.mark.parametrize(("name", "request_", "answer"), ROUNDS)
def test_call_at_the_path_of_answers_tells_what_it_asks_for(name: str, request_: Any, answer: Any) -> None:
    call = operation("gemini", name).encode_request(request_, NONE)
    beside_words = "TEXT" in call.body.decode()
    assert asked_for("gemini", call) == (None if beside_words or ":predict" in call.url else name)
    assert asked_for("openai_chat", call) is None


@pytest.mark.parametrize("name", ["generate_image", "speak", "transcribe"])
@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        {
            "contents": [{"parts": [{"text": "a"}]}, {"parts": [{"text": "b"}]}],
            "generationConfig": {"responseModalities": ["IMAGE", "AUDIO"]},
        },
        {"contents": [{"parts": [{"functionCall": {"name": "f"}}]}], "generationConfig": {"responseModalities": ["IMAGE", "AUDIO"]}},
        {"contents": 5},
        {"contents": [{"parts": [5]}]},
        {},
    ],
)
def test_what_asks_for_something_else_is_refused(name: str, body: Any) -> None:
    call = Call("POST", "/models/m:generateContent", (), json.dumps(body).encode())
    with pytest.raises(BadRequest):
        operation("gemini", name).decode_request(call, NONE)
    assert asked_for("gemini", call) is None


# --- what is said, and what cannot be ---------------------------------------------------------------------------------------------------


def said(name: str, request: Any) -> tuple[Any, tuple[str, ...]]:
    call = operation("gemini", name).encode_request(request, NONE)
    return json.loads(call.body), call.warnings


def test_picture_is_asked_for_as_the_documentation_has_it() -> None:
    body, _ = said("generate_image", PictureRequest(model="gemini-2.5-flash-image", prompt="A cat", images=(Image(data=PNG),), size="16:9"))
    assert body == {
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "A cat"}, {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}],
            }
        ],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "16:9"}},
    }


def test_speech_is_asked_for_as_the_documentation_has_it() -> None:
    older, _ = said("speak", SpeechRequest(model="gemini-2.5-flash-preview-tts", text="Hi!", voice="Kore", instructions="Say cheerfully"))
    assert older == {
        "contents": [{"role": "user", "parts": [{"text": "Say cheerfully: Hi!"}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    }
    newer, _ = said("speak", SpeechRequest(model="gemini-3.8-flash-tts", text="Hi!", instructions="Cheerful"))
    assert newer["contents"][0]["parts"] == [{"text": "Hi!", "speechMetadata": {"style": "Cheerful"}}]


def test_model_that_does_not_transcribe_is_asked_in_words_with_a_warning() -> None:
    sound = Audio(data=b"RIFF0000WAVE")
    body, warnings = said("transcribe", TranscriptionRequest(model="gemini-2.5-flash", audio=sound, language="de"))
    assert [part.get("text") for part in body["contents"][0]["parts"]] == [INSTRUCTION, None]
    assert body["contents"][0]["parts"][1]["inlineData"]["mimeType"] == "audio/wav"
    assert "generationConfig" not in body
    assert [warning.partition(":")[0] for warning in warnings] == ["model", "language"]
    call = operation("gemini", "transcribe").encode_request(TranscriptionRequest(model="gemini-2.5-flash", audio=sound), NONE)
    assert asked_for("gemini", call) == "transcribe"
    again = operation("gemini", "transcribe").decode_request(call, NONE)
    assert (again.model, again.audio.data) == ("gemini-2.5-flash", sound.data)


@pytest.mark.parametrize(
    ("size", "form", "warned"),
    [
        ("1024x1024", {"aspectRatio": "1:1"}, True),
        ("1536x1024", {"aspectRatio": "3:2"}, True),
        ("3840x2160", {"aspectRatio": "16:9", "imageSize": "2K"}, True),
        ("4096x4096", {"aspectRatio": "1:1", "imageSize": "4K"}, True),
        ("1000x999", {}, True),
        ("0x5", {"imageSize": "0x5"}, False),
        ("2K", {"imageSize": "2K"}, False),
        ("21:9", {"aspectRatio": "21:9"}, False),
        (None, {}, False),
    ],
)
def test_pixels_become_a_ratio_and_a_resolution_with_a_warning(size: str | None, form: Any, warned: bool) -> None:
    warnings: list[str] = []
    assert sizes.encode_size(size, "imageSize", warnings) == form
    assert bool(warnings) is warned


def test_what_cannot_be_said_is_refused_or_named() -> None:
    draw = operation("gemini", "generate_image")
    for model, more in (("gemini-2.5-flash-image", {"mask": Image(data=PNG)}), ("imagen-4", {"images": (Image(data=PNG),)})):
        with pytest.raises(Unsupported):
            draw.encode_request(PictureRequest(model=model, prompt="p", **more), NONE)
    unsaid: Any = {"quality": "q", "background": "b", "user": "u", "extra": {"openai_chat": {"moderation": "low"}}}
    for model, count in (("gemini-2.5-flash-image", 4), ("imagen-4", 4)):
        assert len(said("generate_image", PictureRequest(model=model, prompt="p", **unsaid))[1]) == count
    assert len(said("generate_image", PictureRequest(model="gemini-2.5-flash-image", prompt="p", n=2, format="png"))[1]) == 2
    assert len(said("speak", SpeechRequest(model="gemini-3.8-flash-tts", text="t", speed=2.0, format="mp3"))[1]) == 2
    request = TranscriptionRequest(model="gemini-3.5-transcribe", audio=Audio(data=b"x"), prompt="p", format="srt", timestamps=("segment",))
    assert len(said("transcribe", request)[1]) == 3


# --- answers ----------------------------------------------------------------------------------------------------------------------------


def told(name: str, body: Any, status: int = 200, kind: str = "application/json") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return operation("gemini", name).decode_reply(Reply(status, (("content-type", kind),), data), NONE)


def candidate(*parts: Any, **more: Any) -> Any:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", **more}]}


BLOB = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}


def test_drafts_are_no_pictures_of_the_answer() -> None:
    answer = told(
        "generate_image", candidate({"text": "hm", "thought": True}, {**BLOB, "thought": True}, {**BLOB, "thoughtSignature": "c2ln"})
    )
    assert [one.image.data for one in answer.pictures] == [PNG]
    assert answer.pictures[0].image.extra == {"gemini": {"thoughtSignature": "c2ln"}}
    assert answer.extra == {}


def test_snake_case_is_read_as_well() -> None:
    assert told("generate_image", candidate({"inline_data": {"mime_type": "image/png", "data": "eA=="}})).pictures[0].image.data == b"x"
    body = {
        "contents": {"parts": {"text": "Hi"}},
        "generation_config": {
            "response_modalities": ["AUDIO"],
            "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
        },
    }
    call = Call("POST", "/models/m:generateContent", (), json.dumps(body).encode())
    assert operation("gemini", "speak").decode_request(call, NONE) == SpeechRequest(model="m", text="Hi", voice="Kore")


@pytest.mark.parametrize("name", ["generate_image", "speak", "transcribe"])
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (candidate(), 200, BadReply),
        ({"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "No."}]}, 200, ContentFiltered),
        ({"candidates": [{"finishReason": "NO_IMAGE"}]}, 200, BadReply),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, 200, ContentFiltered),
        ({}, 200, BadReply),
        ({"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}, 200, RateLimited),
        ({"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}, 429, RateLimited),
        ({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}, 400, AuthFailed),
        (
            candidate({"inlineData": {"mimeType": "image/png", "data": "%"}}, {"audioTranscription": {"words": [{"word": 5}]}}),
            200,
            BadReply,
        ),
    ],
)
def test_answer_without_what_was_asked_for_is_an_error(name: str, body: Any, status: int, kind: type[DragomanError]) -> None:
    with pytest.raises(kind) as caught:
        told(name, body, status)
    assert type(caught.value) is kind


def test_picture_that_was_refused_in_words_is_told_with_them() -> None:
    with pytest.raises(BadReply, match="I cannot draw that"):
        told("generate_image", candidate({"text": "I cannot draw that."}))


def test_imagen_that_made_nothing_says_why() -> None:
    with pytest.raises(ContentFiltered, match="against the rules"):
        told("generate_image", {"predictions": [{"raiFilteredReason": "against the rules"}]})
    bad: list[Any] = [[], [{}], [{"bytesBase64Encoded": "%"}]]
    for predictions in bad:
        with pytest.raises(BadReply):
            told("generate_image", {"predictions": predictions})


def test_sound_in_pieces_is_one_sound() -> None:
    chunks = [candidate({"inlineData": {"mimeType": TYPE, "data": "AQI="}}), candidate({"inlineData": {"mimeType": TYPE, "data": "AwQ="}})]
    del chunks[0]["candidates"][0]["finishReason"]
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)
    for body, kind in ((stream, "text/event-stream"), (json.dumps(chunks).encode(), "application/json")):
        assert told("speak", body, 200, kind).audio == Audio(data=b"\x01\x02\x03\x04", media_type=TYPE)
    with pytest.raises(StreamCut):
        told("speak", stream[: stream.index(b"\r\n\r\n") + 4], 200, "text/event-stream")


@pytest.mark.parametrize(("query", "start"), [("?alt=sse", b"data: {"), ("", b"[{")])
def test_picture_asked_for_as_a_stream_comes_as_one_and_no_warning_is_due_elsewhere(query: str, start: bytes) -> None:
    body = {"contents": [{"parts": [{"text": "A cat"}]}], "generationConfig": {"responseModalities": ["IMAGE"]}}
    call = Call("POST", f"/models/gemini-3.8-image:streamGenerateContent{query}", (), json.dumps(body).encode())
    speaking = operation("gemini", "generate_image")
    asked = speaking.decode_request(call, NONE)
    reply = speaking.encode_reply(DRAWN, asked, NONE)

    assert reply.body.startswith(start)
    told_again = speaking.decode_reply(reply, NONE)
    assert (told_again.pictures, told_again.extra) == (DRAWN.pictures, DRAWN.extra)
    assert operation("openai_chat", "generate_image").encode_request(asked, NONE).warnings == ()
    assert speaking.encode_request(asked, NONE).url == "/models/gemini-3.8-image:generateContent"


def test_turns_of_a_conversation_are_put_in_the_order_of_time() -> None:
    def turn(label: str, text: str, start: str, end: str) -> Any:
        words = [{"word": text, "startOffset": start, "endOffset": end}]
        return {"audioTranscription": {"text": text, "speakerLabel": label, "languageCode": "en-US", "words": words}}

    answer = told("transcribe", candidate(turn("spk:1", "Yes.", "2s", "2.500s"), turn("spk:0", "Well?", "0.1s", "1s")))
    assert answer.text == "Well? Yes."
    assert answer.language == "en-US"
    assert [(one.text, one.start_s, one.end_s, one.extra) for one in answer.segments] == [
        ("Well?", 0.1, 1.0, {"gemini": {"speakerLabel": "spk:0"}}),
        ("Yes.", 2.0, 2.5, {"gemini": {"speakerLabel": "spk:1"}}),
    ]
    assert [word.text for word in answer.words] == ["Well?", "Yes."]


# --- Google's SDK -----------------------------------------------------------------------------------------------------------------------


@contextmanager
def served(name: str, answer: Any, vertex: bool = False) -> Iterator[tuple[genai.Client, list[Any]]]:
    """Google's own client of a server that says ``answer`` to the operation; an error is told as one."""
    requests: list[Any] = []

    def said(request: Any) -> Any:
        requests.append(request)
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    with serving("gemini", bases=("/v1beta", "/v1beta1", "/v1"), operations={name: said}) as server:
        options = types.HttpOptions(base_url=server.root, retry_options=types.HttpRetryOptions(attempts=1))
        account: Any = {"api_key": "k"}
        if vertex:
            account = {"vertexai": True, "project": "p", "location": "global", "credentials": Credentials(token="t")}  # type: ignore[no-untyped-call]  # Google's
        client = genai.Client(**account, http_options=options)
        yield client, requests
        client.close()


def test_sdk_is_given_pictures() -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K")
    )
    contents: Any = ["A cat", types.Part.from_bytes(data=PNG, mime_type="image/png")]
    with served("generate_image", DRAWN) as (client, requests):
        answer = client.models.generate_content(model="gemini-3-pro-image", contents=contents, config=config)
    (asked,) = requests
    assert (asked.prompt, asked.size, asked.images) == ("A cat", "16:9", (Image(data=PNG, media_type="image/png"),))
    assert asked.extra == {"gemini": {"generationConfig": {"imageConfig": {"imageSize": "2K"}}}}
    assert [part.text for part in answer.parts or ()] == ["Here.", None]
    blob = (answer.parts or [])[1].inline_data
    assert blob is not None
    assert (blob.data, blob.mime_type) == (PNG, "image/png")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 1290


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_sdk_is_given_imagens_pictures() -> None:
    config = types.GenerateImagesConfig(number_of_images=2, aspect_ratio="3:4", output_mime_type="image/jpeg", seed=5)
    answer = Pictures(pictures=(Picture(image=Image(data=PNG, media_type="image/jpeg"), revised_prompt="A fine cat"),))
    with served("generate_image", answer, vertex=True) as (client, requests):
        made = client.models.generate_images(model="imagen-4.0-generate-001", prompt="A cat", config=config)
    (asked,) = requests
    assert (asked.prompt, asked.n, asked.size, asked.format) == ("A cat", 2, "3:4", "jpeg")
    assert asked.extra == {"gemini": {"parameters": {"seed": 5}}}
    (picture,) = made.generated_images or []
    assert picture.image is not None
    assert (picture.image.image_bytes, picture.image.mime_type, picture.enhanced_prompt) == (PNG, "image/jpeg", "A fine cat")


@pytest.mark.parametrize("texts", [["a"], ["a", "b"]], ids=["one", "two"])
@pytest.mark.parametrize("model", ["text-embedding-005", "gemini-embedding-001"])
def test_sdk_of_vertex_is_given_embeddings(model: str, texts: list[str]) -> None:
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
    answer = Embeddings(vectors=((0.5, 1.0),) * len(texts), usage=Usage(input_tokens=3))
    with served("embed", answer, vertex=True) as (client, requests):
        found = client.models.embed_content(model=model, contents=list(texts), config=config)
    (asked,) = requests
    assert (asked.model, asked.inputs, asked.purpose, asked.dimensions) == (model, tuple(texts), "query", 2)
    assert [one.values for one in found.embeddings or []] == [[0.5, 1.0]] * len(texts)


@pytest.mark.parametrize("streamed", [False, True])
def test_sdk_is_given_speech(streamed: bool) -> None:
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore"))
    config = types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=voice))
    asked_of = types.Part(text="Hi!", speech_metadata=types.SpeechMetadata(style="excited"))
    with served("speak", SPOKEN) as (client, requests):
        ask = client.models.generate_content_stream if streamed else client.models.generate_content
        given: Any = ask(model="gemini-3.8-flash-tts", contents=asked_of, config=config)
        [answer] = list(given) if streamed else [given]
    (asked,) = requests
    assert (asked.text, asked.voice, asked.instructions, asked.stream) == ("Hi!", "Kore", "excited", streamed)
    assert (answer.parts[0].inline_data.data, answer.parts[0].inline_data.mime_type) == (SPOKEN.audio.data, TYPE)


def test_sdk_is_given_a_transcript() -> None:
    wanted = types.AudioTranscriptionConfig(language_codes=["en-US"], word_timestamp=True, diarization=True)
    config = types.GenerateContentConfig(audio_transcription_config=wanted)
    contents: Any = types.Part.from_bytes(data=b"x", mime_type="audio/wav")
    with served("transcribe", WRITTEN) as (client, requests):
        answer = client.models.generate_content(model="gemini-3.5-transcribe", contents=contents, config=config)
    (asked,) = requests
    assert (asked.audio, asked.language, asked.timestamps) == (Audio(data=b"x", media_type="audio/wav"), "en-US", ("word",))
    assert asked.extra == {"gemini": {"generationConfig": {"audioTranscriptionConfig": {"diarization": True}}}}
    assert answer.text == "Hello there."
    transcript = (answer.parts or [])[0].audio_transcription
    assert transcript is not None
    assert [(one.word, one.start_offset, one.end_offset) for one in transcript.words or ()] == [
        ("Hello", "0s", "0.5s"),
        ("there.", "0.5s", "1.25s"),
    ]


@pytest.mark.parametrize(
    ("name", "model", "modality"),
    [
        ("generate_image", "gemini-3-pro-image", "IMAGE"),
        ("speak", "gemini-3.8-flash-tts", "AUDIO"),
        ("transcribe", "gemini-3.5-transcribe", "TEXT"),
    ],
)
def test_sdk_is_told_errors(name: str, model: str, modality: str) -> None:
    config = types.GenerateContentConfig(response_modalities=[modality])
    contents: Any = types.Part.from_bytes(data=b"x", mime_type="audio/wav") if name == "transcribe" else "Hi"
    with served(name, RateLimited("Slow down.")) as (client, _), pytest.raises(sdk_errors.ClientError, match="Slow down") as caught:
        client.models.generate_content(model=model, contents=contents, config=config)
    assert caught.value.code == 429
