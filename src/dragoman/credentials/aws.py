"""AWS: keys from the call, the environment or a profile, and the region that they sign for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.exchange import Call
from dragoman.core.token import Key
from dragoman.credentials.keyring import Access, Keyring, check_fields, own_token, plain
from dragoman.flow.tokens import TimedSigner
from dragoman.settings import NOTHING, check_key
from dragoman.sign import aws, sigv4

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
    keys = _environment(ring)
    if keys:
        return _signed(ring, row, keys, "AWS_ACCESS_KEY_ID")
    profile = ring.value(*PROFILES)
    if profile:
        return _from_profile(ring, row, profile)
    stored = ring.surroundings.stored_key(row)
    return _given(ring, row, *stored) if stored else _from_profile(ring, row, None)


def _given(ring: Keyring, row: Provider, given: Key, found: str) -> Access | None:
    if isinstance(given, str):
        key = check_key(given, found)
        if ":" in key:
            return _signed(ring, row, aws.read_line(key, found), found)
        return plain(row, key, found, known=_in_region(_region(ring, None, None)))
    check_fields(given, FIELDS, found)
    region = given.get("region")
    if "token" in given:
        return own_token(given["token"], found, _in_region(_region(ring, region, None)))
    if "profile" in given:
        return _from_profile(ring, row, given["profile"], region)
    lacking = [name for name in FIELDS[:2] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    keys = sigv4.Credentials(given["access_key_id"], given["secret_access_key"], given.get("session_token"))
    return _signed(ring, row, keys, found, region)


def _environment(ring: Keyring) -> sigv4.Credentials | None:
    access, secret = ring.variable("AWS_ACCESS_KEY_ID"), ring.variable("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        session = ring.variable("AWS_SESSION_TOKEN")
        return sigv4.Credentials(access[0], secret[0], session[0] if session else None)
    if access or secret:
        told, lacking = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if access else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        raise MissingKey(f"{told} is set, but not {lacking}; AWS signs with both")
    return None


def _from_profile(ring: Keyring, row: Provider, name: str | None, region: str | None = None) -> Access | None:
    """The keys of the profile ``name``; of the one that AWS's tools take by default, if there are any."""
    settings = ring.profile(name or aws.DEFAULT_PROFILE)
    if settings is None:
        if name is None:
            return None
        raise MissingKey(f"the AWS profile {name!r} is neither in ~/.aws/credentials nor in ~/.aws/config", provider=row.name)
    keys = aws.profile_keys(name or aws.DEFAULT_PROFILE, settings)
    if keys:
        return _signed(ring, row, keys, f"the AWS profile {name or aws.DEFAULT_PROFILE}", region or _region(ring, None, name))
    if name is None:
        return None
    raise MissingKey(f"the AWS profile {name!r} holds no keys: aws_access_key_id and aws_secret_access_key", provider=row.name)


def _region(ring: Keyring, given: str | None, profile: str | None) -> str | None:
    told = given or ring.value(*REGIONS)
    return told or (ring.profile(profile or ring.value(*PROFILES) or aws.DEFAULT_PROFILE) or NOTHING).get("region")


def _in_region(region: str | None) -> Mapping[str, str]:
    return dict.fromkeys(REGIONS, region) if region else NOTHING


def _signed(ring: Keyring, row: Provider, keys: sigv4.Credentials, found: str, region: str | None = None) -> Access:
    told = region or _region(ring, None, None)
    if not told:
        raise UsageError(f"{row.name}: a region is needed; set {', '.join(REGIONS[:-1])} or {REGIONS[-1]}, or a profile's region")
    if not row.auth.service:
        raise UsageError("auth.service: it is missing; signatures of AWS need the service's name")
    sign = partial(_sign, keys=keys, region=told, service=row.auth.service)
    secrets = tuple(secret for secret in (keys.secret_access_key, keys.session_token) if secret)
    return Access(found, None, lambda: TimedSigner(sign, secrets), secrets, _in_region(told))


def _sign(call: Call, now_epoch_s: float, keys: sigv4.Credentials, region: str, service: str) -> Call:
    return sigv4.sign(call, keys, region, service, now_epoch_s)
