"""Google's tokens by another's word, as another account and of the machine: those that Google's own library gets from the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import google.auth.aws
import google.auth.compute_engine._metadata as their_metadata
import google.auth.iam
import pytest
from google.auth import identity_pool, impersonated_credentials
from google.auth.transport.requests import Request

from dragoman import Client
from dragoman.client import ClientSettings
from dragoman.core.errors import AuthFailed, DragomanError, MissingKey, ServerFault, UsageError
from dragoman.sign.google import SCOPE
from tests.library.aws_cloud import REGION, STANDING, Aws
from tests.library.aws_cloud import serving as lending
from tests.library.cloud import WORDS
from tests.library.google_cloud import AWS_TYPE, PROJECT, SUBJECT, Google, serving
from tests.library.test_cloud_credentials import Ask, both, wrote
from tests.sign.keys import authorized_user

MODEL = "vertex/gemini-2.5-flash"
AUDIENCE = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/kubernetes"
WORKFORCE = "//iam.googleapis.com/locations/global/workforcePools/people/providers/office"
ROBOT = "robot@p.iam.gserviceaccount.com"


@pytest.fixture
def cloud() -> Iterator[Google]:
    with serving() as there:
        yield there


def external(cloud: Google, home: Path, **changes: Any) -> dict[str, Any]:
    """The file of a workload that stands for itself by a token in a file."""
    wrote(home / "subject", SUBJECT)
    wrote(home / "subject.json", json.dumps({"jwt": SUBJECT}))
    told = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.url}/sts",
        "credential_source": {"file": str(home / "subject")},
        "universe_domain": "googleapis.com",
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def acting(cloud: Google) -> str:
    return f"{cloud.url}/v1/projects/-/serviceAccounts/{ROBOT}:generateAccessToken"


def of_field(home: Path) -> dict[str, Any]:
    return {"file": str(home / "subject.json"), "format": {"type": "json", "subject_token_field_name": "jwt"}}


def at_address(cloud: Google) -> dict[str, Any]:
    form = {"type": "json", "subject_token_field_name": "jwt"}
    return {"url": f"{cloud.url}/subject", "headers": {"X-Pass": "very-secret-pass"}, "format": form}


def accounts(cloud: Google, home: Path) -> dict[str, dict[str, Any]]:
    person = authorized_user(token_uri=f"{cloud.url}/person", quota_project_id=None)
    return {
        "file": external(cloud, home),
        "field": external(cloud, home, credential_source=of_field(home)),
        "address": external(cloud, home, credential_source=at_address(cloud)),
        "acting": external(cloud, home, service_account_impersonation_url=acting(cloud)),
        "acting shortly": external(
            cloud,
            home,
            service_account_impersonation_url=acting(cloud),
            service_account_impersonation={"token_lifetime_seconds": 900},
        ),
        "client": external(cloud, home, client_id="app", client_secret="very-secret-app"),
        "workforce": external(cloud, home, audience=WORKFORCE, workforce_pool_user_project="p 1"),
        "impersonated": {
            "type": "impersonated_service_account",
            "source_credentials": person,
            "service_account_impersonation_url": acting(cloud),
            "delegates": ["one@p.iam.gserviceaccount.com"],
        },
    }


KINDS = ["file", "field", "address", "acting", "acting shortly", "client", "workforce", "impersonated"]


def settings(cloud: Google, home: Path, told: dict[str, str]) -> ClientSettings:
    environment = {"HOME": str(home), "VERTEX_BASE_URL": cloud.url, "GOOGLE_CLOUD_PROJECT": "p", **told}
    return {"environment": environment, "trust_env": False, "max_retries": 0}


def named(home: Path, account: dict[str, Any]) -> dict[str, str]:
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(wrote(home / "account.json", json.dumps(account)))}


def googles(account: dict[str, Any]) -> Any:
    """The account as Google's own library has it."""
    if account["type"] == "external_account":
        return identity_pool.Credentials.from_info(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # theirs has no types
    acting = impersonated_credentials.Credentials
    made = acting.from_impersonated_service_account_info(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # likewise
    made._source_credentials._token_uri = account["source_credentials"]["token_uri"]  # it knows but one address for people
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_is_the_one_that_googles_library_gets(cloud: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    account = accounts(cloud, tmp_path)[kind]
    with Client(**settings(cloud, tmp_path, named(tmp_path, account))) as client:
        assert client.complete(MODEL, "Hi").text == WORDS
    endpoint = f"{cloud.url}/v1/projects/-/serviceAccounts/{{}}:generateAccessToken"
    monkeypatch.setattr(google.auth.iam, "_IAM_ENDPOINT", endpoint)  # where it asks is no part of an account's file
    theirs = googles(account)
    theirs.refresh(Request())
    assert cloud.used == [theirs.token]


def of_aws(cloud: Google, home: Path, aws: Aws) -> dict[str, Any]:
    """The file of a workload that is known by its keys of AWS."""
    source = {
        "environment_id": "aws1",
        "region_url": f"{aws.url}/latest/meta-data/placement/availability-zone",
        "url": f"{aws.url}/latest/meta-data/iam/security-credentials",
        "imdsv2_session_token_url": f"{aws.url}/latest/api/token",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }
    return external(cloud, home, subject_token_type=AWS_TYPE, credential_source=source)


KEYS_OF_AWS = {"AWS_ACCESS_KEY_ID": "AKIAONE", "AWS_SECRET_ACCESS_KEY": STANDING["AKIAONE"], "AWS_REGION": REGION}


@pytest.mark.parametrize("told", [KEYS_OF_AWS, {}], ids=["keys", "a machine"])
def test_the_token_for_keys_of_aws_is_the_one_that_googles_library_gets(
    cloud: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with lending() as aws:
        cloud.keys_of_aws = aws.secrets
        account = of_aws(cloud, tmp_path, aws)
        here = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url, **told}
        with Client(**settings(cloud, tmp_path, {**here, **named(tmp_path, account)})) as client:
            assert client.complete(MODEL, "Hi").text == WORDS
        theirs: Any = google.auth.aws.Credentials.from_info(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # theirs has no types
        theirs.refresh(Request())
    assert cloud.used == [theirs.token]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": REGION}, "needs credentials"),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, "needs credentials"),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}, "asked last was the metadata of the machine, http://127.0.0.1:1: "),
    ],
)
def test_who_has_no_keys_of_aws_is_told_so(cloud: Google, tmp_path: Path, told: dict[str, str], words: str) -> None:
    with lending() as aws:
        error = fails(cloud, tmp_path, {**told, **named(tmp_path, of_aws(cloud, tmp_path, aws))})
    assert isinstance(error, MissingKey)
    assert words in error.message


@both
@pytest.mark.parametrize("kind", ["acting", "impersonated"])
def test_accounts_serve_the_library_and_the_loop_alike(cloud: Google, tmp_path: Path, ask: Ask, kind: str) -> None:
    assert ask(settings(cloud, tmp_path, named(tmp_path, accounts(cloud, tmp_path)[kind])), MODEL) == WORDS


def test_the_machines_token_is_the_one_that_googles_library_gets(cloud: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = cloud.url.removeprefix("http://")
    with Client(**settings(cloud, tmp_path, {"GCE_METADATA_HOST": host})) as client:
        assert client.complete(MODEL, "Hi").text == WORDS
    monkeypatch.setattr(their_metadata, "_GCE_METADATA_HOST", host)  # read when the module was loaded
    token, _ = their_metadata.get_service_account_token(Request(), scopes=[SCOPE])  # type: ignore[no-untyped-call]  # theirs has no types
    assert cloud.used == [token]


def test_calls_go_to_the_project_that_the_machine_tells_where_no_other_is_named(cloud: Google, tmp_path: Path) -> None:
    row = (
        '[providers.here]\ndialect = "gemini"\nbase_url = "http://{VERTEX_HOST}"\n[providers.here.auth]\nplace = "google"\n'
        f'base_url = "{cloud.url}/v1/projects/{{VERTEXAI_PROJECT|GOOGLE_CLOUD_PROJECT}}/locations/{{GOOGLE_CLOUD_LOCATION}}"\n'
    )
    wrote(tmp_path / "dragoman" / "providers.toml", row)
    told = {"GCE_METADATA_HOST": cloud.url.removeprefix("http://"), "DRAGOMAN_HOME": str(tmp_path / "dragoman")}
    for project, expected in (("", PROJECT), ("mine", "mine")):
        with Client(**settings(cloud, tmp_path, {**told, "GOOGLE_CLOUD_PROJECT": project})) as client:
            client.complete("here/gemini-2.5-flash", "Hi")
        assert cloud.calls[-1].path == f"/v1/projects/{expected}/locations/global/models/gemini-2.5-flash:generateContent"


def test_an_external_accounts_calls_go_to_the_project_of_its_pool(cloud: Google, tmp_path: Path) -> None:
    told = named(tmp_path, external(cloud, tmp_path))
    with Client(environment={"HOME": str(tmp_path), **told}, trust_env=False) as client:
        place = client.router.place(client.router.catalogue.provider("vertex"), None, None)
    assert place.endpoint.base_url == "https://aiplatform.googleapis.com/v1/projects/123/locations/global/publishers/google"


# --- kept, shared, renewed


def test_a_token_is_asked_for_once_by_many_and_again_when_it_ends(cloud: Google, tmp_path: Path) -> None:
    told = named(tmp_path, accounts(cloud, tmp_path)["impersonated"])
    with Client(**settings(cloud, tmp_path, told)) as client, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.complete(MODEL, "Hi").text, range(16))) == {WORDS}
    assert len(cloud.wanted) == 2
    cloud.lifetime_s = 0
    with Client(**settings(cloud, tmp_path, told)) as client:
        for _ in range(2):
            client.complete(MODEL, "Hi")
    assert len(cloud.wanted) == 6


def test_a_token_that_others_write_anew_is_read_when_another_is_asked_for(cloud: Google, tmp_path: Path) -> None:
    told = named(tmp_path, external(cloud, tmp_path))
    wrote(tmp_path / "subject", "an-older-token")
    with Client(**settings(cloud, tmp_path, told)) as client:
        with pytest.raises(AuthFailed):
            client.complete(MODEL, "Hi")
        wrote(tmp_path / "subject", SUBJECT)
        assert client.complete(MODEL, "Hi").text == WORDS


# --- what goes wrong


def fails(cloud: Google, home: Path, told: dict[str, str]) -> DragomanError:
    with Client(**settings(cloud, home, told)) as client:
        with pytest.raises(DragomanError) as caught:
            client.complete(MODEL, "Hi")
        return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_who_refuses_is_said_and_nothing_secret_is_shown(cloud: Google, tmp_path: Path, kind: str) -> None:
    cloud.failing = [(403, f'{{"error":"no","error_description":"{SUBJECT} very-secret-pass"}}'.encode())]
    error = fails(cloud, tmp_path, named(tmp_path, accounts(cloud, tmp_path)[kind]))
    assert isinstance(error, AuthFailed)
    assert "no: " in error.message
    if kind not in ("address", "impersonated"):  # these are asked with another secret, which stands there as well
        assert SUBJECT not in f"{error} {error.body}"
    if kind == "address":
        assert "very-secret-pass" not in f"{error} {error.body}"


def test_the_token_that_may_act_is_not_shown_by_who_refuses_it(cloud: Google, tmp_path: Path) -> None:
    told = named(tmp_path, accounts(cloud, tmp_path)["acting"])
    with Client(**settings(cloud, tmp_path, told)) as client:
        client.complete(MODEL, "Hi")
    by = cloud.wanted[-1].headers["authorization"].removeprefix("Bearer ")
    cloud.failing = [(200, json.dumps({"access_token": by, "expires_in": 9}).encode()), (403, f'{{"error":"{by}"}}'.encode())]
    error = fails(cloud, tmp_path, told)
    assert isinstance(error, AuthFailed)
    assert "the service account's token was not given" in error.message
    assert by not in f"{error} {error.body} {error.code}"


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 5000, b'{"accessToken":"t","expireTime":"soon"}', b'{"access_token":5}'])
@pytest.mark.parametrize("kind", ["file", "address", "acting", "impersonated"])
def test_an_answer_without_a_token_is_an_error(cloud: Google, tmp_path: Path, kind: str, body: bytes) -> None:
    cloud.failing = [(200, body)]
    assert isinstance(fails(cloud, tmp_path, named(tmp_path, accounts(cloud, tmp_path)[kind])), DragomanError)
    assert cloud.calls == []


@pytest.mark.parametrize(
    ("is_google", "has_account", "words"),
    [(False, True, "something else than Google's metadata server answers there"), (True, False, "the machine has no account")],
)
def test_a_machine_without_an_account_is_said_with_every_other_way(
    cloud: Google, tmp_path: Path, is_google: bool, has_account: bool, words: str
) -> None:
    cloud.is_google, cloud.has_account = is_google, has_account
    error = fails(cloud, tmp_path, {"GCE_METADATA_HOST": cloud.url.removeprefix("http://")})
    assert isinstance(error, MissingKey)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.message
    assert f"asked last was the metadata server, {cloud.url}/computeMetadata/v1: " in error.message
    assert words in error.message


def test_a_fault_of_the_metadata_server_is_no_lack_of_an_account(cloud: Google, tmp_path: Path) -> None:
    cloud.failing = [(503, b"")]
    assert isinstance(fails(cloud, tmp_path, {"GCE_METADATA_HOST": cloud.url.removeprefix("http://")}), ServerFault)


def test_where_the_user_forbids_it_no_machine_is_asked(cloud: Google, tmp_path: Path) -> None:
    error = fails(cloud, tmp_path, {"GCE_METADATA_HOST": cloud.url.removeprefix("http://"), "NO_GCE_CHECK": "true"})
    assert isinstance(error, MissingKey)
    assert cloud.asked == []


def test_what_is_named_goes_before_the_machine(cloud: Google, tmp_path: Path) -> None:
    host = {"GCE_METADATA_HOST": cloud.url.removeprefix("http://")}
    with Client(**settings(cloud, tmp_path, {**host, **named(tmp_path, external(cloud, tmp_path))})) as client:
        client.complete(MODEL, "Hi")
    assert cloud.used[0].startswith("token-exchanged-")


def test_what_is_wrong_in_a_file_is_said_and_nobody_is_asked(cloud: Google, tmp_path: Path) -> None:
    good = external(cloud, tmp_path)
    form = {"format": {"type": "json"}}
    wrong: list[tuple[dict[str, Any], str]] = [
        (external(cloud, tmp_path, audience=None), "missing required field `audience`"),
        (external(cloud, tmp_path, audience=5), "Expected `str`, got `int` - at `$.audience`"),
        (
            external(cloud, tmp_path, credential_source={"executable": {"command": "x"}}),
            "a file, a url or AWS is understood, and neither a program",
        ),
        (external(cloud, tmp_path, credential_source={"environment_id": "aws2"}), "Invalid enum value 'aws2'"),
        (external(cloud, tmp_path, credential_source={"file": "a", "url": "b"}), "a file, a url or AWS is understood"),
        (external(cloud, tmp_path, credential_source={"file": "a", **form}), "subject_token_field_name: missing"),
        (external(cloud, tmp_path, credential_source={"file": "/nowhere/token"}), "/nowhere/token: cannot be read"),
        (external(cloud, tmp_path, credential_source={"url": "ftp://h"}), "credential_source.url: 'ftp://h' was found"),
        (external(cloud, tmp_path, token_url="x"), "token address: 'x' was found"),
        ({"type": "impersonated_service_account", "source_credentials": {"type": "user"}}, "missing required field"),
        (
            {
                "type": "impersonated_service_account",
                "source_credentials": {"type": "user"},
                "service_account_impersonation_url": acting(cloud),
            },
            "GOOGLE_APPLICATION_CREDENTIALS: source_credentials: an account of type 'user' was found",
        ),
    ]
    for account, words in wrong:
        error = fails(cloud, tmp_path, named(tmp_path, account))
        assert isinstance(error, UsageError)
        assert words in error.message, error.message
    wrote(tmp_path / "subject", " ")
    assert "it holds no token" in fails(cloud, tmp_path, named(tmp_path, good)).message
    of_a_field = named(tmp_path, external(cloud, tmp_path, credential_source=of_field(tmp_path)))
    for content in ('{"jwt": 5}', "{}", "[1]"):
        wrote(tmp_path / "subject.json", content)
        assert isinstance(fails(cloud, tmp_path, of_a_field), UsageError)
    assert cloud.asked == []
