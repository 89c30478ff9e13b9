"""Questions that tests ask, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

from dragoman.core.messages import AnyPart, Message, Role, Text
from dragoman.core.request import Request
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE, Quirks

from .streams import CLAUDE, body_of, call_of

NOVA, GPT, LLAMA, DEEPSEEK = "us.amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0", "us.meta.llama4-v1:0", "us.deepseek.r1-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0"


def user(*parts: AnyPart, model: str = CLAUDE, **fields: Any) -> Request:
    return Request(model=model, messages=(Message("user", parts or (Text(text="Hi"),)),), **fields)


def turns(*messages: Message, model: str = CLAUDE) -> Request:
    return Request(model=model, messages=messages)


def said(role: Role, *parts: AnyPart) -> Message:
    return Message(role, parts)


def encoded(request: Request, quirks: Quirks = NONE) -> tuple[Any, list[str]]:
    call = bedrock_converse.encode_request(request, quirks)
    return json.loads(call.body), list(call.warnings)


def decoded(body: Any, model: str = CLAUDE) -> Request:
    return bedrock_converse.decode_request(call_of(body, model), NONE)


def blocks_of(request: Request) -> Any:
    return body_of(request)["messages"][0]["content"]
