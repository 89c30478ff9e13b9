"""Every example of the guides to the library runs as it is written, against emulated providers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.request import Request
from dragoman.emulator import Answer, Emulator, tool_call
from dragoman.testing import EmulatorFactory

PROVIDERS = ["openai", "cohere", "anthropic"]
GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
RHINE = {"name": "Rhine", "length_km": 1233, "countries": ["CH", "NL"]}
VALUES = {"River": RHINE, "answer": {"value": [RHINE]}, "Advice": {"city": "Oslo", "take_umbrella": False}}
"""By the schema's title."""


def blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (GUIDES / f"{name}.md").read_text(encoding="utf-8"), re.M | re.S)


def scenario(request: Request) -> Answer:
    """A model that calls the first tool once, keeps to a schema, and else says what it was asked."""
    asked = next(message for message in reversed(request.messages) if message.role == "user")
    if request.tools and request.messages[-1].role == "user":
        return Answer(tool_calls=[tool_call(request.tools[0].name, {"city": "Oslo"})])
    if request.response_format and request.response_format.schema:
        return Answer(text=json.dumps(VALUES[request.response_format.schema["title"]]))
    return Answer(text=asked.text)


def run(code: str, folder: Path, emulator: Emulator) -> str:
    rows = [Catalogue().provider(name) for name in PROVIDERS]
    set_up = {row.base_url_variables[0]: emulator.url(row.name) for row in rows}
    keys = {row.auth.variables[0]: "sk-of-a-reader" for row in rows}
    environment = os.environ | set_up | keys | {"DRAGOMAN_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


GUIDES_RUN: list[tuple[str, list[str]]] = [
    ("tools", ["How is the weather in Oslo?", "And in Bergen?", "False {", "How is the weather in Oslo?", "How warm is Oslo?"]),
    ("structured-output", ["Rhine 1233.0", "['Rhine']"]),
    (
        "streaming",
        ["Name three rivers.", "stop", "Count to three.", "Tell", "Tell", "one", "Tell me a story.", "And another.", "Say it in chunks."],
    ),
    ("other-services", ["2 4", "1 ", "heard: ", "False", "5", "['gpt-4.1']"]),
    ("attachments", ["What is this?", "Which is larger?", "Once more: what is it?"]),
]
"""What each guide's examples say, line by line, as the emulated providers echo."""


def test_every_guide_is_run_by_a_test() -> None:
    elsewhere = {"emulator", "run-the-gateway", "configure-the-gateway", "move-from-litellm"}  # tests/emulator, tests/gateway
    elsewhere |= {"cloud-credentials", "coding-agents"}  # test_cloud_guide.py, tests/gateway/test_cloud_targets.py; tests/agents
    assert {path.stem for path in GUIDES.glob("*.md")} == {name for name, _ in GUIDES_RUN} | elsewhere


@pytest.mark.parametrize(("name", "said"), GUIDES_RUN)
def test_the_examples_of_a_guide_run_one_after_another(
    dragoman_emulator: EmulatorFactory, tmp_path: Path, name: str, said: list[str]
) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    emulator = dragoman_emulator(PROVIDERS, scenario=scenario)
    lines = run("\n".join(blocks(name)), tmp_path, emulator).splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(words) for line, words in zip(lines, said, strict=True)), lines
