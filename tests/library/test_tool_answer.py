"""The loop of tools with a value at its end, with both clients: how the value is asked for, read and mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dragoman
from dragoman import Message, StructuredToolRun, Text, Tool, ToolCall, ToolResult
from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import BadReply, BadRequest, TurnsExhausted, UsageError
from dragoman.core.request import NamedTool, Request
from dragoman.emulator import Answer
from dragoman.emulator.emulator import Emulator
from dragoman.testing import EmulatorFactory
from tests.library.talk import settings
from tests.library.test_tool_loop import calls, heard, in_turn, results, run_blocking, run_on_loop, weather

MODEL = "openai/gpt-4.1"
GEMINI = "gemini/gemini-2.5-flash"
OSLO = ("weather", {"city": "Oslo"})

Loop = Callable[..., StructuredToolRun[Any]]


class Forecast(msgspec.Struct):
    city: str
    degrees: int


FINE = '{"city": "Oslo", "degrees": 5}'
VALUE = Forecast("Oslo", 5)


@pytest.fixture(params=[run_blocking, run_on_loop], ids=["blocking", "loop"])
def run_tools(request: pytest.FixtureRequest) -> Loop:
    found: Loop = request.param
    return found


def roles(run: Any) -> list[str]:
    return [message.role for message in run.messages]


def tools_of(emulator: Emulator, number: int) -> list[str]:
    return [tool.name for tool in heard(emulator, number).tools]


@pytest.mark.parametrize("model", [MODEL, "anthropic/claude-sonnet-4-5", "openai_responses/gpt-4.1"])
def test_hosts_that_take_a_schema_beside_tools_are_asked_so(dragoman_emulator: EmulatorFactory, run_tools: Loop, model: str) -> None:
    emulator = dragoman_emulator(model.partition("/")[0], scenario=in_turn(calls(OSLO), FINE))
    run = run_tools(settings(emulator), model, "How is Oslo?", tools=[weather], into=Forecast)
    assert type(run) is StructuredToolRun
    assert (run.value, run.text, len(run.responses)) == (VALUE, FINE, 2)
    assert roles(run) == ["user", "assistant", "tool", "assistant"]
    for number in (0, 1):
        wanted = heard(emulator, number).response_format
        assert wanted is not None
        assert wanted.schema is not None
        assert tools_of(emulator, number) == ["weather"]


@pytest.mark.parametrize("model", [GEMINI, "ollama_native/m", "cohere/m", "groq/m"])
def test_elsewhere_the_answer_is_one_more_tool_that_ends_the_loop(dragoman_emulator: EmulatorFactory, run_tools: Loop, model: str) -> None:
    emulator = dragoman_emulator(model.partition("/")[0], scenario=in_turn(calls(OSLO), calls(("Forecast", FINE))))
    run = run_tools(settings(emulator), model, "How is Oslo?", tools=[weather], into=Forecast)
    assert (run.value, len(run.responses)) == (VALUE, 2)
    for number in (0, 1):
        assert heard(emulator, number).response_format is None
        assert tools_of(emulator, number) == ["weather", "Forecast"]
        assert heard(emulator, number).tool_choice in (None, "auto")


def test_an_answer_by_a_call_is_words_in_the_conversation_which_can_be_sent_again(
    dragoman_emulator: EmulatorFactory, run_tools: Loop
) -> None:
    emulator = dragoman_emulator("gemini", scenario=in_turn(calls(OSLO), calls(("Forecast", FINE)), "Cold."))
    given = settings(emulator)
    run = run_tools(given, GEMINI, "How is Oslo?", tools=[weather], into=Forecast)
    assert roles(run) == ["user", "assistant", "tool", "assistant"]
    assert run.messages[-1].parts == (Text(text=run.responses[-1].tool_calls[0].arguments),)
    assert run.pending == ()
    again = run_tools(given, GEMINI, [*run.messages, Message("user", (Text(text="Is that cold?"),))], tools=[weather])
    assert again.text == "Cold."


def test_an_answer_called_for_beside_a_function_lets_the_function_run(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    emulator = dragoman_emulator("gemini", scenario=in_turn(calls(OSLO, ("Forecast", FINE))))
    run = run_tools(settings(emulator), GEMINI, "How is Oslo?", tools=[weather], into=Forecast)
    assert run.value == VALUE
    assert results(run) == [('{"city":"Oslo","days":1}', False)]
    assert roles(run) == ["user", "assistant", "tool", "assistant"]
    assert [part.name for part in run.messages[1].parts if isinstance(part, ToolCall)] == ["weather"]


def test_an_answer_in_words_is_read_too_and_else_the_call_is_demanded(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    emulator = dragoman_emulator("gemini", scenario=in_turn(f"Here it is: {FINE}"))
    assert run_tools(settings(emulator), GEMINI, "How is Oslo?", tools=[weather], into=Forecast).value == VALUE
    emulator = dragoman_emulator("gemini", scenario=in_turn("It is fine.", calls(("Forecast", FINE))))
    run = run_tools(settings(emulator), GEMINI, "How is Oslo?", tools=[weather], into=Forecast)
    assert run.value == VALUE
    assert [heard(emulator, number).tool_choice for number in (0, 1)] == [None, NamedTool("Forecast")]
    assert "there is no JSON in it" not in run.messages[2].text
    assert run.messages[2].text.startswith("The answer does not match the JSON schema:")


def test_a_call_that_does_not_fit_gets_its_result_and_the_model_may_call_tools_again(
    dragoman_emulator: EmulatorFactory, run_tools: Loop
) -> None:
    emulator = dragoman_emulator(
        "gemini", scenario=in_turn(calls(("Forecast", '{"city": "Oslo"}')), calls(OSLO), calls(("Forecast", FINE)))
    )
    run = run_tools(settings(emulator), GEMINI, "How is Oslo?", tools=[weather], into=Forecast)
    assert (run.value, len(run.responses)) == (VALUE, 3)
    told = [part for part in run.messages[2].parts if isinstance(part, ToolResult)]
    assert [part.id for part in told] == [run.responses[0].tool_calls[0].id]
    assert "missing required field `degrees`" in results(run)[0][0]


def test_what_does_not_fit_goes_back_within_bounds(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn('{"city": 5}', FINE))
    run = run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast, tool_choice="required")
    assert (run.value, len(run.responses)) == (VALUE, 2)
    assert [heard(emulator, number).tool_choice for number in (0, 1)] == ["required", None]
    emulator = dragoman_emulator("openai", scenario=in_turn("Fine."))
    with pytest.raises(BadReply, match="after 1 repairs and 2 turns") as caught:
        run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast, max_repairs=1)
    assert caught.value.partial is not None
    assert [message.role for message in caught.value.messages] == ["user", "assistant", "user", "assistant"]


def test_repairs_are_turns(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(OSLO), "Fine."))
    with pytest.raises(BadReply, match="after 0 repairs and 2 turns"):
        run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast, max_turns=2)
    emulator = dragoman_emulator("openai", scenario=in_turn("Fine.", calls(OSLO)))
    with pytest.raises(TurnsExhausted, match="after 3 turns the model still calls for weather"):
        run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast, max_turns=3)


def test_a_refusal_is_not_repaired(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(OSLO), Answer(refusal="I will not.")))
    with pytest.raises(BadReply, match="the model refused: I will not") as caught:
        run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast)
    assert [message.role for message in caught.value.messages] == ["user", "assistant", "tool", "assistant"]


def test_where_the_model_refuses_a_way_the_next_is_tried(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    def scenario(request: Request) -> Answer:
        if request.response_format:
            raise BadRequest("response_format is not supported with this model", status=400, param="response_format")
        return calls(("Forecast", FINE))

    emulator = dragoman_emulator("openai", scenario=scenario)
    run = run_tools(settings(emulator), MODEL, "How is Oslo?", tools=[weather], into=Forecast)
    assert (run.value, len(run.responses), len(emulator.requests)) == (VALUE, 1, 2)


def test_words_that_ask_for_the_value_are_no_part_of_the_conversation(
    dragoman_emulator: EmulatorFactory, run_tools: Loop, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.toml"
    rows.write_text(
        '[providers.words]\ntitle = "Words"\ndialect = "openai_chat"\nbase_url = "http://127.0.0.1:1/v1"\nauth = { place = "none" }\n'
        'models = [{ name = "m", structured_output = false, tools = false }]\n'
    )
    emulator = dragoman_emulator("words", scenario=in_turn(calls(OSLO), FINE), catalogue=Catalogue((rows,)))
    run = run_tools(settings(emulator) | {"provider_files": [rows]}, "words/m", "How is Oslo?", tools=[weather], into=Forecast)
    assert run.value == VALUE
    assert "JSON schema" in heard(emulator, 0).messages[0].text
    assert roles(run) == ["user", "assistant", "tool", "assistant"]


def test_a_tool_of_the_same_name_as_the_type_keeps_it(dragoman_emulator: EmulatorFactory, run_tools: Loop) -> None:
    def answer(city: str) -> str:
        """Ask."""
        return city

    emulator = dragoman_emulator("gemini", scenario=in_turn(calls(("answer", {"city": "x"})), calls(("answer_2", '{"value": [1]}'))))
    run = run_tools(settings(emulator), GEMINI, "Hi", tools=[answer], into=list[int])
    assert (run.value, tools_of(emulator, 0)) == ([1], ["answer", "answer_2"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"tools": [weather, Tool(name="mine")]}, "tools: mine has no Python function, and a call of it would end the loop without a value"),
    ({"response_format": dragoman.JsonFormat()}, "response_format: it cannot stand beside into"),
    ({"into": object()}, "into: no JSON schema can be made of"),
    ({"max_repairs": -1}, "max_repairs: -1 was given"),
    ({"max_turns": 0}, "max_turns: 0 was given"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=range(len(BAD)))
def test_a_wrong_call_is_said_before_anything_is_sent(
    dragoman_emulator: EmulatorFactory, run_tools: Loop, options: dict[str, Any], words: str
) -> None:
    emulator = dragoman_emulator("openai")
    with pytest.raises(UsageError) as caught:
        run_tools(settings(emulator), MODEL, "Hi", **{"tools": [weather], "into": Forecast, **options})
    assert words in caught.value.message
    assert len(emulator.requests) == 0


def test_the_function_needs_no_client(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn(calls(OSLO), FINE))
    assert dragoman.run_tools(MODEL, "How is Oslo?", tools=[weather], into=Forecast, **settings(emulator)).value == VALUE
