"""Profiles of AWS's own tools: keys that stand in them, roles, web identities, single sign-on; in the order in which boto3 looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.credentials.aws_sources import SignOn, Source, container, identity_role, machine, program, sign_on, taken_role
from dragoman.credentials.keyring import Keyring
from dragoman.settings import NOTHING
from dragoman.sign import aws
from dragoman.sign.aws_sts import Role
from dragoman.sign.sigv4 import Credentials

Settings: TypeAlias = Mapping[str, str]
SIGN_ON: Final = ("sso_role_name", "sso_account_id", "sso_start_url", "sso_region")


class Setting(msgspec.Struct, frozen=True):
    """Where a profile is read, for whom, and which ones led to it."""

    ring: Keyring
    row: Provider
    region: str
    """Where roles are asked for."""
    visited: tuple[str, ...] = ()


def environment_keys(ring: Keyring) -> Credentials | None:
    """The keys in the environment. Raises ``MissingKey`` where it has half of them."""
    access, secret = ring.variable("AWS_ACCESS_KEY_ID"), ring.variable("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        session = ring.variable("AWS_SESSION_TOKEN")
        return Credentials(access[0], secret[0], session[0] if session else None)
    if access or secret:
        told, lacking = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if access else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        raise MissingKey(f"{told} is set, but not {lacking}; AWS signs with both")
    return None


def environment_identity(setting: Setting) -> Source | None:
    """The role that the environment lets the bearer of a token take, as in Kubernetes. Raises ``UsageError`` where it names none."""
    path, arn = setting.ring.value("AWS_WEB_IDENTITY_TOKEN_FILE"), setting.ring.value("AWS_ROLE_ARN")
    if path is None:
        return None
    if arn is None:
        raise UsageError("AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN; a role is needed")
    return identity_role(setting.ring, Role(arn, setting.ring.value("AWS_ROLE_SESSION_NAME")), path, setting.region)


def takes_role(setting: Setting, name: str) -> bool:
    """Whether the profile is of a role that other keys take; such a one goes before the environment's web identity."""
    settings = setting.ring.profile(name) or NOTHING
    return "role_arn" in settings and "web_identity_token_file" not in settings


def profile_source(setting: Setting, name: str) -> Source | None:
    """Where the keys of the profile ``name`` come from; ``None`` where it has none. Raises ``UsageError``."""
    settings = setting.ring.profile(name)
    if settings is None:
        raise MissingKey(f"the AWS profile {name!r} is neither in ~/.aws/credentials nor in ~/.aws/config", provider=setting.row.name)
    found = next((source for way in _WAYS if (source := way(setting, name, settings))), None)
    if found is None:
        aws.check_profile(name, settings)
    return found


def _of_role(setting: Setting, name: str, settings: Settings) -> Source | None:
    if not takes_role(setting, name) or (setting.visited and "aws_access_key_id" in settings):
        return None  # keys beside a role are the role's own, and of a profile that another one names the keys are meant
    if "mfa_serial" in settings:
        aws.check_profile(name, settings)
    return taken_role(setting.ring, _role(name, settings), _lending(setting, name, settings), setting.region)


def _lending(setting: Setting, name: str, settings: Settings) -> Source:
    """Whose keys take the profile's role."""
    profile, place = settings.get("source_profile"), settings.get("credential_source")
    if (profile is None) == (place is None):
        raise UsageError(f"the AWS profile {name!r} names a role, and needs either source_profile or credential_source")
    if place is not None:
        return _named_place(setting, name, place)
    assert profile is not None
    if profile in setting.visited:
        raise UsageError(f"the AWS profiles {', '.join((*setting.visited, name))} name one another as source_profile, in a circle")
    below = msgspec.structs.replace(setting, visited=(*setting.visited, name))
    found = profile_source(below, profile)
    if found is None:
        raise MissingKey(f"the AWS profile {profile!r}, source_profile of {name!r}, holds no keys", provider=setting.row.name)
    return found


def _named_place(setting: Setting, name: str, place: str) -> Source:
    found = _PLACES[place](setting) if place in _PLACES else None
    if place not in _PLACES:
        raise UsageError(f"the AWS profile {name!r}: credential_source {place!r} was found; {', '.join(_PLACES)} are allowed")
    if found is None:
        raise MissingKey(f"the AWS profile {name!r}: credential_source {place} gives no keys here", provider=setting.row.name)
    return found


def _of_environment(setting: Setting) -> Source | None:
    keys = environment_keys(setting.ring)
    return Source("AWS_ACCESS_KEY_ID", keys) if keys else None


_PLACES: Final[Mapping[str, Callable[[Setting], Source | None]]] = {
    "Environment": _of_environment,
    "EcsContainer": lambda setting: container(setting.ring),
    "Ec2InstanceMetadata": lambda setting: machine(setting.ring, setting.row),
}


def _role(name: str, settings: Settings) -> Role:
    told = settings.get("duration_seconds", "")
    duration_s = int(told) if told.isdecimal() else None
    return Role(settings["role_arn"], settings.get("role_session_name"), settings.get("external_id"), duration_s)


def _of_identity(setting: Setting, name: str, settings: Settings) -> Source | None:
    path = settings.get("web_identity_token_file")
    if path is None:
        return None
    if "role_arn" not in settings:
        raise UsageError(f"the AWS profile {name!r} has web_identity_token_file, but not role_arn")
    return identity_role(setting.ring, Role(settings["role_arn"], settings.get("role_session_name")), path, setting.region)


def _of_sign_on(setting: Setting, name: str, settings: Settings) -> Source | None:
    if not any(wanted in settings for wanted in SIGN_ON[:2]):
        return None
    session = settings.get("sso_session")
    told = {**settings, **((setting.ring.session(session) if session else None) or {})}
    lacking = [wanted for wanted in SIGN_ON if wanted not in told]
    if lacking:
        where = f" (sso_session {session!r})" if session else ""
        raise UsageError(f"the AWS profile {name!r}{where} is for single sign-on and lacks {', '.join(lacking)}")
    start = session or told["sso_start_url"]
    return sign_on(setting.ring, SignOn(name, told["sso_region"], start, told["sso_role_name"], told["sso_account_id"]))


def _of_keys(setting: Setting, name: str, settings: Settings) -> Source | None:
    keys = aws.profile_keys(name, settings)
    return Source(f"the AWS profile {name}", keys) if keys else None


def _of_program(setting: Setting, name: str, settings: Settings) -> Source | None:
    command = settings.get("credential_process")
    return program(name, command) if command else None


_WAYS: Final = (_of_role, _of_identity, _of_sign_on, _of_keys, _of_program)
