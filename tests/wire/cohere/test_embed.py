"""Cohere's embeddings and reranking, in both roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cohere.types.embed_by_type_response import EmbedByTypeResponse
from cohere.v2.types.v2rerank_response import V2RerankResponse

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, BadRequest, DragomanError, RateLimited, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image, Text
from dragoman.core.ranking import Ranked, Ranking, RankRequest
from dragoman.core.usage import Usage
from dragoman.wire.cohere import embed, rerank
from dragoman.wire.quirks import NONE, Quirks

PNG = Image(data=b"abc", media_type="image/png")
REQUESTS: dict[str, tuple[EmbedRequest, dict[str, Any]]] = {
    "texts": (
        EmbedRequest(model="m", inputs=("a", "b"), purpose="document", dimensions=4, extra={"cohere": {"truncate": "END"}}),
        {"texts": ["a", "b"], "input_type": "search_document", "output_dimension": 4, "truncate": "END"},
    ),
    "pictures": (
        EmbedRequest(model="m", inputs=((PNG,),), purpose="image"),
        {"images": ["data:image/png;base64,YWJj"], "input_type": "image"},
    ),
    "both": (
        EmbedRequest(model="m", inputs=((Text(text="a"), PNG), (Text(text="b"),)), purpose="clustering"),
        {
            "inputs": [
                {
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
                    ]
                },
                {"content": [{"type": "text", "text": "b"}]},
            ],
            "input_type": "clustering",
        },
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_request_both_ways(case: str) -> None:
    request, body = REQUESTS[case]
    call = embed.encode_request(request, NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/v2/embed", ())
    assert json.loads(call.body) == {"model": "m", "embedding_types": ["float"], **body}
    assert embed.decode_request(call, NONE) == request


def test_what_cannot_be_said() -> None:
    call = embed.encode_request(EmbedRequest(model="m", inputs=("a",), user="u"), Quirks(path="/embed"))
    assert call.url == "/embed"
    assert call.warnings == (
        "user: not understood by this provider, left out",
        "purpose: it is required here, and 'document' assumed",
    )
    with pytest.raises(Unsupported, match="as data, not by URL"):
        embed.encode_request(EmbedRequest(model="m", inputs=((Image(url="u"),),)), NONE)


def test_text_among_pictures_is_an_input_of_its_own() -> None:
    body = json.loads(embed.encode_request(EmbedRequest(model="m", inputs=("a", (PNG,)), purpose="query"), NONE).body)
    assert [len(one["content"]) for one in body["inputs"]] == [1, 1]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "texts"),
        ({"model": "m", "images": ["data:x"]}, "images[0][0].image_url.url"),
        ({"model": "m", "inputs": [{"content": [{"type": "thinking", "thinking": "a"}]}]}, "inputs[0].content"),
        ({"texts": ["a"]}, "model"),
    ],
)
def test_wrong_field_is_named(body: dict[str, Any], param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        embed.decode_request(Call("POST", "/v2/embed", (), json.dumps(body).encode()), NONE)
    assert caught.value.param == param


def test_answer_both_ways() -> None:
    request = REQUESTS["texts"][0]
    own = {"cohere": {"embeddings": {"ubinary": [[1], [2]]}, "texts": ["a", "b"], "response_type": "embeddings_by_type"}}
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 4, "image_tokens": 3}}
    embeddings = Embeddings(vectors=((0.5,), (1.0,)), id="e", usage=Usage(input_tokens=7, raw=meta), extra=own)
    reply = embed.encode_reply(embeddings, request, NONE)
    EmbedByTypeResponse.model_validate(json.loads(reply.body))
    assert embed.decode_reply(reply, NONE) == embeddings
    plain = embed.encode_reply(Embeddings(vectors=()), REQUESTS["pictures"][0], NONE)
    EmbedByTypeResponse.model_validate(json.loads(plain.body))
    assert json.loads(plain.body)["meta"]["billed_units"] == {}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b'{"message":"slow"}', RateLimited),
        (200, b"{}", BadReply),
        (200, b'{"embeddings":[[1]]}', BadReply),
        (200, b"<html>", BadReply),
    ],
)
def test_bad_answer_is_an_error(status: int, body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        embed.decode_reply(Reply(status, (), body), NONE)
    with pytest.raises(kind):
        rerank.decode_reply(Reply(status, (), body), NONE)


def test_ranking_both_ways() -> None:
    request = RankRequest(model="m", query="q", documents=("a", "b"), top_n=1, extra={"cohere": {"priority": 1}})
    call = rerank.encode_request(request, NONE)
    assert (call.method, call.url) == ("POST", "/v2/rerank")
    assert json.loads(call.body) == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1, "priority": 1}
    assert rerank.decode_request(call, NONE) == request
    spans = {"cohere": {"relevant_spans": [{"start": 0}]}}
    ranking = Ranking(results=(Ranked(index=1, score=0.5, extra=spans),), id="r", raw_usage={"billed_units": {"search_units": 1}})
    reply = rerank.encode_reply(ranking, request, NONE)
    assert rerank.decode_reply(reply, NONE) == ranking
    V2RerankResponse.model_validate(json.loads(rerank.encode_reply(Ranking(results=(Ranked(index=0, score=1.0),)), request, NONE).body))


def test_ranking_of_nothing_is_refused_by_its_field() -> None:
    with pytest.raises(BadRequest) as caught:
        rerank.decode_request(Call("POST", "/v2/rerank", (), b'{"model":"m","query":1,"documents":[]}'), NONE)
    assert caught.value.param == "query"
