"""Requests through every dialect, and through every dialect into every other: the table of features holds, and nothing else changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Unsupported
from dragoman.core.request import Request
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE

from .features import FEATURES, Asked, build, transcript
from .table import CARRIED, CELLS, DIALECTS, GIVES_WAY, MADE, MARKS, MODELS, MOOT, QUIET, REASONS, REFUSED, WARNED

PAIRS = [pytest.param(one, other, id=f"{one}-{other}") for one in DIALECTS for other in DIALECTS if one != other]
settings.register_profile("pairs", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
MODEST = settings(settings.get_profile("pairs"), max_examples=15)
THOROUGH = settings(settings.get_profile("pairs"), max_examples=80)


@st.composite
def wishes(draw: st.DrawFn) -> Asked:
    """Several features at once, each with one of its values."""
    names = draw(st.lists(st.sampled_from(list(FEATURES)), max_size=9, unique=True))
    return {name: draw(st.sampled_from(list(FEATURES[name].values))) for name in names}


def through(name: str, request: Request) -> tuple[Request, tuple[str, ...]]:
    """What the dialect's server role reads of what its client role wrote, and the warnings. Raises ``Unsupported``."""
    request = msgspec.structs.replace(request, model=MODELS.get(name, request.model))
    call = dialect(name).encode_request(request, NONE)
    return dialect(name).decode_request(call, NONE), call.warnings


def names_one(warnings: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return any(word in warning.lower() for warning in warnings for word in words)


def outcome(name: str, feature: str, before: Request, after: Request, warnings: tuple[str, ...]) -> str:
    asked, found = FEATURES[feature].see(before), FEATURES[feature].see(after)
    if found == asked or ((feature, name) in MADE and isinstance(found, list) and all(one in found for one in asked)):
        return CARRIED
    return WARNED if names_one(warnings, FEATURES[feature].words) else QUIET


def hold(name: str, before: Request, after: Request, warnings: tuple[str, ...]) -> None:
    """Every feature of ``before`` is in ``after``, or the table says how it is told; nothing is there that was not asked."""
    assert transcript(after) == transcript(before)
    for feature, cells in CELLS.items():
        asked, found = FEATURES[feature].see(before), FEATURES[feature].see(after)
        case = (feature, name)
        if not asked:
            assert not found or case in MADE, f"{case}: {found!r} was never asked for"
            continue
        seen = outcome(name, feature, before, after, warnings)
        if case in MOOT and not found:
            continue
        allowed = {CARRIED, cells[name], *((WARNED,) if case in GIVES_WAY or case in REASONS else ())}
        assert seen in allowed, f"{case}: asked {asked!r}, came as {found!r}, warnings {warnings}"


def without_refused(name: str, asked: Asked) -> Asked:
    return {feature: value for feature, value in asked.items() if CELLS[feature][name] != REFUSED}


def test_every_dialect_and_every_feature_is_in_the_table() -> None:
    assert set(DIALECTS) == set(NAMES)
    assert list(CELLS) == list(FEATURES)
    assert {mark for cells in CELLS.values() for mark in cells.values()} <= set(MARKS)
    quiet = {(feature, name) for feature, cells in CELLS.items() for name, mark in cells.items() if mark == QUIET}
    assert quiet == set(REASONS), "what is said otherwise without a word needs its reason"


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("feature", list(FEATURES))
def test_feature_by_itself_is_told_as_the_table_says(feature: str, name: str) -> None:
    for value in FEATURES[feature].values:
        request = build({feature: value})
        assert FEATURES[feature].see(request), "a feature that is asked is seen"
        if CELLS[feature][name] == REFUSED:
            with pytest.raises(Unsupported, match="messages"):
                through(name, request)
            continue
        after, warnings = through(name, request)
        assert outcome(name, feature, request, after, warnings) == CELLS[feature][name], (FEATURES[feature].see(after), warnings)
        hold(name, request, after, warnings)


@pytest.mark.parametrize("name", DIALECTS)
@THOROUGH
@given(asked=wishes())
def test_features_together_are_told_as_each_by_itself(name: str, asked: Asked) -> None:
    kept = without_refused(name, asked)
    if kept != asked:
        with pytest.raises(Unsupported):
            through(name, build(asked))
    request = build(kept)
    hold(name, request, *through(name, request))


@pytest.mark.parametrize(("one", "other"), PAIRS)
@MODEST
@given(asked=wishes())
def test_request_goes_through_one_dialect_into_another(one: str, other: str, asked: Asked) -> None:
    asked = without_refused(one, asked)
    kept = without_refused(other, asked)
    if any(CELLS[feature][one] == CARRIED for feature in asked if feature not in kept):
        with pytest.raises(Unsupported):
            through(other, through(one, build(asked))[0])
    request = build(kept)
    between, first_warnings = through(one, request)
    after, warnings = through(other, between)
    hold(one, request, between, first_warnings)
    hold(other, between, after, warnings)
    both = [feature for feature, cells in CELLS.items() if cells[one] == cells[other] == CARRIED]
    for feature in both:
        asked_for, found = FEATURES[feature].see(request), FEATURES[feature].see(after)
        lost = any((feature, name) in GIVES_WAY or (feature, name) in MOOT for name in (one, other))
        assert found == asked_for or (lost and not found) or is_made(feature, one, other), (feature, asked_for, found)


def is_made(feature: str, *names: str) -> bool:
    return any((feature, name) in MADE for name in names)


@pytest.mark.parametrize(("one", "other"), PAIRS)
@MODEST
@given(asked=wishes())
def test_no_warning_without_a_cause(one: str, other: str, asked: Asked) -> None:
    """What comes from one dialect brings no warnings about words that only that dialect needed."""
    carried: dict[str, Any] = {
        feature: value for feature, value in asked.items() if CELLS[feature][one] == CELLS[feature][other] == CARRIED
    }
    _, warnings = through(other, through(one, build(carried))[0])
    made = [word for feature, name in MADE if name == one for word in FEATURES[feature].words]
    assert [warning for warning in warnings if not names_one((warning,), tuple(made))] == []
