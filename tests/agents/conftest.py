"""Installs the agents. ``DRAGOMAN_AGENTS=1``, or naming this folder, runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.exchange import Call
from dragoman.gateway.telemetry.records import Record
from tests.gateway.stage import Stage

from .scenario import scenario

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-clients" / "agents"
PATIENCE_S: Final = 900
KEY: Final = "a-key-of-the-agents-tests"
UPSTREAMS: Final = {
    "openai": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "together_ai": "openai/gpt-oss-120b",
}
OWN_NAMES: Final = ("gpt-5.5", "gpt-6-sol")
"""Models that Codex knows: to one it gives a tool of free text, to the other one tool for programs, brought along in the input."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out unless asked for: the agents are 800 MB."""
    asked = os.environ.get("DRAGOMAN_AGENTS") or any("tests/agents" in given for given in config.args)
    return None if asked else True


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the agents' packages."""
    made = subprocess.run(
        [ROOT / "scripts" / "install-npm.sh", HERE / "package.json", CACHE], capture_output=True, timeout=PATIENCE_S, check=False
    )
    if made.returncode or not shutil.which("git"):
        pytest.skip(f"the agents cannot be installed: {made.stderr.decode()[-500:]}")
    return CACHE / "node_modules"


@pytest.fixture(scope="module", params=UPSTREAMS)
def model(request: pytest.FixtureRequest) -> str:
    """One model of each upstream: each wire, and a host of OpenAI's chat that has no responses of its own."""
    return f"{request.param}/{UPSTREAMS[request.param]}"


@pytest.fixture(scope="module")
def stage(model: str) -> Iterator[Stage]:
    """A gateway that wants a key, where the names that Codex knows lead to ``model``."""
    names = {name: {"targets": [model]} for name in OWN_NAMES}
    config = {"max_retries": 0, "keys": {"agents": {"key": KEY}}, "models": names}
    with Stage(tuple(UPSTREAMS), config, scenario=scenario) as running:
        refused = Refused()
        gateway = running.application.gateway
        gateway.observers = (*gateway.observers, refused)
        yield running
    assert not refused.told


class Refused:
    """Every request of an agent's that was not served, but for the tokens that an upstream cannot count."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def began(self, record: Record, call: Call) -> None:
        pass

    def answering(self, record: Record) -> None:
        pass

    def ended(self, record: Record) -> None:
        if record.error is not None and record.does != "count_tokens":
            self.told.append(f"{record.face} {record.does} {record.model}: {record.error}")
