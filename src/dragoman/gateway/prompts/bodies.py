"""A request's body as bytes: what is read of it without decoding it, and what is patched in it without rebuilding it.

Law: a patch changes the value of one top-level field, or adds one, and not another byte.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.anthropic_messages.content import UNSIGNED
from dragoman.wire.payload import convert, dump, parse_request

_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_COLON: Final = re.compile(rb"\s*:\s*")
_OPENS: Final = (b"{", b"[")
_CLOSES: Final = (b"}", b"]")
_WHOLE: Final = (b"{", b"[", b'"')
"""How a value begins that tells where it ends."""
_LONG: Final = 4096
"""Bytes of a body of which it is worth while to leave the prompt out."""
_ESCAPE: Final = b"\\u00"
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[4-7]")
"""A key may be spelled with escapes; nobody does it in good faith, and a body that may is rebuilt."""
_MODEL: Final = b'"model"'
_STREAM_OPTIONS: Final = b'"stream_options"'
_UNSIGNED: Final = b'"signature":""'
"""As clients write it, who have it from an answer of another vendor's model and send it on when they change the model."""


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


NOT_SAID: Final = msgspec.Raw()


class Asked(msgspec.Struct, frozen=True):
    """What routing needs to know of a prompt's body."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    previous_response_id: str | None = None
    messages: list[msgspec.Raw] | None = None
    input: str | list[msgspec.Raw] | None = None
    contents: list[msgspec.Raw] | dict[str, msgspec.Raw] | None = None
    models: msgspec.Raw = NOT_SAID
    fallbacks: msgspec.Raw = NOT_SAID
    """Models to fall back on, at hosts that know such fields."""

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def check_messages(self, most: int) -> None:
        """Raises ``BadRequest`` where there are more, by whichever name the dialect has for them."""
        for told in (self.messages, self.input, self.contents):
            if type(told) is list and len(told) > most:
                name = next(name for name in _MESSAGES if getattr(self, name) is told)
                raise BadRequest(f"{name}: {len(told)} were given; at most {most} are allowed", param=name)


class _AskedAnew(Asked, frozen=True):
    """The same of a body that was parsed to say what is wrong in it."""

    messages: list[Any] | None = None
    input: str | list[Any] | None = None
    contents: list[Any] | dict[str, Any] | None = None
    models: Any = NOT_SAID
    fallbacks: Any = NOT_SAID


_MESSAGES: Final = ("messages", "input", "contents")
_ASKED: Final = msgspec.json.Decoder(Asked)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_asked(body: bytes) -> Asked:
    """Raises ``BadRequest`` that names the field."""
    try:
        return _ASKED.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return convert(parse_request(body), _AskedAnew, "the request body")


def with_model(body: bytes, given: str, wanted: str) -> bytes:
    """``body``, whose ``model`` is ``given``, with ``wanted`` there.

    A field that stands twice is put right too: its reader and ours might not take the same one.
    """
    at = _only_place(body, _MODEL)
    if given == wanted and at is not None:
        return body
    value = _outermost_value(body, _MODEL) if at is None else _value_at(body, at)
    if value is None:
        return dump({**parse_request(body), "model": wanted})
    whole = memoryview(body)  # a coding agent's body is long, so it is copied once
    return b"".join((whole[: value[0]], dump(wanted), whole[value[1] :]))


def with_usage_wanted(body: bytes, asked: Asked) -> bytes:
    """``body`` of a streamed request, with the usage of the answer asked for."""
    if asked.stream_options is None and _STREAM_OPTIONS not in body:
        at = body.index(b"{") + 1
        return body[:at] + b'"stream_options":{"include_usage":true},' + body[at:]
    whole: JsonObject = parse_request(body)
    options: Json = whole.get("stream_options")
    return dump({**whole, "stream_options": {**(options if isinstance(options, dict) else {}), "include_usage": True}})


def _only_place(body: bytes, key: bytes) -> int | None:
    """Where ``key`` ends; ``None`` where it stands in ``body`` not once, or perhaps under another spelling."""
    if len(body) <= _LONG and _ESCAPE not in body and body.count(key) == 1:  # as nearly always
        return body.find(key) + len(key)
    begin, end = _longest_value(body) if len(body) > _LONG else (len(body), len(body))
    parts = (body[:begin], body[end:])
    if sum(part.count(key) for part in parts) != 1 or any(_ESCAPE in part and _ESCAPED_LETTER.search(part) for part in parts):
        return None
    at = parts[0].find(key)
    return len(key) + (at if at >= 0 else end + parts[1].index(key))


def _longest_value(body: bytes) -> tuple[int, int]:
    """Where the longest of the fields' values begins and ends, in which no field of ``body`` is; where that is not known, an empty place.

    A prompt is long and the rest short, so that little is left to be searched. A value that follows on a key and is, byte for byte, a whole
    list, object or text is one value, whatever stands round it.
    """
    nowhere = (len(body), len(body))
    try:
        fields = _FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return nowhere
    name, raw = max(fields.items(), key=lambda field: memoryview(field[1]).nbytes, default=("", msgspec.Raw()))
    value, key = bytes(raw), dump(name)
    found = _COLON.match(body, body.find(key) + len(key)) if key in body else None
    if found is None or value[:1] not in _WHOLE or not body.startswith(value, found.end()):
        return nowhere
    return found.end(), found.end() + len(value)


def _value_at(body: bytes, at: int) -> tuple[int, int] | None:
    """Where the text behind a key, whose end is ``at``, begins and ends; ``None`` where it is no text."""
    found = _COLON.match(body, at)
    text = _TEXT.match(body, found.end()) if found else None
    return text.span() if text else None


def _outermost_value(body: bytes, key: bytes) -> tuple[int, int] | None:
    """The same for a key at the top level; ``None`` where it stands there not once, or perhaps under another spelling."""
    depth, found = 0, list[int]()
    if _ESCAPED_LETTER.search(body):
        return None
    for token in _TOKENS.finditer(body):
        text = token[0]
        if text in _OPENS:
            depth += 1
        elif text in _CLOSES:
            depth -= 1
        elif depth == 1 and text == key and _COLON.match(body, token.end()):
            found.append(token.end())
    return _value_at(body, found[0]) if len(found) == 1 else None


def with_name_asked(answer: bytes, told: str, asked: str) -> bytes:
    """The beginning of an answer, or all of it, with the model called as the caller did."""
    name = re.compile(rb'("model"\s*:\s*)' + re.escape(dump(told)))
    return name.sub(lambda found: found[1] + dump(asked), answer, count=1)


def without_unsigned(body: bytes, warnings: list[str]) -> bytes:
    """A body of Anthropic's dialect without the thinking that no signature proves: its vendor refuses that."""
    if body.rfind(_UNSIGNED) < 0:  # a quarter of what ``in`` takes
        return body
    told = parse_request(body)
    messages = told.get("messages")
    if not isinstance(messages, list):
        return body
    told["messages"] = [kept for kept in map(_signed_of, messages) if kept is not None]
    if told["messages"] == messages:
        return body
    warnings.append(UNSIGNED)
    return dump(told)


def _signed_of(message: Json) -> Json | None:
    """A message without such thinking; ``None`` where nothing else is in it."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    kept = [block for block in content if not _is_unsigned(block)]
    return {**message, "content": kept} if kept or not content else None


def _is_unsigned(block: Json) -> bool:
    match block:
        case {"type": "thinking", "signature": ""}:
            return True
        case _:
            return False
