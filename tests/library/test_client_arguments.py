"""Wrong settings and options are said at the call, by name and with what is allowed; nothing is looked at or sent before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import AsyncClient, Client
from dragoman.core.errors import DragomanError, MissingKey, UnknownModel, UsageError
from dragoman.core.exchange import Timeouts

ENDLESS: list[Any] = []
for _ in range(2000):
    ENDLESS = [ENDLESS]
"""Deeper than Python can show it."""

BAD_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"retries": 3}, "retries: no such setting of a client; did you mean 'max_retries'"),
    ({"max_retries": -1}, "max_retries: -1 was given; a whole number from 0 up is allowed"),
    ({"max_retries": True}, "max_retries: True was given"),
    ({"max_retries": 1.5}, "max_retries: 1.5 was given"),
    ({"timeout": 0}, "timeout is 0; a positive number of seconds or None is allowed"),
    ({"timeout": -0.5}, "timeout is -0.5; a positive number"),
    ({"timeout": float("nan")}, "timeout is nan"),
    ({"timeout": float("inf")}, "timeout is inf"),
    ({"timeout": 10**400}, "timeout is 1000"),
    ({"timeout": "5"}, "timeout is '5'"),
    ({"timeout": True}, "timeout is True"),
    ({"keys": "sk-abc"}, "keys: str was given; a mapping of providers' names to strings is expected"),
    ({"keys": {5: "k"}}, "keys: dict was given; a mapping of providers' names to strings is expected"),
    ({"keys": {"openai": ""}}, "keys['openai']: an empty key was given"),
    ({"keys": {"openai": 5}}, "keys['openai']: int was given; a string is expected"),
    ({"keys": {"openai": "two words"}}, "keys['openai']: the key holds characters that no key has"),
    ({"base_urls": 5}, "base_urls: int was given"),
    ({"base_urls": {"openai": "host"}}, "base_urls['openai']: 'host' was given; an address like https://host[:port][/path] is expected"),
    ({"proxy": ""}, "proxy is ''"),
    ({"proxy": "host:80"}, "proxy is 'host:80'; an http://, https://, socks5:// or socks5h:// URL with a host is allowed"),
    ({"proxy": "ftp://host"}, "proxy is 'ftp://host'"),
    ({"proxy": "http://host:99999"}, "proxy is 'http://host:99999'"),
    ({"proxy": 5}, "proxy is 5; a URL or None is allowed"),
    ({"verify": "no"}, "verify is 'no'; True or False is allowed"),
    ({"trust_env": 1}, "trust_env is 1; True or False is allowed"),
    ({"ca_file": 5}, "ca_file is 5"),
    ({"client_cert": ("one",)}, "client_cert is ('one',)"),
    ({"max_idle_connections": -1}, "max_idle_connections is -1; a whole number from 0 up is allowed"),
    ({"provider_files": "mine.toml"}, "provider_files: 'mine.toml' was given; a list of paths is expected"),
    ({"provider_files": [5]}, "provider_files: [5] was given"),
    ({"environment": 5}, "environment: int was given"),
    ({"max_retries": ENDLESS}, "max_retries: a list that cannot be shown was given"),
    ({"timeout": 10**5000}, "timeout is an integer of 16610 bits; a positive number"),
    ({"proxy": 10**5000}, "proxy is an integer of 16610 bits"),
    ({"provider_files": 10**5000}, "provider_files: an integer of 16610 bits was given"),
    ({"base_urls": {"openai": 10**5000}}, "base_urls['openai']: an integer of 16610 bits was given"),
    ({"verify": "x" * 500}, "x…; True or False is allowed"),
]


@pytest.mark.parametrize("make", [Client, AsyncClient, lambda **given: dragoman.stream("ollama/m", "Hi", **given)])
@pytest.mark.parametrize(("given", "words"), BAD_SETTINGS, ids=[words for _, words in BAD_SETTINGS])
def test_a_wrong_setting_is_said_when_the_client_is_made(make: Callable[..., Any], given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        make(**given)
    assert words.replace("setting of a client", "option") in caught.value.message.replace("setting of a client", "option")
    assert isinstance(caught.value, ValueError)


def test_a_proxys_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        Client(proxy="ftp://user:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["keys", "base_urls", "provider_files", "timeout", "proxy", "ca_file", "client_cert", "http", "environment"]
)
def test_none_is_as_good_as_nothing(name: str) -> None:
    given: dict[str, Any] = {name: None}
    Client(**given)
    AsyncClient(**given)


@pytest.mark.parametrize("bound", ["connect_s", "first_byte_s", "between_bytes_s", "total_s"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "1", True])
def test_each_bound_of_time_is_checked(bound: str, value: Any) -> None:
    given: dict[str, Any] = {bound: value}
    with pytest.raises(UsageError, match=f"{bound} is .*; a positive number of seconds or None is allowed"):
        Timeouts(**given)


def test_one_number_bounds_every_single_wait() -> None:
    assert Timeouts.of(3) == Timeouts(connect_s=3, first_byte_s=3, between_bytes_s=3, total_s=None)
    assert Timeouts.of(None) == Timeouts()
    assert Timeouts.of(Timeouts(total_s=9)) == Timeouts(total_s=9)


def test_making_a_client_reads_nothing(tmp_path: Path) -> None:
    client = Client(provider_files=[tmp_path / "none.toml"], ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read"):
        client.stream("ollama/m", "Hi")


def test_a_certificate_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with Client(ca_file=str(tmp_path / "none.pem"), max_retries=0) as client, pytest.raises(DragomanError) as caught:
        client.complete("ollama/m", "Hi", base_url="https://127.0.0.1:1", timeout=1)
    assert caught.value.provider == "ollama"


@pytest.mark.parametrize("name", ["keys", "base_urls"])
def test_a_setting_for_an_unknown_provider_is_said_with_the_nearest(name: str) -> None:
    given: dict[str, Any] = {name: {"opnai": "http://host"}}
    with pytest.raises(UnknownModel, match="provider: 'opnai' is not known; did you mean 'openai'"):
        Client(**given).stream("ollama/m", "Hi")


BAD_CALLS: list[tuple[tuple[Any, Any], dict[str, Any], type[UsageError], str]] = [
    (("openai/m", "Hi"), {}, MissingKey, "OpenAI needs a key: set OPENAI_API_KEY"),
    (("raycast/gpt-4", "Hi"), {}, MissingKey, "Raycast needs an auth token"),
    (("opnai/m", "Hi"), {}, UnknownModel, "did you mean 'openai'"),
    (("m", "Hi"), {}, UnknownModel, "'provider/model' is expected"),
    ((None, "Hi"), {}, UsageError, "model: expected `str`"),
    (("ollama/m", []), {}, UsageError, "messages: the list is empty"),
    (("ollama/m", [{"role": "user"}]), {}, UsageError, "messages[0].content: it is missing"),
    (("ollama/m", "Hi"), {"temprature": 1}, UsageError, "temprature: no such option; did you mean 'temperature'"),
    (("ollama/m", "Hi"), {"temperature": "hot"}, UsageError, "temperature: expected"),
    (("ollama/m", "Hi"), {"timeout": -1}, UsageError, "timeout is -1; a positive number of seconds"),
    (("ollama/m", "Hi"), {"strict": "no"}, UsageError, "strict: 'no' was given; True or False is allowed"),
    (("ollama/m", "Hi"), {"strict": 1}, UsageError, "strict: 1 was given"),
    (("ollama/m", "Hi"), {"logprobs": "no"}, UsageError, "logprobs: expected `bool | null`, got `str`"),
    (("ollama/m", "Hi"), {"parallel_tool_calls": 1}, UsageError, "parallel_tool_calls: expected `bool | null`, got `int`"),
    (("ollama/m", "Hi"), {"key": ""}, UsageError, "key: an empty key was given"),
    (("ollama/m", "Hi"), {"base_url": "nonsense"}, UsageError, "base_url: 'nonsense' was given"),
    (
        ("lockchat/gpt-4", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]),
        {},
        UsageError,
        "plain text only",
    ),
    (("ollama/m", "half \ud83d"), {}, UsageError, "cannot be written as JSON"),
]


@pytest.mark.parametrize(("asked", "options", "kind", "words"), BAD_CALLS, ids=range(len(BAD_CALLS)))
def test_a_wrong_call_is_said_at_the_call_by_every_face(
    asked: tuple[Any, Any], options: dict[str, Any], kind: type[UsageError], words: str, tmp_path: Path
) -> None:
    bare: dict[str, Any] = {"environment": {"DRAGOMAN_HOME": str(tmp_path)}}
    faces: list[Callable[[], Any]] = [
        lambda: Client(**bare).stream(*asked, **options),
        lambda: Client(**bare).complete(*asked, **options),
        lambda: AsyncClient(**bare).stream(*asked, **options),
        lambda: asyncio.run(AsyncClient(**bare).complete(*asked, **options)),
        lambda: dragoman.stream(*asked, **(bare | options)),
        lambda: dragoman.complete(*asked, **(bare | options)),
    ]
    for face in faces:
        with pytest.raises(kind) as caught:
            face()
        assert words in caught.value.message


def test_the_two_functions_name_the_nearest_of_all_that_they_take() -> None:
    with pytest.raises(UsageError, match="retries: no such option; did you mean 'max_retries'"):
        dragoman.complete("ollama/m", "Hi", retries=3)
