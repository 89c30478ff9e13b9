"""Rows of the file's own: providers that no catalogue has, and second accounts at those that it has."""

from __future__ import annotations

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import UsageError
from dragoman.core.opaque import JsonObject
from dragoman.gateway.config.tables import ProviderTable


def own_row(name: str, table: ProviderTable, catalogue: Catalogue) -> Provider | None:
    """The row that ``table`` makes; ``None`` where it only sets up one of the catalogue's.

    Raises ``UsageError``, ``UnknownModel`` where it is like one that is not known.
    """
    if table.dialect is None and table.like is None:
        return None
    model: JsonObject = _as_told(catalogue.provider(table.like)) if table.like is not None else {"auth": {"required": False}}
    told = {field: value for field in _OWN if (value := getattr(table, field)) is not None}
    row = {**model, **told, "name": name, "title": table.title or name, "quirks": {**model.get("quirks", {}), **(table.quirks or {})}}
    if "base_url" not in row:
        raise UsageError("base_url is missing; a provider of one's own needs it beside dialect")
    known = {one["name"] for one in model.get("models", [])}
    row["models"] = [*model.get("models", []), *({"name": one} for one in table.models if one not in known)]
    try:
        return msgspec.convert(row, Provider)
    except msgspec.ValidationError as fault:
        raise UsageError(str(fault)) from None


_OWN = ("dialect", "base_url", "auth", "abilities", "prices")


def _as_told(row: Provider) -> JsonObject:
    told: JsonObject = msgspec.to_builtins(row)
    told["base_url_variables"] = []  # they are the other's, and would send this one's key there
    return told
