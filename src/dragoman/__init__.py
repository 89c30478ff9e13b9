"""Dragoman: one interface to every large-language-model provider.

::

    import dragoman

    answer = dragoman.complete("openai/gpt-4.1", "Name three rivers.")
    print(answer.text)

    for event in dragoman.stream("openai/gpt-4.1", "Tell me a story."):
        print(event.text, end="", flush=True)

``Client`` and ``AsyncClient`` keep connections and settings between calls. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dragoman.attachments import attach as attach
    from dragoman.calls import complete as complete
    from dragoman.calls import count_tokens as count_tokens
    from dragoman.calls import embed as embed
    from dragoman.calls import generate_image as generate_image
    from dragoman.calls import list_models as list_models
    from dragoman.calls import moderate as moderate
    from dragoman.calls import rerank as rerank
    from dragoman.calls import run_tools as run_tools
    from dragoman.calls import speak as speak
    from dragoman.calls import stream as stream
    from dragoman.calls import transcribe as transcribe
    from dragoman.client import AsyncClient as AsyncClient
    from dragoman.client import Client as Client
    from dragoman.core.exchange import Timeouts as Timeouts
    from dragoman.core.messages import Audio as Audio
    from dragoman.core.messages import File as File
    from dragoman.core.messages import Image as Image
    from dragoman.core.messages import Message as Message
    from dragoman.core.messages import Reasoning as Reasoning
    from dragoman.core.messages import Refusal as Refusal
    from dragoman.core.messages import Source as Source
    from dragoman.core.messages import Text as Text
    from dragoman.core.messages import ToolCall as ToolCall
    from dragoman.core.messages import ToolResult as ToolResult
    from dragoman.core.request import JsonFormat as JsonFormat
    from dragoman.core.request import NamedTool as NamedTool
    from dragoman.core.request import ReasoningOptions as ReasoningOptions
    from dragoman.core.request import Tool as Tool
    from dragoman.core.usage import Usage as Usage
    from dragoman.errors import DragomanError as DragomanError
    from dragoman.operations import Embeddings as Embeddings
    from dragoman.operations import Moderation as Moderation
    from dragoman.operations import Pictures as Pictures
    from dragoman.operations import Ranking as Ranking
    from dragoman.operations import Speech as Speech
    from dragoman.operations import TokenCount as TokenCount
    from dragoman.operations import Transcription as Transcription
    from dragoman.response import Response as Response
    from dragoman.response import StructuredResponse as StructuredResponse
    from dragoman.streams import AsyncEventStream as AsyncEventStream
    from dragoman.streams import EventStream as EventStream
    from dragoman.tool_answer import StructuredToolRun as StructuredToolRun
    from dragoman.tool_loop import ToolRun as ToolRun

__version__ = "0.1.0"

_HOMES = {
    "dragoman.attachments": ("attach",),
    "dragoman.calls": (
        "complete",
        "count_tokens",
        "embed",
        "generate_image",
        "list_models",
        "moderate",
        "rerank",
        "run_tools",
        "speak",
        "stream",
        "transcribe",
    ),
    "dragoman.client": ("AsyncClient", "Client"),
    "dragoman.core.exchange": ("Timeouts",),
    "dragoman.core.messages": (
        "Audio",
        "File",
        "Image",
        "Message",
        "Reasoning",
        "Refusal",
        "Source",
        "Text",
        "ToolCall",
        "ToolResult",
    ),
    "dragoman.core.request": ("JsonFormat", "NamedTool", "ReasoningOptions", "Tool"),
    "dragoman.core.usage": ("Usage",),
    "dragoman.errors": ("DragomanError",),
    "dragoman.operations": ("Embeddings", "Moderation", "Pictures", "Ranking", "Speech", "TokenCount", "Transcription"),
    "dragoman.response": ("Response", "StructuredResponse"),
    "dragoman.streams": ("AsyncEventStream", "EventStream"),
    "dragoman.tool_answer": ("StructuredToolRun",),
    "dragoman.tool_loop": ("ToolRun",),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("errors", "providers", "typing")

__all__ = sorted([*_NAMES, *_MODULES, "__version__"])


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"dragoman.{name}")
    home = _NAMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dragoman' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return list(__all__)
