"""Calls through tinyproxy, microsocks and proxies that misbehave, and which proxy is chosen."""

from __future__ import annotations

import pytest
import trustme

from dragoman.core.errors import ConnectFailed, TimedOut, UsageError
from dragoman.core.exchange import Timeouts
from dragoman.transport.proxy import choose, parse_proxy
from dragoman.transport.settings import Settings
from dragoman.transport.target import split_url

from .colours import Client, Colour, fails
from .programs import Nginx, ProxyProgram
from .servers import Peer, closed_port, saying, saying_then_waiting, serve
from .test_tls import server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_https_through_connect_and_the_tunnel_kept(colour: Colour, nginx: Nginx, tinyproxy: ProxyProgram) -> None:
    async def scenario(client: Client) -> None:
        for number in (b"1", b"2"):
            assert (await client.fetch(nginx.url("tls", "/t")))[1].split()[1:] == [number, b"POST", b"/t"]

    before = tinyproxy.log.count("CONNECT 127.0.0.1")
    colour(scenario, Settings(proxy=f"http://127.0.0.1:{tinyproxy.port}", ca_file=nginx.ca_file))
    assert tinyproxy.log.count("CONNECT 127.0.0.1") == before + 1


def test_http_through_a_proxy_in_absolute_form(colour: Colour, nginx: Nginx, tinyproxy: ProxyProgram) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("plain", "/p")))[1].endswith(b"POST /p")

    colour(scenario, Settings(proxy=f"http://127.0.0.1:{tinyproxy.port}"))
    assert "POST http://127.0.0.1" in tinyproxy.log


def test_a_proxy_that_wants_a_login(colour: Colour, nginx: Nginx, tinyproxy_with_login: ProxyProgram) -> None:
    port = tinyproxy_with_login.port

    async def accepted(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls")))[0] == 200
        assert (await client.fetch(nginx.url("plain")))[0] == 200

    async def refused(client: Client) -> None:
        error = await fails(client.open(nginx.url("tls")), ConnectFailed)
        # This proxy says 401 to a CONNECT, where 407 is meant.
        assert error.status in (401, 407)
        assert not error.retryable
        assert "wrong-one" not in str(error)

    async def refused_in_plain(client: Client) -> None:
        assert not (await fails(client.open(nginx.url("plain")), ConnectFailed)).retryable

    colour(refused_in_plain, Settings(proxy=f"http://127.0.0.1:{port}"))
    colour(accepted, Settings(proxy=f"http://gate:key7@127.0.0.1:{port}", ca_file=nginx.ca_file))
    colour(refused, Settings(proxy=f"http://gate:wrong-one@127.0.0.1:{port}", ca_file=nginx.ca_file))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks5_resolves_names_at_the_proxy(colour: Colour, nginx: Nginx, microsocks: ProxyProgram, scheme: str) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls", host="localhost")))[0] == 200
        assert (await client.fetch(nginx.url("plain")))[0] == 200

    colour(scenario, Settings(proxy=f"{scheme}://127.0.0.1:{microsocks.port}", ca_file=nginx.ca_file))
    assert f"connected to localhost:{nginx.ports['tls']}" in microsocks.log


def test_socks5_with_a_login(colour: Colour, nginx: Nginx, microsocks_with_login: ProxyProgram) -> None:
    port = microsocks_with_login.port

    async def accepted(client: Client) -> None:
        assert (await client.fetch(nginx.url("plain")))[0] == 200

    async def refused(client: Client) -> None:
        error = await fails(client.open(nginx.url("plain")), ConnectFailed)
        assert "wrong-one" not in str(error)
        assert not error.retryable

    colour(accepted, Settings(proxy=f"socks5://gate:k%65y7@127.0.0.1:{port}"))
    colour(refused, Settings(proxy=f"socks5://gate:wrong-one@127.0.0.1:{port}"))
    colour(refused, Settings(proxy=f"socks5://127.0.0.1:{port}"))


def test_a_socks5_proxy_that_cannot_reach_the_server_says_so(colour: Colour, microsocks: ProxyProgram) -> None:
    async def scenario(client: Client) -> None:
        assert "refused" in str(await fails(client.open(f"http://127.0.0.1:{closed_port()}/"), ConnectFailed))

    colour(scenario, Settings(proxy=f"socks5://127.0.0.1:{microsocks.port}"))


def test_tls_to_the_proxy_and_tls_through_it(colour: Colour, nginx: Nginx, authority: trustme.CA) -> None:
    context = server_context(authority)

    async def tunnelled(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls")))[0] == 200
        assert (await client.fetch(nginx.url("tls"), body=b"x" * 100_000))[0] == 200

    def script(peer: Peer) -> None:
        peer.secure(context)
        peer.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.relay(nginx.ports["tls"])

    with serve(script) as proxy:
        colour(tunnelled, Settings(proxy=f"https://127.0.0.1:{proxy.port}", ca_file=nginx.ca_file))
    assert proxy.heard[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % (nginx.ports["tls"], nginx.ports["tls"]))


def test_what_a_proxy_is_told(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch("http://provider.test:8080/v1?q=1") == (200, b"ok")

    with serve(saying(OK)) as proxy:
        colour(scenario, Settings(proxy=f"http://me:pw@127.0.0.1:{proxy.port}"))
    assert proxy.heard == [
        b"POST http://provider.test:8080/v1?q=1 HTTP/1.1\r\nhost: provider.test:8080\r\naccept-encoding: identity\r\n"
        b"content-length: 2\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n{}"
    ]


BROKEN_CONNECTS = {
    "refused": b"HTTP/1.1 403 Filtered\r\nContent-Length: 0\r\n\r\n",
    "no http": b"ERR nonsense\r\n",
    "closed": b"",
    "cut head": b"HTTP/1.1 200 O",
    "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000,
    "no tls behind": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN_CONNECTS.values(), ids=BROKEN_CONNECTS.keys())
def test_a_connect_proxy_that_misbehaves(colour: Colour, answer: bytes) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open("https://provider.test/"), ConnectFailed)
        assert "hunter2" not in str(error)

    def script(peer: Peer) -> None:
        peer.request()
        try:
            peer.send(answer)
        except ConnectionError:
            return

    with serve(script) as proxy:
        colour(scenario, Settings(proxy=f"http://me:hunter2@127.0.0.1:{proxy.port}"))


BROKEN_SOCKS = {
    "other version": (b"\x04\x00",),
    "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
    "no way of logging in": (b"\x05\xff",),
    "a way not offered": (b"\x05\x01",),
    "closed after greeting": (b"\x05\x00",),
    "host unreachable": (b"\x05\x00", b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"),
    "unknown code": (b"\x05\x00", b"\x05\x63\x00\x01\x00\x00\x00\x00\x00\x00"),
    "unknown address type": (b"\x05\x00", b"\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00"),
    "cut address": (b"\x05\x00", b"\x05\x00\x00\x03\x09abc"),
    "bytes behind": (b"\x05\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00extra"),
    "login refused": (b"\x05\x02", b"\x01\x01"),
}


@pytest.mark.parametrize("answers", BROKEN_SOCKS.values(), ids=BROKEN_SOCKS.keys())
def test_a_socks_proxy_that_misbehaves(colour: Colour, answers: tuple[bytes, ...]) -> None:
    async def scenario(client: Client) -> None:
        assert "hunter2" not in str(await fails(client.open("http://provider.test/"), ConnectFailed))

    def script(peer: Peer) -> None:
        for answer in answers:
            peer.socket.recv(1000)
            peer.send(answer)
        peer.socket.close()

    with serve(script) as proxy:
        colour(scenario, Settings(proxy=f"socks5://me:hunter2@127.0.0.1:{proxy.port}"))


def test_a_socks_answer_with_a_name_arrives_byte_by_byte(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        assert await client.fetch("http://[::1]:80/") == (200, b"ok")

    def script(peer: Peer) -> None:
        assert peer.socket.recv(1000) == b"\x05\x01\x00"
        peer.send(b"\x05", b"\x00")
        assert peer.socket.recv(1000) == b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x00\x50"
        peer.send(*(bytes((byte,)) for byte in b"\x05\x00\x00\x03\x04name\x00\x50"))
        peer.answer(OK)
        peer.wait_closed()

    with serve(script) as proxy:
        colour(scenario, Settings(proxy=f"socks5://127.0.0.1:{proxy.port}"))


@pytest.mark.parametrize("url", ["https://provider.test/", "http://provider.test/"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_says_nothing(colour: Colour, scheme: str, url: str) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open(url, timeouts=Timeouts(connect_s=0.1, first_byte_s=0.2)), TimedOut)

    with serve(saying_then_waiting() if scheme == "http" else lambda peer: peer.wait_closed()) as proxy:
        colour(scenario, Settings(proxy=f"{scheme}://127.0.0.1:{proxy.port}"))


def test_a_proxy_that_is_not_there(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        await fails(client.open("https://provider.test/"), ConnectFailed)

    colour(scenario, Settings(proxy=f"http://127.0.0.1:{closed_port()}"))


def test_the_environment_names_a_proxy(colour: Colour, nginx: Nginx, tinyproxy: ProxyProgram) -> None:
    async def scenario(client: Client) -> None:
        assert (await client.fetch(nginx.url("tls")))[0] == 200

    before = tinyproxy.log.count("CONNECT 127.0.0.1")
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{tinyproxy.port}", "NO_PROXY": "example.test"}
    colour(scenario, Settings(ca_file=nginx.ca_file), environ)
    assert tinyproxy.log.count("CONNECT 127.0.0.1") == before + 1
    colour(scenario, Settings(ca_file=nginx.ca_file, trust_env=False), environ)
    colour(scenario, Settings(ca_file=nginx.ca_file), {**environ, "no_proxy": "127.0.0.0/8"})
    assert tinyproxy.log.count("CONNECT 127.0.0.1") == before + 1


def test_a_bad_proxy_in_the_environment_names_the_variable(colour: Colour) -> None:
    async def scenario(client: Client) -> None:
        error = await fails(client.open("https://provider.test/"), UsageError)
        assert "HTTPS_PROXY" in str(error)
        assert "hunter2" not in str(error)

    colour(scenario, None, {"HTTPS_PROXY": "ftp://me:hunter2@gate.test"})


CHOICES = [
    ("https://a.test/", {"https_proxy": "http://one"}, "one"),
    ("https://a.test/", {"HTTPS_PROXY": "http://one"}, "one"),
    ("https://a.test/", {"HTTPS_PROXY": "http://two", "https_proxy": "http://one"}, "one"),
    ("https://a.test/", {"HTTP_PROXY": "http://one"}, None),
    ("http://a.test/", {"HTTP_PROXY": "http://one"}, "one"),
    ("http://a.test/", {"HTTP_PROXY": "http://one", "REQUEST_METHOD": "GET"}, None),
    ("http://a.test/", {"http_proxy": "http://one", "REQUEST_METHOD": "GET"}, "one"),
    ("https://a.test/", {"ALL_PROXY": "socks5://one"}, "one"),
    ("https://a.test/", {"HTTPS_PROXY": "one:3128"}, "one"),
    ("https://a.test/", {"HTTPS_PROXY": "  "}, None),
    ("https://a.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "*"}, None),
    ("https://a.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "b.test, a.test"}, None),
    ("https://x.a.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "a.test"}, None),
    ("https://x.a.test/", {"HTTPS_PROXY": "one", "no_proxy": ".A.test"}, None),
    ("https://x.a.test/", {"HTTPS_PROXY": "one", "no_proxy": "*.a.test"}, None),
    ("https://xa.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "a.test"}, "one"),
    ("https://a.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "a.test:444"}, "one"),
    ("https://a.test:444/", {"HTTPS_PROXY": "one", "NO_PROXY": "a.test:444"}, None),
    ("https://10.1.2.3/", {"HTTPS_PROXY": "one", "NO_PROXY": "10.0.0.0/8"}, None),
    ("https://11.1.2.3/", {"HTTPS_PROXY": "one", "NO_PROXY": "10.0.0.0/8"}, "one"),
    ("https://11.1.2.3/", {"HTTPS_PROXY": "one", "NO_PROXY": "2.3"}, "one"),
    ("https://[::1]/", {"HTTPS_PROXY": "one", "NO_PROXY": "::1"}, None),
    ("https://[::1]:8/", {"HTTPS_PROXY": "one", "NO_PROXY": "[::1]:8"}, None),
    ("https://a.test/", {"HTTPS_PROXY": "one", "NO_PROXY": "/nonsense,,"}, "one"),
    ("http://169.254.169.254/latest", {"HTTP_PROXY": "one"}, None),
    ("http://[fd00:ec2::254]/latest", {"HTTP_PROXY": "one"}, None),
    ("http://169.254.evil.test/", {"HTTP_PROXY": "one"}, "one"),
    ("http://169.25.4.1/", {"HTTP_PROXY": "one"}, "one"),
]


@pytest.mark.parametrize(("url", "environ", "host"), CHOICES)
def test_which_proxy_the_environment_means(url: str, environ: dict[str, str], host: str | None) -> None:
    chosen = choose(None, True, environ, split_url(url))
    assert (chosen and chosen.host) == host


def test_no_proxy_is_asked_for_the_machines_own_metadata() -> None:
    assert choose("http://one", True, {}, split_url("http://169.254.169.254/latest")) is None
    assert choose("http://one", True, {}, split_url("http://169.253.169.254/latest")) is not None


BAD_PROXIES = [
    "", "gate", "gate:3128", "ftp://gate", "http://", "http://gate:0", "http://gate:99999", "http://gate/path", "http://gate?x",
    "http://ga te", "socks4://gate", "http://[::1", f"socks5://{'u' * 256}:p@gate",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_PROXIES)
def test_a_bad_proxy_url_is_refused_when_the_settings_are_made(url: str) -> None:
    with pytest.raises(UsageError, match="proxy"):
        Settings(proxy=url)


def test_a_proxy_prints_without_its_password() -> None:
    assert "hunter2" not in repr(Settings(proxy="http://me:hunter2@gate:1"))
    assert "hunter2" not in repr(parse_proxy("http://me:hunter2@gate:1", "proxy"))
