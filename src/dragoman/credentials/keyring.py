"""The keyring: what a cloud's credentials become, and the files and tokens that are kept for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import AuthFailed, BadReply, ConnectFailed, MissingKey, StreamCut, TimedOut, UsageError
from dragoman.core.exchange import Call
from dragoman.core.token import Key, Token
from dragoman.flow.tokens import Signer, TokenCache
from dragoman.settings import NOTHING, Surroundings, check_key
from dragoman.sign.key import bearer, in_header

CLOUDS: Final[Mapping[str, str]] = {
    "sigv4": "dragoman.credentials.aws",
    "google": "dragoman.credentials.google",
    "azure": "dragoman.credentials.azure",
}
"""The module whose ``find`` looks for the credentials of a row's ``auth.place``; loaded when the first such row is called."""


NOBODY: Final = (ConnectFailed, TimedOut, StreamCut, BadReply, AuthFailed)
"""What tells that a machine has no such metadata, or no account."""


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

    last_resort: bool = False
    """Whether nothing was found, and the machine's own metadata will be asked whether it has anything."""

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
        find: Find = import_module(CLOUDS[row.auth.place]).find
        found = find(self, row, given)
        return found if found is None or row.auth.required or not found.last_resort else None

    def variable(self, *names: str) -> tuple[str, str] | None:
        """The first of the variables that is set, checked to be a key: its value and name."""
        told = self.surroundings.first_set(names)
        return (check_key(*told), told[1]) if told else None

    def value(self, *names: str) -> str | None:
        """The value of the first of the variables that is set."""
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

    def keep_text(self, path: Path, text: str) -> None:
        """Put ``text`` in the place of what the file holds, for its owner alone; where that cannot be, it is left as it is."""
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)

    def told_token(self, path: str) -> str:
        """The token in the file ``path``. Raises ``UsageError``."""
        token = (self.text(self.path(path)) or "").strip()
        if not token:
            raise UsageError(f"{path}: it is empty; a token is expected")
        return token

    def path(self, told: str) -> Path:
        """The path that a user wrote, ``~`` being his folder."""
        home = self.value("HOME", "USERPROFILE")
        return Path(home, told[2:]) if home and told.startswith("~/") else Path(told)

    def profile(self, name: str) -> dict[str, str] | None:
        """The settings of a profile of AWS's own tools; ``None`` where there is none of that name. Raises ``UsageError``."""
        from dragoman.sign.aws import read_profile  # as the rest of a cloud's code, loaded where it is wanted

        credentials = self.value("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
        texts = (self.text(self.path(credentials), must_be=False), self._config())
        kept = self._profiles.get(name)
        if kept is None or kept[0] != texts:
            kept = self._profiles[name] = (texts, read_profile(name, *texts))
        return kept[1]

    def session(self, name: str) -> dict[str, str] | None:
        """The settings of a single sign-on of AWS's own tools, as ``profile`` has those of a profile."""
        from dragoman.sign.aws import read_session

        return read_session(name, self._config())

    def _config(self) -> str | None:
        return self.text(self.path(self.value("AWS_CONFIG_FILE") or "~/.aws/config"), must_be=False)


def standing_access(row: Provider, surroundings: Surroundings) -> Access | None:
    """How ``row`` would be signed for as things stand; ``None`` also where what is found cannot be used, which a call tells."""
    try:
        return Keyring(surroundings).access(row) if row.auth.place in CLOUDS else None
    except UsageError:
        return None


def missing_credentials(row: Provider, tried: str = "") -> MissingKey:
    """The error where nothing was found to sign with; ``tried`` says who was asked in vain."""
    if row.auth.missing:
        return MissingKey(row.auth.missing, provider=row.name)
    keys = [" or ".join(row.auth.variables)] if row.auth.variables else []
    ways = "; or ".join((*keys, *_WAYS[row.auth.place]))
    words = f'{row.title} needs credentials: set {ways}; or pass key=… or keys={{"{row.name}": …}}'
    return MissingKey(f"{words} ({tried})" if tried else words, provider=row.name)


_WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "sigv4": (
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE, a profile of ~/.aws/credentials or ~/.aws/config",
        "use the role of a machine of AWS, with AWS_REGION",
    ),
    "google": (
        "GOOGLE_APPLICATION_CREDENTIALS or VERTEXAI_CREDENTIALS, the file of an account",
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
        "log in with: gcloud auth application-default login",
        "use the account of a machine of Google Cloud",
    ),
    "azure": (
        "AZURE_AD_TOKEN",
        "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE",
        "use the managed identity of a machine of Azure, with the resource's address",
    ),
}


def plain(row: Provider, key: str, found: str, known: Mapping[str, str] = NOTHING) -> Access:
    """A plain key: in the row's header, or as a bearer token."""
    put = partial(in_header, secret=key, name=row.auth.name) if row.auth.name else partial(bearer, secret=key)
    return Access(found, put, None, (key,), known, account=False)


def own_token(token: str, found: str, known: Mapping[str, str] = NOTHING) -> Access:
    """A token that the user got himself."""
    return Access(found, partial(bearer, secret=check_key(token, found)), None, (token,), known)


def with_bearer(call: Call, token: Token, now_epoch_s: float) -> Call:
    """``call`` with a token that was fetched."""
    return bearer(call, token.text)


def check_fields(given: Mapping[str, str], allowed: tuple[str, ...], found: str) -> None:
    """Raises ``UsageError`` for a part that these credentials do not have."""
    odd = sorted(given.keys() - set(allowed))
    if odd:
        raise UsageError(f"{found}: {odd[0]!r} is no part of these credentials; {nearest(odd[0], list(allowed))}", param=odd[0])


Find: TypeAlias = Callable[[Keyring, Provider, Key | None], Access | None]
