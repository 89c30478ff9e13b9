"""Gemini: ``embedContent`` and ``batchEmbedContents``, calls of their own, in both roles.

Documentation: https://ai.google.dev/api/embeddings, read 2026-11-21. One content is asked for by the first, several by the second; the
answer is one ``embedding`` or a list of ``embeddings``. Options stand with each content on this wire and hold for all in ours, so contents
with options of their own are refused. Vertex AI asks otherwise (``vertex_embed``).
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedInput, EmbedRequest, readable
from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.messages import Image, Text
from dragoman.core.opaque import JsonObject
from dragoman.wire.gemini import vertex_embed
from dragoman.wire.gemini.errors import decode_error
from dragoman.wire.gemini.parts import NAME, camel, decode_part, encode_part, kept, without
from dragoman.wire.gemini.request import decode_path, encode_path
from dragoman.wire.gemini.usage import decode_usage, encode_usage
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/models/{model}:batchEmbedContents"
ROUTES: Final = (
    *vertex_embed.ROUTES,
    r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?/(?:models|tunedModels)/[^/]+:(?:embedContent|batchEmbedContents)",
)

PURPOSES: Final = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
"""Our words for what vectors are for and the vendor's; any other is sent as it is."""
_OUR_PURPOSES: Final = {theirs: ours for ours, theirs in PURPOSES.items()}
_ONE: Final = "embedContent"
_MANY: Final = "batchEmbedContents"
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = ["user: not understood by this provider, left out"] if request.user is not None else []
    if any(encoding != "float" for encoding in request.encodings):
        warnings.append("encodings: this provider knows float alone, left out")
    own = dict(request.extra.get(NAME, {}))
    asked_by = own.pop("method", None)
    contents = [_encode_input(one, i, warnings) for i, one in enumerate(readable(request))]
    options = {**_encode_options(request), **own}
    if quirks.vertex:
        method, body = vertex_embed.encode_body(request.model, contents, options)
    else:
        method = _ONE if asked_by == _ONE and len(contents) == 1 else _MANY
        head = {"model": encode_path(request.model, _MANY, quirks).removeprefix("/").rpartition(":")[0]}
        asked = [{**head, "content": content, **options} for content in contents]
        body = asked[0] if method == _ONE else {"requests": asked}
    body = apply_quirks(body, quirks, warnings)
    url = encode_path(request.model, method, quirks)
    return Call("POST", url, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def _encode_options(request: EmbedRequest) -> JsonObject:
    options: JsonObject = {}
    if request.purpose is not None:
        options["taskType"] = PURPOSES.get(request.purpose, request.purpose)
    if request.dimensions is not None:
        options["outputDimensionality"] = request.dimensions
    return options


def _encode_input(given: EmbedInput, position: int, warnings: list[str]) -> JsonObject:
    parts = (Text(text=given),) if isinstance(given, str) else given
    return {"parts": [encoded for part in parts for encoded in encode_part(part, f"inputs[{position}]", warnings)]}


class _Asked(msgspec.Struct, rename="camel"):
    content: JsonObject
    task_type: str | None = None
    output_dimensionality: int | None = None


_ASKED: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Asked))


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded. Raises ``BadRequest`` that names the field."""
    model, method, _ = decode_path(call.url)
    if method not in (_ONE, _MANY, vertex_embed.PREDICT):
        raise BadRequest(f"{method}: {_ONE} or {_MANY} is expected")
    given = camel(parse_request(call.body))
    told = vertex_embed.decode_instances(given) if method == vertex_embed.PREDICT else given.get("requests") if method == _MANY else [given]
    if not isinstance(told, list) or not told or not all(isinstance(one, dict) for one in told):
        raise BadRequest("requests: a list of at least one object is expected", param="requests")
    asked = [without(vertex_embed.opened(camel(one)), "model") for one in told]
    read = [convert(one, _Asked, f"requests[{i}]") for i, one in enumerate(asked)]
    if any(without(one, "content") != without(asked[0], "content") for one in asked):
        raise BadRequest("requests: options that differ from content to content cannot be carried", param="requests")
    first = read[0]
    own = {**without(asked[0], *_ASKED), **({"method": method} if method != _MANY else {})}
    return EmbedRequest(
        model=model,
        inputs=tuple(_decode_input(one.content, f"requests[{i}].content") for i, one in enumerate(read)),
        dimensions=first.output_dimensionality,
        purpose=None if first.task_type is None else _OUR_PURPOSES.get(first.task_type, first.task_type),
        extra=kept(own),
    )


def _decode_input(content: JsonObject, where: str) -> EmbedInput:
    given = content.get("parts")
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list) or not given:
        raise BadRequest(f"{where}.parts: a list of at least one part is expected", param=f"{where}.parts")
    parts = [decode_part(part, f"{where}.parts[{i}]") for i, part in enumerate(given)]
    allowed = tuple(part for part in parts if isinstance(part, Text | Image))
    if len(allowed) != len(parts):
        raise BadRequest(f"{where}: texts and images alone can be embedded", param=where)
    return allowed[0].text if len(allowed) == 1 and allowed[0] == Text(text=getattr(allowed[0], "text", "")) else allowed


class _Vector(msgspec.Struct):
    values: tuple[float, ...] = ()


class _Answer(msgspec.Struct, rename="camel"):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage_metadata: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def decode_reply(reply: Reply, quirks: Quirks) -> Embeddings:
    """The vectors of an answer. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    if vertex_embed.answered_by_predict(reply):
        return vertex_embed.decode_predictions(reply)
    told = parse(reply.body, _ANSWER)
    vectors = told.embeddings if told.embedding is None else [told.embedding]
    if not vectors:
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    rest = without(parse_object(reply.body), "embedding", "embeddings", "usageMetadata")
    usage = decode_usage(told.usage_metadata) if told.usage_metadata else None
    return Embeddings(vectors=tuple(one.values for one in vectors), usage=usage, extra=kept(rest))


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, in the form it asked for."""
    asked_by = request.extra.get(NAME, {}).get("method")
    if asked_by == vertex_embed.PREDICT:
        return vertex_embed.encode_predictions(embeddings, embeddings.extra.get(NAME, {}))
    vectors: list[JsonObject] = [{"values": vector} for vector in embeddings.vectors]
    alone = asked_by == _ONE and len(vectors) == 1
    body: JsonObject = {"embedding": vectors[0]} if alone else {"embeddings": vectors}
    if embeddings.usage is not None:
        body["usageMetadata"] = encode_usage(embeddings.usage)
    body |= embeddings.extra.get(NAME, {})
    return Reply(200, (("content-type", "application/json; charset=UTF-8"),), dump(body))
