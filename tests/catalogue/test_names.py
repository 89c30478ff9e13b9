"""Names of providers and models: what they mean, and what a wrong one is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.catalogue.load import Catalogue, nearest
from dragoman.core.errors import UnknownModel

CLOSED = """
title = "Closed"
dialect = "openai_chat"
base_url = "https://closed.test/v1"
closed_models = true
models = [{ name = "big-1" }, { name = "small-1" }]
"""


@pytest.mark.parametrize(
    ("given", "provider", "model"),
    [
        ("openai/gpt-4.1", "openai", "gpt-4.1"),
        ("openai/a-model-of-tomorrow", "openai", "a-model-of-tomorrow"),
        ("openai/", "openai", "gpt-4.1-mini"),
        ("vllm/meta-llama/Llama-3.3-70B", "vllm", "meta-llama/Llama-3.3-70B"),
        ("raycast/gpt-4", "raycast", "gpt-4"),
        ("ollama/qwen3:8b", "ollama", "qwen3:8b"),
        ("lockchat/gpt-4!status=500", "lockchat", "gpt-4!status=500"),
    ],
)
def test_name_is_the_provider_then_its_own_model(given: str, provider: str, model: str) -> None:
    row, name = Catalogue().resolve(given)
    assert (row.name, name) == (provider, model)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("opnai/gpt-4.1", "provider: 'opnai' is not known; did you mean 'openai'"),
        ("lokchat/gpt-4", "provider: 'lokchat' is not known; did you mean 'lockchat'"),
        ("zzzzzz/x", "provider: 'zzzzzz' is not known; known are: "),
        ("OpenAI/gpt-4.1", "provider: 'OpenAI' is not known; did you mean 'openai'"),
        ("../openai/x", "provider: '..' is not known; known are: "),
        ("openai.toml/x", "provider: 'openai.toml' is not known; did you mean 'openai'"),
        ("open ai/x", "provider: 'open ai' is not known; did you mean 'openai'"),
        ("\0/x", "provider: '\\x00' is not known; known are: "),
        ("gpt-4.1", "model: 'gpt-4.1' was given; 'provider/model' is expected, perhaps 'openai/gpt-4.1'"),
        ("openai", "model: 'openai' was given; 'provider/model' is expected, perhaps 'openai/gpt-4.1-mini'"),
        ("lockchat", "model: 'lockchat' was given; 'provider/model' is expected, perhaps 'lockchat/gpt-3.5-turbo'"),
        ("lockchat/gpt4", "model: lockchat has no 'gpt4'; did you mean 'gpt-4'"),
        ("lockchat/gpt4!status=500", "model: lockchat has no 'gpt4'; did you mean 'gpt-4'"),
        ("", "model: '' was given; 'provider/model' is expected, known are: "),
        ("/gpt-4", "model: '/gpt-4' was given; 'provider/model' is expected, "),
        ("vllm/", "model: 'vllm/' names no model; write vllm/<model>, none is listed"),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(given: str, words: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        Catalogue().resolve(given)
    assert caught.value.message.startswith(words)


def test_model_that_several_providers_list_names_them_all() -> None:
    with pytest.raises(UnknownModel, match=r"perhaps .*'lockchat/gpt-4' or 'raycast/gpt-4'"):
        Catalogue().resolve("gpt-4")


def test_closed_provider_has_its_listed_models_only(tmp_path: Path) -> None:
    path = tmp_path / "closed.toml"
    path.write_text(CLOSED, "utf-8")
    catalogue = Catalogue((path,))
    assert catalogue.resolve("closed/big-1")[1] == "big-1"
    with pytest.raises(UnknownModel) as caught:
        catalogue.resolve("closed/bigg-1")
    assert caught.value.message == "model: closed has no 'bigg-1'; did you mean 'big-1'?"
    with pytest.raises(UnknownModel) as caught:
        catalogue.resolve("closed/")
    assert caught.value.message == "model: 'closed/' names no model; write closed/<model>, known are: big-1, small-1"


def test_nearest_leaves_out_what_is_much_less_like() -> None:
    assert nearest("opnai", ["openai", "openai_responses", "ovhcloud"]) == "did you mean 'openai'?"
    assert nearest("gpt-4.1-mino", ["gpt-4.1-mini", "gpt-4.1-nano", "gpt-3.5-turbo"]) == "did you mean 'gpt-4.1-mini' or 'gpt-4.1-nano'?"


def test_nearest_names_at_most_three_and_else_the_first_twelve() -> None:
    assert nearest("ab", ["ab1", "ab2", "ab3", "ab4"]).count(" or ") == 2
    assert nearest("zz", [f"n{i}" for i in range(20)]) == "known are: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11 …"
    assert nearest("zz", ["a", "b"]) == "known are: a, b"
    assert nearest("zz", []) == "none is listed"
