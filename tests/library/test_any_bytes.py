"""Whatever bytes a service sends, in whatever pieces: events in legal order, then an end or our error, the same from both clients."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import AsyncClient, Client
from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Finished, OrderCheck
from dragoman.core.exchange import Headers
from tests.library.fakes import AsyncFakeTransport, FakeIncoming, FakeTransport
from tests.library.talk import MODELS, Told, told
from tests.library.test_bad_answers import DONE, FINISHED, PAGE, WHOLE, chunk

TOOL = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}\n\n'
SAID = [
    chunk("a") + chunk("b") + FINISHED + DONE,
    TOOL + FINISHED.replace(b"stop", b"tool_calls") + DONE,
    WHOLE,
    b'data: {"text":"a"}\n\ndata: {"text":null}\n\ndata: {"finish_reason":"stop"}\n\n',
    b'{"error":{"message":"no","type":"t","code":"rate_limit_exceeded"}}',
    b"The model: `gpt-4` does not exist\n",
    PAGE,
    b"\r\n\r\n: ping\r\nevent: error\r\ndata: {}\r\n\r\n",
]
TYPES = ["text/event-stream", "application/json", "text/plain", "text/html", "", "application/x-ndjson"]
FRAGMENTS = [
    b"data: ",
    b"\n\n",
    b"\r",
    b"[DONE]",
    b"{",
    b"}",
    b"null",
    b"\xff",
    b"\x00",
    b'"',
    b'"choices":[]',
    b'"error":',
    b'"index":-1',
    b"1e999",
    b"[[[",
]


@st.composite
def bodies(draw: st.DrawFn) -> list[bytes]:
    """Something that a service could say, damaged somewhere, and cut anywhere."""
    body = b"".join(draw(st.lists(st.sampled_from(SAID), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        end = draw(st.integers(at, min(len(body), at + 20)))
        body = body[:at] + draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=4)) + body[end:]
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    return [piece for piece in pieces if piece]


def heard(pieces: list[bytes], status: int, headers: Headers) -> FakeTransport:
    return FakeTransport([FakeIncoming(list(pieces), status, headers)])


def blocking(transport: FakeTransport, model: str, stream: bool) -> Told:
    events: list[Event] = []
    client = Client(http=transport, keys={"raycast": "k", "openai": "k"}, max_retries=0, environment={})
    try:
        if not stream:
            return told([], client.complete(model, "Hi"), None)
        answer = client.stream(model, "Hi")
        events.extend(answer)
        return told(events, answer.response, None)
    except DragomanError as error:
        return told(events, None, error)


def on_loop(transport: FakeTransport, model: str, stream: bool) -> Told:
    async def main() -> Told:
        events: list[Event] = []
        client = AsyncClient(http=AsyncFakeTransport(transport), keys={"raycast": "k", "openai": "k"}, max_retries=0, environment={})
        try:
            if not stream:
                return told([], await client.complete(model, "Hi"), None)
            answer = client.stream(model, "Hi")
            async for event in answer:
                events.append(event)  # noqa: PERF401  what came before an error must be kept
            return told(events, answer.response, None)
        except DragomanError as error:
            return told(events, None, error)

    return asyncio.run(main())


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=120, deadline=None)
@given(
    pieces=bodies(),
    status=st.sampled_from([200, 200, 200, 204, 302, 400, 401, 429, 500, 529, 999]),
    kind=st.sampled_from(TYPES),
    retry_after=st.none() | st.text(max_size=5),
    stream=st.booleans(),
)
def test_no_bytes_bring_anything_but_an_answer_or_an_error_of_ours(
    name: str, pieces: list[bytes], status: int, kind: str, retry_after: str | None, stream: bool
) -> None:
    headers = (("content-type", kind), *(() if retry_after is None else (("retry-after", retry_after),)))
    said = blocking(heard(pieces, status, headers), MODELS[name], stream)
    order = OrderCheck()
    for event in said.events:
        order.check(event)
    if said.error is None:
        assert said.response is not None
        assert all(choice.finish for choice in said.response.choices)
        assert said.response.choices
        assert not stream or isinstance(said.events[-1], Finished)
    elif stream:
        assert said.error[-1] in (None, said.text)
    assert said == on_loop(heard(pieces, status, headers), MODELS[name], stream)


@settings(max_examples=60, deadline=None)
@given(pieces=bodies(), more=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_how_a_stream_is_cut_into_reads_does_not_show(pieces: list[bytes], more: list[int]) -> None:
    body = b"".join(pieces)
    headers = (("content-type", "text/event-stream"),)
    other: list[bytes] = []
    at = 0
    while at < len(body):
        size = more[len(other) % len(more)]
        other.append(body[at : at + size])
        at += size
    assert blocking(heard([body], 200, headers), MODELS["openai"], True) == blocking(heard(other, 200, headers), MODELS["openai"], True)
