"""Every example of the guide to the emulator runs as it is written, and its tables name all there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dragoman
from dragoman.emulator.fault import FIELDS, Fault
from dragoman.emulator.scenario import scenario_of
from dragoman.wire.operations import NAMES

SOURCE = Path(dragoman.__file__).parents[1]
GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "emulator.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.M | re.S)


def run(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "DRAGOMAN_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_the_examples_run_one_after_another(tmp_path: Path) -> None:
    examples = [block for block in blocks("python") if not block.startswith("# test_")]

    said = run(tmp_path, "-c", "\n".join(examples)).splitlines()

    assert said == [
        "Hello there.",
        "gpt-4.1",
        "You said 1 things.",
        "((0.5, 1.0), (0.5, 1.0))",
        "[1, 0]",
        "embed ('a', 'b')",
        "Still there? [429, 429, 200]",
    ]


def test_the_test_that_is_shown_passes(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks("python") if block.startswith("# test_")]
    (tmp_path / "test_my_program.py").write_text(shown, encoding="utf-8")

    assert "1 passed" in run(tmp_path, "-m", "pytest", "-q", "-p", "dragoman.testing")


def test_the_scenario_file_that_is_shown_is_one(tmp_path: Path) -> None:
    (shown,) = blocks("toml")
    (tmp_path / "answers.toml").write_text(shown, encoding="utf-8")

    assert scenario_of(tmp_path / "answers.toml") is not None


def test_the_command_that_is_shown_serves(tmp_path: Path) -> None:
    (shown,) = blocks("shell")
    arguments = [sys.executable, "-m", *shown.split(), "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(SOURCE)}) as program:
        assert program.stdout
        told = ""
        while "anthropic" not in told:
            line = program.stdout.readline()
            assert line, told
            told += line
        program.terminate()
    assert "/openai/v1" in told


@pytest.mark.parametrize("word", FIELDS)
def test_every_fault_has_its_row_with_an_example_that_is_one(word: str) -> None:
    (shown,) = re.findall(rf"^\| `({word}(?:=[^`]*)?)` \|", GUIDE, re.M)
    needs = {"retry-after": "status=429,", "code": "status=429,", "stall": "stall-after=1,"}

    assert Fault.parse(needs.get(word, "") + shown) != Fault()


def test_every_operation_has_its_row() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.M)) >= set(NAMES)
