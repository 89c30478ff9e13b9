"""Answers of all five first providers over real sockets: whole and streamed, blocking and async, and that both clients are one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

import dragoman
from dragoman import AsyncClient, Client, Message, Text, Tool, ToolCall, ToolResult
from dragoman.core.errors import (
    AuthFailed,
    BadReply,
    DragomanError,
    ModelNotFound,
    Overloaded,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
)
from dragoman.core.errors import Unsupported as CannotCarry
from dragoman.core.events import Finished, OrderCheck, Started
from dragoman.core.fold import fold
from dragoman.emulator import Answer, Emulator, tool_call
from dragoman.testing import EmulatorFactory
from tests.library.talk import MODELS, NAMES, WAYS, complete_blocking, complete_on_loop, settings, stream_blocking, stream_on_loop

TEXT = "Three rivers: Нева, 長江 and «data: [DONE]»."


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_comes_from_every_provider_in_every_way(emulated: Emulator, name: str, way: str) -> None:
    told = WAYS[way](settings(emulated), MODELS[name], TEXT)
    assert told.error is None
    assert told.response is not None
    assert told.response.text == TEXT
    assert told.response.finish_reason == "stop"
    assert told.response.provider == name
    assert emulated.requests.wait_for(lambda record: record.outcome == "finished").provider == name


@pytest.mark.parametrize("name", NAMES)
def test_the_events_are_in_legal_order_and_their_texts_are_the_answer(emulated: Emulator, name: str) -> None:
    order = OrderCheck()
    told = stream_blocking(settings(emulated), MODELS[name], TEXT)
    for event in told.events:
        order.check(event)
    order.end()
    assert isinstance(told.events[0], Started)
    assert isinstance(told.events[-1], Finished)
    assert told.text == TEXT
    assert told.response is not None
    assert fold(told.events).text == told.response.text


@pytest.mark.parametrize("name", ["openai", "raycast", "lockchat", "equing"])
def test_a_streamed_answer_comes_in_more_than_one_piece(emulated: Emulator, name: str) -> None:
    words = [event.text for event in stream_blocking(settings(emulated), MODELS[name], "one two three four").events if event.text]
    assert words == ["one", " two", " three", " four"]


def test_usage_is_known_where_the_wire_tells_it(emulated: Emulator) -> None:
    for way in WAYS.values():
        response = way(settings(emulated), MODELS["openai"], "one two three").response
        assert response is not None
        assert response.usage is not None
        assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 3)
    raycast = complete_blocking(settings(emulated), MODELS["raycast"], "one two three").response
    assert raycast is not None
    assert raycast.usage is None


def test_the_two_functions_need_no_client(emulated: Emulator) -> None:
    url = emulated.url("openai")
    answer = dragoman.complete("openai/gpt-4.1", "Name three rivers.", key="k", base_url=url)
    assert answer.text == "Name three rivers."
    assert str(answer) == answer.text
    said = "".join(event.text for event in dragoman.stream("openai/gpt-4.1", "Tell me a story.", key="k", base_url=url, timeout=5))
    assert said == "Tell me a story."
    assert dragoman.complete("openai/gpt-4.1", "Hi", keys={"openai": "k"}, base_urls={"openai": url}, max_retries=0).text == "Hi"


def test_options_arrive_in_the_body(emulated: Emulator) -> None:
    options: dict[str, Any] = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "stop": ["end"], "max_output_tokens": 9, "user": "u"}
    complete_blocking(settings(emulated), MODELS["openai"], "Hi", system="Be brief.", **options)
    body = json.loads(emulated.requests[0].body)
    assert body == {
        "model": "gpt-4.1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.25,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["end"],
        "max_completion_tokens": 9,
        "user": "u",
    }


def test_several_choices_come_apart(emulated: Emulator) -> None:
    for way in WAYS.values():
        response = way(settings(emulated), MODELS["openai"], "one two", n=3).response
        assert response is not None
        assert [choice.message.text for choice in response.choices] == ["one two"] * 3
        assert [choice.finish.unified for choice in response.choices if choice.finish] == ["stop"] * 3


def test_a_tool_is_called_and_its_result_is_answered(emulated: Emulator) -> None:
    tool = Tool(name="add", description="Adds.", parameters={"type": "object"})
    with Client(**settings(emulated)) as client:
        question = Message("user", (Text(text='call:add {"a": 1, "b": 2}'),))
        asked = client.complete(MODELS["openai"], [question], tools=[tool])
        assert asked.finish_reason == "tool_calls"
        call = asked.tool_calls[0]
        assert (call.name, json.loads(call.arguments)) == ("add", {"a": 1, "b": 2})
        result = Message("tool", (ToolResult(id=call.id, parts=(Text(text="3"),)),))
        assert client.complete(MODELS["openai"], [question, asked.message, result], tools=[tool]).text == "3"


def test_arguments_of_a_tool_come_bit_by_bit_and_exactly(dragoman_emulator: EmulatorFactory) -> None:
    arguments = '{ "text" : "é\\u00e9",\n"n":1e2}'
    emulator = dragoman_emulator("openai", scenario=Answer(tool_calls=[tool_call("f", arguments), tool_call("g")]))
    told = stream_blocking(settings(emulator), MODELS["openai"], "Hi", tools=[Tool(name="f"), Tool(name="g")])
    assert told.response is not None
    assert [call.arguments for call in told.response.tool_calls] == [arguments, "{}"]


def test_what_a_provider_cannot_carry_is_a_warning_and_with_strict_an_error(emulated: Emulator) -> None:
    for way in WAYS.values():
        told = way(settings(emulated), MODELS["lockchat"], "Hi", seed=7)
        assert told.response is not None
        assert told.response.warnings == ("seed: not understood by this provider, left out",)
    count = len(emulated.requests)
    with Client(**settings(emulated)) as client, pytest.raises(CannotCarry, match="seed"):
        client.stream(MODELS["lockchat"], "Hi", seed=7, strict=True)
    assert len(emulated.requests) == count


# --- every fault of the emulator

FAULTS: list[tuple[str, type[DragomanError], str]] = [
    ("status=401", AuthFailed, ""),
    ("status=404", ModelNotFound, ""),
    ("status=429,retry-after=7", RateLimited, ""),
    ("status=500", ServerFault, ""),
    ("status=503", Overloaded, ""),
    ("html", BadReply, ""),
    ("html,status=502", ServerFault, ""),
    ("empty", BadReply, ""),
    ("slow-start=5", TimedOut, ""),
    ("content-type=text/html", BadReply, ""),
    ("malformed-after=0", BadReply, ""),
]
STREAM_FAULTS: list[tuple[str, type[DragomanError], Sequence[str]]] = [
    # what of "one two three four" is delivered before, by wires whose first event has no text and by Raycast's, whose first has
    ("malformed-after=2", BadReply, ("one", "one two")),
    ("stall-after=3", TimedOut, ("one two", "one two three")),
    ("error-after=2", ServerFault, ("one", "one two")),
    ("no-end", StreamCut, ("one two three four",)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "kind", "text"), FAULTS)
def test_each_fault_is_its_own_error(emulated: Emulator, name: str, way: str, fault: str, kind: type[DragomanError], text: str) -> None:
    told = WAYS[way](settings(emulated, timeout=0.2 if "slow" in fault else 5.0), f"{MODELS[name]}!{fault}", "one two three four")
    assert told.error is not None
    assert told.error[0] == kind.__name__
    assert told.text == text
    assert told.error[-1] is None


@pytest.mark.parametrize("name", ["openai", "raycast", "lockchat", "equing"])
@pytest.mark.parametrize(("fault", "kind", "texts"), STREAM_FAULTS)
def test_text_that_came_before_a_fault_is_kept(
    emulated: Emulator, name: str, fault: str, kind: type[DragomanError], texts: Sequence[str]
) -> None:
    given = settings(emulated, timeout=0.2 if "stall" in fault else 5.0)
    told = stream_blocking(given, f"{MODELS[name]}!{fault}", "one two three four")
    assert told.error is not None
    assert told.error[0] == kind.__name__
    assert told.text == told.error[-1]
    assert told.text in texts


@pytest.mark.parametrize("fault", ["split=1", "split=7", "slow-start=0.05", "stall-after=2,stall=0.05", "content-type=text/plain"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["complete", "stream"])
def test_what_is_only_odd_changes_nothing(emulated: Emulator, name: str, way: str, fault: str) -> None:
    told = WAYS[way](settings(emulated), f"{MODELS[name]}!{fault}", TEXT)
    assert told.error is None
    assert told.response is not None
    assert told.response.text == TEXT


CASES: list[tuple[str, Any]] = [
    *[(fault, "one two three") for fault, _, _ in FAULTS if "slow" not in fault],
    *[(fault, "one two three") for fault, _, _ in STREAM_FAULTS if "stall" not in fault],
    ("cut-after=50", "one two three"),
    ("cut-after=400", "one two three"),
    ("split=1", TEXT),
    ("times=1", TEXT),
]


@pytest.mark.parametrize(("fault", "prompt"), CASES)
@pytest.mark.parametrize("name", NAMES)
def test_both_clients_tell_the_same(emulated: Emulator, name: str, fault: str, prompt: str) -> None:
    given, model = settings(emulated), f"{MODELS[name]}!{fault}" if fault != "times=1" else MODELS[name]
    assert stream_blocking(given, model, prompt) == stream_on_loop(given, model, prompt)
    assert complete_blocking(given, model, prompt) == complete_on_loop(given, model, prompt)


# --- retries over sockets


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_that_passes_is_tried_again(dragoman_emulator: EmulatorFactory, way: str) -> None:
    emulator = dragoman_emulator("openai", faults="status=429,retry-after=0,times=2")
    told = WAYS[way](settings(emulator, max_retries=2), MODELS["openai"], "Hi")
    assert told.error is None
    assert [record.status for record in emulator.requests] == [429, 429, 200]


def test_no_more_tries_are_made_than_allowed(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="status=429,retry-after=0")
    with Client(**settings(emulator, max_retries=1)) as client, pytest.raises(RateLimited) as caught:
        client.complete(MODELS["openai"], "Hi")
    assert len(emulator.requests) == 2
    assert len(caught.value.attempts) == 1
    assert caught.value.attempts[0].request_id != caught.value.request_id


def test_a_wrong_key_is_refused_and_not_shown(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client, pytest.raises(AuthFailed) as caught:
        client.complete(MODELS["openai"], "Hi", key="wrong-key")
    assert "wrong-key" not in str(caught.value) + repr(vars(caught.value))


def test_the_clients_work_side_by_side_in_one_program(emulated: Emulator) -> None:
    async def main() -> list[str]:
        async with AsyncClient(**settings(emulated)) as client:
            one, other = await asyncio.gather(client.complete(MODELS["openai"], "one"), client.complete(MODELS["raycast"], "other"))
            with Client(**settings(emulated)) as blocking:
                return [one.text, other.text, blocking.complete(MODELS["equing"], "third").text]

    assert asyncio.run(main()) == ["one", "other", "third"]


def test_a_message_of_ours_and_a_tool_call_survive_the_way(emulated: Emulator) -> None:
    turn = Message("assistant", (Text(text="I call."), ToolCall(id="c1", name="f", arguments='{"a":1}')))
    result = Message("tool", (ToolResult(id="c1", parts=(Text(text="4"),)),))
    complete_blocking(settings(emulated), MODELS["openai"], [Message("user", (Text(text="Hi"),)), turn, result])
    heard = emulated.requests[0].request
    assert heard is not None
    assert heard.messages[1:] == (turn, result)
