"""Where there are no recordings, one skipped test says so, and the others are not collected."""

from __future__ import annotations

from . import recordings

collect_ignore_glob = [] if recordings.FOLDER.is_dir() else ["test_recorded_*.py"]
