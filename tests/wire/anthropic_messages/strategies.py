"""Requests and answers at random, in the canonical form that this wire can carry without loss.

Canonical means what a round trip gives back unchanged: a message has at least one part; system messages before the first turn are one; a
message of tool results stands between an assistant's and what the user adds, never beside another; reasoning is signed; a tool call's
arguments are an object without blanks; ``budget_tokens`` and a summary come with thinking switched on.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import strategies as st

from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    ToolDelta,
)
from dragoman.core.messages import AnyPart, File, Image, Message, Opaque, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage
from dragoman.wire.payload import dump
from tests.wire.strategies import counts, cut, finite, interleave, json_objects, json_values, names, perhaps, web_addresses
from tests.wire.strategies import some_words as words

from .streams import NAME


def own(prefix: str = "zz_") -> st.SearchStrategy[dict[str, Any]]:
    """Fields of this vendor alone, under names that ours never have."""
    fields = st.dictionaries(names.map(prefix.__add__), json_values.filter(lambda value: value is not None), min_size=1, max_size=2)
    return st.just({}) | fields.map(lambda given: {NAME: given})


# --- requests ---------------------------------------------------------------------------------------------------------------------------

types = st.sampled_from(["image/png", "image/jpeg"])
texts = st.builds(Text, text=words, extra=own())
images = st.builds(Image, data=st.binary(max_size=8), media_type=types, extra=own()) | st.builds(Image, url=web_addresses, extra=own())
papers = st.builds(File, data=st.binary(max_size=8), media_type=st.just("application/pdf"), name=perhaps(words), extra=own())
notes = st.builds(File, data=words.map(str.encode), media_type=st.just("text/plain"), name=perhaps(words), extra=own())
files = papers | notes | st.builds(File, file_id=words, name=perhaps(words), extra=own())
opaque = json_objects.map(lambda given: Opaque(extra={NAME: {"type": "novel", **{f"zz_{name}": value for name, value in given.items()}}}))
objects = json_objects.map(lambda given: dump(given).decode())
calls = st.builds(ToolCall, id=words, name=words, arguments=objects, extra=own())
thoughts = st.builds(Reasoning, text=words, signature=words) | st.builds(Reasoning, redacted_data=words)
results = st.builds(
    ToolResult, id=words, parts=st.lists(texts | images | files, max_size=2).map(tuple), is_error=st.booleans(), extra=own()
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    for _ in range(draw(st.integers(1, 3))):
        messages.append(Message("user", tuple(draw(st.lists(texts | images | files | opaque, min_size=1, max_size=3))), None, draw(own())))
        spoken: list[AnyPart] = draw(st.lists(texts | thoughts | calls | opaque, min_size=1, max_size=4))
        messages.append(Message("assistant", tuple(spoken), None, draw(own())))
        if draw(st.booleans()):
            messages.append(Message("tool", tuple(draw(st.lists(results, min_size=1, max_size=2)))))
            messages.append(Message("assistant", tuple(draw(st.lists(texts, min_size=1, max_size=1)))))
        if draw(st.booleans()):
            messages.append(Message("system", tuple(draw(st.lists(texts, min_size=1, max_size=1)))))
    return tuple(messages)


tools = st.builds(
    Tool, name=words, description=perhaps(words), parameters=json_objects.filter(bool), strict=perhaps(st.booleans()), extra=own()
)
reasonings = st.one_of(
    st.builds(
        ReasoningOptions,
        effort=names.map("x".__add__),
        enabled=st.just(True),
        budget_tokens=perhaps(counts),
        summary=perhaps(st.just("auto")),
    ),
    st.builds(ReasoningOptions, effort=names.map("x".__add__)),
    st.just(ReasoningOptions(enabled=False)),
)


def fitting(wanted: ReasoningOptions | None, conversation: tuple[Message, ...]) -> ReasoningOptions | None:
    """A budget would ask for the thought with which a turn of calls began."""
    calls = any(isinstance(part, ToolCall) for message in conversation for part in message.parts)
    return msgspec.structs.replace(wanted, budget_tokens=None) if wanted and calls else wanted


@st.composite
def requests(draw: st.DrawFn) -> Request:
    conversation = draw(conversations())
    extra = dict(draw(own()))
    if draw(st.booleans()):
        extra[NAME] = {**extra.get(NAME, {}), "betas": draw(st.lists(names, min_size=1, max_size=2)), "beta": True}
    choice: Any = draw(perhaps(st.sampled_from(["auto", "none", "required"]) | st.builds(NamedTool, words)))
    return Request(
        model=draw(words),
        messages=conversation,
        stream=draw(st.booleans()),
        tools=tuple(draw(st.lists(tools, max_size=2))),
        tool_choice=choice,
        parallel_tool_calls=draw(perhaps(st.booleans())) if choice not in (None, "none") else None,
        response_format=draw(perhaps(st.builds(JsonFormat, schema=json_objects))),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        top_k=draw(perhaps(counts)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        max_output_tokens=draw(counts),
        reasoning=fitting(draw(perhaps(reasonings)), conversation),
        user=draw(perhaps(words)),
        extra=extra,
    )


# --- answers ----------------------------------------------------------------------------------------------------------------------------

finishes = st.sampled_from(
    [
        FinishReason("stop", "end_turn"),
        FinishReason("stop", "stop_sequence"),
        FinishReason("length", "max_tokens"),
        FinishReason("tool_calls", "tool_use"),
        FinishReason("content_filter", "refusal"),
        FinishReason("other", "pause_turn"),
        FinishReason("unknown"),
    ]
)
sources = json_objects.map(
    lambda told: {"type": "char_location", "cited_text": "q", **{f"zz_{name}": value for name, value in told.items()}}
).map(lambda told: Source(quote="q", extra={NAME: told}))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, write, fresh = draw(perhaps(counts)), draw(perhaps(counts)), draw(counts)
    return Usage(
        input_tokens=fresh + (read or 0) + (write or 0),
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=draw(counts),
        reasoning_tokens=draw(perhaps(counts)),
    )


@st.composite
def blocks(draw: st.DrawFn, index: int) -> list[Event]:
    kind: Any = draw(st.sampled_from(["text", "reasoning", "redacted", "tool", "opaque"]))
    chance = random.Random(draw(st.integers(0, 1000)))
    if kind == "opaque":
        return [BlockStarted(index, "opaque", extra=draw(opaque).extra), BlockEnded(index)]
    if kind == "redacted":
        return [BlockStarted(index, "reasoning", redacted_data=draw(words)), BlockEnded(index)]
    if kind == "tool":
        started = BlockStarted(index, "tool", draw(words), draw(words), extra=draw(own()))
        return [started, *(ToolDelta(index, piece) for piece in cut(draw(objects), chance) if piece), BlockEnded(index)]
    pieces = [piece for piece in cut(draw(words), chance) if piece]
    if kind == "reasoning":
        return [
            BlockStarted(index, "reasoning"),
            *(ReasoningDelta(index, piece) for piece in pieces),
            BlockEnded(index, draw(perhaps(words))),
        ]
    cited = [SourceAdded(source, 0, index) for source in draw(st.lists(sources, max_size=2))]
    return [BlockStarted(index, "text", extra=draw(own())), *cited, *(TextDelta(index, piece) for piece in pieces), BlockEnded(index)]


@st.composite
def answers(draw: st.DrawFn, together: bool = False) -> list[Event]:
    """The events of one answer; where ``together``, its blocks are open at the same time."""
    several = [draw(blocks(index)) for index in range(draw(st.integers(0, 4)))]
    inner = interleave(several, random.Random(draw(st.integers(0, 1000)))) if together else [event for one in several for event in one]
    started = Started(id=draw(perhaps(words)), model=draw(words), extra=draw(own()))
    return [started, *inner, Finished(draw(finishes), draw(usages()), 0, draw(own()))]
