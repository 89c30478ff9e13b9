"""Requests and answers at random, in the canonical form that this wire can carry without loss.

Canonical means what a round trip gives back unchanged: neighbours are of different roles on the wire, no text is without a word, arguments
are JSON objects without blanks, ids and names of documents are such as the vendor takes, and a part's form is one that the wire knows.
"""

from __future__ import annotations

import base64
import random
import string
from typing import Any

import msgspec
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
from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Opaque, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.core.usage import Usage
from dragoman.wire.bedrock_converse.forms import DOCUMENTS, IMAGES, SOUNDS
from dragoman.wire.payload import dump
from tests.wire.strategies import counts, cut, finite, interleave, json_objects, json_values, names, perhaps, some_words, words

from .streams import CLAUDE, NAME


def own() -> st.SearchStrategy[dict[str, Any]]:
    """Fields of this wire alone, under names that ours never have, and perhaps a cache point."""
    fields = st.dictionaries(names.map("zz_".__add__), json_values.filter(lambda value: value is not None), min_size=1, max_size=2)
    return st.just({}) | fields.map(lambda given: {NAME: given}) | points


points = st.sampled_from([{"type": "default"}, {"type": "default", "ttl": "1h"}, [{"type": "default"}, {"type": "default"}]]).map(
    lambda point: {NAME: {"cachePoint": point}}
)
at_most_points: st.SearchStrategy[dict[str, Any]] = st.just({}) | points
guards = st.sampled_from([{NAME: {"guardContent": {"qualifiers": ["query"]}}}, {NAME: {"guardContent": {}}}])

# --- requests ---------------------------------------------------------------------------------------------------------------------------

ids = st.text(string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=12)
addresses = names.map("s3://bucket/".__add__)
exact = json_objects.map(lambda value: dump(value).decode())


def media(kind: type[Image] | type[Audio], forms: dict[str, str]) -> st.SearchStrategy[Any]:
    types = st.sampled_from(sorted(forms.values()))
    return st.builds(kind, data=st.binary(max_size=8), media_type=types, extra=own()) | st.builds(
        kind, url=addresses, media_type=types, extra=own()
    )


texts = st.builds(Text, text=some_words, extra=at_most_points | guards)
images = media(Image, IMAGES)
sounds = media(Audio, SOUNDS)
document_types = st.sampled_from(sorted(DOCUMENTS.values()))
file_names = st.text(string.ascii_lowercase + "-()[]", min_size=1, max_size=8)
files = st.builds(File, data=st.binary(max_size=8), media_type=document_types, name=file_names, extra=own()) | st.builds(
    File, data=words.map(str.encode), media_type=document_types, name=file_names, extra=st.just({NAME: {"asText": True}})
)
opaque = st.dictionaries(st.sampled_from(["video", "searchResult", "hologram"]), json_objects, min_size=1, max_size=1).map(
    lambda block: Opaque(extra={NAME: block})
)
contents = st.lists(st.one_of(texts, images, sounds, files, opaque), min_size=1, max_size=3)
reasonings = st.one_of(
    st.builds(Reasoning, text=words, signature=some_words, extra=at_most_points),
    st.builds(Reasoning, redacted_data=st.binary(max_size=6).map(lambda data: base64.b64encode(data).decode())),
)
calls = st.builds(ToolCall, id=ids, name=names, arguments=exact, extra=own())
inner = st.one_of(
    st.builds(Text, text=some_words),
    st.builds(Text, text=exact, extra=st.just({NAME: {"json": True}})),
    st.builds(Image, data=st.binary(max_size=8), media_type=st.just("image/png")),
)
results = st.builds(ToolResult, id=ids, parts=st.lists(inner, max_size=2).map(tuple), is_error=st.booleans(), extra=own())
records: st.SearchStrategy[dict[str, Any]] = st.just({}) | words.map(lambda title: {"title": title})


def source_of(record: dict[str, Any]) -> Source:
    return Source(title=record.get("title"), extra={NAME: {"citation": record}})


def cited_text(text: str, given: list[dict[str, Any]]) -> tuple[AnyPart, ...]:
    return (Text(text=text), *map(source_of, given))


cited: st.SearchStrategy[tuple[AnyPart, ...]] = st.builds(cited_text, some_words, st.lists(records, min_size=1, max_size=2))


no_parts: st.SearchStrategy[tuple[AnyPart, ...]] = st.just(())


@st.composite
def assistant_parts(draw: st.DrawFn) -> tuple[AnyPart, ...]:
    parts: list[AnyPart] = list(draw(st.lists(st.one_of(reasonings, texts.filter(lambda part: not part.extra), calls, opaque), max_size=3)))
    return (*parts, *draw(no_parts | cited))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            messages.append(Message("tool", tuple(draw(st.lists(results, min_size=1, max_size=2)))))
        else:
            messages.append(Message("user", tuple(draw(contents))))
        messages.append(Message("assistant", draw(assistant_parts())))
    named: set[str] = set()
    return tuple(Message(one.role, tuple(renamed(part, named) for part in one.parts), None, one.extra) for one in messages)


def renamed(part: AnyPart, named: set[str]) -> AnyPart:
    """No two documents have one name."""
    if not isinstance(part, File):
        return part
    name = part.name or ""
    while name in named:
        name += "x"
    named.add(name)
    return File(data=part.data, media_type=part.media_type, name=name, extra=part.extra)


tools = st.builds(Tool, name=names, description=perhaps(some_words), parameters=json_objects.filter(bool), strict=perhaps(st.booleans()))
reasoning_options = st.one_of(
    st.builds(ReasoningOptions, effort=st.sampled_from(["low", "high", "max"])),
    st.builds(ReasoningOptions, budget_tokens=counts, enabled=st.just(True), summary=st.sampled_from([None, "auto"])),
    st.builds(ReasoningOptions, enabled=st.booleans(), effort=st.sampled_from([None, "low"])),
)


def fitting(wanted: ReasoningOptions | None, conversation: tuple[Message, ...]) -> ReasoningOptions | None:
    """A budget would ask for the thought with which a turn of calls began."""
    calls = any(isinstance(part, ToolCall) for message in conversation for part in message.parts)
    return msgspec.structs.replace(wanted, budget_tokens=None) if wanted and calls else wanted


@st.composite
def requests(draw: st.DrawFn) -> Request:
    conversation = draw(conversations())
    some_tools = tuple(draw(st.lists(tools, max_size=2)))
    choice = draw(perhaps(st.sampled_from(["auto", "required"]) | st.builds(NamedTool, names))) if some_tools else None
    fields: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {}, optional={"guardrailConfig": json_objects, "serviceTier": st.just({"type": "flex"}), "zz_field": json_objects}
        )
    )
    return Request(
        model=draw(st.sampled_from([CLAUDE, "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-x"])),
        messages=conversation,
        stream=draw(st.booleans()),
        tools=some_tools,
        tool_choice=choice,
        response_format=draw(perhaps(st.builds(JsonFormat, schema=json_objects, name=perhaps(words), description=perhaps(words)))),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        top_k=draw(perhaps(counts)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        max_output_tokens=draw(perhaps(counts)),
        reasoning=fitting(draw(perhaps(reasoning_options)), conversation),
        metadata=draw(perhaps(st.dictionaries(words, words, min_size=1, max_size=2))),
        extra={NAME: fields} if fields else {},
    )


# --- answers ----------------------------------------------------------------------------------------------------------------------------

usages = st.builds(
    Usage,
    input_tokens=st.just(2**54).flatmap(lambda most: st.integers(most // 2, most)),
    output_tokens=counts,
    cache_read_tokens=perhaps(st.integers(0, 2**40)),
    cache_write_tokens=perhaps(st.integers(0, 2**40)),
)
finishes = st.sampled_from(
    [
        FinishReason("stop", "end_turn"),
        FinishReason("stop", "stop_sequence"),
        FinishReason("length", "max_tokens"),
        FinishReason("tool_calls", "tool_use"),
        FinishReason("content_filter", "guardrail_intervened"),
        FinishReason("other", "malformed_tool_use"),
    ]
)
server_blocks: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"toolUse": {"toolUseId": "s", "name": "x", "type": "server_tool_use", "input": {"a": [1]}}},
        {"toolResult": {"toolUseId": "s", "type": "x_result", "content": [{"json": {"a": 1}}, {"text": "b"}]}},
        {"hologram": {"x": 1, "y": "z"}},
    ]
)


@st.composite
def blocks(draw: st.DrawFn, index: int) -> list[Event]:
    """One block, complete."""
    chance = random.Random(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["text", "reasoning", "hidden", "tool", "image", "opaque"]))
    match kind:
        case "text":
            spoken: list[Event] = [TextDelta(index, piece) for piece in cut(draw(some_words), chance)]
            sources = [SourceAdded(source_of(record), 0, index) for record in draw(st.lists(records, max_size=2))]
            return [BlockStarted(index, "text"), *spoken, *sources, BlockEnded(index)]
        case "reasoning":
            thought: list[Event] = [ReasoningDelta(index, piece) for piece in cut(draw(some_words), chance)]
            return [BlockStarted(index, "reasoning"), *thought, BlockEnded(index, draw(perhaps(some_words)))]
        case "hidden":
            return [BlockStarted(index, "reasoning", redacted_data=draw(words)), BlockEnded(index)]
        case "tool":
            asked: list[Event] = [ToolDelta(index, piece) for piece in cut(draw(exact), chance)]
            return [BlockStarted(index, "tool", f"call-{index}", draw(names)), *asked, BlockEnded(index)]
        case "image":
            seen: list[Event] = [MediaDelta(index, draw(st.binary(min_size=1, max_size=6))) for _ in range(draw(st.integers(1, 2)))]
            return [BlockStarted(index, "image", media_type=draw(st.sampled_from(sorted(IMAGES.values())))), *seen, BlockEnded(index)]
        case _:
            return [BlockStarted(index, "opaque", extra={NAME: draw(server_blocks)}), BlockEnded(index)]


@st.composite
def answers(draw: st.DrawFn, interleaved: bool = False) -> list[Event]:
    """A whole answer; ``interleaved`` opens blocks beside one another, as some vendors do."""
    many = [draw(blocks(index)) for index in range(draw(st.integers(0, 4)))]
    inside = interleave(many, random.Random(draw(st.integers(0, 1000)))) if interleaved else [event for block in many for event in block]
    own_end: dict[str, Any] = draw(st.sampled_from([{}, {"trace": {"x": 1}, "additionalModelResponseFields": {"s": "END"}}]))
    end = Finished(draw(finishes), draw(usages), 0, {NAME: {"metrics": {"latencyMs": draw(counts)}, **own_end}})
    return [Started(), *inside, end]
