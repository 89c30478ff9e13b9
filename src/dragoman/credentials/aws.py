"""AWS: keys from the call, the environment, a profile or who lends them, and the region that they sign for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.exchange import Call
from dragoman.core.token import Key
from dragoman.credentials.aws_profiles import Setting, environment_identity, environment_keys, profile_source, takes_role
from dragoman.credentials.aws_sources import Source, container, machine
from dragoman.credentials.keyring import Access, Keyring, check_fields, own_token, plain
from dragoman.flow.tokens import Account, TimedSigner, TokenSigner
from dragoman.settings import NOTHING, check_key
from dragoman.sign import aws, sigv4
from dragoman.sign.aws_lent import LentKeys

FIELDS: Final = ("access_key_id", "secret_access_key", "session_token", "region", "profile", "token")
REGIONS: Final = ("AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION")
PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE_NAME")


def find(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    """Keys or a bearer token of Bedrock's own, and the region, from where they are first found. Raises ``UsageError``."""
    if given is not None:
        return _given(ring, row, given, "key")
    told = ring.variable(*row.auth.variables)
    if told:
        return plain(row, *told, known=_in_region(_region(ring, None, None)))
    keys = environment_keys(ring)
    if keys:
        return _signed(ring, row, Source("AWS_ACCESS_KEY_ID", keys))
    name = ring.value(*PROFILES)
    found = _first(ring, row, name)
    if found:
        return _signed(ring, row, found)
    stored = ring.surroundings.stored_key(row)
    if stored:
        return _given(ring, row, *stored)
    if name is None and ring.profile(aws.DEFAULT_PROFILE):
        found = profile_source(_setting(ring, row), aws.DEFAULT_PROFILE)
    access = _signed(ring, row, found) if found else _surrounding(ring, row)
    if access is None and name is not None:
        raise _empty(row, name)
    return access


def _first(ring: Keyring, row: Provider, name: str | None) -> Source | None:
    """What the environment names: a profile, a web identity. The order is boto3's, for which a role in the default profile is named too."""
    setting = _setting(ring, row)
    if takes_role(setting, name or aws.DEFAULT_PROFILE):
        return profile_source(setting, name or aws.DEFAULT_PROFILE)
    return environment_identity(setting) or (profile_source(setting, name) if name else None)


def _surrounding(ring: Keyring, row: Provider) -> Access | None:
    """What the container's agent gives; or the machine's metadata, which nothing has named."""
    found = container(ring)
    if found:
        return _signed(ring, row, found)
    last = machine(ring, row)
    if last is None or _region(ring, None, None) is None:  # without a region there is nothing to sign for
        return None
    return msgspec.structs.replace(_signed(ring, row, last), last_resort=True)


def _given(ring: Keyring, row: Provider, given: Key, found: str) -> Access:
    if isinstance(given, str):
        key = check_key(given, found)
        if ":" in key:
            return _signed(ring, row, Source(found, aws.read_line(key, found)))
        return plain(row, key, found, known=_in_region(_region(ring, None, None)))
    check_fields(given, FIELDS, found)
    region = given.get("region")
    if "token" in given:
        return own_token(given["token"], found, _in_region(_region(ring, region, None)))
    if "profile" in given:
        return _profile_of_ones_own(ring, row, given["profile"], region)
    lacking = [name for name in FIELDS[:2] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    keys = sigv4.Credentials(given["access_key_id"], given["secret_access_key"], given.get("session_token"))
    return _signed(ring, row, Source(found, keys), region)


def _profile_of_ones_own(ring: Keyring, row: Provider, name: str, region: str | None) -> Access:
    told = region or _region(ring, None, name)
    found = profile_source(_setting(ring, row, told), name)
    if found is None:
        raise _empty(row, name)
    return _signed(ring, row, found, told)


def _empty(row: Provider, name: str) -> MissingKey:
    return MissingKey(f"the AWS profile {name!r} holds no keys: aws_access_key_id and aws_secret_access_key", provider=row.name)


def _setting(ring: Keyring, row: Provider, region: str | None = None) -> Setting:
    return Setting(ring, row, region or _region(ring, None, None) or "")  # without a region nothing is signed, nor a role asked for


def _region(ring: Keyring, given: str | None, profile: str | None) -> str | None:
    told = given or ring.value(*REGIONS)
    return told or (ring.profile(profile or ring.value(*PROFILES) or aws.DEFAULT_PROFILE) or NOTHING).get("region")


def _in_region(region: str | None) -> Mapping[str, str]:
    return dict.fromkeys(REGIONS, region) if region else NOTHING


def _signed(ring: Keyring, row: Provider, source: Source, region: str | None = None) -> Access:
    told = region or _region(ring, None, None)
    if not told:
        raise UsageError(f"{row.name}: a region is needed; set {', '.join(REGIONS[:-1])} or {REGIONS[-1]}, or a profile's region")
    if not row.auth.service:
        raise UsageError("auth.service: it is missing; signatures of AWS need the service's name")
    if source.lender is not None:
        sign = partial(_sign_lent, region=told, service=row.auth.service)
        account = Account(source.lender.identity, source.lender.fetch, sign)
        return Access(source.found, None, lambda: TokenSigner(account, ring.tokens), (), _in_region(told))
    assert source.keys is not None
    return _signed_for_good(source.found, source.keys, told, row.auth.service)


def _signed_for_good(found: str, keys: sigv4.Credentials, region: str, service: str) -> Access:
    secrets = tuple(secret for secret in (keys.secret_access_key, keys.session_token) if secret)
    sign = partial(_sign, keys=keys, region=region, service=service)
    return Access(found, None, lambda: TimedSigner(sign, secrets), secrets, _in_region(region))


def _sign(call: Call, now_epoch_s: float, keys: sigv4.Credentials, region: str, service: str) -> Call:
    return sigv4.sign(call, keys, region, service, now_epoch_s)


def _sign_lent(call: Call, lent: LentKeys, now_epoch_s: float, region: str, service: str) -> Call:
    return sigv4.sign(call, lent.keys, region, service, now_epoch_s)
