"""Gemini: ``countTokens``, a call of its own, in both roles.

https://ai.google.dev/api/tokens and https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens, read 2026-11-21.
The Gemini API takes a bare conversation, or a whole request in ``generateContentRequest``; Vertex AI takes the request's fields themselves.
All are read. The count is the input of a ``Usage``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.opaque import JsonObject
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire.gemini.errors import decode_error
from dragoman.wire.gemini.numbers import MODALITIES, word
from dragoman.wire.gemini.parts import camel, merge
from dragoman.wire.gemini.request import decode_path, encode_body, encode_path, request_from
from dragoman.wire.payload import dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/models/{model}:countTokens"
ROUTES: Final = (r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?/(?:models|tunedModels|endpoints)/[^/]+:countTokens",)

_HEADERS: Final = (("content-type", "application/json; charset=UTF-8"),)
_WRAPPED: Final = "generateContentRequest"


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call that counts ``request``."""
    warnings: list[str] = []
    body = encode_body(request, quirks, warnings)
    url = encode_path(request.model, "countTokens", quirks)
    if not quirks.vertex and body.keys() != {"contents"}:
        body = {_WRAPPED: {"model": url.removeprefix("/").rpartition(":")[0], **body}}
    return Call("POST", url, with_headers((("content-type", "application/json"),), quirks.headers), dump(body), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What is to be counted. Raises ``BadRequest`` that names the field."""
    model, method, _ = decode_path(call.url)
    if method != "countTokens":
        raise BadRequest(f"{method}: countTokens is expected")
    given = camel(parse_request(call.body))
    inner = given.pop(_WRAPPED, None)
    if inner is not None and not isinstance(inner, dict):
        raise BadRequest(f"{_WRAPPED}: {type(inner).__name__} was given; an object is expected", param=_WRAPPED)
    whole = merge(given, camel(inner)) if inner else given
    whole.pop("model", None)
    return request_from(whole, model, False, {})


class _Modality(msgspec.Struct, rename="camel"):
    modality: str | int | None = None
    token_count: int | None = None


class _Count(msgspec.Struct, rename="camel"):
    total_tokens: int | None = None
    cached_content_token_count: int | None = None
    prompt_tokens_details: list[_Modality] | None = None


_COUNT: Final = msgspec.json.Decoder(_Count)


def decode_reply(reply: Reply, quirks: Quirks) -> Usage:
    """The count. Raises the error that the answer tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _COUNT)
    if told.total_tokens is None and not told.prompt_tokens_details:
        raise BadReply("the answer holds no count", body=snippet(reply.body))
    sound = [one.token_count or 0 for one in told.prompt_tokens_details or () if word(one.modality, MODALITIES) == "AUDIO"]
    return Usage(
        input_tokens=told.total_tokens,
        cache_read_tokens=told.cached_content_token_count,
        input_audio_tokens=sum(sound) if sound else None,
        raw=parse_object(reply.body),
    )


def encode_reply(usage: Usage, request: Request, quirks: Quirks) -> Reply:
    """The count as the vendor tells it."""
    if usage.raw and "totalTokens" in usage.raw:
        return Reply(200, _HEADERS, dump(usage.raw))
    body: JsonObject = {"totalTokens": usage.input_tokens or 0}
    if usage.cache_read_tokens is not None:
        body["cachedContentTokenCount"] = usage.cache_read_tokens
    if usage.input_audio_tokens is not None:
        rest = max(0, body["totalTokens"] - usage.input_audio_tokens)
        body["promptTokensDetails"] = [
            {"modality": "TEXT", "tokenCount": rest},
            {"modality": "AUDIO", "tokenCount": usage.input_audio_tokens},
        ]
    return Reply(200, _HEADERS, dump(body))
