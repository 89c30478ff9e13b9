"""Operations over real sockets, answered by each wire's own server role: both clients, every provider's form, and every way to fail."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dragoman
from dragoman import AsyncClient, Audio, Client, Image, Message, Text
from dragoman.catalogue.load import Catalogue
from dragoman.client import ClientSettings
from dragoman.core import embedding, listing, moderation, picture, ranking, sound
from dragoman.core.errors import (
    AuthFailed,
    BadReply,
    BadRequest,
    DragomanError,
    MissingKey,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
    UnknownModel,
    Unsupported,
    UsageError,
)
from dragoman.core.exchange import Call, Reply
from dragoman.core.usage import Usage
from dragoman.flow.whole import Whole
from dragoman.operations import MAX_PAGES, Listing, TokenCount, next_page
from dragoman.wire.operations import MODULES, NAMES, operation
from dragoman.wire.quirks import Quirks
from tests.library.servers import answer, listening, read_request, saying

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "

Perform = Callable[..., Any]


def blocking(given: ClientSettings, name: str, *arguments: Any, **options: Any) -> Any:
    with Client(**given) as client:
        return getattr(client, name)(*arguments, **options)


def on_loop(given: ClientSettings, name: str, *arguments: Any, **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient(**given) as client:
            return await getattr(client, name)(*arguments, **options)

    return asyncio.run(main())


@pytest.fixture(params=[blocking, on_loop], ids=["blocking", "loop"])
def perform(request: pytest.FixtureRequest) -> Perform:
    found: Perform = request.param
    return found


def settings(provider: str, url: str, **more: Any) -> ClientSettings:
    told = {"base_urls": {provider: url}, "keys": {provider: "any-key"}, "environment": {}, "max_retries": 0, "trust_env": False}
    made: ClientSettings = {**told, **more}  # type: ignore[typeddict-item]  # each is one by its name
    return made


class Served(msgspec.Struct):
    """What a server of one operation heard."""

    url: str
    calls: list[Call]
    requests: list[Any]


@contextmanager
def serving(provider: str, name: str, *told: Any) -> Iterator[Served]:
    """The operation ``name`` of ``provider``, answering with each of ``told`` in turn: a core value, or a whole ``Reply``."""
    row = Catalogue().provider(provider)
    quirks = msgspec.convert(row.quirks, Quirks)
    speaking = operation(row.dialect, name)
    left = list(told)
    served = Served("", [], [])

    def serve(connection: socket.socket) -> None:
        while True:
            call = as_call(read_request(connection))
            served.calls.append(call)
            request = speaking.decode_request(call, quirks)
            served.requests.append(request)
            one = left.pop(0) if len(left) > 1 else left[0]
            reply = one if isinstance(one, Reply) else speaking.encode_reply(one, request, quirks)
            head = "".join(f"{field}: {value}\r\n" for field, value in reply.headers)
            connection.sendall(answer(reply.body, None, status=reply.status, head=head))

    with listening(serve) as served.url:
        yield served


def as_call(data: bytes) -> Call:
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    method, url, _ = line.split(" ", 2)
    headers = tuple((name.lower(), value.strip()) for name, _, value in (field.partition(":") for field in fields))
    return Call(method, url, headers, body)


# --- each operation, at each wire that has it

USAGE = Usage(input_tokens=7)
VECTORS = embedding.Embeddings(vectors=((0.5, -1.0), (0.25, 2.0)), usage=USAGE)
RANKING = ranking.Ranking(results=(ranking.Ranked(index=1, score=0.9), ranking.Ranked(index=0, score=0.1)))
MODELS = listing.Listing(models=(listing.ListedModel(name="a"), listing.ListedModel(name="b")))


@pytest.mark.parametrize("provider", ["openai", "cohere", "gemini", "ollama_native"])
def test_texts_become_vectors(perform: Perform, provider: str) -> None:
    with serving(provider, "embed", VECTORS) as served:
        got = perform(settings(provider, served.url), "embed", f"{provider}/some-model", ["one", "two"], purpose="query", dimensions=2)
    assert got.vectors == ((0.5, -1.0), (0.25, 2.0))
    assert (got.provider, got.requested_model) == (provider, "some-model")
    heard = served.requests[0]
    assert (heard.model, heard.dimensions) == ("some-model", 2)
    assert [text if isinstance(text, str) else text[0].text for text in heard.inputs] == ["one", "two"]
    assert (got.warnings == ()) is (provider in ("cohere", "gemini"))  # the others have no purpose, and say so


@pytest.mark.parametrize(("provider", "title"), [("voyage", "Voyage AI"), ("jina_ai", "Jina AI")])
def test_a_provider_that_answers_no_prompts_embeds_and_says_so(perform: Perform, provider: str, title: str) -> None:
    with serving(provider, "embed", VECTORS) as served:
        given = settings(provider, served.url)
        got = perform(given, "embed", f"{provider}/voyage-3.5", ["one", "two"], dimensions=2)
        with pytest.raises(Unsupported, match=f"{title} answers no prompts; it has embed and rerank"):
            perform(given, "complete", f"{provider}/voyage-3.5", "Hi")
    assert (got.vectors, got.warnings) == (VECTORS.vectors, ())
    assert [(heard.model, heard.inputs, heard.dimensions) for heard in served.requests] == [("voyage-3.5", ("one", "two"), 2)]


def test_one_text_is_one_input(perform: Perform) -> None:
    one = embedding.Embeddings(vectors=((1.0,),))
    with serving("openai", "embed", one) as served:
        assert perform(settings("openai", served.url), "embed", "openai/m", "one").vectors == ((1.0,),)
    assert served.requests[0].inputs == ("one",)


def test_pictures_and_mixed_pieces_become_vectors_where_the_wire_takes_them(perform: Perform, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    with serving("cohere", "embed", VECTORS) as served:
        perform(settings("cohere", served.url), "embed", "cohere/m", [path, ["a cat", PNG, Text(text="asleep")]], purpose="document")
    image = Image(data=PNG, media_type="image/png")
    assert served.requests[0].inputs == ((image,), (Text(text="a cat"), image, Text(text="asleep")))
    with serving("openai", "embed", VECTORS) as served, pytest.raises(Unsupported, match="plain texts alone"):
        perform(settings("openai", served.url), "embed", "openai/m", [path])
    assert served.calls == []


@pytest.mark.parametrize("provider", ["cohere", "vllm", "voyage", "jina_ai"])
def test_documents_are_ranked(perform: Perform, provider: str) -> None:
    with serving(provider, "rank", RANKING) as served:
        got = perform(settings(provider, served.url), "rerank", f"{provider}/m", "Which?", ["first", "second"], top_n=2)
    assert [(one.index, one.score) for one in got.results] == [(1, 0.9), (0, 0.1)]
    heard = served.requests[0]
    assert (heard.query, heard.documents, heard.top_n) == ("Which?", ("first", "second"), 2)


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_tokens_are_counted(perform: Perform, provider: str) -> None:
    with serving(provider, "count_tokens", USAGE) as served:
        got = perform(settings(provider, served.url), "count_tokens", f"{provider}/m", "How long is this?", system="Be brief.")
    assert type(got) is TokenCount
    assert got.input_tokens == 7
    heard = served.requests[0]
    assert [message.text for message in heard.messages] == ["Be brief.", "How long is this?"]


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "ollama_native"])
def test_models_are_listed(perform: Perform, provider: str) -> None:
    with serving(provider, "list_models", MODELS) as served:
        got = perform(settings(provider, served.url), "list_models", provider)
    assert [model.name for model in got] == ["a", "b"]
    assert served.calls[0].method == "GET"


def test_a_list_in_pages_is_followed_to_its_end(perform: Perform) -> None:
    pages = [
        listing.Listing(models=(listing.ListedModel(name="a"),), next_page="p2"),
        listing.Listing(models=(listing.ListedModel(name="b"),), next_page="p3"),
        listing.Listing(models=(listing.ListedModel(name="c"),)),
    ]
    with serving("gemini", "list_models", *pages) as served:
        got = perform(settings("gemini", served.url), "list_models", "gemini")
    assert [model.name for model in got] == ["a", "b", "c"]
    assert [request.page for request in served.requests] == [None, "p2", "p3"]


def test_a_list_that_turns_in_circles_ends() -> None:
    def page(following: str | None) -> Listing:
        return Listing(models=(), next_page=following)

    assert next_page([page(None)]) is None
    assert next_page([page("2")]) == "2"
    assert next_page([page("2"), page("3")]) == "3"
    assert next_page([page("2"), page("2")]) is None
    assert next_page([page(str(i)) for i in range(MAX_PAGES)]) is None


def test_pictures_are_made(perform: Perform) -> None:
    made = picture.Pictures(
        pictures=(picture.Picture(image=Image(data=PNG, media_type="image/png"), revised_prompt="a grey cat"),), usage=USAGE
    )
    with serving("openai", "generate_image", made) as served:
        got = perform(settings("openai", served.url), "generate_image", "openai/gpt-image-1", "a cat", size="1024x1024", n=1)
    assert [image.data for image in got.images] == [PNG]
    assert got.pictures[0].revised_prompt == "a grey cat"
    assert (served.requests[0].prompt, served.requests[0].size, served.requests[0].n) == ("a cat", "1024x1024", 1)


def test_pictures_are_made_out_of_others(perform: Perform, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    made = picture.Pictures(pictures=(picture.Picture(image=Image(data=PNG)),))
    with serving("openai", "generate_image", made) as served:
        given = settings("openai", served.url)
        perform(given, "generate_image", "openai/gpt-image-1", "a hat", images=[path, PNG], mask=PNG)
        perform(given, "generate_image", "openai/gpt-image-1", "a hat", images=path)
    assert [len(request.images) for request in served.requests] == [2, 1]
    assert served.requests[0].mask is not None
    assert served.calls[0].url.endswith("/images/edits")
    assert PNG in served.calls[0].body


def test_speech_is_written_down(perform: Perform, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    said = sound.Transcription(text="Good morning.", language="en")
    with serving("openai", "transcribe", said) as served:
        given = settings("openai", served.url)
        for audio in (path, WAV, Audio(data=WAV, media_type="audio/wav")):
            got = perform(given, "transcribe", "openai/whisper-1", audio, language="en", format="verbose_json")
            assert got.text == str(got) == "Good morning."
    assert [request.name for request in served.requests] == ["talk.wav", "audio.wav", "audio.wav"]
    assert {request.language for request in served.requests} == {"en"}
    assert all(request.audio.data == WAV for request in served.requests)


def test_a_film_is_taken_for_what_is_said_in_it(perform: Perform) -> None:
    film = b"\x00\x00\x00\x20ftypisom"
    with serving("openai", "transcribe", sound.Transcription(text="Cut!")) as served:
        assert perform(settings("openai", served.url), "transcribe", "openai/whisper-1", film).text == "Cut!"
    assert served.requests[0].name == "audio.mp4"


def test_a_text_is_read_aloud(perform: Perform) -> None:
    spoken = sound.Speech(audio=Audio(data=b"ID3sound", media_type="audio/mpeg"))
    with serving("openai", "speak", spoken) as served:
        got = perform(settings("openai", served.url), "speak", "openai/tts-1", "Good morning.", voice="alloy", format="mp3")
    assert got.data == got.audio.data == b"ID3sound"
    assert got.audio.media_type == "audio/mpeg"
    assert (served.requests[0].text, served.requests[0].voice) == ("Good morning.", "alloy")


@pytest.mark.parametrize(("model", "heard"), [("openai", None), ("openai/omni-moderation-latest", "omni-moderation-latest")])
def test_content_is_judged(perform: Perform, model: str, heard: str | None) -> None:
    verdict = moderation.Verdict(flagged=True, categories={"violence": True}, scores={"violence": 0.9})
    with serving("openai", "moderate", moderation.Moderation(verdicts=(verdict,))) as served:
        got = perform(settings("openai", served.url), "moderate", model, "I will fight you.")
    assert got.flagged
    assert got.verdicts[0].categories["violence"] is True
    assert got.verdicts[0].scores["violence"] == 0.9
    assert served.requests[0].model == heard


def test_every_operation_of_the_wires_has_its_method() -> None:
    theirs = {"rank": "rerank"}
    for name in NAMES:
        for face in (Client, AsyncClient, dragoman):
            assert callable(getattr(face, theirs.get(name, name)))


@pytest.mark.parametrize(("dialect", "name"), MODULES, ids=[" ".join(pair) for pair in MODULES])
def test_every_module_of_the_table_is_there(dialect: str, name: str) -> None:
    module = import_module(f"dragoman.wire.{MODULES[dialect, name]}")
    assert operation(dialect, name) is module


# --- the functions without a client


def test_the_functions_need_no_client(tmp_path: Path) -> None:
    cases: list[tuple[str, str, Any, tuple[Any, ...]]] = [
        ("embed", "embed", VECTORS, ("openai/m", ["one", "two"])),
        ("rank", "rerank", RANKING, ("vllm/m", "q", ["a", "b"])),
        ("generate_image", "generate_image", picture.Pictures(pictures=(picture.Picture(image=Image(data=PNG)),)), ("openai/m", "a cat")),
        ("transcribe", "transcribe", sound.Transcription(text="Hi"), ("openai/m", WAV)),
        ("speak", "speak", sound.Speech(audio=Audio(data=b"ID3", media_type="audio/mpeg")), ("openai/m", "Hi")),
        ("moderate", "moderate", moderation.Moderation(verdicts=(moderation.Verdict(flagged=False),)), ("openai", "Hi")),
        ("count_tokens", "count_tokens", USAGE, ("anthropic/m", "Hi")),
        ("list_models", "list_models", MODELS, ("openai",)),
    ]
    for name, function, told, arguments in cases:
        provider = arguments[0].partition("/")[0]
        with serving(provider, name, told) as served:
            assert getattr(dragoman, function)(*arguments, key="k", base_url=served.url, max_retries=0, timeout=5)
        assert len(served.calls) == 1


def test_a_function_names_an_unknown_option_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="dimension: no such option; did you mean 'dimensions'"):
        dragoman.embed("openai/m", "Hi", dimension=3)


# --- how a call goes out


def test_a_call_carries_key_path_and_name(perform: Perform) -> None:
    with serving("openai", "embed", VECTORS) as served:
        perform(settings("openai", served.url + "/v1"), "embed", "openai/m", ["a", "b"])
    (call,) = served.calls
    assert call.url == "/v1/embeddings"
    headers = dict(call.headers)
    assert headers["authorization"] == "Bearer any-key"
    assert headers["user-agent"].startswith("dragoman/")
    assert json.loads(call.body)["model"] == "m"


def test_a_call_has_its_own_key_and_address(perform: Perform) -> None:
    with serving("openai", "embed", VECTORS) as served:
        perform(settings("openai", "http://127.0.0.1:1"), "embed", "openai/m", ["a", "b"], key="another", base_url=served.url)
    assert dict(served.calls[0].headers)["authorization"] == "Bearer another"


def test_what_could_not_be_said_is_a_warning_and_with_strict_an_error(perform: Perform) -> None:
    with serving("openai", "embed", VECTORS) as served:
        got = perform(settings("openai", served.url), "embed", "openai/m", ["a", "b"], purpose="query")
        assert got.warnings == ("purpose: not understood by this provider, left out",)
        with pytest.raises(Unsupported, match="purpose: not understood by this provider"):
            perform(settings("openai", served.url), "embed", "openai/m", ["a", "b"], purpose="query", strict=True)
    assert len(served.calls) == 1


def test_fields_of_one_dialect_alone_go_through(perform: Perform) -> None:
    with serving("openai", "embed", VECTORS) as served:
        perform(settings("openai", served.url), "embed", "openai/m", ["a"], extra={"openai_chat": {"truncate": "END"}})
    assert json.loads(served.calls[0].body)["truncate"] == "END"


def test_an_operation_has_its_cost() -> None:
    pytest.importorskip("genai_prices")
    counted = embedding.Embeddings(vectors=((1.0,),), usage=Usage(input_tokens=1_000_000), model="text-embedding-3-small")
    with serving("openai", "embed", counted) as served:
        got = blocking(settings("openai", served.url), "embed", "openai/text-embedding-3-small", "Hi")
        unknown = blocking(settings("openai", served.url), "embed", "openai/text-embedding-3-small", "Hi", base_url=served.url)
    assert got.cost == unknown.cost == Decimal("0.02")


# --- what fails


def test_where_a_provider_has_no_such_operation_those_that_do_are_named(perform: Perform) -> None:
    cases = [
        ("embed", ("anthropic/m", "Hi"), "embed: Anthropic does not have it; these do: "),
        ("rerank", ("gemini/m", "q", ["a"]), "rerank: Google Gemini does not have it; these do: cohere"),
        ("count_tokens", ("openai/m", "Hi"), "count_tokens: OpenAI does not have it; these do: anthropic"),
        ("generate_image", ("cohere/m", "a cat"), "generate_image: Cohere does not have it; these do: "),
        ("list_models", ("raycast",), "list_models: Raycast does not have it; these do: "),
    ]
    for name, arguments, words in cases:
        with pytest.raises(Unsupported) as caught:
            perform({"environment": {}}, name, *arguments, key="k")
        assert words in caught.value.message
        assert len(caught.value.message) < 400


BAD: list[tuple[str, tuple[Any, ...], dict[str, Any], type[UsageError], str]] = [
    ("embed", ("openai/m", []), {}, UsageError, "inputs: the list is empty"),
    ("embed", ("openai/m", 5), {}, UsageError, "inputs: int was given; a text, a picture or a list of them is expected"),
    ("embed", ("openai/m", [5]), {}, UsageError, "inputs[0]: int was given; a text or a picture is expected"),
    ("embed", ("openai/m", [["a", WAV]]), {}, UsageError, "inputs[0][1]: Audio was given; a text or a picture is expected"),
    ("embed", ("openai/m", "Hi"), {"dimensions": "many"}, UsageError, "dimensions: expected `int | null`, got `str`"),
    ("embed", ("openai/m", "Hi"), {"dimension": 1}, UsageError, "dimension: no such option; did you mean 'dimensions'"),
    ("embed", ("openai/m", ["a", b"x"]), {}, UsageError, "inputs[1]: attachment: neither its first bytes nor its name tell"),
    ("embed", ("openai/m", "Hi"), {"strict": "no"}, UsageError, "strict: 'no' was given; True or False is allowed"),
    ("embed", ("openai/m", "Hi"), {"timeout": -1}, UsageError, "timeout is -1"),
    ("embed", ("m", "Hi"), {}, UnknownModel, "'provider/model' is expected"),
    ("embed", ("opnai/m", "Hi"), {}, UnknownModel, "did you mean 'openai'"),
    ("embed", (None, "Hi"), {}, UsageError, "model: expected `str`, got `null`"),
    ("rerank", ("cohere/m", "q", "one text"), {}, UsageError, "documents: str was given; a list of strings is expected"),
    ("rerank", ("cohere/m", "q", [5]), {}, UsageError, "documents[0]: expected `str`, got `int`"),
    ("rerank", ("cohere/m", 5, ["a"]), {}, UsageError, "query: expected `str`, got `int`"),
    ("generate_image", ("openai/m", "Hi"), {"images": [WAV]}, UsageError, "images[0]: Audio was given; a picture is expected"),
    ("embed", ("openai/m", [[]]), {}, UsageError, "inputs[0]: the list is empty"),
    ("embed", ("openai/m", "Hi"), {"extra": range(3)}, UsageError, "extra: expected `object`, got `array`"),
    ("embed", ("openai/m", "Hi"), {"user": "half \ud83d"}, UsageError, "user: it cannot be written as JSON"),
    ("rerank", ("cohere/m", "q", []), {}, UsageError, "documents: the list is empty"),
    ("generate_image", ("openai/m", "Hi"), {"images": 5}, UsageError, "images: int was given; a picture or a list of them is expected"),
    ("transcribe", ("openai/m", WAV), {"language": "\ud83d"}, UsageError, "language: it cannot be written"),
    ("generate_image", ("openai/m", "Hi"), {"mask": 5}, UsageError, "mask: int was given; a picture is expected"),
    ("generate_image", ("openai/m", "Hi"), {"images": "cat.png"}, UsageError, "pathlib.Path('cat.png') reads a local file"),
    ("transcribe", ("openai/m", "talk.wav"), {}, UsageError, "audio: str was given; a pathlib.Path or the bytes of a sound"),
    ("transcribe", ("openai/m", PNG), {}, UsageError, "audio: Image was given"),
    ("transcribe", ("openai/m", Path("none.wav")), {}, UsageError, "there is no such file"),
    ("speak", ("openai/m", 5), {}, UsageError, "text: expected `str`, got `int`"),
    ("moderate", ("opnai", "Hi"), {}, UnknownModel, "did you mean 'openai'"),
    ("moderate", (None, "Hi"), {}, UsageError, "model: NoneType was given; a string is expected"),
    ("count_tokens", ("anthropic/m", 5), {}, UsageError, "messages: int was given"),
    ("count_tokens", ("anthropic/m", "Hi"), {"temprature": 1}, UsageError, "temprature: no such option"),
    ("list_models", ("nobody",), {}, UnknownModel, "provider: 'nobody' is not known"),
    ("list_models", ("openai",), {"page": "2"}, UsageError, "page: no such option"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "options", "kind", "words"), BAD, ids=range(len(BAD)))
def test_a_wrong_call_is_said_before_anything_is_sent(
    perform: Perform, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any], kind: type[UsageError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        perform({"environment": {}, "max_retries": 0}, name, *arguments, **{"key": "k", **options})
    assert words in caught.value.message


def test_a_missing_key_is_said(perform: Perform, tmp_path: Path) -> None:
    with pytest.raises(MissingKey, match="OpenAI needs a key"):
        perform({"environment": {"DRAGOMAN_HOME": str(tmp_path)}}, "embed", "openai/m", "Hi")


def refusal(status: int, kind: str, **headers: str) -> Reply:
    body = json.dumps({"error": {"message": f"refused any-key: {kind}", "type": kind, "code": kind}}).encode()
    return Reply(status, (("content-type", "application/json"), ("x-request-id", "req-1"), *headers.items()), body)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(401, "invalid_api_key"), AuthFailed),
        (refusal(400, "invalid_request_error"), BadRequest),
        (refusal(429, "rate_limit_exceeded", **{"retry-after": "7"}), RateLimited),
        (refusal(500, "server_error"), ServerFault),
        (Reply(200, (("content-type", "application/json"),), b"not json"), BadReply),
        (Reply(200, (("content-type", "application/json"),), b'{"data": 5}'), BadReply),
        (Reply(200, (("content-type", "text/html"),), b"<html>"), BadReply),
        (Reply(200, (), b""), BadReply),
    ],
    ids=["401", "400", "429", "500", "no json", "no vectors", "html", "empty"],
)
def test_a_failing_answer_is_an_error_with_its_facts(perform: Perform, reply: Reply, kind: type[DragomanError]) -> None:
    with serving("openai", "embed", reply) as served, pytest.raises(kind) as caught:
        perform(settings("openai", served.url), "embed", "openai/m", "Hi")
    error = caught.value
    assert (error.provider, error.model) == ("openai", "m")
    assert "any-key" not in str(error) + repr(vars(error))
    if reply.status >= 400:
        assert (error.status, error.request_id) == (reply.status, "req-1")
    assert error.retry_after_s == (7.0 if reply.status == 429 else None)


def test_a_page_in_place_of_a_sound_is_a_bad_reply(perform: Perform) -> None:
    page = Reply(200, (("content-type", "text/html"),), b"<html>sign in</html>")
    with serving("openai", "speak", page) as served, pytest.raises(BadReply):
        perform(settings("openai", served.url), "speak", "openai/tts-1", "Hi")


def test_a_fault_that_passes_is_tried_again(perform: Perform) -> None:
    again = refusal(429, "rate_limit_exceeded", **{"retry-after": "0"})
    with serving("openai", "embed", again, again, VECTORS) as served:
        got = perform(settings("openai", served.url, max_retries=2), "embed", "openai/m", ["a", "b"])
    assert got.vectors == VECTORS.vectors
    assert len(served.calls) == 3


def test_an_answer_that_cannot_be_read_is_tried_again(perform: Perform) -> None:
    broken = Reply(200, (("content-type", "application/json"), ("retry-after", "0")), b'{"data": [')
    with serving("openai", "embed", broken, VECTORS) as served:
        assert perform(settings("openai", served.url, max_retries=1), "embed", "openai/m", ["a", "b"]).vectors == VECTORS.vectors


def test_an_answer_that_is_cut_is_a_cut_stream(perform: Perform) -> None:
    with saying(answer(b'{"data": [', "application/json", length=999)) as (url, _), pytest.raises(StreamCut):
        perform(settings("openai", url), "embed", "openai/m", "Hi")


def test_silence_times_out(perform: Perform) -> None:
    with saying([answer(b"{", "application/json", length=999), None]) as (url, counted), pytest.raises(TimedOut):
        perform(settings("openai", url, timeout=0.1), "embed", "openai/m", "Hi")
    counted.wait_until_closed()


def test_a_failing_status_that_tells_no_fault_is_a_fault_all_the_same(perform: Perform) -> None:
    for status in (302, 404, 503):
        with saying(answer(b"", None, status=status)) as (url, _), pytest.raises(DragomanError) as caught:
            perform(settings("openai", url), "embed", "openai/m", "Hi")
        assert caught.value.status in (status, None)


def test_cancelling_closes_the_connection() -> None:
    async def main(url: str, opened: Callable[[], None]) -> None:
        async with AsyncClient(**settings("openai", url)) as client:
            task = asyncio.create_task(client.embed("openai/m", "Hi"))
            await asyncio.to_thread(opened)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with saying([None]) as (url, counted):
        asyncio.run(main(url, counted.wait_until_opened))
        counted.wait_until_closed()


def test_an_endless_answer_is_cut_off() -> None:
    whole: Whole[bytes] = Whole(lambda reply: reply.body, max_body_bytes=10)
    decoder = whole.decoder(())
    assert decoder.feed(b"x" * 10) == []
    assert decoder.error is None
    assert decoder.feed(b"x") == []
    assert isinstance(decoder.error, BadReply)
    assert not decoder.error.retryable


def test_the_last_try_is_what_counts() -> None:
    whole: Whole[bytes] = Whole(lambda reply: reply.body)
    for body in (b"first", b"second"):
        decoder = whole.decoder(())
        decoder.feed(body)
        assert decoder.close() == []
        assert decoder.done
    assert whole.value == b"second"


def test_a_data_url_is_a_picture_to_work_on() -> None:
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    with serving("openai", "generate_image", picture.Pictures(pictures=(picture.Picture(image=Image(data=PNG)),))) as served:
        blocking(settings("openai", served.url), "generate_image", "openai/m", "a hat", images=[url])
    assert served.requests[0].images[0].data == PNG


def test_a_message_of_ours_can_be_counted() -> None:
    with serving("anthropic", "count_tokens", USAGE) as served:
        got = blocking(settings("anthropic", served.url), "count_tokens", "anthropic/m", [Message("user", (Text(text="Hi"),))])
    assert got.input_tokens == 7
