"""Requests: each field's place, what is named when it cannot be said, and what a caller may send."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, header
from dragoman.core.messages import (
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Tool
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE, Quirks

from .asking import GPT, LLAMA, NOVA, PROFILE, decoded, encoded, said, turns, user
from .streams import CLAUDE, NAME, asked, body_of, call_of

# --- path and head ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("us.amazon.nova-micro-v1:0", "/model/us.amazon.nova-micro-v1%3A0/converse"),
        (PROFILE, f"/model/{PROFILE.replace(':', '%3A').replace('/', '%2F')}/converse"),
        ("a b?#é", "/model/a%20b%3F%23%C3%A9/converse"),
    ],
)
def test_model_stands_encoded_in_the_path_and_comes_back(model: str, path: str) -> None:
    for stream in (False, True):
        call = bedrock_converse.encode_request(asked(stream, model), NONE)
        assert call.url == path + ("-stream" if stream else "")
        assert bedrock_converse.decode_request(call, NONE) == asked(stream, model)


def test_address_of_a_model_that_was_not_encoded_is_understood() -> None:
    call = call_of({"messages": []})
    request = bedrock_converse.decode_request(msgspec.structs.replace(call, url=f"/model/{PROFILE}/converse-stream?x=1"), NONE)
    assert (request.model, request.stream) == (PROFILE, True)


def test_head_says_which_form_of_answer_is_wanted() -> None:
    accepted = [header(bedrock_converse.encode_request(asked(stream), NONE).headers, "accept") for stream in (True, False)]
    assert accepted == ["application/vnd.amazon.eventstream", "application/json"]


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_name_that_no_path_can_hold_is_refused(model: str) -> None:
    with pytest.raises(BadRequest, match="model: "):
        bedrock_converse.encode_request(asked(model=model), NONE)


@pytest.mark.parametrize("path", ["/model/converse", "/model/x/invoke", "/model/x/converse/", "/", "/model//converse"])
def test_path_without_a_model_is_refused(path: str) -> None:
    with pytest.raises(BadRequest, match="names no model"):
        bedrock_converse.decode_request(Call("POST", path, (), b"{}"), NONE)


def test_host_decides_path_headers_and_streaming() -> None:
    quirks = Quirks(path="/v2/{model}/say", headers={"x-a": "b"}, streaming="always")
    call = bedrock_converse.encode_request(asked(False, "m"), quirks)
    assert (call.url, header(call.headers, "x-a")) == ("/v2/m/say-stream", "b")
    assert bedrock_converse.decode_request(call_of({"messages": []}, stream=True), Quirks(streaming="never")).stream is False


# --- fields -----------------------------------------------------------------------------------------------------------------------------

TOOL = Tool(name="look", description="Looks.", parameters={"type": "object", "properties": {"q": {"type": "string"}}}, strict=True)
SPEC = {
    "toolSpec": {
        "name": "look",
        "description": "Looks.",
        "inputSchema": {"json": {"type": "object", "properties": {"q": {"type": "string"}}}},
        "strict": True,
    }
}
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sampling": (
        {"temperature": 0.5, "top_p": 0.25, "max_output_tokens": 9, "stop": ("END",)},
        {"inferenceConfig": {"temperature": 0.5, "topP": 0.25, "maxTokens": 9, "stopSequences": ["END"]}},
    ),
    "top_k": ({"top_k": 5}, {"additionalModelRequestFields": {"top_k": 5}}),
    "metadata": ({"metadata": {"a": "b"}}, {"requestMetadata": {"a": "b"}}),
    "tools": ({"tools": (TOOL,)}, {"toolConfig": {"tools": [SPEC]}}),
    "choice auto": ({"tools": (TOOL,), "tool_choice": "auto"}, {"toolConfig": {"tools": [SPEC], "toolChoice": {"auto": {}}}}),
    "choice required": ({"tools": (TOOL,), "tool_choice": "required"}, {"toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}}),
    "choice named": (
        {"tools": (TOOL,), "tool_choice": NamedTool("look")},
        {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "look"}}}},
    ),
    "format": (
        {"response_format": JsonFormat(schema={"type": "object"}, name="n", description="d")},
        {
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n", "description": "d"}},
                }
            }
        },
    ),
    "vendor's own": (
        {
            "extra": {
                NAME: {
                    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "DRAFT", "trace": "enabled"},
                    "additionalModelRequestFields": {"anthropic_beta": ["x"]},
                    "additionalModelResponseFieldPaths": ["/stop_sequence"],
                    "promptVariables": {"v": {"text": "x"}},
                    "performanceConfig": {"latency": "optimized"},
                    "serviceTier": {"type": "flex"},
                    "outputConfig": {"tomorrow": 1},
                    "inferenceConfig": {"tomorrow": 1},
                    "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
                }
            }
        },
        {
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "DRAFT", "trace": "enabled"},
            "additionalModelRequestFields": {"anthropic_beta": ["x"]},
            "additionalModelResponseFieldPaths": ["/stop_sequence"],
            "promptVariables": {"v": {"text": "x"}},
            "performanceConfig": {"latency": "optimized"},
            "serviceTier": {"type": "flex"},
            "outputConfig": {"tomorrow": 1},
            "inferenceConfig": {"tomorrow": 1},
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
        },
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_field_has_its_place_and_comes_back(name: str) -> None:
    fields, expected = FIELDS[name]
    request = user(**fields)
    body = body_of(request)
    assert body.pop("messages") == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert body == expected
    assert decoded({**body, "messages": [{"role": "user", "content": [{"text": "Hi"}]}]}) == request


REASONING: dict[str, tuple[str, ReasoningOptions, dict[str, Any]]] = {
    "Claude, budget": (
        CLAUDE,
        ReasoningOptions(budget_tokens=2048, enabled=True),
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}}},
    ),
    "Claude, adaptive and shown": (
        CLAUDE,
        ReasoningOptions(enabled=True, effort="max", summary="auto"),
        {"additionalModelRequestFields": {"thinking": {"type": "adaptive", "display": "summarized"}}, "outputConfig": {"effort": "max"}},
    ),
    "Claude, off": (CLAUDE, ReasoningOptions(enabled=False), {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}),
    "Claude, effort": (CLAUDE, ReasoningOptions(effort="low"), {"outputConfig": {"effort": "low"}}),
    "Claude by its profile": (
        PROFILE,
        ReasoningOptions(enabled=False),
        {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
    ),
    "Nova": (
        NOVA,
        ReasoningOptions(effort="high", enabled=True),
        {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}},
    ),
    "Nova, off": (NOVA, ReasoningOptions(enabled=False), {"additionalModelRequestFields": {"reasoningConfig": {"type": "disabled"}}}),
    "gpt-oss": (GPT, ReasoningOptions(effort="high"), {"additionalModelRequestFields": {"reasoning_effort": "high"}}),
    "another": (LLAMA, ReasoningOptions(effort="high"), {"outputConfig": {"effort": "high"}}),
}


@pytest.mark.parametrize("name", REASONING)
def test_reasoning_is_asked_for_as_the_models_maker_names_it(name: str) -> None:
    model, wanted, expected = REASONING[name]
    request = user(model=model, reasoning=wanted)
    body = body_of(request)
    assert {field: value for field, value in body.items() if field != "messages"} == expected
    assert decoded(body, model) == request


@pytest.mark.parametrize(
    ("model", "wanted", "expected", "named"),
    [
        (CLAUDE, ReasoningOptions(effort="none"), {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}, []),
        (CLAUDE, ReasoningOptions(effort="minimal"), {"outputConfig": {"effort": "low"}}, ["reasoning.effort"]),
        (CLAUDE, ReasoningOptions(summary="auto"), {}, ["reasoning.summary"]),
        (
            CLAUDE,
            ReasoningOptions(enabled=False, budget_tokens=9),
            {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
            ["reasoning.budget_tokens"],
        ),
        (
            NOVA,
            ReasoningOptions(effort="minimal", budget_tokens=9),
            {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}},
            ["reasoning.budget_tokens", "reasoning.effort"],
        ),
        (NOVA, ReasoningOptions(summary="auto"), {}, ["reasoning.summary"]),
        (GPT, ReasoningOptions(enabled=False), {}, ["reasoning"]),
        (LLAMA, ReasoningOptions(effort="none", budget_tokens=9), {}, ["reasoning.budget_tokens", "reasoning.effort"]),
    ],
)
def test_reasoning_that_a_model_cannot_be_asked_for_is_named(
    model: str, wanted: ReasoningOptions, expected: dict[str, Any], named: list[str]
) -> None:
    body, warnings = encoded(user(model=model, reasoning=wanted))
    assert {field: value for field, value in body.items() if field != "messages"} == expected
    assert [warning.partition(":")[0] for warning in warnings] == named


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (NOVA, {"inferenceConfig": {"topK": 5, "x": 1}}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        (NOVA, {"inferenceConfig": "odd", "reasoningConfig": {"type": "new"}}),
        (NOVA, {"reasoningConfig": {"type": "disabled", "maxReasoningEffort": "low"}}),
        ("cohere.command-r-v1:0", {"k": 5}),
        (CLAUDE, {"top_k": "odd", "thinking": {"type": "enabled"}}),
        (CLAUDE, {"thinking": {"type": "tomorrow", "budget_tokens": 1}}),
        (CLAUDE, {"thinking": {"type": "adaptive", "budget_tokens": 1}}),
        (CLAUDE, {"thinking": {"type": "adaptive", "display": "omitted"}}),
        (CLAUDE, {"thinking": {"type": "enabled", "budget_tokens": 1, "more": 2}}),
        (GPT, {"reasoning_effort": 5, "thinking": {"type": "enabled", "budget_tokens": 1}}),
        (LLAMA, {"thinking": {"type": "enabled", "budget_tokens": 1}}),
    ],
)
def test_additional_fields_come_back_as_they_were(model: str, fields: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "additionalModelRequestFields": fields}
    assert body_of(decoded(body, model)) == body


def test_top_k_is_read_where_the_model_has_it() -> None:
    assert decoded({"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}}, NOVA).top_k == 5
    assert body_of(user(model="cohere.command-r-v1:0", top_k=5))["additionalModelRequestFields"] == {"k": 5}


def test_every_field_that_cannot_be_said_is_named() -> None:
    request = user(
        seed=1,
        n=2,
        logprobs=True,
        top_logprobs=2,
        presence_penalty=0.5,
        frequency_penalty=0.5,
        parallel_tool_calls=False,
        user="u",
        response_format=JsonFormat(),
        extra={"openai_chat": {"stream_options": {}, "store": True}},
    )
    _, warnings = encoded(request)
    assert sorted(warning.partition(":")[0] for warning in warnings) == sorted(
        [
            "seed",
            "n",
            "logprobs",
            "top_logprobs",
            "presence_penalty",
            "frequency_penalty",
            "parallel_tool_calls",
            "user",
            "store",
            "response_format",
        ]
    )


def test_what_is_no_request_for_anything_is_not_named() -> None:
    assert encoded(user(n=1, logprobs=False, top_logprobs=0, parallel_tool_calls=True, metadata={}))[1] == []


def test_schema_that_need_not_be_kept_to_is_kept_to_all_the_same() -> None:
    assert encoded(user(response_format=JsonFormat(schema={}, strict=False)))[1] == [
        "response_format.strict: this provider always keeps to the schema"
    ]


def test_tools_that_must_not_be_called_are_left_out_and_that_is_said() -> None:
    body, warnings = encoded(user(tools=(TOOL,), tool_choice="none"))
    assert ("toolConfig" in body, len(warnings)) == (False, 1)
    spoken = turns(said("user", Text(text="a")), said("assistant", ToolCall(id="t", name="look", arguments="{}")))
    body, warnings = encoded(msgspec.structs.replace(spoken, tools=(TOOL,), tool_choice="none"))
    assert (body["toolConfig"], len(warnings)) == ({"tools": [SPEC]}, 1)


def test_tools_that_earlier_turns_alone_use_are_declared_as_gone() -> None:
    call, result = ToolCall(id="t", name="look", arguments="{}"), ToolResult(id="t", parts=(Text(text="b"),))
    spoken = turns(said("user", Text(text="a")), said("assistant", call), said("tool", result))
    body, warnings = encoded(spoken)
    [tool] = body["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "look"
    assert "Do not call it" in tool["toolSpec"]["description"]
    assert warnings == []
    assert decoded(body).tools == ()
    assert encoded(msgspec.structs.replace(spoken, tools=(TOOL,)))[0]["toolConfig"] == {"tools": [SPEC]}


def test_choice_without_tools_is_said_to_be_left_out() -> None:
    assert encoded(user(tool_choice="required")) == (body_of(user()), ["tool_choice: there is no tool to choose, left out"])
    assert encoded(user(tool_choice="none"))[1] == []


def test_tool_without_schema_or_words_has_what_the_wire_requires() -> None:
    [spec] = body_of(user(tools=(Tool(name="now", description=""),)))["toolConfig"]["tools"]
    assert spec == {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}}


def test_cache_points_and_the_vendors_tools_keep_their_places() -> None:
    tools = [SPEC, {"cachePoint": {"type": "default"}}, {"systemTool": {"name": "s"}}, SPEC]
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "toolConfig": {"tools": tools, "x": 1}}
    request = decoded(body)
    assert len(request.tools) == 2
    assert body_of(request) == body
    last = {"messages": [], "toolConfig": {"tools": [SPEC, {"cachePoint": {"type": "default"}}]}}
    assert "toolsAt" not in decoded(last).extra[NAME]


def test_fields_that_a_host_refuses_are_dropped_and_named() -> None:
    quirks = Quirks(drop=("topP", "serviceTier", "top_k"))
    request = user(top_p=0.5, temperature=0.5, top_k=3, extra={NAME: {"serviceTier": {"type": "flex"}}})
    body, warnings = encoded(request, quirks)
    assert body == {**body_of(user()), "inferenceConfig": {"temperature": 0.5}}
    assert sorted(warning.partition(":")[0] for warning in warnings) == ["serviceTier", "topP", "top_k"]


# --- what a caller may send wrong -------------------------------------------------------------------------------------------------------


def content(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


WRONG: dict[str, tuple[Any, str | None]] = {
    "messages": ({"messages": 5}, "messages"),
    "message": ({"messages": [5]}, "messages[0]"),
    "role": ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role"),
    "no content": ({"messages": [{"role": "user"}]}, "messages[0].content"),
    "string content": ({"messages": [{"role": "user", "content": "a"}]}, "messages[0].content"),
    "block": (content(5), "messages[0].content[0]"),
    "two fields": (content({"text": "a", "image": {}}), "messages[0].content[0]"),
    "no field": (content({"text": None}), "messages[0].content[0]"),
    "text": (content({"text": 5}), "messages[0].content[0].text"),
    "image": (content({"image": 5}), "messages[0].content[0].image"),
    "image format": (content({"image": {"source": {"bytes": ""}}}), "messages[0].content[0].image.format"),
    "image source": (content({"image": {"format": "png"}}), "messages[0].content[0].image.source"),
    "base64": (content({"image": {"format": "png", "source": {"bytes": "%"}}}), "messages[0].content[0].image.source.bytes"),
    "no base64": (content({"image": {"format": "png", "source": {"bytes": 5}}}), "messages[0].content[0].image.source.bytes"),
    "s3": (content({"image": {"format": "png", "source": {"s3Location": {}}}}), "messages[0].content[0].image.source.s3Location.uri"),
    "document name": (content({"document": {"source": {"text": "a"}}}), "messages[0].content[0].document.name"),
    "guard": (content({"guardContent": {"text": {}}}), "messages[0].content[0].guardContent.text.text"),
    "reasoning": (content({"reasoningContent": {"reasoningText": {}}}), "messages[0].content[0].reasoningContent.reasoningText.text"),
    "signature": (
        content({"reasoningContent": {"reasoningText": {"text": "a", "signature": 5}}}),
        "messages[0].content[0].reasoningContent.reasoningText.signature",
    ),
    "hidden": (content({"reasoningContent": {"redactedContent": "%"}}), "messages[0].content[0].reasoningContent.redactedContent"),
    "call id": (content({"toolUse": {"name": "n", "input": {}}}), "messages[0].content[0].toolUse.toolUseId"),
    "call input": (content({"toolUse": {"toolUseId": "t", "name": "n", "input": "x"}}), "messages[0].content[0].toolUse.input"),
    "result content": (content({"toolResult": {"toolUseId": "t"}}), "messages[0].content[0].toolResult.content"),
    "result id": (content({"toolResult": {"content": []}}), "messages[0].content[0].toolResult.toolUseId"),
    "cited": (content({"citationsContent": {"content": 5}}), "messages[0].content[0].citationsContent"),
    "system result": (
        {"messages": [{"role": "system", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]}]},
        "messages[0].content",
    ),
    "system": ({"system": "a"}, "system"),
    "temperature": ({"inferenceConfig": {"temperature": "hot"}}, "inferenceConfig.temperature"),
    "negative": ({"inferenceConfig": {"maxTokens": -1}}, "inferenceConfig.maxTokens"),
    "metadata": ({"requestMetadata": {"a": 1}}, "requestMetadata[...]"),
    "tool": ({"toolConfig": {"tools": [{"toolSpec": {"inputSchema": {"json": {}}}}]}}, None),
    "tool schema": ({"toolConfig": {"tools": [{"toolSpec": {"name": "n", "inputSchema": {}}}]}}, "toolConfig.tools[0].toolSpec"),
    "empty tool": ({"toolConfig": {"tools": [{"toolSpec": {}}]}}, None),
    "choice": ({"toolConfig": {"tools": [], "toolChoice": {"never": {}}}}, "toolConfig.toolChoice"),
    "choices": ({"toolConfig": {"tools": [], "toolChoice": {"any": {}, "auto": {}}}}, "toolConfig.toolChoice"),
    "nameless choice": ({"toolConfig": {"tools": [], "toolChoice": {"tool": {}}}}, "toolConfig.toolChoice"),
    "format": ({"outputConfig": {"textFormat": {"type": "xml"}}}, None),
    "schema": (
        {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}},
        "outputConfig.textFormat.structure.jsonSchema.schema",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_by_its_place(name: str) -> None:
    body, param = WRONG[name]
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert param is None or caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        bedrock_converse.decode_request(Call("POST", "/model/m/converse", (), body), NONE)


def test_prompt_that_is_stored_needs_no_messages() -> None:
    body = {"promptVariables": {"city": {"text": "Paris"}}}
    request = decoded(body, "arn:aws:bedrock:us-east-1:000000000000:prompt/ABCDEFGHIJ:1")
    assert request.messages == ()
    assert body_of(request) == body
