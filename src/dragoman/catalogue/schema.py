"""The form of a provider's row. A field that is not here is an error, with the nearest name."""

from __future__ import annotations

from typing import Literal

import msgspec

from dragoman.core.opaque import JsonObject


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a provider's key comes from and where it goes."""

    variables: tuple[str, ...] = ()
    """Environment variables in which users keep the key, the customary one first."""
    place: Literal["bearer", "header", "query", "none"] = "bearer"
    """``bearer`` is the Authorization header; ``header`` and ``query`` use ``name``."""
    name: str | None = None
    required: bool = True
    missing: str | None = None
    """The words of the error where a required key is missing, for a provider whose users know them."""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a provider."""

    name: str
    context_tokens: int | None = None
    output_tokens: int | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place to send requests to."""

    name: str
    """As users write it before the slash: lower-case letters, digits, ``-`` and ``_``."""
    title: str
    dialect: str
    base_url: str
    """What stands before the dialect's own path."""
    base_url_variables: tuple[str, ...] = ()
    """Environment variables that replace ``base_url``."""
    auth: Auth = Auth()
    url: str | None = None
    """The provider's home page, for people."""
    docs: str | None = None
    models: tuple[Model, ...] = ()
    default_model: str | None = None
    closed_models: bool = False
    """Only the listed models exist; any other name is an error at the call."""
    quirks: JsonObject = {}
    """Declared deviations, in the form of ``wire.quirks.Quirks``."""
    local: bool = False
    """Runs on the user's own machine."""
    working: bool = True
    """Whether the service is believed to work."""
    checked: str | None = None
    """The day (ISO) on which this row was last held against the provider's documentation."""
    note: str | None = None
