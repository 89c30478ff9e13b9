"""OpenAI's embeddings, in both roles; most hosts have copied them.

Documentation: https://platform.openai.com/docs/api-reference/embeddings, read 2026-11-21. Vectors come as lists of numbers or, asked for
as ``base64``, as little-endian 32-bit floats in base64, which is a third of the size and what OpenAI's clients ask for.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedRequest, Tokens, readable
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.media import decode_base64, encode_base64
from dragoman.wire.openai_call import answer, counted, json_call, json_reply, rest, routes
from dragoman.wire.openai_chat.request import with_deployment
from dragoman.wire.payload import convert, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/embeddings"
ROUTES: Final = routes(PATH)

Vector = tuple[float, ...]


class _Body(msgspec.Struct):
    model: str
    input: str | list[Json]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None


class _Item(msgspec.Struct):
    embedding: str | Vector
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Item] | None = None
    id: str | None = None
    model: str | None = None
    usage: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_KNOWN: Final = frozenset({"object", *_Answer.__struct_fields__})


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = ["purpose: not understood by this provider, left out"] if request.purpose is not None else []
    body: JsonObject = {"model": request.model, "input": _encode_inputs(request)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.encodings:
        body["encoding_format"] = request.encodings[0]
        warnings.extend(f"encodings: this wire takes one, {other!r} is left out" for other in request.encodings[1:])
    if request.user is not None:
        body["user"] = request.user
    return json_call(PATH, request.model, body, request.extra, quirks, warnings)


def _encode_inputs(request: EmbedRequest) -> Json:
    """Texts, or tokens where all inputs are such."""
    tokens = [one.numbers for one in request.inputs if isinstance(one, Tokens)]
    return tokens if tokens and len(tokens) == len(request.inputs) else texts_of(request)


def texts_of(request: EmbedRequest) -> list[str]:
    """The inputs as texts, which is all that wires of this form take."""
    inputs = readable(request)
    texts = [one for one in inputs if isinstance(one, str)]
    if len(texts) != len(inputs):
        raise Unsupported("inputs: this wire embeds plain texts alone")
    if not texts:
        raise BadRequest("inputs: there are none; at least one is expected", param="inputs")
    return texts


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded. Raises ``BadRequest`` that names the field."""
    given = with_deployment(parse_request(call.body), call.url)
    body = convert(given, _Body, "the request body")
    return EmbedRequest(
        model=body.model,
        inputs=_decode_inputs(body.input),
        dimensions=body.dimensions,
        encodings=(body.encoding_format,) if body.encoding_format is not None else (),
        user=body.user,
        extra=rest(given, _Body.__struct_fields__),
    )


def _decode_inputs(given: str | list[Json]) -> tuple[str | Tokens, ...]:
    """Texts, one text's tokens, or those of several."""
    if isinstance(given, list) and given and all(isinstance(one, int) for one in given):
        given = [given]
    if isinstance(given, list) and given and all(isinstance(one, list) for one in given):
        return tuple(Tokens(convert(one, tuple[int, ...], f"input[{i}]")) for i, one in enumerate(given))
    return decode_input(given)


def decode_input(given: str | list[Json]) -> tuple[str, ...]:
    """The texts. Raises ``BadRequest``: token numbers mean nothing to any other vendor."""
    texts = [given] if isinstance(given, str) else given
    if not texts:
        raise BadRequest("input: the list is empty; at least one text is expected", param="input")
    odd = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
    if odd is not None:
        raise BadRequest(f"input[{odd}]: {type(texts[odd]).__name__} was given; texts alone are taken here, not tokens", param="input")
    return tuple(texts)


def decode_reply(reply: Reply, quirks: Quirks) -> Embeddings:
    """The vectors of an answer. Raises the error that it tells, or ``BadReply``."""
    told = answer(reply, _ANSWER, quirks)
    if told.data is None:
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    places = [i if item.index is None else item.index for i, item in enumerate(told.data)]
    if sorted(places) != list(range(len(places))):
        raise BadReply(f"the answer's embeddings have the places {places[:20]}", body=snippet(reply.body))
    vectors = dict(zip(places, (_vector(item.embedding) for item in told.data), strict=True))
    return Embeddings(
        vectors=tuple(vectors[place] for place in range(len(vectors))),
        id=told.id,
        model=told.model,
        usage=counted(told.usage),
        extra=rest(parse_object(reply.body), _KNOWN),
    )


def _vector(given: str | Vector) -> Vector:
    if not isinstance(given, str):
        return given
    try:
        data = decode_base64(given, "embedding")
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (BadRequest, struct.error):
        raise BadReply("an embedding of the answer is no base64 of 32-bit numbers", body=given[:200]) from None


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, in the number form it asked for."""
    as_text = request.encodings[:1] == ("base64",)
    data = [
        {"object": "embedding", "index": i, "embedding": encode_base64(struct.pack(f"<{len(vector)}f", *vector)) if as_text else vector}
        for i, vector in enumerate(embeddings.vectors)
    ]
    usage = embeddings.usage
    total = (usage.input_tokens if usage else None) or 0
    body: JsonObject = {
        "object": "list",
        "data": data,
        "model": embeddings.model or request.model,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
    if embeddings.id is not None:
        body["id"] = embeddings.id
    return json_reply({**body, **embeddings.extra.get("openai_chat", {})})
