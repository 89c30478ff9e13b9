"""What the rules judge: a configuration as far as it has the right form, what its file says, and the machine that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from dragoman.catalogue.load import nearest
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import MissingKey, UnknownModel, UsageError
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.gateway.config.form import Fault
from dragoman.gateway.config.own_rows import own_row
from dragoman.gateway.config.tables import Config
from dragoman.router import Router
from dragoman.settings import Surroundings

_WITH_PLAIN_KEYS: Final = ("bearer", "header", "query")


class Case:
    """Reads the catalogue when it is made. Raises ``UsageError`` where a file of the user's folder is wrong."""

    def __init__(self, config: Config, told: dict[str, Any], faults: Sequence[Fault], surroundings: Surroundings) -> None:
        self.config = config
        self.surroundings = surroundings
        self.catalogue = surroundings.catalogue()
        self._told = told
        self._faults = [fault.place for fault in faults]
        self.odd_rows = dict(self._add_own_rows())

    def _add_own_rows(self) -> Iterator[tuple[str, str]]:
        """Puts the file's own rows into the catalogue; gives those that cannot be, and why."""
        for name, table in self.config.providers.items():
            try:
                row = own_row(name, table, self.catalogue)
                if row is not None:
                    self.catalogue.add(row)
            except UsageError as fault:
                yield name, fault.message

    def says(self, *place: str) -> bool:
        """Whether the file has something at ``place``, right or wrong."""
        told: Any = self._told
        for name in place:
            if not isinstance(told, dict) or name not in told:
                return False
            told = told[name]
        return bool(told != {})

    def is_sound(self, *place: str | int) -> bool:
        """Whether what stands at ``place`` has the right form; what has not is known to be faulty, and partly left out here."""
        return not any(fault[: len(place)] == place for fault in self._faults)

    @property
    def discovers(self) -> bool:
        """Whether every provider is served whose key is found."""
        return self.config.discover if self.config.discover is not None else not self.says("providers")

    def is_served(self, name: str) -> bool:
        """Whether callers reach it by its name: it has a table, or is found by its key."""
        return self.says("providers", name) or name in self.config.providers or (self.discovers and self._has_key(name))

    def _has_key(self, name: str) -> bool:
        row = self.row(name)
        if row is None or row.local or not row.working or self.lacks(name) is not None:
            return False
        place = self._router.place(row, None, None)
        return bool(place.secret or (place.access and not place.access.last_resort))  # a machine is not asked for what nobody named

    def row(self, name: str) -> Provider | None:
        """The provider's row, of the catalogue or the file's own."""
        try:
            return self.catalogue.provider(name)
        except UnknownModel:
            return None

    def lacks(self, name: str) -> str | None:
        """What is missing or wrong where the provider would be called; ``None`` where nothing is."""
        row = self.row(name)
        if row is None:
            return f"{name!r} is not known; {nearest(name, self.catalogue.names())}"
        try:
            self._router.place(row, None, None)
        except MissingKey as fault:
            return _without_key(row) if row.auth.place in _WITH_PLAIN_KEYS else fault.message
        except UsageError as fault:
            return fault.message
        return None

    @cached_property
    def _router(self) -> Router:
        tables = self.config.providers.items()
        keys = {name: table.key for name, table in tables if table.key is not None}
        base_urls = {name: table.base_url for name, table in tables if table.base_url is not None}
        return Router(self.surroundings, self.catalogue, keys, base_urls, RetryPolicy(), RetryBudget())


def _without_key(row: Provider) -> str:
    variables = " or ".join(row.auth.variables)
    return f'{row.title} needs a key: {f"set {variables}, or " if variables else ""}write it here, such as key = "${{NAME}}"'
