"""The scenarios that are there, and those of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadRequest, UsageError
from dragoman.core.events import OrderCheck
from dragoman.core.fold import fold
from dragoman.core.messages import Image, Message, Text, ToolCall, ToolResult
from dragoman.core.request import NamedTool, Request, Tool, ToolChoice
from dragoman.core.usage import Usage
from dragoman.emulator import Answer, Fault, Scenario, canned, echo, lorem, script, tool_call
from dragoman.emulator.answer import answer_events, complete_events
from dragoman.emulator.pieces import WORD_CHARACTERS, count_messages, fragments, pieces
from dragoman.emulator.scenario import scenario_of

TOOLS = (Tool(name="look"), Tool(name="get_weather"))


def asked(text: str = "Hello", *more: Message, tool_choice: ToolChoice | None = None, tools: tuple[Tool, ...] = ()) -> Request:
    return Request(model="m", messages=(Message("user", (Text(text=text),)), *more), tools=tools, tool_choice=tool_choice)


def answer(scenario: Scenario, request: Request) -> Answer:
    said = scenario(request)
    assert isinstance(said, Answer)
    return said


# --- pieces -----------------------------------------------------------------------------------------------------------------------------


@given(st.text())
def test_the_pieces_joined_are_the_text(text: str) -> None:
    cut = list(pieces(text))

    assert "".join(cut) == text
    assert all(0 < len(piece.lstrip()) <= WORD_CHARACTERS or not piece.strip() for piece in cut)
    assert "".join(fragments(text)) == text


def test_words_keep_the_blanks_before_them() -> None:
    assert list(pieces("  Hello,  my\nfriend \n")) == ["  Hello,", "  my", "\nfriend", " \n"]


def test_long_texts_without_blanks_are_cut_too() -> None:
    assert list(map(len, pieces("x" * 40))) == [16, 16, 8]


def test_all_that_was_said_is_counted() -> None:
    messages = (
        Message("system", (Text(text="Be brief please"),)),
        Message("user", (Text(text="Look here"), Image(url="https://e.example/a.png"))),
        Message("assistant", (ToolCall(id="1", name="look", arguments='{"at":"x"}'),)),
        Message("tool", (ToolResult(id="1", parts=(Text(text="a fine day"),)),)),
    )

    assert count_messages(messages) == 3 + 2 + 1 + 2 + 3


# --- events -----------------------------------------------------------------------------------------------------------------------------

_TEXTS = st.text(max_size=40)


@given(
    text=_TEXTS,
    reasoning=_TEXTS,
    refusal=_TEXTS,
    arguments=st.lists(_TEXTS, max_size=2),
    n=st.integers(1, 3),
    limit=st.none() | st.integers(0, 9),
)
def test_every_answer_is_told_in_legal_order(
    text: str, reasoning: str, refusal: str, arguments: list[str], n: int, limit: int | None
) -> None:
    said = Answer(text=text, reasoning=reasoning, refusal=refusal, tool_calls=[tool_call("look", one) for one in arguments])
    request = Request(model="m", messages=asked().messages, n=n, max_output_tokens=limit)

    events = list(complete_events(answer_events(said, request), request, "id", 1))

    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()
    told = fold(events)
    assert len(told.choices) == n
    if limit is None:
        assert (told.text, told.reasoning, told.refusal or "") == (text, reasoning, refusal)
        assert [call.arguments for call in told.tool_calls] == arguments
    assert told.usage
    assert told.usage.raw
    assert "one token for each piece" in told.usage.raw["counted_by"]


# --- the scenarios by name --------------------------------------------------------------------------------------------------------------


def test_echo_says_the_last_user_message_back() -> None:
    request = asked("first", Message("assistant", (Text(text="x"),)), Message("user", (Text(text="second"),)))

    assert answer(echo(), request).text == "second"


def test_echo_says_a_tools_result() -> None:
    request = asked("call:look", Message("tool", (ToolResult(id="1", parts=(Text(text="the sea"),)),)), tools=TOOLS)

    assert answer(echo(), request) == Answer(text="the sea")


def test_canned_and_lorem_say_the_same_each_time() -> None:
    assert answer(canned("Hi."), asked()).text == "Hi."
    assert answer(lorem(3), asked()).text == "lorem ipsum dolor"
    assert len(list(pieces(answer(lorem(500), asked()).text))) == 500
    assert answer(lorem(0), asked()).text == ""
    with pytest.raises(UsageError, match="lorem=-1"):
        lorem(-1)


def test_scenarios_have_names() -> None:
    assert answer(scenario_of("canned=Well, a=b"), asked()).text == "Well, a=b"
    assert answer(scenario_of("lorem=2"), asked()).text == "lorem ipsum"
    assert answer(scenario_of("echo"), asked("x")).text == "x"
    assert answer(scenario_of(Answer(text="fixed")), asked()).text == "fixed"


@pytest.mark.parametrize("scenario", [echo(), canned("x"), lorem(3)])
def test_tools_are_called_where_the_user_writes_it(scenario: Scenario) -> None:
    said = answer(scenario, asked('Please call:look {"at": {"x": "}"}} and call:get_weather and call:unknown {}', tools=TOOLS))

    assert [(call.name, call.arguments) for call in said.tool_calls] == [("look", '{"at": {"x": "}"}}'), ("get_weather", "{}")]
    assert said.text == ""


@pytest.mark.parametrize(
    ("text", "choice", "names"),
    [
        ("Hello", "required", ["look"]),
        ("Hello", NamedTool("get_weather"), ["get_weather"]),
        ("Hello", "auto", []),
        ("call:look", "none", []),
        ("call:look {not json", "auto", []),
        ("recall:look", "auto", []),
    ],
)
def test_a_tool_choice_is_obeyed(text: str, choice: ToolChoice, names: list[str]) -> None:
    assert [call.name for call in answer(echo(), asked(text, tools=TOOLS, tool_choice=choice)).tool_calls] == names


def test_no_tool_is_called_that_is_not_offered() -> None:
    assert answer(echo(), asked("call:look {}")).text == "call:look {}"


def test_an_answer_with_a_wrong_fault_is_refused_where_it_is_made() -> None:
    with pytest.raises(UsageError, match="'statsu' is not known"):
        Answer(fault="statsu=1")


# --- scenario files ---------------------------------------------------------------------------------------------------------------------

SCRIPT = """
[[answers]]
when = "(?i)weather"
tool_calls = [{ name = "get_weather", arguments = { city = "Zürich" } }, { name = "look", arguments = '{"raw":1}', id = "mine" }]

[[answers]]
text = "first"
reasoning = "hm"
usage = { input_tokens = 1, output_tokens = 2 }

[[answers]]
text = "twice"
repeat = 2
finish = "length"
fault = { status = 429, retry-after = 2 }

[[answers]]
refusal = "no more"
fault = "cut-after=3"
repeat = "always"
"""


def _written(folder: Path, text: str, name: str = "scenario.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_come_in_order_and_those_that_match_before(tmp_path: Path) -> None:
    scenario = script(_written(tmp_path, SCRIPT))

    said = [answer(scenario, asked(text)) for text in ("a", "the WEATHER?", "b", "weather", "c", "d", "e")]

    assert [one.text or one.refusal for one in said] == ["first", "", "twice", "", "twice", "no more", "no more"]
    assert said[0] == Answer(text="first", reasoning="hm", usage=Usage(input_tokens=1, output_tokens=2))
    assert said[1].tool_calls == (tool_call("get_weather", {"city": "Zürich"}), tool_call("look", '{"raw":1}', "mine"))
    assert (said[2].finish, said[2].fault) == ("length", Fault(status=429, retry_after_s=2))
    assert said[5].fault == Fault(cut_after=3)


def test_a_script_may_be_json_and_each_reading_counts_for_itself(tmp_path: Path) -> None:
    path = _written(tmp_path, json.dumps({"answers": [{"text": "only"}]}), "scenario.json")

    for scenario in (script(path), scenario_of(path), scenario_of(f"script={path}")):
        assert answer(scenario, asked()).text == "only"
        with pytest.raises(BadRequest, match="has no answer left for a request that says 'Hello'"):
            scenario(asked())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "answers: at least one entry [[answers]] is expected"),
        ("answers = []", "answers: at least one entry"),
        ("answers = 3", "answers: at least one entry"),
        ("[[answer]]\ntext = 'x'", "unknown field 'answer'; did you mean 'answers'?"),
        ("[[answers]]\ntxt = 'x'", "answers[0]: unknown field 'txt'; did you mean 'text'?"),
        (
            "[[answers]]\ntext = 'x'\n[[answers]]\ntool_calls = [{ nam = 'x' }]",
            "answers[1]: tool_calls: unknown field 'nam'; did you mean 'name'?",
        ),
        ("[[answers]]\nusage = { input = 1 }", "answers[0]: usage: unknown field 'input'; did you mean 'input_tokens'?"),
        ("[[answers]]\ntext = 3", "answers[0]: Expected `str`, got `int` at `text`"),
        ("[[answers]]\nfinish = 'done'", "answers[0]: Invalid enum value 'done' at `finish`"),
        ("[[answers]]\nwhen = '('", "answers[0]: when: '(' is not a regular expression"),
        ("[[answers]]\nrepeat = 0", "answers[0]: repeat: 0 was given"),
        ("[[answers]]\nrepeat = 'often'", "answers[0]: Invalid enum value 'often' at `repeat`"),
        ("[[answers]]\nfault = { statsu = 1 }", "answers[0]: fault: 'statsu' is not known"),
        ("[[answers]]\nfault = 'x'", "answers[0]: fault: 'x' is not known"),
        ("[[answers", "not valid TOML"),
    ],
)
def test_a_wrong_script_names_file_entry_and_field(tmp_path: Path, text: str, words: str) -> None:
    path = _written(tmp_path, text)

    with pytest.raises(UsageError) as caught:
        script(path)

    assert str(path) in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [("{", "not valid JSON"), ("[]", "a table with [[answers]] is expected")])
def test_a_wrong_json_script_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        script(_written(tmp_path, text, "scenario.json"))

    assert words in str(caught.value)


def test_reading_a_script_leaves_the_packages_names_alone(tmp_path: Path) -> None:
    import dragoman.emulator

    dragoman.emulator.script(_written(tmp_path, SCRIPT))

    assert dragoman.emulator.script is script


def test_a_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        script(tmp_path / "none.toml")


def test_a_script_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="not valid TOML"):
        script(tmp_path / "bytes.toml")
