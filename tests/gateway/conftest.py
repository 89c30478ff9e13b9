from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.gateway.stage import Stage


@pytest.fixture
def make_stage() -> Iterator[Any]:
    """A factory of stages, see ``Stage``; all are closed when the test ends."""
    with ExitStack() as running:
        yield lambda *given, **options: running.enter_context(Stage(*given, **options))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Every provider, with the defaults, for the tests of one module."""
    with Stage() as running:
        yield running
