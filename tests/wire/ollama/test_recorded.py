"""What real Ollama servers were asked and answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.exchange import Call
from dragoman.wire import ollama
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases
from tests.wire.splits import read, read_split_anyhow

ANSWERS = cases("ollama.api-chat.json", "ollama.api-chat.stream", "ollama.api-generate.json", "ollama.api-generate.stream")


def asked(exchange: Exchange) -> Call:
    request = exchange["request"]
    return Call(request["method"], request["path"], (), json.dumps(request["body"]).encode())


def is_stream(exchange: Exchange) -> bool:
    return str(exchange["response"]["headers"]["content-type"]).startswith("application/x-ndjson")


def plainly(exchange: Exchange) -> dict[str, Any]:
    """The answer as a simple reading of its JSON tells it."""
    lines = [json.loads(line) for line in exchange["response"]["body"].splitlines()]
    last = lines[-1]
    assert last["done"] is True
    said = [line.get("message", line) for line in lines]
    counts = {name: last[name] for name in last if name.endswith(("_count", "_duration"))}
    return {
        "text": "".join(one.get("content", one.get("response", "")) for one in said),
        "reasoning": "".join(one.get("thinking", "") for one in said),
        "calls": [call["function"] for one in said for call in one.get("tool_calls", ())],
        "finish": last["done_reason"],
        "usage": (last.get("prompt_eval_count"), last.get("eval_count"), counts),
        "model": lines[0]["model"],
        "context": last.get("context"),
    }


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_says_what_a_plain_reading_says(exchange: Exchange) -> None:
    data = exchange["response"]["body"].encode()
    told = read_split_anyhow(lambda: ollama.decoder(is_stream(exchange), NONE), data, seeds=[1])
    assert told.error is None
    response = told.response
    assert response.usage is not None
    assert response.finish is not None
    assert {
        "text": response.text,
        "reasoning": response.reasoning,
        "calls": [{"name": call.name, "arguments": json.loads(call.arguments)} for call in response.tool_calls],
        "finish": response.finish.raw,
        "usage": (response.usage.input_tokens, response.usage.output_tokens, response.usage.raw),
        "model": response.model,
        "context": response.choices[0].extra.get("ollama", {}).get("context"),
    } == plainly(exchange)


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_written_again_says_the_same(exchange: Exchange) -> None:
    request = ollama.decode_request(asked(exchange), NONE)
    assert request.stream is is_stream(exchange)
    told = read(ollama.decoder(is_stream(exchange), NONE), [exchange["response"]["body"].encode()])
    encoder = ollama.encoder(request, NONE)
    data = b"".join(encoder.send(event) for event in told.events) + encoder.close()
    assert read(ollama.decoder(request.stream, NONE), [data]).events == told.events
    if not request.stream:
        assert json.loads(data) == json.loads(exchange["response"]["body"])


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """What is said by saying nothing: empty texts and lists, no options, ``"raw": false``, null. Whether to stream is always said."""
    return {name: value for name, value in body.items() if name == "stream" or value not in ("", [], {}, False, None)}


@pytest.mark.parametrize("exchange", ANSWERS)
def test_request_written_again_is_the_same(exchange: Exchange) -> None:
    request = ollama.decode_request(asked(exchange), NONE)
    call = ollama.encode_request(request, NONE)
    assert call.warnings == ()
    assert call.url == exchange["request"]["path"]
    assert json.loads(call.body) == canonical(exchange["request"]["body"])
    assert ollama.decode_request(call, NONE) == request
