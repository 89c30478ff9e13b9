"""Answers at random, every one that is legal: several choices, several blocks open at once, kinds that few wires have a place for,
arguments that are no JSON, sources that name no block, media without a type. What a wire can carry of it is no concern here.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import Source
from dragoman.core.opaque import Extra
from dragoman.wire.dialects import NAMES

from .strategies import (
    arguments,
    cut,
    finishes,
    interleave,
    json_objects,
    logprobs,
    names,
    perhaps,
    some_words,
    usages,
    web_addresses,
    words,
)

KINDS = ("text", "reasoning", "refusal", "tool", "image", "audio", "opaque")
extras: st.SearchStrategy[Extra] = st.just({}) | st.dictionaries(
    st.sampled_from(NAMES), st.dictionaries(names.map("zz_".__add__), json_objects, min_size=1, max_size=2), max_size=2
)
sources = st.builds(Source, url=perhaps(web_addresses), title=perhaps(words), quote=perhaps(words), extra=extras)
media_types = st.sampled_from([None, "image/png", "image/x-odd", "audio/wav", "audio/pcm", "", "odd"])
reasons = finishes | st.builds(FinishReason, st.sampled_from(["stop", "other", "unknown"]), perhaps(words))


@st.composite
def blocks(draw: st.DrawFn, index: int, choice: int) -> list[Event]:
    kind: Any = draw(st.sampled_from(KINDS))
    chance = random.Random(draw(st.integers(0, 1000)))
    named = (draw(perhaps(words)), draw(some_words)) if kind == "tool" else (None, None)
    hidden = draw(perhaps(words)) if kind == "reasoning" else None
    media_type = draw(media_types) if kind in ("image", "audio") else None
    start = BlockStarted(index, kind, named[0], named[1], hidden, choice, draw(extras), media_type)
    told: list[Event] = []
    match kind:
        case "text" | "refusal":
            told += [TextDelta(index, piece, draw(perhaps(st.tuples(logprobs))), choice) for piece in cut(draw(words), chance)]
        case "reasoning":
            told += [ReasoningDelta(index, piece, choice) for piece in cut(draw(words), chance)]
        case "tool":
            told += [ToolDelta(index, piece, choice) for piece in cut(draw(arguments | words), chance)]
        case "image" | "audio":
            told += draw(
                st.lists(
                    st.builds(MediaDelta, st.just(index), st.binary(max_size=4), words if kind == "audio" else st.just(""), st.just(choice))
                )
            )
    if draw(st.booleans()):
        told.insert(chance.randrange(len(told) + 1), SourceAdded(draw(sources), choice, draw(perhaps(st.just(index)))))
    signature = draw(perhaps(words)) if kind == "reasoning" else None
    return [start, *told[: draw(st.integers(0, 9))], BlockEnded(index, signature, choice, draw(extras))]


@st.composite
def answers(draw: st.DrawFn, most_choices: int = 3) -> list[Event]:
    """One answer, its end included. The usage, where it is known, stands on the choice that finishes last."""
    chance = random.Random(draw(st.integers(0, 1000)))
    numbers = draw(st.sampled_from([[0], [0], [1], list(range(most_choices))]))
    choices: list[list[Event]] = []
    for choice in numbers:
        told = [draw(blocks(index, choice)) for index in range(draw(st.integers(0, 4)))]
        choices.append([*interleave(told, chance), Finished(draw(reasons), None, choice, draw(extras))])
    events = interleave(choices, chance)
    last = events[-1]
    assert isinstance(last, Finished)
    events[-1] = Finished(last.reason, draw(perhaps(usages)), last.choice, last.extra)
    created_s = draw(perhaps(st.integers(-(2**40), 2**62)))
    return [Started(id=draw(perhaps(words)), model=draw(perhaps(words)), created_s=created_s, extra=draw(extras)), *events]
