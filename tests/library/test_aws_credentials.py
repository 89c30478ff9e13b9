"""Keys that AWS lends: dragoman signs with those that boto3 gets from the same files and variables, and says what it tried."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import botocore.credentials  # type: ignore[import-untyped]  # botocore has no types
import botocore.session  # type: ignore[import-untyped]  # likewise
import botocore.tokens  # type: ignore[import-untyped]  # likewise
import pytest

from dragoman import Client
from dragoman.client import ClientSettings
from dragoman.core.errors import AuthFailed, DragomanError, MissingKey, ServerFault, UsageError
from dragoman.core.token import Key
from dragoman.sign.aws_lent import sso_file
from tests.library.aws_cloud import AGENT_TOKEN, IDENTITY, REGION, RENEWAL, SSO_TOKEN, STANDING, Aws, serving
from tests.library.cloud import WORDS
from tests.library.test_cloud_credentials import Ask, blocking, both, wrote

MODEL = "bedrock/us.amazon.nova-lite-v1:0"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAONE", "AWS_SECRET_ACCESS_KEY": STANDING["AKIAONE"]}
KEPT = f"aws_access_key_id = AKIATWO\naws_secret_access_key = {STANDING['AKIATWO']}\n"
POD = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": AGENT_TOKEN}
SSO_SESSION = f"[sso-session corp]\nsso_region = {REGION}\nsso_start_url = https://corp.test/start\n"
SSO = "sso_account_id = 123\nsso_role_name = reader\n"


@pytest.fixture
def aws() -> Iterator[Aws]:
    with serving() as there:
        yield there


def surroundings(aws: Aws, home: Path, told: dict[str, str], config: str = "", credentials: str = "") -> dict[str, str]:
    """An environment that knows this AWS and what is ``told``; and the files of AWS's own tools, and a token beside them."""
    wrote(home / "token", IDENTITY)
    wrote(home / "agent-token", AGENT_TOKEN)
    told_keys = {"Version": 1, "AccessKeyId": "AKIAONE", "SecretAccessKey": STANDING["AKIAONE"], "Expiration": "2999-01-01T00:00:00Z"}
    wrote(home / "give.py", f"import sys\nassert sys.argv[1:] == ['--for', 'a b']\nprint({json.dumps(told_keys)!r})\n")
    wrote(home / ".aws" / "config", config.replace("{home}", str(home)).replace("{python}", sys.executable))
    wrote(home / ".aws" / "credentials", credentials)
    for name in ("corp", "https://corp.test/start"):
        token = {"accessToken": SSO_TOKEN, "expiresAt": "2999-01-01T00:00:00Z", "startUrl": name, "region": REGION}
        wrote(home / ".aws" / "sso" / "cache" / sso_file(name), json.dumps(token))
    named = {name: value.replace("{home}", str(home)).replace("{url}", aws.url) for name, value in told.items()}
    return {
        "HOME": str(home),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_STS": aws.url,
        "AWS_ENDPOINT_URL_SSO": aws.url,
        "AWS_ENDPOINT_URL_SSO_OIDC": aws.url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url,
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_BEDROCK_RUNTIME_ENDPOINT": aws.url,
        **named,
    }


def settings(environment: dict[str, str]) -> ClientSettings:
    return {"environment": environment, "trust_env": False, "max_retries": 0}


def botocores(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str | None]:
    """The access key and the session's token that botocore gets in this environment."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cache = str(Path(environment["HOME"], ".aws", "sso", "cache"))
    monkeypatch.setattr(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", cache)  # found when the module was loaded
    monkeypatch.setattr(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", cache)
    found = botocore.session.Session().get_credentials().get_frozen_credentials()
    return found.access_key, found.token


def role(source: str, name: str = "mine", arn: str = "arn:aws:iam::1:role/r", more: str = "") -> str:
    head = "[default]" if name == "default" else f"[profile {name}]"
    return f"{head}\nrole_arn = {arn}\n{source}\n{more}\n"


PLACES: dict[str, tuple[dict[str, str], str, str]] = {
    "a pod's identity": (POD, "", ""),
    "a pod's identity with a name": ({**POD, "AWS_ROLE_SESSION_NAME": "me"}, "", f"[default]\n{KEPT}"),
    "a pod's identity before a profile's keys": ({**POD, "AWS_PROFILE": "mine"}, "", f"[mine]\n{KEPT}"),
    "the environment's keys before a pod's identity": ({**POD, **KEYS}, "", ""),
    "a profile's identity": ({"AWS_PROFILE": "mine"}, role("web_identity_token_file = {home}/token"), ""),
    "a role of a profile's keys": (
        {"AWS_PROFILE": "mine"},
        role("source_profile = keys", more="external_id = e 1\nduration_seconds = 900\nrole_session_name = me"),
        f"[keys]\n{KEPT}",
    ),
    "a role of the default profile, before a pod's identity": (POD, role("source_profile = keys", "default"), f"[keys]\n{KEPT}"),
    "a role of its own keys": ({"AWS_PROFILE": "mine"}, role("source_profile = mine"), f"[mine]\n{KEPT}"),
    "a role of a profile's identity": (
        {"AWS_PROFILE": "mine"},
        role("source_profile = pod") + role("web_identity_token_file = {home}/token", "pod", "arn:aws:iam::1:role/pod"),
        "",
    ),
    "a role of a role": (
        {"AWS_PROFILE": "mine"},
        role("source_profile = next") + role("source_profile = keys", "next", "arn:aws:iam::2:role/next"),
        f"[keys]\n{KEPT}",
    ),
    "a role of keys that stand beside another role": (
        {"AWS_PROFILE": "mine"},
        role("source_profile = next") + role("source_profile = keys", "next", "arn:aws:iam::2:role/next", KEPT),
        "",
    ),
    "a role of the environment's keys": ({"AWS_PROFILE": "mine", **KEYS}, role("credential_source = Environment"), ""),
    "a role of the container": ({"AWS_PROFILE": "mine", **CONTAINER}, role("credential_source = EcsContainer"), ""),
    "a role of the machine": ({"AWS_PROFILE": "mine"}, role("credential_source = Ec2InstanceMetadata"), ""),
    "a role of single sign-on": (
        {"AWS_PROFILE": "mine"},
        role("source_profile = people") + f"[profile people]\nsso_session = corp\n{SSO}" + SSO_SESSION,
        "",
    ),
    "a container's agent": (CONTAINER, "", ""),
    "a container's agent by the token in a file": (
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/agent-token",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not-this-one",
        },
        "",
        "",
    ),
    "the default profile before a container's agent": (CONTAINER, "", f"[default]\n{KEPT}"),
    "a container's agent where the profile has no keys": ({**CONTAINER, "AWS_PROFILE": "mine"}, "[profile mine]\noutput = json\n", ""),
    "the machine": ({}, "", ""),
    "the machine where the profile has no keys": ({"AWS_PROFILE": "mine"}, "[profile mine]\noutput = json\n", ""),
    "single sign-on": ({"AWS_PROFILE": "mine"}, f"[profile mine]\nsso_session = corp\n{SSO}{SSO_SESSION}", ""),
    "single sign-on without a session": (
        {"AWS_PROFILE": "mine"},
        f"[profile mine]\nsso_start_url = https://corp.test/start\nsso_region = {REGION}\n{SSO}",
        "",
    ),
    "single sign-on before keys": ({"AWS_PROFILE": "mine"}, f"[profile mine]\nsso_session = corp\n{SSO}{SSO_SESSION}", f"[mine]\n{KEPT}"),
}
PROGRAM = "credential_process = {python} {home}/give.py --for 'a b'"
PLACES |= {
    "a program": ({"AWS_PROFILE": "mine"}, f"[profile mine]\n{PROGRAM}\n", ""),
    "a program of the default profile, before a container's agent": (CONTAINER, f"[default]\n{PROGRAM}\n", ""),
    "keys before a program": ({"AWS_PROFILE": "mine"}, f"[profile mine]\n{PROGRAM}\n", f"[mine]\n{KEPT}"),
    "a role of a program": ({"AWS_PROFILE": "mine"}, role("source_profile = p") + f"[profile p]\n{PROGRAM}\n", ""),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_keys_are_those_that_boto3_gets(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    environment = surroundings(aws, tmp_path, *PLACES[place])
    with Client(**settings(environment)) as client:
        assert client.complete(MODEL, "Hi").text == WORDS
    assert aws.signed_by == [botocores(environment, monkeypatch)]


@both
@pytest.mark.parametrize("place", ["a role of a profile's identity", "the machine", "a role of a program"])
def test_lent_keys_serve_the_library_and_the_loop_alike(aws: Aws, tmp_path: Path, ask: Ask, place: str) -> None:
    assert ask(settings(surroundings(aws, tmp_path, *PLACES[place])), MODEL) == WORDS


def test_a_profile_may_be_the_calls_own(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, KEYS, *PLACES["a role of a role"][1:])
    with Client(**settings(environment)) as client:
        client.complete(MODEL, "Hi", key={"profile": "mine"})
    assert aws.signed_by[0][0].startswith("ASIA")


ROLE: dict[str, dict[str, str]] = {
    "found keys": {"role_arn": "arn:aws:iam::1:role/r"},
    "own keys": {"role_arn": "arn:aws:iam::1:role/r", "access_key_id": "AKIATWO", "secret_access_key": STANDING["AKIATWO"]},
    "a profile": {"role_arn": "arn:aws:iam::1:role/r", "profile": "keys", "external_id": "e", "role_session_name": "me"},
    "an identity": {"role_arn": "arn:aws:iam::1:role/r", "web_identity_token_file": "{home}/token"},
}


@pytest.mark.parametrize("by", ROLE)
def test_a_role_may_be_the_calls_own(aws: Aws, tmp_path: Path, by: str) -> None:
    environment = surroundings(aws, tmp_path, KEYS, "", f"[keys]\n{KEPT}")
    given = {name: value.replace("{home}", str(tmp_path)) for name, value in ROLE[by].items()}
    with Client(**settings(environment)) as client:
        assert client.complete(MODEL, "Hi", key={**given, "region": REGION}).text == WORDS
    assert aws.wanted[0].form["RoleArn"] == "arn:aws:iam::1:role/r"
    assert aws.signed_by[0][1] is not None


# --- kept, shared, renewed


def test_lent_keys_are_kept_and_those_that_end_are_asked_for_again(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["a role of a profile's identity"])
    with Client(**settings(environment)) as client:
        for _ in range(3):
            client.complete(MODEL, "Hi")
        assert len(aws.wanted) == 2, "the identity's keys, and the role's"
    aws.lifetime_s = 0
    with Client(**settings(environment)) as client:
        for _ in range(2):
            client.complete(MODEL, "Hi")
    assert len(aws.wanted) == 6


def test_many_threads_ask_once(aws: Aws, tmp_path: Path) -> None:
    with Client(**settings(surroundings(aws, tmp_path, *PLACES["the machine"]))) as client, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.complete(MODEL, "Hi").text, range(16))) == {WORDS}
    assert [asked.method for asked in aws.wanted] == ["PUT", "GET", "GET"]


def test_a_token_that_others_write_anew_is_read_when_keys_are_asked_for(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, POD)
    wrote(tmp_path / "token", "an-older-token")
    with Client(**settings(environment)) as client:
        with pytest.raises(AuthFailed):
            client.complete(MODEL, "Hi")
        wrote(tmp_path / "token", f"{IDENTITY}\n")
        assert client.complete(MODEL, "Hi").text == WORDS


def test_a_passing_fault_of_who_lends_is_tried_again(aws: Aws, tmp_path: Path) -> None:
    aws.failing = [(503, b"")]
    environment = surroundings(aws, tmp_path, POD)
    with Client(environment=environment, trust_env=False, max_retries=1) as client:
        assert client.complete(MODEL, "Hi").text == WORDS


# --- what goes wrong


def fails(aws: Aws, home: Path, told: dict[str, str], config: str = "", credentials: str = "", key: Key | None = None) -> DragomanError:
    with Client(**settings(surroundings(aws, home, told, config, credentials))) as client:
        with pytest.raises(DragomanError) as caught:
            client.complete(MODEL, "Hi", key=key)
        return caught.value


@both
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/nowhere/give", "the program '/nowhere/give' cannot be run: No such file"),
        ("'", 'the program "\'" cannot be run: it is no command'),
        ("{python} -c 'import sys; sys.exit(\"no  keys\\ntoday\")'", "ended with status 1: no keys today"),
        ("{python} -c 'raise SystemExit(3)'", "ended with status 3: it does not say why"),
        ("{python} -c 'print(\"very-secret\")'", "its credential_process gave no keys: JSON with Version 1"),
        ("{python} -c 'print(\"{{}}\")'", "its credential_process gave no keys: JSON with Version 1"),
    ],
)
def test_a_program_that_gives_no_keys_is_said_and_what_it_printed_is_not(
    aws: Aws, tmp_path: Path, ask: Ask, command: str, words: str
) -> None:
    environment = surroundings(aws, tmp_path, {"AWS_PROFILE": "mine"}, f"[profile mine]\ncredential_process = {command}\n")
    with pytest.raises(DragomanError) as caught:
        ask(settings(environment), MODEL)
    assert words in caught.value.message
    assert "very" not in f"{caught.value} {caught.value.body}"


def test_a_machine_without_a_role_is_said_with_every_other_way(aws: Aws, tmp_path: Path) -> None:
    aws.has_role = False
    error = fails(aws, tmp_path, {})
    assert isinstance(error, MissingKey)
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in error.message
    assert f"asked last was the metadata of the machine, {aws.url}: " in error.message
    assert "no role is attached to it" in error.message


def test_where_no_machine_answers_that_is_said(aws: Aws, tmp_path: Path) -> None:
    error = fails(aws, tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"})
    assert isinstance(error, MissingKey)
    assert "asked last was the metadata of the machine, http://127.0.0.1:1: " in error.message


def test_a_machine_that_may_not_be_asked_is_not(aws: Aws, tmp_path: Path) -> None:
    assert isinstance(fails(aws, tmp_path, {"AWS_EC2_METADATA_DISABLED": "TRUE"}), MissingKey)
    assert aws.asked == []


@pytest.mark.parametrize(
    "place", ["a pod's identity", "a profile's identity", "a role of a profile's keys", "single sign-on", "a container's agent"]
)
def test_who_refuses_is_named_and_nothing_secret_is_shown(aws: Aws, tmp_path: Path, place: str) -> None:
    for body in (
        b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>very.secret.identity</Message></Error></ErrorResponse>",
        b"\xff{",
    ):
        aws.failing = [(403, body)]
        error = fails(aws, tmp_path, *PLACES[place])
        assert isinstance(error, AuthFailed)
        assert "gave no keys: " in error.message
        assert any(word in error.message for word in ("role/", "container's credentials at", "single sign-on"))
        assert "very" not in f"{error} {error.body!r}" or place in ("single sign-on", "a container's agent", "a role of a profile's keys")


@pytest.mark.parametrize("place", ["a pod's identity", "the machine", "a container's agent", "single sign-on"])
@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 5000, b"<a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_an_answer_that_holds_no_keys_is_an_error(aws: Aws, tmp_path: Path, place: str, body: bytes) -> None:
    aws.failing = [(200, body)] * 3
    error = fails(aws, tmp_path, *PLACES[place])
    assert isinstance(error, MissingKey if place == "the machine" else DragomanError)
    assert "gave no keys" in error.message


def test_a_fault_of_the_machine_is_no_lack_of_keys(aws: Aws, tmp_path: Path) -> None:
    aws.failing = [(500, b"")]
    assert isinstance(fails(aws, tmp_path, {}), ServerFault)


@pytest.mark.parametrize("ends", ["2020-01-01T00:00:00Z", None])
def test_a_sign_on_that_has_ended_is_said_with_the_command_that_renews_it(aws: Aws, tmp_path: Path, ends: str | None) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["single sign-on"])
    path = tmp_path / ".aws" / "sso" / "cache" / sso_file("corp")
    path.unlink()
    if ends:
        wrote(path, json.dumps({"accessToken": SSO_TOKEN, "expiresAt": ends}))
    with Client(**settings(environment)) as client, pytest.raises(MissingKey, match="run: aws sso login --profile mine"):
        client.complete(MODEL, "Hi")
    assert aws.asked == []


def ended(home: Path, **changes: str | None) -> Path:
    """The token of somebody who signed on an hour ago, and which may be renewed."""
    told = {
        "startUrl": "https://corp.test/start",
        "region": REGION,
        "accessToken": "very-secret-old-token",
        "expiresAt": "2020-01-01T00:00:00Z",
        "clientId": RENEWAL[0],
        "clientSecret": RENEWAL[1],
        "registrationExpiresAt": "2999-01-01T00:00:00Z",
        "refreshToken": RENEWAL[2],
    }
    kept = {name: value for name, value in {**told, **changes}.items() if value is not None}
    return wrote(home / ".aws" / "sso" / "cache" / sso_file("corp"), json.dumps(kept))


def test_the_token_of_single_sign_on_is_renewed_and_kept_as_boto3_does(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["single sign-on"])
    kept = []
    for ask in (lambda: blocking(settings(environment), MODEL), lambda: botocores(environment, monkeypatch)):
        path = ended(tmp_path)
        asked = ask()
        kept.append(json.loads(path.read_text()))
        ends = datetime.fromisoformat(kept[-1].pop("expiresAt"))
        assert 0 < (ends - datetime.now(UTC)).total_seconds() <= aws.lifetime_s
    assert aws.signed_by == [asked]
    assert kept[0] == kept[1]
    assert kept[0]["refreshToken"] == "very-secret-next"


def test_what_is_renewed_is_for_its_owner_alone_and_renewed_once(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["single sign-on"])
    path = ended(tmp_path)
    with Client(**settings(environment)) as client, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.complete(MODEL, "Hi").text, range(16))) == {WORDS}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(path.name)] == [path.name]
    assert [asked.path for asked in aws.wanted] == ["/token", "/federation/credentials?role_name=reader&account_id=123"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"refreshToken": "very-secret-spent"}, "has ended, and the token of single sign-on was not renewed: invalid_grant"),
        ({"refreshToken": None}, "has ended; run: aws sso login --profile mine"),
        ({"registrationExpiresAt": "2020-01-01T00:00:00Z"}, "has ended; run: aws sso login --profile mine"),
    ],
)
def test_a_token_that_is_not_renewed_is_said_with_the_command(aws: Aws, tmp_path: Path, changes: dict[str, str | None], words: str) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["single sign-on"])
    before = ended(tmp_path, **changes).read_text()
    with Client(**settings(environment)) as client, pytest.raises(MissingKey) as caught:
        client.complete(MODEL, "Hi")
    assert words in caught.value.message
    assert "aws sso login --profile mine" in caught.value.message
    assert "very" not in caught.value.message
    assert ended(tmp_path, **changes).read_text() == before


def test_a_token_that_is_refused_is_forgotten_so_that_signing_on_again_helps(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, *PLACES["single sign-on"])
    ended(tmp_path, accessToken="very-secret-other", expiresAt="2999-01-01T00:00:00Z")
    with Client(**settings(environment)) as client:
        with pytest.raises(AuthFailed, match="single sign-on, gave no keys: Session token not found or invalid"):
            client.complete(MODEL, "Hi")
        ended(tmp_path, accessToken=SSO_TOKEN, expiresAt="2999-01-01T00:00:00Z")
        assert client.complete(MODEL, "Hi").text == WORDS


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "x"}, "", ""),
    "/nowhere: cannot be read": ({**POD, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"}, "", ""),
    "it is empty; a token is expected": ({**POD, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/.aws/credentials"}, "", ""),
    "the host 'evil.test' was found": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.test/x"}, "", ""),
    "the host '10.0.0.1' was found": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/x"}, "", ""),
    "needs either source_profile or credential_source": ({"AWS_PROFILE": "mine"}, role(""), ""),
    "or credential_source": ({"AWS_PROFILE": "mine"}, role("source_profile = a\ncredential_source = Environment"), ""),
    "credential_source 'Moon' was found; Environment, EcsContainer": ({"AWS_PROFILE": "mine"}, role("credential_source = Moon"), ""),
    "credential_source EcsContainer gives no keys here": ({"AWS_PROFILE": "mine"}, role("credential_source = EcsContainer"), ""),
    "the AWS profile 'none' is neither in": ({"AWS_PROFILE": "mine"}, role("source_profile = none"), ""),
    "source_profile of 'mine', holds no keys": ({"AWS_PROFILE": "mine"}, role("source_profile = e") + "[profile e]\nregion = x\n", ""),
    "in a circle": ({"AWS_PROFILE": "mine"}, role("source_profile = b") + role("source_profile = mine", "b"), ""),
    "name one another": ({"AWS_PROFILE": "mine"}, role("source_profile = mine"), ""),
    "has web_identity_token_file, but not role_arn": ({"AWS_PROFILE": "mine"}, "[profile mine]\nweb_identity_token_file = x\n", ""),
    "(sso_session 'no') is for single sign-on and lacks sso_start_url, sso_region": (
        {"AWS_PROFILE": "mine"},
        f"[profile mine]\nsso_session = no\n{SSO}",
        "",
    ),
    "a device of many factors": ({"AWS_PROFILE": "mine"}, role("source_profile = keys\nmfa_serial = x"), f"[keys]\n{KEPT}"),
    "aws configure export-credentials --profile mine": ({"AWS_PROFILE": "mine"}, "[profile mine]\nlogin_session = x\n", ""),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_and_nobody_is_asked(aws: Aws, tmp_path: Path, words: str) -> None:
    error = fails(aws, tmp_path, *WRONG[words])
    assert isinstance(error, UsageError)
    assert words in error.message
    assert aws.asked == []


def test_a_profile_of_ones_own_without_keys_is_not_made_up_for_by_the_machine(aws: Aws, tmp_path: Path) -> None:
    error = fails(aws, tmp_path, {}, "[profile mine]\nregion = x\n", key={"profile": "mine"})
    assert "the AWS profile 'mine' holds no keys" in error.message
    assert aws.asked == []


def test_without_a_region_the_machine_is_not_asked(aws: Aws, tmp_path: Path) -> None:
    environment = surroundings(aws, tmp_path, {})
    del environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]
    with Client(**settings(environment)) as client, pytest.raises(MissingKey, match="the role of a machine of AWS, with AWS_REGION"):
        client.complete(MODEL, "Hi")
    assert aws.asked == []
