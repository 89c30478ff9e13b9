"""The dialect's two roles, in the forms in which the tests use them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from dragoman.core.events import Event
from dragoman.core.exchange import Call, Decoder
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire import gemini
from dragoman.wire.quirks import NONE

NAME = "gemini"
Form = Literal["sse", "array", "whole"]
FORMS: tuple[Form, ...] = ("sse", "array", "whole")
USER = Message("user", (Text(text="Hi"),))
HI = {"parts": [{"text": "Hi"}], "role": "user"}
"""The same, as it goes out."""


def asked(form: Form = "sse", **fields: Any) -> Request:
    extra = {NAME: {"alt": "json"}} if form == "array" else {}
    return Request(model="gemini-2.5-flash", messages=(Message("user", (Text(text="Hi"),)),), stream=form != "whole", extra=extra, **fields)


def written(events: Iterable[Event], form: Form) -> bytes:
    """An answer as the server role writes it."""
    encoder = gemini.encoder(asked(form), NONE)
    return b"".join(encoder.send(event) for event in events) + encoder.close()


def new_decoder(form: Form) -> Decoder:
    return gemini.decoder(form != "whole", NONE)


def call_of(body: Any, url: str = "/models/gemini-2.5-flash:generateContent") -> Call:
    return Call("POST", url, (("content-type", "application/json"),), json.dumps(body).encode())


def body_of(request: Request) -> Any:
    return json.loads(gemini.encode_request(request, NONE).body)


def sse(*chunks: Any) -> bytes:
    """Chunks as the vendor streams them."""
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)


def chunk(*parts: Any, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate | fields.pop("candidate", {})], "modelVersion": "gemini-2.5-flash", "responseId": "r1", **fields}


def request(*messages: Message, model: str = "gemini-2.5-flash", **fields: Any) -> Request:
    return Request(model=model, messages=messages or (USER,), **fields)


def decoded(body: Any, url: str = "/models/gemini-2.5-flash:generateContent") -> Request:
    return gemini.decode_request(call_of(body, url), NONE)
