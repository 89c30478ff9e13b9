"""What happens to one call, over every driver, against a server that says exact bytes."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from itertools import count

import pytest

from dragoman.core.errors import BadReply, Cancelled, ConnectFailed, DragomanError, StreamCut, TimedOut, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.transport.settings import Settings

from .colours import Client, Colour, fails, read_all
from .servers import Peer, closed_port, saying, saying_then_waiting, serve

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nhello world"


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, UNTIL_CLOSE], ids=["length", "chunked", "close"])
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_a_body_arrives_in_every_framing(colour: Colour, answer: bytes, bytewise: bool) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url) == (200, b"hello world")

    parts = [answer[i : i + 1] for i in range(len(answer))] if bytewise else [answer]
    with serve(saying(*parts)) as server:
        colour(scenario)


def test_the_request_says_what_the_call_says(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await client.fetch(f"http://me:secret@127.0.0.1:{server.port}/a/ü?q=1#part", headers=(("X-Key", "k"),), body=b"abc")

    with serve(saying(LENGTH)) as server:
        colour(scenario)
    assert server.heard == [
        f"POST /a/%C3%BC?q=1 HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nX-Key: k\r\naccept-encoding: identity\r\n"
        "content-length: 3\r\n\r\nabc".encode()
    ]


def test_each_call_is_sent_with_its_own_fields_and_the_length_of_its_own_body(colour: Colour) -> None:
    def script(peer: Peer) -> None:
        for _ in range(5):
            peer.answer(LENGTH)

    async def scenario(client: Client) -> None:
        for key, body in (("a", b"1"), ("a", b"22"), ("b", b"22"), ("a", b"")):
            await client.fetch(server.url, headers=(("x-key", key),), body=body)
        await client.fetch(server.url, method="GET", headers=(("x-key", "a"),), body=b"")

    with serve(script) as server:
        colour(scenario)
    told = [
        (request.split()[0], request.partition(b"x-key: ")[2][:1], request.lower().partition(b"content-length: ")[2])
        for request in server.heard
    ]
    assert told == [
        (b"POST", b"a", b"1\r\n\r\n1"),
        (b"POST", b"a", b"2\r\n\r\n22"),
        (b"POST", b"b", b"2\r\n\r\n22"),
        (b"POST", b"a", b"0\r\n\r\n"),
        (b"GET", b"a", b""),
    ]


def test_a_length_of_the_callers_own_is_held_against_each_body(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        fields = (("content-length", "2"),)
        assert (await client.fetch(server.url, headers=fields, body=b"{}"))[0] == 200
        await fails(client.open(server.url, headers=fields, body=b"{ }"), UsageError)

    with serve(saying_then_waiting(LENGTH)) as server:
        colour(scenario)


def test_header_names_arrive_in_lower_case_and_repeated_fields_stay(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        assert answer.headers == (("set-cookie", "a"), ("set-cookie", "b"), ("content-length", "0"))
        assert await read_all(answer) == b""

    with serve(saying(b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSET-COOKIE: b \r\nContent-Length: 0\r\n\r\n")) as server:
        colour(scenario)


def test_interim_answers_are_passed_over(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url) == (200, b"hello world")

    with serve(saying(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH)) as server:
        colour(scenario)


def test_a_redirect_is_an_answer_like_any_other(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(server.url))[0] == 307

    with serve(saying(b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as server:
        colour(scenario)


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_end_at_their_head(colour: Colour, status: int) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url) == (status, b"")

    with serve(saying_then_waiting(b"HTTP/1.1 %d X\r\n\r\n" % status)) as server:
        colour(scenario)


def test_an_answer_to_head_has_no_body_whatever_its_length_says(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert await client.fetch(server.url, method="HEAD", body=b"") == (200, b"")

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        peer.wait_closed()

    with serve(script) as server:
        colour(scenario)
    assert server.accepted == 1


def test_nothing_listens(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(f"http://127.0.0.1:{closed_port()}/"), ConnectFailed)
        assert "refused" in str(error)

    colour(scenario)


def test_a_close_without_any_answer(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(server.url), StreamCut)
        assert "without an answer" in str(error)

    with serve(saying()) as server:
        colour(scenario)
    assert len(server.heard) == 1


def test_a_reset_without_any_answer(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(server.url), StreamCut)

    def script(peer: Peer) -> None:
        peer.request()
        peer.reset()

    with serve(script) as server:
        colour(scenario)


def test_a_reset_does_not_end_a_body_that_only_the_close_delimits(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        with pytest.raises(StreamCut):
            await client.fetch(server.url)

    def script(peer: Peer) -> None:
        peer.answer(UNTIL_CLOSE)
        peer.reset()

    with serve(script) as server:
        colour(scenario)


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_a_cut_anywhere_is_told_after_what_had_arrived(colour: Colour, answer: bytes) -> None:
    async def scenario(client: Client) -> None:
        for cut in range(1, len(answer)):
            got = bytearray()
            with pytest.raises(StreamCut):
                await gather(client, server.url, got)
            assert b"hello world".startswith(bytes(got)), cut

    with serve(*(saying(answer[:cut]) for cut in range(1, len(answer)))) as server:
        colour(scenario)


async def gather(client: Client, url: str, got: bytearray) -> None:
    answer = await client.open(url)
    while chunk := await answer.read():
        got += chunk


MALFORMED = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "tls": b"\x15\x03\x01\x00\x02\x02\x46",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "bad chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip as transfer-encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "header without a name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "folded header": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "nul in a header": b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n",
    "protocol switch": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "status 99": b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 2\r\n\r\nuv",
    "not gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nuv",
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_http_is_a_bad_reply(colour: Colour, answer: bytes) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.fetch(server.url), BadReply)

    with serve(saying_then_waiting(answer)) as server:
        colour(scenario)


def garbled(chance: random.Random) -> bytes:
    """An answer with a few bytes changed, and often cut."""
    raw = bytearray(chance.choice([LENGTH, CHUNKED, UNTIL_CLOSE, LENGTH * 2, *MALFORMED.values()]))
    for _ in range(chance.choice([0, 1, 2, 5])):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw[: chance.randrange(len(raw) * 2)])


def test_garbled_answers_end_in_time_and_in_our_errors(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        for number in range(60):
            started = time.monotonic()
            with contextlib.suppress(DragomanError):
                await client.fetch(server.url, timeouts=Timeouts(first_byte_s=0.03, between_bytes_s=0.03))
            assert time.monotonic() - started < 2, number

    def script(peer: Peer) -> None:
        chance = random.Random(next(seeds))
        with contextlib.suppress(ConnectionError):
            for _ in range(3):
                peer.answer(garbled(chance))
            peer.wait_closed()

    seeds = count()
    with serve(*[script] * 120) as server:
        colour(scenario)


ENDLESS = {
    "header lines": (b"HTTP/1.1 200 OK\r\n", b"X-Filler: filler\r\n" * 50),
    "one header line": (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 1000),
    "one header name": (b"HTTP/1.1 200 OK\r\n", b"a" * 1000),
    "status line": (b"HTTP/1.1 200 ", b"O" * 1000),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 25),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=", b"a" * 1000),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Filler: filler\r\n" * 50),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS.keys())
def test_an_endless_head_is_a_bad_reply(colour: Colour, start: bytes, more: bytes) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.fetch(server.url), BadReply)
        assert "max_head_bytes" in str(error)

    def script(peer: Peer) -> None:
        peer.answer(start)
        sent = 0
        while sent < 50_000_000:
            try:
                peer.send(more)
            except ConnectionError:
                return
            sent += len(more)
        raise AssertionError("the client kept reading")

    with serve(script) as server:
        colour(scenario, Settings(max_head_bytes=8_192))


STALLS = {
    "before the answer": (b"", Timeouts(first_byte_s=0.1), "first_byte_s"),
    "inside the head": (LENGTH[:30], Timeouts(first_byte_s=0.1, between_bytes_s=9), "first_byte_s"),
    "before the body": (LENGTH[:-11], Timeouts(first_byte_s=0.1, between_bytes_s=9), "first_byte_s"),
    "inside the body": (LENGTH[:-3], Timeouts(between_bytes_s=0.1), "between_bytes_s"),
    "inside a chunk": (CHUNKED[:60], Timeouts(between_bytes_s=0.1), "between_bytes_s"),
    "in total": (LENGTH[:-3], Timeouts(total_s=0.1), "total_s"),
    "in total, before the answer": (b"", Timeouts(total_s=0.1), "total_s"),
}


@pytest.mark.parametrize(("start", "timeouts", "said"), STALLS.values(), ids=STALLS.keys())
def test_a_stall_ends_in_the_timeout_of_its_phase(colour: Colour, start: bytes, timeouts: Timeouts, said: str) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.fetch(server.url, timeouts=timeouts), TimedOut)
        assert said in str(error)

    with serve(saying_then_waiting(start)) as server:
        colour(scenario)


def test_a_drip_of_framing_without_data_counts_as_silence(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.fetch(server.url, timeouts=Timeouts(between_bytes_s=0.15)), TimedOut)

    def script(peer: Peer) -> None:
        peer.answer(CHUNKED[:57])
        # One byte of a chunk extension at a time, each well within the limit.
        peer.send(b"5;")
        peer.socket.settimeout(0.02)
        for _ in range(500):
            try:
                peer.send(b"a")
                if not peer.socket.recv(1):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("the client waited on")

    with serve(script) as server:
        colour(scenario)


def test_the_wait_of_one_read_can_be_shortened_and_the_answer_read_on(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        assert await answer.read() == b"hello"
        error = await fails(answer.read(0.03), TimedOut)
        assert "timeout_s" in str(error)
        go_on.send(b"x")
        assert await read_all(answer) == b" world"

    def script(peer: Peer) -> None:
        peer.answer(LENGTH[:-6])
        wait.recv(1)
        peer.send(LENGTH[-6:])

    go_on, wait = socket.socketpair()
    with go_on, wait, serve(script) as server:
        colour(scenario)


def test_an_early_answer_is_read_while_the_body_is_still_being_sent(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url, body=b"x" * 30_000_000) == (413, b"big")

    def script(peer: Peer) -> None:
        peer.socket.recv(1000)
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        peer.wait_closed()

    with serve(script) as server:
        colour(scenario)


def test_a_large_body_arrives_whole(colour: Colour) -> None:
    body = bytes(range(256)) * 40_000

    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url, body=body) == (200, b"hello world")

    with serve(saying(LENGTH)) as server:
        colour(scenario)
    assert server.heard[0].endswith(b"\r\n\r\n" + body)


def test_a_large_answer_arrives_whole(colour: Colour) -> None:
    body = bytes(range(256)) * 40_000

    async def scenario(client: Client) -> None:
        assert await client.fetch(server.url) == (200, body)

    with serve(saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)) as server:
        colour(scenario)


def test_closing_an_answer_closes_its_connection_at_once(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        answer.close()
        answer.close()
        await fails(answer.read(), Cancelled)

    with serve(saying_then_waiting(LENGTH[:-3])) as server:
        colour(scenario)


def test_an_answer_that_is_dropped_closes_its_connection(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await client.open(server.url)

    with serve(saying_then_waiting(LENGTH[:-3])) as server:
        colour(scenario)


def test_a_closed_transport_ends_its_answers_and_takes_no_more_calls(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.open(server.url)
        await answer.read()
        await client.transport.close()
        await fails(answer.read(), Cancelled)
        await fails(client.open(server.url), UsageError)

    with serve(saying_then_waiting(LENGTH[:-3])) as server:
        colour(scenario)


BAD_CALLS = {
    "relative url": {"url": "/v1"},
    "other scheme": {"url": "ftp://127.0.0.1/"},
    "no host": {"url": "http:///x"},
    "port zero": {"url": "http://127.0.0.1:0/"},
    "port too high": {"url": "http://127.0.0.1:65536/"},
    "line break in the url": {"url": "http://127.0.0.1/\r\nX: y"},
    "space in the url": {"url": "http://127.0.0.1/a b"},
    "open bracket": {"url": "http://[::1/"},
    "label too long": {"url": f"http://{'a' * 64}.test/"},
    "line break in a header": {"headers": (("x", "a\r\nb: c"),)},
    "nul in a header": {"headers": (("x", "a\x00"),)},
    "space in a header name": {"headers": (("x y", "a"),)},
    "colon in a header name": {"headers": (("x:", "a"),)},
    "header outside latin-1": {"headers": (("x", "日本"),)},
    "length that is wrong": {"headers": (("Content-Length", "5"),)},
    "transfer-encoding": {"headers": (("Transfer-Encoding", "chunked"),)},
    "method": {"method": "GET /x"},
}


@pytest.mark.parametrize("bad", BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_call_that_http_cannot_carry_is_refused_before_anything_is_sent(colour: Colour, bad: dict[str, object]) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(**{"url": f"http://127.0.0.1:{closed_port()}/", **bad}), UsageError)  # type: ignore[arg-type]  # on purpose

    colour(scenario)


def test_what_a_url_or_header_holds_in_secret_is_in_no_error(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        for url in ("http://u:hunter2@127.0.0.1:0/?key=hunter2", "ftp://u:hunter2@x/?hunter2", "http://hunter2@[::1/#hunter2"):
            assert "hunter2" not in str(await fails(client.open(url), UsageError))
        error = await fails(client.open("http://127.0.0.1:1/", headers=(("x-key", "hunter2\n"),)), UsageError)
        assert "x-key" in str(error)
        assert "hunter2" not in str(error)

    colour(scenario)
