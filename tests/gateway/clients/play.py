"""What the emulated models do here: whatever is asked, the answer follows from the request alone, so that each turn can be foretold.

A conversation that begins with ``loop`` takes three turns: two calls at once, with thoughts before them; one call with long arguments; and
an answer that repeats what came back, each result beside the call that it belongs to. Whatever is not one of these is said back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from dragoman.core.events import BlockEnded, BlockStarted, Event, Finished, FinishReason, ReasoningDelta, TextDelta
from dragoman.core.messages import Image, Message, Text, ToolCall, ToolResult
from dragoman.core.opaque import JsonObject
from dragoman.core.request import JsonFormat, Request, Tool
from dragoman.emulator import Answer, echo, tool_call
from dragoman.emulator.answer import answer_events

LOOP: Final = "loop: what is it like in Köln?"
THINK: Final = "think: which river is the longest?"
SEE: Final = "see: what is shown?"
THOUGHT: Final = "First the weather, then the time."
SIGNATURE: Final = "c2lnbmVkIGJ5IHRoZSB1cHN0cmVhbQ=="
BEFORE_CALLS: Final = "I look it up."
FORM_TOOLS: Final = ("final_result", "json_tool_call")
"""The tools by which pydantic-ai and LiteLLM have an answer of a type told, where they do not ask for the wire's own form."""
RIVER: Final[JsonObject] = {"name": "Loire", "length_km": 1006}


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TOOLS: Final = (
    Tool(name="weather", description="The weather of a city.", parameters=_schema(city={"type": "string"}, days={"type": "integer"})),
    Tool(name="clock", description="The time of a zone.", parameters=_schema(zone={"type": "string"})),
    Tool(
        name="note",
        description="Keep a note.",
        parameters=_schema(title={"type": "string"}, lines={"type": "array", "items": {"type": "string"}}),
    ),
)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


WEATHER: Final = _written({"city": 'Köln "Altstadt"', "days": 3})
CLOCK: Final = _written({"zone": "Europe/Berlin"})
NOTE: Final = _written({"title": "Köln", "lines": [f"line {number}: \\ \t \u00fc \U0001f327 </end>" for number in range(24)]})
TURNS: Final = ((("weather", WEATHER), ("clock", CLOCK)), (("note", NOTE),))
"""The calls of each turn that calls."""
RESULTS: Final = {"weather": "Rain, 12°.", "clock": "12:05", "note": "Kept."}


def play(request: Request) -> Answer | Iterable[Event]:
    """The scenario."""
    begins = next((message.text for message in request.messages if message.role == "user"), "").partition(":")[0]
    if isinstance(request.response_format, JsonFormat):
        return Answer(text=_written(RIVER))
    forms = [tool.name for tool in request.tools if tool.name in FORM_TOOLS]
    if forms:
        return Answer(tool_calls=[tool_call(forms[0], RIVER)])
    made = PLAYS.get(begins)
    told: Answer | Iterable[Event] = made(request) if made else echo()(request)  # type: ignore[assignment]  # echo says no bare text
    return told


def _loop(request: Request) -> Iterator[Event]:
    results = _results(request)
    if not results:
        return thinking(THOUGHT, SIGNATURE, _calling(0, request, BEFORE_CALLS))
    if len(results) == len(TURNS[0]):
        return iter(_calling(1, request))
    return answer_events(Answer(text=summary(results)), request)


def _calling(turn: int, request: Request, text: str = "") -> Iterator[Event]:
    calls = [tool_call(name, arguments, f"call_{turn}_{place}") for place, (name, arguments) in enumerate(TURNS[turn])]
    return answer_events(Answer(text=text, tool_calls=calls), request)


def thinking(thought: str, signature: str, rest: Iterable[Event]) -> Iterator[Event]:
    """``rest`` with a signed thought before it."""
    yield BlockStarted(0, "reasoning")
    for word in thought.split(" "):
        yield ReasoningDelta(0, word if thought.startswith(word) else f" {word}")
    yield BlockEnded(0, signature)
    for event in rest:
        place: int | None = getattr(event, "index", None)
        yield event if place is None else msgspec.structs.replace(event, index=place + 1)


def _results(request: Request) -> list[tuple[ToolCall, ToolResult]]:
    """Each result with the call that it names. A result of no call is a fault, which the caller sees."""
    parts = [part for message in request.messages for part in message.parts]
    calls = {part.id: part for part in parts if isinstance(part, ToolCall)}
    return [(calls[part.id], part) for part in parts if isinstance(part, ToolResult)]


def summary(results: Iterable[tuple[ToolCall, ToolResult]]) -> str:
    told = [(call.name, call.arguments, "".join(one.text for one in result.parts if isinstance(one, Text))) for call, result in results]
    return summarised(told)


def summarised(told: Iterable[tuple[str, str, str]]) -> str:
    """Names, arguments by their value, and results."""
    return " | ".join(f"{name} {json.dumps(json.loads(arguments), sort_keys=True)} = {result}" for name, arguments, result in told)


FINAL: Final = summarised((name, arguments, RESULTS[name]) for turn in TURNS for name, arguments in turn)
"""What the last turn says where nothing was lost on the way."""


def _think(request: Request) -> Iterator[Event]:
    return thinking("The Nile or the Amazon?", SIGNATURE, answer_events(Answer(text="The Nile."), request))


def _see(request: Request) -> Answer:
    seen = [part for message in request.messages for part in message.parts if isinstance(part, Image)]
    return Answer(text=", ".join(f"{one.media_type} of {len(one.data or b'')} bytes" for one in seen))


PLAYS: Final[dict[str, Callable[[Request], Any]]] = {"loop": _loop, "think": _think, "see": _see}


def text_events(text: str) -> list[Event]:
    """An answer of one block."""
    return [BlockStarted(0, "text"), TextDelta(0, text), BlockEnded(0), Finished(FinishReason("stop"))]


def parts_of(messages: Iterable[Message], kind: type[Any]) -> list[Any]:
    """All parts of one kind that a request holds."""
    return [part for message in messages for part in message.parts if isinstance(part, kind)]
