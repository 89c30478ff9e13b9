"""Azure: a key, a token of one's own, or an application, a workload or a machine that gets tokens."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.core.token import Grant, Key, Token
from dragoman.credentials.keyring import NOBODY, Access, Keyring, check_fields, missing_credentials, own_token, plain, with_bearer
from dragoman.flow.effects import Flow, now, printed
from dragoman.flow.tokens import Account, TokenSigner, exchange
from dragoman.settings import check_key
from dragoman.sign import azure, azure_machine
from dragoman.sign.oauth import read_token

FIELDS: Final = ("tenant_id", "client_id", "client_secret", "token")
TOKENS: Final = ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN")
WITH_MACHINE: Final = ("prod", "managedidentitycredential")
WITH_LOGIN: Final = ("dev", "azureclicredential")
"""What AZURE_TOKEN_CREDENTIALS may say where managed identities are wanted, as without it; and where a developer's own login is."""
LOGIN_S: Final = 30.0
CONNECT_S: Final = 1.0
ANSWER_S: Final = 10.0
"""How long to wait until the machine's metadata takes a connection, and until it answers, which may need others."""


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
    named = _environment(ring, row)
    if named:
        return named
    stored = ring.surroundings.stored_key(row)
    if stored:
        return _given(ring, row, *stored)
    wanted = (ring.value("AZURE_TOKEN_CREDENTIALS") or WITH_MACHINE[0]).lower()  # it narrows the chain of Azure's own SDK too
    return next((made(ring, row) for names, made in ((WITH_MACHINE, _machine), (WITH_LOGIN, _login)) if wanted in names), None)


def _environment(ring: Keyring, row: Provider) -> Access | None:
    """An application with its secret, or with the file of a token that stands for it. Raises ``MissingKey`` where a part is missing."""
    for proof, made in (("AZURE_CLIENT_SECRET", _application), ("AZURE_FEDERATED_TOKEN_FILE", _workload)):
        told = {name: ring.value(name) for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", proof)}
        if told[proof] is None:
            continue
        lacking = [name for name, value in told.items() if value is None]
        if lacking:
            raise MissingKey(f"{proof} is set, but not {' and '.join(lacking)}; a token needs all of them", provider=row.name)
        return made(ring, row, *(value for value in told.values() if value), found=proof)
    return None


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
    application = azure.Application(tenant, client, secret, _authority(ring))
    scope = _scope(ring, row)
    fetch = partial(exchange, partial(azure.token_grant, application, scope), read_token)
    return _fetching(ring, (application, scope), fetch, found, (secret,))


def _workload(ring: Keyring, row: Provider, tenant: str, client: str, path: str, *, found: str) -> Access:
    workload = azure.Workload(tenant, client, path, _authority(ring))
    scope = _scope(ring, row)
    return _fetching(ring, (workload, scope), partial(_workload_token, ring, workload, scope), found)


def _workload_token(ring: Keyring, workload: azure.Workload, scope: str, timeouts: Timeouts) -> Flow[Token]:
    token = ring.told_token(workload.token_file)  # others write it anew before it ends
    return (yield from exchange(partial(azure.workload_grant, workload, token, scope), read_token, timeouts))


def _login(ring: Keyring, row: Provider) -> Access:
    """Who logged in with the Azure CLI."""
    command = azure.command(_scope(ring, row), ring.value("AZURE_TENANT_ID"))
    return _fetching(ring, command, partial(_printed_token, command), "the login of the Azure CLI")


def _printed_token(command: str, timeouts: Timeouts) -> Flow[Token]:
    told = yield from printed(f"cmd /c {command}" if os.name == "nt" else command, min(LOGIN_S, timeouts.shortest_s or LOGIN_S))
    return azure.read_printed(told, (yield from now()).epoch_s)


def _machine(ring: Keyring, row: Provider) -> Access:
    """A managed identity: the one that variables of the platform name, or the machine's own."""
    told = {name: value for name in azure_machine.VARIABLES if (value := ring.value(name))}
    named = azure_machine.place(told)
    place = named or azure_machine.machine(ring.value("AZURE_POD_IDENTITY_AUTHORITY_HOST"))
    client, scope = ring.value("AZURE_CLIENT_ID"), _scope(ring, row)
    ask = partial(azure_machine.token_grant, place, scope, client)
    fetch = partial(exchange, ask, read_token) if named else partial(_asked_machine, row, place, ask)
    secrets = (place.secret,) if place.secret else ()
    access = _fetching(ring, (place, scope, client), fetch, place.name, secrets)
    return access if named else msgspec.structs.replace(access, last_resort=True)


def _asked_machine(row: Provider, place: azure_machine.Place, ask: Callable[[float], Grant], timeouts: Timeouts) -> Flow[Token]:
    try:
        return (yield from exchange(ask, read_token, timeouts.each_at_most(ANSWER_S, CONNECT_S)))
    except NOBODY as error:
        raise missing_credentials(row, f"asked last was the metadata of the machine, {place.url}: {error.message}") from None


def _fetching(
    ring: Keyring, identity: Hashable, fetch: Callable[[Timeouts], Flow[Token]], found: str, secrets: tuple[str, ...] = ()
) -> Access:
    made = Account(identity, fetch, with_bearer)
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), secrets)


def _authority(ring: Keyring) -> str:
    authority = ring.value("AZURE_AUTHORITY_HOST") or azure.AUTHORITY
    return authority if "://" in authority else f"https://{authority}"


def _scope(ring: Keyring, row: Provider) -> str:
    return ring.value("AZURE_SCOPE") or row.auth.scope or azure.SCOPE
