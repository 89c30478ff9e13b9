"""A ``dragoman.toml`` from LiteLLM's ``config.yaml``, and what of that has no place here.

A group of deployments becomes a name with targets, its fallbacks behind them; each way in which a provider is reached becomes a table of a
provider; the master key becomes the key of the caller ``admin``. What is not carried is named, never dropped silently. The form is that of
https://docs.litellm.ai/docs/proxy/config_settings (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import UsageError
from dragoman.gateway.client_keys import SHORTEST, hash_of
from dragoman.gateway.config.toml_lines import Place
from dragoman.gateway.config.toml_text import toml_table
from dragoman.gateway.litellm.accounts import Accounts
from dragoman.gateway.litellm.models import Deployment, deployments, seconds, targets, text_of
from dragoman.gateway.litellm.names import CARRIED, HOLDS_ANYWAY, REASONS, UNKNOWN
from dragoman.gateway.litellm.notes import Notes

_BLOCKS: Final = ("litellm_settings", "router_settings", "general_settings")
_MOST_RETRIES: Final = 20
_WITHOUT_KEY: Final = (
    "there is no master_key, so that only this machine can call; make keys with `dragoman keys new`, or where LITELLM_MASTER_KEY held it, "
    'add [keys.admin] with key = "${LITELLM_MASTER_KEY}"'
)
_HEAD: Final = """\
# Made from {name} by `dragoman import litellm`. `dragoman check config` looks whether it works here.
# Besides the names below, callers may ask for any <provider>/<model> of the providers; `models` of a key bounds that.
"""


class Carried(msgspec.Struct, frozen=True):
    """The text of the new file, what could not be carried, and what deserves a look."""

    text: str
    lost: tuple[str, ...]
    advice: tuple[str, ...]


class Group(msgspec.Struct):
    """A name for callers: its targets in their order, and its wait."""

    targets: list[str]
    timeout_s: float | None = None
    hidden: bool = False


def convert(path: Path, catalogue: Catalogue) -> Carried:
    """What the YAML in ``path`` becomes. Raises ``UsageError`` where it cannot be read."""
    told = _read(path)
    notes = Notes()
    accounts = Accounts(catalogue)
    found = list(deployments(told.get("model_list", []), catalogue, accounts, notes))
    settings = _settings(told, notes)
    groups = _groups(found, notes)
    _add_fallbacks(groups, settings, notes)
    _add_aliases(groups, settings, notes)
    parts = [
        _HEAD.format(name=path.name) + "".join(_top(told, settings, notes)),
        accounts.text(),
        *_models(groups, accounts.names() | (set(catalogue.names()) if _discovers(told) else set()), notes),
        *_keys(settings, notes),
        *_rest(settings),
    ]
    return Carried("\n".join(part for part in parts if part), notes.all_lost(), notes.all_advice())


def _read(path: Path) -> dict[str, Any]:
    told = _load(path)
    included = told.get("include", [])
    for name in included if isinstance(included, list) else [included]:
        for key, value in _load(path.parent / str(name)).items():
            both_lists = isinstance(value, list) and isinstance(told.get(key), list)
            told[key] = [*told[key], *value] if both_lists else value
    return told


def _load(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise UsageError("PyYAML is needed to read it: pip install 'dragoman[import]'") from None
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        place = getattr(fault, "problem_mark", None)  # the parser's own words could show a key
        raise UsageError(f"{path}{f':{place.line + 1}' if place else ''}: not valid YAML") from None
    if not isinstance(told, dict):
        raise UsageError(f"{path}: a LiteLLM config.yaml is expected, with model_list in it")
    return told


class Setting(msgspec.Struct, frozen=True):
    """A value, and the block that it stands in."""

    place: Place
    value: Any


Settings: TypeAlias = Mapping[str, Setting]
_NOT_SET: Final = Setting((), None)


def _settings(told: Mapping[str, Any], notes: Notes) -> Settings:
    """What the blocks say that can be carried, by its name; the router's go before the others."""
    for name in told:
        if name not in CARRIED[""]:
            notes.lost((name,), REASONS.get(name, UNKNOWN))
    carried: dict[str, Setting] = {}
    for block in _BLOCKS:
        table = told.get(block)
        for name, value in table.items() if isinstance(table, dict) else ():
            if name in CARRIED[block]:
                carried[name] = Setting((block, name), value)
            elif name not in HOLDS_ANYWAY and value not in (None, False, [], {}):
                notes.lost((block, str(name)), REASONS.get(name, UNKNOWN))
    return carried


def _groups(found: list[Deployment], notes: Notes) -> dict[str, Group]:
    members: dict[str, list[Deployment]] = {}
    for one in found:
        members.setdefault(one.group, []).append(one)
    groups = {}
    for name, group in members.items():
        waits = [one.timeout_s for one in group if one.timeout_s is not None]
        groups[name] = Group(targets(group), max(waits, default=None))
        if len(waits) < len(group) * bool(waits) or len(set(waits)) > 1:
            notes.advice(("model_list",), f"{name!r}: not all of its deployments have the same timeout; the longest holds for the name")
        if len(groups[name].targets) > 1:
            notes.advice(
                ("model_list",), f"{name!r}: LiteLLM spreads the load over its deployments; here the first answers, the next where it fails"
            )
    return groups


def _add_fallbacks(groups: dict[str, Group], settings: Settings, notes: Notes) -> None:
    own = {name: list(group.targets) for name, group in groups.items()}
    for place, name, fallback in _fallbacks(settings, groups):
        more = _targets_of(fallback, own)
        if name not in groups:
            notes.lost(place, f"{name!r} is no name of model_list that was carried")
        elif not more:
            notes.lost(place, f"of {name!r}: {_word(fallback)} is no name of model_list that was carried")
        else:
            targets = groups[name].targets
            targets += [target for target in more if target not in targets]


def _fallbacks(settings: Settings, groups: Mapping[str, Group]) -> Iterator[tuple[Place, str, Any]]:
    """Where each is told, whose it is, and where it leads; ``*`` and ``default_fallbacks`` are everybody's, behind their own."""
    told, always = settings.get("fallbacks", _NOT_SET), settings.get("default_fallbacks", _NOT_SET)
    tables = [one for one in _listed(told.value) if isinstance(one, dict)]
    own = [(told.place, str(name), more) for one in tables for name, many in one.items() if name != "*" for more in _listed(many)]
    all_have = [(told.place, more) for one in tables for more in _listed(one.get("*"))] + [
        (always.place, more) for more in _listed(always.value)
    ]
    yield from own
    yield from ((place, name, more) for name in groups for place, more in all_have)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _targets_of(fallback: Any, own: Mapping[str, list[str]]) -> list[str]:
    """Where a fallback leads: a group's own targets, or those of the pattern that takes it."""
    if not isinstance(fallback, str):
        return []
    if fallback in own:
        return [target for target in own[fallback] if "*" not in target]
    for pattern, leads_to in own.items() if "*" not in fallback else ():
        begin, star, end = pattern.partition("*")
        if star and fallback.startswith(begin) and fallback.endswith(end) and len(fallback) >= len(begin + end):
            return [target.replace("*", fallback[len(begin) : len(fallback) - len(end)]) for target in leads_to]
    return []


def _word(fallback: Any) -> str:
    return repr(fallback) if isinstance(fallback, str) else "an entry that is no name"


def _add_aliases(groups: dict[str, Group], settings: Settings, notes: Notes) -> None:
    told = settings.get("model_group_alias", _NOT_SET)
    for name, value in told.value.items() if isinstance(told.value, dict) else ():
        leads_to, hidden = (value.get("model"), bool(value.get("hidden"))) if isinstance(value, dict) else (value, False)
        if leads_to not in groups:
            notes.lost((*told.place, str(name)), "it leads to no name of model_list that was carried")
        elif not _fits(str(name), groups[leads_to].targets):
            notes.lost((*told.place, str(name)), "one * at most can stand in a name, and it leads to a pattern only if it is one")
        elif name not in groups:
            groups[str(name)] = msgspec.structs.replace(groups[leads_to], hidden=hidden)


def _fits(name: str, targets: list[str]) -> bool:
    return name.strip() != "" and name.count("*") <= 1 and ("*" in name or not any("*" in target for target in targets))


def _top(told: Mapping[str, Any], settings: Settings, notes: Notes) -> Iterator[str]:
    """The settings before all tables."""
    if settings.get("master_key", _NOT_SET).value:
        yield 'listen = "0.0.0.0:4000"\n'
    else:
        notes.advice(("general_settings",), _WITHOUT_KEY)
    retries = settings.get("num_retries", _NOT_SET).value
    if isinstance(retries, int) and not isinstance(retries, bool):
        yield f"max_retries = {max(0, min(retries, _MOST_RETRIES))}\n"
    if _discovers(told):
        yield "discover = true\n"


def _discovers(told: Mapping[str, Any]) -> bool:
    """Whether an entry passes any name on, to whichever provider it names."""
    entries = [entry.get("litellm_params") for entry in _listed(told.get("model_list")) if isinstance(entry, dict)]
    return any(isinstance(entry, dict) and entry.get("model") == "*" for entry in entries)


def _models(groups: Mapping[str, Group], served: set[str], notes: Notes) -> Iterator[str]:
    """The tables of models; patterns behind names, and those first that say most."""
    for name, group in sorted(groups.items(), key=lambda one: len(one[0]) if "*" in one[0] else float("inf"), reverse=True):
        provider, slash, model = name.partition("/")
        is_reached = bool(slash and model) and provider in served
        if is_reached and (group.targets == [name] and group.timeout_s is None):
            continue  # the name leads there by itself
        if is_reached and ("*" in name or name not in group.targets):
            others = "" if group.targets[0] == name else f", so that this name cannot lead to {group.targets[0]}"
            reason = f"{name!r}: the provider {provider!r} is served by its name{others}"
            notes.lost(("model_list",), reason if others else f"{reason}; its fallbacks have no place")
            continue
        waits = {"first_token": group.timeout_s, "between_tokens": group.timeout_s} if group.timeout_s else None
        yield toml_table(("models", name), {"targets": group.targets, "timeouts": waits, "hidden": group.hidden or None})


def _keys(settings: Settings, notes: Notes) -> Iterator[str]:
    told = settings.get("master_key", _NOT_SET)
    key, place = text_of(told.value), told.place
    if key is None:
        return
    if "${" in key:
        yield toml_table(("keys", "admin"), {"key": key})
    else:
        yield toml_table(("keys", "admin"), {"hash": hash_of(key)})
        if len(key) < SHORTEST:
            notes.advice(place, "it is so short that it can be guessed; make a better one with `dragoman keys new`")
    notes.advice(place, "it is a caller's key here; [admin] has one of its own")


def _rest(settings: Settings) -> Iterator[str]:
    wait = seconds(settings.get("timeout", _NOT_SET).value) or seconds(settings.get("request_timeout", _NOT_SET).value)
    if wait is not None:
        yield toml_table(("timeouts",), {"first_token": wait, "between_tokens": wait})
    if settings.get("json_logs", _NOT_SET).value is True:
        yield toml_table(("log",), {"access": "json"})
