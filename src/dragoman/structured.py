"""Answers as values of a Python type: what to ask for, how to read it, and what to do where it does not fit.

There are three ways to oblige a model, tried in this order: the wire's own structured output; a tool that it must call; words in a system
message. A way is left out where the wire cannot carry it, and given up where the provider refuses it. Whatever came is checked, and what
does not fit goes back to the model with the reason, a bounded number of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from dragoman.catalogue.schema import Model
from dragoman.core.errors import BadReply, BadRequest, DragomanError, Unsupported, UsageError
from dragoman.core.exchange import Call
from dragoman.core.messages import Message, Text, ToolCall, ToolResult
from dragoman.core.opaque import JsonObject
from dragoman.core.request import JsonFormat, NamedTool, Request, Tool
from dragoman.core.words import in_words
from dragoman.dialogue import Dialogue, asked
from dragoman.response import Response, StructuredResponse, total_usage
from dragoman.schemas import Misfit, read_json, schema_of, strict_schema, to_json

T = TypeVar("T")
A = TypeVar("A")
Encode: TypeAlias = Callable[[Request], Call]
"""The call that a request becomes. Raises ``Unsupported`` where it cannot be one."""

DEFAULT_REPAIRS: Final = 2
MAX_STARTS: Final = 32
"""At how many brackets of a text JSON is looked for."""

_REFUSED: Final = re.compile(
    r"response.?(?:format|mime.?type|(?:json.?)?schema)|json.?(?:schema|mode)|output.?(?:config|format)|structured.?output|tool.?choice"
    r"|forced?\b.*\btool",
    re.IGNORECASE,
)
"""Words of a provider that refuses the way and not the question."""
_GIVES: Final = "Gives the answer. Call it, once nothing else is left to do, instead of writing the answer."
_INSTRUCTION: Final = (
    "Answer with one JSON value that matches this JSON schema, and with nothing else: no explanation, no code fence.\n{schema}"
)
_AGAIN: Final = "The answer does not match the JSON schema: {fault}\nAnswer again with the whole JSON, corrected, and with nothing else."


class Shape(Generic[T]):
    """The type that an answer shall have, and its schema. What is no object in JSON is wrapped in one, ``{"value": …}``."""

    def __init__(self, into: Any) -> None:
        self.name = re.sub(r"[^A-Za-z0-9_-]", "_", getattr(into, "__name__", ""))[:64] if isinstance(into, type) else ""
        self.name = self.name if re.search(r"[A-Za-z0-9]", self.name) and not hasattr(into, "__origin__") else "answer"
        schema = schema_of(into, "into")
        self._wrapped = schema.get("type") != "object"
        self._kind = msgspec.defstruct("answer", [("value", into)]) if self._wrapped else into
        self.schema = schema_of(self._kind, "into") if self._wrapped else schema
        self.strict_schema = strict_schema(self.schema)

    def read(self, text: str) -> T:
        """The value in ``text``, which is JSON or holds it. Raises ``Misfit``."""
        value = read_json(text, self._kind)
        found: T = value.value if self._wrapped else value
        return found


class Way(Protocol):
    """How a model is obliged to answer in a shape."""

    def request(self, request: Request) -> Request:
        """``request`` with the obligation in it."""

    def texts(self, response: Response) -> Iterator[str]:
        """Where the answer may stand, the likeliest place first."""

    def again(self, calls: Sequence[ToolCall], fault: str) -> Message:
        """The turn that tells the model what does not fit; ``calls`` are those of its answer that still want a result."""


class Native(msgspec.Struct, frozen=True):
    """The wire's own structured output."""

    form: JsonFormat

    def request(self, request: Request) -> Request:
        return msgspec.structs.replace(request, response_format=self.form)

    def texts(self, response: Response) -> Iterator[str]:
        return json_texts(response.text)

    def again(self, calls: Sequence[ToolCall], fault: str) -> Message:
        return _user(_AGAIN.format(fault=fault))


class Forced(msgspec.Struct, frozen=True):
    """A tool that must be called; its arguments are the answer. Beside other tools it is the model's to say when."""

    tool: Tool

    def request(self, request: Request) -> Request:
        choice = request.tool_choice if request.tools else NamedTool(self.tool.name)
        return msgspec.structs.replace(request, tools=(*request.tools, self.tool), tool_choice=choice)

    def texts(self, response: Response) -> Iterator[str]:
        yield from (call.arguments for call in response.tool_calls if call.name == self.tool.name)
        yield from json_texts(response.text)

    def again(self, calls: Sequence[ToolCall], fault: str) -> Message:
        words = (Text(text=_AGAIN.format(fault=fault)),)
        results = tuple(ToolResult(id=call.id, name=call.name, parts=words) for call in calls)
        return Message("tool", results) if results else _user(words[0].text)


class Told(msgspec.Struct, frozen=True):
    """Words in a system message, which every model reads."""

    schema: JsonObject

    def request(self, request: Request) -> Request:
        words = Message("system", (Text(text=_INSTRUCTION.format(schema=to_json(self.schema))),))
        return msgspec.structs.replace(request, messages=(words, *request.messages))

    def texts(self, response: Response) -> Iterator[str]:
        return json_texts(response.text)

    def again(self, calls: Sequence[ToolCall], fault: str) -> Message:
        return _user(_AGAIN.format(fault=fault))


def ways(request: Request, shape: Shape[Any], encode: Encode, model: Model, may_be_native: bool = True) -> list[Way]:
    """The ways that the target can carry, the best first; words always."""
    found: list[Way] = []
    plain = encode(request)
    if may_be_native and model.structured_output is not False:
        native = _native(request, shape, encode, plain)
        found += [native] if native else []
    forced = Forced(Tool(name=_free_name(shape.name, request.tools), description=_GIVES, parameters=shape.schema))
    if model.tools is not False and _carries(forced.request(request), encode, plain, "tool"):
        found.append(forced)
    return [*found, Told(shape.schema)]


def _free_name(name: str, tools: Sequence[Tool]) -> str:
    """``name``, or where a tool has it already, the first that none has."""
    taken = {tool.name for tool in tools}
    return next(one for one in (name, *(f"{name[:60]}_{count}" for count in range(2, len(taken) + 3))) if one not in taken)


def _native(request: Request, shape: Shape[Any], encode: Encode, plain: Call) -> Native | None:
    """The fullest form of a schema that the wire takes without a word left out, else the least that it takes at all."""
    strict = JsonFormat(schema=shape.strict_schema, name=shape.name, strict=True) if shape.strict_schema is not None else None
    schema = shape.schema if shape.strict_schema is None else shape.strict_schema
    forms = [strict, JsonFormat(schema=schema, name=shape.name), JsonFormat(schema=schema)]
    carried = [Native(form) for form in forms if form and _carries(Native(form).request(request), encode, plain, "response_format:")]
    whole = [way for way in carried if len(encode(way.request(request)).warnings) == len(plain.warnings)]
    return next(iter(whole or carried[-1:]), None)


def _carries(request: Request, encode: Encode, plain: Call, field: str) -> bool:
    """Whether the obligation in ``request`` arrives: it changes the body, and no warning beyond those of ``plain`` names ``field``."""
    try:
        call = encode(request)
    except Unsupported:
        return False
    return call.body != plain.body and not any(warning.startswith(field) for warning in call.warnings if warning not in plain.warnings)


def structured(request: Request, shape: Shape[T], possible: list[Way], max_repairs: int) -> Dialogue[StructuredResponse[T]]:
    """The answer to ``request`` with its value.

    Raises ``BadReply`` with the last answer in ``partial`` where none fits after ``max_repairs`` repairs, and at once where the model
    refused or its answer was cut off at its limit of tokens.
    """
    return (yield from in_ways(possible, lambda way, answers: _in_one_way(way.request(request), shape, way, max_repairs, answers)))


def in_ways(possible: list[Way], attempt: Callable[[Way, list[Response]], Dialogue[A]]) -> Dialogue[A]:
    """What ``attempt`` brings in the first way that the provider does not refuse; it notes in the list what it was answered."""
    for position, way in enumerate(possible):
        answers: list[Response] = []
        try:
            return (yield from attempt(way, answers))
        except BadRequest as error:
            if answers or position == len(possible) - 1 or not _refuses(error):
                raise
    raise AssertionError("there is always one way")


def _in_one_way(request: Request, shape: Shape[T], way: Way, max_repairs: int, answers: list[Response]) -> Dialogue[StructuredResponse[T]]:
    messages = request.messages
    fault = ""
    for _ in range(max_repairs + 1):
        response = yield from asked(msgspec.structs.replace(request, messages=messages))
        answers.append(response)
        try:
            value = value_of(response, shape, way)
        except Misfit as error:
            fault = str(error)
            messages = (*messages, response.message, way.again(response.tool_calls, fault))
        else:
            fields = {name: getattr(response, name) for name in response.__struct_fields__}
            return StructuredResponse(**{**fields, "usage": total_usage(answer.usage for answer in answers), "value": value})
    raise unfit(f"the answer does not match the type asked for, after {max_repairs} repairs: {fault}", response)


def value_of(response: Response, shape: Shape[T], way: Way) -> T:
    """The value in ``response``. Raises ``Misfit``, or ``BadReply`` where no repair would help."""
    faults = []
    for text in way.texts(response):
        try:
            return shape.read(text)
        except Misfit as error:
            faults.append(str(error))
    fault = faults[0] if faults else "there is no JSON in it"
    if response.refusal:
        raise unfit(f"the model refused: {response.refusal}", response, retryable=False)
    if response.finish_reason == "length":
        raise unfit(f"the answer was cut off at its limit of tokens before it was a whole value: {fault}", response, retryable=False)
    raise Misfit(fault)


def _refuses(error: BadRequest) -> bool:
    """Whether the provider's words are about the way to ask."""
    said = " ".join(filter(None, (error.message, error.param, error.code, error.body)))
    return error.status is not None and _REFUSED.search(said) is not None


def unfit(words: str, response: Response, retryable: bool = True) -> DragomanError:
    """The error for an answer without a value, which it holds."""
    error = BadReply(words, provider=response.provider, model=response.model or response.requested_model, retryable=retryable)
    error.partial = response
    return error


def _user(text: str) -> Message:
    return Message("user", (Text(text=text),))


def json_texts(text: str) -> Iterator[str]:
    """The JSON objects that stand in ``text``, fenced, among words or alone, in order; ``text`` itself where there are none.

    Looked for at a bounded number of places, so the time stays linear in the text.
    """
    reader = json.JSONDecoder()
    position, starts, found = 0, 0, False
    while starts < MAX_STARTS and (start := text.find("{", position)) >= 0:
        starts += 1
        try:
            end = reader.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            position = start + 1
            continue
        found = True
        yield text[start:end]
        position = end
    if not found and text.strip():
        yield text


def check_repairs(max_repairs: object) -> int:
    """``max_repairs`` as a number. Raises ``UsageError``."""
    if not isinstance(max_repairs, int) or isinstance(max_repairs, bool) or max_repairs < 0:
        raise UsageError(f"max_repairs: {in_words(max_repairs)} was given; a whole number from 0 up is allowed")
    return max_repairs


def check_alone(request: Request, *names: str) -> None:
    """That ``request`` leaves the form of the answer to ``into`` and says nothing of ``names``. Raises ``UsageError``."""
    for name in names:
        if getattr(request, name):
            raise UsageError(f"{name}: it cannot stand beside into, which asks for the whole answer in one form")
