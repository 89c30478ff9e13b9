"""Signed tokens are what Google's own library makes of the same claims, and a public key finds them good."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat
from google.auth import jwt as googles
from google.auth.crypt import RSASigner

from dragoman.core.errors import UsageError
from dragoman.sign.jwt import assertion
from tests.sign.keys import EMAIL, TOKEN_URI, elliptic_pem, pem, private_key

NOW_S = 1_800_000_000.75
CLAIMS = {"iss": EMAIL, "scope": "https://www.googleapis.com/auth/cloud-platform", "aud": TOKEN_URI}


def decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def test_the_segments_say_what_was_claimed_and_when() -> None:
    head, body, _ = assertion(CLAIMS, pem(), NOW_S, "key-1").split(".")
    assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert json.loads(decoded(body)) == {**CLAIMS, "iat": 1_800_000_000, "exp": 1_800_003_600}


def test_the_signature_is_googles_own_to_the_letter() -> None:
    told = assertion(CLAIMS, pem(), NOW_S, "key-1")
    signed, _, signature = told.rpartition(".")
    signer = RSASigner.from_string(pem(), "key-1")  # type: ignore[no-untyped-call]  # theirs has no types
    assert decoded(signature) == signer.sign(signed.encode())
    theirs = googles.encode(signer, {**CLAIMS, "iat": 1_800_000_000, "exp": 1_800_003_600}).decode()  # type: ignore[no-untyped-call]  # likewise
    assert [json.loads(decoded(part)) for part in theirs.split(".")[:2]] == [json.loads(decoded(part)) for part in told.split(".")[:2]]


def test_the_public_key_finds_it_good() -> None:
    signed, _, signature = assertion(CLAIMS, pem(), NOW_S).rpartition(".")
    private_key().public_key().verify(decoded(signature), signed.encode(), PKCS1v15(), SHA256())


def test_the_same_claims_at_the_same_time_are_the_same_token_and_hold_no_padding() -> None:
    assert assertion(CLAIMS, pem(), NOW_S) == assertion(CLAIMS, pem(), NOW_S + 0.2)
    assert assertion(CLAIMS, pem(), NOW_S) != assertion(CLAIMS, pem(), NOW_S + 1)
    assert "=" not in assertion(CLAIMS, pem(), NOW_S)


def test_a_key_in_the_older_form_is_as_good() -> None:
    assert assertion(CLAIMS, pem(form=PrivateFormat.TraditionalOpenSSL), NOW_S) == assertion(CLAIMS, pem(), NOW_S)


def test_a_key_without_a_name_names_none() -> None:
    assert json.loads(decoded(assertion(CLAIMS, pem(), NOW_S).split(".")[0])) == {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", id="not a key"),
        pytest.param("very-secret", id="no PEM"),
        pytest.param("\x00ä", id="no text of a key"),
    ],
)
def test_what_is_no_key_is_said_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="private_key: it cannot be read") as caught:
        assertion(CLAIMS, key, NOW_S)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_locked_key_and_one_of_another_kind_are_refused() -> None:
    for key in (pem(password=b"word"), elliptic_pem()):
        with pytest.raises(UsageError, match="an RSA key without a password"):
            assertion(CLAIMS, key, NOW_S)


def test_without_the_package_it_is_said_which_extra_brings_it() -> None:
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from dragoman.sign.jwt import assertion\n"
        "try: assertion({}, 'key', 0.0)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.startswith("UsageError")
    assert "dragoman[google]" in told.stdout
