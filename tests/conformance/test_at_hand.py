"""Whether the recordings can be read here, and what is said where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import recordings


def test_recordings_are_at_hand() -> None:
    if not recordings.FOLDER.is_dir():
        pytest.skip(recordings.ABSENT)
    assert len(recordings.recordings("*.chat.stream")) > 50
    assert len(recordings.recordings("*.chat.json")) > 200
    assert len(recordings.recordings("*.chat.errors")) > 3


def test_without_recordings_one_test_is_skipped_and_says_so_and_the_others_are_not_run(tmp_path: Path) -> None:
    environment = os.environ | {"DRAGOMAN_CASSETTES": str(tmp_path / "absent"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    asked = ["tests/conformance", "-k", "recorded or recordings_are_at_hand"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", *asked],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.count("SKIPPED")) == (0, 1), done.stdout
    assert f"no recordings in {tmp_path / 'absent'}" in done.stdout
    assert "1 skipped" in done.stdout
