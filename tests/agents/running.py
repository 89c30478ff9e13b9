"""The agents as their users run them without a terminal: the command, the environment and the files of each.

Sources, read 2026-11-21: https://code.claude.com/docs/en/settings, https://developers.openai.com/codex/config-reference,
https://geminicli.com/docs/reference/configuration, https://qwenlm.github.io/qwen-code-docs/en/users/configuration/settings.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from .conftest import KEY

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
    return {
        ".codex/config.toml": f"""
model_provider = "dragoman"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.dragoman]
name = "dragoman"
base_url = "{url}/v1"
env_key = "DRAGOMAN_KEY"
wire_api = "responses"
"""
    }


def _settings(kind: str) -> str:
    quiet = {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}, "general": {"disableAutoUpdate": True}}
    return json.dumps({**quiet, "security": {"auth": {"selectedType": kind}}})


AGENTS: Final = {
    "claude": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@anthropic-ai/claude-code/cli-wrapper.cjs"), "--print", prompt, "--model", model),
            *("--allowedTools", "Bash Read Write", "--permission-mode", "acceptEdits"),
        ],
        lambda url: {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
        lambda url: {},
    ),
    "codex": Agent(_codex, lambda url: {"DRAGOMAN_KEY": KEY}, _codex_files),
    "gemini": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@google/gemini-cli/bundle/gemini.js"), "--yolo", "--model", model, "--prompt", prompt)
        ],
        lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": KEY, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        lambda url: {".gemini/settings.json": _settings("gemini-api-key")},
    ),
    "qwen": Agent(
        lambda packages, model, prompt: [
            *("node", str(packages / "@qwen-code/qwen-code/cli.js"), "--yolo", "--model", model, "--prompt", prompt)
        ],
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY},
        lambda url: {".qwen/settings.json": _settings("openai")},
    ),
}
