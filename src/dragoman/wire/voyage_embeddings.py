"""Voyage's embeddings, in both roles: OpenAI's form with other names for its options.

Documentation: https://docs.voyageai.com/reference/embeddings-api, read 2026-11-21. ``input_type`` is what the vectors are for,
``output_dimension`` their length, ``output_dtype`` their number form; ``usage`` counts ``total_tokens`` alone.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.exchange import Call, Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_call import json_call, json_reply, rest
from dragoman.wire.openai_embeddings import decode_input, decode_reply, texts_of
from dragoman.wire.openai_embeddings import encode_reply as openai_reply
from dragoman.wire.payload import convert, parse_object, parse_request
from dragoman.wire.quirks import Quirks

__all__ = ["PATH", "ROUTES", "decode_reply", "decode_request", "encode_reply", "encode_request"]

PATH: Final = "/embeddings"
ROUTES: Final = (PATH,)


class _Body(msgspec.Struct):
    model: str
    input: str | list[Json]
    input_type: str | None = None
    output_dimension: int | None = None
    encoding_format: str | None = None


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = ["user: not understood by this provider, left out"] if request.user is not None else []
    body: JsonObject = {"model": request.model, "input": texts_of(request)}
    if request.purpose is not None:
        body["input_type"] = request.purpose
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    for encoding in request.encodings:
        if encoding == "base64":
            body["encoding_format"] = encoding
        elif encoding != "float":
            body["output_dtype"] = encoding
    return json_call(PATH, request.model, body, request.extra, quirks, warnings)


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    return EmbedRequest(
        model=body.model,
        inputs=decode_input(body.input),
        dimensions=body.output_dimension,
        purpose=body.input_type,
        encodings=(body.encoding_format,) if body.encoding_format is not None else (),
        extra=rest(given, _Body.__struct_fields__),
    )


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    body = parse_object(openai_reply(embeddings, request, quirks).body)
    body["usage"] = {"total_tokens": body["usage"]["total_tokens"]}
    return json_reply(body)
