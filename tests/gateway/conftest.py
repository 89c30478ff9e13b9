from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import bare as bare
from tests.gateway.process import Serving
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


@pytest.fixture
def make_serving(bare: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """A factory of processes that serve a file, see ``Serving``; all have ended when the test ends."""
    with ExitStack() as running:

        def make(file: str | None, *arguments: str, **environment: str) -> Serving:
            if file is not None:
                (tmp_path / "dragoman.toml").write_text(file)
            given = ("--port", "0", *(() if file is None else ("--config", str(tmp_path / "dragoman.toml"))), *arguments)
            temporary = running.enter_context(tempfile.TemporaryDirectory(prefix="t-"))  # short: sockets stand in it
            return running.enter_context(Serving(given, {**bare, **environment}, Path(temporary)))

        yield make
