"""What Ollama's clients ask beside prompts, with Ollama's own SDK as judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest

from dragoman.catalogue.load import Catalogue
from tests.gateway.stage import Stage


@pytest.fixture(scope="module")
def client(stage: Stage) -> Iterator[ollama.Client]:
    sdk = ollama.Client(host=stage.url)
    try:
        yield sdk
    finally:
        sdk._client.close()


def test_the_card_of_a_model_says_what_the_catalogue_knows(client: ollama.Client) -> None:
    card = client.show("anthropic/claude-sonnet-4-5")
    known = Catalogue().model("anthropic", "claude-sonnet-4-5")

    assert card.capabilities == ["completion", "tools", "vision", "thinking"]
    assert (known.tools, known.images, known.reasoning) == (True, True, True)
    assert card.modelinfo is not None
    assert card.details is not None
    assert card.modelinfo[f"{card.modelinfo['general.architecture']}.context_length"] == known.context_tokens
    assert (card.details.family, card.details.families) == ("anthropic", ["anthropic"])


def test_a_model_that_nobody_lists_is_known_to_answer_and_no_more(client: ollama.Client) -> None:
    card = client.show("openai/nobody-lists-this")

    assert (card.capabilities, card.modelinfo) == (["completion"], {"general.architecture": "openai"})


def test_a_model_for_embeddings_is_told_as_one(client: ollama.Client) -> None:
    assert client.show("openai/text-embedding-3-small").capabilities == ["embedding"]


def test_a_name_of_the_configuration_has_the_card_of_its_first_target(make_stage: Any) -> None:
    stage = make_stage(("openai", "anthropic"), {"models": {"small": {"targets": ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5"]}}})
    with httpx.Client(base_url=stage.url) as http:
        card = http.post("/api/show", json={"name": "small"}).json()

    assert card["details"]["family"] == "openai"
    assert card["model_info"]["openai.context_length"] == Catalogue().model("openai", "gpt-4.1").context_tokens


def test_a_model_that_is_not_served_is_a_404_in_ollamas_form(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="not served here") as caught:
        client.show("nothing-like-it")
    assert caught.value.status_code == 404


def test_no_name_is_a_400(stage: Stage) -> None:
    reply = httpx.post(stage.url + "/api/show", json={})

    assert (reply.status_code, "a model's name is expected" in reply.json()["error"]) == (400, True)


def test_nothing_is_loaded_here(client: ollama.Client) -> None:
    assert list(client.ps().models) == []


def test_the_version_is_one_that_clients_can_compare(stage: Stage) -> None:
    version = httpx.get(stage.url + "/api/version").json()["version"]

    assert [part.isdigit() for part in version.split(".")] == [True] * 3


def test_a_caller_who_may_not_ask_a_model_does_not_see_its_card(make_stage: Any) -> None:
    stage = make_stage(("openai",), {"keys": {"small": {"key": "key-of-a-caller-who-may-little", "models": ["openai/gpt-4.1-mini"]}}})
    with httpx.Client(base_url=stage.url, headers={"authorization": "Bearer key-of-a-caller-who-may-little"}) as http:
        assert http.post("/api/show", json={"model": "openai/gpt-4.1-mini"}).status_code == 200
        assert http.post("/api/show", json={"model": "openai/gpt-4.1"}).status_code == 403
