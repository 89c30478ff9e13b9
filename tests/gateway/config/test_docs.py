"""What the pages about the configuration show works, and mistakes are told as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dragoman.core.errors import UsageError
from dragoman.gateway.config.file import read_config
from dragoman.gateway.litellm.names import CARRIED, CLOUD_PARTS

DOCS = Path(__file__).parents[3] / "docs" / "how-to"
PAGE = (DOCS / "configure-the-gateway.md").read_text("utf-8")
MISTAKEN = """\

workrs = 2



[providers.openai]
key = "${OPENAI_KEY}"
[providers.anthropic]


[models.fast]
targets = ["anthropic/claude-haiku-4-5",
  "opnai/gpt-4.1"]
[models."gpt-*"]
targets = ["anthropic/*"]


[models."gpt-*-mini"]
targets = ["anthropic/claude-haiku-4-5"]
"""


def test_what_the_page_shows_is_a_file_that_passes_the_check(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path.write_text("".join(blocks).replace("6f1c…", "0" * 64).replace("b07a…", "1" * 64))
    names = {name: f"the-value-of-{name}" for name in [*re.findall(r"\$\{(\w+)\}", "".join(blocks)), "ANTHROPIC_API_KEY"]}
    config = read_config(path, {"HOME": str(tmp_path), **names})
    assert set(config.models) == {"fast", "house-*"}
    assert set(config.providers) == {"openai", "anthropic", "openai-eu", "house"}


def test_mistakes_are_told_as_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(MISTAKEN)
    with pytest.raises(UsageError) as caught:
        read_config(path, {"HOME": str(tmp_path), "ANTHROPIC_API_KEY": "the-value"})
    told = caught.value.message.replace(f"{tmp_path}/", "").splitlines()
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert [f"error: {line}" for line in told] == shown.splitlines()


def test_the_page_about_litellm_names_all_that_is_carried() -> None:
    text = (DOCS / "move-from-litellm.md").read_text("utf-8")
    clouds = {part for parts in CLOUD_PARTS.values() for part in parts if part.startswith(("aws_", "vertex_"))}
    assert "`aws_*`, `vertex_*`" in text
    parts = {name for names in CARRIED.values() for name in names} - clouds
    blocks = {"litellm_params", "litellm_settings", "router_settings", "general_settings"}
    quiet = {"model", "custom_llm_provider", "aws_bedrock_runtime_endpoint", "base_url", "blocked"}
    assert {name for name in parts - blocks - quiet if f"`{name}`" not in text} == set()
