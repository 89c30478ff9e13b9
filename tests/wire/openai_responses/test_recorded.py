"""Recorded exchanges: read as a plain reading of the same JSON reads them, and through the server role and back; requests likewise."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.core import errors
from dragoman.core.events import OrderCheck
from dragoman.core.exchange import Reply
from dragoman.core.fold import Response
from dragoman.core.messages import Opaque, Reasoning, Source
from dragoman.wire import openai_responses
from dragoman.wire.quirks import NONE
from tests.conformance.recordings import Exchange, cases, exchanges, uncut
from tests.wire.splits import Told, random_pieces, read

from . import consistent, recorded
from .recorded import ERRORS, STREAMS, WHOLES
from .streams import NAME, asked, decoder, encoded, read_request, written_request

OTHER = "openai.responses-other.json"


def decoded(exchange: Exchange) -> Told:
    """The exchange as told whole, after asserting that it is told the same in random pieces."""
    data, streaming = recorded.told(exchange), recorded.is_stream(exchange)
    whole = read(decoder(streaming), [data])
    for seed in range(3):
        again = read(decoder(streaming), random_pieces(data, seed))
        assert (again.events, again.verdict) == (whole.events, whole.verdict)
    return whole


def counts(response: Response) -> tuple[Any, ...] | None:
    usage = response.usage
    if usage is None:
        return None
    return (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens, usage.reasoning_tokens)


@pytest.mark.parametrize("exchange", cases(STREAMS, WHOLES))
def test_answer_says_what_a_plain_reading_finds(exchange: Exchange) -> None:
    told = decoded(exchange)
    assert told.error is None
    response, plain = told.response, recorded.final_response(exchange)
    assert (response.id, response.model, response.created_s) == (plain["id"], plain["model"], int(plain["created_at"]))
    assert response.text == recorded.text_of(plain)
    assert [part.text for part in response.parts if isinstance(part, Reasoning)] == recorded.reasoning_of(plain)
    assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == recorded.calls_of(plain)
    assert [source.extra[NAME] for source in response.sources] == recorded.annotations_of(plain)
    assert [part.extra[NAME] for part in response.parts if isinstance(part, Opaque)] == recorded.others_of(plain)
    assert counts(response) == recorded.usage_of(plain)
    if plain["status"] == "incomplete":
        assert response.finish is not None
        assert (response.finish_reason, response.finish.raw) == ("length", plain["incomplete_details"]["reason"])
    else:
        assert response.finish_reason == ("tool_calls" if recorded.calls_of(plain) else "stop")


@pytest.mark.parametrize("exchange", cases(STREAMS))
def test_stream_is_told_delta_by_delta(exchange: Exchange) -> None:
    told = decoded(exchange)
    assert told.response.text == recorded.deltas_of(exchange, "output_text")
    plain = [one["delta"] for one in recorded.objects_of(exchange) if one["type"] == "response.output_text.delta" and one["delta"]]
    assert [event.text for event in told.events if event.text] == plain
    tokens = [
        token["token"] for one in recorded.objects_of(exchange) for token in one.get("logprobs") or [] if one["type"].endswith("delta")
    ]
    assert [one.token for one in told.response.choices[0].logprobs or ()] == tokens


@pytest.mark.parametrize("exchange", cases(STREAMS)[::6])
def test_stream_cut_anywhere_is_never_a_success(exchange: Exchange) -> None:
    data = recorded.told(exchange)
    whole = read(decoder(), [data])
    end = data.rindex(b'"type":"response.completed"' if b'"type":"response.completed"' in data else b'"type":"response.incomplete"')
    last = data.index(b"\n", end)
    for length in range(0, len(data), max(1, len(data) // 300)):
        told = read(decoder(), [data[:length]])
        assert (told.error is None) == (length >= last), length
        assert told.events == whole.events[: len(told.events)], length


def again(told: Told, stream: bool) -> Response:
    """Through our server role and back."""
    data = encoded(told.events, asked(stream))
    if stream:
        consistent.check(data)
    second = read(decoder(stream), random_pieces(data, 1))
    assert second.error is None
    return second.response


def canonical(response: Response) -> Any:
    """What the server role may tell otherwise: the pieces of a reasoning text, unknown parts of the usage (0), facts of the first event."""
    parts = [_plain(part) for part in response.parts]
    told = tuple(count or 0 for count in counts(response) or ()) or None
    return (response.id, response.model, response.created_s, parts, told, response.finish, response.choices[0].logprobs)


def _plain(part: Any) -> Any:
    if isinstance(part, Reasoning):
        own = {name: value for name, value in part.extra[NAME].items() if name != "parts"}
        return msgspec.structs.replace(part, extra={NAME: own})
    return part


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("exchange", cases(STREAMS, WHOLES))
def test_answer_written_by_the_server_role_says_the_same(exchange: Exchange, stream: bool) -> None:
    told = decoded(exchange)
    assert canonical(again(told, stream)) == canonical(told.response)


@pytest.mark.parametrize("exchange", cases(STREAMS, WHOLES))
def test_answer_is_replayed_untouched(exchange: Exchange) -> None:
    """The turn appended to the conversation is the vendor's own items again."""
    told = decoded(exchange)
    request = msgspec.structs.replace(asked(), messages=(told.response.message,))
    body = written_request(request)
    plain = recorded.final_response(exchange)
    assert [_without_nothing(item) for item in body.get("input", [])] == [_without_nothing(item) for item in plain["output"]]


def _without_nothing(item: Any) -> Any:
    """An item without what says nothing: null fields, empty lists, the probabilities of tokens."""
    if item["type"] not in ("message", "reasoning", "function_call"):
        return item
    kept = {name: value for name, value in item.items() if value is not None and (name, value) != ("content", [])}
    if item["type"] == "message":
        kept["content"] = [{name: value for name, value in part.items() if name != "logprobs"} for part in item["content"]]
    return kept


@pytest.mark.parametrize("exchange", cases(STREAMS, WHOLES, ERRORS))
def test_request_comes_back_equal(exchange: Exchange) -> None:
    body = uncut(exchange["request"]["body"])
    call = openai_responses.encode_request(read_request(body), NONE)
    assert call.warnings == ()
    assert recorded.canonical_request(json.loads(call.body)) == recorded.canonical_request(body)
    assert written_request(read_request(json.loads(call.body))) == json.loads(call.body)


@pytest.mark.recorded
def test_sources_of_recorded_answers_have_addresses() -> None:
    found = [part for one in exchanges(STREAMS) for part in decoded(one).response.parts if isinstance(part, Source)]
    assert len(found) == 14


ERROR_CLASSES = {
    "deepseek-responses-errors-000": errors.BadRequest,
    "openai-responses-errors-005": errors.BadRequest,
    "openai-responses-errors-006": errors.BadRequest,
}


@pytest.mark.parametrize("exchange", cases(ERRORS))
def test_error_has_its_class(exchange: Exchange) -> None:
    error = openai_responses.decode_error(Reply(exchange["response"]["status"], (), recorded.told(exchange)), NONE)
    assert type(error) is ERROR_CLASSES[exchange["id"]]
    assert error.message == json.loads(recorded.told(exchange))["error"]["message"]


@pytest.mark.parametrize("exchange", cases(OTHER))
def test_answers_of_the_neighbouring_paths_are_no_answers_or_whole_ones(exchange: Exchange) -> None:
    """A stored response that is ready reads as an answer; one in the making says so; counts and compactions are not answers."""
    told = read(decoder(False), [recorded.told(exchange)])
    plain = json.loads(recorded.told(exchange))
    if plain["object"] == "response.compaction" or plain.get("status") == "completed":
        assert told.error is None
        order = OrderCheck()
        for event in told.events:
            order.check(event)
    elif plain["object"] == "response":
        assert isinstance(told.error, errors.Unsupported)
        assert plain["id"] in told.error.message
    else:
        assert isinstance(told.error, errors.BadReply)
