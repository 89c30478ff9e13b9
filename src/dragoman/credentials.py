"""The clouds' credentials: where they are found, and what signs with them.

For a row whose ``auth.place`` is one of ``CLOUDS`` the order is: argument, client, environment, key file, and last the files of the cloud's
own tool. Files are read when a call is made, and again when they have changed; nothing is asked of the machine or of its network. The
folders are those of the environment's ``HOME``.

======== ===========================================================================================================================
sigv4    ``AWS_BEARER_TOKEN_BEDROCK`` and what else the row names; ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
         ``AWS_SESSION_TOKEN``; the profile ``AWS_PROFILE`` in ``~/.aws/credentials`` and ``~/.aws/config``. The region from
         ``AWS_REGION``, ``AWS_REGION_NAME``, ``AWS_DEFAULT_REGION``, the profile
google   ``VERTEXAI_CREDENTIALS`` (a path or JSON), ``GOOGLE_APPLICATION_CREDENTIALS`` (a path), ``CLOUDSDK_AUTH_ACCESS_TOKEN``; the row's
         variables; what ``gcloud auth application-default login`` wrote. Project and location from ``VERTEXAI_PROJECT``,
         ``GOOGLE_CLOUD_PROJECT``, ``VERTEXAI_LOCATION``, ``GOOGLE_CLOUD_LOCATION``, the account's file
azure    the row's variables; ``AZURE_AD_TOKEN``; ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``, with
         ``AZURE_AUTHORITY_HOST`` and ``AZURE_SCOPE`` for another cloud
======== ===========================================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.exchange import Call
from dragoman.core.token import Key
from dragoman.flow.tokens import Account, Signer, TimedSigner, TokenCache, TokenSigner
from dragoman.settings import NOTHING, Surroundings, check_key
from dragoman.sign import aws, azure, google, sigv4
from dragoman.sign.key import bearer, in_header
from dragoman.sign.oauth import read_token

AWS_KEY_FIELDS: Final = ("access_key_id", "secret_access_key", "session_token", "region", "profile", "token")
GOOGLE_FIELDS: Final = ("credentials", "project", "location", "token")
AZURE_FIELDS: Final = ("tenant_id", "client_id", "client_secret", "token")

REGIONS: Final = ("AWS_REGION", "AWS_REGION_NAME", "AWS_DEFAULT_REGION")
PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE_NAME")
PROJECTS: Final = ("VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT")
LOCATIONS: Final = ("VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION")
VERTEX_HOST: Final = "VERTEX_HOST"
"""In a base URL: the host of the location, which is not built alike for each."""
GCLOUD_TOKEN: Final = "CLOUDSDK_AUTH_ACCESS_TOKEN"
AZURE_TOKENS: Final = ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN")


class Access(msgspec.Struct, frozen=True):
    """How calls to a provider are signed, and what of their address the credentials tell. It never prints its secrets."""

    found: str
    """Where the credentials were: a variable's name, a file, the call."""
    put: Callable[[Call], Call] | None = None
    """Signs once and for all; or ``signer`` makes what signs each try."""
    signer: Callable[[], Signer] | None = None
    secrets: tuple[str, ...] = ()
    known: Mapping[str, str] = NOTHING
    """Values for the address's placeholders, before the environment's."""
    account: bool = True
    """Whether it is an account rather than a plain key; ``auth.base_url`` is for those."""

    def __repr__(self) -> str:
        return f"Access({self.found!r}, …)"

    def applied(self, call: Call) -> tuple[Call, Signer | None]:
        """``call`` signed; or as it is, and what signs each try of it."""
        return (self.put(call) if self.put else call), (self.signer() if self.signer else None)


class Keyring:
    """Finds the credentials of a cloud; keeps the tokens that were got with them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.tokens = TokenCache()
        self._texts: dict[Path, tuple[tuple[int, int], str]] = {}
        self._profiles: dict[str, tuple[tuple[str | None, ...], dict[str, str] | None]] = {}

    def access(self, row: Provider, given: Key | None = None) -> Access | None:
        """How ``row`` is signed for: with ``given``, or what is found. ``None`` where nothing is. Raises ``UsageError``."""
        find = CLOUDS[row.auth.place]
        return find(self, row, given)

    def variable(self, *names: str) -> tuple[str, str] | None:
        """The first of the variables that is set, checked to be a key: its value and name."""
        told = self.surroundings.first_set(names)
        return (check_key(*told), told[1]) if told else None

    def value(self, *names: str) -> str | None:
        told = self.surroundings.first_set(names)
        return told[0] if told else None

    def text(self, path: Path, must_be: bool = True) -> str | None:
        """What the file holds, read anew where it has changed. ``None`` where it is not there and need not be. Raises ``UsageError``."""
        try:
            seen = path.stat()
            stamp = (seen.st_mtime_ns, seen.st_size)
            kept = self._texts.get(path)
            if kept is None or kept[0] != stamp:
                kept = self._texts[path] = (stamp, path.read_text(encoding="utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError) as fault:
            if must_be:
                raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
            return None
        except OSError as fault:
            raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path}: it is not text in UTF-8") from None
        return kept[1]

    def path(self, told: str) -> Path:
        """The path that a user wrote, ``~`` being his folder."""
        home = self.value("HOME", "USERPROFILE")
        return Path(home, told[2:]) if home and told.startswith("~/") else Path(told)

    def profile(self, name: str) -> dict[str, str] | None:
        """The settings of a profile of AWS's own tools; ``None`` where there is none of that name. Raises ``UsageError``."""
        paths = (self.value("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", self.value("AWS_CONFIG_FILE") or "~/.aws/config")
        texts = tuple(self.text(self.path(path), must_be=False) for path in paths)
        kept = self._profiles.get(name)
        if kept is None or kept[0] != texts:
            kept = self._profiles[name] = (texts, aws.read_profile(name, *texts))
        return kept[1]


def standing_access(row: Provider, surroundings: Surroundings) -> Access | None:
    """How ``row`` would be signed for as things stand; ``None`` also where what is found cannot be used, which a call tells."""
    try:
        return Keyring(surroundings).access(row) if row.auth.place in CLOUDS else None
    except UsageError:
        return None


def missing_credentials(row: Provider) -> MissingKey:
    """The error where nothing was found to sign with."""
    if row.auth.missing:
        return MissingKey(row.auth.missing, provider=row.name)
    plain = [" or ".join(row.auth.variables)] if row.auth.variables else []
    ways = "; or ".join((*plain, *_WAYS[row.auth.place]))
    return MissingKey(f'{row.title} needs credentials: set {ways}; or pass key=… or keys={{"{row.name}": …}}', provider=row.name)


_WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "sigv4": ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_PROFILE, a profile with keys in ~/.aws/credentials"),
    "google": (
        "GOOGLE_APPLICATION_CREDENTIALS or VERTEXAI_CREDENTIALS, the file of an account",
        GCLOUD_TOKEN,
        "log in with: gcloud auth application-default login",
    ),
    "azure": ("AZURE_AD_TOKEN", "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
}


def _plain(row: Provider, key: str, found: str, known: Mapping[str, str] = NOTHING) -> Access:
    """A plain key: in the row's header, or as a bearer token."""
    put = partial(in_header, secret=key, name=row.auth.name) if row.auth.name else partial(bearer, secret=key)
    return Access(found, put, None, (key,), known, account=False)


def _bearer(token: str, found: str, known: Mapping[str, str] = NOTHING) -> Access:
    """A token that the user got himself."""
    return Access(found, partial(bearer, secret=check_key(token, found)), None, (token,), known)


def _check_fields(given: Mapping[str, str], allowed: tuple[str, ...], found: str) -> None:
    odd = sorted(given.keys() - set(allowed))
    if odd:
        raise UsageError(f"{found}: {odd[0]!r} is no part of these credentials; {nearest(odd[0], list(allowed))}", param=odd[0])


# --- AWS --------------------------------------------------------------------------------------------------------------------------------


def _aws(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    if given is not None:
        return _aws_given(ring, row, given, "key")
    told = ring.variable(*row.auth.variables)
    if told:
        return _plain(row, *told, known=_in_region(_region(ring, None, None)))
    keys = _aws_environment(ring)
    if keys:
        return _signed(ring, row, keys, "AWS_ACCESS_KEY_ID")
    profile = ring.value(*PROFILES)
    if profile:
        return _from_profile(ring, row, profile)
    stored = ring.surroundings.stored_key(row)
    return _aws_given(ring, row, *stored) if stored else _from_profile(ring, row, None)


def _aws_given(ring: Keyring, row: Provider, given: Key, found: str) -> Access | None:
    if isinstance(given, str):
        key = check_key(given, found)
        if ":" in key:
            return _signed(ring, row, aws.read_line(key, found), found)
        return _plain(row, key, found, known=_in_region(_region(ring, None, None)))
    _check_fields(given, AWS_KEY_FIELDS, found)
    region = given.get("region")
    if "token" in given:
        return _bearer(given["token"], found, _in_region(_region(ring, region, None)))
    if "profile" in given:
        return _from_profile(ring, row, given["profile"], region)
    lacking = [name for name in AWS_KEY_FIELDS[:2] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    keys = sigv4.Credentials(given["access_key_id"], given["secret_access_key"], given.get("session_token"))
    return _signed(ring, row, keys, found, region)


def _aws_environment(ring: Keyring) -> sigv4.Credentials | None:
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


# --- Google -----------------------------------------------------------------------------------------------------------------------------


def _google(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    if given is not None:
        return _google_given(ring, row, given, "key")
    named = ring.surroundings.first_set(("VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"))
    if named:
        return _google_named(ring, row, *named)
    token = ring.variable(GCLOUD_TOKEN)
    if token:
        return _bearer(*token, known=_located(ring, None, None, None))
    wanted = ring.value(*PROJECTS) is not None  # who names a project means it, and not a key that knows none
    login = _login(ring, row) if wanted else None
    if login:
        return login
    told = ring.variable(*row.auth.variables)
    if told:
        return _plain(row, *told)
    stored = ring.surroundings.stored_key(row)
    return _google_given(ring, row, *stored) if stored else _login(ring, row)


def _google_given(ring: Keyring, row: Provider, given: Key, found: str) -> Access:
    if isinstance(given, str):
        is_account = given.lstrip().startswith("{") or given.endswith(".json")
        return _google_named(ring, row, given, found) if is_account else _plain(row, check_key(given, found), found)
    if "type" in given:
        return _account(ring, row, google.read_account(given, found), found, NOTHING)
    _check_fields(given, GOOGLE_FIELDS, found)
    if "token" in given:
        return _bearer(given["token"], found, _located(ring, given.get("project"), given.get("location"), None))
    if "credentials" not in given:
        raise UsageError(f"{found}: credentials or token: missing", param="credentials")
    return _google_named(ring, row, given["credentials"], found, given)


def _google_named(ring: Keyring, row: Provider, told: str, found: str, parts: Mapping[str, str] = NOTHING) -> Access:
    """An account by its JSON text or by the path of its file."""
    text = told if told.lstrip().startswith("{") else ring.text(ring.path(told))
    return _account(ring, row, google.read_account(text or "", found), found, parts)


def _login(ring: Keyring, row: Provider) -> Access | None:
    """Who logged in with gcloud, if anybody did."""
    roaming = ring.value("APPDATA")  # Windows
    folder = ring.value("CLOUDSDK_CONFIG") or (f"{roaming}/gcloud" if roaming else "~/.config/gcloud")
    path = ring.path(folder) / "application_default_credentials.json"
    text = ring.text(path, must_be=False)
    return None if text is None else _account(ring, row, google.read_account(text, str(path)), str(path), NOTHING)


def _account(ring: Keyring, row: Provider, account: google.GoogleAccount, found: str, parts: Mapping[str, str]) -> Access:
    scope = row.auth.scope or google.SCOPE
    made = Account((account, scope), partial(google.token_grant, account, scope), read_token, partial(google.with_token, account))
    known = _located(ring, parts.get("project"), parts.get("location"), google.project(account))
    secrets = (account.private_key,) if isinstance(account, google.ServiceAccount) else (account.client_secret, account.refresh_token)
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), secrets, known)


def _located(ring: Keyring, project: str | None, location: str | None, own_project: str | None) -> Mapping[str, str]:
    """The project as given, the environment's, the account's own; the location, ``global`` where none is told, and its host."""
    project = project or ring.value(*PROJECTS) or own_project
    location = location or ring.value(*LOCATIONS) or google.GLOBAL
    known = {VERTEX_HOST: google.host(location), **dict.fromkeys(LOCATIONS, location)}
    return known | dict.fromkeys(PROJECTS, project) if project else known


# --- Azure ------------------------------------------------------------------------------------------------------------------------------


def _azure(ring: Keyring, row: Provider, given: Key | None) -> Access | None:
    if given is not None:
        return _azure_given(ring, row, given, "key")
    told = ring.variable(*row.auth.variables)
    if told:
        return _plain(row, *told)
    token = ring.variable(*AZURE_TOKENS)
    if token:
        return _bearer(*token)
    names = [f"AZURE_{name.upper()}" for name in AZURE_FIELDS[:3]]
    found = {name: value for name in names if (value := ring.value(name))}
    if "AZURE_CLIENT_SECRET" in found:
        lacking = [name for name in names if name not in found]
        if lacking:
            raise MissingKey(f"AZURE_CLIENT_SECRET is set, but not {' and '.join(lacking)}; a token needs all of them", provider=row.name)
        return _application(ring, row, *(found[name] for name in names), found="AZURE_CLIENT_SECRET")
    stored = ring.surroundings.stored_key(row)
    return _azure_given(ring, row, *stored) if stored else None


def _azure_given(ring: Keyring, row: Provider, given: Key, found: str) -> Access:
    if isinstance(given, str):
        return _plain(row, check_key(given, found), found)
    _check_fields(given, AZURE_FIELDS, found)
    if "token" in given:
        return _bearer(given["token"], found)
    lacking = [name for name in AZURE_FIELDS[:3] if name not in given]
    if lacking:
        raise UsageError(f"{found}: {' and '.join(lacking)}: missing", param=lacking[0])
    return _application(ring, row, *(given[name] for name in AZURE_FIELDS[:3]), found=found)


def _application(ring: Keyring, row: Provider, tenant: str, client: str, secret: str, *, found: str) -> Access:
    authority = ring.value("AZURE_AUTHORITY_HOST") or azure.AUTHORITY
    application = azure.Application(tenant, client, secret, authority if "://" in authority else f"https://{authority}")
    scope = ring.value("AZURE_SCOPE") or row.auth.scope or azure.SCOPE
    made = Account((application, scope), partial(azure.token_grant, application, scope), read_token, bearer)
    return Access(found, None, lambda: TokenSigner(made, ring.tokens), (secret,))


CLOUDS: Final[Mapping[str, Callable[[Keyring, Provider, Key | None], Access | None]]] = {
    "sigv4": _aws,
    "google": _google,
    "azure": _azure,
}
"""How the credentials of a row's ``auth.place`` are found."""
