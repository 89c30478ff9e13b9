"""Embeddings as Vertex AI has them, in both roles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, BadRequest, RateLimited, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image, Text
from dragoman.core.usage import Usage
from dragoman.wire.gemini import embed
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.gemini.roles import NAME, call_of

VERTEX = Quirks(vertex=True)
PREDICTED = {
    "predictions": [
        {"embeddings": {"values": [0.5, 1.0], "statistics": {"token_count": 2, "truncated": False}}},
        {"embeddings": {"values": [0.0, 2.0], "statistics": {"token_count": 3, "truncated": False}}},
    ],
    "metadata": {"billableCharacterCount": 9},
}


def asked(*inputs: Any, model: str = "text-embedding-005", **fields: Any) -> EmbedRequest:
    return EmbedRequest(model=model, inputs=inputs, **fields)


def told(body: Any) -> Embeddings:
    return embed.decode_reply(Reply(200, (), json.dumps(body).encode()), VERTEX)


@pytest.mark.parametrize("model", ["text-embedding-005", "text-multilingual-embedding-002"])
def test_models_that_are_not_geminis_predict_from_a_list_of_texts(model: str) -> None:
    request = asked("a", "b", model=model, dimensions=8, purpose="query", extra={NAME: {"title": "t", "autoTruncate": False}})
    call = embed.encode_request(request, VERTEX)
    assert (call.url, call.warnings) == (f"/models/{model}:predict", ())
    assert json.loads(call.body) == {
        "instances": [{"content": text, "title": "t", "task_type": "RETRIEVAL_QUERY"} for text in "ab"],
        "parameters": {"outputDimensionality": 8, "autoTruncate": False},
    }
    again = embed.decode_request(call, NONE)
    assert embed.encode_request(again, VERTEX) == call
    assert (again.inputs, again.dimensions, again.purpose) == (request.inputs, 8, "query")


@pytest.mark.parametrize("model", ["gemini-embedding-2", "e5-large-maas"])
def test_other_models_embed_a_content(model: str) -> None:
    picture = (Text(text="a"), Image(data=b"png", media_type="image/png"))
    call = embed.encode_request(asked(picture, model=model, dimensions=8), VERTEX)
    body = json.loads(call.body)
    assert call.url == f"/models/{model}:embedContent"
    assert body["embedContentConfig"] == {"outputDimensionality": 8}
    assert body["content"]["parts"][0] == {"text": "a"}
    again = embed.decode_request(call, NONE)
    assert (again.inputs, again.dimensions) == ((picture,), 8)
    assert embed.encode_request(again, VERTEX) == call
    assert json.loads(embed.encode_request(asked("a", model=model), VERTEX).body) == {"content": {"parts": [{"text": "a"}]}}


def test_several_contents_have_a_config_each() -> None:
    call = embed.encode_request(asked("a", "b", model="gemini-embedding-001", purpose="query"), VERTEX)
    assert call.url == "/models/gemini-embedding-001:batchEmbedContents"
    config = {"embedContentConfig": {"taskType": "RETRIEVAL_QUERY"}}
    assert json.loads(call.body) == {"requests": [{"content": {"parts": [{"text": text}]}, **config} for text in "ab"]}
    again = embed.decode_request(call, NONE)
    assert (again.inputs, again.purpose) == (("a", "b"), "query")


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (asked("a", "b", model="e5-large-maas"), "inputs"),
        (asked("a", (Image(data=b"png"),)), "inputs[1]"),
    ],
    ids=["several contents", "a picture"],
)
def test_what_a_models_call_cannot_hold_is_refused(request_: EmbedRequest, place: str) -> None:
    with pytest.raises(Unsupported) as caught:
        embed.encode_request(request_, VERTEX)
    assert caught.value.message.startswith(f"{place}: ")


def test_question_to_vertex_reaches_the_gemini_api_in_its_form() -> None:
    body = {"instances": [{"content": "a", "task_type": "CLUSTERING"}, {"content": "b", "task_type": "CLUSTERING"}]}
    url = "/v1/projects/p/locations/l/publishers/google/models/gemini-embedding-001:predict"
    request = embed.decode_request(call_of(body, url), NONE)
    assert (request.inputs, request.purpose) == (("a", "b"), "clustering")
    call = embed.encode_request(request, NONE)
    assert call.url == "/models/gemini-embedding-001:batchEmbedContents"
    assert [one["taskType"] for one in json.loads(call.body)["requests"]] == ["CLUSTERING"] * 2


def test_predictions_are_vectors_and_their_counts_the_usage() -> None:
    found = told(PREDICTED)
    assert found.vectors == ((0.5, 1.0), (0.0, 2.0))
    assert found.usage is not None
    assert found.usage.input_tokens == 5
    assert json.loads(embed.encode_reply(found, embed.decode_request(predict("a", "b"), NONE), NONE).body) == PREDICTED


def test_usage_of_another_vendor_stands_with_a_single_vector() -> None:
    usage = Usage(input_tokens=3)
    one = embed.encode_reply(Embeddings(vectors=((1.0,),), usage=usage), embed.decode_request(predict("a"), NONE), NONE)
    assert json.loads(one.body) == {
        "predictions": [{"embeddings": {"values": [1.0], "statistics": {"token_count": 3, "truncated": False}}}]
    }
    two = embed.encode_reply(Embeddings(vectors=((1.0,), (2.0,)), usage=usage), embed.decode_request(predict("a", "b"), NONE), NONE)
    assert json.loads(two.body) == {"predictions": [{"embeddings": {"values": [1.0]}}, {"embeddings": {"values": [2.0]}}]}
    assert told(json.loads(two.body)).usage is None


def predict(*texts: str) -> Call:
    return call_of({"instances": [{"content": text} for text in texts]}, "/models/text-embedding-005:predict")


@pytest.mark.parametrize("body", [{"predictions": []}, {"predictions": [{}]}, {"predictions": 5}])
def test_predictions_that_are_none_are_a_bad_reply(body: Any) -> None:
    with pytest.raises(BadReply):
        told(body)


def test_failing_prediction_is_its_error() -> None:
    body = {"error": {"code": 429, "message": "predictions are many", "status": "RESOURCE_EXHAUSTED"}}
    with pytest.raises(RateLimited):
        embed.decode_reply(Reply(429, (), json.dumps(body).encode()), VERTEX)


@pytest.mark.parametrize(
    "body",
    [{}, {"instances": []}, {"instances": [{}]}, {"instances": [{"content": 5}]}, {"instances": [{"content": "a"}], "parameters": 5}],
)
def test_malformed_question_is_refused(body: Any) -> None:
    with pytest.raises(BadRequest):
        embed.decode_request(call_of(body, "/models/text-embedding-005:predict"), NONE)
