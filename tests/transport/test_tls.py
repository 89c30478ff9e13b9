"""TLS: who is trusted, what is refused, and bodies through it, against nginx and a server that misbehaves."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest
import trustme

from dragoman.core.errors import ConnectFailed, StreamCut, TimedOut, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.transport.settings import Settings

from .colours import Client, Colour, fails, read_all
from .programs import Nginx
from .servers import Peer, serve


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


def test_nginx_over_tls_and_its_connection_kept(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        answers = [(await client.fetch(nginx.url("tls", "/a", host)))[1].split() for host in ("localhost", "localhost")]
        assert [answer[1:] for answer in answers] == [[b"1", b"POST", b"/a"], [b"2", b"POST", b"/a"]]
        assert answers[0][0] == answers[1][0]

    colour(scenario, Settings(ca_file=nginx.ca_file))


def test_an_ip_address_is_checked_against_the_certificate_too(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls")))[0] == 200

    colour(scenario, Settings(ca_file=nginx.ca_file))


def test_an_unknown_authority_is_refused_and_not_worth_a_retry(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(nginx.url("tls")), ConnectFailed)
        assert "certificate of 127.0.0.1" in str(error)
        assert not error.retryable

    colour(scenario)


def test_verify_false_trusts_anyone(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls")))[0] == 200

    colour(scenario, Settings(verify=False))


def test_a_certificate_for_another_name_is_refused(colour: Colour, authority: trustme.CA, ca_file: str) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(f"https://127.0.0.1:{server.port}/"), ConnectFailed)

    def script(peer: Peer) -> None:
        with contextlib.suppress(OSError):
            peer.secure(server_context(authority, "elsewhere.test"))
            peer.wait_closed()

    with serve(script) as server:
        colour(scenario, Settings(ca_file=ca_file))


def test_a_client_certificate(colour: Colour, nginx: Nginx, authority: trustme.CA, tmp_path: Path) -> None:
    issued = authority.issue_cert("me@example.test")
    together, key, certificate = (str(tmp_path / name) for name in ("both.pem", "key.pem", "cert.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(together)
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)

    async def refused(client: Client) -> None:
        assert (await client.fetch(nginx.url("client_cert")))[0] == 400

    async def accepted(client: Client) -> None:
        assert (await client.fetch(nginx.url("client_cert")))[0] == 200

    colour(refused, Settings(ca_file=nginx.ca_file))
    colour(accepted, Settings(ca_file=nginx.ca_file, client_cert=together))
    colour(accepted, Settings(ca_file=nginx.ca_file, client_cert=(certificate, key)))


def test_a_file_that_cannot_be_used_is_named(colour: Colour, nginx: Nginx, tmp_path: Path) -> None:
    (tmp_path / "nonsense.pem").write_text("nonsense")

    async def names_ca_file(client: Client) -> None:
        assert "ca_file" in str(await fails(client.open(nginx.url("tls")), UsageError))

    async def names_client_cert(client: Client) -> None:
        assert "client_cert" in str(await fails(client.open(nginx.url("tls")), UsageError))

    for name in ("nonsense.pem", "missing.pem"):
        colour(names_ca_file, Settings(ca_file=str(tmp_path / name)))
        colour(names_client_cert, Settings(client_cert=str(tmp_path / name)))


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff" + b"a" * 2000, b""], ids=["http", "tls", "end"]
)
def test_garbage_instead_of_a_handshake(colour: Colour, garbage: bytes) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(f"https://127.0.0.1:{server.port}/"), ConnectFailed)
        assert "TLS" in str(error)

    def script(peer: Peer) -> None:
        peer.socket.recv(65_536)
        peer.send(garbage)
        if garbage:
            peer.wait_closed()

    with serve(script) as server:
        colour(scenario)


def test_a_stalled_handshake_ends_in_the_connect_timeout(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open(f"https://127.0.0.1:{server.port}/", timeouts=Timeouts(connect_s=0.1)), TimedOut)
        assert "connect_s" in str(error)

    with serve(lambda peer: peer.wait_closed()) as server:
        colour(scenario)


def test_large_bodies_both_ways(colour: Colour, authority: trustme.CA, ca_file: str) -> None:
    body = bytes(range(256)) * 8_000
    context = server_context(authority)

    async def scenario(client: Client) -> None:
        assert await client.fetch(f"https://127.0.0.1:{server.port}/", body=body) == (200, body)

    def script(peer: Peer) -> None:
        peer.secure(context)
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        peer.wait_closed()

    with serve(script) as server:
        colour(scenario, Settings(ca_file=ca_file))
    assert server.heard[0].endswith(body)


def test_records_that_arrive_byte_by_byte(colour: Colour, nginx: Nginx) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(f"https://127.0.0.1:{server.port}/x"))[0] == 200

    with serve(lambda peer: peer.relay(nginx.ports["tls"], step=1)) as server:
        colour(scenario, Settings(ca_file=nginx.ca_file))


@pytest.mark.parametrize("said_goodbye", [True, False])
def test_a_kept_connection_that_went_stale_is_replaced(colour: Colour, authority: trustme.CA, ca_file: str, said_goodbye: bool) -> None:
    context = server_context(authority)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert await client.fetch(f"https://127.0.0.1:{server.port}/") == (200, b"ok")

    def stale(peer: Peer) -> None:
        peer.secure(context)
        peer.answer(answer)
        peer.request()
        if said_goodbye and isinstance(peer.socket, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                peer.socket.unwrap()

    def good(peer: Peer) -> None:
        peer.secure(context)
        peer.answer(answer)
        peer.wait_closed()

    with serve(stale, good) as server:
        colour(scenario, Settings(ca_file=ca_file))
    assert len(server.heard) == 3


@pytest.mark.parametrize("said_goodbye", [True, False])
def test_a_body_until_close_is_whole_only_with_close_notify(
    colour: Colour, authority: trustme.CA, ca_file: str, said_goodbye: bool
) -> None:
    context = server_context(authority)

    async def scenario(client: Client) -> None:
        answer = await client.open(f"https://127.0.0.1:{server.port}/")
        if said_goodbye:
            assert await read_all(answer) == b"abc"
        else:
            await fails(read_all(answer), StreamCut)

    def script(peer: Peer) -> None:
        peer.secure(context)
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\nabc")
        if said_goodbye and isinstance(peer.socket, ssl.SSLSocket):
            peer.socket.unwrap()
        peer.socket.close()

    def ending(peer: Peer) -> None:
        # The client need not answer the goodbye.
        with contextlib.suppress(OSError):
            script(peer)

    with serve(ending) as server:
        colour(scenario, Settings(ca_file=ca_file))
