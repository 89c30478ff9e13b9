"""What an answer costs: sums worked out by hand, and ``None`` wherever one part of them is not known.

The days are fixed, so that the tables' history answers and not the clock; M is a million.
"""

from __future__ import annotations

import decimal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core.opaque import JsonObject
from dragoman.core.usage import Usage
from dragoman.prices import cost, listed_cost
from dragoman.wire.anthropic_messages.usage import decode_usage as anthropic_usage
from dragoman.wire.gemini.usage import decode_usage as gemini_usage
from dragoman.wire.openai_chat.usage import decode_usage as openai_usage

DAY = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def used(**counts: int) -> Usage:
    return Usage(**counts)  # type: ignore[arg-type]  # counts alone


CASES: dict[str, tuple[str, str, Usage, str]] = {
    # gpt-4.1: $2/M in, $0.50/M cached, $8/M out
    "plain": ("openai", "gpt-4.1", used(input_tokens=1000, output_tokens=500), "0.006"),  # .002 + .004
    "nothing at all": ("openai", "gpt-4.1", used(input_tokens=0, output_tokens=0), "0"),
    "one token": ("openai", "gpt-4.1", used(input_tokens=1, output_tokens=0), "0.000002"),
    "cached": (
        "openai",
        "gpt-4.1",
        used(input_tokens=10_000, cache_read_tokens=8_000, output_tokens=100),
        "0.0088",
    ),  # 2k .004 + 8k .004 + .0008
    "cached whole": ("openai", "gpt-4.1", used(input_tokens=4_000, cache_read_tokens=4_000, output_tokens=0), "0.002"),
    "model of a day": ("openai", "gpt-4.1-2025-04-14", used(input_tokens=1000, output_tokens=500), "0.006"),
    # reasoning is within the output: gpt-5 $1.25/M in, $10/M out
    "reasoning": ("openai", "gpt-5", used(input_tokens=1000, output_tokens=2000, reasoning_tokens=1800), "0.02125"),  # .00125 + .02
    # gpt-audio: $2.50/M and $10/M of text, $32/M and $64/M of sound
    "sound": (
        "openai",
        "gpt-audio",
        used(input_tokens=1000, input_audio_tokens=400, output_tokens=500, output_audio_tokens=300),
        "0.0355",  # 600 text .0015 + 400 sound .0128 + 200 text .002 + 300 sound .0192
    ),
    # claude-opus-5-5: $4/M in, $0.20/M cached, $5/M written, $20/M out
    "cache written and read": (
        "anthropic",
        "claude-opus-5-5",
        used(input_tokens=12_000, cache_read_tokens=9_000, cache_write_tokens=2_000, output_tokens=300),
        "0.0218",  # 1k .004 + 9k .0018 + 2k .01 + .006
    ),
    # claude-sonnet-4-5: dearer from 200,000 in on: $3 -> $6, $15 -> $22.50, cached $0.30 -> $0.60
    "below a tier": ("anthropic", "claude-sonnet-4-5", used(input_tokens=200_000, output_tokens=1000), "0.615"),  # .6 + .015
    "above a tier": (
        "anthropic",
        "claude-sonnet-4-5",
        used(input_tokens=300_000, cache_read_tokens=100_000, output_tokens=1000),
        "1.2825",  # 200k at 6 = 1.2, 100k at .6 = .06, 1k at 22.5 = .0225
    ),
    # gemini-2.5-flash: $0.30/M, sound $1/M, cached $0.03/M, $2.50/M out
    "thoughts and sound": (
        "gemini",
        "gemini-2.5-flash",
        used(input_tokens=2000, input_audio_tokens=500, output_tokens=1000, reasoning_tokens=700),
        "0.00345",  # 1500 .00045 + 500 .0005 + 1000 .0025
    ),
    "sound that costs what text does": (
        "gemini",
        "gemini-2.5-pro",
        used(input_tokens=1000, input_audio_tokens=900, output_tokens=100),
        "0.00225",  # 1.25/M in, 10/M out
    ),
    "by the row's own id": ("xai", "grok-4.3", used(input_tokens=1000, output_tokens=1000), "0.00375"),  # 1.25/M, 2.5/M
    "embedding": ("openai", "text-embedding-3-small", used(input_tokens=1_000_000), "0.02"),
    "embedding that says zero": ("openai", "text-embedding-3-small", used(input_tokens=1_000_000, output_tokens=0), "0.02"),
}


@pytest.mark.parametrize("case", CASES)
def test_sum_is_what_the_hand_makes_it(case: str) -> None:
    provider, model, usage, expected = CASES[case]
    assert cost(provider, model, usage, DAY) == Decimal(expected)


UNKNOWN: dict[str, tuple[str, str, Usage | None]] = {
    "no usage": ("openai", "gpt-4.1", None),
    "nothing counted": ("openai", "gpt-4.1", Usage()),
    "input not counted": ("openai", "gpt-4.1", used(output_tokens=5)),
    "output not counted": ("openai", "gpt-4.1", used(input_tokens=5)),
    "unknown model": ("openai", "a-model-of-tomorrow", used(input_tokens=5, output_tokens=5)),
    "unknown provider": ("nobody", "gpt-4.1", used(input_tokens=5, output_tokens=5)),
    "name that is no name": ("../openai", "gpt-4.1", used(input_tokens=5, output_tokens=5)),
    "provider without prices": ("huggingface", "openai/gpt-oss-120b", used(input_tokens=5, output_tokens=5)),
    "local": ("ollama", "llama3.3", used(input_tokens=5, output_tokens=5)),
    "legacy": ("raycast", "gpt-4", used(input_tokens=5, output_tokens=5)),
    "more cached than read": ("openai", "gpt-4.1", used(input_tokens=5, cache_read_tokens=6, output_tokens=5)),
    "negative": ("openai", "gpt-4.1", used(input_tokens=-1, output_tokens=5)),
    "sound without a price of its own": ("openai", "gpt-4.1", used(input_tokens=50, input_audio_tokens=6, output_tokens=5)),
    "charged by the hour": ("openai", "whisper-1", used(input_tokens=5, output_tokens=5)),
    "charged for citations that nobody counts": ("perplexity", "sonar-deep-research", used(input_tokens=5, output_tokens=5)),
    "cached sound that nobody counts": (
        "gemini",
        "gemini-2.5-flash",
        used(input_tokens=50, cache_read_tokens=20, input_audio_tokens=10, output_tokens=5),
    ),
    "pictures that nobody counts": ("gemini", "gemini-2.5-flash-image", used(input_tokens=5, output_tokens=1290)),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_cost_is_none_where_a_part_of_it_is_unknown(case: str) -> None:
    provider, model, usage = UNKNOWN[case]
    assert cost(provider, model, usage, DAY) is None


# --- the vendors' own records -----------------------------------------------------------------------------------------------------------


def test_anthropics_fresh_cached_and_written_tokens_are_each_charged_once() -> None:
    told: JsonObject = {
        "input_tokens": 1000,
        "cache_read_input_tokens": 9000,
        "cache_creation_input_tokens": 2000,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
        "output_tokens": 300,
    }
    usage = anthropic_usage(told)
    assert usage is not None
    assert usage.input_tokens == 12_000
    # 1000 at 4, 9000 at 0.2, 500 at 5, 1500 for an hour at 8, 300 at 20, each a million
    assert cost("anthropic", "claude-opus-5-5", usage, DAY) == Decimal("0.0263")


def test_anthropics_searches_and_batches_are_charged() -> None:
    told: JsonObject = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "server_tool_use": {"web_search_requests": 2},
        "service_tier": "standard",
    }
    assert cost("anthropic", "claude-opus-5-5", anthropic_usage(told), DAY) == Decimal("0.026")  # .004 + .002 + 2 at $10/1000
    batch = anthropic_usage({"input_tokens": 1000, "output_tokens": 100, "service_tier": "batch"})
    assert cost("anthropic", "claude-opus-5-5", batch, DAY) == Decimal("0.003")


def test_geminis_thoughts_stand_beside_its_answer_and_are_charged_once() -> None:
    usage = gemini_usage({"promptTokenCount": 1000, "candidatesTokenCount": 300, "thoughtsTokenCount": 700, "totalTokenCount": 2000})
    assert (usage.output_tokens, usage.reasoning_tokens) == (1000, 700)
    assert cost("gemini", "gemini-2.5-flash", usage, DAY) == Decimal("0.0028")  # .0003 + .0025


def test_geminis_cached_sound_has_its_own_price() -> None:
    usage = gemini_usage(
        {
            "promptTokenCount": 1000,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 600}, {"modality": "AUDIO", "tokenCount": 400}],
            "cachedContentTokenCount": 500,
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 200}, {"modality": "AUDIO", "tokenCount": 300}],
            "candidatesTokenCount": 100,
        }
    )
    # 400 text at .3, 100 sound at 1, 200 cached text at .03, 300 cached sound at .1, 100 out at 2.5
    assert cost("gemini", "gemini-2.5-flash", usage, DAY) == Decimal("0.000506")


def test_geminis_pictures_have_their_own_price() -> None:
    usage = gemini_usage(
        {
            "promptTokenCount": 10,
            "candidatesTokenCount": 1310,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}, {"modality": "TEXT", "tokenCount": 20}],
        }
    )
    assert cost("gemini", "gemini-2.5-flash-image", usage, DAY) == Decimal("0.038753")  # .000003 + .0387 + .00005


def test_openais_parts_are_within_its_totals() -> None:
    usage = openai_usage(
        b'{"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,'
        b' "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},'
        b' "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}'
    )
    assert cost("openai", "gpt-4.1", usage, DAY) == Decimal("0.003532")  # 86 .000172 + 1920 .00096 + 300 .0024


def test_tier_in_which_the_answer_was_served_changes_the_price() -> None:
    usage = used(input_tokens=1000, output_tokens=1000)
    assert cost("openai", "gpt-5.5", usage, DAY) == Decimal("0.035")
    assert cost("openai", "gpt-5.5", usage, DAY, service_tier="flex") == Decimal("0.0175")
    assert cost("openai", "gpt-5.5", usage, DAY, service_tier="priority") == Decimal("0.0875")
    assert cost("openai", "gpt-5.5", usage, DAY, service_tier="default") == Decimal("0.035")


@pytest.mark.parametrize(
    ("provider", "model", "tier", "raw", "expected"),
    [
        ("openai", "gpt-5.5", "batch", {}, "0.0175"),
        ("openai", "gpt-5.5", None, {"service_tier": "FLEX"}, "0.0175"),
        ("openai", "gpt-5.5", "auto", {}, "0.035"),
        ("openai", "gpt-5.5", "scale", {}, None),
        ("openai", "gpt-4.1", "flex", {}, None),
        ("openai", "gpt-4.1", "priority", {}, "0.0175"),
        ("groq", "openai/gpt-oss-120b", "on_demand", {}, "0.00075"),
        ("groq", "openai/gpt-oss-120b", "flex", {}, None),
        ("anthropic", "claude-opus-5-5", None, {"service_tier": "standard", "inference_geo": "global", "speed": "standard"}, "0.024"),
        ("anthropic", "claude-opus-5-5", None, {"service_tier": "priority"}, None),
        ("anthropic", "claude-opus-5-5", None, {"inference_geo": "us"}, None),
        ("anthropic", "claude-haiku-4-5", None, {"speed": "fast"}, None),
        ("gemini", "gemini-2.5-flash", None, {"serviceTier": "standard"}, "0.0028"),
        ("gemini", "gemini-2.5-flash", None, {"serviceTier": "priority"}, None),
        ("vertex", "gemini-2.5-flash", None, {"trafficType": "ON_DEMAND"}, "0.0028"),
        ("vertex", "gemini-2.5-flash", None, {"trafficType": "ON_DEMAND_FLEX"}, None),
        ("vertex", "gemini-2.5-flash", None, {"trafficType": "PROVISIONED_THROUGHPUT"}, None),
        ("bedrock", "us.amazon.nova-lite-v1:0", "flex", {}, None),
    ],
)
def test_way_of_serving_whose_price_nobody_knows_has_none(
    provider: str, model: str, tier: str | None, raw: JsonObject, expected: str | None
) -> None:
    usage = Usage(input_tokens=1000, output_tokens=1000, raw=raw)
    assert cost(provider, model, usage, DAY, service_tier=tier) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "0.42"),
        (datetime(2026, 8, 20, 12, 0, tzinfo=UTC), "0.88"),
        (datetime(2026, 11, 1, 12, 0, tzinfo=UTC), "0.75"),
        (datetime(2026, 11, 1, 2, 0, tzinfo=UTC), "1.5"),
        (datetime(2026, 11, 1, 2, 0), "1.5"),  # noqa: DTZ001  a time without a zone is UTC
    ],
)
def test_price_is_that_of_the_day_and_hour(at: datetime, expected: str) -> None:
    usage = used(input_tokens=1_000_000, output_tokens=1_000_000)
    assert cost("deepseek", "deepseek-v4-flash", usage, at) == Decimal(expected)


def test_now_is_meant_where_no_time_is_given() -> None:
    assert cost("openai", "gpt-4.1", used(input_tokens=1000, output_tokens=500)) == Decimal("0.006")


# --- rows -------------------------------------------------------------------------------------------------------------------------------


def test_row_of_a_users_own_is_priced_as_it_says() -> None:
    mine = Provider(name="mine", title="Mine", dialect="openai_chat", base_url="https://mine.test", prices="openai")
    usage = used(input_tokens=1000, output_tokens=500)
    assert cost(mine, "gpt-4.1", usage, DAY) == Decimal("0.006")
    local = Provider(name="mine", title="Mine", dialect="openai_chat", base_url="http://127.0.0.1:1", local=True)
    assert cost(local, "gpt-4.1", usage, DAY) is None
    lost = Provider(name="mine", title="Mine", dialect="openai_chat", base_url="https://mine.test", prices="no-such-id")
    assert cost(lost, "gpt-4.1", usage, DAY) is None
    assert listed_cost("openai", "gpt-4.1", usage, DAY) == Decimal("0.006")
    assert listed_cost(None, "gpt-4.1", usage, DAY) is None


def test_every_id_of_a_row_is_one_of_the_tables() -> None:
    from genai_prices.data_snapshot import get_snapshot

    known = {one.id for one in get_snapshot().providers}
    named = {row.name: row.prices for row in Catalogue() if row.prices}
    assert len(named) >= 20
    assert {name: prices for name, prices in named.items() if prices not in known} == {}


def test_callers_decimal_context_does_not_round() -> None:
    with decimal.localcontext(decimal.Context(prec=2)):
        assert cost("openai", "gpt-4.1", used(input_tokens=123_457, output_tokens=1), DAY) == Decimal("0.246922")


PROGRAM = """
import sys
import dragoman.prices
from dragoman.core.usage import Usage
assert "genai_prices" not in sys.modules
assert dragoman.prices.cost("ollama", "m", Usage(input_tokens=1, output_tokens=1)) is None
assert "genai_prices" not in sys.modules
{then}
"""
ABSENT = """
sys.modules["genai_prices"] = None
assert dragoman.prices.cost("openai", "gpt-4.1", Usage(input_tokens=1, output_tokens=1)) is None
"""
PRESENT = """
assert dragoman.prices.cost("openai", "gpt-4.1", Usage(input_tokens=1, output_tokens=1)) is not None
assert "genai_prices" in sys.modules
"""


@pytest.mark.parametrize("then", [ABSENT, PRESENT], ids=["absent", "present"])
def test_tables_are_loaded_at_the_first_question_and_missed_by_nobody(then: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM.format(then=then)], check=True, timeout=60)
