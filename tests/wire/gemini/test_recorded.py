"""Recorded traffic, read in a simple way of its own and by the decoder, must mean the same; and nothing is lost through both roles."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.core.errors import ContentFiltered, ModelNotFound
from dragoman.core.exchange import Call, Reply
from dragoman.core.fold import Response
from dragoman.core.messages import AnyPart, Message, Opaque, Text
from dragoman.core.request import Request
from dragoman.wire import gemini
from dragoman.wire.gemini import count_tokens
from dragoman.wire.gemini.parts import TRAILING, is_invented
from dragoman.wire.quirks import NONE, Quirks
from tests.conformance.recordings import Exchange, cases, uncut
from tests.wire.splits import read, read_split_anyhow, single_bytes

from .recorded import (
    body_of,
    canonical_request,
    chunks_of,
    is_stream,
    meaning_of,
    parts_of,
    url_of,
)
from .roles import FORMS, NAME, Form, new_decoder, written

STREAMS = cases("gemini.generateContent.stream", "vertex.generateContent.stream")
WHOLE = cases("gemini.generateContent.json", "vertex.generateContent.json")
ANSWERS = STREAMS + WHOLE
FAULTS = cases("gemini.generateContent.errors")
COUNTS = cases("vertex.countTokens.json")


def is_blocked(exchange: Exchange) -> bool:
    return any(chunk.get("promptFeedback", {}).get("blockReason") for chunk in chunks_of(exchange))


def signatures(parts: tuple[AnyPart, ...]) -> list[str]:
    own = [part.extra.get(NAME, {}) for part in parts]
    found = [[fields, *fields.get(TRAILING, [])] for fields in own]
    return [one["thoughtSignature"] for fields in found for one in fields if "thoughtSignature" in one]


def meaning(response: Response) -> dict[str, Any]:
    usage = response.usage
    assert usage is not None
    assert response.finish is not None
    calls = [(None if is_invented(call.id) else call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls]
    return {
        "text": response.text,
        "reasoning": response.reasoning,
        "calls": calls,
        "signatures": signatures(response.parts),
        "own": [name for part in response.parts if isinstance(part, Opaque) for name in part.extra[NAME] if name != "thoughtSignature"],
        "finish": response.finish.raw,
        "input": usage.input_tokens,
        "output": usage.output_tokens or 0,
        "thoughts": usage.reasoning_tokens,
        "cached": usage.cache_read_tokens,
        "tokens": [(one.token, one.logprob) for choice in response.choices for one in choice.logprobs or ()],
    }


@pytest.mark.parametrize("exchange", ANSWERS)
def test_recorded_answer_means_what_a_simple_reading_says(exchange: Exchange) -> None:
    stream = is_stream(exchange)
    told = read_split_anyhow(lambda: gemini.decoder(stream, NONE), body_of(exchange), seeds=range(2))
    if is_blocked(exchange):
        assert isinstance(told.error, ContentFiltered)
        assert told.error.code == chunks_of(exchange)[0]["promptFeedback"]["blockReason"]
        return
    assert told.error is None
    assert meaning(told.response) == meaning_of(exchange)
    calls = told.response.tool_calls
    stopped = told.response.finish is not None and told.response.finish.raw == "STOP"
    assert not (calls and stopped) or told.response.finish_reason == "tool_calls"
    assert len({call.id for call in calls}) == len(calls)


@pytest.mark.parametrize("exchange", ANSWERS)
@pytest.mark.parametrize("form", FORMS)
def test_recorded_answer_comes_back_the_same_from_the_server_role(exchange: Exchange, form: Form) -> None:
    if is_blocked(exchange):
        return
    first = read(gemini.decoder(is_stream(exchange), NONE), [body_of(exchange)])
    again = read(new_decoder(form), [written(first.events, form)])
    assert again.error is None
    assert again.response == first.response


@pytest.mark.parametrize("exchange", ANSWERS)
def test_recorded_answer_is_replayed_part_for_part(exchange: Exchange) -> None:
    """What the model said goes back as it came: neighbouring words without a signature may be one, and empty ones none."""
    if is_blocked(exchange):
        return
    response = read(gemini.decoder(is_stream(exchange), NONE), [body_of(exchange)]).response
    request = Request(model="gemini-2.5-flash", messages=(Message("user", (Text(text="Hi"),)), response.message))
    contents = json.loads(gemini.encode_request(request, NONE).body)["contents"]
    said = parts_of(exchange)
    assert (contents[1]["parts"] if len(contents) > 1 else []) == joined(said)


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for part in parts:
        words = part.keys() <= {"text", "thought"}
        if words and not part["text"]:
            continue
        if words and told and told[-1].keys() == part.keys() and told[-1].get("thought") == part.get("thought"):
            told[-1] = {**part, "text": told[-1]["text"] + part["text"]}
        else:
            told.append(part)
    return told


@pytest.mark.parametrize("exchange", STREAMS)
def test_recorded_stream_passes_every_piece_of_text_on_at_once(exchange: Exchange) -> None:
    pieces = [part["text"] for part in parts_of(exchange) if part.get("text") and not part.get("thought")]
    told = read(gemini.decoder(True, NONE), single_bytes(body_of(exchange)))
    assert [event.text for event in told.events if event.text] == pieces


@pytest.mark.parametrize("exchange", ANSWERS + FAULTS)
def test_recorded_request_is_read_and_written_again(exchange: Exchange) -> None:
    given = uncut(exchange["request"]["body"])
    url = url_of(exchange)
    request = gemini.decode_request(Call("POST", url, (), json.dumps(given).encode()), NONE)
    call = gemini.encode_request(request, NONE)
    assert call.warnings == ()
    assert url.partition("/v1beta")[2].removeprefix("1").endswith(call.url)
    assert canonical_request(json.loads(call.body), request.model) == canonical_request(given, request.model)


@pytest.mark.parametrize("exchange", ANSWERS)
def test_recorded_request_is_the_same_again_when_read_twice(exchange: Exchange) -> None:
    call = Call("POST", url_of(exchange), (), json.dumps(uncut(exchange["request"]["body"])).encode())
    request = gemini.decode_request(call, NONE)
    signed = "gemini-3" in request.model  # a placeholder is added where a signature is missing
    again = gemini.decode_request(gemini.encode_request(request, NONE), NONE)
    if not signed:
        assert msgspec.structs.replace(again, messages=()) == msgspec.structs.replace(request, messages=())
    assert gemini.encode_request(again, NONE).body == gemini.encode_request(request, NONE).body


@pytest.mark.parametrize("exchange", FAULTS)
def test_recorded_error_is_classified(exchange: Exchange) -> None:
    error = gemini.decode_error(Reply(exchange["response"]["status"], (), body_of(exchange)), NONE)
    assert isinstance(error, ModelNotFound)
    assert (error.status, error.code) == (404, "NOT_FOUND")
    assert "is not found for API version" in error.message


@pytest.mark.parametrize("exchange", COUNTS)
def test_recorded_count_is_read_and_written_again(exchange: Exchange) -> None:
    given, told = exchange["request"]["body"], json.loads(body_of(exchange))
    request = count_tokens.decode_request(Call("POST", url_of(exchange), (), json.dumps(given).encode()), NONE)
    call = count_tokens.encode_request(request, Quirks(vertex=True))
    assert canonical_request(json.loads(call.body), request.model) == canonical_request(given, request.model)
    usage = count_tokens.decode_reply(Reply(200, (), body_of(exchange)), NONE)
    assert usage.input_tokens == told["totalTokens"]
    assert json.loads(count_tokens.encode_reply(usage, request, NONE).body) == told
