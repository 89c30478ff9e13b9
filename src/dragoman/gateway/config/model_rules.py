"""Whether ``[models]`` leads anywhere, and whether each name in it can be reached.

A caller's name is looked for among the exact names, then as ``provider/model``, then among the patterns in the file's order; so a name can
stand in another's way.
"""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UnknownModel
from dragoman.gateway.config.case import Case
from dragoman.gateway.config.form import Fault
from dragoman.gateway.config.tables import KeyTable, ModelTable, WaitsTable


def model_rules(case: Case) -> Iterator[Fault]:
    """All faults of models and their targets."""
    for name, table in case.config.models.items():
        if case.is_sound("models", name, "targets"):
            yield from _targets(case, name, table)
        yield from _reach(case, name, table)
    yield from _covered(list(case.config.models))
    for name, key in case.config.keys.items():
        yield from _allowed(case, name, key)


def _targets(case: Case, name: str, table: ModelTable) -> Iterator[Fault]:
    if not table.targets:
        yield Fault(("models", name, "targets"), "it is empty; at least one provider/model is expected")
    seen: dict[str, int] = {}
    for at, target in enumerate(table.targets):
        fault = _target(case, target, is_pattern="*" in name)
        first = seen.setdefault(target, at)
        if first != at:
            fault = f"{target!r} was given twice, first as targets[{first}]; it would be tried no better again"
        if fault:
            yield Fault(("models", name, "targets", at), fault)


def _target(case: Case, target: str, *, is_pattern: bool) -> str | None:
    provider, slash, model = target.partition("/")
    if not slash or not provider:
        return f"{target!r} was given; provider/model is expected, {_guess(case, target)}"
    if target.count("*") > is_pattern:
        return (
            f"{target!r} was given; {'one * at most is' if is_pattern else 'no * is, as there is none in the name of the model,'} allowed"
        )
    if "*" in provider:
        return f"{target!r} was given; a * can stand in the model's name only, not in the provider's"
    if case.row(provider) is None and not case.says("providers", provider):
        return f"provider {provider!r} is not known; {nearest(provider, case.catalogue.names())}"
    return _not_served(case, provider) or (None if "*" in model else _refused(case, target))


def _not_served(case: Case, provider: str) -> str | None:
    if case.says("providers", provider) or provider in case.config.providers:
        return None
    if not case.discovers:
        return f"provider {provider!r} is not served; add [providers.{provider}]"
    row = case.row(provider)
    return None if row and row.local else case.lacks(provider)


def _refused(case: Case, target: str) -> str | None:
    """What is wrong with the model's name, where the provider's list is closed or it is missing."""
    try:
        if case.row(target.partition("/")[0]):
            case.catalogue.resolve(target)
    except UnknownModel as fault:
        return fault.message.removeprefix("model: ")
    return None


def _guess(case: Case, target: str) -> str:
    """A provider for a name that has none; or that it is another name of the file's."""
    if target in case.config.models:
        return f"and {target!r} is a name of this file; write its targets here"
    try:
        case.catalogue.resolve(target)
    except UnknownModel as fault:
        return fault.message.rpartition("is expected, ")[2]
    return ""


def _reach(case: Case, name: str, table: ModelTable) -> Iterator[Fault]:
    """Faults of the name itself, and of where it stands to the names of providers."""
    place = ("models", name)
    provider, slash, model = name.partition("/")
    if not name.strip() or name.count("*") > 1:
        yield Fault(place, f"{name!r} is no name of a model; a text with one * at most is expected")
    elif slash and model and "*" not in provider and case.is_served(provider):
        if "*" in name:
            yield Fault(place, f"never reached: {provider!r} is served, so that its models' names lead there themselves; take another name")
        elif table.targets == (name,) and table.timeouts == WaitsTable():
            yield Fault(place, "leads to itself, as the name does without it; leave it out")
        elif name not in table.targets and case.is_sound(*place, "targets"):
            yield Fault(
                place, f"hides the model of this name of {provider!r}, which is served; take another name, or put it among the targets"
            )


def _covered(names: list[str]) -> Iterator[Fault]:
    """Patterns that stand behind one that takes all that they would."""
    patterns = [name for name in names if name.count("*") == 1]
    for at, pattern in enumerate(patterns):
        before = next((other for other in patterns[:at] if _covers(other, pattern)), None)
        if before is not None:
            yield Fault(("models", pattern), f"never reached: {before!r} stands before it and takes all that it would; put this one first")


def _covers(pattern: str, other: str) -> bool:
    """Whether ``pattern``, which has one ``*``, takes every name that ``other`` takes, which may have one too."""
    (begin, _, end), (other_begin, star, other_end) = pattern.partition("*"), other.partition("*")
    if not star:
        return other.startswith(begin) and other.endswith(end) and len(other) >= len(begin) + len(end)
    return other_begin.startswith(begin) and other_end.endswith(end)


def _allowed(case: Case, name: str, key: KeyTable) -> Iterator[Fault]:
    """Models that a key is for, and that nobody could get by that name."""
    for at, model in enumerate(key.models):
        if "*" not in model and not case.discovers and not _is_name(case, model):
            known = [*case.config.models, *_listed(case)]
            yield Fault(("keys", name, "models", at), f"{model!r} is no name of a model that is served here; {nearest(model, known)}")


def _is_name(case: Case, model: str) -> bool:
    """Whether callers get something by this name: one of the file's own, a provider's, or a model's own."""
    own = case.config.models
    is_own = model in own or any(_covers(pattern, model) for pattern in own if pattern.count("*") == 1)
    provider, slash, _ = model.partition("/")
    return is_own or bool(slash and case.is_served(provider)) or any(listed.partition("/")[2] == model for listed in _listed(case))


def _listed(case: Case) -> Iterator[str]:
    """The models that are known of the file's providers, as ``provider/model``."""
    for provider, table in case.config.providers.items():
        known = [model.name for model in case.catalogue.models(provider)] if case.row(provider) else []
        yield from (f"{provider}/{model}" for model in table.models or known)
