"""What a caller or a foreign page could try: another address for the upstream, a climb out of a path, somebody's browser."""

from __future__ import annotations

import json
import re
import socket
from typing import Any
from urllib.parse import quote

import pytest

from dragoman.core.errors import ConnectFailed
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.gateway.faces import with_whole_model
from dragoman.gateway.routes import LONGEST_NAME
from dragoman.gateway.telemetry.access_log import AccessLog
from dragoman.server import Answer
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE
from tests.gateway.direct import UPSTREAM, Direct
from tests.gateway.stage import KEY, Stage
from tests.gateway.upstream import JSON, Upstream

CHAT = "/v1/chat/completions"
BODY = {"model": "openai/gpt-x", "messages": [{"role": "user", "content": "x"}]}
EVIL = "http://evil.example/v1"
PROVIDERS = ("openai", "anthropic", "gemini", "cohere", "ollama", "bedrock", "raycast")
ADDRESSES = (
    "base_url",
    "api_base",
    "url",
    "endpoint",
    "host",
    "azure_endpoint",
    "api_key",
    "custom_llm_provider",
    "proxy",
    "extra_headers",
)


def reached(direct: Direct) -> set[str]:
    return {call.url[: len(UPSTREAM)] for call in direct.calls}


# --- no body, path or header names where a call goes


@pytest.mark.parametrize("field", ADDRESSES)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("face", NAMES)
def test_no_field_of_a_body_names_the_upstream(face: str, provider: str, field: str) -> None:
    asked = Request(model=f"{provider}/m", messages=(Message("user", (Text("x"),)),), max_output_tokens=9)
    call = dialect(face).encode_request(asked, NONE)
    body = {**json.loads(call.body), field: EVIL, "options": {field: EVIL}, "metadata": {field: EVIL}, "litellm_params": {field: EVIL}}
    base = {"openai_chat": "/v1", "openai_responses": "/v1", "openai_completions": "/v1", "gemini": "/v1beta"}.get(face, "")
    with Direct(providers=PROVIDERS) as direct:
        direct.post(base + call.url, body)
        assert reached(direct) <= {UPSTREAM}
        for sent in direct.calls:
            assert header(sent.headers, "host") is None
            assert "evil" not in repr((sent.url, sent.headers))


NAMES_THAT_LEAD_ASTRAY = (
    "http://evil.example/v1",
    "openai/http://evil.example",
    "openai/@evil.example",
    "openai/x?y=http://evil.example",
    "openai/x#y",
    "openai//evil.example",
    "azure/../../x",
    "bedrock/../../../latest/meta-data",
    "gemini/x:generateContent?key=1#",
    "gemini/x/../../y",
    "gemini/..%2f..%2fx",
    "gemini/%2e%2e/x",
    "openai/\r\nhost: evil.example",
    "openai/\u2025/x",
)


@pytest.mark.parametrize("model", NAMES_THAT_LEAD_ASTRAY)
@pytest.mark.parametrize("face", NAMES)
def test_no_name_of_a_model_leads_anywhere_else(face: str, model: str) -> None:
    call = dialect(face).encode_request(Request(model="NAME", messages=(Message("user", (Text("x"),)),), max_output_tokens=9), NONE)
    base = {"openai_chat": "/v1", "openai_responses": "/v1", "openai_completions": "/v1", "gemini": "/v1beta"}.get(face, "")
    path = base + call.url.replace("NAME", quote(model, safe="/"))
    with Direct(providers=PROVIDERS) as direct:
        reply = direct.post(path, call.body.replace(b'"NAME"', json.dumps(model).encode()))
        assert reply.status != 500 or face == "bedrock_converse"  # whose own status for a failed upstream that is
        assert reached(direct) <= {UPSTREAM}
        for sent in direct.calls:
            assert not re.search(r"/\.\.?(?:/|$)|[\r\n#]", sent.url)
            assert "evil" not in sent.url.partition("//")[2].partition("/")[0]


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/", "https://evil.example/", "/v1/elsewhere", "//evil.example/x"])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/embeddings"])
def test_a_redirect_is_not_followed(path: str, status: int, location: str) -> None:
    with Direct(answer=lambda call: Reply(status, (("location", location), *JSON), b"{}")) as direct:
        reply = direct.post(path, {**BODY, "input": "x", "max_tokens": 9})
        assert reply.status in (500, 502)  # as the dialect has it
        assert len(direct.calls) == 1
        assert header(reply.headers, "location") is None
        assert b"redirects the gateway" in reply.body
        assert location.encode() not in reply.body


def test_where_a_redirect_led_is_for_the_operators_log_alone() -> None:
    def elsewhere(call: Call) -> Reply:
        return Reply(302 if b"one" in call.body else 307, (("location", "https://inner.example/login"), *JSON), b"{}")

    lines: list[str] = []
    with Direct({"models": {"m": {"targets": ["openai/one", "openai/two"]}}}, answer=elsewhere) as direct:
        direct.gateway.observers = (AccessLog("json", lines.append), AccessLog("text", lines.append))
        for name in ("openai/one", "m"):
            assert b"inner.example" not in direct.post(CHAT, {**BODY, "model": name}).body
    assert len(lines) == 4
    assert all("https://inner.example/login" in line for line in lines)


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/v1/embeddings"])
def test_where_a_provider_is_that_cannot_be_reached_is_for_the_operator_too(path: str) -> None:
    def unreachable(call: Call) -> Reply:
        raise ConnectFailed("no connection to inner.example:8080: Connection refused", status=407)

    lines: list[str] = []
    models = {"m": {"targets": ["openai/one", "anthropic/two"]}}
    with Direct({"models": models}, answer=unreachable, providers=("openai", "anthropic")) as direct:
        direct.gateway.observers = (AccessLog("json", lines.append),)
        for name in ("openai/one", "m"):
            reply = direct.post(path, {**BODY, "input": "x", "max_tokens": 9, "model": name})
            assert reply.status >= 500
            assert b"inner.example" not in reply.body
            assert b"openai could not be reached" in reply.body
    assert all("inner.example:8080" in line for line in lines)


def test_fields_of_a_callers_head_go_no_further_but_for_those_that_mean_something() -> None:
    fields = [(name, "told-by-the-caller") for name in (
        "cookie", "x-forwarded-for", "forwarded", "via", "referer", "origin-trial", "x-real-ip", "openai-organization", "openai-project",
        "x-goog-user-project", "x-api-key-2", "te", "transfer-encoding", "content-encoding", "accept-encoding", "expect", "x-custom",
        "user-agent", "x-amz-security-token", "x-stainless-lang", "proxy-authorization", "authorization",
    )]  # fmt: skip
    with Direct() as direct:
        assert direct.post(CHAT, BODY, *fields, ("idempotency-key", "one")).status == 200
        (call,) = direct.calls
    assert "told-by-the-caller" not in repr(call.headers)
    assert header(call.headers, "idempotency-key") == "one"
    assert header(call.headers, "authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\x00b", "é", "a" * 60_000, ""])
def test_a_field_that_goes_on_cannot_bring_others_along(make_stage: Any, value: str) -> None:
    """By hand, for our own server lets no such field in; another's might."""
    with Upstream(lambda call: Answer(200, JSON, CLAUDE)) as upstream:
        stage: Stage = make_stage(["gravityengine"], {"providers": {"anthropic": {"base_url": upstream.url, "key": KEY}}})
        body = json.dumps({**BODY, "model": "anthropic/claude", "max_tokens": 9}).encode()
        call = Call("POST", "/v1/messages", (("host", "localhost"), ("anthropic-beta", value), ("anthropic-version", "2023-06-01")), body)
        answer = stage.handle(call)
        assert answer.status == (400 if set(value) & set("\r\n\0") else 200), answer
        assert isinstance(answer.body, bytes)
        if answer.status == 400:
            assert b"anthropic-beta" in answer.body
        assert all(header(seen.headers, "x-evil") is None for seen in upstream.calls)


# --- what the server in front sees


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/v1/chat/completions", "https://evil.example:1/v1/chat/completions", "HTTP://evil.example/v1/chat/completions"],
)
def test_an_absolute_target_is_a_path_here_and_its_host_counts(make_stage: Any, target: str) -> None:
    stage: Stage = make_stage(["openai"])
    data = json.dumps(BODY).encode()
    head = f"POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stage.port), 5) as connection:
        connection.sendall(head.encode() + data)
        told = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert told.startswith(b"HTTP/1.1 403")
    assert b"evil.example" in told


# --- browsers


PAGE = ("origin", "https://page.example")
HERE = ("host", "127.0.0.1:4000")


def browse(direct: Direct, *headers: tuple[str, str], method: str = "POST", path: str = CHAT) -> Reply:
    return direct.ask(Call(method, path, headers, json.dumps(BODY).encode()))


@pytest.mark.parametrize("host", ["localhost", "LocalHost:4000", "127.0.0.1", "127.0.0.1:4000", "127.9.9.9", "[::1]", "[::1]:4000"])
def test_without_keys_this_machine_may_call(host: str) -> None:
    with Direct() as direct:
        assert browse(direct, ("host", host)).status == 200
        assert browse(direct, ("host", host), ("origin", "http://localhost:3000")).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "192.168.1.5:4000", "[::2]"],
)
def test_a_name_that_leads_here_from_elsewhere_is_refused(host: str) -> None:
    with Direct() as direct:
        for path in (CHAT, "/v1/messages", "/v1/models", "/v1beta/models"):
            reply = browse(direct, ("host", host), method="GET" if "models" in path else "POST", path=path)
            assert reply.status == 403
            assert host in reply.body.decode()
        assert not direct.calls


@pytest.mark.parametrize(
    "origin", ["https://page.example", "null", "http://localhost.evil.example", "file://", "", "chrome-extension://abc"]
)
def test_a_foreign_page_is_refused(origin: str) -> None:
    with Direct() as direct:
        reply = browse(direct, HERE, ("origin", origin), ("content-type", "text/plain"))
        assert reply.status == 403
        assert header(reply.headers, "access-control-allow-origin") is None
        assert not direct.calls


def test_with_keys_the_key_decides_and_the_page_still_reads_nothing() -> None:
    with Direct({"keys": {"ada": {"key": "dgm-key-of-ada-0123456789"}}}) as direct:
        reply = browse(direct, ("host", "gateway.example"), PAGE, ("x-api-key", "dgm-key-of-ada-0123456789"))
        assert reply.status == 200
        assert header(reply.headers, "access-control-allow-origin") is None
        assert browse(direct, ("host", "gateway.example"), PAGE).status == 401


def test_mounted_in_a_program_its_owner_decides_who_calls() -> None:
    with Direct(mounted=True) as direct:
        assert browse(direct, ("host", "app.example"), PAGE).status == 200


ASKS = (("access-control-request-method", "POST"), ("access-control-request-headers", "authorization,x-stainless-os"))


def test_an_allowed_page_asks_first_and_reads_the_answer() -> None:
    with Direct({"cors": {"origins": [PAGE[1]], "max_age": 7}}) as direct:
        leave = dict(browse(direct, HERE, PAGE, *ASKS, method="OPTIONS").headers)
        assert leave["access-control-allow-origin"] == PAGE[1]
        assert leave["access-control-allow-headers"] == ASKS[1][1]
        assert "POST" in leave["access-control-allow-methods"]
        assert (leave["access-control-max-age"], leave["vary"]) == ("7", "origin")
        reply = browse(direct, HERE, PAGE)
        assert reply.status == 200
        assert header(reply.headers, "access-control-allow-origin") == PAGE[1]
        assert "access-control-allow-credentials" not in leave | dict(reply.headers)
        failed = browse(direct, HERE, PAGE, path="/v1/nothing")
        assert header(failed.headers, "access-control-allow-origin") == PAGE[1]


def test_another_page_is_refused_beside_it() -> None:
    with Direct({"cors": {"origins": ["https://other.example"]}}) as direct:
        asked = browse(direct, HERE, PAGE, *ASKS, method="OPTIONS")
        assert asked.status == 403
        assert b"[cors]" in asked.body
        assert browse(direct, HERE, PAGE).status == 403


def test_a_star_is_every_page_and_no_other_host() -> None:
    with Direct({"cors": {"origins": ["*"]}}) as direct:
        asked = browse(direct, HERE, PAGE, *ASKS, method="OPTIONS")
        assert (asked.status, header(asked.headers, "access-control-allow-origin")) == (204, "*")
        reply = browse(direct, HERE, PAGE)
        assert (reply.status, header(reply.headers, "access-control-allow-origin")) == (200, "*")
        assert header(reply.headers, "access-control-allow-credentials") is None
        assert browse(direct, ("host", "evil.example"), PAGE).status == 403


def test_what_the_server_refuses_can_be_read_by_an_allowed_page_too() -> None:
    with Direct({"cors": {"origins": [PAGE[1]]}}) as direct:
        answer = direct.gateway.refuse(Call("POST", CHAT, (PAGE,)), 413, "too long")
        assert ("access-control-allow-origin", PAGE[1]) in answer.headers
        assert direct.gateway.open_requests == 0


# --- what is sent is what was asked


def test_nothing_is_said_that_the_caller_did_not_say() -> None:
    for provider in PROVIDERS:
        with Direct(providers=PROVIDERS) as direct:
            direct.post(CHAT, {"model": f"{provider}/m", "messages": [{"role": "user", "content": "UNIQUE"}]})
            for call in direct.calls:
                words = re.findall(r'"((?:[^"\\]|\\.)*)"\s*(?!:)(?=[,\]}])', call.body.decode())
                assert [word for word in words if " " in word] == [], "sentences of our own"
                assert call.body.count(b"UNIQUE") == 1


def test_what_a_target_has_no_word_for_is_named_and_not_lost_in_silence() -> None:
    with Direct(providers=("openai", "anthropic"), answer=lambda call: Reply(200, JSON, CLAUDE)) as direct:
        body = {**BODY, "model": "anthropic/claude", "max_tokens": 9, "seed": 7, "presence_penalty": 1.5}
        reply = direct.post(CHAT, body)
        assert reply.status == 200, reply
        warnings = [value for name, value in reply.headers if name == "x-dragoman-warning"]
    assert any("seed" in warning for warning in warnings), warnings
    assert any("presence_penalty" in warning for warning in warnings), warnings


CLAUDE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Seine"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'
)

# --- what callers make up is not kept without end


def test_no_table_grows_with_what_callers_make_up() -> None:
    with Direct() as direct:
        setup, faces = direct.gateway.setup, direct.gateway.faces
        for number in range(5000):
            setup.routes.find(f"openai/m{number}", "openai_chat")
            faces.find("GET", f"/v1/models/m{number}", ())
            direct.post(CHAT, {**BODY, "model": f"openai/m{number}"})
        for table in (setup.routes._known, setup.upstreams._templates, faces._known):
            assert 0 < len(table) <= 4097


def test_long_names_and_paths_are_not_kept_at_all() -> None:
    with Direct() as direct:
        assert direct.post(CHAT, {**BODY, "model": "openai/" + "x" * LONGEST_NAME}).status == 400
        direct.get("/v1/models/" + "x" * 50_000)
        assert not direct.gateway.setup.routes._known
        assert all(len(path) < 1000 for _, path in direct.gateway.faces._known)


PIECES = ("models/", "/models/a:", "a/", ":", "model/", "x:y/", "responses/", "%2F", "/converse")
STARTS = ("/v1/", "/v1beta/models/", "/model/", "/v1/models/", "/openai/v1/", "/v1/responses/", "/elevenlabs/v1/text-to-speech/")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("piece", PIECES)
def test_a_path_is_read_in_time_that_grows_with_its_length_and_no_faster(piece: str, start: str) -> None:
    """Were it the square of it, this would not end: it took seconds for the sixteenth part."""
    with Direct() as direct:
        path = start + piece * (1_000_000 // len(piece)) + ":a1"
        whole = with_whole_model(Call("POST", path))
        assert direct.get(whole.url).status in (404, 405, 400)
