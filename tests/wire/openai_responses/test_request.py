"""Requests: what is written for each kind of part, what cannot be said, and what a caller's body means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.exchange import Call
from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, ReasoningOptions, Request, Tool
from dragoman.wire.openai_responses import decode_request, encode_request
from dragoman.wire.quirks import NONE, Quirks

from .streams import NAME, asked, read_request, written_request

HI = Message("user", (Text(text="Hi"),))
SHELL = {"type": "local_shell_call", "id": "ls_1", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}, "status": "completed"}


def own(**fields: Any) -> Any:
    return {NAME: fields}


def items_of(*messages: Message, quirks: Quirks = NONE) -> Any:
    body = written_request(Request(model="m", messages=messages), quirks)
    return body.get("input")


def said(*parts: AnyPart) -> Message:
    return Message("assistant", parts)


def warnings_of(request: Request, quirks: Quirks = NONE) -> tuple[str, ...]:
    return encode_request(request, quirks).warnings


def test_call() -> None:
    call = encode_request(asked(), NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/responses", ())
    assert call.headers == (("content-type", "application/json"), ("accept", "text/event-stream"))
    assert json.loads(call.body) == {
        "model": "asked-1",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "stream": True,
    }
    assert written_request(asked(False)).get("stream") is None


def test_leading_system_message_is_the_instructions_unless_it_was_an_item() -> None:
    plain, item = Message("system", (Text(text="Be brief."),)), Message("system", (Text(text="Be kind."),), extra=own(role="developer"))
    body = written_request(Request(model="m", messages=(plain, item, HI)))
    assert body["instructions"] == "Be brief."
    assert body["input"][0] == {"type": "message", "role": "developer", "content": "Be kind."}
    body = written_request(Request(model="m", messages=(item, HI)))
    assert "instructions" not in body
    two = Message("system", (Text(text="a"), Text(text="b")))
    assert items_of(two)[0]["content"] == [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Image(data=b"png", media_type="image/png"), {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,cG5n"}),
        (Image(url="https://x.test/a", detail="high"), {"type": "input_image", "detail": "high", "image_url": "https://x.test/a"}),
        (Image(file_id="file-1"), {"type": "input_image", "detail": "auto", "file_id": "file-1"}),
        (File(data=b"pdf", name="a.pdf"), {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,cGRm"}),
        (File(url="https://x.test/b"), {"type": "input_file", "file_url": "https://x.test/b"}),
        (File(file_id="file-2"), {"type": "input_file", "file_id": "file-2"}),
        (Text(text="a", extra=own(prompt_cache_breakpoint={})), {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {}}),
        (Opaque(extra=own(content={"type": "input_video", "video_url": "u"})), {"type": "input_video", "video_url": "u"}),
    ],
)
def test_part_of_the_user(part: AnyPart, written: Any) -> None:
    assert items_of(Message("user", (part,))) == [{"type": "message", "role": "user", "content": [written]}]


def test_turn_of_the_model_is_items_in_order() -> None:
    facts = {"id": "msg_1", "phase": "commentary"}
    turn = said(
        Reasoning(text="Hm", signature="c2ln", id="rs_1", extra=own(parts=[["summary_text", 2]])),
        Text(text="a", extra=own(message=facts)),
        Refusal(text="b", extra=own(message={"id": "msg_1"})),
        Text(text="c", extra=own(message={"id": "msg_2"})),
        Source(url="https://x.test", title="X", start=0, end=1),
        ToolCall(id="c1", name="now", arguments='{"a":  1}', extra=own(id="fc_1", namespace="n")),
        Opaque(extra={NAME: SHELL}),
        Text(text="d"),
    )
    citation = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 1}
    assert items_of(turn) == [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "c2ln"},
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            **facts,
            "content": [{"type": "output_text", "text": "a", "annotations": []}, {"type": "refusal", "refusal": "b"}],
        },
        {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "id": "msg_2",
            "content": [{"type": "output_text", "text": "c", "annotations": [citation]}],
        },
        {"type": "function_call", "call_id": "c1", "name": "now", "arguments": '{"a":  1}', "id": "fc_1", "namespace": "n"},
        SHELL,
        {"type": "message", "role": "assistant", "content": "d"},
    ]


def test_results_of_tools() -> None:
    plain, rich, none = (
        ToolResult(id="a", parts=(Text(text="noon"),)),
        ToolResult(id="b", parts=(Text(text="x"), Image(file_id="f"))),
        ToolResult(id="c"),
    )
    shell = {"type": "local_shell_call_output", "id": "ls_1", "output": "x"}
    written = items_of(Message("tool", (plain, rich, none, Opaque(extra={NAME: shell}))))
    assert [item.get("output") for item in written[:3]] == [
        "noon",
        [{"type": "input_text", "text": "x"}, {"type": "input_image", "detail": "auto", "file_id": "f"}],
        "",
    ]
    assert written[3] == shell


def test_reasoning_is_sent_back_only_where_it_can_be() -> None:
    foreign = said(Reasoning(text="Hm"), Text(text="a"))
    assert items_of(foreign) == [{"type": "message", "role": "assistant", "content": "a"}]
    assert "reasoning" in warnings_of(Request(model="m", messages=(foreign,)))[0]
    assert items_of(foreign, quirks=Quirks(reasoning_field="content"))[0] == {
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm"}],
    }
    assert items_of(said(Reasoning(text="Hm", signature="s")))[0]["encrypted_content"] == "s"
    assert items_of(said(Reasoning(redacted_data="d")))[0] == {"type": "reasoning", "summary": [], "encrypted_content": "redacted_data:d"}


def test_pieces_of_reasoning_come_back_as_they_were_unless_the_text_was_changed() -> None:
    parts = [["summary_text", 1], ["summary_text", 0], ["summary_text", 2], ["reasoning_text", 3]]
    item = items_of(said(Reasoning(text="a\n\nbc\n\ndef", extra=own(parts=parts))))[0]
    assert [piece["text"] for piece in item["summary"]] == ["a", "", "bc"]
    assert [piece["text"] for piece in item["content"]] == ["def"]
    for amiss in (parts, "x", [["a"]], [[1, 2]], [["summary_text", -1]], None):
        changed = items_of(said(Reasoning(text="other", extra=own(parts=amiss, status="completed"))))[0]
        assert changed["summary"] == [{"type": "summary_text", "text": "other"}]


def test_made_picture_is_sent_back_as_the_item_that_made_it() -> None:
    item = {"id": "ig_1", "type": "image_generation_call", "status": "completed"}
    assert items_of(said(Image(data=b"png", extra={NAME: item}))) == [{**item, "result": "cG5n"}]


@pytest.mark.parametrize(
    "message",
    [
        Message("user", (Audio(data=b"x", media_type="audio/wav"),)),
        Message("user", (Refusal(text="no"),)),
        Message("user", (Opaque(extra={"cohere": {"type": "plan"}}),)),
        said(Image(data=b"png")),
        said(File(data=b"pdf")),
        said(Opaque(extra={"anthropic_messages": {"type": "server_tool_use"}})),
        said(Opaque()),
    ],
)
def test_content_that_this_wire_cannot_say_is_refused(message: Message) -> None:
    with pytest.raises(Unsupported):
        items_of(message)


def test_results_and_other_parts_stand_in_their_own_messages() -> None:
    with pytest.raises(BadRequest, match="role 'tool' is expected"):
        items_of(said(ToolResult(id="a")))
    with pytest.raises(BadRequest, match="holds Text"):
        items_of(Message("tool", (Text(text="a"),)))


def test_an_assistants_message_of_nothing_is_none_unless_the_vendor_named_it() -> None:
    nothing = {"type": "message", "role": "assistant", "content": []}
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    hi = {"type": "message", "role": "user", "content": "Hi"}
    said_nothing = read_request({"model": "m", "input": [hi, nothing, hi, nothing, call]})
    assert [message.role for message in said_nothing.messages] == ["user", "user", "assistant"]
    named = read_request({"model": "m", "input": [hi, {**nothing, "id": "msg_1"}]})
    assert named.messages[1].parts == (Opaque(extra={NAME: {**nothing, "id": "msg_1"}}),)


def test_host_of_plain_text() -> None:
    plain = Quirks(text_only=True)
    two = (Text(text="a"), Text(text="b"))
    assert [item["content"] for item in items_of(Message("user", two), said(*two), quirks=plain)] == ["ab", "ab"]
    with pytest.raises(Unsupported, match="image"):
        items_of(Message("user", (Text(text="a"), Image(url="u"))), quirks=plain)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"stop": ("x",)}, "stop"),
        ({"n": 2}, "n"),
        ({"top_k": 2}, "top_k"),
        ({"logprobs": True, "extra": {"openai_chat": {"logit_bias": {"1": 2}}}}, "logit_bias"),
        ({"reasoning": ReasoningOptions(budget_tokens=5)}, "reasoning.budget_tokens"),
        ({"reasoning": ReasoningOptions(enabled=True)}, "reasoning.enabled"),
    ],
)
def test_what_this_wire_has_no_field_for_is_named(fields: Any, name: str) -> None:
    (warning,) = warnings_of(asked(**fields))
    assert warning.startswith(f"{name}: ")
    assert warnings_of(asked(extra={"openai_chat": {"stream_options": {}}})) == ()


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (Message("user", (Text(text="a"),), name="Ann"), "names"),
        (Message("tool", (ToolResult(id="a", is_error=True),)), "failed"),
        (said(Source(url="https://x.test")), "source"),
        (said(Text(text="a"), Source(quote="q")), "source"),
    ],
)
def test_what_a_message_says_beyond_this_wire_is_named(message: Message, word: str) -> None:
    (warning,) = warnings_of(Request(model="m", messages=(message,)))
    assert word in warning


def test_quirks_of_a_host() -> None:
    quirks = Quirks(
        path="/v2/responses",
        headers={"x-a": "b"},
        rename={"max_output_tokens": "max_tokens"},
        drop=("user",),
        constants={"store": False},
        streaming="always",
    )
    call = encode_request(asked(False, max_output_tokens=9, user="u"), quirks)
    assert (call.url, call.headers[-1]) == ("/v2/responses", ("x-a", "b"))
    body = json.loads(call.body)
    assert (body["max_tokens"], body["store"], body["stream"], "user" in body) == (9, False, True, False)
    assert call.warnings == ("user: not understood by this provider, left out",)
    assert decode_request(call, quirks).max_output_tokens == 9
    assert "stream" not in written_request(asked(True), Quirks(streaming="never"))


def test_own_fields_stand_beside_ours() -> None:
    extra = own(text={"verbosity": "low"}, reasoning={"context": "all_turns"}, include=["a"], tools=[{"type": "x"}, {"type": "y"}])
    extra[NAME]["tools_at"] = [0, 2]
    body = written_request(
        asked(
            logprobs=True,
            reasoning=ReasoningOptions(effort="low"),
            response_format=JsonFormat(schema={}, description="d"),
            tools=(Tool(name="now", extra=own(defer_loading=True)),),
            extra=extra,
        )
    )
    assert body["include"] == ["a", "message.output_text.logprobs"]
    assert body["reasoning"] == {"effort": "low", "context": "all_turns"}
    assert body["text"] == {"format": {"type": "json_schema", "name": "answer", "schema": {}, "description": "d"}, "verbosity": "low"}
    assert [tool["type"] for tool in body["tools"]] == ["x", "function", "y"]
    assert body["tools"][1] == {"type": "function", "name": "now", "parameters": None, "strict": None, "defer_loading": True}


def test_turns_of_a_body() -> None:
    items: list[Any] = [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "g"},
        {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
        {"type": "computer_call_output", "call_id": "d", "output": {}},
        {"role": "assistant", "content": "b"},
        {"role": "assistant", "content": "c"},
        {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True},
        {"id": "msg_9"},
    ]
    messages = read_request({"model": "m", "input": items}).messages
    assert [(message.role, [type(part).__name__ for part in message.parts]) for message in messages] == [
        ("user", ["Text"]),
        ("assistant", ["Reasoning", "Text", "ToolCall"]),
        ("tool", ["ToolResult", "Opaque"]),
        ("assistant", ["Text"]),
        ("assistant", ["Text"]),
        ("user", ["Opaque"]),
        ("user", ["Opaque"]),
    ]
    written = written_request(read_request({"model": "m", "input": items}))["input"]
    assert [item.get("type") for item in written] == [item.get("type") or ("message" if "role" in item else None) for item in items]


def test_result_with_content_that_ours_cannot_hold_is_kept_as_it_is() -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_video", "video_url": "u"}]}
    messages = read_request({"model": "m", "input": [item]}).messages
    assert messages == (Message("tool", (Opaque(extra={NAME: item}),)),)


def test_body_without_input_goes_on_from_another_response() -> None:
    request = read_request({"model": "m", "previous_response_id": "resp_1"})
    assert (request.messages, request.extra) == ((), own(previous_response_id="resp_1"))
    assert written_request(request) == {"model": "m", "previous_response_id": "resp_1"}


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        {"type": "web_search"},
        {"type": "mcp", "server_label": "s"},
    ],
)
def test_choice_of_several_tools_or_of_the_vendors_own(choice: Any) -> None:
    request = read_request({"model": "m", "input": "Hi", "tool_choice": choice})
    assert (request.tool_choice, request.extra) == (None, own(tool_choice=choice))
    assert written_request(request)["tool_choice"] == choice


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "Hi"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": 5}, "input"),
        ({"model": "m", "input": ["Hi"]}, "input[0]"),
        ({"model": "m", "input": [{"role": "nobody", "content": "Hi"}]}, "input[0].role"),
        ({"model": "m", "input": [{"role": ["user"], "content": "Hi"}]}, "input[0].role"),
        ({"model": "m", "input": [{"role": "user"}]}, "input[0].content"),
        ({"model": "m", "input": [{"role": "user", "content": [5]}]}, "input[0].content[0].type"),
        ({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"model": "m", "input": [{"type": 5}]}, "input[0].type"),
        ({"model": "m", "input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]}, "input[0].arguments"),
        ({"model": "m", "input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"model": "m", "input": "Hi", "temperature": "hot"}, "temperature"),
        ({"model": "m", "input": "Hi", "tool_choice": "some"}, "tool_choice"),
        ({"model": "m", "input": "Hi", "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"model": "m", "input": "Hi", "tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name"),
        ({"model": "m", "input": "Hi", "text": {"format": {"type": "xml"}}}, "text.format"),
        ({"model": "m", "input": "Hi", "reasoning": {"effort": 5}}, "effort"),
    ],
)
def test_body_amiss_is_the_callers_mistake_and_names_the_field(body: Any, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(body)
    assert caught.value.param == param


def test_body_that_is_no_json() -> None:
    with pytest.raises(BadRequest):
        decode_request(Call("POST", "/responses", (), b"{"), NONE)
