"""Requests in both directions, word for word, and what cannot be carried."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import BadRequest, DragomanError, Unsupported
from dragoman.core.exchange import Call
from dragoman.core.messages import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Tool
from dragoman.wire import gemini, openai_chat
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.gemini.recorded import PLACEHOLDER
from tests.wire.gemini.roles import HI, NAME, USER, body_of, decoded, request

# --- fields -----------------------------------------------------------------------------------------------------------------------------

FULL = request(
    Message("system", (Text(text="Be brief."),)),
    USER,
    tools=(Tool(name="f", description="d", parameters={"type": "object", "properties": {}}),),
    tool_choice=NamedTool("f"),
    response_format=JsonFormat(schema={"type": "object"}),
    temperature=0.5,
    top_p=0.25,
    top_k=40,
    presence_penalty=0.5,
    frequency_penalty=-0.5,
    stop=("a", "b"),
    max_output_tokens=10,
    seed=7,
    n=2,
    logprobs=True,
    top_logprobs=3,
    reasoning=ReasoningOptions(budget_tokens=128, summary="auto"),
    extra={
        NAME: {
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "cachedContent": "cachedContents/1",
            "tools": [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}],
            "toolConfig": {"retrievalConfig": {"languageCode": "de"}},
            "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "thinkingConfig": {"zz": 1}},
            "labels": {"a_b": "c"},
        }
    },
)
FULL_BODY = {
    "contents": [HI],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "tools": [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object", "properties": {}}}]},
        {"googleSearch": {}},
        {"codeExecution": {}},
        {"urlContext": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}, "retrievalConfig": {"languageCode": "de"}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "labels": {"a_b": "c"},
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 40,
        "maxOutputTokens": 10,
        "seed": 7,
        "candidateCount": 2,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "responseLogprobs": True,
        "logprobs": 3,
        "stopSequences": ["a", "b"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
        "thinkingConfig": {"thinkingBudget": 128, "includeThoughts": True, "zz": 1},
        "responseModalities": ["TEXT", "IMAGE"],
    },
}


def test_every_field_has_its_place_in_both_directions() -> None:
    call = gemini.encode_request(FULL, NONE)
    assert call.warnings == ()
    assert json.loads(call.body) == FULL_BODY
    assert decoded(FULL_BODY) == FULL


def test_snake_case_is_understood() -> None:
    def snake(value: Any, free: bool = False) -> Any:
        if isinstance(value, list):
            return [snake(inner) for inner in value]
        if not isinstance(value, dict) or free:
            return value
        named = {"".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name): inner for name, inner in value.items()}
        left = ("labels", "safety_settings", "google_search", "parameters_json_schema", "response_json_schema", "retrieval_config")
        return {name: inner if name in left else snake(inner) for name, inner in named.items()}

    assert decoded(snake(FULL_BODY)) == FULL
    part = {"function_call": {"name": "f", "args": {"a_b": 1}}, "thought_signature": "c2ln"}
    asked = decoded({"contents": [HI, {"role": "model", "parts": [part]}]})
    extra = {NAME: {"thoughtSignature": "c2ln"}}
    assert asked.messages[1].parts == (ToolCall(id="gemini_0", name="f", arguments='{"a_b":1}', extra=extra),)


@pytest.mark.parametrize(("choice", "mode"), [("auto", "AUTO"), ("none", "NONE"), ("required", "ANY")])
def test_tool_choices(choice: Any, mode: str) -> None:
    body = body_of(request(tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": mode}}
    assert decoded(body).tool_choice == choice


@pytest.mark.parametrize(
    "config",
    [
        {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
        {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        {"mode": "AUTO", "streamFunctionCallArguments": True},
        {"mode": "NEVER_SEEN"},
    ],
)
def test_tool_configuration_of_the_vendor_alone_comes_back(config: Any) -> None:
    given = {"contents": [HI], "toolConfig": {"functionCallingConfig": config, "includeServerSideToolInvocations": True}}
    assert body_of(decoded(given)) == given


@pytest.mark.parametrize(
    "config",
    [
        {"responseMimeType": "application/json"},
        {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}},
        {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}},
        {"responseMimeType": "text/plain"},
        {"thinkingConfig": {"includeThoughts": False}},
        {"thinkingConfig": {"thinkingLevel": "HIGH"}},
        {"thinkingConfig": {"thinkingBudget": 0}},
        {"thinkingConfig": {"thinkingBudget": -1, "includeThoughts": True}},
        {"thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "LOW"}},
        {"speechConfig": {"voiceConfig": {}}, "mediaResolution": "MEDIA_RESOLUTION_LOW"},
    ],
)
def test_configuration_comes_back(config: Any) -> None:
    given = {"contents": [HI], "generationConfig": config}
    for model in ("gemini-3-pro", "gemini-1.0") if "thinkingLevel" not in str(config) else ("gemini-3-pro",):
        assert body_of(decoded(given, f"/models/{model}:generateContent")) == given


def test_vendors_schemas_are_read_as_json_schema_and_go_back_as_they_came() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "any_of": {"type": "STRING", "nullable": True, "enum": ["a"]},
            "l": {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "2"},
        },
        "propertyOrdering": ["l"],
        "anyOf": [{"type": "STRING"}],
    }
    given = {"contents": [HI], "tools": [{"functionDeclarations": [{"name": "f", "parameters": schema, "behavior": "BLOCKING"}]}]}
    asked = decoded(given)
    assert asked.tools[0].parameters == {
        "type": "object",
        "properties": {
            "any_of": {"type": ["string", "null"], "enum": ["a", None]},
            "l": {"type": "array", "items": {"type": "number"}, "minItems": 2},
        },
        "anyOf": [{"type": "string"}],
    }
    assert body_of(asked) == given


@pytest.mark.parametrize(
    ("options", "model", "config"),
    [
        (ReasoningOptions(effort="low"), "gemini-3-pro-preview", {"thinkingLevel": "LOW"}),
        (ReasoningOptions(effort="high"), "gemini-2.5-pro", {"thinkingBudget": 24576}),
        (ReasoningOptions(effort="low"), "gemini-flash-latest", {"thinkingLevel": "LOW"}),
        (ReasoningOptions(effort="none"), "gemini-2.5-flash", {"thinkingBudget": 0}),
        (ReasoningOptions(enabled=False), "gemini-2.5-flash", {"thinkingBudget": 0}),
        (ReasoningOptions(enabled=True), "gemini-2.5-flash", {"thinkingBudget": -1}),
        (ReasoningOptions(enabled=True, budget_tokens=9), "gemini-2.5-flash", {"thinkingBudget": 9}),
        (ReasoningOptions(summary="detailed"), "gemini-2.5-flash", {"includeThoughts": True}),
    ],
)
def test_reasoning_options(options: ReasoningOptions, model: str, config: Any) -> None:
    assert body_of(request(model=model, reasoning=options))["generationConfig"] == {"thinkingConfig": config}


# --- the conversation -------------------------------------------------------------------------------------------------------------------

CONVERSATION = (
    Message("user", (Text(text="Look"), Image(data=b"png", media_type="image/png"), Image(url="https://a.test/b.png"))),
    Message(
        "assistant",
        (
            Reasoning(text="hm", extra={NAME: {"thoughtSignature": "dGg="}}),
            Text(text="so", extra={NAME: {"thoughtSignature": "dHg=", "trailing": [{"text": "", "thoughtSignature": "dHI="}]}}),
            ToolCall(id="gemini_0_r1", name="f", arguments='{"a": 1.0}', extra={NAME: {"thoughtSignature": "c2ln"}}),
            ToolCall(id="own", name="g", arguments="{}"),
            Opaque(extra={NAME: {"executableCode": {"code": "1", "language": "PYTHON"}}}),
            Source(url="https://a.test"),
        ),
    ),
    Message(
        "tool",
        (
            ToolResult(id="gemini_0_r1", parts=(Text(text="sunny"), Image(data=b"png", media_type="image/png"))),
            ToolResult(id="own", parts=(Text(text='{"error": "no"}'),), is_error=True),
        ),
    ),
    Message("user", (Audio(data=b"wav", media_type="audio/wav"), File(url="gs://x/y.pdf", media_type="application/pdf"))),
)
PNG = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"png").decode()}}
CONTENTS = [
    {"role": "user", "parts": [{"text": "Look"}, PNG, {"fileData": {"fileUri": "https://a.test/b.png", "mimeType": "image/png"}}]},
    {
        "role": "model",
        "parts": [
            {"text": "hm", "thought": True, "thoughtSignature": "dGg="},
            {"text": "so", "thoughtSignature": "dHg="},
            {"text": "", "thoughtSignature": "dHI="},
            {"functionCall": {"name": "f", "args": {"a": 1.0}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "own", "name": "g", "args": {}}},
            {"executableCode": {"code": "1", "language": "PYTHON"}},
        ],
    },
    {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "sunny"}, "parts": [PNG]}},
            {"functionResponse": {"id": "own", "name": "g", "response": {"error": {"error": "no"}}}},
            {"inlineData": {"mimeType": "audio/wav", "data": base64.b64encode(b"wav").decode()}},
            {"fileData": {"fileUri": "gs://x/y.pdf", "mimeType": "application/pdf"}},
        ],
    },
]


def test_conversation_has_its_form() -> None:
    call = gemini.encode_request(request(*CONVERSATION), NONE)
    assert [warning.partition(": ")[2] for warning in call.warnings] == [
        "a source that an answer cited cannot be sent back to this provider, left out"
    ]
    assert json.loads(call.body)["contents"] == CONTENTS
    assert b'"args":{"a":1.0}' in call.body


def test_conversation_comes_back_the_same() -> None:
    assert body_of(decoded({"contents": CONTENTS})) == {"contents": CONTENTS}


def test_turns_of_one_side_stay_apart_unless_results_are_among_them() -> None:
    result = Message("tool", (ToolResult(id="1", name="f", parts=(Text(text="x"),)),))
    answer = Message("assistant", (Text(text="a"),))
    contents = body_of(request(USER, USER, answer, answer, result, USER, USER))["contents"]
    assert [(content["role"], len(content["parts"])) for content in contents] == [
        ("user", 1),
        ("user", 1),
        ("model", 1),
        ("model", 1),
        ("user", 2),
        ("user", 1),
    ]


def test_results_without_ids_go_in_the_order_of_their_calls() -> None:
    calls = Message("assistant", tuple(ToolCall(id=f"gemini_{i}", name="f", arguments="{}") for i in (0, 1)))
    results = [Message("tool", (ToolResult(id=f"gemini_{i}", parts=(Text(text=str(i)),)),)) for i in (1, 0)]
    parts = body_of(request(USER, calls, *results))["contents"][2]["parts"]
    assert [part["functionResponse"] for part in parts] == [{"name": "f", "response": {"output": text}} for text in ("0", "1")]


def test_calls_and_results_without_ids_find_each_other() -> None:
    def turn(*names: str) -> list[Any]:
        return [
            {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}} for name in names]},
            {"role": "function", "parts": [{"functionResponse": {"name": name, "response": {"output": name}}} for name in reversed(names)]},
        ]

    asked = decoded({"contents": [HI, *turn("f", "g"), *turn("f")]})
    ids = [[part.id for part in message.parts if isinstance(part, ToolCall | ToolResult)] for message in asked.messages]
    assert ids == [[], ["gemini_0", "gemini_1"], ["gemini_1", "gemini_0"], ["gemini_2"], ["gemini_2"]]
    assert [message.role for message in asked.messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert body_of(asked)["contents"][2]["role"] == "function"


def test_results_that_the_vendors_server_got_stay_in_the_models_turn_and_answer_their_calls() -> None:
    ran: list[Any] = [
        {"functionCall": {"name": "f", "args": {}}},
        {"functionResponse": {"name": "f", "response": {"n": 1}}},
        {"text": "One."},
    ]
    more = [{"functionCall": {"name": "f", "args": {}}}]
    result = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "2"}}}]}
    contents = [HI, {"role": "model", "parts": [*ran, *more]}, result]
    asked = decoded({"contents": contents})
    first, opaque, words, second = asked.messages[1].parts
    assert (opaque, words) == (Opaque(extra={NAME: ran[1]}), Text(text="One."))
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert [part.id for part in asked.messages[2].parts if isinstance(part, ToolResult)] == [second.id]
    assert body_of(asked)["contents"] == contents


@pytest.mark.parametrize("silent", [{"role": "model"}, {"role": "model", "parts": []}])
def test_turn_in_which_the_model_said_nothing_is_none(silent: Any) -> None:
    assert decoded({"contents": [HI, silent, HI]}).messages == (USER, USER)


def test_ids_that_the_vendor_gave_go_back_to_it() -> None:
    call = {"functionCall": {"id": "call_54402", "name": "f", "args": {}}}
    result = {"functionResponse": {"id": "call_54402", "name": "f", "response": {"output": "x"}}}
    contents = [HI, {"role": "model", "parts": [call]}, {"role": "user", "parts": [result]}]
    assert body_of(decoded({"contents": contents}))["contents"] == contents


def test_nulls_and_thoughts_that_are_none_say_nothing() -> None:
    call = {"functionCall": {"id": None, "name": "f", "args": {"a": None}}, "text": None, "thought": False, "thoughtSignature": None}
    body: Any = {
        "contents": [{"role": "model", "parts": [{"text": "Hi", "inlineData": None, "thought": False}, call]}],
        "systemInstruction": None,
        "tools": [{"functionDeclarations": [{"name": "f", "description": None, "parameters": None}], "codeExecution": None}],
        "toolConfig": None,
        "safetySettings": None,
        "generationConfig": {"temperature": None, "thinkingConfig": None},
    }
    asked = decoded(body)
    assert asked.messages[0].parts == (Text(text="Hi"), ToolCall(id="gemini_0", name="f", arguments='{"a":null}'))
    assert (asked.tools, asked.extra) == ((Tool(name="f"),), {})


def test_result_that_is_said_as_it_is_elsewhere_goes_back_as_it_came_and_is_no_loss() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    result = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": 42}}}]}
    asked = decoded({"contents": [HI, call, result]})
    assert body_of(asked)["contents"][2] == result
    assert openai_chat.encode_request(asked, NONE).warnings == ()


def test_numbers_of_enums_are_their_names() -> None:
    declared = {"name": "f", "parameters": {"type": 6, "properties": {"a": {"type": 5, "items": {"type": 1, "nullable": True}}}}}
    body = {"contents": [HI], "tools": [{"functionDeclarations": [declared]}], "toolConfig": {"functionCallingConfig": {"mode": 2}}}
    asked = decoded(body)
    items = {"type": ["string", "null"]}
    assert asked.tools[0].parameters == {"type": "object", "properties": {"a": {"type": "array", "items": items}}}
    assert asked.tool_choice == "required"
    assert body_of(asked)["tools"] == body["tools"]


def test_an_answer_that_comes_back_in_the_pieces_of_its_stream_is_one_turn() -> None:
    def said(*parts: Any) -> Any:
        return {"role": "model", "parts": list(parts)}

    thoughts = [said({"text": text, "thought": True}) for text in ("Which", " one?")]
    words = [said({"text": text}) for text in ("", "I", " look.", "")]
    signed = said({"text": "Signed.", "thoughtSignature": "c2ln"})
    calls = [said({"functionCall": {"name": "f", "args": {}}}) for _ in range(2)]
    results = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": text}}} for text in "ab"]}
    asked = decoded({"contents": [HI, *thoughts, *words, signed, *calls, said({"text": ""}), results, said({"text": ""})]})
    user, turn, answered, silent = asked.messages
    assert (user, silent.parts) == (USER, (Text(text=""),))
    assert turn.parts[:2] == (Reasoning(text="Which one?"), Text(text="I look."))
    assert turn.parts[2].extra == {NAME: {"thoughtSignature": "c2ln"}}
    assert [part.id for part in turn.parts[3:] if isinstance(part, ToolCall)] == ["gemini_0", "gemini_1"]
    assert [part.id for part in answered.parts if isinstance(part, ToolResult)] == ["gemini_0", "gemini_1"]


def test_models_that_want_signatures_get_the_placeholder_where_a_turn_has_none() -> None:
    calls = [ToolCall(id=f"toolu_{i}", name="f", arguments="{}") for i in (1, 2)]
    content = body_of(request(USER, Message("assistant", tuple(calls)), model="gemini-3-pro-preview"))["contents"][1]
    assert [part.get("thoughtSignature") for part in content["parts"]] == [PLACEHOLDER, None]
    assert content["parts"][0]["functionCall"]["id"] == "toolu_1"
    older = body_of(request(USER, Message("assistant", tuple(calls)), model="gemini-2.5-pro"))["contents"][1]
    assert all("thoughtSignature" not in part for part in older["parts"])


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "x"}, "x", False),
        ({"output": {"a": 1}}, '{"a":1}', False),
        ({"output": 5}, "5", False),
        ({"output": "x", "more": 1}, '{"output":"x","more":1}', False),
        ({"result": "x"}, '{"result":"x"}', False),
        ({"error": "x"}, "x", True),
        ({"error": {"code": 1}}, '{"code":1}', True),
        ({"output": '{"a": 1}'}, '{"a": 1}', False),
        ({}, None, False),
    ],
)
def test_outcomes_of_tools_are_read_and_come_back(response: Any, text: str | None, is_error: bool) -> None:
    given = {"contents": [HI, {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "1", "response": response}}]}]}
    result = decoded(given).messages[-1].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == (() if text is None else (Text(text=text),))
    assert result.is_error is is_error
    assert body_of(decoded(given))["contents"][-1]["parts"][-1] == given["contents"][1]["parts"][0]


def test_parts_keep_what_stands_beside_them() -> None:
    parts = [
        {"text": "a", "partMetadata": {"k": 1}},
        {"inlineData": {"mimeType": "video/mp4", "data": "QUJD", "displayName": "film"}, "videoMetadata": {"fps": 1.0}},
        {"fileData": {"fileUri": "files/1", "mimeType": "image/png", "displayName": "p"}, "mediaResolution": {"level": "X"}},
        {"neverSeen": {}},
    ]
    given = {"contents": [{"role": "user", "parts": parts}], "systemInstruction": {"role": "user", "parts": [{"text": "s"}]}}
    asked = decoded(given)
    assert isinstance(asked.messages[1].parts[1], File)
    assert asked.messages[1].parts[1].name == "film"
    assert body_of(asked) == given


def test_base64_of_either_alphabet_is_read() -> None:
    data = bytes(range(250, 256))
    for text in (
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        base64.urlsafe_b64encode(b"\xff" * 4).decode().rstrip("="),
    ):
        part = decoded({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": text}}]}]}).messages[0].parts[0]
        assert isinstance(part, Image)
        assert part.data in (data, b"\xff" * 4)


# --- what cannot be carried -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"user": "u"}, "user"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": (Tool(name="f", strict=True),)}, "tools.f.strict"),
        ({"response_format": JsonFormat(schema={}, description="d")}, "response_format.description"),
        ({"reasoning": ReasoningOptions(effort="odd")}, "reasoning.effort"),
        ({"reasoning": ReasoningOptions(effort="low", budget_tokens=1)}, "reasoning.effort"),
    ],
)
def test_field_that_the_wire_cannot_say_is_named(fields: Any, warning: str) -> None:
    (told,) = gemini.encode_request(request(**fields), NONE).warnings
    assert told.startswith(warning)


def test_parallel_calls_are_what_the_vendor_does_anyway() -> None:
    assert gemini.encode_request(request(parallel_tool_calls=True), NONE).warnings == ()


@pytest.mark.parametrize(
    ("message", "warning"),
    [
        (Message("user", (Text(text="a"),), "Ann"), "messages[1].name"),
        (Message("system", (Text(text="a"),)), "messages[1]: a system message amid"),
        (Message("assistant", (Reasoning(redacted_data="x"),)), "messages[1]: hidden reasoning"),
        (Message("user", (Image(url="https://a.test", detail="high"),)), "messages[1].detail"),
        (Message("user", (File(data=b"", media_type="application/pdf", name="a.pdf"),)), "messages[1].name"),
    ],
)
def test_content_that_is_said_otherwise_is_named(message: Message, warning: str) -> None:
    (told,) = gemini.encode_request(request(USER, message), NONE).warnings
    assert told.startswith(warning)


@pytest.mark.parametrize(
    "message",
    [
        Message("assistant", (ToolCall(id="1", name="f", arguments="[1]"),)),
        Message("assistant", (ToolCall(id="1", name="f", arguments='{"a":'),)),
        Message("assistant", (Opaque(extra={"other": {"a": 1}}),)),
        Message("tool", (ToolResult(id="nobody", parts=(Text(text="x"),)),)),
    ],
)
def test_content_that_cannot_be_said_is_refused(message: Message) -> None:
    with pytest.raises(Unsupported):
        gemini.encode_request(request(USER, message), NONE)


def test_words_of_other_vendors_are_said() -> None:
    message = Message("assistant", (Reasoning(text="hm", signature="of another"), Refusal(text="no")))
    assert body_of(request(USER, message))["contents"][1]["parts"] == [{"text": "hm", "thought": True}, {"text": "no"}]


def test_quirks_drop_fields_of_both_levels_and_replace_the_path() -> None:
    quirks = Quirks(
        drop=("seed", "safetySettings"), path="/publishers/google/models/{model}:generateContent", constants={"labels": {"a": "b"}}
    )
    asked = request(seed=1, stream=True, extra={NAME: {"safetySettings": []}})
    call = gemini.encode_request(asked, quirks)
    assert call.url == "/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert json.loads(call.body) == {"contents": [HI], "labels": {"a": "b"}}
    assert [told.partition(":")[0] for told in call.warnings] == ["seed", "safetySettings"]
    assert gemini.encode_request(asked, Quirks(streaming="never")).url.endswith(":generateContent")


# --- what is refused --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [5]}, "contents[0]"),
        ({"contents": [{"role": "user"}]}, "contents[0].parts"),
        ({"contents": [{"role": "system", "parts": [{"text": "a"}]}]}, "contents[0].role"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "A"}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall"),
        ({"contents": [{"role": "user", "parts": [{"functionCall": {"name": "f"}}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "model", "parts": [{"functionResponse": 5}]}]}, "contents[0].parts[0].functionResponse"),
        ({"contents": [{"parts": [{"functionResponse": {}}]}]}, "contents[0].parts[0].functionResponse.name"),
        ({"contents": [HI], "systemInstruction": 5}, "systemInstruction"),
        ({"contents": [HI], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": [HI], "generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        ({"contents": [HI], "tools": [{"functionDeclarations": {}}]}, "tools[0].functionDeclarations"),
        ({"contents": [HI], "tools": 5}, "tools"),
    ],
)
def test_malformed_request_is_refused_by_its_place(body: Any, place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert caught.value.param == place
    assert place in caught.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *("text", "thought", "inlineData", "file_data", "functionCall", "functionResponse", "name", "id", "args", "response", "parts", "role"),
    *("mimeType", "data", "contents", "tools", "functionDeclarations", "generationConfig", "thinkingConfig", "toolConfig"),
)
nested = st.recursive(
    json_values, lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4) | st.lists(inner, max_size=2), max_leaves=12
)


@settings(deadline=None, max_examples=400, database=None)
@given(st.dictionaries(st.sampled_from(FIELDS), nested, max_size=4), nested, st.binary(max_size=4))
def test_any_body_is_read_or_refused(body: Any, part: Any, junk: bytes) -> None:
    for given_body in (json.dumps(body).encode(), json.dumps({"contents": [{"parts": [part]}]}).encode(), junk):
        try:
            request = gemini.decode_request(Call("POST", "/models/m:generateContent", (), given_body), NONE)
            gemini.encode_request(request, NONE)
        except DragomanError:
            pass
