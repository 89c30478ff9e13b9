"""``check config``, ``config example`` and ``keys new``: what they print, what they write, and how they end."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dragoman.gateway.client_keys import hash_of
from dragoman.gateway.config.example import EXAMPLE
from tests.cli.conftest import SECRET
from tests.cli.terminal import Terminal, run

SAMPLES = Path(__file__).parents[1] / "gateway" / "litellm"
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


def test_a_litellm_file_is_carried_over_and_what_is_lost_is_told(tmp_path: Path, bare: dict[str, str]) -> None:
    output = tmp_path / "dragoman.toml"
    told = run("import", "litellm", str(SAMPLES / "balanced.yaml"), "-o", str(output), environment=bare)
    assert (told.returncode, told.stdout) == (0, "")
    assert "not carried: environment_variables: set it in the environment of the gateway\n" in told.stderr
    assert "look at: general_settings.master_key: it is so short that it can be guessed" in told.stderr
    assert f"{output} was written. Check it with: dragoman check config {output}" in told.stderr
    assert tomllib.loads(output.read_text())["models"]["gpt-4o"]["targets"][0] == "openai-2/gpt-4o"
    assert SECRET not in told.stderr


def test_a_file_that_is_there_is_overwritten_on_demand_alone(file: Path, bare: dict[str, str]) -> None:
    sample = str(SAMPLES / "small.yaml")
    told = run("import", "litellm", sample, "-o", str(file), environment=bare)
    assert (told.returncode, file.read_text()) == (2, FILE)
    assert f"output: {file} is there already; --force overwrites it" in told.stderr
    assert run("import", "litellm", sample, "-o", str(file), "--force", environment=bare).returncode == 0
    assert file.read_text() == run("import", "litellm", sample, environment=bare).stdout


def test_who_may_not_read_the_old_file_may_not_read_the_new_one(tmp_path: Path, bare: dict[str, str]) -> None:
    old, new = tmp_path / "config.yaml", tmp_path / "dragoman.toml"
    old.write_text((SAMPLES / "small.yaml").read_text())
    old.chmod(0o600)
    run("import", "litellm", str(old), "-o", str(new), environment=bare)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600


@pytest.mark.parametrize(("text", "words"), [(None, "cannot be read: No such file"), ("a: [", "config.yaml:1: not valid YAML")])
def test_what_is_no_litellm_file_is_one_line(text: str | None, words: str, tmp_path: Path, bare: dict[str, str]) -> None:
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    told = run("import", "litellm", str(path), environment=bare)
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
    assert words in told.stderr


def test_without_the_extra_it_says_how_to_install_it(bare: dict[str, str]) -> None:
    code = f"import sys\nsys.modules['yaml'] = None\nsys.argv = ['dragoman', 'import', 'litellm', {str(SAMPLES / 'small.yaml')!r}]\n"
    code += "from dragoman.cli import main\nmain()"
    told = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "pip install 'dragoman[import]'" in told.stderr


def test_a_single_fault_looks_as_several_do(file: Path, bare: dict[str, str]) -> None:
    file.write_text("workrs = 1")
    told = run("check", "config", str(file), environment=bare)
    assert told.stderr == f"error: {file}:1: workrs: unknown; did you mean 'workers'?\n"


@pytest.mark.parametrize("absent", ["opentelemetry", "opentelemetry.exporter.otlp.proto.http"])
def test_a_file_that_wants_traces_names_the_extra_that_is_missing(absent: str, tmp_path: Path, bare: dict[str, str]) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text('[providers.ollama]\n[otel]\nendpoint = "http://127.0.0.1:4318"\n')
    assert run("check", "config", str(path), environment=bare).returncode == 0
    arguments = f"sys.argv = ['dragoman', 'check', 'config', {str(path)!r}]"
    code = f"import sys; sys.modules[{absent!r}] = None; {arguments}\nfrom dragoman.cli import main\nmain()"
    told = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, timeout=60, check=False)
    words = "otel.endpoint: traces need OpenTelemetry's packages: pip install 'dragoman[otel]'"
    assert (told.returncode, told.stderr) == (2, f"error: {path}:3: {words}\n")
