"""LiteLLM's files become files that pass the check, in which every name leads where it led; what is lost is named."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import UsageError
from dragoman.gateway.client_keys import ClientKeys
from dragoman.gateway.config.file import read_config
from dragoman.gateway.config.tables import Config, WaitsTable
from dragoman.gateway.litellm.config import Carried, convert
from dragoman.gateway.setup import Setup
from dragoman.settings import Surroundings

SAMPLES = Path(__file__).parent
SECRET = "sk-never-to-be-seen-4711"
ACCOUNT = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
VALUES = {
    "AZURE_API_BASE": "https://mine.openai.azure.com",
    "LARGE_BASE_URL": "http://large.internal:8000/v1",
    "LITELLM_MASTER_KEY": "a-master-key-0123456789",
}


@cache
def catalogue() -> Catalogue:
    return Catalogue()


@cache
def customary() -> dict[str, str]:
    """A key of every provider of the catalogue."""
    return {row.auth.variables[0]: "a-key-of-the-environment" for row in Catalogue() if row.auth.variables}


def carried(told: Any, folder: Path) -> Carried:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(told))
    return convert(path, catalogue())


def read(result: Carried, folder: Path) -> tuple[Config, Surroundings]:
    """The result checked, every variable that it names being set."""
    account = folder / "account.json"
    account.write_text(json.dumps(ACCOUNT))
    names = re.findall(r"\$\{([A-Za-z_0-9]+)\}", result.text)
    values = {name: VALUES.get(name, f"value-of-{name.lower()}") for name in names} | ({"K": "a-key-of-sixteen-letters"})
    environment = {
        **customary(),
        **values,
        "HOME": str(folder),
        "AWS_REGION": "eu-central-1",
        "VERTEXAI_PROJECT": "project",
        "GOOGLE_APPLICATION_CREDENTIALS": str(account),
        "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com",
    }
    path = folder / "dragoman.toml"
    path.write_text(result.text)
    return read_config(path, environment), Surroundings(environment)


def routes(result: Carried, folder: Path, *names: str) -> list[tuple[str, ...]]:
    """Where the gateway itself leads each name."""
    setup = Setup(*read(result, folder))
    return [setup.routes.find(name, "openai_chat").targets for name in names]


def one(model: str, folder: Path, **more: Any) -> Any:
    """The table of the provider of a file with one deployment."""
    result = carried({"model_list": [{"model_name": "name", "litellm_params": {"model": model, **more}}]}, folder)
    assert not result.lost, result.lost
    read(result, folder)
    told = tomllib.loads(result.text)
    ((name, table),) = told["providers"].items()
    return {"name": name, "target": told["models"]["name"]["targets"][0], **table}


@pytest.mark.parametrize("name", ["small", "balanced", "wildcards"])
def test_what_comes_of_a_file_passes_the_check_and_shows_no_key(name: str, tmp_path: Path) -> None:
    result = convert(SAMPLES / f"{name}.yaml", Catalogue())
    config, _ = read(result, tmp_path)
    assert config.models
    assert SECRET not in "\n".join(result.lost + result.advice)
    assert "pk-never" not in result.text + "\n".join(result.lost + result.advice)


def test_a_small_file_loses_nothing(tmp_path: Path) -> None:
    result = convert(SAMPLES / "small.yaml", Catalogue())
    assert result.lost == ()
    config, around = read(result, tmp_path)
    assert config.listen == "0.0.0.0:4000"
    assert config.providers["openai"].key == around.environment["OPENAI_API_KEY"]
    assert ClientKeys(config.keys).name_of(VALUES["LITELLM_MASTER_KEY"]) == "admin"
    assert routes(result, tmp_path, "gpt-4o", "claude", "local") == [
        ("openai/gpt-4o",),
        ("anthropic/claude-sonnet-4-5",),
        ("ollama_native/llama3.1",),
    ]


def test_groups_fallbacks_and_aliases_become_targets_in_their_order(tmp_path: Path) -> None:
    result = convert(SAMPLES / "balanced.yaml", Catalogue())
    config, _ = read(result, tmp_path)
    bedrock = "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
    azure = ("azure-my-endpoint-europe/gpt-4o-eu", "azure/gpt-4o-ca")
    gpt = ("openai-2/gpt-4o", *azure)  # by its order it stands first
    whole = (*gpt, bedrock, "anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini")
    assert routes(result, tmp_path, "gpt-4o", "gpt-4", "gpt-4-turbo") == [whole] * 3
    assert routes(result, tmp_path, "claude-sonnet") == [(bedrock, "anthropic/claude-sonnet-4-5", *gpt, "openai/gpt-4o-mini")]
    assert config.models["gpt-4-turbo"].hidden
    assert not config.models["gpt-4"].hidden
    assert config.models["gpt-4o"].timeouts == WaitsTable(first_token=45, between_tokens=45)
    assert (config.max_retries, config.timeouts.first_token, config.log.access) == (3, 120, "json")


def test_connections_become_providers(tmp_path: Path) -> None:
    config, _ = read(convert(SAMPLES / "balanced.yaml", Catalogue()), tmp_path)
    europe, canada, second = (config.providers[name] for name in ("azure-my-endpoint-europe", "azure", "openai-2"))
    assert (europe.like, europe.base_url) == ("azure", "https://my-endpoint-europe.openai.azure.com")
    assert europe.quirks == {"path": "/openai/deployments/{model}/chat/completions?api-version=2024-08-01-preview"}
    assert (canada.like, canada.base_url) == (None, "https://my-endpoint-canada.openai.azure.com")
    assert second.quirks == {"headers": {"OpenAI-Organization": "value-of-openai_org"}}
    assert config.providers["bedrock"].key == {"region": "us-west-2"}, "the keys are looked for where AWS's own tools look"


def test_what_is_lost_is_named_by_its_path(tmp_path: Path) -> None:
    result = convert(SAMPLES / "balanced.yaml", Catalogue())
    assert {line.partition(":")[0] for line in result.lost} == {
        "model_list[0, 6].model_info",
        "model_list[0, 1].litellm_params.rpm",
        "model_list[1].litellm_params.weight",
        "model_list[2].litellm_params.tpm",
        "model_list[3].litellm_params.temperature",
        "model_list[3].litellm_params.max_tokens",
        "model_list[5].litellm_params.stream_timeout",
        "environment_variables",
        "litellm_settings.success_callback",
        "litellm_settings.cache",
        "router_settings.routing_strategy",
        "router_settings.redis_host",
        "router_settings.redis_password",
        "router_settings.allowed_fails",
        "router_settings.cooldown_time",
        "router_settings.context_window_fallbacks",
        "router_settings.fallbacks",
        "general_settings.database_url",
        "general_settings.alerting",
    }
    assert any("'gone' is no name of model_list" in line for line in result.lost)
    assert any("it is so short that it can be guessed" in line for line in result.advice)


def test_patterns_lead_where_they_led_the_narrow_ones_first(tmp_path: Path) -> None:
    result = convert(SAMPLES / "wildcards.yaml", Catalogue())
    last = "vllm/meta-llama/Llama-3.1-8B-Instruct"
    assert routes(result, tmp_path, "claude-opus-4-5", "house/qwen", "gpt-4o", "openai/o3", "anthropic/claude-opus-4-5") == [
        ("anthropic/claude-opus-4-5", last),
        ("models-internal-8080/qwen", last),
        ("openai/gpt-4o", last),
        ("openai/o3",),
        ("anthropic/claude-opus-4-5",),
    ]


def test_entries_that_cannot_be_carried_say_why(tmp_path: Path) -> None:
    lost = "\n".join(convert(SAMPLES / "wildcards.yaml", Catalogue()).lost)
    for words in (
        "model_list[7]: the provider 'predibase' is not known here",
        "model_list[8, 9]: one * at most can stand in a name",
        "model_list[11]: of Vertex AI only Gemini's models are spoken to here",
        "model_list[13]: model_name and litellm_params.model are expected",
        "model_list: 'anthropic/claude-fast': the provider 'anthropic' is served by its name, so that this name cannot lead to openai/gpt",
    ):
        assert words in lost


@pytest.mark.parametrize(
    ("model", "more", "expected"),
    [
        ("gpt-4.1", {}, {"name": "openai", "target": "openai/gpt-4.1"}),
        ("claude-sonnet-4-5", {}, {"name": "anthropic", "target": "anthropic/claude-sonnet-4-5"}),
        ("groq/llama-3.3-70b-versatile", {"api_key": "os.environ/G"}, {"name": "groq", "key": "${G}"}),
        ("openai/responses/o3", {}, {"target": "openai_responses/o3"}),
        ("ollama/llama3.1", {}, {"target": "ollama_native/llama3.1"}),
        ("hosted_vllm/org/model", {"api_base": "http://h:8000/v1/"}, {"target": "vllm/org/model", "base_url": "http://h:8000/v1"}),
        ("cohere_chat/command-a-03-2025", {}, {"target": "cohere/command-a-03-2025"}),
        ("openrouter/anthropic/claude-sonnet-4.5", {}, {"target": "openrouter/anthropic/claude-sonnet-4.5"}),
        ("bedrock/converse/us.amazon.nova-pro-v1:0", {}, {"target": "bedrock/us.amazon.nova-pro-v1:0"}),
        (
            "bedrock/x",
            {"aws_profile_name": "os.environ/P", "aws_region_name": "eu-west-1"},
            {"key": {"profile": "${P}", "region": "eu-west-1"}},
        ),
        (
            "bedrock/x",
            {"aws_role_name": "os.environ/R", "aws_session_name": "s", "aws_region_name": "eu-west-1"},
            {"key": {"role_arn": "${R}", "role_session_name": "s", "region": "eu-west-1"}},
        ),
        ("vertex_ai/gemini-2.5-flash", {"vertex_project": "p", "vertex_location": "eu"}, {"key": {"project": "p", "location": "eu"}}),
        ("bedrock/x", {"api_key": "os.environ/B"}, {"key": "${B}"}),
        ("azure/gpt", {"azure_ad_token": "os.environ/T", "api_base": "https://r.openai.azure.com"}, {"key": {"token": "${T}"}}),
        ("openai/m", {"api_base": "https://api.openai.com/v1"}, {"name": "openai", "base_url": "https://api.openai.com/v1"}),
        ("openai/m", {"api_base": "https://h.example/v1"}, {"name": "h-example", "dialect": "openai_chat", "target": "h-example/m"}),
        ("m/n", {"custom_llm_provider": "custom_openai", "api_base": "http://[::1]:9/v1"}, {"name": "1-9", "target": "1-9/m/n"}),
        ("anthropic/c", {"custom_llm_provider": "anthropic"}, {"target": "anthropic/c"}),
        ("xai/grok", {"extra_headers": {"A": "os.environ/H"}}, {"like": "xai", "quirks": {"headers": {"A": "${H}"}}}),
        ("mistral/m", {"api_key": "with-${dollar}-sign"}, {"key": "with-$${dollar}-sign"}),
    ],
)
def test_a_deployment_becomes_a_provider_and_a_target(model: str, more: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    told = one(model, tmp_path, **more) if "aws_profile_name" not in more else _with_profile(model, tmp_path, more)
    assert {field: told.get(field) for field in expected} == expected


def _with_profile(model: str, folder: Path, more: dict[str, Any]) -> Any:
    aws = folder / ".aws"
    aws.mkdir()
    (aws / "credentials").write_text("[value-of-p]\naws_access_key_id = a\naws_secret_access_key = b\n")
    return one(model, folder, **more)


def test_a_model_that_passes_any_name_on_is_discovery(tmp_path: Path) -> None:
    entries = [{"model_name": "*", "litellm_params": {"model": "*"}}]
    result = carried({"model_list": entries}, tmp_path)
    assert read(result, tmp_path)[0].discover is True


def test_files_that_are_included_are_read(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "model_list: [{model_name: b, litellm_params: {model: openai/b}}]\nrouter_settings: {num_retries: 9}"
    )
    entries = [{"model_name": "a", "litellm_params": {"model": "openai/a"}}]
    config, _ = read(carried({"model_list": entries, "include": ["more.yaml"]}, tmp_path), tmp_path)
    assert (list(config.models), config.max_retries) == (["a", "b"], 9)


def test_without_a_master_key_only_this_machine_may_call(tmp_path: Path) -> None:
    result = convert(SAMPLES / "wildcards.yaml", Catalogue())
    assert read(result, tmp_path)[0].listen == "127.0.0.1:4000"
    assert any('[keys.admin] with key = "${LITELLM_MASTER_KEY}"' in line for line in result.advice)


def test_a_master_key_in_the_clear_is_hashed(tmp_path: Path) -> None:
    entries = [{"model_name": "a", "litellm_params": {"model": "openai/a"}}]
    result = carried({"model_list": entries, "general_settings": {"master_key": SECRET}}, tmp_path)
    assert SECRET not in result.text
    assert ClientKeys(read(result, tmp_path)[0].keys).name_of(SECRET) == "admin"


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", r"config\.yaml:1: not valid YAML"), ("- a", "model_list in it"), (f"a: '{SECRET}\n b: ]", "not valid YAML")],
)
def test_what_is_no_such_file_is_told(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        convert(path, Catalogue())
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"model_list": None},
        {"model_list": {"a": 1}},
        {"model_list": [None, 1, "x", {}, {"model_name": 5, "litellm_params": {"model": "openai/x"}}]},
        {"model_list": [], "router_settings": None, "litellm_settings": [], "general_settings": 5},
        {"router_settings": {"fallbacks": "x", "model_group_alias": ["x"], "timeout": "soon"}},
        {"litellm_settings": {"fallbacks": [{"a": None}, "b", {"c": "d"}], "default_fallbacks": [{"e": 1}]}},
    ],
)
def test_odd_files_are_carried_as_far_as_they_go(told: Any, tmp_path: Path) -> None:
    read(carried(told, tmp_path), tmp_path)


NAMES = st.sampled_from(
    ["a", "gpt-4o", "openai/gpt-4o", "openai/*", "anthropic/*", "*", "gpt-*", "*-mini", "gpt-*-mini", "a b", 'q"u', "h/*"]
)
MODELS = st.sampled_from(
    [
        "openai/gpt-4o",
        "gpt-4o",
        "openai/*",
        "anthropic/*",
        "anthropic/claude-*",
        "azure/dep",
        "bedrock/us-east-1/x",
        "groq/y",
        "*",
        "vertex_ai/gemini-x",
    ]
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "api_key": st.sampled_from(["os.environ/A", "os.environ/B", "literal-key"]),
        "api_base": st.sampled_from(["https://one.example/v1", "http://two.example:8000/v1/", "os.environ/AZURE_API_BASE"]),
        "api_version": st.sampled_from(["2024-02-01", "2024-10-21"]),
        "order": st.integers(1, 3),
        "timeout": st.sampled_from([5, 30.5]),
        "organization": st.just("org"),
        "rpm": st.just(5),
    },
)
ENTRIES = st.lists(st.tuples(NAMES, MODELS, MORE), max_size=8)
FALLBACKS = st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=2), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    entries=ENTRIES,
    fallbacks=FALLBACKS,
    aliases=st.dictionaries(NAMES, NAMES, max_size=3),
    key=st.sampled_from([None, "sk-1", "os.environ/K"]),
)
def test_whatever_is_made_passes_the_check(entries: Any, fallbacks: Any, aliases: Any, key: str | None, tmp_path: Path) -> None:
    told = {
        "model_list": [{"model_name": name, "litellm_params": {"model": model, **more}} for name, model, more in entries],
        "router_settings": {"fallbacks": fallbacks, "model_group_alias": aliases},
        "general_settings": {"master_key": key},
    }
    read(carried(told, tmp_path), tmp_path)
