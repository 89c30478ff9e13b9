"""The package's own rows."""

from __future__ import annotations

import datetime
import json

import msgspec
import pytest

from dragoman.catalogue.load import ROWS, Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.messages import Message, Reasoning, Text
from dragoman.core.request import Request
from dragoman.wire import dialects, operations
from dragoman.wire.quirks import Quirks

NAMES = Catalogue().names()
LEGACY = ("equing", "gravityengine", "lockchat", "raycast")
GONE = {*LEGACY, "lambda_ai"}


def row(name: str) -> Provider:
    return Catalogue().provider(name)


def test_first_rows_are_there() -> None:
    assert set(LEGACY) | {"openai", "ollama", "llamacpp", "lmstudio", "vllm"} <= set(NAMES)
    assert sorted(NAMES) == NAMES
    assert len(NAMES) == len(list(ROWS.glob("*.toml")))


@pytest.mark.parametrize("name", NAMES)
def test_row_is_named_like_its_file_and_tells_the_essentials(name: str) -> None:
    one = row(name)
    assert one.name == name == name.lower()
    assert one.title
    assert one.base_url.startswith(("https://", "http://127.0.0.1:", "http://supertest.lockchat.app"))
    assert not one.base_url.endswith("/")
    assert one.base_url_variables
    assert (one.url or "").startswith(("https://", "http://supertest.lockchat.app"))


@pytest.mark.parametrize("name", NAMES)
def test_row_speaks_a_dialect_that_exists(name: str) -> None:
    one = row(name)
    assert one.dialect in (dialects.NAMES if one.answers_prompts else operations.DIALECTS)


@pytest.mark.parametrize("name", NAMES)
def test_quirks_of_a_row_are_quirks(name: str) -> None:
    quirks = msgspec.convert(row(name).quirks, Quirks)
    assert quirks.path is None or quirks.path.startswith("/")
    for passing in quirks.passing_faults:
        assert issubclass(getattr(errors, passing.error), DragomanError)


@pytest.mark.parametrize("name", NAMES)
def test_key_is_placed_somewhere(name: str) -> None:
    auth = row(name).auth
    assert auth.place not in ("header", "query") or auth.name
    assert not auth.required or auth.variables


@pytest.mark.parametrize("name", NAMES)
def test_default_model_is_a_listed_one_where_models_are_listed(name: str) -> None:
    one = row(name)
    listed = [model.name for model in one.models]
    assert len(set(listed)) == len(listed)
    assert not listed or one.default_model is None or one.default_model in listed
    assert not one.closed_models or listed


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LEGACY])
def test_row_of_a_real_service_names_its_documentation(name: str) -> None:
    assert (row(name).docs or "").startswith("https://")


def test_services_believed_gone_are_these_and_say_why() -> None:
    assert {name for name in NAMES if not row(name).working} == GONE
    assert all(row(name).note for name in GONE)


@pytest.mark.parametrize("name", [name for name in NAMES if row(name).checked])
def test_day_of_the_last_check_is_a_day(name: str) -> None:
    assert datetime.date.fromisoformat(row(name).checked or "").year >= 2026


@pytest.mark.parametrize("name", [name for name in NAMES if row(name).local])
def test_local_row_needs_no_key_and_stays_on_this_machine(name: str) -> None:
    assert row(name).base_url.startswith("http://127.0.0.1:")
    assert not row(name).auth.required


LEGACY_FACTS = {
    "raycast": ("https://raycast.com", True, ["gpt-3.5-turbo", "gpt-4"]),
    "lockchat": ("http://supertest.lockchat.app", False, ["gpt-3.5-turbo", "gpt-4"]),
    "gravityengine": ("https://gpt4.gravityengine.cc", False, ["gpt-3.5-turbo-16k", "gpt-3.5-turbo-0613"]),
    "equing": ("https://next.eqing.tech/", False, ["gpt-3.5-turbo"]),
}


@pytest.mark.parametrize("name", LEGACY)
def test_legacy_service_is_believed_gone_and_keeps_its_facts(name: str) -> None:
    one = row(name)
    assert not one.working
    assert (one.url, one.auth.required, [model.name for model in one.models]) == LEGACY_FACTS[name]


def test_missing_raycast_token_has_its_users_words() -> None:
    assert row("raycast").auth.missing == "Raycast needs an auth token, pass it with the `auth` parameter"


THINKING_GOES_BACK = {
    "ollama": "reasoning",
    "ollama_cloud": "reasoning",
    "vercel_ai_gateway": "reasoning_details",
    "vllm": "reasoning",
}
"""Where the models of a host are given what they thought, by the field that its clients were recorded to send or its own source reads."""


@pytest.mark.parametrize("name", THINKING_GOES_BACK)
def test_thinking_goes_back_in_the_field_that_the_host_reads(name: str) -> None:
    said = Message("assistant", (Reasoning(text="Hm"), Text(text="4")))
    asked = Request(model="m", messages=(Message("user", (Text(text="2+2"),)), said, Message("user", (Text(text="And?"),))))
    call = dialects.dialect("openai_chat").encode_request(asked, msgspec.convert(row(name).quirks, Quirks))
    told = json.loads(call.body)["messages"][1]
    assert call.warnings == ()
    assert set(told) == {"role", "content", THINKING_GOES_BACK[name]}
