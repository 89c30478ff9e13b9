"""OpenAI chat: what is read of an answer's JSON, as types. Everything is optional, because imitators leave out what they like."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.events import FinishName, TokenLogprob
from dragoman.core.opaque import Json, JsonObject

FINISH: Final[dict[str, FinishName]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
    "model_length": "length",
    "sensitive": "content_filter",
}
"""OpenAI's finish reasons, then Azure's for DeepSeek, Mistral's and Z.ai's, and ours; any other word is ``other``."""

NOTHING: Final = msgspec.Raw(b"null")


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: msgspec.Raw = NOTHING


class Custom(msgspec.Struct, gc=False):
    """A call of a tool that takes free text."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: JsonObject | None = None


class Sound(msgspec.Struct, gc=False):
    id: str | None = None
    data: str | None = None
    transcript: str | None = None
    expires_at: int | float | None = None


class Said(msgspec.Struct):
    """A whole message or a streamed delta: their fields are the same."""

    content: str | list[Json] | JsonObject | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    reasoning_details: list[JsonObject] | None = None
    annotations: list[Json] | None = None
    audio: Sound | None = None
    images: list[Json] | None = None
    extra_content: Json = None
    thought_signature: Json = None


class Logprobs(msgspec.Struct):
    content: tuple[TokenLogprob, ...] | None = None
    refusal: tuple[TokenLogprob, ...] | None = None


class Choice(msgspec.Struct):
    index: int = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    native_finish_reason: Json = None
    content_filter_results: Json = None
    stop_reason: Json = None


class Groq(msgspec.Struct):
    usage: msgspec.Raw = NOTHING


class Answer(msgspec.Struct):
    """A chunk or a whole completion. What nothing is done with may be of any type: an odd one spoils no good answer."""

    id: Json = None
    model: str | None = None
    created: Json = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = NOTHING
    error: Json = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    provider: Json = None
    x_groq: Groq | None = None
    search_results: msgspec.Raw = NOTHING
    citations: msgspec.Raw = NOTHING

    @property
    def created_s(self) -> int | None:
        """When the answer was made, where a number says so."""
        return int(self.created) if isinstance(self.created, (int, float)) and self.created else None


ANSWER: Final = msgspec.json.Decoder(Answer)
EMPTY: Final = Said()
NO_LOGPROBS: Final = Logprobs()
OWN_OF_CHOICE: Final = ("native_finish_reason", "content_filter_results", "stop_reason")
OWN_OF_ANSWER: Final = ("service_tier", "system_fingerprint", "provider")
OWN_OF_MESSAGE: Final = ("extra_content", "thought_signature")
"""What this wire alone tells of a choice, an answer and a message, kept as it came."""
