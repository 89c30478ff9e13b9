"""Every operation through both roles and back; wrong answers are errors of ours; recorded exchanges come back."""

from __future__ import annotations

import contextlib
import json
import struct
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.embedding import Embeddings, EmbedRequest, Tokens
from dragoman.core.errors import BadReply, BadRequest, DragomanError, StreamCut, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.messages import Audio, Image, Text
from dragoman.core.moderation import Moderation, ModerationRequest, Verdict
from dragoman.core.picture import Picture, PictureRequest, Pictures
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.core.sound import Speech, SpeechRequest, Spoken, Transcription, TranscriptionRequest
from dragoman.core.usage import Usage
from dragoman.wire.multipart import Field, decode_form, encode_form
from dragoman.wire.openai_call import JSON
from dragoman.wire.operations import MODULES, NAMES, Operation, operation
from dragoman.wire.quirks import NONE, Quirks
from dragoman.wire.subtitles import decode_subtitles
from tests.conformance import recordings
from tests.wire.strategies import MODEST

PNG = b"\x89PNG\r\n\x1a\n-"
OWN = {"openai_chat": {"zz": 1}}
COUNTED = {"type": "tokens", "input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
TURNS = tuple(
    Spoken(
        text=text,
        start_s=start,
        end_s=start + 1,
        extra={"openai_chat": {"type": "transcript.text.segment", "id": f"seg_{start:.0f}", "speaker": speaker}},
    )
    for text, start, speaker in (("a", 0.0, "A"), ("b", 1.0, "B"))
)
AZURE = Quirks(path="/openai/deployments/{model}/chat/completions?api-version=1")

ROUNDS: list[tuple[str, str, Any, Any]] = [
    (
        "openai_chat",
        "embed",
        EmbedRequest(model="m", inputs=("a", "b"), dimensions=2, encodings=("base64",), user="u", extra=OWN),
        Embeddings(vectors=((0.5, 1.0), (2.0, -3.5)), id="e-1", model="m", extra=OWN),
    ),
    (
        "voyage",
        "embed",
        EmbedRequest(model="m", inputs=("a",), dimensions=2, purpose="query", encodings=("base64",), extra=OWN),
        Embeddings(vectors=((0.5, 1.0),), model="m"),
    ),
    (
        "openai_chat",
        "rank",
        RankRequest(model="m", query="q", documents=("a", "b"), top_n=1, extra=OWN),
        Ranking(results=(Ranked(index=1, score=0.5, extra=OWN),), id="r", model="m", raw_usage={"total_tokens": 3}),
    ),
    (
        "voyage",
        "rank",
        RankRequest(model="m", query="q", documents=("a", "b"), top_n=1),
        Ranking(results=(Ranked(index=1, score=0.5, extra=OWN),), model="m", raw_usage={"total_tokens": 3}),
    ),
    (
        "openai_chat",
        "generate_image",
        PictureRequest(model="m", prompt="p", n=1, size="s", quality="q", background="b", format="png", user="u", extra=OWN),
        Pictures(
            pictures=(Picture(image=Image(data=PNG, media_type="image/png"), revised_prompt="r"), Picture(image=Image(url="https://x"))),
            created_s=5,
            extra=OWN,
        ),
    ),
    (
        "openai_chat",
        "generate_image",
        PictureRequest(
            model="m",
            prompt="p\r\n--x",
            n=1,
            images=(Image(data=PNG, media_type="image/png"), Image(data=b"\r\n--", media_type="image/jpeg")),
            mask=Image(data=b"", media_type="image/png"),
        ),
        Pictures(pictures=()),
    ),
    (
        "openai_chat",
        "generate_image",
        PictureRequest(
            model="m",
            prompt="p",
            n=1,
            images=(Image(url="https://x"), Image(data=PNG, media_type="image/png"), Image(file_id="file-1")),
            mask=Image(file_id="file-2"),
            extra=OWN,
        ),
        Pictures(pictures=()),
    ),
    (
        "openai_chat",
        "speak",
        SpeechRequest(model="m", text="t", voice="v", format="wav", speed=2.0, instructions="i", extra=OWN),
        Speech(audio=Audio(data=b"x", media_type="audio/wav")),
    ),
    ("openai_chat", "speak", SpeechRequest(model="m", text="t", stream=True), Speech(audio=Audio(data=b"ID3", media_type="audio/mpeg"))),
    (
        "openai_chat",
        "transcribe",
        TranscriptionRequest(
            model="m",
            audio=Audio(data=b"\x00\r\n", media_type="audio/ogg"),
            name='a "b".ogg',
            language="de",
            prompt="p",
            format="verbose_json",
            temperature=0.5,
            timestamps=("word", "segment"),
        ),
        Transcription(
            text="t",
            language="de",
            duration_s=1.0,
            segments=(Spoken(text="t", start_s=0.0, end_s=1.0),),
            words=(Spoken(text="t", start_s=0.0, end_s=1.0),),
        ),
    ),
    (
        "openai_chat",
        "transcribe",
        TranscriptionRequest(model="m", audio=Audio(data=b"x"), format="srt"),
        Transcription(text="a b", segments=(Spoken(text="a", start_s=0.0, end_s=1.25), Spoken(text="b", start_s=1.25, end_s=3661.5))),
    ),
    (
        "openai_chat",
        "transcribe",
        TranscriptionRequest(model="m", audio=Audio(data=b"x"), format="vtt"),
        Transcription(text="a", segments=(Spoken(text="a", start_s=0.0, end_s=1.25),)),
    ),
    ("openai_chat", "transcribe", TranscriptionRequest(model="m", audio=Audio(data=b"x"), format="text"), Transcription(text="a b")),
    ("openai_chat", "transcribe", TranscriptionRequest(model="m", audio=Audio(data=b"x"), stream=True), Transcription(text="a b")),
    (
        "openai_chat",
        "transcribe",
        TranscriptionRequest(model="m", audio=Audio(data=b"x"), format="diarized_json"),
        Transcription(text="a b", duration_s=2.0, segments=TURNS, usage=Usage(input_tokens=3, output_tokens=5, raw=COUNTED)),
    ),
    (
        "openai_chat",
        "transcribe",
        TranscriptionRequest(model="m", audio=Audio(data=b"x"), format="diarized_json", stream=True),
        Transcription(text="a b", segments=TURNS, usage=Usage(input_tokens=3, output_tokens=5, raw=COUNTED)),
    ),
    (
        "openai_chat",
        "moderate",
        ModerationRequest(inputs=("a", "b"), model="m", extra=OWN),
        Moderation(verdicts=(Verdict(flagged=True, categories={"hate": True}, scores={"hate": 0.5}),), id="i", model="m"),
    ),
    (
        "openai_chat",
        "moderate",
        ModerationRequest(inputs=((Text(text="a"), Image(url="https://x")),)),
        Moderation(verdicts=(), id="i", model="m"),
    ),
    (
        "openai_chat",
        "list_models",
        ListRequest(extra={"openai_chat": {"limit": "5"}}),
        Listing(models=(ListedModel(name="a", title="A", created_s=5, owner="o", extra=OWN),)),
    ),
    (
        "anthropic_messages",
        "list_models",
        ListRequest(page="p", page_size=5, extra={"anthropic_messages": {"before_id": "b", "betas": ["x"], "version": "v", "beta": True}}),
        Listing(
            models=(
                ListedModel(
                    name="a",
                    title="A",
                    created_s=5,
                    context_tokens=3,
                    output_tokens=4,
                    extra={"anthropic_messages": {"lifecycle": "retired"}},
                ),
            ),
            next_page="q",
        ),
    ),
    (
        "gemini",
        "list_models",
        ListRequest(page="p", page_size=5),
        Listing(
            models=(ListedModel(name="a", title="A", context_tokens=3, output_tokens=4, extra={"gemini": {"version": "1"}}),), next_page="q"
        ),
    ),
]


def lenient(answer: Any) -> Any:
    """What OpenAI's clients require and was not given is filled in: a verdict's categories."""
    if isinstance(answer, Moderation):
        return [(verdict.flagged, verdict.categories.get("hate"), verdict.scores.get("hate")) for verdict in answer.verdicts]
    if isinstance(answer, Embeddings):
        return answer.vectors, answer.id, answer.model, answer.extra
    if isinstance(answer, Speech):
        return answer.audio
    if isinstance(answer, Transcription) and answer.segments:
        return answer.text, [(one.text, one.start_s, one.end_s) for one in answer.segments], answer.words
    return answer


@pytest.mark.parametrize(("dialect", "name", "request_", "answer"), ROUNDS)
def test_request_and_answer_come_back(dialect: str, name: str, request_: Any, answer: Any) -> None:
    speaking = operation(dialect, name)
    call = speaking.encode_request(request_, NONE)
    assert call.warnings == ()
    assert speaking.decode_request(call, NONE) == request_
    reply = speaking.encode_reply(answer, request_, NONE)
    assert lenient(speaking.decode_reply(reply, NONE)) == lenient(answer)


@pytest.mark.parametrize(("dialect", "name"), MODULES)
def test_operation_has_its_shape(dialect: str, name: str) -> None:
    speaking: Operation[Any, Any] = operation(dialect, name)
    assert speaking.PATH
    assert speaking.ROUTES
    for function in ("encode_request", "decode_request", "decode_reply", "encode_reply"):
        assert callable(getattr(speaking, function))


def test_operation_that_a_dialect_does_not_have_is_named() -> None:
    with pytest.raises(Unsupported, match="embed: the dialect raycast does not have it; these have it: openai_chat, "):
        operation("raycast", "embed")
    with pytest.raises(Unsupported, match=r"dance: .* known operations are: embed, "):
        operation("openai_chat", "dance")
    assert len(NAMES) == 8


BODIES = (
    b"",
    b"{}",
    b"[]",
    b"x",
    b'{"error":{"message":"No.","code":400}}',
    b"<html>",
    b'{"data":7}',
    b'{"data":[{}]}',
    b"\xff",
    b'{"results":[5]}',
)


@pytest.mark.parametrize(("dialect", "name"), MODULES)
@pytest.mark.parametrize("status", [200, 500])
def test_wrong_answer_is_an_error_of_ours(dialect: str, name: str, status: int) -> None:
    speaking = operation(dialect, name)
    for body in BODIES:
        for kind in ("application/json", "text/html", "text/event-stream"):
            try:
                speaking.decode_reply(Reply(status, (("content-type", kind),), body), NONE)
            except DragomanError:
                continue
            assert (name, status) == ("list_models", 200), body


@MODEST
@given(
    st.sampled_from(sorted(MODULES)), st.binary(max_size=60) | st.sampled_from(BODIES), st.sampled_from(["application/json", "text/plain"])
)
def test_no_bytes_bring_anything_but_an_answer_a_request_or_an_error_of_ours(asked: tuple[str, str], body: bytes, kind: str) -> None:
    speaking = operation(*asked)
    headers = (("content-type", kind),)
    with contextlib.suppress(DragomanError):
        speaking.decode_reply(Reply(200, headers, body), NONE)
    with contextlib.suppress(DragomanError):
        speaking.decode_request(Call("POST", "/v1beta/models/m:embedContent", headers, body), NONE)


@pytest.mark.parametrize("name", ["embed", "generate_image", "speak", "transcribe", "moderate"])
def test_azure_has_its_own_addresses(name: str) -> None:
    speaking = operation("openai_chat", name)
    request = next(request for dialect, other, request, _ in ROUNDS if (dialect, other) == ("openai_chat", name))
    call = speaking.encode_request(request, AZURE)
    assert call.url == f"/openai/deployments/m{speaking.PATH}?api-version=1"
    assert operation("openai_chat", "list_models").encode_request(ListRequest(), AZURE).url == "/openai/models?api-version=1"


@pytest.mark.parametrize("name", ["embed", "generate_image", "speak", "transcribe"])
def test_azures_address_names_the_model(name: str) -> None:
    speaking = operation("openai_chat", name)
    for request in (request for dialect, other, request, _ in ROUNDS if (dialect, other) == ("openai_chat", name)):
        call = speaking.encode_request(request, AZURE)
        form = dict(call.headers)["content-type"].startswith("multipart")
        unnamed = [field for field in decode_form(call.headers, call.body) if field.name != "model"] if form else []
        kind, body = encode_form(unnamed) if form else ("application/json", call.body.replace(b'"model":"m"', b'"model":null'))
        url = call.url.replace("/deployments/m/", "/deployments/m%201/")
        assert speaking.decode_request(Call("POST", url, (("content-type", kind),), body), AZURE).model == "m 1"


def test_what_cannot_be_said_is_refused_or_named() -> None:
    embed = operation("openai_chat", "embed")
    assert (
        len(embed.encode_request(EmbedRequest(model="m", inputs=("a",), purpose="query", encodings=("float", "int8")), NONE).warnings) == 2
    )
    for request in (EmbedRequest(model="m", inputs=()), EmbedRequest(model="m", inputs=((Image(url="u"),),))):
        with pytest.raises((BadRequest, Unsupported)):
            embed.encode_request(request, NONE)
    for body in (b'{"model":"m","input":["a",2]}', b'{"model":"m","input":[[1],[true]]}', b'{"model":"m","input":[]}', b'{"input":"a"}'):
        with pytest.raises(BadRequest):
            embed.decode_request(Call("POST", "/embeddings", (), body), NONE)
    with pytest.raises(Unsupported):
        operation("openai_chat", "transcribe").encode_request(TranscriptionRequest(model="m", audio=Audio(url="u")), NONE)
    with pytest.raises(Unsupported):
        operation("openai_chat", "moderate").encode_request(ModerationRequest(inputs=("a", (Image(url="u"),))), NONE)
    with pytest.raises(BadRequest, match="mask"):
        operation("openai_chat", "generate_image").encode_request(PictureRequest(model="m", prompt="p", mask=Image(data=b"")), NONE)


def test_pictures_to_change_may_be_numbered_in_a_form() -> None:
    fields = [
        Field("prompt", b"p"),
        Field("image[0]", PNG, "a.png"),
        Field("image[1]", b"x", "b.png"),
        Field("zz[0]", b"1"),
        Field("zz[1]", b"2"),
    ]
    content_type, body = encode_form(fields)
    call = Call("POST", "/images/edits", (("content-type", content_type),), body)
    request = operation("openai_chat", "generate_image").decode_request(call, NONE)
    assert [image.data for image in request.images] == [PNG, b"x"]
    assert request.extra == {"openai_chat": {"zz": ["1", "2"]}}


def test_pictures_to_change_are_read_in_xais_form_and_refused_where_they_are_none() -> None:
    def asked(**fields: Any) -> PictureRequest:
        body = json.dumps({"model": "m", "prompt": "p", **fields}).encode()
        request = operation("openai_chat", "generate_image").decode_request(Call("POST", "/images/edits", (), body), NONE)
        assert isinstance(request, PictureRequest)
        return request

    assert asked(images=[{"type": "image_url", "url": "data:image/png;base64,eA=="}]).images == (Image(data=b"x", media_type="image/png"),)
    for bad, param in (
        ({}, "images"),
        ({"images": []}, "images"),
        ({"images": [{"url": 1}]}, "images[0]"),
        ({"images": [{"url": "x"}], "mask": 1}, "mask"),
    ):
        with pytest.raises(BadRequest) as refused:
            asked(**bad)
        assert refused.value.param == param


TAKING_WORDS = (
    *((dialect, "m") for dialect in ("voyage", "cohere", "gemini", "ollama")),
    *(("bedrock_converse", model) for model in ("cohere.embed-v4:0", "amazon.titan-embed-text-v2:0")),
)


def test_tokens_to_embed_go_to_the_wire_whose_they_are_and_to_no_other() -> None:
    embed = operation("openai_chat", "embed")
    for told, inputs in (([1, 2], (Tokens((1, 2)),)), ([[1, 2], [3]], (Tokens((1, 2)), Tokens((3,))))):
        request = embed.decode_request(Call("POST", "/embeddings", (), json.dumps({"model": "m", "input": told}).encode()), NONE)
        assert request == EmbedRequest(model="m", inputs=inputs)
        again = embed.encode_request(request, NONE)
        assert embed.decode_request(again, NONE) == request
        assert json.loads(again.body)["input"] == [list(one.numbers) for one in inputs]
        for dialect, model in TAKING_WORDS:
            with pytest.raises(Unsupported, match=r"^inputs: "):
                operation(dialect, "embed").encode_request(EmbedRequest(model=model, inputs=inputs), NONE)
    with pytest.raises(Unsupported):
        embed.encode_request(EmbedRequest(model="m", inputs=(Tokens((1,)), "a")), NONE)


def test_places_of_vectors_are_obeyed_and_wrong_ones_refused() -> None:
    embed = operation("openai_chat", "embed")
    body = b'{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[0]}]}'
    assert embed.decode_reply(Reply(200, (), body), NONE).vectors == ((0.0,), (1.0,))
    for bad in (b'{"data":[{"index":1,"embedding":[1]}]}', b'{"data":[{"embedding":"AAA="}]}', b'{"data":[{"embedding":"%"}]}'):
        with pytest.raises(BadReply):
            embed.decode_reply(Reply(200, (), bad), NONE)


@pytest.mark.parametrize(
    ("name", "event"), [("speak", b'{"type":"speech.audio.delta","audio":"eA=="}'), ("transcribe", b'{"type":"transcript.text.delta"}')]
)
def test_stream_that_breaks_off_is_cut(name: str, event: bytes) -> None:
    with pytest.raises(StreamCut):
        operation("openai_chat", name).decode_reply(Reply(200, (("content-type", "text/event-stream"),), b"data: " + event + b"\n\n"), NONE)


# --- forms ------------------------------------------------------------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=8).filter(
    lambda name: "%22" not in name and "%0" not in name
)
fields = st.builds(Field, names, st.binary(max_size=20) | st.sampled_from([b"\r\n--dragoman-", b"--", b"\r\n"]), st.none() | names).map(
    lambda field: Field(field.name, field.data, field.file_name, None if field.file_name is None else "image/png")
)


@MODEST
@given(st.lists(fields, max_size=4))
def test_form_comes_back(given: list[Field]) -> None:
    kind, body = encode_form(given)
    assert decode_form((("content-type", kind),), body) == given


@MODEST
@given(st.lists(fields, min_size=1, max_size=3), st.data())
def test_form_that_breaks_off_is_refused(given: list[Field], data: st.DataObject) -> None:
    kind, body = encode_form(given)
    with pytest.raises(BadRequest):
        decode_form((("content-type", kind),), body[: data.draw(st.integers(0, len(body) - 5))])


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary="])
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(BadRequest, match="content-type"):
        decode_form((("content-type", kind),), b"--x--\r\n")


def test_form_of_too_many_fields_is_refused() -> None:
    kind, body = encode_form([Field("a", b"")] * 300)
    with pytest.raises(BadRequest, match="more than 256 fields"):
        decode_form((("content-type", kind),), body)


def test_other_writers_forms_are_read() -> None:
    body = (
        b"preamble\r\n--b d\r\ncontent-disposition: form-data; name=\"f\"; filename*=UTF-8''na%C3%AFve.wav\r\n"
        b"Content-Type: audio/wav\r\n\r\nX\r\n"
        b"--b d  \r\nContent-Disposition: form-data; name=g\r\n\r\n\r\n--b d--\r\nepilogue"
    )
    assert decode_form((("content-type", 'multipart/form-data; boundary="b d"'),), body) == [
        Field("f", b"X", "naïve.wav", "audio/wav"),
        Field("g", b""),
    ]


def test_text_that_is_no_subtitles_has_no_cues() -> None:
    assert decode_subtitles("1 and 2\n3") == ()
    assert decode_subtitles("WEBVTT\n\nNOTE x\n\nid\n01:02.500 --> 01:03.000 align:left\na\nb\n") == (
        Spoken(text="a\nb", start_s=62.5, end_s=63.0),
    )


# --- recorded ---------------------------------------------------------------------------------------------------------------------------

RECORDED = {
    "openai.embeddings.json": ("openai_chat", "embed"),
    "azure-openai.embeddings.json": ("openai_chat", "embed"),
    "mistral.embeddings.json": ("openai_chat", "embed"),
    "voyage.embeddings.json": ("voyage", "embed"),
    "voyage.rerank.json": ("voyage", "rank"),
    "cohere.rerank.json": ("openai_chat", "rank"),
    "openai.models.json": ("openai_chat", "list_models"),
    "cerebras.models.json": ("openai_chat", "list_models"),
    "gemini.models.json": ("gemini", "list_models"),
}
EXCHANGES = [(file, one.id) for file in RECORDED for one in recordings.recordings(file)]


def plain(given: Any) -> Any:
    """Nulls say nothing; one text is a list of one; vectors are compared as 32-bit numbers; a list of models says what it is."""
    if isinstance(given, dict):
        told = {name: plain(value) for name, value in given.items() if value is not None}
        if isinstance(told.get("embedding"), str):
            data = b64decode(told["embedding"])
            told["embedding"] = list(struct.unpack(f"<{len(data) // 4}f", data))
        if isinstance(told.get("input"), str):
            told["input"] = [told["input"]]
        return told
    return [plain(one) for one in given] if isinstance(given, list) else given


@pytest.mark.recorded
@pytest.mark.parametrize(("file", "name"), EXCHANGES)
def test_recorded_exchange_comes_back(file: str, name: str) -> None:
    recording = recordings.by_id(file, name)
    speaking = operation(*RECORDED[file])
    told = json.loads(recording.told)
    request: Any = ListRequest()
    if recording.asked is not None:
        request = speaking.decode_request(Call("POST", speaking.PATH, (), json.dumps(recording.asked).encode()), NONE)
        call = speaking.encode_request(request, NONE)
        assert plain(json.loads(call.body)) == plain(recording.asked)
    answer = speaking.decode_reply(Reply(200, (), recording.told), NONE)
    again = plain(json.loads(speaking.encode_reply(answer, request, NONE).body))
    if isinstance(answer, Embeddings):
        assert [tuple(one["embedding"]) for one in plain(told)["data"]] == list(answer.vectors)
        assert answer.usage is not None
        assert answer.usage.input_tokens == told["usage"].get("prompt_tokens", told["usage"]["total_tokens"])
        assert [one["embedding"] for one in again["data"]] == [one["embedding"] for one in plain(told)["data"]]
    elif isinstance(answer, Ranking):
        assert again.get("results", again.get("data")) == plain(told.get("results", told.get("data")))
    else:
        key = "models" if "models" in told else "data"
        assert again[key] == plain(told[key])


def test_sound_that_mistral_counts_beside_the_words_is_in_the_total_and_told_on() -> None:
    transcribe = operation("openai_chat", "transcribe")
    record = {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 400, "prompt_tokens_details": {"audio_tokens": 375}}
    heard = transcribe.decode_reply(Reply(200, JSON, json.dumps({"text": "t", "usage": record}).encode()), NONE)
    assert (heard.usage.input_tokens, heard.usage.output_tokens, heard.usage.raw) == (380, 20, record)
    told = transcribe.encode_reply(heard, TranscriptionRequest(model="m", audio=Audio(data=b"x")), NONE)
    assert json.loads(told.body)["usage"] == {"type": "tokens", "input_tokens": 380, "output_tokens": 20, "total_tokens": 400}


def test_sound_in_mistrals_json() -> None:
    speak = operation("openai_chat", "speak")
    assert speak.decode_reply(Reply(200, JSON, b'{"audio_data":"SUQz"}'), NONE) == Speech(audio=Audio(data=b"ID3", media_type="audio/mpeg"))
    for bad in (b'{"audio_data":"?"}', b'{"audio_data":1}', b"{"):
        with pytest.raises(BadReply):
            speak.decode_reply(Reply(200, JSON, bad), NONE)


def test_usage_of_an_answer_is_told_in_totals() -> None:
    body = b'{"data":[{"b64_json":"eA=="}],"usage":{"input_tokens":3,"output_tokens":5,"total_tokens":8}}'
    usage = operation("openai_chat", "generate_image").decode_reply(Reply(200, (), body), NONE).usage
    assert usage == Usage(input_tokens=3, output_tokens=5, raw={"input_tokens": 3, "output_tokens": 5, "total_tokens": 8})
