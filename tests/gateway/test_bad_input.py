"""What callers get wrong: told in their own dialect by the field's name, without a call to a provider or a trace left behind."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import BadRequest, DragomanError, ModelNotFound, UnknownModel
from dragoman.core.exchange import Call, Reply
from dragoman.gateway.faces import PROMPTS, Face, Faces
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.operations import operation
from dragoman.wire.quirks import NONE
from tests.gateway.direct import Direct
from tests.gateway.stage import Stage
from tests.gateway.upstream import JSON

PROVIDERS = ("openai", "anthropic", "gemini", "cohere", "ollama", "bedrock", "raycast")
FORMS = ("voyage",)
"""Dialects of operations alone whose failures are told in OpenAI's form."""


def posted() -> Iterator[tuple[str, Face]]:
    """Every path that takes a body, with a model in it where the path has one."""
    seen = set[str]()
    for method, path, face in Faces(Catalogue()).table():
        if method == "POST" and path not in seen:
            seen.add(path)
            yield path.replace("{model}", "openai%2Fgpt-x").replace("{voice}", "a"), face


POSTED = dict(posted())
IN_BODY = {path: face for path, face in POSTED.items() if "gpt-x" not in path and face.dialect not in ("elevenlabs", "deepgram")}
"""Where the model is named in a JSON body."""
IN_BODY.pop("/v1/audio/transcriptions")
SOUND = ("/v1/audio/transcriptions", "/elevenlabs/v1/speech-to-text", "/deepgram/v1/listen")
"""Where a body is no JSON."""

NOT_JSON = {
    "an object that is cut": b'{"model": "openai/gpt-x", "messages": [',
    "a key without quotes": b"{not json",
    "nothing": b"",
    "blanks": b"  \r\n",
    "bytes that are no text": b'{"model": "\xff\xfe"}',
    "a zero byte": b'{"model": "a\x00b"}',
    "half a surrogate": b'{"model": "\\ud800"}',
    "not a number": b'{"model": "openai/gpt-x", "temperature": NaN}',
    "something behind it": b'{"model": "openai/gpt-x"} x',
    "a form of the web": b"model=openai%2Fgpt-x&prompt=hi",
    "XML": b"<?xml version='1.0'?><a/>",
    "what is compressed": gzip.compress(b"{}", mtime=0),
    "brackets without end": b"[" * 200_000,
    "objects without end": b'{"messages":' * 50_000,
}
TURN = {"role": "user", "content": "x"}
ENOUGH = {"messages": [TURN], "input": "x", "prompt": "x", "texts": ["x"], "query": "x", "documents": ["x"], "max_tokens": 9}
"""What any path wants beside a model."""
NO_OBJECT = {"a list": b"[]", "a text": b'"x"', "null": b"null", "a number": b"1", "true": b"true"}


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with Direct({"limits": {"messages": 5}}, providers=PROVIDERS) as running:
        yield running


def told(face: Face, reply: Reply) -> DragomanError:
    """The failure as a client of the face reads it."""
    if face.dialect in NAMES:
        return dialect(face.dialect).decode_error(reply, face.quirks)
    if face.dialect in FORMS:
        return dialect("openai_chat").decode_error(reply, NONE)
    try:
        operation(face.dialect, face.does).decode_reply(reply, NONE)
    except DragomanError as error:
        return error
    raise AssertionError(f"no failure: {reply}")


def refused(direct: Direct, path: str, body: bytes) -> tuple[Reply, DragomanError]:
    """The answer to what must be refused here, before a provider is asked."""
    before = len(direct.calls)
    reply = direct.post(path, body)
    assert len(direct.calls) == before, "a provider was asked"
    assert (direct.gateway.open_requests, direct.gateway.open_streams) == (0, 0)
    assert dict(reply.headers)["x-dragoman-request-id"]
    return reply, told(POSTED[path], reply)


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("path", [path for path in POSTED if path not in SOUND])
def test_what_is_no_json_is_refused_in_the_callers_dialect(direct: Direct, path: str, body: bytes) -> None:
    reply, error = refused(direct, path, body)
    assert reply.status == 400
    assert isinstance(error, BadRequest)
    assert "JSON" in error.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"<html>", "it is HTML or XML"),
        (gzip.compress(b"{}", mtime=0), "it is compressed with gzip; send it as it is"),
        (b"\x28\xb5\x2f\xfd\x04", "it is compressed with zstd; send it as it is"),
    ],
)
def test_what_a_body_is_in_place_of_json_is_told(direct: Direct, body: bytes, words: str) -> None:
    assert words in refused(direct, "/v1/chat/completions", body)[1].message


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT)
@pytest.mark.parametrize("path", [path for path in POSTED if path not in SOUND])
def test_json_that_is_no_object_is_refused_likewise(direct: Direct, path: str, body: bytes) -> None:
    reply, error = refused(direct, path, body)
    assert reply.status == 400
    assert "a JSON object is expected" in error.message


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 100, b"--x\r\n\r\n"])
def test_a_sound_that_is_none_is_refused(direct: Direct, path: str, body: bytes) -> None:
    reply, error = refused(direct, path, body)
    assert 400 <= reply.status < 500
    assert error.message


@pytest.mark.parametrize("model", [5, 1.5, True, [], {}, ["openai/gpt-x"], None, ""], ids=repr)
@pytest.mark.parametrize("path", IN_BODY)
def test_a_model_that_is_no_name_is_refused_by_the_fields_name(direct: Direct, path: str, model: object) -> None:
    reply, error = refused(direct, path, msgspec.json.encode({**ENOUGH, "model": model}))
    assert reply.status == 400
    assert "model" in error.message


@pytest.mark.parametrize("path", [path for path, face in IN_BODY.items() if face.does == PROMPTS])
@pytest.mark.parametrize("changes", [{"stream": "yes"}, {"stream": 1}, {"n": "two"}, {"n": []}, {"stream_options": 5}], ids=repr)
def test_what_is_read_of_every_body_has_its_type(direct: Direct, path: str, changes: dict[str, object]) -> None:
    reply, error = refused(direct, path, msgspec.json.encode({"model": "openai/gpt-x", "messages": [], **changes}))
    assert reply.status == 400
    assert next(iter(changes)) in error.message


FIELDS = {"openai_responses": "input", "gemini": "contents", "openai_completions": None}


@pytest.mark.parametrize("target", ["openai/gpt-x", "anthropic/claude", "gemini/gemini-x", "bedrock/x", "cohere/command", "ollama/llama3"])
@pytest.mark.parametrize("path", [path for path, face in POSTED.items() if face.does == PROMPTS])
def test_more_messages_than_are_allowed_are_refused_on_both_paths(direct: Direct, path: str, target: str) -> None:
    face = POSTED[path]
    field = FIELDS.get(face.dialect, "messages")
    if field is None:  # a prompt is one text there
        return
    told_path = path.replace("openai%2Fgpt-x", target.replace("/", "%2F"))
    POSTED.setdefault(told_path, face)
    reply, error = refused(direct, told_path, msgspec.json.encode({"model": target, field: [TURN] * 6}))
    assert reply.status == 400
    assert f"{field}: 6 were given; at most 5 are allowed" in error.message


@pytest.mark.parametrize("path", IN_BODY)
def test_an_unknown_model_is_refused_with_the_nearest(direct: Direct, path: str) -> None:
    reply, error = refused(direct, path, msgspec.json.encode({**ENOUGH, "model": "gpt-4.1-minii"}))
    assert reply.status == 404
    assert isinstance(error, ModelNotFound | UnknownModel)
    assert "did you mean 'openai/gpt-4.1-mini'" in error.message


UNFIT = ["a\r\nx-evil: 1", "openai/a\nb", "..", "../..", "openai/../../x", "openai/..", "./x", "a\x00b", "openai/a\x7f"]


@pytest.mark.parametrize("model", [*UNFIT, "x" * 3000, "openai/" + "x" * 100_000], ids=lambda model: repr(model[:30]))
@pytest.mark.parametrize("path", [path for path, face in IN_BODY.items() if face.does == PROMPTS])
def test_what_no_model_is_called_is_refused_wherever_it_would_lead(direct: Direct, path: str, model: str) -> None:
    reply, error = refused(direct, path, msgspec.json.encode({"model": model, "messages": [], "input": "x", "prompt": "x"}))
    assert reply.status == 400
    assert error.message.startswith("model: ")
    assert len(reply.body) < 5000
    assert all("\n" not in value and "\r" not in value for _, value in reply.headers)


@pytest.mark.parametrize("name", ["openai%2F..", "openai%2F%2e%2e", "a%0d%0ab", "bedrock%2F..%2F..%2Fx", "openai%2F" + "x" * 3000])
@pytest.mark.parametrize(
    "path", ["/model/{}/converse", "/v1beta/models/{}:generateContent", "/v1beta/models/{}:countTokens", "/model/{}/invoke"]
)
def test_nor_can_a_path_name_it(direct: Direct, path: str, name: str) -> None:
    reply = direct.post(path.format(name), b'{"messages":[{"role":"user","content":[{"text":"x"}]}],"contents":[{"parts":[{"text":"x"}]}]}')
    assert reply.status in (400, 404)
    assert direct.gateway.open_requests == 0
    assert not [call for call in direct.calls if ".." in call.url]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/chat/completions", 405),
        ("PUT", "/v1/messages", 405),
        ("GET", "/model/openai%2Fgpt-x/converse", 405),
        ("BREW", "/api/chat", 405),
        ("GET", "/admin/nothing", 404),
        ("OPTIONS", "*", 404),
        ("GET", "", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("POST", "//v1/chat/completions", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("GET", "/" + "x" * 60_000, 404),
    ],
)
def test_an_unknown_path_or_method_is_told(direct: Direct, method: str, path: str, status: int) -> None:
    reply = direct.ask(Call(method, path, (("host", "localhost"),)))
    assert reply.status == status
    assert "is allowed" in reply.body.decode() if status == 405 else "nothing is served at" in reply.body.decode()


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/health/live", "/health/ready", "/metrics"])
def test_a_page_answers_head_as_it_answers_get_and_names_its_method(make_stage: Any, path: str) -> None:
    stage: Stage = make_stage(["openai"])
    reply = httpx.head(stage.url + path)
    assert (reply.status_code, reply.content) == (200, b"")
    reply = httpx.post(stage.url + path)
    assert reply.status_code == 405
    assert "GET is allowed" in reply.json()["error"]["message"]


# --- whatever a caller may think of


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES_OF_FIELDS = st.sampled_from(
    re.findall(
        r"\w+",
        """messages input prompt contents system tools tool_choice stream stream_options n stop temperature max_tokens max_output_tokens
        response_format generationConfig inferenceConfig toolConfig options think thinking reasoning metadata previous_response_id store
        instructions logprobs seed format context text texts query documents voice size requests source additional_system_instructions
        user safetySettings include""",
    )
)
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}
PICTURE = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x"}}
CLOSE: st.SearchStrategy[Any] = st.sampled_from(
    [
        [{"role": "user", "content": "x"}],
        [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
        [{"role": "user", "content": [{"text": "x"}]}],
        [{"role": "user", "content": [PICTURE]}],
        [{"role": "assistant", "tool_calls": [CALL]}],
        [{"parts": [{"text": "x"}]}],
        [{"type": "function", "function": {"name": "f"}}],
        {"include_usage": True},
        {"type": "x"},
        ["x"],
        [["x"]],
        "x",
        True,
        -1,
        1e308,
    ]
)
"""What is nearly right, or is right somewhere."""
MODELS = st.sampled_from((*(f"{name}/m" for name in PROVIDERS), "gpt-4.1", "claude-sonnet-4-5", "nobody/x", "", "/", "openai/"))
BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda model, fields: msgspec.json.encode({"model": model, **fields}),
        MODELS | st.text(max_size=30),
        st.dictionaries(NAMES_OF_FIELDS, CLOSE | JSON_VALUES, max_size=6),
    ),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
)
FIELDS_OF_HEADS = re.findall(
    r"\S+",
    """authorization x-api-key x-goog-api-key content-type origin host anthropic-version anthropic-beta cookie x-dragoman-timeout
    idempotency-key traceparent openai-beta content-encoding accept x-goog-api-client""",
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(FIELDS_OF_HEADS), st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)), max_size=4
).map(tuple)
PATHS = st.one_of(
    st.sampled_from(sorted(POSTED)),
    st.builds("/model/{}/converse-stream?{}".format, st.text(max_size=8), st.text(max_size=8)),
    st.builds(
        "/v1beta/models/{}:streamGenerateContent?alt={}".format,
        st.sampled_from(("openai/m", "gemini%2Fm", "%", "%ff")),
        st.text(max_size=4),
    ),
    st.text(st.characters(max_codepoint=255), max_size=60).map(lambda text: "/" + text),
)
METHODS = st.sampled_from(("POST", "POST", "POST", "POST", "GET", "DELETE", "HEAD", "OPTIONS", "BREW"))
THOROUGHLY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@given(METHODS, PATHS, HEADERS, BODIES)
@THOROUGHLY
def test_no_call_breaks_the_gateway(direct: Direct, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    reply = direct.ask(Call(method, path, headers, body))
    assert reply.status not in (0, 500), reply.body
    assert all(call.url.startswith("https://upstream.example/v1") for call in direct.calls)
    assert (direct.gateway.open_requests, direct.gateway.open_streams) == (0, 0)
    direct.calls.clear()
    if reply.status >= 400 and path in POSTED and method == "POST":
        assert told(POSTED[path], reply).message


STATUSES = st.sampled_from((200, 200, 200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 529, 599, 999))
TYPES = st.sampled_from(
    ("application/json", "text/event-stream", "application/x-ndjson", "text/html", "", "application/vnd.amazon.eventstream")
)
REPLIES = st.builds(
    lambda status, type, location, body: Reply(status, (("content-type", type), ("location", location)), body),
    STATUSES,
    TYPES,
    st.sampled_from(("http://127.0.0.1:1/", "/elsewhere", "")),
    BODIES | st.binary(max_size=60).map(lambda data: b"data: " + data + b"\n\n"),
)


@given(st.sampled_from([path for path, face in POSTED.items() if face.does == PROMPTS]), MODELS, st.booleans(), REPLIES)
@THOROUGHLY
def test_no_answer_of_a_provider_breaks_it_either(path: str, model: str, stream: bool, reply: Reply) -> None:
    path = path.replace("openai%2Fgpt-x", model.replace("/", "%2F") or "x")
    turn = {"role": "user", "content": [{"text": "x"}]} if "/converse" in path else TURN
    body = {**ENOUGH, "model": model, "messages": [turn], "stream": stream, "contents": [{"parts": [{"text": "x"}]}]}
    with Direct(answer=lambda call: reply, providers=PROVIDERS) as direct:
        answer = direct.post(path, body)
        assert len(direct.calls) <= 1, "a redirect was followed"
        assert answer.status == 0 or b"the gateway failed" not in answer.body, (answer, reply)
        assert (direct.gateway.open_requests, direct.gateway.open_streams) == (0, 0)
        if reply.status == 401 and direct.calls:
            assert answer.status >= 500, "it looks as if the caller's own key were wrong"


def test_an_image_that_is_named_by_its_address_is_never_fetched_here() -> None:
    image = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest/meta-data/"}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, image]}], "max_tokens": 9}
    with Direct(answer=lambda call: Reply(400, JSON, b"{}"), providers=PROVIDERS) as direct:
        for provider in PROVIDERS:
            direct.post("/v1/chat/completions", {**body, "model": f"{provider}/m"})
        assert {call.url.split("/")[2] for call in direct.calls} == {"upstream.example"}
