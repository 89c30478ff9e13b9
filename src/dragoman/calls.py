"""One call without a client: ``dragoman.complete``, ``stream``, ``run_tools`` and the operations. Each makes a client for itself, so no
state is shared; each takes the client's settings among its options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from dragoman.catalogue.load import nearest
from dragoman.client import Client, ClientSettings
from dragoman.core.errors import UsageError
from dragoman.core.listing import ListedModel
from dragoman.operations import (
    EMBED,
    GENERATE_IMAGE,
    LIST_MODELS,
    MODERATE,
    RERANK,
    SPEAK,
    TRANSCRIBE,
    Embeddings,
    EmbedInputs,
    Moderation,
    Pictures,
    Ranking,
    Sound,
    Speech,
    TokenCount,
    Transcription,
)
from dragoman.prompts import Options, Prompt
from dragoman.response import Response, StructuredResponse
from dragoman.streams import EventStream
from dragoman.structured import DEFAULT_REPAIRS
from dragoman.tool_answer import StructuredToolRun
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


@overload
def run_tools(model: str, prompt: Prompt, *, into: type[T], **options: Any) -> StructuredToolRun[T]: ...
@overload
def run_tools(model: str, prompt: Prompt, *, into: object, **options: Any) -> StructuredToolRun[Any]: ...
@overload
def run_tools(model: str, prompt: Prompt, **options: Any) -> ToolRun: ...
def run_tools(
    model: str, prompt: Prompt, *, into: Any = None, max_turns: int = DEFAULT_TURNS, max_repairs: int = DEFAULT_REPAIRS, **options: Any
) -> ToolRun:
    """Ask ``model``, run the Python functions among ``tools`` that it calls for, and so on until it answers; see ``Client.run_tools``."""
    client, rest = _client(options)
    with client:
        run: ToolRun = client.run_tools(model, prompt, into=into, max_turns=max_turns, max_repairs=max_repairs, **rest)
        return run


def stream(model: str, prompt: Prompt, **options: Any) -> EventStream:
    """The answer as it comes: an iterator of events, each with ``text``. Its connection closes with the stream."""
    client, rest = _client({"max_idle_connections": 0, **options})
    return client.stream(model, prompt, **rest)


def embed(model: str, inputs: EmbedInputs, **options: Any) -> Embeddings:
    """A vector for each of ``inputs``; see ``Client.embed``, as for the functions below."""
    client, rest = _client(options, EMBED.options)
    with client:
        return client.embed(model, inputs, **rest)


def rerank(model: str, query: str, documents: Sequence[str], **options: Any) -> Ranking:
    """``documents`` in the order in which they answer ``query``, by their places in the list."""
    client, rest = _client(options, RERANK.options)
    with client:
        return client.rerank(model, query, documents, **rest)


def generate_image(model: str, prompt: str, **options: Any) -> Pictures:
    """Pictures made to ``prompt``; with ``images``, made out of those."""
    client, rest = _client(options, GENERATE_IMAGE.options)
    with client:
        return client.generate_image(model, prompt, **rest)


def transcribe(model: str, audio: Sound, **options: Any) -> Transcription:
    """What is said in ``audio``: a ``pathlib.Path``, which is read, bytes, or an ``Audio``."""
    client, rest = _client(options, TRANSCRIBE.options)
    with client:
        return client.transcribe(model, audio, **rest)


def speak(model: str, text: str, **options: Any) -> Speech:
    """``text`` read aloud; the sound's bytes are in ``data``."""
    client, rest = _client(options, SPEAK.options)
    with client:
        return client.speak(model, text, **rest)


def moderate(model: str, inputs: EmbedInputs, **options: Any) -> Moderation:
    """Whether ``inputs`` break a provider's rules; ``model`` may be a provider's name alone."""
    client, rest = _client(options, MODERATE.options)
    with client:
        return client.moderate(model, inputs, **rest)


def count_tokens(model: str, prompt: Prompt, **options: Any) -> TokenCount:
    """How many tokens ``prompt`` has for ``model``."""
    client, rest = _client(options)
    with client:
        return client.count_tokens(model, prompt, **rest)


def list_models(provider: str, **options: Any) -> tuple[ListedModel, ...]:
    """The models that ``provider`` names now."""
    client, rest = _client(options, LIST_MODELS.options)
    with client:
        return client.list_models(provider, **rest)


def _client(options: dict[str, Any], known: type = Options) -> tuple[Client, Any]:
    """A client of the client's settings among ``options``, and the rest; ``timeout`` is both and goes to the call."""
    allowed = ClientSettings.__annotations__.keys() | known.__annotations__.keys()
    for name in sorted(options.keys() - allowed):
        raise UsageError(f"{name}: no such option; {nearest(name, sorted(allowed))}")
    settings = {name: value for name, value in options.items() if name in ClientSettings.__annotations__ and name != "timeout"}
    rest = {name: value for name, value in options.items() if name not in settings}
    return Client(**settings), rest
