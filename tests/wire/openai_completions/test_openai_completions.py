"""Legacy completions in both roles: however split, wherever cut, recorded, and with OpenAI's own SDK as client."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadReply, BadRequest, DragomanError, Overloaded, RateLimited, StreamCut, Unsupported
from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, Started, TextDelta, TokenLogprob
from dragoman.core.exchange import Call
from dragoman.core.messages import Image, Message, Text
from dragoman.core.request import Request, Tool
from dragoman.core.usage import Usage
from dragoman.wire.openai_completions import decode_request, decoder, encode_request, encoder
from dragoman.wire.quirks import NONE, Quirks
from tests.conformance import recordings
from tests.wire.served import said, serving
from tests.wire.splits import assert_every_cut_is_told, read, read_split_anyhow
from tests.wire.strategies import MODEST

HI = (Message("user", (Text(text="Say"),)),)
LOGPROBS = (TokenLogprob("Lo", -0.5, None, (TokenLogprob("Lo", -0.5), TokenLogprob("Se", -1.0))), TokenLogprob("ire", -0.25))
SAID: tuple[Event, ...] = (
    Started(id="c", model="m", created_s=5),
    BlockStarted(0, "text"),
    TextDelta(0, "Loire", LOGPROBS),
    TextDelta(0, " 🌊"),
    BlockEnded(0),
    Finished(FinishReason("length", "length"), Usage(input_tokens=1, output_tokens=2)),
)


def request(stream: bool = False, **fields: Any) -> Request:
    extra = {"openai_completions": {"stream_options": {"include_usage": True}}} if stream else {}
    return Request(model="m", messages=HI, stream=stream, **{"extra": extra, **fields})


def written(stream: bool, events: tuple[Event, ...] = SAID) -> bytes:
    encoding = encoder(request(stream), NONE)
    return b"".join(encoding.send(event) for event in events) + encoding.close()


@pytest.mark.parametrize("stream", [True, False])
def test_answer_comes_back_however_it_is_split(stream: bool) -> None:
    told = read_split_anyhow(lambda: decoder(stream, NONE), written(stream))
    assert told.error is None
    response = told.response
    assert (response.text, response.id, response.model, response.created_s) == ("Loire 🌊", "c", "m", 5)
    assert response.choices[0].finish == FinishReason("length", "length")
    assert [(one.token, one.logprob, len(one.top_logprobs)) for one in response.choices[0].logprobs or ()] == [
        ("Lo", -0.5, 2),
        ("ire", -0.25, 0),
    ]
    assert response.usage is not None
    assert response.usage.total_tokens == 3


def test_stream_cut_at_any_byte_is_never_a_success_before_its_end() -> None:
    data = written(True)
    marker = b'"finish_reason":"length"}]'
    complete_from = data.index(b"}", data.index(marker) + len(marker)) + 1
    assert_every_cut_is_told(lambda: decoder(True, NONE), data, complete_from)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", BadReply),
        (b"data: [DONE]\n\n", BadReply),
        (b"<html>\n\n", BadReply),
        (b'data: {"error":{"message":"m","type":"server_error"}}\n\n', DragomanError),
        (b'{"error":{"message":"m","type":"rate_limit_error"}}', RateLimited),
        (b'data: {"choices":[{"text":"a"}]}\n\n', StreamCut),
    ],
)
def test_bad_stream_is_an_error(data: bytes, kind: type[DragomanError]) -> None:
    assert isinstance(read_split_anyhow(lambda: decoder(True, NONE), data).error, kind)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"choices":[]}', b'{"error":{"message":"m"}}'])
def test_bad_whole_answer_is_an_error(data: bytes) -> None:
    assert isinstance(read(decoder(False, NONE), [data]).error, DragomanError)


@MODEST
@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_bring_anything_but_events_and_errors_of_ours(data: bytes, stream: bool) -> None:
    read(decoder(stream, NONE), [data])


def test_request_comes_back() -> None:
    full = request(
        stream=True,
        max_output_tokens=5,
        temperature=0.5,
        top_p=0.5,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        seed=1,
        n=2,
        user="u",
        stop=("a", "b"),
        logprobs=True,
        top_logprobs=3,
        extra={"openai_completions": {"suffix": "x", "echo": True, "stream_options": {"include_usage": True}}},
    )
    call = encode_request(full, NONE)
    assert call.warnings == ()
    assert json.loads(call.body)["prompt"] == "Say"
    assert decode_request(call, NONE) == full


def test_what_cannot_be_said_is_refused_or_named() -> None:
    for messages in ((), HI * 2, (Message("system", HI[0].parts),), (Message("user", (Image(url="u"),)),)):
        with pytest.raises(Unsupported):
            encode_request(Request(model="m", messages=messages), NONE)
    assert encode_request(request(tools=(Tool(name="f"),)), NONE).warnings == ("tools: not understood by this provider, left out",)
    for prompt in (["a", "b"], [1, 2], [[1]], 5, []):
        with pytest.raises(BadRequest, match="prompt"):
            decode_request(Call("POST", "/completions", (), json.dumps({"model": "m", "prompt": prompt}).encode()), NONE)
    call = Call("POST", "/completions", (), b'{"model":"m","prompt":["a"],"stop":"x"}')
    assert (decode_request(call, NONE).messages[0].text, decode_request(call, NONE).stop) == ("a", ("x",))
    with pytest.raises(Unsupported, match="tool block"):
        encoder(request(), NONE).send(BlockStarted(0, "tool"))


def test_openais_sdk_reads_what_our_server_role_tells() -> None:
    with (
        serving("openai_completions", said(*SAID)) as server,
        openai.OpenAI(base_url=server.root, api_key="k", max_retries=0) as client,
    ):
        told = client.completions.create(model="m", prompt="Say", logprobs=2)
        chunks = list(client.completions.create(model="m", prompt="Say", stream=True, stream_options={"include_usage": True}))
    choice = told.choices[0]
    assert (choice.text, choice.finish_reason, told.usage and told.usage.total_tokens) == ("Loire 🌊", "length", 3)
    assert choice.logprobs is not None
    assert (choice.logprobs.tokens, choice.logprobs.text_offset) == (["Lo", "ire"], [0, 2])
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "Loire 🌊"
    assert chunks[-1].usage is not None
    with (
        serving("openai_completions", said(failure=Overloaded("Full."))) as server,
        openai.OpenAI(base_url=server.root, api_key="k", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="Full"),
    ):
        client.completions.create(model="m", prompt="Say")


STREAMS, WHOLES = "openai.completions.stream", "openai.completions.json"


@pytest.mark.recorded
@pytest.mark.parametrize(("file", "name"), [(file, name) for file in (STREAMS, WHOLES) for name in recordings.ids(file)])
def test_recorded_exchange_comes_back(file: str, name: str) -> None:
    recording = recordings.by_id(file, name)
    stream = file == STREAMS
    told = read_split_anyhow(lambda: decoder(stream, NONE), recording.told, seeds=range(2))
    assert told.error is None
    lines = recording.told.decode().split("\n")
    objects = [json.loads(line[6:]) for line in lines if line.startswith("data: {")] if stream else [json.loads(recording.told)]
    assert told.response.text == "".join(choice["text"] for one in objects for choice in one["choices"] if choice["index"] == 0)
    finish = [choice["finish_reason"] for one in objects for choice in one["choices"] if choice["finish_reason"]]
    assert [choice.finish and choice.finish.raw for choice in told.response.choices] == finish
    again = encoder(request(stream), NONE)
    data = b"".join(again.send(event) for event in told.events) + again.close()
    assert read(decoder(stream, NONE), [data]).response.text == told.response.text
    asked = recording.asked
    if isinstance(asked, dict) and isinstance(asked["prompt"], str):
        call = encode_request(
            decode_request(Call("POST", "/completions", (), json.dumps(asked).encode()), NONE), Quirks(stream_usage=False)
        )
        assert {name: value for name, value in json.loads(call.body).items() if value is not False} == {
            name: value for name, value in asked.items() if value not in (None, False)
        }
