"""AWS: keys from the call, the environment, a profile or who lends them, and the region that they sign for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.exchange import Call, Timeouts
from dragoman.core.token import Key
from dragoman.credentials.aws_profiles import Setting, environment_identity, environment_keys, profile_source, takes_role
from dragoman.credentials.aws_sources import Source, container, identity_role, keys_of, machine, machine_region, taken_role
from dragoman.credentials.keyring import Access, Keyring, check_fields, missing_credentials, own_token, plain
from dragoman.flow.effects import Flow
from dragoman.flow.tokens import Account, TimedSigner, TokenSigner, timed
from dragoman.settings import NOTHING, check_key
from dragoman.sign import aws, sigv4
from dragoman.sign.aws_lent import LentKeys
from dragoman.sign.aws_sts import Role

KEYS: Final = ("access_key_id", "secret_access_key", "session_token")
ROLE: Final = ("role_arn", "role_session_name", "external_id", "web_identity_token_file")
FIELDS: Final = (*KEYS, *ROLE, "region", "profile", "token")
REGIONS: Final = ("AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION")
PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE_NAME")


def find(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    """Keys or a bearer token of Bedrock's own, and the region, from where they are first found. Raises ``UsageError``."""
    if given is None:
        return _found(ring, row, None)
    return _line(ring, row, given, "key", None) if isinstance(given, str) else _parts(ring, row, given, "key")


def _found(ring: Keyring, row: Provider, region: str | None) -> Access | None:
    """What is first found where nothing was given."""
    told = ring.variable(*row.auth.variables)
    if told:
        return plain(row, *told, known=_in_region(_region(ring, region, None)))
    setting = _setting(ring, row, region)
    named = _named(setting)
    if named:
        return _signed(ring, row, named, region)
    stored = ring.surroundings.stored_key(row)
    if stored:
        return _line(ring, row, *stored, region)
    near = _near(setting)
    access = _signed(ring, row, near, region) if near else _last(setting)
    name = ring.value(*PROFILES)
    if access is None and name is not None:
        raise _empty(row, name)
    return access


def _named(setting: Setting) -> Source | None:
    """What the environment names: keys, a profile, a web identity. In boto3's order a role of the default profile is as good as named."""
    name = setting.ring.value(*PROFILES)
    keys = environment_keys(setting.ring)
    if keys:
        return Source("AWS_ACCESS_KEY_ID", keys)
    if takes_role(setting, name or aws.DEFAULT_PROFILE):
        return profile_source(setting, name or aws.DEFAULT_PROFILE)
    return environment_identity(setting) or (profile_source(setting, name) if name else None)


def _near(setting: Setting) -> Source | None:
    """What stands in the default profile where none is named, or what the container's agent gives."""
    ring = setting.ring
    usual = ring.value(*PROFILES) is None and ring.profile(aws.DEFAULT_PROFILE) is not None
    return (profile_source(setting, aws.DEFAULT_PROFILE) if usual else None) or container(ring)


def _last(setting: Setting) -> Access | None:
    """The machine's metadata, which nothing has named; without a region there is nothing to sign for."""
    last = machine(setting.ring, setting.row) if setting.region else None
    return msgspec.structs.replace(_signed(setting.ring, setting.row, last, setting.region), last_resort=True) if last else None


# --- what is given


def _line(ring: Keyring, row: Provider, given: str, found: str, region: str | None) -> Access:
    key = check_key(given, found)
    if ":" in key:
        return _signed(ring, row, Source(found, aws.read_line(key, found)), region)
    return plain(row, key, found, known=_in_region(_region(ring, region, None)))


def _parts(ring: Keyring, row: Provider, given: Mapping[str, str], found: str) -> Access | None:
    """Keys, a profile, a role; a region alone is for what is found."""
    check_fields(given, FIELDS, found)
    region = given.get("region") or _region(ring, None, given.get("profile"))
    if "token" in given:
        return own_token(given["token"], found, _in_region(region))
    setting = _setting(ring, row, region)
    by = _own(setting, given, found)
    if any(name in given for name in ROLE):
        by = _role_of(setting, given, found, by)
    return _signed(ring, row, by, region) if by else _found(ring, row, region)


def _own(setting: Setting, given: Mapping[str, str], found: str) -> Source | None:
    """The keys or the profile that are given."""
    if "profile" in given:
        source = profile_source(setting, given["profile"])
        if source is None:
            raise _empty(setting.row, given["profile"])
        return source
    if not any(name in given for name in KEYS):
        return None
    lacking = [name for name in KEYS[:2] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    return Source(found, sigv4.Credentials(given["access_key_id"], given["secret_access_key"], given.get("session_token")))


def _role_of(setting: Setting, given: Mapping[str, str], found: str, by: Source | None) -> Source:
    """The role that is given, taken by the keys that are given or found, or by the token in a file."""
    if "role_arn" not in given:
        raise UsageError(f"{found}: role_arn: missing", param="role_arn")
    role = Role(given["role_arn"], given.get("role_session_name"), given.get("external_id"))
    if "web_identity_token_file" in given:
        return identity_role(setting.ring, role, given["web_identity_token_file"], setting.region)
    return taken_role(setting.ring, role, by or _whoever(setting), setting.region)


def _whoever(setting: Setting) -> Source:
    """The first of the chain for keys that something else is made of. Raises ``MissingKey``."""
    found = _named(setting) or _near(setting) or machine(setting.ring, setting.row)
    if found is None:
        raise missing_credentials(setting.row)
    return found


def lent_keys(ring: Keyring, row: Provider, zone_url: str | None, timeouts: Timeouts) -> Flow[tuple[sigv4.Credentials, str]]:
    """Keys that are found, for another cloud to see whose they are; and the region, which the machine may tell. Raises what they raise."""
    region, left = _region(ring, None, None), timeouts
    if region is None:
        if zone_url is None:
            raise UsageError(f"{row.name}: its account is known by keys of AWS, for which a region is needed: set AWS_REGION")
        region, left = yield from timed(machine_region(ring, row, zone_url, timeouts), timeouts)
    keys, _ = yield from keys_of(ring, _whoever(_setting(ring, row, region)), left)
    return keys, region


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
