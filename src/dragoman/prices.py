"""What an answer costs in US dollars, from the tables of genai-prices (the extra ``prices``), which are loaded at the first question.

The law: a sum is exact or it is ``None``; nothing is estimated. It is ``None`` where the tables are not installed, where they do not know
the provider or the model, where a count that the price needs is unknown, and where the vendor charges for something that token counts do
not tell (seconds, pages). A provider on one's own machine costs ``None`` and not 0, unless its row names prices.

Both sides count alike: a total holds its parts, and a part that has a price of its own is taken out of what remains. So a cached token is
charged once, at the price of a cached token, and reasoning, which hardly any vendor prices apart, once within the output. A part that the
vendor does not mention (cached, audio, reasoning) is taken to be none: vendors leave out what is zero.

A vendor's own record (``Usage.raw``) is read for what our counts do not tell: how long a cache entry lives, what is sound, picture and
video among Gemini's tokens, searches, and how the answer was served: the tier, the speed, the place. Where it was served in no usual way
and the tables have no price for that way, the sum is ``None``: the usual price would be a wrong one.

Prices: https://github.com/pydantic/genai-prices, MIT; its convention read 2026-11-21 at version 0.2.3.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from functools import cache, lru_cache
from math import inf
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core.errors import UnknownModel
from dragoman.core.opaque import Json
from dragoman.core.usage import Usage
from dragoman.price_factors import Factors, find_factors, is_nothing, plain_counts

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice
    from genai_prices.types import Provider as PricedProvider

_TOTALS: Final = {"input_tokens": "input_tokens", "output_tokens": "output_tokens"}
_PARTS: Final = {
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "output_audio_tokens": "output_audio_tokens",
}
"""Our names and theirs."""
_SHORT_LIVED: Final = ("cache_write_5m_tokens", "cache_write_1h_tokens")
"""Parts of what was written to a cache; where the vendor does not split it, all has the usual price."""
_BY_MODALITY: Final = {
    "promptTokensDetails": "input_{}_tokens",
    "toolUsePromptTokensDetails": "input_{}_tokens",
    "cacheTokensDetails": "cache_{}_read_tokens",
    "candidatesTokensDetails": "output_{}_tokens",
}
_MODALITIES: Final = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}
_SOUND_LIKE_TEXT: Final = frozenset({"google"})
"""Whose tables price sound apart wherever it costs otherwise; in the others a missing price for sound is a gap."""
DAY_S: Final = 86_400
_SERVED: Final = ("service_tier", "serviceTier", "speed")
"""Fields of a vendor's record that say how an answer was served."""
_TELLING: Final = frozenset({*_BY_MODALITY, *_SERVED, "cache_creation", "server_tool_use"})
"""Fields of a vendor's record that a price may depend on."""
_EXACT: Final = Context(prec=60)
"""Whatever the caller's own decimal context is."""


def cost(
    provider: Provider | str, model: str, usage: Usage | None, at: datetime | None = None, service_tier: str | None = None
) -> Decimal | None:
    """The price of ``usage`` of the provider's own ``model``, asked at ``at`` (UTC; now, where it is not given), or ``None``.

    ``provider`` is a row, or the name of one of the package's. ``service_tier`` is the vendor's word, where its answer told it outside of
    its usage record. Never raises.
    """
    row = _row(provider) if isinstance(provider, str) else provider
    return None if row is None else listed_cost(row.prices, model, usage, at, service_tier)


def listed_cost(
    prices: str | None, model: str, usage: Usage | None, at: datetime | None = None, service_tier: str | None = None
) -> Decimal | None:
    """The same by the price list ``prices``, as rows name it; ``None`` for none."""
    if prices is None or usage is None:
        return None
    counts = plain_counts(usage) if at is None else None
    if counts is not None:
        shape = _shape(usage, service_tier)
        factors = None if shape is None else _factors(prices, model, shape, service_tier, int(time.time()) // DAY_S)
        if factors is _UNPRICED:
            return None
        if factors is not None and counts.input_tokens <= factors.most_input:
            return factors.sum(counts, _EXACT)
    return _tables_cost(prices, model, usage, at, service_tier)


def load_tables() -> None:
    """Load them, which takes some 50 ms, before the first question does. Where they are not installed nothing happens."""
    _find("", "")


@lru_cache(maxsize=4096)
def _factors(prices: str, model: str, shape: Shape, service_tier: str | None, day: int) -> Factors | None:
    """What a token costs on ``day`` (since 1970); ``None`` where that is no number, ``_UNPRICED`` where the model is not known."""
    noon = datetime.fromtimestamp(day * DAY_S + DAY_S / 2, tz=UTC)
    found = _find(prices, model)
    if found is None:
        return _UNPRICED
    if _depends_on_the_hour(found[1]):
        return None
    told: dict[str, Json] = {place: [{"modality": "TEXT", "tokenCount": 1}] for place in shape.places}
    told |= dict(shape.words)
    return find_factors(lambda usage: _tables_cost(prices, model, usage, noon, service_tier), told, _least_tier(found[1]))


class Shape(msgspec.Struct, frozen=True):
    """What a vendor's record says besides counts."""

    places: tuple[str, ...]
    """Where it splits them by modality."""
    words: tuple[tuple[str, str], ...]
    """How the answer was served."""


def _shape(usage: Usage, service_tier: str | None) -> Shape | None:
    """``None`` where the record counts what has a price of its own."""
    raw = usage.raw
    if not raw or raw.keys().isdisjoint(_TELLING):
        return _NO_SHAPE
    if not is_nothing(raw.get("cache_creation")) or not is_nothing(raw.get("server_tool_use")):
        return None
    places = tuple(place for place in _BY_MODALITY if raw.get(place))
    if any(record.get("modality") != "TEXT" for place in places for record in _records(raw[place])):
        return None
    words = tuple((name, word) for name in _SERVED if isinstance(word := raw.get(name), str))
    return Shape(places, words)


def _depends_on_the_hour(model: ModelInfo) -> bool:
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    conditional = [] if isinstance(model.prices, ModelPrice) else model.prices
    constraints = [one.constraint for one in (*conditional, *(model.price_variants or ()))]
    return any(isinstance(constraint, TimeOfDateConstraint) for constraint in constraints)


def _least_tier(model: ModelInfo) -> float:
    """Up to how many tokens of input none of its prices is another than for the first."""
    from genai_prices.types import ModelPrice, TieredPrices

    conditional = [model.prices] if isinstance(model.prices, ModelPrice) else [one.prices for one in model.prices]
    every = [*conditional, *(one.prices for one in model.price_variants or ())]
    tiered = [price for prices in every for price in vars(prices).values() if isinstance(price, TieredPrices)]
    return min((tier.start for price in tiered for tier in price.tiers), default=inf)


def _tables_cost(prices: str, model: str, usage: Usage, at: datetime | None, service_tier: str | None) -> Decimal | None:
    """The sum as the tables make it."""
    found = _find(prices, model)
    if found is None:
        return None
    priced_provider, priced_model = found
    moment = at or datetime.now(tz=UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    context = _context(usage, service_tier)
    if not all(_has_price_for(priced_model, name, context, moment) for name in context):
        return None
    from genai_prices.types import Usage as PricedUsage

    try:
        counts = _counts(usage, priced_model.get_prices(moment, context))
        if counts is None or (_has_unpriced_sound(usage, counts) and prices not in _SOUND_LIKE_TEXT):
            return None
        with localcontext(_EXACT):
            calculated = priced_model.calc_price(
                PricedUsage(**counts), priced_provider, genai_request_timestamp=moment, price_context=context
            )
    except ValueError:  # counts that contradict one another
        return None
    return calculated.total_price


_NO_SHAPE: Final = Shape((), ())
_UNPRICED: Final = Factors(None, None, None, None, None)


@cache
def _row(name: str) -> Provider | None:
    try:
        return Catalogue().provider(name)
    except UnknownModel:
        return None


def _find(prices: str, model: str) -> tuple[PricedProvider, ModelInfo] | None:
    """The tables' own entry, or ``None`` where there are no tables or no entry."""
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return None
    snapshot = get_snapshot()
    known = next((one for one in snapshot.providers if one.id == prices), None)
    if known is None:
        return None
    try:
        return snapshot.find_provider_model(model, known, None, None)
    except LookupError:
        return None


# --- what was used ----------------------------------------------------------------------------------------------------------------------


def _counts(usage: Usage, prices: ModelPrice) -> dict[str, int] | None:
    """A count for everything that has a price, or ``None`` where one is not known."""
    told = _told(usage)
    counts: dict[str, int] = {}
    priced = [key for key, price in vars(prices).items() if price is not None]
    for key in priced:
        if key.endswith("_mtok"):
            name = key.removesuffix("_mtok") + "_tokens"
            count = _count(name, told)
            if count is None:
                return None
            counts[name] = count
        elif key in _PER_CALL:
            name = key.removesuffix("_kcount")
            if name != "requests":
                counts[name] = told.get(name, 0)
        else:
            return None
    return counts if _is_whole(counts, told) else None


_PER_CALL: Final = ("requests_kcount", "web_searches_kcount", "social_searches_kcount", "storage_searches_kcount", "code_executions_kcount")
"""What is charged by the call. A use of the vendor's own tools counts where its usage record tells it."""


def _is_whole(counts: Mapping[str, int], told: Mapping[str, int]) -> bool:
    """Whether every token has a price: what goes in always, what comes out unless nothing does, as with embeddings."""
    return "input_tokens" in counts and ("output_tokens" in counts or not told.get("output_tokens"))


def _has_unpriced_sound(usage: Usage, counts: Mapping[str, int]) -> bool:
    return any(getattr(usage, name) and name not in counts for name in ("input_audio_tokens", "output_audio_tokens"))


def _count(name: str, told: Mapping[str, int]) -> int | None:
    """How many tokens of this kind there were, or ``None`` where that cannot be known."""
    if name in told:
        return told[name]
    if name in _TOTALS.values():
        return None
    if name in _PARTS.values() or name in _SHORT_LIVED:
        return 0
    if name.startswith("cache_") and name.endswith("_read_tokens"):
        modality = name.removeprefix("cache_").removesuffix("_read_tokens")
        return 0 if not told.get("cache_read_tokens") or told.get(f"input_{modality}_tokens") == 0 else _absent(name, told)
    return _absent(name, told)


def _absent(name: str, told: Mapping[str, int]) -> int | None:
    """Nothing, where the vendor split this total by modality and did not mention this one."""
    place = next((place for place, form in _BY_MODALITY.items() if name in {form.format(one) for one in _MODALITIES.values()}), None)
    return 0 if place and told.get(place) else None


def _told(usage: Usage) -> dict[str, int]:
    """All counts that the usage holds, by their names; and which records by modality there were."""
    counts = {name: getattr(usage, field) for field, name in {**_TOTALS, **_PARTS}.items() if getattr(usage, field) is not None}
    if usage.input_audio_tokens is None:
        counts["input_audio_tokens"] = 0
    raw = usage.raw or {}
    for place, form in _BY_MODALITY.items():
        for record in _records(raw.get(place)):
            counts[place] = 1
            modality, count = _MODALITIES.get(str(record.get("modality"))), record.get("tokenCount")
            if modality and isinstance(count, int):
                if modality == "audio" and not place.startswith("cache"):
                    continue  # counted in the normal form already
                name = form.format(modality)
                counts[name] = counts.get(name, 0) + count
    lives = raw.get("cache_creation")
    if isinstance(lives, dict):
        counts |= {
            f"cache_write_{life}_tokens": count
            for life in ("5m", "1h")
            if isinstance(count := lives.get(f"ephemeral_{life}_input_tokens"), int)
        }
    tools = raw.get("server_tool_use")
    if isinstance(tools, dict) and isinstance(searches := tools.get("web_search_requests"), int):
        counts["web_searches"] = searches
    return counts


def _records(given: Json) -> Iterable[Mapping[str, Json]]:
    return (one for one in given if isinstance(one, dict)) if isinstance(given, list) else ()


# --- how it was served ------------------------------------------------------------------------------------------------------------------

_USUAL: Final[dict[str, frozenset[str]]] = {
    "service_tier": frozenset({"default", "standard", "auto", "on_demand"}),
    "speed": frozenset({"standard"}),
    "inference_geo": frozenset({"global", "not_available"}),
}
"""What the vendors call the usual way, whose price every model has."""
_TRAFFIC: Final = {"on_demand_flex": "flex", "on_demand_priority": "priority"}
"""Vertex AI's words for a tier that has another name in the tables."""


def _context(usage: Usage, service_tier: str | None) -> dict[str, str]:
    """On what the price depends besides tokens, in the words of the tables: how the answer was served, where it is told."""
    raw = usage.raw or {}
    tier = service_tier or raw.get("service_tier") or raw.get("serviceTier") or raw.get("trafficType")
    told = {"service_tier": tier, "speed": raw.get("speed"), "inference_geo": raw.get("inference_geo")}
    context = {name: value.lower() for name, value in told.items() if isinstance(value, str) and value}
    if "service_tier" in context:
        context["service_tier"] = _TRAFFIC.get(context["service_tier"], context["service_tier"])
    if context.get("service_tier") == "batch":
        del context["service_tier"]
        context["processing"] = "batch"
    return context


def _has_price_for(model: ModelInfo, name: str, context: Mapping[str, str], moment: datetime) -> bool:
    """Whether the tables know what it costs that the answer was served as ``context[name]`` says."""
    if context[name] in _USUAL.get(name, ()):
        return True
    variants = [one for one in model.price_variants or () if one.constraint is None or one.constraint.active(moment)]
    return any(name in one.when and all(context.get(key) == value for key, value in one.when.items()) for one in variants)
