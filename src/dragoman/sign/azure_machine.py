"""Azure's managed identities: the places that give tokens to programs that run in Azure, each with its own address and words.

Documentation: https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
https://learn.microsoft.com/azure/app-service/overview-managed-identity (also Container Apps and Functions),
https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication. All read 2026-11-21. What there is of
variables tells which place it is; without any it is the machine's own, which no variable names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, Headers
from dragoman.core.token import Grant

_FORM: Final = "application/x-www-form-urlencoded"
MACHINE: Final = "http://169.254.169.254"
VARIABLES: Final = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET")


class Place(msgspec.Struct, frozen=True):
    """Where a managed identity's token is asked for, and how. It never prints its secret."""

    name: str
    url: str
    version: str | None
    headers: Headers
    client_field: str = "client_id"
    secret: str | None = None
    method: str = "GET"

    def __repr__(self) -> str:
        return f"Place({self.name!r}, {self.url!r}, …)"


def place(told: Mapping[str, str]) -> Place | None:
    """The place that the variables ``told`` name; ``None`` where they name none. Raises ``UsageError`` for one that is not spoken to."""
    if "IDENTITY_ENDPOINT" in told:
        return _newer(told)
    return _older(told) if "MSI_ENDPOINT" in told else None


def _newer(told: Mapping[str, str]) -> Place:
    secret = told.get("IDENTITY_HEADER")
    if secret is None or "IDENTITY_SERVER_THUMBPRINT" in told:
        name = "Service Fabric" if secret else "Azure Arc"
        raise UsageError(
            f"the managed identity of {name} is not spoken to; get a token by: az account get-access-token --resource "
            "https://cognitiveservices.azure.com, and set AZURE_AD_TOKEN"
        )
    url = _address("IDENTITY_ENDPOINT", told)
    return Place("the managed identity at IDENTITY_ENDPOINT", url, "2019-08-01", (("x-identity-header", secret),), secret=secret)


def _older(told: Mapping[str, str]) -> Place:
    url, secret = _address("MSI_ENDPOINT", told), told.get("MSI_SECRET")
    if secret is None:
        return Place("the Cloud Shell's identity at MSI_ENDPOINT", url, None, (("metadata", "true"),), method="POST")
    return Place("the managed identity at MSI_ENDPOINT", url, "2017-09-01", (("secret", secret),), "clientid", secret)


def _address(name: str, told: Mapping[str, str]) -> str:
    if urlsplit(told[name]).scheme not in ("http", "https"):
        raise UsageError(f"{name}: {told[name]!r} was found; an address like http://host:port/path is expected")
    return told[name]


def machine(authority: str | None) -> Place:
    """The metadata of the machine itself, which ``authority`` may put elsewhere."""
    url = f"{(authority or MACHINE).rstrip('/')}/metadata/identity/oauth2/token"
    return Place("the managed identity of the machine", url, "2018-02-01", (("metadata", "true"),))


def token_grant(place: Place, scope: str, client_id: str | None, now_epoch_s: float) -> Grant:
    """The question for a token; ``client_id`` says for which of the identities, where there are several."""
    told = {"api-version": place.version, "resource": scope.removesuffix("/.default"), place.client_field: client_id}
    fields = urlencode({name: value for name, value in told.items() if value})
    secrets = (place.secret,) if place.secret else ()
    if place.method == "POST":
        return Grant(Call("POST", place.url, (*place.headers, ("content-type", _FORM)), fields.encode()), secrets)
    return Grant(Call("GET", f"{place.url}{'&' if '?' in place.url else '?'}{fields}", place.headers), secrets)
