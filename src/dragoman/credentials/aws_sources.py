"""AWS's keys that somebody lends: a role, a container's agent, single sign-on, the machine. Each is asked when a call wants keys."""

from __future__ import annotations

from functools import partial
from typing import Final, TypeVar

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import ConnectFailed, MissingKey, TimedOut
from dragoman.core.exchange import Timeouts
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
    return (yield from shortly(asking, found))


def shortly(asking: Flow[T], found: str) -> Flow[T]:
    """What an agent that stands near says. Raises ``ConnectFailed`` where it is silent, for that is no fault of the caller's patience."""
    try:
        return (yield from asking)
    except TimedOut as error:
        raise ConnectFailed(f"{found}: {error.message}") from None


# --- single sign-on


def sign_on(ring: Keyring, profile: str, region: str, start: str, role: str, account_id: str) -> Source:
    """The keys of a role for who has signed on by AWS's own tools; ``start`` is the name under which they keep his token."""
    url = _endpoint(ring, "SSO", f"https://portal.sso.{region}.amazonaws.com")
    found = f"the AWS profile {profile}, single sign-on"
    fetch = partial(_signed_on_keys, ring, profile, url, f"~/.aws/sso/cache/{aws_lent.sso_file(start)}", role, account_id)
    return Source(found, None, Lender(("sso", url, start, role, account_id), fetch))


def _signed_on_keys(ring: Keyring, profile: str, url: str, path: str, role: str, account_id: str, timeouts: Timeouts) -> Flow[LentKeys]:
    text = ring.text(ring.path(path), must_be=False)
    kept = aws_lent.read_sso_token(text) if text else None
    instant = yield from now()
    if kept is None or kept[1] <= instant.epoch_s:
        state = "has ended" if kept else "is not there"
        raise MissingKey(f"the AWS profile {profile!r}: the token of single sign-on {state}; run: aws sso login --profile {profile}")
    read = partial(aws_lent.read_role_keys, source=f"the AWS profile {profile!r}, single sign-on,")
    return (yield from exchange(partial(aws_lent.sso_grant, url, kept[0], role, account_id), read, timeouts))


# --- a program


def program(profile: str, command: str) -> Source:
    """The keys that a program prints, which the profile names."""
    found = f"the AWS profile {profile}, its credential_process"
    return Source(found, None, Lender(("program", command), partial(_printed_keys, command, found)))


def _printed_keys(command: str, found: str, timeouts: Timeouts) -> Flow[LentKeys]:
    told = yield from printed(command, min(PROGRAM_WAIT_S, timeouts.shortest_s or PROGRAM_WAIT_S))
    return aws_lent.read_printed(told, found)


# --- the machine


def machine(ring: Keyring, row: Provider) -> Source | None:
    """The keys of the machine's own role, if it has one: the last who is asked. ``None`` where the user forbids it."""
    if (ring.value("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        return None
    url = aws_lent.machine_url(ring.value("AWS_EC2_METADATA_SERVICE_ENDPOINT"), ring.value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))
    return Source(f"the machine's role, told by {url}", None, Lender(("machine", url), partial(_machine_keys, row, url)))


def _machine_keys(row: Provider, url: str, timeouts: Timeouts) -> Flow[LentKeys]:
    try:
        return (yield from _asked_machine(url, timeouts))
    except NOBODY as error:
        hint = "; for programs in containers its hop limit must be 2" if isinstance(error, TimedOut) else ""
        raise missing_credentials(row, f"asked last was the metadata of the machine, {url}: {error.message}{hint}") from None


def _asked_machine(url: str, timeouts: Timeouts) -> Flow[LentKeys]:
    """A session with the metadata, the role's name, its keys: three questions, each with its own short wait."""
    found = f"the metadata of the machine, {url},"
    line, keys = partial(aws_lent.read_line_of, source=found), partial(aws_lent.read_keys, source=found)
    ask = partial(aws_lent.session_grant, url)
    session, left = yield from timed(exchange(ask, line, timeouts.each_at_most(MACHINE_WAIT_S)), timeouts)
    roles = url + aws_lent.ROLES
    ask = partial(aws_lent.machine_grant, roles, session)
    role, left = yield from timed(exchange(ask, line, left.each_at_most(MACHINE_WAIT_S)), left)
    return (yield from exchange(partial(aws_lent.machine_grant, roles + role, session), keys, left.each_at_most(MACHINE_WAIT_S)))
