"""The example of the guide to clouds' credentials runs as it is written, against a cloud on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.library.aws_cloud import serving
from tests.library.cloud import WORDS
from tests.library.test_aws_credentials import KEPT, KEYS, surroundings
from tests.library.test_how_to import blocks


def test_the_example_of_the_guide_runs(tmp_path: Path) -> None:
    (code,) = blocks("cloud-credentials")
    with serving() as aws:
        environment = surroundings(aws, tmp_path, KEYS, "", f"[production]\n{KEPT}")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.stderr, done.stdout.splitlines()) == ("", [WORDS, WORDS])
    assert [aws.signed_by[0][0], aws.wanted[0].form["RoleArn"]] == ["AKIATWO", "arn:aws:iam::123456789012:role/models"]
