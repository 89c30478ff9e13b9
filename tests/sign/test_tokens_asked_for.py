"""What is sent to get a token is what the vendors' documentation and their own libraries send; and every answer is understood."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import pytest
from google.oauth2 import _client as googles
from google.oauth2 import service_account as googles_account
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import AuthFailed, BadReply, DragomanError, RateLimited, ServerFault, UsageError
from dragoman.core.exchange import Call, Reply
from dragoman.core.token import Grant, Token
from dragoman.sign import azure, google, google_federation
from dragoman.sign.oauth import UNSAID_LIFETIME_S, grant, read_token
from tests.sign.keys import EMAIL, TOKEN_URI, authorized_user, service_account, text
from tests.sign.test_jwt import decoded

NOW_S = 1_800_000_000.0
ROBOT = google.read_account(service_account(), "file")
USER = google.read_account(authorized_user(), "file")
APPLICATION = azure.Application("tenant-1", "client-1", "very secret+/=")


def fields(told: Grant) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(told.call.body.decode(), strict_parsing=True).items()}


class Listening:
    """Google's library's idea of a network: keeps what is sent, and gives a token."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.data = b'{"access_token": "t", "expires_in": 3600}'

    def __call__(self, **told: Any) -> Listening:
        self.sent.append(told)
        return self


# --- Google


def test_a_service_account_asks_with_a_signed_claim_at_its_own_address() -> None:
    told = google.token_grant(ROBOT, google.SCOPE, NOW_S)
    assert (told.call.method, told.call.url) == ("POST", TOKEN_URI)
    assert fields(told)["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = json.loads(decoded(fields(told)["assertion"].split(".")[1]))
    assert claims == {"iss": EMAIL, "scope": google.SCOPE, "aud": TOKEN_URI, "iat": int(NOW_S), "exp": int(NOW_S) + 3600}


def test_a_service_account_claims_what_googles_own_library_claims() -> None:
    account = service_account(token_uri=google.TOKEN_URI)
    theirs: Any = googles_account.Credentials.from_service_account_info(account, scopes=[google.SCOPE])  # type: ignore[no-untyped-call]  # theirs has no types
    their_claims = json.loads(decoded(theirs._make_authorization_grant_assertion().decode().split(".")[1]))
    ours = fields(google.token_grant(google.read_account(account, "file"), google.SCOPE, their_claims["iat"]))
    assert json.loads(decoded(ours["assertion"].split(".")[1])) == their_claims
    listening = Listening()
    googles.jwt_grant(listening, google.TOKEN_URI, ours["assertion"])  # type: ignore[no-untyped-call]  # likewise
    assert parse_qs(listening.sent[0]["body"].decode()) == {name: [value] for name, value in ours.items()}
    assert listening.sent[0]["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_person_asks_with_the_refresh_token_as_googles_own_library_does() -> None:
    told = google.token_grant(USER, google.SCOPE, NOW_S)
    assert told.call.url == google.TOKEN_URI
    listening = Listening()
    googles.refresh_grant(listening, google.TOKEN_URI, "1//very-secret-refresh", "app.test", "very-secret-app")  # type: ignore[no-untyped-call]  # likewise
    assert parse_qs(listening.sent[0]["body"].decode()) == {name: [value] for name, value in fields(told).items()}


def test_a_persons_calls_say_which_project_pays_and_a_programs_do_not() -> None:
    call = Call("POST", "https://host/x")
    counted = google.with_token(call, "t", google_federation.quota_project(USER))
    assert counted.headers == (("x-goog-user-project", "billed-project"), ("authorization", "Bearer t"))
    assert google.with_token(call, "t", google_federation.quota_project(ROBOT)).headers == (("authorization", "Bearer t"),)
    assert (google.project(ROBOT), google.project(USER)) == ("a-project", "billed-project")


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_location_has_its_host(location: str, host: str) -> None:
    assert google.host(location) == host


BAD_ACCOUNTS: list[tuple[dict[str, Any] | str, str]] = [
    ("not json very-secret", "it is not a JSON object"),
    ("[1]", "it is not a JSON object"),
    ("[" * 100_000, "it is not a JSON object"),
    ({}, "an account of type None was found"),
    ({"type": "gdch"}, "service_account, authorized_user, external_account, impersonated_service_account are understood"),
    ({"type": "gdch"}, "CLOUDSDK_AUTH_ACCESS_TOKEN"),
    (service_account(private_key=None), "private_key: missing"),
    (service_account(private_key="", client_email=None), "client_email, private_key: missing"),
    (authorized_user(refresh_token=None), "refresh_token: missing"),
    ({**service_account(), "client_email": 5}, "client_email: int was found; a string is expected"),
]


@pytest.mark.parametrize(("told", "words"), BAD_ACCOUNTS)
def test_a_file_that_is_no_account_is_said_with_what_is_wrong(told: dict[str, Any] | str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        google.read_account(told, "account.json")
    assert caught.value.message.startswith("account.json: ")
    assert words in caught.value.message
    assert "very-secret" not in caught.value.message


def test_an_account_is_the_same_from_text_and_from_a_mapping() -> None:
    assert google.read_account(text(service_account()), "file") == ROBOT
    assert google.read_account(text(authorized_user()), "file") == USER


@pytest.mark.parametrize("uri", ["ftp://host/token", "/token", "https:///token", "token"])
def test_an_address_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="an address like https://host/path is expected"):
        google.token_grant(google.read_account(service_account(token_uri=uri), "file"), google.SCOPE, NOW_S)


# --- Azure


def test_an_application_asks_as_the_documentation_has_it() -> None:
    told = azure.token_grant(APPLICATION, azure.SCOPE, NOW_S)
    assert (told.call.method, told.call.url) == ("POST", "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token")
    assert fields(told) == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": "very secret+/=",
        "scope": "https://cognitiveservices.azure.com/.default",
    }


def test_a_tenant_cannot_change_the_address() -> None:
    told = azure.token_grant(azure.Application("../x?y", "c", "s", "http://here/"), azure.SCOPE, NOW_S)
    assert told.call.url == "http://here/..%2Fx%3Fy/oauth2/v2.0/token"


# --- secrets


def test_nothing_of_an_account_prints() -> None:
    for told in (ROBOT, USER, APPLICATION, Token("very-secret", 1.0), grant("https://h/t", {"client_secret": "very-secret"})):
        for shown in (repr(told), str(told), f"{[told]}"):
            assert "secret" not in shown
            assert "PRIVATE" not in shown


def test_a_grant_knows_what_of_it_is_secret_also_as_it_is_sent() -> None:
    assert azure.token_grant(APPLICATION, azure.SCOPE, NOW_S).secrets == ("very secret+/=", "very+secret%2B%2F%3D")
    assert set(google.token_grant(USER, google.SCOPE, NOW_S).secrets) >= {"very-secret-app", "1//very-secret-refresh"}
    told = google.token_grant(ROBOT, google.SCOPE, NOW_S)
    assert told.secrets == (fields(told)["assertion"],)


# --- answers


def answer(told: object, status: int = 200) -> Reply:
    return Reply(status, (("content-type", "application/json"),), json.dumps(told).encode())


@pytest.mark.parametrize("lifetime", [3599, 3599.0, "3599"])
def test_a_token_ends_when_the_answer_says(lifetime: object) -> None:
    assert read_token(answer({"access_token": "ya29.x", "expires_in": lifetime}), NOW_S) == Token("ya29.x", NOW_S + 3599)


def test_a_token_of_unsaid_life_is_short_lived_and_one_of_no_life_is_spent() -> None:
    assert read_token(answer({"access_token": "t"}), NOW_S).ends_epoch_s == NOW_S + UNSAID_LIFETIME_S
    assert read_token(answer({"access_token": "t", "expires_in": -5}), NOW_S).ends_epoch_s == NOW_S
    assert read_token(answer({"access_token": "t", "expires_in": 1e300}), NOW_S).ends_epoch_s < NOW_S + 1e9


FAULTS: list[tuple[Reply, type[DragomanError], str | None, str]] = [
    (answer({"error": "invalid_grant", "error_description": "Bad signature"}, 400), AuthFailed, "invalid_grant", "Bad signature"),
    (answer({"error": "invalid_client"}, 401), AuthFailed, "invalid_client", "invalid_client"),
    (answer({"error": {"status": "PERMISSION_DENIED", "message": "no", "code": 403}}, 403), AuthFailed, "PERMISSION_DENIED", "no"),
    (answer({"error": "internal_failure"}, 400), ServerFault, "internal_failure", "internal_failure"),
    (answer({}, 429), RateLimited, None, "nothing that says why"),
    (Reply(503, (), b"<html>"), ServerFault, None, "nothing that says why"),
    (Reply(302, (), b""), BadReply, None, "nothing that says why"),
    (answer({"token": "x"}), BadReply, None, "nothing that says why"),
    (answer({"access_token": 5}), BadReply, None, "nothing that says why"),
    (answer({"access_token": ""}), BadReply, None, "a token that no header can carry"),
    (answer({"access_token": "a\r\nx-evil: 1"}), BadReply, None, "a token that no header can carry"),
    (answer([1]), BadReply, None, "nothing that says why"),
]


@pytest.mark.parametrize(("reply", "kind", "code", "words"), FAULTS)
def test_an_answer_without_a_token_is_its_own_error(reply: Reply, kind: type[DragomanError], code: str | None, words: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read_token(reply, NOW_S)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (reply.status, code)
    assert words in caught.value.message


@given(st.integers(200, 599), st.binary(max_size=200) | st.sampled_from([b"[" * 50_000, b'{"expires_in":1e999,"access_token":"t"}']))
def test_no_bytes_bring_anything_but_a_token_or_an_error_of_ours(status: int, body: bytes) -> None:
    with suppress(DragomanError):
        assert isinstance(read_token(Reply(status, (), body), NOW_S), Token)
