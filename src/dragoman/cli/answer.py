"""One answer read to its end, its failure or Ctrl-C, with its times; and the three ways to show it: painted, plain, as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from dragoman.cli.screen import describe, redacted, say, without_controls
from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, ReasoningDelta, TextDelta
from dragoman.core.fold import Response

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

    from dragoman.client import Client
    from dragoman.prompts import Options, Prompt


class Answering(Protocol):
    """An answer on its way; ``EventStream`` is one."""

    @property
    def response(self) -> Response: ...

    def __iter__(self) -> Iterator[Event]: ...

    def __enter__(self) -> object: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Whole:
    """An answer asked for in one piece, in the form of a stream."""

    def __init__(self, client: Client, model: str, prompt: Prompt, options: Options) -> None:
        self._ask: Callable[[], Response] = partial(client.complete, model, prompt, **options)
        self.response = Response(choices=())

    def __iter__(self) -> Iterator[Event]:
        try:
            self.response = self._ask()
        except DragomanError as error:
            self.response = error.partial or self.response
            raise
        if self.response.reasoning:
            yield ReasoningDelta(0, self.response.reasoning)
        yield TextDelta(0, self.response.text or self.response.refusal or "")

    def __enter__(self) -> Whole:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """There is nothing to close: the call has ended when this is left."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer went. ``response`` holds what arrived, whole or not."""

    response: Response
    model: str
    """As it was asked for."""
    error: DragomanError | None = None
    is_interrupted: bool = False
    first_token_s: float | None = None
    total_s: float = 0.0

    @property
    def is_whole(self) -> bool:
        return self.error is None and not self.is_interrupted


def refused(error: DragomanError, model: str) -> Told:
    """What is told of a question that was never sent."""
    return Told(response=Response(choices=()), model=model, error=error)


def listen(stream: Answering, model: str, take: Callable[[Event], None]) -> Told:
    """Hand each event to ``take``. Ctrl-C closes the upstream at once; neither it nor a failure is raised."""
    begun_s = time.monotonic()
    first_s: float | None = None
    error: DragomanError | None = None
    is_interrupted = False
    try:
        with stream:
            for event in stream:
                if first_s is None and (event.text or getattr(event, "reasoning", "")):
                    first_s = time.monotonic() - begun_s
                take(event)
    except DragomanError as fault:
        error = fault
    except KeyboardInterrupt:
        is_interrupted = True
    return Told(
        response=stream.response,
        model=model,
        error=error,
        is_interrupted=is_interrupted,
        first_token_s=None if isinstance(stream, Whole) else first_s,
        total_s=time.monotonic() - begun_s,
    )


def paint(stream: Answering, model: str, out: Console) -> Told:
    """On a terminal: Markdown as it comes, then a line of facts."""
    from dragoman.cli.painter import Painter

    with Painter(out) as painter:
        told = listen(stream, model, painter.take)
    if told.error is None:
        say(out, facts(told))
    return told


def write(stream: Answering, model: str, out: TextIO) -> Told:
    """Anywhere: the bare text, at once, with a line end at its end; a terminal is spared what could command it."""
    clean = without_controls if out.isatty() else str
    ending = "\n"

    def take(event: Event) -> None:
        nonlocal ending
        if event.text:
            out.write(clean(event.text))
            out.flush()
            ending = "" if event.text.endswith("\n") else "\n"

    told = listen(stream, model, take)
    if told.response.text or told.is_whole:
        out.write(ending)
        out.flush()
    return told


def facts(told: Told) -> Text:
    """One dim line: model, tokens, times."""
    from rich.text import Text

    usage = told.response.usage
    words = [told.model]
    if told.is_interrupted:
        words.append("stopped")
    if usage and usage.input_tokens is not None:
        words.append(f"{usage.input_tokens} tokens in")
    if usage and usage.output_tokens is not None:
        words.append(f"{usage.output_tokens} out")
    if told.first_token_s is not None:
        words.append(f"first after {told.first_token_s:.2f} s")
    words.append(f"{told.total_s:.2f} s")
    if told.is_whole and told.response.finish_reason not in ("stop", None):
        words.append(f"ended by {told.response.finish_reason}")
    return Text(" · ".join(words), "dim")


def as_json(told: Told, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """The answer as one object; ``error`` stands in it only where one occurred, beside the text that had arrived."""
    response = told.response
    value: dict[str, Any] = {
        "text": response.text,
        "model": response.model or told.model.partition("/")[2],
        "provider": response.provider or told.model.partition("/")[0],
        "finish_reason": response.finish_reason,
        "usage": response.usage and {name: count for name, count in msgspec.structs.asdict(response.usage).items() if name != "raw"},
        "warnings": response.warnings,
        "times": {
            "first_token_s": None if told.first_token_s is None else round(told.first_token_s, 4),
            "total_s": round(told.total_s, 4),
        },
    }
    if response.reasoning:
        value["reasoning"] = response.reasoning
    if told.is_interrupted:
        value["error"] = {"type": "Interrupted", "message": "stopped by Ctrl-C"}
    if told.error is not None:
        value["error"] = error_json(told.error, secrets)
    return value


def error_json(error: DragomanError, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """An error's facts."""
    return {
        "type": type(error).__name__,
        "message": redacted(error.message, secrets),
        "description": redacted(describe(error), secrets),
        "provider": error.provider,
        "model": error.model,
        "status": error.status,
        "code": error.code and redacted(error.code, secrets),
        "request_id": error.request_id,
        "retry_after_s": error.retry_after_s,
        "retryable": error.retryable,
    }
