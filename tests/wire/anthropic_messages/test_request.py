"""Requests: what is written for ours, what is read from a caller's, what is named where it has no place."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.exchange import header
from dragoman.core.messages import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire.anthropic_messages import decode_request, encode_request
from dragoman.wire.anthropic_messages.request import DEFAULT_MAX_TOKENS
from dragoman.wire.quirks import NONE, Quirks

from .streams import NAME, call_of

HI = Message("user", (Text(text="Hi"),))
EPHEMERAL = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def body_of(request: Request, *warnings: str, quirks: Quirks = NONE) -> dict[str, Any]:
    call = encode_request(request, quirks)
    assert call.warnings == warnings
    return dict(json.loads(call.body))


def asked(*messages: Message, **fields: Any) -> Request:
    return Request(model="m", messages=messages or (HI,), **{"max_output_tokens": 9, **fields})


def content_of(*parts: Any, role: Any = "user") -> Any:
    return body_of(asked(Message(role, parts)))["messages"][0]["content"]


def given(*messages: Any, **fields: Any) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": messages or ({"role": "user", "content": "Hi"},), **fields}
    return decode_request(call_of(body), NONE)


def part_of(block: object, role: str = "user") -> Any:
    messages = given({"role": role, "content": [block]}).messages
    assert len(messages) == 1
    assert len(messages[0].parts) == 1
    return messages[0].parts[0]


# --- head -------------------------------------------------------------------------------------------------------------------------------


def test_plain_request() -> None:
    call = encode_request(Request(model="m", messages=(HI,)), NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/v1/messages", ())
    assert call.headers == (("content-type", "application/json"), ("accept", "application/json"), ("anthropic-version", "2023-06-01"))
    assert json.loads(call.body) == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": DEFAULT_MAX_TOKENS}


def test_flags_version_and_the_beta_path_go_upstream_again() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    headers = (("anthropic-beta", "a-1, b-2"), ("anthropic-version", "2099-01-01"), ("anthropic-beta", "c-3"), ("x-api-key", "secret"))
    request = decode_request(call_of(body, "/v1/messages?beta=true&key=secret", *headers), NONE)
    assert request.extra == {NAME: {"betas": ["a-1", "b-2", "c-3"], "version": "2099-01-01", "beta": True}}
    call = encode_request(request, NONE)
    assert call.url == "/v1/messages?beta=true"
    assert header(call.headers, "anthropic-beta") == "a-1,b-2,c-3"
    assert header(call.headers, "anthropic-version") == "2099-01-01"
    assert header(call.headers, "accept") == "text/event-stream"
    assert json.loads(call.body) == body
    assert b"secret" not in msgspec.json.encode(call)


def test_customary_version_and_no_flags_leave_no_trace() -> None:
    request = decode_request(
        call_of({"model": "m", "max_tokens": 0, "messages": [{"role": "user", "content": "Hi"}]}, "/v1/messages"), NONE
    )
    assert request == Request(model="m", messages=(HI,), max_output_tokens=0)


def test_flags_that_are_no_list_are_refused() -> None:
    with pytest.raises(BadRequest, match="betas"):
        encode_request(asked(extra={NAME: {"betas": "a"}}), NONE)


def test_quirks_of_a_host() -> None:
    quirks = Quirks(
        path="/anthropic/messages", headers={"anthropic-version": "v"}, rename={"max_tokens": "limit"}, drop=("top_k",), streaming="always"
    )
    call = encode_request(asked(top_k=3), quirks)
    assert call.url == "/anthropic/messages"
    assert header(call.headers, "anthropic-version") == "v"
    assert json.loads(call.body) == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "limit": 9, "stream": True}
    assert call.warnings == ("top_k: not understood by this provider, left out",)
    assert decode_request(call, quirks) == asked(stream=True, extra={NAME: {"version": "v"}})


def test_limit_that_a_host_has_by_default_holds_where_none_was_asked_for() -> None:
    request = Request(model="m", messages=(HI,))
    assert body_of(request, quirks=Quirks(defaults={"max_tokens": 5}))["max_tokens"] == 5
    thinking = msgspec.structs.replace(request, reasoning=ReasoningOptions(budget_tokens=2000))
    assert body_of(thinking)["max_tokens"] == DEFAULT_MAX_TOKENS + 2000


# --- fields -----------------------------------------------------------------------------------------------------------------------------


def test_scalars_user_and_the_vendors_own_fields() -> None:
    body = {
        "temperature": 0.5,
        "top_p": 0.25,
        "top_k": 4,
        "stop_sequences": ["###"],
        "metadata": {"user_id": "u-1", "team": "t"},
        "service_tier": "standard_only",
        "inference_geo": "us",
    }
    request = given(**body)
    assert (request.temperature, request.top_p, request.top_k, request.stop, request.user) == (0.5, 0.25, 4, ("###",), "u-1")
    assert request.extra == {NAME: {"metadata": {"team": "t"}, "service_tier": "standard_only", "inference_geo": "us"}}
    assert body.items() <= body_of(request).items()
    assert body_of(asked(user="u-2"))["metadata"] == {"user_id": "u-2"}


def test_what_the_wire_cannot_say_is_named() -> None:
    request = asked(
        seed=1,
        n=2,
        presence_penalty=0.5,
        frequency_penalty=0.5,
        logprobs=True,
        top_logprobs=3,
        metadata={"a": "b"},
        extra={"openai_chat": {"logit_bias": {"50256": -100}}},
    )
    names = ("presence_penalty", "frequency_penalty", "seed", "n", "logprobs", "top_logprobs", "metadata")
    body = body_of(
        request,
        *(f"{name}: not understood by this provider, left out" for name in names),
        "logit_bias: understood by openai_chat alone, left out",
    )
    assert set(body) == {"model", "messages", "max_tokens"}


def test_sampling_that_a_later_version_of_the_wire_refuses_is_named() -> None:
    body = body_of(
        asked(temperature=0.5, top_k=1, extra={NAME: {"version": "2026-10-21"}}),
        "temperature: not a part of version 2026-10-21 of this wire, left out",
        "top_k: not a part of version 2026-10-21 of this wire, left out",
    )
    assert set(body) == {"model", "messages", "max_tokens"}


def test_what_asks_for_nothing_is_not_named() -> None:
    body_of(asked(n=1, logprobs=False, top_logprobs=0, parallel_tool_calls=True, extra={"openai_chat": {"stream_options": {}}}))


@pytest.mark.parametrize(
    ("thinking", "effort", "ours"),
    [
        ({"type": "enabled", "budget_tokens": 2048}, None, ReasoningOptions(budget_tokens=2048, enabled=True)),
        (
            {"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
            None,
            ReasoningOptions(budget_tokens=2048, enabled=True, summary="auto"),
        ),
        ({"type": "disabled"}, None, ReasoningOptions(enabled=False)),
        ({"type": "adaptive"}, "max", ReasoningOptions(effort="max", enabled=True)),
        ({"type": "adaptive", "display": "omitted"}, None, ReasoningOptions(enabled=True)),
        ({"type": "between_tools"}, "low", ReasoningOptions(effort="low")),
        (None, "high", ReasoningOptions(effort="high")),
    ],
)
def test_thinking_and_effort_come_back(thinking: Any, effort: str | None, ours: ReasoningOptions) -> None:
    told = {"thinking": thinking} if thinking else {}
    told |= {"output_config": {"effort": effort, "task_budget": {"total": 5}}} if effort else {}
    request = given(**told)
    assert request.reasoning == ours
    body = body_of(request)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == told


@pytest.mark.parametrize(
    ("ours", "told", "warnings"),
    [
        (ReasoningOptions(effort="none"), {"thinking": {"type": "disabled"}}, ()),
        (
            ReasoningOptions(effort="minimal"),
            {"output_config": {"effort": "low"}},
            ("reasoning.effort: 'minimal' is not understood by this provider, sent as 'low'",),
        ),
        (ReasoningOptions(budget_tokens=1024), {"thinking": {"type": "enabled", "budget_tokens": 1024}}, ()),
        (ReasoningOptions(enabled=True, summary="detailed"), {"thinking": {"type": "adaptive", "display": "summarized"}}, ()),
        (
            ReasoningOptions(enabled=False, budget_tokens=5),
            {"thinking": {"type": "disabled"}},
            ("reasoning.budget_tokens: thinking is switched off, left out",),
        ),
        (
            ReasoningOptions(summary="auto"),
            {},
            ("reasoning.summary: this wire has a place for it only with thinking switched on, left out",),
        ),
    ],
)
def test_reasoning_that_others_asked_for(ours: ReasoningOptions, told: dict[str, Any], warnings: tuple[str, ...]) -> None:
    body = body_of(asked(reasoning=ours), *warnings)
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == told


def test_answer_by_a_schema() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    wanted = {"type": "json_schema", "schema": schema}
    request = given(output_config={"format": wanted, "effort": "low"})
    assert request.response_format == JsonFormat(schema=schema)
    assert body_of(request)["output_config"] == {"format": wanted, "effort": "low"}
    assert given(output_format=wanted).response_format == JsonFormat(schema=schema)
    body_of(asked(response_format=JsonFormat()), "response_format: this wire takes JSON by a schema only, left out")
    body_of(
        asked(response_format=JsonFormat(schema=schema, name="n", description="d", strict=False)),
        "response_format.name: not understood by this provider, left out",
        "response_format.description: not understood by this provider, left out",
        "response_format.strict: this provider always keeps to the schema",
    )


# --- tools ------------------------------------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}}
CUSTOM = {"name": "f", "description": "d", "input_schema": SCHEMA, "strict": True, **EPHEMERAL}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
BASH = {"type": "bash_20250124", "name": "bash"}
MCP = {"type": "mcp_toolset", "mcp_server_name": "s"}


def test_tools_and_the_vendors_own_keep_their_order() -> None:
    request = given(tools=[BASH, CUSTOM, SEARCH, {"type": "custom", "name": "g", "input_schema": SCHEMA}, MCP])
    assert request.tools == (
        Tool(name="f", description="d", parameters=SCHEMA, strict=True, extra={NAME: EPHEMERAL}),
        Tool(name="g", parameters=SCHEMA, extra={NAME: {"type": "custom"}}),
    )
    assert request.extra == {NAME: {"tools": [BASH, SEARCH, MCP], "tools_at": [0, 2, 4]}}
    assert body_of(request)["tools"] == [BASH, CUSTOM, SEARCH, {"type": "custom", "name": "g", "input_schema": SCHEMA}, MCP]


def test_vendors_tools_may_be_given_by_hand_in_either_place() -> None:
    tools = (Tool(name="f"), Tool(name="bash", extra={NAME: {"type": "bash_20250124"}}))
    body = body_of(asked(tools=tools, extra={NAME: {"tools": [SEARCH]}}))
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}, BASH, SEARCH]
    assert given(tools=[CUSTOM, SEARCH]).extra == {NAME: {"tools": [SEARCH]}}


@pytest.mark.parametrize(
    ("choice", "ours"),
    [
        (None, (None, None)),
        ({"type": "auto"}, ("auto", None)),
        ({"type": "any", "disable_parallel_tool_use": True}, ("required", False)),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, (NamedTool("f"), True)),
        ({"type": "none"}, ("none", None)),
    ],
)
def test_choice_of_a_tool(choice: Any, ours: Any) -> None:
    request = given(tools=[CUSTOM], **({"tool_choice": choice} if choice else {}))
    assert (request.tool_choice, request.parallel_tool_calls) == ours
    assert body_of(request).get("tool_choice") == choice


def test_wish_for_one_call_at_a_time_needs_a_choice_to_stand_on() -> None:
    tools = (Tool(name="f"),)
    assert body_of(asked(tools=tools, parallel_tool_calls=False))["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert body_of(asked(tools=tools, tool_choice="none", parallel_tool_calls=False))["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in body_of(asked(parallel_tool_calls=False))


# --- messages ---------------------------------------------------------------------------------------------------------------------------


def test_system_messages_before_the_first_turn_are_the_system_field_and_later_ones_stay() -> None:
    system = Message("system", (Text(text="Be brief."),))
    late = Message("system", (Text(text="Now be long."),), extra={NAME: {"clear_at": "never"}})
    body = body_of(asked(system, system, HI, late))
    assert body["system"] == [{"type": "text", "text": "Be brief."}] * 2
    assert body["messages"][1] == {"role": "system", "content": "Now be long.", "clear_at": "never"}
    assert body_of(asked(system, HI))["system"] == "Be brief."
    assert decode_request(call_of(body), NONE).messages == (Message("system", system.parts * 2), HI, late)


def test_system_field_of_no_blocks_says_nothing() -> None:
    assert given(system=[]).messages == (HI,)


def test_text_of_no_words_is_left_out_beside_other_blocks() -> None:
    silent = Text(text="")
    call = ToolCall(id="toolu_1", name="f", arguments="{}")
    assert content_of(silent, call, role="assistant") == [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]
    assert content_of(silent, Text(text="Hi"), silent) == "Hi"
    assert content_of(silent) == ""


def test_system_blocks_keep_what_they_have_beside_their_text() -> None:
    blocks = [{"type": "text", "text": "a", **EPHEMERAL}, {"type": "text", "text": "b"}]
    request = given(system=blocks)
    assert request.messages[0] == Message("system", (Text(text="a", extra={NAME: EPHEMERAL}), Text(text="b")))
    assert body_of(request)["system"] == blocks


def test_tool_results_join_the_users_turn() -> None:
    result = Message("tool", (ToolResult(id="t1", parts=(Text(text="1"),)), ToolResult(id="t2", is_error=True)))
    turn = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
            {"type": "tool_result", "tool_use_id": "t2", "is_error": True},
            {"type": "text", "text": "Hi"},
        ],
    }
    assert body_of(asked(result, HI))["messages"] == [turn]
    assert decode_request(call_of({"model": "m", "max_tokens": 9, "messages": [turn]}), NONE).messages == (result, HI)
    single = [Message("tool", (part,)) for part in result.parts]
    assert body_of(asked(*single, HI))["messages"] == [turn]
    assert [turn["role"] for turn in body_of(asked(HI, HI))["messages"]] == ["user", "user"]


SOURCES: list[tuple[dict[str, Any], Any]] = [
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "UE5H"}},
        Image(data=b"PNG", media_type="image/gif"),
    ),
    ({"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}, Image(url="https://x.test/a.png")),
    ({"type": "image", "source": {"type": "file", "file_id": "file_1"}, **EPHEMERAL}, Image(file_id="file_1", extra={NAME: EPHEMERAL})),
    (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "UERG"}, "title": "T"},
        File(data=b"PDF", media_type="application/pdf", name="T"),
    ),
    (
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "é"},
            "context": "c",
            "citations": {"enabled": True},
        },
        File(data="é".encode(), media_type="text/plain", extra={NAME: {"context": "c", "citations": {"enabled": True}}}),
    ),
    ({"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}, File(url="https://x.test/a.pdf")),
    ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, File(file_id="file_1")),
    ({"type": "thinking", "thinking": "Hm", "signature": "c2ln"}, Reasoning(text="Hm", signature="c2ln")),
    ({"type": "thinking", "thinking": "", "signature": "c2ln"}, Reasoning(signature="c2ln")),
    ({"type": "redacted_thinking", "data": "ZGF0YQ=="}, Reasoning(redacted_data="ZGF0YQ==")),
    (
        {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": [2.5]}, **EPHEMERAL},
        ToolCall(id="t", name="f", arguments='{"b":1,"a":[2.5]}', extra={NAME: EPHEMERAL}),
    ),
]


@pytest.mark.parametrize(("block", "part"), SOURCES)
def test_block_is_a_part_and_comes_back(block: dict[str, Any], part: Any) -> None:
    assert part_of(block, "assistant") == part
    assert content_of(part, role="assistant") == [block]


OPAQUE: list[dict[str, Any]] = [
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result", "encrypted_content": "e"}]},
    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}, "title": "T"},
    {"type": "image", "source": {"type": "novel", "x": 1}},
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]},
    {"type": "container_upload", "file_id": "file_1"},
    {"type": "novel", "cache_control": None},
]


@pytest.mark.parametrize("block", OPAQUE)
def test_block_that_no_part_can_say_is_replayed_untouched(block: dict[str, Any]) -> None:
    part = part_of(block)
    assert part == Opaque(extra={NAME: block})
    assert content_of(part) == [block]


def test_result_of_a_tool_with_pictures_and_documents() -> None:
    content = [{"type": "text", "text": "a", **EPHEMERAL}, SOURCES[0][0], SOURCES[3][0]]
    block = {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True, **EPHEMERAL}
    part = part_of(block)
    assert part == ToolResult(
        id="t", parts=(Text(text="a", extra={NAME: EPHEMERAL}), SOURCES[0][1], SOURCES[3][1]), is_error=True, extra={NAME: EPHEMERAL}
    )
    assert content_of(part, role="tool") == [block]


def test_result_of_a_tool_that_our_parts_cannot_say_whole_keeps_the_vendors_content() -> None:
    content = [OPAQUE[4], {"type": "tool_reference", "tool_name": "f"}]
    block = {"type": "tool_result", "tool_use_id": "t", "content": content}
    part = part_of(block)
    assert part.parts == (Text(text="a"),)
    assert content_of(part, role="tool") == [block]


def test_arguments_are_written_as_the_model_wrote_them() -> None:
    exact = '{"b": 1.50,  "a": 12345678901234567890123}'
    call = encode_request(asked(Message("assistant", (ToolCall(id="t", name="f", arguments=exact),))), NONE)
    assert exact.encode() in call.body


def test_arguments_that_are_no_object_are_sent_as_text_and_named() -> None:
    request = asked(Message("assistant", (ToolCall(id="t", name="f", arguments='{"a'),)))
    body = body_of(request, "messages: the arguments of the call 't' are no JSON object, sent as text under 'INVALID_JSON'")
    assert body["messages"][0]["content"][0]["input"] == {"INVALID_JSON": '{"a'}
    assert content_of(ToolCall(id="t", name="f", arguments=""), role="assistant")[0]["input"] == {}


def test_citations_go_back_into_the_text_that_cites() -> None:
    cited = {
        "type": "char_location",
        "cited_text": "q",
        "document_index": 0,
        "document_title": "T",
        "start_char_index": 0,
        "end_char_index": 1,
    }
    block = {"type": "text", "text": "a", "citations": [cited]}
    message = given({"role": "assistant", "content": [block]}).messages[0]
    assert message.parts == (Text(text="a"), Source(title="T", quote="q", extra={NAME: cited}))
    assert content_of(*message.parts, role="assistant") == [block]


def test_what_of_earlier_turns_cannot_go_back_is_named() -> None:
    parts = (Reasoning(text="Hm"), Text(text="a"), Source(url="https://x.test"), Refusal(text="No."))
    body = body_of(
        asked(HI, Message("assistant", parts), Message("assistant", (Reasoning(text="Hm"),), "Ann")),
        "messages: reasoning without a signature cannot be sent back to this provider, left out",
        "messages: a source that this provider did not name itself cannot be sent back to it, left out",
        "messages: a refusal is sent as plain text, which is all that this wire knows",
        "messages: the name of a speaker is not understood by this provider, left out",
        "messages: reasoning without a signature cannot be sent back to this provider, left out",
    )
    assert body["messages"][1:] == [{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "No."}]}]
    body_of(
        asked(Message("user", (Image(url="https://x.test", detail="low"),))),
        "messages: the detail of an image is not understood by this provider, left out",
    )


def test_host_that_takes_unsigned_thinking_gets_it() -> None:
    request = asked(HI, Message("assistant", (Reasoning(text="Hm"), Text(text="a"))))
    body = body_of(request, quirks=Quirks(reasoning_field="thinking"))
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": ""}
    assert decode_request(call_of(body), NONE).messages == request.messages


@pytest.mark.parametrize(
    ("role", "part", "words"),
    [
        ("user", Audio(data=b"RIFF", media_type="audio/wav"), "no place for a Audio part"),
        ("user", File(data=b"PK", media_type="application/zip"), "takes files of PDF and text, and application/zip was given"),
        ("user", File(data=b"\xff", media_type="text/csv"), "in UTF-8 only"),
        ("user", Opaque(extra={"gemini": {"a": 1}}), "gemini's 'a' was given, which anthropic_messages has no word for"),
        ("system", Image(url="https://x.test"), "text alone in a system message"),
    ],
)
def test_content_that_the_wire_cannot_say_is_unsupported(role: Any, part: Any, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        encode_request(asked(Message(role, (part,))), NONE)


@pytest.mark.parametrize(
    ("role", "part", "words"),
    [
        ("tool", Text(text="a"), "holds Text; only ToolResult is allowed there"),
        ("user", ToolResult(id="t"), "a tool result stands in a message of role 'user'"),
        ("user", Image(), "neither data nor an address"),
    ],
)
def test_message_that_is_no_message_is_refused(role: Any, part: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        encode_request(asked(Message(role, (part,))), NONE)


def test_text_file_of_any_kind_is_plain_text() -> None:
    block = content_of(File(data=b"a,b", media_type="text/csv", name="t.csv"))[0]
    assert block == {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}, "title": "t.csv"}


USER = {"role": "user", "content": "Hi"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": "9"}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [1]}, r"messages\[0\]"),
    ({"messages": [{"content": "a"}]}, r"messages\[0\].role"),
    ({"messages": [{"role": "tool", "content": "a"}]}, r"messages\[0\].role"),
    ({"messages": [{"role": "user"}]}, r"messages\[0\].content"),
    ({"messages": [USER, {"role": "user", "content": 1}]}, r"messages\[1\].content"),
    ({"messages": [{"role": "user", "content": [{}]}]}, r"messages\[0\].content\[0\].type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, r"messages\[0\].content\[0\].text"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, r"content\[0\].source"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "a", "data": "?"}}]}]},
        "source.data",
    ),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}]}]},
        r"content\[0\].input",
    ),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]}, r"messages\[0\].content"),
    (
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{}]}]}]},
        r"content\[0\].content\[0\].type",
    ),
    ({"system": 1}, "system"),
    ({"system": [{}]}, r"system\[0\].type"),
    ({"tools": [{"name": "f"}]}, r"tools\[0\]"),
    ({"tools": [{"input_schema": {}}]}, r"tools\[0\]"),
    ({"tool_choice": {"type": "some"}}, "tool_choice"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"output_config": {"effort": 1}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "text"}}}, "output_config.format"),
    ({"metadata": {"user_id": 1}}, "metadata.user_id"),
    ({"stop_sequences": "a"}, "stop_sequences"),
    ({"temperature": "warm"}, "temperature"),
]


@pytest.mark.parametrize(("fields", "place"), BAD)
def test_request_that_the_vendor_would_refuse_is_refused_by_name(fields: dict[str, Any], place: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [USER], **fields}
    with pytest.raises(BadRequest, match=place) as caught:
        decode_request(call_of({name: value for name, value in body.items() if value is not None}), NONE)
    assert caught.value.status is None


def test_large_body_of_a_coding_agent_comes_back_as_it_was() -> None:
    """In the shape that Claude Code sends: many tools, cached system blocks, thinking replayed, results with reminders behind them."""
    turn: list[dict[str, Any]] = [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm. " * 50, "signature": "c2ln" * 100},
                {"type": "text", "text": "I read the file."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/a.py", "limit": 20}},
                {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "ls"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "line\n" * 400},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": [{"type": "text", "text": "no"}, SOURCES[0][0]],
                    "is_error": True,
                },
                {"type": "text", "text": "<system-reminder>Go on.</system-reminder>", **EPHEMERAL},
            ],
        },
    ]
    body = {
        "model": "claude-1",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, *(turn * 30)],
        "system": [{"type": "text", "text": "You are an agent.", **EPHEMERAL}, {"type": "text", "text": "Rules. " * 2000, **EPHEMERAL}],
        "tools": [{"name": f"Tool{i}", "description": "d" * 500, "input_schema": SCHEMA} for i in range(20)],
        "metadata": {"user_id": "user_1"},
        "max_tokens": 32000,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "stream": True,
    }
    call = call_of(body, "/v1/messages?beta=true", ("anthropic-beta", "a-1,b-2,c-3,d-4,e-5"), ("anthropic-version", "2023-06-01"))
    assert len(call.body) > 100_000
    again = encode_request(decode_request(call, NONE), NONE)
    assert (again.url, again.warnings) == (call.url, ())
    assert header(again.headers, "anthropic-beta") == "a-1,b-2,c-3,d-4,e-5"
    assert json.loads(again.body) == body
