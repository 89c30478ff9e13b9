"""Scenarios: what an emulated provider answers to a request.

A scenario is any callable from a ``Request`` to an ``Answer``, to a text or to core events; it may raise a ``DragomanError``, which the
caller gets in the dialect's own form. The scenarios here also call a tool where a request that offers tools says so: the user writes
``call:<tool name> {json}``, or obliges the model to call by ``tool_choice``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final, TypeAlias

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UsageError
from dragoman.core.events import Event
from dragoman.core.messages import Message, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, Request, Tool
from dragoman.emulator.answer import Answer, tool_call
from dragoman.emulator.sample import sample

Scenario: TypeAlias = Callable[[Request], Answer | str | Iterable[Event]]

LOREM: Final = (
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua "
    "ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat"
)

_CALL: Final = re.compile(r"\bcall:([A-Za-z0-9_-]+)[ \t]*")


def last_user_text(request: Request) -> str:
    """The text of the last user message; empty where there is none."""
    return next((message.text for message in reversed(request.messages) if message.role == "user"), "")


def echo() -> Scenario:
    """Says the last user message back; after a tool's result, that result; where a schema is asked for, a value that fits it."""

    def answer(request: Request) -> Answer:
        text = _result_text(request.messages[-1:]) or last_user_text(request)
        return _called(request) or Answer(text=_fitting(request.response_format, text))

    return answer


def canned(text: str) -> Scenario:
    """Always says ``text``."""

    def answer(request: Request) -> Answer:
        return _called(request) or Answer(text=text)

    return answer


def lorem(tokens: int) -> Scenario:
    """Says ``tokens`` pieces of dummy text, the same each time. Raises ``UsageError``."""
    if tokens < 0:
        raise UsageError(f"scenario: lorem={tokens} was given; a whole number of tokens from 0 on is allowed")
    text = " ".join(islice(cycle(LOREM.split()), tokens))

    def answer(request: Request) -> Answer:
        return _called(request) or Answer(text=text)

    return answer


def script(path: str | Path) -> Scenario:
    """The answers of a scenario file; see ``emulator.scenario_file``. Raises ``UsageError``."""
    from dragoman.emulator.scenario_file import Script

    return Script.read(Path(path))


def _read_lorem(value: str) -> Scenario:
    if not value.isdecimal():
        raise UsageError(f"scenario: lorem={value} was given; lorem=TOKENS is allowed, such as lorem=200")
    return lorem(int(value))


_NAMED: Final[dict[str, Callable[[str], Scenario]]] = {
    "echo": lambda _value: echo(),
    "canned": canned,
    "lorem": _read_lorem,
    "script": script,
}
_NEEDS_NO_VALUE: Final = ("echo",)


def scenario_of(given: str | Path | Answer | Scenario) -> Scenario:
    """A scenario from what a user gives: ``echo``, ``canned=TEXT``, ``lorem=TOKENS`` or ``script=PATH`` as text, a file's path, one answer
    for all, or any callable. Raises ``UsageError``."""
    if isinstance(given, Answer):
        fixed = given
        return lambda _request: fixed
    if isinstance(given, Path):
        return script(given)
    if not isinstance(given, str):
        if callable(given):
            return given
        raise UsageError(f"scenario: {given!r} was given; a name, a path, an Answer or a callable is allowed")
    name, equals, value = given.partition("=")
    build = _NAMED.get(name)
    if build is None:
        raise UsageError(
            f"scenario: {given!r} was given; echo, canned=TEXT, lorem=TOKENS or script=PATH is allowed, {nearest(name, list(_NAMED))}"
        )
    if bool(equals) == (name in _NEEDS_NO_VALUE):
        raise UsageError(f"scenario: {given!r} was given; echo, canned=TEXT, lorem=TOKENS or script=PATH is allowed")
    return build(value)


def _result_text(messages: Sequence[Message]) -> str:
    results = [part for message in messages for part in message.parts if isinstance(part, ToolResult)]
    return " ".join(inner.text for result in results for inner in result.parts if isinstance(inner, Text))


def _fitting(asked: JsonFormat | None, text: str) -> str:
    """``text`` where it is JSON or any text will do, else JSON that fits what is asked for."""
    if asked is None or asked.schema is None or _is_json(text):
        return text
    return json.dumps(sample(asked.schema))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _called(request: Request) -> Answer | None:
    """The answer that calls tools, where the user's last word asks for it."""
    offered = {tool.name: tool for tool in request.tools}
    choice = request.tool_choice
    if not offered or choice == "none" or not request.messages or request.messages[-1].role != "user":
        return None
    calls = [call for call in _written_calls(request.messages[-1].text) if call.name in offered]
    if not calls and isinstance(choice, NamedTool):
        calls = [_obliged(choice.name, offered.get(choice.name))]
    elif not calls and choice == "required":
        calls = [_obliged(request.tools[0].name, request.tools[0])]
    return Answer(tool_calls=calls) if calls else None


def _obliged(name: str, tool: Tool | None) -> ToolCall:
    """A call that the request obliges to, with arguments that fit."""
    arguments = sample(tool.parameters) if tool and tool.parameters else None
    return tool_call(name, arguments if isinstance(arguments, dict) else {})


def _written_calls(text: str) -> list[ToolCall]:
    """Every ``call:name {json}`` in ``text``, the arguments as they are written; a call without arguments has none."""
    calls = []
    reader = json.JSONDecoder()
    for found in _CALL.finditer(text):
        arguments = "{}"
        if text[found.end() : found.end() + 1] == "{":
            try:
                arguments = text[found.end() : reader.raw_decode(text, found.end())[1]]
            except (ValueError, RecursionError):
                continue
        calls.append(tool_call(found.group(1), arguments))
    return calls
