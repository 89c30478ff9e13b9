"""Fixtures: every driver, and real servers from Debian's packages."""

from __future__ import annotations

import pytest

from .colours import COLOURS, Colour


@pytest.fixture(params=list(COLOURS))
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return COLOURS[request.param]
