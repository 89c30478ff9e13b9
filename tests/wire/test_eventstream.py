"""Amazon's framing: every type of header both ways, both checksums, every cut, and bounds, with botocore's parser as judge."""

from __future__ import annotations

import struct
import tracemalloc
import uuid
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]  # botocore has no types
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import BadReply, BadRequest
from dragoman.wire.eventstream import (
    EXCEPTION,
    MAX_HEADERS_BYTES,
    MAX_MESSAGE_BYTES,
    OTHER,
    EventMessages,
    Header,
    Message,
    Messages,
    decode_headers,
    decode_messages,
    encode_event,
    encode_exception,
    encode_fault,
    encode_message,
)
from dragoman.wire.sse import Frame

from .splits import random_pieces, single_bytes, splittings
from .strategies import MODEST

MIB = 1024 * 1024

names = st.text(min_size=1, max_size=10).filter(lambda name: len(name.encode()) < 256)
integers = {"byte": 8, "short": 16, "int": 32, "long": 64, "timestamp": 64}
headers = st.one_of(
    st.builds(Header, names, st.just(True), st.just("true")),
    st.builds(Header, names, st.just(False), st.just("false")),
    *(st.builds(Header, names, st.integers(-(1 << bits - 1), (1 << bits - 1) - 1), st.just(kind)) for kind, bits in integers.items()),
    st.builds(Header, names, st.binary(max_size=30), st.just("bytes")),
    st.builds(Header, names, st.text(max_size=30), st.just("string")),
    st.builds(Header, names, st.uuids(), st.just("uuid")),
)
messages = st.builds(Message, st.lists(headers, max_size=5, unique_by=lambda header: header.name).map(tuple), st.binary(max_size=100))


def encoded(*given: Message) -> bytes:
    return b"".join(encode_message(one.headers, one.payload) for one in given)


def frames(pieces: Iterable[bytes]) -> list[Frame]:
    parser = EventMessages()
    return [frame for piece in pieces for frame in parser.feed(piece)] + list(parser.close())


def raw(size: int, headers_size: int, rest: bytes = b"") -> bytes:
    """A message whose lengths are as told and whose checksums fit."""
    lengths = struct.pack(">II", size, headers_size)
    checked = lengths + struct.pack(">I", zlib.crc32(lengths)) + rest
    return checked + struct.pack(">I", zlib.crc32(checked))


@MODEST
@given(st.lists(messages, max_size=4), st.integers(0, 50))
def test_messages_come_back_equal_however_they_are_split(given_messages: list[Message], seed: int) -> None:
    data = encoded(*given_messages)
    assert decode_messages(data) == given_messages
    for pieces in (single_bytes(data), random_pieces(data, seed)):
        parser = Messages()
        found = [Message(decode_headers(block), payload) for piece in pieces for block, payload in parser.feed(piece)]
        assert found == given_messages
        assert not parser.is_cut


@MODEST
@given(messages)
def test_botocore_reads_what_is_written(message: Message) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(encoded(message))
    [read] = list(buffer)
    assert read.payload == message.payload
    assert read.headers == {one.name: one.value.bytes if isinstance(one.value, uuid.UUID) else one.value for one in message.headers}


def test_message_is_laid_out_as_specified() -> None:
    """By hand: total length, headers' length, checksum, name's length, name, type 7, value's length, value, payload, checksum."""
    header = b"\x0b:event-type\x07\x00\x01x"
    lengths = b"\x00\x00\x00\x23" + b"\x00\x00\x00\x10"
    checked = lengths + struct.pack(">I", zlib.crc32(lengths)) + header + b"{ } "
    assert len(checked) == 0x23 - 3
    whole = raw(12 + len(header) + 4 + 4, len(header), header + b"{ } ")
    assert encode_message((Header(":event-type", "x"),), b"{ } ") == whole


def test_empty_message_has_sixteen_bytes() -> None:
    assert len(encode_message(())) == 16
    assert decode_messages(encode_message(())) == [Message((), b"")]


GOOD = encode_event("first", b'{"a":1}') + encode_event("second", b"{}") + encode_event("first", b'{"a":2}')


def test_frames_are_events_by_name_and_payload() -> None:
    expected = [("first", b'{"a":1}'), ("second", b"{}"), ("first", b'{"a":2}')]
    for pieces in splittings(GOOD):
        assert frames(pieces) == expected


def test_exceptions_and_errors_are_marked() -> None:
    data = encode_exception("throttlingException", b'{"message":"slow"}') + encode_fault("InternalFailure", "it \u2713 broke")
    assert frames([data]) == [
        (f"{EXCEPTION}throttlingException", b'{"message":"slow"}'),
        (f"{EXCEPTION}InternalFailure", '{"message":"it \u2713 broke"}'.encode()),
    ]


def test_error_that_has_a_payload_tells_it() -> None:
    told = (Header(":message-type", "error"), Header(":error-code", "X"))
    assert frames([encode_message(told, b"{}")]) == [(f"{EXCEPTION}X", b"{}")]
    assert frames([encode_message(told)]) == [(f"{EXCEPTION}X", b'{"message":""}')]


def test_message_of_another_kind_is_told_apart_and_one_without_a_kind_is_an_event() -> None:
    assert frames([encode_message((Header(":message-type", "ping"),))]) == [(OTHER, b"")]
    assert frames([encode_message((Header(":event-type", "x"),), b"1")]) == [("x", b"1")]
    assert frames([encode_message((), b"1")]) == [("", b"1")]
    assert frames([encode_message((Header(":event-type", 7, "int"),), b"1")]) == [("", b"1")]


@pytest.mark.parametrize("place", range(len(GOOD) // 3))
def test_every_flipped_byte_is_noticed(place: int) -> None:
    """A flip in the lengths may also ask for more bytes than came; nothing false is ever given out."""
    spoilt = GOOD[:place] + bytes([GOOD[place] ^ 0x41]) + GOOD[place + 1 :]
    found: list[Frame] = []
    parser = EventMessages()
    with pytest.raises(BadReply, match="checksum"):
        found.extend(parser.feed(spoilt))
    assert found == []


def test_frames_before_a_damaged_one_are_had_first() -> None:
    given_out = EventMessages().feed(GOOD[:-1] + b"x")
    found = [next(given_out), next(given_out)]
    with pytest.raises(BadReply, match="damaged"):
        next(given_out)
    assert [name for name, _ in found] == ["first", "second"]


@pytest.mark.parametrize("length", range(1, len(encode_event("first", b'{"a":1}'))))
def test_cut_message_gives_nothing(length: int) -> None:
    parser = EventMessages()
    assert list(parser.feed(GOOD[:length])) == []
    assert list(parser.close()) == []
    with pytest.raises(BadReply, match="inside a message"):
        decode_messages(GOOD[:length])


def test_page_that_is_no_event_stream_is_told_as_it_is() -> None:
    with pytest.raises(BadReply, match="no event stream") as caught:
        frames([b'{"message":"The security token is invalid."}'])
    assert caught.value.body == '{"message":"The security token is invalid."}'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (raw(MAX_MESSAGE_BYTES + 1, 0), "longer than 16777216 bytes"),
        (raw(0xFFFFFFFF, 0), "longer than 16777216 bytes"),
        (raw(MAX_MESSAGE_BYTES, MAX_HEADERS_BYTES + 1), "headers of a message of the event stream are longer than 131072"),
        (raw(15, 0), "shorter than its own headers"),
        (raw(0, 0), "shorter than its own headers"),
        (raw(20, 5), "shorter than its own headers"),
    ],
)
def test_lengths_out_of_bounds_are_refused_before_anything_is_kept(data: bytes, words: str) -> None:
    for pieces in ([data], single_bytes(data)):
        with pytest.raises(BadReply, match=words):
            frames(pieces)


@pytest.mark.parametrize(
    "block",
    [
        b"\x01",
        b"\x05ab",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\xff",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05abc",
        b"\x01a\x06\x00\x05abc",
        b"\x01a\x04\x00\x00",
        b"\x01a\x09\x00",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
    ],
)
def test_header_that_cannot_be_read_is_refused(block: bytes) -> None:
    with pytest.raises(BadReply, match="a header of the event stream"):
        decode_headers(block)
    with pytest.raises(BadReply, match="a header of the event stream"):
        frames([raw(16 + len(block), len(block), block)])


@MODEST
@given(st.binary(max_size=60))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    for given_bytes in (data, raw(16 + len(data), len(data), data), raw(16 + len(data), len(data) // 2, data)):
        with suppress(BadReply):
            assert all(isinstance(name, str) for name, _ in frames([given_bytes]))


@pytest.mark.parametrize(
    "header",
    [
        Header("a" * 256, "x"),
        Header("a", "x" * 65536),
        Header("a", b"x" * 65536, "bytes"),
        Header("a", 128, "byte"),
        Header("a", 1 << 63, "long"),
        Header("a", "x", "int"),
        Header("a", 1, "string"),
        Header("a", "x", "uuid"),
        Header("a", "\ud800", "string"),
    ],
)
def test_header_that_the_form_cannot_hold_is_refused(header: Header) -> None:
    with pytest.raises(BadRequest, match="cannot be written as"):
        encode_message((header,))


def test_message_of_just_the_bound_passes_and_one_over_it_is_refused() -> None:
    payload = bytes(MAX_MESSAGE_BYTES - 16)
    [message] = decode_messages(encode_message((), payload))
    assert len(message.payload) == len(payload)
    with pytest.raises(BadRequest, match="does not fit"):
        encode_message((), payload + b"x")


def test_long_text_of_an_error_is_cut_to_what_a_header_holds() -> None:
    [(name, payload)] = frames([encode_fault("X", "✓" * 40_000)])
    assert name == f"{EXCEPTION}X"
    assert payload.decode() == '{"message":"' + "✓" * (32_767 // 3) + '"}'


# --- bounds -----------------------------------------------------------------------------------------------------------------------------


def test_bytes_of_a_large_message_in_small_reads_are_copied_a_fixed_number_of_times() -> None:
    data = encode_message((), bytes(2 * MIB))
    parser = Messages()
    tracemalloc.start()
    try:
        for at in range(0, len(data), 1000):
            for _, payload in parser.feed(data[at : at + 1000]):
                assert len(payload) == 2 * MIB
        assert tracemalloc.get_traced_memory()[1] < 9 * MIB
    finally:
        tracemalloc.stop()


def test_many_messages_leave_nothing_behind() -> None:
    parser = EventMessages()
    event = encode_event("x", b"1" * 1000)
    tracemalloc.start()
    try:
        for _ in range(5000):
            assert len(list(parser.feed(event))) == 1
        assert tracemalloc.get_traced_memory()[0] < 256 * 1024
    finally:
        tracemalloc.stop()


def test_header_blocks_without_end_are_not_all_remembered() -> None:
    parser = EventMessages()
    for number in range(200):
        assert list(parser.feed(encode_message((Header(":event-type", str(number)),)))) == [(str(number), b"")]
    assert len(parser._names) == 64


def test_many_messages_in_one_read_are_read_in_linear_time() -> None:
    """Counted: each read takes from the front of what waits, which moves nothing behind it."""
    event = encode_event("x", b"1")

    class Counted(bytearray):
        removed = 0

        def __delitem__(self, key: Any) -> None:
            Counted.removed += key.stop
            super().__delitem__(key)

    parser = Messages()
    parser._buffer = Counted()
    assert sum(1 for _ in parser.feed(event * 10_000)) == 10_000
    assert Counted.removed == len(event) * 10_000
