"""An emulated provider for the command to talk to, and an environment in which nothing else is set up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.request import Request
from dragoman.emulator import Answer, Emulator
from dragoman.emulator.scenario import last_user_text

SECRET = "sk-never-to-be-seen-4711"
NOWHERE = "http://127.0.0.1:9/v1"
SLOW = " ".join(f"word{n}" for n in range(400))
MARKDOWN = "# Rivers\n\n- the **Nile**\n- the Danube\n\nThat is `all`."


def speak(request: Request) -> Answer:
    """The emulated model."""
    question = last_user_text(request)
    if question == "slow":
        return Answer(text=SLOW)
    if question == "markdown":
        return Answer(text=MARKDOWN, reasoning="Let me think of rivers.")
    if question == "how many":
        return Answer(text=f"{len(request.messages)} messages")
    if question == "hostile":
        return Answer(text="before\x1b]0;owned\x07\x1b[2Jafter")
    return Answer(text=f"You said: {question}")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator(["openai", "raycast"], scenario=speak, tokens_per_second=100) as running:
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which no provider is set up; no server of this machine is found on its customary port, no metadata is asked."""
    folder = str(tmp_path)
    path = str(Path(sys.executable).parent)
    hidden = {variable: NOWHERE for row in Catalogue() if row.local for variable in row.base_url_variables}
    return {
        **hidden,
        "PATH": path,
        "HOME": folder,
        "DRAGOMAN_HOME": f"{folder}/home",
        "XDG_STATE_HOME": f"{folder}/state",
        "PYTHONUTF8": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_GCE_CHECK": "true",
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    }


@pytest.fixture
def around(bare: dict[str, str], emulator: Emulator) -> dict[str, str]:
    """An environment in which OpenAI is set up, and emulated."""
    return {**bare, "OPENAI_BASE_URL": emulator.url("openai"), "OPENAI_API_KEY": SECRET}
