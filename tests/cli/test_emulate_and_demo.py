"""``emulate`` serves what it announces; ``demo`` shows everything and ends well."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.demonstration import script
from dragoman.cli.emulate import ANY_KEY, line, read_scenario
from dragoman.core.embedding import EmbedRequest
from dragoman.emulator import Emulator, Record
from tests.cli.terminal import COMMAND, run


@contextmanager
def emulating(*arguments: str, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The command serving, and the variables that it told to set."""
    command = [*COMMAND, "emulate", *arguments, "--port", "0", "--ttft", "0", "--tokens-per-second", "0"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: dict[str, str] = {}
        for line in process.stdout:
            found = re.fullmatch(r"\s+export (\w+)=(\S+)\n", line)
            told |= {found[1]: found[2]} if found else {}
            if line.startswith("Paste"):
                break
        try:
            yield process, told
        finally:
            process.kill()


def test_the_lines_that_it_prints_are_all_that_chat_needs(bare: dict[str, str]) -> None:
    with emulating("openai", "raycast", environment=bare) as (process, told):
        assert set(told) == {"OPENAI_BASE_URL", "OPENAI_API_KEY", "RAYCAST_BASE_URL", "RAYCAST_API_KEY"}
        for name in ("openai", "raycast"):
            assert run("chat", "-m", name, "Hello", environment={**bare, **told}).stdout == "Hello\n"
        assert run("chat", "Hello", environment={**bare, **told}).stdout == "Hello\n"
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert process.returncode == 0
    requests = [line for line in rest.splitlines() if "finished" in line]
    assert len(requests) == 3
    assert "openai POST /openai/v1/chat/completions gpt-4.1-mini streamed" in requests[0]


def test_scenario_and_fault_are_those_asked_for(bare: dict[str, str]) -> None:
    with emulating("openai", "--scenario", "canned:Good day.", "--fault", "status=429,times=1", environment=bare) as (_, told):
        environment = {**bare, **told}
        assert "RateLimited" in run("chat", "Hello", "--json", "-m", "openai/a!status=429", environment=environment).stdout
        assert run("chat", "Hello", environment=environment).stdout == "Good day.\n"


def test_a_line_tells_what_was_asked_besides_an_answer() -> None:
    asked = EmbedRequest(model="e", inputs=("a",))
    facts: Any = {"method": "POST", "path": "/openai/v1/embeddings", "headers": (), "body": b"", "provider": "openai", "status": 200}
    record = Record(number=1, started_s=0.0, ended_s=0.5, outcome="finished", operation="embed", asked=asked, **facts)
    assert line(record).plain == "200 finished  openai POST /openai/v1/embeddings embed e  0 bytes, 0.50 s"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("echo", "echo"),
        ("lorem:20", "lorem=20"),
        ("lorem=20", "lorem=20"),
        ("canned:a: b", "canned=a: b"),
        ("answers.toml", Path("answers.toml")),
    ],
)
def test_scenarios_are_read_in_both_notations(given: str, read: str | Path) -> None:
    assert read_scenario(given) == read


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "names: none was given; name providers, such as: dragoman emulate openai anthropic"),
        (["opnai"], "did you mean 'openai'?"),
        (["openai", "--scenario", "ecco"], "scenario"),
        (["openai", "--scenario", "nowhere.toml"], "nowhere.toml"),
        (["openai", "--fault", "statsu=1"], "status"),
        (["openai", "--host", "0.0.0.0"], "loopback"),
    ],
)
def test_a_wrong_use_says_what_is_allowed(arguments: list[str], words: str, bare: dict[str, str]) -> None:
    told = run("emulate", *arguments, environment=bare)
    assert told.returncode == 2
    assert told.stderr.startswith("error: UsageError") or told.stderr.startswith("error: UnknownModel")
    assert words in told.stderr


def test_demo_shows_every_provider_way_and_fault_and_ends_with_0(bare: dict[str, str]) -> None:
    told = run("demo", environment={**bare, "COLUMNS": "100", "HTTP_PROXY": "http://127.0.0.1:9"})
    assert told.returncode == 0, told.stdout + told.stderr
    assert "The answers are emulated" in told.stdout
    assert "\x1b" not in told.stdout, "no colours where there is no terminal"
    for provider in ("Raycast", "Lockchat", "Gravityengine", "Equing", "OpenAI"):
        assert len(re.findall(rf"━ {provider} ", told.stdout)) == 1
        assert re.search(rf"│ {provider} +│ +0\.\d\d s │ +(\d+|whole) │ +\d+ │ +0 │", told.stdout)
    for code in ("   client.stream(", "async for event in", "create_completion(", "$ dragoman chat", "chat.completions.create("):
        assert told.stdout.count(code) == 5
    for error in ("RateLimited", "AuthFailed", "Overloaded", "TimedOut", "StreamCut", "BadReply", "ConnectFailed", "MissingKey"):
        assert error in told.stdout
    assert told.stdout.count("5, this one among them") == 5


def test_the_conversation_of_the_demo_has_a_line_for_each_question() -> None:
    assert len(script.QUESTIONS) == 5
    assert all(script.count(answer) > 10 for answer in script.ANSWERS.values())


def test_the_demo_on_a_narrow_screen_has_lines_in_place_of_tables(bare: dict[str, str]) -> None:
    told = run("demo", environment={**bare, "COLUMNS": "40"})
    assert told.returncode == 0, told.stdout + told.stderr
    words = " ".join(told.stdout.split())
    assert "no such provider: \"opnai/gpt-4.1\" UnknownModel: provider: 'opnai' is not known; did you mean 'openai'?; kept: –" in words
    assert "…" not in told.stdout, "nothing is cut"


def test_the_key_that_is_printed_is_no_word_of_an_id(around: dict[str, str], emulator: Emulator) -> None:
    told = run("chat", "-m", "openai/gpt-4.1!status=500", "Hi", environment={**around, "OPENAI_API_KEY": ANY_KEY})
    assert "request req_emulated_" in told.stderr
    assert "removed" not in told.stderr
