"""OpenAI's SDK on responses."""

from __future__ import annotations

import base64
from typing import Any, Final

import openai

from tests.pairs.features import ARGUMENTS, CLOCK, PDF, SCHEMA, WEATHER

from .openai_chat import PICTURE, client
from .shown import Ask, Shown

__all__ = ["ASKED", "BEYOND", "NAME", "VALUES", "client", "read"]

NAME: Final = "openai_responses"
USER: Final = {"role": "user", "content": "Name a river."}
CALLED: Final = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS}


def asking(**options: Any) -> Ask:
    return lambda sdk: sdk.responses.create(**{"model": "model-1", "input": [USER], **options})


def showing(part: dict[str, Any]) -> Ask:
    return asking(input=[{"role": "user", "content": [{"type": "input_text", "text": "Look at this."}, part]}])


def tool(given: Any, strict: bool = False) -> dict[str, Any]:
    return {"type": "function", "name": given.name, "description": given.description, "parameters": given.parameters, "strict": strict}


def result(output: Any) -> Ask:
    return asking(input=[USER, CALLED, {"type": "function_call_output", "call_id": "call_1", "output": output}])


THOUGHT: Final = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "First think hard."}],
    "encrypted_content": "c2lnbmVk",
}
BOTH: Final = [tool(WEATHER), tool(CLOCK)]
ASKED: Final[dict[str, Ask]] = {
    "system": asking(input=[{"role": "system", "content": "Be brief."}, USER]),
    "image by data": showing({"type": "input_image", "detail": "auto", "image_url": PICTURE}),
    "image by URL": showing({"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"}),
    "document by data": showing(
        {"type": "input_file", "file_data": "data:application/pdf;base64," + base64.b64encode(PDF).decode(), "filename": "a.pdf"}
    ),
    "tools": asking(tools=[tool(WEATHER)]),
    "strict tools": asking(tools=[tool(WEATHER, True), tool(CLOCK, True)]),
    "tool choice: required": asking(tools=BOTH, tool_choice="required"),
    "tool choice: one tool": asking(tools=BOTH, tool_choice={"type": "function", "name": "weather"}),
    "tool call and result": result("Rain."),
    "picture from a tool": result(
        [{"type": "input_text", "text": "Shown:"}, {"type": "input_image", "detail": "auto", "image_url": PICTURE}],
    ),
    "reasoning, signed": asking(input=[USER, THOUGHT, {"role": "assistant", "content": "Done."}, USER]),
    "max_output_tokens": asking(max_output_tokens=100),
    "temperature": asking(temperature=0.25),
    "JSON answer by schema": asking(text={"format": {"type": "json_schema", "name": "place", "schema": SCHEMA}}),
    "reasoning effort": asking(reasoning={"effort": "low"}),
}
VALUES: Final[dict[str, Any]] = {}
BEYOND: Final[dict[str, str]] = {}


def read(sdk: openai.OpenAI, stream: bool) -> Shown:
    """What the SDK gives out of an answer, put together by its own accumulator where it is streamed."""
    if stream:
        with sdk.responses.stream(model="model-1", input="Name a river.") as events:
            return seen(events.get_final_response())
    return seen(sdk.responses.create(model="model-1", input="Name a river."))


def seen(told: Any) -> Shown:
    thoughts = [item for item in told.output if item.type == "reasoning"]
    parts = [part for item in told.output if item.type == "message" for part in item.content]
    texts = [part for part in parts if part.type == "output_text"]
    usage = told.usage
    return {
        "text": told.output_text,
        "reasoning": "".join(piece.text for item in thoughts for piece in item.summary),
        "reasoning's signature": [item.encrypted_content for item in thoughts if item.encrypted_content],
        "refusal": "".join(part.refusal for part in parts if part.type == "refusal"),
        "tool calls": [(item.name, item.arguments) for item in told.output if item.type == "function_call"],
        "sources": sorted({one.url for part in texts for one in part.annotations}),
        "picture": [base64.b64decode(item.result) for item in told.output if item.type == "image_generation_call"],
        "logprobs": [one.token for part in texts for one in part.logprobs or ()],
        "usage": (usage.input_tokens, usage.output_tokens),
        "cached tokens read": usage.input_tokens_details.cached_tokens,
    }
