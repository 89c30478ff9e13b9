"""Recorded traffic, read here in a simple way of its own and by the decoder, must mean the same; and nothing of it may be lost on the way
through both roles."""

from __future__ import annotations

import base64
import copy
import json
import struct
from typing import Any

import pytest

from dragoman.core.exchange import Call, Reply
from dragoman.core.fold import Response
from dragoman.core.messages import Opaque, Reasoning, ToolCall
from dragoman.core.request import Request
from dragoman.core.usage import Usage
from dragoman.wire import bedrock_converse
from dragoman.wire.eventstream import EventMessages
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases, uncut
from tests.wire.splits import Told, random_pieces, read, read_split_anyhow

from .recorded import bytes_of, canonical_request
from .streams import NAME, new_decoder, new_whole, records, written

STREAMS = cases("bedrock.converse.stream")
WHOLE = cases("bedrock.converse.json")
ERRORS = cases("bedrock.converse.errors")
ANSWERS = STREAMS + WHOLE


def is_stream(exchange: Exchange) -> bool:
    return bool(exchange["response"]["headers"]["content-type"] == "application/vnd.amazon.eventstream")


# --- a simple reading -------------------------------------------------------------------------------------------------------------------


def simple_records(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Event by event: lengths, then the header that names it, which is a string, then the JSON; no checksum looked at."""
    found = []
    while data:
        total, headers = struct.unpack(">II", data[:8])
        block, payload = data[12 : 12 + headers], data[12 + headers : total - 4]
        at = block.index(b":event-type") + len(b":event-type")
        size = struct.unpack(">H", block[at + 1 : at + 3])[0]
        found.append((block[at + 3 : at + 3 + size].decode(), json.loads(payload)))
        data = data[total:]
    return found


def message_of(exchange: Exchange) -> dict[str, Any]:
    """The answer as the vendor's whole object, put together the way its documentation says."""
    data = bytes_of(exchange)
    if not is_stream(exchange):
        return dict(json.loads(data))
    blocks: dict[int, dict[str, Any]] = {}
    end: dict[str, Any] = {}
    for name, event in simple_records(data):
        event.pop("p")
        if name == "contentBlockStart":
            blocks[event["contentBlockIndex"]] = copy.deepcopy(event["start"])
        elif name == "contentBlockDelta":
            add(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
        elif name in ("messageStop", "metadata"):
            end |= event
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {"output": {"message": {"role": "assistant", "content": [blocks[index] for index in sorted(blocks)]}}, **end}


def add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    [(kind, value)] = delta.items()
    match kind:
        case "text":
            block["text"] = block.get("text", "") + value
        case "toolUse":
            block["toolUse"]["input"] = block["toolUse"].get("input", "") + value["input"]
        case "toolResult":
            block["toolResult"].setdefault("content", []).extend(value)
        case "reasoningContent":
            inner = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
            inner["text"] += value.get("text", "")
        case other:
            raise AssertionError(other)


def simply(answer: dict[str, Any]) -> dict[str, Any]:
    blocks, usage = answer["output"]["message"]["content"], answer["usage"]
    cached = [usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")]
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    thoughts = [block["reasoningContent"]["reasoningText"] for block in blocks if "reasoningContent" in block]
    return {
        "text": "".join(block["text"] for block in blocks if "text" in block),
        "reasoning": [(thought["text"], thought.get("signature")) for thought in thoughts],
        "tools": [(call["toolUseId"], call["name"], call["input"]) for call in calls if call.get("type") != "server_tool_use"],
        "opaque": [block for block in blocks if "toolResult" in block or block.get("toolUse", {}).get("type") == "server_tool_use"],
        "finish": answer["stopReason"],
        "usage": [usage["inputTokens"] + sum(filter(None, cached)), *cached, usage["outputTokens"]],
        "latency": answer["metrics"]["latencyMs"],
        "trace": answer.get("trace"),
    }


def as_read(response: Response) -> dict[str, Any]:
    parts, usage = response.parts, response.usage or Usage()
    finish, extra = response.finish, response.choices[0].extra[NAME]
    return {
        "text": response.text,
        "reasoning": [(part.text, part.signature) for part in parts if isinstance(part, Reasoning)],
        "tools": [(part.id, part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)],
        "opaque": [part.extra[NAME] for part in parts if isinstance(part, Opaque)],
        "finish": finish.raw if finish else None,
        "usage": [usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens],
        "latency": extra["metrics"]["latencyMs"],
        "trace": extra.get("trace"),
    }


def told_of(exchange: Exchange) -> Told:
    told = read_split_anyhow(new_decoder if is_stream(exchange) else new_whole, bytes_of(exchange), seeds=[1, 2])
    assert told.error is None
    return told


def without_empty_texts(answer: dict[str, Any]) -> dict[str, Any]:
    content = [block for block in answer["output"]["message"]["content"] if block != {"text": ""}]
    return {**answer, "output": {"message": {**answer["output"]["message"], "content": content}}}


# --- answers ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_means_what_a_simple_reading_of_it_says(exchange: Exchange) -> None:
    assert as_read(told_of(exchange).response) == simply(message_of(exchange))


@pytest.mark.parametrize("exchange", ANSWERS)
def test_totals_are_the_vendors_own(exchange: Exchange) -> None:
    usage = told_of(exchange).response.usage
    assert usage is not None
    assert usage.total_tokens == message_of(exchange)["usage"]["totalTokens"]


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_comes_back_event_by_event_through_the_server_role(exchange: Exchange) -> None:
    told = told_of(exchange)
    again = read(new_decoder(), random_pieces(written(told.events), 1))
    assert again.error is None
    assert again.events == told.events


@pytest.mark.parametrize("exchange", STREAMS)
def test_streamed_answer_is_written_as_it_was(exchange: Exchange) -> None:
    """But for the padding, and for an empty text that opens it, after which the blocks are counted anew."""
    told = told_of(exchange)
    recorded = [(name, {key: value for key, value in event.items() if key != "p"}) for name, event in simple_records(bytes_of(exchange))]
    if any(event.get("delta") == {"text": ""} for _, event in recorded):
        again, simple = records(written(told.events)), simply(message_of(exchange))
        assert [name for name, _ in again] == [name for name, _ in recorded[:1] + recorded[3:]]
        assert as_read(read(new_decoder(), [written(told.events)]).response) == simple
    else:
        assert records(written(told.events)) == recorded


@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answer_comes_back_as_the_same_json_through_the_server_role(exchange: Exchange) -> None:
    again = json.loads(written(told_of(exchange).events, stream=False))
    assert again == without_empty_texts(message_of(exchange))


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_means_the_same_in_the_other_form(exchange: Exchange) -> None:
    """A streamed answer written whole, a whole one streamed."""
    told = told_of(exchange)
    stream = not is_stream(exchange)
    again = read(new_decoder() if stream else new_whole(), [written(told.events, stream)])
    assert again.error is None
    assert as_read(again.response) == as_read(told.response)


@pytest.mark.parametrize("exchange", ANSWERS)
def test_answer_can_be_sent_back_as_it_was_said(exchange: Exchange) -> None:
    """The next turn's request holds the blocks of the answer; reasoning that its model does not take back is left out and named."""
    model = bedrock_converse.decode_request(asked_in(exchange), NONE).model
    turn = told_of(exchange).response.choices[0].message
    call = bedrock_converse.encode_request(Request(model=model, messages=(turn,)), NONE)
    said = without_empty_texts(message_of(exchange))["output"]["message"]["content"]
    sent = [block for message in json.loads(call.body).get("messages", []) for block in message["content"]]
    assert sent == [block for block in said if not call.warnings or "reasoningContent" not in block]
    assert not call.warnings or "deepseek" in model


# --- requests ---------------------------------------------------------------------------------------------------------------------------


def asked_in(exchange: Exchange) -> Call:
    request = exchange["request"]
    return Call("POST", request["path"], (), json.dumps(uncut(request["body"])).encode())


@pytest.mark.parametrize("exchange", ANSWERS + ERRORS)
def test_request_comes_back_as_the_same_json_through_both_roles(exchange: Exchange) -> None:
    call = asked_in(exchange)
    request = bedrock_converse.decode_request(call, NONE)
    again = bedrock_converse.encode_request(request, NONE)
    assert again.warnings == ()
    assert again.url == call.url
    assert canonical_request(json.loads(again.body)) == canonical_request(json.loads(call.body))
    assert bedrock_converse.decode_request(again, NONE) == request


@pytest.mark.parametrize("exchange", ERRORS)
def test_error_is_classified_and_told_again_with_the_same_words(exchange: Exchange) -> None:
    answer = exchange["response"]
    told = json.loads(answer["body"])
    error = bedrock_converse.decode_error(Reply(answer["status"], (), bytes_of(exchange)), NONE)
    kind = {"bedrock-converse-errors-000": "ModelNotFound"}.get(exchange["id"], "BadRequest")
    assert (type(error).__name__, error.message, error.status) == (kind, told["message"], 400)
    assert json.loads(bedrock_converse.encode_error(error, NONE).body) == told


@pytest.mark.parametrize("exchange", cases("bedrock.invoke.stream"))
def test_framing_of_another_operation_is_read_too(exchange: Exchange) -> None:
    """Events of ``InvokeModelWithResponseStream`` hold base64 of the model's own JSON; what they mean is not this dialect's matter."""
    frames = list(EventMessages().feed(bytes_of(exchange)))
    assert {name for name, _ in frames} == {"chunk"}
    assert [json.loads(data) for _, data in frames] == [event for _, event in simple_records(bytes_of(exchange))]
    assert all(isinstance(json.loads(base64.b64decode(json.loads(data)["bytes"])), dict) for _, data in frames)
