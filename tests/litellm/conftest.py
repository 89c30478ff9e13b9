"""Installs LiteLLM in a virtual environment of its own. ``DRAGOMAN_CLIENTS=1``, or naming this folder, runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any, Final

import pytest

from tests.gateway.clients.conftest import UPSTREAMS
from tests.gateway.clients.play import LOOP, RESULTS, TOOLS, play
from tests.gateway.stage import Stage

HERE: Final = Path(__file__).parent
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-clients" / "litellm"
LITELLM: Final = "litellm==1.106.2"
MCP: Final = "mcp>=1.20"
"""LiteLLM imports it wherever tools are offered, and does not ask for it."""
PATIENCE_S: Final = 300


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out unless asked for."""
    asked = os.environ.get("DRAGOMAN_CLIENTS") or any("tests/litellm" in given for given in config.args)
    return None if asked else True


def installed() -> str:
    """The interpreter that has LiteLLM."""
    python, done = CACHE / "bin" / "python", CACHE / LITELLM
    if not done.exists():
        try:
            venv.create(CACHE, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", LITELLM, MCP], check=True, capture_output=True, timeout=PATIENCE_S)
        except (OSError, subprocess.SubprocessError) as fault:
            pytest.skip(f"LiteLLM cannot be installed: {fault}")
        done.touch()
    return str(python)


@pytest.fixture(scope="session")
def told() -> dict[str, Any]:
    """What LiteLLM gave for each case of ``asks.py``; it takes seconds to be imported, so all are asked in one run."""
    tools = [
        {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
        for tool in TOOLS
    ]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
    with Stage(UPSTREAMS, {"max_retries": 0}, scenario=play) as stage:
        given = json.dumps({"url": stage.url, "tools": tools, "loop": LOOP, "results": RESULTS})
        done = subprocess.run(
            [installed(), str(HERE / "asks.py")], input=given, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made
