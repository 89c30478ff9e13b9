"""The loop of tools with a value of a type at its end.

The model is obliged as in ``structured``, but not to answer before it has called what it needs. The wire's own structured output is for
hosts that take it beside tools (``schema_beside_tools``): elsewhere it would keep the model from calling any. There the answer is one more
tool, which ends the loop. An answer that does not fit goes back, and the model may call tools again to mend it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.messages import Message, Text
from dragoman.core.request import NamedTool, Request
from dragoman.dialogue import Dialogue
from dragoman.functions import Toolbox
from dragoman.response import Response
from dragoman.schemas import Misfit
from dragoman.structured import Forced, Shape, Way, in_ways, unfit, value_of
from dragoman.tool_loop import ToolRun, after_first, tool_turns

T = TypeVar("T")


class StructuredToolRun(ToolRun, Generic[T], frozen=True, kw_only=True):
    """What a loop of tools came to, with the value in its last answer."""

    value: T


def answered_turns(
    request: Request,
    toolbox: Toolbox,
    max_turns: int,
    warnings_of: Callable[[Request], tuple[str, ...]],
    shape: Shape[T],
    possible: list[Way],
    max_repairs: int,
) -> Dialogue[StructuredToolRun[T]]:
    """``tool_turns`` until the answer has a value; repairs are turns too.

    Raises what ``tool_turns`` raises, and ``BadReply`` with the last answer in ``partial`` where none fits after ``max_repairs`` repairs.
    """

    def attempt(way: Way, responses: list[Response]) -> Dialogue[StructuredToolRun[T]]:
        asking = way.request(request)
        told = len(asking.messages) - len(request.messages)  # words of the way's own, which are no part of the conversation
        for left in reversed(range(max_repairs + 1)):
            run = yield from tool_turns(asking, toolbox, max_turns, warnings_of, responses)
            try:
                value = value_of(run.response, shape, way)
            except Misfit as error:
                fault = str(error)
            except DragomanError as error:
                error.messages = run.messages[told:]
                raise
            else:
                return StructuredToolRun(responses=run.responses, messages=_as_said(run)[told:], value=value)
            if not left or len(responses) == max_turns:
                raise _given_up(run, fault, max_repairs - left, told)
            asking = _again(asking, run, way, fault)
        raise AssertionError("the last repair returns or raises")

    return (yield from in_ways(possible, attempt))


def _again(request: Request, run: ToolRun, way: Way, fault: str) -> Request:
    """``request`` after an answer that does not fit; a tool that gives the answer must now be called."""
    choice = NamedTool(way.tool.name) if isinstance(way, Forced) else after_first(request.tool_choice)
    return msgspec.structs.replace(request, messages=(*run.messages, way.again(run.pending, fault)), tool_choice=choice)


def _given_up(run: ToolRun, fault: str, repairs: int, told: int) -> DragomanError:
    error = unfit(
        f"the answer does not match the type asked for, after {repairs} repairs and {len(run.responses)} turns: {fault}", run.response
    )
    error.messages = run.messages[told:]
    return error


def _as_said(run: ToolRun) -> tuple[Message, ...]:
    """The conversation with an answer that was given by a call as words: nobody would ever send that call's result."""
    if not run.pending:
        return run.messages
    last = max(i for i, message in enumerate(run.messages) if message.role == "assistant")
    spoken = tuple(part for part in run.messages[last].parts if part not in run.pending)
    messages = [*run.messages[:last], msgspec.structs.replace(run.messages[last], parts=spoken), *run.messages[last + 1 :]]
    answer = Message("assistant", (Text(text=run.pending[0].arguments),))
    return (*(message for message in messages if message.parts), answer)


def check_functions(request: Request, toolbox: Toolbox) -> None:
    """That each tool has a Python function. Raises ``UsageError``: a call of any other would end the loop without a value."""
    for tool in request.tools:
        if tool.name not in toolbox:
            raise UsageError(f"tools: {tool.name} has no Python function, and a call of it would end the loop without a value for into")
