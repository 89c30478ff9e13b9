"""Ollama: a conversation to its ``messages`` field (or to a prompt) and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Image, Message, Reasoning, Refusal, Role, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.media import decode_base64, encode_base64, sniff_image
from dragoman.wire.payload import dump, try_object, written_arguments

NAME: Final = "ollama"
"""Under which the fields that this dialect alone has stand in ``extra``."""

_ROLES: Final[dict[str, Role]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_MESSAGE_FIELDS: Final = frozenset({"role", "content", "thinking", "images", "tool_calls"})
_RESULT_FIELDS: Final = frozenset({"role", "content", "images", "tool_name", "tool_call_id"})
_MADE: Final = re.compile(r"ollama_\d*_\d+")
_LINE_ENDS: Final = str.maketrans("\r\n", "  ")


def made_id(time: str | None, position: int) -> str:
    """An id for a call that came without: of the digits of the answer's time and the call's position in it."""
    digits = "".join(filter(str.isdigit, time or ""))
    return f"ollama_{digits}_{position}"


def is_made(call_id: str) -> bool:
    """Whether ``made_id`` made this id, so that no server knows it."""
    return _MADE.fullmatch(call_id) is not None


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: Iterable[Message], warnings: list[str]) -> list[JsonObject]:
    """The ``messages`` field."""
    names: dict[str, str] = {}
    encoded: list[JsonObject] = []
    for message in messages:
        names.update((part.id, part.name) for part in message.parts if isinstance(part, ToolCall))
        if message.role == "tool":
            encoded.extend(_encode_result(part, names, warnings) for part in message.parts)
        else:
            encoded.append(_encode_message(message, warnings))
    return encoded


def encode_prompt(messages: tuple[Message, ...], warnings: list[str]) -> JsonObject:
    """The fields ``system``, ``prompt`` and ``images`` of ``/api/generate``."""
    roles = [message.role for message in messages]
    if roles not in ([], ["system"], ["user"], ["system", "user"]):
        raise Unsupported(f"messages: /api/generate takes a system and a user message, not {', '.join(roles)}; ask /api/chat for this")
    encoded: JsonObject = {}
    for message in messages:
        plain = _encode_message(message, warnings)
        encoded["system" if message.role == "system" else "prompt"] = plain["content"]
        if "images" in plain:
            encoded["images"] = plain["images"]
    return encoded


def _encode_message(message: Message, warnings: list[str]) -> JsonObject:
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[JsonObject] = []
    for part in message.parts:
        match part:
            case Text():
                texts.append(part.text)
            case Refusal():
                texts.append(part.text)
                warnings.append("messages: a refusal is sent as plain text, which is all that this wire knows")
            case Image():
                images.append(_encode_image(part, warnings))
            case Reasoning():
                _encode_reasoning(part, thoughts, warnings)
            case ToolCall():
                calls.append(_encode_call(part))
            case Source():
                warnings.append("messages: a source that an answer cited cannot be sent back to this provider, left out")
            case ToolResult():
                raise BadRequest(f"messages: a tool result stands in a message of role {message.role!r}; role 'tool' is expected")
            case _:
                raise Unsupported(f"messages: the Ollama wire has no place for a {type(part).__name__} part")
    if message.name is not None:
        warnings.append("messages: a speaker's name is not understood by this provider, left out")
    encoded: JsonObject = {"role": message.role, "content": "".join(texts)}
    for field, value in (("thinking", "".join(thoughts)), ("images", images), ("tool_calls", calls)):
        if value:
            encoded[field] = value
    return {**encoded, **message.extra.get(NAME, {})}


def _encode_reasoning(part: Reasoning, thoughts: list[str], warnings: list[str]) -> None:
    thoughts.append(part.text)
    if part.signature is not None or part.redacted_data is not None:
        warnings.append("messages: signed or hidden reasoning is another vendor's, only its text is sent to this provider")


def _encode_image(part: Image, warnings: list[str]) -> str:
    if part.detail not in (None, "auto"):
        warnings.append("messages: the detail of an image is not understood by this provider, left out")
    if part.data is None:
        raise Unsupported("messages: the Ollama wire takes an image as data, not by URL or file id")
    return encode_base64(part.data)


def _encode_call(call: ToolCall) -> JsonObject:
    own = call.extra.get(NAME, {})
    function = {"name": call.name, "arguments": encode_arguments(call.arguments), **own.get("function", {})}
    encoded: JsonObject = {} if is_made(call.id) or not call.id else {"id": call.id}
    return {**encoded, **{name: value for name, value in own.items() if name != "function"}, "function": function}


def encode_arguments(text: str) -> msgspec.Raw:
    """The exact text as part of a body. Line ends in it can only be blanks between tokens, and must not end the line of an answer."""
    data = written_arguments(text).translate(_LINE_ENDS).encode("utf-8", "replace")
    if try_object(data) is None:
        raise Unsupported(f"the arguments of a tool call are {text[:80]!r}; the Ollama wire takes a JSON object alone")
    return msgspec.Raw(data)


def _encode_result(part: AnyPart, names: dict[str, str], warnings: list[str]) -> JsonObject:
    if not isinstance(part, ToolResult):
        raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
    inner = _encode_message(Message("tool", part.parts), warnings)
    name = part.name or names.get(part.id)
    if name:
        inner["tool_name"] = name
    if part.id and not is_made(part.id):
        inner["tool_call_id"] = part.id
    if part.is_error:
        warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
    return {**inner, **part.extra.get(NAME, {})}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class _Calls:
    """The calls of a conversation that wait for their results, so that each result finds the call it belongs to."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[ToolCall] = []

    def add(self, given_id: str | None, name: str, arguments: str, extra: Extra) -> ToolCall:
        call = ToolCall(id=given_id or made_id(None, self._count), name=name, arguments=arguments, extra=extra)
        self._count += 1
        self._waiting.append(call)
        return call

    def answer(self, given_id: str | None, name: str | None) -> str:
        """The id of the call that this result is for: the one named, else the first of its tool, or of all where no tool is named.

        An id that no call has is a client's that left the calls' own ids out, as LiteLLM 1.106 does: it is for one that has none.
        """
        by_id = [call for call in self._waiting if call.id == given_id]
        fitting = [call for call in self._waiting if name in (None, call.name) and (given_id is None or is_made(call.id))]
        found = next(iter(by_id or fitting), None)
        if found is None:
            return given_id or ""
        self._waiting.remove(found)
        return found.id


def decode_messages(given: list[Json]) -> tuple[Message, ...]:
    """The ``messages`` field; adjacent tool messages become one. Raises ``BadRequest`` that names the place."""
    calls = _Calls()
    decoded: list[Message] = []
    for i, item in enumerate(given):
        message = _decode_message(item, calls, f"messages[{i}]")
        if message.role == "tool" and decoded and decoded[-1].role == "tool":
            decoded[-1] = msgspec.structs.replace(decoded[-1], parts=decoded[-1].parts + message.parts)
        else:
            decoded.append(message)
    return tuple(decoded)


def decode_prompt(prompt: str, system: str, images: list[str]) -> tuple[Message, ...]:
    """The messages that a request to ``/api/generate`` means; none where it only loads the model."""
    decoded: list[Message] = []
    if system:
        decoded.append(Message("system", (Text(text=system),)))
    if prompt or images:
        decoded.append(Message("user", (Text(text=prompt), *_decode_images(images, "images"))))
    return tuple(decoded)


def _decode_message(given: Json, calls: _Calls, where: str) -> Message:
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with role and content is expected", param=where)
    said = given.get("role")
    role = _ROLES.get(said.lower()) if isinstance(said, str) else None
    if role is None:
        allowed = ", ".join(map(repr, _ROLES))
        raise BadRequest(f"{where}.role: {said!r} was given; one of {allowed} is allowed", param=f"{where}.role")
    text = _string(given, "content", where) or ""
    images = _decode_images(_list(given, "images", where), f"{where}.images")
    if role == "tool":
        return Message("tool", (_decode_result(given, text, images, calls, where),))
    parts: list[AnyPart] = []
    thought = _string(given, "thinking", where)
    if thought:
        parts.append(Reasoning(text=thought))
    told = _list(given, "tool_calls", where)
    if text or not (thought or images or told):
        parts.append(Text(text=text))
    parts.extend(images)
    parts.extend(_decode_call(call, position, calls, f"{where}.tool_calls[{position}]") for position, call in enumerate(told))
    return Message(role, tuple(parts), None, _rest(given, _MESSAGE_FIELDS))


def _decode_result(given: JsonObject, text: str, images: list[Image], calls: _Calls, where: str) -> ToolResult:
    name = _string(given, "tool_name", where) or None
    call_id = calls.answer(_string(given, "tool_call_id", where) or None, name)
    return ToolResult(id=call_id, parts=(Text(text=text), *images), name=name, extra=_rest(given, _RESULT_FIELDS))


def _decode_call(given: Json, position: int, calls: _Calls, where: str) -> ToolCall:
    match given:
        case {"function": {"name": str(name)} as function}:
            arguments = function.get("arguments") or {}
        case _:
            raise BadRequest(f"{where}: function.name and function.arguments (an object) are expected", param=where)
    if not isinstance(arguments, dict):
        place = f"{where}.function.arguments"
        raise BadRequest(f"{place}: {type(arguments).__name__} was given; an object is expected", param=place)
    own = {key: value for key, value in given.items() if key not in ("id", "type", "function") and value is not None}
    odd = {key: value for key, value in function.items() if key not in ("name", "arguments") and (key, value) != ("index", position)}
    if odd:
        own["function"] = odd
    given_id = _string(given, "id", where)
    return calls.add(given_id or None, name, dump(arguments).decode(), {NAME: own} if own else {})


def _decode_images(given: list[Json], where: str) -> list[Image]:
    images = []
    for i, text in enumerate(given):
        if not isinstance(text, str):
            raise BadRequest(f"{where}[{i}]: {type(text).__name__} was given; base64 text is expected", param=f"{where}[{i}]")
        data = decode_base64(text, f"{where}[{i}]")
        images.append(Image(data=data, media_type=sniff_image(data)))
    return images


def _rest(given: JsonObject, known: frozenset[str]) -> Extra:
    rest = {name: value for name, value in given.items() if name not in known and value not in (None, "", [])}
    return {NAME: rest} if rest else {}


def _string(given: JsonObject, field: str, where: str) -> str | None:
    value = given.get(field)
    if value is None or isinstance(value, str):
        return value
    raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; a string is expected", param=f"{where}.{field}")


def _list(given: JsonObject, field: str, where: str) -> list[Json]:
    value = given.get(field)
    if value is None or isinstance(value, list):
        return value or []
    raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; a list is expected", param=f"{where}.{field}")
