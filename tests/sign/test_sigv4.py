"""Signatures against AWS's own published vectors, and against botocore's signer."""

from __future__ import annotations

import string
from types import SimpleNamespace
from typing import Any

import botocore.auth  # type: ignore[import-untyped]  # botocore has no types
import pytest
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # likewise
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, header
from dragoman.sign.sigv4 import Credentials, sign
from tests.wire.strategies import MODEST

SUITE_S = 1440938160
"""2015-08-30T12:36:00Z, the time of every vector."""
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
LONG_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64"
    "lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
CREDENTIALS = Credentials(KEY, SECRET)
WORD = "-._~" + string.digits + string.ascii_uppercase + string.ascii_lowercase
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
SPACE = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"

# The cases of https://github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite/v4 (commit 495329c, Apache-2.0, read 2026-11-21): path,
# whether it is normalised, signature. All are GET with the headers host and x-amz-date alone.
PATHS = {
    "get-vanilla": ("/", True, VANILLA),
    "get-vanilla-query": ("/", True, VANILLA),
    "get-relative-normalized": ("/example/..", True, VANILLA),
    "get-relative-relative-normalized": ("/example1/example2/../..", True, VANILLA),
    "get-slash-dot-slash-normalized": ("/./", True, VANILLA),
    "get-slash-normalized": ("//", True, VANILLA),
    "get-slash-pointless-dot-normalized": ("/./example", True, "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
    "get-slashes-normalized": ("//example//", True, "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
    "get-space-normalized": ("/example space/", True, SPACE),
    "get-space-unnormalized": ("/example space/", False, SPACE),
    "get-relative-unnormalized": ("/example/..", False, "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"),
    "get-relative-relative-unnormalized": (
        "/example1/example2/../..",
        False,
        "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b",
    ),
    "get-slash-dot-slash-unnormalized": ("/./", False, "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"),
    "get-slash-pointless-dot-unnormalized": ("/./example", False, "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"),
    "get-slash-unnormalized": ("//", False, "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"),
    "get-slashes-unnormalized": ("//example//", False, "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"),
    "get-unreserved": (f"/{WORD}", True, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
    "get-utf8": ("/ሴ", True, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    "get-vanilla-empty-query-key": ("/?Param1=value1", True, "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
    "get-vanilla-query-order-encoded": (
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        True,
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    "get-vanilla-query-order-key-case": (
        "/?Param2=value2&Param1=value1",
        True,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-unreserved": (f"/?{WORD}={WORD}", True, "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    "get-vanilla-utf8-query": ("/?ሴ=bar", True, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
}

ONE = "My-Header1"
POST = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
QUERY = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"
BODY_HASH = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
FORM = "application/x-www-form-urlencoded"
# Of the same suite: method, path, headers beside the host, body, signed headers beside host and x-amz-date, signature.
HEADERS: dict[str, tuple[str, str, tuple[tuple[str, str], ...], bytes, str, str]] = {
    "get-header-key-duplicate": (
        "GET",
        "/",
        ((ONE, "value2"), (ONE, "value2"), (ONE, "value1")),
        b"",
        "host;my-header1;x-amz-date",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-multiline": (
        "GET",
        "/",
        ((ONE, "value1\n  value2\n     value3"),),
        b"",
        "host;my-header1;x-amz-date",
        "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
    ),
    "get-header-value-order": (
        "GET",
        "/",
        ((ONE, "value4"), (ONE, "value1"), (ONE, "value3"), (ONE, "value2")),
        b"",
        "host;my-header1;x-amz-date",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        ((ONE, " value1"), ("My-Header2", ' "a   b   c"')),
        b"",
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": ("POST", "/", (), b"", "host;x-amz-date", POST),
    "post-header-key-case": ("POST", "/", (), b"", "host;x-amz-date", POST),
    "post-sts-header-after": ("POST", "/", (), b"", "host;x-amz-date", POST),
    "post-header-key-sort": (
        "POST",
        "/",
        ((ONE, "value1"),),
        b"",
        "host;my-header1;x-amz-date",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-header-value-case": (
        "POST",
        "/",
        ((ONE, "VALUE1"),),
        b"",
        "host;my-header1;x-amz-date",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    "post-vanilla-query": ("POST", "/?Param1=value1", (), b"", "host;x-amz-date", QUERY),
    "post-vanilla-empty-query-value": ("POST", "/?Param1=value1", (), b"", "host;x-amz-date", QUERY),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        (("Content-Type", FORM), ("Content-Length", "13"), ("x-amz-content-sha256", BODY_HASH)),
        b"Param1=value1",
        "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
    "post-x-www-form-urlencoded-parameters": (
        "POST",
        "/",
        (("Content-Type", f"{FORM}; charset=utf-8"), ("Content-Length", "13"), ("x-amz-content-sha256", BODY_HASH)),
        b"Param1=value1",
        "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
    ),
}
# Of the same suite: method, session token, signature.
TOKENS = {
    "get-vanilla-with-session-token": ("GET", TOKEN, "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
    "post-sts-header-before": ("POST", LONG_TOKEN, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
}


def authorization(signed: str, signature: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, Signature={signature}"


def suite_call(method: str, path: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> Call:
    lowered = tuple((name.lower(), value) for name, value in headers)
    return Call(method, f"https://example.amazonaws.com{path}", lowered, body)


@pytest.mark.parametrize("name", PATHS)
def test_path_and_query_are_signed_as_in_awss_vectors(name: str) -> None:
    path, normalise, signature = PATHS[name]
    signed = sign(suite_call("GET", path), CREDENTIALS, "us-east-1", "service", SUITE_S, normalise)
    assert header(signed.headers, "authorization") == authorization("host;x-amz-date", signature)
    assert header(signed.headers, "x-amz-date") == "20150830T123600Z"


@pytest.mark.parametrize("name", HEADERS)
def test_headers_and_body_are_signed_as_in_awss_vectors(name: str) -> None:
    method, path, headers, body, names, signature = HEADERS[name]
    signed = sign(suite_call(method, path, headers, body), CREDENTIALS, "us-east-1", "service", SUITE_S)
    assert header(signed.headers, "authorization") == authorization(names, signature)


@pytest.mark.parametrize("name", TOKENS)
def test_session_token_is_signed_as_in_awss_vectors(name: str) -> None:
    method, token, signature = TOKENS[name]
    signed = sign(suite_call(method, "/"), Credentials(KEY, SECRET, token), "us-east-1", "service", SUITE_S)
    assert header(signed.headers, "authorization") == authorization("host;x-amz-date;x-amz-security-token", signature)
    assert header(signed.headers, "x-amz-security-token") == token


# --- botocore as judge ------------------------------------------------------------------------------------------------------------------

KNOWN_S = 1_763_712_000
KNOWN_TIME = "20251121T080000Z"


def judged(call: Call, credentials: Credentials, region: str, service: str) -> str:
    """The authorization that botocore gives the same call at the same time, step by step, because its own clock is no argument."""
    theirs = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    keys: Any = SimpleNamespace(access_key=KEY, secret_key=SECRET, token=credentials.session_token)
    signer = theirs(keys, service, region)
    request = AWSRequest(call.method, call.url, dict(call.headers), call.body)
    request.context["timestamp"] = KNOWN_TIME
    request.headers["X-Amz-Date"] = KNOWN_TIME
    if credentials.session_token:
        request.headers["X-Amz-Security-Token"] = credentials.session_token
    if service == "s3":
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
    del request.headers["authorization"]
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))
    told: str = request.headers["Authorization"]
    return told


urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1:4000", "h.test:443", "h.test:80", "[::1]:8080"]),
    st.lists(st.sampled_from(["", "model", "us.a-v1%3A0", "a:b", "a b", ".", "..", "~x", "%2F", "é", "converse"]), max_size=5).map(
        lambda steps: "/" + "/".join(steps)
    ),
    st.lists(st.tuples(st.sampled_from(["a", "b", "A", "%3D"]), st.sampled_from(["", "1", "2", "%20", "x-y"])), max_size=3).map(
        lambda pairs: "".join(("&" if i else "?") + f"{name}={value}" for i, (name, value) in enumerate(pairs))
    ),
)
some_headers = st.dictionaries(
    st.sampled_from(["content-type", "accept", "x-amz-target", "user-agent", "x-amzn-trace-id", "connection", "authorization", "x-one"]),
    st.sampled_from(["application/json", "a", "a   b", " a", "b\t c"]),
    max_size=4,
).map(lambda told: tuple(told.items()))


@MODEST
@given(
    urls,
    some_headers,
    st.binary(max_size=20),
    st.sampled_from([None, TOKEN]),
    st.sampled_from([("us-east-1", "bedrock"), ("eu-west-3", "s3")]),
    st.sampled_from(["POST", "GET"]),
)
def test_any_call_is_signed_as_botocore_signs_it(
    url: str, headers: tuple[tuple[str, str], ...], body: bytes, token: str | None, place: tuple[str, str], method: str
) -> None:
    region, service = place
    if service == "s3":
        url = url.replace("é", "e").replace("a b", "a")  # botocore signs what its caller has encoded already
    call = Call(method, url, headers, body)
    credentials = Credentials(KEY, SECRET, token)
    signed = sign(call, credentials, region, service, KNOWN_S)
    assert header(signed.headers, "authorization") == judged(call, credentials, region, service)


# --- what is ours -----------------------------------------------------------------------------------------------------------------------

CALL = Call("POST", "https://h.test/model/us.a-v1%3A0/converse", (("content-type", "application/json"),), b"{}")


def test_path_is_encoded_once_more_but_not_for_s3() -> None:
    once = Call("POST", "https://h.test/model/us.a-v1:0/converse", CALL.headers, CALL.body)
    bedrock = [header(sign(call, CREDENTIALS, "r", "bedrock", KNOWN_S).headers, "authorization") for call in (CALL, once)]
    assert bedrock[0] != bedrock[1]
    assert bedrock[0] == judged(CALL, CREDENTIALS, "r", "bedrock")


def test_signed_again_a_call_is_as_if_signed_once() -> None:
    first = sign(CALL, Credentials(KEY, SECRET, TOKEN), "r", "bedrock", KNOWN_S - 900)
    assert sign(first, CREDENTIALS, "r", "bedrock", KNOWN_S) == sign(CALL, CREDENTIALS, "r", "bedrock", KNOWN_S)


def test_nothing_but_headers_changes() -> None:
    signed = sign(CALL, CREDENTIALS, "r", "bedrock", KNOWN_S)
    assert (signed.method, signed.url, signed.body) == (CALL.method, CALL.url, CALL.body)
    assert signed.headers[:1] == CALL.headers
    assert [name for name, _ in signed.headers[1:]] == ["x-amz-date", "authorization"]


def test_credentials_do_not_print_their_secrets() -> None:
    assert repr(Credentials(KEY, SECRET, TOKEN)) == f"Credentials({KEY!r}, …)"
    assert SECRET not in str([Credentials(KEY, SECRET, TOKEN)])


@pytest.mark.parametrize(
    ("credentials", "region", "service", "param"),
    [
        (Credentials("", SECRET), "r", "s", "access_key_id"),
        (Credentials(KEY, "two words"), "r", "s", "secret_access_key"),
        (Credentials(KEY, "line\n"), "r", "s", "secret_access_key"),
        (CREDENTIALS, "", "s", "region"),
        (CREDENTIALS, "r", "s s", "service"),
    ],
)
def test_what_no_signature_can_be_made_of_is_named_and_no_secret_shown(
    credentials: Credentials, region: str, service: str, param: str
) -> None:
    with pytest.raises(UsageError) as caught:
        sign(CALL, credentials, region, service, KNOWN_S)
    assert caught.value.param == param
    assert credentials.secret_access_key not in caught.value.message


def test_address_without_host_is_refused() -> None:
    with pytest.raises(UsageError, match="absolute address"):
        sign(Call("GET", "/model"), CREDENTIALS, "r", "s", KNOWN_S)
