"""Reranking as Jina has it, in both roles; Cohere's first version, vLLM and many hosts speak the same.

Documentation: https://api.jina.ai/redoc, read 2026-11-21. The answer is ``{"results": [{"index", "relevance_score", "document"?}]}``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.wire.openai_call import NAME, answer, json_call, json_reply, rest
from dragoman.wire.payload import convert, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/rerank"
ROUTES: Final = (PATH,)


class _Document(msgspec.Struct):
    text: str


class _Body(msgspec.Struct):
    query: str
    documents: list[str | _Document]
    model: str = ""
    top_n: int | None = None


class Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[Result] | None = None
    id: str | None = None
    model: str | None = None
    usage: JsonObject | None = None
    meta: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: RankRequest, quirks: Quirks) -> Call:
    """The call for ``request``."""
    body: JsonObject = {"model": request.model, "query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    return json_call(PATH, request.model, body, request.extra, quirks, [])


def decode_request(call: Call, quirks: Quirks) -> RankRequest:
    """What a caller wants ranked. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    documents = tuple(one if isinstance(one, str) else one.text for one in body.documents)
    return RankRequest(
        model=body.model, query=body.query, documents=documents, top_n=body.top_n, extra=rest(given, _Body.__struct_fields__)
    )


def decode_reply(reply: Reply, quirks: Quirks) -> Ranking:
    """The ranking of an answer. Raises the error that it tells, or ``BadReply``."""
    told = answer(reply, _ANSWER, quirks)
    if told.results is None:
        raise BadReply("the answer holds no results", body=snippet(reply.body))
    records: list[JsonObject] = parse_object(reply.body)["results"]
    return Ranking(
        results=ranked(told.results, records),
        id=told.id,
        model=told.model,
        raw_usage=told.usage or told.meta,
        extra={NAME: {"meta": told.meta}} if told.meta and told.usage else {},
    )


def ranked(results: list[Result], records: list[Json]) -> tuple[Ranked, ...]:
    """Each result, with what the vendor tells of it besides."""
    return tuple(
        Ranked(index=result.index, score=result.relevance_score, extra=rest(record, Result.__struct_fields__))
        for result, record in zip(results, records, strict=True)
    )


def encode_reply(ranking: Ranking, request: RankRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    results = [{"index": one.index, "relevance_score": one.score, **one.extra.get(NAME, {})} for one in ranking.results]
    body: JsonObject = {"id": ranking.id or "", "model": ranking.model or request.model, "results": results}
    if ranking.raw_usage is not None:
        body["meta" if "billed_units" in ranking.raw_usage else "usage"] = ranking.raw_usage
    return json_reply({**body, **ranking.extra.get(NAME, {})})
