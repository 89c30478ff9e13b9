"""Rows of a user's own: one in a file, several in a file, over the package's own, and every mistake told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.catalogue.load import Catalogue, read_rows
from dragoman.core.errors import UnknownModel, UsageError

ONE = 'title = "Mine"\ndialect = "openai_chat"\nbase_url = "https://mine.test/v1"\n'


def written(tmp_path: Path, text: str | bytes, name: str = "mine.toml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_file_of_one_row_is_named_by_itself(tmp_path: Path) -> None:
    row = Catalogue((written(tmp_path, ONE),)).provider("mine")
    assert (row.name, row.title, row.dialect, row.base_url) == ("mine", "Mine", "openai_chat", "https://mine.test/v1")
    assert (row.auth.place, row.auth.required, row.working, row.local, row.models) == ("bearer", True, True, False, ())


def test_file_of_several_rows_names_them_by_their_tables(tmp_path: Path) -> None:
    text = """
[providers.left]
dialect = "openai_chat"
base_url = "https://left.test"

[providers.right]
title = "The right one"
dialect = "raycast"
base_url = "https://right.test"
models = [{ name = "r-1", context_tokens = 8192 }]

[providers.right.auth]
place = "header"
name = "x-key"

[providers.right.quirks]
path = "/x"
"""
    catalogue = Catalogue((written(tmp_path, text),))
    assert catalogue.provider("left").title == "left"
    right = catalogue.provider("right")
    assert (right.title, right.auth.name, right.quirks, right.models[0].context_tokens) == ("The right one", "x-key", {"path": "/x"}, 8192)
    assert {"left", "right", "openai"} <= set(catalogue.names())
    assert {"left", "right", "openai"} <= {row.name for row in catalogue}


def test_users_row_stands_before_the_packages(tmp_path: Path) -> None:
    catalogue = Catalogue((written(tmp_path, ONE, "openai.toml"),))
    assert catalogue.provider("openai").base_url == "https://mine.test/v1"
    assert catalogue.provider("openai").quirks == {}
    assert catalogue.names() == Catalogue().names()
    assert Catalogue().provider("openai").base_url == "https://api.openai.com/v1"


def test_later_file_stands_before_an_earlier_one(tmp_path: Path) -> None:
    first = written(tmp_path, ONE)
    second = written(tmp_path, '[providers.mine]\ndialect = "raycast"\nbase_url = "https://second.test"\n', "second.toml")
    assert Catalogue((first, second)).provider("mine").base_url == "https://second.test"


def test_file_that_is_not_named_is_not_read() -> None:
    with pytest.raises(UnknownModel):
        Catalogue().provider("mine")


MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "no TOML": ("title = ", "not valid TOML: "),
    "invalid UTF-8": (b'title = "\xff"', "not valid TOML: "),
    "empty": ("", "mine: Object missing required field `"),
    "missing field": ('title = "a"\ndialect = "b"\n', "mine: Object missing required field `base_url`"),
    "wrong type": (ONE + "working = 5\n", "mine: Expected `bool`, got `int` at `working`"),
    "unknown field": (ONE + 'base_ulr = "x"\n', "mine: unknown field 'base_ulr'; did you mean 'base_url'"),
    "unknown field far from any": (ONE + "zzz = 1\n", "mine: unknown field 'zzz'; known are: name, title, dialect, "),
    "unknown field of the key": (ONE + "[auth]\nvariable = []\n", "mine: unknown field 'variable' in auth; did you mean 'variables'"),
    "unknown field of a model": (
        ONE + 'models = [{ name = "a" }, { nmae = "b" }]\n',
        "mine: unknown field 'nmae' in models; did you mean 'name'",
    ),
    "unknown ability": (
        ONE + 'abilities = ["chat", "embedings"]\n',
        "mine: unknown ability 'embedings' in abilities; did you mean 'embeddings'",
    ),
    "ability that is no word": (ONE + "abilities = [5]\n", "mine: Expected `str`, got `int` at `abilities[0]`"),
    "wrong place of the key": (ONE + '[auth]\nplace = "cookie"\n', "mine: Invalid enum value 'cookie' at `auth.place`"),
    "name with a capital": (
        '[providers.Left]\ndialect = "b"\nbase_url = "c"\n',
        "the provider name 'Left' is not allowed; lower-case letters",
    ),
    "name with a slash": ('[providers."a/b"]\ndialect = "b"\nbase_url = "c"\n', "the provider name 'a/b' is not allowed"),
    "field beside tables": ('[providers.a]\ndialect = "b"\nbase_url = "c"\n[other]\n', "other: only [providers.<name>] tables are allowed"),
    "row that is no table": ("[providers]\na = 5\n", "providers.a: int was given; a table is expected"),
    "unknown field in a table": (
        '[providers.a]\ndialect = "b"\nbase_url = "c"\ntitel = "d"\n',
        "a: unknown field 'titel'; did you mean 'title'",
    ),
    "providers that is no table": ('providers = "a"\n' + ONE, "mine: unknown field 'providers'; "),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_told_with_its_file_and_place(case: str, tmp_path: Path) -> None:
    text, words = MISTAKES[case]
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_rows(path)
    assert caught.value.message.startswith(f"{path}: {words}")


def test_file_that_is_absent_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(UsageError) as caught:
        Catalogue((path,))
    assert caught.value.message == f"{path}: cannot be read: No such file or directory"


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: "):
        Catalogue((tmp_path,))
