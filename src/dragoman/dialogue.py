"""Conversations of several calls: policies that say what to do next, and the two small loops that do it.

A policy is a generator, so that one text serves both clients: it yields ``Ask`` and receives the ``Response``, or has the error thrown in;
it yields ``Run`` and receives the results of the functions. It does no I/O and keeps its state in its own variables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.messages import ToolResult
from dragoman.core.request import Request
from dragoman.functions import Job
from dragoman.response import Response

if TYPE_CHECKING:
    from dragoman.prompts import Options
    from dragoman.streams import AsyncEventStream, EventStream

T = TypeVar("T")


class Ask(msgspec.Struct, frozen=True):
    """Send ``request`` and wait for the whole answer. Outcome: a ``Response``."""

    request: Request


class Run(msgspec.Struct, frozen=True):
    """Run the functions that a model called for. Outcome: their results, in order."""

    jobs: tuple[Job, ...]


Outcome: TypeAlias = Response | tuple[ToolResult, ...] | None
Dialogue: TypeAlias = Generator[Ask | Run, Outcome, T]
"""A policy at work; it returns ``T`` when it is done."""


def asked(request: Request) -> Dialogue[Response]:
    """The answer to ``request``. Typed help for ``yield from``, as is the function below."""
    outcome = yield Ask(request)
    return outcome  # type: ignore[return-value]  # the loops' contract; a generator's outcomes have one type for all steps


def ran(jobs: tuple[Job, ...]) -> Dialogue[tuple[ToolResult, ...]]:
    outcome = yield Run(jobs)
    return outcome  # type: ignore[return-value]  # as above


class Talk:
    """Holds dialogues on blocking I/O."""

    awaits: Final = False

    def __init__(self, answer: Callable[[Request, Options], EventStream], options: Options) -> None:
        self._answer = answer
        self._options = options

    def hold(self, dialogue: Dialogue[T]) -> T:
        """Do what ``dialogue`` says until it returns. Raises what it raises."""
        outcome: Outcome = None
        failure: DragomanError | None = None
        try:
            while True:
                step = dialogue.throw(failure) if failure else dialogue.send(outcome)
                outcome, failure = None, None
                if isinstance(step, Run):
                    outcome = self._run(step.jobs)
                    continue
                try:
                    outcome = self._ask(step.request)
                except DragomanError as error:
                    failure = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            dialogue.close()

    def _ask(self, request: Request) -> Response:
        with self._answer(request, self._options) as stream:
            return stream.finish()

    def _run(self, jobs: Sequence[Job]) -> tuple[ToolResult, ...]:
        return tuple(run(job) for job in jobs)


class AsyncTalk:
    """Holds dialogues on an event loop."""

    awaits: Final = True

    def __init__(self, answer: Callable[[Request, Options], AsyncEventStream], options: Options) -> None:
        self._answer = answer
        self._options = options

    async def hold(self, dialogue: Dialogue[T]) -> T:
        """Do what ``dialogue`` says until it returns. Raises what it raises."""
        outcome: Outcome = None
        failure: DragomanError | None = None
        try:
            while True:
                step = dialogue.throw(failure) if failure else dialogue.send(outcome)
                outcome, failure = None, None
                if isinstance(step, Run):
                    outcome = await self._run(step.jobs)
                    continue
                try:
                    outcome = await self._ask(step.request)
                except DragomanError as error:
                    failure = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            dialogue.close()

    async def _ask(self, request: Request) -> Response:
        async with self._answer(request, self._options) as stream:
            return await stream.finish()

    async def _run(self, jobs: Sequence[Job]) -> tuple[ToolResult, ...]:
        from asyncio import TaskGroup  # programs that only ever block never load it

        async with TaskGroup() as group:
            tasks = [group.create_task(async_run(job)) for job in jobs]
        return tuple(task.result() for task in tasks)


def run(job: Job) -> ToolResult:
    """The result of one call; whatever its function raises is told to the model."""
    if job.function is None:
        return job.refused()
    try:
        value = job.function.function(**job.arguments)
    except Exception as error:  # noqa: BLE001  # see above
        return job.failed(error)
    if iscoroutine(value):
        value.close()
        raise UsageError(f"tools: {job.call.name} gave back a coroutine; a blocking client cannot await it, AsyncClient can")
    return job.answered(value)


async def async_run(job: Job) -> ToolResult:
    """The same on a loop: an async function there, any other in a thread."""
    from asyncio import to_thread

    if job.function is None:
        return job.refused()
    try:
        if job.function.is_async:
            value = await job.function.function(**job.arguments)
        else:
            value = await to_thread(job.function.function, **job.arguments)
            value = await value if isawaitable(value) else value
    except Exception as error:  # noqa: BLE001  # see above
        return job.failed(error)
    return job.answered(value)
