"""Azure's tokens: an application's own credentials, and what is sent to get a token for it.

Documentation: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, read 2026-11-21.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.core.token import Grant
from dragoman.sign.oauth import grant

AUTHORITY: Final = "https://login.microsoftonline.com"
SCOPE: Final = "https://cognitiveservices.azure.com/.default"


class Application(msgspec.Struct, frozen=True):
    """A registered application with a secret. It never prints it."""

    tenant_id: str
    client_id: str
    client_secret: str
    authority: str = AUTHORITY
    """Where tokens are given out; national clouds have their own."""

    def __repr__(self) -> str:
        return f"Application({self.tenant_id!r}, {self.client_id!r}, …)"


def token_grant(application: Application, scope: str, now_epoch_s: float) -> Grant:
    """What is sent to get a token for ``application``. Raises ``UsageError``."""
    url = f"{application.authority.rstrip('/')}/{quote(application.tenant_id, safe='')}/oauth2/v2.0/token"
    fields = {"client_id": application.client_id, "client_secret": application.client_secret}
    return grant(url, {"grant_type": "client_credentials", **fields, "scope": scope})
