"""The agents as their users run them without a terminal: the command of each, and what the guide says of environment and files.

Sources, read 2026-11-21: https://code.claude.com/docs/en/settings, https://developers.openai.com/codex/config-reference,
https://geminicli.com/docs/reference/configuration, https://qwenlm.github.io/qwen-code-docs/en/users/configuration/settings.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from .conftest import KEY

GUIDE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "coding-agents.md"
PATIENCE_S: Final = 120


class Agent(msgspec.Struct, frozen=True):
    """How one is run. ``command`` takes the folder of packages, a model and a prompt."""

    command: Callable[[Path, str, str], list[str]]
    environment: Callable[[str], Mapping[str, str]]
    files: Callable[[str], Mapping[str, str]]
    """What stands in the user's own folder, for a gateway at an address."""


def run(agent: Agent, packages: Path, home: Path, folder: Path, url: str, model: str, prompt: str) -> str:
    """What the agent says in the end, run in ``folder``; all that it writes is under ``home``."""
    for name, text in agent.files(url).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    base = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        agent.command(packages, model, prompt),
        cwd=folder,
        env={**base, "HOME": str(home), "TERM": "xterm-256color", **agent.environment(url)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    told = done.stdout.decode()
    assert done.returncode == 0, told + done.stderr.decode()
    return told


def _codex(packages: Path, model: str, prompt: str) -> list[str]:
    run = ["node", str(packages / "@openai/codex/bin/codex.js"), "exec", "--model", model]
    return [*run, "--sandbox", "danger-full-access", "--skip-git-repo-check", prompt]


def _codex_files(url: str) -> dict[str, str]:
    config = _told("Codex", "toml", url)
    return {".codex/config.toml": f"check_for_update_on_startup = false\n{config}\n[analytics]\nenabled = false\n"}


def _told(title: str, kind: str, url: str) -> str:
    """The first block of that kind in a section of the guide, for a gateway at ``url``: what the guide says is what runs here."""
    section = GUIDE.read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    block = re.search(rf"^```{kind}\n(.*?)^```", section, re.M | re.S)
    assert block is not None, f"the guide has no {kind} for {title}"
    return block[1].replace("http://127.0.0.1:4000", url).replace("$DRAGOMAN_KEY", KEY)


def _exported(title: str, url: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(\S+)$", _told(title, "sh", url), re.M))


def _settings(kind: str) -> str:
    quiet = {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}, "general": {"disableAutoUpdate": True}}
    return json.dumps({**quiet, "security": {"auth": {"selectedType": kind}}})


AGENTS: Final = {
    "claude": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@anthropic-ai/claude-code/cli-wrapper.cjs"), "--print", prompt, "--model", model),
            *("--allowedTools", "Bash Read Write", "--permission-mode", "acceptEdits"),
        ],
        lambda url: {**_exported("Claude Code", url), "DISABLE_AUTOUPDATER": "1"},
        lambda url: {},
    ),
    "codex": Agent(_codex, lambda url: {"DRAGOMAN_KEY": KEY}, _codex_files),
    "gemini": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@google/gemini-cli/bundle/gemini.js"), "--yolo", "--model", model, "--prompt", prompt)
        ],
        lambda url: {**_exported("Gemini CLI", url), "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        lambda url: {".gemini/settings.json": _settings("gemini-api-key")},
    ),
    "qwen": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@qwen-code/qwen-code/cli.js"), "--yolo", "--model", model, "--prompt", prompt)
        ],
        lambda url: _exported("Qwen Code", url),
        lambda url: {".qwen/settings.json": _settings("openai")},
    ),
}
