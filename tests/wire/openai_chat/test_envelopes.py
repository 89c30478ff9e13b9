"""A text that is written into the envelope of the one before it gives the bytes that its own chunk would have given."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.core.events import BlockEnded, BlockStarted, Event, ReasoningDelta, Started, TextDelta, TokenLogprob
from dragoman.core.messages import Message, Text
from dragoman.core.opaque import Extra
from dragoman.core.request import Request
from dragoman.wire.openai_chat.encoder import ChunkBuilder, encoder
from dragoman.wire.quirks import NONE
from dragoman.wire.sse import encode_event

SURE = (TokenLogprob("a", -0.5),)
EVENTS: list[Event] = [
    Started(id='c""1', model="m", extra={"openai_chat": {"service_tier": ""}}),
    BlockStarted(0, "reasoning"),
    ReasoningDelta(0, "hm"),
    BlockEnded(0),
    BlockStarted(1, "text"),
    TextDelta(1, "a"),
    TextDelta(1, 'b "\n'),
    TextDelta(1, "c", SURE),
    TextDelta(1, "d"),
    BlockStarted(0, "text", choice=1),
    TextDelta(0, "e", SURE, 1),
    TextDelta(0, "f", None, 1),
    TextDelta(1, "g"),
    BlockStarted(0, "text", choice=2),
    TextDelta(0, "first of its choice", None, 2),
    TextDelta(0, "second of its choice", None, 2),
    BlockEnded(1),
    BlockStarted(2, "refusal"),
    TextDelta(2, "no"),
    TextDelta(2, ""),
]


@pytest.mark.parametrize("with_usage", [True, False])
def test_each_event_gives_the_bytes_of_its_chunks(with_usage: bool) -> None:
    extra: Extra = {"openai_chat": {"stream_options": {"include_usage": with_usage}}}
    request = Request(model="m", messages=(Message("user", (Text("-"),)),), stream=True, extra=extra)
    stream, builder = encoder(request, NONE), ChunkBuilder("m", with_usage)
    for event in EVENTS:
        assert stream.send(event) == b"".join(encode_event(msgspec.json.encode(chunk)) for chunk in builder.chunks(event))
