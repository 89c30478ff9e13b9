"""AWS Signature Version 4: a call with the ``Authorization`` that proves who sends it, and that it came unchanged.

Documentation: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11-21. The signature is
good for a few minutes round its time, so a call that is sent again later must be signed again.

Signed are the whole body, the path, the query and every header of the call, with ``host`` and ``x-amz-date``, but not those that proxies
and clients change under way (``UNSIGNED``). Headers that are added afterwards are not signed, which the service allows. The path is encoded
once more on top of the encoding that it is sent with, after its dots and double slashes were resolved; S3 alone wants it as it is.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, with_headers

ALGORITHM: Final = "AWS4-HMAC-SHA256"
S3: Final = "s3"

UNSIGNED: Final = frozenset(
    {
        *("authorization", "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"),
    }
)
"""Headers that may be another's when the call arrives."""

_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED: Final = "-._~"
"""What is never percent-encoded, beside letters and digits."""
_SENT: Final = f"/%:@!$&'()*+,;={_UNRESERVED}"
"""What a path may hold as it is sent."""


class Credentials(msgspec.Struct, frozen=True):
    """An access key. It never prints its secrets."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    """Of credentials that hold for a while only."""

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, …)"


def sign(call: Call, credentials: Credentials, region: str, service: str, now_epoch_s: float, normalise_path: bool = True) -> Call:
    """``call``, whose URL is absolute, signed at ``now_epoch_s`` seconds since 1970. Raises ``UsageError``.

    ``normalise_path`` false signs the path's dots and double slashes as they stand, as some services want; S3 always does.
    """
    _check(credentials, region, service)
    time = datetime.fromtimestamp(now_epoch_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    call = _prepared(call, credentials, service, time)
    fields = _canonical_headers(call)
    canonical = _canonical_request(call, fields, service, normalise_path)
    to_sign = "\n".join((ALGORITHM, time, scope, _hex(canonical.encode())))
    key = _signing_key(credentials.secret_access_key, time[:8], region, service)
    signature = hmac.new(key, to_sign.encode(), sha256).hexdigest()
    names = ";".join(fields)
    told = f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return msgspec.structs.replace(call, headers=with_headers(call.headers, {"authorization": told}))


def _check(credentials: Credentials, region: str, service: str) -> None:
    told = {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "region": region,
        "service": service,
    }
    for name, value in told.items():
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            shown = repr(value) if name in ("region", "service") else "a value that cannot be one"
            raise UsageError(f"{name}: {shown} was given; a word as AWS gives it out is expected", param=name)


def _prepared(call: Call, credentials: Credentials, service: str, time: str) -> Call:
    """The call without marks of an earlier signature and with the headers that this one is about."""
    kept = tuple(field for field in call.headers if field[0].lower() not in ("authorization", "date", "x-amz-security-token"))
    added = {"x-amz-date": time}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    if service == S3:
        added["x-amz-content-sha256"] = _hex(call.body)
    return msgspec.structs.replace(call, headers=with_headers(kept, added))


# --- the canonical request --------------------------------------------------------------------------------------------------------------


def _canonical_request(call: Call, fields: dict[str, str], service: str, normalise_path: bool) -> str:
    parts = urlsplit(call.url)
    headers = "".join(f"{name}:{value}\n" for name, value in fields.items())
    path = _canonical_path(parts.path or "/", service, normalise_path)
    return "\n".join((call.method.upper(), path, _canonical_query(parts.query), headers, ";".join(fields), _hex(call.body)))


def _canonical_headers(call: Call) -> dict[str, str]:
    """The signed headers, sorted by name: values of one name joined by commas, blanks inside them folded into one."""
    found: dict[str, list[str]] = {}
    for name, value in call.headers:
        if name.lower() not in UNSIGNED:
            found.setdefault(name.lower(), []).append(" ".join(value.split()))
    found.setdefault("host", [_host(call.url)])
    return {name: ",".join(found[name]) for name in sorted(found)}


def _host(url: str) -> str:
    """As an HTTP client writes it: without the port that the scheme has anyway."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise UsageError(f"url: {url!r} was given; an absolute address is expected, because the signature holds for its host")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if parts.port in (None, _PORTS.get(parts.scheme)) else f"{name}:{parts.port}"


def _canonical_path(path: str, service: str, normalise: bool) -> str:
    if service == S3:
        return quote(path, safe=_SENT)
    return quote(_without_dots(path) if normalise else path, safe=f"/{_UNRESERVED}")


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4, with runs of slashes taken for one; a dot at the end leaves no slash, as AWS's own SDK has it."""
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    end = "/" if steps and path.endswith("/") else ""
    return "/" + "/".join(steps) + end


def _canonical_query(query: str) -> str:
    """Sorted by name and then by value, both percent-encoded in the one way that counts."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    told = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in told)


def _encoded(text: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), safe=_UNRESERVED, errors="surrogateescape")


# --- the key ----------------------------------------------------------------------------------------------------------------------------


def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in (*scope, "aws4_request"):
        key = hmac.new(key, word.encode(), sha256).digest()
    return key


def _hex(data: bytes) -> str:
    return sha256(data).hexdigest()
