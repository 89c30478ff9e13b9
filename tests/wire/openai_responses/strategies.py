"""Requests and answers at random, in the canonical form that this wire can carry without loss.

Canonical means what a round trip gives back unchanged: an image has a detail and data a type, results of tools stand in one message, a
leading plain system message is the instructions, a second text of one message item says which item it stands in.
"""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
from hypothesis import strategies as st

from dragoman.core.events import (
    BlockEnded,
    BlockKind,
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
from dragoman.core.messages import AnyPart, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage
from tests.wire.strategies import counts, finite, json_objects, json_values, names, perhaps, some_words, words

from .streams import NAME

values = json_values.filter(lambda value: value is not None)
fields = st.dictionaries(names.map("zz_".__add__), values, min_size=1, max_size=2)
nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
own: st.SearchStrategy[dict[str, Any]] = nothing | fields.map(lambda given: {NAME: given})
media_types = st.sampled_from(["image/png", "image/jpeg", "application/pdf", "text/plain;charset=utf-8"])
addresses = names.map("https://x.test/".__add__)
details = st.sampled_from(["auto", "low", "high"])

# --- requests ---------------------------------------------------------------------------------------------------------------------------

texts = st.builds(Text, text=words, extra=own)
images = (
    st.builds(Image, data=st.binary(max_size=8), media_type=media_types, detail=details, extra=own)
    | st.builds(Image, url=addresses, detail=details, extra=own)
    | st.builds(Image, file_id=words, detail=details)
)
files = (
    st.builds(File, data=st.binary(max_size=8), media_type=media_types, name=perhaps(words), extra=own)
    | st.builds(File, url=addresses, name=perhaps(words))
    | st.builds(File, file_id=words, name=perhaps(words))
)
unknown_parts = fields.map(lambda given: Opaque(extra={NAME: {"content": {"type": "zz_part", **given}}}))
contents = st.lists(texts | images | files | unknown_parts, max_size=3).map(tuple)
unknown_items = fields.map(lambda given: {"type": "zz_call", **given})
results = st.builds(ToolResult, id=words, parts=st.lists(texts | images | files, min_size=1, max_size=2).map(tuple), extra=own)
free_texts = words.map(lambda text: json.dumps({"input": text}, ensure_ascii=False, separators=(",", ":")))
custom: st.SearchStrategy[dict[str, Any]] = own.map(lambda given: {NAME: {"type": "custom_tool_call", **given.get(NAME, {})}})
calls = st.builds(ToolCall, id=words, name=words, arguments=words, extra=own) | st.builds(
    ToolCall, id=words, name=words, arguments=free_texts, extra=custom
)


@st.composite
def thoughts(draw: st.DrawFn) -> Reasoning:
    pieces = draw(st.lists(st.tuples(st.just("summary_text"), words), max_size=2))
    pieces += draw(st.lists(st.tuples(st.just("reasoning_text"), words), max_size=2))
    return Reasoning(
        text="\n\n".join(text for _, text in pieces if text),
        signature=draw(perhaps(some_words)),
        id=draw(perhaps(words)),
        extra={NAME: {"parts": [[kind, len(text)] for kind, text in pieces], **draw(nothing | fields)}},
    )


@st.composite
def messages_said(draw: st.DrawFn, number: int) -> list[AnyPart]:
    """One message item: its parts, each with the sources that it names."""
    facts = {"id": f"msg_{number}", "status": draw(st.sampled_from(["completed", "incomplete"]))}
    parts: list[AnyPart] = []
    for kind in draw(st.lists(st.sampled_from([Text, Refusal]), min_size=1, max_size=3)):
        extra = {NAME: {**draw(nothing | fields), "message": facts}}
        if kind is Refusal:
            parts.append(Refusal(text=draw(words), extra=extra))
        else:
            parts.append(Text(text=draw(words), extra=extra))
            parts.extend(draw(st.lists(sources, max_size=2)))
    return parts


sources = st.builds(
    lambda url, title, start, end: Source(
        url=url,
        title=title,
        start=start,
        end=end,
        extra={NAME: {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}},
    ),
    addresses,
    some_words,
    st.integers(0, 99),
    st.integers(0, 99),
)


@st.composite
def turns_of_the_model(draw: st.DrawFn) -> Message:
    parts: list[AnyPart] = []
    for number in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["said", "thought", "call", "item"])):
            case "said":
                parts.extend(draw(messages_said(number)))
            case "thought":
                parts.append(draw(thoughts()))
            case "call":
                parts.append(draw(calls))
            case _:
                parts.append(Opaque(extra={NAME: draw(unknown_items)}))
    return Message("assistant", tuple(parts))


turns = st.one_of(
    st.builds(Message, st.just("user"), contents, st.none(), own),
    st.builds(Message, st.just("system"), contents, st.none(), own.map(lambda given: {NAME: {"role": "developer", **given.get(NAME, {})}})),
    turns_of_the_model(),
    st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=2).map(tuple)),
    st.builds(Message, st.just("assistant"), st.builds(Text, text=words).map(lambda part: (part,))),
)


def parted(messages: list[Message]) -> list[Message]:
    """Two neighbours that a reader would take for one turn are not both kept."""
    joined = ("assistant", "tool")
    return [
        one
        for before, one in zip([None, *messages], messages, strict=False)
        if not before or one.role not in joined or one.role != before.role
    ]


tools = st.builds(Tool, name=words, description=perhaps(words), parameters=perhaps(json_objects), strict=perhaps(st.booleans()), extra=own)
formats = st.just(JsonFormat()) | st.builds(
    JsonFormat, schema=json_objects, name=words.map(lambda name: name or "n"), description=perhaps(words), strict=perhaps(st.booleans())
)
instructions = st.builds(Text, text=words).map(lambda part: Message("system", (part,)))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    conversation = parted(draw(st.lists(turns, min_size=1, max_size=4)))
    functions = draw(st.lists(tools, max_size=2))
    rest = dict(draw(nothing | fields))
    vendors = draw(st.lists(fields.map(lambda given: {"type": "zz_tool", **given}), max_size=2))
    if vendors:
        rest["tools"] = vendors
    return Request(
        model=draw(words),
        messages=(*draw(st.lists(instructions, max_size=1)), *conversation),
        stream=draw(st.booleans()),
        tools=tuple(functions),
        tool_choice=draw(perhaps(st.sampled_from(["auto", "none", "required"]) | st.builds(NamedTool, words))),
        parallel_tool_calls=draw(perhaps(st.booleans())),
        response_format=draw(perhaps(formats)),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        presence_penalty=draw(perhaps(finite)),
        frequency_penalty=draw(perhaps(finite)),
        max_output_tokens=draw(perhaps(counts)),
        logprobs=draw(st.sampled_from([None, True])),
        top_logprobs=draw(perhaps(counts)),
        reasoning=draw(perhaps(st.builds(ReasoningOptions, effort=words, summary=perhaps(words)))),
        metadata=draw(perhaps(st.dictionaries(words, words, max_size=2))),
        user=draw(perhaps(words)),
        extra={NAME: rest} if rest else {},
    )


# --- answers ----------------------------------------------------------------------------------------------------------------------------

KINDS: tuple[BlockKind, ...] = ("text", "refusal", "reasoning", "tool", "image", "opaque")
REASONS = (
    FinishReason("stop", "completed"),
    FinishReason("length", "max_output_tokens"),
    FinishReason("content_filter", "content_filter"),
)


@st.composite
def blocks(draw: st.DrawFn, index: int) -> list[Event]:
    """One block of any kind, with the sources that it names."""
    kind = draw(st.sampled_from(KINDS))
    name = draw(words) if kind == "tool" else None
    extra = {NAME: draw(unknown_items) | {"id": f"i_{index}"}} if kind == "opaque" else {}
    media_type = "image/gif" if kind == "image" else None
    started = BlockStarted(index, kind, draw(words) if kind == "tool" else None, name, None, 0, extra, media_type)
    events: list[Event] = [started]
    for word in draw(st.lists(some_words, max_size=3)):
        match kind:
            case "text" | "refusal":
                events.append(TextDelta(index, word))
            case "reasoning":
                events.append(ReasoningDelta(index, word))
            case "tool":
                events.append(ToolDelta(index, word))
            case _:
                pass
    if kind == "image":
        events.append(MediaDelta(index, b"GIF8" + draw(st.binary(max_size=5))))
    if kind == "text":
        events.extend(SourceAdded(source, 0, index) for source in draw(st.lists(sources, max_size=2)))
    return [*events, BlockEnded(index, draw(perhaps(some_words)) if kind == "reasoning" else None)]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """An answer whose blocks may be open at once."""
    lanes = [draw(blocks(index)) for index in range(draw(st.integers(0, 4)))]
    chance = random.Random(draw(st.integers(0, 99)))
    events: list[Event] = []
    together = draw(st.booleans())
    while any(lanes):
        lane = chance.choice([lane for lane in lanes if lane]) if together else next(lane for lane in lanes if lane)
        events.append(lane.pop(0))
    called = any(isinstance(event, BlockStarted) and event.kind == "tool" for event in events)
    reason = draw(st.sampled_from(REASONS))
    if called and reason.unified == "stop":
        reason = FinishReason("tool_calls", "completed")
    usage = st.builds(
        Usage, input_tokens=counts, cache_read_tokens=counts, cache_write_tokens=counts, output_tokens=counts, reasoning_tokens=counts
    )
    started = Started(id="resp_" + draw(names), model=draw(some_words), created_s=draw(st.integers(1, 2**33)))
    return [started, *events, Finished(reason, draw(perhaps(usage)))]


def told_by(parts: tuple[Any, ...]) -> dict[str, Any]:
    """What an answer says, whatever the names that its items got and the order of blocks that were open at once."""
    bare = [msgspec.structs.replace(part, extra={}) if not isinstance(part, (Opaque, Source)) else part for part in parts]
    return {
        "texts": sorted(part.text for part in bare if isinstance(part, Text)),
        "refusals": sorted(part.text for part in bare if isinstance(part, Refusal)),
        "thoughts": sorted((part.text, part.signature or "") for part in bare if isinstance(part, Reasoning)),
        "calls": sorted((part.id, part.name, part.arguments) for part in bare if isinstance(part, ToolCall)),
        "images": sorted(part.data for part in bare if isinstance(part, Image)),
        "others": sorted(json.dumps(part.extra, sort_keys=True) for part in bare if isinstance(part, Opaque)),
        "sources": sorted(str(part) for part in bare if isinstance(part, Source)),
    }
