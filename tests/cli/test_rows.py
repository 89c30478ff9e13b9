"""Lists on screens of every width: nothing is cut, names stay whole, and a pipe gets one line a row."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from dragoman.cli.rows import print_rows
from dragoman.cli.screen import say
from tests.cli.conftest import NOWHERE
from tests.cli.terminal import Terminal, plain, run

COLUMNS = ("name", "state", "key", "address")
ROWS: list[tuple[str | Text, ...]] = [
    ("a", Text("ready", "green"), "A_KEY", "https://a.test/v1"),
    (
        "a-rather-long-name-of-a-model",
        "unreachable",
        "missing: ANOTHER_MUCH_LONGER_KEY_OF_A_HOST",
        "https://{REGION|OTHER_REGION}.b.test/v1",
    ),
    ("c", "", "not needed", ""),
]


def shown(width: int, *, is_terminal: bool = True) -> str:
    out = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, highlight=False)
    print_rows(out, COLUMNS, ROWS)
    assert isinstance(out.file, io.StringIO)
    return plain(out.file.getvalue())


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("width", range(24, 160))
def test_nothing_is_cut_at_any_width(width: int) -> None:
    told = shown(width)
    lines = told.splitlines()
    assert all(len(line) <= width or line.strip() == str(ROWS[1][0]) for line in lines)
    for name, state, *_ in ROWS:
        assert str(name) in told
        assert str(state) in told
    folded = ["".join(line[place:].strip() for line in lines) for place in range(width)]
    for _, _, key, address in ROWS:
        assert all(any(word in text for text in (told, *folded)) for word in str(key).split())
        assert str(address) in told or any(str(address) in text for text in folded)


def test_with_room_it_is_a_table_and_else_lines_below_each_name() -> None:
    assert shown(160).splitlines()[0].split() == list(COLUMNS)
    assert [line.rstrip() for line in shown(40).splitlines()[:4]] == [
        "a",
        "  state    ready",
        "  key      A_KEY",
        "  address  https://a.test/v1",
    ]


def test_prose_is_broken_between_words_on_a_terminal_alone() -> None:
    words = "every word of this sentence stays whole"
    for is_terminal, lines in ((True, 3), (False, 1)):
        out = Console(file=io.StringIO(), width=16, force_terminal=is_terminal, highlight=False)
        say(out, words)
        assert isinstance(out.file, io.StringIO)
        told = plain(out.file.getvalue()).splitlines()
        assert (len(told), " ".join(line.strip() for line in told)) == (lines, words)


@pytest.mark.parametrize("width", range(10, 60, 3))
def test_no_word_of_prose_is_cut_however_long_it_is(width: int) -> None:
    words = "error: file:1: /a/path/that/is/longer/than/any/line/of/this/terminal.pem cannot be read"
    out = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    say(out, words)
    assert isinstance(out.file, io.StringIO)
    assert plain(out.file.getvalue()).split() == words.split()


FAULTY = """
[providers.openai]
key = "${A_VARIABLE_THAT_IS_NOT_SET_AND_HAS_A_RATHER_LONG_NAME}"
[tls]
certificate = "/nonexistent/a/rather/long/path/to/a/certificate/that/is/not/there/at/all/fullchain.pem"
key = "/nonexistent/privkey.pem"
"""


@pytest.mark.parametrize("file", [FAULTY, FAULTY.partition("[tls]")[0]], ids=["several faults", "one"])
@pytest.mark.parametrize("columns", [40, 80])
def test_what_is_wrong_is_broken_between_words(file: str, columns: int, around: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(file)
    arguments = ("check", "config", str(tmp_path / "dragoman.toml"))
    with Terminal(*arguments, environment=around, size=(columns, 50)) as terminal:
        assert terminal.end() == 2
    assert terminal.said.split() == run(*arguments, environment=around).stderr.split()


@pytest.mark.parametrize(
    ("columns", "heads"), [(80, "name key address"), (120, "name key address"), (160, "name provider dialect key address")]
)
def test_providers_leave_title_and_dialect_out_where_a_table_has_no_room_for_them(columns: int, heads: str, bare: dict[str, str]) -> None:
    nobody = {name: value for name, value in bare.items() if value != NOWHERE}
    with Terminal("providers", environment=nobody, size=(columns, 50)) as terminal:
        terminal.end()
    assert terminal.said.splitlines()[0].split() == heads.split()


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("arguments", [["models"], ["doctor", "openai", "bedrock"], ["providers"]])
def test_lists_fit_a_terminal(columns: int, arguments: list[str], around: dict[str, str]) -> None:
    with Terminal(*arguments, environment=around, size=(columns, 50)) as terminal:
        terminal.end()
    told = [row["model"] for row in json.loads(run("models", "--json", environment=around).stdout)]
    names = told if arguments == ["models"] else arguments[1:] or ["openai", "bedrock", "vertex"]
    lines = [line.rstrip() for line in terminal.said.splitlines()]
    assert all(len(line) <= columns or line in names or " " not in line for line in lines)  # a path is whole, for copying
    assert set(names) <= {line.split()[0] for line in lines if line}
    assert "\x1b[" in terminal.raw


@pytest.mark.parametrize("arguments", [["models"], ["doctor", "openai", "bedrock"], ["providers"]])
def test_a_pipe_gets_one_line_a_row_and_no_colours(arguments: list[str], around: dict[str, str]) -> None:
    told = run(*arguments, environment=around).stdout
    assert "\x1b" not in told
    assert sum(line.startswith("openai") for line in told.splitlines()) >= 1
    assert not any(line.startswith("  ") and "://" in line for line in told.splitlines())
    assert not any(line.endswith(" ") for line in told.splitlines()), "a terminal behind the pipe would break the blanks into lines"
