"""AWS's keys that somebody lends: a role, a container's agent, single sign-on, the machine. Each is asked when a call wants keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import AuthFailed, ConnectFailed, MissingKey, TimedOut
from dragoman.core.exchange import Timeouts
from dragoman.core.token import Token
from dragoman.credentials.keyring import NOBODY, Keyring, missing_credentials
from dragoman.flow.effects import Flow, now, printed
from dragoman.flow.tokens import Lender, exchange, timed
from dragoman.sign import aws_lent, aws_sts
from dragoman.sign.aws_lent import LentKeys
from dragoman.sign.aws_sts import Role
from dragoman.sign.sigv4 import Credentials

AGENT_WAIT_S: Final = 2.0
MACHINE_WAIT_S: Final = 1.0
PROGRAM_WAIT_S: Final = 60.0
"""How long a container's agent, a machine's metadata and a program are waited for; for the first two boto3 waits as long."""
RENEWAL_S: Final = 300.0
"""So long before its end the token of single sign-on is renewed; one that is kept is looked at again four minutes before."""

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True):
    """Keys as they stand, or who lends them."""

    found: str
    keys: Credentials | None = None
    lender: Lender[LentKeys] | None = None


def keys_of(ring: Keyring, source: Source, timeouts: Timeouts) -> Flow[tuple[Credentials, Timeouts]]:
    """The keys of ``source`` and what is left of the time. Raises what its lender says."""
    if source.lender is None:
        assert source.keys is not None
        return source.keys, timeouts
    held = yield from ring.tokens.held(source.lender, timeouts)
    return held.proof.keys, held.timeouts


def _endpoint(ring: Keyring, service: str, usual: str) -> str:
    return ring.value(f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL") or usual


# --- a role


def taken_role(ring: Keyring, role: Role, by: Source, region: str) -> Source:
    """The keys of ``role``, which those of ``by`` may take."""
    url = _endpoint(ring, "STS", aws_sts.endpoint(region))
    identity = ("role", url, role, by.lender.identity if by.lender else by.keys)
    return Source(f"{role.arn} by {by.found}", None, Lender(identity, partial(_role_keys, ring, role, by, region, url)))


def _role_keys(ring: Keyring, role: Role, by: Source, region: str, url: str, timeouts: Timeouts) -> Flow[LentKeys]:
    keys, left = yield from keys_of(ring, by, timeouts)
    read = partial(aws_sts.read_lent, source=f"{role.arn} by {by.found}")
    return (yield from exchange(partial(aws_sts.role_grant, url, role, keys, region), read, left))


def identity_role(ring: Keyring, role: Role, path: str, region: str) -> Source:
    """The keys of ``role`` by the token in the file ``path``, which others write anew before it ends."""
    url = _endpoint(ring, "STS", aws_sts.endpoint(region))
    found = f"{role.arn} by the token in {path}"
    return Source(found, None, Lender(("identity", url, role, path), partial(_identity_keys, ring, role, path, url, found)))


def _identity_keys(ring: Keyring, role: Role, path: str, url: str, found: str, timeouts: Timeouts) -> Flow[LentKeys]:
    token = ring.told_token(path)
    return (yield from exchange(partial(aws_sts.identity_grant, url, role, token), partial(aws_sts.read_lent, source=found), timeouts))


# --- a container's agent


def container(ring: Keyring) -> Source | None:
    """The keys that a container's environment names. Raises ``UsageError`` where it names a stranger."""
    url = aws_lent.container_url(ring.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), ring.value("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
    if url is None:
        return None
    told = ring.value("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    path = ring.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    found = f"the container's credentials at {url}"
    return Source(found, None, Lender(("container", url, path or told), partial(_container_keys, ring, url, told, path, found)))


def _container_keys(ring: Keyring, url: str, told: str | None, path: str | None, found: str, timeouts: Timeouts) -> Flow[LentKeys]:
    authorization = ring.told_token(path) if path else told
    read = partial(aws_lent.read_keys, source=found)
    asking = exchange(partial(aws_lent.container_grant, url, authorization), read, timeouts.each_at_most(AGENT_WAIT_S))
    return (yield from _shortly(asking, found))


def _shortly(asking: Flow[T], found: str) -> Flow[T]:
    """What an agent that stands near says. Raises ``ConnectFailed`` where it is silent, for that is no fault of the caller's patience."""
    try:
        return (yield from asking)
    except TimedOut as error:
        raise ConnectFailed(f"{found}: {error.message}") from None


# --- single sign-on


class SignOn(msgspec.Struct, frozen=True):
    """How somebody has signed on by AWS's own tools, and as what."""

    profile: str
    region: str
    start: str
    """The session's name or the start address, under which the tools keep his token."""
    role: str
    account_id: str

    @property
    def path(self) -> str:
        return f"~/.aws/sso/cache/{aws_lent.sso_file(self.start)}"


def sign_on(ring: Keyring, told: SignOn) -> Source:
    """The keys of a role for who has signed on."""
    url = _endpoint(ring, "SSO", f"https://portal.sso.{told.region}.amazonaws.com")
    identity = ("sso", url, told.start, told.role, told.account_id)
    return Source(f"the AWS profile {told.profile}, single sign-on", None, Lender(identity, partial(_signed_on_keys, ring, told, url)))


def _signed_on_keys(ring: Keyring, told: SignOn, url: str, timeouts: Timeouts) -> Flow[LentKeys]:
    oidc = _endpoint(ring, "SSO_OIDC", f"https://oidc.{told.region}.amazonaws.com")
    lender = Lender(("sso token", oidc, told.path), partial(_sign_on_token, ring, told, oidc))
    held = yield from ring.tokens.held(lender, timeouts)
    read = partial(aws_lent.read_role_keys, source=f"the AWS profile {told.profile!r}, single sign-on,")
    try:
        return (yield from exchange(partial(aws_lent.sso_grant, url, held.proof.text, told.role, told.account_id), read, held.timeouts))
    except AuthFailed:
        ring.tokens.drop(lender, held.proof)  # who signs on again is not held up by the token of before
        raise


def _sign_on_token(ring: Keyring, told: SignOn, url: str, timeouts: Timeouts) -> Flow[Token]:
    """The token that AWS's tools keep, renewed as they renew it, and kept where they keep it."""
    text = ring.text(ring.path(told.path), must_be=False)
    kept = aws_lent.read_sso_token(text) if text else None
    now_s = (yield from now()).epoch_s
    if text is None or kept is None:
        raise _not_signed_on(told, "is not there")
    if kept.ends_epoch_s > now_s + RENEWAL_S or (kept.ends_epoch_s > now_s and not kept.may_be_renewed(now_s)):
        return Token(kept.access_token, kept.ends_epoch_s)
    if not kept.may_be_renewed(now_s):
        raise _not_signed_on(told, "has ended")
    try:
        renewed = yield from exchange(partial(aws_lent.renewal_grant, url, kept), partial(aws_lent.read_renewed, token=kept), timeouts)
    except AuthFailed as error:
        raise _not_signed_on(told, f"has ended, and {error.message}") from None
    ring.keep_text(ring.path(told.path), aws_lent.with_sso_token(text, renewed))
    return Token(renewed.access_token, renewed.ends_epoch_s)


def _not_signed_on(told: SignOn, state: str) -> MissingKey:
    return MissingKey(f"the AWS profile {told.profile!r}: the token of single sign-on {state}; run: aws sso login --profile {told.profile}")


# --- a program


def program(profile: str, command: str) -> Source:
    """The keys that a program prints, which the profile names."""
    found = f"the AWS profile {profile}, its credential_process"
    return Source(found, None, Lender(("program", command), partial(_printed_keys, command, found)))


def _printed_keys(command: str, found: str, timeouts: Timeouts) -> Flow[LentKeys]:
    told = yield from printed(command, min(PROGRAM_WAIT_S, timeouts.shortest_s or PROGRAM_WAIT_S))
    return aws_lent.read_printed(told, found)


# --- the machine


def _may_be_asked(ring: Keyring) -> bool:
    return (ring.value("AWS_EC2_METADATA_DISABLED") or "").lower() != "true"


def _url(ring: Keyring) -> str:
    return aws_lent.machine_url(ring.value("AWS_EC2_METADATA_SERVICE_ENDPOINT"), ring.value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))


def machine(ring: Keyring, row: Provider) -> Source | None:
    """The keys of the machine's own role, if it has one: the last who is asked. ``None`` where the user forbids it."""
    if not _may_be_asked(ring):
        return None
    url = _url(ring)
    asking = partial(_or_nobody, row, url, _asked_machine)
    return Source(f"the machine's role, told by {url}", None, Lender(("machine", url), asking))


def machine_region(ring: Keyring, row: Provider, zone_url: str, timeouts: Timeouts) -> Flow[str]:
    """The region of the machine, from the name of the zone that it tells at ``zone_url``. Raises ``MissingKey`` where it tells none."""
    if not _may_be_asked(ring):
        raise missing_credentials(row)
    zone = yield from _or_nobody(row, _url(ring), partial(_told, zone_url), timeouts)
    return zone[:-1]


def _or_nobody(row: Provider, url: str, asking: Callable[[str, Timeouts], Flow[T]], timeouts: Timeouts) -> Flow[T]:
    """What the machine says; where it says nothing, credentials are missing."""
    try:
        return (yield from asking(url, timeouts))
    except NOBODY as error:
        hint = "; for programs in containers its hop limit must be 2" if isinstance(error, TimedOut) else ""
        words = error.message.removeprefix(f"{_named(url)} ")
        raise missing_credentials(row, f"asked last was the metadata of the machine, {url}: {words}{hint}") from None


def _asked_machine(url: str, timeouts: Timeouts) -> Flow[LentKeys]:
    """A session with the metadata, the role's name, its keys: three questions, each with its own short wait."""
    session, left = yield from timed(_session(url, timeouts), timeouts)
    roles = url + aws_lent.ROLES
    line, keys = partial(aws_lent.read_line_of, source=_named(url)), partial(aws_lent.read_keys, source=_named(url))
    ask = partial(aws_lent.machine_grant, roles, session)
    role, left = yield from timed(exchange(ask, line, left.each_at_most(MACHINE_WAIT_S)), left)
    return (yield from exchange(partial(aws_lent.machine_grant, roles + role, session), keys, left.each_at_most(MACHINE_WAIT_S)))


def _told(line_url: str, url: str, timeouts: Timeouts) -> Flow[str]:
    """The line that the metadata has at ``line_url``."""
    session, left = yield from timed(_session(url, timeouts), timeouts)
    read = partial(aws_lent.read_line_of, source=_named(url))
    return (yield from exchange(partial(aws_lent.machine_grant, line_url, session), read, left.each_at_most(MACHINE_WAIT_S)))


def _session(url: str, timeouts: Timeouts) -> Flow[str]:
    read = partial(aws_lent.read_line_of, source=_named(url))
    return (yield from exchange(partial(aws_lent.session_grant, url), read, timeouts.each_at_most(MACHINE_WAIT_S)))


def _named(url: str) -> str:
    return f"the metadata of the machine, {url},"
