"""OpenAI chat: what tools gave back, and the message behind it that shows what a tool's message cannot hold.

OpenAI takes text from a tool and nothing else (its description, 2.3.0: ``ChatCompletionRequestToolMessage``). A picture or a document
therefore follows in one message of the user's behind all results of the turn, each below a line that names its call; hosts that take it
where it belongs say so by the quirk ``tool_media``. Both forms are read.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.messages import AnyPart, File, Image, Message, Text, ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_chat.content import LEGACY, encode_content, encode_part, only_text, own_fields, spread
from dragoman.wire.quirks import Quirks

_LABEL: Final = "Result {place} of the tools above, call {id}, also holds:"
_LABELLED: Final = re.compile(re.escape(_LABEL).replace(r"\{place\}", "([1-9][0-9]{0,8})").replace(r"\{id\}", "(.*)"), re.DOTALL)
_SHOWN_BELOW: Final = "The result is in the next message."
"""Stands in a tool's message where it gave no words: several hosts refuse an empty one."""


class Results:
    """The results of a conversation's tools on their way out, turn by turn."""

    def __init__(self, quirks: Quirks, warnings: list[str]) -> None:
        self._quirks = quirks
        self._warnings = warnings
        self._legacy: dict[str, str] = {}
        self._place = 0
        self._shown: list[Json] = []

    def expect(self, message: Message) -> None:
        """Note the calls of ``message`` in the form before tools, which have names and no ids."""
        self._legacy |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall) and LEGACY in own_fields(part)}

    def encode(self, part: AnyPart) -> JsonObject:
        """The message of one result."""
        if self._quirks.text_only:
            only_text(part)
        if not isinstance(part, ToolResult):
            raise BadRequest(f"messages: a message of role 'tool' holds {type(part).__name__}; only ToolResult is allowed there")
        if part.is_error:
            self._warnings.append("messages: this wire cannot say that a tool failed, its result is sent as any other")
        self._place += 1
        told: JsonObject
        if part.id in self._legacy or LEGACY in own_fields(part):
            name = part.name or self._legacy.get(part.id, "")
            told = {"role": "function", "name": name, "content": self._content(part, name)}
        else:
            told = {"role": "tool", "tool_call_id": part.id, "content": self._content(part, part.id)}
            if part.name is not None:
                told["name"] = part.name
        return {**told, **spread(part)}

    def _content(self, result: ToolResult, call: str) -> Json:
        """What stands in the result's own message; the rest is put aside for the message behind."""
        words: list[AnyPart] = [part for part in result.parts if isinstance(part, Text)]
        media: list[AnyPart] = [part for part in result.parts if not isinstance(part, Text)]
        if not media or self._quirks.tool_media:
            return encode_content(list(result.parts), self._quirks)
        if [*words, *media] != list(result.parts):
            self._warnings.append("messages: this wire takes words alone from a tool, so they are sent before the pictures among them")
        self._shown.append({"type": "text", "text": _LABEL.format(place=self._place, id=call)})
        self._shown.extend(encode_part(part, self._quirks) for part in media)
        return encode_content(words, self._quirks) if words else _SHOWN_BELOW

    def rest(self) -> list[JsonObject]:
        """The message that ends the turn's results, where there is anything to show."""
        shown, self._shown, self._place = self._shown, [], 0
        return [{"role": "user", "content": shown}] if shown else []


def rejoined(results: Message, shown: Message) -> Message | None:
    """``results`` with what ``shown`` shows of them; ``None`` where ``shown`` is no message that ``Results`` makes."""
    media: dict[int, list[Image | File]] = {}
    place = -1
    for part in shown.parts if shown.role == "user" and not shown.name and not shown.extra else ():
        if isinstance(part, Text):
            place = _labelled(part, results)
            media.setdefault(place, [])
        elif isinstance(part, (Image, File)):
            media.setdefault(place, []).append(part)
        else:
            return None
    if not media or -1 in media:
        return None
    return msgspec.structs.replace(results, parts=tuple(_with_media(part, media.get(i, [])) for i, part in enumerate(results.parts)))


def _labelled(part: Text, results: Message) -> int:
    """Which of ``results`` the line names, or -1."""
    found = _LABELLED.fullmatch(part.text)
    place = int(found[1]) - 1 if found else -1
    named = results.parts[place] if 0 <= place < len(results.parts) else None
    return place if found and isinstance(named, ToolResult) and named.id == found[2] else -1


def _with_media(part: AnyPart, media: list[Image | File]) -> AnyPart:
    if not media or not isinstance(part, ToolResult):
        return part
    words = () if part.parts == (Text(text=_SHOWN_BELOW),) else part.parts
    return msgspec.structs.replace(part, parts=(*words, *media))
