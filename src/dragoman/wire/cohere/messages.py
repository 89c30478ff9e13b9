"""Cohere: a conversation to its ``messages`` field and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, Image, Message, Opaque, Reasoning, Refusal, Role, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.wire.cohere.citations import NAME, decode_citation, own_citations
from dragoman.wire.media import decode_data_url, encode_data_url
from dragoman.wire.payload import dump

PLAN: Final[Extra] = {NAME: {"tool_plan": True}}
"""The mark of reasoning that is a tool plan."""

_ROLES: Final[dict[str, Role]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_MESSAGE_FIELDS: Final = frozenset({"role", "content", "tool_plan", "tool_calls", "citations", "tool_call_id"})


def is_plan(extra: Extra) -> bool:
    return bool(extra.get(NAME, {}).get("tool_plan"))


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: Iterable[Message], warnings: list[str]) -> list[JsonObject]:
    """The ``messages`` field."""
    encoded: list[JsonObject] = []
    for message in messages:
        if message.name is not None:
            warnings.append("messages: a speaker's name is not understood by this provider, left out")
        if message.role == "tool":
            encoded.extend(_encode_result(part, warnings) for part in message.parts)
        elif message.role == "assistant":
            encoded.append(_encode_answer(message, warnings))
        else:
            blocks = [_encode_given(part, message.role) for part in message.parts]
            encoded.append({"role": message.role, "content": _content(blocks), **message.extra.get(NAME, {})})
    return encoded


def _encode_given(part: AnyPart, role: Role) -> JsonObject:
    """A block of a system or a user message."""
    own = part.extra.get(NAME, {})
    match part:
        case Text():
            return {"type": "text", "text": part.text, **own}
        case Image() if role == "user":
            return {"type": "image_url", "image_url": _encode_image(part), **own}
        case Opaque() if own:
            return own
        case ToolResult():
            raise BadRequest(f"messages: a tool result stands in a message of role {role!r}; role 'tool' is expected")
        case _:
            raise Unsupported(f"messages: the Cohere wire has no place for a {type(part).__name__} part in a message of role {role!r}")


def _encode_image(part: Image) -> JsonObject:
    if part.data is not None:
        url = encode_data_url(part.data, part.media_type or "image/png")
    elif part.url is not None:
        url = part.url
    else:
        raise Unsupported("messages: the Cohere wire takes an image as data or URL, not by file id")
    return {"url": url} if part.detail is None else {"url": url, "detail": part.detail}


def _encode_answer(message: Message, warnings: list[str]) -> JsonObject:
    blocks: list[JsonObject] = []
    plan: list[str] = []
    calls: list[JsonObject] = []
    for part in message.parts:
        match part:
            case Reasoning() if is_plan(part.extra):
                plan.append(part.text)
            case Reasoning():
                blocks.extend(_encode_reasoning(part, warnings))
            case ToolCall():
                calls.append(encode_call(part))
            case Refusal():
                blocks.append({"type": "text", "text": part.text})
                warnings.append("messages: a refusal is sent as plain text, which is all that this wire knows")
            case Source():  # gathered below
                if NAME not in part.extra:
                    warnings.append("messages: a source that this provider did not name itself cannot be sent back to it, left out")
            case _:
                blocks.append(_encode_given(part, "assistant"))
    encoded: JsonObject = {"role": "assistant"}
    if blocks or not (calls or plan):
        encoded["content"] = _content(blocks)
    citations = own_citations(part for part in message.parts if isinstance(part, Source))
    for field, value in (("tool_plan", "".join(plan)), ("tool_calls", calls), ("citations", citations)):
        if value:
            encoded[field] = value
    return {**encoded, **message.extra.get(NAME, {})}


def _encode_reasoning(part: Reasoning, warnings: list[str]) -> list[JsonObject]:
    if part.signature is not None or part.redacted_data is not None:
        warnings.append("messages: signed or hidden reasoning is another vendor's, only its text is sent to this provider")
    return [{"type": "thinking", "thinking": part.text, **part.extra.get(NAME, {})}] if part.text else []


def encode_call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **call.extra.get(NAME, {})}


def _encode_result(part: AnyPart, warnings: list[str]) -> JsonObject:
    if not isinstance(part, ToolResult):
        raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
    if part.is_error:
        warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
    blocks: list[JsonObject] = []
    for inner in part.parts:
        if not isinstance(inner, Text):
            kind = type(inner).__name__.lower()
            raise Unsupported(f"messages: the Cohere wire takes text and documents as a tool's result, and a {kind} part was given")
        document = inner.extra.get(NAME)
        blocks.append(document or {"type": "text", "text": inner.text})
    return {"role": "tool", "tool_call_id": part.id, "content": _content(blocks), **part.extra.get(NAME, {})}


def _content(blocks: list[JsonObject]) -> Json:
    """A string where the blocks are one plain text or none."""
    if not blocks:
        return ""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(given: list[Json]) -> tuple[Message, ...]:
    """The ``messages`` field; adjacent tool messages become one. Raises ``BadRequest`` that names the place."""
    if not given:
        raise BadRequest("messages: the list is empty; at least one message is expected", param="messages")
    decoded: list[Message] = []
    for i, item in enumerate(given):
        message = _decode_message(item, f"messages[{i}]")
        if message.role == "tool" and decoded and decoded[-1].role == "tool":
            decoded[-1] = msgspec.structs.replace(decoded[-1], parts=decoded[-1].parts + message.parts)
        else:
            decoded.append(message)
    return tuple(decoded)


def _decode_message(given: Json, where: str) -> Message:
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with role and content is expected", param=where)
    said = given.get("role")
    role = _ROLES.get(said.lower()) if isinstance(said, str) else None
    if role is None:
        allowed = ", ".join(map(repr, _ROLES))
        raise BadRequest(f"{where}.role: {said!r} was given; one of {allowed} is allowed", param=f"{where}.role")
    rest = {name: value for name, value in given.items() if name not in _MESSAGE_FIELDS and value is not None}
    extra: Extra = {NAME: rest} if rest else {}
    if role == "tool":
        return Message("tool", (_decode_result(given, extra, where),))
    if role == "assistant":
        return Message("assistant", tuple(_decode_answer(given, where)), None, extra)
    if given.get("content") is None:
        raise BadRequest(f"{where}.content: it is missing; a string or a list of parts is expected", param=f"{where}.content")
    return Message(role, tuple(_decode_content(given, where)), None, extra)


def _decode_answer(given: JsonObject, where: str) -> list[AnyPart]:
    parts: list[AnyPart] = []
    plan = given.get("tool_plan")
    if isinstance(plan, str) and plan:
        parts.append(Reasoning(text=plan, extra=PLAN))
    calls = _list(given, "tool_calls", where)
    if given.get("content") or not (calls or plan):
        parts.extend(_decode_content(given, where))
    parts.extend(_decode_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(calls))
    for citation in _list(given, "citations", where):
        if isinstance(citation, dict):
            parts.extend(decode_citation(citation))
    return parts


def _decode_content(given: JsonObject, where: str) -> list[AnyPart]:
    content = given.get("content")
    if content is None or isinstance(content, str):
        return [Text(text=content or "")]
    if not isinstance(content, list):
        said = type(content).__name__
        raise BadRequest(f"{where}.content: {said} was given; a string or a list of parts is expected", param=f"{where}.content")
    return [decode_block(block, f"{where}.content[{i}]") for i, block in enumerate(content)]


def decode_block(given: Json, where: str) -> AnyPart:
    """A content block; one of an unknown type becomes ``Opaque``."""
    match given:
        case {"type": "text", "text": str(text)}:
            return Text(text=text, extra=_rest(given, "text"))
        case {"type": "thinking", "thinking": str(text)}:
            return Reasoning(text=text, extra=_rest(given, "thinking"))
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            detail = image.get("detail")
            if not url.startswith("data:"):
                return Image(url=url, detail=detail, extra=_rest(given, "image_url"))
            data, media_type = decode_data_url(url, f"{where}.image_url.url")
            return Image(data=data, media_type=media_type, detail=detail, extra=_rest(given, "image_url"))
        case {"type": "text" | "thinking" | "image_url" as kind}:
            raise BadRequest(f"{where}.{kind}: it is missing or of a wrong type", param=f"{where}.{kind}")
        case {"type": str()}:
            return Opaque(extra={NAME: given})
        case _:
            raise BadRequest(f"{where}.type: it is missing; 'text', 'image_url' or 'thinking' is expected", param=f"{where}.type")


def _decode_call(given: Json, where: str) -> ToolCall:
    match given:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            rest = {key: value for key, value in given.items() if key not in ("id", "type", "function") and value is not None}
            return ToolCall(id=call_id, name=name, arguments=arguments, extra={NAME: rest} if rest else {})
        case _:
            raise BadRequest(f"{where}: id, function.name and function.arguments (a JSON text) are expected", param=where)


def _decode_result(given: JsonObject, extra: Extra, where: str) -> ToolResult:
    call_id, content = given.get("tool_call_id"), given.get("content")
    if not isinstance(call_id, str):
        raise BadRequest(f"{where}.tool_call_id: a string is expected", param=f"{where}.tool_call_id")
    if isinstance(content, str):
        return ToolResult(id=call_id, parts=(Text(text=content),), extra=extra)
    if not isinstance(content, list):
        raise BadRequest(f"{where}.content: a string or a list of texts and documents is expected", param=f"{where}.content")
    parts = tuple(_decode_output(block, f"{where}.content[{i}]") for i, block in enumerate(content))
    return ToolResult(id=call_id, parts=parts, extra=extra)


def _decode_output(given: Json, where: str) -> Text:
    match given:
        case {"type": "text", "text": str(text)}:
            return Text(text=text)
        case {"type": "document", "document": {"data": data}}:
            return Text(text=data if isinstance(data, str) else dump(data).decode(), extra={NAME: given})
        case _:
            raise BadRequest(f"{where}: a text or a document is expected", param=where)


def _rest(given: JsonObject, field: str) -> Extra:
    rest = {name: value for name, value in given.items() if name not in ("type", field) and value is not None}
    return {NAME: rest} if rest else {}


def _list(given: JsonObject, field: str, where: str) -> list[Json]:
    value = given.get(field)
    if value is None or isinstance(value, list):
        return value or []
    raise BadRequest(f"{where}.{field}: {type(value).__name__} was given; a list is expected", param=f"{where}.{field}")
