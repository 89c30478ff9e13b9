"""Where keys, addresses and a user's own provider rows come from.

The order for a key: argument, client, environment, key file. Everything is looked up when it is needed, and the environment and the
folder are arguments, so nothing is read at import and tests need no patching.

Files, below ``$DRAGOMAN_HOME`` or else ``$XDG_CONFIG_HOME/dragoman`` (``~/.config/dragoman``):

``keys.toml``
    ``openai = "sk-…"``, one line a provider
``providers.toml``
    rows of the user's own, each a table ``[providers.<name>]``
``providers/<name>.toml``
    one row a file
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import PLACEHOLDER, Provider
from dragoman.core.errors import MissingKey, UsageError
from dragoman.core.token import Key

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Surroundings:
    """The environment and the user's folder."""

    def __init__(self, environment: Mapping[str, str] | None = None, home: Path | None = None) -> None:
        self.environment: Mapping[str, str] = os.environ if environment is None else environment
        self._home = home
        self._keys: dict[str, str] | None = None

    @property
    def home(self) -> Path:
        """The folder of the user's files; it need not exist."""
        if self._home is not None:
            return self._home
        told = self.environment.get("DRAGOMAN_HOME")
        if told:
            return Path(told)
        config = self.environment.get("XDG_CONFIG_HOME")
        return (Path(config) if config else Path.home() / ".config") / "dragoman"

    def catalogue(self, files: tuple[Path, ...] = ()) -> Catalogue:
        """The package's rows, over them those in the user's folder, over them those of ``files``."""
        one, folder = self.home / "providers.toml", self.home / "providers"
        own = ([one] if one.is_file() else []) + (sorted(folder.glob("*.toml")) if folder.is_dir() else [])
        return Catalogue((*own, *files))

    def key(self, provider: Provider) -> tuple[str, str] | None:
        """The provider's key and where it was found (a variable's name or the key file), or ``None``."""
        return self.environment_key(provider) or self.stored_key(provider)

    def environment_key(self, provider: Provider) -> tuple[str, str] | None:
        """The provider's key and the variable that holds it, or ``None``."""
        return self.first_set(provider.auth.variables)

    def stored_key(self, provider: Provider) -> tuple[str, str] | None:
        """The provider's key and the path of the key file, or ``None``."""
        stored = self._key_file().get(provider.name)
        return (stored, str(self.home / "keys.toml")) if stored else None

    def stored_names(self) -> list[str]:
        """The names under which keys stand in the key file, as they stand there."""
        return list(self._key_file())

    def first_set(self, variables: Iterable[str]) -> tuple[str, str] | None:
        """The value and name of the first of ``variables`` that is set and not empty."""
        values = ((self.environment.get(variable), variable) for variable in variables)
        return next(((value, variable) for value, variable in values if value), None)

    def base_url(self, provider: Provider, known: Mapping[str, str] = NOTHING) -> str:
        """The provider's address with its placeholders filled, or what the environment puts in its place.

        ``known`` goes before the environment. A placeholder that is in neither is left as it stands; ``lacking`` names it.
        """
        return self._other_base_url(provider) or PLACEHOLDER.sub(lambda found: self._fill(found, known), provider.base_url)

    def lacking(self, provider: Provider, known: Mapping[str, str] = NOTHING) -> list[str]:
        """What the provider's address still needs: variables to set, alternatives as ``A or B``."""
        if self._other_base_url(provider):
            return []
        return list(dict.fromkeys(found.replace("|", " or ") for found in PLACEHOLDER.findall(self.base_url(provider, known))))

    def _other_base_url(self, provider: Provider) -> str | None:
        values = (self.environment.get(variable) for variable in provider.base_url_variables)
        return next((value for value in values if value), None)

    def _fill(self, found: re.Match[str], known: Mapping[str, str]) -> str:
        """A placeholder's value; a host may be written with its scheme, as some vendors' own tools want it."""
        values = (known.get(variable) or self.environment.get(variable) for variable in found[1].split("|"))
        return next((value.rpartition("://")[2].rstrip("/") for value in values if value), found[0])

    def _key_file(self) -> dict[str, str]:
        if self._keys is None:
            path = self.home / "keys.toml"
            self._keys = _read_keys(path) if path.is_file() else {}
        return self._keys


def _read_keys(path: Path) -> dict[str, str]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{path}: not valid TOML") from None  # the parser's words could show a key
    for name, value in told.items():
        if not isinstance(value, str) or not value:
            raise UsageError(f'{path}: {name}: a line like {name} = "<key>" is expected')
    return told


def check_key(given: object, what: str) -> str:
    """``given`` as a key that can be put into a header. Raises ``UsageError``, which never shows it."""
    if not isinstance(given, str):
        raise UsageError(f"{what}: {type(given).__name__} was given; a string is expected")
    if not given.strip():
        raise UsageError(f"{what}: an empty key was given; leave it out to use the environment, or give the provider's key")
    if not given.isascii() or not given.isprintable() or " " in given:
        raise UsageError(f"{what}: the key holds characters that no key has (line ends, blanks from copying, letters outside ASCII)")
    return given


def check_parts(given: object, what: str) -> Key:
    """``given`` as a key, or as the parts of one, which a cloud's row understands. Raises ``UsageError``."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            if not isinstance(name, str) or not isinstance(value, str) or not value:
                raise UsageError(f"{what}: {name!r}: {type(value).__name__} was given; each part of a key is a string, and not empty")
        return dict(given)
    return check_key(given, what)


def missing_key(provider: Provider) -> MissingKey:
    """The error where a required key was not found."""
    if provider.auth.missing:
        return MissingKey(provider.auth.missing)
    variables = " or ".join(provider.auth.variables)
    ways = [f"set {variables}"] if variables else []
    ways += [f'pass key="…" or keys={{"{provider.name}": "…"}}', f'or write {provider.name} = "…" into ~/.config/dragoman/keys.toml']
    return MissingKey(f"{provider.title} needs a key: {', '.join(ways)}", provider=provider.name)
