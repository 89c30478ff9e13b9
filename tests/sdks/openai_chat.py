"""OpenAI's SDK on chat completions."""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from typing import Any, Final

import openai

from tests.pairs.features import ARGUMENTS, CLOCK, PDF, PNG, SCHEMA, WEATHER

from .shown import Ask, Shown

NAME: Final = "openai_chat"
USER: Final = {"role": "user", "content": "Name a river."}
PICTURE: Final = "data:image/png;base64," + base64.b64encode(PNG).decode()
CALLED: Final = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}],
}


def client(url: str) -> AbstractContextManager[openai.OpenAI]:
    return openai.OpenAI(base_url=url, api_key="k", max_retries=0, http_client=openai.DefaultHttpxClient(trust_env=False))


def create(sdk: openai.OpenAI, **options: Any) -> Any:
    return sdk.chat.completions.create(**{"model": "model-1", "messages": [USER], **options})


def asking(**options: Any) -> Ask:
    return lambda sdk: create(sdk, **options)


def showing(part: dict[str, Any]) -> Ask:
    return asking(messages=[{"role": "user", "content": [{"type": "text", "text": "Look at this."}, part]}])


def tool(given: Any, **more: Any) -> dict[str, Any]:
    function = {"name": given.name, "description": given.description, "parameters": given.parameters, **more}
    return {"type": "function", "function": function}


BOTH: Final = [tool(WEATHER), tool(CLOCK)]
ASKED: Final[dict[str, Ask]] = {
    "system": asking(messages=[{"role": "system", "content": "Be brief."}, USER]),
    "image by data": showing({"type": "image_url", "image_url": {"url": PICTURE}}),
    "image by URL": showing({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "document by data": showing(
        {
            "type": "file",
            "file": {"file_data": "data:application/pdf;base64," + base64.b64encode(PDF).decode(), "filename": "a.pdf"},
        }
    ),
    "audio": showing({"type": "input_audio", "input_audio": {"data": base64.b64encode(b"RIFF sound").decode(), "format": "wav"}}),
    "tools": asking(tools=[tool(WEATHER)]),
    "strict tools": asking(tools=[tool(WEATHER, strict=True), tool(CLOCK, strict=True)]),
    "tool choice: required": asking(tools=BOTH, tool_choice="required"),
    "tool choice: one tool": asking(tools=BOTH, tool_choice={"type": "function", "function": {"name": "weather"}}),
    "tool call and result": asking(messages=[USER, CALLED, {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}]),
    "picture from a tool": asking(
        messages=[
            USER,
            CALLED,
            {"role": "tool", "tool_call_id": "call_1", "content": "Shown:"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Result 1 of the tools above, call call_1, also holds:"},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                ],
            },
        ]
    ),
    "max_output_tokens": asking(max_completion_tokens=100),
    "stop": asking(stop=["END"]),
    "temperature": asking(temperature=0.25),
    "seed": asking(seed=7),
    "JSON answer by schema": asking(
        response_format={"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
    ),
    "reasoning effort": asking(reasoning_effort="low"),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: openai.OpenAI, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    if not stream:
        told = create(sdk)
        return seen(told.choices, told.usage, [choice.message for choice in told.choices])
    chunks = list(create(sdk, stream=True, stream_options={"include_usage": True}))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return seen(choices, chunks[-1].usage, [choice.delta for choice in choices])


def seen(choices: list[Any], usage: Any, messages: list[Any]) -> Shown:
    """``messages`` are whole or the pieces of them, each belonging to one of ``choices``."""
    pairs = list(zip(choices, messages, strict=True))
    first = [message for choice, message in pairs if choice.index == 0]

    def joined(field: str, index: int = 0) -> str:
        return "".join(getattr(message, field, None) or "" for choice, message in pairs if choice.index == index)

    sounds = [told if isinstance(told, dict) else told.model_dump() for message in first if (told := getattr(message, "audio", None))]
    pictures = [one["image_url"]["url"] for message in first for one in getattr(message, "images", None) or ()]
    return {
        "text": joined("content"),
        "reasoning": joined("reasoning_content"),
        "refusal": joined("refusal"),
        "tool calls": calls_of([call for message in first for call in message.tool_calls or ()]),
        "sources": sorted({cited_url(one) for message in first for one in getattr(message, "annotations", None) or ()}),
        "picture": [base64.b64decode(url.partition(",")[2]) for url in pictures],
        "sound": [data] if (data := b"".join(base64.b64decode(one.get("data") or "") for one in sounds)) else [],
        "logprobs": [one.token for choice in choices if choice.logprobs for one in choice.logprobs.content or ()],
        "several choices": [joined("content", index) for index in sorted({choice.index for choice in choices} - {0})],
        "usage": usage and (usage.prompt_tokens, usage.completion_tokens),
        "cached tokens read": usage and usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens,
    }


def cited_url(annotation: Any) -> str:
    told = annotation if isinstance(annotation, dict) else annotation.model_dump()
    url: str = told["url_citation"]["url"]
    return url


def calls_of(told: list[Any]) -> list[tuple[str, str]]:
    """Names and arguments; of a call in pieces, the pieces with its number are joined."""
    calls: dict[int, tuple[str, str]] = {}
    for place, call in enumerate(told):
        number = getattr(call, "index", place)
        name, arguments = calls.get(number, ("", ""))
        calls[number] = name + (call.function.name or ""), arguments + (call.function.arguments or "")
    return list(calls.values())
