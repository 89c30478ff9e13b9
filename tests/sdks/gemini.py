"""Google's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from google import genai
from google.genai import types

from tests.pairs.features import CLOCK, PDF, PNG, SCHEMA, WEATHER

from .shown import Ask, Shown

NAME: Final = "gemini"
MODEL: Final = "gemini-2.5-flash"
USER: Final = types.Content(role="user", parts=[types.Part(text="Name a river.")])
CALLED: Final = types.Content(
    role="model", parts=[types.Part(function_call=types.FunctionCall(id="call_1", name="weather", args={"city": "Köln"}))]
)
NO_LOOP: Final = types.AutomaticFunctionCallingConfig(disable=True)


@contextmanager
def client(url: str) -> Iterator[genai.Client]:
    retries = types.HttpRetryOptions(attempts=1)
    sdk = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url, api_version="v1beta", retry_options=retries))
    try:
        yield sdk
    finally:
        sdk.close()


def asking(contents: Any = USER, **config: Any) -> Ask:
    settings = types.GenerateContentConfig(automatic_function_calling=NO_LOOP, **config)
    return lambda sdk: sdk.models.generate_content(model=MODEL, contents=contents, config=settings)


def showing(part: types.Part) -> Ask:
    return asking(types.Content(role="user", parts=[types.Part(text="Look at this."), part]))


def tool(*given: Any) -> list[Any]:
    declared = [
        types.FunctionDeclaration(name=one.name, description=one.description, parameters_json_schema=one.parameters) for one in given
    ]
    return [types.Tool(function_declarations=declared)]


def choosing(*names: str) -> types.ToolConfig:
    mode = types.FunctionCallingConfigMode.ANY
    return types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode=mode, allowed_function_names=list(names) or None),
    )


def result(response: dict[str, Any], *parts: types.FunctionResponsePart) -> Ask:
    given = types.FunctionResponse(id="call_1", name="weather", response=response, parts=list(parts) or None)
    return asking([USER, CALLED, types.Content(role="user", parts=[types.Part(function_response=given)])])


ASKED: Final[dict[str, Ask]] = {
    "system": asking(system_instruction="Be brief."),
    "image by data": showing(types.Part.from_bytes(data=PNG, mime_type="image/png")),
    "image by URL": showing(types.Part.from_uri(file_uri="https://example.com/a.png", mime_type="image/png")),
    "document by data": showing(types.Part.from_bytes(data=PDF, mime_type="application/pdf")),
    "audio": showing(types.Part.from_bytes(data=b"RIFF sound", mime_type="audio/wav")),
    "tools": asking(tools=tool(WEATHER)),
    "tool choice: required": asking(tools=tool(WEATHER, CLOCK), tool_config=choosing()),
    "tool choice: one tool": asking(tools=tool(WEATHER, CLOCK), tool_config=choosing("weather")),
    "tool call and result": result({"output": "Rain."}),
    "picture from a tool": result(
        {"output": "Shown:"},
        types.FunctionResponsePart(inline_data=types.FunctionResponseBlob(mime_type="image/png", data=PNG)),
    ),
    "failed tool": result({"error": "No network."}),
    "max_output_tokens": asking(max_output_tokens=100),
    "stop": asking(stop_sequences=["END"]),
    "temperature": asking(temperature=0.25),
    "seed": asking(seed=7),
    "JSON answer by schema": asking(response_mime_type="application/json", response_json_schema=SCHEMA),
    "reasoning budget": asking(thinking_config=types.ThinkingConfig(thinking_budget=2048)),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: genai.Client, stream: bool) -> Shown:
    """What the SDK gives out of an answer."""
    if stream:
        return seen(list(sdk.models.generate_content_stream(model=MODEL, contents=USER)))
    return seen([sdk.models.generate_content(model=MODEL, contents=USER)])


def seen(told: list[Any]) -> Shown:
    candidates = [candidate for piece in told for candidate in piece.candidates or ()]
    parts = [part for one in candidates if not one.index for part in (one.content.parts if one.content else None) or ()]
    blobs = [part.inline_data for part in parts if part.inline_data]
    chunks = [chunk for one in candidates if one.grounding_metadata for chunk in one.grounding_metadata.grounding_chunks or ()]
    others = sorted({one.index for one in candidates if one.index})
    usage = told[-1].usage_metadata
    return {
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "reasoning": "".join(part.text for part in parts if part.text and part.thought),
        "tool calls": [(part.function_call.name, part.function_call.args or {}) for part in parts if part.function_call],
        "sources": sorted({chunk.web.uri for chunk in chunks}),
        "picture": [blob.data for blob in blobs if blob.mime_type.startswith("image/")],
        "sound": joined(blob.data for blob in blobs if blob.mime_type.startswith("audio/")),
        "logprobs": [one.token for cand in candidates if cand.logprobs_result for one in cand.logprobs_result.chosen_candidates],
        "several choices": [text_of(candidates, index) for index in others],
        "usage": (usage.prompt_token_count, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)),
        "cached tokens read": usage.cached_content_token_count,
    }


def joined(pieces: Iterator[bytes]) -> list[bytes]:
    whole = b"".join(pieces)
    return [whole] if whole else []


def text_of(candidates: list[Any], index: int) -> str:
    return "".join(part.text or "" for one in candidates if one.index == index and one.content for part in one.content.parts or ())
