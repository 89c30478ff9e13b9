"""A vendor's own tools come back to the places at which they stood among the caller's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.own_tools import join_tools, places_to_tell

from .strategies import MODEST

OURS: list[Any] = [{"name": "a"}, {"name": "b"}]
OWN: list[Any] = [{"type": "search"}]


@MODEST
@given(st.lists(st.booleans(), max_size=6))
def test_tools_that_were_taken_apart_come_together_as_they_stood(is_own: list[bool]) -> None:
    tools: list[Any] = [{"place": place} for place in range(len(is_own))]
    places = [place for place, own in enumerate(is_own) if own]
    ours = [tool for tool, own in zip(tools, is_own, strict=True) if not own]
    assert join_tools(ours, [tools[place] for place in places], places_to_tell(places, len(tools))) == tools


@pytest.mark.parametrize("places", [None, [], [0, 1], ["0"], 0, {"0": 1}])
def test_places_that_do_not_fit_count_as_none(places: Any) -> None:
    assert join_tools(OURS, OWN, places) == OURS + OWN


@pytest.mark.parametrize("own", [None, {}, "search"])
def test_what_is_no_list_of_tools_is_none(own: Any) -> None:
    assert join_tools(OURS, own, [0]) == OURS


def test_last_places_are_not_told() -> None:
    assert places_to_tell([2, 3], 4) is None
    assert places_to_tell([1, 3], 4) == [1, 3]
