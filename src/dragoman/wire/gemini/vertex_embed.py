"""Vertex AI's embeddings, where they differ from the Gemini API's: ``embed`` calls this.

Documentation: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api and the types and calls of
google-genai 3.4, read 2026-11-21. Models that are not Gemini's have a call ``predict`` with a list of texts; in the other calls the options
stand in a config of their own. Both are told to ``embed`` as the Gemini API would have them, options beside each content.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.gemini.parts import camel, kept, without
from dragoman.wire.payload import convert, dump, parse, parse_object, snippet

ROUTES: Final = (r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?/models/(?!multimodal)[^/]*embedding[^/]*:predict",)

PREDICT: Final = "predict"
CONFIG: Final = "embedContentConfig"
_PURPOSE: Final = "task_type"
_OF_INSTANCES: Final = ("title", "mimeType")
"""Options that stand with each text; the others hold for all."""
_HEADERS: Final = (("content-type", "application/json; charset=UTF-8"),)


def encode_body(model: str, contents: list[JsonObject], options: JsonObject) -> tuple[str, JsonObject]:
    """Method and body. Raises ``Unsupported`` for what the model's call cannot hold."""
    name = model.rpartition("/")[2]
    if "gemini" not in name and "maas" not in name:
        return PREDICT, _encode_instances(contents, options)
    asked = [{"content": content, **({CONFIG: options} if options else {})} for content in contents]
    if len(asked) == 1:
        return "embedContent", asked[0]
    if "maas" in name:
        raise Unsupported(f"inputs: Vertex AI embeds one content a call by {model}, and {len(contents)} were given")
    return "batchEmbedContents", {"requests": asked}


def _encode_instances(contents: list[JsonObject], options: JsonObject) -> JsonObject:
    with_each: JsonObject = {name: options[name] for name in _OF_INSTANCES if name in options}
    if "taskType" in options:
        with_each[_PURPOSE] = options["taskType"]
    parameters = without(options, "taskType", *_OF_INSTANCES)
    instances = [{"content": _text(content, i), **with_each} for i, content in enumerate(contents)]
    return {"instances": instances, **({"parameters": parameters} if parameters else {})}


def _text(content: JsonObject, position: int) -> str:
    match content["parts"]:
        case [{"text": str(text), **rest}] if not rest:
            return text
    raise Unsupported(f"inputs[{position}]: this model of Vertex AI embeds plain texts alone")


class _Instance(msgspec.Struct):
    content: str


class _Body(msgspec.Struct):
    instances: list[JsonObject]
    parameters: JsonObject | None = None


def decode_instances(given: JsonObject) -> list[JsonObject]:
    """What ``predict`` asks, in the Gemini API's form. Raises ``BadRequest`` that names the field."""
    body = convert(given, _Body, "the request body")
    options = camel(body.parameters or {})
    told = [camel(one) for one in body.instances]
    texts = [convert(one, _Instance, f"instances[{i}]").content for i, one in enumerate(told)]
    if not texts:
        raise BadRequest("instances: a list of at least one object is expected", param="instances")
    return [{"content": {"parts": [{"text": text}]}, **options, **without(one, "content")} for text, one in zip(texts, told, strict=True)]


def opened(given: JsonObject) -> JsonObject:
    """What is asked for one content, with the options of its config beside it."""
    config = given.get(CONFIG)
    return {**without(given, CONFIG), **camel(config)} if isinstance(config, dict) else given


class _Statistics(msgspec.Struct):
    token_count: float | None = None


class _Vector(msgspec.Struct):
    values: tuple[float, ...] = ()
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Vector


class _Answer(msgspec.Struct):
    predictions: list[_Prediction]


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def answered_by_predict(reply: Reply) -> bool:
    return 200 <= reply.status < 300 and b'"predictions"' in reply.body


def decode_predictions(reply: Reply) -> Embeddings:
    """The vectors. Raises ``BadReply``. What was counted stands with each vector on this wire."""
    vectors = [one.embeddings for one in parse(reply.body, _ANSWER).predictions]
    if not vectors:
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    record = parse_object(reply.body)
    counts = [one.statistics.token_count for one in vectors if one.statistics and one.statistics.token_count is not None]
    statistics = [one["embeddings"].get("statistics") for one in record["predictions"]]
    usage = Usage(input_tokens=int(sum(counts)), raw={"statistics": statistics}) if len(counts) == len(vectors) else None
    return Embeddings(vectors=tuple(one.values for one in vectors), usage=usage, extra=kept(without(record, "predictions")))


def encode_predictions(embeddings: Embeddings, own: JsonObject) -> Reply:
    """The answer to ``predict``; ``own`` are fields that this wire alone has."""
    statistics = _statistics(embeddings)
    predictions = [{"embeddings": {"values": vector, **one}} for vector, one in zip(embeddings.vectors, statistics, strict=True)]
    return Reply(200, _HEADERS, dump({"predictions": predictions, **own}))


def _statistics(embeddings: Embeddings) -> list[JsonObject]:
    """What is known of each vector: the vendor's own records, or of a single one the whole count."""
    usage, count = embeddings.usage, len(embeddings.vectors)
    told: Json = usage.raw.get("statistics") if usage and usage.raw else None
    if isinstance(told, list) and len(told) == count:
        return [{"statistics": one} if one is not None else {} for one in told]
    if count == 1 and usage and usage.input_tokens is not None:
        return [{"statistics": {"token_count": usage.input_tokens, "truncated": False}}]
    return [{} for _ in range(count)]
