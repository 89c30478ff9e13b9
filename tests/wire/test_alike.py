"""What is told without being read is what reading tells, whatever stands between."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.events import Event, TextDelta
from dragoman.core.exchange import Decoder
from dragoman.wire.alike import Alike, text_under
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE, Quirks

_CHUNK = '{"id":"c1","created":7,"model":"m","choices":[{"index":%d,"delta":%s,"finish_reason":%s}]%s}'


def chunk(delta: str, index: int = 0, finish: str = "null", rest: str = "") -> bytes:
    return b"data: %b\n\n" % (_CHUNK % (index, delta, finish, rest)).encode()


def anthropic(kind: str, rest: str) -> bytes:
    return f'event: {kind}\ndata: {{"type":"{kind}",{rest}}}\n\n'.encode()


TEXTS = ["", " river", 'a \\"quoted\\" word', "\\u00e9\\ud83d\\ude00", "é", "\\n\\n", "<think>", "{}", '","content":"']
ODD_TEXTS = ["a\nb", "a\n\ndata: b", "\\x", "\\ud800", 'a"b']
CHUNKS = [
    *(chunk(f'{{"content":"{text}"}}') for text in [*TEXTS, *ODD_TEXTS]),
    *(chunk(f'{{"content":"{text}"}}', index=1) for text in TEXTS[:3]),
    chunk('{"content":"\udce9"}'.encode("utf-8", "surrogateescape").decode("latin-1")),
    b"data: " + (_CHUNK % (0, '{"content":"_"}', "null", "")).encode().replace(b"_", b"\xff") + b"\n\n",
    chunk('{"content":null,"reasoning_content":"hm"}'),
    chunk('{"content":" both","reasoning_content":"hm"}'),
    chunk('{"refusal":" no"}'),
    chunk('{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]}'),
    chunk('{"content":" end"}', finish='"stop"'),
    chunk('{"content":" counted"}', rest=',"usage":{"prompt_tokens":3}'),
    chunk('{"content":" failed"}', rest=',"error":{"message":"no"}'),
    b": heartbeat\n\n",
    b"data: [DONE]\n\n",
    b"event: x\n",
    b'data: {"choices":\n',
]
EVENTS = [
    anthropic("message_start", '"message":{"id":"m1","model":"m","content":[],"usage":{"input_tokens":3}}'),
    *(anthropic("content_block_start", f'"index":{index},"content_block":{{"type":"text","text":""}}') for index in (0, 1)),
    anthropic("content_block_start", '"index":2,"content_block":{"type":"thinking","thinking":""}'),
    *(
        anthropic("content_block_delta", f'"index":{index},"delta":{{"type":"text_delta","text":"{text}"}}')
        for text in [*TEXTS, *ODD_TEXTS]
        for index in (0, 1)
    ),
    anthropic("content_block_delta", '"index":2,"delta":{"type":"thinking_delta","thinking":"hm"}'),
    *(anthropic("content_block_stop", f'"index":{index}') for index in (0, 1, 2)),
    anthropic("message_delta", '"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}'),
    anthropic("message_stop", '"x":1'),
    b": heartbeat\n\n",
    b"event: ping\n",
]


def told(decoder: Decoder, pieces: list[bytes]) -> tuple[list[Event], str | None]:
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.close()
    return events, None if decoder.error is None else str(decoder.error)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(CHUNKS), max_size=12), st.booleans())
def test_chunks_one_by_one_tell_what_they_tell_together(chunks: list[bytes], think_tags: bool) -> None:
    quirks = Quirks(think_tags=think_tags)
    decoder = dialect("openai_chat").decoder
    assert told(decoder(True, quirks), chunks) == told(decoder(True, quirks), [b"".join(chunks)])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_events_one_by_one_tell_what_they_tell_together(events: list[bytes]) -> None:
    decoder = dialect("anthropic_messages").decoder
    assert told(decoder(True, NONE), EVENTS[:2] + events) == told(decoder(True, NONE), [b"".join(EVENTS[:2] + events)])


def test_an_event_that_differs_in_its_text_alone_is_told() -> None:
    alike = Alike.to(chunk('{"content": "a"}'), TextDelta(4, "a", None, 1), text_under("content"))
    assert alike is not None
    assert alike.told_by(chunk('{"content": "\\u00e9 b"}')) == TextDelta(4, "é b", None, 1)


@pytest.mark.parametrize(
    "data",
    [
        chunk('{"content": "b"}', index=1),
        chunk('{"content": ""}'),
        chunk('{"content": null}'),
        chunk('{"content": "b", "refusal": "c"}'),
        chunk('{"content": "a\nb"}'),
        chunk('{"content": "b"}') * 2,
        chunk('{"content": "%s"}' % ("b" * 100_000)),
        b"",
    ],
)
def test_any_other_has_to_be_read(data: bytes) -> None:
    alike = Alike.to(chunk('{"content": "a"}'), TextDelta(0, "a"), text_under("content"))
    assert alike is not None
    assert alike.told_by(data) is None


@pytest.mark.parametrize(
    "data",
    [
        chunk('{"content":"other"}'),
        chunk('{"content":"a"}', rest=',"content":"a"'),
        chunk('{"refusal":"a"}'),
        chunk('{"content":"a"}') * 2,
        chunk('{"content":"a"}')[:-1],
    ],
)
def test_a_text_whose_place_is_not_sure_is_like_none(data: bytes) -> None:
    assert Alike.to(data, TextDelta(0, "a"), text_under("content")) is None
