"""Requests and answers at random, in the canonical form that OpenAI's wire can carry without loss.

Canonical means what a round trip gives back unchanged: a message has at least one part (an assistant's may have none), an assistant's
reasoning is one part and comes first, then come content, tool calls, a sound by its name and pictures; two neighbouring parts of an
answer are never of one kind of text, and each holds words; results of tools stand in one message; a media type is always said. Everything
else is left to chance.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage

MODEST = settings(
    deadline=None,
    max_examples=100,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

DIALECT = "openai_chat"
TRICKY = ("data: x", "[DONE]", "\n\ndata: [DONE]\n\n", '{"content":"no"}', "\r\n", "\r", "🌊", "\u2028", "\0", "content", ": c", '"', "\\")

words = st.one_of(st.text(max_size=12), st.sampled_from(TRICKY))
some_words = words.filter(bool)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
counts = st.integers(0, 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | finite | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(words, json_values, max_size=3)


def perhaps(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def own(*prefixes: str) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of OpenAI alone, under names that ours never have."""
    fields = st.dictionaries(names.map("zz_".__add__), json_values.filter(lambda value: value is not None), min_size=1, max_size=2)
    return st.just({}) | fields.map(lambda given: {DIALECT: given})


# --- requests ---------------------------------------------------------------------------------------------------------------------------

media_types = st.sampled_from(["image/png", "image/jpeg", "application/pdf", "text/plain;charset=utf-8"])
web_addresses = names.map("https://x.test/".__add__)
texts = st.builds(Text, text=words, extra=own())
images = st.builds(Image, data=st.binary(max_size=8), media_type=media_types, detail=perhaps(words), extra=own()) | st.builds(
    Image, url=web_addresses, detail=perhaps(words), extra=own()
)
files = st.builds(File, data=st.binary(max_size=8), media_type=media_types, name=perhaps(words), extra=own()) | st.builds(
    File, file_id=words, name=perhaps(words), extra=own()
)
sounds = st.builds(Audio, data=st.binary(max_size=8), media_type=st.sampled_from(["audio/wav", "audio/mpeg"]), extra=own())
refusals = st.builds(Refusal, text=words, extra=own())
contents = st.lists(st.one_of(texts, images, files, sounds, refusals), min_size=1, max_size=3)
said = st.lists(st.one_of(texts, files, refusals), min_size=1, max_size=3)
calls = st.builds(ToolCall, id=words, name=words, arguments=words, extra=own())
results = st.builds(
    ToolResult,
    id=words,
    parts=st.lists(texts | images | files, min_size=1, max_size=2).map(tuple),
    name=perhaps(words),
    extra=own(),
)


def is_kept(parts: Sequence[AnyPart]) -> bool:
    """An assistant's single text that is empty is the same on the wire as none."""
    return len(parts) != 1 or parts[0] != Text(text="")


@st.composite
def assistant_turns(draw: st.DrawFn) -> Message:
    thoughts: list[AnyPart] = draw(st.lists(st.builds(Reasoning, text=some_words), max_size=1))
    content = draw((st.just([]) | said).filter(is_kept))
    asked: list[AnyPart] = draw(st.lists(calls, max_size=2))
    made: list[AnyPart] = draw(st.lists(st.builds(Audio, file_id=some_words), max_size=1))
    drawn: list[AnyPart] = draw(st.lists(images, max_size=2))
    return Message("assistant", (*thoughts, *content, *asked, *made, *drawn), draw(perhaps(words)), draw(own()))


turns = st.one_of(
    st.builds(Message, st.sampled_from(["system", "user"]), contents.map(tuple), perhaps(words), own()),
    assistant_turns(),
    st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=2).map(tuple)),
)


def never_two_tool_messages(messages: list[Message]) -> list[Message]:
    return [
        one for before, one in zip([None, *messages], messages, strict=False) if one.role != "tool" or not before or before.role != "tool"
    ]


conversations = st.lists(turns, min_size=1, max_size=4).map(never_two_tool_messages).map(tuple)
tools = st.builds(
    Tool, name=words, description=perhaps(words), parameters=perhaps(json_objects), strict=perhaps(st.booleans()), extra=own()
)
formats = st.just(JsonFormat()) | st.builds(
    JsonFormat, schema=json_objects, name=words.map(lambda name: name or "n"), description=perhaps(words), strict=perhaps(st.booleans())
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    stream = draw(st.booleans())
    extra = dict(draw(own()))
    if stream:  # usage is always asked for
        extra[DIALECT] = {**extra.get(DIALECT, {}), "stream_options": {"include_usage": True}}
    return Request(
        model=draw(words),
        messages=draw(conversations),
        stream=stream,
        tools=tuple(draw(st.lists(tools, max_size=2))),
        tool_choice=draw(perhaps(st.sampled_from(["auto", "none", "required"]) | st.builds(NamedTool, words))),
        parallel_tool_calls=draw(perhaps(st.booleans())),
        response_format=draw(perhaps(formats)),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        top_k=draw(perhaps(counts)),
        presence_penalty=draw(perhaps(finite)),
        frequency_penalty=draw(perhaps(finite)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        max_output_tokens=draw(perhaps(counts)),
        seed=draw(perhaps(st.integers(-(2**63), 2**63 - 1))),
        n=draw(perhaps(counts)),
        logprobs=draw(perhaps(st.booleans())),
        top_logprobs=draw(perhaps(counts)),
        reasoning=draw(perhaps(st.builds(ReasoningOptions, effort=words))),
        metadata=draw(perhaps(st.dictionaries(words, words, max_size=2))),
        user=draw(perhaps(words)),
        extra=extra,
    )


plain_turns = st.builds(Message, st.sampled_from(["system", "user"]), st.builds(Text, text=words).map(lambda part: (part,))) | st.builds(
    Message, st.just("assistant"), st.builds(Text, text=some_words).map(lambda part: (part,))
)
plain_requests = st.builds(
    Request, model=words, messages=st.lists(plain_turns, min_size=1, max_size=4).map(tuple), stream=st.just(True), temperature=finite
)
"""What Raycast's wire can carry."""


# --- answers ----------------------------------------------------------------------------------------------------------------------------

logprobs = st.builds(
    TokenLogprob,
    token=words,
    logprob=finite,
    bytes=perhaps(st.binary(max_size=3).map(tuple)),
    top_logprobs=st.lists(st.builds(TokenLogprob, token=words, logprob=finite), max_size=2).map(tuple),
)


def lawful(usage: Usage) -> Usage:
    """With what came from a cache within the input, as the law of ``Usage`` has it."""
    return msgspec.structs.replace(usage, input_tokens=max(usage.input_tokens or 0, usage.cache_read_tokens or 0))


usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    cache_read_tokens=perhaps(counts),
    cache_write_tokens=perhaps(counts),
    input_audio_tokens=perhaps(counts),
    reasoning_tokens=perhaps(counts),
    output_audio_tokens=perhaps(counts),
).map(lawful)
finishes = st.sampled_from(
    [
        *(FinishReason(word, word) for word in ("stop", "length", "tool_calls", "content_filter")),
        FinishReason("other", "eos"),
        FinishReason("unknown"),
    ]
)
arguments = (
    json_objects.map(json.dumps) | json_objects.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1) + " \n") | st.just("")
)


def cut(text: str, chance: random.Random) -> list[str]:
    places = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(4)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@st.composite
def choices_events(draw: st.DrawFn, choice: int) -> list[list[Event]]:
    """Lists of events, each in its own order, that may be interleaved within a choice: a stretch of text, or parallel tool calls."""
    stretches: list[list[Event]] = []
    index = 0
    last = ""
    for _ in range(draw(st.integers(0, 4))):
        kind: Any = draw(st.sampled_from([kind for kind in ("text", "reasoning", "refusal", "tool") if kind == "tool" or kind != last]))
        last = kind
        chance = random.Random(draw(st.integers(0, 1000)))
        if kind == "tool":
            stretches.append(draw(parallel_tools(choice, index, chance)))
            index = 1 + max(event.index for event in stretches[-1] if isinstance(event, BlockStarted))
            continue
        stretch: list[Event] = [BlockStarted(index, kind, choice=choice)]
        for piece in cut(draw(some_words), chance):
            if kind == "reasoning":
                stretch.append(ReasoningDelta(index, piece, choice))
            else:
                told = draw(perhaps(st.lists(logprobs, min_size=1, max_size=2).map(tuple))) if piece else None
                stretch.append(TextDelta(index, piece, told, choice))
        stretches.append([*stretch, BlockEnded(index, choice=choice)])
        index += 1
    return stretches


@st.composite
def parallel_tools(draw: st.DrawFn, choice: int, first: int, chance: random.Random) -> list[Event]:
    waiting: list[list[Event]] = []
    for index in range(first, first + draw(st.integers(1, 3))):
        started = BlockStarted(index, "tool", f"call-{choice}-{index}", draw(some_words), choice=choice)
        deltas = [ToolDelta(index, piece, choice) for piece in cut(draw(arguments), chance)]
        waiting.append([started, *deltas, BlockEnded(index, choice=choice)])
    return interleave(waiting, chance)


def interleave(waiting: list[list[Event]], chance: random.Random) -> list[Event]:
    events: list[Event] = []
    waiting = [list(one) for one in waiting if one]
    while waiting:
        one = chance.choice(waiting)
        events.append(one.pop(0))
        waiting = [left for left in waiting if left]
    return events


@st.composite
def answers(draw: st.DrawFn, most_choices: int = 3) -> list[Event]:
    """The events of one answer in a legal order, its choices interleaved."""
    chance = random.Random(draw(st.integers(0, 1000)))
    per_choice: list[list[Event]] = []
    for choice in range(draw(st.integers(1, most_choices))):
        stretches = draw(choices_events(choice))
        reason = draw(finishes)
        if reason.unified == "stop" and any(isinstance(event, BlockStarted) and event.kind == "tool" for one in stretches for event in one):
            reason = FinishReason("tool_calls", "tool_calls")  # behind a call no answer merely stops
        finished: list[Event] = [Finished(reason, None, choice)]
        per_choice.append([event for stretch in [*stretches, finished] for event in stretch])
    events = interleave(per_choice, chance)
    last = events[-1]
    assert isinstance(last, Finished)
    events[-1] = Finished(last.reason, draw(perhaps(usages)), last.choice)
    started = Started(id=draw(perhaps(some_words)), model=draw(some_words), created_s=draw(perhaps(st.integers(1, 2**40))))
    return [started, *events]
