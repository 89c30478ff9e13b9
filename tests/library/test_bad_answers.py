"""Whatever bytes come from upstream: the right error of ours, what had arrived kept, nothing awaited past its time, no connection left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from dragoman import AsyncClient, Client, Response
from dragoman.core.errors import BadReply, DragomanError, RateLimited, ServerFault, StreamCut, TimedOut, TransportError
from dragoman.core.exchange import Timeouts
from tests.library.servers import Piece, answer, chunked, saying


def chunk(word: str) -> bytes:
    return b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % word.encode()


FINISHED = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = b'{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}]}'
PAGE = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"

Told = tuple[str, DragomanError | None, Response]


def stream_blocking(url: str, timeout: float | Timeouts = 5.0, model: str = "ollama/m") -> Told:
    """The text as it was delivered, the error, and the response as far as it came."""
    said = ""
    with Client(base_urls={"ollama": url, "lockchat": url, "raycast": url}, max_retries=0, keys={"raycast": "k"}, environment={}) as client:
        stream = client.stream(model, "Hi", timeout=timeout)
        try:
            for event in stream:
                said += event.text
        except DragomanError as error:
            return said, error, stream.response
        return said, None, stream.response


def stream_on_loop(url: str, timeout: float | Timeouts = 5.0, model: str = "ollama/m") -> Told:
    async def main() -> Told:
        said = ""
        settings = {"ollama": url, "lockchat": url, "raycast": url}
        async with AsyncClient(base_urls=settings, max_retries=0, keys={"raycast": "k"}, environment={}) as client:
            stream = client.stream(model, "Hi", timeout=timeout)
            try:
                async for event in stream:
                    said += event.text
            except DragomanError as error:
                return said, error, stream.response
            return said, None, stream.response

    return asyncio.run(main())


def told_by_both(answered: Sequence[Piece] | bytes, timeout: float | Timeouts = 5.0, model: str = "ollama/m") -> Told:
    """What a stream tells, which is the same from both clients; every connection is closed afterwards."""
    with saying(answered) as (url, counted):
        first = stream_blocking(url, timeout, model)
        second = stream_on_loop(url, timeout, model)
        counted.wait_until_closed(2)
    assert first[0] == second[0]
    assert type(first[1]) is type(second[1])
    assert str(first[1]) == str(second[1])
    assert first[2] == second[2]
    return first


def test_the_answer_that_goes_well_is_one() -> None:
    assert told_by_both(answer(chunk("a") + chunk("b") + FINISHED + DONE))[:2] == ("ab", None)
    assert told_by_both(answer(WHOLE, "application/json"))[:2] == ("ab", None)


BAD: dict[str, tuple[bytes, type[DragomanError], str, str]] = {
    # name: what is said, the error, words of it, the text that is delivered before
    "a page that says so": (answer(PAGE, "text/html"), BadReply, "content type 'text/html'", ""),
    "a page that calls itself JSON": (answer(PAGE, "application/json"), BadReply, "HTML or XML, not JSON", ""),
    "a page that calls itself a stream": (answer(PAGE), BadReply, "not an event stream", ""),
    "a page without a type": (answer(PAGE, None), BadReply, "not an event stream", ""),
    "an empty body": (answer(b"", "application/json"), BadReply, "it is empty", ""),
    "an empty stream": (answer(b""), BadReply, "without a single event", ""),
    "a picture": (answer(b"\x89PNG", "image/png"), BadReply, "content type 'image/png'", ""),
    "JSON that is cut": (answer(WHOLE[:-9], "application/json"), BadReply, "truncated", ""),
    "JSON that is no object": (answer(b"[1]", "application/json"), BadReply, "cannot be read", ""),
    "JSON without choices": (answer(b"{}", "application/json"), BadReply, "no choices", ""),
    "JSON of the wrong types": (answer(b'{"choices":7}', "application/json"), BadReply, "cannot be read", ""),
    "a body that is no UTF-8": (answer(WHOLE.replace(b"ab", b"\xff\xfe"), "application/json"), BadReply, "cannot be read", ""),
    "an event that is no UTF-8": (answer(chunk("a") + b'data: {"id":"\xff\xc0"}\n\n'), BadReply, "cannot be read", "a"),
    "an event that is cut JSON": (answer(chunk("a") + b'data: {"choices":[{"del\n\n' + DONE), BadReply, "an event of the answer", "a"),
    "an event of the wrong types": (answer(chunk("a") + b'data: {"choices":[{"delta":5}]}\n\n'), BadReply, "cannot be read", "a"),
    "nesting without end": (answer(b'{"x":' + b"[" * 200_000, "application/json"), BadReply, "", ""),
    "an endless line": (answer(b"data: " + b"x" * (9 << 20)), BadReply, "longer than 8388608 bytes", ""),
    "an endless line after text": (answer(chunk("a") + b"data: " + b"x" * (9 << 20)), BadReply, "longer than", "a"),
    "an error in a success": (answer(b'{"error":{"message":"no","code":"server_error"}}', "application/json"), ServerFault, "no", ""),
    "an error as a text": (answer(b'{"error":"no luck"}', "application/json"), ServerFault, "no luck", ""),
    "an error in a stream": (
        answer(chunk("a") + b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n'),
        RateLimited,
        "slow down",
        "a",
    ),
    "an error before the stream": (answer(b'{"error":{"message":"busy","type":"rate_limit_error"}}\n'), RateLimited, "busy", ""),
    "a stream without its end": (answer(chunk("a") + chunk("b")), StreamCut, "without a finish reason", "ab"),
    "a stream cut by the network": (answer(chunk("a"), length=9999), StreamCut, "", "a"),
    "a stream cut inside an event": (answer(chunk("a") + chunk("b")[:-9]), StreamCut, "", "a"),
    "chunks cut by the network": (chunked(chunk("a"), chunk("b"), end=False), StreamCut, "", "ab"),
    "a chunk that is none": (chunked(chunk("a"), end=False) + b"zz\r\n", BadReply, "", "a"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", BadReply, "", ""),
    "a head that is cut": (b"HTTP/1.1 200 OK\r\ncontent-ty", TransportError, "", ""),
    "an endless head": (b"HTTP/1.1 200 OK\r\n" + b"x-long: " + b"y" * 200_000 + b"\r\n\r\n", BadReply, "", ""),
    "no answer at all": (b"", TransportError, "", ""),
    "compressed nonsense": (answer(b"\x1f\x8bnonsense", head="content-encoding: gzip\r\n"), BadReply, "", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_the_right_error_and_text_that_came_is_kept(name: str) -> None:
    answered, kind, words, text = BAD[name]
    said, error, response = told_by_both(answered)
    assert isinstance(error, kind), repr(error)
    assert words in str(error)
    assert said == response.text == text
    assert (error.provider, error.model) == ("ollama", "m")
    if text:
        assert error.partial is not None
        assert error.partial.text == text
        assert error.partial.finish_reason is None
    else:
        assert error.partial is None


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_the_same_error_for_one_who_wants_it_whole(name: str) -> None:
    answered, kind, words, text = BAD[name]
    with saying(answered) as (url, counted):
        with Client(base_urls={"ollama": url}, max_retries=0, environment={}) as client, pytest.raises(kind) as caught:
            client.complete("ollama/m", "Hi", timeout=5.0)
        counted.wait_until_closed()
    assert words in str(caught.value) or "is not an event stream" in words or "event" in words
    assert (caught.value.partial.text if caught.value.partial else "") == text


# --- a cut at every place

WIRES = {
    "ollama/m": chunk("a") + chunk("é") + FINISHED + DONE,
    "lockchat/gpt-4": chunk("a") + chunk("é") + FINISHED + DONE,
    "raycast/gpt-4": 'data: {"text":"a"}\n\ndata: {"text":"é"}\n\ndata: {"text":"","finish_reason":"stop"}\n\n'.encode(),
}
COMPLETE_AFTER = {
    "ollama/m": len(chunk("a") + chunk("é") + FINISHED) - 2,
    "lockchat/gpt-4": len(WIRES["lockchat/gpt-4"]) - 2,
    "raycast/gpt-4": len(WIRES["raycast/gpt-4"]) - 2,
}
"""Where what ends the answer stands whole; it needs no blank line behind it."""


@pytest.mark.parametrize("model", WIRES)
def test_a_stream_cut_at_any_byte_is_an_error_until_its_end_marker_stands(model: str) -> None:
    wire = WIRES[model]
    answers = [answer(wire[:at], length=len(wire) + 1) for at in range(len(wire) + 1)]
    with saying(*answers) as (url, counted):
        for at in range(len(wire) + 1):
            said, error, _ = stream_blocking(url, model=model)
            assert "aé".startswith(said)
            assert isinstance(error, StreamCut | BadReply) == (at < COMPLETE_AFTER[model]), at
            assert error is not None or said == "aé"
            assert error is None or (error.partial.text if error.partial else "") == said
        counted.wait_until_closed()


# --- time


def took(answered: Sequence[Piece] | bytes, timeout: float | Timeouts) -> tuple[Told, float]:
    begun = time.monotonic()
    told = told_by_both(answered, timeout)
    return told, (time.monotonic() - begun) / 2


SILENT: dict[str, tuple[Sequence[Piece], str]] = {
    "before the head": ([None], ""),
    "inside the head": ([b"HTTP/1.1 200 OK\r\n", None], ""),
    "after the head": ([answer(b"", length=99), None], ""),
    "inside an event": ([answer(chunk("a")[:20], length=999), None], ""),
    "after an event": ([answer(chunk("a"), length=999), None], "a"),
    "inside a whole answer": ([answer(WHOLE[:20], "application/json", length=len(WHOLE)), None], ""),
    "inside a failing answer": ([answer(b'{"er', "application/json", status=500, length=99), None], ""),
}


@pytest.mark.parametrize("name", SILENT)
def test_silence_ends_when_the_time_allowed_is_over(name: str) -> None:
    answered, text = SILENT[name]
    (said, error, _), seconds = took(answered, 0.2)
    assert isinstance(error, ServerFault if "failing" in name else TimedOut)
    assert said == text
    assert 0.15 < seconds < 1


@pytest.mark.parametrize("name", SILENT)
def test_silence_ends_when_the_total_time_is_over(name: str) -> None:
    answered, text = SILENT[name]
    (said, error, _), seconds = took(answered, Timeouts(total_s=0.2))
    assert isinstance(error, ServerFault if "failing" in name else TimedOut)
    assert said == text
    assert 0.15 < seconds < 1


def test_silence_in_the_tail_of_a_complete_answer_costs_no_more_than_the_time_allowed() -> None:
    (said, error, response), seconds = took([answer(chunk("a") + FINISHED, length=999), None], 0.2)
    assert (said, error) == ("a", None)
    assert response.finish_reason == "stop"
    assert seconds < 1


def test_a_provider_that_cannot_be_reached_is_said_at_once() -> None:
    with saying(b"") as (url, _):
        pass
    said, error, _ = stream_blocking(url)
    assert said == ""
    assert isinstance(error, TransportError)
    assert error.provider == "ollama"
