"""Gemini: a conversation to ``systemInstruction`` and ``contents``, and back.

What the wire joins and we part, and the other way round, in canonical form: results of tools stand in messages of their own, and on the
wire in one content with the user's words beside them; contents of the model that follow one another are one message; all that a system
message says goes into the system instruction. A call that came without an id gets one by its position, which is not sent; results of such
calls are sent in the order of the calls, the vendor's only clue. A result in the model's own turn is one that the vendor's server got by
itself (from an MCP server, say); it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.messages import AnyPart, File, Image, Message, Reasoning, Role, Source, Text, ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.gemini.parts import (
    NAME,
    decode_part,
    encode_media,
    encode_part,
    exact_object,
    inner,
    invent_id,
    is_invented,
    kept,
    merge,
    plain,
    without,
)
from dragoman.wire.payload import dump

_ROLES: Final[dict[str, Role]] = {"user": "user", "model": "assistant", "function": "user", "tool": "user"}
"""``function`` and ``tool`` are old spellings, for contents that hold results."""
_WORDS: Final[dict[Role, str]] = {"user": "user", "tool": "user", "assistant": "model"}
_EMPTY: Final = Text(text="")
_EXACT: Final = "response"
"""In a result's ``extra``: the vendor's own object, where it is not the one that its words would make."""
_SIGNING_MODELS: Final = re.compile(r"gemini-(?:[3-9]|\d\d)")
_NO_SIGNATURE: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""The placeholder that the vendor documents for a call which none of its models made (skip_thought_signature_validator, in base64).

Models from Gemini 3 on refuse a conversation whose calls bear no signature at all; one that came over another dialect has none.
"""


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], model: str, warnings: list[str]) -> tuple[JsonObject | None, list[JsonObject]]:
    """The system instruction, where there is one, and the contents."""
    return _Conversation(model, warnings).encode(messages)


class _Content:
    """One content being made."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.parts: list[JsonObject] = []
        self.ranks: dict[int, int] = {}
        """Place of a result to the place of its call, where no id tells which that is."""

    def encoded(self) -> JsonObject:
        ordered = iter(sorted(self.ranks, key=self.ranks.__getitem__))
        parts = [self.parts[next(ordered)] if place in self.ranks else part for place, part in enumerate(self.parts)]
        return {"parts": parts, "role": self.role}


class _Conversation:
    def __init__(self, model: str, warnings: list[str]) -> None:
        self._signing = _SIGNING_MODELS.search(model) is not None
        self._warnings = warnings
        self._calls: dict[str, tuple[int, str]] = {}
        self._system: JsonObject = {}
        self._contents: list[_Content] = []

    def encode(self, messages: tuple[Message, ...]) -> tuple[JsonObject | None, list[JsonObject]]:
        before: Message | None = None
        for position, message in enumerate(messages):
            where = f"messages[{position}]"
            if message.name is not None:
                self._warnings.append(f"{where}.name: not understood by this provider, left out")
            if message.role == "system":
                self._instruct(message, where)
                continue
            content = self._contents[-1] if self._contents and before and _joins(before, message) else _Content(_role(message))
            self._say(content, message, where)
            if content.parts and (not self._contents or self._contents[-1] is not content):
                self._contents.append(content)
            before = message
        return self._system or None, [content.encoded() for content in self._contents]

    def _instruct(self, message: Message, where: str) -> None:
        if self._contents:
            self._warnings.append(f"{where}: a system message amid the conversation is moved into the system instruction")
        self._system.setdefault("parts", []).extend(part for item in message.parts for part in encode_part(item, where, self._warnings))
        self._system |= message.extra.get(NAME, {})

    def _say(self, content: _Content, message: Message, where: str) -> None:
        signed = False
        for part in message.parts:
            match part:
                case Source():
                    self._warnings.append(f"{where}: a source that an answer cited cannot be sent back to this provider, left out")
                case ToolResult():
                    self._answer(content, message, part, where)
                case ToolCall():
                    self._calls[part.id] = (len(self._calls), part.name)
                    encoded = encode_part(part, where, self._warnings)
                    if self._signing and not signed and "thoughtSignature" not in encoded[0]:
                        encoded[0]["thoughtSignature"] = _NO_SIGNATURE
                    signed = True
                    content.parts.extend(encoded)
                case _:
                    content.parts.extend(encode_part(part, where, self._warnings))

    def _answer(self, content: _Content, message: Message, result: ToolResult, where: str) -> None:
        if message.role == "assistant":
            raise BadRequest(f"{where}: a tool result stands in a message of role 'assistant'; role 'tool' is expected", param=where)
        rank, name = self._calls.get(result.id, (0, ""))
        named = result.name or name
        if not named:
            raise Unsupported(f"{where}: the result {result.id!r} answers no call before it, and Gemini wants the tool's name with it")
        if is_invented(result.id):
            content.ranks[len(content.parts)] = rank
        content.parts.append(encode_result(result, named, where, self._warnings))


def _joins(before: Message, message: Message) -> bool:
    """Results and the user's words with them are one content: the vendor wants all results of a turn, right behind its calls."""
    both = (before.role, message.role)
    return "assistant" not in both and "tool" in both and _role(before) == _role(message)


def _role(message: Message) -> str:
    role = message.extra.get(NAME, {}).get("role")
    return role if isinstance(role, str) else _WORDS[message.role]


def encode_result(result: ToolResult, name: str, where: str, warnings: list[str]) -> JsonObject:
    """A ``functionResponse``; pictures and files stand in ``parts`` of its own."""
    own = result.extra.get(NAME, {})
    response: JsonObject = {} if is_invented(result.id) else {"id": result.id}
    response |= {"name": name, "response": encode_outcome(result)}
    media = [encode_media(part, where, warnings) for part in result.parts if not isinstance(part, Text)]
    if media:
        response["parts"] = [merge(item, part.extra.get(NAME, {})) for item, part in zip(media, _media(result), strict=True)]
    exact = {_EXACT: own[_EXACT]} if _EXACT in own else {}
    return {"functionResponse": {**response, **exact, **own.get("functionResponse", {})}, **without(own, "functionResponse", _EXACT)}


def _media(result: ToolResult) -> Iterable[Image | File]:
    return (part for part in result.parts if not isinstance(part, Text))


def encode_outcome(result: ToolResult) -> Json:
    """What the tool said, as the object that the wire wants: its own where it is one, else under the vendor's words for it."""
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    text = "\n".join(texts)
    try:
        value: Json = exact_object(text) if text.strip() else text
    except ValueError:
        value = text
    if result.is_error:
        return {"error": value}
    if not isinstance(value, str):
        return value
    return {"output": value} if texts else {}


# --- decode -----------------------------------------------------------------------------------------------------------------------------


def decode_messages(system: Json, contents: Json) -> tuple[Message, ...]:
    """The conversation that ``systemInstruction`` and ``contents`` hold. Raises ``BadRequest`` that names the place."""
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise BadRequest("contents: a list of at least one content is expected", param="contents")
    decoded = [] if system is None else [_decode_system(system)]
    calls = _Calls()
    for i, given in enumerate(contents):
        decoded.extend(_decode_content(given, f"contents[{i}]", calls))
    return tuple(turn for role, run in groupby(decoded, _role_of) for turn in (run if role != "assistant" else (_joined(tuple(run)),)))


def _role_of(message: Message) -> Role:
    return message.role


def _joined(run: tuple[Message, ...]) -> Message:
    """Contents of the model that follow one another are one turn: the vendor's SDKs send an answer back in the pieces of its stream.

    In other dialects results must stand right behind the message with their calls, and an empty text is refused.
    """
    if len(run) == 1:
        return run[0]
    said = [part for message in run for part in message.parts if part != _EMPTY]
    parts = tuple(part for kind, same in groupby(said, _kind_of_words) for part in (same if kind is None else (_one(kind, same),)))
    return msgspec.structs.replace(run[0], parts=parts or run[0].parts)


def _kind_of_words(part: AnyPart) -> type[Text | Reasoning] | None:
    """What kind of bare words a part is, if any."""
    return type(part) if isinstance(part, Text | Reasoning) and not part.extra else None


def _one(kind: type[Text | Reasoning], pieces: Iterable[AnyPart]) -> Text | Reasoning:
    return kind(text="".join(piece.text for piece in pieces if isinstance(piece, kind)))


class _Calls:
    """Gives calls without an id one by their position, and finds the call that a result without an id answers."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []
        self._speaker: Role | None = None

    def turn(self, role: Role) -> None:
        """A content of ``role`` begins; what the model called in an earlier turn is no longer open."""
        if role == "assistant" != self._speaker:
            self._open.clear()
        self._speaker = role

    def call(self, given: Json, name: str) -> str:
        call_id = given if isinstance(given, str) and given else invent_id(self._count)
        self._count += 1
        self._open.append((call_id, name))
        return call_id

    def answered(self, given: Json, name: str) -> str:
        if isinstance(given, str) and given:
            self._open = [call for call in self._open if call[0] != given]
            return given
        found = next((call for call in self._open if call[1] == name), None)
        if found is None:
            return self.call(None, name)
        self._open.remove(found)
        return found[0]

    def close(self, result: JsonObject) -> None:
        """A result that the model's own turn holds; no later one answers its call."""
        given, name = result.get("id"), result.get("name")
        found = next((call for call in self._open if given == call[0] or (not given and name == call[1])), None)
        if found is not None:
            self._open.remove(found)


def _decode_system(given: Json) -> Message:
    content = {"parts": [{"text": given}]} if isinstance(given, str) else given
    parts, role = _open_content(content, "systemInstruction")
    decoded = tuple(decode_part(part, f"systemInstruction.parts[{i}]") for i, part in enumerate(parts))
    return Message("system", decoded, extra=kept({"role": role} if isinstance(role, str) else {}))


def _open_content(given: Json, where: str) -> tuple[list[Json], Json]:
    if not isinstance(given, dict):
        raise BadRequest(f"{where}: {type(given).__name__} was given; an object with parts and role is expected", param=where)
    parts = given.get("parts")
    if isinstance(parts, dict):
        parts = [parts]
    if not isinstance(parts, list) or not parts:
        raise BadRequest(f"{where}.parts: a list of at least one part is expected", param=f"{where}.parts")
    return parts, given.get("role")


def _decode_content(given: Json, where: str, calls: _Calls) -> list[Message]:
    """One message, or several where results and words stand in one content; none where the model said nothing, as the vendor allows."""
    if isinstance(given, dict) and given.get("role") == "model" and not given.get("parts"):
        return []
    parts, told = _open_content(given, where)
    role = _ROLES.get(told) if isinstance(told, str) else "user" if told is None else None
    if role is None:
        raise BadRequest(f"{where}.role: {told!r} was given; 'user' or 'model' is allowed", param=f"{where}.role")
    extra = kept({"role": told} if told not in (None, "user", "model") else {})
    calls.turn(role)
    if role == "assistant":
        return [Message(role, tuple(_decode_said(part, f"{where}.parts[{i}]", calls) for i, part in enumerate(parts)), extra=extra)]
    runs: list[tuple[Role, list[AnyPart]]] = []
    for i, part in enumerate(parts):
        decoded = _decode_asked(part, f"{where}.parts[{i}]", calls)
        kind: Role = "tool" if isinstance(decoded, ToolResult) else "user"
        if not runs or runs[-1][0] != kind:
            runs.append((kind, []))
        runs[-1][1].append(decoded)
    return [Message(kind, tuple(run), extra=extra) for kind, run in runs]


def _decode_said(given: Json, where: str, calls: _Calls) -> AnyPart:
    """A part of a model's turn."""
    part = plain(given) if isinstance(given, dict) else given
    if isinstance(part, dict) and "functionResponse" in part:
        calls.close(inner(part, "functionResponse", where))
    if not isinstance(part, dict) or "functionCall" not in part:
        return decode_part(given, where)
    call = inner(part, "functionCall", where)
    name, arguments = call.get("name"), call.get("args")
    if not isinstance(name, str) or not isinstance(arguments, dict | None):
        place = f"{where}.functionCall"
        raise BadRequest(f"{place}: name, and args where there are any (an object), are expected", param=place)
    rest = without(call, "id", "name", "args")
    extra = kept({**without(part, "functionCall"), **({"functionCall": rest} if rest else {})})
    return ToolCall(id=calls.call(call.get("id"), name), name=name, arguments=dump(arguments or {}).decode(), extra=extra)


def _decode_asked(given: Json, where: str, calls: _Calls) -> AnyPart:
    """A part of a user's turn."""
    part = plain(given) if isinstance(given, dict) else given
    if isinstance(part, dict) and "functionCall" in part:
        raise BadRequest(f"{where}: a function call stands in a content of role 'user'; role 'model' is expected", param=where)
    if not isinstance(part, dict) or "functionResponse" not in part:
        decoded = decode_part(given, where)
        # A thought in a user's turn is nobody's reasoning; the words are kept, and so is the mark.
        return Text(text=decoded.text, extra=merge(decoded.extra, {NAME: {"thought": True}})) if isinstance(decoded, Reasoning) else decoded
    return _decode_result(part, where, calls)


def _decode_result(part: JsonObject, where: str, calls: _Calls) -> ToolResult:
    told = inner(part, "functionResponse", where)
    place = f"{where}.functionResponse"
    name = told.get("name")
    if not isinstance(name, str):
        raise BadRequest(f"{place}.name: {type(name).__name__} was given; a string is expected", param=f"{place}.name")
    text, is_error = _decode_outcome(told.get("response"))
    words = () if text is None else (Text(text=text),)
    parts = (*words, *_decode_media(told.get("parts"), f"{place}.parts"))
    result = ToolResult(id=calls.answered(told.get("id"), name), parts=parts, is_error=is_error, name=name)
    rest = without(told, "id", "name", "response", "parts")
    extra = {**without(part, "functionResponse"), **({"functionResponse": rest} if rest else {})}
    if told.get(_EXACT) is not None and dump(encode_outcome(result)) != dump(told[_EXACT]):
        extra[_EXACT] = told[_EXACT]
    return ToolResult(id=result.id, parts=parts, is_error=is_error, name=name, extra=kept(extra))


def _decode_outcome(response: Json) -> tuple[str | None, bool]:
    """The words of a response and whether it tells a failure; ``output`` and ``error`` are the vendor's names for the two."""
    match response:
        case None:
            return None, False
        case {"output": value, **rest} if not rest:
            return _words(value), False
        case {"error": value, **rest} if not rest:
            return _words(value), True
        case {}:
            return _words(response) if response else None, False
        case _:
            return _words(response), False


def _words(value: Json) -> str:
    return value if isinstance(value, str) else dump(value).decode()


def _decode_media(given: Json, where: str) -> list[Image | File]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise BadRequest(f"{where}: {type(given).__name__} was given; a list is expected", param=where)
    return [_decode_medium(part, f"{where}[{i}]") for i, part in enumerate(given)]


def _decode_medium(given: Json, where: str) -> Image | File:
    part = decode_part(given, where)
    if isinstance(part, Image | File):
        return part
    data, url = getattr(part, "data", None), getattr(part, "url", None)
    if data is None and url is None:
        raise BadRequest(f"{where}: inlineData or fileData is expected", param=where)
    return File(data=data, url=url, media_type=getattr(part, "media_type", None), extra=part.extra)
