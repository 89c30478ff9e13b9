"""The laws of a stream of this wire, held against what our server role writes, without any of our own reading."""

from __future__ import annotations

import json
from typing import Any

DONE_FIELDS = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "text",
    "response.reasoning_summary_text": "text",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
"""What a ``.done`` repeats of the deltas before it."""
CALLED = {"function_call": "arguments", "custom_tool_call": "input"}
"""The field of a call that its deltas make up."""
CHANGES = {
    "status",
    "output",
    "usage",
    "incomplete_details",
    "error",
    "completed_at",
    "service_tier",
    "tool_usage",
    "moderation",
    "billing",
}
"""What of a response is known only at its end."""
LAST = ("response.completed", "response.incomplete", "response.failed")


def events_of(data: bytes) -> list[Any]:
    """The events of a stream, whose names must be their types."""
    events = []
    for block in data.decode().split("\n\n")[:-1]:
        name, told = block.split("\n")
        one = json.loads(told.removeprefix("data: "))
        assert name == f"event: {one['type']}"
        events.append(one)
    return events


def check(data: bytes) -> Any:
    """Assert the laws; gives the final response."""
    events = events_of(data)
    assert [one["sequence_number"] for one in events] == list(range(len(events)))
    assert [one["type"] for one in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in LAST
    assert sum(one["type"] in LAST for one in events) == 1
    assert len({one["response"]["id"] for one in events if "response" in one}) == 1
    stream = _Stream()
    for one in events[2:-1]:
        stream.take(one)
    final = events[-1]["response"]
    stream.check_end(final)
    first = events[0]["response"]
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    assert first.keys() <= final.keys()
    assert {name: value for name, value in first.items() if final[name] != value}.keys() <= CHANGES
    return final


class _Stream:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.ended: dict[int, Any] = {}
        self.texts: dict[tuple[Any, ...], str] = {}
        self.parts: dict[tuple[Any, ...], Any] = {}
        self.closed: set[tuple[Any, ...]] = set()
        self.annotations: dict[tuple[Any, ...], list[Any]] = {}

    def take(self, one: Any) -> None:
        kind = one["type"]
        if kind == "response.output_item.added":
            assert one["output_index"] == len(self.items)
            assert one["item"].get("status", "in_progress") == "in_progress" or one["item"]["type"] not in ("message", "function_call")
            self.items.append(one["item"])
            return
        index = one["output_index"]
        assert index not in self.ended, f"{kind} behind the end of item {index}"
        item = self.items[index]
        if kind == "response.output_item.done":
            assert (one["item"]["id"], one["item"]["type"]) == (item["id"], item["type"])
            self.ended[index] = one["item"]
            return
        assert one["item_id"] == item["id"]
        stem, _, step = kind.rpartition(".")
        self._take_inside(stem, step, one)

    def _take_inside(self, stem: str, step: str, one: Any) -> None:
        place = (one["output_index"], one.get("summary_index", one.get("content_index")))
        if stem in ("response.content_part", "response.reasoning_summary_part"):
            if step == "added":
                assert place not in self.parts
                self.parts[place] = one["part"]
            else:
                assert place not in self.closed
                self.closed.add(place)
                self.parts[place] = one["part"]
                said = one["part"].get("text", one["part"].get("refusal"))
                if place in self.texts:
                    assert said == self.texts[place]
                assert one["part"].get("annotations", []) == self.annotations.get(place, [])
        elif stem == "response.output_text.annotation":
            assert one["annotation_index"] == len(self.annotations.setdefault(place, []))
            self.annotations[place].append(one["annotation"])
        elif step == "delta":
            assert place[1] is None or place in self.parts
            assert place not in self.closed
            self.texts[place] = self.texts.get(place, "") + one["delta"]
        else:
            assert one[DONE_FIELDS[stem]] == self.texts.setdefault(place, "")

    def check_end(self, final: Any) -> None:
        if final["status"] == "failed":
            return
        assert set(self.parts) == self.closed
        assert [self.ended[index] for index in range(len(self.items))] == final["output"]
        for index, item in enumerate(final["output"]):
            assert item.get("status", "completed") != "in_progress"
            assert item["type"] not in CALLED or item[CALLED[item["type"]]] == self.texts.get((index, None), "")
            for field in ("content", "summary"):
                for place, part in enumerate(item.get(field) or []):
                    assert part == self.parts[index, place]
