"""What is asked of those who lend keys and tokens, and what is made of their answers: any bytes at all are keys, or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import AuthFailed, BadReply, DragomanError, RateLimited, ServerFault, UsageError
from dragoman.core.exchange import Call, Reply, Timeouts
from dragoman.core.token import Grant, Token
from dragoman.sign import aws_lent, aws_sts, azure_machine, google_federation, google_machine
from dragoman.sign.aws_lent import LentKeys
from dragoman.sign.google_machine import MachineToken
from dragoman.sign.oauth import read_token, timestamp
from dragoman.sign.sigv4 import Credentials

NOW_S = 1_800_000_000.0
ENDS = "2027-01-15T09:00:00Z"
ENDS_S = 1_800_003_600.0
KEYS = Credentials("AKIA", "very-secret")
LENT = LentKeys(Credentials("ASIA", "very-secret", "very-secret-session"), ENDS_S)
SAID = {"AccessKeyId": "ASIA", "SecretAccessKey": "very-secret", "Expiration": ENDS}
STS = (
    '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><Arn>arn:x</Arn>'
    "</AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>very-secret</SecretAccessKey>"
    f"<SessionToken> very-secret-session\n</SessionToken><Expiration>{ENDS}</Expiration></Credentials>"
    "</AssumeRoleResult></AssumeRoleResponse>"
)
EXTERNAL = google_federation.read_account(
    {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "credential_source": {"url": "https://h/t", "headers": {"X-A": "very-secret-pass"}},
    },
    "file",
)
assert isinstance(EXTERNAL, google_federation.ExternalAccount)

READERS: list[Callable[[Reply, float], object]] = [
    partial(aws_lent.read_keys, source="here"),
    partial(aws_lent.read_role_keys, source="here"),
    partial(aws_lent.read_line_of, source="here"),
    partial(aws_sts.read_lent, source="here"),
    partial(google_federation.read_subject, account=EXTERNAL),
    google_federation.read_impersonated,
    google_machine.read_project,
    google_machine.read_machine_token,
    read_token,
]
BODIES = st.binary(max_size=200) | st.sampled_from(
    [b"[" * 50_000, b"<a" * 5000, STS.encode(), json.dumps(SAID).encode(), json.dumps({**SAID, "Expiration": "9" * 5000}).encode()]
)


@given(st.sampled_from(READERS), st.sampled_from([200, 200, 204, 302, 400, 403, 404, 429, 500]), BODIES)
def test_no_bytes_bring_anything_but_what_is_lent_or_an_error_of_ours(
    read: Callable[[Reply, float], object], status: int, body: bytes
) -> None:
    with suppress(DragomanError):
        assert isinstance(read(Reply(status, (("metadata-flavor", "Google"),), body), NOW_S), (LentKeys, Token, str))


@given(st.binary(max_size=200))
def test_whatever_a_program_prints_is_keys_or_an_error_that_shows_nothing_of_it(body: bytes) -> None:
    with suppress(DragomanError):
        assert isinstance(aws_lent.read_printed(body, "here"), LentKeys)


# --- AWS


def test_keys_are_read_from_agents_machines_programs_sign_on_and_the_token_service() -> None:
    agent = Reply(200, (), json.dumps({**SAID, "Token": "very-secret-session", "RoleArn": "arn:x"}).encode())
    assert aws_lent.read_keys(agent, NOW_S, "here") == LENT
    printed = json.dumps({"Version": 1, **SAID, "SessionToken": "very-secret-session"}).encode()
    assert aws_lent.read_printed(printed, "here") == LENT
    role = {"accessKeyId": "ASIA", "secretAccessKey": "very-secret", "sessionToken": "very-secret-session", "expiration": ENDS_S * 1000}
    assert aws_lent.read_role_keys(Reply(200, (), json.dumps({"roleCredentials": role}).encode()), NOW_S, "here") == LENT
    assert aws_sts.read_lent(Reply(200, (), STS.encode()), NOW_S, "here") == LENT


def test_keys_that_a_program_prints_without_an_end_do_not_end() -> None:
    printed = json.dumps({"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "very-secret"}).encode()
    assert aws_lent.read_printed(printed, "here") == LentKeys(KEYS, float("inf"))


def test_what_is_lent_does_not_print_and_knows_its_secrets() -> None:
    machine = MachineToken(Token("very-secret", ENDS_S), "p")
    for lent in (LENT, machine, EXTERNAL, aws_lent.sso_grant("https://h", "very-secret", "r", "1", NOW_S)):
        assert "secret" not in repr(lent)
    assert LENT.secrets == ("very-secret", "very-secret-session")
    assert LentKeys(KEYS).secrets == ("very-secret",)
    assert (machine.secrets, machine.ends_epoch_s) == (("very-secret",), ENDS_S)


FAULTS: list[tuple[int, bytes, type[DragomanError], str]] = [
    (403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>", AuthFailed, "AccessDenied: no"),
    (400, b"<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>", ServerFault, "IDPCommunicationError"),
    (400, b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", RateLimited, "Throttling"),
    (503, b"", ServerFault, "it answered with status 503 and does not say why"),
    (200, b"<a>", BadReply, "does not say why"),
    (200, STS.replace(ENDS, "tomorrow").encode(), BadReply, "an end of 'tomorrow' was found"),
    (200, b'<!DOCTYPE a [<!ENTITY b "c">]>' + STS.encode(), BadReply, "does not say why"),
]


@pytest.mark.parametrize(("status", "body", "kind", "words"), FAULTS)
def test_a_refusal_of_the_token_service_is_its_own_error(status: int, body: bytes, kind: type[DragomanError], words: str) -> None:
    with pytest.raises(kind) as caught:
        aws_sts.read_lent(Reply(status, (), body), NOW_S, "here")
    assert caught.value.message.startswith("here")
    assert words in caught.value.message


def test_a_role_is_asked_for_at_the_service_of_its_region() -> None:
    assert aws_sts.endpoint("eu-west-1") == "https://sts.eu-west-1.amazonaws.com"
    assert aws_sts.endpoint("cn-north-1") == "https://sts.cn-north-1.amazonaws.com.cn"
    told = aws_sts.role_grant("https://sts.test", aws_sts.Role("arn:r", None, "e&x", 900), KEYS, "eu-west-1", NOW_S)
    form = {name: values[0] for name, values in parse_qs(told.call.body.decode()).items()}
    assert form == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": "arn:r",
        "RoleSessionName": "dragoman-1800000000",
        "DurationSeconds": "900",
        "ExternalId": "e&x",
    }
    assert told.secrets == ("very-secret",)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2027-01-15T08:00:00Z", NOW_S),
        ("2027-01-15T08:00:00UTC", NOW_S),
        ("2027-01-15T08:00:00", NOW_S),
        ("2027-01-15T09:00:00+01:00", NOW_S),
        ("2027-01-15T08:00:00.123456Z", NOW_S + 0.123456),
    ],
)
def test_times_are_read_as_they_are_written_here_and_there(told: str, expected: float) -> None:
    assert timestamp(told, "here") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("full", "fits"),
    [
        ("https://agent.test/x", True),
        ("http://169.254.170.23/v1/credentials", True),
        ("http://[fd00:ec2::23]/v1/credentials", True),
        ("http://127.0.0.9:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost:1/x", True),
        ("http://169.254.169.254/x", False),
        ("http://localhost.evil.test/x", False),
        ("http://127.0.0.1.evil.test/x", False),
        ("ftp://127.0.0.1/x", False),
        ("x", False),
    ],
)
def test_a_containers_keys_are_asked_for_in_the_clear_of_nobody_but_its_agent(full: str, fits: bool) -> None:
    if fits:
        assert aws_lent.container_url(None, full) == full
    else:
        with pytest.raises(UsageError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            aws_lent.container_url(None, full)


def test_an_agent_may_be_named_by_its_path() -> None:
    assert aws_lent.container_url("/v2/credentials/x", "http://ignored.test") == "http://169.254.170.2/v2/credentials/x"
    assert aws_lent.container_url(None, None) is None
    with pytest.raises(UsageError, match="no header can carry"):
        aws_lent.container_grant("http://169.254.170.2/x", "a\r\nb: c", NOW_S)


def test_a_machine_may_be_asked_elsewhere() -> None:
    assert aws_lent.machine_url(None, None) == "http://169.254.169.254"
    assert aws_lent.machine_url(None, "IPv6") == "http://[fd00:ec2::254]"
    assert aws_lent.machine_url("http://here/", "ipv6") == "http://here"


# --- Google and Azure


def test_a_call_that_waits_for_its_project_gets_the_machines() -> None:
    waiting = Call("POST", f"https://h/v1/projects/{google_machine.PROJECT}/locations/global/x")
    assert google_machine.in_project(waiting, "p").url == "https://h/v1/projects/p/locations/global/x"
    assert google_machine.in_project(Call("POST", "https://h/v1/projects/own/x"), "p").url == "https://h/v1/projects/own/x"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "é", "a?b"])
def test_a_project_that_no_address_can_hold_is_none(name: str) -> None:
    with pytest.raises(BadReply, match="told no project"):
        google_machine.read_project(Reply(200, (("metadata-flavor", "Google"),), name.encode()), NOW_S)


def test_azures_machine_is_asked_as_its_documentation_has_it() -> None:
    there = azure_machine.machine(None)
    told = azure_machine.token_grant(there, "https://cognitiveservices.azure.com/.default", "client 1", NOW_S)
    assert told == Grant(
        Call(
            "GET",
            "http://169.254.169.254/metadata/identity/oauth2/token"
            "?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=client+1",
            (("metadata", "true"),),
        ),
        (),
    )
    assert azure_machine.place({"AZURE_CLIENT_ID": "c"}) is None


@pytest.mark.parametrize(
    ("told", "ends_s"),
    [
        ({"expires_on": "1800003600"}, ENDS_S),
        ({"expires_on": 1800003600}, ENDS_S),
        ({"expires_in": "60", "expires_on": "1800003600"}, NOW_S + 60),
        ({"expires_on": "06/20/2019 02:57:58 +00:00"}, NOW_S + 300),
    ],
)
def test_a_token_of_azure_may_say_when_it_ends_and_not_how_long_it_holds(told: dict[str, object], ends_s: float) -> None:
    reply = Reply(200, (), json.dumps({"access_token": "t", **told}).encode())
    assert read_token(reply, NOW_S).ends_epoch_s == ends_s


# --- time


def test_short_waits_are_no_longer_than_the_callers_own() -> None:
    short = Timeouts(connect_s=5, first_byte_s=0.5, between_bytes_s=None, total_s=60).each_at_most(2.0, 1.0)
    assert short == Timeouts(connect_s=1.0, first_byte_s=0.5, between_bytes_s=2.0, total_s=60)
    assert Timeouts().each_at_most(3.0).connect_s == 3.0
