"""What the library hands out: the core's answer, and what it cost.

The core knows no prices, so the library's ``Response`` is the core's with a property that looks them up when it is asked; nothing is loaded
before. ``StructuredResponse`` also holds the value that ``into=`` asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from dragoman.core.fold import Response as CoreResponse
from dragoman.core.usage import Usage

V = TypeVar("V")

_COUNTS = tuple(name for name in Usage.__struct_fields__ if name != "raw")


class Response(CoreResponse, frozen=True, kw_only=True):
    """A whole answer. The shortcuts (``text``, ``tool_calls`` …) read the first choice."""

    requested_model: str | None = None
    """The model's name as it was asked for, without the provider; ``model`` is what the provider says it was."""

    @property
    def cost(self) -> Decimal | None:
        """What the answer cost in US dollars; ``None`` where its usage or its price is not known."""
        return cost_of(self.provider, (self.model, self.requested_model), self.usage)


class StructuredResponse(Response, Generic[V], frozen=True, kw_only=True):
    """An answer with the value in it. ``usage`` counts every try that it took."""

    value: V


def response_of(answer: CoreResponse, provider: str, requested_model: str | None) -> Response:
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
    )


def cost_of(provider: str | None, models: Iterable[str | None], usage: Usage | None) -> Decimal | None:
    """The price of ``usage`` for the first of ``models`` that has one."""
    if provider is None or usage is None:
        return None
    try:
        from dragoman.prices import cost
    except ImportError:  # prices are an extra of the package
        return None
    for model in dict.fromkeys(filter(None, models)):
        price = cost(provider, model, usage)
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
