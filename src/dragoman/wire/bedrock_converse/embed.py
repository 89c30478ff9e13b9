"""Bedrock: embeddings, in both roles, by ``InvokeModel``, whose body has the form of the model's maker.

Three forms are spoken: Cohere's, much like its own API's, that of Amazon's Nova (``nova_embed``), and that of Amazon's Titan for text,
which takes one text a call; see https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html, …-embed-v4.html and
…-titan-embed-text.html, read 2026-11-21. A model whose name tells no maker, such as an ARN, is asked in Titan's form, and a warning says
so. What was read is counted in a header.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from dragoman.core.embedding import Embeddings, EmbedRequest, readable
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply, header, with_headers
from dragoman.core.messages import Text
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.bedrock_converse import nova_embed
from dragoman.wire.bedrock_converse.content import NAME, as_extra, own_fields
from dragoman.wire.bedrock_converse.errors import decode_error
from dragoman.wire.bedrock_converse.request import encode_path
from dragoman.wire.carried import foreign_fields
from dragoman.wire.cohere.embed import OUR_PURPOSES, PURPOSES, Inputs, decode_inputs, encode_inputs
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/model/{model}/invoke"
ROUTES: Final = (r"/model/.+/invoke",)

COUNT: Final = "x-amzn-bedrock-input-token-count"
_LOCATED: Final = re.compile(r"/model/(.+)/invoke")
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said. Raises ``Unsupported`` for several inputs of a model for one."""
    warnings = ["user: not understood by this provider, left out"] if request.user is not None else []
    body = apply_quirks(_encode_body(request, warnings), quirks, warnings)
    warnings.extend(foreign_fields(request, NAME))
    url = encode_path(request.model, False, msgspec.structs.replace(quirks, path=PATH))
    return Call("POST", url, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def _encode_body(request: EmbedRequest, warnings: list[str]) -> JsonObject:
    """The body in the form of the model's maker."""
    if nova_embed.speaks(request.model):
        return nova_embed.encode_body(request, warnings)
    body = _encode_cohere(request, warnings) if "cohere" in request.model else _encode_titan(request, warnings)
    return {**body, **own_fields(request.extra)}


def _encode_cohere(request: EmbedRequest, warnings: list[str]) -> JsonObject:
    purpose = request.purpose
    if purpose is None:
        purpose = "document"
        warnings.append("purpose: it is required here, and 'document' assumed")
    body: JsonObject = {"input_type": PURPOSES.get(purpose, purpose), **encode_inputs(readable(request))}
    if "inputs" in body:
        body["inputs"] = [{"content": [_flat(part) for part in one["content"]]} for one in body["inputs"]]
    if request.encodings:
        body["embedding_types"] = list(request.encodings)
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    return body


def _flat(part: JsonObject) -> JsonObject:
    """The address of a picture is a plain text here."""
    return {**part, "image_url": part["image_url"]["url"]} if "image_url" in part else part


def _encode_titan(request: EmbedRequest, warnings: list[str]) -> JsonObject:
    if "titan-embed-text" not in request.model:
        warnings.append(f"model: {request.model} tells no maker whose form is known; it is asked as Amazon's Titan for text is")
    if request.purpose is not None:
        warnings.append("purpose: not understood by this provider, left out")
    text = request.inputs[0] if len(request.inputs) == 1 else None
    if isinstance(text, tuple) and len(text) == 1 and isinstance(text[0], Text):
        text = text[0].text
    if not isinstance(text, str):
        raise Unsupported(f"inputs: Amazon's Titan embeds one text a call; {len(request.inputs)} inputs were given, or a picture")
    body: JsonObject = {"inputText": text}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.encodings:
        body["embeddingTypes"] = list(request.encodings)
    return body


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Cohere(Inputs, kw_only=True):
    input_type: str | None = None
    output_dimension: int | None = None
    embedding_types: list[str] | None = None


class _Titan(msgspec.Struct, rename="camel"):
    input_text: str
    dimensions: int | None = None
    embedding_types: list[str] | None = None


_COHERE: Final = _Cohere.__struct_fields__
_TITAN: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Titan))


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded, in either maker's form. Raises ``BadRequest`` that names the field."""
    path = urlsplit(call.url).path
    found = _LOCATED.search(path)
    if found is None or found.end() != len(path):
        raise BadRequest(f"the path {path!r} names no model; {PATH} is expected")
    model, given = unquote(found[1]), parse_request(call.body)
    if "inputText" in given:
        titan = convert(given, _Titan, "the request body")
        return EmbedRequest(
            model=model,
            inputs=(titan.input_text,),
            dimensions=titan.dimensions,
            encodings=tuple(titan.embedding_types or ()),
            extra=as_extra({name: value for name, value in given.items() if name not in _TITAN}),
        )
    if nova_embed.is_asked(given):
        return nova_embed.decode_body(given, model)
    cohere = convert(_nested(given), _Cohere, "the request body")
    return EmbedRequest(
        model=model,
        inputs=decode_inputs(cohere),
        dimensions=cohere.output_dimension,
        purpose=None if cohere.input_type is None else OUR_PURPOSES.get(cohere.input_type, cohere.input_type),
        encodings=tuple(cohere.embedding_types or ()),
        extra=as_extra({name: value for name, value in given.items() if name not in _COHERE}),
    )


def _nested(given: JsonObject) -> JsonObject:
    """The body with the addresses of pictures as Cohere's own API has them."""
    if not isinstance(given.get("inputs"), list):
        return given
    return {**given, "inputs": [_nested_input(one) for one in given["inputs"]]}


def _nested_input(given: Json) -> Json:
    if not isinstance(given, dict) or not isinstance(given.get("content"), list):
        return given
    return {**given, "content": [_nested_part(part) for part in given["content"]]}


def _nested_part(given: Json) -> Json:
    address = given.get("image_url") if isinstance(given, dict) else None
    return {**given, "image_url": {"url": address}} if isinstance(address, str) else given


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class _ByType(msgspec.Struct, rename={"floats": "float"}):
    floats: list[tuple[float, ...]] | None = None


class _Answer(msgspec.Struct):
    embedding: tuple[float, ...] | None = None
    embeddings: list[tuple[float, ...]] | _ByType | None = None
    id: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_BY_TYPE: Final = "embeddingsByType"
_READ: Final = ("embedding", "embeddings", _BY_TYPE, "id", "inputTextTokenCount", "response_type", "texts")


def decode_reply(reply: Reply, quirks: Quirks) -> Embeddings:
    """The vectors of an answer in either maker's form. Raises the error that it tells, or ``BadReply``."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)
    if nova_embed.is_told(reply.body):
        return msgspec.structs.replace(nova_embed.decode_answer(reply), usage=_decode_usage(reply, {}))
    told, record = parse(reply.body, _ANSWER), parse_object(reply.body)
    own = {name: value for name, value in record.items() if name not in _READ and value is not None}
    for field in (_BY_TYPE, "embeddings"):
        by_type = record.get(field)
        others = {name: value for name, value in by_type.items() if name != "float" and value} if isinstance(by_type, dict) else {}
        if others:
            own[field] = others
    vectors = told.embeddings.floats if isinstance(told.embeddings, _ByType) else told.embeddings
    if told.embedding is not None:
        vectors = [told.embedding]
    if not vectors and not {_BY_TYPE, "embeddings"} & own.keys():
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    return Embeddings(vectors=tuple(vectors or ()), id=told.id, usage=_decode_usage(reply, record), extra=as_extra(own))


def _decode_usage(reply: Reply, record: JsonObject) -> Usage | None:
    told, counted = record.get("inputTextTokenCount"), header(reply.headers, COUNT) or ""
    if isinstance(told, int):
        return Usage(input_tokens=told, raw={"inputTextTokenCount": told})
    return Usage(input_tokens=int(counted)) if re.fullmatch(r"\d{1,9}", counted) else None


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, in the form of its model's maker."""
    count = embeddings.usage.input_tokens if embeddings.usage else None
    headers = (("content-type", "application/json"), *(((COUNT, str(count)),) if count is not None else ()))
    if nova_embed.speaks(request.model):
        body = nova_embed.encode_answer(embeddings, request)
    else:
        body = _cohere_answer(embeddings, request) if "cohere" in request.model else _titan_answer(embeddings, request, count)
    return Reply(200, headers, dump(body))


def _titan_answer(embeddings: Embeddings, request: EmbedRequest, count: int | None) -> JsonObject:
    vector, own = embeddings.vectors[0] if embeddings.vectors else (), dict(own_fields(embeddings.extra))
    others: JsonObject = own.pop(_BY_TYPE, {})
    by_type = {_BY_TYPE: {"float": vector, **others}} if others or "titan-embed-text-v2" in request.model else {}
    return {"embedding": vector, "inputTextTokenCount": count or 0, **by_type, **own}


def _cohere_answer(embeddings: Embeddings, request: EmbedRequest) -> JsonObject:
    """The older models say vectors by type only where a type was asked for."""
    own = dict(own_fields(embeddings.extra))
    others: JsonObject = own.pop("embeddings", {})
    body: JsonObject = {"id": embeddings.id or "", "embeddings": embeddings.vectors, "response_type": "embeddings_floats"}
    if others or request.encodings or "embed-v4" in request.model:
        floats = {"float": embeddings.vectors} if embeddings.vectors or not others else {}
        body |= {"embeddings": {**others, **floats}, "response_type": "embeddings_by_type"}
    return {**body, "texts": [text for text in request.inputs if isinstance(text, str)], **own}
