"""Bedrock: embeddings of Amazon's Nova, one text or one picture a call. ``embed`` calls it for models of that name.

Documentation: https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html, read 2026-11-21. Sounds and films, which the model
takes too, are nothing that ours embeds. What happens to a text that is too long must be said: it is refused, unless the caller says more.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedInput, EmbedRequest, readable
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Reply
from dragoman.core.messages import Image, Text
from dragoman.core.opaque import JsonObject
from dragoman.wire.bedrock_converse.content import as_extra, own_fields
from dragoman.wire.bedrock_converse.forms import IMAGES, form_of
from dragoman.wire.media import decode_base64, encode_base64
from dragoman.wire.payload import convert, parse, parse_object, snippet

PURPOSES: Final = {
    "query": "GENERIC_RETRIEVAL",
    "document": "GENERIC_INDEX",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
"""Our words for what vectors are for and the vendor's; any other is sent as it is."""
_OUR_PURPOSES: Final = {theirs: ours for ours, theirs in PURPOSES.items()}
_PARAMETERS: Final = "singleEmbeddingParams"
_TASK: Final = "SINGLE_EMBEDDING"
_TRUNCATION: Final = "truncationMode"
_REFUSED: Final = "NONE"
_DETAIL: Final = "detailLevel"


def speaks(model: str) -> bool:
    """Whether ``model`` is asked this way."""
    return "nova" in model and "embed" in model


# --- the question -----------------------------------------------------------------------------------------------------------------------


def encode_body(request: EmbedRequest, warnings: list[str]) -> JsonObject:
    """The body. Raises ``Unsupported`` for several inputs, or one of several parts."""
    if len(request.inputs) != 1:
        raise Unsupported(f"inputs: Amazon's Nova embeds one a call; {len(request.inputs)} were given")
    purpose = request.purpose
    if purpose is None:
        purpose = "document"
        warnings.append("purpose: it is required here, and 'document' assumed")
    if any(encoding != "float" for encoding in request.encodings):
        warnings.append("encodings: this model knows float alone, left out")
    own = dict(own_fields(request.extra))
    parameters: JsonObject = {"embeddingPurpose": PURPOSES.get(purpose, purpose), **_encode_input(readable(request)[0], own)}
    if request.dimensions is not None:
        parameters["embeddingDimension"] = request.dimensions
    return {"taskType": _TASK, _PARAMETERS: parameters, **own}


def _encode_input(given: EmbedInput, own: JsonObject) -> JsonObject:
    parts = (Text(text=given),) if isinstance(given, str) else given
    match parts:
        case (Text(text=text),):
            return {"text": {_TRUNCATION: own.pop(_TRUNCATION, _REFUSED), "value": text}}
        case (Image(data=bytes(data), media_type=media_type),):
            form = form_of(media_type or "image/png", IMAGES)
            if form is None:
                raise Unsupported(f"inputs[0]: Amazon's Nova embeds no picture of type {media_type}")
            detail = {_DETAIL: own.pop(_DETAIL)} if _DETAIL in own else {}
            return {"image": {**detail, "format": form, "source": {"bytes": encode_base64(data)}}}
    raise Unsupported("inputs[0]: Amazon's Nova embeds one text or one picture by its bytes")


class _Text(msgspec.Struct, rename="camel"):
    value: str
    truncation_mode: str = _REFUSED


class _Source(msgspec.Struct):
    bytes: str


class _Image(msgspec.Struct, rename="camel"):
    format: str
    source: _Source
    detail_level: str | None = None


class _Parameters(msgspec.Struct, rename="camel"):
    embedding_purpose: str | None = None
    embedding_dimension: int | None = None
    text: _Text | None = None
    image: _Image | None = None


def is_asked(given: JsonObject) -> bool:
    """Whether a body has this form."""
    return _PARAMETERS in given


def decode_body(given: JsonObject, model: str) -> EmbedRequest:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    told = convert(given[_PARAMETERS], _Parameters, _PARAMETERS)
    own = {name: value for name, value in given.items() if name not in (_PARAMETERS, "taskType")}
    purpose = told.embedding_purpose
    return EmbedRequest(
        model=model,
        inputs=(_decode_input(told, own),),
        dimensions=told.embedding_dimension,
        purpose=None if purpose is None else _OUR_PURPOSES.get(purpose, purpose),
        extra=as_extra(own),
    )


def _decode_input(told: _Parameters, own: JsonObject) -> EmbedInput:
    if told.text is not None:
        if told.text.truncation_mode != _REFUSED:
            own[_TRUNCATION] = told.text.truncation_mode
        return told.text.value
    if told.image is None:
        raise BadRequest(f"{_PARAMETERS}: text or image is expected", param=_PARAMETERS)
    if told.image.detail_level is not None:
        own[_DETAIL] = told.image.detail_level
    place = f"{_PARAMETERS}.image"
    media_type = IMAGES.get(told.image.format)
    if media_type is None:
        raise BadRequest(f"{place}.format: {told.image.format!r} was given; one of {', '.join(IMAGES)} is allowed", param=f"{place}.format")
    return (Image(data=decode_base64(told.image.source.bytes, f"{place}.source.bytes"), media_type=media_type),)


# --- the answer -------------------------------------------------------------------------------------------------------------------------


class _Vector(msgspec.Struct):
    embedding: tuple[float, ...]


class _Answer(msgspec.Struct):
    embeddings: list[_Vector]


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_KIND: Final = "embeddingType"


def is_told(body: bytes) -> bool:
    """Whether an answer has this form."""
    return f'"{_KIND}"'.encode() in body


def decode_answer(reply: Reply) -> Embeddings:
    """The vectors, without their usage. Raises ``BadReply``."""
    vectors = parse(reply.body, _ANSWER).embeddings
    if not vectors:
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    first = parse_object(reply.body)["embeddings"][0]
    own = {name: value for name, value in first.items() if name != "embedding"}
    return Embeddings(vectors=tuple(one.embedding for one in vectors), extra=as_extra(own))


def encode_answer(embeddings: Embeddings, request: EmbedRequest) -> JsonObject:
    kind = "TEXT" if all(isinstance(one, str) for one in request.inputs) else "IMAGE"
    return {"embeddings": [{_KIND: kind, "embedding": vector, **own_fields(embeddings.extra)} for vector in embeddings.vectors]}
