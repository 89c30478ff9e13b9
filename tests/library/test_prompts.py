"""What a user types becomes a request, or an error that names the argument, what was given and what is allowed."""

from __future__ import annotations

import math
import re
from collections import UserDict, UserList
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from dragoman.core.errors import BadRequest, UsageError
from dragoman.core.messages import Image, Message, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.prompts import CALL_OPTIONS, Options, messages_from, request_from
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.payload import dump
from dragoman.wire.quirks import NONE

HI = (Message("user", (Text(text="Hi"),)),)


def request(prompt: Any = "Hi", **options: Any) -> Request:
    return request_from("openai/m", prompt, False, options)


# --- prompts

PROMPTS: list[Any] = [
    "Hi",
    Message("user", (Text(text="Hi"),)),
    [Message("user", (Text(text="Hi"),))],
    [{"role": "user", "content": "Hi"}],
    ({"role": "user", "content": "Hi"},),
    [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    [MappingProxyType({"role": "user", "content": "Hi"})],
    [UserDict({"role": "user", "content": "Hi"})],
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_may_be_said_in_any_of_these_forms(prompt: Any) -> None:
    assert messages_from(prompt) == HI


class Word(StrEnum):
    USER = "user"
    HI = "Hi"


class Name(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


def test_a_string_of_any_class_is_a_string() -> None:
    asked = request_from(Name("openai/m"), Name("Hi"), False, {"stop": Name("x"), "user": Word.USER, "system": Name("Be brief.")})
    plainly = request_from("openai/m", "Hi", False, {"stop": "x", "user": "user", "system": "Be brief."})
    assert asked == plainly
    assert msgspec.json.encode(asked) == msgspec.json.encode(plainly)


@pytest.mark.parametrize(
    "prompt",
    [Word.HI, [{"role": Word.USER, "content": Name("Hi")}], Message(Word.USER, (Text(text=Name("Hi")),)), [Text(text=Word.HI)]],  # type: ignore[arg-type]
)
def test_a_string_of_any_class_stands_in_a_prompt(prompt: Any) -> None:
    assert dump(request(prompt).messages) == dump(HI)
    assert type(request(prompt).messages[0].role) is str


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"temperature": math.nan}, "temperature: nan"),
        ({"top_p": math.inf}, "top_p: inf"),
        ({"extra": {"openai_chat": {"logit_bias": {"5": -math.inf}}}}, "extra.openai_chat.logit_bias.5: -inf"),
    ],
)
def test_a_number_that_json_cannot_say_is_refused_by_name(options: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} was given; a finite number is expected"):
        request(**options)


def test_a_fault_inside_a_tools_envelope_is_named_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"^tools\[0\]\.function\.name: expected `str`"):
        request(tools=[{"type": "function", "function": {"name": 3}}])


def test_messages_may_come_from_any_iterable() -> None:
    assert messages_from(iter([{"role": "user", "content": "Hi"}])) == HI  # type: ignore[arg-type]  # wider than promised


def test_an_object_of_the_official_sdk_is_understood() -> None:
    from openai.types.chat import ChatCompletionMessage

    said = messages_from([ChatCompletionMessage(role="assistant", content="Hi")])  # type: ignore[list-item]  # wider than promised
    assert said == (Message("assistant", (Text(text="Hi"),)),)


def test_our_own_answer_can_be_sent_back() -> None:
    turn = Message("assistant", (Text(text="Hi"), ToolCall(id="1", name="f", arguments="{}")))
    result = Message("tool", (ToolResult(id="1", parts=(Text(text="4"),)),))
    assert messages_from([turn, result]) == (turn, result)


def test_roles_and_content_of_openai_are_understood() -> None:
    given: list[dict[str, Any]] = [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "4"},
    ]
    roles = [message.role for message in messages_from(given)]
    assert roles == ["system", "system", "user", "assistant", "tool"]
    assert messages_from(given)[2].parts == (Image(url="https://x/y.png"),)


BAD_PROMPTS: list[tuple[Any, str]] = [
    ([], "messages: the list is empty"),
    (None, "messages: NoneType was given; a string or a list of messages is expected"),
    (5, "messages: int was given"),
    (b"Hi", "messages: bytes was given"),
    ({"role": "user", "content": "Hi"}, "messages: dict was given; a string or a list of messages is expected"),
    ([{"role": "user", "content": "Hi"}, "Hi"], "messages[1]: str was given; an object with role and content is expected"),
    (["Hi", {"role": "user", "content": "Hi"}], "messages[1]: dict was given; the list begins as one question, so words, a file or a part"),
    (["Hi", None], "messages[1]: NoneType was given; the list begins as one question"),
    ([Text(text=5)], "messages[0].parts[0].text: expected `str`, got `int`"),  # type: ignore[arg-type]
    ([None], "messages[0]: NoneType was given"),
    ([{}], "messages[0].role: it is missing; one of 'system', 'developer', 'user', 'assistant', 'tool' is expected"),
    ([{"content": "Hi"}], "messages[0].role: it is missing"),
    ([{"role": "user"}], "messages[0].content: it is missing; a string or a list of parts is expected"),
    ([{"role": "robot", "content": "Hi"}], "messages[0].role: 'robot' was given; one of 'system'"),
    ([{"role": 5, "content": "Hi"}], "messages[0].role: 5 was given"),
    ([{"role": "user", "content": "Hi"}, {"role": "user", "content": 5}], "messages[1].content: int was given"),
    ([{"role": "user", "content": None}], "messages[0].content: NoneType was given"),
    ([{"role": "user", "content": {"text": "Hi"}}], "messages[0].content: dict was given"),
    ([{"role": "user", "content": ["Hi"]}], "messages[0].content[0].type: None was given; one of 'text'"),
    ([{"role": "user", "content": [{"type": "smell"}]}], "messages[0].content[0].type: 'smell' was given"),
    ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text: NoneType was given; a string is expected"),
    ([{"role": "tool", "content": "4"}], "messages[0].tool_call_id: a string is expected"),
    (Message("robot", (Text(text="Hi"),)), "messages[0].role: 'robot' was given; one of 'system', 'user', 'assistant', 'tool' is allowed"),  # type: ignore[arg-type]
    (Message("user", "Hi"), "messages[0].parts: str was given; a tuple of parts such as Text is expected"),  # type: ignore[arg-type]
    (Message("user", None), "messages[0].parts: NoneType was given"),  # type: ignore[arg-type]
    ([Message("user", ("Hi",))], "messages[0].parts[0]: str was given; a part such as Text or Image is expected"),  # type: ignore[arg-type]
    ([*HI, Message("user", (Text(text=5),))], "messages[1].parts[0].text: expected `str`, got `int`"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("prompt", "words"), BAD_PROMPTS, ids=range(len(BAD_PROMPTS)))
def test_a_wrong_prompt_is_named_with_its_place(prompt: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(prompt)
    assert words in caught.value.message
    assert isinstance(caught.value, ValueError)


# --- options

TOOL = Tool(name="add", description="Adds.", parameters={"type": "object"})
GOOD: list[tuple[dict[str, Any], str, Any]] = [
    ({"temperature": 1}, "temperature", 1),
    ({"temperature": 0.5}, "temperature", 0.5),
    ({"stop": "end"}, "stop", ("end",)),
    ({"stop": ["a", "b"]}, "stop", ("a", "b")),
    ({"reasoning": "low"}, "reasoning", ReasoningOptions(effort="low")),
    ({"reasoning": ReasoningOptions(budget_tokens=9)}, "reasoning", ReasoningOptions(budget_tokens=9)),
    ({"tool_choice": "required"}, "tool_choice", "required"),
    ({"tool_choice": NamedTool("add")}, "tool_choice", NamedTool("add")),
    ({"tools": [TOOL]}, "tools", (TOOL,)),
    ({"tools": [{"name": "add", "description": "Adds.", "parameters": {"type": "object"}}]}, "tools", (TOOL,)),
    (
        {"tools": [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}]},
        "tools",
        (TOOL,),
    ),
    ({"response_format": JsonFormat()}, "response_format", JsonFormat()),
    ({"seed": None}, "seed", None),
    ({"key": "k", "base_url": "b", "timeout": 1, "strict": True}, "extra", {}),
]


@pytest.mark.parametrize(("options", "field", "value"), GOOD, ids=[str(options) for options, _, _ in GOOD])
def test_an_option_is_put_into_the_request(options: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(request(**options), field) == value


def test_every_option_is_a_field_of_a_request_or_about_the_call() -> None:
    assert set(Options.__annotations__) - set(Request.__struct_fields__) - CALL_OPTIONS == {"system"}


def test_the_system_prompt_stands_first() -> None:
    assert request(system="Be brief.").messages == (Message("system", (Text(text="Be brief."),)), *HI)


def test_the_form_of_answer_is_asked_for() -> None:
    assert request_from("openai/m", "Hi", True, {}).stream
    assert not request_from("openai/m", "Hi", False, {}).stream


class Places:
    """Has places as a table of numbers has, and is neither list nor mapping."""

    def __getitem__(self, place: int) -> int:
        return place


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"temprature": 1}, "temprature: no such option; did you mean 'temperature'?"),
    ({"max_tokens": 1}, "max_tokens: no such option; did you mean 'max_output_tokens'"),
    ({"temperature": "hot"}, "temperature: expected `int | float | null`, got `str`"),
    ({"max_output_tokens": 1.5}, "max_output_tokens: expected `int | null`, got `float`"),
    ({"n": "two"}, "n: expected `int | null`, got `str`"),
    ({"stop": 5}, "stop: expected `array`, got `int`"),
    ({"stop": ["a", 5]}, "stop[1]: expected `str`, got `int`"),
    ({"system": 5}, "system: int was given; a string is expected"),
    ({"tool_choice": "maybe"}, "tool_choice: 'maybe' was given; 'auto', 'none', 'required' or NamedTool(name) is allowed"),
    ({"tool_choice": {"type": "function"}}, "tool_choice: {'type': 'function'} was given"),
    ({"tools": "add"}, "tools: str was given; a list of tools is expected"),
    ({"tools": ["add"]}, "tools[0]: str was given; a Tool or an object with name and parameters is expected"),
    ({"tools": [TOOL, {"description": "nameless"}]}, "tools[1]:"),
    ({"tools": [{"type": "function", "function": {"name": 5}}]}, "tools[0].function.name: expected `str`, got `int`"),
    ({"response_format": "json"}, "response_format: expected `object | null`, got `str`"),
    ({"metadata": {"a": 1}}, "metadata[...]: expected `str`, got `int`"),
    ({"reasoning": 5}, "reasoning: expected `object | null`, got `int`"),
    ({"reasoning": {"efort": "low"}}, "reasoning.efort: no such field; did you mean 'effort'"),
    ({"reasoning": ReasoningOptions(effort=5)}, "reasoning.effort: expected `str | null`, got `int`"),  # type: ignore[arg-type]  # is meant
    ({"response_format": {"shema": {}}}, "response_format.shema: no such field; did you mean 'schema'"),
    ({"response_format": {"type": "jsn"}}, "response_format.type: invalid enum value 'jsn'"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema: it is required"),
    ({"response_format": JsonFormat(strict="no")}, "response_format.strict: expected `bool | null`, got `str`"),  # type: ignore[arg-type]  # likewise
    ({"tool_choice": NamedTool(5)}, "tool_choice.name: expected `str`, got `int`"),  # type: ignore[arg-type]  # likewise
    ({"tool_choice": 10**5000}, "tool_choice: an integer of 16610 bits was given; a finite number"),
    ({"tools": b""}, "tools: bytes was given; a list of tools is expected"),
    ({"tools": [Tool(name=None)]}, "tools[0].name: expected `str`, got `null`"),  # type: ignore[arg-type]  # likewise
    ({"tools": [Tool(name="f", extra=[])]}, "tools[0].extra: expected `object`, got `array`"),  # type: ignore[arg-type]  # likewise
    ({"tools": [{"name": "f", "input_schema": {}}]}, "tools[0].input_schema: no such field"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parametres": {}}}]},
        "tools[0].function.parametres: no such field; did you",
    ),
    ({"metadata": range(3)}, "metadata: expected `object | null`, got `array`"),
    ({"metadata": Places()}, "metadata: it is of a type that cannot be told from a mapping"),
    ({"stop": ["half \ud83d"]}, "stop[0]: it cannot be written as JSON: surrogates not allowed at place 5"),
    ({"user": ENDLESS}, "user: it holds itself, or lists within lists without end"),
    ({"extra": {"openai_chat": {"a": ENDLESS}}}, "extra: it holds itself"),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS, ids=[words for _, words in BAD_OPTIONS])
def test_a_wrong_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(**options)
    assert words in caught.value.message


def test_a_format_may_be_said_as_openai_says_it() -> None:
    told = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    assert request(response_format=told).response_format == JsonFormat(name="n", schema={"type": "object"}, strict=True)
    assert request(response_format={"type": "json_object"}).response_format == JsonFormat()
    assert request(response_format={"type": "text"}).response_format is None
    assert request(response_format={"schema": {}}).response_format == JsonFormat(schema={})


def test_what_stands_beside_a_function_is_kept_for_hosts_that_know_it() -> None:
    (tool,) = request(tools=[{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}]).tools
    assert tool == Tool(name="f", extra={"openai_chat": {"cache_control": {"type": "ephemeral"}}})


def test_lists_and_mappings_of_any_class_are_taken() -> None:
    assert request(stop=UserList(["a"]), metadata=UserDict({"a": "b"})) == request(stop=["a"], metadata={"a": "b"})
    assert request(tools=UserList([{"name": "f", "parameters": UserDict({"type": "object"})}])).tools[0].parameters == {"type": "object"}


BAD_MESSAGES: list[tuple[Any, str]] = [
    ([{"role": "user", "content": "a", "name": 5}], "messages[0].name: int was given; a string is expected"),
    ([{"role": "tool", "content": "a", "tool_call_id": "1", "name": []}], "messages[0].name: list was given"),
    (Message("user", (Text(text="a"),), name=5), "messages[0].name: expected `str | null`, got `int`"),  # type: ignore[arg-type]  # is meant
    (Message("user", (Text(text="a"),), extra=5), "messages[0].extra: expected `object`, got `int`"),  # type: ignore[arg-type]  # likewise
    (Message("user", (Image(data="x"),)), "messages[0].parts[0].data: expected `bytes | null`, got `str`"),  # type: ignore[arg-type]  # likewise
    (Message("user", (Text(text="a", extra=range(2)),)), "messages[0].parts[0].extra: expected `object`, got `array`"),  # type: ignore[arg-type]  # likewise
    (Message(["user"], (Text(text="a"),)), "messages[0].role: ['user'] was given"),  # type: ignore[arg-type]  # likewise
    (ENDLESS, "messages: it holds itself, or lists within lists without end"),
    ([{"role": "user", "content": "half \ud83d"}], "messages[0].content: it cannot be written as JSON"),
]


@pytest.mark.parametrize(("prompt", "words"), BAD_MESSAGES, ids=range(len(BAD_MESSAGES)))
def test_a_message_with_a_wrong_type_names_its_place(prompt: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        request(prompt)
    assert words in caught.value.message


@pytest.mark.parametrize("model", [None, 5, b"openai/m", math.nan, ENDLESS])
def test_a_model_that_is_no_text_is_named(model: Any) -> None:
    with pytest.raises(UsageError, match="model: expected `str`"):
        request_from(model, "Hi", False, {})


BEYOND = [(math.inf, "inf"), (math.nan, "nan"), (10**400, "1000+…"), (10**5000, "an integer of 16610 bits")]


@pytest.mark.parametrize(("number", "words"), BEYOND, ids=["infinite", "not a number", "large", "larger than can be written"])
def test_a_number_beyond_every_float_is_named(number: Any, words: str) -> None:
    with pytest.raises(UsageError, match=f"temperature: {words} was given; a finite number is expected"):
        request(temperature=number)
    with pytest.raises(UsageError, match=rf"metadata.a\[1\]: {words} was given"):
        request(metadata={"a": [1, number]})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("number", "written"), [(1, "1"), (1.0, "1.0"), (0, "0"), (0.5, "0.5")])
def test_a_number_is_sent_as_it_was_given(name: str, number: float, written: str) -> None:
    speaking = dialect(name)
    call = speaking.encode_request(request(temperature=number), NONE)
    again = speaking.encode_request(speaking.decode_request(call, NONE), NONE)
    for body in (call.body, again.body):
        assert re.search(rb'"temperature":([0-9.]+)', body)[1].decode() == written  # type: ignore[index]  # every dialect has it


def test_a_file_that_is_none_names_its_place() -> None:
    with pytest.raises(UsageError, match=r"^messages\[0\]: attachment: neither its first bytes nor its name tell"):
        request([b"x"])
    with pytest.raises(UsageError, match=r"^messages\[1\]: attachment .*none\.png: there is no such file"):
        request(["Look", Path("none.png")])


def test_a_bad_message_says_which_parameter_it_is() -> None:
    with pytest.raises(BadRequest) as caught:
        request([{"role": "user"}])
    assert caught.value.param == "messages[0].content"
