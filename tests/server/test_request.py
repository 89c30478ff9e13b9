"""Requests as they arrive, without a socket: in every split, in every form, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.exchange import Call
from dragoman.server.limits import Limits
from dragoman.server.request import Arriving, Hosts, Names, Refused, RequestParser

from .wire import chunked, get, post

UPGRADE = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA")

STREAMS: dict[str, tuple[bytes, list[tuple[str, str, bytes]]]] = {
    "a path": (get("/a?b=c"), [("GET", "/a?b=c", b"")]),
    "a body": (post("/a", b"hello"), [("POST", "/a", b"hello")]),
    "an empty body": (post("/a", b""), [("POST", "/a", b"")]),
    "chunks": (chunked("/a", b"one", b"t", b"w" * 20), [("POST", "/a", b"onet" + b"w" * 20)]),
    "chunks with extensions": (
        get("/a", "transfer-encoding: chunked", method="POST") + b'3;a="b";c\r\none\r\n0;last\r\n\r\n',
        [("POST", "/a", b"one")],
    ),
    "trailers": (chunked("/a", b"one", trailers=b"x: y\r\nauthorization: z\r\n"), [("POST", "/a", b"one")]),
    "several": (
        get("/1") + post("/2", b"two") + chunked("/3", b"three") + get("/4"),
        [("GET", "/1", b""), ("POST", "/2", b"two"), ("POST", "/3", b"three"), ("GET", "/4", b"")],
    ),
    "lines before": (b"\r\n\r\n" + get("/a"), [("GET", "/a", b"")]),
    "an upgrade": (get("/a", *UPGRADE) + get("/b"), [("GET", "/a", b""), ("GET", "/b", b"")]),
    "an upgrade with a body": (post("/a", get("/hidden"), *UPGRADE) + get("/b"), [("POST", "/a", get("/hidden")), ("GET", "/b", b"")]),
    "an upgrade with chunks": (
        get("/a", "transfer-encoding: chunked", *UPGRADE, method="POST") + b"5\r\nGET /\r\n0\r\n\r\n" + get("/b"),
        [("POST", "/a", b"GET /"), ("GET", "/b", b"")],
    ),
    "upgrades one after another": (post("/a", b"x", *UPGRADE) * 3, [("POST", "/a", b"x")] * 3),
    "a whole address": (get("http://elsewhere:80/a?b"), [("GET", "/a?b", b"")]),
    "a whole address without a path": (get("HTTPS://[::1]?b"), [("GET", "/?b", b"")]),
    "an asterisk": (get("*", method="OPTIONS"), [("OPTIONS", "*", b"")]),
    "the old version": (get("/a", version="1.0"), [("GET", "/a", b"")]),
    "the old version without a host": (b"GET /a HTTP/1.0\r\n\r\n", [("GET", "/a", b"")]),
}


def each(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 1] for at in range(len(data)))


def parser(arrived: list[Arriving], **limits: int) -> RequestParser:
    return RequestParser(Limits(**limits), Names(), Hosts(), arrived.append)


def parsed(*parts: bytes, **limits: int) -> list[Call]:
    arrived: list[Arriving] = []
    reading = parser(arrived, **limits)
    for part in parts:
        reading.feed(part)
    return [request.call() for request in arrived]


def seen(calls: list[Call]) -> list[tuple[str, str, bytes]]:
    return [(call.method, call.url, call.body) for call in calls]


@pytest.mark.parametrize("name", STREAMS)
def test_requests_are_the_same_whole_and_byte_by_byte_and_in_every_two_parts(name: str) -> None:
    data, expected = STREAMS[name]
    whole = parsed(data)
    assert seen(whole) == expected
    assert parsed(*each(data)) == whole
    for at in range(1, len(data)):
        assert parsed(data[:at], data[at:]) == whole


@given(st.lists(st.sampled_from([name for name in STREAMS if "old" not in name]), max_size=5), st.lists(st.integers(1, 2000), max_size=12))
def test_any_requests_in_any_parts(names: list[str], cuts: list[int]) -> None:
    data = b"".join(STREAMS[name][0] for name in names)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = [data[start:end] for start, end in itertools.pairwise(edges)]
    expected = [call for name in names for call in STREAMS[name][1]]
    assert seen(parsed(*parts)) == expected


def test_thousands_of_upgrades_in_one_read_are_no_deep_matter() -> None:
    assert len(parsed(get("/a", *UPGRADE) * 4000)) == 4000


def test_names_are_in_lower_case_and_values_without_the_spaces_round_them() -> None:
    (call,) = parsed(b"GET / HTTP/1.1\r\nHost:served\r\nX-One: \t one two \t \r\nx-EMPTY:\r\nX-One: \xe9\xa0\r\n\r\n")
    assert call.headers == (("host", "served"), ("x-one", "one two"), ("x-empty", ""), ("x-one", "é\xa0"))


def test_trailers_are_no_header_fields_of_this_request_or_the_next() -> None:
    one, two = parsed(chunked("/1", b"x", trailers=b"authorization: stolen\r\nexpect: 100-continue\r\n") + get("/2"))
    assert dict(one.headers).keys() == {"host", "transfer-encoding"}
    assert dict(two.headers).keys() == {"host"}


def test_a_whole_address_says_what_the_host_is() -> None:
    (call,) = parsed(get("http://elsewhere/a"))
    assert call.headers == (("host", "elsewhere"),)


REFUSED = {
    "no method": (b"nonsense\r\n\r\n", 400),
    "a method in lower case": (get(method="get"), 400),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "version 0.9": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "version 2.0": (get(version="2.0"), 505),
    "version 1.2": (get(version="1.2"), 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/", "host: other"), 400),
    "two hosts in the old version": (get("/", "host: other", version="1.0"), 400),
    "a host that is none": (b"GET / HTTP/1.1\r\nhost: a, b\r\n\r\n", 400),
    "a target without a slash": (get("a"), 400),
    "an asterisk for another method": (get("*"), 400),
    "an address with a login": (get("http://user@served/"), 400),
    "a tunnel": (get("served:443", method="CONNECT"), 501),
    "a tunnel with a body": (get("served:443", "content-length: 3", method="CONNECT") + b"abc", 501),
    "bytes beyond ASCII in the target": (b"GET /\xe9 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", 400),
    "NUL in a name": (b"GET / HTTP/1.1\r\nhost: a\r\nx\0y: a\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nhost a\r\n\r\n", 400),
    "no name": (b"GET / HTTP/1.1\r\nhost: a\r\n: b\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400),
    "a folded line": (b"GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n", 400),
    "a space before the first field": (b"GET / HTTP/1.1\r\n host: a\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nhost: a\n\n", 400),
    "a bare line feed behind a field": (b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n", 400),
    "a bare return in a value": (b"GET / HTTP/1.1\r\nhost: a\r\nx: b\rc: d\r\n\r\n", 400),
    "two lengths": (post("/", b"abc", "content-length: 4"), 400),
    "the same length twice": (post("/", b"abc", "content-length: 3"), 400),
    "a list of lengths": (get("/", "content-length: 3, 3", method="POST") + b"abc", 400),
    "a length and chunks": (post("/", b"0\r\n\r\n", "transfer-encoding: chunked"), 400),
    "chunks and a length": (get("/", "transfer-encoding: chunked", "content-length: 5", method="POST") + b"0\r\n\r\n", 400),
    "chunks in the old version": (get("/", "transfer-encoding: chunked", method="POST", version="1.0") + b"0\r\n\r\n", 400),
    "chunks twice": (get("/", "transfer-encoding: chunked", "transfer-encoding: chunked", method="POST") + b"0\r\n\r\n", 400),
    "chunks, then as it is": (get("/", "transfer-encoding: chunked, identity", method="POST") + b"0\r\n\r\n", 400),
    "chunks of something packed": (get("/", "transfer-encoding: gzip, chunked", method="POST") + b"0\r\n\r\n", 501),
    "something packed": (get("/", "transfer-encoding: gzip", method="POST"), 501),
    "a coding that looks like chunks": (get("/", "transfer-encoding: xchunked", method="POST") + b"0\r\n\r\n", 501),
    "a coding behind a control character": (get("/", "transfer-encoding: \x0bchunked", method="POST") + b"0\r\n\r\n", 400),
    "a length below nothing": (get("/", "content-length: -1", method="POST"), 400),
    "a length with a sign": (get("/", "content-length: +3", method="POST") + b"abc", 400),
    "a length in another base": (get("/", "content-length: 0x3", method="POST") + b"abc", 400),
    "no length": (get("/", "content-length:", method="POST"), 400),
    "a length beyond 64 bits": (get("/", "content-length: 18446744073709551616", method="POST"), 400),
    "a huge length": (get("/", "content-length: 18446744073709551615", method="POST"), 413),
    "a length with more digits than a number may have": (get("/", "content-length: " + "0" * 5000 + "3", method="POST") + b"abc", 400),
    "a chunk's length that is none": (get("/", "transfer-encoding: chunked", method="POST") + b"zz\r\n", 400),
    "a chunk's length below nothing": (get("/", "transfer-encoding: chunked", method="POST") + b"-1\r\n", 400),
    "a chunk's length beyond 64 bits": (get("/", "transfer-encoding: chunked", method="POST") + b"f" * 17 + b"\r\n", 400),
    "a chunk longer than it said": (get("/", "transfer-encoding: chunked", method="POST") + b"1\r\nxy\r\n0\r\n\r\n", 400),
    "a chunk's length with a bare line feed": (get("/", "transfer-encoding: chunked", method="POST") + b"1\nx\r\n0\r\n\r\n", 400),
    "a chunk's length with a space": (get("/", "transfer-encoding: chunked", method="POST") + b"1 \r\nx\r\n0\r\n\r\n", 400),
    "more behind the last request": (get("/", "connection: close") + get("/hidden"), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_in_every_split(name: str) -> None:
    data, status = REFUSED[name]
    for parts in ((data,), each(data)):
        with pytest.raises(Refused) as refused:
            parsed(*parts)
        assert refused.value.status == status
        assert refused.value.message


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_head_is_bounded_to_the_byte_however_it_comes(size: int) -> None:
    whole = get("/" + "a" * 40, "x: " + "b" * 40)
    fields = len("/" + "a" * 40) + len("host: served\r\n") + len("x: " + "b" * 40 + "\r\n")

    def read(limit: int) -> list[Call]:
        return parsed(*(whole[at : at + size] for at in range(0, len(whole), size)), head_bytes=limit)

    assert len(read(len(whole))) == 1
    with pytest.raises(Refused, match="longer than") as refused:
        read(fields - 1)
    assert refused.value.status == 431


def test_a_head_is_not_measured_with_the_requests_before_it() -> None:
    assert len(parsed(post("/", b"x" * 500) * 3, get("/") * 100, head_bytes=100)) == 103


@pytest.mark.parametrize(
    "start",
    [get("/")[:-2] + b"x: ", b"GET /", get("/", "transfer-encoding: chunked", method="POST") + b"1;", chunked("/", b"a")[:-2] + b"x: "],
    ids=["in a value", "in the target", "in a chunk's extension", "in a trailer"],
)
def test_what_never_ends_is_refused(start: bytes) -> None:
    reading = parser([], head_bytes=1000)
    reading.feed(start)
    for _ in range(100):
        reading.feed(b"a" * 10)
    with pytest.raises(Refused) as refused:
        reading.feed(b"a" * 10)
    assert refused.value.status == 431


def test_a_body_of_many_small_chunks_is_no_long_head() -> None:
    (call,) = parsed(*each(chunked("/", *[b"x"] * 500)), head_bytes=200)
    assert call.body == b"x" * 500


@pytest.mark.parametrize("limit", [0, 10, 5_000_000])
def test_a_body_is_bounded_to_the_byte(limit: int) -> None:
    body = b"x" * limit
    assert parsed(post("/", body), body_bytes=limit)[0].body == body
    assert parsed(chunked("/", body) if body else chunked("/"), body_bytes=limit)[0].body == body
    for data in (get("/", f"content-length: {limit + 1}", method="POST"), chunked("/", body + b"x")):
        with pytest.raises(Refused) as refused:
            parsed(data, body_bytes=limit)
        assert refused.value.status == 413


def test_names_and_hosts_that_clients_send_do_not_fill_the_memory() -> None:
    names, hosts = Names(), Hosts()
    for number in range(3000):
        assert names[b"X-%d" % number] == f"x-{number}"
        assert hosts[f"host-{number}"]
    assert names[b"A" * 10_000] == "a" * 10_000
    assert not hosts["a b" * 10_000]
    assert max(len(names), len(hosts)) <= 1024
    assert max(map(len, names)) < 100
