"""Which methods a path takes, as RFC 9110 has it, on every face and page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, header
from dragoman.gateway.faces import Faces, face_of
from dragoman.gateway.origins import allowance
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.gateway.direct import Direct
from tests.gateway.stage import Stage

PATHS = sorted({path.format(model="m", id="r", voice="v") for _, path, _ in Faces(Catalogue()).table()})
PAGES = ["/", "/openapi.json", "/health/live", "/health/ready", "/metrics", "/admin/reload"]
HERE = ("host", "localhost")


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with Direct() as running:
        yield running


def taken(path: str) -> set[str]:
    faces = Faces(Catalogue())
    return {method for method in ("GET", "POST", "DELETE") if method in faces.methods(path)}


def expected(methods: set[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_face_does_not_take_is_answered_with_those_that_it_does(direct: Direct, path: str) -> None:
    methods = taken(path)
    for method in {"GET", "POST", "DELETE", "PUT", "PATCH", "BREW"} - methods:
        reply = direct.ask(Call(method, path, (HERE,)))
        assert (reply.status, header(reply.headers, "allow")) == (405, expected(methods))
        assert b"is allowed" in reply.body
    asked = direct.ask(Call("OPTIONS", path, (HERE,)))
    assert (asked.status, asked.body, asked.headers) == (204, b"", (("allow", expected(methods)),))


@pytest.mark.parametrize("path", PAGES)
def test_and_so_is_one_that_a_page_does_not_take(make_stage: Any, path: str) -> None:
    stage: Stage = make_stage(["openai"])
    allowed = "OPTIONS, POST" if path == "/admin/reload" else "GET, HEAD, OPTIONS"
    reply = httpx.delete(stage.url + path)
    assert (reply.status_code, reply.headers["allow"]) == (405, allowed)
    asked = httpx.options(stage.url + path)
    assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", allowed)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/openai/gpt-4.1", "/v1beta/models", "/api/tags", "/api/version"])
def test_head_is_answered_as_get_without_the_body(make_stage: Any, path: str) -> None:
    stage: Stage = make_stage(["openai"])
    whole, head = httpx.get(stage.url + path), httpx.head(stage.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_who_asks_for_a_websocket_is_told_that_there_is_none(make_stage: Any) -> None:
    stage: Stage = make_stage(["openai"])
    wanted = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "a2V5"}
    reply = httpx.get(stage.url + "/v1/responses", headers=wanted)
    assert (reply.status_code, reply.headers["allow"]) == (426, "OPTIONS, POST")
    assert reply.json()["error"]["message"] == "a WebSocket was asked for /v1/responses; POST is allowed"
    assert httpx.get(stage.url + "/v1/models", headers=wanted).status_code == 200


NOTHING = {
    "/v1/messages/batches": ("anthropic_messages", "not_found_error"),
    "/v1beta/nothing": ("gemini", "NOT_FOUND"),
    "/model/x/conversation": ("bedrock_converse", "ResourceNotFoundException"),
    "/api/nothing": ("ollama", ""),
    "/v2/nothing": ("cohere", ""),
    "/v1/nothing": ("openai_chat", "not_found"),
}


@pytest.mark.parametrize("path", NOTHING)
def test_nothing_at_a_path_is_what_each_vendor_says_of_what_it_does_not_have(direct: Direct, path: str) -> None:
    reply = direct.post(path, b"{}")
    name, word = NOTHING[path]
    assert reply.status == 404
    assert word in f"{reply.body!r} {reply.headers}"
    assert dialect(name).decode_error(reply, NONE).message == f"nothing is served at {path}"
    ids = [field for field, value in reply.headers if value == dict(reply.headers)["x-dragoman-request-id"]]
    assert ids == [
        "x-dragoman-request-id",
        {"anthropic_messages": "request-id", "bedrock_converse": "x-amzn-requestid"}.get(name, "x-request-id"),
    ]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/mesages", "/v1/messages"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/embedings", "/v1/embeddings"),
        ("/metric", "/metrics"),
    ],
)
def test_a_path_that_is_nearly_right_is_told_the_right_one(make_stage: Any, path: str, meant: str) -> None:
    assert f"did you mean {meant}?" in httpx.post(make_stage(["openai"]).url + path).text


def test_a_long_path_is_not_told_back_whole(direct: Direct) -> None:
    for path in ("/" + "x" * 50_000, "/v1/responses/" + "x" * 50_000):
        reply = direct.ask(Call("PUT", path, (HERE,)))
        assert reply.status in (404, 405)
        assert len(reply.body) < 400


def test_at_a_path_where_nothing_is_every_method_is_told_so(direct: Direct) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        reply = direct.ask(Call(method, "/v1/nothing", (HERE,)))
        assert (reply.status, header(reply.headers, "allow")) == (404, None)


@pytest.mark.parametrize("name", ["gemini-2.5-flash", "openai%2Fgpt-4.1", "openai/gpt-4.1"])
@pytest.mark.parametrize("asks", ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"])
@pytest.mark.parametrize("base", ["/v1beta", "/v1"])
def test_what_is_asked_of_a_model_is_no_model_to_look_at(direct: Direct, base: str, asks: str, name: str) -> None:
    reply = direct.get(f"{base}/models/{name}:{asks}")
    assert (reply.status, header(reply.headers, "allow")) == (405, "OPTIONS, POST")


def test_what_nobody_can_ask_of_a_model_is_not_taken_for_one_either(direct: Direct) -> None:
    reply = direct.post("/v1beta/models/gemini-2.5-flash:predictLongRunning", b"{}")
    assert reply.status == 404
    assert b"nothing is served at" in reply.body


def test_a_colon_may_stand_in_a_models_name(direct: Direct) -> None:
    assert direct.get("/v1/models/openai/llama3:8b").status == 200
    assert direct.get("/v1beta/models/openai/llama3:latest").status == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent", "/api/chat", "/metrics"])
def test_who_has_no_key_is_told_how_one_is_shown(make_stage: Any, path: str) -> None:
    stage: Stage = make_stage(["openai"], {"keys": {"ada": {"key": "key-of-ada-0123456789"}}})
    for headers in ({}, {"x-api-key": "another-key-0123456789"}):
        reply = httpx.request("GET" if path == "/metrics" else "POST", stage.url + path, headers=headers)
        assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")


SAFE = {"content-type", "content-length", "cache-control", "content-language", "expires", "last-modified", "pragma"}
"""What a page may read of any answer. https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name, read 2026-11-21."""
NOT_FOR_PAGES = {"x-accel-buffering"}


def test_a_page_may_read_every_field_that_an_answer_has() -> None:
    body = {"model": "openai/gpt-4.1", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": "high", "top_k": 3}
    fault = BadRequest("x", status=429, request_id="r", retry_after_s=1.0)
    with Direct({"cors": {"origins": ["*"]}}) as direct:
        leave = dict(allowance("https://page.example", direct.gateway.setup.config.cors))
        told = [reply.headers for path in PATHS for reply in (direct.post(path, b"{}"), direct.get(path))]
        told += [direct.post("/v1/chat/completions", {**body, "stream": stream}).headers for stream in (False, True)]
        told += [face_of(path).encode_error(fault).headers for path in PATHS]
    names = {name for headers in told for name, _ in headers}
    assert {"x-dragoman-target", "x-dragoman-overhead-ms", "retry-after", "allow"} <= names
    assert names - SAFE - NOT_FOR_PAGES <= set(leave["access-control-expose-headers"].split(", "))
