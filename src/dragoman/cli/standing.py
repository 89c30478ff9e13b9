"""How a provider stands on this machine: whether a key was found and where, and what address holds. Knows no key's value."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.credentials import standing_access
from dragoman.settings import NOTHING, Surroundings
from dragoman.transport.target import shown


class Standing(msgspec.Struct, frozen=True):
    """A provider's row with what the surroundings say of it."""

    row: Provider
    key_place: str | None
    """The variable or file that holds the key."""
    base_url: str
    """As it may be printed."""
    base_url_variable: str | None
    """The variable that replaces the row's own address."""
    last_resort: str | None = None
    """Who is asked for credentials with the first call, where none were found."""

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def needs_key(self) -> bool:
        return self.row.auth.required and self.row.auth.place != "none"

    @property
    def is_configured(self) -> bool:
        """The user has set something up for it, and nothing that it needs is missing."""
        touched = self.key_place is not None or self.base_url_variable is not None
        return touched and not self.lacks_key

    @property
    def lacks_key(self) -> bool:
        return self.needs_key and self.key_place is None

    @property
    def is_gone(self) -> bool:
        """The public service is believed not to work, and no other address is set."""
        return not self.row.working and self.base_url_variable is None

    @property
    def key_words(self) -> str:
        """For people: where the key was found, or what to set."""
        if self.key_place:
            return self.key_place
        if not self.needs_key:
            return "not needed"
        return f"missing: {self.row.auth.variables[0]}" if self.row.auth.variables else "missing"

    @property
    def key_words_of_one_wanted(self) -> str:
        """The same where the user has named the provider, so that the machine is asked."""
        return f"none found; asked with the first call: {self.last_resort}" if self.last_resort else self.key_words


def standing(row: Provider, surroundings: Surroundings) -> Standing:
    """How ``row`` stands."""
    access = standing_access(row, surroundings)
    last_resort = access.found if access and access.last_resort else None
    found = (None, access.found) if access and not access.last_resort else surroundings.key(row)
    variable = next((name for name in row.base_url_variables if surroundings.environment.get(name)), None)
    address = surroundings.base_url(row, access.known if access else NOTHING)
    return Standing(row, found[1] if found else None, shown(address), variable, last_resort)


def standings(surroundings: Surroundings, catalogue: Catalogue | None = None) -> Iterator[Standing]:
    """How every provider stands, by name."""
    return (standing(row, surroundings) for row in catalogue or surroundings.catalogue())
