"""What Cohere itself was asked and answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse
from pydantic import TypeAdapter

from dragoman.core.errors import ModelNotFound
from dragoman.core.exchange import Call, Reply
from dragoman.wire import cohere
from dragoman.wire.cohere import embed, rerank
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases
from tests.wire.splits import read, read_split_anyhow

WHOLE = cases("cohere.v2chat.json")
STREAMS = cases("cohere.v2chat.stream")
EVENT: TypeAdapter[Any] = TypeAdapter(V2ChatStreamResponse)


def asked(exchange: Exchange) -> Call:
    request = exchange["request"]
    return Call(request["method"], request["path"], (), json.dumps(request["body"]).encode())


def answer(exchange: Exchange) -> bytes:
    return str(exchange["response"]["body"]).encode()


def events_of(data: str) -> list[dict[str, Any]]:
    """The JSON of an event stream, read as simply as may be."""
    lines = [line.removeprefix("data: ") for line in data.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def joined(exchange: Exchange) -> dict[str, Any]:
    """A streamed answer put together into the form of a whole one."""
    message: dict[str, Any] = {"content": [], "tool_calls": [], "citations": [], "tool_plan": ""}
    whole: dict[str, Any] = {"message": message}
    for event in events_of(exchange["response"]["body"]):
        said = event.get("delta", {}).get("message", {})
        match event["type"]:
            case "message-start":
                whole["id"] = event["id"]
            case "content-start":
                message["content"].append(said["content"])
            case "content-delta":
                for name, text in said["content"].items():
                    message["content"][event["index"]][name] += text
            case "tool-plan-delta":
                message["tool_plan"] += said["tool_plan"]
            case "tool-call-start":
                message["tool_calls"].append(said["tool_calls"])
            case "tool-call-delta":
                message["tool_calls"][event["index"]]["function"]["arguments"] += said["tool_calls"]["function"]["arguments"]
            case "citation-start":
                message["citations"].append(said["citations"])
            case "message-end":
                whole |= event["delta"]
    return whole


def plainly(whole: dict[str, Any]) -> dict[str, Any]:
    """A whole answer as a simple reading of its JSON tells it."""
    message, usage = whole["message"], whole["usage"]
    content = message.get("content") or []
    return {
        "id": whole["id"],
        "text": "".join(block["text"] for block in content if block["type"] == "text"),
        "reasoning": (message.get("tool_plan") or "") + "".join(block["thinking"] for block in content if block["type"] == "thinking"),
        "calls": [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()],
        "cited": [(citation["start"], citation["end"]) for citation in message.get("citations") or () for _ in citation["sources"]],
        "finish": whole["finish_reason"],
        "usage": (usage["tokens"]["input_tokens"], usage["tokens"]["output_tokens"], usage.get("cached_tokens"), usage),
    }


def told_by(data: bytes, streaming: bool) -> dict[str, Any]:
    told = read_split_anyhow(lambda: cohere.decoder(streaming, NONE), data, seeds=[1])
    assert told.error is None
    response = told.response
    assert response.usage is not None
    assert response.finish is not None
    usage = response.usage
    return {
        "id": response.id,
        "text": response.text,
        "reasoning": response.reasoning,
        "calls": [(call.id, call.name, call.arguments) for call in response.tool_calls],
        "cited": [(source.start, source.end) for source in response.sources],
        "finish": response.finish.raw,
        "usage": (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.raw),
    }


@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answer_says_what_a_plain_reading_says(exchange: Exchange) -> None:
    assert told_by(answer(exchange), False) == plainly(json.loads(answer(exchange)))


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_says_what_a_plain_reading_says(exchange: Exchange) -> None:
    assert told_by(answer(exchange), True) == plainly(joined(exchange))


@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answer_written_again_is_the_same(exchange: Exchange) -> None:
    told = read(cohere.decoder(False, NONE), [answer(exchange)])
    encoder = cohere.encoder(cohere.decode_request(asked(exchange), NONE), NONE)
    data = b"".join(encoder.send(event) for event in told.events) + encoder.close()
    assert json.loads(data) == json.loads(answer(exchange))
    V2ChatResponse.model_validate(json.loads(data))


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_written_again_is_the_same_to_the_byte(exchange: Exchange) -> None:
    told = read(cohere.decoder(True, NONE), [answer(exchange)])
    encoder = cohere.encoder(cohere.decode_request(asked(exchange), NONE), NONE)
    data = b"".join(encoder.send(event) for event in told.events) + encoder.close()
    assert data == answer(exchange)


@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answer_says_the_same_streamed(exchange: Exchange) -> None:
    told = read(cohere.decoder(False, NONE), [answer(exchange)])
    body = {**exchange["request"]["body"], "stream": True}
    request = cohere.decode_request(Call("POST", "/v2/chat", (), json.dumps(body).encode()), NONE)
    encoder = cohere.encoder(request, NONE)
    data = b"".join(encoder.send(event) for event in told.events) + encoder.close()
    assert read(cohere.decoder(True, NONE), [data]).response == told.response
    for event in events_of(data.decode()):
        EVENT.validate_python(event)


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """What is said by saying nothing: null, in the body and in its messages. Whether to stream is always said."""
    plain = {name: value for name, value in body.items() if value is not None}
    messages = [{name: value for name, value in message.items() if value is not None} for message in body["messages"]]
    return {"stream": False, **plain, "messages": messages}


@pytest.mark.parametrize("exchange", [*WHOLE, *STREAMS])
def test_request_written_again_is_the_same(exchange: Exchange) -> None:
    request = cohere.decode_request(asked(exchange), NONE)
    call = cohere.encode_request(request, NONE)
    assert call.warnings == ()
    assert call.url == exchange["request"]["path"]
    assert json.loads(call.body) == canonical(exchange["request"]["body"])
    assert cohere.decode_request(call, NONE) == request


@pytest.mark.parametrize("exchange", cases("cohere.v1chat.errors", "cohere.embed.errors"))
def test_failing_answer_is_a_model_that_is_not_there(exchange: Exchange) -> None:
    record = json.loads(answer(exchange))
    error = cohere.decode_error(Reply(exchange["response"]["status"], (), answer(exchange)), NONE)
    assert type(error) is ModelNotFound
    assert (error.message, error.request_id, error.status) == (record["message"], record["id"], 404)
    again = cohere.encode_error(error, NONE)
    assert (again.status, json.loads(again.body)) == (404, record)


@pytest.mark.parametrize("exchange", cases("cohere.embed.json"))
def test_embeddings_both_ways(exchange: Exchange) -> None:
    call = asked(exchange)
    request = embed.decode_request(call, NONE)
    body = {name: value for name, value in exchange["request"]["body"].items() if value is not None}
    again = embed.encode_request(request, NONE)
    assert again.warnings == ()
    assert json.loads(again.body) == body
    record = json.loads(answer(exchange))
    embeddings = embed.decode_reply(Reply(200, (), answer(exchange)), NONE)
    assert [list(vector) for vector in embeddings.vectors] == record["embeddings"]["float"]
    assert embeddings.usage is not None
    assert embeddings.usage.input_tokens == record["meta"]["billed_units"]["input_tokens"]
    assert json.loads(embed.encode_reply(embeddings, request, NONE).body) == record


@pytest.mark.parametrize("exchange", cases("cohere.rerank.json"))
def test_ranking_both_ways(exchange: Exchange) -> None:
    """The two versions of this endpoint differ in nothing that is recorded but the path."""
    request = rerank.decode_request(asked(exchange), NONE)
    assert json.loads(rerank.encode_request(request, NONE).body) == exchange["request"]["body"]
    record = json.loads(answer(exchange))
    ranking = rerank.decode_reply(Reply(200, (), answer(exchange)), NONE)
    assert [(one.index, one.score) for one in ranking.results] == [(one["index"], one["relevance_score"]) for one in record["results"]]
    assert json.loads(rerank.encode_reply(ranking, request, NONE).body) == record
