"""OpenAI chat: a conversation to its ``messages`` field and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import (
    AnyPart,
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.carried import foreign
from dragoman.wire.openai_chat import details
from dragoman.wire.openai_chat.content import (
    LEGACY,
    MESSAGE,
    NAME,
    PART,
    decode_part,
    encode_content,
    encode_image,
    odd_type,
    one_of,
    own_fields,
    spread,
)
from dragoman.wire.openai_chat.results import Results, rejoined
from dragoman.wire.quirks import Quirks

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TODAYS_ROLES: Final = tuple(name for name in _ROLES if name != "function")


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    """The ``messages`` field. Raises ``BadRequest`` where there is none."""
    if not messages:
        raise BadRequest("messages: there are none; at least one message is expected", param="messages")
    encoded: list[JsonObject] = []
    results = Results(quirks, warnings)
    for i, message in enumerate(messages):
        words = _words(message)
        if words is not None:
            encoded += [*results.rest(), {"role": message.role, "content": words}]
            continue
        for extra in _extras(message):
            warnings.extend(foreign(extra, f"messages[{i}]", NAME))
        if message.role == "tool":
            encoded.extend(map(results.encode, message.parts))
        else:
            encoded += [*results.rest(), _encode_message(message, quirks, warnings)]
            results.expect(message)
    return [*encoded, *results.rest()]


def _words(message: Message) -> str | None:
    """What a message says that is one text and nothing beside it, as most are."""
    if len(message.parts) != 1 or message.extra or message.name is not None or message.role == "tool":
        return None
    part = message.parts[0]
    return part.text if isinstance(part, Text) and not part.extra else None


def _extras(message: Message) -> Iterator[Extra]:
    yield message.extra
    for part in message.parts:
        yield part.extra
        yield from (inner.extra for inner in part.parts) if isinstance(part, ToolResult) else ()


def _encode_message(message: Message, quirks: Quirks, warnings: list[str]) -> JsonObject:
    said = _Said(quirks, message.role == "assistant")
    for part in message.parts:
        if isinstance(part, ToolResult):
            raise BadRequest(f"messages: a tool result stands in a message of role {message.role!r}; role 'tool' is expected")
        said.add(part, warnings)
    encoded: JsonObject = {"role": message.role, **said.fields()}
    if said.thoughts and not quirks.reasoning_field:
        warnings.append("messages: the reasoning of earlier turns cannot be sent back to this provider, left out")
    if message.name is not None:
        encoded["name"] = message.name
    encoded.update(message.extra.get(NAME, {}))
    return encoded


class _Said:
    """The parts of one message, sorted into the fields where this wire has them."""

    def __init__(self, quirks: Quirks, is_answer: bool) -> None:
        self._quirks = quirks
        self._is_answer = is_answer
        self._content: list[AnyPart] = []
        self._calls: list[JsonObject] = []
        self._other: JsonObject = {}
        self.thoughts: list[Reasoning] = []

    def add(self, part: AnyPart, warnings: list[str]) -> None:
        own = own_fields(part)
        match part:
            case ToolCall() if LEGACY in own and not self._quirks.text_only:
                self._other["function_call"] = {"name": part.name, "arguments": part.arguments}
            case ToolCall() if not self._quirks.text_only:
                self._calls.append(_encode_call(part))
            case Reasoning():
                self.thoughts.append(part)
            case Source():
                warnings.append("messages: a source that an answer cited cannot be sent back to this provider, left out")
            case Opaque() if MESSAGE in own:
                pass
            case Audio() if self._is_answer and not self._quirks.text_only:
                self._add_sound(part, warnings)
            case Image() if self._is_answer and not self._quirks.text_only:
                self._other.setdefault("images", []).append({**encode_image(part), **spread(part)})
            case _:
                self._content.append(part)
        for name, value in own.get(MESSAGE, {}).items():
            if name == "tool_calls":
                self._calls.extend(value)
            else:
                self._other[name] = value

    def _add_sound(self, part: Audio, warnings: list[str]) -> None:
        """An answer's sound is sent back by its name; one that another provider made, by its words."""
        name = part.file_id or own_fields(part).get("id")
        if name:
            self._other["audio"] = {"id": name}
        elif part.transcript:
            self._content.append(Text(text=part.transcript))
            warnings.append("messages: an answer's sound cannot be sent back here, its words are sent instead")
        else:
            raise Unsupported("messages: the OpenAI chat wire takes an answer's sound back by its id alone, and this one has none")

    def fields(self) -> JsonObject:
        field = self._quirks.reasoning_field
        content: Json = encode_content(self._content, self._quirks)
        fields: JsonObject = {}
        if self.thoughts and field == "content":
            said = [{"type": "text", "text": content}] if isinstance(content, str) else content
            content = [*map(_thinking_part, self.thoughts), *(said if self._content else ())]
        elif self._is_answer and not self._content:
            content = None if self._calls or self._other else ""
        fields["content"] = content
        if self._calls:
            fields["tool_calls"] = self._calls
        if self.thoughts and field == details.FIELD:
            fields[field] = [record for part in self.thoughts for record in own_fields(part).get(field) or [details.record_of(part)]]
        elif self.thoughts and field and field != "content":
            fields[field] = "".join(part.text for part in self.thoughts)
        return fields | self._other


def _thinking_part(part: Reasoning) -> Json:
    return own_fields(part).get(PART) or {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}


def _encode_call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **spread(call)}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(given: list[Json]) -> tuple[Message, ...]:
    """The ``messages`` field; adjacent tool messages become one, with what is shown of them behind.

    Raises ``BadRequest`` that names the place.
    """
    if not given:
        raise BadRequest("messages: the list is empty; at least one message is expected", param="messages")
    decoded: list[Message] = []
    for i, item in enumerate(given):
        message = decode_message(item, f"messages[{i}]")
        whole = _joined(decoded[-1], message) if decoded and decoded[-1].role == "tool" else None
        if whole is None:
            decoded.append(message)
        else:
            decoded[-1] = whole
    return _numbered(decoded)


def _joined(results: Message, message: Message) -> Message | None:
    """``results`` with what ``message`` says of the same turn's tools; ``None`` where it is another turn."""
    if message.role == "tool":
        return msgspec.structs.replace(results, parts=results.parts + message.parts)
    return rejoined(results, message)


def _numbered(messages: list[Message]) -> tuple[Message, ...]:
    """Calls in the form before tools have no ids; each gets one, and the result of the same name that follows it the same."""
    count = 0
    latest: dict[str | None, str] = {}
    for i, message in enumerate(messages):
        parts: list[AnyPart] = []
        for part in message.parts:
            if isinstance(part, ToolCall) and LEGACY in own_fields(part):
                latest[part.name] = f"function_call_{count}"
                count += 1
            if isinstance(part, (ToolCall, ToolResult)) and LEGACY in own_fields(part):
                part = msgspec.structs.replace(part, id=latest.get(part.name, ""))
            parts.append(part)
        messages[i] = msgspec.structs.replace(message, parts=tuple(parts))
    return tuple(messages)


def decode_message(given: Json, where: str, known_only: bool = False) -> Message:
    """One message in OpenAI's form. Raises ``BadRequest`` that names the place; with ``known_only`` also for parts of a type unknown here,
    which are otherwise taken for a host's own.
    """
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with role and content is expected", param=where)
    if "role" not in given:
        raise BadRequest(f"{where}.role: it is missing; {one_of(_TODAYS_ROLES)} is expected", param=f"{where}.role")
    role = _ROLES.get(given["role"]) if isinstance(given["role"], str) else None
    if role is None:
        raise BadRequest(f"{where}.role: {given['role']!r} was given; {one_of(_TODAYS_ROLES)} is allowed", param=f"{where}.role")
    if role == "tool":
        return Message("tool", (_decode_result(given, where),))
    parts = [*_decode_thoughts(given), *_decode_content(given, role, where)]
    odd = next((own_fields(part)[PART]["type"] for part in parts if isinstance(part, Opaque)), None) if known_only else None
    if odd is not None:
        position = [part.get("type") for part in given["content"]].index(odd)
        raise odd_type(odd, f"{where}.content[{position}]")
    fields = _MESSAGE_FIELDS
    if role == "assistant":
        parts.extend(_decode_answer(given, where))
        fields = _ANSWER_FIELDS
    rest = {name: value for name, value in given.items() if name not in fields and value is not None}
    if given["role"] == "developer":
        rest["role"] = "developer"
    return Message(role, tuple(parts), _decode_name(given, where), {NAME: rest} if rest else {})


def _decode_name(given: JsonObject, where: str) -> str | None:
    name = given.get("name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"{where}.name: {type(name).__name__} was given; a string is expected", param=f"{where}.name")
    return name


_MESSAGE_FIELDS: Final = frozenset({"role", "content", "name", "tool_calls", "refusal", "reasoning_content", "reasoning"})
_ANSWER_FIELDS: Final = _MESSAGE_FIELDS | {details.FIELD, "function_call", "audio", "images"}


def _decode_answer(given: JsonObject, where: str) -> list[AnyPart]:
    """What an assistant's message holds beside its content."""
    parts = _decode_calls(given, where)
    match given.get("function_call"):
        case None:
            pass
        case {"name": str(name), "arguments": str(arguments)}:
            parts.append(ToolCall(id="", name=name, arguments=arguments, extra={NAME: {LEGACY: True}}))
        case _:
            place = f"{where}.function_call"
            raise BadRequest(f"{place}: name and arguments (a JSON text) are expected", param=place)
    if isinstance(given.get("refusal"), str):
        parts.append(Refusal(text=given["refusal"]))
    match given.get("audio"):
        case None:
            pass
        case {"id": str(sound)}:
            parts.append(Audio(file_id=sound))
        case _:
            raise BadRequest(f"{where}.audio.id: it is missing; a string is expected", param=f"{where}.audio.id")
    images = given.get("images")
    if isinstance(images, list):
        parts.extend(decode_part(image, f"{where}.images[{i}]") for i, image in enumerate(images))
    return parts


_INSTEAD_OF_CONTENT: Final = (
    "tool_calls",
    "refusal",
    "reasoning_content",
    "reasoning",
    details.FIELD,
    "function_call",
    "audio",
    "images",
)
"""With one of these an assistant's content may be null."""


def _decode_content(given: JsonObject, role: Role, where: str) -> list[AnyPart]:
    content = given.get("content")
    if isinstance(content, str):
        return [Text(text=content)] if content or role != "assistant" else []
    if isinstance(content, list):
        return [decode_part(part, f"{where}.content[{i}]") for i, part in enumerate(content)]
    if content is None and role == "assistant" and any(given.get(name) for name in _INSTEAD_OF_CONTENT):
        return []
    said = "it is missing" if "content" not in given else f"{type(content).__name__} was given"
    raise BadRequest(f"{where}.content: {said}; a string or a list of parts is expected", param=f"{where}.content")


def _decode_thoughts(given: JsonObject) -> list[AnyPart]:
    told = given.get("reasoning_content") or given.get("reasoning")
    text = told if isinstance(told, str) else ""
    records = given.get(details.FIELD)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records) or not records:
        return [Reasoning(text=text)] if text else []
    proof = next(filter(None, map(details.signature, records)), None)
    return [Reasoning(text=text or "".join(map(details.words, records)), signature=proof, extra={NAME: {details.FIELD: records}})]


def _decode_calls(given: JsonObject, where: str) -> list[AnyPart]:
    calls = given.get("tool_calls")
    if calls is None:
        return []
    if not isinstance(calls, list):
        raise BadRequest(f"{where}.tool_calls: {type(calls).__name__} was given; a list is expected", param=f"{where}.tool_calls")
    return [_decode_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(calls)]


def _decode_call(given: Json, where: str) -> ToolCall:
    match given:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            rest = {key: value for key, value in given.items() if key not in ("id", "type", "function", "index")}
            return ToolCall(id=call_id, name=name, arguments=arguments, extra={NAME: rest} if rest else {})
        case _:
            raise BadRequest(f"{where}: id, function.name and function.arguments (a JSON text) are expected", param=where)


def _decode_result(given: JsonObject, where: str) -> ToolResult:
    is_legacy = given["role"] == "function"
    call_id, field = (given.get("name"), "name") if is_legacy else (given.get("tool_call_id"), "tool_call_id")
    if not isinstance(call_id, str):
        raise BadRequest(f"{where}.{field}: a string is expected", param=f"{where}.{field}")
    parts = _decode_content(given, "tool", where)
    allowed = tuple(part for part in parts if isinstance(part, (Text, Image, File)))
    if len(allowed) != len(parts):
        raise BadRequest(f"{where}.content: a tool's result may hold text, images and files", param=f"{where}.content")
    rest = {name: value for name, value in given.items() if name not in ("role", "content", "tool_call_id", "name")}
    name = _decode_name(given, where)
    if is_legacy:
        rest[LEGACY] = True
    extra: Extra = {NAME: rest} if rest else {}
    return ToolResult(id=call_id, parts=allowed, name=name, extra=extra)
