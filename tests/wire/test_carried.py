"""Warnings about what could not be carried."""

from __future__ import annotations

import pytest

from dragoman.core.exchange import Call
from dragoman.core.messages import Message, Text, ToolCall
from dragoman.core.opaque import Extra
from dragoman.core.request import Request
from dragoman.wire.carried import foreign_fields, gathered
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE

HIDDEN = "hidden reasoning of another provider cannot be sent to this one, left out"


def test_a_reason_that_many_messages_have_is_told_once_with_the_first_of_them() -> None:
    told = gathered([f"messages[{turn}]: {HIDDEN}" for turn in range(1, 400, 2)])
    assert told == (f"messages[1] (and 199 more): {HIDDEN}",)


def test_a_reason_that_is_told_twice_of_one_place_is_told_once() -> None:
    assert gathered([f"messages[1]: {HIDDEN}"] * 2 + ["seed: left out"] * 2) == (f"messages[1]: {HIDDEN}", "seed: left out")


def test_tools_are_gathered_by_place_and_by_name() -> None:
    assert gathered(f"tools[{at}]: a" for at in range(3)) == ("tools[0] (and 2 more): a",)
    assert gathered(f"tools.{name}.strict: a" for name in ("Read", "Write")) == ("tools.Read.strict (and 1 more): a",)


def test_different_reasons_and_their_order_stay() -> None:
    told = ("messages[0]: a", "messages[1]: b", "messages[1].name: a", "tools (f, g): a", "n: messages[1]: a")
    assert gathered(told) == told


def test_fields_that_say_nothing_are_not_missed() -> None:
    extra: Extra = {"cohere": {"documents": [], "safety_mode": None, "labels": {}, "priority": 0}}
    request = Request(model="m", messages=(Message("user", (Text(text="Hi"),)),), extra=extra)
    assert foreign_fields(request, "gemini") == ["priority: understood by cohere alone, left out"]


@pytest.mark.parametrize("written", ["", " ", "null", " [] "])
@pytest.mark.parametrize("name", ["anthropic_messages", "bedrock_converse", "gemini", "ollama"])
def test_arguments_that_say_nothing_are_an_object_of_nothing(name: str, written: str) -> None:
    def sent(arguments: str) -> Call:
        call = Message("assistant", (ToolCall(id="call_1", name="now", arguments=arguments),))
        return dialect(name).encode_request(Request(model="m", messages=(Message("user", (Text(text="Hi"),)), call)), NONE)

    assert sent(written) == sent("{}")
