"""A Python function becomes a tool: its schema from signature and docstring, its arguments checked, its result told."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional, TypedDict

import jsonschema  # type: ignore[import-untyped]  # has none
import msgspec
import pydantic
import pytest

from dragoman.core.errors import UsageError
from dragoman.core.messages import File, Image, Text, ToolCall
from dragoman.core.request import Tool
from dragoman.docstrings import parse_docstring
from dragoman.functions import MAX_ERROR_CHARACTERS, Function, Job, Toolbox
from dragoman.prompts import request_from
from dragoman.schemas import Misfit


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclasses.dataclass
class Place:
    city: str
    inside: Optional[Place] = None  # noqa: UP045  # users write it so too


class Span(TypedDict, total=False):
    days: int


class Point(msgspec.Struct):
    x: float
    y: float = 0.0


class Inner(pydantic.BaseModel):
    z: str


class Outer(pydantic.BaseModel):
    n: int = pydantic.Field(description="how many", ge=1)
    inners: list[Inner] = []


def weather(city: str, days: Annotated[int, msgspec.Meta(ge=1, le=14)] = 3, unit: Unit = Unit.CELSIUS) -> str:
    """Tell the weather.

    It is made up.

    Args:
        city (str): The city's name,
            in English.
        days: How many days ahead.

    Returns:
        A sentence: always.
    """
    return f"{city} {days} {unit.name}"


def test_name_and_words_come_from_the_docstring() -> None:
    tool = Function(weather).tool
    assert tool.name == "weather"
    assert tool.description == "Tell the weather.\n\nIt is made up."


def test_the_schema_comes_from_the_signature() -> None:
    assert Function(weather).tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"description": "The city's name, in English.", "type": "string"},
            "days": {"description": "How many days ahead.", "default": 3, "type": "integer", "minimum": 1, "maximum": 14},
            "unit": {"default": "c", "$ref": "#/$defs/Unit"},
        },
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"Unit": {"title": "Unit", "enum": ["c", "f"]}},
    }


def everything(
    place: Place,
    point: Point,
    span: Span,
    outer: Outer,
    choice: Literal["a", "b"],
    when: datetime.date,
    several: list[Outer],
    note: Annotated[str, "what to note"],
    table: dict[str, float],
    maybe: int | None = None,
) -> None: ...


def test_a_schema_is_a_valid_one_with_all_its_definitions() -> None:
    schema = Function(everything).tool.parameters
    assert schema is not None
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]) == {"Place", "Point", "Span", "Inner"}
    assert schema["properties"]["note"]["description"] == "what to note"
    given = {
        "place": {"city": "a", "inside": {"city": "b"}},
        "point": {"x": 1},
        "span": {},
        "outer": {"n": 1, "inners": [{"z": "z"}]},
        "choice": "a",
        "when": "2026-01-02",
        "several": [{"n": 2}],
        "note": "n",
        "table": {"k": 1.5},
    }
    jsonschema.validate(given, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**given, "outer": {"n": 0}}, schema)


def test_arguments_are_converted_to_their_types() -> None:
    text = (
        '{"place": {"city": "a", "inside": {"city": "b"}}, "point": {"x": 1}, "span": {"days": 2}, '
        '"outer": {"n": 1, "inners": [{"z": "q"}]}, '
        '"choice": "b", "when": "2026-01-02", "several": [{"n": 2}], "note": "n", "table": {"k": 1}}'
    )
    assert Function(everything).read(text) == {
        "place": Place("a", Place("b")),
        "point": Point(1.0),
        "span": {"days": 2},
        "outer": Outer(n=1, inners=[Inner(z="q")]),
        "choice": "b",
        "when": datetime.date(2026, 1, 2),
        "several": [Outer(n=2)],
        "note": "n",
        "table": {"k": 1.0},
    }


def test_what_the_model_leaves_out_is_left_to_the_functions_own_default() -> None:
    function = Function(weather)
    assert function.read('{"city": "Oslo"}') == {"city": "Oslo"}
    assert weather(**function.read('{"city": "Oslo", "unit": "f"}')) == "Oslo 3 FAHRENHEIT"


def test_a_default_that_json_cannot_say_is_not_in_the_schema() -> None:
    sentinel = object()

    def tool(a: int = 1, b: Any = sentinel) -> None: ...

    schema = Function(tool).tool.parameters
    assert schema is not None
    assert schema["properties"] == {"a": {"default": 1, "type": "integer"}, "b": {}}


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_no_arguments_may_be_said_by_nothing(text: str) -> None:
    def tool() -> None: ...

    function = Function(tool)
    assert function.read(text) == {}
    assert function.tool.parameters == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert function.tool.description is None


BAD_ARGUMENTS = [
    ('{"city": 1}', "Expected `str`, got `int` - at `$.city`"),
    ('{"city": "a", "days": 0}', "Expected `int` >= 1 - at `$.days`"),
    ('{"cty": "a"}', "unknown field `cty`"),
    ("{}", "missing required field `city`"),
    ('{"city": "a"', "truncated"),
    ("[1]", "Expected `object`, got `array`"),
    ("not json", "malformed"),
    ('{"city": "\ud800"}', "surrogates not allowed"),
    ('{"city":' * 100_000, ""),
]


@pytest.mark.parametrize(("text", "words"), BAD_ARGUMENTS, ids=range(len(BAD_ARGUMENTS)))
def test_arguments_that_do_not_fit_are_named(text: str, words: str) -> None:
    with pytest.raises(Misfit) as caught:
        Function(weather).read(text)
    assert words in str(caught.value)


def test_a_pydantic_models_own_check_is_told_with_its_place() -> None:
    def tool(outer: Outer) -> None: ...

    with pytest.raises(Misfit, match=r"(?s)greater than or equal to 1.*at `\$\.outer`"):
        Function(tool).read('{"outer": {"n": 0}}')


class Service:
    def method(self, a: int) -> int:
        """Doubles."""
        return a * 2

    @staticmethod
    def fixed(a: int) -> int:
        return a


def test_a_method_is_a_tool_without_its_self() -> None:
    function = Function(Service().method)
    assert function.tool.name == "method"
    assert function.function(**function.read('{"a": 4}')) == 8
    assert Function(Service.fixed).tool.name == "fixed"


# --- functions that cannot be tools


def positional(a: int, /) -> None: ...
def many(*rest: int) -> None: ...
def keywords(**rest: int) -> None: ...
def bare(a: int, b) -> None: ...  # type: ignore[no-untyped-def]
def odd(a: int, b: complex) -> None: ...
def called(a: Callable[[int], int]) -> None: ...
def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Same(msgspec.Struct):
    a: int


def other_type_of_the_same_name() -> Any:
    class Same(pydantic.BaseModel):
        b: str

    class Holder(pydantic.BaseModel):
        same: Same

    def tool(a: Any, b: Any) -> None: ...

    tool.__annotations__ = {"a": globals()["Same"], "b": Holder}
    return tool


BAD_FUNCTIONS: list[tuple[Any, str]] = [
    (positional, "positional: parameter a: it is positional only"),
    (many, "many: parameter rest: it takes any number of positional arguments"),
    (keywords, "keywords: parameter rest: it takes any keyword"),
    (bare, "bare: parameter b: it has no annotation"),
    (odd, "odd: parameter b: no JSON schema can be made of complex"),
    (called, "called: parameter a: no JSON schema can be made of Callable"),
    (unknown, "unknown: its signature cannot be read: name 'Nowhere' is not defined"),
    (other_type_of_the_same_name(), "two different types are called Same"),
    (lambda: 1, "tools[0]: <function <lambda>"),
    (Outer, "a function with a name of its own, or a Tool, is expected"),
    (len, "len: parameter obj: it is positional only"),
]


@pytest.mark.parametrize(("function", "words"), BAD_FUNCTIONS, ids=[words[:20] for _, words in BAD_FUNCTIONS])
def test_a_function_that_cannot_be_a_tool_is_named_with_its_parameter(function: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        request_from("openai/m", "Hi", False, {"tools": [function]})
    assert words in caught.value.message


def test_functions_stand_among_tools_of_every_other_form() -> None:
    plain = Tool(name="plain")
    request = request_from("openai/m", "Hi", False, {"tools": [weather, plain, {"name": "told"}]})
    assert request.tools == (Function(weather).tool, plain, Tool(name="told"))
    assert all(type(tool) is Tool for tool in request.tools)


# --- docstrings

GOOGLE = """Does it.

Args:
    a: The first.
    b (int, optional): The second: with a colon,
        and a line more.
    *rest: All others.

Raises:
    ValueError: never.
"""
REST = """Does it.

:param a: The first.
:param int b: The second: with a colon,
    and a line more.
:type a: str
:returns: nothing: at all
:raises ValueError: never
"""
NUMPY = """Does it.

Parameters
----------
a : str
    The first.
b : int, optional
    The second: with a colon,
    and a line more.

Returns
-------
int
    Nothing.
"""


@pytest.mark.parametrize("docstring", [GOOGLE, REST, NUMPY], ids=["google", "rest", "numpy"])
def test_parameters_are_read_in_each_custom(docstring: str) -> None:
    told = parse_docstring(docstring)
    assert told.text == "Does it."
    parameters = {name: words for name, words in told.parameters.items() if name != "rest"}
    assert parameters == {"a": "The first.", "b": "The second: with a colon, and a line more."}


def test_numpys_parameters_may_share_their_words() -> None:
    assert parse_docstring("Parameters\n----------\na, b : int\n    Numbers.\n").parameters == {"a": "Numbers.", "b": "Numbers."}


@pytest.mark.parametrize("text", ["", "One line.", "Two.\n\nNote: this is no section of parameters.\nArgs are good.", "a:\nb: c"])
def test_a_docstring_without_sections_is_the_description(text: str) -> None:
    told = parse_docstring(text)
    assert told.text == text.strip()
    assert told.parameters == {}


# --- results

CALL = ToolCall(id="c1", name="f", arguments="{}")
PICTURE = Image(data=b"x", media_type="image/png")
RESULTS: list[tuple[Any, tuple[Any, ...]]] = [
    ("as it is", (Text(text="as it is"),)),
    (5, (Text(text="5"),)),
    (None, (Text(text="null"),)),
    ({"a": [1.5, True]}, (Text(text='{"a":[1.5,true]}'),)),
    (Place("x"), (Text(text='{"city":"x","inside":null}'),)),
    ([Outer(n=1)], (Text(text='[{"n":1,"inners":[]}]'),)),
    (datetime.date(2026, 1, 2), (Text(text='"2026-01-02"'),)),
    (PICTURE, (PICTURE,)),
    (Text(text="t"), (Text(text="t"),)),
    ([Text(text="t"), PICTURE, File(data=b"f")], (Text(text="t"), PICTURE, File(data=b"f"))),
    ([], (Text(text="[]"),)),
]


@pytest.mark.parametrize(("value", "parts"), RESULTS, ids=range(len(RESULTS)))
def test_a_result_is_text_parts_or_json(value: Any, parts: tuple[Any, ...]) -> None:
    result = Job(CALL).answered(value)
    assert (result.id, result.name, result.parts, result.is_error) == ("c1", "f", parts, False)


@pytest.mark.parametrize("value", [object(), (one for one in [1]), float], ids=["object", "generator", "class"])
def test_a_result_that_json_cannot_say_is_an_error_that_the_model_hears(value: Any) -> None:
    result = Job(CALL).answered(value)
    assert result.is_error
    assert isinstance(result.parts[0], Text)
    assert result.parts[0].text.startswith("TypeError: the result of f cannot be said in JSON: ")


def test_an_errors_words_are_bounded() -> None:
    result = Job(CALL).failed(ValueError("x" * 10_000))
    assert isinstance(result.parts[0], Text)
    assert len(result.parts[0].text) == MAX_ERROR_CHARACTERS


# --- the box


def test_two_functions_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two functions have the same name"):
        Toolbox([weather, Function(weather)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "tools: NoneType was given; a list of functions and tools is expected"),
        ("weather", "tools: str was given"),
        ([], "there is no Python function among them"),
        ([Tool(name="plain")], "there is no Python function among them"),
    ],
)
def test_a_loop_needs_a_function(given: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Toolbox.of(given, may_await=False)
    assert words in caught.value.message


def test_a_call_of_no_tool_is_told_what_there_is() -> None:
    job = Toolbox([weather]).job(ToolCall(id="1", name="wether", arguments="{}"))
    assert job.fault == "UnknownTool: there is no tool 'wether'; there are: weather"


def test_a_validator_that_breaks_is_told_too() -> None:
    class Broken(pydantic.BaseModel):
        a: int

        @pydantic.field_validator("a")
        @classmethod
        def check(cls, value: int) -> int:
            raise ZeroDivisionError("inside")

    def tool(broken: Any) -> None: ...

    tool.__annotations__["broken"] = Broken
    job = Toolbox([tool]).job(ToolCall(id="1", name="tool", arguments=json.dumps({"broken": {"a": 1}})))
    assert job.fault == "InvalidArguments: ZeroDivisionError: inside"
