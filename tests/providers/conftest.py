"""All legacy providers emulated, their addresses in the environment as a user would put them there, and nothing else in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dragoman.emulator import Answer, Emulator
from dragoman.providers import Equing, Gravityengine, Lockchat, Raycast
from dragoman.testing import EmulatorFactory, dragoman_emulator

__all__ = ["dragoman_emulator"]

MODELS = {Raycast: "gpt-4", Lockchat: "gpt-4", Gravityengine: "gpt-3.5-turbo-16k", Equing: "gpt-3.5-turbo"}
"""One that each of them has."""
NAMES = ("raycast", "lockchat", "gravityengine", "equing")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, proxy or row of the user's own."""
    for name in list(os.environ):
        if name.upper().endswith(("_PROXY", "_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DRAGOMAN_HOME", str(tmp_path))


def told_to_the_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """``RAYCAST_BASE_URL`` and its like lead to ``emulator``."""
    for mount in emulator.mounts:
        monkeypatch.setenv(f"{mount.name.upper()}_BASE_URL", emulator.url(mount.name))
    return emulator


@pytest.fixture
def emulator(dragoman_emulator: EmulatorFactory, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Says back what was said."""
    return told_to_the_environment(dragoman_emulator(NAMES), monkeypatch)


@pytest.fixture
def storyteller(dragoman_emulator: EmulatorFactory, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Says the same thing to everybody."""
    return told_to_the_environment(dragoman_emulator(NAMES, scenario=Answer(text="I am fine, thank you.")), monkeypatch)
