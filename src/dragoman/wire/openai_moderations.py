"""OpenAI's moderations, in both roles. Documentation: https://platform.openai.com/docs/api-reference/moderations, read 2026-11-21.

A text or a list of texts gets a verdict each; a list of parts, a picture among them, is one input. OpenAI's clients require certain
categories of every verdict; those of which nothing is known are told as not flagged.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import EmbedInput
from dragoman.core.errors import BadReply, BadRequest, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image, Text
from dragoman.core.moderation import Moderation, ModerationRequest, Verdict
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_call import NAME, answer, json_call, json_reply, rest, routes
from dragoman.wire.openai_chat.content import encode_image
from dragoman.wire.openai_chat.messages import decode_message
from dragoman.wire.payload import convert, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/moderations"
ROUTES: Final = routes(PATH)

CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


class _Body(msgspec.Struct):
    input: str | list[Json]
    model: str | None = None


class _Verdict(msgspec.Struct):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(msgspec.Struct):
    results: list[_Verdict] | None = None
    id: str | None = None
    model: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: ModerationRequest, quirks: Quirks) -> Call:
    """The call for ``request``. Raises ``Unsupported`` for pictures beside other inputs, of which this wire takes one alone."""
    if not request.inputs:
        raise BadRequest("inputs: there are none; at least one is expected", param="inputs")
    body: JsonObject = {"input": _encode_inputs(request.inputs)}
    if request.model is not None:
        body["model"] = request.model
    return json_call(PATH, request.model, body, request.extra, quirks, [])


def _encode_inputs(inputs: tuple[EmbedInput, ...]) -> Json:
    first = inputs[0]
    if len(inputs) == 1 and not isinstance(first, str):
        return [encode_image(part) if isinstance(part, Image) else {"type": "text", "text": part.text} for part in first]
    if not all(isinstance(one, str) for one in inputs):
        raise Unsupported("inputs: pictures and texts together are one input here, and others were given beside them")
    return first if len(inputs) == 1 else list(inputs)


def decode_request(call: Call, quirks: Quirks) -> ModerationRequest:
    """What a caller wants judged. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    return ModerationRequest(inputs=_decode_inputs(body.input), model=body.model, extra=rest(given, _Body.__struct_fields__))


def _decode_inputs(given: str | list[Json]) -> tuple[EmbedInput, ...]:
    if isinstance(given, str):
        return (given,)
    if all(isinstance(one, str) for one in given):
        return tuple(given)
    parts = decode_message({"role": "user", "content": given}, "input", known_only=True).parts
    allowed = tuple(part for part in parts if isinstance(part, (Text, Image)))
    if len(allowed) != len(parts):
        raise BadRequest("input: texts and pictures alone are judged", param="input")
    return (allowed,)


def decode_reply(reply: Reply, quirks: Quirks) -> Moderation:
    """The verdicts. Raises the error that the answer tells, or ``BadReply``."""
    told = answer(reply, _ANSWER, quirks)
    if told.results is None:
        raise BadReply("the answer holds no results", body=snippet(reply.body))
    records: list[JsonObject] = parse_object(reply.body)["results"]
    verdicts = tuple(
        Verdict(
            flagged=result.flagged,
            categories={name: value for name, value in result.categories.items() if value is not None},
            scores={name: value for name, value in result.category_scores.items() if value is not None},
            extra=rest(record, _Verdict.__struct_fields__),
        )
        for result, record in zip(told.results, records, strict=True)
    )
    return Moderation(verdicts=verdicts, id=told.id, model=told.model)


def encode_reply(moderation: Moderation, request: ModerationRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    results = [
        {
            "flagged": verdict.flagged,
            "categories": dict.fromkeys(CATEGORIES, False) | verdict.categories,
            "category_scores": dict.fromkeys(CATEGORIES, 0.0) | verdict.scores,
            "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
            **verdict.extra.get(NAME, {}),
        }
        for verdict in moderation.verdicts
    ]
    return json_reply({"id": moderation.id or "", "model": moderation.model or request.model or "", "results": results})
