"""The usual case of a price, fast: one factor for each kind of token.

A sum by the tables takes them a tenth of a millisecond, which a gateway has not. Where a model's prices are plain numbers, the sum is
linear in the counts, so its factors follow from a few sums, once for each model and day. Where much input costs otherwise than little,
that holds up to so much. Whatever is not so (prices by the hour, sound, searches, cache entries by their life) is left to the tables; and
a model whose factors do not give the tables' own sums has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Context, Decimal
from itertools import product
from math import inf
from typing import Final

import msgspec

from dragoman.core.opaque import Json
from dragoman.core.usage import Usage

Sum = Callable[[Usage], Decimal | None]
"""What some usage costs by the tables."""

_PROBE: Final = 1_000
"""Tokens of a sum from which a factor follows: fewer than any price sets apart as many."""


class Counts(msgspec.Struct, frozen=True):
    """The counts of a usage that has nothing beside them."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class Factors(msgspec.Struct, frozen=True):
    """US dollars a token. A part's is what it costs beyond its total's; ``None`` where such a token has no price."""

    input_tokens: Decimal | None
    output_tokens: Decimal | None
    cache_read_tokens: Decimal | None
    cache_write_tokens: Decimal | None
    reasoning_tokens: Decimal | None
    most_input: float = inf
    """Up to how many tokens of input they hold."""

    def sum(self, counts: Counts, context: Context) -> Decimal | None:
        total = Decimal(0)
        for count, factor in (
            (counts.input_tokens, self.input_tokens),
            (counts.output_tokens, self.output_tokens),
            (counts.cache_read_tokens, self.cache_read_tokens),
            (counts.cache_write_tokens, self.cache_write_tokens),
            (counts.reasoning_tokens, self.reasoning_tokens),
        ):
            if count:
                if factor is None:
                    return None
                total = context.fma(factor, count, total)
        return total


def plain_counts(usage: Usage) -> Counts | None:
    """The counts of ``usage``; ``None`` where they are not all there is to it, or contradict one another."""
    if usage.input_tokens is None or usage.output_tokens is None or usage.input_audio_tokens or usage.output_audio_tokens:
        return None
    read, written, reasoning = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0, usage.reasoning_tokens or 0
    if read + written > usage.input_tokens or reasoning > usage.output_tokens:
        return None
    return Counts(usage.input_tokens, usage.output_tokens, read, written, reasoning)


def is_nothing(value: Json) -> bool:
    """Whether a vendor's record counts nothing: zeros, empty, absent, and texts that are no counts."""
    if isinstance(value, Mapping):
        return all(map(is_nothing, value.values()))
    if isinstance(value, list):
        return all(map(is_nothing, value))
    return not value or isinstance(value, str)


def find_factors(price: Sum, told: dict[str, Json], most_input: float = inf) -> Factors | None:
    """The factors behind ``price``, for usages whose vendor's record is like ``told``; ``None`` where it has none.

    Usages of more than ``most_input`` tokens of input are not asked for.
    """
    given, answered = _price(price, told, 1, 0), _price(price, told, 0, 1)
    sums = {
        "input_tokens": given,
        "output_tokens": answered,
        "cache_read_tokens": _minus(_price(price, told, 1, 0, cache_read_tokens=1), given),
        "cache_write_tokens": _minus(_price(price, told, 1, 0, cache_write_tokens=1), given),
        "reasoning_tokens": _minus(_price(price, told, 0, 1, reasoning_tokens=1), answered),
    }
    factors = Factors(**{name: None if value is None else value / _PROBE for name, value in sums.items()}, most_input=most_input)
    return factors if all(_agrees(factors, price, told, counts) for counts in _samples(most_input)) else None


def _price(price: Sum, told: dict[str, Json], given: int, answered: int, **parts: int) -> Decimal | None:
    counts = {name: count * _PROBE for name, count in {"input_tokens": given, "output_tokens": answered, **parts}.items()}
    return price(Usage(**counts, raw=told))


def _minus(value: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if value is None or other is None else value - other


def _samples(most_input: float) -> Iterator[Counts]:
    """Usages large and small, with and without each part."""
    for given, answered, share in product((0, 7, 1_003, int(min(900_001, most_input))), (0, 5, 2_011), (0, 3)):
        yield Counts(given, answered, given * share // 7, given * share // 11, answered * share // 5)


def _agrees(factors: Factors, price: Sum, told: dict[str, Json], counts: Counts) -> bool:
    return factors.sum(counts, Context(prec=60)) == price(Usage(**msgspec.structs.asdict(counts), raw=told))
