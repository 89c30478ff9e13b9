"""Streams of this wire written by hand, and what is asked by default."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire import openai_responses
from dragoman.wire.quirks import NONE, Quirks

NAME = "openai_responses"
HEAD: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "gpt-x"}
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 17,
}


def asked(stream: bool = True, **fields: Any) -> Request:
    return Request(model="asked-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, **fields)


def response(status: str = "in_progress", output: Iterable[Any] = (), **fields: Any) -> dict[str, Any]:
    return {**HEAD, "status": status, "output": list(output), "usage": USAGE if status != "in_progress" else None, **fields}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


CREATED = event("response.created", response=response())


def completed(*output: Any, **fields: Any) -> dict[str, Any]:
    return event("response.completed", response=response("completed", output, **fields))


def added(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return event("response.output_item.added", output_index=index, item={"type": kind, **fields})


def done(index: int, item: Any) -> dict[str, Any]:
    return event("response.output_item.done", output_index=index, item=item)


def message(name: str, *content: Any, **fields: Any) -> dict[str, Any]:
    return {"id": name, "type": "message", "status": "completed", "role": "assistant", "content": list(content), **fields}


def text(words: str, *annotations: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": list(annotations), "logprobs": []}


def delta(index: int, words: str, place: int = 0, kind: str = "output_text", **fields: Any) -> dict[str, Any]:
    return event(f"response.{kind}.delta", output_index=index, content_index=place, item_id=f"msg_{index}", delta=words, **fields)


def written(*events: Any, named: bool = True) -> bytes:
    """The event stream, numbered."""
    lines = []
    for number, one in enumerate(events):
        head = f"event: {one['type']}\n" if named else ""
        lines.append(f"{head}data: {json.dumps({**one, 'sequence_number': number}, ensure_ascii=False)}\n\n")
    return "".join(lines).encode()


def decoder(streaming: bool = True, quirks: Quirks = NONE) -> Decoder:
    return openai_responses.decoder(streaming, quirks)


def encoded(events: Iterable[Event], request: Request) -> bytes:
    """What our server role says."""
    encoder = openai_responses.encoder(request, NONE)
    return b"".join([encoder.send(one) for one in events]) + encoder.close()


def written_request(request: Request, quirks: Quirks = NONE) -> Any:
    """The body of a request."""
    return json.loads(openai_responses.encode_request(request, quirks).body)


def read_request(body: Any, quirks: Quirks = NONE) -> Request:
    return openai_responses.decode_request(Call("POST", "/responses", (), json.dumps(body).encode()), quirks)
