"""Google: accounts of programs, people, others and machines, a token of one's own, and the project and location that calls go to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from dragoman.catalogue.schema import Provider
from dragoman.core.token import Key
from dragoman.credentials.google_sources import lender, machine, put
from dragoman.credentials.keyring import Access, Keyring, check_fields, own_token, plain
from dragoman.flow.tokens import Account, TokenSigner
from dragoman.settings import NOTHING, check_key
from dragoman.sign import google, google_federation, google_machine
from dragoman.sign.google_federation import AnyAccount, ImpersonatedAccount, read_account

FIELDS: Final = ("credentials", "project", "location", "token")
PROJECTS: Final = ("VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT")
LOCATIONS: Final = ("VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION")
VERTEX_HOST: Final = "VERTEX_HOST"
"""In a base URL: the host of the location, which is not built alike for each."""
TOKEN: Final = "CLOUDSDK_AUTH_ACCESS_TOKEN"
"""gcloud's own variable for a token that was got by other means."""


def find(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    """An account, a token or an express key, from where they are first found. Raises ``UsageError``."""
    return _found(ring, row, NOTHING) if given is None else _given(ring, row, given, "key")


def _found(ring: Keyring, row: Provider, parts: Mapping[str, str]) -> Access | None:
    """What is first found where no account was given; ``parts`` may tell a project and a location."""
    named = ring.surroundings.first_set(("VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"))
    if named:
        return _named(ring, row, *named, parts)
    token = ring.variable(TOKEN)
    if token:
        return own_token(*token, known=_located(ring, parts, None))
    wanted = "project" in parts or ring.value(*PROJECTS) is not None  # who names a project means it, and not a key that knows none
    login = _login(ring, row, parts) if wanted else None
    if login:
        return login
    told = ring.variable(*row.auth.variables)
    if told:
        return plain(row, *told)
    stored = ring.surroundings.stored_key(row)
    if stored:
        return _named(ring, row, *stored, parts) if stored[0].lstrip().startswith("{") else _given(ring, row, *stored)
    return _login(ring, row, parts) or _machine(ring, row, parts)


def _given(ring: Keyring, row: Provider, given: Key, found: str) -> Access | None:
    if isinstance(given, str):  # never a path or an account's text: a key may be a stranger's, whom no file and no address is opened for
        return plain(row, check_key(given, found), found)
    if "type" in given:
        return _account(ring, row, read_account(given, found), found, NOTHING)
    check_fields(given, FIELDS, found)
    if "token" in given:
        return own_token(given["token"], found, _located(ring, given, None))
    if "credentials" not in given:
        return _found(ring, row, given)
    return _named(ring, row, given["credentials"], found, given)


def _named(ring: Keyring, row: Provider, told: str, found: str, parts: Mapping[str, str]) -> Access:
    """An account by its JSON text or by the path of its file."""
    text = told if told.lstrip().startswith("{") else ring.text(ring.path(told))
    return _account(ring, row, read_account(text or "", found), found, parts)


def _login(ring: Keyring, row: Provider, parts: Mapping[str, str]) -> Access | None:
    """Who logged in with gcloud, if anybody did."""
    roaming = ring.value("APPDATA")  # Windows
    folder = ring.value("CLOUDSDK_CONFIG") or (f"{roaming}/gcloud" if roaming else "~/.config/gcloud")
    path = ring.path(folder) / "application_default_credentials.json"
    text = ring.text(path, must_be=False)
    return None if text is None else _account(ring, row, read_account(text, str(path)), str(path), parts)


def _account(ring: Keyring, row: Provider, account: AnyAccount, found: str, parts: Mapping[str, str]) -> Access:
    asked = lender(ring, row, account, row.auth.scope or google.SCOPE)
    made = Account(asked.identity, asked.fetch, partial(put, quota_project_id=google_federation.quota_project(account)))
    known = _located(ring, parts, google_federation.project(account))
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), _secrets(account), known)


def _secrets(account: AnyAccount) -> tuple[str, ...]:
    """The texts of an account's file that must not print."""
    if isinstance(account, ImpersonatedAccount):
        return _secrets(account.source)
    told = (getattr(account, name, None) for name in ("private_key", "client_secret", "refresh_token"))
    return tuple(secret for secret in told if secret)


def _machine(ring: Keyring, row: Provider, parts: Mapping[str, str]) -> Access | None:
    """The account of the machine, if it has one. ``None`` where the user forbids to ask."""
    if ring.value("NO_GCE_CHECK") == "true":
        return None
    named = ring.value("GCE_METADATA_HOST", "GCE_METADATA_ROOT")
    url = google_machine.base(named or ring.value("GCE_METADATA_IP"))
    made = machine(row, url, row.auth.scope or google.SCOPE)
    known = _located(ring, parts, google_machine.PROJECT)
    found = f"the machine's account, told by {url}"
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), (), known, last_resort=named is None)


def _located(ring: Keyring, parts: Mapping[str, str], own_project: str | None) -> Mapping[str, str]:
    """The project as given, the environment's, the account's own; the location, ``global`` where none is told, and its host."""
    project = parts.get("project") or ring.value(*PROJECTS) or own_project
    location = parts.get("location") or ring.value(*LOCATIONS) or google.GLOBAL
    known = {VERTEX_HOST: google.host(location), **dict.fromkeys(LOCATIONS, location)}
    return known | dict.fromkeys(PROJECTS, project) if project else known
