"""The protocol without I/O: requests to bytes, bytes to answers, however they are split."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import BadReply, DragomanError, StreamCut, UsageError
from dragoman.core.exchange import Call
from dragoman.transport.compression import PIECE_BYTES
from dragoman.transport.http1 import Exchange, encode_request
from dragoman.transport.target import split_url

TEXT = b"Name three rivers: Neva, Donau, Tejo. " * 50


def deflate(data: bytes, wbits: int) -> bytes:
    coder = zlib.compressobj(wbits=wbits)
    return coder.compress(data) + coder.flush()


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "gzip, two members": ("GZIP", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "deflate": ("deflate", deflate(TEXT, 15)),
    "deflate, raw": ("deflate", deflate(TEXT, -15)),
    "br": ("br", brotli.compress(TEXT)),
    "zstd": ("zstd", zstandard.compress(TEXT)),
    "zstd, two frames": ("zstd", zstandard.compress(TEXT[:100]) + zstandard.compress(TEXT[100:])),
    "identity": ("identity", TEXT),
}


def answer(coding: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(body)) + body


def play(exchange: Exchange, *parts: bytes, end: bool = False) -> bytes:
    """Feed all parts, taking whatever there is after each."""
    taken = b""
    for part in parts:
        exchange.feed(part)
        taken += b"".join(iter(exchange.take, b""))
    if end:
        exchange.end_of_stream()
        taken += b"".join(iter(exchange.take, b""))
    return taken


@pytest.mark.parametrize(("coding", "body"), CODED.values(), ids=CODED.keys())
def test_every_coding_is_undone_at_every_split(coding: str, body: bytes) -> None:
    raw = answer(coding, body)
    for split in range(0, len(raw), 7):
        exchange = Exchange()
        assert play(exchange, raw[:split], raw[split:]) == TEXT
        assert exchange.ended
        assert exchange.reusable
    exchange = Exchange()
    assert play(exchange, *(raw[i : i + 1] for i in range(len(raw)))) == TEXT


@pytest.mark.parametrize(("coding", "body"), list(CODED.values())[:-1], ids=list(CODED)[:-1])
def test_a_coded_body_that_is_cut_or_corrupt_is_a_bad_reply(coding: str, body: bytes) -> None:
    for bad in (body[: len(body) // 2], body[:-1], body + b"tail", bytes(len(body))):
        exchange = Exchange()
        assert TEXT.startswith(play(exchange, answer(coding, bad))[: len(TEXT)])
        assert type(exchange.error) is BadReply
        assert not exchange.reusable
        assert not exchange.ended


FLUSHING: dict[str, tuple[Callable[[], Any], int]] = {
    "gzip": (lambda: zlib.compressobj(wbits=31), zlib.Z_SYNC_FLUSH),
    "deflate": (zlib.compressobj, zlib.Z_SYNC_FLUSH),
    "zstd": (lambda: zstandard.ZstdCompressor().compressobj(), zstandard.COMPRESSOBJ_FLUSH_BLOCK),
}


@pytest.mark.parametrize("coding", FLUSHING)
def test_each_chunk_of_a_coded_stream_comes_out_at_once(coding: str) -> None:
    new, flush = FLUSHING[coding]
    coder = new()
    exchange = Exchange()
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\n" % coding.encode())
    for event in (b"data: one\n\n", b"data: two\n\n"):
        assert play(exchange, coder.compress(event) + coder.flush(flush)) == event


def test_each_chunk_of_a_brotli_stream_comes_out_at_once() -> None:
    coder = brotli.Compressor()
    exchange = Exchange()
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n")
    for event in (b"data: one\n\n", b"data: two\n\n"):
        assert play(exchange, coder.process(event) + coder.flush()) == event


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_comes_out_in_small_pieces(coding: str) -> None:
    zeros = bytes(30_000_000)
    bombs = {"gzip": gzip.compress, "deflate": lambda data: deflate(data, 15), "br": brotli.compress, "zstd": zstandard.compress}
    exchange = Exchange()
    exchange.feed(answer(coding, bombs[coding](zeros)))
    sizes = [len(piece) for piece in iter(exchange.take, b"")]
    assert sum(sizes) == len(zeros)
    assert max(sizes) <= PIECE_BYTES


def test_an_empty_body_may_claim_any_coding() -> None:
    exchange = Exchange()
    assert play(exchange, answer("gzip", b"")) == b""
    assert exchange.ended


def test_bytes_that_came_before_a_fault_come_out_before_it() -> None:
    exchange = Exchange()
    exchange.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
    assert type(exchange.error) is BadReply
    assert exchange.take() == b"ab"


ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: t\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("raw", ANSWERS.values(), ids=ANSWERS.keys())
def test_splits_and_cuts_at_every_offset(raw: bytes) -> None:
    whole = Exchange()
    assert play(whole, raw) == b"hello"
    for offset in range(len(raw)):
        split, cut = Exchange(), Exchange()
        assert play(split, raw[:offset], raw[offset:]) == b"hello"
        assert (split.status, split.headers, split.ended, split.reusable) == (200, whole.headers, True, True)
        assert b"hello".startswith(play(cut, raw[:offset], end=True))
        assert type(cut.error) is StreamCut
        assert not cut.reusable


def test_bytes_behind_the_end_forbid_reuse_wherever_they_are_split() -> None:
    raw = ANSWERS["length"]
    for behind in (b"x", raw, b"HTTP/1.1 200 OK\r\n"):
        for parts in ((raw + behind,), (raw, behind)):
            exchange = Exchange()
            assert play(exchange, *parts) == b"hello"
            assert (exchange.ended, exchange.reusable) == (True, False)


@pytest.mark.parametrize("field", [b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"])
def test_framing_that_cannot_be_read_is_refused_even_without_a_body(field: bytes) -> None:
    exchange = Exchange(head_only=True)
    exchange.feed(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % field)
    assert type(exchange.error) is BadReply
    assert not exchange.reusable


def test_two_codings_are_refused() -> None:
    exchange = Exchange()
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx")
    assert type(exchange.error) is BadReply


def test_a_head_longer_than_allowed_is_refused() -> None:
    exchange = Exchange(max_head_bytes=300)
    exchange.feed(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 400)
    assert "max_head_bytes" in str(exchange.error)


_PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 101 S\r\n", b"HTTP/1.1 204 N\r\n",
        b"HTTP/1.1 999 ?\r\n", b"Content-Length: 5\r\n", b"Content-Length: 99\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n", b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Content-Encoding: zstd\r\n",
        b"Content-Encoding: deflate\r\n", b"Connection: close\r\n", b"Upgrade: x\r\nConnection: upgrade\r\n", b"\r\n", b"hello", b"5\r\n",
        b"0\r\n\r\n", b"0\r\nA: b\r\n", b"\xff\x00", gzip.compress(b"x"), brotli.compress(b"x"), zstandard.compress(b"x"),
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.binary(max_size=40)), max_size=14), st.integers(1, 30), st.booleans())
def test_any_bytes_at_any_split_give_data_or_one_of_our_errors(parts: list[bytes], step: int, head_only: bool) -> None:
    raw = b"".join(parts)
    whole, split = Exchange(head_only=head_only), Exchange(head_only=head_only)
    one = play(whole, raw, end=True)
    other = play(split, *(raw[i : i + step] for i in range(0, len(raw), step)), end=True)
    assert (one, whole.status, whole.headers) == (other, split.status, split.headers)
    assert type(whole.error) is type(split.error)
    for exchange in (whole, split):
        assert exchange.error is None or isinstance(exchange.error, DragomanError)
        assert exchange.ended or exchange.error is not None
        assert not (exchange.reusable and exchange.error)


def test_a_request_in_full() -> None:
    call = Call("POST", "https://user:pw@bücher.example:8443/a b?x=ä#frag".replace(" ", "%20"), (("X-A", "1"), ("x-a", "2")), b"body")
    assert encode_request(call) == (
        b"POST /a%20b?x=%C3%A4 HTTP/1.1\r\nhost: xn--bcher-kva.example:8443\r\nX-A: 1\r\nx-a: 2\r\n"
        b"accept-encoding: identity\r\ncontent-length: 4\r\n\r\nbody"
    )


def test_what_the_call_sets_itself_is_left() -> None:
    headers = (("Host", "h"), ("Accept-Encoding", "gzip"), ("Content-Length", "4"))
    assert encode_request(Call("POST", "http://a.test", headers, b"body")) == (
        b"POST / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody"
    )


@pytest.mark.parametrize(("method", "has_length"), [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True)])
def test_an_empty_body_has_a_length_where_one_is_expected(method: str, has_length: bool) -> None:
    assert (b"content-length: 0\r\n" in encode_request(Call(method, "http://a.test/"))) is has_length


def test_a_header_value_that_is_no_text_is_named() -> None:
    with pytest.raises(UsageError, match="x-key"):
        encode_request(Call("GET", "http://a.test/", (("x-a", "1"), ("x-key", None))))  # type: ignore[arg-type]  # on purpose


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_can_write_more_than_itself(name: str, value: str) -> None:
    try:
        raw = encode_request(Call("GET", "http://a.test/", ((name, value),)))
    except UsageError:
        return
    assert raw.count(b"\r\n") == (4 if name.lower() in ("host", "accept-encoding") else 5)
    assert raw.replace(b"\r\n", b"").isascii() or value.encode("latin-1") in raw
    assert not {b"\r", b"\n", b"\0"} & {raw.replace(b"\r\n", b"")[i : i + 1] for i in range(len(raw))}


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(max_size=30).map(lambda text: f"http://{text}")))
def test_any_url_is_taken_apart_or_refused(url: str) -> None:
    try:
        target = split_url(url)
    except UsageError:
        return
    assert target.host.isascii()
    assert target.path.startswith("/")
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path
