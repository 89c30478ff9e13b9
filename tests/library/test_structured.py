"""Answers as values of a type: how each wire is asked, what is read, and what happens where it does not fit."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict, Union

import jsonschema  # type: ignore[import-untyped]  # has none
import msgspec
import pydantic
import pytest

import dragoman
from dragoman import AsyncClient, Client, Usage
from dragoman.client import ClientSettings
from dragoman.core.errors import BadReply, BadRequest, RateLimited, Unsupported, UsageError
from dragoman.core.messages import Text, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, Request, Tool
from dragoman.emulator import Answer, tool_call
from dragoman.emulator.emulator import Emulator
from dragoman.emulator.scenario import Scenario
from dragoman.response import StructuredResponse
from dragoman.schemas import schema_of, strict_schema
from dragoman.structured import MAX_STARTS, Shape, json_texts
from dragoman.testing import EmulatorFactory
from tests.library.talk import settings
from tests.library.test_tool_loop import in_turn

MODEL = "openai/gpt-4.1"

Complete = Callable[..., StructuredResponse[Any]]


def complete_blocking(given: ClientSettings, model: str, prompt: Any, **options: Any) -> StructuredResponse[Any]:
    with Client(**given) as client:
        answer: StructuredResponse[Any] = client.complete(model, prompt, **options)
        return answer


def complete_on_loop(given: ClientSettings, model: str, prompt: Any, **options: Any) -> StructuredResponse[Any]:
    async def main() -> StructuredResponse[Any]:
        async with AsyncClient(**given) as client:
            answer: StructuredResponse[Any] = await client.complete(model, prompt, **options)
            return answer

    return asyncio.run(main())


@pytest.fixture(params=[complete_blocking, complete_on_loop], ids=["blocking", "loop"])
def complete(request: pytest.FixtureRequest) -> Complete:
    found: Complete = request.param
    return found


class River(msgspec.Struct):
    name: str
    length_km: float | None = None


@dataclasses.dataclass
class Lake:
    name: str
    since: datetime.date
    rivers: list[River] = dataclasses.field(default_factory=list)


class Sea(TypedDict):
    name: str
    deep: bool


class Port(pydantic.BaseModel):
    name: str
    ships: list[Ship] = []


class Ship(pydantic.BaseModel):
    tons: int = pydantic.Field(gt=0)


Port.model_rebuild()

TYPES: list[tuple[Any, str, Any]] = [
    (River, '{"name": "Rhine", "length_km": 1233}', River("Rhine", 1233.0)),
    (Lake, '{"name": "x", "since": "2026-01-02", "rivers": [{"name": "y"}]}', Lake("x", datetime.date(2026, 1, 2), [River("y")])),
    (Sea, '{"name": "x", "deep": true}', {"name": "x", "deep": True}),
    (Port, '{"name": "x", "ships": [{"tons": 3}]}', Port(name="x", ships=[Ship(tons=3)])),
    (list[int], '{"value": [1, 2]}', [1, 2]),
    (list[River], '{"value": [{"name": "a"}]}', [River("a")]),
    (Literal["yes", "no"], '{"value": "yes"}', "yes"),
    (int, '{"value": 5}', 5),
    (Union[River, None], '{"value": null}', None),  # noqa: UP007  # users write it so too
    (dict[str, int], '{"a": 1}', {"a": 1}),
]


@pytest.mark.parametrize(("into", "text", "value"), TYPES, ids=[str(into) for into, _, _ in TYPES])
def test_every_kind_of_type_is_asked_for_and_read(
    dragoman_emulator: EmulatorFactory, complete: Complete, into: Any, text: str, value: Any
) -> None:
    emulator = dragoman_emulator("openai", scenario=Answer(text=text))
    answer = complete(settings(emulator), MODEL, "One, please.", into=into)
    assert answer.value == value
    assert type(answer.value) is type(value)
    assert answer.text == text
    assert answer.warnings == ()
    request = heard(emulator, 0)
    assert request.response_format is not None
    assert request.response_format.schema is not None
    jsonschema.Draft202012Validator.check_schema(request.response_format.schema)
    if into != dict[str, int]:  # an open table cannot be guaranteed
        assert request.response_format.strict is True


def heard(emulator: Emulator, number: int) -> Request:
    request = emulator.requests[number].request
    assert request is not None
    return request


def test_the_schema_is_closed_and_complete_for_wires_that_guarantee_it(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=Answer(text='{"name": "x", "since": "2026-01-02", "rivers": []}'))
    complete(settings(emulator), MODEL, "One, please.", into=Lake)
    river = {
        "title": "River",
        "type": "object",
        "properties": {"name": {"type": "string"}, "length_km": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "required": ["name", "length_km"],
        "additionalProperties": False,
    }
    assert heard(emulator, 0).response_format == JsonFormat(
        name="Lake",
        strict=True,
        schema={
            "title": "Lake",
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "since": {"type": "string", "format": "date"},
                "rivers": {"type": "array", "items": {"$ref": "#/$defs/River"}},
            },
            "required": ["name", "since", "rivers"],
            "additionalProperties": False,
            "$defs": {"River": river},
        },
    )


NATIVE = ["openai", "anthropic", "gemini", "cohere", "ollama_native"]


@pytest.mark.parametrize("provider", NATIVE)
def test_each_wire_with_structured_output_is_asked_in_its_own_way(
    dragoman_emulator: EmulatorFactory, complete: Complete, provider: str
) -> None:
    emulator = dragoman_emulator(provider, scenario=Answer(text='{"name": "Rhine"}'))
    answer = complete(settings(emulator), f"{provider}/some-model", "One, please.", into=River, strict=True)
    assert answer.value == River("Rhine")
    assert answer.warnings == ()
    request = heard(emulator, 0)
    assert request.response_format is not None
    assert request.response_format.schema is not None
    assert set(request.response_format.schema["properties"]) == {"name", "length_km"}
    assert request.tools == ()


# --- wires and models without structured output


@pytest.fixture
def rows(tmp_path: Any) -> str:
    """Hosts that know less than OpenAI: one without structured output, one that takes plain text alone; and models that lack something."""
    path = tmp_path / "rows.toml"
    path.write_text(
        """
        [providers.no_format]
        title = "No format"
        dialect = "openai_chat"
        base_url = "http://127.0.0.1:1/v1"
        auth = { place = "none" }
        quirks = { drop = ["response_format"] }

        [providers.lacking]
        title = "Lacking"
        dialect = "openai_chat"
        base_url = "http://127.0.0.1:1/v1"
        auth = { place = "none" }
        models = [{ name = "no-format", structured_output = false }, { name = "no-tools", structured_output = false, tools = false }]
        """,
        encoding="utf-8",
    )
    return str(path)


def emulated(dragoman_emulator: EmulatorFactory, rows: str, name: str, scenario: Scenario | Answer) -> tuple[Emulator, ClientSettings]:
    from pathlib import Path

    from dragoman.catalogue.load import Catalogue

    emulator = dragoman_emulator(name, scenario=scenario, catalogue=Catalogue((Path(rows),)))
    return emulator, settings(emulator, provider_files=[rows])


@pytest.mark.parametrize(("name", "model"), [("no_format", "m"), ("lacking", "no-format")])
def test_without_it_a_tool_must_be_called(dragoman_emulator: EmulatorFactory, complete: Complete, rows: str, name: str, model: str) -> None:
    said = Answer(tool_calls=[tool_call("River", {"name": "Rhine"})])
    emulator, given = emulated(dragoman_emulator, rows, name, said)
    answer = complete(given, f"{name}/{model}", "One, please.", into=River, strict=True)
    assert answer.value == River("Rhine")
    request = heard(emulator, 0)
    assert request.response_format is None
    assert request.tool_choice == NamedTool("River")
    assert [tool.name for tool in request.tools] == ["River"]
    assert request.tools[0].parameters == Shape(River).schema


def test_a_model_that_answers_in_words_where_a_call_was_demanded_is_read_too(
    dragoman_emulator: EmulatorFactory, complete: Complete, rows: str
) -> None:
    _, given = emulated(dragoman_emulator, rows, "no_format", Answer(text='Sure: {"name": "Rhine"}'))
    assert complete(given, "no_format/m", "One, please.", into=River).value == River("Rhine")


@pytest.mark.parametrize(("name", "model"), [("lacking", "lacking/no-tools"), ("lockchat", "lockchat/gpt-4")])
def test_without_either_the_schema_is_said_in_words(
    dragoman_emulator: EmulatorFactory, complete: Complete, rows: str, name: str, model: str
) -> None:
    text = 'Here you are:\n```json\n{"name": "Rhine", "length_km": 1233}\n```\nAnything else?'
    emulator, given = emulated(dragoman_emulator, rows, name, Answer(text=text))
    assert complete(given, model, "One, please.", into=River, strict=True).value == River("Rhine", 1233.0)
    request = heard(emulator, 0)
    assert (request.response_format, request.tools) == (None, ())
    assert request.messages[0].role == "system"
    assert json.dumps(Shape(River).schema, separators=(",", ":")) in request.messages[0].text
    assert request.messages[-1].text == "One, please."


class Refuses:
    """A model that refuses a way to be asked, as some of a provider's do and others do not."""

    def __init__(self, *ways: str) -> None:
        self._ways = ways

    def __call__(self, request: Request) -> Answer:
        if request.response_format and "format" in self._ways:
            raise BadRequest("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", status=400)
        if request.tools and "tools" in self._ways:
            raise BadRequest("tool_choice 'function' is not supported", status=400)
        if request.tools:
            return Answer(tool_calls=[tool_call("River", {"name": "Rhine"})])
        return Answer(text='{"name": "Rhine"}')


@pytest.mark.parametrize(("refused", "asked"), [(["format"], 2), (["format", "tools"], 3), ([], 1)])
def test_where_the_model_refuses_a_way_the_next_is_tried(
    dragoman_emulator: EmulatorFactory, complete: Complete, refused: list[str], asked: int
) -> None:
    emulator = dragoman_emulator("openai", scenario=Refuses(*refused))
    assert complete(settings(emulator), MODEL, "One, please.", into=River).value == River("Rhine")
    assert len(emulator.requests) == asked


def test_a_request_refused_for_another_reason_is_not_asked_again(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    def refuse(request: Request) -> Answer:
        raise BadRequest("the picture is too small", status=400)

    emulator = dragoman_emulator("openai", scenario=refuse)
    with pytest.raises(BadRequest, match="too small"):
        complete(settings(emulator), MODEL, "One, please.", into=River)
    assert len(emulator.requests) == 1


# --- what does not fit


def test_what_does_not_fit_goes_back_with_the_reason(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn('{"nam": "Rhine"}', "no JSON at all", '{"name": "Rhine"}'))
    answer = complete(settings(emulator), MODEL, "One, please.", into=River)
    assert answer.value == River("Rhine")
    first, second = heard(emulator, 1).messages, heard(emulator, 2).messages
    assert [message.role for message in first] == ["user", "assistant", "user"]
    assert "Object missing required field `name`" in first[-1].text
    assert [message.role for message in second] == ["user", "assistant", "user", "assistant", "user"]
    assert "malformed" in second[-1].text


def test_the_usage_counts_every_try(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    usage = Usage(input_tokens=10, output_tokens=5)
    emulator = dragoman_emulator("openai", scenario=in_turn(Answer(text="{}", usage=usage), Answer(text='{"name": "x"}', usage=usage)))
    answer = complete(settings(emulator), MODEL, "One, please.", into=River)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 10)


def test_after_the_last_repair_it_is_a_bad_reply(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=Answer(text='{"name": 5}'))
    with pytest.raises(
        BadReply, match=r"does not match the type asked for, after 2 repairs: Expected `str`, got `int` - at `\$.name`"
    ) as caught:
        complete(settings(emulator), MODEL, "One, please.", into=River)
    assert len(emulator.requests) == 3
    assert caught.value.partial is not None
    assert caught.value.partial.text == '{"name": 5}'
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-4.1")


def test_no_repair_may_be_wanted(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=Answer(text="{}"))
    with pytest.raises(BadReply, match="after 0 repairs"):
        complete(settings(emulator), MODEL, "One, please.", into=River, max_repairs=0)
    assert len(emulator.requests) == 1


def test_a_call_that_does_not_fit_gets_its_result(dragoman_emulator: EmulatorFactory, complete: Complete, rows: str) -> None:
    bad, good = ({"nam": "x"}, {"name": "Rhine"})
    said = in_turn(*(Answer(tool_calls=[tool_call("River", given, "c1")]) for given in (bad, good)))
    emulator, given = emulated(dragoman_emulator, rows, "no_format", said)
    assert complete(given, "no_format/m", "One, please.", into=River).value == River("Rhine")
    told = heard(emulator, 1).messages[-1]
    assert told.role == "tool"
    assert isinstance(told.parts[0], ToolResult)
    assert told.parts[0].id == "c1"
    assert isinstance(told.parts[0].parts[0], Text)
    assert "missing required field `name`" in told.parts[0].parts[0].text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Answer(refusal="I cannot help with that."), "the model refused: I cannot help with that."),
        (Answer(text='{"name": "Rh', finish="length"), "the answer was cut off at its limit of tokens before it was a whole value"),
    ],
    ids=["refused", "cut off"],
)
def test_a_refusal_and_a_cut_answer_are_not_repaired(
    dragoman_emulator: EmulatorFactory, complete: Complete, said: Answer, words: str
) -> None:
    emulator = dragoman_emulator("openai", scenario=said)
    with pytest.raises(BadReply, match=words) as caught:
        complete(settings(emulator), MODEL, "One, please.", into=River)
    assert len(emulator.requests) == 1
    assert caught.value.partial is not None
    assert not caught.value.retryable


def test_other_errors_go_through(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", faults="status=429")
    with pytest.raises(RateLimited):
        complete(settings(emulator), MODEL, "One, please.", into=River)


def test_a_pydantic_models_own_checks_are_repaired(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=in_turn('{"tons": -1}', '{"tons": 1}'))
    assert complete(settings(emulator), MODEL, "One, please.", into=Ship).value == Ship(tons=1)
    assert "Input should be greater than 0" in heard(emulator, 1).messages[-1].text


# --- what is refused at the call

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"into": complex}, "into: no JSON schema can be made of complex"),
    ({"into": "River"}, "into: no JSON schema can be made of River"),
    ({"into": 5}, "into: no JSON schema can be made of 5"),
    ({"into": River, "tools": [Tool(name="t")]}, "tools: it cannot stand beside into"),
    ({"into": River, "response_format": JsonFormat()}, "response_format: it cannot stand beside into"),
    ({"into": River, "max_repairs": -1}, "max_repairs: -1 was given; a whole number from 0 up is allowed"),
    ({"into": River, "max_repairs": "2"}, "max_repairs: '2' was given"),
    ({"into": River, "temprature": 1}, "temprature: no such option"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:30] for _, words in REFUSED])
def test_a_wrong_call_is_said_before_anything_is_sent(
    dragoman_emulator: EmulatorFactory, complete: Complete, options: Mapping[str, Any], words: str
) -> None:
    emulator = dragoman_emulator("openai")
    with pytest.raises(UsageError) as caught:
        complete(settings(emulator), MODEL, "One, please.", **options)
    assert words in caught.value.message
    assert len(emulator.requests) == 0


def test_strict_holds_for_the_rest_of_the_request(dragoman_emulator: EmulatorFactory, complete: Complete) -> None:
    emulator = dragoman_emulator("openai", scenario=Answer(text='{"name": "x"}'))
    with pytest.raises(Unsupported, match="top_k"):
        complete(settings(emulator), MODEL, "One, please.", into=River, top_k=3, strict=True)
    assert len(emulator.requests) == 0
    assert complete(settings(emulator), MODEL, "One, please.", into=River, top_k=3).warnings == (
        "top_k: not understood by this provider, left out",
    )


def test_without_a_type_there_is_no_value(dragoman_emulator: EmulatorFactory) -> None:
    with Client(**settings(dragoman_emulator("openai"))) as client:
        answer = client.complete(MODEL, "Hi")
    assert not hasattr(answer, "value")
    assert type(answer) is dragoman.Response


def test_the_function_needs_no_client(dragoman_emulator: EmulatorFactory) -> None:
    url = dragoman_emulator("openai", scenario=Answer(text='{"name": "Rhine"}')).url("openai")
    assert dragoman.complete(MODEL, "One, please.", into=River, key="k", base_url=url).value == River("Rhine")


# --- schemas and texts

OPEN = [Any, dict[str, int], dict[str, Any], tuple[int, str], list[Any], list[dict[str, int]]]


@pytest.mark.parametrize("kind", OPEN, ids=str)
def test_what_cannot_be_guaranteed_is_not_called_strict(kind: Any) -> None:
    assert strict_schema(schema_of(kind, "into")) is None


class Circle(msgspec.Struct, tag=True):
    r: float


class Square(msgspec.Struct, tag=True):
    a: float
    inner: Circle | Square | None = None


@pytest.mark.parametrize("kind", [River, Lake, Sea, Port, Circle, Square, list[Circle | Square]], ids=str)
def test_a_strict_schema_keeps_to_the_narrowest_vendors_rules(kind: Any) -> None:
    schema = Shape(kind).strict_schema
    assert schema is not None
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    for inner in objects(schema):
        assert not inner.keys() & {"default", "oneOf", "discriminator"}
        if inner.get("type") == "object":
            assert inner["additionalProperties"] is False
            assert inner["required"] == list(inner["properties"])
        if "$ref" in inner:
            assert inner.keys() == {"$ref"}
            assert inner["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside ``schema``."""
    if not isinstance(schema, dict):
        return []
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", []), schema.get("items")]
    return [schema, *(found for one in below for found in objects(one))]


@pytest.mark.parametrize(
    ("kind", "name"), [(River, "River"), (list[int], "answer"), (Literal["a"], "answer"), (int, "int"), (int | str, "answer")]
)
def test_a_shape_has_a_name_that_every_vendor_takes(kind: Any, name: str) -> None:
    assert Shape(kind).name == name


TEXTS: list[tuple[str, list[str]]] = [
    ('{"a": 1}', ['{"a": 1}']),
    ('Sure: {"a": {"b": "}"}} and {"c": 2}.', ['{"a": {"b": "}"}}', '{"c": 2}']),
    ('```json\n{"a": 1}\n```', ['{"a": 1}']),
    ('{not JSON} {"a": 1}', ['{"a": 1}']),
    ("{{{", ["{{{"]),
    ("5", ["5"]),
    ("", []),
    ("  ", []),
    ('{"a": 1', ['{"a": 1']),
]


@pytest.mark.parametrize(("text", "found"), TEXTS, ids=range(len(TEXTS)))
def test_json_is_found_among_words(text: str, found: list[str]) -> None:
    assert list(json_texts(text)) == found


def test_the_search_for_json_is_bounded() -> None:
    text = '{"a":' * 200_000
    assert list(json_texts(text)) == [text]
    assert list(json_texts("{" * MAX_STARTS + '{"a": 1}')) == ["{" * MAX_STARTS + '{"a": 1}']
