"""What an answer cost: looked up when it is asked for, and unknown where it is."""

from __future__ import annotations

import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman import Client, Response, StructuredResponse, Usage
from dragoman.core.fold import Choice
from dragoman.core.fold import Response as CoreResponse
from dragoman.core.messages import Text
from dragoman.core.opaque import Extra
from dragoman.emulator import Answer
from dragoman.prices import cost
from dragoman.response import cost_of, response_of, total_usage
from dragoman.testing import EmulatorFactory
from tests.library.talk import settings

USAGE = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def answer(
    provider: str | None = "openai", model: str | None = "gpt-4.1", usage: Usage | None = USAGE, asked: str | None = None
) -> Response:
    return Response(choices=(), provider=provider, model=model, usage=usage, requested_model=asked)


def test_the_cost_is_what_the_prices_say() -> None:
    pytest.importorskip("genai_prices")
    price = answer().cost
    assert isinstance(price, Decimal)
    assert price == cost("openai", "gpt-4.1", USAGE)
    assert price > 0


def test_where_the_model_told_has_no_price_the_one_asked_for_is_looked_up() -> None:
    pytest.importorskip("genai_prices")
    known = answer().cost
    assert answer(model=None, asked="gpt-4.1").cost == known
    assert answer(model="a-name-of-their-own", asked="gpt-4.1").cost == known


@pytest.mark.parametrize(
    "unknown",
    [
        answer(provider=None),
        answer(usage=None),
        answer(model=None),
        answer(model="no-such-model"),
        answer(provider="lockchat"),
        answer(usage=Usage()),
    ],
    ids=["no provider", "no usage", "no model", "unknown model", "no prices", "no counts"],
)
def test_what_is_not_known_costs_nothing_that_could_be_said(unknown: Response) -> None:
    assert unknown.cost is None


def test_an_answer_over_the_wire_has_its_cost(dragoman_emulator: EmulatorFactory) -> None:
    pytest.importorskip("genai_prices")
    emulator = dragoman_emulator("openai", scenario=Answer(text='{"value": 1}', usage=Usage(input_tokens=1000, output_tokens=10)))
    with Client(**settings(emulator)) as client:
        whole = client.complete("openai/gpt-4.1", "Hi")
        streamed = client.stream("openai/gpt-4.1", "Hi").finish()
        valued = client.complete("openai/gpt-4.1", "Hi", into=int)
        dated = client.complete("openai/gpt-4.1-2025-04-14", "Hi")
    expected = cost("openai", "gpt-4.1", Usage(input_tokens=1000, output_tokens=10))
    assert expected is not None
    assert whole.cost == streamed.cost == valued.cost == dated.cost == expected
    assert whole.requested_model == "gpt-4.1"


ROW = """
title = "Mine"
dialect = "{dialect}"
base_url = "https://mine.test/v1"
{prices}
auth = {{ required = false }}
"""


@pytest.mark.parametrize(("prices", "known"), [("", False), ('prices = "groq"', False), ('prices = "openai"', True)])
def test_a_row_of_ones_own_costs_what_its_own_price_list_says(
    prices: str, known: bool, tmp_path: Path, dragoman_emulator: EmulatorFactory
) -> None:
    pytest.importorskip("genai_prices")
    path = tmp_path / "openai.toml"
    path.write_text(ROW.format(dialect="openai_chat", prices=prices), "utf-8")
    emulator = dragoman_emulator("openai", scenario=Answer(text="Hi", usage=Usage(input_tokens=1000, output_tokens=10)))
    with Client(**settings(emulator, provider_files=[path])) as client:
        answers = [client.complete("openai/gpt-4.1", "Hi"), client.stream("openai/gpt-4.1", "Hi").finish()]
        vectors = client.embed("openai/text-embedding-3-small", ["Hi"])
    expected = cost("openai", "gpt-4.1", Usage(input_tokens=1000, output_tokens=10))
    assert [one.cost for one in answers] == [expected if known else None] * 2
    assert (vectors.cost is not None) is known


@pytest.mark.parametrize(
    ("extra", "at_end", "tier", "priced_as"),
    [
        ({}, {}, None, None),
        ({"openai_chat": {"service_tier": "flex"}}, {}, "flex", "flex"),
        ({"openai_responses": {"service_tier": "flex"}}, {"openai_responses": {"service_tier": "default"}}, "default", None),
        ({}, {"bedrock_converse": {"serviceTier": {"type": "priority"}}}, "priority", "priority"),
    ],
)
def test_the_tier_in_which_an_answer_was_served_is_paid_for(extra: Extra, at_end: Extra, tier: str | None, priced_as: str | None) -> None:
    pytest.importorskip("genai_prices")
    served = Response(choices=(Choice(extra=at_end),), provider="openai", model="gpt-5.5", usage=USAGE, extra=extra)
    assert served.service_tier == tier
    assert served.cost == cost("openai", "gpt-5.5", USAGE, service_tier=priced_as)
    assert served.cost is not None


def test_prices_are_loaded_at_the_first_question_and_not_before() -> None:
    program = """
import sys
from dragoman import Response, Usage
answer = Response(choices=(), provider="openai", model="gpt-4.1", usage=Usage(input_tokens=1, output_tokens=1))
assert not [name for name in sys.modules if name.startswith(("genai_prices", "dragoman.prices"))]
sys.modules["genai_prices"] = None  # as if it were not installed
sys.modules["genai_prices.data_snapshot"] = None
print(answer.cost)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("None", "")


def test_the_librarys_answer_is_the_cores_with_more() -> None:
    core = CoreResponse(choices=(Choice(parts=(Text(text="Hi"),)),), id="1", model="m", usage=USAGE, warnings=("w",), extra={"d": {"a": 1}})
    made = response_of(core, "openai", "m-1")
    assert isinstance(made, CoreResponse)
    assert (made.text, made.id, made.usage, made.warnings, made.extra) == ("Hi", "1", USAGE, ("w",), {"d": {"a": 1}})
    assert (made.provider, made.requested_model) == ("openai", "m-1")
    assert pickle.loads(pickle.dumps(made)) == made
    assert pickle.loads(pickle.dumps(StructuredResponse(choices=(), value=[1]))).value == [1]


def test_usages_are_summed_count_by_count() -> None:
    first = Usage(input_tokens=1, output_tokens=2, cache_read_tokens=0, raw={"a": 1})
    assert total_usage([]) is None
    assert total_usage([first]) is first
    assert total_usage([first, None]) is None
    assert total_usage([first, first]) == Usage(input_tokens=2, output_tokens=4, cache_read_tokens=0)
    assert cost_of("openai", (), USAGE) is None
