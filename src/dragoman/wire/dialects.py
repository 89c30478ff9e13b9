"""The dialects by name. A module is a dialect when it has the functions of ``wire.dialect.Dialect``; the type checker sees to it here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from dragoman.core.errors import Unsupported, UsageError
from dragoman.wire.dialect import Dialect
from dragoman.wire.operations import DIALECTS

NAMES: Final = (
    "openai_chat",
    "raycast",
    "ollama",
    "cohere",
    "anthropic_messages",
    "gemini",
    "openai_responses",
    "bedrock_converse",
    "openai_completions",
)
"""Every dialect there is. The three other legacy wires are OpenAI's with quirks, and so rows of the catalogue."""

if TYPE_CHECKING:
    from dragoman.wire import anthropic_messages, bedrock_converse, ollama, openai_chat, openai_completions, openai_responses, raycast

    _CHECKED: tuple[Dialect, ...] = (
        openai_chat,
        raycast,
        ollama,
        anthropic_messages,
        openai_responses,
        bedrock_converse,
        openai_completions,
    )


@cache
def dialect(name: str) -> Dialect:
    """The dialect ``name``, its module loaded when first asked for. Raises ``UsageError``; for one of operations alone, ``Unsupported``."""
    if name not in NAMES and name in DIALECTS:
        raise Unsupported(f"dialect: {name} has operations alone and answers no prompts; one of {', '.join(NAMES)} does")
    if name not in NAMES:
        raise UsageError(f"dialect: {name!r} was given; one of {', '.join(NAMES)} is allowed")
    return cast(Dialect, import_module(f"dragoman.wire.{name}"))
