"""What is asked besides an answer: every face's operation at every wire that has it.

A new module of ``wire.operations`` is covered by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import anthropic
import cohere
import httpx
import msgspec
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import OPERATION_ABILITIES, Provider
from dragoman.core.embedding import EmbedRequest
from dragoman.core.errors import BadRequest, DragomanError, RateLimited
from dragoman.core.exchange import Reply
from dragoman.core.messages import Audio, Image, Message, Text
from dragoman.core.moderation import ModerationRequest
from dragoman.core.picture import PictureRequest
from dragoman.core.ranking import RankRequest
from dragoman.core.request import Request
from dragoman.core.sound import SpeechRequest, TranscriptionRequest
from dragoman.emulator.media import png, wav
from dragoman.emulator.operations import vector
from dragoman.gateway.faces import Faces
from dragoman.wire.operations import DIALECTS, MODULES, NAMES, operation
from dragoman.wire.quirks import NONE
from tests.gateway.stage import Stage

ASKED: Final[dict[str, Any]] = {
    "embed": EmbedRequest(model="", inputs=("one two", "three"), purpose="document"),
    "rank": RankRequest(model="", query="long river", documents=("a hill", "the long river", "a river")),
    "generate_image": PictureRequest(model="", prompt="A cat"),
    "speak": SpeechRequest(model="", text="one two"),
    "transcribe": TranscriptionRequest(model="", audio=Audio(data=wav(0.2), media_type="audio/wav")),
    "moderate": ModerationRequest(model="", inputs=("Fine.", "flag:violence")),
    "count_tokens": Request(model="", messages=(Message("user", (Text(text="one two"),)),)),
}
HOSTS: Final = {dialect: f"a_host_of_{dialect}" for dialect in DIALECTS}
"""A provider of each wire that has all that the wire has; its abilities are not known."""
MODELS: Final = dict.fromkeys(ASKED, "model-1") | {"embed": "cohere.embed-1"}
"""Bedrock embeds several texts in the form of Cohere's models alone, which it knows by their name."""
CELLS: Final = [(face, name, target) for face, name in MODULES for target, other in MODULES if name == other and name in ASKED]
LACKING: Final = [(face, name, target) for face, name in MODULES for target in DIALECTS if name in ASKED and (target, name) not in MODULES]
BASES: Final = {
    (face.dialect, face.does): path.removesuffix(operation(face.dialect, face.does).PATH)
    for _, path, face in Faces(Catalogue()).table()
    if (face.dialect, face.does) in MODULES
}


def hosts() -> Catalogue:
    catalogue = Catalogue()
    for dialect, name in HOSTS.items():
        catalogue.add(Provider(name=name, title=name, dialect=dialect, base_url="https://host.example"))
    return catalogue


def tables() -> dict[str, Any]:
    return {name: {"dialect": dialect} for dialect, name in HOSTS.items()}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    models = {f"{name}-{MODELS[name]}": {"targets": several(name)} for name in ASKED}
    config = {"providers": tables(), "max_retries": 0, "models": models}
    with Stage(tuple(HOSTS.values()), config, catalogue=hosts()) as running:
        yield running


def several(name: str) -> list[str]:
    """Targets of which the last one does it: one has it not, one fails, one is well."""
    having = [HOSTS[dialect] for dialect, other in MODULES if other == name]
    without = [HOSTS[dialect] for dialect in DIALECTS if (dialect, name) not in MODULES]
    model = MODELS[name]
    return [f"{without[0]}/{model}", f"{having[0]}/{model}!status=503", f"{having[-1]}/{model}"]


def ask(stage: Stage, face: str, name: str, model: str, **changes: Any) -> httpx.Response:
    request = msgspec.structs.replace(ASKED[name], model=model, **changes)
    call = operation(face, name).encode_request(request, NONE)
    return httpx.request(call.method, stage.url + BASES[face, name] + call.url, headers=list(call.headers), content=call.body)


def told(reply: httpx.Response, face: str, name: str) -> Any:
    """What the face's own client role reads in the answer."""
    return operation(face, name).decode_reply(Reply(reply.status_code, tuple(reply.headers.items()), reply.content), NONE)


def essence(name: str, answer: Any) -> Any:
    """What no wire may lose."""
    match name:
        case "embed":
            return [pytest.approx(one, abs=1e-6) for one in answer.vectors]
        case "rank":
            return [one.index for one in answer.results][:2]
        case "generate_image":
            return [one.image.data[:8] for one in answer.pictures]
        case "speak":
            return bool(answer.audio.data)
        case "transcribe":
            return answer.text
        case "moderate":
            return [one.flagged for one in answer.verdicts]
        case "count_tokens":
            return answer.input_tokens
    raise AssertionError(f"{name} is not known here")


VECTORS: Final = [vector("one two", 64), vector("three", 64)]
EXPECTED: Final[dict[str, object]] = {
    "embed": VECTORS,
    "rank": [1, 2],
    "generate_image": [png(1, 1, b"abc")[:8]],
    "speak": True,
    "transcribe": "The sound lasts 0.2 seconds.",
    "moderate": [False, True],
    "count_tokens": 2,
}


def test_every_operation_is_asked_for_here() -> None:
    assert {*ASKED, "list_models"} == set(NAMES)
    assert ASKED.keys() == EXPECTED.keys()


@pytest.mark.parametrize(("face", "name", "target"), CELLS)
def test_every_face_reaches_every_wire_that_has_it(stage: Stage, face: str, name: str, target: str) -> None:
    model = f"{HOSTS[target]}/{MODELS[name]}"
    reply = ask(stage, face, name, model)

    assert reply.status_code == 200, reply.text
    assert essence(name, told(reply, face, name)) == EXPECTED[name]
    assert reply.headers["x-dragoman-target"] == model
    asked = stage.emulator.requests[-1]
    assert (asked.operation, asked.provider) == (name, HOSTS[target])


@pytest.mark.parametrize(("face", "name", "target"), LACKING)
def test_what_a_target_has_not_is_told_with_providers_that_have_it(stage: Stage, face: str, name: str, target: str) -> None:
    before = len(stage.emulator.requests)
    reply = ask(stage, face, name, f"{HOSTS[target]}/{MODELS[name]}")

    assert reply.status_code == 400, reply.text
    with pytest.raises(DragomanError, match="does not have it; these do: ") as caught:
        told(reply, face, name)
    having = {row.name for row in Catalogue() if (row.dialect, name) in MODULES and OPERATION_ABILITIES[name] in row.abilities}
    assert having.intersection(re.findall(r"\w+", caught.value.message.rpartition("these do: ")[2]))
    assert len(stage.emulator.requests) == before


FACES: Final = [(face, name) for face, name in MODULES if name in ASKED]


@pytest.mark.parametrize(("face", "name"), FACES)
def test_the_next_target_does_what_one_cannot_and_another_fails_to_do(stage: Stage, face: str, name: str) -> None:
    reply = ask(stage, face, name, f"{name}-{MODELS[name]}")

    assert reply.status_code == 200, reply.text
    assert essence(name, told(reply, face, name)) == EXPECTED[name]
    assert reply.headers["x-dragoman-target"] == several(name)[-1]
    assert [record.outcome for record in stage.emulator.requests[-2:]] == ["refused", "finished"]


@pytest.mark.parametrize(("face", "name"), FACES)
def test_a_failure_is_told_in_the_callers_dialect(stage: Stage, face: str, name: str) -> None:
    target = next(dialect for dialect, other in MODULES if other == name)
    reply = ask(stage, face, name, f"{HOSTS[target]}/{MODELS[name]}!status=429,retry-after=7")

    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7"), reply.text
    with pytest.raises(RateLimited):
        told(reply, face, name)


@pytest.mark.parametrize(("face", "name"), FACES)
def test_a_body_that_cannot_be_read_is_told_in_the_callers_dialect(stage: Stage, face: str, name: str) -> None:
    request = msgspec.structs.replace(ASKED[name], model=f"{HOSTS[face]}/{MODELS[name]}")
    call = operation(face, name).encode_request(request, NONE)
    reply = httpx.request(call.method, stage.url + BASES[face, name] + call.url, headers=list(call.headers), content=b"")

    assert reply.status_code == 400, reply.text
    with pytest.raises(BadRequest):
        told(reply, face, name)


@pytest.mark.parametrize("target", [dialect for dialect, name in MODULES if name == "generate_image"])
@pytest.mark.parametrize("face", [dialect for dialect, name in MODULES if name == "generate_image"])
def test_pictures_are_made_out_of_pictures(stage: Stage, face: str, target: str) -> None:
    picture = Image(data=png(1, 1, b"abc"), media_type="image/png")
    reply = ask(stage, face, "generate_image", f"{HOSTS[target]}/model-1", images=(picture,))

    assert essence("generate_image", told(reply, face, "generate_image")) == EXPECTED["generate_image"]
    assert [one.data for one in stage.emulator.requests[-1].asked.images] == [picture.data]


@pytest.mark.parametrize(
    ("name", "target", "changes", "words"),
    [
        ("generate_image", "bedrock_converse", {"quality": "high"}, "quality: "),
        ("speak", "deepgram", {"voice": "alloy", "instructions": "Softly."}, "instructions: "),
        ("embed", "ollama", {"user": "ada"}, "user: "),
        ("transcribe", "deepgram", {"prompt": "Ada, Köln"}, "prompt: "),
    ],
)
def test_what_a_target_cannot_be_told_is_named(stage: Stage, name: str, target: str, changes: dict[str, Any], words: str) -> None:
    reply = ask(stage, "openai_chat", name, f"{HOSTS[target]}/{MODELS[name]}", **changes)

    assert reply.status_code == 200, reply.text
    assert any(words in warning for warning in reply.headers.get_list("x-dragoman-warning"))


# --- what it costs ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def priced() -> Iterator[Stage]:
    targets = ["gemini/gemini-2.5-flash-image!status=503", "openai/gpt-image-1"]
    config = {"max_retries": 0, "models": {"pictures": {"targets": targets}}}
    with Stage(("openai", "cohere", "gemini", "voyage", "bedrock", "anthropic"), config) as running:
        yield running


@pytest.mark.parametrize("face", [dialect for dialect, name in MODULES if name == "embed"])
def test_usage_and_cost_are_told_and_counted(priced: Stage, face: str) -> None:
    before = counted(priced)
    reply = ask(priced, face, "embed", "openai/text-embedding-3-small", inputs=("one two three",))

    assert reply.status_code == 200, reply.text
    assert float(reply.headers["x-dragoman-cost"]) == pytest.approx(3 * 0.02e-6)
    after = counted(priced)
    assert after["dragoman_tokens_total"] - before["dragoman_tokens_total"] == 3
    assert after["dragoman_cost_usd_total"] - before["dragoman_cost_usd_total"] == pytest.approx(3 * 0.02e-6)


def counted(stage: Stage) -> dict[str, float]:
    """The counters of what the embedding model of OpenAI used."""
    lines = [line for line in httpx.get(f"{stage.url}/metrics").text.splitlines() if 'model="text-embedding-3-small"' in line]
    kinds = ("dragoman_tokens_total", "dragoman_cost_usd_total")
    return {kind: sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(kind)) for kind in kinds}


def test_what_has_no_price_has_no_cost(stage: Stage) -> None:
    assert "x-dragoman-cost" not in ask(stage, "openai_chat", "embed", f"{HOSTS['cohere']}/{MODELS['embed']}").headers


# --- several things at one path ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def google(priced: Stage) -> Iterator[genai.Client]:
    client = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=priced.url, api_version="v1beta"))
    try:
        yield client
    finally:
        client.close()


def wanted(kind: str, **more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(response_modalities=[kind], **more)


def blob(answer: types.GenerateContentResponse) -> types.Blob:
    """The one thing in an answer that is no text."""
    assert answer.parts is not None
    (found,) = [part.inline_data for part in answer.parts if part.inline_data]
    return found


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", ["openai/gpt-image-1", "gemini/gemini-2.5-flash-image"])
def test_googles_sdk_makes_a_picture_at_any_provider(priced: Stage, google: genai.Client, model: str, streamed: bool) -> None:
    ask_for = google.models.generate_content_stream if streamed else google.models.generate_content
    answer = ask_for(model=model, contents="A cat", config=wanted("IMAGE"))
    picture = blob(next(iter(answer)) if streamed else answer)  # type: ignore[arg-type]

    assert picture.mime_type == "image/png"
    assert priced.emulator.requests[-1].operation == "generate_image"
    assert priced.emulator.requests[-1].asked.prompt == "A cat"


def test_a_picture_comes_from_another_provider_where_gemini_fails(priced: Stage, google: genai.Client) -> None:
    assert blob(google.models.generate_content(model="pictures", contents="A cat", config=wanted("IMAGE"))).mime_type == "image/png"
    told = [(record.provider, record.operation, record.outcome) for record in priced.emulator.requests[-2:]]
    assert told == [("gemini", "generate_image", "refused"), ("openai", "generate_image", "finished")]


@pytest.mark.parametrize("model", ["openai/gpt-image-1", "gemini/gemini-2.5-flash-image"])
def test_a_stream_in_the_form_of_an_array_holds_the_picture_too(priced: Stage, model: str) -> None:
    body = {"contents": [{"parts": [{"text": "A cat"}]}], "generationConfig": {"responseModalities": ["IMAGE"]}}
    reply = httpx.post(f"{priced.url}/v1beta/models/{model}:streamGenerateContent", json=body)

    assert reply.status_code == 200, reply.text
    parts = [part for chunk in reply.json() for part in chunk["candidates"][0]["content"]["parts"]]
    assert [part["inlineData"]["mimeType"] for part in parts if "inlineData" in part] == ["image/png"]
    assert priced.emulator.requests[-1].operation == "generate_image"


def test_googles_sdk_speaks_and_writes_down_at_another_provider(priced: Stage, google: genai.Client) -> None:
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="alloy"))
    spoken = google.models.generate_content(
        model="openai/tts-1", contents="one two", config=wanted("AUDIO", speech_config=types.SpeechConfig(voice_config=voice))
    )
    sound = blob(spoken)
    assert (priced.emulator.requests[-1].operation, priced.emulator.requests[-1].asked.voice) == ("speak", "alloy")

    heard = types.Part.from_bytes(data=sound.data or b"", mime_type=sound.mime_type or "")
    written = google.models.generate_content(model="openai/whisper-1", contents=["Generate a transcript of the speech.", heard])
    assert written.text == "The sound lasts 0.2 seconds."


def test_a_provider_without_pictures_is_told_to_googles_sdk(google: genai.Client) -> None:
    with pytest.raises(genai.errors.ClientError, match="generate_image: Anthropic does not have it; these do: "):
        google.models.generate_content(model="anthropic/claude-sonnet-4-5", contents="A cat", config=wanted("IMAGE"))


def test_a_picture_asked_of_gemini_goes_on_as_it_is(priced: Stage) -> None:
    body = b'{ "contents": [{"parts": [{"text": "A cat"}]}],  "generation_config": {"response_modalities": ["IMAGE"]}, "labels": {}}'
    reply = httpx.post(f"{priced.url}/v1beta/models/gemini%2Fgemini-2.5-flash-image:generateContent", content=body)

    assert reply.status_code == 200, reply.text
    assert priced.emulator.requests[-1].body == body


def test_words_are_asked_for_as_words_whatever_they_speak_of(priced: Stage, google: genai.Client) -> None:
    answer = google.models.generate_content(model="openai/gpt-4.1", contents="responseModalities, and how to transcribe")

    assert answer.text == "responseModalities, and how to transcribe"
    assert priced.emulator.requests[-1].operation is None


# --- other people's clients -------------------------------------------------------------------------------------------------------------


def test_openais_sdk_does_all_of_it_at_other_providers(priced: Stage) -> None:
    with openai.OpenAI(base_url=f"{priced.url}/v1", api_key="any", max_retries=0) as client:
        vectors = client.embeddings.create(model="cohere/embed-v4.0", input=["a", "b"], extra_body={"input_type": "search_document"}).data
        (picture,) = client.images.generate(model="gemini/gemini-2.5-flash-image", prompt="A cat").data or []
        edited = client.images.edit(model="openai/gpt-image-1", prompt="A cat", image=("a.png", png(1, 1, b"abc"))).data or []
        sound = client.audio.speech.create(model="gemini/gemini-2.5-flash-preview-tts", input="one two", voice="Kore").read()
        written = client.audio.transcriptions.create(model="gemini/gemini-2.5-flash", file=("a.wav", wav(0.2)))
        verdict = client.moderations.create(model="openai/omni-moderation-latest", input="flag:violence").results[0]
    assert len(vectors) == 2
    assert all(one.b64_json for one in (picture, *edited))
    assert (sound[:4], written.text, verdict.flagged) == (b"RIFF", "The sound lasts 0.2 seconds.", True)


def test_googles_sdk_embeds_and_counts_at_other_providers(google: genai.Client) -> None:
    one = google.models.embed_content(model="openai/text-embedding-3-small", contents="one two").embeddings or []
    two = google.models.embed_content(model="openai/text-embedding-3-small", contents=["one two", "three"]).embeddings or []
    counted = google.models.count_tokens(model="anthropic/claude-sonnet-4-5", contents="one two")

    assert (len(one), len(two), counted.total_tokens) == (1, 2, 2)


def test_anthropics_sdk_counts_at_another_provider(priced: Stage) -> None:
    with anthropic.Anthropic(base_url=priced.url, api_key="any", max_retries=0) as client:
        counted = client.messages.count_tokens(model="gemini/gemini-2.5-flash", messages=[{"role": "user", "content": "one two"}])
    assert counted.input_tokens == 2


def test_ollamas_sdk_embeds_at_another_provider(priced: Stage) -> None:
    client = ollama.Client(host=priced.url)
    try:
        vectors = client.embed("openai/text-embedding-3-small", ["one two", "three"]).embeddings
        old = client.embeddings("openai/text-embedding-3-small", "one two").embedding
    finally:
        client._client.close()
    assert [list(one) for one in vectors] == [pytest.approx(one, abs=1e-6) for one in VECTORS]
    assert list(old) == pytest.approx(VECTORS[0], abs=1e-6)


def test_coheres_sdk_embeds_and_ranks_at_another_provider(priced: Stage) -> None:
    with httpx.Client() as http:
        client = cohere.ClientV2(api_key="any", base_url=priced.url, httpx_client=http)
        vectors = client.embed(
            model="openai/text-embedding-3-small", texts=["one two"], input_type="search_document", embedding_types=["float"]
        )
        ranked = client.rerank(model="voyage/rerank-2.5", query="river", documents=["a hill", "a river"])
    (only,) = vectors.embeddings.float_ or []
    assert only == pytest.approx(VECTORS[0], abs=1e-6)
    assert [one.index for one in ranked.results] == [1, 0]
