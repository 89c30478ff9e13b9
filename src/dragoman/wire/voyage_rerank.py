"""Voyage's reranking, in both roles: ``top_k`` for the number of results, and ``data`` for the list of them.

Documentation: https://docs.voyageai.com/reference/reranker-api, read 2026-11-21.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply
from dragoman.core.opaque import JsonObject
from dragoman.core.ranking import Ranking, RankRequest
from dragoman.wire.jina_rerank import Result, ranked
from dragoman.wire.openai_call import NAME, answer, json_call, json_reply, rest
from dragoman.wire.payload import convert, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/rerank"
ROUTES: Final = (PATH,)


class _Body(msgspec.Struct):
    model: str
    query: str
    documents: list[str]
    top_k: int | None = None


class _Answer(msgspec.Struct):
    data: list[Result] | None = None
    model: str | None = None
    usage: JsonObject | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: RankRequest, quirks: Quirks) -> Call:
    """The call for ``request``."""
    body: JsonObject = {"model": request.model, "query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body["top_k"] = request.top_n
    return json_call(PATH, request.model, body, request.extra, quirks, [])


def decode_request(call: Call, quirks: Quirks) -> RankRequest:
    """What a caller wants ranked. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    return RankRequest(
        model=body.model,
        query=body.query,
        documents=tuple(body.documents),
        top_n=body.top_k,
        extra=rest(given, _Body.__struct_fields__),
    )


def decode_reply(reply: Reply, quirks: Quirks) -> Ranking:
    """The ranking of an answer. Raises the error that it tells, or ``BadReply``."""
    told = answer(reply, _ANSWER, quirks)
    if told.data is None:
        raise BadReply("the answer holds no results", body=snippet(reply.body))
    records: list[JsonObject] = parse_object(reply.body)["data"]
    return Ranking(results=ranked(told.data, records), model=told.model, raw_usage=told.usage)


def encode_reply(ranking: Ranking, request: RankRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``."""
    results = [{"index": one.index, "relevance_score": one.score, **one.extra.get(NAME, {})} for one in ranking.results]
    usage = ranking.raw_usage if ranking.raw_usage is not None else {"total_tokens": 0}
    return json_reply({"object": "list", "data": results, "model": ranking.model or request.model, "usage": usage})
