"""The SDKs by the dialect that they speak, and what they must be able to ask and to show: all that our tables say a dialect carries."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from tests.pairs.table import ANSWER_CELLS, CARRIED, CELLS

from . import anthropic_messages, bedrock_converse, cohere, gemini, ollama, openai_chat, openai_completions, openai_responses

SDKS: Final[dict[str, ModuleType]] = {
    module.NAME: module
    for module in (
        *(openai_chat, openai_completions, openai_responses, anthropic_messages),
        *(gemini, ollama, cohere, bedrock_converse),
    )
}
BASES: Final = {"gemini": ("/v1beta",)}
"""Where a dialect's server must stand for its SDK, if it is not at the root."""


REQUESTS_TEST: Final = "tests/sdks/test_matrix.py::test_what_an_sdk_asks_is_what_we_read"
ANSWERS_TEST: Final = "tests/sdks/test_matrix.py::test_what_we_say_is_what_an_sdk_shows"


def carried(name: str, wanted: list[str]) -> list[str]:
    """Which of the features or aspects a dialect carries and its SDK has a word for."""
    cells = {**CELLS, **ANSWER_CELLS}
    return [one for one in wanted if cells[one][name] == CARRIED and one not in SDKS[name].BEYOND]
