"""Ollama requests in both directions."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama._types import ChatRequest, GenerateRequest

from dragoman.core.errors import BadRequest, Unsupported, UsageError
from dragoman.core.exchange import Call
from dragoman.core.messages import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire import ollama
from dragoman.wire.ollama.messages import is_made, made_id
from dragoman.wire.quirks import NONE, Quirks
from tests.wire.strategies import MODEST, counts, finite, json_objects, json_values, perhaps, some_words, words

PNG = b"\x89PNG\r\n\x1a\nrest"
WEATHER = Tool(name="weather", description="of a city", parameters={"type": "object", "properties": {"city": {"type": "string"}}})


def said(text: str = "Hi") -> tuple[Message, ...]:
    return (Message("user", (Text(text=text),)),)


def body_of(request: Request, quirks: Quirks = NONE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(ollama.encode_request(request, quirks).body)
    return body


def decoded(body: dict[str, Any], path: str = "/api/chat") -> Request:
    return ollama.decode_request(Call("POST", path, (), json.dumps(body).encode()), NONE)


def test_request_is_written_as_ollama_wants_it() -> None:
    request = Request(
        model="qwen3",
        messages=(Message("system", (Text(text="Be brief."),)), Message("user", (Text(text="What is it?"), Image(data=PNG)))),
        stream=True,
        tools=(WEATHER,),
        response_format=JsonFormat(schema={"type": "object"}),
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop=("END",),
        max_output_tokens=99,
        seed=7,
        logprobs=True,
        top_logprobs=3,
        reasoning=ReasoningOptions(effort="low"),
        extra={"ollama": {"keep_alive": "5m", "options": {"num_ctx": 8192, "repeat_penalty": 1.1}, "truncate": True}},
    )
    call = ollama.encode_request(request, NONE)
    assert (call.method, call.url, call.warnings) == ("POST", "/api/chat", ())
    assert dict(call.headers) == {"content-type": "application/json", "accept": "application/x-ndjson"}
    assert json.loads(call.body) == {
        "model": "qwen3",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is it?", "images": ["iVBORw0KGgpyZXN0"]},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": WEATHER.parameters}}],
        "options": {
            "num_ctx": 8192,
            "repeat_penalty": 1.1,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "seed": 7,
            "num_predict": 99,
            "stop": ["END"],
        },
        "format": {"type": "object"},
        "think": "low",
        "logprobs": True,
        "top_logprobs": 3,
        "keep_alive": "5m",
        "truncate": True,
        "stream": True,
    }
    ChatRequest.model_validate(json.loads(call.body))
    again = ollama.decode_request(call, NONE)
    image = msgspec.structs.replace(request.messages[1].parts[1], media_type="image/png")
    assert again == msgspec.structs.replace(request, messages=(request.messages[0], Message("user", (Text(text="What is it?"), image))))


def test_answers_are_streamed_unless_the_request_says_no() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert decoded({"model": "m", "messages": messages}).stream
    assert decoded({"model": "m", "messages": messages, "stream": None}).stream
    assert not decoded({"model": "m", "messages": messages, "stream": False}).stream
    assert body_of(Request(model="m", messages=said()))["stream"] is False


def test_generate_is_messages_and_the_rest_its_own() -> None:
    body: dict[str, Any] = {
        "model": "m",
        "prompt": "def f(",
        "system": "Python.",
        "images": ["iVBORw0KGgpyZXN0"],
        "template": "{{ .Prompt }}",
        "context": [1, 2],
        "suffix": "return 1",
        "raw": True,
        "stream": False,
    }
    request = decoded(body, "/api/generate")
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[1].parts == (Text(text="def f("), Image(data=PNG, media_type="image/png"))
    assert request.extra["ollama"]["generate"] == {"template": "{{ .Prompt }}", "context": [1, 2], "suffix": "return 1", "raw": True}
    call = ollama.encode_request(request, NONE)
    assert (call.url, json.loads(call.body)) == ("/api/generate", body)
    GenerateRequest.model_validate({**body, "images": [{"value": image} for image in body["images"]]})


def test_generate_without_a_prompt_only_loads_the_model() -> None:
    request = decoded({"model": "m", "keep_alive": 0}, "/api/generate")
    assert request.messages == ()
    assert request.extra == {"ollama": {"generate": {}, "keep_alive": 0}}
    call = ollama.encode_request(request, NONE)
    assert (call.url, json.loads(call.body)) == ("/api/generate", {"model": "m", "keep_alive": 0, "stream": True})
    assert decoded({"model": "m"}).messages == ()


def test_generate_takes_no_conversation() -> None:
    request = Request(model="m", messages=(*said(), Message("assistant", (Text(text="Yes"),))), extra={"ollama": {"generate": {}}})
    with pytest.raises(Unsupported, match="/api/generate takes a system and a user message, not user, assistant"):
        ollama.encode_request(request, NONE)


def test_tools_turns_keep_ids_that_a_server_gave_and_no_others() -> None:
    time = "2025-10-26T17:21:21.196249Z"
    messages = (
        *said(),
        Message(
            "assistant",
            (
                Reasoning(text="Two cities."),
                ToolCall(id=made_id(time, 0), name="weather", arguments='{"b": 1.10,\n "a": "x"}'),
                ToolCall(id="call_7", name="time", arguments=""),
            ),
        ),
        Message(
            "tool",
            (
                ToolResult(id=made_id(time, 0), parts=(Text(text="sun"), Image(data=PNG))),
                ToolResult(id="call_7", parts=(Text(text="noon"),), name="clock"),
            ),
        ),
    )
    call = ollama.encode_request(Request(model="m", messages=messages), NONE)
    assert b'{"b": 1.10,  "a": "x"}' in call.body, "the exact text, but for line ends"
    assert json.loads(call.body)["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "Two cities.",
            "tool_calls": [
                {"function": {"name": "weather", "arguments": {"b": 1.1, "a": "x"}}},
                {"id": "call_7", "function": {"name": "time", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "sun", "images": ["iVBORw0KGgpyZXN0"], "tool_name": "weather"},
        {"role": "tool", "content": "noon", "tool_name": "clock", "tool_call_id": "call_7"},
    ]
    ChatRequest.model_validate(json.loads(call.body))


def test_results_find_their_calls_by_id_then_by_name_then_by_turn() -> None:
    def called(name: str, **more: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": {}}, **more}

    request = decoded(
        {
            "model": "m",
            "messages": [
                {"role": "assistant", "content": "", "tool_calls": [called("a"), called("b"), called("b"), called("c", id="call_c")]},
                {"role": "tool", "content": "1", "tool_call_id": "call_c"},
                {"role": "tool", "content": "2", "tool_name": "b"},
                {"role": "tool", "content": "3"},
                {"role": "tool", "content": "4", "tool_name": "b"},
                {"role": "tool", "content": "5", "tool_name": "nobody"},
                {"role": "assistant", "content": "", "tool_calls": [called("a")]},
            ],
        }
    )
    calls = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    assert len(set(calls)) == 5, "an id stands once in a conversation"
    assert calls[3] == "call_c"
    assert all(is_made(one) for one in calls if one != "call_c")
    assert results == ["call_c", calls[1], calls[0], calls[2], ""]
    assert [message.role for message in request.messages] == ["assistant", "tool", "assistant"]


def test_results_with_ids_find_calls_whose_ids_were_left_out() -> None:
    calls: list[dict[str, Any]] = [{"function": {"name": name, "arguments": {}}} for name in ("a", "b")] + [
        {"id": "call_2", "function": {"name": "c", "arguments": {}}}
    ]
    given = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        *({"role": "tool", "content": "1", "tool_call_id": id} for id in ("call_0", "call_1", "call_2", "call_3")),
    ]
    asked, told = decoded({"model": "m", "messages": given}).messages
    ids = [part.id for part in asked.parts if isinstance(part, ToolCall)]
    assert [part.id for part in told.parts if isinstance(part, ToolResult)] == [*ids, "call_3"]


def test_made_ids_are_the_same_for_the_same_answer_and_fit_other_wires() -> None:
    first = made_id("2025-10-26T17:21:21.196249123Z", 3)
    assert first == made_id("2025-10-26T17:21:21.196249123Z", 3)
    assert first != made_id("2025-10-26T17:21:21.196249124Z", 3)
    assert len(first) <= 40, "OpenAI's bound"
    assert is_made(first)
    assert is_made(made_id(None, 0))
    assert not is_made("call_0")


@pytest.mark.parametrize(
    ("given", "think"),
    [
        (ReasoningOptions(), None),
        (ReasoningOptions(enabled=True), True),
        (ReasoningOptions(enabled=False), False),
        (ReasoningOptions(enabled=False, effort="high"), False),
        (ReasoningOptions(effort="none"), False),
        (ReasoningOptions(effort="minimal"), "low"),
        (ReasoningOptions(effort="xhigh"), "max"),
        (ReasoningOptions(effort="odd"), True),
        (ReasoningOptions(budget_tokens=100), True),
    ],
)
def test_thinking_is_asked_for_in_ollamas_words(given: ReasoningOptions, think: Any) -> None:
    assert body_of(Request(model="m", messages=said(), reasoning=given)).get("think") == think


@pytest.mark.parametrize("think", [True, False, "low", "medium", "high", "max"])
def test_thinking_comes_back_as_it_was(think: Any) -> None:
    request = decoded({"model": "m", "messages": [], "think": think})
    assert body_of(request)["think"] == think


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"tool_choice": "required"}, "tool_choice: the model alone decides here, left out"),
        ({"tool_choice": NamedTool("weather")}, "tool_choice: the model alone decides here, left out"),
        ({"n": 2}, "n: not understood by this provider, left out"),
        ({"user": "u"}, "user: not understood by this provider, left out"),
        ({"metadata": {"a": "b"}}, "metadata: not understood by this provider, left out"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls: not understood by this provider, left out"),
        ({"tools": (msgspec.structs.replace(WEATHER, strict=True),)}, "tools[0].strict: not understood by this provider, left out"),
        ({"reasoning": ReasoningOptions(summary="auto")}, "reasoning.summary: not understood by this provider, left out"),
        ({"reasoning": ReasoningOptions(budget_tokens=5)}, "reasoning.budget_tokens: not understood by this provider, left out"),
        ({"reasoning": ReasoningOptions(effort="xhigh")}, "reasoning.effort: 'xhigh' is not known here, 'max' is asked for instead"),
        ({"response_format": JsonFormat(schema={}, name="n")}, "response_format.name: not understood by this provider, left out"),
        ({"response_format": JsonFormat(schema={}, strict=False)}, "response_format.strict: a schema is always kept to here"),
        ({"extra": {"openai_chat": {"store": True}}}, "store: understood by openai_chat alone, left out"),
        (
            {"messages": (Message("user", (Text(text="a"),), "Ann"),)},
            "messages: a speaker's name is not understood by this provider, left out",
        ),
        (
            {"messages": (Message("assistant", (Refusal(text="No."),)),)},
            "messages: a refusal is sent as plain text, which is all that this wire knows",
        ),
        (
            {"messages": (Message("assistant", (Reasoning(text="a", signature="s"),)),)},
            "messages: signed or hidden reasoning is another vendor's, only its text is sent to this provider",
        ),
        (
            {"messages": (Message("tool", (ToolResult(id="1", parts=(Text(text="a"),), is_error=True),)),)},
            "messages: this wire cannot say that a tool failed, its result is sent as any other",
        ),
    ],
)
def test_what_cannot_be_said_is_named(changes: dict[str, Any], warning: str) -> None:
    assert ollama.encode_request(Request(**{"model": "m", "messages": said(), **changes}), NONE).warnings == (warning,)


def test_what_needs_no_saying_is_no_warning() -> None:
    request = Request(model="m", messages=(Message("assistant", (Text(text="a"),)),), tool_choice="auto")
    call = ollama.encode_request(request, NONE)
    assert call.warnings == ()
    assert json.loads(call.body)["messages"] == [{"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    ("part", "error", "words_of_it"),
    [
        (Image(url="https://x.test/a.png"), Unsupported, "as data, not by URL"),
        (Image(file_id="f"), Unsupported, "as data, not by URL or file id"),
        (File(data=b"a"), Unsupported, "no place for a File part"),
        (Audio(data=b"a"), Unsupported, "no place for a Audio part"),
        (Opaque(extra={"anthropic_messages": {"type": "x"}}), Unsupported, "no place for a Opaque part"),
        (ToolResult(id="1"), BadRequest, "role 'tool' is expected"),
        (ToolCall(id="1", name="a", arguments="[1]"), Unsupported, "takes a JSON object alone"),
        (ToolCall(id="1", name="a", arguments='{"a":'), Unsupported, "takes a JSON object alone"),
    ],
)
def test_content_that_cannot_be_said_is_refused(part: Any, error: type[UsageError], words_of_it: str) -> None:
    with pytest.raises(error, match=words_of_it):
        ollama.encode_request(Request(model="m", messages=(Message("user", (part,)),)), NONE)


def test_tool_message_holds_results_alone() -> None:
    with pytest.raises(BadRequest, match="only ToolResult is allowed"):
        ollama.encode_request(Request(model="m", messages=(Message("tool", (Text(text="a"),)),)), NONE)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "model"),
        ({"model": 1}, "model"),
        ({"model": "m", "messages": {}}, "messages"),
        ({"model": "m", "messages": ["a"]}, "messages[0]"),
        ({"model": "m", "messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": "a", "images": "a"}]}, "messages[0].images"),
        ({"model": "m", "messages": [{"role": "user", "content": "a", "images": [1]}]}, "messages[0].images[0]"),
        ({"model": "m", "messages": [{"role": "user", "content": "a", "images": ["%"]}]}, "messages[0].images[0]"),
        ({"model": "m", "messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0]"),
        (
            {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"model": "m", "tools": [{}]}, "tools[0]"),
        ({"model": "m", "think": "much"}, "think"),
        ({"model": "m", "format": "xml"}, "format"),
        ({"model": "m", "options": {"temperature": "hot"}}, "temperature"),
    ],
)
def test_wrong_field_is_named(body: dict[str, Any], param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)
    assert caught.value.param == param


def test_quirks_of_a_host_hold_here_too() -> None:
    quirks = Quirks(path="/chat", headers={"x-a": "b"}, drop=("keep_alive",), constants={"options": {"num_ctx": 4}}, streaming="never")
    request = Request(model="m", messages=said(), stream=True, extra={"ollama": {"keep_alive": 1}})
    call = ollama.encode_request(request, quirks)
    assert (call.url, dict(call.headers)["x-a"]) == ("/chat", "b")
    assert call.warnings == ("keep_alive: not understood by this provider, left out",)
    assert json.loads(call.body)["stream"] is False
    assert json.loads(call.body)["options"] == {"num_ctx": 4}


def test_no_limit_of_length_is_no_number() -> None:
    request = decoded({"model": "m", "messages": [], "options": {"num_predict": -1, "stop": "x"}})
    assert (request.max_output_tokens, request.stop) == (None, ("x",))
    assert body_of(request)["options"] == {"num_predict": -1, "stop": ["x"]}


# --- round trips ------------------------------------------------------------------------------------------------------------------------

told = json_values.filter(lambda value: value not in (None, "", []))
some_fields = st.dictionaries(some_words.map("zz_".__add__), told, min_size=1, max_size=2)
fields: st.SearchStrategy[dict[str, Any]] = st.just({}) | some_fields.map(lambda given: {"ollama": given})
images = st.builds(Image, data=st.binary(max_size=8).map(PNG.__add__), media_type=st.just("image/png"))
users = st.builds(
    lambda role, text, pictures, extra: Message(role, (Text(text=text), *pictures), None, extra),
    st.sampled_from(["user", "system"]),
    some_words,
    st.lists(images, max_size=2),
    fields,
)
calls = st.builds(
    ToolCall,
    id=some_words.map("call_".__add__),
    name=some_words,
    arguments=json_objects.map(lambda value: msgspec.json.encode(value).decode()),
)
assistants = st.builds(
    lambda thoughts, texts, asked, extra: Message("assistant", (*thoughts, *texts, *asked), None, extra),
    st.lists(st.builds(Reasoning, text=some_words), max_size=1),
    st.lists(st.builds(Text, text=some_words), min_size=1, max_size=1),
    st.lists(calls, max_size=2),
    fields,
)
results = st.builds(
    ToolResult,
    id=some_words.map("call_".__add__),
    parts=st.builds(lambda text, pictures: (Text(text=text), *pictures), words, st.lists(images, max_size=1)),
    name=some_words,
)
tool_turns = st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=2).map(tuple))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    turns = draw(st.lists(users | assistants, max_size=4))
    if draw(st.booleans()):
        turns.insert(draw(st.integers(0, len(turns))), draw(tool_turns))
    own = dict(draw(fields).get("ollama", {}))
    options = draw(st.dictionaries(some_words.map("zz_".__add__), finite, max_size=2))
    if options:
        own["options"] = options
    return Request(
        model=draw(words),
        messages=tuple(turns),
        stream=draw(st.booleans()),
        tools=tuple(
            draw(st.lists(st.builds(Tool, name=words, description=perhaps(words), parameters=json_objects, extra=fields), max_size=2))
        ),
        response_format=draw(perhaps(st.just(JsonFormat()) | json_objects.filter(bool).map(lambda schema: JsonFormat(schema=schema)))),
        temperature=draw(perhaps(finite)),
        top_p=draw(perhaps(finite)),
        top_k=draw(perhaps(counts)),
        presence_penalty=draw(perhaps(finite)),
        frequency_penalty=draw(perhaps(finite)),
        stop=tuple(draw(st.lists(words, max_size=2))),
        max_output_tokens=draw(perhaps(counts)),
        seed=draw(perhaps(counts)),
        logprobs=draw(perhaps(st.booleans())),
        top_logprobs=draw(perhaps(counts)),
        reasoning=draw(
            perhaps(
                st.builds(ReasoningOptions, enabled=st.booleans())
                | st.builds(ReasoningOptions, effort=st.sampled_from(["low", "medium", "high", "max"]))
            )
        ),
        extra={"ollama": own} if own else {},
    )


@MODEST
@given(requests())
def test_request_comes_back_equal(request: Request) -> None:
    call = ollama.encode_request(request, NONE)
    assert call.warnings == ()
    assert ollama.decode_request(call, NONE) == request
    ChatRequest.model_validate({**json.loads(call.body), "model": "m", "tools": None})
