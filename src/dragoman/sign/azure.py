"""Azure's tokens: an application's own credentials, and what is sent to get a token for it.

Documentation: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (by a secret, and by another's token,
which is workload identity); https://learn.microsoft.com/cli/azure/account#az-account-get-access-token. Both read 2026-11-21.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.core.errors import AuthFailed
from dragoman.core.token import Grant, Token
from dragoman.sign.oauth import UNSAID_LIFETIME_S, grant

AUTHORITY: Final = "https://login.microsoftonline.com"
SCOPE: Final = "https://cognitiveservices.azure.com/.default"


ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Application(msgspec.Struct, frozen=True):
    """A registered application with a secret. It never prints it."""

    tenant_id: str
    client_id: str
    client_secret: str
    authority: str = AUTHORITY
    """Where tokens are given out; national clouds have their own."""

    def __repr__(self) -> str:
        return f"Application({self.tenant_id!r}, {self.client_id!r}, …)"


class Workload(msgspec.Struct, frozen=True):
    """A registered application that another's token stands for, such as Kubernetes writes into a file."""

    tenant_id: str
    client_id: str
    token_file: str
    authority: str = AUTHORITY


def token_grant(application: Application, scope: str, now_epoch_s: float) -> Grant:
    """What is sent to get a token for ``application``. Raises ``UsageError``."""
    return _asked(application, scope, {"client_secret": application.client_secret})


def workload_grant(workload: Workload, token: str, scope: str, now_epoch_s: float) -> Grant:
    """What is sent to get a token for ``workload``, for which ``token`` stands. Raises ``UsageError``."""
    return _asked(workload, scope, {"client_assertion_type": ASSERTION, "client_assertion": token})


class _Printed(msgspec.Struct):
    access_token: str | None = msgspec.field(name="accessToken", default=None)
    expires_on: float | None = None


def command(scope: str, tenant_id: str | None) -> str:
    """What has the Azure CLI print a token of whoever logged in with it."""
    told = f"az account get-access-token --output json --resource {quote(scope.removesuffix('/.default'), safe=':/')}"
    return f"{told} --tenant {quote(tenant_id, safe='')}" if tenant_id else told


def read_printed(printed: bytes, now_epoch_s: float) -> Token:
    """The token that the Azure CLI printed; older ones say its end in local time alone. Raises ``AuthFailed`` that shows nothing of it."""
    try:
        told = msgspec.json.decode(printed, type=_Printed)
    except (ValueError, RecursionError):
        told = _Printed()
    text = told.access_token
    if not text or not text.isascii() or not text.isprintable():
        raise AuthFailed("the Azure CLI printed no token")
    return Token(text, now_epoch_s + UNSAID_LIFETIME_S if told.expires_on is None else told.expires_on)


def _asked(who: Application | Workload, scope: str, proof: dict[str, str]) -> Grant:
    url = f"{who.authority.rstrip('/')}/{quote(who.tenant_id, safe='')}/oauth2/v2.0/token"
    return grant(url, {"grant_type": "client_credentials", "client_id": who.client_id, **proof, "scope": scope})
