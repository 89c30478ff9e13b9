"""Help and start: every command and option explains itself, and nothing is loaded that help does not need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import dragoman
from dragoman.cli.app import build
from tests.cli.terminal import run

COMMANDS = ("chat", "providers", "models", "doctor", "serve", "emulate", "demo", "keys", "check", "config", "import")
NESTED = (("keys", "new"), ("check", "config"), ("config", "example"), ("import", "litellm"))


def _parameters() -> Iterator[Any]:
    group: Any = typer.main.get_command(build())
    nested = {f"{outer} {inner}": group.commands[outer].commands[inner] for outer, inner in NESTED}
    for name, command in (group.commands | nested).items():
        for parameter in command.params:
            yield pytest.param(parameter, id=f"{name} {parameter.name}")


def test_the_commands_are_those_documented() -> None:
    group: Any = typer.main.get_command(build())
    assert sorted(group.commands) == sorted(COMMANDS)
    assert all(command.help for command in group.commands.values())
    groups = {name: command for name, command in group.commands.items() if hasattr(command, "commands")}
    assert sorted((outer, inner) for outer, command in groups.items() for inner in command.commands) == sorted(NESTED)
    assert all(inner.help for command in groups.values() for inner in command.commands.values())


@pytest.mark.parametrize("parameter", list(_parameters()))
def test_every_option_and_argument_has_help(parameter: Any) -> None:
    assert parameter.help
    assert parameter.help.endswith((".", "[/dim]")), "help is a sentence"


def test_help_lists_every_command(bare: dict[str, str]) -> None:
    told = run("--help", environment=bare)
    assert told.returncode == 0
    assert all(name in told.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, bare: dict[str, str]) -> None:
    told = run(command, "-h", environment=bare)
    assert told.returncode == 0, told.stderr
    assert f"dragoman.cli {command}" in told.stdout or f"dragoman {command}" in told.stdout


def test_the_installed_command_tells_its_version(bare: dict[str, str]) -> None:
    script = Path(sys.executable).parent / "dragoman"
    told = subprocess.run([script, "--version"], env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stdout) == (0, f"dragoman {dragoman.__version__}\n")


def test_help_loads_neither_servers_nor_clients_nor_the_prompt(bare: dict[str, str]) -> None:
    code = (
        "import sys\nfrom dragoman.cli import main\nsys.argv = ['dragoman', 'chat', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, timeout=60, check=False)
    loaded = set(told.stderr.split())
    assert "typer" in loaded
    heavy = ("asyncio", "prompt_toolkit", "httptools", "ssl", "dragoman.client", "dragoman.emulator")
    assert [name for name in heavy if name in loaded] == []


@pytest.mark.parametrize("absent", ["typer", "rich"])
def test_without_the_extra_it_says_how_to_install_it(absent: str, bare: dict[str, str]) -> None:
    code = f"import sys\nsys.modules[{absent!r}] = None\nfrom dragoman.cli import main\nsys.argv = ['dragoman', 'providers']\nmain()"
    told = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "pip install 'dragoman[cli]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_unknown_command_names_the_nearest(bare: dict[str, str]) -> None:
    told = run("docter", environment=bare)
    assert told.returncode == 2
    assert "doctor" in told.stderr


@pytest.mark.parametrize("streams", ["<&-", ">&-", ">/dev/full"])
def test_a_stream_that_cannot_be_used_is_one_line_and_no_traceback(bare: dict[str, str], streams: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m dragoman providers {streams}'], env=bare, capture_output=True, text=True, timeout=60
    )
    fits = (0, 0) if streams == "<&-" else (1, 1)
    assert (done.returncode, len(done.stderr.splitlines())) == fits, done.stderr


def test_a_question_is_asked_for_where_standard_input_is_closed(bare: dict[str, str]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m dragoman chat <&-'], env=bare, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: UsageError: prompt: none was given")


@pytest.mark.parametrize("arguments", [[], ["chat"], ["emulate"], ["keys", "new"]])
def test_on_a_narrow_terminal_no_option_and_no_sentence_is_cut(arguments: list[str], bare: dict[str, str]) -> None:
    wide, narrow = (run(*arguments, "--help", environment={**bare, "COLUMNS": columns}).stdout for columns in ("200", "40"))
    options = {word for word in wide.replace(",", " ").split() if word.startswith("--")}
    assert "--help" in options
    assert options <= set(narrow.replace(",", " ").split())
    assert "..." not in narrow.replace("[ARGS]...", "").replace("[names]...", "").replace("names...", "").replace("prompt...", "").replace(
        "[prompt]...", ""
    )
    assert "[cyan]" not in narrow


@pytest.mark.parametrize("command", COMMANDS)
def test_on_a_usual_terminal_help_is_not_cut(command: str, bare: dict[str, str]) -> None:
    assert "…" not in run(command, "-h", environment={**bare, "COLUMNS": "80"}).stdout.replace("cut-after=200' …", "")
