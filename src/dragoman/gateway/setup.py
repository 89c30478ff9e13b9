"""A configuration made ready: catalogue, router, routes, keys. Made anew at each reload; nothing in it is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Timeouts
from dragoman.core.token import Key
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.gateway.client_keys import ClientKeys
from dragoman.gateway.config.file import read_config
from dragoman.gateway.config.own_rows import own_row
from dragoman.gateway.config.tables import Config
from dragoman.gateway.prompts.legs import Upstreams
from dragoman.gateway.routes import Routes, with_waits
from dragoman.router import Router, check_base_url
from dragoman.settings import Surroundings

NOTHING_FOUND: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
BUDGET_SIZE: Final = 100.0
"""How many retries a gateway, which serves many callers, may make beyond one in ten calls."""


class Setup:
    """What a configuration amounts to, in these surroundings. Raises ``UsageError`` where it cannot work."""

    def __init__(self, config: Config, surroundings: Surroundings, found: Mapping[str, tuple[str, ...]] = NOTHING_FOUND) -> None:
        self.config = config
        self.surroundings = surroundings
        self.timeouts = with_waits(Timeouts(), config.timeouts)
        catalogue = surroundings.catalogue()
        for name, table in config.providers.items():
            row = own_row(name, table, catalogue)
            if row is not None:
                catalogue.add(row)
        policy, budget = RetryPolicy(tries=config.max_retries + 1), RetryBudget(size=BUDGET_SIZE)
        self.router = Router(surroundings, catalogue, _keys(config), _base_urls(config), policy, budget)
        self.upstreams = Upstreams(self.router, policy, budget)
        self.providers = self._served(config, found)
        self.routes = Routes(catalogue, self.providers, config.models, self.timeouts)
        self.client_keys = ClientKeys(config.keys)
        self.callers_are_apart = len(self.client_keys) > 1 and not config.shared_account
        """Whether one caller may not reach what a provider keeps for another in the account that all of them share."""

    @property
    def catalogue(self) -> Catalogue:
        return self.router.catalogue

    def _served(self, config: Config, found: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The providers that callers may reach, and the models that the file names for each."""
        served = {name: table.models for name, table in config.providers.items()}
        if config.discover if config.discover is not None else not config.providers:
            served |= {name: models for name, models in self._discovered(found) if name not in served}
        return served

    def _discovered(self, found: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What runs here, and whatever the environment has a key for; of several rows of one host the first, which has its other faces."""
        hosts: set[str] = set()
        for row in self.catalogue:
            if row.name in found:
                yield row.name, found[row.name]
            elif not row.local and (row.working or self._is_moved(row)) and row.base_url not in hosts and self.has_key(row):
                hosts.add(row.base_url)
                yield row.name, ()

    def _is_moved(self, row: Provider) -> bool:
        """Whether the environment names another address for it: where the customary one is gone, or no key is wanted, that asks for it."""
        return self.surroundings.first_set(row.base_url_variables) is not None

    def has_key(self, row: Provider) -> bool:
        """Whether the environment or the key file holds what ``row`` wants of its callers.

        One that wants nothing has to be named, if only by an address for it, and so has one for which the machine itself would be asked.
        """
        try:
            place = self.router.place(row, None, None)
        except DragomanError:
            return False
        return not place.access.last_resort if place.access else bool(place.secret) or self._is_moved(row)


class Start(msgspec.Struct, frozen=True):
    """Where a configuration comes from: what every process of a gateway, and each reload, begins with."""

    path: str | None = None
    made: Config | None = None
    """Instead of a file."""
    found: dict[str, tuple[str, ...]] = {}
    """Local servers that were found running, and their models."""
    callers: str | None = None
    """A file with keys of callers, where no configuration names them."""

    def read(self, surroundings: Surroundings) -> Setup:
        """Raises ``UsageError`` with everything that is wrong."""
        config = self.made or Config()
        if self.path is not None:
            config = read_config(Path(self.path), surroundings.environment)
        if not config.keys and self.callers is not None and Path(self.callers).is_file():
            kept = read_config(Path(self.callers), surroundings.environment)
            config = msgspec.structs.replace(config, keys=kept.keys)
        return Setup(config, surroundings, self.found)


def _keys(config: Config) -> Mapping[str, Key]:
    return {name: table.key for name, table in config.providers.items() if table.key is not None}


def _base_urls(config: Config) -> dict[str, str]:
    urls = {name: table.base_url for name, table in config.providers.items() if table.base_url is not None}
    return {name: check_base_url(url, f"providers.{name}.base_url") for name, url in urls.items()}
