"""What a request may ask, one feature at a time: how it is put into a request, and how it is seen in one.

A feature that is not asked is not seen, so that what a dialect makes up is noticed as well as what it loses. Values are data; chance only
chooses among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dragoman.core.messages import AnyPart, Audio, File, Image, Message, Reasoning, Refusal, Source, Text, ToolCall, ToolResult
from dragoman.core.request import JsonFormat, NamedTool, ReasoningOptions, Request, Tool

Seen = Any
Change = Callable[[Request, Any], Request]

PNG: Final = b"\x89PNG\r\n\x1a\n picture"
PDF: Final = b"%PDF-1.7 document"
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
ARGUMENTS: Final = '{"city":"Köln"}'


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """``values`` to choose from; ``put`` asks for one of them; ``see`` is what a request asks of it, falsy where it asks nothing.

    One of ``words`` stands in the warning of a dialect that cannot say it.
    """

    values: Sequence[Any]
    put: Change
    see: Callable[[Request], Seen]
    words: tuple[str, ...]


def of_field(name: str, *values: Any) -> Feature:
    """A feature that is one field of the request."""

    def put(request: Request, value: Any) -> Request:
        return msgspec.structs.replace(request, **{name: value})

    def see(request: Request) -> Seen:
        found = getattr(request, name)
        return None if found in (None, (), {}, False) else (found,)

    return Feature(values=values, put=put, see=see, words=(name,))


def of_format(name: str, value: Any) -> Feature:
    """A feature of an answer in JSON. A name that only stands for none is not seen."""

    def put(request: Request, value: Any) -> Request:
        wanted = request.response_format
        wanted = JsonFormat(schema=SCHEMA) if wanted is None or wanted.schema is None else wanted
        return msgspec.structs.replace(request, response_format=msgspec.structs.replace(wanted, **{name: value}))

    def see(request: Request) -> Seen:
        found = request.response_format and getattr(request.response_format, name)
        return None if found == "answer" else found

    return Feature(values=(value,), put=put, see=see, words=("response_format",))


def of_reasoning(name: str, *values: Any) -> Feature:
    """A feature of the reasoning wanted; that it is switched on is seen only where neither effort nor budget says so already."""

    def put(request: Request, value: Any) -> Request:
        wanted = msgspec.structs.replace(request.reasoning or ReasoningOptions(), **{name: value})
        return msgspec.structs.replace(request, reasoning=wanted)

    def see(request: Request) -> Seen:
        found = request.reasoning
        if found is None or getattr(found, name) is None:
            return None
        if name == "enabled" and (found.enabled not in values or (found.enabled and (found.effort or found.budget_tokens))):
            return None
        return (getattr(found, name),)

    return Feature(values=values, put=put, see=see, words=("reasoning",))


# --- messages ---------------------------------------------------------------------------------------------------------------------------


def parts_of(request: Request, *roles: str) -> list[AnyPart]:
    return [part for message in request.messages if not roles or message.role in roles for part in message.parts]


def asked_with(*parts: AnyPart) -> Message:
    return Message("user", (Text(text="Look at this."), *parts))


def of_part(make: Callable[[Any], AnyPart], see: Callable[[AnyPart], Seen], word: str, *values: Any) -> Feature:
    """A feature of what a user shows: a part beside the text of a turn."""

    def put(request: Request, value: Any) -> Request:
        return msgspec.structs.replace(request, messages=(*request.messages, asked_with(make(value)), answered("I see.")))

    return Feature(values=values, put=put, see=lambda request: [found for part in parts_of(request) if (found := see(part))], words=(word,))


def answered(text: str) -> Message:
    return Message("assistant", (Text(text=text),))


def of_turns(turns: Callable[[Any], Sequence[Message]], see: Callable[[Request], Seen], word: str, *values: Any) -> Feature:
    """A feature of what was said before: several turns of their own."""

    def put(request: Request, value: Any) -> Request:
        return msgspec.structs.replace(request, messages=(*request.messages, *turns(value)))

    return Feature(values=values, put=put, see=see, words=(word,))


def system_first(request: Request, text: str) -> Request:
    return msgspec.structs.replace(request, messages=(Message("system", (Text(text=text),)), *request.messages))


def called(*calls: ToolCall, before: Sequence[AnyPart] = ()) -> Message:
    return Message("assistant", (*before, *calls))


def gave(id: str, *parts: Text | Image | File, is_error: bool = False) -> Message:
    return Message("tool", (ToolResult(id=id, parts=parts, is_error=is_error, name="weather"),))


def weather(id: str) -> ToolCall:
    return ToolCall(id=id, name="weather", arguments=ARGUMENTS)


def results(request: Request) -> list[ToolResult]:
    return [part for part in parts_of(request) if isinstance(part, ToolResult)]


def thoughts(request: Request) -> list[Reasoning]:
    return [part for part in parts_of(request) if isinstance(part, Reasoning)]


def see_calls(request: Request) -> list[tuple[str, Any]]:
    return [(part.name, json.loads(part.arguments)) for part in parts_of(request) if isinstance(part, ToolCall)]


def see_results(request: Request) -> list[tuple[int, str]]:
    """Each result's words with the place of the call that it answers: ids are the wire's own."""
    return [(answered_call(request, part), "".join(one.text for one in part.parts if isinstance(one, Text))) for part in results(request)]


def answered_call(request: Request, result: ToolResult) -> int:
    ids = [part.id for part in parts_of(request) if isinstance(part, ToolCall)]
    assert len(set(ids)) == len(ids), f"two calls share an id: {ids}"
    return ids.index(result.id)


def see_conversation(request: Request) -> Seen:
    """Calls and results, where there are any."""
    return (see_calls(request), see_results(request)) if see_calls(request) else None


def result_of(make: Callable[[], Image | File], kind: type[Image | File], id: str) -> Feature:
    return of_turns(
        lambda id: [asked_with(), called(weather(id)), gave(id, Text(text="Shown:"), make()), answered("I see.")],
        lambda request: [
            (answered_call(request, part), one.data) for part in results(request) for one in part.parts if isinstance(one, kind)
        ],
        kind.__name__.lower(),
        id,
    )


# --- tools ------------------------------------------------------------------------------------------------------------------------------

WEATHER: Final = Tool(name="weather", description="How the weather is.", parameters=SCHEMA)
CLOCK: Final = Tool(name="clock", description="What time it is.", parameters={"type": "object", "properties": {"zone": {"type": "string"}}})


def with_tools(request: Request) -> Request:
    return request if request.tools else msgspec.structs.replace(request, tools=(WEATHER, CLOCK))


def put_strict(request: Request, strict: bool) -> Request:
    tools = tuple(msgspec.structs.replace(tool, strict=strict) for tool in with_tools(request).tools)
    return msgspec.structs.replace(request, tools=tools)


def of_choice(*values: Any) -> Feature:
    def see(request: Request) -> Seen:
        return request.tool_choice if request.tool_choice in values else None

    def put(request: Request, value: Any) -> Request:
        return msgspec.structs.replace(with_tools(request), tool_choice=value)

    return Feature(values=values, put=put, see=see, words=("tool_choice",))


# --- the features -----------------------------------------------------------------------------------------------------------------------

FEATURES: Final[Mapping[str, Feature]] = {
    "stream": of_field("stream", True),
    "system": Feature(
        values=("Be brief.", "Antworte auf Deutsch.\nImmer."),
        put=system_first,
        see=lambda request: [(message.role, message.text) for message in request.messages if message.role == "system"],
        words=("system",),
    ),
    "several turns": of_turns(
        lambda text: [asked_with(), answered(text)],
        lambda request: [text for message in request.messages if (text := message.text) in ("Three rivers.", "Drei Flüsse: Rhein …")],
        "messages",
        "Three rivers.",
        "Drei Flüsse: Rhein …",
    ),
    "image by data": of_part(
        lambda data: Image(data=data, media_type="image/png"),
        lambda part: isinstance(part, Image) and part.data is not None and (part.data, part.media_type),
        "image",
        PNG,
    ),
    "image by URL": of_part(
        lambda url: Image(url=url),
        lambda part: isinstance(part, Image) and part.url,
        "image",
        "https://example.com/a.png",
    ),
    "image detail": of_part(
        lambda detail: Image(data=PNG, media_type="image/png", detail=detail),
        lambda part: isinstance(part, Image) and part.detail not in (None, "auto") and part.detail,
        "detail",
        "low",
    ),
    "document by data": of_part(
        lambda data: File(data=data, media_type="application/pdf"),
        lambda part: isinstance(part, File) and part.data is not None and (part.data, part.media_type),
        "file",
        PDF,
    ),
    "document by URL": of_part(
        lambda url: File(url=url, media_type="application/pdf"),
        lambda part: isinstance(part, File) and part.url,
        "file",
        "https://example.com/a.pdf",
    ),
    "document by id": of_part(
        lambda file_id: File(file_id=file_id), lambda part: isinstance(part, File) and part.file_id, "file", "file-123"
    ),
    "name of a document": of_part(
        lambda name: File(data=PDF, media_type="application/pdf", name=name),
        lambda part: isinstance(part, File) and part.name,
        "name",
        "paper",
    ),
    "audio": of_part(
        lambda data: Audio(data=data, media_type="audio/wav"),
        lambda part: isinstance(part, Audio) and (part.data, part.media_type),
        "audio",
        b"RIFF sound",
    ),
    "tools": Feature(
        values=((WEATHER,), (WEATHER, CLOCK)),
        put=lambda request, value: msgspec.structs.replace(request, tools=value),
        see=lambda request: [(tool.name, tool.description, tool.parameters) for tool in request.tools],
        words=("tools", "tool_choice: 'none'"),
    ),
    "strict tools": Feature(
        values=(True,), put=put_strict, see=lambda request: [tool.name for tool in request.tools if tool.strict], words=("strict", "tools")
    ),
    "tool choice: auto": of_choice("auto"),
    "tool choice: none": of_choice("none"),
    "tool choice: required": of_choice("required"),
    "tool choice: one tool": of_choice(NamedTool("weather")),
    "parallel calls forbidden": Feature(
        values=(False,),
        put=lambda request, value: msgspec.structs.replace(with_tools(request), parallel_tool_calls=value),
        see=lambda request: request.parallel_tool_calls is False,
        words=("parallel_tool_calls", "tools"),
    ),
    "tool call and result": of_turns(
        lambda id: [asked_with(), called(weather(id)), gave(id, Text(text="Rain.")), answered("It rains.")],
        see_conversation,
        "tool",
        "call_1",
    ),
    "several calls in a turn": of_turns(
        lambda ids: [asked_with(), called(*map(weather, ids)), *(gave(id, Text(text=f"Rain {id}.")) for id in ids), answered("Rain.")],
        see_conversation,
        "tool",
        ("call_a", "call_b"),
    ),
    "picture from a tool": result_of(lambda: Image(data=PNG, media_type="image/png"), Image, "call_p"),
    "document from a tool": result_of(lambda: File(data=PDF, media_type="application/pdf"), File, "call_d"),
    "failed tool": of_turns(
        lambda id: [asked_with(), called(weather(id)), gave(id, Text(text="No network."), is_error=True), answered("It failed.")],
        lambda request: [answered_call(request, part) for part in results(request) if part.is_error],
        "failed",
        "call_f",
    ),
    "reasoning, unsigned": of_turns(
        lambda text: [asked_with(), Message("assistant", (Reasoning(text=text), Text(text="Done.")))],
        lambda request: [part.text for part in thoughts(request) if part.text and not part.signature],
        "reasoning",
        "First think.",
    ),
    "reasoning, signed": of_turns(
        lambda text: [asked_with(), Message("assistant", (Reasoning(text=text, signature="c2lnbmVk"), Text(text="Done.")))],
        lambda request: [(part.text, part.signature) for part in thoughts(request) if part.signature],
        "reasoning",
        "First think hard.",
    ),
    "reasoning, hidden": of_turns(
        lambda data: [asked_with(), Message("assistant", (Reasoning(redacted_data=data), Text(text="Done.")))],
        lambda request: [part.redacted_data for part in thoughts(request) if part.redacted_data],
        "reasoning",
        "aGlkZGVu",
    ),
    "refusal said before": of_turns(
        lambda text: [asked_with(), Message("assistant", (Refusal(text=text),))],
        lambda request: [part.text for part in parts_of(request) if isinstance(part, Refusal)],
        "refusal",
        "I will not.",
    ),
    "source cited before": of_turns(
        lambda url: [asked_with(), Message("assistant", (Text(text="The Rhine."), Source(url=url, title="Rhine", start=4, end=9)))],
        lambda request: [part.url for part in parts_of(request) if isinstance(part, Source)],
        "source",
        "https://example.com/rhine",
    ),
    "name of a speaker": of_turns(
        lambda name: [Message("user", (Text(text="It is me."),), name), answered("Hello.")],
        lambda request: [message.name for message in request.messages if message.name],
        "name",
        "Ann",
    ),
    "max_output_tokens": of_field("max_output_tokens", 100, 2000),
    "stop": of_field("stop", ("END",), ("END", "STOP")),
    "temperature": of_field("temperature", 0.25, 1.0),
    "top_p": of_field("top_p", 0.5),
    "top_k": of_field("top_k", 40),
    "seed": of_field("seed", 7),
    "presence_penalty": of_field("presence_penalty", 0.5),
    "frequency_penalty": of_field("frequency_penalty", 0.25),
    "n": of_field("n", 2),
    "logprobs": of_field("logprobs", True),
    "top_logprobs": of_field("top_logprobs", 2),
    "JSON answer": Feature(
        values=(JsonFormat(),),
        put=lambda request, value: msgspec.structs.replace(request, response_format=request.response_format or value),
        see=lambda request: request.response_format is not None and request.response_format.schema is None,
        words=("response_format",),
    ),
    "JSON answer by schema": of_format("schema", SCHEMA),
    "schema's name": of_format("name", "place"),
    "schema's description": of_format("description", "A place."),
    "schema strict": of_format("strict", True),
    "reasoning effort": of_reasoning("effort", "low", "medium", "high"),
    "reasoning budget": of_reasoning("budget_tokens", 2048),
    "reasoning on": of_reasoning("enabled", True),
    "reasoning off": of_reasoning("enabled", False),
    "reasoning summary": of_reasoning("summary", "auto"),
    "metadata": of_field("metadata", {"team": "blue"}),
    "user": of_field("user", "user-1"),
}


# --- whole requests ---------------------------------------------------------------------------------------------------------------------

Asked = Mapping[str, Any]
"""Features by name, each with the value asked for."""


def build(asked: Asked) -> Request:
    """A request that asks all of it and ends with a question."""
    request = Request(model="model-1", messages=())
    for name in FEATURES:
        if name in asked and name != "system":
            request = FEATURES[name].put(request, asked[name])
    request = msgspec.structs.replace(request, messages=(*request.messages, Message("user", (Text(text="Name a river."),))))
    return FEATURES["system"].put(request, asked["system"]) if "system" in asked else request


def transcript(request: Request) -> list[tuple[str, str]]:
    """Who says what in which order; neighbours of one role are one turn, as several wires have it."""
    turns: list[tuple[str, str]] = []
    for message in request.messages:
        said = "".join(map(mark, message.parts))
        if turns and turns[-1][0] == message.role:
            said = turns.pop()[1] + said
        if said:
            turns.append((message.role, said))
    return turns


def mark(part: AnyPart) -> str:
    match part:
        case Text() | Refusal():
            return part.text
        case Reasoning() | Source():
            return ""
        case _:
            return f"[{type(part).__name__}]"
