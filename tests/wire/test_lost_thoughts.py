"""What Claude asks of a turn that thinks by a budget, where callers of other dialects have lost its thought."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.messages import Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import ReasoningOptions, Request
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, Quirks

BUDGET = ReasoningOptions(budget_tokens=2048, effort="high", summary="auto")
HI = Message("user", (Text(text="Hi"),))
AND = Message("user", (Text(text="And?"),))
CALL = ToolCall(id="c1", name="now", arguments="{}")
RESULT = Message("tool", (ToolResult(id="c1", parts=(Text(text="noon"),)),))
UNSIGNED, SIGNED, HIDDEN = Reasoning(text="Hm"), Reasoning(text="Hm", signature="c2ln"), Reasoning(redacted_data="ZGF0YQ==")
DONE = Message("assistant", (Text(text="Noon."),))
MODELS = {"anthropic_messages": "claude-sonnet-4-5", "bedrock_converse": "anthropic.claude-sonnet-4-5-20250929-v1:0"}
WARNING = "reasoning.budget_tokens: the thought that this turn began with did not come back, so it goes on without thinking"


def said(*parts: Any) -> Message:
    return Message("assistant", parts)


def sent(name: str, *messages: Message, quirks: Quirks = NONE) -> tuple[Any, tuple[str, ...]]:
    """What is asked of thinking, and the warnings."""
    call = dialect(name).encode_request(Request(model=MODELS[name], messages=messages, reasoning=BUDGET), quirks)
    body = json.loads(call.body)
    return body.get("thinking", body.get("additionalModelRequestFields", {}).get("thinking")), call.warnings


LOST = {
    "no thought": (HI, said(CALL), RESULT),
    "without its proof": (HI, said(UNSIGNED, CALL), RESULT),
    "words before the call": (HI, said(Text(text="I look."), CALL), RESULT),
    "only later in the turn": (HI, said(CALL), RESULT, said(SIGNED, CALL), RESULT),
    "words behind the result": (HI, said(CALL), RESULT, AND),
}
KEPT = {
    "signed": (HI, said(SIGNED, CALL), RESULT),
    "hidden": (HI, said(HIDDEN, CALL), RESULT),
    "at the turn's beginning": (HI, said(SIGNED, CALL), RESULT, said(CALL), RESULT),
    "an earlier turn": (HI, said(CALL), RESULT, DONE, AND),
    "no call": (HI, DONE, AND),
    "a first turn": (HI,),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("case", LOST)
def test_a_turn_that_has_lost_its_thought_goes_on_without_thinking(case: str, name: str) -> None:
    thinking, warnings = sent(name, *LOST[case])
    assert thinking is None
    assert warnings.count(WARNING) == 1


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("case", KEPT)
def test_any_other_keeps_its_budget(case: str, name: str) -> None:
    thinking, warnings = sent(name, *KEPT[case])
    assert (thinking["type"], thinking["budget_tokens"]) == ("enabled", 2048)
    assert WARNING not in warnings


def test_a_host_that_takes_thoughts_without_proof_keeps_it_too() -> None:
    thinking, _ = sent("anthropic_messages", *LOST["without its proof"], quirks=Quirks(reasoning_field="thinking"))
    assert thinking["budget_tokens"] == 2048


def test_the_effort_stays() -> None:
    call = dialect("anthropic_messages").encode_request(Request(model="m", messages=LOST["no thought"], reasoning=BUDGET), NONE)
    assert json.loads(call.body)["output_config"] == {"effort": "high"}


def test_models_of_others_behind_amazon_have_no_such_law() -> None:
    request = Request(model="amazon.nova-2-lite-v1:0", messages=LOST["no thought"], reasoning=ReasoningOptions(budget_tokens=5))
    assert WARNING not in dialect("bedrock_converse").encode_request(request, NONE).warnings
