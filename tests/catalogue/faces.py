"""What every row is called with: its placeholders and keys as an environment, and a model to ask for."""

from __future__ import annotations

from typing import Final

from dragoman.catalogue.schema import PLACEHOLDER, Provider
from dragoman.sign.key import PLACES

KEY: Final = "key-of-mine"
CLOUDS: Final = ("sigv4", "google", "azure")
"""Places of a key that are signatures with several parts and a time; they are tested where they are made."""


def environment_for(row: Provider) -> dict[str, str]:
    """The least that a user sets for ``row``: the customary key, and the first variable of each placeholder."""
    parts = {found.split("|")[0]: f"my-{found.split('|')[0].lower().replace('_', '-')}" for found in PLACEHOLDER.findall(row.base_url)}
    return {**parts, **({row.auth.variables[0]: KEY} if row.auth.variables else {})}


def filled(row: Provider) -> str:
    """The row's address as it is with ``environment_for``."""
    surroundings = environment_for(row)
    return PLACEHOLDER.sub(lambda found: surroundings[found[1].split("|")[0]], row.base_url)


def model_for(row: Provider) -> str:
    """A model of ``row`` to ask for, as a user writes it."""
    return f"{row.name}/{row.default_model or (row.models[0].name if row.models else 'some-model')}"


def is_plain(row: Provider) -> bool:
    """Whether the key is put into the call as it is."""
    return row.auth.place in PLACES
