"""From the connections of a LiteLLM file's deployments to tables of providers: the same connection is one table, further ones are rows of
the file's own that are like the catalogue's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.gateway.config.toml_text import toml_table

_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_OF_OPENAI: Final = re.compile(r"https://([a-z]+\.)?api\.openai\.com(/v1)?/?")
_AZURE_PATH: Final = "/openai/deployments/{model}/chat/completions?api-version="


class Connection(msgspec.Struct, frozen=True):
    """What a deployment says of how its provider is reached, variables as they stand here."""

    key: str | tuple[tuple[str, str], ...] | None = None
    base_url: str | None = None
    api_version: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Account(msgspec.Struct):
    """A table of a provider: its name, whom it is like, and which models are asked of it."""

    name: str
    like: str | None
    connection: Connection
    models: list[str]

    def text(self, catalogue: Catalogue) -> str:
        quirks = dict(self._quirks(catalogue))
        is_row = self.like is not None and self.like != self.name
        fields = {
            "like": self.like if is_row else None,
            "dialect": "openai_chat" if self.like is None else None,
            "base_url": self.connection.base_url,
            "key": dict(self.connection.key) if isinstance(self.connection.key, tuple) else self.connection.key,
            "models": None if any("*" in model for model in self.models) else self.models,
            "quirks": quirks,
        }
        return toml_table(("providers", self.name), fields)

    def _quirks(self, catalogue: Catalogue) -> Iterator[tuple[str, object]]:
        if self.connection.api_version is not None:
            yield "path", _AZURE_PATH + self.connection.api_version
        if self.connection.headers:
            own = catalogue.provider(self.like).quirks.get("headers", {}) if self.like else {}
            yield "headers", own | dict(self.connection.headers)


class Accounts:
    """The tables, in the order in which they are first needed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, Connection], Account] = {}

    def name_of(self, provider: str, connection: Connection, model: str) -> str:
        """The table that reaches ``provider`` so; it is made where there is none."""
        account = self._known.get((provider, connection))
        if account is None:
            account = self._known[provider, connection] = self._new(provider, connection)
        if model not in account.models:
            account.models.append(model)
        return account.name

    def names(self) -> set[str]:
        return {account.name for account in self._known.values()}

    def text(self) -> str:
        return "\n".join(account.text(self._catalogue) for account in self._known.values())

    def _new(self, provider: str, connection: Connection) -> Account:
        is_foreign = provider == "openai" and connection.base_url is not None and not _OF_OPENAI.fullmatch(connection.base_url)
        is_plain = not is_foreign and connection.api_version is None and not connection.headers
        if is_plain and provider not in self.names():
            return Account(provider, provider, connection, [])
        return Account(self._free_name(provider, connection, is_foreign), None if is_foreign else provider, connection, [])

    def _free_name(self, provider: str, connection: Connection, is_foreign: bool) -> str:
        place = _slug(connection.base_url or "")
        if is_foreign:
            wanted = place or "own"
        else:
            wanted = f"{provider}-{place.partition('-openai-azure')[0]}" if place and provider.startswith("azure") else f"{provider}-2"
        taken = self.names() | set(self._catalogue.names())
        numbered = (f"{wanted.removesuffix('-2')}-{number}" for number in range(2, 10_000))
        return next(name for name in (wanted, *numbered) if name not in taken)


def _slug(base_url: str) -> str:
    """A provider's name from an address: its host and port, or the variable that holds it."""
    try:
        place = urlsplit(base_url).netloc or base_url
    except ValueError:
        place = base_url
    return _NO_NAME.sub("-", place.lower()).strip("-")
