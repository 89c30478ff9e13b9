"""``check config``, ``config example`` and ``keys new``: what they print, what they write, and how they end."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from dragoman.gateway.client_keys import hash_of
from dragoman.gateway.config_example import EXAMPLE
from tests.cli.conftest import SECRET
from tests.cli.terminal import Terminal, run

FILE = f"""\
listen = "127.0.0.1:4001"
[providers.openai]
key = "{SECRET}"
[providers.ollama]
[models.fast]
targets = ["openai/gpt-4.1-mini", "ollama/llama3"]
[models."raw-*"]
targets = ["openai/*"]
hidden = true
[keys.web]
hash = "{hash_of("x")}"
models = ["fast"]
[keys.ops]
hash = "{hash_of("y")}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dragoman.toml"
    path.write_text(FILE)
    return path


def test_a_file_in_order_tells_what_it_serves(file: Path, bare: dict[str, str]) -> None:
    told = run("check", "config", str(file), environment=bare)
    assert (told.returncode, told.stderr) == (0, "")
    words = [line.split() for line in told.stdout.splitlines()]
    assert f"{file} is in order. It listens on 127.0.0.1:4001." in told.stdout
    assert ["openai", "in", "the", "file", "https://api.openai.com/v1"] in words
    assert ["ollama", "not", "needed", bare["OLLAMA_BASE_URL"]] in words
    assert ["fast", "openai/gpt-4.1-mini,", "then", "ollama/llama3"] in words
    assert ["raw-*", "(hidden)", "openai/*"] in words
    assert ["web", "fast"] in words
    assert ["ops", "everything"] in words
    assert SECRET not in told.stdout


def test_each_fault_has_its_line_and_the_status_is_2(file: Path, bare: dict[str, str]) -> None:
    file.write_text(f"workrs = 1\n{FILE}\n[limits]\nbody = 'x'\n[providers.raycast]\nkey = ['{SECRET}']\n")
    told = run("check", "config", str(file), environment=bare)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        f"error: {file}:1: workrs: unknown; did you mean 'workers'?",
        f"error: {file}:18: limits.body: unknown; did you mean 'body_bytes' or 'body_silence'?",
        f"error: {file}:20: providers.raycast.key: a list was given; a string or a table is expected",
    ]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "there is no dragoman.toml here"),
        ({"DRAGOMAN_CONFIG": "no.toml"}, "no.toml: no such file; DRAGOMAN_CONFIG names it"),
    ],
)
def test_a_file_that_is_not_there_is_told(variables: dict[str, str], words: str, bare: dict[str, str]) -> None:
    told = run("check", "config", environment={**bare, **variables})
    assert told.returncode == 2
    assert words in told.stderr


def test_the_file_is_found_as_the_gateway_finds_it(file: Path, bare: dict[str, str]) -> None:
    assert f"{file} is in order" in run("check", "config", environment={**bare, "DRAGOMAN_CONFIG": str(file)}).stdout
    assert f"{file} is in order" in run("check", "config", environment={**bare, "DRAGOMAN_HOME": str(file.parent)}).stdout


def test_the_example_is_printed_as_it_is(bare: dict[str, str]) -> None:
    told = run("config", "example", environment=bare)
    assert (told.returncode, told.stdout, told.stderr) == (0, EXAMPLE, "")


def test_a_new_key_is_shown_once_and_the_file_gets_its_hash(file: Path, bare: dict[str, str]) -> None:
    file.chmod(0o640)
    told = run("keys", "new", "night-job", "--file", str(file), "-m", "fast", "-m", "raw-*", environment=bare)
    assert told.returncode == 0, told.stderr
    (key,) = told.stdout.split()
    text = file.read_text()
    assert text.startswith(FILE.rstrip())
    assert tomllib.loads(text)["keys"]["night-job"] == {"hash": hash_of(key), "models": ["fast", "raw-*"]}
    assert key not in text + told.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run("check", "config", str(file), environment=bare).returncode == 0


def test_a_name_that_is_taken_or_none_changes_nothing(file: Path, bare: dict[str, str]) -> None:
    for name, words in (("web", "there is one of this name already"), ("a b", "name: 'a b' was given")):
        told = run("keys", "new", name, "--file", str(file), environment=bare)
        assert (told.returncode, told.stdout) == (2, "")
        assert words in told.stderr
    assert file.read_text() == FILE


@pytest.mark.parametrize("text", ["listen = ", "keys = { web = {} }\n", "keys = 5\n"])
def test_a_file_that_cannot_take_a_key_stays_as_it_was(text: str, file: Path, bare: dict[str, str]) -> None:
    file.write_text(text)
    told = run("keys", "new", "ops", "--file", str(file), environment=bare)
    assert (told.returncode, told.stdout, file.read_text()) == (2, "", text)
    assert "error: " in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("arguments", [["--print"], []])
def test_without_a_file_the_table_is_printed(arguments: list[str], bare: dict[str, str]) -> None:
    told = run("keys", "new", "web", *arguments, environment=bare)
    (key,) = told.stdout.split()
    assert f'[keys.web]\nhash = "{hash_of(key)}"' in told.stderr


def test_on_a_terminal_the_words_fit_and_stand_apart(file: Path, bare: dict[str, str]) -> None:
    with Terminal("keys", "new", "desk", "--file", str(file), environment=bare, size=(80, 24)) as terminal:
        assert terminal.end() == 0, terminal.said
        assert "The key of desk, shown this once:\ndgm-" in terminal.said
