"""What is asked of a model, free of any vendor's form. ``None`` everywhere means: not said, the target's own default holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from dragoman.core.messages import Message
from dragoman.core.opaque import Extra, JsonObject, Number


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function the model may call. ``parameters`` is a JSON schema of its arguments."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None
    extra: Extra = {}


class NamedTool(msgspec.Struct, frozen=True):
    """The tool choice that obliges the model to call this one tool."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


class JsonFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The answer must be JSON, matching ``schema`` where one is given."""

    schema: JsonObject | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class ReasoningOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much the model may think: a vendor's word (``low``, ``high`` …) or a number of tokens; ``enabled`` where it can be switched.

    ``summary`` asks for the thinking to be shown, in a vendor's word (``auto``, ``concise``, ``detailed``).
    """

    effort: str | None = None
    budget_tokens: int | None = None
    enabled: bool | None = None
    summary: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one model. ``stream`` is the form of answer wanted on the wire; the events are the same either way."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: JsonFormat | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: int | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    stop: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning: ReasoningOptions | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    extra: Extra = {}
    """Fields of one dialect alone; sent as they are when the target speaks that dialect."""
