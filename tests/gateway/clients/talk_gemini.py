"""Google's SDK holding a conversation with tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from google import genai
from google.genai import types

from .play import LOOP, TOOLS
from .talk import Made, Turn

NO_LOOP = types.AutomaticFunctionCallingConfig(disable=True)


def sdk(url: str, key: str = "any-key", **options: Any) -> genai.Client:
    settings = {"base_url": url, "retry_options": types.HttpRetryOptions(attempts=1), **options}
    return genai.Client(api_key=key, http_options=types.HttpOptions(**settings))


class Contents:
    """``generateContent``, whose parts go back as they came, signatures and all."""

    def __init__(self, url: str, model: str) -> None:
        self._model = model
        self._sdk = sdk(url)
        self._contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=LOOP)])]
        declared: Any = [
            types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
            for tool in TOOLS
        ]
        self._config = types.GenerateContentConfig(
            system_instruction="Be brief.", tools=[types.Tool(function_declarations=declared)], automatic_function_calling=NO_LOOP
        )

    def close(self) -> None:
        self._sdk.close()

    def ask(self, streamed: bool) -> Turn:
        models: Any = self._sdk.models
        asked = {"model": self._model, "contents": self._contents, "config": self._config}
        told = list(models.generate_content_stream(**asked)) if streamed else [models.generate_content(**asked)]
        parts = [
            part
            for one in told
            for part in (one.candidates[0].content.parts if one.candidates and one.candidates[0].content else None) or ()
        ]
        self._contents.append(types.Content(role="model", parts=parts))
        calls = [part.function_call for part in parts if part.function_call]
        return Turn(
            [Made(call.id or "", call.name, json.dumps(call.args)) for call in calls],
            "".join(part.text for part in parts if part.text and not part.thought),
        )

    def tell(self, results: Sequence[tuple[Made, str]]) -> None:
        given = [types.FunctionResponse(id=call.id or None, name=call.name, response={"output": result}) for call, result in results]
        self._contents.append(types.Content(role="user", parts=[types.Part(function_response=one) for one in given]))
