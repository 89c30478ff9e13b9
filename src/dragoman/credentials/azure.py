"""Azure: a key, a token of one's own, or an application that gets tokens."""

from __future__ import annotations

from functools import partial
from typing import Final

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.token import Key
from dragoman.credentials.keyring import Access, Keyring, check_fields, own_token, plain, with_bearer
from dragoman.flow.tokens import Account, TokenSigner, exchange
from dragoman.settings import check_key
from dragoman.sign import azure
from dragoman.sign.oauth import read_token

FIELDS: Final = ("tenant_id", "client_id", "client_secret", "token")
TOKENS: Final = ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN")


def find(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    """A key, a token or an application, from where they are first found. Raises ``UsageError``."""
    if given is not None:
        return _given(ring, row, given, "key")
    told = ring.variable(*row.auth.variables)
    if told:
        return plain(row, *told)
    token = ring.variable(*TOKENS)
    if token:
        return own_token(*token)
    names = [f"AZURE_{name.upper()}" for name in FIELDS[:3]]
    found = {name: value for name in names if (value := ring.value(name))}
    if "AZURE_CLIENT_SECRET" in found:
        lacking = [name for name in names if name not in found]
        if lacking:
            raise MissingKey(f"AZURE_CLIENT_SECRET is set, but not {' and '.join(lacking)}; a token needs all of them", provider=row.name)
        return _application(ring, row, *(found[name] for name in names), found="AZURE_CLIENT_SECRET")
    stored = ring.surroundings.stored_key(row)
    return _given(ring, row, *stored) if stored else None


def _given(ring: Keyring, row: Provider, given: Key, found: str) -> Access:
    if isinstance(given, str):
        return plain(row, check_key(given, found), found)
    check_fields(given, FIELDS, found)
    if "token" in given:
        return own_token(given["token"], found)
    lacking = [name for name in FIELDS[:3] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    return _application(ring, row, *(given[name] for name in FIELDS[:3]), found=found)


def _application(ring: Keyring, row: Provider, tenant: str, client: str, secret: str, *, found: str) -> Access:
    authority = ring.value("AZURE_AUTHORITY_HOST") or azure.AUTHORITY
    application = azure.Application(tenant, client, secret, authority if "://" in authority else f"https://{authority}")
    scope = ring.value("AZURE_SCOPE") or row.auth.scope or azure.SCOPE
    made = Account((application, scope), partial(exchange, partial(azure.token_grant, application, scope), read_token), with_bearer)
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), (secret,))
