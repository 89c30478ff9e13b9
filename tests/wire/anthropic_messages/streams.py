"""Streams written as the vendor writes them, and conversations that many tests ask with."""

from __future__ import annotations

import json
from typing import Any

from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire import anthropic_messages
from dragoman.wire.quirks import NONE, Quirks

NAME = "anthropic_messages"
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 30, "output_tokens": 1},
    },
}
PING = {"type": "ping"}
STOP = {"type": "message_stop"}


def opened(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    usage = {"output_tokens": 12}
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None, **fields}, "usage": usage}


def text(index: int, *pieces: str) -> list[dict[str, Any]]:
    return [opened(index, type="text", text=""), *(delta(index, "text_delta", text=piece) for piece in pieces), closed(index)]


def sse(*events: dict[str, Any]) -> bytes:
    """The stream, with the blanks that the vendor puts before a closing brace."""
    lines = []
    for i, event in enumerate(events):
        data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"event: {event['type']}\ndata: {data[:-1]}{' ' * (i % 5)}}}{' ' * (i % 3)}\n\n")
    return "".join(lines).encode()


def new_decoder(quirks: Quirks = NONE) -> Decoder:
    return anthropic_messages.decoder(True, quirks)


def new_whole(quirks: Quirks = NONE) -> Decoder:
    return anthropic_messages.decoder(False, quirks)


def asked(stream: bool = True) -> Request:
    return Request(model="asked-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, max_output_tokens=100)


def written(events: list[Event] | tuple[Event, ...], stream: bool = True) -> bytes:
    """What the server role answers with."""
    encoding = anthropic_messages.encoder(asked(stream), NONE)
    return b"".join([*map(encoding.send, events), encoding.close()])


def records(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream as objects, after asserting that each is named for its type."""
    found = []
    for block in data.decode().split("\n\n")[:-1]:
        name, _, told = block.partition("\n")
        record = json.loads(told.removeprefix("data: "))
        assert name == f"event: {record['type']}"
        found.append(record)
    return found


def call_of(body: object, url: str = "/v1/messages", *headers: tuple[str, str]) -> Call:
    return Call("POST", url, headers, json.dumps(body).encode())
