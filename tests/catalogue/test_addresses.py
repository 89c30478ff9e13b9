"""Accounts in addresses: ``{VARIABLE}`` in a base URL, filled from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.catalogue.schema import PLACEHOLDER, Provider
from dragoman.settings import Surroundings


def row(base_url: str, *variables: str) -> Provider:
    return Provider(name="here", title="Here", dialect="openai_chat", base_url=base_url, base_url_variables=variables)


@pytest.mark.parametrize(
    ("base_url", "environment", "expected"),
    [
        ("https://h.test/v1", {}, "https://h.test/v1"),
        ("https://h.test/{ACCOUNT}/v1", {"ACCOUNT": "a1"}, "https://h.test/a1/v1"),
        ("https://{ACCOUNT}.h.test", {"ACCOUNT": "a1"}, "https://a1.h.test"),
        ("https://{PLACE}-h.test/{ACCOUNT}/{PLACE}", {"ACCOUNT": "a1", "PLACE": "eu"}, "https://eu-h.test/a1/eu"),
        ("https://{ACCOUNT|ACCOUNT_ID}.h.test", {"ACCOUNT_ID": "second"}, "https://second.h.test"),
        ("https://{ACCOUNT|ACCOUNT_ID}.h.test", {"ACCOUNT": "first", "ACCOUNT_ID": "second"}, "https://first.h.test"),
        ("https://{ACCOUNT|ACCOUNT_ID}.h.test", {"ACCOUNT": "", "ACCOUNT_ID": "second"}, "https://second.h.test"),
        ("https://{HOST}/v1", {"HOST": "https://my.test/"}, "https://my.test/v1"),
        ("https://{HOST}/v1", {"HOST": "my.test/"}, "https://my.test/v1"),
        ("https://h.test/{ACCOUNT}", {}, "https://h.test/{ACCOUNT}"),
        ("https://h.test/{lower}/{}", {"lower": "x"}, "https://h.test/{lower}/{}"),
    ],
)
def test_placeholder_is_what_the_environment_says(base_url: str, environment: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert Surroundings(environment, tmp_path).base_url(row(base_url)) == expected


def test_what_is_lacking_is_named_once(tmp_path: Path) -> None:
    one = row("https://{PLACE}.h.test/{ACCOUNT|ACCOUNT_ID}/{PLACE}", "HERE_BASE_URL")
    assert Surroundings({}, tmp_path).lacking(one) == ["PLACE", "ACCOUNT or ACCOUNT_ID"]
    assert Surroundings({"PLACE": "eu"}, tmp_path).lacking(one) == ["ACCOUNT or ACCOUNT_ID"]
    assert Surroundings({"PLACE": "eu", "ACCOUNT_ID": "a"}, tmp_path).lacking(one) == []
    assert Surroundings({"HERE_BASE_URL": "https://mine.test"}, tmp_path).lacking(one) == []


def test_address_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    one = row("https://{ACCOUNT}.h.test", "HERE_BASE_URL")
    around = Surroundings({"HERE_BASE_URL": "https://mine.test/{ACCOUNT}", "ACCOUNT": "a"}, tmp_path)
    assert around.base_url(one) == "https://mine.test/{ACCOUNT}"


def test_only_variables_are_placeholders() -> None:
    assert PLACEHOLDER.findall("{A}{A|B_2}{a}{A|}{|A}{2A}{}") == ["A", "A|B_2"]
