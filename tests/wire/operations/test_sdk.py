"""OpenAI's own SDK as client of our server role, and our client role against the same: every endpoint besides chat."""

from __future__ import annotations

import io
from typing import Any

import cohere
import httpx
import openai
import pytest

from dragoman.core.embedding import Embeddings
from dragoman.core.errors import DragomanError, RateLimited
from dragoman.core.exchange import Call
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.messages import Audio, Image, Text
from dragoman.core.moderation import Moderation, Verdict
from dragoman.core.picture import Picture, Pictures
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.core.sound import Speech, Spoken, Transcription
from dragoman.core.usage import Usage
from dragoman.wire.openai_call import encode_error
from dragoman.wire.operations import MODULES, operation
from dragoman.wire.quirks import NONE
from tests.wire.served import serving

from .served import served

PNG = b"\x89PNG\r\n\x1a\n-"
VECTORS = ((0.5, -1.0), (0.25, 2.0))
RECORD = {
    "input_tokens": 3,
    "output_tokens": 5,
    "total_tokens": 8,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 3},
}


@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings(form: Any) -> None:
    answer = Embeddings(vectors=VECTORS, model="e", usage=Usage(input_tokens=4))
    with served("openai_chat", "embed", answer) as (client, seen):
        told = client.embeddings.create(model="e", input=["a", "b"], dimensions=2, encoding_format=form, user="u")
        client.embeddings.create(model="e", input="a")
    if form == "float":
        assert tuple(tuple(one.embedding) for one in told.data) == VECTORS
    assert (told.model, told.usage.prompt_tokens, told.usage.total_tokens) == ("e", 4, 4)
    first, second = seen.operated
    assert (first.inputs, first.dimensions, first.encodings, first.user) == (("a", "b"), 2, (form,), "u")
    assert (second.inputs, second.encodings) == (("a",), ("base64",))


def test_pictures_from_words() -> None:
    answer = Pictures(
        pictures=(Picture(image=Image(data=PNG), revised_prompt="A better cat"), Picture(image=Image(url="https://x.test/a.png"))),
        created_s=7,
        usage=Usage(input_tokens=3, output_tokens=5, raw=RECORD),
    )
    with served("openai_chat", "generate_image", answer) as (client, seen):
        told = client.images.generate(prompt="A cat", model="i", n=2, size="1024x1024", quality="low", output_format="png", user="u")
    assert told.data is not None
    assert [(one.b64_json, one.url, one.revised_prompt) for one in told.data] == [
        ("iVBORw0KGgot", None, "A better cat"),
        (None, "https://x.test/a.png", None),
    ]
    assert told.usage is not None
    assert (told.created, told.usage.output_tokens) == (7, 5)
    (asked,) = seen.operated
    assert (asked.prompt, asked.model, asked.n, asked.size, asked.quality, asked.format) == ("A cat", "i", 2, "1024x1024", "low", "png")


def test_pictures_from_pictures() -> None:
    with served("openai_chat", "generate_image", Pictures(pictures=())) as (client, seen):
        client.images.edit(image=[("a.png", PNG), ("b.png", PNG)], mask=("m.png", PNG), prompt='A "cat" \n🐈', model="i", n=1)
        client.images.edit(image=io.BytesIO(PNG), prompt="One", model="i", extra_body={"input_fidelity": "high"})
    two, one = seen.operated
    assert (two.prompt, two.n, two.images, two.mask) == (
        'A "cat" \n🐈',
        1,
        (Image(data=PNG, media_type="image/png"),) * 2,
        Image(data=PNG, media_type="image/png"),
    )
    assert (one.images[0].data, one.mask, one.extra) == (PNG, None, {"openai_chat": {"input_fidelity": "high"}})


def test_speech_whole_and_streamed() -> None:
    answer = Speech(audio=Audio(data=b"ID3sound"), usage=Usage(input_tokens=1, output_tokens=2))
    with served("openai_chat", "speak", answer) as (client, seen):
        told = client.audio.speech.create(model="s", input="Hi", voice="alloy", response_format="mp3", speed=1.5, instructions="Softly")
        assert (told.read(), told.response.headers["content-type"]) == (b"ID3sound", "audio/mpeg")
        client.audio.speech.create(model="s", input="Hi", voice={"id": "v"}, stream_format="sse")
    first, second = seen.operated
    assert (first.text, first.voice, first.format, first.speed, first.instructions) == ("Hi", "alloy", "mp3", 1.5, "Softly")
    assert (second.voice, second.stream) == ("v", True)


SPOKEN = Transcription(
    text="Hello there.",
    language="english",
    duration_s=2.5,
    segments=(Spoken(text="Hello", start_s=0.0, end_s=1.0), Spoken(text="there.", start_s=1.0, end_s=2.5)),
    words=(Spoken(text="Hello", start_s=0.0, end_s=1.0),),
    usage=Usage(raw={"type": "duration", "seconds": 3}),
)


def test_transcription_in_every_form() -> None:
    with served("openai_chat", "transcribe", SPOKEN) as (client, seen):
        file = ("a.wav", b"RIFF0000WAVE")
        plain = client.audio.transcriptions.create(file=file, model="t", language="en", prompt="p", temperature=0.5)
        verbose = client.audio.transcriptions.create(
            file=file, model="t", response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        text = client.audio.transcriptions.create(file=file, model="t", response_format="text")
        srt = client.audio.transcriptions.create(file=file, model="t", response_format="srt")
        vtt = client.audio.transcriptions.create(file=file, model="t", response_format="vtt")
        events = list(client.audio.transcriptions.create(file=file, model="t", stream=True))
    assert plain.text == "Hello there."
    assert (verbose.language, verbose.duration, verbose.words and verbose.words[0].word) == ("english", 2.5, "Hello")
    assert [segment.text for segment in verbose.segments or ()] == ["Hello", "there."]
    assert str(text) == "Hello there.\n"
    assert "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n" in str(srt)
    assert str(vtt).startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello")
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    first = seen.operated[0]
    assert (first.audio, first.name) == (Audio(data=b"RIFF0000WAVE", media_type="audio/x-wav"), "a.wav")
    assert (first.language, first.prompt, first.temperature, first.format) == ("en", "p", 0.5, None)
    assert seen.operated[1].timestamps == ("word", "segment")
    assert seen.operated[5].stream


def test_moderations() -> None:
    answer = Moderation(verdicts=(Verdict(flagged=True, categories={"violence": True}, scores={"violence": 0.9}),), id="m-1", model="m")
    mixed: Any = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]
    with served("openai_chat", "moderate", answer) as (client, seen):
        told = client.moderations.create(input="x", model="m")
        client.moderations.create(input=["x", "y"])
        client.moderations.create(input=mixed)
    (result,) = told.results
    assert (told.id, result.flagged, result.categories.violence, result.categories.hate) == ("m-1", True, True, False)
    assert (result.category_scores.violence, result.category_scores.hate) == (0.9, 0.0)
    assert [request.inputs for request in seen.operated] == [
        ("x",),
        ("x", "y"),
        ((Text(text="x"), Image(url="https://x.test/a.png")),),
    ]


def test_models() -> None:
    models = (ListedModel(name="a", created_s=5, owner="me", context_tokens=8192, extra={"openai_chat": {"zz": 1}}), ListedModel(name="b"))
    with served("openai_chat", "list_models", Listing(models=models)) as (client, seen):
        told = client.models.list().data
    assert [(one.id, one.created, one.owned_by) for one in told] == [("a", 5, "me"), ("b", 0, "")]
    assert seen.operated == [ListRequest()]


def test_ranking_as_cohere_had_it_first() -> None:
    """Jina's form is that of Cohere's first version, whose client asks for it at the same path."""
    answer = Ranking(
        results=(Ranked(index=1, score=0.9), Ranked(index=0, score=0.25)), id="r", raw_usage={"billed_units": {"search_units": 1}}
    )
    with serving("openai_chat", bases=("/v1",), operations={"rank": lambda request: answer}) as server, httpx.Client() as http:
        client = cohere.Client(api_key="k", base_url=server.root, httpx_client=http)
        told = client.rerank(model="m", query="q", documents=["a", "b"], top_n=2)
    assert [(one.index, one.relevance_score) for one in told.results] == [(1, 0.9), (0, 0.25)]
    assert told.meta is not None
    assert told.meta.billed_units is not None
    assert (told.id, told.meta.billed_units.search_units) == ("r", 1)
    assert server.operated == [RankRequest(model="m", query="q", documents=("a", "b"), top_n=2)]


@pytest.mark.parametrize("name", [name for dialect, name in MODULES if dialect == "openai_chat"])
def test_error_is_told_in_openais_form(name: str) -> None:
    ask: dict[str, Any] = {
        "embed": lambda client: client.embeddings.create(model="e", input="a"),
        "generate_image": lambda client: client.images.generate(prompt="p", model="i"),
        "speak": lambda client: client.audio.speech.create(model="s", input="Hi", voice="alloy"),
        "transcribe": lambda client: client.audio.transcriptions.create(file=("a.wav", b"x"), model="t"),
        "moderate": lambda client: client.moderations.create(input="x"),
        "rank": lambda client: client.post("/rerank", body={"query": "q", "documents": []}, cast_to=object),
        "list_models": lambda client: client.models.list(),
    }
    with served("openai_chat", name, RateLimited("Slow down.")) as (client, seen), pytest.raises(openai.RateLimitError, match="Slow down"):
        ask[name](client)
    speaking = operation("openai_chat", name)
    with pytest.raises(DragomanError):
        speaking.decode_reply(encode_error(RateLimited("Slow down."), NONE), NONE)
    assert isinstance(seen.calls[0], Call)
