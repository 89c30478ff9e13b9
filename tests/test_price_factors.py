"""Prices by factors are those by the tables, for every model that the tables know; what has no factors is asked of the tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.usage import Usage
from dragoman.price_factors import Factors, find_factors, is_nothing, plain_counts
from dragoman.prices import listed_cost

MODELS = [(provider.id, model.id) for provider in get_snapshot().providers for model in provider.models]
RAW = [None, {"service_tier": "standard"}, {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}, {"service_tier": "flex"}]


def by_the_tables(prices: str, model: str, usage: Usage) -> Decimal | None:
    return listed_cost(prices, model, usage, datetime.now(tz=UTC))


@settings(max_examples=300, deadline=None)
@given(
    named=st.sampled_from(MODELS),
    counts=st.tuples(*[st.integers(0, 400_000)] * 5),
    raw=st.sampled_from(RAW),
)
def test_a_price_by_factors_is_the_price_by_the_tables(named: tuple[str, str], counts: tuple[int, ...], raw: dict[str, object]) -> None:
    given_, answered, read, written, reasoning = counts
    usage = Usage(
        input_tokens=given_,
        output_tokens=answered,
        cache_read_tokens=min(read, given_ // 2),
        cache_write_tokens=min(written, given_ // 3),
        reasoning_tokens=min(reasoning, answered),
        raw=raw,
    )
    assert listed_cost(*named, usage) == by_the_tables(*named, usage)


def test_most_models_have_factors() -> None:
    from dragoman.prices import _NO_SHAPE, DAY_S, _factors

    today = int(datetime.now(tz=UTC).timestamp()) // DAY_S
    found = [_factors(prices, model, _NO_SHAPE, None, today) for prices, model in MODELS[::9]]
    assert sum(factors is not None for factors in found) > 0.75 * len(found)


def test_prices_that_rise_with_the_input_have_factors_up_to_where_they_rise() -> None:
    from dragoman.prices import _NO_SHAPE, DAY_S, _factors

    found = _factors("anthropic", "claude-sonnet-4-5", _NO_SHAPE, None, int(datetime.now(tz=UTC).timestamp()) // DAY_S)
    assert found is not None
    assert found.most_input == 200_000
    for tokens in (199_999, 200_000, 200_001):
        usage = Usage(input_tokens=tokens, output_tokens=10)
        assert listed_cost("anthropic", "claude-sonnet-4-5", usage) == by_the_tables("anthropic", "claude-sonnet-4-5", usage)


def test_that_the_tables_do_not_know_a_model_is_remembered() -> None:
    from dragoman.prices import _NO_SHAPE, _UNPRICED, DAY_S, _factors

    today = int(datetime.now(tz=UTC).timestamp()) // DAY_S
    assert _factors("openai", "no-model-of-this-name", _NO_SHAPE, None, today) is _UNPRICED
    for tokens in (0, 3):
        assert listed_cost("openai", "no-model-of-this-name", Usage(input_tokens=tokens, output_tokens=tokens)) is None


def test_what_is_not_linear_has_no_factors() -> None:
    assert find_factors(lambda usage: Decimal(usage.input_tokens or 0) ** 2, {}) is None


def test_a_kind_of_token_without_a_price_makes_the_sum_unknown() -> None:
    factors = find_factors(lambda usage: None if usage.output_tokens else Decimal(usage.input_tokens or 0), {})
    assert factors == Factors(Decimal(1), None, Decimal(0), Decimal(0), None)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input_tokens=None, output_tokens=5),
        Usage(input_tokens=5, output_tokens=None),
        Usage(input_tokens=5, output_tokens=5, input_audio_tokens=2),
        Usage(input_tokens=5, output_tokens=5, cache_read_tokens=9),
        Usage(input_tokens=5, output_tokens=5, reasoning_tokens=9),
    ],
)
def test_counts_that_are_not_all_are_not_plain(usage: Usage) -> None:
    assert plain_counts(usage) is None


def test_zeros_and_words_count_nothing() -> None:
    assert is_nothing({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": None})
    assert is_nothing(None)
    assert not is_nothing({"web_search_requests": 1})
