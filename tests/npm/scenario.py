"""What the emulated models say to the clients: by what the user said last, so that every client and every upstream is told the same.

``Add the rivers.`` is a walk of three turns through two tools. Each step is made of what the tools gave back for the calls before it, so
that the sum at its end is right only where every call, argument, identifier and result came through whole, in both directions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from dragoman.core import errors
from dragoman.core.events import BlockEnded, BlockStarted, Event
from dragoman.core.messages import Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.core.request import Request
from dragoman.emulator import Answer, tool_call
from dragoman.emulator.answer import answer_events
from dragoman.emulator.scenario import last_user_text, lorem

SAID: Final = "The Rhine – 🌊 – is „long“."
THOUGHT: Final = "Which one is long?"
SIGNATURE: Final = "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="
RIVER: Final = {"name": "Rhine", "length_km": 1233}
TURNS: Final = (("Seine",), ("Loire", "Rhône"))
"""Whose lengths are asked for in which turn; the third adds them."""
FAULTS: Final = {"Cut.": "cut-after=6000", "Break.": "error-after=20"}
"""By what the user said: the stream ends within it, or with the vendor's own event of an error."""


def scenario(request: Request) -> Answer | Iterable[Event]:
    """The answer to what the user said last."""
    said = last_user_text(request)
    if said.startswith("Fail: "):
        raise getattr(errors, said.removeprefix("Fail: "))("as it was asked to")
    if said in FAULTS:
        told = lorem(400)(request)
        assert isinstance(told, Answer)
        return msgspec.structs.replace(told, fault=FAULTS[said])
    return next((make(request) for word, make in _ANSWERS.items() if word in said), Answer(text=SAID))


def _walk(request: Request) -> Answer | Iterable[Event]:
    """The next step of the walk, or its end."""
    results = _results(request.messages)
    numbers = [results.get(f"river_length {river}") for turn in TURNS for river in turn]
    for turn in TURNS:
        if any(f"river_length {river}" not in results for river in turn):
            calls = [tool_call("river_length", {"river": river}) for river in turn]
            return _signed(Answer(reasoning=THOUGHT, text=f"I look up {' and '.join(turn)}.", tool_calls=calls), request)
    if "add" not in results:
        return Answer(tool_calls=[tool_call("add", {"numbers": list(map(_number, numbers))})])
    return Answer(text=f"Together {_number(results['add'])} km. {_kept(request.messages)}")


def _results(messages: Iterable[Message]) -> dict[str, str]:
    """What each call gave back: by the tool's name, for a river with the river."""
    parts = [part for message in messages for part in message.parts]
    names = {part.id: " ".join((part.name, *_asked(part))) for part in parts if isinstance(part, ToolCall)}
    results = [part for part in parts if isinstance(part, ToolResult)]
    return {names[part.id]: "".join(one.text for one in part.parts if isinstance(one, Text)) for part in results}


def _asked(call: ToolCall) -> Iterator[str]:
    river = json.loads(call.arguments).get("river")
    if river:
        yield river


def _number(told: str | None) -> int:
    """The number in a tool's result, whatever a client wraps round it."""
    return int(re.findall(r"\d+", told or "0")[-1])


def _kept(messages: Iterable[Message]) -> str:
    """Whether the thinking came back with its signature, which a vendor wants of its own."""
    thoughts = [part for message in messages for part in message.parts if isinstance(part, Reasoning)]
    kept = [part for part in thoughts if part.signature == SIGNATURE]
    return f"{len(kept)} of {len(TURNS)} thoughts came back."


def _signed(answer: Answer, request: Request) -> Iterator[Event]:
    thinking = False
    for event in answer_events(answer, request, f"call_{len(request.messages)}"):
        if isinstance(event, BlockStarted):
            thinking = event.kind == "reasoning"
        if isinstance(event, BlockEnded) and thinking:
            event = msgspec.structs.replace(event, signature=SIGNATURE)
        yield event


def _structured(request: Request) -> Answer:
    """The river as JSON; as a call where a client makes a tool of the wanted form."""
    if request.tools:
        return Answer(tool_calls=[tool_call(request.tools[0].name, RIVER)])
    return Answer(text=json.dumps(RIVER))


_ANSWERS: Final[dict[str, Callable[[Request], Answer | Iterable[Event]]]] = {
    "Add the rivers.": _walk,
    "Think.": lambda request: _signed(Answer(reasoning=THOUGHT, text=SAID), request),
    "Describe a river.": _structured,
    "Refuse.": lambda request: Answer(refusal="No."),
}
