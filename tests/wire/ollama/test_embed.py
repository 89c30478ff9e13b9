"""Ollama's embeddings and its list of models, in both roles and by its own SDK."""

from __future__ import annotations

import json
from typing import Any

import ollama as sdk
import pytest
from ollama._types import EmbeddingsRequest
from ollama._types import EmbedRequest as SdkEmbedRequest

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, BadRequest, DragomanError, ModelNotFound, ServerFault, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.messages import Image
from dragoman.core.usage import Usage
from dragoman.wire.ollama import embed, tags
from dragoman.wire.quirks import NONE
from tests.wire.served import serving


def body_of(request: EmbedRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(embed.encode_request(request, NONE).body)
    return body


def test_request_both_ways() -> None:
    own = {"ollama": {"truncate": False, "options": {"num_ctx": 5}}}
    request = EmbedRequest(model="m", inputs=("a", "b"), dimensions=4, extra=own)
    call = embed.encode_request(request, NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/api/embed", ())
    assert json.loads(call.body) == {"model": "m", "input": ["a", "b"], "dimensions": 4, "truncate": False, "options": {"num_ctx": 5}}
    assert embed.decode_request(call, NONE) == request
    SdkEmbedRequest.model_validate(json.loads(call.body))


def test_older_endpoint_takes_one_text() -> None:
    request = embed.decode_request(Call("POST", "/api/embeddings", (), b'{"model":"m","prompt":"a"}'), NONE)
    assert request == EmbedRequest(model="m", inputs=("a",), extra={"ollama": {"legacy": True}})
    call = embed.encode_request(request, NONE)
    assert (call.url, json.loads(call.body)) == ("/api/embeddings", {"model": "m", "prompt": "a"})
    EmbeddingsRequest.model_validate(json.loads(call.body))
    with pytest.raises(Unsupported, match="takes one text, and 2 were given"):
        embed.encode_request(EmbedRequest(model="m", inputs=("a", "b"), extra=request.extra), NONE)


def test_one_text_alone_is_a_list_of_one() -> None:
    request = embed.decode_request(Call("POST", "/api/embed", (), b'{"model":"m","input":"a"}'), NONE)
    assert request.inputs == ("a",)
    assert body_of(request)["input"] == ["a"]


def test_what_cannot_be_said() -> None:
    call = embed.encode_request(EmbedRequest(model="m", inputs=("a",), purpose="query", encodings=("int8",), user="u"), NONE)
    assert [warning.partition(":")[0] for warning in call.warnings] == ["purpose", "encodings", "user"]
    with pytest.raises(Unsupported):
        embed.encode_request(EmbedRequest(model="m", inputs=((Image(data=b"a"),),)), NONE)
    with pytest.raises(BadRequest) as caught:
        embed.decode_request(Call("POST", "/api/embed", (), b'{"model":"m","input":[1]}'), NONE)
    assert str(caught.value.param).startswith("input[")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"error":"model \'x\' not found"}', ModelNotFound),
        (200, b'{"error":"broken"}', ServerFault),
        (200, b"{}", BadReply),
        (200, b"[]", BadReply),
    ],
)
def test_bad_answer_is_an_error(status: int, body: bytes, kind: type[DragomanError]) -> None:
    with pytest.raises(kind):
        embed.decode_reply(Reply(status, (), body), NONE)


def test_sdk_reads_what_is_served_and_is_read_in_turn() -> None:
    vectors = ((0.5, -1.0), (0.0, 2.0))

    def answer(request: EmbedRequest) -> Embeddings:
        usage = Usage(input_tokens=4, raw={"prompt_eval_count": 4, "total_duration": 9})
        return Embeddings(vectors=vectors[: len(request.inputs)], usage=usage)

    with serving("ollama", operations={"embed": answer}) as server:
        client = sdk.Client(host=server.root)
        told = client.embed("m", ["a", "b"])
        old = client.embeddings("m", "a")
        client._client.close()
    assert told.embeddings == [[0.5, -1.0], [0.0, 2.0]]
    assert (told.model, told.prompt_eval_count, told.total_duration) == ("m", 4, 9)
    assert old.embedding == [0.5, -1.0]
    first, second = (embed.decode_reply(embed.encode_reply(answer(one), one, NONE), NONE) for one in server.operated)
    assert (first.vectors, first.model, first.usage and first.usage.input_tokens) == (vectors, "m", 4)
    assert (second.vectors, second.usage) == (vectors[:1], None)


def test_list_of_models_both_ways() -> None:
    models = (ListedModel(name="a:latest", extra={"ollama": {"size": 5, "digest": "d"}}), ListedModel(name="b"))
    reply = tags.encode_reply(Listing(models=models), ListRequest(), NONE)
    with serving("ollama", operations={"list_models": lambda request: Listing(models=models)}) as server:
        client = sdk.Client(host=server.root)
        told = client.list()
        client._client.close()
    assert [(model.model, model.size, model.digest) for model in told.models] == [("a:latest", 5, "d"), ("b", 0, "")]
    again = tags.decode_reply(reply, NONE).models
    assert [model.name for model in again] == ["a:latest", "b"]
    assert again[0].extra["ollama"]["size"] == 5
    call = tags.encode_request(ListRequest(), NONE)
    assert (call.method, call.url, call.body) == ("GET", "/api/tags", b"")


@pytest.mark.parametrize(("status", "body"), [(500, b'{"error":"x"}'), (200, b"{}"), (200, b'{"models":[{}]}')])
def test_bad_list_of_models_is_an_error(status: int, body: bytes) -> None:
    with pytest.raises(DragomanError):
        tags.decode_reply(Reply(status, (), body), NONE)
