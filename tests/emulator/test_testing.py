"""The pytest plugin, as a user's own project meets it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import dragoman
import dragoman.testing
from dragoman.emulator import Answer, Emulator, Fault

SOURCE = Path(dragoman.__file__).parents[1]


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=50, check=False)


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    assert dragoman.testing.__doc__
    example = dragoman.testing.__doc__.split("::\n", 1)[1].split("\nIt takes", 1)[0]
    (tmp_path / "test_example.py").write_text(textwrap.dedent(example), encoding="utf-8")

    told = _run("-m", "pytest", "-q", "-p", "dragoman.testing", "-W", "error", cwd=tmp_path)

    assert "1 passed" in told.stdout, told.stdout + told.stderr


def test_all_emulators_of_a_test_are_closed_at_its_end(tmp_path: Path) -> None:
    code = """
        import socket
        import pytest

        PORTS = []

        def test_makes_two(dragoman_emulator):
            PORTS.extend(dragoman_emulator(name).port for name in ("openai", "raycast"))

        @pytest.mark.parametrize("at", [0, 1])
        def test_they_are_gone(at):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", PORTS[at]))
    """
    (tmp_path / "test_closing.py").write_text(textwrap.dedent(code), encoding="utf-8")

    told = _run("-m", "pytest", "-q", "-p", "dragoman.testing", "-W", "error", cwd=tmp_path)

    assert "3 passed" in told.stdout, told.stdout + told.stderr


def test_importing_the_plugin_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, pytest; before = set(sys.modules); import dragoman.testing; print(*sorted(set(sys.modules) - before))"

    told = _run("-c", code, cwd=tmp_path)

    loaded = told.stdout.split()
    assert "dragoman.testing" in loaded, told.stderr
    heavy = ("msgspec", "httptools", "asyncio", "dragoman.core", "dragoman.wire", "dragoman.catalogue", "dragoman.emulator")
    assert not [name for name in loaded if name.startswith(heavy)]


def test_what_users_need_is_had_from_the_plugin_module() -> None:
    assert (dragoman.testing.Answer, dragoman.testing.Emulator, dragoman.testing.Fault) == (Answer, Emulator, Fault)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dragoman.testing.Nothing  # noqa: B018
