"""Amazon's event stream, both ways: bytes to messages and messages to bytes.

The form is that of https://smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-21: a prelude (length of the message, length of its
headers, CRC32 of both), typed headers, a payload, and a CRC32 of all before it; integers are big-endian, and signed but for lengths. Both
checksums are verified: a damaged message is an error and never content. A message holds at most 16 MiB and its headers 128 KiB.

``Messages`` gives messages as they are, ``EventMessages`` the frames that a reader of one dialect wants: the name of an event, or behind a
mark that no event's name can have, that of an exception or an error, which the wire tells apart by ``:message-type``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812  # its own name says nothing
from typing import Any, Final, Literal
from zlib import crc32

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.wire.payload import dump, snippet
from dragoman.wire.sse import Frame

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
MAX_HEADERS_BYTES: Final = 128 * 1024

EXCEPTION: Final = "\0exception:"
"""What stands before the name of an exception, or of an error, in a frame's name."""
OTHER: Final = "\0other"
"""The name of a frame whose kind of message is not known."""

_PRELUDE: Final = Struct(">III")
_CRC: Final = Struct(">I")
_LENGTH: Final = Struct(">H")
_OVERHEAD: Final = _PRELUDE.size + _CRC.size
_SNIPPET_BYTES: Final = 8000

HeaderType = Literal["true", "false", "byte", "short", "int", "long", "bytes", "string", "timestamp", "uuid"]
HeaderValue = bool | int | bytes | str | uuid.UUID


class Header(msgspec.Struct, frozen=True):
    """A header with the type that it has on the wire. A timestamp is in milliseconds since 1970."""

    name: str
    value: HeaderValue
    type: HeaderType = "string"


class Message(msgspec.Struct, frozen=True):
    """One message. A header's name occurs once."""

    headers: tuple[Header, ...]
    payload: bytes = b""

    def text(self, name: str) -> str | None:
        """The header ``name`` where it is there and a string."""
        return next((one.value for one in self.headers if one.name == name and isinstance(one.value, str)), None)


_TYPES: Final[tuple[HeaderType, ...]] = ("true", "false", "byte", "short", "int", "long", "bytes", "string", "timestamp", "uuid")
"""By their number on the wire."""
_INTEGERS: Final[dict[HeaderType, Struct]] = {
    "byte": Struct(">b"),
    "short": Struct(">h"),
    "int": Struct(">i"),
    "long": Struct(">q"),
    "timestamp": Struct(">q"),
}
_UUID_BYTES: Final = 16


# --- decode -----------------------------------------------------------------------------------------------------------------------------


class Messages:
    """An incremental parser. ``feed`` gives the messages that became complete, lazily, so that those before a fault are had before it."""

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max = max_message_bytes
        self._buffer = bytearray()
        self._wanted = _PRELUDE.size
        """How many bytes must have come before there is anything to look at."""
        self._headers_size = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The header block and the payload of each message completed by ``data``. Raises ``BadReply``."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= self._wanted:
            if self._wanted == _PRELUDE.size:
                self._wanted, self._headers_size = self._read_prelude()
                continue
            message = bytes(memoryview(buffer)[: self._wanted])
            del buffer[: self._wanted]
            self._wanted = _PRELUDE.size
            if crc32(memoryview(message)[: -_CRC.size]) != _CRC.unpack_from(message, len(message) - _CRC.size)[0]:
                raise BadReply("a message of the event stream is damaged: its checksum does not fit")
            end = _PRELUDE.size + self._headers_size
            yield message[_PRELUDE.size : end], message[end : -_CRC.size]

    @property
    def is_cut(self) -> bool:
        """Whether the bytes so far end inside a message."""
        return bool(self._buffer)

    def _read_prelude(self) -> tuple[int, int]:
        """The length of the message and of its headers."""
        size, headers_size, checksum = _PRELUDE.unpack_from(self._buffer)
        if crc32(memoryview(self._buffer)[: _PRELUDE.size - _CRC.size]) != checksum:
            body = snippet(bytes(memoryview(self._buffer)[:_SNIPPET_BYTES]))
            raise BadReply("the answer is no event stream, or was damaged: the checksum of a message's lengths does not fit", body=body)
        if size > self._max:
            raise BadReply(f"a message of the event stream is longer than {self._max} bytes")
        if headers_size > MAX_HEADERS_BYTES:
            raise BadReply(f"the headers of a message of the event stream are longer than {MAX_HEADERS_BYTES} bytes")
        if size < _OVERHEAD + headers_size:
            raise BadReply("a message of the event stream is shorter than its own headers")
        return size, headers_size


def decode_headers(data: bytes) -> tuple[Header, ...]:
    """The headers in a header block. Raises ``BadReply``."""
    headers: list[Header] = []
    at = 0
    try:
        while at < len(data):
            header, at = _read_header(data, at)
            headers.append(header)
    except (IndexError, StructError, UnicodeDecodeError) as fault:
        raise BadReply(f"a header of the event stream cannot be read: {fault}") from None
    return tuple(headers)


def _read_header(data: bytes, at: int) -> tuple[Header, int]:
    """The header at ``at``, and where the next begins."""
    name, at = _slice(data, at + 1, data[at])
    number = data[at]
    if number >= len(_TYPES):
        raise BadReply(f"a header of the event stream has the type {number}; 0 to {len(_TYPES) - 1} are known")
    kind = _TYPES[number]
    value, at = _read_value(kind, data, at + 1)
    return Header(name.decode(), value, kind), at


def _read_value(kind: HeaderType, data: bytes, at: int) -> tuple[HeaderValue, int]:
    form = _INTEGERS.get(kind)
    if form is not None:
        number: int = form.unpack_from(data, at)[0]
        return number, at + form.size
    if kind in ("true", "false"):
        return kind == "true", at
    if kind == "uuid":
        value, at = _slice(data, at, _UUID_BYTES)
        return uuid.UUID(bytes=value), at
    value, at = _slice(data, at + _LENGTH.size, _LENGTH.unpack_from(data, at)[0])
    return (value.decode() if kind == "string" else value), at


def _slice(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    if start + size > len(data):
        raise IndexError("it ends too early")
    return data[start : start + size], start + size


def decode_messages(data: bytes) -> list[Message]:
    """All messages in ``data``. Raises ``BadReply`` also where the last is cut."""
    parser = Messages()
    found = [Message(decode_headers(headers), payload) for headers, payload in parser.feed(data)]
    if parser.is_cut:
        raise BadReply("the event stream ends inside a message")
    return found


_KNOWN_BLOCKS: Final = 64
"""How many header blocks to remember: those of a stream's deltas are all alike, byte for byte."""


class EventMessages:
    """Frames of events and exceptions."""

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._messages = Messages(max_message_bytes)
        self._names: dict[bytes, str] = {}

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Raises ``BadReply``."""
        names = self._names
        for headers, payload in self._messages.feed(data):
            name = names.get(headers)
            if name is not None:
                yield name, payload
            else:
                yield self._read_name(headers, payload)

    def close(self) -> Iterator[Frame]:
        """Nothing: unlike a line, a message without its last byte says nothing that could be trusted."""
        return iter(())

    def _read_name(self, headers: bytes, payload: bytes) -> Frame:
        message = Message(decode_headers(headers), payload)
        kind = message.text(":message-type") or "event"
        if kind == "error":
            told = {"message": message.text(":error-message") or ""}
            return EXCEPTION + (message.text(":error-code") or ""), payload or dump(told)
        if kind == "exception":
            return EXCEPTION + (message.text(":exception-type") or ""), payload
        name = (message.text(":event-type") or "") if kind == "event" else OTHER
        if len(self._names) < _KNOWN_BLOCKS:
            self._names[headers] = name
        return name, payload


# --- encode -----------------------------------------------------------------------------------------------------------------------------


def encode_message(headers: tuple[Header, ...], payload: bytes = b"") -> bytes:
    """One message. Raises ``BadRequest`` for what the form cannot hold."""
    return _frame(b"".join(map(_encode_header, headers)), payload)


def encode_event(name: str, payload: bytes) -> bytes:
    """The event ``name`` with a payload of JSON."""
    return _frame(_head("event", ":event-type", name), payload)


def encode_exception(name: str, payload: bytes) -> bytes:
    """An exception that the service's description names, with a payload of JSON."""
    return _frame(_head("exception", ":exception-type", name), payload)


def encode_fault(code: str, text: str) -> bytes:
    """An error that the service's description does not name; it stands in headers alone, and what is too long for one is cut."""
    said = text.encode("utf-8", "replace")[:_MAX_TEXT_BYTES].decode("utf-8", "ignore")
    told = (Header(":error-message", said), Header(":error-code", code), Header(":message-type", "error"))
    return encode_message(told)


_MAX_TEXT_BYTES: Final = 32_767
"""Of a header's value, in the implementations that read its length as a signed number."""


@lru_cache(maxsize=_KNOWN_BLOCKS)
def _head(kind: str, field: str, name: str) -> bytes:
    told = (Header(field, name), Header(":content-type", "application/json"), Header(":message-type", kind))
    return b"".join(map(_encode_header, told))


def _frame(headers: bytes, payload: bytes) -> bytes:
    size = _OVERHEAD + len(headers) + len(payload)
    if size > MAX_MESSAGE_BYTES or len(headers) > MAX_HEADERS_BYTES:
        raise BadRequest(f"a message of {size} bytes with {len(headers)} of headers does not fit into an event stream")
    lengths = _PRELUDE.pack(size, len(headers), 0)[: -_CRC.size]
    checked = b"".join((lengths, _CRC.pack(crc32(lengths)), headers, payload))
    return checked + _CRC.pack(crc32(checked))


def _encode_header(header: Header) -> bytes:
    name = header.name.encode()
    try:
        value = _WRITERS[header.type](header.value)
        return bytes((len(name),)) + name + bytes((_TYPES.index(header.type),)) + value
    except (StructError, ValueError, TypeError, AttributeError) as fault:
        raise BadRequest(f"the header {header.name!r} cannot be written as {header.type}: {fault}") from None


def _sized(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _nothing(value: HeaderValue) -> bytes:
    return b""


_WRITERS: Final[dict[HeaderType, Callable[[Any], bytes]]] = {
    "true": _nothing,
    "false": _nothing,
    **{kind: form.pack for kind, form in _INTEGERS.items()},
    "bytes": _sized,
    "string": lambda value: _sized(value.encode()),
    "uuid": lambda value: bytes(value.bytes),
}
