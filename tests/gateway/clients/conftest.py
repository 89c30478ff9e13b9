from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.stage import Stage

from .play import play

UPSTREAMS = ("openai", "anthropic", "gemini", "cohere", "bedrock", "ollama_native")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Every upstream's wire, all of them acting the same play."""
    with Stage(UPSTREAMS, scenario=play) as running:
        yield running
