"""The five first providers as their rows describe them: what is sent, what is read, and which faults pass."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.errors import BadReply, DragomanError, ModelNotFound, StreamCut, Unsupported
from dragoman.core.exchange import Call, Reply
from dragoman.core.messages import Image, Message, Reasoning, Source, Text, ToolCall, ToolResult
from dragoman.core.request import Request
from dragoman.wire.dialect import Dialect
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import Quirks

from .splits import assert_every_cut_is_told, read, read_split_anyhow

ASKED = (Message("system", (Text(text="Be brief."),)), Message("user", (Text(text="Three rivers? 🌊"),)))
OPENAI_MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Three rivers? 🌊"}]
RAYCAST_MESSAGES = [
    {"author": "system", "content": {"text": "Be brief."}},
    {"author": "user", "content": {"text": "Three rivers? 🌊"}},
]
JSON_TYPE = ("content-type", "application/json")

RAYCAST_BODY = {
    "debug": False,
    "locale": "en-CN",
    "messages": RAYCAST_MESSAGES,
    "model": "gpt-4",
    "provider": "openai",
    "source": "ai_chat",
    "system_instruction": "markdown",
    "temperature": 0.5,
}
LOCKCHAT_BODY = {"temperature": 0.7, "messages": OPENAI_MESSAGES, "model": "gpt-4", "stream": True}
GRAVITYENGINE_BODY = {"model": "gpt-4", "temperature": 0.7, "presence_penalty": 0, "messages": OPENAI_MESSAGES}
EQUING_BODY = {
    "messages": OPENAI_MESSAGES,
    "stream": False,
    "model": "gpt-4",
    "temperature": 0.5,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_p": 1,
}
OPENAI_BODY = {"model": "gpt-4", "messages": OPENAI_MESSAGES}
USAGE_WANTED = {"stream_options": {"include_usage": True}}

URLS = {
    "raycast": "https://backend.raycast.com/api/v1/ai/chat_completions",
    "lockchat": "http://supertest.lockchat.app/v1/chat/completions",
    "gravityengine": "https://gpt4.gravityengine.cc/api/openai/v1/chat/completions",
    "equing": "https://next.eqing.tech/api/openai/v1/chat/completions",
    "openai": "https://api.openai.com/v1/chat/completions",
}

HEADERS: dict[str, set[tuple[str, str]]] = {
    "raycast": {
        ("accept", "application/json"),
        ("accept-language", "en-US,en;q=0.9"),
        JSON_TYPE,
        ("user-agent", "Raycast/0 CFNetwork/1410.0.3 Darwin/22.6.0"),
    },
    "lockchat": {("user-agent", "ChatX/39 CFNetwork/1408.0.4 Darwin/22.5.0"), JSON_TYPE, ("accept", "text/event-stream")},
    "gravityengine": {JSON_TYPE, ("accept", "application/json")},
    "equing": {
        ("accept", "text/event-stream"),
        JSON_TYPE,
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("origin", "https://next.eqing.tech"),
        ("referer", "https://next.eqing.tech/"),
        ("plugins", "0"),
        ("usesearch", "false"),
        ("x-requested-with", "XMLHttpRequest"),
    },
    "openai": {JSON_TYPE, ("accept", "application/json")},
}

BODIES: dict[tuple[str, bool], dict[str, Any]] = {
    ("raycast", False): RAYCAST_BODY,
    ("raycast", True): RAYCAST_BODY,
    ("lockchat", False): LOCKCHAT_BODY,
    ("lockchat", True): LOCKCHAT_BODY,
    ("gravityengine", False): GRAVITYENGINE_BODY,
    ("gravityengine", True): GRAVITYENGINE_BODY,
    ("equing", False): EQUING_BODY,
    ("equing", True): EQUING_BODY | {"stream": True},
    ("openai", False): OPENAI_BODY,
    ("openai", True): OPENAI_BODY | {"stream": True} | USAGE_WANTED,
}
PROVIDERS = tuple(URLS)
OF_OPENAIS_WIRE = tuple(name for name in PROVIDERS if name != "raycast")


def spoken(name: str) -> tuple[Dialect, Quirks]:
    row = Catalogue().provider(name)
    return dialect(row.dialect), msgspec.convert(row.quirks, Quirks)


def call(name: str, **fields: Any) -> Call:
    speak, quirks = spoken(name)
    return speak.encode_request(Request(model="gpt-4", **{"messages": ASKED, **fields}), quirks)


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    body = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


STREAM = chunk({"role": "assistant"}) + chunk({"content": "Loire 🌊"}) + chunk({}, "stop") + b"data: [DONE]\n\n"
RAYCAST_STREAM = 'data: {"text":"Loire "}\n\ndata: {"text":"🌊"}\n\ndata: {"text":"","finish_reason":"stop"}\n\n'.encode()
WHOLE = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Loire 🌊"}, "finish_reason": "stop"}]}).encode()


@pytest.mark.parametrize(("name", "stream"), BODIES)
def test_call_is_what_the_service_was_sent(name: str, stream: bool) -> None:
    sent = call(name, stream=stream)
    assert sent.method == "POST"
    assert Catalogue().provider(name).base_url + sent.url == URLS[name]
    assert json.loads(sent.body) == BODIES[name, stream]
    accept = {("accept", "text/event-stream")} if name == "openai" and stream else set()
    assert set(sent.headers) == {(field, value) for field, value in HEADERS[name] if not (accept and field == "accept")} | accept
    assert len(sent.headers) == len({field for field, _ in sent.headers})
    assert sent.warnings == ()


SETTINGS: dict[str, dict[str, float]] = {
    "raycast": {"temperature": 0.25},
    "lockchat": {"temperature": 0.25},
    "gravityengine": {"temperature": 0.25, "presence_penalty": 0.75},
    "equing": {"temperature": 0.25, "presence_penalty": 0.75, "frequency_penalty": -0.5, "top_p": 0.5},
    "openai": {"temperature": 0.25, "presence_penalty": 0.75, "frequency_penalty": -0.5, "top_p": 0.5, "seed": 7},
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_settings_that_the_wire_has_replace_its_defaults_and_the_others_are_named(name: str) -> None:
    given = {"temperature": 0.25, "presence_penalty": 0.75, "frequency_penalty": -0.5, "top_p": 0.5, "seed": 7}
    sent = call(name, **given)
    assert json.loads(sent.body) == BODIES[name, False] | SETTINGS[name]
    left_out = given.keys() - SETTINGS[name].keys()
    assert sorted(sent.warnings) == sorted(f"{field}: not understood by this provider, left out" for field in left_out)


def test_zero_is_a_setting() -> None:
    assert json.loads(call("raycast", temperature=0.0).body)["temperature"] == 0.0
    assert json.loads(call("lockchat", temperature=0.0).body)["temperature"] == 0.0


def test_openais_own_name_for_the_token_limit() -> None:
    assert json.loads(call("openai", max_output_tokens=9).body) == OPENAI_BODY | {"max_completion_tokens": 9}


@pytest.mark.parametrize("name", PROVIDERS)
def test_server_role_reads_what_the_client_role_wrote(name: str) -> None:
    speak, quirks = spoken(name)
    read_back = speak.decode_request(call(name, temperature=0.25), quirks)
    assert (read_back.model, read_back.messages, read_back.temperature) == ("gpt-4", ASKED, 0.25)
    assert read_back.stream is (name in ("raycast", "lockchat"))


@pytest.mark.parametrize("name", PROVIDERS)
def test_streamed_answer_is_read_however_it_is_split(name: str) -> None:
    speak, quirks = spoken(name)
    told = read_split_anyhow(lambda: speak.decoder(True, quirks), RAYCAST_STREAM if name == "raycast" else STREAM)
    assert told.error is None
    assert told.response.text == "Loire 🌊"
    assert told.response.finish_reason == "stop"


@pytest.mark.parametrize("name", PROVIDERS)
def test_stream_without_the_wires_end_marker_is_cut(name: str) -> None:
    speak, quirks = spoken(name)
    data = RAYCAST_STREAM if name == "raycast" else STREAM
    marker = {"raycast": b'"finish_reason":"stop"}', "openai": b'"finish_reason": "stop"}]}'}.get(name, b"data: [DONE]")
    assert_every_cut_is_told(lambda: speak.decoder(True, quirks), data, data.index(marker) + len(marker))


@pytest.mark.parametrize("name", ["gravityengine", "equing", "openai"])
def test_whole_answer_is_read(name: str) -> None:
    speak, quirks = spoken(name)
    told = read_split_anyhow(lambda: speak.decoder(False, quirks), WHOLE)
    assert told.response.text == "Loire 🌊"


# --- the fault that passes --------------------------------------------------------------------------------------------------------------

FAULT = "The model: `gpt-4` does not exist"
FAULT_BODY = json.dumps({"error": {"message": FAULT, "type": "invalid_request_error", "code": "model_not_found"}}).encode()
STREAMED_FAULTS = {
    "a bare line": FAULT.encode() + b"\n",
    "a bare line without its end": FAULT.encode(),
    "a bare line of CRLF": FAULT.encode() + b"\r\n\r\n",
    "a bare line with words round it": b"Error: " + FAULT.encode() + b", sorry\n",
    "an event": b"data: " + FAULT_BODY + b"\n\n",
    "a body that is no event stream": FAULT_BODY,
    "an event whose error is a word": b"data: " + json.dumps({"error": FAULT}).encode() + b"\n\n",
    "whatever the model": b"The model: `any thing-4` does not exist\n",
}


@pytest.mark.parametrize("case", STREAMED_FAULTS)
@pytest.mark.parametrize("before", [b"", STREAM[: STREAM.index(b"data: [DONE]")]], ids=["at once", "after text"])
def test_lockchats_fault_passes_wherever_it_stands_in_a_stream(case: str, before: bytes) -> None:
    if before and case == "a body that is no event stream":
        before = b""
    speak, quirks = spoken("lockchat")
    told = read_split_anyhow(lambda: speak.decoder(True, quirks), before + STREAMED_FAULTS[case])
    assert isinstance(told.error, ModelNotFound)
    assert told.error.retryable
    assert told.response.text == ("Loire 🌊" if before else "")


def test_lockchats_fault_passes_in_a_whole_answer() -> None:
    speak, quirks = spoken("lockchat")
    told = read_split_anyhow(lambda: speak.decoder(False, quirks), FAULT_BODY)
    assert told.verdict == ("ModelNotFound", FAULT, True)


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("body", [FAULT_BODY, FAULT.encode(), json.dumps({"detail": FAULT}).encode()], ids=["record", "text", "detail"])
def test_lockchats_fault_passes_in_an_http_error(status: int, body: bytes) -> None:
    speak, quirks = spoken("lockchat")
    error = speak.decode_error(Reply(status, (), body), quirks)
    assert isinstance(error, ModelNotFound)
    assert (error.retryable, error.status) == (True, status)


@pytest.mark.parametrize("name", ["gravityengine", "equing", "openai", "raycast"])
def test_same_words_of_another_provider_are_final(name: str) -> None:
    speak, quirks = spoken(name)
    error = speak.decode_error(Reply(404, (), FAULT_BODY), quirks)
    assert isinstance(error, ModelNotFound)
    assert not error.retryable


QUOTED = (
    chunk({"content": FAULT})
    + chunk({"content": f"\n{FAULT}\n\ndata: {FAULT}\n"})
    + b": "
    + FAULT.encode()
    + b"\n"
    + b"event: "
    + FAULT.encode()
    + b"\n"
    + chunk({"content": "!", "note": FAULT})
    + chunk({}, "stop")
    + b"data: [DONE]\n\n"
)


def test_lockchats_fault_quoted_in_an_answer_is_text() -> None:
    speak, quirks = spoken("lockchat")
    told = read_split_anyhow(lambda: speak.decoder(True, quirks), QUOTED)
    assert told.error is None
    assert told.response.text == f"{FAULT}\n{FAULT}\n\ndata: {FAULT}\n!"


def test_lockchats_fault_quoted_in_a_whole_answer_is_text() -> None:
    speak, quirks = spoken("lockchat")
    body = json.dumps({"choices": [{"message": {"content": FAULT}, "finish_reason": "stop"}]}).encode()
    assert read(speak.decoder(False, quirks), [body]).response.text == FAULT


# --- what only takes text ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["raycast", "lockchat", "gravityengine", "equing"])
def test_picture_is_refused_where_only_text_can_go(name: str) -> None:
    with pytest.raises(DragomanError, match=r"messages.*plain text only"):
        call(name, messages=(Message("user", (Text(text="a"), Image(url="https://x.test/a.png"))),))


@pytest.mark.parametrize("name", ["raycast", "lockchat", "gravityengine", "equing"])
def test_texts_are_joined_where_only_plain_text_can_go(name: str) -> None:
    message = json.loads(call(name, messages=(Message("user", (Text(text="a "), Text(text="b"))),)).body)["messages"][0]
    assert message == ({"author": "user", "content": {"text": "a b"}} if name == "raycast" else {"role": "user", "content": "a b"})


def test_tool_calls_and_results_are_refused_where_only_plain_text_can_go() -> None:
    asked = Message("assistant", (ToolCall(id="a", name="f", arguments="{}"),))
    answered = Message("tool", (ToolResult(id="a", parts=(Text(text="b"),)),))
    for name in ("lockchat", "gravityengine", "equing"):
        with pytest.raises(Unsupported, match="plain text only, and a toolcall part was given"):
            call(name, messages=(asked,))
        with pytest.raises(Unsupported, match="plain text only, and a toolresult part was given"):
            call(name, messages=(answered,))


@pytest.mark.parametrize("name", ["raycast", "lockchat", "gravityengine", "equing"])
def test_earlier_answer_of_another_provider_is_sent_without_its_reasoning_and_sources(name: str) -> None:
    earlier = Message("assistant", (Reasoning(text="Hm"), Text(text="Yes"), Source(url="https://x.test")))
    sent = call(name, messages=(earlier,))
    message = json.loads(sent.body)["messages"][0]
    assert message == (
        {"author": "assistant", "content": {"text": "Yes"}} if name == "raycast" else {"role": "assistant", "content": "Yes"}
    )
    place = "messages[0]" if name == "raycast" else "messages"
    assert set(sent.warnings) == {
        f"{place}: the reasoning of earlier turns cannot be sent back to this provider, left out",
        f"{place}: a source that an answer cited cannot be sent back to this provider, left out",
    }


UNFRAMED_FAULTS = {
    "text in a data line": b"data: " + FAULT.encode() + b"\n\n",
    "a JSON string in a data line": b'data: "' + FAULT.encode() + b'"\n\n',
    "a message in a data line": json.dumps({"message": FAULT}).encode().join((b"data: ", b"\n\n")),
    "text": FAULT.encode(),
    "a page": b"<html><body>" + FAULT.encode() + b"</body></html>",
}


@pytest.mark.parametrize("case", UNFRAMED_FAULTS)
@pytest.mark.parametrize("streaming", [True, False])
def test_lockchats_fault_passes_in_whatever_form_it_comes(case: str, streaming: bool) -> None:
    speak, quirks = spoken("lockchat")
    told = read_split_anyhow(lambda: speak.decoder(streaming, quirks), UNFRAMED_FAULTS[case])
    assert isinstance(told.error, ModelNotFound)
    assert told.error.retryable


@pytest.mark.parametrize("streaming", [True, False])
def test_lockchats_fault_quoted_in_json_that_was_cut_is_no_fault(streaming: bool) -> None:
    speak, quirks = spoken("lockchat")
    for cut in (b'{"choices":[{"message":{"content":"' + FAULT.encode(), chunk({"content": FAULT})[:-8]):
        assert not isinstance(read(speak.decoder(streaming, quirks), [cut]).error, ModelNotFound)


@pytest.mark.parametrize("name", ["lockchat", "equing", "openai"])
@pytest.mark.parametrize("streaming", [True, False])
def test_an_answer_is_read_as_what_it_turns_out_to_be(name: str, streaming: bool) -> None:
    speak, quirks = spoken(name)
    for body in (STREAM, WHOLE, b": hello\n\n" + STREAM, b"\n\n" + WHOLE):
        told = read_split_anyhow(lambda body=body: speak.decoder(streaming, quirks), body)  # type: ignore[misc]  # a lambda's default
        assert (told.error, told.response.text) == (None, "Loire \U0001f30a")


@pytest.mark.parametrize("marker", [b"data:  [DONE] \n\n", b"data:[DONE]\n\n"])
def test_blanks_round_the_end_marker_do_not_matter(marker: bytes) -> None:
    speak, quirks = spoken("lockchat")
    assert read(speak.decoder(True, quirks), [STREAM.replace(b"data: [DONE]\n\n", marker)]).error is None


def test_raycasts_stream_that_another_wires_marker_ends_is_cut() -> None:
    speak, quirks = spoken("raycast")
    told = read(speak.decoder(True, quirks), [b'data: {"text":"a"}\n\ndata: [DONE]\n\n'])
    assert isinstance(told.error, StreamCut)


@pytest.mark.parametrize("odd", [{"created": "1"}, {"id": 3}, {"usage": []}])
def test_odd_facts_beside_an_answer_do_not_spoil_it(odd: dict[str, Any]) -> None:
    speak, quirks = spoken("openai")
    told = read(speak.decoder(False, quirks), [json.dumps(json.loads(WHOLE) | odd).encode()])
    assert (told.error, told.response.text) == (None, "Loire \U0001f30a")


@pytest.mark.parametrize("name", ["lockchat", "raycast"])
def test_endless_lines_without_meaning_are_given_up(name: str) -> None:
    speak, quirks = spoken(name)
    decoder = speak.decoder(True, quirks)
    for _ in range(1000):
        decoder.feed(b"junk junk junk\n")
    assert isinstance(decoder.error, BadReply)


@pytest.mark.parametrize(("pattern", "error"), [("(", "ModelNotFound"), ("a", "Zork"), ("a", "REDACTED")])
def test_a_passing_fault_that_means_nothing_is_refused(pattern: str, error: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="passing_faults"):
        msgspec.convert({"passing_faults": [{"pattern": pattern, "error": error}]}, Quirks)
