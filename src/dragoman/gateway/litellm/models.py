"""From LiteLLM's ``model_list`` to targets: which provider each deployment means, how it is reached, in which order a group is tried."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import SHORTEST_REAL_KEY, UsageError
from dragoman.gateway.config.toml_lines import Place
from dragoman.gateway.litellm.accounts import Accounts, Connection
from dragoman.gateway.litellm.names import (
    ANY_OPENAI,
    BARE,
    CARRIED,
    CLOUD_PARTS,
    HOLDS_ANYWAY,
    OF_A_REQUEST,
    PROVIDERS,
    REASONS,
    UNKNOWN,
)
from dragoman.gateway.litellm.notes import Notes
from dragoman.router import check_base_url

_VARIABLE: Final = "os.environ/"
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_WHOLE_URL: Final = re.compile(r"/(chat/completions|messages|chat|embeddings|openai/deployments/.*)/?$")
_ITS_OWN_ADDRESS: Final = ("openai_chat", "anthropic_messages", "ollama", "bedrock_converse")
"""Dialects whose base URL is the same in both."""


class Deployment(msgspec.Struct, frozen=True):
    """One entry of ``model_list`` that can be carried."""

    group: str
    target: str
    timeout_s: float | None
    order: float


def deployments(entries: Any, catalogue: Catalogue, accounts: Accounts, notes: Notes) -> Iterator[Deployment]:
    """The entries that can be carried; of the others, and of what else they say, ``notes`` is told."""
    if not isinstance(entries, list):
        notes.lost(("model_list",), "a list is expected")
        return
    for at, entry in enumerate(entries):
        place: Place = ("model_list", at)
        try:
            yield _deployment(entry, place, catalogue, accounts, notes)
        except UsageError as fault:
            notes.lost(place, fault.message)


def _deployment(entry: Any, place: Place, catalogue: Catalogue, accounts: Accounts, notes: Notes) -> Deployment:
    told = entry.get("litellm_params") if isinstance(entry, dict) else None
    if not isinstance(told, dict) or not isinstance(told.get("model"), str) or not isinstance(entry.get("model_name"), str):
        raise UsageError("model_name and litellm_params.model are expected, as texts")
    if entry.get("blocked"):
        raise UsageError("it is blocked")
    group = entry["model_name"]
    provider, model, region = _provider_and_model(told, catalogue)
    if group.count("*") > 1 or model.count("*") > group.count("*"):
        raise UsageError("one * at most can stand in a name, and in what it leads to only where the name has one")
    connection = _connection(told, provider, region, catalogue, (*place, "litellm_params"), notes)
    _note_rest(entry, place, notes, CARRIED["model_list"], UNKNOWN)
    _note_rest(told, (*place, "litellm_params"), notes, CARRIED["litellm_params"], OF_A_REQUEST)
    table = accounts.name_of(provider, connection, model)
    order = told.get("order")
    return Deployment(group, f"{table}/{model}", seconds(told.get("timeout")), order if isinstance(order, int | float) else float("inf"))


def _note_rest(told: Mapping[Any, Any], place: Place, notes: Notes, carried: Collection[str], otherwise: str) -> None:
    """What of ``told`` has no place here; ``otherwise`` is why, where nothing else is known."""
    for name in map(str, told):
        if name not in carried and name not in HOLDS_ANYWAY:
            notes.lost((*place, name), REASONS.get(name, otherwise))


def _provider_and_model(told: Mapping[str, Any], catalogue: Catalogue) -> tuple[str, str, str | None]:
    """The provider's name here, its model, and the region where the name holds one."""
    model = told["model"]
    name = told.get("custom_llm_provider")
    first, slash, rest = model.partition("/")
    if isinstance(name, str):
        model = rest if slash and first == name else model
    elif slash:
        name, model = first, rest
    else:
        name = _owner(model, catalogue)
    if name == "openai" and model.startswith("responses/"):
        return "openai_responses", model.removeprefix("responses/"), None
    here = "openai" if name in ANY_OPENAI else PROVIDERS.get(name, name)
    if here not in catalogue.names():
        raise UsageError(
            f"the provider {name!r} is not known here; if it speaks a dialect of ours, give it a table with dialect and base_url"
        )
    if here == "vertex" and not model.startswith(("gemini", "*")):
        raise UsageError("of Vertex AI only Gemini's models are spoken to here")
    region = None
    if here == "bedrock":
        model = re.sub(r"^(converse|invoke|converse_like)/", "", model)
        first, slash, rest = model.partition("/")
        region, model = (first, rest) if slash and _REGION.fullmatch(first) else (None, model)
    return here, model, region


def _owner(model: str, catalogue: Catalogue) -> str:
    if model == "*":
        raise UsageError("it passes any name to its provider, which `discover = true` does")
    owner = next((name for name in BARE if any(one.name == model for one in catalogue.models(name))), None)
    if owner is None:
        raise UsageError(f"{model!r} names no provider; write it as <provider>/{model}")
    return owner


def _connection(told: Mapping[str, Any], provider: str, region: str | None, catalogue: Catalogue, place: Place, notes: Notes) -> Connection:
    key: str | tuple[tuple[str, str], ...] | None = text_of(told.get("api_key"))
    if key is not None and "${" not in key and len(key) >= SHORTEST_REAL_KEY:
        notes.advice((*place, "api_key"), "it stands in the file; put it into the environment and write ${NAME}")
    parts = {ours: text for theirs, ours in CLOUD_PARTS.get(provider, {}).items() if (text := text_of(told.get(theirs))) is not None}
    if region is not None:
        parts.setdefault("region", region)
    if parts and key is None:
        key = tuple(parts.items())
    _note_parts_of_others(told, provider, place, notes)
    return Connection(key, _base_url(told, provider, catalogue, place, notes), _api_version(told, provider), _headers(told))


def _note_parts_of_others(told: Mapping[str, Any], provider: str, place: Place, notes: Notes) -> None:
    for other, parts in CLOUD_PARTS.items():
        for name in parts.keys() & told.keys() if other != provider else ():
            notes.lost((*place, name), f"{provider} takes no such part of a key")


def _base_url(told: Mapping[str, Any], provider: str, catalogue: Catalogue, place: Place, notes: Notes) -> str | None:
    name = next((name for name in ("api_base", "base_url", "aws_bedrock_runtime_endpoint") if told.get(name) is not None), None)
    given = text_of(told[name]) if name else None
    if name is None or given is None:
        return None
    if catalogue.provider(provider).dialect not in _ITS_OWN_ADDRESS or _WHOLE_URL.search(given):
        raise UsageError(f"litellm_params.{name}: an address of this form is not carried; set base_url of [providers.{provider}] yourself")
    if "${" not in given:
        return check_base_url(given, f"litellm_params.{name}")
    return given


def _api_version(told: Mapping[str, Any], provider: str) -> str | None:
    return text_of(told.get("api_version")) if provider == "azure" else None


def _headers(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    extra = told.get("extra_headers")
    organization = {"OpenAI-Organization": told["organization"]} if told.get("organization") else {}
    headers = organization | (extra if isinstance(extra, dict) else {})
    return tuple((str(name), text) for name, value in headers.items() if (text := text_of(value)) is not None)


def text_of(value: Any) -> str | None:
    """A value as it stands here: ``os.environ/NAME`` is ``${NAME}``."""
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        return msgspec.json.encode(value).decode()
    text = str(value)
    return f"${{{text.removeprefix(_VARIABLE)}}}" if text.startswith(_VARIABLE) else text.replace("${", "$${")


def seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < float("inf") else None


def targets(group: list[Deployment]) -> list[str]:
    """A group's targets in the order in which they are tried."""
    return list(dict.fromkeys(one.target for one in sorted(group, key=lambda one: one.order)))
