"""A second reading of OpenAI chat answers, as simple as can be, to hold the decoder against: split, ``json.loads``, join."""

from __future__ import annotations

import json
from typing import Any

from dragoman.core.fold import Choice, Response
from dragoman.core.messages import Reasoning, Refusal, Text

Reading = dict[str, Any]
DETAILS = {
    "cache_read_tokens": ("prompt_tokens_details", "cached_tokens"),
    "input_audio_tokens": ("prompt_tokens_details", "audio_tokens"),
    "reasoning_tokens": ("completion_tokens_details", "reasoning_tokens"),
    "output_audio_tokens": ("completion_tokens_details", "audio_tokens"),
}


def objects_of_stream(data: bytes) -> list[Any]:
    """The JSON of every event; the recordings have one data line an event."""
    lines = data.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def read_objects(objects: list[Any]) -> Reading:
    """What a list of chunks, or of one completion, says; choices by index."""
    choices: dict[int, Reading] = {}
    usage = None
    for one in objects:
        usage = one.get("usage") or usage
        for choice in one.get("choices") or []:
            into = choices.setdefault(
                choice.get("index", 0), {"text": "", "reasoning": "", "refusal": "", "calls": {}, "finish": None, "tokens": []}
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
    into["reasoning"] += said.get("reasoning_content") or said.get("reasoning") or ""
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
    counts = {"input_tokens": usage.get("prompt_tokens"), "output_tokens": usage.get("completion_tokens")}
    for name, (group, field) in DETAILS.items():
        counts[name] = (usage.get(group) or {}).get(field)
    return counts


def as_reading(response: Response) -> Reading:
    """A decoded response in the same form."""
    usage = response.usage
    names = ("input_tokens", "output_tokens", *DETAILS)
    return {
        "id": response.id,
        "model": response.model,
        "usage": None if usage is None else {name: getattr(usage, name) for name in names},
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
    }
