"""One text delta of every dialect, as its service sends it, to events and back: what streaming costs for each piece of an answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dragoman.core.events import BlockStarted, Event, Started, TextDelta
from dragoman.core.messages import Message, Text
from dragoman.core.opaque import Extra
from dragoman.core.request import Request
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE

STARTED: list[Event] = [Started(id="answer-1", model="model-1", created_s=1_759_436_803), BlockStarted(0, "text")]
DELTA = TextDelta(0, " rivers")


ARRAY = {"gemini": {"alt": "json"}}
"""Gemini's other form of a stream."""


def asked(name: str, extra: Extra) -> Request:
    model = "gemini-2.5-flash" if name == "gemini" else "model-1"
    return Request(model=model, messages=(Message("user", (Text(text="Name three rivers."),)),), stream=True, extra=extra)


def decode_one(name: str, chunk: bytes | None = None, extra: Extra | None = None) -> Callable[[], object]:
    """Feeds one delta to a decoder that is in the midst of an answer: ``chunk``, or the delta as our own server role writes it."""
    encoder, decoder = dialect(name).encoder(asked(name, extra or {}), NONE), dialect(name).decoder(True, NONE)
    decoder.feed(b"".join(encoder.send(event) for event in (*STARTED, DELTA)))
    data = chunk or encoder.send(DELTA)
    if not any(isinstance(event, TextDelta) for event in decoder.feed(data)):
        raise ValueError(f"{name}: the delta does not come as text")
    return partial(decoder.feed, data)


def encode_one(name: str, extra: Extra | None = None) -> Callable[[], object]:
    """Writes one delta in the midst of an answer."""
    encoder = dialect(name).encoder(asked(name, extra or {}), NONE)
    for event in (*STARTED, DELTA):
        encoder.send(event)
    return partial(encoder.send, DELTA)


def programs(chunks: dict[str, bytes]) -> dict[str, Callable[[], object]]:
    """By name of what each does."""
    decoding = {f"decode one {name} delta": decode_one(name, chunks.get(name)) for name in NAMES}
    encoding = {f"encode one {name} delta": encode_one(name) for name in NAMES}
    array = {"decode one gemini delta of an array": decode_one("gemini", None, ARRAY)}
    return {**decoding, **array, **encoding, "encode one gemini delta of an array": encode_one("gemini", ARRAY)}
