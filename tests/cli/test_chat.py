"""One question: from arguments and standard input, as text and as JSON, and every way in which it can fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from dragoman.emulator import Emulator
from tests.cli.conftest import MARKDOWN, SECRET, speak
from tests.cli.terminal import COMMAND, run


def test_words_are_one_question_and_the_answer_is_all_that_is_printed(around: dict[str, str]) -> None:
    told = run("chat", "Hello", "there", environment=around)
    assert (told.returncode, told.stdout, told.stderr) == (0, "You said: Hello there\n", "")


@pytest.mark.parametrize("streaming", [[], ["--no-stream"]])
def test_markdown_stays_as_it_was_written_where_there_is_no_terminal(streaming: list[str], around: dict[str, str]) -> None:
    told = run("chat", "markdown", *streaming, environment=around)
    assert told.stdout == MARKDOWN + "\n", "reasoning is not part of the answer"


def test_what_is_piped_in_stands_below_the_question(around: dict[str, str]) -> None:
    told = run("chat", "Review this:", environment=around, stdin="- old\n+ new\n")
    assert told.stdout == "You said: Review this:\n\n- old\n+ new\n"


@pytest.mark.parametrize("words", [[], ["-"]])
def test_what_is_piped_in_may_be_the_question(words: list[str], around: dict[str, str]) -> None:
    assert run("chat", *words, environment=around, stdin="from a pipe\n").stdout == "You said: from a pipe\n"


def test_letters_in_another_encoding_are_marked_and_do_not_fail(around: dict[str, str]) -> None:
    command: list[str | bytes] = [*COMMAND, "chat", b"caf\xe9"]
    told = subprocess.run(command, env=around, input=b"\xef\xbb\xbfna\xefve\n", capture_output=True, timeout=60, check=False)
    assert told.stdout.decode() == "You said: caf\ufffd\n\nna\ufffdve\n"


def test_an_error_inside_the_answer_does_not_show_the_key_given_by_hand(around: dict[str, str]) -> None:
    key = "sk-by-hand-0815"
    with Emulator("openai", scenario=speak, faults=f"error-after=3,code={key}") as failing:
        told = run("chat", "slow", "--json", "--key", key, "--base-url", failing.url(), environment=around)
    assert json.loads(told.stdout)["error"]["type"] == "ServerFault"
    assert key not in told.stdout + told.stderr


def test_answers_come_as_they_are_made(around: dict[str, str]) -> None:
    with subprocess.Popen([*COMMAND, "chat", "slow"], env=around, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 65_536)
        assert first.startswith(b"word0")
        assert b"word399" not in first
        process.kill()


def test_ctrl_c_ends_one_question_with_130_and_leaves_the_upstream(around: dict[str, str], emulator: Emulator) -> None:
    before = len(emulator.requests)
    command = [*COMMAND, "chat", "slow"]
    with subprocess.Popen(command, env=around, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert b"Traceback" not in process.stderr.read()
    record = emulator.requests.wait_for(lambda one: one.number > before and one.outcome == "abandoned")
    assert record.request is not None


def test_json_holds_text_usage_and_times(around: dict[str, str]) -> None:
    told = json.loads(run("chat", "markdown", "--json", environment=around).stdout)
    assert told["text"] == MARKDOWN
    assert told["reasoning"] == "Let me think of rivers."
    assert (told["provider"], told["model"], told["finish_reason"]) == ("openai", "gpt-4.1-mini", "stop")
    assert told["usage"]["output_tokens"] > 5
    assert 0 < told["times"]["first_token_s"] <= told["times"]["total_s"]
    assert "error" not in told


def test_json_of_a_cut_answer_holds_what_arrived_and_the_error(around: dict[str, str]) -> None:
    told = run("chat", "slow", "--json", "-m", "openai/gpt-4!cut-after=3000", environment=around)
    assert told.returncode == 1
    answer = json.loads(told.stdout)
    assert answer["text"].startswith("word0 word1")
    assert answer["error"]["type"] == "StreamCut"
    assert answer["finish_reason"] is None


def test_json_of_a_wrong_use_is_json_too(around: dict[str, str]) -> None:
    told = run("chat", "Hello", "--json", "-t", "-1", "-m", "raycast", environment=around)
    assert told.returncode == 2
    assert json.loads(told.stdout)["error"]["type"] == "MissingKey"


def test_a_cut_answer_is_printed_as_far_as_it_came_then_the_error(around: dict[str, str]) -> None:
    told = run("chat", "slow", "-m", "openai/gpt-4!cut-after=3000", environment=around)
    assert told.returncode == 1
    assert told.stdout.startswith("word0 word1")
    assert told.stdout.endswith("\n")
    assert told.stderr.startswith("error: StreamCut: ")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["-m", "openai/gpt-4!status=429,retry-after=60"], 1, "RateLimited"),
        (["-m", "openai/gpt-4!status=400"], 1, "BadRequest"),
        (["-m", "openai/gpt-4!status=404"], 1, "ModelNotFound"),
        (["-m", "openai/gpt-4!stall-after=3", "--timeout", "0.3"], 1, "TimedOut"),
        (["-m", "openai/gpt-4", "--key", "wrong-key"], 1, "AuthFailed"),
        (["-m", "openai/gpt-4", "--key", ""], 2, "UsageError"),
        (["-m", "openai/gpt-4", "--base-url", "nowhere"], 2, "UsageError"),
        (["-m", "raycast/gpt-4"], 2, "MissingKey"),
        (["-m", "opnai/gpt-4"], 2, "UnknownModel"),
        (["-m", "gpt-4.1"], 2, "UnknownModel"),
        (["--max-tokens", "0"], 2, "UsageError"),
        (["--timeout", "-1"], 2, "UsageError"),
    ],
)
def test_a_failure_is_one_clear_line_and_the_right_code(arguments: list[str], code: int, error: str, around: dict[str, str]) -> None:
    told = run("chat", "Hello", *arguments, environment=around)
    assert told.returncode == code, told.stderr
    assert told.stdout == "" or error == "TimedOut"
    first, *hints = told.stderr.splitlines()
    assert first.startswith(f"error: {error}: ")
    assert all(hint.startswith("  ") for hint in hints)
    assert SECRET not in told.stderr


@pytest.mark.parametrize("fault", ["status=500", "status=503", "status=401", "status=404", "status=429", "html", "empty"])
def test_every_failure_of_a_provider_says_what_to_do(fault: str, around: dict[str, str]) -> None:
    told = run(
        "chat", "Hello", "-m", f"openai/gpt-4!{fault},retry-after=0" if "status" in fault else f"openai/gpt-4!{fault}", environment=around
    )
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith("  ")


def test_an_error_that_quotes_the_key_does_not_show_it(around: dict[str, str]) -> None:
    told = run("chat", "Hello", "-m", f"openai/gpt-4!status=500,code={SECRET}", environment=around)
    assert told.returncode == 1
    assert SECRET not in told.stdout + told.stderr


def test_nothing_set_up_is_four_lines_and_2(bare: dict[str, str]) -> None:
    told = run("chat", "Hello", environment=bare)
    assert (told.returncode, told.stdout) == (2, "")
    lines = told.stderr.splitlines()
    assert len(lines) == 4
    assert all(len(line) <= 80 for line in lines)
    assert "OPENAI_API_KEY" in lines[1]
    assert "local server" in lines[2]
    assert "dragoman emulate" in lines[3]


def test_no_question_and_no_terminal_is_a_wrong_use(around: dict[str, str]) -> None:
    told = run("chat", environment=around)
    assert told.returncode == 2
    assert told.stderr.startswith("error: UsageError: prompt: ")


def test_the_model_of_the_environment_is_asked(around: dict[str, str]) -> None:
    told = run("chat", "Hello", "--json", environment={**around, "DRAGOMAN_MODEL": "openai/gpt-4o"})
    assert json.loads(told.stdout)["model"] == "gpt-4o"


def test_a_server_on_this_machine_is_found_by_itself(bare: dict[str, str], emulator: Emulator) -> None:
    local = {**bare, "OLLAMA_BASE_URL": emulator.url("openai"), "OLLAMA_API_KEY": "any"}
    told = run("chat", "Hello", "--json", environment=local)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["provider"] == "ollama"


def test_a_key_in_the_key_file_sets_a_provider_up(bare: dict[str, str], emulator: Emulator) -> None:
    folder = Path(bare["DRAGOMAN_HOME"])
    folder.mkdir()
    (folder / "keys.toml").write_text(f'openai = "{SECRET}"\n')
    told = run("chat", "Hello", environment={**bare, "OPENAI_BASE_URL": emulator.url("openai")})
    assert told.stdout == "You said: Hello\n"


def test_a_reader_that_leaves_is_no_traceback(around: dict[str, str]) -> None:
    command = [*COMMAND, "chat", "slow"]
    with subprocess.Popen(command, env=around, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        process.wait(20)
        assert b"Traceback" not in process.stderr.read()
