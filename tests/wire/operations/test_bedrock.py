"""Bedrock's embeddings: both makers' forms through both roles and back, boto3 as client of the server role, and recorded exchanges."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore has no types

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, BadRequest, DragomanError, RateLimited, Unsupported
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.messages import Image, Text
from dragoman.core.usage import Usage
from dragoman.wire.bedrock_converse import embed as speaking
from dragoman.wire.quirks import NONE
from tests.conformance import recordings
from tests.wire.bedrock_converse.test_sdk_client import sdk
from tests.wire.served import serving

TITAN = "amazon.titan-embed-text-v2:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
V3, V4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"
NAME = "bedrock_converse"
VECTORS = ((0.5, -1.0), (0.25, 2.0))
JPEG = Image(data=b"\xff\xd8\xff", media_type="image/jpeg")

ROUNDS: list[tuple[EmbedRequest, Embeddings]] = [
    (
        EmbedRequest(model=TITAN, inputs=("a",), dimensions=256, encodings=("float", "binary"), extra={NAME: {"normalize": False}}),
        Embeddings(vectors=VECTORS[:1], extra={NAME: {"embeddingsByType": {"binary": [1, 0]}}}),
    ),
    (EmbedRequest(model="amazon.titan-embed-text-v1", inputs=("a",)), Embeddings(vectors=VECTORS[:1], usage=Usage(input_tokens=3))),
    (EmbedRequest(model=V3, inputs=("a", "b"), purpose="query", extra={NAME: {"truncate": "END"}}), Embeddings(vectors=VECTORS, id="i")),
    (
        EmbedRequest(model=V4, inputs=("a", "b"), purpose="clustering", dimensions=256, encodings=("float", "int8")),
        Embeddings(vectors=VECTORS, id="i", usage=Usage(input_tokens=3), extra={NAME: {"embeddings": {"int8": [[1], [2]]}}}),
    ),
    (
        EmbedRequest(model=V4, inputs=("a",), purpose="document", encodings=("binary",)),
        Embeddings(vectors=(), id="i", extra={NAME: {"embeddings": {"binary": [[1]]}}}),
    ),
    (
        EmbedRequest(model=NOVA, inputs=("a",), purpose="query", dimensions=256, extra={NAME: {"truncationMode": "END"}}),
        Embeddings(vectors=VECTORS[:1], usage=Usage(input_tokens=3), extra={NAME: {"embeddingType": "TEXT", "truncatedCharLength": 5}}),
    ),
    (
        EmbedRequest(model=NOVA, inputs=((JPEG,),), purpose="IMAGE_RETRIEVAL", extra={NAME: {"detailLevel": "DOCUMENT_IMAGE"}}),
        Embeddings(vectors=VECTORS[:1], extra={NAME: {"embeddingType": "IMAGE"}}),
    ),
    (EmbedRequest(model=V4, inputs=((JPEG,),), purpose="document"), Embeddings(vectors=VECTORS[:1], id="i")),
    (EmbedRequest(model=V4, inputs=((Text(text="a"), JPEG), (JPEG,)), purpose="document"), Embeddings(vectors=VECTORS, id="i")),
]


@pytest.mark.parametrize(("request_", "answer"), ROUNDS)
def test_request_and_answer_come_back(request_: EmbedRequest, answer: Embeddings) -> None:
    call = speaking.encode_request(request_, NONE)
    assert call.warnings == ()
    assert speaking.decode_request(call, NONE) == request_
    again = speaking.decode_reply(speaking.encode_reply(answer, request_, NONE), NONE)
    assert (again.vectors, again.id) == (answer.vectors, answer.id)
    assert (again.usage and again.usage.input_tokens) == (answer.usage and answer.usage.input_tokens) or "titan" in request_.model
    assert again.extra == answer.extra


def test_mixed_inputs_are_written_as_amazon_documents_them() -> None:
    call = speaking.encode_request(ROUNDS[-1][0], NONE)
    body = json.loads(call.body)
    assert body["inputs"][0]["content"][1] == {"type": "image_url", "image_url": "data:image/jpeg;base64,/9j/"}
    nested = {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}}]}]}
    read = speaking.decode_request(Call("POST", call.url, (), json.dumps(nested).encode()), NONE)
    assert read.inputs == ((JPEG,),)


def test_nova_is_asked_as_amazon_documents_it() -> None:
    call = speaking.encode_request(EmbedRequest(model=NOVA, inputs=("a",), purpose="clustering", dimensions=384), NONE)
    assert json.loads(call.body) == {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "CLUSTERING",
            "text": {"truncationMode": "NONE", "value": "a"},
            "embeddingDimension": 384,
        },
    }
    picture = speaking.encode_request(EmbedRequest(model=NOVA, inputs=((JPEG,),)), NONE)
    assert json.loads(picture.body)["singleEmbeddingParams"]["image"] == {"format": "jpeg", "source": {"bytes": "/9j/"}}
    assert [warning.partition(":")[0] for warning in picture.warnings] == ["purpose"]


@pytest.mark.parametrize("inputs", [("a", "b"), ((Text(text="a"), JPEG),), ((Image(data=b"x", media_type="image/tiff"),),)])
def test_nova_is_asked_for_one_text_or_picture_alone(inputs: Any) -> None:
    with pytest.raises(Unsupported):
        speaking.encode_request(EmbedRequest(model=NOVA, inputs=inputs), NONE)


@pytest.mark.parametrize(
    "parameters",
    [5, {}, {"text": {}}, {"image": {"format": "tiff", "source": {"bytes": ""}}}, {"image": {"format": "png", "source": {"bytes": "?"}}}],
)
def test_malformed_question_to_nova_is_refused(parameters: Any) -> None:
    body = json.dumps({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters}).encode()
    with pytest.raises(BadRequest):
        speaking.decode_request(Call("POST", f"/model/{NOVA}/invoke", (), body), NONE)


def test_what_cannot_be_said_is_refused_or_named() -> None:
    for inputs in (("a", "b"), ((JPEG,),), ()):
        with pytest.raises(Unsupported, match="one text a call"):
            speaking.encode_request(EmbedRequest(model=TITAN, inputs=inputs), NONE)
    asked = EmbedRequest(
        model="arn:aws:bedrock:us-east-1:0:application-inference-profile/x", inputs=((Text(text="a"),),), purpose="query", user="u"
    )
    call = speaking.encode_request(asked, NONE)
    assert [warning.partition(":")[0] for warning in call.warnings] == ["user", "model", "purpose"]
    assert call.url == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A0%3Aapplication-inference-profile%2Fx/invoke"
    assert speaking.encode_request(EmbedRequest(model=V3, inputs=("a",)), NONE).warnings == (
        "purpose: it is required here, and 'document' assumed",
    )


@pytest.mark.parametrize(
    ("url", "body"), [("/model/m/converse", b"{}"), ("/model/m/invoke", b"{}"), ("/model/m/invoke", b'{"inputs":[5]}')]
)
def test_call_for_something_else_is_refused(url: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        speaking.decode_request(Call("POST", url, (), body), NONE)


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings":[]}', b'{"embedding":5}', b'{"embeddings":{"float":5}}'])
def test_answer_without_vectors_is_an_error(body: bytes) -> None:
    with pytest.raises(BadReply):
        speaking.decode_reply(Reply(200, (), body), NONE)


# --- boto3 ------------------------------------------------------------------------------------------------------------------------------


def invoked(answer: Embeddings | DragomanError, model: str, body: Any) -> tuple[Any, list[EmbedRequest]]:
    """What boto3 is answered, and what was asked."""
    asked: list[EmbedRequest] = []

    def said(request: EmbedRequest) -> Embeddings:
        asked.append(request)
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    with serving(NAME, operations={"embed": said}) as served, sdk(served.root) as client:
        told = client.invoke_model(modelId=model, body=json.dumps(body), accept="application/json", contentType="application/json")
        headers = told["ResponseMetadata"]["HTTPHeaders"]
        return {**json.loads(told["body"].read()), "counted": headers.get(speaking.COUNT)}, asked


@pytest.mark.parametrize("model", [TITAN, f"arn:aws:bedrock:us-east-1::foundation-model/{TITAN}"])
def test_boto3_is_given_titans_vector(model: str) -> None:
    answer = Embeddings(vectors=VECTORS[:1], usage=Usage(input_tokens=3))
    told, (asked,) = invoked(answer, model, {"inputText": "Hi", "dimensions": 256, "normalize": True})
    assert asked == EmbedRequest(model=model, inputs=("Hi",), dimensions=256, extra={NAME: {"normalize": True}})
    assert told == {"embedding": [0.5, -1.0], "inputTextTokenCount": 3, "embeddingsByType": {"float": [0.5, -1.0]}, "counted": "3"}


def test_boto3_is_given_coheres_vectors() -> None:
    told, (asked,) = invoked(Embeddings(vectors=VECTORS, id="i"), V4, {"texts": ["a", "b"], "input_type": "search_query"})
    assert asked == EmbedRequest(model=V4, inputs=("a", "b"), purpose="query")
    assert told["embeddings"] == {"float": [[0.5, -1.0], [0.25, 2.0]]}
    told, _ = invoked(Embeddings(vectors=VECTORS, id="i"), V3, {"texts": ["a", "b"], "input_type": "search_query"})
    assert (told["embeddings"], told["texts"]) == ([[0.5, -1.0], [0.25, 2.0]], ["a", "b"])


def test_boto3_is_told_errors() -> None:
    with pytest.raises(ClientError, match="Slow down") as caught:
        invoked(RateLimited("Slow down."), TITAN, {"inputText": "Hi"})
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"


# --- recorded ---------------------------------------------------------------------------------------------------------------------------

RECORDED = [
    case for case in recordings.cases("bedrock.invoke.json") if case.values[0] is None or "embed" in case.values[0]["request"]["path"]
]


@pytest.mark.recorded
@pytest.mark.parametrize("exchange", RECORDED)
def test_recorded_exchange_comes_back(exchange: recordings.Exchange) -> None:
    asked, answered = exchange["request"], exchange["response"]["body"].encode()
    told = json.loads(answered)
    call = Call("POST", asked["path"], (), json.dumps(asked["body"]).encode())
    request = speaking.decode_request(call, NONE)
    again = speaking.encode_request(request, NONE)
    assert (again.url, json.loads(again.body), again.warnings) == (asked["path"], asked["body"], ())
    headers = tuple(exchange["response"]["headers"].items())
    answer = speaking.decode_reply(Reply(200, headers, answered), NONE)
    assert answer.usage is not None
    assert answer.usage.input_tokens == int(exchange["response"]["headers"][speaking.COUNT])
    reply = speaking.encode_reply(answer, request, NONE)
    assert header(reply.headers, speaking.COUNT) == exchange["response"]["headers"][speaking.COUNT]
    # Cohere's older models give the texts back as they read them, in small letters.
    assert {**json.loads(reply.body), "texts": told.get("texts")} == {**told, "texts": told.get("texts")}
