"""Cohere's embeddings, ``/v2/embed``, in both roles. Documentation: https://docs.cohere.com/reference/embed, read 2026-11-21.

Texts go as ``texts``, pictures alone as ``images``, anything mixed as ``inputs``. The vendor wants to know what vectors are for; where the
caller did not say, they are for documents to be searched, and a warning says so. Other number forms than ``float`` stand in
``extra["cohere"]["embeddings"]``. There is no count of ``tokens`` here, so ``billed_units`` are taken.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedInput, EmbedRequest, readable
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Image, Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.cohere.citations import NAME
from dragoman.wire.cohere.errors import decode_error
from dragoman.wire.cohere.messages import decode_block
from dragoman.wire.media import encode_data_url
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/v2/embed"
ROUTES: Final = (PATH,)

PURPOSES: Final = {"document": "search_document", "query": "search_query"}
"""Our words for what vectors are for and Cohere's; the others are the same."""
OUR_PURPOSES: Final = {theirs: ours for ours, theirs in PURPOSES.items()}
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


class _Content(msgspec.Struct):
    content: list[Json]


class Inputs(msgspec.Struct):
    """What of a body are the inputs; one of the fields is set."""

    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[_Content] | None = None


class _Body(Inputs, kw_only=True):
    model: str
    input_type: str | None = None
    output_dimension: int | None = None
    embedding_types: list[str] | None = None


class _Vectors(msgspec.Struct, rename={"floats": "float"}):
    floats: list[tuple[float, ...]] | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    embeddings: _Vectors | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = ["user: not understood by this provider, left out"] if request.user is not None else []
    purpose = request.purpose
    if purpose is None:
        purpose = "document"
        warnings.append("purpose: it is required here, and 'document' assumed")
    body: JsonObject = {"model": request.model, "input_type": PURPOSES.get(purpose, purpose)}
    body |= encode_inputs(readable(request))
    body["embedding_types"] = list(request.encodings) or ["float"]
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    body = apply_quirks({**body, **request.extra.get(NAME, {})}, quirks, warnings)
    return Call("POST", quirks.path or PATH, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def encode_inputs(inputs: tuple[EmbedInput, ...]) -> JsonObject:
    """The field for inputs of their kind: all texts, all pictures, or anything mixed. Raises ``Unsupported`` for a picture elsewhere."""
    if all(isinstance(one, str) for one in inputs):
        return {"texts": list(inputs)}
    listed = [(Text(text=one),) if isinstance(one, str) else one for one in inputs]
    images = [parts[0] for parts in listed if len(parts) == 1 and isinstance(parts[0], Image)]
    if len(images) == len(listed):
        return {"images": [_encode_image(image) for image in images]}
    return {"inputs": [{"content": [_encode_part(part) for part in parts]} for parts in listed]}


def _encode_part(part: Text | Image) -> JsonObject:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": _encode_image(part)}}


def _encode_image(image: Image) -> str:
    if image.data is None:
        raise Unsupported("inputs: Cohere takes a picture to embed as data, not by URL or file id")
    return encode_data_url(image.data, image.media_type or "image/png")


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    own = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    encodings = tuple(body.embedding_types or ())
    return EmbedRequest(
        model=body.model,
        inputs=decode_inputs(body),
        dimensions=body.output_dimension,
        purpose=None if body.input_type is None else OUR_PURPOSES.get(body.input_type, body.input_type),
        encodings=() if encodings == ("float",) else encodings,
        extra={NAME: own} if own else {},
    )


def decode_inputs(body: Inputs) -> tuple[EmbedInput, ...]:
    """The inputs of a body. Raises ``BadRequest`` where there are none, or anything but texts and pictures."""
    if body.texts is not None:
        return tuple(body.texts)
    if body.images is not None:
        return tuple(_parts([{"type": "image_url", "image_url": {"url": url}}], f"images[{i}]") for i, url in enumerate(body.images))
    if body.inputs is not None:
        return tuple(_parts(one.content, f"inputs[{i}].content") for i, one in enumerate(body.inputs))
    raise BadRequest("texts: it is missing; texts, images or inputs are expected", param="texts")


def _parts(given: list[Json], where: str) -> tuple[Text | Image, ...]:
    parts = [decode_block(block, f"{where}[{i}]") for i, block in enumerate(given)]
    allowed = tuple(part for part in parts if isinstance(part, (Text, Image)))
    if len(allowed) != len(parts):
        raise BadRequest(f"{where}: texts and images alone can be embedded", param=where)
    return allowed


def decode_reply(reply: Reply, quirks: Quirks) -> Embeddings:
    """The vectors of an answer. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    answer = parse(reply.body, _ANSWER)
    if answer.embeddings is None:
        raise BadReply("the answer holds no embeddings by type", body=snippet(reply.body))
    record = parse_object(reply.body)
    own = {name: value for name, value in record.items() if name not in ("id", "embeddings", "meta")}
    others = {name: value for name, value in record["embeddings"].items() if name != "float" and value is not None}
    if others:
        own["embeddings"] = others
    return Embeddings(
        vectors=tuple(answer.embeddings.floats or ()),
        id=answer.id,
        usage=_decode_usage(record.get("meta")),
        extra={NAME: own} if own else {},
    )


def _decode_usage(meta: Json) -> Usage | None:
    if not isinstance(meta, dict):
        return None
    billed = meta.get("billed_units")
    counts = [billed.get(name) for name in ("input_tokens", "image_tokens")] if isinstance(billed, dict) else []
    known = [int(count) for count in counts if isinstance(count, (int, float))]
    return Usage(input_tokens=sum(known) if known else None, raw=meta)


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    own = dict(embeddings.extra.get(NAME, {}))
    vectors: JsonObject = dict(own.pop("embeddings", {}))
    if embeddings.vectors or not vectors:
        vectors["float"] = embeddings.vectors
    encoded: JsonObject = {"id": embeddings.id or "", "embeddings": vectors}
    texts = [text for text in request.inputs if isinstance(text, str)]
    if texts:
        encoded["texts"] = texts
    encoded["meta"] = _encode_usage(embeddings.usage)
    encoded["response_type"] = "embeddings_by_type"
    return Reply(200, (("content-type", "application/json"),), dump({**encoded, **own}))


def _encode_usage(usage: Usage | None) -> JsonObject:
    if usage and usage.raw and "billed_units" in usage.raw:
        return usage.raw
    billed = {"input_tokens": usage.input_tokens} if usage and usage.input_tokens is not None else {}
    return {"api_version": {"version": "2"}, "billed_units": billed}
