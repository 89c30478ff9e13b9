"""Whether the recordings can be read here."""

from __future__ import annotations

import pytest

from . import recordings


def test_recordings_are_at_hand() -> None:
    if not recordings.FOLDER.is_dir():
        pytest.skip(recordings.ABSENT)
    assert len(recordings.recordings("*.chat.stream")) > 50
    assert len(recordings.recordings("*.chat.json")) > 200
    assert len(recordings.recordings("*.chat.errors")) > 3
