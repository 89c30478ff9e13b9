"""What is asked and what the provider behind the gateway answers, in both dialects: bodies of fixed length, and events without end."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from bench import upstream

OPENAI_PATH: Final = "/v1/chat/completions"
ANTHROPIC_PATH: Final = "/v1/messages"
OPENAI_MODEL: Final = "gpt-4.1"
ANTHROPIC_MODEL: Final = "claude-sonnet-4-5"
ANSWER_BYTES: Final = 675

_SYSTEM = (
    "You are the assistant of a river shipping company. Answer in plain sentences, name your sources where you know them, and say so where "
    "you are not sure. Distances are in kilometres, dates in the form of ISO 8601."
)
_SAID = (
    "The Danube is navigable from Kelheim to the Black Sea, about 2,400 kilometres, for most of the year; ice closes it on some days, and "
    "low water holds up large ships in late summer."
)
_QUESTIONS = (
    "Which rivers of Europe can a ship of 1,500 tonnes use the whole year round?",
    "Compare the Rhine and the Vistula in the same way: length of the navigable part, depth guaranteed in a dry summer, number of locks, "
    "the largest class of ship admitted, and what the canals between them add. Then name three towns on each where a cargo of grain can be "
    "loaded, and say which of the two you would choose for a first voyage in April, and why.",
)


class Ask(NamedTuple):
    """One request of a caller."""

    path: str
    headers: dict[str, str]
    body: bytes


def ask(face: str, model: str, key: str, *, stream: bool = False) -> Ask:
    """About a thousand bytes in the dialect ``face``, with the headers that its SDK is known by."""
    return FACES[face](model, key, stream)


def _openai(model: str, key: str, stream: bool) -> Ask:
    messages = [{"role": "system", "content": _SYSTEM}, *_turns()]
    body = {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 512}
    return Ask(OPENAI_PATH, {"authorization": f"Bearer {key}"}, _body(body, stream))


def _anthropic(model: str, key: str, stream: bool) -> Ask:
    body = {"model": model, "max_tokens": 512, "system": _SYSTEM, "messages": _turns(), "temperature": 0.7}
    return Ask(ANTHROPIC_PATH, {"x-api-key": key, "anthropic-version": "2023-06-01"}, _body(body, stream))


def _turns() -> list[dict[str, str]]:
    said = zip(("user", "assistant", "user"), (_QUESTIONS[0], _SAID, _QUESTIONS[1]), strict=True)
    return [{"role": role, "content": text} for role, text in said]


def _body(fields: dict[str, Any], stream: bool) -> bytes:
    return compact({**fields, "stream": True} if stream else fields)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


FACES: Final = {"openai": _openai, "anthropic": _anthropic}


# --- whole answers


def answers() -> dict[str, str]:
    """By path, each of the same length."""
    return {OPENAI_PATH: _completion(), ANTHROPIC_PATH: _message()}


def _completion() -> str:
    fields = json.loads(upstream.BODY)
    return _of_length({**fields, "service_tier": "default", "system_fingerprint": "fp_"}, "system_fingerprint")


def _message() -> str:
    text = json.loads(upstream.BODY)["choices"][0]["message"]["content"]
    fields = {
        "id": "msg_",
        "type": "message",
        "role": "assistant",
        "model": ANTHROPIC_MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 14, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 62},
    }
    return _of_length(fields, "id")


def _of_length(fields: dict[str, Any], padded: str) -> str:
    fields[padded] = fields[padded].ljust(len(fields[padded]) + ANSWER_BYTES - len(compact(fields)), "0")
    return compact(fields).decode()


# --- streamed answers


STAMP_MARK: Final = b"@"
STAMP_DIGITS: Final = 16


def stamp(now_us: int) -> bytes:
    """A moment as a word of an answer, so that it comes through every translation."""
    return b"%b%0*d" % (STAMP_MARK, STAMP_DIGITS, now_us)


def stamped_at(data: bytes) -> int | None:
    """The last moment in ``data``, in microseconds; ``None`` where there is none that is whole."""
    digits = data[data.rfind(STAMP_MARK) :][1 : STAMP_DIGITS + 1]
    return int(digits) if len(digits) == STAMP_DIGITS and digits.isdigit() else None


class Script(NamedTuple):
    """A streamed answer: how it begins, and the event that is repeated, in which ``stamp(0)`` stands for the moment it is sent."""

    begin: bytes
    event: bytes


def scripts() -> dict[str, Script]:
    """By path."""
    return {OPENAI_PATH: _chunks(), ANTHROPIC_PATH: _deltas()}


def _chunks() -> Script:
    def chunk(delta: dict[str, Any]) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]
        fields = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": OPENAI_MODEL}
        return b"data: %b\n\n" % compact({**fields, "service_tier": "default", "system_fingerprint": "fp_cbf1785567", "choices": choices})

    return Script(
        chunk({"role": "assistant", "content": ""}) + chunk({"content": "Rivers"}), chunk({"content": f" rivers {stamp(0).decode()}"})
    )


def _deltas() -> Script:
    def event(name: str, **fields: Any) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), compact({"type": name, **fields}))

    def delta(text: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    message = {**json.loads(_message()), "content": [], "stop_reason": None}
    begin = event("message_start", message=message) + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return Script(begin + delta("Rivers"), delta(f" rivers {stamp(0).decode()}"))
