"""Every capability of the reference page that a dialect carries, with the vendor's own SDK as client of our server role."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.core.events import Event
from dragoman.core.fold import fold
from dragoman.core.usage import Usage
from tests.pairs.answers import ASPECTS, answer
from tests.pairs.features import FEATURES, build
from tests.wire.served import said, serving

from .matrix import BASES, SDKS, carried
from .shown import by_meaning

DATA: Final = tomllib.loads((Path(__file__).parents[2] / "docs" / "reference" / "capabilities.toml").read_text(encoding="utf-8"))
RULES: Final = list(DATA["capabilities"].values())
FEATURE_NAMES: Final = [rule["request"] for rule in RULES if "request" in rule]
ASPECT_NAMES: Final = [rule["answer"] for rule in RULES if "answer" in rule]

FEATURE_CASES = [(name, feature) for name in SDKS for feature in carried(name, FEATURE_NAMES)]
ASPECT_CASES = [(name, aspect) for name in SDKS for aspect in carried(name, ASPECT_NAMES)]


@pytest.mark.parametrize(("name", "feature"), FEATURE_CASES)
def test_what_an_sdk_asks_is_what_we_read(name: str, feature: str) -> None:
    sdk, see = SDKS[name], FEATURES[feature].see
    with serving(name, said(*answer(["text"], "stop", None)), bases=BASES.get(name, ("",))) as server, sdk.client(server.root) as client:
        sdk.ASKED[feature](client)
    (asked,) = server.asked
    value = sdk.VALUES.get(feature, FEATURES[feature].values[0])
    assert see(asked) == see(build({feature: value}))


PIECES: Final[dict[str, Sequence[str]]] = {
    "text": ["text"],
    "reasoning": ["reasoning", "text"],
    "reasoning's signature": ["reasoning's signature", "text"],
    "refusal": ["refusal"],
    "tool calls": ["text", "tool call", "call without arguments", "interleaved calls"],
    "sources": ["sources"],
    "picture": ["text", "picture"],
    "sound": ["sound"],
    "logprobs": ["logprobs"],
}
"""Of which pieces an answer is made that shows an aspect."""


def told(aspect: str) -> list[Event]:
    usage = Usage(input_tokens=20, cache_read_tokens=5, output_tokens=10, reasoning_tokens=4)
    pieces = PIECES.get(aspect, ["text"])
    return answer(pieces, "tool_calls" if aspect == "tool calls" else "stop", usage, 2 if aspect == "several choices" else 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("name", "aspect"), ASPECT_CASES)
def test_what_we_say_is_what_an_sdk_shows(name: str, aspect: str, stream: bool) -> None:
    sdk, events = SDKS[name], told(aspect)
    with serving(name, said(*events), bases=BASES.get(name, ("",))) as server, sdk.client(server.root) as client:
        shown: Any = sdk.read(client, stream)[aspect]
    assert (by_meaning(shown) if aspect == "tool calls" else shown) == ASPECTS[aspect](fold(events))
