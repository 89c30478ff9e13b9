"""Google's accounts: what their files hold, and what is sent to get a token for one.

Documentation: https://google.aip.dev/auth/4112 (service accounts), https://google.aip.dev/auth/4113 (authorized users), RFC 7523;
https://cloud.google.com/vertex-ai/docs/reference/rest (hosts). All read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, with_headers
from dragoman.core.token import Grant
from dragoman.sign.jwt import assertion
from dragoman.sign.key import bearer
from dragoman.sign.oauth import grant

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
IAM_SCOPE: Final = "https://www.googleapis.com/auth/iam"
"""For a token that does no more than get another account's."""
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

GLOBAL: Final = "global"
MULTI_REGIONS: Final = frozenset({"us", "eu"})
"""Locations of many regions, whose host is built in another way (so has Google's own SDK)."""


class ServiceAccount(msgspec.Struct, frozen=True):
    """An account of a program. It never prints its key."""

    client_email: str
    private_key: str
    private_key_id: str | None = None
    token_uri: str = TOKEN_URI
    project_id: str | None = None

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email!r}, …)"


class AuthorizedUser(msgspec.Struct, frozen=True):
    """A person who logged in with gcloud. It never prints its secrets."""

    client_id: str
    client_secret: str
    refresh_token: str
    token_uri: str = TOKEN_URI
    quota_project_id: str | None = None

    def __repr__(self) -> str:
        return f"AuthorizedUser({self.client_id!r}, …)"


GoogleAccount = ServiceAccount | AuthorizedUser

_KINDS: Final[dict[str, type[ServiceAccount] | type[AuthorizedUser]]] = {
    "service_account": ServiceAccount,
    "authorized_user": AuthorizedUser,
}

KINDS: Final = (*_KINDS, "external_account", "impersonated_service_account")


def read_account(given: str | Mapping[str, object], what: str) -> GoogleAccount:
    """The account in the JSON text or mapping ``given``. Raises ``UsageError`` that names ``what`` and the field, and shows no value."""
    told = decoded(given, what) if isinstance(given, str) else given
    kind = _KINDS.get(str(told.get("type")))
    if kind is None:
        raise UsageError(
            f"{what}: an account of type {told.get('type')!r} was found; {', '.join(KINDS)} are understood. For another, get a token "
            'by its own tool (gcloud auth application-default print-access-token) and pass it as key={"token": "…"}, or set '
            "CLOUDSDK_AUTH_ACCESS_TOKEN"
        )
    found = {name: value for name, value in told.items() if name in kind.__struct_fields__ and value not in (None, "")}
    missing = [name for name in kind.__struct_fields__ if name not in found and name in _REQUIRED[kind]]
    if missing:
        raise UsageError(f"{what}: {', '.join(missing)}: missing; the file is expected as Google gave it out", param=missing[0])
    odd = [name for name, value in found.items() if not isinstance(value, str)]
    if odd:
        raise UsageError(f"{what}: {odd[0]}: {type(found[odd[0]]).__name__} was found; a string is expected", param=odd[0])
    return msgspec.convert(found, kind)


_REQUIRED: Final[dict[type, tuple[str, ...]]] = {
    ServiceAccount: ("client_email", "private_key"),
    AuthorizedUser: ("client_id", "client_secret", "refresh_token"),
}


def decoded(text: str, what: str) -> dict[str, object]:
    """A JSON object. Raises ``UsageError`` that names ``what``, and shows nothing of it."""
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (ValueError, RecursionError):
        raise UsageError(f"{what}: it is not a JSON object; the file of an account, as Google gave it out, is expected") from None


def token_grant(account: GoogleAccount, scope: str, now_epoch_s: float) -> Grant:
    """What is sent to get a token for ``account``. Raises ``UsageError``."""
    if isinstance(account, ServiceAccount):
        claims = {"iss": account.client_email, "scope": scope, "aud": account.token_uri}
        told = assertion(claims, account.private_key, now_epoch_s, account.private_key_id)
        return grant(account.token_uri, {"grant_type": JWT_GRANT, "assertion": told})
    fields = {name: getattr(account, name) for name in ("client_id", "client_secret", "refresh_token")}
    return grant(account.token_uri, {"grant_type": "refresh_token", **fields})


def with_token(call: Call, token: str, quota_project_id: str | None) -> Call:
    """``call`` with the token, and the project that it is counted to where that is another than it goes to."""
    if quota_project_id:
        call = msgspec.structs.replace(call, headers=with_headers(call.headers, {"x-goog-user-project": quota_project_id}))
    return bearer(call, token)


def project(account: GoogleAccount) -> str | None:
    """The project that the account's file names."""
    return account.project_id if isinstance(account, ServiceAccount) else account.quota_project_id


def host(location: str) -> str:
    """Where Vertex AI answers for ``location``."""
    if location == GLOBAL:
        return "aiplatform.googleapis.com"
    return f"aiplatform.{location}.rep.googleapis.com" if location in MULTI_REGIONS else f"{location}-aiplatform.googleapis.com"
