"""What the slash commands do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.cli.commands import COMMANDS, Commands, Next
from dragoman.cli.conversation import Conversation
from dragoman.core.errors import UsageError
from dragoman.core.fold import Choice, Response
from dragoman.core.messages import Text
from dragoman.settings import Surroundings


class Bench:
    """Commands with a conversation and what was said."""

    def __init__(self, folder: Path) -> None:
        self.talk = Conversation("openai/gpt-4.1")
        self.said: list[str] = []
        self._commands = Commands(self.talk, Surroundings({}, home=folder), self.said.append)

    def run(self, text: str) -> Next:
        return self._commands.run(text)

    def say_something(self) -> None:
        self.talk.ask("one")
        self.talk.answered(Response(choices=(Choice(parts=(Text(text="first"),)),)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_help_names_every_command(bench: Bench) -> None:
    bench.run("/help")
    assert all(any(line.startswith(name) for line in bench.said) for name in COMMANDS)


def test_model_shows_and_changes_it(bench: Bench) -> None:
    bench.run("/model")
    bench.run("/model raycast/gpt-4")
    bench.run("/model openai")
    assert bench.said == ["model: openai/gpt-4.1", "model: raycast/gpt-4", "model: openai/gpt-4.1-mini"]


@pytest.mark.parametrize("name", ["opnai/gpt-4", "gpt-4.1"])
def test_a_model_that_is_none_is_refused_and_the_old_one_stays(name: str, bench: Bench) -> None:
    with pytest.raises(UsageError, match="openai"):
        bench.run(f"/model {name}")
    assert bench.talk.model == "openai/gpt-4.1"


def test_system_is_set_shown_and_dropped(bench: Bench) -> None:
    bench.run("/system Be brief, please.")
    bench.run("/system")
    bench.run("/system -")
    assert bench.said == ["system: Be brief, please.", "system: Be brief, please.", "system: none"]


def test_retry_gives_the_question_back(bench: Bench) -> None:
    with pytest.raises(UsageError, match="nothing was asked"):
        bench.run("/retry")
    bench.say_something()
    assert bench.run("/retry") == Next("one")


def test_new_forgets_what_was_said(bench: Bench) -> None:
    bench.say_something()
    bench.run("/new")
    assert bench.talk.messages == []


def test_save_and_load(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was said"):
        bench.run("/save")
    bench.say_something()
    path = tmp_path / "a talk.json"
    bench.run(f"/save '{path}'")
    with pytest.raises(UsageError, match="--force"):
        bench.run(f"/save '{path}'")
    bench.run(f"/save --force '{path}'")
    bench.run("/new")
    bench.run(f"/load '{path}'")
    assert [message.text for message in bench.talk.messages] == ["one", "first"]


@pytest.mark.parametrize("text", ["/save a b", "/save 'a", "/load", "/load a b"])
def test_files_that_are_not_one_are_refused(text: str, bench: Bench) -> None:
    bench.say_something()
    with pytest.raises(UsageError):
        bench.run(text)


def test_an_unknown_command_names_the_nearest(bench: Bench) -> None:
    with pytest.raises(UsageError, match="'/model'"):
        bench.run("/modle x")


@pytest.mark.parametrize("text", ["/quit", "/exit", "/QUIT"])
def test_quit_ends(text: str, bench: Bench) -> None:
    assert bench.run(text).is_end
