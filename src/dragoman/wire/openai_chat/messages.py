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
    Opaque,
    Part,
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
from dragoman.wire.openai_chat import details
from dragoman.wire.quirks import Quirks

NAME: Final = "openai_chat"
"""Under which the fields that this dialect alone has stand in ``extra``."""

MESSAGE: Final = "message"
"""Within a part's extra: fields of its whole message, such as a signature, that this dialect alone has."""
PART: Final = "part"
"""Within a part's extra: the content part as it came, of a type that has no part of ours."""
LEGACY: Final = "legacy"
"""Within a part's extra: the call or result of a function in the form that OpenAI had before tools."""
RESERVED: Final = frozenset({MESSAGE, PART, LEGACY, details.FIELD})

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TODAYS_ROLES: Final = tuple(name for name in _ROLES if name != "function")
_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3"}
_AUDIO_TYPES: Final = {name: media_type for media_type, name in _AUDIO_FORMATS.items()}


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    """The ``messages`` field. Raises ``BadRequest`` where there is none."""
    if not messages:
        raise BadRequest("messages: there are none; at least one message is expected", param="messages")
    encoded: list[JsonObject] = []
    legacy: dict[str, str] = {}
    for i, message in enumerate(messages):
        for extra in (message.extra, *(part.extra for part in message.parts)):
            warnings.extend(foreign(extra, f"messages[{i}]"))
        if message.role == "tool":
            encoded.extend(_encode_results(message, legacy, quirks, warnings))
        else:
            legacy |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall) and LEGACY in own_fields(part)}
            encoded.append(_encode_message(message, quirks, warnings))
    return encoded


def foreign(extra: Extra, where: str) -> list[str]:
    """Warnings for what other dialects alone have."""
    return [f"{where}: what {name} alone has ({', '.join(extra[name])}) is left out" for name in extra if name != NAME and extra[name]]


def own_fields(part: Part) -> JsonObject:
    return part.extra.get(NAME, {})


def _spread(part: Part) -> JsonObject:
    """What of the part's own fields stands beside its content on the wire."""
    own = own_fields(part)
    return {name: value for name, value in own.items() if name not in RESERVED} if own else own


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
                self._other.setdefault("images", []).append({**encode_image(part), **_spread(part)})
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
        content: Json = _encode_content(self._content, self._quirks)
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
    return {"id": call.id, "type": "function", "function": function, **_spread(call)}


def _encode_results(message: Message, legacy: dict[str, str], quirks: Quirks, warnings: list[str]) -> list[JsonObject]:
    encoded = []
    for part in message.parts:
        if quirks.text_only:
            _only_text(part)
        if not isinstance(part, ToolResult):
            raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
        if part.is_error:
            warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
        content = _encode_content(list(part.parts), quirks)
        if part.id in legacy or LEGACY in own_fields(part):
            result: JsonObject = {"role": "function", "name": part.name or legacy.get(part.id, ""), "content": content}
        else:
            result = {"role": "tool", "tool_call_id": part.id, "content": content}
            if part.name is not None:
                result["name"] = part.name
        encoded.append({**result, **_spread(part)})
    return encoded


def _encode_content(parts: list[AnyPart], quirks: Quirks) -> Json:
    """A string for plain text, else a list of content parts."""
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text) and not _spread(parts[0]):
        return parts[0].text
    if quirks.text_only:
        return "".join(_only_text(part) for part in parts)
    return [_encode_part(part, quirks) for part in parts]


def _only_text(part: AnyPart) -> str:
    if not isinstance(part, Text):
        raise Unsupported(f"messages: this provider takes plain text only, and a {type(part).__name__.lower()} part was given")
    return part.text


def _encode_part(part: AnyPart, quirks: Quirks) -> JsonObject:
    encode = _PART_ENCODERS.get(type(part))
    if encode is None:
        raise Unsupported(f"messages: the OpenAI chat wire has no place for a {type(part).__name__} part")
    return {**encode(part, quirks), **_spread(part)}


def _encode_opaque(part: Opaque, quirks: Quirks) -> JsonObject:
    given: JsonObject | None = own_fields(part).get(PART)
    if given is None:
        raise Unsupported("messages: a part that another provider alone understands was given")
    return given


def _encode_text(part: Text, quirks: Quirks) -> JsonObject:
    return {"type": "text", "text": part.text}


def _encode_refusal(part: Refusal, quirks: Quirks) -> JsonObject:
    return {"type": "refusal", "refusal": part.text}


def _encode_image(part: Image, quirks: Quirks) -> JsonObject:
    return encode_image(part)


def encode_image(part: Image) -> JsonObject:
    """A picture in a question or an answer."""
    if part.data is not None:
        url = encode_data_url(part.data, part.media_type or "image/png")
    elif part.url is not None:
        url = part.url
    else:
        raise Unsupported("messages: the OpenAI chat wire takes an image as data or URL, not by file id")
    image = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
    return {"type": "image_url", "image_url": image}


def _encode_audio(part: Audio, quirks: Quirks) -> JsonObject:
    form = _AUDIO_FORMATS.get(part.media_type or "")
    if part.data is None or form is None:
        raise Unsupported("messages: the OpenAI chat wire takes audio as data of type audio/wav or audio/mpeg")
    return {"type": "input_audio", "input_audio": {"data": encode_base64(part.data), "format": form}}


def _encode_file(part: File, quirks: Quirks) -> JsonObject:
    if part.url is not None and quirks.file_url == "document_url":
        named: JsonObject = {"document_name": part.name} if part.name is not None else {}
        return {"type": "document_url", "document_url": part.url, **named}
    file: JsonObject = {}
    if part.file_id is not None:
        file["file_id"] = part.file_id
    elif part.data is not None:
        file["file_data"] = encode_data_url(part.data, part.media_type or "application/pdf")
    elif part.url is not None and quirks.file_url == "file_data":
        file["file_data"] = part.url
    else:
        raise Unsupported("messages: the OpenAI chat wire takes a file as data or by file id, not by URL")
    if part.name is not None:
        file["filename"] = part.name
    return {"type": "file", "file": file}


_PART_ENCODERS: Final[dict[type, Callable[[Json, Quirks], JsonObject]]] = {
    Text: _encode_text,
    Refusal: _encode_refusal,
    Image: _encode_image,
    Audio: _encode_audio,
    File: _encode_file,
    Opaque: _encode_opaque,
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
    return _numbered(decoded)


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
        raise BadRequest(f"{where}.role: it is missing; {_allowed(_TODAYS_ROLES)} is expected", param=f"{where}.role")
    role = _ROLES.get(given["role"]) if isinstance(given["role"], str) else None
    if role is None:
        raise BadRequest(f"{where}.role: {given['role']!r} was given; {_allowed(_TODAYS_ROLES)} is allowed", param=f"{where}.role")
    if role == "tool":
        return Message("tool", (_decode_result(given, where),))
    parts = [*_decode_thoughts(given), *_decode_content(given, role, where)]
    odd = next((own_fields(part)[PART]["type"] for part in parts if isinstance(part, Opaque)), None) if known_only else None
    if odd is not None:
        position = [part.get("type") for part in given["content"]].index(odd)
        raise _odd_type(odd, f"{where}.content[{position}]")
    fields = _MESSAGE_FIELDS
    if role == "assistant":
        parts.extend(_decode_answer(given, where))
        fields = _ANSWER_FIELDS
    rest = {name: value for name, value in given.items() if name not in fields and value is not None}
    if given["role"] == "developer":
        rest["role"] = "developer"
    name = given.get("name")
    return Message(role, tuple(parts), name if isinstance(name, str) else None, {NAME: rest} if rest else {})


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
        parts.extend(_decode_part(image, f"{where}.images[{i}]") for i, image in enumerate(images))
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
        return [_decode_part(part, f"{where}.content[{i}]") for i, part in enumerate(content)]
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
    name = given.get("name")
    if is_legacy:
        rest[LEGACY] = True
    extra: Extra = {NAME: rest} if rest else {}
    return ToolResult(id=call_id, parts=allowed, name=name if isinstance(name, str) else None, extra=extra)


def _decode_part(given: Json, where: str) -> AnyPart:
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str):
        raise _odd_type(kind, where)
    decode = _PART_DECODERS.get(kind)
    if decode is None:
        return Opaque(extra={NAME: {PART: given}})
    part = decode(given, where)
    if kind in _WHOLE_PARTS:
        return part
    rest = {name: value for name, value in given.items() if name not in ("type", kind)}
    return msgspec.structs.replace(part, extra={NAME: rest}) if rest else part


def _odd_type(given: object, where: str) -> BadRequest:
    return BadRequest(f"{where}.type: {given!r} was given; {_allowed(_PART_DECODERS)} is allowed", param=f"{where}.type")


_WANTED: Final[dict[type, str]] = {str: "a string", dict: "an object", list: "a list"}


def _inner(given: JsonObject, field: str, kind: type, where: str) -> Json:
    value = given.get(field)
    if not isinstance(value, kind):
        wanted = _WANTED[kind]
        raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; {wanted} is expected", param=f"{where}.{field}")
    return value


def _decode_text(given: JsonObject, where: str) -> AnyPart:
    return Text(text=_inner(given, "text", str, where))


def _decode_refusal(given: JsonObject, where: str) -> AnyPart:
    return Refusal(text=_inner(given, "refusal", str, where))


def _decode_image(given: JsonObject, where: str) -> AnyPart:
    if isinstance(given.get("image_url"), str):  # Mistral's short form
        given = {**given, "image_url": {"url": given["image_url"]}}
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
    told = _inner(file, "file_data", str, place)
    if told.startswith(("https:", "http:")):  # OpenRouter
        return File(url=told, name=name)
    data, media_type = decode_data_url(told, f"{place}.file_data")
    return File(data=data, media_type=media_type, name=name)


def _decode_thinking(given: JsonObject, where: str) -> AnyPart:
    """Mistral's thinking of an earlier turn."""
    thoughts = _inner(given, "thinking", list, where)
    texts = [thought["text"] for thought in thoughts if isinstance(thought, dict) and isinstance(thought.get("text"), str)]
    return Reasoning(text="".join(texts), extra={NAME: {PART: given}})


def _decode_document(given: JsonObject, where: str) -> AnyPart:
    """Mistral's file by its address."""
    name = given.get("document_name")
    told = given.get("document_url")
    url = told.get("url") if isinstance(told, dict) else told
    if not isinstance(url, str):
        raise BadRequest(f"{where}.document_url: a string is expected", param=f"{where}.document_url")
    if url.startswith("data:"):
        data, media_type = decode_data_url(url, f"{where}.document_url")
        return File(data=data, media_type=media_type, name=name if isinstance(name, str) else None)
    return File(url=url, name=name if isinstance(name, str) else None)


_PART_DECODERS: Final[dict[str, Callable[[JsonObject, str], AnyPart]]] = {
    "text": _decode_text,
    "refusal": _decode_refusal,
    "image_url": _decode_image,
    "input_audio": _decode_audio,
    "file": _decode_file,
    "thinking": _decode_thinking,
    "document_url": _decode_document,
}
_WHOLE_PARTS: Final = frozenset({"thinking", "document_url"})
"""Types all of whose fields their decoders take."""


def _allowed(names: Iterable[str]) -> str:
    return "one of " + ", ".join(map(repr, names))
