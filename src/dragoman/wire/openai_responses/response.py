"""Responses: the response object that the events at a stream's start and end carry, and that a whole answer is.

It repeats the request, with the vendor's own defaults where the caller said nothing. One default is ours: ``store`` is false unless asked
for, because who serves this wire from events alone keeps no answers.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.events import Finished, FinishReason, Started
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.wire.openai_responses.content import own_fields
from dragoman.wire.openai_responses.messages import instructions_of
from dragoman.wire.openai_responses.request import encode_options
from dragoman.wire.openai_responses.usage import encode_usage

PREFIX: Final = "resp_"

_DEFAULTS: Final[JsonObject] = {
    "background": False,
    "frequency_penalty": 0.0,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What is repeated of the request, and what stands there where it says nothing."""

_REASONS: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseObject:
    """The response to ``request`` as far as it has come."""

    def __init__(self, request: Request) -> None:
        self._echo = _echo(request)
        self._model = request.model
        self._started = Started()

    def start(self, event: Started) -> None:
        self._started = event

    @property
    def id(self) -> str:
        """A response of this wire keeps its id, another gets the prefix that clients look for."""
        name = self._started.id or "0"
        return name if own_fields(self._started.extra) or name.startswith(PREFIX) else PREFIX + name

    def running(self) -> JsonObject:
        return self._object("in_progress", [])

    def finished(self, event: Finished, output: list[JsonObject]) -> JsonObject:
        """The response at its end; ``completed_at`` is unknown unless this wire told it."""
        why = incomplete_details(event)
        told = {name: value for name, value in own_fields(event.extra).items() if name != "incomplete_details"}
        whole = self._object("incomplete" if why else "completed", output)
        return {**whole, "incomplete_details": why, "usage": encode_usage(event.usage), **told}

    def failed(self, error: JsonObject, output: list[JsonObject]) -> JsonObject:
        code = error["code"] or "server_error"
        return {**self._object("failed", output), "error": {"code": code, "message": error["message"]}}

    def _object(self, status: str, output: list[JsonObject]) -> JsonObject:
        started = self._started
        return {
            "id": self.id,
            "object": "response",
            "created_at": started.created_s or 0,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": started.model or self._model,
            "output": output,
            "usage": None,
            **self._echo,
            **own_fields(started.extra),
        }


def _echo(request: Request) -> JsonObject:
    options = encode_options(request, [])
    text, reasoning = options.get("text"), options.get("reasoning")
    echo = {name: options.get(name, default) for name, default in _DEFAULTS.items()}
    return {
        "instructions": instructions_of(request.messages),
        **echo,
        "reasoning": {"effort": None, "summary": None, **_object(reasoning)},
        "text": {"format": {"type": "text"}, **_object(text)},
    }


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def incomplete_details(event: Finished) -> JsonObject | None:
    """Why the answer is not complete, or ``None`` where it is."""
    told = own_fields(event.extra).get("incomplete_details")
    if isinstance(told, dict):
        return told
    reason: FinishReason = event.reason
    return {"reason": _REASONS[reason.unified]} if reason.unified in _REASONS else None
