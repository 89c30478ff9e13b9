"""One call without a client: ``dragoman.complete``, ``stream``, ``run_tools`` and the operations. Each makes a client for itself, so no
state is shared; each takes the client's settings among its options.
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

from dragoman.catalogue.load import nearest
from dragoman.client import Client, ClientSettings
from dragoman.core.errors import UsageError
from dragoman.prompts import Options, Prompt
from dragoman.response import Response, StructuredResponse
from dragoman.streams import EventStream
from dragoman.structured import DEFAULT_REPAIRS
from dragoman.tool_loop import DEFAULT_TURNS, ToolRun

T = TypeVar("T")


@overload
def complete(model: str, prompt: Prompt, *, into: type[T], **options: Any) -> StructuredResponse[T]: ...
@overload
def complete(model: str, prompt: Prompt, *, into: object, **options: Any) -> StructuredResponse[Any]: ...
@overload
def complete(model: str, prompt: Prompt, **options: Any) -> Response: ...
def complete(model: str, prompt: Prompt, *, into: Any = None, max_repairs: int = DEFAULT_REPAIRS, **options: Any) -> Response:
    """The whole answer of ``model`` (``provider/model``) to ``prompt``; options of a call and of a client are both taken.

    With ``into``, a type, the answer has a ``value`` of that type; see ``Client.complete``. Raises ``UsageError`` before anything is sent,
    else any other ``DragomanError``, with what had arrived in its ``partial``.
    """
    client, rest = _client(options)
    with client:
        answer: Response = client.complete(model, prompt, into=into, max_repairs=max_repairs, **rest)
        return answer


def run_tools(model: str, prompt: Prompt, *, max_turns: int = DEFAULT_TURNS, **options: Any) -> ToolRun:
    """Ask ``model``, run the Python functions among ``tools`` that it calls for, and so on until it answers; see ``Client.run_tools``."""
    client, rest = _client(options)
    with client:
        return client.run_tools(model, prompt, max_turns=max_turns, **rest)


def stream(model: str, prompt: Prompt, **options: Any) -> EventStream:
    """The answer as it comes: an iterator of events, each with ``text``. Its connection closes with the stream."""
    client, rest = _client({"max_idle_connections": 0, **options})
    return client.stream(model, prompt, **rest)


def _client(options: dict[str, Any]) -> tuple[Client, Any]:
    """A client of the client's settings among ``options``, and the rest; ``timeout`` is both and goes to the call."""
    allowed = ClientSettings.__annotations__.keys() | Options.__annotations__.keys()
    for name in sorted(options.keys() - allowed):
        raise UsageError(f"{name}: no such option; {nearest(name, sorted(allowed))}")
    settings = {name: value for name, value in options.items() if name in ClientSettings.__annotations__ and name != "timeout"}
    rest = {name: value for name, value in options.items() if name not in settings}
    return Client(**settings), rest
