"""Runs the clients' tests against a gateway over emulated providers: ``python -m tests.npm FOLDER [more of node's arguments]``.

``FOLDER`` holds the installed packages; the tests are copied there, because node looks for packages beside the file that wants them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.gateway.stage import Stage
from tests.npm.scenario import scenario

HERE: Final = Path(__file__).parent
MODELS: Final = {
    "openai": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "cohere": "command-a-03-2025",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "together_ai": "openai/gpt-oss-120b",
}
"""One model of each upstream: each wire, and a host of OpenAI's chat that has no responses of its own."""
KEY: Final = "a-key-of-the-clients-tests"
PATIENCE_S: Final = 60
"""A case that takes longer hangs."""
REPORTER: Final = ("--test-reporter=./summary.mjs", "--test-reporter-destination=stdout")


def main(folder: Path, *options: str) -> int:
    """Node's exit code."""
    tests = _copied(folder)
    with _stage() as stage, _stage(keys={"clients": {"key": KEY}}) as locked:
        told = {"url": stage.url, "locked": locked.url, "key": KEY, "models": {name: f"{name}/{model}" for name, model in MODELS.items()}}
        environment = {**os.environ, "DRAGOMAN_STAGE": json.dumps(told)}
        command = ["node", "--test", f"--test-timeout={PATIENCE_S * 1000}", *REPORTER, *options, *tests]
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


def _copied(folder: Path) -> list[str]:
    """The names of the files with tests, all files being where the packages are."""
    for stale in folder.glob("*.mjs"):
        stale.unlink()
    for source in HERE.glob("*.mjs"):
        shutil.copy(source, folder)
    return sorted(path.name for path in folder.glob("*.test.mjs"))


def _stage(**config: Any) -> Stage:
    return Stage(tuple(MODELS), {"max_retries": 0, **config}, scenario=scenario)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), *sys.argv[2:]))
