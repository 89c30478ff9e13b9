"""Anthropic's token counting: how many input tokens a request would be, asked without running it.

Documentation: https://platform.claude.com/docs/en/api/messages-count-tokens, read 2026-11-21. The request is that of ``request`` without
what concerns the answer; the answer is ``{"input_tokens": n}``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.anthropic_messages.errors import decode_error
from dragoman.wire.anthropic_messages.request import encode_body, encode_head, encode_path, request_from
from dragoman.wire.payload import dump, parse, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/v1/messages/count_tokens"
ROUTES: Final = (PATH,)

_OF_THE_ANSWER: Final = frozenset(
    {"max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier", "container"}
)
"""Fields of a request that the vendor does not take here; they change no count."""


class _Count(msgspec.Struct):
    input_tokens: int | None = None


_COUNT: Final = msgspec.json.Decoder(_Count)


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call that counts the input of ``request``; its warnings name what could not be said."""
    warnings: list[str] = []
    body = encode_body(request, quirks, warnings)
    body = {name: value for name, value in apply_quirks(body, quirks, warnings).items() if name not in _OF_THE_ANSWER}
    quirks = msgspec.structs.replace(quirks, path=f"{quirks.path}/count_tokens") if quirks.path else quirks
    head = encode_head(request.extra, "application/json", quirks)
    return Call("POST", encode_path(request, PATH, quirks), head, dump(body), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller wants counted. Raises ``BadRequest`` that names the field."""
    return request_from(parse_request(call.body), call, quirks)


def decode_reply(reply: Reply, quirks: Quirks) -> Usage:
    """The count of input tokens. Raises the error that a failing answer means, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    count = parse(reply.body, _COUNT).input_tokens
    if count is None:
        raise BadReply("the answer holds no count of tokens", body=snippet(reply.body))
    return Usage(input_tokens=count, raw={"input_tokens": count})


def encode_reply(usage: Usage, request: Request, quirks: Quirks) -> Reply:
    """A whole answer that tells the count."""
    return Reply(200, (("content-type", "application/json"),), dump({"input_tokens": usage.input_tokens or 0}))
