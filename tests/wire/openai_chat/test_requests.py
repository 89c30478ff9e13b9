"""Requests: what earlier turns hold beside text goes back as the host wants it, and what single hosts have is carried for them."""

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
    Opaque,
    Reasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.request import NamedTool, Request, Tool
from dragoman.wire.openai_chat import decode_request, encode_request
from dragoman.wire.quirks import NONE, Quirks

HI = Message("user", (Text(text="Hi"),))
RECORD = {"type": "reasoning.text", "text": "Hm", "signature": "s", "format": "f", "index": 0}


def sent(*parts: AnyPart, quirks: Quirks = NONE, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An assistant's message of these parts as it is sent, and what was left out."""
    call = encode_request(Request(model="m", messages=(Message("assistant", parts),), **fields), quirks)
    return json.loads(call.body)["messages"][0], call.warnings


def asked(quirks: Quirks = NONE, **body: Any) -> Request:
    given = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **body}
    return decode_request(Call("POST", "/chat/completions", (), json.dumps(given).encode()), quirks)


def again(request: Request, quirks: Quirks = NONE) -> dict[str, Any]:
    call = encode_request(request, quirks)
    assert call.warnings == ()
    told: dict[str, Any] = json.loads(call.body)
    return told


def test_a_request_without_messages_is_refused() -> None:
    with pytest.raises(BadRequest, match="messages: there are none"):
        encode_request(Request(model="m", messages=()), NONE)


def test_reasoning_goes_back_in_the_form_that_the_host_wants() -> None:
    thought = Reasoning(text="Hm", signature="s", extra={"openai_chat": {"reasoning_details": [RECORD]}})
    assert sent(thought, Text(text="a"), quirks=Quirks(reasoning_field="reasoning_details")) == (
        {"role": "assistant", "content": "a", "reasoning_details": [RECORD]},
        (),
    )
    assert sent(Reasoning(text="Hm", signature="s"), quirks=Quirks(reasoning_field="reasoning_details"))[0]["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Hm", "signature": "s"}
    ]
    assert sent(Reasoning(redacted_data="d"), quirks=Quirks(reasoning_field="reasoning_details"))[0]["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "d"}
    ]
    assert sent(thought, Text(text="a"), quirks=Quirks(reasoning_field="reasoning"))[0] == {
        "role": "assistant",
        "content": "a",
        "reasoning": "Hm",
    }
    assert sent(thought, Text(text="a"), quirks=Quirks(reasoning_field="content"))[0]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "a"},
    ]
    message, warnings = sent(thought, Text(text="a"))
    assert message == {"role": "assistant", "content": "a"}
    assert warnings == ("messages: the reasoning of earlier turns cannot be sent back to this provider, left out",)


def test_records_of_reasoning_that_a_caller_sends_back_are_read_with_their_words_and_proof() -> None:
    message = {"role": "assistant", "content": "a", "reasoning_details": [RECORD]}
    request = asked(messages=[message])
    assert request.messages[0].parts == (
        Reasoning(text="Hm", signature="s", extra={"openai_chat": {"reasoning_details": [RECORD]}}),
        Text(text="a"),
    )
    assert again(request, Quirks(reasoning_field="reasoning_details"))["messages"] == [message]


def test_signatures_of_calls_and_messages_go_back_untouched() -> None:
    call = ToolCall(id="1", name="f", arguments="{}", extra={"openai_chat": {"extra_content": {"google": {"thought_signature": "s"}}}})
    text = Text(text="a", extra={"openai_chat": {"message": {"thought_signature": "t"}}})
    message, warnings = sent(text, call)
    assert warnings == ()
    assert message["content"] == "a"
    assert message["thought_signature"] == "t"
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}


def test_calls_of_tools_that_take_free_text_go_back_beside_the_others() -> None:
    custom = {"id": "2", "type": "custom", "custom": {"name": "g", "input": "x"}}
    message, _ = sent(ToolCall(id="1", name="f", arguments="{}"), Opaque(extra={"openai_chat": {"message": {"tool_calls": [custom]}}}))
    assert [call["type"] for call in message["tool_calls"]] == ["function", "custom"]


def test_what_an_answer_made_goes_back() -> None:
    sound = Audio(data=b"x", transcript="Hi", extra={"openai_chat": {"id": "audio_1", "expires_at": 9}})
    assert sent(sound)[0] == {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}
    message, warnings = sent(Audio(data=b"x", transcript="Hi"))
    assert (message["content"], len(warnings)) == ("Hi", 1)
    with pytest.raises(Unsupported, match="by its id alone"):
        sent(Audio(data=b"x"))
    message, _ = sent(Text(text="a"), Image(data=b"x", media_type="image/png"), Source(url="https://x.test"))
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}]
    assert asked(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}]).messages[0].parts == (Audio(file_id="audio_1"),)


FUNCTIONS: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x":1}'}},
    {"role": "function", "name": "f", "content": "2"},
    {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
    {"role": "function", "name": "f", "content": "3"},
]


def test_functions_as_before_tools_are_tools_and_are_written_as_they_came() -> None:
    body: dict[str, Any] = {
        "messages": FUNCTIONS,
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": {"name": "f"},
    }
    request = asked(**body)
    assert request.tools == (Tool(name="f", parameters={"type": "object"}),)
    assert request.tool_choice == NamedTool("f")
    calls = [part for message in request.messages for part in message.parts if isinstance(part, (ToolCall, ToolResult))]
    assert [call.id for call in calls] == ["function_call_0", "function_call_0", "function_call_1", "function_call_1"]
    assert again(request) == {"model": "m", **body}
    assert asked(functions=[{"name": "f"}], function_call="auto").tool_choice == "auto"


def test_result_of_a_call_that_came_without_id_names_its_function() -> None:
    call = ToolCall(id="", name="f", arguments="{}", extra={"openai_chat": {"legacy": True}})
    messages = (HI, Message("assistant", (call,)), Message("tool", (ToolResult(id="", parts=(Text(text="2"),)),)))
    assert again(Request(model="m", messages=messages))["messages"][1:] == [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "2"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"function_call": "some", "functions": []},
        {"function_call": {}, "functions": []},
        {"messages": [{"role": "assistant", "function_call": {"name": "f"}}]},
        {"messages": [{"role": "function", "content": "2"}]},
        {"messages": [{"role": "assistant", "audio": {"id": 5}}]},
        {"messages": [{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document_url"}]}]},
    ],
)
def test_wrong_forms_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        asked(**body)


def test_files_by_address_are_sent_where_the_host_takes_them() -> None:
    file = Message("user", (File(url="https://x.test/a.pdf", name="a.pdf"),))
    request = Request(model="m", messages=(file,))
    with pytest.raises(Unsupported, match="not by URL"):
        encode_request(request, NONE)
    mistral = Quirks(file_url="document_url")
    content = again(request, mistral)["messages"][0]["content"]
    assert content == [{"type": "document_url", "document_url": "https://x.test/a.pdf", "document_name": "a.pdf"}]
    assert asked(messages=[{"role": "user", "content": content}]).messages[0] == file
    data = Request(model="m", messages=(Message("user", (File(data=b"%PDF", media_type="application/pdf"),)),))
    content = again(data, mistral)["messages"][0]["content"]
    assert content == [{"type": "document_url", "document_url": "data:application/pdf;base64,JVBERg=="}]
    assert asked(messages=[{"role": "user", "content": content}]).messages == data.messages
    content = again(request, Quirks(file_url="file_data"))["messages"][0]["content"]
    assert content == [{"type": "file", "file": {"file_data": "https://x.test/a.pdf", "filename": "a.pdf"}}]
    assert asked(messages=[{"role": "user", "content": content}]).messages[0] == file


CARRIED: dict[str, Any] = {
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "logit_bias": {"50256": -100},
    "prediction": {"type": "content", "content": "x"},
    "service_tier": "flex",
    "web_search_options": {"search_context_size": "low"},
    "n": 2,
    "stop": ["a", "b"],
    "store": True,
    "verbosity": "low",
    "tools": [{"type": "openrouter:web_search", "parameters": {"max_uses": 1}}],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
}


@pytest.mark.parametrize("field", CARRIED)
def test_field_of_this_wire_comes_back_as_it_was(field: str) -> None:
    assert again(asked(**{field: CARRIED[field]}))[field] == CARRIED[field]


def test_any_is_required() -> None:
    assert asked(tool_choice="any").tool_choice == "required"


def test_content_part_of_an_unknown_type_is_carried_to_hosts_of_this_wire() -> None:
    part = {"type": "video_url", "video_url": {"url": "https://x.test"}}
    request = asked(messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, part]}])
    assert again(request)["messages"][0]["content"][1] == part
    with pytest.raises(Unsupported, match="cohere's 'x' was given, which openai_chat has no word for"):
        sent(Opaque(extra={"cohere": {"x": 1}}))


def test_what_another_dialect_alone_has_is_named_when_left_out() -> None:
    hi = Message("user", (Text(text="Hi", extra={"anthropic_messages": {"cache_control": {}}}),), extra={"gemini": {"a": 1}})
    request = Request(model="m", messages=(hi,), tools=(Tool(name="f", extra={"anthropic_messages": {"defer": True}}),))
    assert encode_request(request, NONE).warnings == (
        "tools[0]: what anthropic_messages alone has (defer) is left out",
        "messages[0]: what gemini alone has (a) is left out",
        "messages[0]: what anthropic_messages alone has (cache_control) is left out",
    )


def test_how_another_dialect_spells_what_is_ours_is_no_loss() -> None:
    told = Message("system", (Text(text="Be brief."),), extra={"gemini": {"role": "system"}})
    tool = Tool(name="f", parameters={"type": "object"}, extra={"gemini": {"parameters": {"type": "OBJECT"}}})
    request = Request(model="m", messages=(told, HI), tools=(tool,), extra={"anthropic_messages": {"tools_at": [0]}})
    assert encode_request(request, NONE).warnings == ()


def test_the_path_may_name_the_model_and_a_query() -> None:
    quirks = Quirks(path="/openai/deployments/{model}/chat/completions?api-version=1")
    call = encode_request(Request(model="my model/1", messages=(HI,)), quirks)
    assert call.url == "/openai/deployments/my%20model%2F1/chat/completions?api-version=1"
    body = json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode()
    assert decode_request(Call("POST", call.url, (), body), NONE).model == "my model/1"
