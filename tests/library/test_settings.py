"""Where keys, addresses and rows are found, and in which order; nothing is read before it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Auth, Provider
from dragoman.core.errors import MissingKey, UnknownModel, UsageError
from dragoman.settings import Surroundings, check_key, missing_key

ROW = Provider(
    name="here",
    title="Here",
    dialect="openai_chat",
    base_url="https://here/v1",
    base_url_variables=("HERE_URL", "HERE_BASE"),
    auth=Auth(variables=("HERE_KEY", "OTHER_KEY")),
)
MINE = 'title = "Mine"\ndialect = "openai_chat"\nbase_url = "https://mine/v1"\n'


class Untouched(Mapping[str, str]):
    """An environment that must not be looked at."""

    def __getitem__(self, name: str) -> str:
        raise AssertionError(f"{name} was looked up")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the environment was listed")

    def __len__(self) -> int:
        raise AssertionError("the environment was counted")


def test_making_it_looks_at_nothing() -> None:
    Surroundings(Untouched())


# --- keys


def test_the_customary_variable_comes_first(tmp_path: Path) -> None:
    assert Surroundings({"HERE_KEY": "a", "OTHER_KEY": "b"}, tmp_path).key(ROW) == ("a", "HERE_KEY")
    assert Surroundings({"OTHER_KEY": "b"}, tmp_path).key(ROW) == ("b", "OTHER_KEY")


def test_the_environment_wins_over_the_key_file(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('here = "filed"\n')
    assert Surroundings({"HERE_KEY": "a"}, tmp_path).key(ROW) == ("a", "HERE_KEY")
    assert Surroundings({}, tmp_path).key(ROW) == ("filed", str(tmp_path / "keys.toml"))


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert Surroundings({"HERE_KEY": "", "OTHER_KEY": "b"}, tmp_path).key(ROW) == ("b", "OTHER_KEY")
    assert Surroundings({"HERE_KEY": ""}, tmp_path).key(ROW) is None


def test_the_key_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('here = "filed"\n')
    there = Surroundings({}, tmp_path)
    there.key(ROW)
    (tmp_path / "keys.toml").unlink()
    assert there.key(ROW) == ("filed", str(tmp_path / "keys.toml"))


BAD_FILES = [
    ('here = "sk-very-secret', "not valid TOML"),
    ("here = 5\n", 'here: a line like here = "<key>" is expected'),
    ('here = ""\n', 'here: a line like here = "<key>" is expected'),
    ("[here]\nkey = 'sk-very-secret'\n", 'here: a line like here = "<key>" is expected'),
]


@pytest.mark.parametrize(("content", "words"), BAD_FILES)
def test_a_bad_key_file_is_named_and_shows_no_key(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "keys.toml").write_text(content)
    with pytest.raises(UsageError) as caught:
        Surroundings({}, tmp_path).key(ROW)
    assert words in caught.value.message
    assert str(tmp_path / "keys.toml") in caught.value.message
    assert "secret" not in str(caught.value)


def test_a_key_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not valid TOML"):
        Surroundings({}, tmp_path).key(ROW)


@pytest.mark.parametrize("key", ["sk-abc", "a", "!~", "AIza_x-Y.z/+="])
def test_a_key_is_any_printable_word(key: str) -> None:
    assert check_key(key, "key") == key


BAD_KEYS: list[tuple[Any, str]] = [
    ("", "key: an empty key was given"),
    ("   ", "key: an empty key was given"),
    ("sk-abc\n", "key: the key holds characters that no key has"),
    ("sk-abc\r\nx-other: 1", "key: the key holds characters that no key has"),
    (" sk-abc", "key: the key holds characters that no key has"),
    ("sk-abc ", "key: the key holds characters that no key has"),
    ("sk-äbc", "key: the key holds characters that no key has"),
    ("sk-\x00abc", "key: the key holds characters that no key has"),
    (b"sk-abc", "key: bytes was given; a string is expected"),
    (5, "key: int was given; a string is expected"),
]


@pytest.mark.parametrize(("key", "words"), BAD_KEYS)
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_key(key, "key")
    assert words in caught.value.message
    assert "abc" not in caught.value.message


def test_a_missing_key_is_said_with_every_way_to_give_it() -> None:
    error = missing_key(ROW)
    assert isinstance(error, MissingKey)
    for words in (
        "Here needs a key",
        "set HERE_KEY or OTHER_KEY",
        'key="…"',
        'keys={"here": "…"}',
        'here = "…" into ~/.config/dragoman/keys.toml',
    ):
        assert words in error.message


def test_a_provider_may_have_its_own_words_for_a_missing_key() -> None:
    raycast = Catalogue().provider("raycast")
    assert str(missing_key(raycast)) == "Raycast needs an auth token, pass it with the `auth` parameter"


# --- addresses


def test_a_variable_replaces_the_address(tmp_path: Path) -> None:
    assert Surroundings({}, tmp_path).base_url(ROW) == "https://here/v1"
    assert Surroundings({"HERE_BASE": "http://b"}, tmp_path).base_url(ROW) == "http://b"
    assert Surroundings({"HERE_URL": "http://a", "HERE_BASE": "http://b"}, tmp_path).base_url(ROW) == "http://a"
    assert Surroundings({"HERE_URL": ""}, tmp_path).base_url(ROW) == "https://here/v1"


# --- the folder and its rows


def test_the_folder_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Surroundings({"DRAGOMAN_HOME": "/a", "XDG_CONFIG_HOME": "/b"}).home == Path("/a")
    assert Surroundings({"XDG_CONFIG_HOME": "/b"}).home == Path("/b/dragoman")
    assert Surroundings({}).home == tmp_path / ".config" / "dragoman"
    assert Surroundings({"DRAGOMAN_HOME": "/a"}, tmp_path).home == tmp_path


def test_a_folder_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    there = Surroundings({}, tmp_path / "none")
    assert there.key(ROW) is None
    assert "openai" in there.catalogue().names()


def test_rows_of_the_user_stand_over_those_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text('[providers.openai]\ndialect = "openai_chat"\nbase_url = "https://first"\n')
    catalogue = Surroundings({}, tmp_path).catalogue()
    assert catalogue.provider("openai").base_url == "https://first"
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "openai.toml").write_text(MINE.replace("mine", "second"))
    assert Surroundings({}, tmp_path).catalogue().provider("openai").base_url == "https://second/v1"
    third = tmp_path / "openai.toml"
    third.write_text(MINE.replace("mine", "third"))
    assert Surroundings({}, tmp_path).catalogue((third,)).provider("openai").base_url == "https://third/v1"


def test_a_row_with_an_unknown_field_is_named_with_its_file_and_the_nearest_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE + 'base_ur = "x"\n')
    with pytest.raises(UsageError) as caught:
        Surroundings({}, tmp_path).catalogue((path,))
    assert caught.value.message.startswith(f"{path}: mine: unknown field 'base_ur'; did you mean 'base_url'")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("title = ", "not valid TOML"),
        ('title = "x"\n', "missing required field `dialect`"),
        (MINE + "working = 5\n", "expected"),
        (MINE + '[auth]\nplaec = "header"\n', "unknown field 'plaec' in auth; did you mean 'place'"),
        ("", "missing required field"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_file(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        Surroundings({}, tmp_path).catalogue((path,))
    assert str(path) in caught.value.message
    assert words.lower() in caught.value.message.lower()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read"):
        Surroundings({}, tmp_path).catalogue((tmp_path / "none.toml",))


def test_an_unknown_provider_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match=r"provider: 'opnai' is not known; did you mean 'openai'\?"):
        Surroundings({}).catalogue().provider("opnai")
