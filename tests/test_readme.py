"""Every example of the README runs as it is written, against emulated providers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dragoman.catalogue.load import read_rows
from dragoman.emulator import Emulator

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [(language, code) for language, code in re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.M | re.S)]
SCRIPTS = [code for language, code in BLOCKS if language == "python" and "def test_" not in code and ":4000" not in code]
(CLIENTS,) = [code for language, code in BLOCKS if language == "python" and ":4000" in code]
TESTS = [code for language, code in BLOCKS if language == "python" and "def test_" in code]
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if "dragoman" in line]


def environment(emulator: Emulator, home: Path) -> dict[str, str]:
    """What a reader would have set: where the providers are, and a key."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OPENAI_BASE_URL": emulator.url("openai"),
        "OPENAI_API_KEY": "sk-of-a-reader",
        "LOCKCHAT_BASE_URL": emulator.url("lockchat"),
        "DRAGOMAN_HOME": str(home),
    }


def test_readme_has_an_example_of_each_kind() -> None:
    assert len(SCRIPTS) == 3
    assert len(TESTS) == 1
    assert [command.split("dragoman ", 1)[1].split()[0] for command in COMMANDS] == ["chat", "chat", "doctor", "serve", "emulate"]


@pytest.mark.parametrize("code", SCRIPTS, ids=["library", "client", "legacy"])
def test_python_example_runs_as_written(code: str, tmp_path: Path, dragoman_emulator: Callable[..., Emulator]) -> None:
    emulator = dragoman_emulator(["openai", "lockchat"])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment(emulator, tmp_path), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    asked = re.findall(r'(?:content": |complete\("openai/gpt-4.1", |stream\("openai/gpt-4.1", )"([^"]+)"', code)
    assert asked
    assert all(question in done.stdout for question in asked), "the emulator echoes, so each question must come back"


@pytest.mark.parametrize("command", [command for command in COMMANDS if not {"emulate", "serve"} & set(command.split())])
def test_command_example_runs_as_written(command: str, tmp_path: Path, dragoman_emulator: Callable[..., Emulator]) -> None:
    emulator = dragoman_emulator(["openai", "lockchat"])
    done = subprocess.run(
        command,
        shell=True,
        cwd=ROOT,
        env=environment(emulator, tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_emulate_example_serves_until_interrupted(tmp_path: Path) -> None:
    (command,) = [command for command in COMMANDS if "emulate" in command]
    arguments = command.replace("4010", "0").split()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        arguments, env=os.environ | {"PATH": path, "DRAGOMAN_HOME": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        shown = ""
        while "RAYCAST_BASE_URL" not in shown:
            line = process.stdout.readline()
            assert line, f"it ended after saying {shown!r}"
            shown += line
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert re.search(r"export OPENAI_BASE_URL=http://127\.0\.0\.1:\d+/openai/v1", shown)


def test_clients_of_the_gateway_run_as_written(tmp_path: Path) -> None:
    (command,) = [command for command in COMMANDS if " serve " in command]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = os.environ | {"PATH": path, "DRAGOMAN_HOME": str(tmp_path)}
    with subprocess.Popen(command.replace("4000", "0").split(), env=surroundings, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        script = CLIENTS.replace("http://127.0.0.1:4000", found[0])
        done = subprocess.run([sys.executable, "-c", script], env=surroundings, capture_output=True, text=True, timeout=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (done.returncode, done.stdout) == (0, "Name three rivers.\nName two seas.\n"), done.stderr


def test_test_example_passes_as_written(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(TESTS[0], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_row_example_is_a_valid_row(tmp_path: Path) -> None:
    (code,) = [code for language, code in BLOCKS if language == "toml"]
    assert tomllib.loads(code)
    path = tmp_path / "ours.toml"
    path.write_text(code, encoding="utf-8")
    (row,) = read_rows(path)
    assert msgspec.structs.asdict(row)["base_url"] == "https://llm.example.com/v1"
