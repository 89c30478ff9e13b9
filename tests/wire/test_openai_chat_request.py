"""OpenAI chat: requests to bodies and bodies to requests, word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.exchange import Call
from dragoman.core.messages import (
    AnyPart,
    Audio,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire.openai_chat import PATH, decode_request, encode_request
from dragoman.wire.quirks import NONE, Quirks

HI = Message("user", (Text(text="Hi"),))


def ask(**fields: Any) -> Request:
    return Request(model="test-1", **{"messages": (HI,), **fields})


def body_of(request: Request, quirks: Quirks = NONE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_request(request, quirks).body)
    return body


def decoded(body: object, quirks: Quirks = NONE) -> Request:
    return decode_request(Call("POST", PATH, (), json.dumps(body).encode()), quirks)


def parts_body(*parts: AnyPart, role: Any = "user") -> dict[str, Any]:
    message: dict[str, Any] = body_of(ask(messages=(Message(role, parts),)))["messages"][0]
    return message


def test_smallest_request() -> None:
    call = encode_request(ask(), NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/chat/completions", ())
    assert call.headers == (("content-type", "application/json"), ("accept", "application/json"))
    assert json.loads(call.body) == {"model": "test-1", "messages": [{"role": "user", "content": "Hi"}]}


def test_streamed_request_asks_for_usage() -> None:
    call = encode_request(ask(stream=True), NONE)
    assert call.headers == (("content-type", "application/json"), ("accept", "text/event-stream"))
    assert json.loads(call.body) == {
        "model": "test-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_streamed_request_asks_for_no_usage_where_the_host_refuses_it() -> None:
    assert "stream_options" not in body_of(ask(stream=True), Quirks(stream_usage=False))


def test_other_stream_options_stay_and_go_where_nothing_is_streamed() -> None:
    extra = {"openai_chat": {"stream_options": {"include_obfuscation": False}}}
    assert body_of(ask(stream=True, extra=extra))["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in body_of(ask(extra=extra))


@pytest.mark.parametrize("odd", [None, "yes", [1], 5, True])
def test_odd_stream_options_are_no_crash(odd: object) -> None:
    request = decoded({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "stream_options": odd})
    assert body_of(request)["stream_options"] == {"include_usage": True}


def test_every_setting_has_its_field() -> None:
    request = ask(
        temperature=0.0,
        top_p=0.5,
        top_k=40,
        presence_penalty=-1.0,
        frequency_penalty=2.0,
        seed=7,
        n=2,
        logprobs=True,
        top_logprobs=0,
        parallel_tool_calls=False,
        metadata={"run": "9"},
        user="u-1",
        max_output_tokens=100,
        stop=("END", "\n\n"),
        reasoning=ReasoningOptions(effort="low"),
        response_format=JsonFormat(),
        tools=(Tool(name="now"), Tool(name="tide", description="Tides", parameters={"type": "object"}, strict=True)),
        tool_choice=NamedTool("tide"),
        extra={"openai_chat": {"service_tier": "flex", "logit_bias": {"50256": -100}}},
    )
    body = body_of(request)
    assert body == {
        "model": "test-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 40,
        "presence_penalty": -1.0,
        "frequency_penalty": 2.0,
        "seed": 7,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 0,
        "parallel_tool_calls": False,
        "metadata": {"run": "9"},
        "user": "u-1",
        "max_tokens": 100,
        "stop": ["END", "\n\n"],
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "tools": [
            {"type": "function", "function": {"name": "now"}},
            {
                "type": "function",
                "function": {"name": "tide", "description": "Tides", "parameters": {"type": "object"}, "strict": True},
            },
        ],
        "tool_choice": {"type": "function", "function": {"name": "tide"}},
        "service_tier": "flex",
        "logit_bias": {"50256": -100},
    }
    assert decoded(body) == request


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_tool_choice_in_a_word(choice: str) -> None:
    assert body_of(ask(tool_choice=choice))["tool_choice"] == choice
    assert decoded({"model": "m", "messages": [{"role": "user", "content": "a"}], "tool_choice": choice}).tool_choice == choice


def test_json_schema() -> None:
    wanted = JsonFormat(schema={"type": "object"}, name="river", description="A river", strict=False)
    assert body_of(ask(response_format=wanted))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "river", "schema": {"type": "object"}, "description": "A river", "strict": False},
    }
    assert body_of(ask(response_format=JsonFormat(schema={})))["response_format"]["json_schema"] == {"name": "answer", "schema": {}}


PARTS: dict[str, tuple[AnyPart, dict[str, Any]]] = {
    "image data": (
        Image(data=b"\x89PNG", media_type="image/webp"),
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,iVBORw=="}},
    ),
    "image url": (
        Image(url="https://x.test/a.png", detail="low"),
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
    ),
    "wav": (Audio(data=b"RIFF", media_type="audio/wav"), {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
    "mp3": (Audio(data=b"ID3", media_type="audio/mpeg"), {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}),
    "file by id": (File(file_id="file-1"), {"type": "file", "file": {"file_id": "file-1"}}),
    "file data": (
        File(data=b"%PDF", media_type="application/pdf", name="a.pdf"),
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
    ),
    "refusal": (Refusal(text="No."), {"type": "refusal", "refusal": "No."}),
    "text with a field of OpenAI's": (
        Text(text="Hi", extra={"openai_chat": {"cache_control": {"type": "ephemeral"}}}),
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_part_and_its_form(case: str) -> None:
    part, form = PARTS[case]
    assert parts_body(part) == {"role": "user", "content": [form]}
    assert decoded({"model": "m", "messages": [{"role": "user", "content": [form]}]}).messages == (Message("user", (part,)),)


def test_several_parts_are_a_list_and_one_text_a_string() -> None:
    assert parts_body(Text(text="a"), Text(text="b"))["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert parts_body(Text(text="a"))["content"] == "a"
    assert parts_body()["content"] == ""


def test_media_type_that_was_not_said_is_the_customary_one() -> None:
    assert parts_body(Image(data=b"a"))["content"][0]["image_url"]["url"] == "data:image/png;base64,YQ=="
    assert parts_body(File(data=b"a"))["content"][0]["file"]["file_data"] == "data:application/pdf;base64,YQ=="


def test_turn_of_an_assistant_with_tool_calls_and_its_results() -> None:
    messages = (
        Message("system", (Text(text="Be brief."),)),
        Message(
            "assistant",
            (Text(text="Wait."), ToolCall(id="c1", name="tide", arguments='{"a": 1}'), ToolCall(id="c2", name="now", arguments="")),
        ),
        Message("tool", (ToolResult(id="c1", parts=(Text(text="high"),)), ToolResult(id="c2", parts=(Text(text="noon"),), name="now"))),
        Message("assistant", (ToolCall(id="c3", name="now", arguments="{}"),)),
        Message("user", (Text(text="And?"),), "ada"),
    )
    encoded = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "now", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "high"},
        {"role": "tool", "tool_call_id": "c2", "content": "noon", "name": "now"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c3", "type": "function", "function": {"name": "now", "arguments": "{}"}}],
        },
        {"role": "user", "content": "And?", "name": "ada"},
    ]
    assert body_of(ask(messages=messages))["messages"] == encoded
    assert decoded({"model": "m", "messages": encoded}).messages == messages


def test_reasoning_of_earlier_turns_goes_back_where_the_host_has_a_field_for_it() -> None:
    request = ask(messages=(HI, Message("assistant", (Reasoning(text="Hm."), Text(text="Yes")))))
    told = encode_request(request, Quirks(reasoning_field="reasoning_content"))
    assert json.loads(told.body)["messages"][1] == {"role": "assistant", "content": "Yes", "reasoning_content": "Hm."}
    assert told.warnings == ()
    left_out = encode_request(request, NONE)
    assert json.loads(left_out.body)["messages"][1] == {"role": "assistant", "content": "Yes"}
    assert left_out.warnings == ("messages: the reasoning of earlier turns cannot be sent back to this provider, left out",)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_turn_of_reasoning_alone_may_have_null_content(field: str) -> None:
    messages = [{"role": "assistant", "content": None, field: "Hm."}]
    assert decoded({"model": "m", "messages": messages}).messages == (Message("assistant", (Reasoning(text="Hm."),)),)


def test_sources_of_an_earlier_answer_are_not_sent_back() -> None:
    assert parts_body(Text(text="Yes"), Source(url="https://x.test"), role="assistant") == {"role": "assistant", "content": "Yes"}


def test_developer_is_a_system_message_that_stays_a_developers() -> None:
    request = decoded({"model": "m", "messages": [{"role": "developer", "content": "Be brief."}]})
    assert request.messages[0].role == "system"
    assert body_of(request)["messages"] == [{"role": "developer", "content": "Be brief."}]


def test_what_cannot_be_said_is_in_the_warnings() -> None:
    failed = Message("tool", (ToolResult(id="c1", parts=(Text(text="no"),), is_error=True),))
    request = ask(
        messages=(HI, failed),
        reasoning=ReasoningOptions(budget_tokens=1024),
        extra={"elsewhere": {"safety_settings": [{"threshold": "OFF"}]}},
    )
    assert sorted(encode_request(request, NONE).warnings) == [
        "messages: this wire cannot say that a tool failed, its result is sent as any other",
        "reasoning.budget_tokens: this wire takes an effort alone, left out",
        "safety_settings: understood by elsewhere alone, left out",
    ]


IMPOSSIBLE: dict[str, tuple[Message, type[Exception], str]] = {
    "image by file id": (Message("user", (Image(file_id="f"),)), Unsupported, "an image as data or URL, not by file id"),
    "audio of another type": (Message("user", (Audio(data=b"a", media_type="audio/ogg"),)), Unsupported, "audio/wav or audio/mpeg"),
    "audio by address": (Message("user", (Audio(url="https://x.test/a.wav"),)), Unsupported, "audio as data"),
    "file by address": (Message("user", (File(url="https://x.test/a.pdf"),)), Unsupported, "a file as data or by file id, not by URL"),
    "tool result out of place": (Message("user", (ToolResult(id="a"),)), BadRequest, "role 'user'; role 'tool' is expected"),
    "text in a tool message": (Message("tool", (Text(text="a"),)), BadRequest, "holds Text; only ToolResult is allowed"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_message_that_the_wire_cannot_carry_is_refused(case: str) -> None:
    message, kind, words = IMPOSSIBLE[case]
    with pytest.raises(kind, match=words):
        encode_request(ask(messages=(message,)), NONE)


@pytest.mark.parametrize("odd", [object(), {"a": [object()]}, float])
def test_value_that_json_cannot_say_is_refused(odd: object) -> None:
    with pytest.raises(BadRequest, match="the request cannot be written as JSON"):
        encode_request(ask(extra={"openai_chat": {"odd": odd}}), NONE)


def test_half_a_letter_is_refused() -> None:
    with pytest.raises(BadRequest, match="the request cannot be written as JSON"):
        encode_request(ask(messages=(Message("user", (Text(text="\ud83c"),)),)), NONE)


GOOD_MESSAGE = {"role": "user", "content": "Hi"}
REFUSED: dict[str, tuple[object, str | None, str]] = {
    "no object": ([1], None, "the request body is list; a JSON object is expected"),
    "no model": ({"messages": [GOOD_MESSAGE]}, "model", "model: it is missing"),
    "odd model": ({"model": 5, "messages": [GOOD_MESSAGE]}, "model", "model: expected `str`, got `int`"),
    "no messages": ({"model": "m"}, "messages", "messages: it is missing"),
    "odd messages": ({"model": "m", "messages": {}}, "messages", "messages: expected `array`, got `object`"),
    "empty messages": ({"model": "m", "messages": []}, "messages", "messages: the list is empty"),
    "odd temperature": (
        {"model": "m", "messages": [GOOD_MESSAGE], "temperature": "hot"},
        "temperature",
        "temperature: expected `int | float",
    ),
    "odd stop": ({"model": "m", "messages": [GOOD_MESSAGE], "stop": [5]}, "stop[0]", "expected `str`, got `int`"),
    "odd tools": ({"model": "m", "messages": [GOOD_MESSAGE], "tools": [{"type": 5}]}, "tools[0]", "tools[0]: "),
    "tool without name": (
        {"model": "m", "messages": [GOOD_MESSAGE], "tools": [{"function": {}}]},
        "tools[0].function.name",
        "tools[0].function.name: it is missing",
    ),
    "odd choice": (
        {"model": "m", "messages": [GOOD_MESSAGE], "tool_choice": "some"},
        "tool_choice",
        "tool_choice: 'some' was given; 'auto', ",
    ),
    "odd format": ({"model": "m", "messages": [GOOD_MESSAGE], "response_format": {"type": "xml"}}, "response_format.type", "'xml'"),
    "no schema": (
        {"model": "m", "messages": [GOOD_MESSAGE], "response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "it is required with type 'json_schema'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_body_that_is_wrong_is_refused_by_the_name_of_its_field(case: str) -> None:
    body, param, words = REFUSED[case]
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert words in caught.value.message
    assert caught.value.param == param


BAD_MESSAGES: dict[str, tuple[object, str, str]] = {
    "no object": ("Hi", "messages[1]", "str was given; an object with role and content is expected"),
    "no role": (
        {"content": "a"},
        "messages[1].role",
        "it is missing; one of 'system', 'developer', 'user', 'assistant', 'tool' is expected",
    ),
    "unknown role": ({"role": "robot", "content": "a"}, "messages[1].role", "'robot' was given; one of 'system', 'developer', 'user', "),
    "role in a list": ({"role": ["user"], "content": "a"}, "messages[1].role", "['user'] was given; one of 'system', "),
    "no content": ({"role": "user"}, "messages[1].content", "it is missing; a string or a list of parts is expected"),
    "null content": ({"role": "user", "content": None}, "messages[1].content", "a string or a list of parts is expected"),
    "null content of an assistant": ({"role": "assistant", "content": None}, "messages[1].content", "a string or a list of parts"),
    "number for content": ({"role": "user", "content": 5}, "messages[1].content", "int was given; a string or a list of parts"),
    "object for content": ({"role": "user", "content": {"text": "a"}}, "messages[1].content", "dict was given; a string or a list"),
    "number for a part": ({"role": "user", "content": [5]}, "messages[1].content[0].type", "None was given; one of 'text', 'refusal', "),
    "unknown part": ({"role": "user", "content": [{"type": 5}]}, "messages[1].content[0].type", "5 was given; one of 'text', "),
    "number for text": (
        {"role": "user", "content": [{"type": "text", "text": 5}]},
        "messages[1].content[0].text",
        "int was given; a string",
    ),
    "image without url": (
        {"role": "user", "content": [{"type": "image_url"}]},
        "messages[1].content[0].image_url",
        "an object is expected",
    ),
    "image that is no base64": (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}]},
        "messages[1].content[0].image_url.url",
        "not valid base64",
    ),
    "image without base64": (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,abc"}}]},
        "messages[1].content[0].image_url.url",
        "a data URL must look like data:<media type>;base64,<data>",
    ),
    "audio of another form": (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"format": "ogg", "data": ""}}]},
        "messages[1].content[0].input_audio.format",
        "'ogg' was given; one of 'wav', 'mp3' is allowed",
    ),
    "result without id": ({"role": "tool", "content": "a"}, "messages[1].tool_call_id", "a string is expected"),
    "result with audio": (
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "refusal", "refusal": "a"}]},
        "messages[1].content",
        "a tool's result may hold text, images and files",
    ),
    "calls that are no list": ({"role": "assistant", "tool_calls": 5, "content": ""}, "messages[1].tool_calls", "a list is expected"),
    "call without name": (
        {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]},
        "messages[1].tool_calls[0]",
        "id, function.name and function.arguments (a JSON text) are expected",
    ),
    "arguments as an object": (
        {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]},
        "messages[1].tool_calls[0]",
        "function.arguments (a JSON text)",
    ),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_message_that_is_wrong_is_refused_by_its_place(case: str) -> None:
    message, param, words = BAD_MESSAGES[case]
    with pytest.raises(BadRequest) as caught:
        decoded({"model": "m", "messages": [GOOD_MESSAGE, message]})
    assert caught.value.param == param
    assert caught.value.message.startswith(param + ":")
    assert words in caught.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"model":"\xff"}', b"<html>", b"[" * 100_000, b"null", b"NaN"])
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="the request body is"):
        decode_request(Call("POST", PATH, (), body), NONE)


def test_quirks_rename_drop_and_set_fields() -> None:
    quirks = Quirks(
        path="/v2/chat",
        headers={"X-Client": "d", "Accept": "text/plain"},
        rename={"max_tokens": "max_completion_tokens"},
        drop=("top_k", "seed"),
        defaults={"temperature": 0.5, "top_p": 1},
        constants={"safe": True},
    )
    call = encode_request(ask(max_output_tokens=9, top_k=3, seed=1, temperature=0.25), quirks)
    assert call.url == "/v2/chat"
    assert call.headers == (("content-type", "application/json"), ("x-client", "d"), ("accept", "text/plain"))
    assert json.loads(call.body) == {
        "model": "test-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_completion_tokens": 9,
        "temperature": 0.25,
        "top_p": 1,
        "safe": True,
    }
    assert call.warnings == ("top_k: not understood by this provider, left out", "seed: not understood by this provider, left out")


def test_both_names_of_the_token_limit_are_read() -> None:
    messages = [GOOD_MESSAGE]
    assert decoded({"model": "m", "messages": messages, "max_tokens": 5}).max_output_tokens == 5
    assert decoded({"model": "m", "messages": messages, "max_completion_tokens": 6}).max_output_tokens == 6
    assert decoded({"model": "m", "messages": messages, "max_tokens": 5, "max_completion_tokens": 6}).max_output_tokens == 6
    renamed = Quirks(rename={"max_tokens": "max_completion_tokens"})
    assert decoded({"model": "m", "messages": messages, "max_completion_tokens": 6}, renamed).max_output_tokens == 6


def test_sound_in_mistrals_short_form() -> None:
    def sound(told: str) -> AnyPart:
        message = {"role": "user", "content": [{"type": "input_audio", "input_audio": told}]}
        return decoded({"model": "m", "messages": [message]}).messages[0].parts[0]

    assert sound("SUQz") == Audio(data=b"ID3", media_type="audio/mpeg")
    assert sound("https://x.test/a.mp3") == Audio(url="https://x.test/a.mp3")
    with pytest.raises(BadRequest, match=r"^messages\[0\]\.content\[0\]\.input_audio: "):
        sound("?")


def test_fields_of_a_host_inside_a_function_survive() -> None:
    function = {"name": "f", "parameters": {"type": "object"}, "requires_confirmation": True}
    body = {"model": "m", "messages": [GOOD_MESSAGE], "tools": [{"type": "function", "function": function, "zeal": 1}]}
    assert body_of(decoded(body)) == body


def test_model_that_is_null_is_the_deployment() -> None:
    body = json.dumps({"model": None, "messages": [GOOD_MESSAGE]}).encode()
    assert decode_request(Call("POST", "/openai/deployments/gpt%204/chat/completions", (), body), NONE).model == "gpt 4"


def test_fields_of_openai_alone_survive() -> None:
    body = {"model": "m", "messages": [GOOD_MESSAGE | {"zeal": 1}], "web_search_options": {"a": [1, None]}, "store": False}
    assert body_of(decoded(body)) == body
