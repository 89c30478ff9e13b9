"""OpenAI chat: a conversation to its ``messages`` field and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import (
    AnyPart,
    Audio,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.media import decode_base64, decode_data_url, encode_base64, encode_data_url
from dragoman.wire.quirks import Quirks

NAME: Final = "openai_chat"
"""Under which the fields that this dialect alone has stand in ``extra``."""

_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3"}
_AUDIO_TYPES: Final = {name: media_type for media_type, name in _AUDIO_FORMATS.items()}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    """The ``messages`` field."""
    encoded: list[JsonObject] = []
    for message in messages:
        if message.role == "tool":
            encoded.extend(_encode_results(message, quirks, warnings))
        else:
            encoded.append(_encode_message(message, quirks, warnings))
    return encoded


def _encode_message(message: Message, quirks: Quirks, warnings: list[str]) -> JsonObject:
    content: list[AnyPart] = []
    calls: list[JsonObject] = []
    thoughts: list[str] = []
    for part in message.parts:
        match part:
            case ToolCall() if not quirks.text_only:
                calls.append(_encode_call(part))
            case Reasoning():
                thoughts.append(part.text)
            case ToolResult():
                raise BadRequest(f"messages: a tool result stands in a message of role {message.role!r}; role 'tool' is expected")
            case Source():
                pass  # what an answer cited is not part of what was said
            case _:
                content.append(part)
    encoded: JsonObject = {"role": message.role, "content": _encode_content(content, quirks)}
    if message.role == "assistant" and not content:
        encoded["content"] = None if calls else ""
    if calls:
        encoded["tool_calls"] = calls
    if thoughts and quirks.reasoning_field:
        encoded[quirks.reasoning_field] = "".join(thoughts)
    elif thoughts:
        warnings.append("messages: the reasoning of earlier turns cannot be sent back to this provider, left out")
    if message.name is not None:
        encoded["name"] = message.name
    encoded.update(message.extra.get(NAME, {}))
    return encoded


def _encode_call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **call.extra.get(NAME, {})}


def _encode_results(message: Message, quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    encoded = []
    for part in message.parts:
        if quirks.text_only:
            _only_text(part)
        if not isinstance(part, ToolResult):
            raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
        result: JsonObject = {"role": "tool", "tool_call_id": part.id, "content": _encode_content(list(part.parts), quirks)}
        if part.name is not None:
            result["name"] = part.name
        if part.is_error:
            warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
        encoded.append({**result, **part.extra.get(NAME, {})})
    return encoded


def _encode_content(parts: list[AnyPart], quirks: Quirks) -> Json:
    """A string for plain text, else a list of content parts."""
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extra.get(NAME):
        return parts[0].text
    if quirks.text_only:
        return "".join(_only_text(part) for part in parts)
    return [_encode_part(part) for part in parts]


def _only_text(part: AnyPart) -> str:
    if not isinstance(part, Text):
        raise Unsupported(f"messages: this provider takes plain text only, and a {type(part).__name__.lower()} part was given")
    return part.text


def _encode_part(part: AnyPart) -> JsonObject:
    encode = _PART_ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the OpenAI chat wire has no place for a {type(part).__name__} part")
    return {**encode(part), **part.extra.get(NAME, {})}


def _encode_text(part: Text) -> JsonObject:
    return {"type": "text", "text": part.text}


def _encode_refusal(part: Refusal) -> JsonObject:
    return {"type": "refusal", "refusal": part.text}


def _encode_image(part: Image) -> JsonObject:
    if part.data is not None:
        url = encode_data_url(part.data, part.media_type or "image/png")
    elif part.url is not None:
        url = part.url
    else:
        raise Unsupported("messages: the OpenAI chat wire takes an image as data or URL, not by file id")
    image = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
    return {"type": "image_url", "image_url": image}


def _encode_audio(part: Audio) -> JsonObject:
    form = _AUDIO_FORMATS.get(part.media_type or "")
    if part.data is None or form is None:
        raise Unsupported("messages: the OpenAI chat wire takes audio as data of type audio/wav or audio/mpeg")
    return {"type": "input_audio", "input_audio": {"data": encode_base64(part.data), "format": form}}


def _encode_file(part: File) -> JsonObject:
    file: JsonObject = {}
    if part.file_id is not None:
        file["file_id"] = part.file_id
    elif part.data is not None:
        file["file_data"] = encode_data_url(part.data, part.media_type or "application/pdf")
    else:
        raise Unsupported("messages: the OpenAI chat wire takes a file as data or by file id, not by URL")
    if part.name is not None:
        file["filename"] = part.name
    return {"type": "file", "file": file}


_PART_ENCODERS: Final[dict[type, Callable[[Json], JsonObject]]] = {
    Text: _encode_text,
    Refusal: _encode_refusal,
    Image: _encode_image,
    Audio: _encode_audio,
    File: _encode_file,
}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(given: list[Json]) -> tuple[Message, ...]:
    """The ``messages`` field; adjacent tool messages become one. Raises ``BadRequest`` that names the place."""
    if not given:
        raise BadRequest("messages: the list is empty; at least one message is expected", param="messages")
    decoded: list[Message] = []
    for i, item in enumerate(given):
        message = decode_message(item, f"messages[{i}]")
        if message.role == "tool" and decoded and decoded[-1].role == "tool":
            decoded[-1] = msgspec.structs.replace(decoded[-1], parts=decoded[-1].parts + message.parts)
        else:
            decoded.append(message)
    return tuple(decoded)


def decode_message(given: Json, where: str) -> Message:
    """One message in OpenAI's form. Raises ``BadRequest`` that names the place."""
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with role and content is expected", param=where)
    if "role" not in given:
        raise BadRequest(f"{where}.role: it is missing; {_allowed(_ROLES)} is expected", param=f"{where}.role")
    role = _ROLES.get(given["role"]) if isinstance(given["role"], str) else None
    if role is None:
        raise BadRequest(f"{where}.role: {given['role']!r} was given; {_allowed(_ROLES)} is allowed", param=f"{where}.role")
    if role == "tool":
        return Message("tool", (_decode_result(given, where),))
    parts = [*_decode_thoughts(given), *_decode_content(given, role, where)]
    if role == "assistant":
        parts.extend(_decode_calls(given, where))
        if isinstance(given.get("refusal"), str):
            parts.append(Refusal(text=given["refusal"]))
    rest = {name: value for name, value in given.items() if name not in _MESSAGE_FIELDS and value is not None}
    if given["role"] == "developer":
        rest["role"] = "developer"
    name = given.get("name")
    return Message(role, tuple(parts), name if isinstance(name, str) else None, {NAME: rest} if rest else {})


_MESSAGE_FIELDS: Final = frozenset({"role", "content", "name", "tool_calls", "refusal", "reasoning_content", "reasoning"})


_INSTEAD_OF_CONTENT: Final = ("tool_calls", "refusal", "reasoning_content", "reasoning", "function_call", "audio")
"""With one of these an assistant's content may be null."""


def _decode_content(given: JsonObject, role: Role, where: str) -> list[AnyPart]:
    content = given.get("content")
    if isinstance(content, str):
        return [Text(text=content)] if content or role != "assistant" else []
    if isinstance(content, list):
        return [_decode_part(part, f"{where}.content[{i}]") for i, part in enumerate(content)]
    if content is None and role == "assistant" and any(given.get(name) for name in _INSTEAD_OF_CONTENT):
        return []
    said = "it is missing" if "content" not in given else f"{type(content).__name__} was given"
    raise BadRequest(f"{where}.content: {said}; a string or a list of parts is expected", param=f"{where}.content")


def _decode_thoughts(given: JsonObject) -> list[AnyPart]:
    told = given.get("reasoning_content") or given.get("reasoning")
    return [Reasoning(text=told)] if isinstance(told, str) and told else []


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
    call_id = given.get("tool_call_id")
    if not isinstance(call_id, str):
        raise BadRequest(f"{where}.tool_call_id: a string is expected", param=f"{where}.tool_call_id")
    parts = _decode_content(given, "tool", where)
    allowed = tuple(part for part in parts if isinstance(part, (Text, Image, File)))
    if len(allowed) != len(parts):
        raise BadRequest(f"{where}.content: a tool's result may hold text, images and files", param=f"{where}.content")
    rest = {name: value for name, value in given.items() if name not in ("role", "content", "tool_call_id", "name")}
    name = given.get("name")
    extra: Extra = {NAME: rest} if rest else {}
    return ToolResult(id=call_id, parts=allowed, name=name if isinstance(name, str) else None, extra=extra)


def _decode_part(given: Json, where: str) -> AnyPart:
    kind = given.get("type") if isinstance(given, dict) else None
    decode = _PART_DECODERS.get(kind) if isinstance(kind, str) else None
    if decode is None:
        raise BadRequest(f"{where}.type: {kind!r} was given; {_allowed(_PART_DECODERS)} is allowed", param=f"{where}.type")
    part = decode(given, where)
    rest = {name: value for name, value in given.items() if name not in ("type", kind)}
    return msgspec.structs.replace(part, extra={NAME: rest}) if rest else part


def _inner(given: JsonObject, field: str, kind: type, where: str) -> Json:
    value = given.get(field)
    if not isinstance(value, kind):
        wanted = "a string" if kind is str else "an object"
        raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; {wanted} is expected", param=f"{where}.{field}")
    return value


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    return Text(text=_inner(given, "text", str, where))


def _decode_refusal(given: JsonObject, where: str) -> AnyPart:
    return Refusal(text=_inner(given, "refusal", str, where))


def _decode_image(given: JsonObject, where: str) -> AnyPart:
    image = _inner(given, "image_url", dict, where)
    place = f"{where}.image_url"
    url, detail = _inner(image, "url", str, place), image.get("detail")
    if url.startswith("data:"):
        data, media_type = decode_data_url(url, f"{place}.url")
        return Image(data=data, media_type=media_type, detail=detail)
    return Image(url=url, detail=detail)


def _decode_audio(given: JsonObject, where: str) -> AnyPart:
    audio = _inner(given, "input_audio", dict, where)
    place = f"{where}.input_audio"
    form = _inner(audio, "format", str, place)
    if form not in _AUDIO_TYPES:
        raise BadRequest(f"{place}.format: {form!r} was given; {_allowed(_AUDIO_TYPES)} is allowed", param=f"{place}.format")
    return Audio(data=decode_base64(_inner(audio, "data", str, place), f"{place}.data"), media_type=_AUDIO_TYPES[form])


def _decode_file(given: JsonObject, where: str) -> AnyPart:
    file = _inner(given, "file", dict, where)
    place = f"{where}.file"
    name = file.get("filename")
    if isinstance(file.get("file_id"), str):
        return File(file_id=file["file_id"], name=name)
    data, media_type = decode_data_url(_inner(file, "file_data", str, place), f"{place}.file_data")
    return File(data=data, media_type=media_type, name=name)


_PART_DECODERS: Final[dict[str, Callable[[JsonObject, str], AnyPart]]] = {
    "text": _decode_text,
    "refusal": _decode_refusal,
    "image_url": _decode_image,
    "input_audio": _decode_audio,
    "file": _decode_file,
}


def _allowed(names: Iterable[str]) -> str:
    return "one of " + ", ".join(map(repr, names))
