"""Coding agents, unchanged, at every upstream: a prompt, and a loop through their own tools that leaves a file behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dragoman.core.messages import Reasoning
from tests.gateway.stage import Stage

from .conftest import OWN_NAMES
from .running import AGENTS, run
from .scenario import ASK, DONE, RIVERS, SAID, SIGNATURE, SUM, prompt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a file for each river."""
    place = tmp_path / "rivers"
    place.mkdir()
    for river, length in RIVERS.items():
        (place / f"{river}.txt").write_text(f"LENGTH {length}\n")
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    return place


@pytest.mark.parametrize("name", AGENTS)
def test_a_prompt_is_answered(name: str, packages: Path, stage: Stage, model: str, folder: Path, tmp_path: Path) -> None:
    assert SAID in run(AGENTS[name], packages, tmp_path / "home", folder, stage.url, model, ASK)


@pytest.mark.parametrize("name", AGENTS)
def test_a_loop_through_its_own_tools(name: str, packages: Path, stage: Stage, model: str, folder: Path, tmp_path: Path) -> None:
    told = run(AGENTS[name], packages, tmp_path / "home", folder, stage.url, model, prompt(str(folder)))
    assert DONE in told
    assert (folder / "sum.txt").read_text() == SUM


def test_claude_gives_its_thoughts_back(packages: Path, stage: Stage, model: str, folder: Path, tmp_path: Path) -> None:
    """Signed, where the upstream's wire has a place for that: Anthropic refuses a loop of tools without them."""
    if model.partition("/")[0] not in ("anthropic", "bedrock"):
        return
    run(AGENTS["claude"], packages, tmp_path / "home", folder, stage.url, model, prompt(str(folder)))
    asked = stage.emulator.requests[-1].request
    assert asked is not None
    assert SIGNATURE in [part.signature for message in asked.messages for part in message.parts if isinstance(part, Reasoning)]


@pytest.mark.parametrize("own_name", OWN_NAMES)
def test_codex_as_it_asks_models_that_it_knows(
    own_name: str, packages: Path, stage: Stage, model: str, folder: Path, tmp_path: Path
) -> None:
    told = run(AGENTS["codex"], packages, tmp_path / "home", folder, stage.url, own_name, prompt(str(folder)))
    assert DONE in told
    assert (folder / "sum.txt").read_text() == SUM
    asked = stage.emulator.requests[-1].request
    assert asked is not None
    assert {tool.name for tool in asked.tools} & {"apply_patch", "exec"}
