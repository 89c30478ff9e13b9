"""Who gives Google's tokens: an account's own address, another's word, another account, the machine."""

from __future__ import annotations

from functools import partial
from typing import Final

from dragoman.catalogue.schema import Provider
from dragoman.core.exchange import Call, Timeouts
from dragoman.core.token import Token
from dragoman.credentials.keyring import NOBODY, Keyring, missing_credentials
from dragoman.flow.effects import Flow, now
from dragoman.flow.tokens import Account, Lender, exchange, timed
from dragoman.sign import google, google_federation, google_machine
from dragoman.sign.google_federation import LIFETIME_S, AnyAccount, ExternalAccount, ImpersonatedAccount
from dragoman.sign.google_machine import MachineToken
from dragoman.sign.key import bearer
from dragoman.sign.oauth import read_token

CONNECT_S: Final = 1.0
ANSWER_S: Final = 5.0
"""How long to wait until the machine's metadata server takes a connection, and until it answers."""


def lender(ring: Keyring, row: Provider, account: AnyAccount, scope: str) -> Lender[Token]:
    """Who gives a token for ``account``."""
    identity = ("google", account, scope)
    if isinstance(account, ExternalAccount):
        return Lender(identity, partial(_exchanged, ring, row, account, scope))
    if isinstance(account, ImpersonatedAccount):
        return Lender(identity, partial(_impersonated, ring, row, account, scope))
    return Lender(identity, partial(exchange, partial(google.token_grant, account, scope), read_token))


def _exchanged(ring: Keyring, row: Provider, account: ExternalAccount, scope: str, timeouts: Timeouts) -> Flow[Token]:
    subject, left = yield from timed(_subject(ring, row, account, timeouts), timeouts)
    ask = partial(google_federation.exchange_grant, account, subject, google.IAM_SCOPE if account.impersonation_url else scope)
    if account.impersonation_url is None:
        return (yield from exchange(ask, read_token, left))
    token, left = yield from timed(exchange(ask, read_token, left), left)
    acting = partial(google_federation.impersonation_grant, account.impersonation_url, token.text, scope, (), account.lifetime_s)
    return (yield from exchange(acting, google_federation.read_impersonated, left))


def _subject(ring: Keyring, row: Provider, account: ExternalAccount, timeouts: Timeouts) -> Flow[str]:
    """The other's token, which others write anew or give out anew before it ends."""
    if account.aws is not None:
        from dragoman.credentials.aws import lent_keys  # as the rest of a cloud's code, loaded where it is wanted

        keys, region = yield from lent_keys(ring, row, account.aws.region_url, timeouts)
        return google_federation.aws_subject(account, keys, region, (yield from now()).epoch_s)
    if account.file is not None:
        return google_federation.subject(ring.text(ring.path(account.file)) or "", account, account.file)
    read = partial(google_federation.read_subject, account=account)
    return (yield from exchange(partial(google_federation.subject_grant, account), read, timeouts))


def _impersonated(ring: Keyring, row: Provider, account: ImpersonatedAccount, scope: str, timeouts: Timeouts) -> Flow[Token]:
    held = yield from ring.tokens.held(lender(ring, row, account.source, google.IAM_SCOPE), timeouts)
    ask = partial(google_federation.impersonation_grant, account.url, held.proof.text, scope, account.delegates, LIFETIME_S)
    return (yield from exchange(ask, google_federation.read_impersonated, held.timeouts))


def put(call: Call, token: Token, now_epoch_s: float, quota_project_id: str | None) -> Call:
    """``call`` with a token that was fetched."""
    return google.with_token(call, token.text, quota_project_id)


# --- the machine


def machine(row: Provider, url: str, scope: str) -> Account[MachineToken]:
    """The account of the machine, if it has one: the last who is asked."""
    return Account(("machine", url, scope), partial(_machine_token, row, url, scope), _put_machines)


def _machine_token(row: Provider, url: str, scope: str, timeouts: Timeouts) -> Flow[MachineToken]:
    near = timeouts.each_at_most(ANSWER_S, CONNECT_S)
    try:
        asking = exchange(partial(google_machine.project_grant, url), google_machine.read_project, near)
        project, left = yield from timed(asking, timeouts)
        near = left.each_at_most(ANSWER_S, CONNECT_S)
        ask = partial(google_machine.token_grant, url, scope)
        return MachineToken((yield from exchange(ask, google_machine.read_machine_token, near)), project)
    except NOBODY as error:
        raise missing_credentials(row, f"asked last was the metadata server, {url}: {error.message}") from None


def _put_machines(call: Call, lent: MachineToken, now_epoch_s: float) -> Call:
    return bearer(google_machine.in_project(call, lent.project), lent.token.text)
