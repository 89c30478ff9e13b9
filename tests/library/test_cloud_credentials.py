"""Calls with the credentials of a cloud, from where they are found to the service that checks them; sync and async alike."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client, Response
from dragoman.client import ClientSettings
from dragoman.core.errors import AuthFailed, Cancelled, DragomanError, MissingKey, ServerFault, UsageError
from dragoman.core.exchange import Timeouts, header
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.core.token import Key
from dragoman.credentials import Access
from dragoman.drivers import AsyncDriver, Driver
from dragoman.flow.attempt import Target
from dragoman.flow.effects import Flow, Gate, Wait
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.router import Router
from dragoman.settings import Surroundings
from dragoman.transport.replay import AsyncReplayTransport, ReplayTransport
from tests.library.cloud import ACCESS, SECRET, SESSION, WORDS, Cloud, serving
from tests.sign.keys import authorized_user, service_account, text

MODELS = {"bedrock": "bedrock/us.amazon.nova-lite-v1:0", "vertex": "vertex/gemini-2.5-flash", "azure": "azure/my-deployment"}
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
APPLICATION = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1", "AZURE_CLIENT_SECRET": "very secret+/="}
SECRETS = (SECRET, SESSION, "very-secret", "very secret", "very+secret", "PRIVATE KEY", "token-", "own-token")

Ask = Callable[..., str]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with serving() as there:
        yield there


def blocking(settings: ClientSettings, model: str, **options: Any) -> str:
    with Client(**settings) as client:
        response: Response = client.complete(model, "Hi", **options)
        return response.text


def on_a_loop(settings: ClientSettings, model: str, **options: Any) -> str:
    async def ask() -> str:
        async with AsyncClient(**settings) as client:
            response: Response = await client.complete(model, "Hi", **options)
            return response.text

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [blocking, on_a_loop])


def around(cloud: Cloud, home: Path, *told: dict[str, str], **more: Any) -> ClientSettings:
    """A client's settings whose environment names the cloud and what is ``told``, and nothing else."""
    environment = {
        "HOME": str(home),
        "DRAGOMAN_HOME": str(home / "dragoman"),
        "AWS_BEDROCK_RUNTIME_ENDPOINT": cloud.url,
        "VERTEX_BASE_URL": cloud.url,
        "AZURE_API_BASE": cloud.url,
        "AZURE_AUTHORITY_HOST": cloud.url,
    }
    for one in told:
        environment |= one
    made: ClientSettings = {"environment": environment, "trust_env": False, "max_retries": 0, **more}  # type: ignore[typeddict-item]  # each is one by its name
    return made


def robot(cloud: Cloud, home: Path, **changes: str) -> dict[str, str]:
    """A service account's file, and the variable that names it."""
    path = home / "robot.json"
    path.write_text(text(service_account(token_uri=f"{cloud.url}/token", **changes)))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}


def wrote(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


# --- AWS


@both
@pytest.mark.parametrize("session", [{}, {"AWS_SESSION_TOKEN": SESSION}])
def test_keys_of_the_environment_sign_what_the_service_gets(cloud: Cloud, tmp_path: Path, ask: Ask, session: dict[str, str]) -> None:
    settings = around(cloud, tmp_path, KEYS, session, {"AWS_REGION": cloud.region})
    assert ask(settings, MODELS["bedrock"]) == WORDS
    assert cloud.authorized[0].startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS}/")


@both
@pytest.mark.parametrize(
    "key",
    [
        f"{ACCESS}:{SECRET}",
        f"{ACCESS}:{SECRET}:{SESSION}",
        {"access_key_id": ACCESS, "secret_access_key": SECRET},
        {"access_key_id": ACCESS, "secret_access_key": SECRET, "session_token": SESSION, "region": "eu-west-3"},
    ],
)
def test_keys_may_be_the_calls_or_the_clients(cloud: Cloud, tmp_path: Path, ask: Ask, key: Key) -> None:
    region = {"AWS_REGION_NAME": cloud.region}
    assert ask(around(cloud, tmp_path, region), MODELS["bedrock"], key=key) == WORDS
    assert ask(around(cloud, tmp_path, region, keys={"bedrock": key}), MODELS["bedrock"]) == WORDS


@both
def test_the_keys_of_a_profile_sign(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    content = f"[mine]\naws_access_key_id={ACCESS}\naws_secret_access_key={SECRET}\naws_session_token={SESSION}\n"
    wrote(tmp_path / ".aws" / "credentials", content)
    wrote(tmp_path / ".aws" / "config", f"[profile mine]\nregion = {cloud.region}\n")
    assert ask(around(cloud, tmp_path, {"AWS_PROFILE": "mine"}), MODELS["bedrock"]) == WORDS
    assert ask(around(cloud, tmp_path), MODELS["bedrock"], key={"profile": "mine"}) == WORDS


def test_the_default_profile_is_the_last_resort_and_files_that_change_are_read_again(cloud: Cloud, tmp_path: Path) -> None:
    path = wrote(tmp_path / "keys", "[default]\naws_access_key_id = AKIAOLD\naws_secret_access_key = old\n")
    settings = around(cloud, tmp_path, {"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_DEFAULT_REGION": cloud.region})
    with Client(**settings) as client:
        with pytest.raises(DragomanError):
            client.complete(MODELS["bedrock"], "Hi")
        path.write_text(f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
        assert client.complete(MODELS["bedrock"], "Hi").text == WORDS


@both
def test_a_key_of_bedrocks_own_is_a_bearer_token(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    assert ask(around(cloud, tmp_path, {"AWS_BEARER_TOKEN_BEDROCK": "plain-key", **KEYS}), MODELS["bedrock"]) == WORDS
    assert ask(around(cloud, tmp_path), MODELS["bedrock"], key="plain-key") == WORDS
    assert cloud.authorized == ["Bearer plain-key"] * 2


def test_a_stream_is_signed_as_well(cloud: Cloud, tmp_path: Path) -> None:
    with Client(**around(cloud, tmp_path, KEYS, {"AWS_REGION": cloud.region})) as client:
        assert "".join(event.text for event in client.stream(MODELS["bedrock"], "Hi")) == WORDS
    assert cloud.calls[0].path.endswith("converse-stream")
    assert cloud.authorized[0].startswith("AWS4-HMAC-SHA256")


def test_each_try_is_signed_anew(cloud: Cloud, tmp_path: Path) -> None:
    cloud.failing = [(503, b"{}")]
    with Client(**around(cloud, tmp_path, KEYS, {"AWS_REGION": cloud.region}, max_retries=1)) as client:
        assert client.complete(MODELS["bedrock"], "Hi").text == WORDS
    assert len(cloud.calls) == 2
    assert all(asked.headers["authorization"].startswith("AWS4-HMAC-SHA256") for asked in cloud.calls)


# --- Google


@both
def test_a_service_account_gets_a_token_and_calls_with_it(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    assert ask(around(cloud, tmp_path, robot(cloud, tmp_path)), MODELS["vertex"]) == WORDS
    assert len(cloud.grants) == 1
    assert cloud.authorized == ["Bearer token-1"]


@both
def test_an_account_may_be_json_in_the_environment_or_the_key(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    told = service_account(token_uri=f"{cloud.url}/token")
    assert ask(around(cloud, tmp_path, {"VERTEXAI_CREDENTIALS": text(told)}), MODELS["vertex"]) == WORDS
    path = wrote(tmp_path / "other.json", text(told))
    for key in (told, {"credentials": text(told)}, {"credentials": str(path), "location": "us"}):
        assert ask(around(cloud, tmp_path), MODELS["vertex"], key=key) == WORDS
        assert ask(around(cloud, tmp_path, keys={"vertex": key}), MODELS["vertex"]) == WORDS


@both
def test_a_person_who_logged_in_with_gcloud_is_found(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    wrote(path, text(authorized_user(token_uri=f"{cloud.url}/token")))
    assert ask(around(cloud, tmp_path), MODELS["vertex"]) == WORDS
    assert cloud.calls[0].headers["x-goog-user-project"] == "billed-project"
    assert cloud.authorized == ["Bearer token-1"]


def test_a_plain_key_is_the_express_one_and_goes_before_a_login_without_a_project(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    wrote(path, text(authorized_user(token_uri=f"{cloud.url}/token")))
    express = {"VERTEX_API_KEY": "plain-key"}
    assert blocking(around(cloud, tmp_path, express), MODELS["vertex"]) == WORDS
    assert cloud.calls[0].headers["x-goog-api-key"] == "plain-key"
    assert blocking(around(cloud, tmp_path, express, {"GOOGLE_CLOUD_PROJECT": "p"}), MODELS["vertex"]) == WORDS
    assert cloud.calls[1].headers["authorization"] == "Bearer token-1"


@both
@pytest.mark.parametrize("model", [MODELS["vertex"], MODELS["azure"], MODELS["bedrock"]])
def test_a_token_of_ones_own_is_taken_as_it_is(cloud: Cloud, tmp_path: Path, ask: Ask, model: str) -> None:
    assert ask(around(cloud, tmp_path), model, key={"token": "own-token"}) == WORDS
    assert (cloud.authorized, cloud.grants) == (["Bearer own-token"], [])


def test_a_token_of_gclouds_variable_is_taken(cloud: Cloud, tmp_path: Path) -> None:
    assert blocking(around(cloud, tmp_path, {"CLOUDSDK_AUTH_ACCESS_TOKEN": "own-token"}), MODELS["vertex"]) == WORDS
    assert cloud.authorized == ["Bearer own-token"]


# --- Azure


@both
def test_azure_takes_a_key_a_token_and_an_application(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    assert ask(around(cloud, tmp_path, {"AZURE_API_KEY": "plain-key", **APPLICATION}), MODELS["azure"]) == WORDS
    assert cloud.calls[-1].headers["api-key"] == "plain-key"
    assert ask(around(cloud, tmp_path, {"AZURE_AD_TOKEN": "own-token", **APPLICATION}), MODELS["azure"]) == WORDS
    assert cloud.calls[-1].headers["authorization"] == "Bearer own-token"
    assert ask(around(cloud, tmp_path, APPLICATION), MODELS["azure"]) == WORDS
    assert cloud.calls[-1].headers["authorization"] == "Bearer token-1"
    assert cloud.grants[0].path == "/tenant-1/oauth2/v2.0/token"
    assert cloud.grants[0].form["scope"] == "https://cognitiveservices.azure.com/.default"


@both
def test_an_application_may_be_the_key_and_its_scope_another_clouds(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    key = {"tenant_id": "t", "client_id": "c", "client_secret": "very secret+/="}
    assert ask(around(cloud, tmp_path, {"AZURE_SCOPE": "https://other/.default"}), MODELS["azure"], key=key) == WORDS
    assert cloud.grants[0].form["scope"] == "https://other/.default"


# --- one token for many


@pytest.mark.parametrize("provider", ["vertex", "azure"])
def test_fifty_threads_fetch_one_token(cloud: Cloud, tmp_path: Path, provider: str) -> None:
    together = threading.Barrier(50)
    with Client(**around(cloud, tmp_path, robot(cloud, tmp_path), APPLICATION)) as client, ThreadPoolExecutor(50) as pool:

        def ask(_: int) -> str:
            together.wait(20)
            return client.complete(MODELS[provider], "Hi").text

        assert set(pool.map(ask, range(50))) == {WORDS}
    assert len(cloud.grants) == 1
    assert cloud.authorized == ["Bearer token-1"] * 50


@pytest.mark.parametrize("provider", ["vertex", "azure"])
def test_fifty_tasks_fetch_one_token(cloud: Cloud, tmp_path: Path, provider: str) -> None:
    async def ask() -> list[str]:
        async with AsyncClient(**around(cloud, tmp_path, robot(cloud, tmp_path), APPLICATION)) as client:
            answers = await asyncio.gather(*(client.complete(MODELS[provider], "Hi") for _ in range(50)))
            return [one.text for one in answers]

    assert set(asyncio.run(ask())) == {WORDS}
    assert len(cloud.grants) == 1
    assert cloud.authorized == ["Bearer token-1"] * 50


def test_when_the_task_that_fetches_is_cancelled_the_others_go_on(cloud: Cloud, tmp_path: Path) -> None:
    async def ask() -> set[str]:
        async with AsyncClient(**around(cloud, tmp_path, robot(cloud, tmp_path))) as client:
            tasks = [asyncio.create_task(_text(client)) for _ in range(5)]
            await asyncio.sleep(0)  # each has begun; the first has entered its fetch
            tasks[0].cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(done[0], asyncio.CancelledError)
            return {str(one) for one in done[1:]}

    assert asyncio.run(ask()) == {WORDS}


async def _text(client: AsyncClient) -> str:
    return (await client.complete(MODELS["vertex"], "Hi")).text


def test_a_kept_token_serves_later_calls_and_a_spent_one_does_not(cloud: Cloud, tmp_path: Path) -> None:
    with Client(**around(cloud, tmp_path, robot(cloud, tmp_path))) as client:
        for _ in range(3):
            client.complete(MODELS["vertex"], "Hi")
    assert len(cloud.grants) == 1
    cloud.lifetime_s = 0
    with Client(**around(cloud, tmp_path, robot(cloud, tmp_path))) as client:
        for _ in range(2):
            client.complete(MODELS["vertex"], "Hi")
    assert len(cloud.grants) == 3


@both
def test_a_token_that_is_refused_is_fetched_anew_once(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    settings = around(cloud, tmp_path, APPLICATION)
    with Client(**settings) as client:
        client.complete(MODELS["azure"], "Hi")
        cloud.refused.add("token-1")
        assert client.complete(MODELS["azure"], "Hi").text == WORDS
        assert (len(cloud.grants), len(cloud.calls)) == (2, 3)
        cloud.refused |= {"token-2", "token-3"}
        with pytest.raises(AuthFailed) as caught:
            client.complete(MODELS["azure"], "Hi")
    assert len(cloud.grants) == 3
    assert "token-" not in f"{caught.value} {caught.value.body}"


# --- secrets


@both
@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("bedrock", {**KEYS, "AWS_SESSION_TOKEN": SESSION, "AWS_REGION": "eu-west-3"}),
        ("azure", APPLICATION),
        ("azure", {"AZURE_AD_TOKEN": "own-token"}),
        ("vertex", {"CLOUDSDK_AUTH_ACCESS_TOKEN": "own-token"}),
    ],
)
def test_a_service_that_repeats_secrets_makes_no_error_that_shows_them(
    cloud: Cloud, tmp_path: Path, ask: Ask, provider: str, told: dict[str, str]
) -> None:
    echo = f'{{"error":{{"message":"{SECRET} {SESSION} very secret+/= very+secret%2B%2F%3D own-token token-1"}}}}'.encode()
    if told is APPLICATION:
        cloud.failing = [(200, b'{"access_token":"token-1","expires_in":9}')]
    cloud.failing.append((500, echo))
    with pytest.raises(ServerFault) as caught:
        ask(around(cloud, tmp_path, told), MODELS[provider])
    used = (
        ("token-1",) if told is APPLICATION else [value for name, value in told.items() if name not in ("AWS_ACCESS_KEY_ID", "AWS_REGION")]
    )
    for secret in used:
        assert secret in echo.decode()
        assert secret not in f"{caught.value} {caught.value.body} {caught.value!r}"


@both
def test_a_token_endpoint_that_repeats_what_it_was_sent_makes_no_error_that_shows_it(cloud: Cloud, tmp_path: Path, ask: Ask) -> None:
    wrong = {**APPLICATION, "AZURE_CLIENT_SECRET": "very secret+/=x"}
    with pytest.raises(AuthFailed) as caught:
        ask(around(cloud, tmp_path, wrong), MODELS["azure"])
    assert caught.value.message.startswith("the token endpoint gave no token: invalid_client")
    assert (caught.value.provider, caught.value.model, caught.value.status) == ("azure", "my-deployment", 401)
    for secret in SECRETS:
        assert secret not in f"{caught.value} {caught.value.body}"


# --- where calls go


def router(home: Path, *told: dict[str, str]) -> Router:
    environment = {"HOME": str(home)}
    for one in told:
        environment |= one
    surroundings = Surroundings(environment, home)
    return Router(surroundings, surroundings.catalogue(), {}, {}, RetryPolicy(), RetryBudget())


def target(home: Path, model: str, *told: dict[str, str], key: Key | None = None) -> Target:
    return router(home, *told).target(Request(model=model, messages=(Message("user", (Text(text="Hi"),)),)), key)


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({}, "https://aiplatform.googleapis.com/v1/projects/a-project/locations/global/"),
        (
            {"VERTEXAI_LOCATION": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/a-project/locations/europe-west4/",
        ),
        ({"GOOGLE_CLOUD_LOCATION": "global"}, "https://aiplatform.googleapis.com/v1/projects/a-project/locations/global/"),
        ({"GOOGLE_CLOUD_PROJECT": "p2"}, "https://aiplatform.googleapis.com/v1/projects/p2/locations/global/"),
        (
            {"GOOGLE_CLOUD_PROJECT": "p2", "VERTEXAI_PROJECT": "p3", "VERTEXAI_LOCATION": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p3/locations/eu/",
        ),
    ],
)
def test_vertex_is_called_at_its_project_and_location(tmp_path: Path, told: dict[str, str], address: str) -> None:
    there = target(tmp_path, MODELS["vertex"], {"VERTEXAI_CREDENTIALS": text(service_account())}, told)
    assert there.call.url == f"{address}publishers/google/models/gemini-2.5-flash:generateContent"
    assert there.signer is not None


def test_with_an_express_key_vertex_needs_no_project(tmp_path: Path) -> None:
    there = target(tmp_path, MODELS["vertex"], {"VERTEX_API_KEY": "plain-key"})
    assert there.call.url == "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert header(there.call.headers, "x-goog-api-key") == "plain-key"
    assert there.signer is None


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION"])
def test_bedrock_is_called_in_its_region(tmp_path: Path, variable: str) -> None:
    for told in (KEYS, {"AWS_BEARER_TOKEN_BEDROCK": "plain-key"}):
        there = target(tmp_path, MODELS["bedrock"], told, {variable: "ap-south-1"})
        assert there.call.url.startswith("https://bedrock-runtime.ap-south-1.amazonaws.com/")


def test_the_region_of_a_profile_is_good_for_keys_from_elsewhere_too(tmp_path: Path) -> None:
    wrote(tmp_path / ".aws" / "config", "[default]\nregion = sa-east-1\n")
    for told in (KEYS, {"AWS_BEARER_TOKEN_BEDROCK": "plain-key"}):
        assert target(tmp_path, MODELS["bedrock"], told).call.url.startswith("https://bedrock-runtime.sa-east-1.amazonaws.com/")


def test_a_region_that_is_given_wins(tmp_path: Path) -> None:
    key = {"access_key_id": ACCESS, "secret_access_key": SECRET, "region": "us-west-2"}
    there = target(tmp_path, MODELS["bedrock"], {"AWS_REGION": "ap-south-1"}, key=key)
    assert there.call.url.startswith("https://bedrock-runtime.us-west-2.amazonaws.com/")


def test_a_place_alone_is_for_the_credentials_that_are_found(tmp_path: Path) -> None:
    there = target(tmp_path, MODELS["bedrock"], {**KEYS, "AWS_REGION": "ap-south-1"}, key={"region": "us-west-2"})
    assert there.call.url.startswith("https://bedrock-runtime.us-west-2.amazonaws.com/")
    named = {"VERTEXAI_CREDENTIALS": text(service_account()), "GOOGLE_CLOUD_LOCATION": "us"}
    there = target(tmp_path, MODELS["vertex"], named, key={"project": "p2", "location": "eu"})
    assert there.call.url.startswith("https://aiplatform.eu.rep.googleapis.com/v1/projects/p2/locations/eu/")
    assert there.signer is not None


def test_a_key_in_the_key_file_is_taken_for_what_it_is(tmp_path: Path) -> None:
    lines = f'bedrock = "{ACCESS}:{SECRET}"\nazure = "plain-key"\nvertex = """{text(authorized_user())}"""\n'
    wrote(tmp_path / "keys.toml", lines)
    assert target(tmp_path, MODELS["bedrock"], {"AWS_REGION": "eu-west-3"}).signer is not None
    assert target(tmp_path, MODELS["vertex"]).call.url.startswith("https://aiplatform.googleapis.com/v1/projects/billed-project/")
    there = target(tmp_path, MODELS["azure"], {"AZURE_API_BASE": "https://mine.openai.azure.com"})
    assert header(there.call.headers, "api-key") == "plain-key"


# --- what is missing or wrong


def test_a_key_that_is_a_text_opens_no_file(tmp_path: Path) -> None:
    path = wrote(tmp_path / "robot.json", text(service_account()))
    there = target(tmp_path, MODELS["vertex"], key=str(path))
    assert (there.signer, header(there.call.headers, "x-goog-api-key")) == (None, str(path))


def test_nothing_found_is_said_with_every_way(tmp_path: Path) -> None:
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
    for provider, variables in {
        "bedrock": ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "key=…"),
        "vertex": ("VERTEX_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS", "gcloud auth application-default login"),
        "azure": ("AZURE_API_KEY", "AZURE_AD_TOKEN", "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    }.items():
        with pytest.raises(MissingKey) as caught:
            target(tmp_path, MODELS[provider], nobody)
        assert all(variable in caught.value.message for variable in variables), caught.value.message


WRONG: list[tuple[str, dict[str, str], Key | None, type[UsageError], str]] = [
    ("bedrock", {"AWS_ACCESS_KEY_ID": ACCESS}, None, MissingKey, "AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY"),
    ("bedrock", {"AWS_SECRET_ACCESS_KEY": SECRET}, None, MissingKey, "AWS_SECRET_ACCESS_KEY is set, but not AWS_ACCESS_KEY_ID"),
    ("bedrock", KEYS, None, UsageError, "a region is needed; set AWS_REGION, AWS_REGION_NAME or AWS_DEFAULT_REGION"),
    ("bedrock", {}, "plain-key", UsageError, "its address needs AWS_REGION or AWS_REGION_NAME or AWS_DEFAULT_REGION"),
    ("bedrock", {"AWS_PROFILE": "none"}, None, MissingKey, "the AWS profile 'none' is neither in"),
    ("bedrock", {}, "a:b:c:very-secret", UsageError, "ACCESS:SECRET or ACCESS:SECRET:SESSION"),
    ("bedrock", {}, {"access_key_id": ACCESS}, UsageError, "secret_access_key: missing"),
    ("bedrock", {}, {"acces_key_id": ACCESS}, UsageError, "did you mean 'access_key_id'"),
    ("bedrock", {}, {"token": "very secret"}, UsageError, "characters that no key has"),
    ("vertex", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/robot.json"}, None, UsageError, "/nowhere/robot.json: cannot be read"),
    ("vertex", {"VERTEXAI_CREDENTIALS": "{very-secret"}, None, UsageError, "VERTEXAI_CREDENTIALS: it is not a JSON object"),
    ("vertex", {}, '{"type": "service_account", "very-secret": 1}', UsageError, "characters that no key has"),
    ("vertex", {}, {"type": "gdch_service_account"}, UsageError, "an account of type 'gdch_service_account'"),
    ("vertex", {}, {"type": "external_account"}, UsageError, "missing required field `audience`"),
    ("vertex", {"NO_GCE_CHECK": "true"}, {"project": "p"}, MissingKey, "GOOGLE_APPLICATION_CREDENTIALS"),
    ("bedrock", {"AWS_EC2_METADATA_DISABLED": "true"}, {"region": "r"}, MissingKey, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ("bedrock", KEYS, {"external_id": "e", "region": "r"}, UsageError, "role_arn: missing"),
    ("vertex", {}, {"token": "t"}, UsageError, "its address needs VERTEXAI_PROJECT or GOOGLE_CLOUD_PROJECT"),
    ("azure", {"AZURE_CLIENT_SECRET": "very-secret"}, None, MissingKey, "but not AZURE_TENANT_ID and AZURE_CLIENT_ID"),
    ("azure", {}, {"client_id": "c"}, UsageError, "tenant_id and client_secret: missing"),
    ("azure", {}, {"client_secret": ""}, UsageError, "each part of a key is a string, and not empty"),
    ("openai", {}, {"token": "very-secret"}, UsageError, "dict was given; a string is expected"),
    ("openai", {}, '{"very-secret": 1}', UsageError, "characters that no key has"),
]


@pytest.mark.parametrize(("provider", "told", "key", "kind", "words"), WRONG)
def test_what_is_wrong_is_said_before_anything_is_sent(
    tmp_path: Path, provider: str, told: dict[str, str], key: Key | None, kind: type[UsageError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        target(tmp_path, MODELS.get(provider, "openai/gpt-4.1"), told, key=key)
    assert words in caught.value.message
    assert "very" not in caught.value.message
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("role_arn = arn:aws:iam::1:role/r\nsource_profile = mine\naws_access_key_id = a\nmfa_serial = x", "a device of many factors"),
        ("login_session = mine", "a login"),
        ("region = eu-west-1", "holds no keys"),
    ],
)
def test_a_profile_whose_keys_are_elsewhere_is_said_with_what_to_do(tmp_path: Path, section: str, words: str) -> None:
    wrote(tmp_path / ".aws" / "config", f"[profile mine]\n{section}\n")
    told = {"AWS_PROFILE": "mine", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}
    with pytest.raises(UsageError) as caught:
        target(tmp_path, MODELS["bedrock"], told)
    assert words in caught.value.message
    assert "aws configure export-credentials --profile mine" in caught.value.message or words == "holds no keys"


def test_a_row_that_signs_for_no_service_is_named(tmp_path: Path) -> None:
    row = '[providers.mine]\ndialect = "openai_chat"\nbase_url = "https://mine"\n[providers.mine.auth]\nplace = "sigv4"\n'
    wrote(tmp_path / "providers.toml", row)
    with pytest.raises(UsageError, match=r"auth\.service: it is missing"):
        target(tmp_path, "mine/m", KEYS, {"AWS_REGION": "eu-west-1"})


def test_a_cloud_that_needs_no_credentials_is_called_without(tmp_path: Path) -> None:
    row = (
        '[providers.mine]\ndialect = "openai_chat"\nbase_url = "https://mine"\n[providers.mine.auth]\nplace = "google"\nrequired = false\n'
    )
    wrote(tmp_path / "providers.toml", row)
    there = target(tmp_path, "mine/m")
    assert (there.signer, header(there.call.headers, "authorization")) == (None, None)


def test_what_grants_access_prints_no_secret(tmp_path: Path) -> None:
    there = router(tmp_path, KEYS, {"AWS_REGION": "eu-west-3"})
    access = there.access(there.catalogue.provider("bedrock"))
    assert isinstance(access, Access)
    assert repr(access) == "Access('AWS_ACCESS_KEY_ID', …)"


# --- waiting at a gate, by both drivers


def waiting(gate: Gate, timeout_s: float | None = None) -> Flow[None]:
    yield Wait(gate, timeout_s)


def test_a_thread_at_a_gate_goes_on_when_another_opens_it() -> None:
    gate, done = Gate(), threading.Event()

    def go() -> None:
        assert Driver(waiting(gate), ReplayTransport([])).batch() == []
        done.set()

    thread = threading.Thread(target=go)
    thread.start()
    gate.open()
    assert done.wait(10)
    thread.join()


def test_a_task_at_a_gate_goes_on_when_another_thread_opens_it() -> None:
    gate = Gate()

    async def go() -> list[object]:
        task = asyncio.create_task(AsyncDriver(waiting(gate), AsyncReplayTransport([])).batch())
        await asyncio.sleep(0)
        thread = threading.Thread(target=gate.open)
        thread.start()
        told = await asyncio.wait_for(task, 10)
        thread.join()
        return list(told)

    assert asyncio.run(go()) == []


def test_a_gate_that_stays_closed_holds_no_longer_than_allowed() -> None:
    assert Driver(waiting(Gate(), 0.01), ReplayTransport([])).batch() == []
    assert asyncio.run(AsyncDriver(waiting(Gate(), 0.01), AsyncReplayTransport([])).batch()) == []


def test_closing_ends_a_wait_at_a_gate() -> None:
    gate = Gate()
    driver = Driver(waiting(gate), ReplayTransport([]))
    gate.when_open(lambda: None)
    caught: list[BaseException] = []

    def go() -> None:
        try:
            driver.batch()
        except Cancelled as error:
            caught.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    driver.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_a_gate_opened_after_its_loop_has_ended_is_no_fault() -> None:
    gate = Gate()
    asyncio.run(AsyncDriver(waiting(gate, 0.01), AsyncReplayTransport([])).batch())
    gate.open()


def test_time_allowed_is_for_the_token_and_the_call_together(cloud: Cloud, tmp_path: Path) -> None:
    with Client(**around(cloud, tmp_path, APPLICATION, timeout=Timeouts(total_s=30))) as client:
        assert client.complete(MODELS["azure"], "Hi").text == WORDS
