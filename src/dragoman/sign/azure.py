"""Azure's tokens: an application's own credentials, and what is sent to get a token for it.

Documentation: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (by a secret, and by another's token,
which is workload identity), read 2026-11-21.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.core.token import Grant
from dragoman.sign.oauth import grant

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


def _asked(who: Application | Workload, scope: str, proof: dict[str, str]) -> Grant:
    url = f"{who.authority.rstrip('/')}/{quote(who.tenant_id, safe='')}/oauth2/v2.0/token"
    return grant(url, {"grant_type": "client_credentials", "client_id": who.client_id, **proof, "scope": scope})
