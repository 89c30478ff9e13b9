"""The loop of tools, with both clients: what is run, what goes back to the model, and what ends it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import dragoman
from dragoman import AsyncClient, Client, Image, Message, Text, Tool, ToolCall, ToolResult, Usage
from dragoman.client import ClientSettings
from dragoman.core.errors import DragomanError, RateLimited, TurnsExhausted, Unsupported, UsageError
from dragoman.core.request import NamedTool, Request
from dragoman.dialogue import Ask
from dragoman.emulator import Answer, tool_call
from dragoman.emulator.emulator import Emulator
from dragoman.emulator.scenario import Scenario
from dragoman.functions import Toolbox
from dragoman.response import Response
from dragoman.testing import EmulatorFactory
from dragoman.tool_loop import ToolRun, tool_turns, unanswered
from dragoman.transport.replay import Recording, ReplayTransport
from tests.house.test_colours import bleached
from tests.library.talk import settings

MODEL = "openai/gpt-4.1"
CLAUDE = "anthropic/claude-sonnet-4-5"

RunTools = Callable[..., ToolRun]


def run_blocking(given: ClientSettings, model: str, prompt: Any, **options: Any) -> ToolRun:
    with Client(**given) as client:
        run: ToolRun = client.run_tools(model, prompt, **options)
        return run


def run_on_loop(given: ClientSettings, model: str, prompt: Any, **options: Any) -> ToolRun:
    async def main() -> ToolRun:
        async with AsyncClient(**given) as client:
            run: ToolRun = await client.run_tools(model, prompt, **options)
            return run

    return asyncio.run(main())


@pytest.fixture(params=[run_blocking, run_on_loop], ids=["blocking", "loop"])
def run_tools(request: pytest.FixtureRequest) -> RunTools:
    found: RunTools = request.param
    return found


def weather(city: str, days: int = 1) -> dict[str, Any]:
    """The weather.

    Args:
        city: Where.
    """
    if city == "Nowhere":
        raise LookupError("there is no such city")
    return {"city": city, "days": days}


def in_turn(*answers: Answer | str) -> Scenario:
    """A scenario that gives ``answers`` one after another, the last again and again."""
    left = list(answers)

    def answer(request: Request) -> Answer | str:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def calls(*made: tuple[str, Any]) -> Answer:
    return Answer(tool_calls=[tool_call(name, arguments, f"c{i}") for i, (name, arguments) in enumerate(made)])


def results(run: ToolRun) -> list[tuple[str, bool]]:
    """The text of every result and whether it is marked as an error."""
    found = [part for message in run.messages for part in message.parts if isinstance(part, ToolResult)]
    return [("".join(inner.text for inner in part.parts if isinstance(inner, Text)), part.is_error) for part in found]


def heard(emulator: Emulator, number: int) -> Request:
    request = emulator.requests[number].request
    assert request is not None
    return request


# --- the way that all goes well


def test_the_model_calls_hears_the_result_and_answers(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), "It is fine."))
    run = run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], temperature=0.5)
    assert run.text == str(run) == "It is fine."
    assert run.response.finish_reason == "stop"
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "assistant"]
    assert results(run) == [('{"city":"Oslo","days":1}', False)]
    assert heard(emulator, 0).tools[0].parameters == {
        "type": "object",
        "properties": {"city": {"description": "Where.", "type": "string"}, "days": {"default": 1, "type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert heard(emulator, 1).messages[:2] == run.messages[:2]
    assert [heard(emulator, i).temperature for i in (0, 1)] == [0.5, 0.5]
    assert run.pending == ()


def test_an_answer_without_a_call_ends_it_at_once(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    run = run_tools(settings(dragoman_emulator("openai")), MODEL, "Hello", tools=[weather], max_turns=1)
    assert (run.text, len(run.responses), len(run.messages)) == ("Hello", 1, 2)


def test_the_whole_conversation_can_be_sent_again(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), "Fine.", "Again."))
    given = settings(emulator)
    run = run_tools(given, MODEL, "How is Oslo?", tools=[weather])
    again = run_tools(given, MODEL, [*run.messages, Message("user", (Text(text="And now?"),))], tools=[weather])
    assert again.text == "Again."
    assert heard(emulator, 2).messages[:2] == run.messages[:2]


@pytest.mark.parametrize(
    "provider", ["openai", "anthropic", "gemini", "cohere", "ollama_native"]
)  # each has its own form of calls and results
def test_it_goes_over_every_wire_that_carries_tools(dragoman_emulator: EmulatorFactory, run_tools: RunTools, provider: str) -> None:
    asked = calls(("weather", {"city": "Oslo"}), ("weather", {"city": "Nowhere"}))
    emulator = dragoman_emulator(provider, scenario=in_turn(asked, "Fine."))
    run = run_tools(settings(emulator), f"{provider}/m", "How is it?", tools=[weather])
    assert run.text == "Fine."
    assert [text for text, _ in results(run)] == ['{"city":"Oslo","days":1}', "LookupError: there is no such city"]
    said = [part for message in heard(emulator, 1).messages for part in message.parts if isinstance(part, ToolResult)]
    assert len(said) == 2
    assert "LookupError: there is no such city" in str(said[1])
    assert run.response.warnings == ()


# --- several calls of one turn


def test_results_stand_in_the_order_of_the_calls(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    cities = ["a", "b", "c", "d"]
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(*(("weather", {"city": city}) for city in cities)), "Done."))
    run = run_tools(settings(emulator), MODEL, "All", tools=[weather])
    assert [json.loads(text)["city"] for text, _ in results(run)] == cities
    (told,) = [message for message in run.messages if message.role == "tool"]
    assert [part.id for part in told.parts if isinstance(part, ToolResult)] == ["c0", "c1", "c2", "c3"]


def test_async_functions_of_one_turn_run_together(dragoman_emulator: EmulatorFactory) -> None:
    arrived: list[str] = []

    async def main() -> ToolRun:
        both = asyncio.Event()

        async def meet(name: str) -> str:
            arrived.append(name)
            if len(arrived) == 2:
                both.set()
            await both.wait()  # alone, it would wait for ever
            return name

        async with AsyncClient(**settings(emulator)) as client:
            return await asyncio.wait_for(client.run_tools(MODEL, "Meet", tools=[meet]), 20)

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("meet", {"name": "a"}), ("meet", {"name": "b"})), "Met."))
    run = asyncio.run(main())
    assert [text for text, _ in results(run)] == ["a", "b"]


def test_a_plain_function_runs_beside_the_loop_and_not_on_it(dragoman_emulator: EmulatorFactory) -> None:
    threads: list[threading.Thread] = []
    beat = threading.Event()

    def slow() -> str:
        threads.append(threading.current_thread())
        assert beat.wait(20)  # set by the loop, which must therefore be free
        return "done"

    async def main() -> ToolRun:
        async def pulse() -> None:
            while not threads:
                await asyncio.sleep(0)
            beat.set()

        async with AsyncClient(**settings(emulator)) as client:
            run, _ = await asyncio.gather(client.run_tools(MODEL, "Go", tools=[slow]), pulse())
            return run

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("slow", {})), "End."))
    assert asyncio.run(main()).text == "End."
    assert threads != [threading.main_thread()]


def test_a_blocking_client_runs_functions_in_the_callers_thread(dragoman_emulator: EmulatorFactory) -> None:
    threads: list[threading.Thread] = []

    def where() -> None:
        threads.append(threading.current_thread())

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("where", {})), "End."))
    run_blocking(settings(emulator), MODEL, "Go", tools=[where])
    assert threads == [threading.current_thread()]


# --- what goes wrong goes back to the model

WRONG: list[tuple[tuple[str, Any], str]] = [
    (("weather", {"city": "Nowhere"}), "LookupError: there is no such city"),
    (("wether", {"city": "Oslo"}), "UnknownTool: there is no tool 'wether'; there are: weather"),
    (("weather", {"city": 5}), "InvalidArguments: Expected `str`, got `int` - at `$.city`"),
    (("weather", {}), "InvalidArguments: Object missing required field `city`"),
    (("weather", '{"city": "Os'), "InvalidArguments: Input data was truncated"),
    (("weather", {"city": "Oslo", "country": "NO"}), "InvalidArguments: Object contains unknown field `country`"),
]


@pytest.mark.parametrize(("call", "words"), WRONG, ids=[words.partition(":")[0] for _, words in WRONG])
def test_what_is_wrong_goes_back_to_the_model_in_words(
    dragoman_emulator: EmulatorFactory, run_tools: RunTools, call: tuple[str, Any], words: str
) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(call), calls(("weather", {"city": "Oslo"})), "Mended."))
    run = run_tools(settings(emulator), MODEL, "How is it?", tools=[weather])
    assert run.text == "Mended."
    assert [text for text, _ in results(run)] == [words, '{"city":"Oslo","days":1}']
    assert "Traceback" not in str(run.messages)


def test_a_failure_is_marked_where_the_wire_can_say_so(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    both = dragoman_emulator(["openai", "anthropic"], scenario=in_turn(calls(("weather", {"city": "Nowhere"})), "Oh."))
    assert results(run_tools(settings(both), CLAUDE, "?", tools=[weather]))[0][1] is True
    both = dragoman_emulator(["openai", "anthropic"], scenario=in_turn(calls(("weather", {"city": "Nowhere"})), "Oh."))
    assert results(run_tools(settings(both), MODEL, "?", tools=[weather]))[0][1] is False


def test_a_failing_tool_is_no_reason_for_strict_to_refuse(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Nowhere"})), "Oh."))
    assert run_tools(settings(emulator), MODEL, "?", tools=[weather], strict=True).text == "Oh."


def test_strict_holds_for_what_the_target_cannot_carry(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai")
    with pytest.raises(Unsupported, match="top_k"):
        run_tools(settings(emulator), MODEL, "?", tools=[weather], strict=True, top_k=3)
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_the_models_business(
    dragoman_emulator: EmulatorFactory, run_tools: RunTools, kind: type[BaseException]
) -> None:
    def interrupted() -> None:
        raise kind

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("interrupted", {})), "Never."))
    with pytest.raises(kind):
        run_tools(settings(emulator), MODEL, "Go", tools=[interrupted])
    assert len(emulator.requests) == 1


def test_a_cancellation_inside_a_function_goes_through(dragoman_emulator: EmulatorFactory) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("cancelled", {})), "Never."))
    with pytest.raises(asyncio.CancelledError):
        run_on_loop(settings(emulator), MODEL, "Go", tools=[cancelled])


def test_cancelling_the_loop_cancels_its_functions(dragoman_emulator: EmulatorFactory) -> None:
    seen: list[str] = []

    async def main() -> None:
        begun = asyncio.Event()

        async def endless() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async with AsyncClient(**settings(emulator)) as client:
            task = asyncio.create_task(client.run_tools(MODEL, "Go", tools=[endless]))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("endless", {})), "Never."))
    asyncio.run(main())
    assert seen == ["cancelled"]


# --- limits


def test_no_more_turns_are_taken_than_allowed(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    ran: list[int] = []

    def again(n: int) -> int:
        ran.append(n)
        return n

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("again", {"n": 1}))))
    with pytest.raises(TurnsExhausted, match=r"after 3 turns the model still calls for again; max_turns allows more") as caught:
        run_tools(settings(emulator), MODEL, "Go", tools=[again], max_turns=3)
    assert len(emulator.requests) == 3
    assert len(ran) == 2  # nobody would read what the last call gives
    error = caught.value
    assert (error.provider, error.model, error.retryable) == ("openai", "gpt-4.1", False)
    assert error.partial is not None
    assert error.partial.tool_calls[0].name == "again"
    assert [message.role for message in error.messages] == ["user", *("assistant", "tool") * 2, "assistant"]


def test_a_loop_at_its_limit_can_be_taken_up_again(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), "Fine."))
    given = settings(emulator)
    with pytest.raises(TurnsExhausted, match="after 1 turn ") as caught:
        run_tools(given, MODEL, "How is it?", tools=[weather], max_turns=1)
    run = run_tools(given, MODEL, caught.value.messages, tools=[weather])
    assert run.text == "Fine."
    assert results(run) == [('{"city":"Oslo","days":1}', False)]


def test_an_error_in_the_midst_keeps_the_conversation(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), Answer(fault="status=429")))
    with pytest.raises(RateLimited) as caught:
        run_tools(settings(emulator), MODEL, "How is it?", tools=[weather])
    assert [message.role for message in caught.value.messages] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("max_turns", [0, -1, 1.5, "3", True, None])
def test_a_limit_that_is_none_is_refused(run_tools: RunTools, max_turns: Any) -> None:
    with pytest.raises(UsageError, match=r"max_turns: .* was given; a whole number from 1 up is allowed"):
        run_tools({"environment": {}}, "ollama/m", "Go", tools=[weather], max_turns=max_turns)


# --- tools of the caller's own

PLAIN = Tool(name="ask_user", description="Asks the user.", parameters={"type": "object"})


def test_a_tool_without_a_function_hands_the_answer_back(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    asked = calls(("weather", {"city": "Oslo"}), ("ask_user", {}))
    emulator = dragoman_emulator("openai", scenario=in_turn(asked, "Thanks."))
    given = settings(emulator)
    run = run_tools(given, MODEL, "Go", tools=[weather, PLAIN])
    assert [call.name for call in run.pending] == ["ask_user"]
    assert [call.name for call in run.response.tool_calls] == ["weather", "ask_user"]
    assert results(run) == [('{"city":"Oslo","days":1}', False)]
    assert len(emulator.requests) == 1

    with pytest.raises(UsageError, match="the result of the call c1 of ask_user is missing; it has no function here"):
        run_tools(given, MODEL, run.messages, tools=[weather, PLAIN])
    told = Message("tool", (ToolResult(id="c1", parts=(Text(text="yes"),)),))
    assert run_tools(given, MODEL, [*run.messages, told], tools=[weather, PLAIN]).text == "Thanks."


def test_what_is_unanswered_is_what_stands_at_the_end_without_a_result() -> None:
    first, second = ToolCall(id="1", name="a", arguments="{}"), ToolCall(id="2", name="b", arguments="{}")
    user, turn = Message("user", (Text(text="Hi"),)), Message("assistant", (first, second))
    one, other = Message("tool", (ToolResult(id="1"),)), Message("tool", (ToolResult(id="2"),))
    assert unanswered([]) == unanswered([user]) == unanswered([user, turn, one, other]) == unanswered([turn, user]) == ()
    assert unanswered([user, turn]) == (first, second)
    assert unanswered([user, turn, one]) == (second,)
    assert unanswered([one]) == ()


@pytest.mark.parametrize("choice", ["required", NamedTool("weather")])
def test_a_call_that_is_demanded_is_demanded_once(dragoman_emulator: EmulatorFactory, run_tools: RunTools, choice: Any) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), "Fine."))
    assert run_tools(settings(emulator), MODEL, "Go", tools=[weather], tool_choice=choice).text == "Fine."
    assert [heard(emulator, i).tool_choice for i in (0, 1)] == [choice, None]


def test_a_picture_as_a_result_goes_where_the_wire_carries_it(dragoman_emulator: EmulatorFactory, run_tools: RunTools) -> None:
    picture = Image(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")

    def draw() -> list[Any]:
        return [Text(text="Here:"), picture]

    emulator = dragoman_emulator("anthropic", scenario=in_turn(calls(("draw", {})), "Nice."))
    run_tools(settings(emulator), CLAUDE, "Draw", tools=[draw])
    (told,) = [part for message in heard(emulator, 1).messages for part in message.parts if isinstance(part, ToolResult)]
    assert told.parts == (Text(text="Here:"), picture)


# --- async functions and the blocking client


def test_a_blocking_client_refuses_an_async_function_before_anything_is_sent(dragoman_emulator: EmulatorFactory) -> None:
    async def later() -> None: ...

    emulator = dragoman_emulator("openai")
    with pytest.raises(UsageError, match="tools: later is an async function; a blocking client cannot await it, AsyncClient can"):
        run_blocking(settings(emulator), MODEL, "Go", tools=[later])
    assert len(emulator.requests) == 0


def hidden() -> Any:
    """Gives back a coroutine, though it is no async function itself."""

    async def inner() -> str:
        return "inner"

    return inner()


def test_a_coroutine_given_back_is_awaited_where_that_can_be(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("hidden", {})), "End."))
    assert results(run_on_loop(settings(emulator), MODEL, "Go", tools=[hidden])) == [("inner", False)]
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("hidden", {})), "End."))
    with pytest.raises(UsageError, match="hidden gave back a coroutine"):
        run_blocking(settings(emulator), MODEL, "Go", tools=[hidden])


def test_an_async_function_that_fails_is_told_too(dragoman_emulator: EmulatorFactory) -> None:
    async def failing() -> None:
        raise RuntimeError("no luck")

    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("failing", {})), "End."))
    assert results(run_on_loop(settings(emulator), MODEL, "Go", tools=[failing])) == [("RuntimeError: no luck", False)]


# --- the function without a client, and functions in complete


def test_the_function_needs_no_client(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Oslo"})), "Fine."))
    run = dragoman.run_tools(MODEL, "How is it?", tools=[weather], max_turns=2, key="k", base_url=emulator.url("openai"))
    assert run.text == "Fine."


def test_complete_tells_of_functions_and_runs_none(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(("weather", {"city": "Nowhere"}))))
    with Client(**settings(emulator)) as client:
        answer = client.complete(MODEL, "How is it?", tools=[weather])
    assert [call.name for call in answer.tool_calls] == ["weather"]
    assert heard(emulator, 0).tools[0].description == "The weather."


def test_it_goes_over_recorded_bytes_without_a_network() -> None:
    def recording(message: dict[str, Any], reason: str) -> Recording:
        body = {"id": "c", "model": "gpt-4.1-2025-04-14", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}
        return Recording(headers=(("content-type", "application/json"),), chunks=(json.dumps(body).encode(),))

    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    transport = ReplayTransport(
        [
            recording({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"),
            recording({"role": "assistant", "content": "Fine."}, "stop"),
        ]
    )
    with Client(http=transport, keys={"openai": "k"}, environment={}) as client:
        run = client.run_tools(MODEL, "How is it?", tools=[weather])
    assert run.text == "Fine."
    assert run.usage is None
    sent = json.loads(transport.calls[1].body)["messages"]
    assert sent[1]["tool_calls"] == [call]
    assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "name": "weather", "content": '{"city":"Oslo","days":1}'}


# --- sums


def turn(usage: Usage | None) -> Response:
    return Response(choices=(), usage=usage, provider="openai", model="gpt-4.1")


def test_usage_is_summed_and_the_unknown_stays_unknown() -> None:
    first = Usage(input_tokens=1, output_tokens=2, cache_read_tokens=1, reasoning_tokens=None)
    second = Usage(input_tokens=10, output_tokens=20, cache_read_tokens=None, reasoning_tokens=5)
    run = ToolRun(responses=(turn(first), turn(second)), messages=())
    assert run.usage == Usage(input_tokens=11, output_tokens=22)
    assert ToolRun(responses=(turn(first), turn(None)), messages=()).usage is None
    assert ToolRun(responses=(turn(first),), messages=()).usage == first


def test_cost_is_summed_and_the_unknown_stays_unknown() -> None:
    pytest.importorskip("genai_prices")
    usage = Usage(input_tokens=1000, output_tokens=1000)
    one = turn(usage).cost
    assert isinstance(one, Decimal)
    assert ToolRun(responses=(turn(usage), turn(usage)), messages=()).cost == 2 * one
    assert ToolRun(responses=(turn(usage), turn(None)), messages=()).cost is None


# --- one text


def test_both_loops_are_the_same_text() -> None:
    other, own = bleached("dragoman.dialogue", "AsyncTalk"), bleached("dragoman.dialogue", "Talk")
    differences = [line for line in other if line not in own]
    assert [line.strip() for line in differences] == [
        "awaits: Final = True",
        "from asyncio import TaskGroup",
        "with TaskGroup() as group:",
        "tasks = [group.create_task(async_run(job)) for job in jobs]",
        "return tuple((task.result() for task in tasks))",
    ]
    assert len([line for line in own if line not in other]) == 2


def test_the_policy_does_nothing_by_itself() -> None:
    request = Request(model=MODEL, messages=(Message("user", (Text(text="Hi"),)),))
    policy = tool_turns(request, Toolbox([weather]), 2, lambda request: ())
    step = next(policy)
    assert step == Ask(request)
    with pytest.raises(DragomanError) as caught:
        policy.throw(RateLimited("slow down"))
    assert caught.value.messages == request.messages
