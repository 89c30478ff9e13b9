"""The loop of tools: ask the model, run what it calls for, tell it the results, until it answers without a call.

Tools without a Python function end the loop, because only the caller can run them. A conversation that ends with calls which have no result
yet is taken up there, so one that was cut short can be given back as a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from dragoman.core.errors import DragomanError, TurnsExhausted, UsageError
from dragoman.core.messages import Message, ToolCall, ToolResult
from dragoman.core.request import Request, ToolChoice
from dragoman.core.usage import Usage
from dragoman.core.words import in_words
from dragoman.dialogue import Dialogue, asked, ran
from dragoman.functions import Toolbox
from dragoman.response import Response, total_usage

DEFAULT_TURNS: Final = 10


class ToolRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop of tools came to. ``messages`` is the whole conversation and can be sent again."""

    responses: tuple[Response, ...]
    """The answer of every turn, in order."""
    messages: tuple[Message, ...]
    pending: tuple[ToolCall, ...] = ()
    """Calls of tools without a Python function; their results are the caller's to append to ``messages``."""

    @property
    def response(self) -> Response:
        """The last answer."""
        return self.responses[-1]

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.response.text

    @property
    def usage(self) -> Usage | None:
        """Of all turns together; what one of them does not know is unknown."""
        return total_usage(response.usage for response in self.responses)

    @property
    def cost(self) -> Decimal | None:
        """Of all turns together, in US dollars; ``None`` where one is not known."""
        costs = [response.cost for response in self.responses]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))

    def __str__(self) -> str:
        return self.text


def check_turns(max_turns: object) -> int:
    """``max_turns`` as a number. Raises ``UsageError``."""
    if not isinstance(max_turns, int) or isinstance(max_turns, bool) or max_turns < 1:
        raise UsageError(f"max_turns: {in_words(max_turns)} was given; a whole number from 1 up is allowed")
    return max_turns


def tool_turns(
    request: Request,
    toolbox: Toolbox,
    max_turns: int,
    warnings_of: Callable[[Request], tuple[str, ...]],
    responses: list[Response] | None = None,
) -> Dialogue[ToolRun]:
    """Ask at most ``max_turns`` times. Raises ``TurnsExhausted`` where the last answer still calls for tools, which are then not run.

    ``warnings_of`` tells what the target cannot carry of a request. ``responses`` holds the answers of turns before, which count, and takes
    those of the turns to come. Errors leave with the conversation so far in their ``messages``.
    """
    messages = list(request.messages)
    responses = [] if responses is None else responses
    begun = len(responses)
    calls = unanswered(messages)
    try:
        while calls or len(responses) == begun:
            if len(responses) == max_turns:
                raise _exhausted(responses[-1], max_turns)
            pending = tuple(call for call in calls if _is_callers(call, request, toolbox))
            jobs = tuple(toolbox.job(call) for call in calls if call not in pending)
            if jobs:
                results = yield from ran(jobs)
                messages.append(_told(results, request, messages, warnings_of))
            if pending and len(responses) > begun:
                break
            if pending:
                raise UsageError(
                    f"messages: the result of the call {pending[0].id} of {pending[0].name} is missing; it has no function here"
                )
            response = yield from asked(with_messages(request, messages))
            responses.append(response)
            messages.append(response.message)
            calls, pending = response.tool_calls, ()
            request = msgspec.structs.replace(request, tool_choice=after_first(request.tool_choice))
    except DragomanError as error:
        error.messages = tuple(messages)
        raise
    return ToolRun(responses=tuple(responses), messages=tuple(messages), pending=pending)


def after_first(choice: ToolChoice | None) -> ToolChoice | None:
    """A call can be demanded once; demanded every turn, the loop could never end."""
    return choice if choice in ("auto", "none") else None


def with_messages(request: Request, messages: Sequence[Message]) -> Request:
    """The same question about another conversation."""
    return msgspec.structs.replace(request, messages=tuple(messages))


def unanswered(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The calls at the end of a conversation that have no result yet."""
    answered: set[str] = set()
    for message in reversed(messages):
        if message.role != "tool":
            return tuple(part for part in message.parts if isinstance(part, ToolCall) and part.id not in answered)
        answered |= {part.id for part in message.parts if isinstance(part, ToolResult)}
    return ()


def _is_callers(call: ToolCall, request: Request, toolbox: Toolbox) -> bool:
    """Whether ``call`` is for a tool that has no Python function; one that nobody offered is for nobody, and the model's mistake."""
    return call.name not in toolbox and any(tool.name == call.name for tool in request.tools)


def _told(
    results: tuple[ToolResult, ...], request: Request, messages: Sequence[Message], warnings_of: Callable[[Request], tuple[str, ...]]
) -> Message:
    """The turn that tells ``results``, failures marked as such where the wire can say so; their words say it in any case."""
    marked = Message("tool", results)
    plain = Message("tool", tuple(msgspec.structs.replace(result, is_error=False) for result in results))
    if marked == plain:
        return plain
    with_marks, without = (warnings_of(with_messages(request, (*messages, message))) for message in (marked, plain))
    return marked if len(with_marks) <= len(without) else plain


def _exhausted(response: Response, max_turns: int) -> TurnsExhausted:
    called = ", ".join(call.name for call in response.tool_calls)
    turns = "1 turn" if max_turns == 1 else f"{max_turns} turns"
    error = TurnsExhausted(
        f"after {turns} the model still calls for {called}; max_turns allows more, or give messages back to go on",
        provider=response.provider,
        model=response.model or response.requested_model,
    )
    error.partial = response
    return error
