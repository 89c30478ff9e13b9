"""Where a request goes: row, address, key, dialect; and what is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman import __version__
from dragoman.core.errors import REDACTED, BadReply, MissingKey, UnknownModel, Unsupported, UsageError
from dragoman.core.exchange import Headers, Reply, Timeouts, header
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.flow.attempt import Target
from dragoman.flow.effects import Now, Open
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.router import Router, check_base_url, is_streamed
from dragoman.settings import Surroundings
from dragoman.wire.framed import StreamDecoder, WholeDecoder

SECRET = "sk-very-secret"
MINE = """
[providers.mine]
dialect = "openai_chat"
base_url = "https://mine.example/v1"
{more}
"""


def router(home: Path, environment: dict[str, str] | None = None, **given: dict[str, str]) -> Router:
    surroundings = Surroundings({} if environment is None else environment, home)
    return Router(surroundings, surroundings.catalogue(), given.get("keys", {}), given.get("base_urls", {}), RetryPolicy(), RetryBudget())


def request(model: str, **fields: Any) -> Request:
    return Request(model=model, messages=(Message("user", (Text(text="Hi"),)),), **fields)


def target(home: Path, model: str = "openai/gpt-4.1", **fields: Any) -> Target:
    return router(home, {"OPENAI_API_KEY": SECRET}).target(request(model, **fields))


def mine(home: Path, more: str) -> None:
    (home / "providers.toml").write_text(MINE.format(more=more))


# --- what is sent where


def test_a_call_is_addressed_encoded_and_signed(tmp_path: Path) -> None:
    call = target(tmp_path).call
    assert (call.method, call.url) == ("POST", "https://api.openai.com/v1/chat/completions")
    assert header(call.headers, "authorization") == f"Bearer {SECRET}"
    assert header(call.headers, "user-agent") == f"dragoman/{__version__}"
    assert json.loads(call.body)["model"] == "gpt-4.1"


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("raycast/gpt-4", "https://backend.raycast.com/api/v1/ai/chat_completions"),
        ("lockchat/gpt-4", "http://supertest.lockchat.app/v1/chat/completions"),
        ("gravityengine/gpt-3.5-turbo-16k", "https://gpt4.gravityengine.cc/api/openai/v1/chat/completions"),
        ("equing/gpt-3.5-turbo", "https://next.eqing.tech/api/openai/v1/chat/completions"),
        ("ollama/llama3", "http://127.0.0.1:11434/v1/chat/completions"),
        ("vllm/org/model", "http://127.0.0.1:8000/v1/chat/completions"),
    ],
)
def test_each_provider_has_its_address(tmp_path: Path, model: str, url: str) -> None:
    there = router(tmp_path, keys={"raycast": "k"}).target(request(model))
    assert there.call.url == url
    assert (there.provider, there.model) == tuple(model.split("/", 1))


def test_a_provider_with_a_program_of_its_own_is_called_as_that(tmp_path: Path) -> None:
    call = router(tmp_path).target(request("lockchat/gpt-4")).call
    assert header(call.headers, "user-agent") == "ChatX/39 CFNetwork/1408.0.4 Darwin/22.5.0"


def test_the_model_name_may_hold_slashes(tmp_path: Path) -> None:
    assert json.loads(router(tmp_path).target(request("vllm/org/model:tag")).call.body)["model"] == "org/model:tag"


def test_a_provider_alone_means_its_default_model(tmp_path: Path) -> None:
    assert target(tmp_path, "openai/").model == "gpt-4.1-mini"


@pytest.mark.parametrize("slash", ["", "/", "///"])
def test_a_slash_at_the_end_of_a_base_url_is_no_second_one(tmp_path: Path, slash: str) -> None:
    url = router(tmp_path).target(request("ollama/m"), base_url=f"http://h/v1{slash}").call.url
    assert url == "http://h/v1/chat/completions"


def test_the_address_is_the_calls_then_the_clients_then_the_environments_then_the_rows(tmp_path: Path) -> None:
    environment = {"OLLAMA_BASE_URL": "http://environment"}
    there = router(tmp_path, environment, base_urls={"ollama": "http://client"})
    assert there.target(request("ollama/m"), base_url="http://call").call.url.startswith("http://call/")
    assert there.target(request("ollama/m")).call.url.startswith("http://client/")
    assert router(tmp_path, environment).target(request("ollama/m")).call.url.startswith("http://environment/")
    assert router(tmp_path).target(request("ollama/m")).call.url.startswith("http://127.0.0.1:11434/")


def test_the_key_is_the_calls_then_the_clients_then_the_environments_then_the_files(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('openai = "file"\n')

    def sent(there: Router, key: str | None = None) -> str | None:
        return header(there.target(request("openai/m"), key=key).call.headers, "authorization")

    environment = {"OPENAI_API_KEY": "environment"}
    assert sent(router(tmp_path, environment, keys={"openai": "client"}), "call") == "Bearer call"
    assert sent(router(tmp_path, environment, keys={"openai": "client"})) == "Bearer client"
    assert sent(router(tmp_path, environment)) == "Bearer environment"
    assert sent(router(tmp_path)) == "Bearer file"


def test_a_key_and_the_fields_of_one_call_are_not_anothers(tmp_path: Path) -> None:
    there = router(tmp_path, {"OPENAI_API_KEY": "environment"})

    def sent(key: str | None, **fields: Any) -> tuple[str | None, str | None]:
        headers = there.target(request("openai/m", **fields), key=key).call.headers
        return header(headers, "authorization"), header(headers, "accept")

    for _ in range(2):
        assert sent("one") == ("Bearer one", "application/json")
        assert sent("two", stream=True) == ("Bearer two", "text/event-stream")
        assert sent(None, stream=True) == ("Bearer environment", "text/event-stream")
        assert sent("one", stream=True) == ("Bearer one", "text/event-stream")


def test_what_is_remembered_of_callers_keys_is_bounded(tmp_path: Path) -> None:
    there = router(tmp_path)
    for number in range(1000):
        call = there.target(request("openai/m"), key=f"k-{number}").call
        assert header(call.headers, "authorization") == f"Bearer k-{number}"
    assert len(there._places) <= 256


def test_a_key_that_is_not_required_is_not_missed(tmp_path: Path) -> None:
    assert header(router(tmp_path).target(request("ollama/m")).call.headers, "authorization") is None
    assert header(router(tmp_path).target(request("ollama/m"), key="k").call.headers, "authorization") == "Bearer k"


PLACED = [
    ('auth = {place = "header", name = "X-Key"}', "https://mine.example/v1/chat/completions", ("x-key", "k")),
    ('auth = {place = "query", name = "key"}', "https://mine.example/v1/chat/completions?key=k", None),
    ('auth = {place = "none"}', "https://mine.example/v1/chat/completions", None),
]


@pytest.mark.parametrize(("more", "url", "field"), PLACED)
def test_the_key_stands_where_the_row_says(tmp_path: Path, more: str, url: str, field: tuple[str, str] | None) -> None:
    mine(tmp_path, more)
    call = router(tmp_path, keys={"mine": "k"}).target(request("mine/m")).call
    assert call.url == url
    assert header(call.headers, "authorization") is None
    assert field is None or field in call.headers


def test_an_answer_is_read_in_the_form_that_its_head_tells(tmp_path: Path) -> None:
    there = router(tmp_path).target(request("anthropic/claude-x"), "k")
    assert isinstance(there.decoder((("content-type", "text/event-stream"),)), StreamDecoder)
    assert isinstance(there.decoder((("content-type", "application/json"),)), WholeDecoder)


def test_a_page_of_a_host_with_passing_faults_is_looked_into(tmp_path: Path) -> None:
    there = router(tmp_path).target(request("lockchat/gpt-4"))
    decoder = there.decoder((("content-type", "text/html"),))
    decoder.feed(b"The model: `gpt-4` does not exist\n")
    decoder.close()
    assert decoder.error is not None
    assert decoder.error.retryable


# --- secrets


def test_the_key_prints_nowhere_in_an_error(tmp_path: Path) -> None:
    there = target(tmp_path)
    error = there.decode_error(Reply(401, (), json.dumps({"error": {"message": f"bad key {SECRET}", "code": SECRET}}).encode()))
    there.redact(error)
    assert error.message == f"bad key {REDACTED}"
    assert SECRET not in str(error) + repr(error) + repr(vars(error))


# --- what is refused before anything is sent

BAD_MODELS = [
    ("gpt-4.1", "model: 'gpt-4.1' was given; 'provider/model' is expected, perhaps 'openai/gpt-4.1'"),
    ("opnai/gpt-4.1", "provider: 'opnai' is not known; did you mean 'openai'"),
    ("", "model: '' was given; 'provider/model' is expected"),
    ("/gpt-4.1", "model: '/gpt-4.1' was given; 'provider/model' is expected"),
    ("../openai/x", "provider: '..' is not known"),
    ("OPENAI/x", "provider: 'OPENAI' is not known"),
    ("ollama/", "model: 'ollama/' names no model; write ollama/<model>"),
]


@pytest.mark.parametrize(("model", "words"), BAD_MODELS)
def test_an_unknown_name_is_said_with_the_nearest(tmp_path: Path, model: str, words: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        target(tmp_path, model)
    assert words in caught.value.message


def test_where_only_the_listed_models_exist_another_is_refused(tmp_path: Path) -> None:
    mine(tmp_path, 'closed_models = true\nmodels = [{name = "large"}, {name = "small"}]')
    there = router(tmp_path, keys={"mine": "k"})
    assert there.target(request("mine/large")).model == "large"
    with pytest.raises(UnknownModel, match="model: mine has no 'lagre'; did you mean 'large'"):
        there.target(request("mine/lagre"))


def test_a_required_key_that_is_not_found_is_missed(tmp_path: Path) -> None:
    with pytest.raises(MissingKey, match="OpenAI needs a key: set OPENAI_API_KEY"):
        router(tmp_path).target(request("openai/m"))


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n"])
def test_a_bad_key_is_refused_wherever_it_came_from(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError, match="key: "):
        router(tmp_path).target(request("openai/m"), key=key)
    if key.strip():
        with pytest.raises(UsageError, match="OPENAI_API_KEY: "):
            router(tmp_path, {"OPENAI_API_KEY": key}).target(request("openai/m"))


BAD_URLS: list[Any] = ["", "host", "host:80", "ftp://host", "http://", "http:///path", "http://host:99999", "http://host:0", "//host"]
BAD_URLS += ["http://ho st", "http://host/\n", "http://host?x=1", "http://host#x", 5, b"http://host", None, ["http://host"]]


@pytest.mark.parametrize("url", BAD_URLS)
def test_what_is_no_base_url_is_refused(url: Any) -> None:
    with pytest.raises(UsageError, match=r"base_url: .* was given; an address like https://host"):
        check_base_url(url, "base_url")


def test_a_bad_address_in_the_environment_is_said_with_its_provider(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="base URL of ollama: 'nonsense' was given"):
        router(tmp_path, {"OLLAMA_BASE_URL": "nonsense"}).target(request("ollama/m"))


def test_strict_refuses_what_could_only_be_left_out(tmp_path: Path) -> None:
    there = router(tmp_path)
    asked = request("lockchat/gpt-4", seed=7)
    assert there.target(asked).call.warnings == ("seed: not understood by this provider, left out",)
    with pytest.raises(Unsupported, match="seed: not understood by this provider") as caught:
        there.target(asked, strict=True)
    assert (caught.value.provider, caught.value.model) == ("lockchat", "gpt-4")
    assert there.target(request("lockchat/gpt-4"), strict=True).call.warnings == ()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('quirks = {streeming = "always"}', "quirks: .*streeming"),
        ('quirks = {streaming = "sometimes"}', "quirks: .*sometimes"),
    ],
)
def test_a_row_with_quirks_that_are_none_is_named(tmp_path: Path, more: str, words: str) -> None:
    mine(tmp_path, more + '\nauth = {place = "none"}')
    with pytest.raises(UsageError, match=f"provider mine: {words}"):
        router(tmp_path).target(request("mine/m"))


def test_a_row_with_an_unknown_dialect_is_named(tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text('[providers.mine]\ndialect = "klingon"\nbase_url = "http://h"\nauth = {place = "none"}\n')
    with pytest.raises(UsageError, match="dialect: 'klingon' was given; one of"):
        router(tmp_path).target(request("mine/m"))


def test_everything_is_checked_before_the_flow_begins(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        router(tmp_path).route(request("openai/m"), Timeouts())
    flow = router(tmp_path).route(request("ollama/m"), Timeouts(first_byte_s=7))
    assert isinstance(next(flow), Now)
    flow.close()


def test_the_route_opens_the_target(tmp_path: Path) -> None:
    from dragoman.flow.effects import Instant

    flow = router(tmp_path).route(request("ollama/m"), Timeouts(first_byte_s=7))
    next(flow)
    opened = flow.send(Instant(0.0, 0.0))
    assert isinstance(opened, Open)
    assert opened.timeouts.first_byte_s == 7
    flow.close()


# --- the form of an answer

FORMS: list[tuple[str | None, bool | None]] = [
    ("text/event-stream", True),
    ("text/event-stream; charset=utf-8", True),
    ("TEXT/EVENT-STREAM", True),
    ("application/x-ndjson", True),
    ("application/json", False),
    ("Application/JSON;charset=utf-8", False),
    ("text/plain", None),
    ("application/octet-stream", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("kind", "streamed"), FORMS)
def test_the_content_type_tells_the_form_and_without_one_the_asking_does(kind: str | None, streamed: bool | None) -> None:
    headers: Headers = () if kind is None else (("content-type", kind),)
    for asked in (True, False):
        assert is_streamed(headers, asked) is (asked if streamed is None else streamed)


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "image/png", "audio/mpeg", "video/mp4"])
def test_a_type_that_no_answer_has_is_a_bad_reply(kind: str) -> None:
    with pytest.raises(BadReply, match="JSON or an event stream is expected"):
        is_streamed((("content-type", kind),), True)


def test_azure_is_addressed_by_deployment_and_signed_in_its_own_field(tmp_path: Path) -> None:
    endpoint = router(tmp_path, {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k-1"})
    call = endpoint.target(request("azure/my-gpt")).call
    assert call.url == "https://mine.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert header(call.headers, "api-key") == "k-1"
    assert header(call.headers, "authorization") is None


def test_where_several_choices_are_asked_for_the_first_finish_reason_is_not_the_end(tmp_path: Path) -> None:
    said = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    for n, is_ending in ((None, True), (1, True), (2, False)):
        decoder = target(tmp_path, n=n, stream=True).decoder((("content-type", "text/event-stream"),))
        decoder.feed(said)
        assert decoder.ending is is_ending


@pytest.mark.parametrize(
    ("quirks", "words"),
    [
        ({"end_markr": "done"}, "unknown field 'end_markr'; did you mean 'end_marker'?"),
        ({"passing_faults": [{"pattern": "a", "eror": "b"}]}, "unknown field 'eror' in passing_faults; did you mean 'error'?"),
        ({"passing_faults": [{"pattern": "(", "error": "Overloaded"}]}, "pattern '(' is no regular expression"),
        ({"passing_faults": [{"pattern": "a", "error": "Zork"}]}, "error 'Zork' was given"),
    ],
)
def test_odd_quirks_are_refused_with_the_nearest_name(tmp_path: Path, quirks: dict[str, Any], words: str) -> None:
    there = router(tmp_path)
    row = msgspec.structs.replace(there.catalogue.provider("lockchat"), quirks=quirks)
    with pytest.raises(UsageError) as caught:
        there.endpoint(row)
    assert words in str(caught.value)


def test_a_login_in_a_base_url_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError, match="user or password") as caught:
        check_base_url("https://ann:hunter2@host.example/v1", "base_url")
    assert "hunter2" not in str(caught.value)
