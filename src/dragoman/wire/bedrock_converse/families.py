"""Bedrock Converse: what the models behind the one wire want each in its own way.

The wire has no field for how much a model may think or for ``top_k``; both go into ``additionalModelRequestFields`` as the model's maker
names them, and an effort also into ``outputConfig``. And not every model takes its reasoning back. A model that is not recognised by its
name (an account's own profile, say) gets only what the wire itself has a field for.

Documentation, read 2026-11-21: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html, …/model-parameters-openai.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import ReasoningOptions

Fields = tuple[JsonObject, JsonObject]
"""Fields of ``additionalModelRequestFields`` and of ``outputConfig``."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """The ways of one maker's models. ``decode`` takes what it reads out of the fields that it is given."""

    encode: Callable[[ReasoningOptions, list[str]], Fields]
    decode: Callable[[JsonObject, JsonObject], ReasoningOptions | None]
    top_k: tuple[str, ...] = ("top_k",)
    """Where ``top_k`` stands within the additional fields."""
    replay: Literal["any", "signed", "none"] = "any"
    """Which reasoning of earlier turns is taken back."""


def family(model: str) -> Family:
    """The family of ``model``, by its name."""
    return next((found for pattern, found in _FAMILIES if pattern.search(model)), _OTHERS)


def read_top_k(fields: JsonObject, path: tuple[str, ...]) -> int | None:
    """``top_k`` taken out of ``fields``, or ``None`` where it is not there."""
    name, rest = path[0], path[1:]
    inner = fields.get(name)
    if not rest:
        return fields.pop(name) if isinstance(inner, int) and not isinstance(inner, bool) else None
    if not isinstance(inner, dict):
        return None
    inner = fields[name] = dict(inner)
    found = read_top_k(inner, rest)
    if found is not None and not inner:
        del fields[name]
    return found


def top_k_at(value: int, path: tuple[str, ...]) -> JsonObject:
    """``value`` at its place."""
    told: Json = value
    for name in reversed(path):
        told = {name: told}
    return dict(told)


def _is_off(wanted: ReasoningOptions) -> bool:
    return wanted.enabled is False or (wanted.enabled is None and wanted.effort == "none")


def _effort(wanted: ReasoningOptions, words: dict[str, str], warnings: list[str]) -> str | None:
    effort = wanted.effort
    if effort is None or effort == "none":
        return None
    if effort in words:
        warnings.append(f"reasoning.effort: {effort!r} is not understood by this model, sent as {words[effort]!r}")
    return words.get(effort, effort)


def _left_out(wanted: ReasoningOptions, warnings: list[str], *names: str) -> None:
    warnings += [f"reasoning.{name}: not understood by this model, left out" for name in names if getattr(wanted, name) is not None]


def _told_effort(fields: JsonObject, name: str) -> str | None:
    return fields.pop(name) if isinstance(fields.get(name), str) else None


# --- Claude -----------------------------------------------------------------------------------------------------------------------------


def _encode_claude(wanted: ReasoningOptions, warnings: list[str]) -> Fields:
    """``budget_tokens`` is the older form; without one the model decides itself (``adaptive``)."""
    thinking: JsonObject = {}
    if _is_off(wanted):
        if wanted.budget_tokens is not None:
            warnings.append("reasoning.budget_tokens: thinking is switched off, left out")
        thinking = {"type": "disabled"}
    elif wanted.budget_tokens is not None:
        thinking = {"type": "enabled", "budget_tokens": wanted.budget_tokens}
    elif wanted.enabled:
        thinking = {"type": "adaptive"}
    if wanted.summary is not None:
        if thinking.get("type") in ("enabled", "adaptive"):
            thinking["display"] = "summarized"
        else:
            warnings.append("reasoning.summary: this wire has a place for it only with thinking switched on, left out")
    effort = _effort(wanted, {"minimal": "low"}, warnings)
    return ({"thinking": thinking} if thinking else {}), ({"effort": effort} if effort else {})


def _decode_claude(fields: JsonObject, output: JsonObject) -> ReasoningOptions | None:
    effort = _told_effort(output, "effort")
    thinking = dict(fields["thinking"]) if isinstance(fields.get("thinking"), dict) else {}
    kind, budget = thinking.pop("type", None), thinking.pop("budget_tokens", None)
    is_number = isinstance(budget, int) and not isinstance(budget, bool)
    if kind not in ("enabled", "adaptive", "disabled") or is_number != (kind == "enabled") or (budget is not None and not is_number):
        return None if effort is None else ReasoningOptions(effort=effort)
    is_shown = kind != "disabled" and thinking.get("display") == "summarized"
    if is_shown:
        del thinking["display"]
    if thinking:
        fields["thinking"] = thinking
    else:
        del fields["thinking"]
    return ReasoningOptions(effort=effort, budget_tokens=budget, enabled=kind != "disabled", summary="auto" if is_shown else None)


# --- Nova 2 -----------------------------------------------------------------------------------------------------------------------------

_NOVA_WORDS: Final = {"minimal": "low", "xhigh": "high", "max": "high"}


def _encode_nova(wanted: ReasoningOptions, warnings: list[str]) -> Fields:
    _left_out(wanted, warnings, "budget_tokens", "summary")
    if _is_off(wanted):
        return {"reasoningConfig": {"type": "disabled"}}, {}
    effort = _effort(wanted, _NOVA_WORDS, warnings)
    if effort is None and not wanted.enabled:
        return {}, {}
    told = {"type": "enabled"} if effort is None else {"type": "enabled", "maxReasoningEffort": effort}
    return {"reasoningConfig": told}, {}


def _decode_nova(fields: JsonObject, output: JsonObject) -> ReasoningOptions | None:
    told = fields.get("reasoningConfig")
    if not isinstance(told, dict) or not told.keys() <= {"type", "maxReasoningEffort"}:
        return None
    kind, effort = told.get("type"), told.get("maxReasoningEffort")
    if kind not in ("enabled", "disabled") or not (effort is None or (isinstance(effort, str) and kind == "enabled")):
        return None
    del fields["reasoningConfig"]
    return ReasoningOptions(effort=effort, enabled=kind == "enabled")


# --- gpt-oss ----------------------------------------------------------------------------------------------------------------------------


def _encode_gpt(wanted: ReasoningOptions, warnings: list[str]) -> Fields:
    _left_out(wanted, warnings, "budget_tokens", "summary")
    if _is_off(wanted):
        warnings.append("reasoning: this model cannot be told not to think, left out")
        return {}, {}
    effort = _effort(wanted, {"minimal": "low"}, warnings)
    return ({"reasoning_effort": effort} if effort else {}), {}


def _decode_gpt(fields: JsonObject, output: JsonObject) -> ReasoningOptions | None:
    effort = _told_effort(fields, "reasoning_effort")
    return None if effort is None else ReasoningOptions(effort=effort)


# --- all others -------------------------------------------------------------------------------------------------------------------------


def _encode_other(wanted: ReasoningOptions, warnings: list[str]) -> Fields:
    _left_out(wanted, warnings, "budget_tokens", "enabled", "summary")
    if wanted.effort == "none":
        warnings.append("reasoning.effort: not understood by this model, left out")
    effort = _effort(wanted, {}, warnings)
    return {}, ({"effort": effort} if effort else {})


def _decode_other(fields: JsonObject, output: JsonObject) -> ReasoningOptions | None:
    effort = _told_effort(output, "effort")
    return None if effort is None else ReasoningOptions(effort=effort)


_OTHERS: Final = Family(encode=_encode_other, decode=_decode_other)
_FAMILIES: Final = (
    (re.compile("anthropic|claude"), Family(encode=_encode_claude, decode=_decode_claude, replay="signed")),
    (re.compile(r"amazon\.nova"), Family(encode=_encode_nova, decode=_decode_nova, top_k=("inferenceConfig", "topK"))),
    (re.compile(r"openai\."), Family(encode=_encode_gpt, decode=_decode_gpt)),
    (re.compile("deepseek"), Family(encode=_encode_other, decode=_decode_other, replay="none")),
    (re.compile(r"cohere\."), Family(encode=_encode_other, decode=_decode_other, top_k=("k",))),
)
"""By a pattern in the name of a model, an inference profile or an ARN of either; the first that fits holds."""
