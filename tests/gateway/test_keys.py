"""Callers' keys: where they are read, what they allow, and that neither they nor the providers' own are seen anywhere else."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import AuthFailed, DragomanError, PermissionDenied
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.gateway import client_keys
from dragoman.gateway.faces import PROMPTS, Faces
from dragoman.gateway.telemetry.access_log import AccessLog, facts
from dragoman.gateway.telemetry.metrics import Metrics
from dragoman.gateway.telemetry.records import Record
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE
from tests.gateway.direct import STREAMED, WHOLE, Direct
from tests.gateway.stage import KEY as UPSTREAM_KEY
from tests.gateway.upstream import EVENTS, JSON

ADA, BEN = "dgm-key-of-ada-0123456789", "dgm-key-of-ben-0123456789"
KEYS = {"ada": {"key": ADA}, "ben": {"key": BEN, "models": ["fast", "anthropic/*"]}}
MODELS = {"fast": {"targets": ["openai/gpt-x"]}, "slow": {"targets": ["openai/gpt-y"]}}
CHAT = "/v1/chat/completions"
SAID = "what was said in confidence"
BODY = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": SAID}]}
PLACES = {
    "authorization": ("", ("authorization", f"Bearer {ADA}")),
    "authorization in other letters": ("", ("authorization", f"bearer  {ADA} ")),
    "x-api-key": ("", ("x-api-key", ADA)),
    "api-key": ("", ("api-key", ADA)),
    "x-goog-api-key": ("", ("x-goog-api-key", ADA)),
    "the query": (f"?key={ADA}", ("accept", "*/*")),
    "the query among others": (f"?alt=json&key={ADA}", ("accept", "*/*")),
}
PROMPT_PATHS = {
    path.replace("{model}", "openai%2Fgpt-x"): face
    for method, path, face in Faces(Catalogue()).table()
    if method == "POST" and face.does == PROMPTS and face.dialect in NAMES
}


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with Direct({"keys": KEYS, "models": MODELS}, providers=("openai", "anthropic")) as running:
        yield running


def error_of(path: str, reply: Reply) -> DragomanError:
    return dialect(PROMPT_PATHS[path].dialect).decode_error(reply, NONE)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_read_wherever_an_sdk_puts_it(direct: Direct, place: str) -> None:
    query, header = PLACES[place]
    assert direct.post(CHAT + query, BODY, header).status == 200
    assert direct.get("/v1/models" + query, header).status == 200


@pytest.mark.parametrize("wrong", [None, "dgm-unknown", ADA[:-1], ADA + "x", ADA.upper(), "", "ключ", "\xff" * 1000], ids=repr)
@pytest.mark.parametrize("path", PROMPT_PATHS)
def test_without_a_good_key_each_dialect_says_so_in_its_own_form(direct: Direct, path: str, wrong: str | None) -> None:
    before = len(direct.calls)
    reply = direct.post(path, BODY, *(() if wrong is None else (("x-api-key", wrong),)))
    error = error_of(path, reply)
    assert reply.status in (401, 403)  # Bedrock's own for it is 403
    assert isinstance(error, AuthFailed | PermissionDenied)
    assert "key" in error.message
    assert wrong is None or len(wrong) < 5 or wrong not in reply.body.decode()
    assert len(direct.calls) == before
    assert direct.gateway.open_requests == 0


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1/messages/count_tokens", "/v1beta/models/openai%2Fx:countTokens", "/api/embed", "/voyage/v1/rerank"]
)
def test_operations_want_a_key_as_well(direct: Direct, path: str) -> None:
    assert direct.post(path, {"model": "openai/x", "input": "x"}).status == 401


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/fast", "/v1beta/models", "/api/tags", "/v1/responses/resp_1", "/v1/responses/resp_1/input_items"]
)
def test_lists_and_what_is_kept_want_one_too(direct: Direct, path: str) -> None:
    assert direct.get(path).status == 401


MISPLACED = {
    "authorization": (("authorization", ADA), "without Bearer before it"),
    "another scheme": (("authorization", f"Token {ADA}"), "without Bearer before it"),
    "a field of one's own": (("x-dragoman-key", ADA), "x-dragoman-key holds a key"),
    "a field for proxies": (("proxy-authorization", f"Bearer {ADA}"), "proxy-authorization holds a key"),
}


@pytest.mark.parametrize("place", MISPLACED)
def test_a_key_in_a_wrong_place_is_told_where_it_stands_and_where_it_belongs(direct: Direct, place: str) -> None:
    header, words = MISPLACED[place]
    reply = direct.post(CHAT, BODY, header)
    message = json.loads(reply.body)["error"]["message"]
    assert reply.status == 401
    assert words in message
    assert "Authorization: Bearer, x-api-key, api-key, x-goog-api-key or ?key=" in message
    assert ADA not in message


def test_nor_is_one_in_the_query_by_another_name_or_in_the_body(direct: Direct) -> None:
    reply = direct.post(f"{CHAT}?api_key={ADA}", BODY)
    assert (reply.status, b"api_key holds a key" in reply.body) == (401, True)
    assert direct.post(CHAT, {**BODY, "api_key": ADA, "key": ADA}).status == 401


@pytest.mark.parametrize(("model", "status"), [("fast", 200), ("anthropic/x", 502), ("slow", 403), ("openai/gpt-x", 403), ("gpt-x", 403)])
def test_a_key_asks_for_its_own_models_alone(direct: Direct, model: str, status: int) -> None:
    assert direct.post(CHAT, {**BODY, "model": model}, ("x-api-key", BEN)).status == status


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1/images/generations", "/v1/audio/speech", "/v1/rerank", "/v1/messages/count_tokens", "/v1/moderations"]
)
def test_whatever_is_asked_of_them(direct: Direct, path: str) -> None:
    body = {**BODY, "model": "slow", "input": "x", "prompt": "x", "voice": "a", "query": "x", "documents": ["x"]}
    assert direct.post(path, body, ("x-api-key", BEN)).status == 403


def test_other_models_are_not_even_named_to_it(direct: Direct) -> None:
    listed = direct.get("/v1/models", ("x-api-key", BEN))
    assert b"slow" not in listed.body
    assert b'"fast"' in listed.body
    for path in ("/v1/models/slow", "/v1/models/slo", "/v1/models/openai%2Fgpt-4.1-minii"):
        reply = direct.get(path, ("x-api-key", BEN))
        assert reply.status == 404
        assert b"did you mean" not in reply.body
    assert b"did you mean" not in direct.post(CHAT, {**BODY, "model": "slo"}, ("x-api-key", BEN)).body


@pytest.mark.parametrize("path", PROMPT_PATHS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_us_never_looks_as_if_the_callers_key_were_wrong(path: str, status: int) -> None:
    told = b'{"error":{"message":"Incorrect API key provided: %b","type":"invalid_request_error"}}' % UPSTREAM_KEY.encode()
    with Direct({"keys": KEYS}, lambda call: Reply(status, JSON, told)) as direct:
        asked = Request(model="openai/gpt-x", messages=(Message("user", (Text(SAID),)),), max_output_tokens=9)
        body = dialect(PROMPT_PATHS[path].dialect).encode_request(asked, NONE).body
        reply = direct.post(path, body, ("x-api-key", ADA))
        assert len(direct.calls) == 1
    assert reply.status == (500 if "converse" in path else 502)  # which is Bedrock's own
    assert not isinstance(error_of(path, reply), AuthFailed | PermissionDenied)
    assert "openai refused the gateway" in error_of(path, reply).message
    assert UPSTREAM_KEY not in reply.body.decode()


class Everything:
    """An observer that writes down all that it could."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def began(self, record: Record, call: Call) -> None: ...

    def answering(self, record: Record) -> None: ...

    def ended(self, record: Record) -> None:
        held = {name: getattr(record, name, None) for name in Record.__slots__}
        self.lines.append(repr((held, facts(record), record.error, vars(record.error) if record.error else None)))


ANSWERS = {
    "an answer": Reply(200, JSON, WHOLE),
    "a stream": Reply(200, EVENTS, STREAMED),
    "a refusal that repeats the key": Reply(401, JSON, b'{"error":{"message":"bad key %b"}}' % UPSTREAM_KEY.encode()),
    "a failure that repeats the key": Reply(500, JSON, b'{"error":{"message":"key %b","code":"%b"}}' % ((UPSTREAM_KEY.encode(),) * 2)),
    "a failure in a stream": Reply(200, EVENTS, b'data: {"error":{"message":"key %b"}}\n\n' % UPSTREAM_KEY.encode()),
    "nonsense that repeats the key": Reply(200, JSON, UPSTREAM_KEY.encode()),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("model", ["openai/gpt-x", "nothing-like-it"])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_no_key_is_in_what_is_logged_counted_or_answered(answer: str, model: str, path: str) -> None:
    lines: list[str] = []
    seen, metrics = Everything(), Metrics()
    with Direct({"keys": KEYS}, lambda call: ANSWERS[answer]) as direct:
        direct.gateway.observers = (seen, metrics, AccessLog("json", lines.append), AccessLog("text", lines.append))
        for place in PLACES.values():
            body = {**BODY, "model": model, "max_tokens": 9, "stream": answer.endswith("stream")}
            reply = direct.post(path + place[0], body, place[1], ("cookie", f"session={ADA}"))
            told = repr((reply, lines, seen.lines, metrics.tables, direct.gateway.setup.client_keys, direct.gateway.setup.config))
            assert ADA not in told
            assert UPSTREAM_KEY not in told
            assert SAID not in repr((lines, metrics.tables))
        for call in direct.calls:
            assert ADA not in repr(call)
            assert not {"cookie", "x-api-key", "x-goog-api-key", "api-key"} & {name for name, _ in call.headers}
            assert ("authorization", f"Bearer {UPSTREAM_KEY}") in call.headers


def test_keys_are_compared_in_constant_time() -> None:
    """Equality of Python's own is used nowhere in the module but on the form of a name."""
    tree = ast.parse(inspect.getsource(client_keys.ClientKeys))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    compared = [
        node for node in ast.walk(tree) if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops)
    ]
    assert "hmac.compare_digest" in calls
    assert not compared


def test_what_one_caller_keeps_another_does_not_reach() -> None:
    with Direct({"keys": KEYS}, providers=("openai", "cerebras")) as direct:
        asked = {"model": "cerebras/x", "input": SAID}
        kept = json.loads(direct.post("/v1/responses", asked, ("x-api-key", ADA)).body)
        path = f"/v1/responses/{kept['id']}"
        assert direct.get(path, ("x-api-key", ADA)).status == 200
        for way in (path, f"{path}/input_items"):
            assert direct.get(way, ("x-api-key", BEN)).status == 404
        gone = Call("DELETE", path, (("host", "localhost"), ("x-api-key", BEN)))
        assert direct.ask(gone).status == 404
        reply = direct.post("/v1/responses", {**asked, "previous_response_id": kept["id"]}, ("x-api-key", BEN))
        assert reply.status in (403, 404)
        assert SAID not in repr(direct.calls[1:])
        assert direct.get(path, ("x-api-key", ADA)).status == 200
