"""A second reading of OpenAI chat answers, as simple as can be, to hold the decoder against: split, ``json.loads``, join."""

from __future__ import annotations

import json
from typing import Any

from dragoman.core.fold import Choice, Response
from dragoman.core.messages import Reasoning, Refusal, Source, Text

Reading = dict[str, Any]
COUNTS = {
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("completion_tokens",),
    "cache_read_tokens": (
        "prompt_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",
        "num_cached_tokens",
        "cached_tokens",
        "cache_read_input_tokens",
    ),
    "cache_write_tokens": ("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens"),
    "input_audio_tokens": ("prompt_tokens_details.audio_tokens",),
    "reasoning_tokens": ("completion_tokens_details.reasoning_tokens", "reasoning_tokens"),
    "output_audio_tokens": ("completion_tokens_details.audio_tokens",),
}
"""Where each count may stand, the first that is there holds."""


def objects_of_stream(data: bytes) -> list[Any]:
    """The JSON of every event; the recordings have one data line an event."""
    lines = data.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def read_objects(objects: list[Any]) -> Reading:
    """What a list of chunks, or of one completion, says; choices by index."""
    choices: dict[int, Reading] = {}
    usage = None
    for one in objects:
        usage = one.get("usage") or (one.get("x_groq") or {}).get("usage") or usage
        for choice in one.get("choices") or []:
            into = choices.setdefault(
                choice.get("index", 0),
                {"text": "", "reasoning": "", "refusal": "", "calls": {}, "finish": None, "tokens": [], "links": [], "proof": None},
            )
            read_choice(choice, into)
    return {
        "id": next((one["id"] for one in objects if one.get("id") and one.get("choices")), None),
        "model": next((one["model"] for one in objects if one.get("model") and one.get("choices")), None),
        "usage": read_usage(usage),
        "choices": [choices[index] | {"calls": list(choices[index]["calls"].values())} for index in sorted(choices)],
    }


def read_choice(choice: Any, into: Reading) -> None:
    said = choice.get("delta") or choice.get("message") or {}
    read_content(said.get("content"), into)
    thought = said.get("reasoning_content") or said.get("reasoning") or ""
    for record in said.get("reasoning_details") or []:
        into["proof"] = record.get("signature") or into["proof"]
        thought = thought or record.get("text") or record.get("summary") or ""
    into["reasoning"] += thought
    into["links"] += [cited["url_citation"]["url"] for cited in said.get("annotations") or []]
    function = said.get("function_call") or {}
    if function.get("name") or function.get("arguments"):
        into["calls"].setdefault("function", ["", function.get("name"), ""])[2] += function.get("arguments") or ""
    into["refusal"] += said.get("refusal") or ""
    into["finish"] = choice.get("finish_reason") or into["finish"]
    into["tokens"] += [token["token"] for token in (choice.get("logprobs") or {}).get("content") or []]
    for position, call in enumerate(said.get("tool_calls") or []):
        key = call.get("index", position)
        if call.get("id") and call["id"] != into["calls"].get(key, [call["id"]])[0]:
            key = len(into["calls"])
        one = into["calls"].setdefault(key, [call.get("id"), call["function"].get("name"), ""])
        one[2] += call["function"].get("arguments") or ""


def read_content(content: Any, into: Reading) -> None:
    if isinstance(content, str):
        into["text"] += content
    elif isinstance(content, dict):
        into["text"] += json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    for part in content if isinstance(content, list) else []:
        if part["type"] == "text":
            into["text"] += part["text"]
        elif part["type"] == "thinking":
            into["reasoning"] += "".join(thought["text"] for thought in part["thinking"])


def read_usage(usage: Any) -> Reading | None:
    if not usage:
        return None
    flat = {**usage}
    for name, value in usage.items():
        flat |= {f"{name}.{inner}": count for inner, count in value.items()} if isinstance(value, dict) else {}
    return {name: next((flat[place] for place in places if flat.get(place) is not None), None) for name, places in COUNTS.items()}


def as_reading(response: Response) -> Reading:
    """A decoded response in the same form."""
    usage = response.usage
    return {
        "id": response.id,
        "model": response.model,
        "usage": None if usage is None else {name: getattr(usage, name) for name in COUNTS},
        "choices": [_choice(choice) for choice in response.choices],
    }


def _choice(choice: Choice) -> Reading:
    def joined(kind: type[Text | Reasoning | Refusal]) -> str:
        return "".join(part.text for part in choice.parts if isinstance(part, kind))

    return {
        "text": joined(Text),
        "reasoning": joined(Reasoning),
        "refusal": joined(Refusal),
        "calls": [[call.id, call.name, call.arguments] for call in Response(choices=(choice,)).tool_calls],
        "finish": choice.finish.raw if choice.finish else None,
        "tokens": [one.token for one in choice.logprobs or ()],
        "links": [part.url for part in choice.parts if isinstance(part, Source)],
        "proof": next((part.signature for part in choice.parts if isinstance(part, Reasoning)), None),
    }
