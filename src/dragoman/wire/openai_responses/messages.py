"""Responses: a conversation to the items of ``input`` and back.

What the model said or did in one go (its reasoning, messages, calls) is one message of ours; results of tools that stand together are one
message of role ``tool``. ``instructions`` is a leading system message; a system or developer item keeps its role in the message's extra.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, File, Image, Message, Opaque, Reasoning, Refusal, Role, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request, Tool
from dragoman.wire.media import encode_base64
from dragoman.wire.openai_responses.calls import (
    CUSTOM_OUTPUT,
    FUNCTION_OUTPUT,
    decode_call,
    decode_found,
    encode_call,
    encode_result,
    is_called,
)
from dragoman.wire.openai_responses.content import (
    CONTENT,
    MESSAGE,
    NAME,
    as_extra,
    beside,
    decode_input,
    encode_input,
    encode_output,
    encode_source,
    inner,
    own_fields,
)
from dragoman.wire.openai_responses.reasoning import decode_reasoning, encode_reasoning
from dragoman.wire.openai_responses.tools import brings_tools, encode_added, is_added
from dragoman.wire.quirks import Quirks

IMAGE_ITEM: Final = "image_generation_call"
_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(request: Request, quirks: Quirks, warnings: list[str]) -> tuple[str | None, list[JsonObject]]:
    """The ``instructions``, where the conversation begins with some, and the items of ``input``."""
    messages, tools = request.messages, {tool.name: tool for tool in request.tools}
    instructions = instructions_of(messages)
    items: list[JsonObject] = []
    kinds: dict[str, str] = {}
    for message in messages if instructions is None else messages[1:]:
        if message.name is not None:
            warnings.append("messages: this wire has no names for who speaks, left out")
        if message.role == "assistant":
            turn = _Turn(tools, quirks, warnings).add(message)
            kinds |= {item["call_id"]: item["type"] for item in turn if is_called(item)}
            items += turn
        elif message.role == "tool":
            items.extend(_encode_result(part, kinds, quirks, warnings) for part in message.parts)
        else:
            items.extend(_encode_message(message, quirks))
    encode_added(request, items)
    return instructions, items


def instructions_of(messages: tuple[Message, ...]) -> str | None:
    """The first message as ``instructions``, where it is a plain system message that was not an item of its own."""
    match messages:
        case (Message(role="system", parts=(Text(text=text, extra=inside),), extra=outside), *_) if NAME not in {**inside, **outside}:
            return text
        case _:
            return None


def is_item(part: AnyPart) -> bool:
    """Whether an opaque part is an item by itself, and not a part of a message."""
    own = own_fields(part.extra)
    return isinstance(part, Opaque) and bool(own) and ("type" in own or CONTENT not in own)


def _encode_message(message: Message, quirks: Quirks) -> list[JsonObject]:
    """A message of the user or the system, and items that were sent as the user's."""
    items = [own_fields(part.extra) for part in message.parts if is_item(part)]
    content = tuple(part for part in message.parts if not is_item(part))
    if items and not content:
        return items
    item = {"type": "message", "role": message.role, "content": encode_input(content, quirks), **own_fields(message.extra)}
    return [*items, item]


def _encode_result(part: AnyPart, kinds: Mapping[str, str], quirks: Quirks, warnings: list[str]) -> JsonObject:
    if is_item(part):
        return own_fields(part.extra)
    if not isinstance(part, ToolResult):
        raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
    if part.is_error:
        warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
    output = encode_input(part.parts, quirks) if part.parts else ""
    return encode_result(part, output, kinds)


class _Turn:
    """The items of an assistant's message."""

    def __init__(self, tools: Mapping[str, Tool], quirks: Quirks, warnings: list[str]) -> None:
        self._items: list[JsonObject] = []
        self._tools = tools
        self._quirks = quirks
        self._warnings = warnings
        self._said: list[JsonObject] | None = None
        """The content of the message item that is open."""
        self._facts: JsonObject = {}

    def add(self, message: Message) -> list[JsonObject]:
        for part in message.parts:
            if isinstance(part, Source):
                self._cite(part)
            elif isinstance(part, (Text, Refusal, Opaque)) and is_said(part):
                self._say(part)
            else:
                self._end()
                self._do(part)
        self._end()
        return self._items

    def _say(self, part: Text | Refusal | Opaque) -> None:
        facts = own_fields(part.extra).get(MESSAGE)
        facts = facts if isinstance(facts, dict) else {}
        if self._said is not None and facts.get("id") != self._facts.get("id"):
            self._end()
        if self._said is None:
            self._said, self._facts = [], {}
        self._facts = {**self._facts, **facts}
        self._said.append(encode_output(part))

    def _cite(self, source: Source) -> None:
        annotation = encode_source(source)
        if annotation is not None and self._said and self._said[-1]["type"] == "output_text":
            self._said[-1]["annotations"].append(annotation)
        else:
            self._warnings.append("messages: a source that belongs to no text, or has no address, cannot be sent back, left out")

    def _end(self) -> None:
        """Close the message item: plain text where that says it all."""
        said, facts = self._said, self._facts
        self._said = None
        if said is None:
            return
        content: Json = said
        if not facts and len(said) == 1 and said[0] == {"type": "output_text", "text": said[0].get("text"), "annotations": []}:
            content = said[0]["text"]
        elif self._quirks.text_only:
            content = "".join(str(part.get("text") or part.get("refusal") or "") for part in said)
        if "id" in facts:
            facts = {"status": "completed", **facts}
        self._items.append({"type": "message", "role": "assistant", **facts, "content": content})

    def _do(self, part: AnyPart) -> None:
        match part:
            case Reasoning():
                item = encode_reasoning(part, self._quirks)
                if item is not None:
                    self._items.append(item)
                else:
                    self._warnings.append("messages: reasoning that did not come from this wire cannot be sent to it, left out")
            case ToolCall():
                self._items.append(encode_call(part, self._tools))
            case Opaque():
                self._items.append(own_fields(part.extra))
            case Image() if part.data is not None and own_fields(part.extra):
                self._items.append({"type": IMAGE_ITEM, **own_fields(part.extra), "result": encode_base64(part.data)})
            case ToolResult():
                raise BadRequest("messages: a tool result stands in a message of role 'assistant'; role 'tool' is expected")
            case _:
                raise Unsupported(f"messages: the Responses wire has no place for a {type(part).__name__} part of an assistant")


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(instructions: str | None, given: Json) -> tuple[Message, ...]:
    """``instructions`` and ``input``. Raises ``BadRequest`` that names the place."""
    decoded = [] if instructions is None else [Message("system", (Text(text=instructions),))]
    if isinstance(given, str):
        decoded.append(Message("user", (Text(text=given),)))
    elif isinstance(given, list):
        for i, item in enumerate(given):
            if not is_added(item):
                _append(decoded, _decode_item(item, f"input[{i}]"))
    elif given is not None:
        raise BadRequest(f"input: {type(given).__name__} was given; a string or a list of items is expected", param="input")
    return tuple(decoded)


def _append(messages: list[Message], message: Message) -> None:
    """Add to the turn that is under way, unless the item's text could then not be told from the text before it."""
    if message.role == "assistant" and not message.parts:
        return
    last = messages[-1] if messages else None
    if last is not None and last.role == message.role and _goes_on(last, message):
        messages[-1] = msgspec.structs.replace(last, parts=last.parts + message.parts)
    else:
        messages.append(message)


def _goes_on(last: Message, message: Message) -> bool:
    if message.role == "tool":
        return True
    first = message.parts[0] if message.parts else None
    if message.role != "assistant" or first is None:
        return False
    is_named = "id" in own_fields(first.extra).get(MESSAGE, {})
    return is_named or not is_said(first) or not any(map(is_said, last.parts))


def is_said(part: AnyPart) -> bool:
    """Whether ``part`` stands in a message item."""
    return isinstance(part, (Text, Refusal)) or (isinstance(part, Opaque) and not is_item(part))


def _decode_item(given: Json, where: str) -> Message:
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an item is expected", param=where)
    kind = given.get("type") or ("message" if "role" in given else "item_reference")
    if not isinstance(kind, str):
        raise BadRequest(f"{where}.type: {type(kind).__name__} was given; a string is expected", param=f"{where}.type")
    decode = _ITEM_DECODERS.get(kind)
    if decode is not None:
        return decode(given, where)
    if is_called(given):
        return Message("assistant", (decode_call(given, where),))
    if brings_tools(given):
        return Message("tool", (decode_found(given, where),))
    role = _ROLE_OF_ITEM.get(kind) or ("tool" if kind.endswith("_output") else "assistant")
    return Message(role, (Opaque(extra={NAME: given}),))


_ROLE_OF_ITEM: Final[dict[str, Role]] = {
    "item_reference": "user",
    "mcp_approval_response": "user",
    "compaction_trigger": "user",
    "additional_tools": "user",
    "configuration_update": "user",
}
"""Who sends an item that only this wire has; other outputs are a tool's, and all else is the model's."""


def _decode_message(given: JsonObject, where: str) -> Message:
    told = given.get("role")
    role = _ROLES.get(told) if isinstance(told, str) else None
    if role is None:
        allowed = "one of " + ", ".join(map(repr, _ROLES))
        raise BadRequest(f"{where}.role: {told!r} was given; {allowed} is allowed", param=f"{where}.role")
    parts = decode_input(given.get("content"), f"{where}.content")
    facts = beside(given, frozenset({"type", "role", "content"}))
    if role == "assistant":
        return _decode_said(given, parts, facts)
    return Message(role, tuple(parts), extra=as_extra(facts if role == "user" else {"role": told, **facts}))


def _decode_said(given: JsonObject, parts: list[AnyPart], facts: JsonObject) -> Message:
    """What the model said; a message of the vendor's without content stays the item that it is, one of a client's says nothing."""
    if not parts and not facts:
        return Message("assistant", ())
    if not parts:
        return Message("assistant", (Opaque(extra={NAME: {"type": "message", **given}}),))
    return Message("assistant", tuple(part if isinstance(part, Source) else with_facts(part, facts) for part in parts))


def with_facts(part: AnyPart, facts: JsonObject) -> AnyPart:
    """``part`` with what is known of the message item that it stands in."""
    return msgspec.structs.replace(part, extra={NAME: {**own_fields(part.extra), MESSAGE: facts}}) if facts else part


def _decode_result(given: JsonObject, where: str) -> Message:
    parts = decode_input(given.get("output"), f"{where}.output")
    allowed = tuple(part for part in parts if isinstance(part, (Text, Image, File)))
    if len(allowed) != len(parts):
        return Message("tool", (Opaque(extra={NAME: given}),))
    own = beside(given, frozenset({"type", "call_id", "output"}))
    if given["type"] != FUNCTION_OUTPUT:
        own["type"] = given["type"]
    return Message("tool", (ToolResult(id=inner(given, "call_id", where), parts=allowed, extra=as_extra(own)),))


def _decode_thought(given: JsonObject, where: str) -> Message:
    return Message("assistant", (decode_reasoning(given),))


_ITEM_DECODERS: Final[dict[str, Callable[[JsonObject, str], Message]]] = {
    "message": _decode_message,
    FUNCTION_OUTPUT: _decode_result,
    CUSTOM_OUTPUT: _decode_result,
    "reasoning": _decode_thought,
}
