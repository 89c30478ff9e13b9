"""What is known of models: a row's own, the lists beside the rows, and both together."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest

from dragoman.catalogue.load import MODELS, ROWS, Catalogue
from dragoman.catalogue.schema import Model, ModelList

LISTS = sorted(MODELS.glob("*.json"), key=lambda path: path.name)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_list_tells_source_licence_and_day_and_belongs_to_a_row(path: Path) -> None:
    told = msgspec.json.decode(path.read_bytes(), type=ModelList)
    assert told.source.startswith("https://")
    assert told.licence == "MIT"
    assert datetime.date.fromisoformat(told.checked).year >= 2026
    assert (ROWS / f"{path.stem}.toml").is_file()
    names = [model.name for model in told.models]
    assert names
    assert len(set(names)) == len(names)
    assert all(count is None or count > 0 for model in told.models for count in (model.context_tokens, model.output_tokens))


def test_lists_stay_small() -> None:
    assert sum(path.stat().st_size for path in LISTS) < 300_000


def test_list_is_read_when_it_is_asked_for_and_then_kept() -> None:
    catalogue = Catalogue()
    assert len(list(catalogue)) > 60
    assert catalogue.provider("groq").models == ()
    assert catalogue._lists == {}
    assert catalogue.models("groq")
    assert catalogue.model("groq", "openai/gpt-oss-120b").tools
    assert list(catalogue._lists) == ["groq"]


def test_rows_own_models_come_first_and_are_completed_by_the_list() -> None:
    models = Catalogue().models("openai")
    own = [model.name for model in Catalogue().provider("openai").models]
    assert [model.name for model in models[: len(own)]] == own
    assert len({model.name for model in models}) == len(models)
    found = next(model for model in models if model.name == "gpt-4.1")
    assert (found.context_tokens, found.output_tokens, found.tools, found.images) == (1047576, 32768, True, True)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        (
            "groq",
            "openai/gpt-oss-120b",
            Model(name="", context_tokens=131072, output_tokens=65536, tools=True, images=False, reasoning=True),
        ),
        ("openai", "gpt-4o", Model(name="", context_tokens=128000, output_tokens=16384, tools=True, images=True, reasoning=False)),
        (
            "anthropic",
            "claude-sonnet-4-5",
            Model(name="", context_tokens=200000, output_tokens=64000, tools=True, images=True, reasoning=True),
        ),
        ("deepseek", "deepseek-v4-pro", Model(name="", context_tokens=1000000, tools=True, reasoning=True)),
    ],
)
def test_abilities_of_well_known_models(provider: str, model: str, expected: Model) -> None:
    found = Catalogue().model(provider, model)
    assert found.name == model
    for field in ("context_tokens", "output_tokens", "tools", "images", "reasoning"):
        wanted = getattr(expected, field)
        assert wanted is None or getattr(found, field) == wanted, field


def test_model_that_nobody_lists_is_unknown_and_not_unable() -> None:
    assert Catalogue().model("groq", "a-model-of-tomorrow") == Model(name="a-model-of-tomorrow")
    assert Catalogue().model("vllm", "anything").tools is None


def test_users_own_row_takes_nothing_from_the_list_of_a_namesake(tmp_path: Path) -> None:
    path = tmp_path / "groq.toml"
    path.write_text(
        'title = "Mine"\ndialect = "openai_chat"\nbase_url = "https://mine.test"\nmodels = [{ name = "one", audio = true }]\n', "utf-8"
    )
    catalogue = Catalogue((path,))
    assert catalogue.models("groq") == (Model(name="one", audio=True),)
    assert catalogue.model("groq", "openai/gpt-oss-120b").tools is None
