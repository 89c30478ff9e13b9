"""What our client role writes, against the types that OpenAI's SDK gives a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from dragoman.core.messages import Audio, File, Image, Message, Refusal, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool
from dragoman.wire.openai_chat import encode_request
from dragoman.wire.quirks import Quirks

ADAPTER: Any = TypeAdapter(with_config(ConfigDict(extra="forbid"))(CompletionCreateParamsNonStreaming))
OPENAI = Quirks(rename={"max_tokens": "max_completion_tokens"}, drop=("top_k",))
LEGACY = {"openai_chat": {"legacy": True}}
TURNS = (
    Message("system", (Text(text="s"),), extra={"openai_chat": {"role": "developer"}}),
    Message(
        "user",
        (
            Text(text="a"),
            Image(data=b"x", media_type="image/png", detail="low"),
            Audio(data=b"x", media_type="audio/wav"),
            File(data=b"x", media_type="application/pdf", name="a.pdf"),
            File(file_id="file-1"),
        ),
    ),
    Message("assistant", (Text(text="b"), ToolCall(id="1", name="f", arguments="{}"))),
    Message("tool", (ToolResult(id="1", parts=(Text(text="2"), Image(data=b"x", media_type="image/png"), File(file_id="file-1"))),)),
    Message("assistant", (Audio(file_id="audio_1"),)),
    Message("user", (Text(text="c"),), name="n"),
    Message("assistant", (Text(text="d"), Refusal(text="No."))),
    Message("user", (Text(text="e"),)),
    Message("assistant", (ToolCall(id="", name="g", arguments="{}", extra=LEGACY),)),
    Message("tool", (ToolResult(id="", name="g", parts=(Text(text="2"),), extra=LEGACY),)),
)
REQUESTS: dict[str, dict[str, Any]] = {
    "tools": {"tools": (Tool(name="f", description="d", parameters={"type": "object"}, strict=True),), "tool_choice": NamedTool("f")},
    "functions": {"tools": (Tool(name="f", parameters={}),), "tool_choice": "auto", "extra": {"openai_chat": {"legacy_functions": True}}},
    "format": {"response_format": JsonFormat(schema={"type": "object"}, name="n", description="d", strict=True)},
    "sampling": {
        "temperature": 0.5,
        "top_p": 0.5,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "stop": ("a",),
        "max_output_tokens": 5,
        "seed": 1,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "user": "u",
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": ReasoningOptions(effort="low"),
    },
    "sound": {
        "extra": {
            "openai_chat": {
                "modalities": ["text", "audio"],
                "audio": {"voice": "alloy", "format": "wav"},
                "prediction": {"type": "content", "content": "x"},
                "logit_bias": {"1": -100},
                "service_tier": "flex",
                "web_search_options": {"search_context_size": "low"},
            }
        }
    },
}


def consumed(value: Any) -> Any:
    """Nested iterables are checked only as they are read."""
    if isinstance(value, dict):
        return {name: consumed(one) for name, one in value.items()}
    return value if isinstance(value, (str, int, float, bool)) or value is None else [consumed(one) for one in value]


@pytest.mark.parametrize("name", REQUESTS)
def test_request_is_one_by_openais_types(name: str) -> None:
    call = encode_request(Request(model="m", messages=TURNS, **REQUESTS[name]), OPENAI)
    assert call.warnings == ()
    body = json.loads(call.body)
    assert consumed(ADAPTER.validate_python(body)) == body


def test_these_types_refuse_what_is_none_of_them() -> None:
    body = json.loads(encode_request(Request(model="m", messages=TURNS), OPENAI).body)
    for wrong in ({"bogus": 1}, {"n": "many"}, {"messages": [{"role": "user"}]}):
        with pytest.raises(ValidationError):
            consumed(ADAPTER.validate_python({**body, **wrong}))
