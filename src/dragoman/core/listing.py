"""Which models a service has: what is asked, and the list, free of any vendor's form."""

from __future__ import annotations

import msgspec

from dragoman.core.opaque import Extra


class ListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The list, or with ``page`` the part of it that a vendor calls so."""

    page: str | None = None
    page_size: int | None = None
    extra: Extra = {}


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a service has. What the vendor says of it besides is in ``extra``."""

    name: str
    title: str | None = None
    created_s: int | None = None
    owner: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    extra: Extra = {}


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The models. ``next_page`` asks for what follows, where there is more."""

    models: tuple[ListedModel, ...]
    next_page: str | None = None
    extra: Extra = {}
