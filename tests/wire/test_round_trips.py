"""Through both roles of a dialect and back: requests come out equal, and answers say the same."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.events import Event, Finished, FinishReason, OrderCheck, Started, TextDelta, TokenLogprob
from dragoman.core.fold import Choice, Response, fold
from dragoman.core.messages import AnyPart, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.core.request import Request
from dragoman.wire import openai_chat, raycast
from dragoman.wire.quirks import NONE, Quirks

from . import strategies
from .splits import random_pieces, read, read_split_anyhow
from .strategies import MODEST

WITH_REASONING = Quirks(reasoning_field="reasoning_content", tool_media=True)


@MODEST
@given(strategies.requests())
def test_openai_chat_request_comes_back_equal(request: Request) -> None:
    call = openai_chat.encode_request(request, WITH_REASONING)
    assert call.warnings == ()
    assert openai_chat.decode_request(call, WITH_REASONING) == request


@MODEST
@given(strategies.requests())
def test_openai_chat_request_with_media_behind_the_results_comes_back_equal(request: Request) -> None:
    """But for their order within a result, which is said in a warning."""
    quirks = Quirks(reasoning_field="reasoning_content")
    ordered = msgspec.structs.replace(request, messages=tuple(map(words_first, request.messages)))
    call = openai_chat.encode_request(request, quirks)
    assert (call.warnings == ()) is (ordered == request)
    assert openai_chat.decode_request(call, quirks) == ordered


def words_first(message: Message) -> Message:
    def ordered(part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolResult):
            return part
        return msgspec.structs.replace(part, parts=tuple(sorted(part.parts, key=lambda one: not isinstance(one, Text))))

    return msgspec.structs.replace(message, parts=tuple(map(ordered, message.parts)))


@MODEST
@given(strategies.requests())
def test_openai_chat_request_comes_back_equal_through_renamed_fields(request: Request) -> None:
    quirks = msgspec.structs.replace(WITH_REASONING, rename={"max_tokens": "max_completion_tokens", "user": "safety_identifier"})
    assert openai_chat.decode_request(openai_chat.encode_request(request, quirks), quirks) == request


@MODEST
@given(strategies.plain_requests)
def test_raycast_request_comes_back_equal(request: Request) -> None:
    assert raycast.decode_request(raycast.encode_request(request, NONE), NONE) == request


def asked(stream: bool) -> Request:
    extra = {"openai_chat": {"stream_options": {"include_usage": True}}}
    return Request(model="asked-1", messages=(Message("user", (Text(text="Hi"),)),), stream=stream, extra=extra)


def written(events: list[Event], stream: bool) -> bytes:
    encoding = openai_chat.encoder(asked(stream), NONE)
    return b"".join(encoding.send(event) for event in events) + encoding.close()


def canonical(response: Response) -> Response:
    """``response`` without what the wire does not tell: the usage record is the encoder's own, and the blanks after a whole call's
    arguments are lost where another call began before they came.
    """
    usage = None if response.usage is None else msgspec.structs.replace(response.usage, raw=None)
    choices = tuple(msgspec.structs.replace(choice, parts=tuple(map(without_tail, choice.parts))) for choice in response.choices)
    return msgspec.structs.replace(response, usage=usage, choices=choices)


def without_tail(part: AnyPart) -> AnyPart:
    return msgspec.structs.replace(part, arguments=part.arguments.rstrip()) if isinstance(part, ToolCall) else part


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_openai_chat_streamed_answer_comes_back_equal(events: list[Event], seed: int) -> None:
    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()
    data = written(events, stream=True)
    told = read(openai_chat.decoder(True, NONE), random_pieces(data, seed))
    assert told.error is None
    assert canonical(told.response) == canonical(fold(events))


def told_by(choice: Choice) -> dict[str, Any]:
    """What a choice says, whatever the order of its parts: a whole message has one field for each kind."""
    texts = {kind.__name__: "".join(part.text for part in choice.parts if isinstance(part, kind)) for kind in (Text, Reasoning, Refusal)}
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    spoken = bool(texts["Text"]) != bool(texts["Refusal"])
    return texts | {"calls": calls, "finish": choice.finish, "logprobs": choice.logprobs if spoken else None}


@MODEST
@given(strategies.answers(), st.integers(0, 100))
def test_openai_chat_whole_answer_says_the_same(events: list[Event], seed: int) -> None:
    told = read(openai_chat.decoder(False, NONE), random_pieces(written(events, stream=False), seed))
    assert told.error is None
    given_response, response = canonical(fold(events)), canonical(told.response)
    assert [told_by(choice) for choice in response.choices] == [told_by(choice) for choice in given_response.choices]
    assert (response.id, response.model, response.created_s, response.usage) == (
        given_response.id,
        given_response.model,
        given_response.created_s,
        given_response.usage,
    )


@MODEST
@given(strategies.answers(most_choices=1))
def test_openai_chat_deltas_pass_one_by_one(events: list[Event]) -> None:
    """What is said piece by piece is read piece by piece; only a piece of nothing is lost."""
    told = read(openai_chat.decoder(True, NONE), [written(events, stream=True)])
    pieces = [event.text for event in events if isinstance(event, TextDelta) and event.text]
    assert [event.text for event in told.events if isinstance(event, TextDelta) and event.text] == pieces


@MODEST
@given(st.lists(strategies.words, max_size=5), st.sampled_from(["stop", "length", "content_filter"]))
def test_raycast_answer_comes_back_equal(texts: list[str], word: Any) -> None:
    encoding = raycast.encoder(asked(True), NONE)
    events: list[Event] = [Started(), *(TextDelta(0, text) for text in texts), Finished(FinishReason(word, word))]
    data = b"".join(encoding.send(event) for event in events) + encoding.close()
    told = read_split_anyhow(lambda: raycast.decoder(True, NONE), data, seeds=[1])
    assert told.error is None
    assert told.response.text == "".join(texts)
    assert told.response.finish == FinishReason(word, word)


def test_vendors_words_become_openais() -> None:
    """The canonical form of a finish reason is OpenAI's own word, where it has one."""
    data = written([Started(), Finished(FinishReason("stop", "end_turn"))], stream=True)
    assert read(openai_chat.decoder(True, NONE), [data]).response.finish == FinishReason("stop", "stop")


def test_token_that_is_part_of_a_letter_keeps_its_logprob() -> None:
    token = TokenLogprob("\\xf0", -1.0, (240,))
    data = b'data: {"choices":[{"delta":{"content":""},"logprobs":{"content":[{"token":"\\\\xf0","logprob":-1.0,"bytes":[240]}]}}]}\n\n'
    told = read(openai_chat.decoder(True, NONE), [data, b"data: [DONE]\n\n"])
    assert told.response.choices[0].logprobs == (token,)
