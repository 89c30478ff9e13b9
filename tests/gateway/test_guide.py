"""What the guide to running the gateway shows is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from dragoman.core.exchange import Timeouts
from dragoman.gateway.waits import asked_waits
from tests.gateway.stage import Stage

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "run-the-gateway.md").read_text("utf-8")


def test_the_example_of_an_application_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (tmp_path / "dragoman.toml").write_text('[providers.openai]\nkey = "sk-of-a-reader"\n')
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_waits_that_it_shows_are_understood() -> None:
    told = re.findall(r"`x-dragoman-timeout: ([^`]+)`", PAGE)
    assert asked_waits({"x-dragoman-timeout": told[0]}, Timeouts()).total_s == 30
    named = asked_waits({"x-dragoman-timeout": told[1]}, Timeouts())
    assert (named.connect_s, named.first_byte_s, named.between_bytes_s, named.total_s) == (2, 20, 10, 120)


@pytest.mark.parametrize(
    "field", [*re.findall(r"`(x-dragoman-\w+)`,", PAGE), "x-dragoman-target", "x-dragoman-attempts", "x-dragoman-cost"]
)
def test_the_headers_that_it_names_are_sent(stage: Stage, field: str) -> None:
    body = {"model": "openai/gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}
    assert field in httpx.post(f"{stage.url}/v1/chat/completions", json=body).headers


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/"])
def test_the_paths_that_it_names_are_there(stage: Stage, path: str) -> None:
    assert path in PAGE
    assert httpx.get(stage.url + path).status_code == 200
