"""The ``llm`` command against the gateway, configured as its manual says: a file of models with OpenAI's form of API.

Source: https://llm.datasette.io/en/stable/other-models.html#openai-compatible-models, read 2026-11-21.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.gateway.stage import Stage

from .play import RIVER

UPSTREAMS: Final = {"gpt": "openai/gpt-4.1", "claude": "anthropic/claude-sonnet-4-5", "gemini": "gemini/gemini-2.5-flash"}
MODEL: Final = """\
- model_id: {name}
  model_name: {model}
  api_base: "{url}/v1"
  supports_tools: true
  supports_schema: true
"""
CLOCK: Final = '''\
def clock(zone: str) -> str:
    """The time of a zone."""
    return "12:05"
'''


@pytest.fixture
def llm(stage: Stage, tmp_path: Path) -> Any:
    """Runs the command and gives what it prints."""
    told = "".join(MODEL.format(name=name, model=model, url=stage.url) for name, model in UPSTREAMS.items())
    (tmp_path / "extra-openai-models.yaml").write_text(told)
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path), "OPENAI_API_KEY": "any-key", "NO_PROXY": "127.0.0.1"}

    def run(*arguments: str) -> str:
        given = [sys.executable, "-m", "llm", *arguments]
        done = subprocess.run(given, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("name", ["gpt", "claude"])
def test_a_prompt_streamed(llm: Any, name: str) -> None:
    assert llm("prompt", "-m", name, "Name three rivers.") == "Name three rivers.\n"


def test_a_prompt_whole_with_a_system_prompt(llm: Any, stage: Stage) -> None:
    assert llm("prompt", "-m", "claude", "--no-stream", "-s", "Be brief.", "Name three rivers.") == "Name three rivers.\n"
    asked = stage.emulator.requests[-1].request
    assert asked is not None
    assert [message.text for message in asked.messages] == ["Be brief.", "Name three rivers."]


def test_tools_are_called_and_their_results_go_back(llm: Any) -> None:
    assert llm("prompt", "-m", "gemini", "--functions", CLOCK, 'call:clock {"zone":"Europe/Berlin"}').strip().endswith("12:05")


def test_an_answer_by_a_schema(llm: Any) -> None:
    assert json.loads(llm("prompt", "-m", "claude", "--schema", "name, length_km int", "Which?")) == RIVER
