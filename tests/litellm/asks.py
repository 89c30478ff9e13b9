"""Run by the interpreter that has LiteLLM: reads what to ask from its input, prints what each case gave, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

import litellm  # type: ignore[import-not-found]  # it is installed apart from these tests

GIVEN = json.load(sys.stdin)
URL = GIVEN["url"]
WAYS = {"openai": f"{URL}/v1", "anthropic": URL, "ollama_chat": URL, "litellm_proxy": f"{URL}/v1"}
"""LiteLLM's names for a wire, and the base that it wants."""
UPSTREAMS = ("openai/gpt-4.1", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")
USER = {"role": "user", "content": "Name three rivers."}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "length_km": {"type": "integer"}},
    "required": ["name", "length_km"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "river", "schema": SCHEMA, "strict": True}}


def asked(way: str, upstream: str, **more: Any) -> dict[str, Any]:
    base = {"model": f"{way}/{upstream}", "api_base": WAYS[way], "api_key": "any-key", "messages": [USER], "max_retries": 0}
    return {**base, **more}


def chat(way: str, upstream: str) -> Any:
    answer = litellm.completion(**asked(way, upstream))
    return [answer.choices[0].message.content, answer.usage.completion_tokens]


def stream(way: str, upstream: str) -> Any:
    pieces = litellm.completion(**asked(way, upstream), stream=True)
    return [piece.choices[0].delta.content for piece in pieces if piece.choices[0].delta.content]


def asynchronous(way: str, upstream: str) -> Any:
    async def ask() -> Any:
        return (await litellm.acompletion(**asked(way, upstream))).choices[0].message.content

    return asyncio.run(ask())


def result(call: Any) -> dict[str, Any]:
    name = call.function.name
    return {"role": "tool", "tool_call_id": call.id, "name": name, "content": GIVEN["results"][name]}


def loop(way: str, upstream: str, streamed: bool = False) -> Any:
    messages: list[Any] = [{"role": "user", "content": GIVEN["loop"]}]
    for _ in range(3):
        answer = litellm.completion(**asked(way, upstream, messages=messages, tools=GIVEN["tools"]), stream=streamed)
        if streamed:
            answer = litellm.stream_chunk_builder(list(answer), messages=messages)
        message = answer.choices[0].message
        messages.append(message)
        messages += map(result, message.tool_calls or ())
    return messages[-1].content


def loop_streamed(way: str, upstream: str) -> Any:
    return loop(way, upstream, streamed=True)


def form(way: str, upstream: str) -> Any:
    return json.loads(litellm.completion(**asked(way, upstream), response_format=FORM).choices[0].message.content)


def limited(way: str, upstream: str) -> Any:
    try:
        litellm.completion(**asked(way, f"{upstream}!status=429"))
    except litellm.RateLimitError as error:
        return error.status_code
    return None


CASES: tuple[Callable[[str, str], Any], ...] = (chat, stream, asynchronous, loop, loop_streamed, form, limited)


def tried(case: Callable[[str, str], Any], way: str, upstream: str) -> Any:
    try:
        return case(way, upstream)
    except Exception:  # noqa: BLE001  # whatever fails is what the case gave
        return traceback.format_exc()[-1500:]


def embedded() -> Any:
    made = litellm.embedding(
        model="openai/gemini/gemini-embedding-001", input=["a", "b"], api_base=WAYS["openai"], api_key="any-key", encoding_format="float"
    )
    return len(made.data)


told = {f"{case.__name__} {way} {upstream}": tried(case, way, upstream) for case in CASES for way in WAYS for upstream in UPSTREAMS}
told["embedding"] = tried(lambda *_: embedded(), "", "")
print(json.dumps(told))
