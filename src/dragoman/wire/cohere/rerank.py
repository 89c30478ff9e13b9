"""Cohere's reranking, ``/v2/rerank``, in both roles. Documentation: https://docs.cohere.com/reference/rerank, read 2026-11-21."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.opaque import JsonObject
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.wire.cohere.citations import NAME
from dragoman.wire.cohere.errors import decode_error
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/v2/rerank"
ROUTES: Final = (PATH,)

_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


class _Body(msgspec.Struct):
    model: str
    query: str
    documents: list[str]
    top_n: int | None = None


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    id: str | None = None
    results: list[_Result] | None = None
    meta: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: RankRequest, quirks: Quirks) -> Call:
    """The call for ``request``."""
    warnings: list[str] = []
    body: JsonObject = {"model": request.model, "query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    body = apply_quirks({**body, **request.extra.get(NAME, {})}, quirks, warnings)
    return Call("POST", quirks.path or PATH, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> RankRequest:
    """What a caller wants ranked. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    own = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    return RankRequest(
        model=body.model,
        query=body.query,
        documents=tuple(body.documents),
        top_n=body.top_n,
        extra={NAME: own} if own else {},
    )


def decode_reply(reply: Reply, quirks: Quirks) -> Ranking:
    """The ranking of an answer. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    answer = parse(reply.body, _ANSWER)
    if answer.results is None:
        raise BadReply("the answer holds no results", body=snippet(reply.body))
    given: list[JsonObject] = parse_object(reply.body)["results"]
    results = tuple(_decode_result(result, record) for result, record in zip(answer.results, given, strict=True))
    return Ranking(results=results, id=answer.id, raw_usage=answer.meta)


def _decode_result(result: _Result, record: JsonObject) -> Ranked:
    own = {name: value for name, value in record.items() if name not in _Result.__struct_fields__ and value is not None}
    return Ranked(index=result.index, score=result.relevance_score, extra={NAME: own} if own else {})


def encode_reply(ranking: Ranking, request: RankRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    results = [{"index": one.index, "relevance_score": one.score, **one.extra.get(NAME, {})} for one in ranking.results]
    encoded: JsonObject = {"id": ranking.id or "", "results": results}
    if ranking.raw_usage is not None:
        encoded["meta"] = ranking.raw_usage
    return Reply(200, (("content-type", "application/json"),), dump(encoded))
