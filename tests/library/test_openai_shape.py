"""OpenAI's shape, with OpenAI's own SDK as the judge: the same calls to the same provider give the same objects."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import pickle
import re
from typing import Any

import openai
import pytest

from dragoman import AsyncClient, Client
from dragoman.core.errors import BadRequest, RateLimited, StreamCut, UnknownModel, Unsupported, UsageError
from dragoman.emulator import Answer, Emulator, tool_call
from dragoman.openai_shape import ChatCompletion, ChatCompletionChunk, read_arguments
from dragoman.testing import EmulatorFactory
from tests.library.talk import MODELS, settings

MODEL = MODELS["openai"]
HI = [{"role": "user", "content": "one two three"}]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}]

CALLS: dict[str, tuple[Answer | str, dict[str, Any]]] = {
    "text": ("echo", {}),
    "no text at all": (Answer(), {}),
    "a refusal": (Answer(refusal="I will not."), {}),
    "a filter": (Answer(text="So", finish="content_filter"), {}),
    "reasoning": (Answer(reasoning="hm hm", text="so"), {}),
    "too long": ("echo", {"max_tokens": 2}),
    "three choices": ("echo", {"n": 3}),
    "a tool": (Answer(tool_calls=[tool_call("add", '{"a": 1}', "call_1")]), {"tools": TOOLS}),
    "two tools after text": (
        Answer(text="I call", tool_calls=[tool_call("add", "{}", "c1"), tool_call("add", '{"b":2}', "c2")]),
        {"tools": TOOLS},
    ),
    "a tool that must be called": ("echo", {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "add"}}}),
    "options": ("echo", {"temperature": 0.5, "stop": ["x"], "seed": 3, "user": "u", "response_format": {"type": "json_object"}}),
    "a field of openai alone": ("echo", {"store": False, "extra_body": {"prediction": {"type": "content", "content": "x"}}}),
}


MESSAGE: dict[str, Any] = {"content": "Hi", "refusal": None, "role": "assistant", "annotations": [], "reasoning_content": None}
CALL = {"id": "c", "function": {"arguments": "{}", "name": "add"}, "type": "function"}
TOLD: dict[str, Any] = {
    "id": "1",
    "choices": [
        {"finish_reason": "stop", "index": 0, "logprobs": None, "message": MESSAGE},
        {"finish_reason": "tool_calls", "index": 1, "message": {**MESSAGE, "content": None, "reasoning_content": "Hm"}},
        {"finish_reason": "tool_calls", "index": 2, "message": {"content": "", "role": "assistant", "tool_calls": [CALL, CALL]}},
    ],
    "created": 5,
    "model": "m",
    "object": "chat.completion",
    "service_tier": None,
    "usage": None,
}
FORMS: list[dict[str, Any]] = [
    {},
    {"mode": "json"},
    {"by_alias": True},
    {"exclude_defaults": True},
    {"exclude_none": True},
    {"exclude_none": True, "exclude_defaults": True, "round_trip": True, "warnings": False},
    *({choice: names} for choice in ("include", "exclude") for names in [
        None,
        set(),
        {},
        {"id", "choices", "nothing"},
        {"id": True, "usage": ...},
        {"choices": {0}},
        {"choices": {-1: {"index", "finish_reason"}}},
        {"choices": {0: {"message": {"content"}}, 1: True}},
        {"choices": {"__all__": {"message": {"role", "tool_calls"}}}},
        {"choices": {"__all__": {"index"}, 2: {"message": {"tool_calls": {0: {"id"}}}}}},
        {"choices": {"__all__": True, 0: {"index"}}},
        {"choices": {"__all__": {"message"}, 0: True}},
    ]),
    {"include": {"id": True, "choices": {0}}, "exclude": {"choices": {0: {"message"}}}},
    {"include": {"choices"}, "exclude": {"choices": {"__all__": {"message": {"annotations"}}}}, "exclude_none": True},
]  # fmt: skip


def as_openai_has_it() -> Any:
    """With the fields that the wire left out left out: ours never have them."""
    return openai.types.chat.ChatCompletion.construct(**TOLD)


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))  # a set is not written the same in each process
def test_an_object_is_dumped_with_openai_pythons_arguments(form: dict[str, Any]) -> None:
    ours, theirs = ChatCompletion(TOLD), as_openai_has_it()
    assert ours.model_dump(**form) == theirs.model_dump(**form, exclude_unset=True)
    assert ours.model_dump(**form, exclude_unset=True) == ours.model_dump(**form)
    assert json.loads(ours.model_dump_json(**form)) == ours.to_dict(**form) == json.loads(ours.to_json(**form)) == ours.model_dump(**form)


@pytest.mark.parametrize("form", [{}, {"indent": None}, {"indent": 4}, {"exclude_none": True}, {"use_api_names": False}], ids=str)
def test_an_object_is_written_as_openai_python_writes_it(form: dict[str, Any]) -> None:
    assert ChatCompletion(TOLD).to_json(**form) == as_openai_has_it().to_json(**form)


@pytest.mark.parametrize(
    "form", [{"exclud": {"id"}}, {"include": "id"}, {"exclude": ["id"]}, {"include": {"id": False}}, {"ensure_ascii": True}], ids=str
)
def test_an_argument_of_a_dump_that_is_not_understood_is_refused(form: dict[str, Any]) -> None:
    for method in ("model_dump", "model_dump_json", "to_dict", "to_json"):
        with pytest.raises(TypeError, match=next(iter(form))):
            getattr(ChatCompletion(TOLD), method)(**form)


@pytest.mark.parametrize(
    ("given", "name"),
    [({"temperature": math.nan}, "temperature: nan"), ({"logit_bias": {"5": math.inf}}, "logit_bias.5: inf")],
)
def test_a_number_that_json_cannot_say_is_refused_by_name(given: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} was given"):
        read_arguments({"model": MODEL, "messages": HI, **given})


def plain(told: Any) -> Any:
    """A dump without what differs from one request to the next, and without the ``None`` that stand for nothing."""
    if isinstance(told, dict):
        changing = ("id", "created") if "object" in told else ()
        return {name: plain(value) for name, value in told.items() if value is not None and name not in changing}
    if isinstance(told, list):
        return [plain(item) for item in told]
    return re.sub("call_emulated_[0-9]+", "call", told) if isinstance(told, str) else told


def official(emulator: Emulator) -> openai.OpenAI:
    return openai.OpenAI(base_url=emulator.url("openai"), api_key="any", max_retries=0)


@pytest.fixture(params=CALLS)
def case(request: pytest.FixtureRequest, dragoman_emulator: EmulatorFactory) -> tuple[Emulator, dict[str, Any]]:
    scenario, options = CALLS[request.param]
    return dragoman_emulator("openai", scenario=scenario), {"messages": HI, **options}


def test_a_whole_answer_is_what_the_official_sdk_gives(case: tuple[Emulator, dict[str, Any]]) -> None:
    emulator, options = case
    with official(emulator) as sdk, Client(**settings(emulator)) as client:
        theirs = sdk.chat.completions.create(model="gpt-4.1", **options)
        ours = client.chat.completions.create(model=MODEL, **options)
    assert plain(ours.model_dump()) == plain(theirs.model_dump())
    assert ours.model_dump(exclude_none=True).keys() == theirs.model_dump(exclude_none=True).keys()
    first, second = (json.loads(record.body) for record in emulator.requests)
    assert first.pop("max_tokens", None) == second.pop("max_completion_tokens", None)
    assert first == second


def test_chunks_are_what_the_official_sdk_gives(case: tuple[Emulator, dict[str, Any]]) -> None:
    emulator, options = case
    options = {**options, "stream": True, "stream_options": {"include_usage": True}}
    with official(emulator) as sdk, Client(**settings(emulator)) as client:
        theirs = [plain(chunk.model_dump()) for chunk in sdk.chat.completions.create(model="gpt-4.1", **options)]
        ours = [plain(chunk.model_dump()) for chunk in client.chat.completions.create(model=MODEL, **options)]
    assert ours == theirs


def test_the_async_client_gives_the_same(case: tuple[Emulator, dict[str, Any]]) -> None:
    emulator, options = case

    async def main() -> tuple[Any, list[Any]]:
        async with AsyncClient(**settings(emulator)) as client:
            whole = await client.chat.completions.create(model=MODEL, **options)
            stream = await client.chat.completions.create(model=MODEL, stream=True, **options)
            return whole, [chunk async for chunk in stream]

    whole, chunks = asyncio.run(main())
    with Client(**settings(emulator)) as client:
        same = client.chat.completions.create(model=MODEL, **options)
        same_chunks = list(client.chat.completions.create(model=MODEL, stream=True, **options))
    assert plain(whole.model_dump()) == plain(same.model_dump())
    assert [plain(chunk.model_dump()) for chunk in chunks] == [plain(chunk.model_dump()) for chunk in same_chunks]


def test_usage_comes_in_a_chunk_of_its_own_only_where_it_was_asked_for(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client:
        asked = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}))
        unasked = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True))
    assert asked[-1].choices == []
    assert (asked[-1].usage.prompt_tokens, asked[-1].usage.completion_tokens, asked[-1].usage.total_tokens) == (3, 3, 6)
    assert all(chunk.usage is None for chunk in asked[:-1])
    assert all(chunk.usage is None and chunk.choices for chunk in unasked)


# --- attributes


@pytest.fixture
def answer(emulated: Emulator) -> Any:
    with Client(**settings(emulated)) as client:
        return client.chat.completions.create(model=MODEL, messages=HI)


def test_everything_is_an_attribute(answer: Any) -> None:
    assert isinstance(answer, ChatCompletion)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "one two three"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].index == 0
    assert answer.usage.total_tokens == 6
    assert answer.id.startswith("chatcmpl")
    assert isinstance(answer.created, int)


@pytest.mark.parametrize("name", ["tool_calls", "function_call", "refusal", "annotations", "audio"])
def test_what_an_answer_does_not_have_is_none_where_openai_has_it(answer: Any, name: str) -> None:
    assert getattr(answer.choices[0].message, name) is None


def test_a_field_that_nobody_has_is_an_attribute_error_that_names_those_there_are(answer: Any) -> None:
    with pytest.raises(AttributeError, match="ChatCompletion has no field 'txt'; it has id, object"):
        _ = answer.txt
    assert not hasattr(answer, "txt")


def test_dumps_are_plain_values_of_their_own(answer: Any) -> None:
    dumped = answer.model_dump()
    dumped["choices"][0]["message"]["content"] = "changed"
    assert answer.choices[0].message.content == "one two three"
    assert json.loads(answer.model_dump_json()) == answer.model_dump()
    assert "refusal" in answer.model_dump()["choices"][0]["message"]
    assert "refusal" not in answer.choices[0].message.model_dump(exclude_none=True)


def test_objects_compare_copy_pickle_and_show_themselves(answer: Any) -> None:
    for twin in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert twin == answer
        assert type(twin) is ChatCompletion
    assert answer != answer.choices[0]
    assert repr(answer).startswith("ChatCompletion(id='chatcmpl")


def test_the_pieces_of_a_stream_join_to_the_answer(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client:
        chunks = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True))
    assert all(isinstance(chunk, ChatCompletionChunk) and chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


# --- messages and tools round the loop


def test_a_conversation_with_a_tool_goes_round(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client:
        messages: list[Any] = [{"role": "user", "content": 'call:add {"a": 1}'}]
        asked = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
        call = asked.choices[0].message.tool_calls[0]
        assert asked.choices[0].finish_reason == "tool_calls"
        assert (call.type, call.function.name, json.loads(call.function.arguments)) == ("function", "add", {"a": 1})
        messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "3"}]
        assert client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message.content == "3"


def test_objects_of_the_official_sdk_are_taken_as_messages_and_not_given_as_nothing(emulated: Emulator) -> None:
    with official(emulated) as sdk, Client(**settings(emulated)) as client:
        said = sdk.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}]).choices[0].message
        answer = client.chat.completions.create(
            model=MODEL, messages=[said, *HI], temperature=openai.omit, tools=openai.NOT_GIVEN, seed=None, stream=False
        )
    assert answer.choices[0].message.content == "one two three"
    assert json.loads(emulated.requests[-1].body).keys() == {"model", "messages"}


@pytest.mark.parametrize("name", ["raycast", "lockchat", "gravityengine", "equing"])
@pytest.mark.parametrize("stream", [False, True])
def test_every_provider_can_be_had_in_this_shape(emulated: Emulator, name: str, stream: bool) -> None:
    with Client(**settings(emulated)) as client:
        told = client.chat.completions.create(model=MODELS[name], messages=HI, stream=stream)
        if stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in told) == "one two three"
        else:
            assert told.choices[0].message.content == "one two three"
            assert told.choices[0].finish_reason == "stop"


# --- what goes wrong

BAD: list[tuple[dict[str, Any], type[UsageError], str]] = [
    ({"messages": HI}, BadRequest, "model: it is missing; create(model=…, messages=[…]) is expected"),
    ({"model": MODEL}, BadRequest, "messages: it is missing"),
    ({"model": "opnai/x", "messages": HI}, UnknownModel, "did you mean 'openai'"),
    ({"model": "gpt-4.1", "messages": HI}, UnknownModel, "perhaps 'openai/gpt-4.1'"),
    ({"model": 5, "messages": HI}, BadRequest, "model: expected `str`, got `int`"),
    ({"model": MODEL, "messages": []}, BadRequest, "messages: the list is empty"),
    ({"model": MODEL, "messages": "Hi"}, BadRequest, "messages: str was given; a list of messages is expected"),
    ({"model": MODEL, "messages": 5}, BadRequest, "messages: int was given; a list of messages is expected"),
    ({"model": MODEL, "messages": {"role": "user"}}, BadRequest, "messages: dict was given"),
    ({"model": MODEL, "messages": ["Hi"]}, BadRequest, "messages[0]: str was given"),
    ({"model": MODEL, "messages": [{"role": "user"}]}, BadRequest, "messages[0].content: it is missing"),
    ({"model": MODEL, "messages": [{"role": "robot", "content": "x"}]}, BadRequest, "messages[0].role: 'robot' was given"),
    ({"model": MODEL, "messages": HI, "temperature": "hot"}, BadRequest, "temperature: expected"),
    ({"model": MODEL, "messages": HI, "stream": "yes"}, BadRequest, "stream: expected"),
    ({"model": MODEL, "messages": HI, "tools": [{"name": "add"}]}, BadRequest, "tools[0]:"),
    ({"model": MODEL, "messages": HI, "tool_choice": "maybe"}, BadRequest, "tool_choice: 'maybe' was given"),
    ({"model": MODEL, "messages": HI, "response_format": int}, BadRequest, "response_format: expected"),
    ({"model": MODEL, "messages": HI, "extra_body": "x"}, BadRequest, "extra_body: str was given; a mapping is expected"),
    ({"model": MODEL, "messages": HI, "extra_headers": {"a": "b"}}, Unsupported, "extra_headers: it cannot be sent from here"),
    ({"model": MODEL, "messages": HI, "extra_query": {"a": "b"}}, Unsupported, "extra_query: it cannot be sent from here"),
    ({"model": MODEL, "messages": HI, "timeout": -1}, UsageError, "timeout is -1; a positive number"),
    ({"model": MODEL, "messages": HI, "key": ""}, UsageError, "key: an empty key was given"),
    ({"model": MODEL, "messages": HI, "metadata": {"a": object()}}, UsageError, "metadata"),
    ({"model": MODEL, "messages": HI, "store": object()}, UsageError, "cannot be written as JSON"),
]


@pytest.mark.parametrize(("given", "kind", "words"), BAD, ids=range(len(BAD)))
def test_a_wrong_argument_is_named_before_anything_is_sent(
    emulated: Emulator, given: dict[str, Any], kind: type[UsageError], words: str
) -> None:
    async def ask() -> None:
        async with AsyncClient(**settings(emulated)) as client:
            await client.chat.completions.create(**given)

    with Client(**settings(emulated)) as client, pytest.raises(kind) as caught:
        client.chat.completions.create(**given)
    assert words in caught.value.message
    with pytest.raises(kind):
        asyncio.run(ask())
    assert len(emulated.requests) == 0


def test_empty_extra_headers_do_no_harm(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client:
        client.chat.completions.create(model=MODEL, messages=HI, extra_headers={}, extra_query=None)
    assert json.loads(emulated.requests[0].body).keys() == {"model", "messages"}


def test_the_options_of_a_call_are_understood_and_not_sent(emulated: Emulator) -> None:
    with Client() as client:
        client.chat.completions.create(model=MODEL, messages=HI, key="k", base_url=emulated.url("openai"), timeout=5, strict=True)
    assert json.loads(emulated.requests[0].body).keys() == {"model", "messages"}
    assert emulated.requests[0].header("authorization") == "Bearer k"


def test_failures_are_ours_with_what_had_arrived(emulated: Emulator) -> None:
    with Client(**settings(emulated)) as client:
        with pytest.raises(RateLimited):
            client.chat.completions.create(model=f"{MODEL}!status=429", messages=HI)
        said: list[str] = []
        chunks = client.chat.completions.create(model=f"{MODEL}!no-end", messages=HI, stream=True)
        with pytest.raises(StreamCut) as caught:
            said.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "".join(said) == "one two three"
    assert caught.value.partial is not None
    assert caught.value.partial.text == "one two three"
