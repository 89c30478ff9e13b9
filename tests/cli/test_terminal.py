"""On a terminal: Markdown as it comes, the conversation, and Ctrl-C, which stops the answer and not the program."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.emulator import Emulator
from tests.cli.conftest import SECRET
from tests.cli.terminal import Terminal

CTRL_C, CTRL_D, ALT_ENTER, ENTER, TAB = "\x03", "\x04", "\x1b\r", "\r", "\t"


@pytest.fixture
def talk(around: dict[str, str]) -> Iterator[Terminal]:
    """A conversation at its first prompt."""
    with Terminal("chat", environment=around) as terminal:
        terminal.expect("/help lists the commands")
        terminal.expect("Ctrl-D ends")
        yield terminal


def test_markdown_is_rendered_and_followed_by_its_facts(around: dict[str, str]) -> None:
    with Terminal("chat", "markdown", environment=around) as terminal:
        assert terminal.end() == 0
    assert "Let me think of rivers." in terminal.said
    assert " • the Danube" in terminal.said
    assert "**Nile**" not in terminal.said.splitlines()[-4:]
    assert "openai/gpt-4.1-mini · " in terminal.said.splitlines()[-1]


def test_plain_is_the_bare_text(around: dict[str, str]) -> None:
    with Terminal("chat", "--plain", "markdown", environment=around) as terminal:
        assert terminal.end() == 0
    assert terminal.said == "# Rivers\n\n- the **Nile**\n- the Danube\n\nThat is `all`.\n"


@pytest.mark.parametrize("options", [[], ["--plain"]])
def test_an_answer_cannot_command_the_terminal(options: list[str], around: dict[str, str]) -> None:
    with Terminal("chat", *options, "hostile", environment=around) as terminal:
        assert terminal.end() == 0
    assert "\x1b]0;" not in terminal.raw
    assert "\x1b[2J" not in terminal.raw
    assert "after" in terminal.said


def test_ctrl_c_ends_one_question_on_a_terminal_with_130(around: dict[str, str]) -> None:
    with Terminal("chat", "slow", environment=around) as terminal:
        terminal.expect("word5")
        terminal.press(CTRL_C)
        assert terminal.end() == 130
    assert "stopped" in terminal.said
    assert "Traceback" not in terminal.said


def test_a_conversation_carries_what_was_said_and_ends_with_ctrl_d(talk: Terminal) -> None:
    talk.press("Hello" + ENTER)
    talk.expect("You said: Hello")
    talk.expect("Ctrl-D ends")
    talk.press("how many" + ENTER)
    talk.expect("3 messages")
    talk.expect("Ctrl-D ends")
    talk.press(CTRL_D)
    assert talk.end() == 0


def test_ctrl_c_stops_the_answer_and_not_the_program(talk: Terminal, emulator: Emulator) -> None:
    before = len(emulator.requests)
    talk.press("slow" + ENTER)
    talk.expect("word9")
    talk.press(CTRL_C)
    talk.expect("stopped")
    emulator.requests.wait_for(lambda one: one.number > before and one.outcome == "abandoned")
    talk.expect("Ctrl-D ends")
    talk.press("how many" + ENTER)
    talk.expect("3 messages")  # the partial answer stayed in the conversation


def test_ctrl_c_at_the_prompt_drops_the_line(talk: Terminal) -> None:
    talk.press("never sent")
    talk.expect("never sent")
    talk.press(CTRL_C)
    talk.expect("Ctrl-D ends")
    talk.press("how many" + ENTER)
    talk.expect("1 messages")


def test_alt_enter_begins_a_line_and_a_paste_keeps_its_lines(talk: Terminal, emulator: Emulator) -> None:
    talk.press("one" + ALT_ENTER + "two")
    talk.press("\x1b[200~\nthree\nfour\x1b[201~" + ENTER)
    talk.expect("openai/gpt-4.1-mini · ")
    asked = emulator.requests.wait_for(lambda one: one.request is not None and "four" in one.request.messages[-1].text)
    assert asked.request is not None
    assert asked.request.messages[-1].text == "one\ntwo\nthree\nfour"


def test_retry_asks_again_in_place_of_the_last_answer(talk: Terminal) -> None:
    talk.press("Hello" + ENTER)
    talk.expect("You said: Hello")
    talk.expect("Ctrl-D ends")
    talk.press("/retry" + ENTER)
    talk.expect("You said: Hello")
    talk.expect("Ctrl-D ends")
    talk.press("how many" + ENTER)
    talk.expect("3 messages")


def test_save_writes_a_file_and_does_not_replace_one(talk: Terminal, tmp_path: Path) -> None:
    talk.press("Hello" + ENTER)
    talk.expect("You said: Hello")
    talk.expect("Ctrl-D ends")
    path = tmp_path / "talk.json"
    talk.press(f"/save {path}" + ENTER)
    talk.expect("saved: ")
    talk.expect("Ctrl-D ends")
    talk.press(f"/save {path}" + ENTER)
    talk.expect(" exists")  # where the line ends depends on the path
    talk.expect("replaces it")
    assert json.loads(path.read_text())["turns"][0]["answer"]["parts"][0]["text"] == "You said: Hello"


def test_an_error_is_told_and_the_conversation_goes_on(talk: Terminal) -> None:
    talk.press("/model openai/gpt-4!status=503,times=1" + ENTER)
    talk.expect("model: openai/gpt-4!status=503")
    talk.press("/modle" + ENTER)
    talk.expect("did you mean '/model'?")
    talk.press("/model openai/gpt-4!status=401" + ENTER)
    talk.expect("Ctrl-D ends")
    talk.press("Hello" + ENTER)
    talk.expect("error: AuthFailed")
    talk.press("/model openai" + ENTER)
    talk.expect("model: openai/gpt-4.1-mini")
    talk.press("/retry" + ENTER)
    talk.expect("You said: Hello")


def test_commands_are_completed(talk: Terminal) -> None:
    talk.press("/he" + TAB)
    talk.expect("/help")
    talk.press(ENTER)
    talk.expect("ask another model")


def test_what_was_typed_is_remembered_for_its_owner_alone(talk: Terminal, around: dict[str, str]) -> None:
    talk.press("remember me" + ENTER)
    talk.expect("You said: remember me")
    talk.expect("Ctrl-D ends")
    talk.press(CTRL_D)
    talk.end()
    path = Path(around["XDG_STATE_HOME"]) / "dragoman" / "history"
    assert "remember me" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SECRET not in path.read_text()
    with Terminal("chat", environment=around) as again:
        again.expect("Ctrl-D ends")
        again.press("\x1b[A")
        again.expect("remember me")


def test_a_tall_answer_is_not_doubled(around: dict[str, str]) -> None:
    with Terminal("chat", "slow", environment=around, size=(30, 6)) as terminal:
        terminal.expect("word399")
        assert terminal.end() == 0
    final = terminal.said[terminal.said.rindex("word0 ") :]
    assert final.split().count("word200") == 1
