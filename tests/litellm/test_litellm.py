"""What LiteLLM's SDK gets from the gateway, on each wire that it may be told to use, from upstreams of three vendors."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.gateway.clients.play import FINAL, RIVER

WAYS: Final = ("openai", "anthropic", "ollama_chat", "litellm_proxy")
UPSTREAMS: Final = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")
EXPECTED: Final[dict[str, Any]] = {
    "chat": ["Name three rivers.", 3],
    "stream": ["Name", " three", " rivers."],
    "asynchronous": "Name three rivers.",
    "loop": FINAL,
    "loop_streamed": FINAL,
    "form": RIVER,
    "limited": 429,
}
BEYOND: Final = {("loop_streamed", "ollama_chat"): "it reads no numbers of calls in Ollama's streams, so two calls at once become one"}
"""What LiteLLM itself cannot do, whatever is said to it."""
CASES: Final = [(case, way) for case in EXPECTED for way in WAYS if (case, way) not in BEYOND]


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(("case", "way"), CASES)
def test_each_case_gives_what_it_should(told: dict[str, Any], case: str, way: str, upstream: str) -> None:
    assert told[f"{case} {way} {upstream}"] == EXPECTED[case]


def test_embeddings(told: dict[str, Any]) -> None:
    assert told["embedding"] == 2
