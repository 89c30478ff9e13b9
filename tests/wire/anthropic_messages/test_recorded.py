"""Recorded traffic, read here in a simple way of its own and by the decoder, must mean the same; and nothing of it may be lost on the way
through both roles."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.core.events import Finished, Started
from dragoman.core.exchange import Call, Reply
from dragoman.core.fold import Response
from dragoman.core.messages import Opaque, Reasoning, Source, ToolCall
from dragoman.core.usage import Usage
from dragoman.wire import anthropic_messages
from dragoman.wire.anthropic_messages import count
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases, uncut
from tests.wire.splits import Told, read, read_split_anyhow

from .recorded import canonical_request, without_nothing
from .streams import NAME, call_of, new_decoder, new_whole, written

STREAMS = cases("anthropic.messages.stream")
WHOLE = cases("anthropic.messages.json")
ANSWERS = STREAMS + WHOLE


# --- a simple reading -------------------------------------------------------------------------------------------------------------------


def is_stream(exchange: Exchange) -> bool:
    return bool(exchange["response"]["headers"]["content-type"].startswith("text/event-stream"))


def message_of(exchange: Exchange) -> dict[str, Any]:
    """The message that an answer is, put together the way the vendor's documentation says."""
    body = exchange["response"]["body"]
    if not is_stream(exchange):
        return dict(json.loads(body))
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for line in body.splitlines():
        if not line.startswith("data:"):
            continue
        event = json.loads(line[5:])
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"])
            case "content_block_delta":
                add(message["content"][event["index"]], event["delta"], pieces, event["index"])
            case "message_delta":
                message["usage"] |= event["usage"]
                message |= event["delta"]
                message |= {name: value for name, value in event.items() if name not in ("type", "delta", "usage")}
    for index, text in pieces.items():
        if text:
            message["content"][index]["input"] = json.loads(text)
    return message


def add(block: dict[str, Any], delta: dict[str, Any], pieces: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "compaction_delta":
            block["content"] = delta["content"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        case "input_json_delta":
            pieces[index] = pieces.get(index, "") + delta["partial_json"]
        case other:
            raise AssertionError(other)


def simply(message: dict[str, Any]) -> dict[str, Any]:
    blocks, usage = message["content"], message["usage"]
    cached = [usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")]
    return {
        "id": message["id"],
        "model": message["model"],
        "text": "".join(block["text"] for block in blocks if block["type"] == "text"),
        "reasoning": [(block["thinking"], block["signature"]) for block in blocks if block["type"] == "thinking"],
        "tools": [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        "cited": [cited["cited_text"] for block in blocks if block["type"] == "text" for cited in block.get("citations") or []],
        "opaque": [block for block in blocks if block["type"] not in ("text", "thinking", "tool_use")],
        "finish": message["stop_reason"],
        "sequence": message["stop_sequence"],
        "usage": [usage["input_tokens"] + sum(filter(None, cached)), *cached, usage["output_tokens"]],
    }


def as_read(response: Response) -> dict[str, Any]:
    parts, usage = response.parts, response.usage or Usage()
    finish = response.finish
    return {
        "id": response.id,
        "model": response.model,
        "text": response.text,
        "reasoning": [(part.text, part.signature) for part in parts if isinstance(part, Reasoning)],
        "tools": [(part.id, part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)],
        "cited": [part.quote for part in parts if isinstance(part, Source)],
        "opaque": [part.extra[NAME] for part in parts if isinstance(part, Opaque)],
        "finish": finish.raw if finish else None,
        "sequence": response.choices[0].extra.get(NAME, {}).get("stop_sequence"),
        "usage": [usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens],
    }


def told_of(exchange: Exchange) -> Told:
    told = read_split_anyhow(new_decoder if is_stream(exchange) else new_whole, exchange["response"]["body"].encode(), seeds=[1, 2])
    assert told.error is None
    return told


# --- answers ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_means_what_a_simple_reading_of_it_says(exchange: Exchange) -> None:
    assert as_read(told_of(exchange).response) == simply(message_of(exchange))


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_comes_back_event_by_event_through_the_server_role(exchange: Exchange) -> None:
    told = told_of(exchange)
    again = read(new_decoder(), [written(told.events)])
    assert again.error is None
    assert again.events == told.events


@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answer_comes_back_as_the_same_json_through_the_server_role(exchange: Exchange) -> None:
    again = json.loads(written(told_of(exchange).events, stream=False))
    assert without_nothing(again) == without_nothing(message_of(exchange))


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_means_the_same_in_the_other_form(exchange: Exchange) -> None:
    """A streamed answer written whole, a whole one streamed."""
    told = told_of(exchange)
    stream = not is_stream(exchange)
    again = read(new_decoder() if stream else new_whole(), [written(told.events, stream)])
    assert again.error is None
    assert as_read(again.response) == as_read(told.response)


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_read_whole_says_the_same_but_for_where_it_began(exchange: Exchange) -> None:
    """The same blocks, each with all its content at once: one reading for both forms."""
    told = told_of(exchange)
    message = message_of(exchange)
    whole = read(new_whole(), [json.dumps(message).encode()])
    assert [parts_but_arguments(whole.response)] == [parts_but_arguments(told.response)]
    assert isinstance(whole.events[0], Started)
    last, last_whole = told.events[-1], whole.events[-1]
    assert isinstance(last, Finished)
    assert isinstance(last_whole, Finished)
    assert (last.reason, last.usage) == (last_whole.reason, last_whole.usage)


def parts_but_arguments(response: Response) -> list[Any]:
    """Arguments compare as JSON, because the reading above writes them anew."""
    return [
        msgspec.structs.replace(part, arguments=json.dumps(json.loads(part.arguments))) if isinstance(part, ToolCall) else part
        for part in response.parts
    ]


# --- requests ---------------------------------------------------------------------------------------------------------------------------


def asked_in(exchange: Exchange) -> Call:
    request = exchange["request"]
    path = request["path"] + (f"?{request['query']}" if request["query"] else "")
    return call_of(uncut(request["body"]), path, ("anthropic-beta", "one-2025-01-01,two-2026-01-01"))


@pytest.mark.parametrize("exchange", ANSWERS)
def test_request_comes_back_as_the_same_json_through_both_roles(exchange: Exchange) -> None:
    call = asked_in(exchange)
    request = anthropic_messages.decode_request(call, NONE)
    again = anthropic_messages.encode_request(request, NONE)
    assert again.warnings == ()
    assert again.url == call.url
    assert ("anthropic-beta", "one-2025-01-01,two-2026-01-01") in again.headers
    assert canonical_request(json.loads(again.body)) == canonical_request(json.loads(call.body))
    assert anthropic_messages.decode_request(again, NONE) == request


@pytest.mark.parametrize("exchange", cases("anthropic.count_tokens.json"))
def test_count_of_tokens_and_its_request_come_back(exchange: Exchange) -> None:
    call = asked_in(exchange)
    request = count.decode_request(call, NONE)
    again = count.encode_request(request, NONE)
    assert (again.warnings, again.url) == ((), call.url)
    assert canonical_request(json.loads(again.body)) == canonical_request(json.loads(call.body))
    body = exchange["response"]["body"]
    usage = count.decode_reply(Reply(200, (), body.encode()), NONE)
    assert json.loads(count.encode_reply(usage, request, NONE).body) == json.loads(body)


@pytest.mark.parametrize("exchange", cases("anthropic.messages.errors"))
def test_error_is_classified_and_told_again_with_the_same_status_and_type(exchange: Exchange) -> None:
    answer = exchange["response"]
    error = anthropic_messages.decode_error(Reply(answer["status"], (), answer["body"].encode()), NONE)
    told = json.loads(answer["body"])
    assert (type(error).__name__, error.message, error.request_id) == ("ModelNotFound", told["error"]["message"], told["request_id"])
    reply = anthropic_messages.encode_error(error, NONE)
    assert (reply.status, json.loads(reply.body)) == (answer["status"], told)
