"""Streams written as the vendor writes them, and what many tests ask with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire import bedrock_converse
from dragoman.wire.eventstream import decode_messages, encode_event
from dragoman.wire.quirks import NONE, Quirks

NAME = "bedrock_converse"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
Record = tuple[str, dict[str, Any]]
"""An event's name and its JSON."""

START: Record = ("messageStart", {"role": "assistant"})
METADATA: Record = (
    "metadata",
    {
        "usage": {"inputTokens": 7, "outputTokens": 12, "totalTokens": 51, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 2},
        "metrics": {"latencyMs": 345},
    },
)


def begun(index: int, **start: Any) -> Record:
    return "contentBlockStart", {"contentBlockIndex": index, "start": start}


def delta(index: int, **delta: Any) -> Record:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}


def closed(index: int) -> Record:
    return "contentBlockStop", {"contentBlockIndex": index}


def text(index: int, *pieces: str) -> list[Record]:
    return [*(delta(index, text=piece) for piece in pieces), closed(index)]


def tool(index: int, id: str, name: str, *pieces: str) -> list[Record]:
    start = begun(index, toolUse={"toolUseId": id, "name": name})
    return [start, *(delta(index, toolUse={"input": piece}) for piece in pieces), closed(index)]


def stopped(reason: str | None = "end_turn", **fields: Any) -> Record:
    return "messageStop", {"stopReason": reason, **fields}


def stream(*records: Record) -> bytes:
    """The bytes, with the padding that the vendor adds to each event."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    parts = []
    for i, (name, record) in enumerate(records):
        padded = {**record, "p": alphabet[: 1 + i * 7 % 26]}
        parts.append(encode_event(name, json.dumps(padded, ensure_ascii=False, separators=(",", ":")).encode()))
    return b"".join(parts)


def answer(*records: Record, reason: str = "end_turn") -> bytes:
    return stream(START, *records, stopped(reason), METADATA)


def whole(*blocks: dict[str, Any], reason: str = "end_turn", **fields: Any) -> bytes:
    told = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": reason,
        "usage": {"inputTokens": 7, "outputTokens": 12, "totalTokens": 19},
        "metrics": {"latencyMs": 345},
        **fields,
    }
    return json.dumps(told, ensure_ascii=False).encode()


def new_decoder(quirks: Quirks = NONE) -> Decoder:
    return bedrock_converse.decoder(True, quirks)


def new_whole(quirks: Quirks = NONE) -> Decoder:
    return bedrock_converse.decoder(False, quirks)


def asked(stream: bool = True, model: str = CLAUDE) -> Request:
    return Request(model=model, messages=(Message("user", (Text(text="Hi"),)),), stream=stream)


def written(events: Iterable[Event], stream: bool = True) -> bytes:
    """What the server role answers with."""
    encoding = bedrock_converse.encoder(asked(stream), NONE)
    return b"".join([*map(encoding.send, events), encoding.close()])


def records(data: bytes) -> list[Record]:
    """The events of a stream, after asserting that each is framed as the vendor frames it."""
    found = []
    for message in decode_messages(data):
        names = [header.name for header in message.headers]
        assert names == [":event-type", ":content-type", ":message-type"]
        assert (message.text(":content-type"), message.text(":message-type")) == ("application/json", "event")
        found.append((message.text(":event-type") or "", json.loads(message.payload)))
    return found


def call_of(body: object, model: str = CLAUDE, stream: bool = False) -> Call:
    path = bedrock_converse.encode_request(asked(stream, model), NONE).url
    return Call("POST", path, (), json.dumps(body).encode())


def body_of(request: Request, quirks: Quirks = NONE) -> Any:
    """The JSON that a request becomes, after asserting that nothing of it was left out."""
    call = bedrock_converse.encode_request(request, quirks)
    assert call.warnings == ()
    return json.loads(call.body)
