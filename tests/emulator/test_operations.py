"""What emulated providers say where something besides an answer is asked of them, held against the client roles and other people's SDKs."""

from __future__ import annotations

import io
import math
import wave
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import OPERATION_ABILITIES, Provider
from dragoman.core.embedding import Embeddings, EmbedRequest, Tokens
from dragoman.core.errors import BadReply, BadRequest, DragomanError, RateLimited, ServerFault, StreamCut, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Audio, Image, Text
from dragoman.core.moderation import ModerationRequest
from dragoman.core.picture import PictureRequest
from dragoman.core.ranking import RankRequest
from dragoman.core.sound import SpeechRequest, TranscriptionRequest
from dragoman.emulator import Emulator
from dragoman.emulator.app import App
from dragoman.emulator.media import png, wav, wav_seconds
from dragoman.emulator.operations import DIMENSIONS, MAX_DIMENSIONS, SAMPLES, operations_of, vector
from dragoman.emulator.plan import Pace, Plan, Stall
from dragoman.testing import EmulatorFactory
from dragoman.wire.operations import MODULES, NAMES
from tests.emulator.planned import KEY, NOW_S, app, body, call, steps, whole

ROWS = [(row.name, name) for row in Catalogue() for name in operations_of(row)]
OPEN = Provider(name="p", title="P", dialect="openai_chat", base_url="https://p.example/v1")


def ask(emulated: App, name: str, request: Any, *headers: tuple[str, str]) -> Plan:
    """The plan for what the client role of the first provider's dialect says."""
    mount = emulated.mounts[0]
    sent = mount.operations[name].encode_request(request, mount.quirks)
    auth = mount.row.auth
    key = (auth.name.lower(), "k") if auth.place == "header" and auth.name else KEY
    return emulated.answer(Call(sent.method, mount.url_path + sent.url, (*sent.headers, key, *headers), sent.body), NOW_S)


def told(emulated: App, name: str, request: Any, *headers: tuple[str, str]) -> Any:
    """What the client role reads in the answer."""
    plan = ask(emulated, name, request, *headers)
    mount = emulated.mounts[0]
    return mount.operations[name].decode_reply(Reply(plan.status, plan.headers, body(plan.steps)), mount.quirks)


# --- who has what -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "name"), ROWS)
def test_what_a_client_role_asks_its_emulator_answers(row: str, name: str) -> None:
    emulated = app(row)

    plan = ask(emulated, name, SAMPLES[name])

    assert (plan.status, plan.operation, plan.provider) == (200, name, row), body(plan.steps)
    assert told(emulated, name, SAMPLES[name])


def test_every_operation_of_every_dialect_is_emulated() -> None:
    for dialect, name in MODULES:
        row = Provider(
            name="p", title="P", dialect=dialect, base_url="https://p.example", abilities=("chat", *OPERATION_ABILITIES.values())
        )
        assert ask(app(rows=[row]), name, SAMPLES[name]).status == 200, (dialect, name)
    assert set(SAMPLES) == set(NAMES)


def test_what_a_rows_abilities_do_not_name_is_not_there() -> None:
    groq = app("groq").answer(call({"model": "m", "input": "a"}, path="/groq/openai/v1/embeddings"), NOW_S)
    jina = app("jina_ai").answer(call({"model": "m", "messages": []}, path="/jina_ai/v1/chat/completions"), NOW_S)

    assert (groq.status, jina.status) == (404, 404)
    assert "POST /jina_ai/v1/embeddings, POST /jina_ai/v1/rerank" in whole(jina)["error"]["message"]


def test_what_its_path_has_beside_other_operations_is_refused_where_the_row_has_it_not() -> None:
    row = Provider(name="p", title="P", dialect="bedrock_converse", base_url="https://p.example", abilities=("chat", "embeddings"))
    plan = app(rows=[row]).answer(call({"prompt": "a"}, path="/p/model/stability.x/invoke"), NOW_S)

    assert (plan.status, plan.operation) == (400, None)
    assert "texts" in str(plan.error)


def test_a_row_of_unknown_abilities_has_all_that_its_dialect_has() -> None:
    assert operations_of(OPEN) == tuple(name for dialect, name in MODULES if dialect == "openai_chat")


@pytest.mark.parametrize(("path", "method"), [("/openai/v1/embeddings", "GET"), ("/anthropic/v1/messages/count_tokens", "GET")])
def test_a_wrong_method_is_a_405(path: str, method: str) -> None:
    assert app("openai", "anthropic").answer(call({}, path=path, method=method), NOW_S).status == 405


def test_what_cannot_be_read_names_its_field() -> None:
    plan = app().answer(call({"model": "m", "input": ["a", 1]}, path="/openai/v1/embeddings"), NOW_S)

    assert (plan.status, whole(plan)["error"]["param"]) == (400, "input")


# --- by which rules ---------------------------------------------------------------------------------------------------------------------


def embedded(*texts: Any, **options: Any) -> Embeddings:
    answer: Embeddings = told(app("openai"), "embed", EmbedRequest(model="e", inputs=texts, **options))
    return answer


def test_vectors_have_length_1_and_the_dimensions_asked_for() -> None:
    answer = embedded("a river", "a river", "a hill", dimensions=7)

    assert [len(one) for one in (*answer.vectors, *embedded("a").vectors)] == [7, 7, 7, DIMENSIONS]
    assert answer.vectors[0] == answer.vectors[1] != answer.vectors[2]
    assert all(math.isclose(math.hypot(*one), 1, abs_tol=1e-6) for one in answer.vectors)
    assert answer.usage is not None
    assert answer.usage.input_tokens == 6


def test_texts_that_share_words_are_near_each_other() -> None:
    river, same, other = (vector(text, 256) for text in ("the long river", "The river, long!", "an empty bottle"))

    def nearness(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert nearness(river, same) > 0.9
    assert abs(nearness(river, other)) < 0.3


@pytest.mark.parametrize(
    ("options", "param"),
    [({"dimensions": 0}, "dimensions"), ({"dimensions": MAX_DIMENSIONS + 1}, "dimensions"), ({"encodings": ("int8",)}, None)],
)
def test_vectors_that_cannot_be_made_are_refused(options: Any, param: str | None) -> None:
    with pytest.raises(BadRequest, match=param or "int8"):
        embedded("a", **options)


def test_tokens_are_embedded_as_words() -> None:
    numbers = EmbedRequest(model="m", inputs=(Tokens((1, 2)), Tokens((3,))))
    words = EmbedRequest(model="m", inputs=("1 2", "3"))
    assert told(app("openai"), "embed", numbers).vectors == told(app("openai"), "embed", words).vectors


def test_pictures_can_be_embedded_where_the_wire_has_them() -> None:
    mixed = (Text(text="A"), Image(data=b"abc", media_type="image/png"))
    answer = told(app("cohere"), "embed", EmbedRequest(model="e", inputs=(mixed, (Text(text="A"),)), purpose="query"))

    assert answer.vectors[0] != answer.vectors[1]


@pytest.mark.parametrize("row", ["cohere", "jina_ai", "voyage"])
def test_documents_are_ranked_by_the_words_that_they_share_with_the_query(row: str) -> None:
    documents = ("a hill", "the long, long river", "a river")
    answer = told(app(row), "rank", RankRequest(model="r", query="Long river?", documents=documents, top_n=2))

    assert [(one.index, one.score) for one in answer.results] == [(1, 1.0), (2, 0.5)]


def test_pictures_are_pngs_of_the_size_asked_for() -> None:
    answer = told(app("openai"), "generate_image", PictureRequest(model="i", prompt="A cat", n=2, size="9x3"))
    pictures = [one.image.data for one in answer.pictures]

    assert [data[16:24] for data in pictures] == [(9).to_bytes(4) + (3).to_bytes(4)] * 2
    assert pictures[0] != pictures[1]
    assert (answer.created_s, answer.usage.input_tokens, answer.usage.output_tokens) == (NOW_S, 2, 2)


def test_pictures_are_made_out_of_pictures() -> None:
    request = PictureRequest(model="i", prompt="A cat", images=(Image(data=png(1, 1, b"abc"), media_type="image/png"),))
    plan = ask(app("openai"), "generate_image", request)

    assert (plan.status, plan.asked.images) == (200, request.images)


def test_a_picture_is_a_whole_png() -> None:
    data = png(9, 3, b"\1\2\3")
    at, chunks = 8, {}
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        name, held = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert data[at + 8 + size : at + 12 + size] == zlib.crc32(name + held).to_bytes(4)
        chunks[name], at = held, at + 12 + size
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert zlib.decompress(chunks[b"IDAT"]) == b"\0\0\0" * 3


def test_speech_is_a_wav_and_a_transcription_says_how_long_it_is() -> None:
    emulated = app("groq")
    sound = told(emulated, "speak", SpeechRequest(model="s", text="one two three", speed=0.5)).audio
    with wave.open(io.BytesIO(sound.data)) as opened:
        assert opened.getnframes() / opened.getframerate() == 0.6
    written = told(emulated, "transcribe", TranscriptionRequest(model="t", audio=sound, format="verbose_json", timestamps=("word",)))

    assert (sound.media_type, written.text, written.duration_s) == ("audio/wav", "The sound lasts 0.6 seconds.", 0.6)
    assert ([one.text for one in written.words], written.words[-1].end_s) == (
        ["The", "sound", "lasts", "0.6", "seconds."],
        pytest.approx(0.6),
    )


def test_a_sound_of_another_form_is_told_by_its_bytes() -> None:
    written = told(app("groq"), "transcribe", TranscriptionRequest(model="t", audio=Audio(data=b"ID3 and so on")))

    assert written.text == "The sound has 13 bytes."


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF0000WAVE", b"RIFF0000WAVEdata\1\0\0\0x", b"RIFF0000WAVEfmt "])
def test_a_wav_without_its_parts_has_no_length(data: bytes) -> None:
    assert wav_seconds(data) is None


def test_a_wav_may_hold_other_parts() -> None:
    data = wav(1.5)

    assert wav_seconds(data[:12] + b"LIST\3\0\0\0abc\0" + data[12:]) == 1.5


def test_bare_samples_are_given_where_they_are_asked_for() -> None:
    plan = ask(app("openai"), "speak", SpeechRequest(model="s", text="one", format="pcm"))

    assert (dict(plan.headers)["content-type"], len(body(plan.steps))) == ("audio/pcm", 800)


def test_moderation_flags_the_categories_that_a_text_names() -> None:
    inputs = ("Fine.", "flag:violence and flag:self-harm/intent", "flag:")
    answer = told(app("openai"), "moderate", ModerationRequest(inputs=inputs))

    flagged = [{name for name, value in one.categories.items() if value} for one in answer.verdicts]
    assert flagged == [set(), {"violence", "self-harm/intent"}, set()]
    assert [one.flagged for one in answer.verdicts] == [False, True, False]


@pytest.mark.parametrize("row", ["anthropic", "gemini"])
def test_tokens_are_counted_as_in_the_usage_of_an_answer(row: str) -> None:
    assert told(app(row), "count_tokens", SAMPLES["count_tokens"]).input_tokens == 1


# --- what goes wrong --------------------------------------------------------------------------------------------------------------------

EMBED = SAMPLES["embed"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status=429,retry-after=2", RateLimited),
        ("status=503", DragomanError),
        ("html,status=502", ServerFault),
        ("html", BadReply),
        ("empty", BadReply),
        ("malformed-after=0", BadReply),
        ("error-after=0", ServerFault),
    ],
)
@pytest.mark.parametrize("row", ["openai", "cohere", "ollama_native", "gemini", "voyage"])
def test_faults_are_read_by_the_client_role(row: str, fault: str, kind: type[DragomanError]) -> None:
    if fault == "error-after=0" and row in ("cohere", "gemini"):
        kind = BadReply  # a failure told with status 200 has no place on these wires
    with pytest.raises(kind) as caught:
        told(app(row, faults=[fault]), "embed", EMBED)
    if "retry-after" in fault:
        plan = ask(app(row, faults=[fault]), "embed", EMBED)
        assert (dict(plan.headers)["retry-after"], caught.value.status) == ("2", 429)


def test_a_fault_is_asked_for_by_header_and_behind_the_models_name() -> None:
    marked = ask(app(), "embed", EmbedRequest(model="e!status=404", inputs=("a",)))
    headed = ask(app(), "moderate", ModerationRequest(inputs=("a",)), ("x-dragoman-fault", "status=403"))

    assert (marked.status, marked.asked.model, headed.status) == (404, "e", 403)


def test_faults_that_are_used_up_are_counted_over_prompts_and_operations() -> None:
    emulated = app(faults=["status=500,times=2"])
    statuses = [emulated.answer(call({"model": "m", "messages": [{"role": "user", "content": "a"}]}), NOW_S).status]
    statuses += [ask(emulated, "embed", EMBED).status for _ in range(2)]

    assert statuses == [500, 500, 200]


def test_pace_and_slow_start_delay_an_answer() -> None:
    paced = app(pace=Pace(ttft_s=0.5), faults=["slow-start=2"])

    assert ask(paced, "embed", EMBED).delay_s == 2.5
    assert ask(paced, "list_models", SAMPLES["list_models"]).delay_s == 0


def test_a_cut_and_a_stall_stand_in_the_midst_of_the_body() -> None:
    cut = ask(app(faults=["cut-after=10"]), "embed", EMBED)
    stalled = ask(app(faults=["stall-after=0,stall=3"]), "embed", EMBED)

    assert (len(body(steps(cut))), cut.length) == (10, ask(app(), "embed", EMBED).length)
    assert [step.seconds for step in steps(stalled) if isinstance(step, Stall)] == [3]


SPEECH = SpeechRequest(model="s", text="one", stream=True)


def test_events_of_a_streamed_sound_are_counted_one_by_one() -> None:
    plan = ask(app(faults=["stall-after=1,stall=0"]), "speak", SPEECH)

    assert [type(step).__name__ for step in steps(plan)] == ["Write", "Stall", "Write"]
    assert plan.length is None
    for fault, kind in (("no-end", StreamCut), ("error-after=1", ServerFault), ("malformed-after=1", BadReply)):
        with pytest.raises(kind):
            told(app(faults=[fault]), "speak", SPEECH)
    assert told(app(), "speak", SPEECH).audio.media_type == "audio/wav"


# --- answers of one's own ---------------------------------------------------------------------------------------------------------------


def test_a_test_may_give_its_own_answers(dragoman_emulator: EmulatorFactory) -> None:
    def embed(request: EmbedRequest) -> Embeddings:
        if request.inputs == ("bad",):
            raise RateLimited("Slow down.")
        return Embeddings(vectors=((0.5, 1.0),))

    emulator = dragoman_emulator("openai", operations={"embed": embed})
    with sdk(emulator) as client:
        assert client.embeddings.create(model="e", input="a", encoding_format="float").data[0].embedding == [0.5, 1.0]
        with pytest.raises(openai.RateLimitError, match="Slow down"):
            client.embeddings.create(model="e", input="bad")
    assert [(record.operation, record.asked.inputs) for record in emulator.requests] == [("embed", ("a",)), ("embed", ("bad",))]


@pytest.mark.parametrize("wrong", [lambda request: 1 / 0, lambda request: "no answer at all"])
def test_an_answer_that_is_none_is_told_as_the_scenarios_failure(wrong: Any) -> None:
    emulated = App([Catalogue().provider("openai")], lambda request: "", Pace(), operations={"embed": wrong})

    plan = ask(emulated, "embed", EMBED)

    assert (plan.status, "the scenario failed" in whole(plan)["error"]["message"]) == (500, True)


@pytest.mark.parametrize(("operations", "words"), [({"embd": print}, "did you mean 'embed'"), ({"embed": 5}, "a callable is expected")])
def test_answers_that_cannot_be_given_are_refused(operations: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Emulator("openai", operations=operations)


# --- other people's clients -------------------------------------------------------------------------------------------------------------


@contextmanager
def sdk(emulator: Emulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=emulator.url(), api_key="any", max_retries=0) as client:
        yield client


def test_openais_sdk_asks_for_everything(dragoman_emulator: EmulatorFactory) -> None:
    with sdk(dragoman_emulator("openai")) as client:
        vectors = client.embeddings.create(model="e", input=["a", "b"], dimensions=8).data
        pictures = client.images.generate(model="i", prompt="A cat", n=2).data or []
        changed = client.images.edit(model="i", prompt="A cat", image=("a.png", png(1, 1, b"abc"))).data or []
        sound = client.audio.speech.create(model="s", input="one two", voice="alloy").read()
        written = client.audio.transcriptions.create(model="t", file=("a.wav", sound))
        events = list(client.audio.transcriptions.create(model="t", file=("a.wav", sound), stream=True))
        verdict = client.moderations.create(input="flag:violence").results[0]
        listed = [model.id for model in client.models.list()]
        told = (
            client.responses.create(model="m", input="Well").output_text,
            client.completions.create(model="m", prompt="Well").choices[0].text,
        )
    assert [len(one.embedding) for one in vectors] == [8, 8]
    assert [one.b64_json is not None for one in (*pictures, *changed)] == [True, True, True]
    assert (written.text, events[-1].type) == ("The sound lasts 0.2 seconds.", "transcript.text.done")
    assert (verdict.flagged, verdict.categories.violence, verdict.categories.hate) == (True, True, False)
    assert "gpt-4.1" in listed
    assert told == ("Well", "Well")


def test_anthropics_sdk_counts_and_lists(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("anthropic")
    with anthropic.Anthropic(base_url=emulator.url(), api_key="any", max_retries=0) as client:
        counted = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "one two"}], system="three")
        pages = [model.id for model in client.models.list(limit=5)]
    assert counted.input_tokens == 3
    assert pages == [model.name for model in Catalogue().provider("anthropic").models]
    assert len(emulator.requests) > 2


def test_googles_sdk_embeds_counts_and_lists(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("gemini")
    options = types.HttpOptions(base_url=emulator.url().removesuffix("/v1beta"), api_version="v1beta")
    client = genai.Client(api_key="any", http_options=options)
    try:
        config = types.EmbedContentConfig(output_dimensionality=8)
        vectors = client.models.embed_content(model="e", contents=["a", "b"], config=config).embeddings or []
        counted = client.models.count_tokens(model="m", contents="one two").total_tokens
        listed = [model.name for model in client.models.list(config={"page_size": 2})]
    finally:
        client.close()
    assert ([len(one.values or []) for one in vectors], counted) == ([8, 8], 2)
    assert listed == [f"models/{model.name}" for model in Catalogue().provider("gemini").models]


def test_ollamas_sdk_embeds_and_lists(dragoman_emulator: EmulatorFactory) -> None:
    client = ollama.Client(host=dragoman_emulator("ollama_native").url())
    try:
        vectors = client.embed("e", ["a", "b"], dimensions=8).embeddings
        listed = client.list().models
    finally:
        client._client.close()
    assert [len(one) for one in vectors] == [8, 8]
    assert [model.model for model in listed] == [model.name for model in Catalogue().provider("ollama_native").models]


def test_coheres_sdk_embeds_and_ranks(dragoman_emulator: EmulatorFactory) -> None:
    with httpx.Client() as http:
        client = cohere.ClientV2(api_key="any", base_url=dragoman_emulator("cohere").url(), httpx_client=http)
        vectors = client.embed(model="e", texts=["a"], input_type="search_query", embedding_types=["float"], output_dimension=8)
        ranked = client.rerank(model="r", query="river", documents=["a hill", "a river"])
    assert [len(one) for one in vectors.embeddings.float_ or []] == [8]
    assert [one.index for one in ranked.results] == [1, 0]
