"""Tests against recorded traffic are run where there is any; where there is none, one skipped test says so for them all."""

from __future__ import annotations

import pytest

from tests.conformance.recordings import FOLDER


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "recorded: needs recorded traffic, see tests/conformance/recordings.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = [] if FOLDER.is_dir() else [item for item in items if item.get_closest_marker("recorded")]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in set(absent)]
