"""Anthropic messages: a conversation to the fields ``system`` and ``messages`` and back.

The wire has no role for tool results: they stand in the user's turn, before what the user says. Here they are a message of role ``tool``.
Decoding parts such a turn in two; encoding joins tool results with the user messages beside them, as the vendor does with adjacent turns.
System messages before the first turn are the field ``system``, later ones stay in their place.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final, Literal

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Message, Opaque, Role, Text, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.anthropic_messages.content import as_extra, decode_content, encode_blocks, own_fields, plain
from dragoman.wire.quirks import Quirks

_WIRE_ROLES: Final[dict[Role, str]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "user"}
_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {"system": "system", "user": "user", "assistant": "assistant"}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], quirks: Quirks, warnings: list[str]) -> tuple[Json, list[JsonObject]]:
    """The ``system`` field (``None`` where there is none) and the ``messages`` field."""
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    system = [block for message in messages[:count] for block in _encode_parts(message, quirks, warnings)]
    turns: list[JsonObject] = []
    last: Role | None = None
    for message in messages[count:]:
        blocks = _encode_parts(message, quirks, warnings)
        if not blocks and message.parts:
            continue  # nothing is left of it, as a warning says
        if turns and {last, message.role} in ({"tool"}, {"tool", "user"}):
            turns[-1]["content"].extend(blocks)
            turns[-1].update(own_fields(message.extra))
        else:
            turns.append({"role": _WIRE_ROLES[message.role], "content": blocks, **own_fields(message.extra)})
        last = message.role
    for turn in turns:
        turn["content"] = plain(turn["content"])
    return (plain(system) if system else None), turns


def _encode_parts(message: Message, quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    for part in message.parts:
        _check_place(part, message.role)
    if message.name is not None:
        warnings.append("messages: the name of a speaker is not understood by this provider, left out")
    return encode_blocks(message.parts, quirks, warnings)


def _check_place(part: AnyPart, role: Role) -> None:
    kind = type(part).__name__
    if role == "tool" and not isinstance(part, ToolResult):
        raise BadRequest(f"messages: a message of role 'tool' holds {kind}; only ToolResult is allowed there")
    if role != "tool" and isinstance(part, ToolResult):
        raise BadRequest(f"messages: a tool result stands in a message of role {role!r}; role 'tool' is expected")
    if role == "system" and not isinstance(part, (Text, Opaque)):
        raise Unsupported(f"messages: the Anthropic messages wire takes text alone in a system message, and {kind} was given")


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(system: Json, given: list[Json]) -> tuple[Message, ...]:
    """The conversation. Raises ``BadRequest`` that names the place."""
    if not given:
        raise BadRequest("messages: the list is empty; at least one message is expected", param="messages")
    instructions = () if system is None else tuple(decode_content(system, "system"))
    decoded = [Message("system", instructions)] if instructions else []
    for i, item in enumerate(given):
        decoded.extend(_decode_message(item, f"messages[{i}]"))
    return tuple(decoded)


def _decode_message(given: Json, where: str) -> list[Message]:
    """One message, or several where a turn holds results and words."""
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with role and content is expected", param=where)
    told = given.get("role")
    role = _ROLES.get(told) if isinstance(told, str) else None
    if role is None:
        said = "it is missing" if told is None else f"{told!r} was given"
        raise BadRequest(f"{where}.role: {said}; 'user', 'assistant' or 'system' is allowed", param=f"{where}.role")
    parts = decode_content(given.get("content"), f"{where}.content")
    extra = as_extra({name: value for name, value in given.items() if name not in ("role", "content") and value is not None})
    runs = [(is_result, tuple(run)) for is_result, run in groupby(parts, lambda part: isinstance(part, ToolResult))]
    if role != "user" and any(is_result for is_result, _ in runs):
        raise BadRequest(
            f"{where}.content: a tool_result stands in a message of role {role!r}; 'user' is expected", param=f"{where}.content"
        )
    if not runs:
        return [Message(role, (), None, extra)]
    return [Message("tool" if is_result else role, run, None, {} if i else extra) for i, (is_result, run) in enumerate(runs)]
