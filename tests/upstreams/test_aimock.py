"""aimock's answers in every dialect that it speaks, whole and streamed: text, a call, thinking."""

from __future__ import annotations

import json

import httpx
import pytest

from dragoman.core.fold import Response
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request, Tool
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.wire.splits import read

PREFIXES = {
    "openai_chat": "/v1",
    "openai_responses": "/v1",
    "anthropic_messages": "",
    "gemini": "/v1beta",
    "bedrock_converse": "",
    "ollama": "",
    "cohere": "",
}
"""Where below aimock's address each dialect is served."""
MODELS = {"gemini": "gemini-2.5-flash", "bedrock_converse": "anthropic.claude-sonnet-4-5-20250929-v1:0"}
WEATHER = Tool(name="weather", description="How it is.", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
CASES = pytest.mark.parametrize(("name", "stream"), [(name, stream) for name in PREFIXES for stream in (False, True)])

MISTOLD = {
    ("ollama", False): "it writes reasoning_content, where Ollama has thinking",
    ("ollama", True): "it writes reasoning_content, where Ollama has thinking",
    ("cohere", False): "it writes thinking as a text",
    ("cohere", True): "it writes thinking as a text",
    ("bedrock_converse", True): "it begins a block with an empty reasoningContent, which the service's description does not know there",
}
"""Thinking that aimock tells as the vendor does not, so that nothing can be learnt of it."""


def told(address: str, name: str, stream: bool, words: str, tools: tuple[Tool, ...] = ()) -> Response:
    messages = (Message("user", (Text(text=words),)),)
    request = Request(model=MODELS.get(name, "model-1"), messages=messages, stream=stream, tools=tools, max_output_tokens=100)
    call = dialect(name).encode_request(request, NONE)
    url = f"{address}{PREFIXES[name]}{call.url}"
    headers = [*call.headers, ("authorization", "Bearer any"), ("x-api-key", "any")]
    reply = httpx.request(call.method, url, headers=headers, content=call.body)
    assert reply.status_code == 200, reply.text
    answer = read(dialect(name).decoder(stream, NONE), [reply.content])
    assert answer.error is None, (answer.error, reply.text)
    return answer.response


@CASES
def test_text(aimock: str, name: str, stream: bool) -> None:
    answer = told(aimock, name, stream, "Name a river.")
    assert (answer.text, answer.finish_reason) == ("The Loire – 🌊.", "stop")


@CASES
def test_call(aimock: str, name: str, stream: bool) -> None:
    answer = told(aimock, name, stream, "What is the weather?", (WEATHER,))
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [("weather", {"city": "Köln"})]
    assert name == "gemini" or answer.finish_reason == "tool_calls"


@CASES
def test_thinking(aimock: str, name: str, stream: bool) -> None:
    answer = told(aimock, name, stream, "Think of a river.")
    if (name, stream) in MISTOLD:
        assert "The Rhine." in answer.text, MISTOLD[name, stream]
        return
    assert answer.text == "The Rhine."
    assert answer.reasoning == "Which one is long?"
