"""Bedrock Converse: a conversation to the fields ``system`` and ``messages`` and back.

The wire has no role for tool results: they stand in the user's turn. Here they are a message of role ``tool``; decoding parts such a turn.
Neighbouring messages of one role are joined into one turn, because the vendor refuses turns that do not alternate. System messages before
the first turn are the field ``system``, later ones stay in their place, which some of the models take.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final, Literal

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Message, Opaque, Role, Text, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.bedrock_converse.content import CACHE, Draft, as_extra, cache_points, decode_blocks, encode_blocks, own_fields

_WIRE_ROLES: Final[dict[Role, str]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "user"}
_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {"system": "system", "user": "user", "assistant": "assistant"}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], draft: Draft) -> tuple[list[JsonObject], list[JsonObject]]:
    """The ``system`` and the ``messages`` field. Raises ``UsageError`` for what the wire cannot say."""
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    system = [block for message in messages[:count] for block in _encode_content(message, draft)]
    turns: list[JsonObject] = []
    for message in messages[count:]:
        blocks = _encode_content(message, draft)
        own = {name: value for name, value in own_fields(message.extra).items() if name != CACHE}
        role = _WIRE_ROLES[message.role]
        if not blocks and message.parts:
            blocks = _leftover(message)
            if not blocks:
                continue  # nothing is left of it, as a warning says
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
            turns[-1].update(own)
        else:
            turns.append({"role": role, "content": blocks, **own})
    return system, turns


def _encode_content(message: Message, draft: Draft) -> list[JsonObject]:
    for part in message.parts:
        _check_place(part, message.role)
    if message.name is not None:
        draft.warnings.append("messages: the name of a speaker is not understood by this provider, left out")
    return cache_points(message.extra) + encode_blocks(message.parts, draft)


def _leftover(message: Message) -> list[JsonObject]:
    """A turn of nothing but empty texts is sent as it is, so that the conversation keeps its turns."""
    return [{"text": ""}] if all(isinstance(part, Text) for part in message.parts) else []


def _check_place(part: AnyPart, role: Role) -> None:
    kind = type(part).__name__
    if role == "tool" and not isinstance(part, ToolResult):
        raise BadRequest(f"messages: a message of role 'tool' holds {kind}; only ToolResult is allowed there")
    if role != "tool" and isinstance(part, ToolResult):
        raise BadRequest(f"messages: a tool result stands in a message of role {role!r}; role 'tool' is expected")
    if role == "system" and not isinstance(part, (Text, Opaque)):
        raise Unsupported(f"messages: the Bedrock Converse wire takes text alone in a system message, and {kind} was given")


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(system: list[Json] | None, given: list[Json] | None) -> tuple[Message, ...]:
    """The conversation; none where a stored prompt holds it. Raises ``BadRequest`` that names the place."""
    decoded: list[Message] = []
    if system:
        before, parts = decode_blocks(system, "system")
        decoded.append(Message("system", tuple(parts), None, _with_points({}, before)))
    for i, item in enumerate(given or ()):
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
    content = given.get("content")
    if not isinstance(content, list):
        said = "it is missing" if content is None else f"{type(content).__name__} was given"
        raise BadRequest(f"{where}.content: {said}; a list of blocks is expected", param=f"{where}.content")
    before, parts = decode_blocks(content, f"{where}.content", by_model=role == "assistant")
    kept = {name: value for name, value in given.items() if name not in ("role", "content") and value is not None}
    extra = _with_points(kept, before)
    runs = [(is_result, tuple(run)) for is_result, run in groupby(parts, lambda part: isinstance(part, ToolResult))]
    if role == "system" and any(is_result for is_result, _ in runs):
        raise BadRequest(f"{where}.content: a toolResult stands in a system message; 'user' is expected", param=f"{where}.content")
    if not runs:
        return [Message(role, (), None, extra)]
    return [Message("tool" if is_result else role, run, None, {} if i else extra) for i, (is_result, run) in enumerate(runs)]


def _with_points(kept: JsonObject, points: list[JsonObject]) -> dict[str, JsonObject]:
    if points:
        kept = {**kept, CACHE: points[0] if len(points) == 1 else points}
    return as_extra(kept)
