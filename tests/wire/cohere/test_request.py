"""Cohere requests in both directions."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from cohere.types.chat_messages import ChatMessages
from cohere.types.response_format_v2 import ResponseFormatV2
from cohere.types.thinking import Thinking
from cohere.types.tool_v2 import ToolV2
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dragoman.core.errors import BadRequest, Unsupported, UsageError
from dragoman.core.exchange import Call
from dragoman.core.messages import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire import cohere
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.strategies import MODEST, counts, finite, json_objects, json_values, perhaps, some_words, web_addresses, words

MESSAGES: TypeAdapter[Any] = TypeAdapter(ChatMessages)
FORMAT: TypeAdapter[Any] = TypeAdapter(ResponseFormatV2)
PLAN = {"cohere": {"tool_plan": True}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool(name="weather", description="of a city", parameters=SCHEMA)
CITATION = {
    "start": 0,
    "end": 3,
    "text": "Sun",
    "sources": [
        {"type": "tool", "id": "call_1:0", "tool_output": {"title": "News", "url": "https://x.test"}},
        {"type": "document", "id": "doc:1", "document": {"title": "Book"}},
    ],
    "type": "TEXT_CONTENT",
}


def said(text: str = "Hi") -> tuple[Message, ...]:
    return (Message("user", (Text(text=text),)),)


def body_of(request: Request, quirks: Quirks = NONE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(cohere.encode_request(request, quirks).body)
    return body


def decoded(body: dict[str, Any]) -> Request:
    return cohere.decode_request(Call("POST", "/v2/chat", (), json.dumps(body).encode()), NONE)


def check(body: dict[str, Any]) -> None:
    """The SDK's own types accept what we make."""
    MESSAGES.validate_python(body["messages"])
    for tool in body.get("tools", ()):
        ToolV2.model_validate(tool)
    if "response_format" in body:
        FORMAT.validate_python(body["response_format"])
    if "thinking" in body:
        Thinking.model_validate(body["thinking"])


def test_request_is_written_as_cohere_wants_it() -> None:
    request = Request(
        model="command-a-03-2025",
        messages=(
            Message("system", (Text(text="Be brief."),)),
            Message(
                "user", (Text(text="What is it?"), Image(data=b"abc", media_type="image/png", detail="low"), Image(url="https://x.test"))
            ),
        ),
        stream=True,
        tools=(msgspec.structs.replace(WEATHER, strict=True),),
        tool_choice="required",
        response_format=JsonFormat(schema=SCHEMA),
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop=("END",),
        max_output_tokens=99,
        seed=7,
        logprobs=True,
        reasoning=ReasoningOptions(enabled=True, budget_tokens=500),
        extra={"cohere": {"documents": ["a", {"id": "d", "data": {"t": "b"}}], "citation_options": {"mode": "FAST"}, "safety_mode": "OFF"}},
    )
    call = cohere.encode_request(request, NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/v2/chat", ())
    assert dict(call.headers) == {"content-type": "application/json", "accept": "text/event-stream"}
    body = json.loads(call.body)
    assert body == {
        "model": "command-a-03-2025",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://x.test"}},
                ],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": SCHEMA}}],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
        "temperature": 0.5,
        "p": 0.9,
        "k": 40,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "stop_sequences": ["END"],
        "max_tokens": 99,
        "seed": 7,
        "logprobs": True,
        "thinking": {"type": "enabled", "token_budget": 500},
        "documents": ["a", {"id": "d", "data": {"t": "b"}}],
        "citation_options": {"mode": "FAST"},
        "safety_mode": "OFF",
        "stream": True,
    }
    check(body)
    assert cohere.decode_request(call, NONE) == request


def test_tools_turns_with_plan_results_and_citations() -> None:
    given: list[dict[str, Any]] = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "tool_plan": "I will look it up.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city" : 1.10}'}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "document", "document": {"id": "0", "data": {"sky": "Sun"}}}]},
        {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Sun."}],
            "citations": [CITATION],
        },
    ]
    request = decoded({"model": "m", "messages": given})
    asked, results, answer = request.messages[1:]
    assert asked.parts == (
        Reasoning(text="I will look it up.", extra=PLAN),
        ToolCall(id="call_1", name="weather", arguments='{"city" : 1.10}'),
    )
    assert results.parts == (
        ToolResult(id="call_1", parts=(Text(text='{"sky":"Sun"}', extra={"cohere": given[2]["content"][0]}),)),
        ToolResult(id="call_2", parts=(Text(text="noon"),)),
    )
    assert answer.parts == (
        Reasoning(text="Hm."),
        Text(text="Sun."),
        Source(title="News", url="https://x.test", start=0, end=3, extra={"cohere": {"citation": CITATION, "source": 0}}),
        Source(title="Book", start=0, end=3, extra={"cohere": {"citation": CITATION, "source": 1}}),
    )
    call = cohere.encode_request(request, NONE)
    assert call.warnings == ()
    assert json.loads(call.body)["messages"] == given
    check(json.loads(call.body))


def test_what_another_vendor_cited_is_not_said() -> None:
    parts = (Text(text="a"), Source(url="u"), Opaque(extra={"cohere": {"type": "map", "place": 1}}))
    body = body_of(Request(model="m", messages=(Message("assistant", parts),)))
    assert body["messages"] == [{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "map", "place": 1}]}]


def test_empty_turn_of_an_assistant_has_empty_content() -> None:
    request = decoded({"model": "m", "messages": [{"role": "assistant", "content": None}]})
    assert request.messages[0].parts == (Text(text=""),)
    assert body_of(request)["messages"] == [{"role": "assistant", "content": ""}]


def test_block_of_unknown_type_is_kept() -> None:
    block = {"type": "video", "video": {"url": "u"}}
    request = decoded({"model": "m", "messages": [{"role": "user", "content": [block]}]})
    assert request.messages[0].parts == (Opaque(extra={"cohere": block}),)
    assert body_of(request)["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    ("given", "thinking"),
    [
        (ReasoningOptions(), None),
        (ReasoningOptions(enabled=True), {"type": "enabled"}),
        (ReasoningOptions(enabled=False, budget_tokens=5), {"type": "disabled"}),
        (ReasoningOptions(effort="none"), {"type": "disabled"}),
        (ReasoningOptions(budget_tokens=5), {"type": "enabled", "token_budget": 5}),
        (ReasoningOptions(effort="high"), {"type": "enabled"}),
    ],
)
def test_thinking_is_asked_for_in_coheres_words(given: ReasoningOptions, thinking: Any) -> None:
    assert body_of(Request(model="m", messages=said(), reasoning=given)).get("thinking") == thinking


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"type": "disabled"}, ReasoningOptions(enabled=False)),
        ({"type": "enabled", "token_budget": 5}, ReasoningOptions(enabled=True, budget_tokens=5)),
        ({"token_budget": 5}, ReasoningOptions(budget_tokens=5)),
    ],
)
def test_thinking_is_read(thinking: Any, expected: ReasoningOptions) -> None:
    assert decoded({"model": "m", "messages": [{"role": "user", "content": "a"}], "thinking": thinking}).reasoning == expected


@pytest.mark.parametrize(
    ("choice", "tools", "word", "warned"),
    [
        ("auto", (WEATHER,), None, False),
        ("none", (WEATHER,), "NONE", False),
        (NamedTool("weather"), (WEATHER,), "REQUIRED", False),
        (NamedTool("weather"), (WEATHER, Tool(name="time")), "REQUIRED", True),
    ],
)
def test_tool_choice_is_said_as_nearly_as_can_be(choice: Any, tools: tuple[Tool, ...], word: str | None, warned: bool) -> None:
    call = cohere.encode_request(Request(model="m", messages=said(), tools=tools, tool_choice=choice), NONE)
    assert json.loads(call.body).get("tool_choice") == word
    assert bool(call.warnings) is warned
    check(json.loads(call.body))


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"n": 2}, "n: not understood by this provider, left out"),
        ({"user": "u"}, "user: not understood by this provider, left out"),
        ({"top_logprobs": 2}, "top_logprobs: not understood by this provider, left out"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls: not understood by this provider, left out"),
        (
            {"tools": (WEATHER, Tool(name="a", strict=True))},
            "tools: strictness is one for all tools here, left out as they differ",
        ),
        ({"reasoning": ReasoningOptions(summary="auto")}, "reasoning.summary: not understood by this provider, left out"),
        (
            {"reasoning": ReasoningOptions(effort="low")},
            "reasoning.effort: this wire takes a number of tokens alone, thinking is switched on",
        ),
        ({"response_format": JsonFormat(name="n")}, "response_format.name: not understood by this provider, left out"),
        ({"response_format": JsonFormat(strict=False)}, "response_format.strict: a schema is always kept to here"),
        ({"extra": {"ollama": {"keep_alive": 1}}}, "keep_alive: understood by ollama alone, left out"),
        (
            {"messages": (Message("user", (Text(text="a"),), "Ann"),)},
            "messages: a speaker's name is not understood by this provider, left out",
        ),
        (
            {"messages": (Message("assistant", (Refusal(text="No."),)),)},
            "messages: a refusal is sent as plain text, which is all that this wire knows",
        ),
        (
            {"messages": (Message("assistant", (Reasoning(redacted_data="x"), Text(text="a"))),)},
            "messages: signed or hidden reasoning is another vendor's, only its text is sent to this provider",
        ),
        (
            {"messages": (Message("tool", (ToolResult(id="1", parts=(Text(text="a"),), is_error=True),)),)},
            "messages: this wire cannot say that a tool failed, its result is sent as any other",
        ),
    ],
)
def test_what_cannot_be_said_is_named(changes: dict[str, Any], warning: str) -> None:
    call = cohere.encode_request(Request(**{"model": "m", "messages": said(), **changes}), NONE)
    assert call.warnings == (warning,)
    check(json.loads(call.body))


@pytest.mark.parametrize(
    ("message", "error", "words_of_it"),
    [
        (Message("user", (Image(file_id="f"),)), Unsupported, "as data or URL, not by file id"),
        (Message("system", (Image(url="u"),)), Unsupported, "no place for a Image part in a message of role 'system'"),
        (Message("assistant", (Image(url="u"),)), Unsupported, "no place for a Image part in a message of role 'assistant'"),
        (Message("user", (File(data=b"a"),)), Unsupported, "no place for a File part"),
        (Message("user", (Audio(data=b"a"),)), Unsupported, "no place for a Audio part"),
        (Message("user", (Opaque(extra={"gemini": {}}),)), Unsupported, "no place for a Opaque part"),
        (Message("user", (ToolResult(id="1"),)), BadRequest, "role 'tool' is expected"),
        (Message("tool", (Text(text="a"),)), BadRequest, "only ToolResult is allowed"),
        (Message("tool", (ToolResult(id="1", parts=(Image(url="u"),)),)), Unsupported, "takes text and documents as a tool's result"),
    ],
)
def test_content_that_cannot_be_said_is_refused(message: Message, error: type[UsageError], words_of_it: str) -> None:
    with pytest.raises(error, match=words_of_it):
        cohere.encode_request(Request(model="m", messages=(message,)), NONE)


USER = {"role": "user", "content": "a"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": 1, "messages": [USER]}, "model"),
        ({"model": "m", "messages": ["a"]}, "messages[0]"),
        ({"model": "m", "messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"model": "m", "messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls"),
        ({"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "messages[0].tool_calls[0]"),
        ({"model": "m", "messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        ({"model": "m", "messages": [{"role": "tool", "tool_call_id": "1"}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "tool", "tool_call_id": "1", "content": [{}]}]}, "messages[0].content[0]"),
        ({"model": "m", "messages": [USER], "tools": [{}]}, "tools[0]"),
        ({"model": "m", "messages": [USER], "tool_choice": "weather"}, "tool_choice"),
        ({"model": "m", "messages": [USER], "response_format": {"type": "xml"}}, "response_format.type"),
        ({"model": "m", "messages": [USER], "thinking": {"type": "much"}}, "thinking.type"),
        ({"model": "m", "messages": [USER], "k": "many"}, "k"),
    ],
)
def test_wrong_field_is_named(body: dict[str, Any], param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert caught.value.param == param


def test_quirks_of_a_host_hold_here_too() -> None:
    quirks = Quirks(path="/cohere/v2/chat", headers={"x-a": "b"}, drop=("safety_mode",), rename={"k": "top_k"}, streaming="always")
    request = Request(model="m", messages=said(), top_k=4, extra={"cohere": {"safety_mode": "OFF"}})
    call = cohere.encode_request(request, quirks)
    assert (call.url, dict(call.headers)["x-a"]) == ("/cohere/v2/chat", "b")
    assert call.warnings == ("safety_mode: not understood by this provider, left out",)
    assert json.loads(call.body) == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "top_k": 4, "stream": True}
    assert cohere.decode_request(call, quirks).top_k == 4


def test_what_says_nothing_is_nothing() -> None:
    request = decoded({"model": "m", "messages": [USER], "response_format": {"type": "text"}, "seed": None, "strict_tools": True})
    assert request == Request(model="m", messages=said("a"), extra={"cohere": {"strict_tools": True}})
    older = {"type": "json_object", "schema": SCHEMA}
    assert decoded({"model": "m", "messages": [USER], "response_format": older}).response_format == JsonFormat(schema=SCHEMA)


# --- round trips ------------------------------------------------------------------------------------------------------------------------

told = json_values.filter(lambda value: value is not None)
some_fields = st.dictionaries(some_words.map("zz_".__add__), told, min_size=1, max_size=2)
fields: st.SearchStrategy[dict[str, Any]] = st.just({}) | some_fields.map(lambda given: {"cohere": given})
texts = st.builds(Text, text=words, extra=fields)
pictures = st.builds(
    Image, data=st.binary(max_size=8), media_type=st.sampled_from(["image/png", "image/webp"]), detail=perhaps(words), extra=fields
) | st.builds(Image, url=web_addresses, detail=perhaps(words), extra=fields)
calls = st.builds(ToolCall, id=words, name=words, arguments=words, extra=fields)
results = st.builds(ToolResult, id=words, parts=st.lists(st.builds(Text, text=words), min_size=1, max_size=2).map(tuple), extra=fields)


@st.composite
def assistants(draw: st.DrawFn) -> Message:
    plan = draw(st.lists(st.builds(Reasoning, text=some_words, extra=st.just(PLAN)), max_size=1))
    thoughts = draw(st.lists(st.builds(Reasoning, text=some_words, extra=fields), max_size=1))
    content = draw(st.lists(st.builds(Text, text=some_words, extra=fields), min_size=1, max_size=2))
    return Message("assistant", (*plan, *thoughts, *content, *draw(st.lists(calls, max_size=2))), None, draw(fields))


turns = st.one_of(
    st.builds(Message, st.just("system"), st.lists(texts, min_size=1, max_size=2).map(tuple), st.none(), fields),
    st.builds(Message, st.just("user"), st.lists(texts | pictures, min_size=1, max_size=3).map(tuple), st.none(), fields),
    assistants(),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    messages = draw(st.lists(turns, min_size=1, max_size=4))
    if draw(st.booleans()):
        tool_turn = st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=2).map(tuple))
        messages.insert(draw(st.integers(0, len(messages))), draw(tool_turn))
    strict = draw(perhaps(st.booleans()))
    tool = st.builds(Tool, name=words, description=perhaps(words), parameters=json_objects, strict=st.just(strict), extra=fields)
    return Request(
        model=draw(words),
        messages=tuple(messages),
        stream=draw(st.booleans()),
        tools=tuple(draw(st.lists(tool, max_size=2))),
        tool_choice=draw(perhaps(st.sampled_from(["none", "required"]))),
        response_format=draw(perhaps(st.builds(JsonFormat, schema=perhaps(json_objects)))),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        top_k=draw(perhaps(counts)),
        presence_penalty=draw(perhaps(finite)),
        frequency_penalty=draw(perhaps(finite)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        max_output_tokens=draw(perhaps(counts)),
        seed=draw(perhaps(counts)),
        logprobs=draw(perhaps(st.booleans())),
        reasoning=draw(
            perhaps(
                st.just(ReasoningOptions(enabled=False)) | st.builds(ReasoningOptions, enabled=st.just(True), budget_tokens=perhaps(counts))
            )
        ),
        extra=draw(fields),
    )


@MODEST
@given(requests())
def test_request_comes_back_equal(request: Request) -> None:
    call = cohere.encode_request(request, NONE)
    assert call.warnings == ()
    assert cohere.decode_request(call, NONE) == request
    check(json.loads(call.body))
