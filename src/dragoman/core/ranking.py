"""Documents put in the order in which they answer a query, free of any vendor's form."""

from __future__ import annotations

import msgspec

from dragoman.core.opaque import Extra, JsonObject


class RankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Documents to rank. ``top_n`` is how many of them to name; ``None`` is all."""

    model: str
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None
    extra: Extra = {}


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A document by its place among those asked about, and how well it answers, from 0 to 1."""

    index: int
    score: float
    extra: Extra = {}


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The best first. ``raw_usage`` is what the vendor counts, which is seldom tokens."""

    results: tuple[Ranked, ...]
    id: str | None = None
    model: str | None = None
    raw_usage: JsonObject | None = None
    extra: Extra = {}
