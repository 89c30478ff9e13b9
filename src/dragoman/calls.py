"""One call without a client: ``dragoman.complete`` and ``dragoman.stream``. Each makes a client for itself, so no state is shared."""

from __future__ import annotations

from typing import Any

from dragoman.catalogue.load import nearest
from dragoman.client import Client, ClientSettings
from dragoman.core.errors import UsageError
from dragoman.core.fold import Response
from dragoman.prompts import Options, Prompt
from dragoman.streams import EventStream


def complete(model: str, prompt: Prompt, **options: Any) -> Response:
    """The whole answer of ``model`` (``provider/model``) to ``prompt``; options of a call and of a client are both taken.

    Raises ``UsageError`` before anything is sent, else any other ``DragomanError``, with what had arrived in its ``partial``.
    """
    client, rest = _client(options)
    with client:
        return client.complete(model, prompt, **rest)


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
