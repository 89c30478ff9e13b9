"""What the library hands out: the core's answer, and what it cost.

The core knows no prices, so the library's ``Response`` is the core's with a property that looks them up when it is asked; nothing is loaded
before. ``StructuredResponse`` also holds the value that ``into=`` asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.core.fold import Response as CoreResponse
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage

V = TypeVar("V")

PriceList: TypeAlias = str | UnsetType | None
"""The price list that a provider's row names, none; or, where that was not said, the one of the package's row of the provider's name."""

_COUNTS = tuple(name for name in Usage.__struct_fields__ if name != "raw")


class Response(CoreResponse, frozen=True, kw_only=True):
    """A whole answer. The shortcuts (``text``, ``tool_calls`` …) read the first choice."""

    requested_model: str | None = None
    """The model's name as it was asked for, without the provider; ``model`` is what the provider says it was."""
    prices: PriceList = UNSET
    """Where its price is looked up."""

    @property
    def service_tier(self) -> str | None:
        """In which tier the provider says that it served the answer, in its own word."""
        return tier_in(*(choice.extra for choice in self.choices), self.extra)

    @property
    def cost(self) -> Decimal | None:
        """What the answer cost in US dollars; ``None`` where its usage or its price is not known."""
        return cost_of(self.provider, (self.model, self.requested_model), self.usage, self.prices, self.service_tier)


class StructuredResponse(Response, Generic[V], frozen=True, kw_only=True):
    """An answer with the value in it. ``usage`` counts every try that it took."""

    value: V


def response_of(answer: CoreResponse, provider: str, requested_model: str | None, prices: PriceList = UNSET) -> Response:
    """The core's ``answer`` as the library's."""
    return Response(
        choices=answer.choices,
        id=answer.id,
        model=answer.model,
        created_s=answer.created_s,
        usage=answer.usage,
        warnings=answer.warnings,
        provider=provider,
        extra=answer.extra,
        requested_model=requested_model,
        prices=prices,
    )


def tier_in(*extras: Extra) -> str | None:
    """The tier that a vendor's own fields tell; the end of an answer knows better than its beginning."""
    for extra in extras:
        for fields in extra.values():
            told = fields.get("service_tier") or fields.get("serviceTier")
            tier = told.get("type") if isinstance(told, dict) else told
            if isinstance(tier, str):
                return tier
    return None


def cost_of(
    provider: str | None,
    models: Iterable[str | None],
    usage: Usage | None,
    prices: PriceList = UNSET,
    service_tier: str | None = None,
) -> Decimal | None:
    """The price of ``usage`` for the first of ``models`` that has one, by the list ``prices``, else by that of the package's row."""
    if usage is None or (prices is UNSET and provider is None):
        return None
    try:
        from dragoman.prices import cost, listed_cost
    except ImportError:  # prices are an extra of the package
        return None
    for model in dict.fromkeys(filter(None, models)):
        if isinstance(prices, UnsetType):
            price = cost(provider or "", model, usage, service_tier=service_tier)
        else:
            price = listed_cost(prices, model, usage, service_tier=service_tier)
        if price is not None:
            return price
    return None


def total_usage(usages: Iterable[Usage | None]) -> Usage | None:
    """All of ``usages`` together. A count that one of them does not know is unknown in the sum."""
    known = list(usages)
    if not known or any(usage is None for usage in known):
        return None
    if len(known) == 1:
        return known[0]
    sums: dict[str, int | None] = {}
    for name in _COUNTS:
        counts = [getattr(usage, name) for usage in known]
        sums[name] = None if None in counts else sum(counts)
    return msgspec.convert(sums, Usage)
