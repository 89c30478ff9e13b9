"""What an answer may hold, one aspect at a time: the events that tell it, and how it is seen in a response."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dragoman.core.events import (
    BlockEnded,
    BlockStarted,
    Event,
    Finished,
    FinishName,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    Started,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.fold import Response
from dragoman.core.messages import Audio, Image, Reasoning, Refusal, Source, Text
from dragoman.core.usage import Usage

from .features import PNG

Seen = Any
Piece = Callable[[int], list[Event]]
"""Events of blocks that are numbered from the given number on."""


def text(index: int) -> list[Event]:
    return [BlockStarted(index, "text"), TextDelta(index, "Der Rh"), TextDelta(index, "ein – 🌊."), BlockEnded(index)]


def reasoning(index: int) -> list[Event]:
    return [BlockStarted(index, "reasoning"), ReasoningDelta(index, "Rivers"), ReasoningDelta(index, ", think."), BlockEnded(index)]


def signed(index: int) -> list[Event]:
    return [BlockStarted(index, "reasoning"), ReasoningDelta(index, "Deep thought."), BlockEnded(index, "c2lnbmVk")]


def refusal(index: int) -> list[Event]:
    return [BlockStarted(index, "refusal"), TextDelta(index, "I will "), TextDelta(index, "not."), BlockEnded(index)]


def call(index: int) -> list[Event]:
    start = BlockStarted(index, "tool", f"call_{index}x", "weather")
    return [start, ToolDelta(index, '{"city":'), ToolDelta(index, '"Köln"}'), BlockEnded(index)]


def call_without_arguments(index: int) -> list[Event]:
    return [BlockStarted(index, "tool", f"call_{index}x", "clock"), ToolDelta(index, "{}"), BlockEnded(index)]


def interleaved_calls(index: int) -> list[Event]:
    """Two calls whose fragments take turns."""
    one, other = call(index), call(index + 1)
    return [event for both in zip(one, other, strict=True) for event in both]


def cited(index: int) -> list[Event]:
    source = Source(url="https://example.com/rhine", title="Rhine", start=0, end=3)
    told = text(index)
    return [*told[:-1], SourceAdded(source, index=index), told[-1]]


def picture(index: int) -> list[Event]:
    return [BlockStarted(index, "image", media_type="image/png"), MediaDelta(index, PNG), BlockEnded(index)]


def spoken(index: int) -> list[Event]:
    deltas: list[Event] = [MediaDelta(index, b"RIFF sound", ""), MediaDelta(index, b"", "Spoken words.")]
    return [BlockStarted(index, "audio", media_type="audio/wav"), *deltas, BlockEnded(index)]


def probable(index: int) -> list[Event]:
    tokens = (TokenLogprob("Der", -0.25, tuple(b"Der"), (TokenLogprob("Der", -0.25, tuple(b"Der")),)),)
    return [BlockStarted(index, "text"), TextDelta(index, "Der", tokens), BlockEnded(index)]


PIECES: Final[Mapping[str, Piece]] = {
    "text": text,
    "reasoning": reasoning,
    "reasoning's signature": signed,
    "refusal": refusal,
    "tool call": call,
    "call without arguments": call_without_arguments,
    "interleaved calls": interleaved_calls,
    "sources": cited,
    "picture": picture,
    "sound": spoken,
    "logprobs": probable,
}

USAGES: Final[Sequence[Usage]] = (
    Usage(input_tokens=20, output_tokens=10),
    Usage(input_tokens=20, cache_read_tokens=5, output_tokens=10, reasoning_tokens=4),
    Usage(input_tokens=30, cache_read_tokens=5, cache_write_tokens=7, output_tokens=0),
)
FINISHES: Final[Sequence[FinishName]] = ("stop", "length", "tool_calls", "content_filter")


def answer(pieces: Sequence[str], finish: FinishName, usage: Usage | None, choices: int = 1) -> list[Event]:
    """A whole answer in legal order; further choices say a text each."""
    events: list[Event] = [Started(id="answer-1", model="model-1", created_s=1_700_000_000)]
    index = 0
    for name in pieces:
        told = PIECES[name](index)
        events += told
        index += sum(isinstance(event, BlockStarted) for event in told)
    for choice in range(1, choices):
        events += [msgspec.structs.replace(event, choice=choice) for event in text(0)]
    reason = FinishReason(finish)
    return [*events, *(Finished(reason, usage if choice == choices - 1 else None, choice) for choice in range(choices))]


# --- how it is seen ---------------------------------------------------------------------------------------------------------------------


def see_usage(name: str) -> Callable[[Response], Seen]:
    return lambda response: getattr(response.usage, name) or None if response.usage else None


def joined(kind: type[Text | Reasoning | Refusal]) -> Callable[[Response], str]:
    return lambda response: "".join(part.text for part in response.parts if isinstance(part, kind))


ASPECTS: Final[Mapping[str, Callable[[Response], Seen]]] = {
    "id": lambda response: response.id,
    "model": lambda response: response.model,
    "text": joined(Text),
    "reasoning": joined(Reasoning),
    "reasoning's signature": lambda response: [part.signature for part in response.parts if isinstance(part, Reasoning) and part.signature],
    "refusal": joined(Refusal),
    "tool calls": lambda response: [(one.name, json.loads(one.arguments or "{}")) for one in response.tool_calls],
    "exact arguments": lambda response: [one.arguments for one in response.tool_calls],
    "ids of calls": lambda response: [one.id for one in response.tool_calls],
    "sources": lambda response: sorted({one.url or "" for one in response.sources}),
    "picture": lambda response: [part.data for part in response.parts if isinstance(part, Image)],
    "sound": lambda response: [part.data for part in response.parts if isinstance(part, Audio)],
    "what is said in a sound": lambda response: "".join(part.transcript or "" for part in response.parts if isinstance(part, Audio)),
    "logprobs": lambda response: [one.token for choice in response.choices for one in choice.logprobs or ()],
    "several choices": lambda response: [choice.message.text for choice in response.choices[1:]],
    "finish: stop": lambda response: response.finish_reason == "stop",
    "finish: length": lambda response: response.finish_reason == "length",
    "finish: tool_calls": lambda response: response.finish_reason == "tool_calls",
    "finish: content_filter": lambda response: response.finish_reason == "content_filter",
    "usage": lambda response: (response.usage.input_tokens, response.usage.output_tokens) if response.usage else None,
    "cached tokens read": see_usage("cache_read_tokens"),
    "cached tokens written": see_usage("cache_write_tokens"),
    "reasoning tokens": see_usage("reasoning_tokens"),
}
