"""Which proxy a connection goes through, and what is said to it. Pure: the environment comes in, handshakes are generators of bytes.

A handshake yields what to send and is sent what came back (``b""``: the proxy closed); it returns when the tunnel stands.
Law: an explicit proxy wins, then the environment as curl reads it, and neither is for this machine's own metadata; names are resolved by
the SOCKS proxy, never here; credentials appear in no error text. Sources: RFC 9110 section 9.3.6 (CONNECT), RFC 1928 and 1929 (SOCKS5).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Mapping
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import msgspec

from dragoman.core.errors import ConnectFailed, UsageError
from dragoman.transport.http1 import Exchange
from dragoman.transport.target import Target, host_and_port, packed_address, shown

Handshake = Generator[bytes, bytes, None]

_OF_THIS_MACHINE = ("169.254.", "fd00:ec2::")
"""How addresses begin at which a cloud tells a machine of itself; behind a proxy they are the proxy's own machine's (RFC 3927)."""
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_ALLOWED = "an http://, https://, socks5:// or socks5h:// URL with a host is allowed"

_SOCKS_REFUSALS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class Proxy(msgspec.Struct, frozen=True):
    """Where a proxy listens. ``user`` and ``password`` are raw bytes, ``None`` where the URL has none."""

    scheme: str
    host: str
    port: int
    user: bytes | None = None
    password: bytes | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.host}:{self.port})"

    @property
    def name(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def authorization(self) -> str:
        """The Proxy-Authorization header line, or nothing."""
        if self.user is None:
            return ""
        credentials = b64encode(self.user + b":" + (self.password or b"")).decode("ascii")
        return f"proxy-authorization: Basic {credentials}\r\n"


def parse_proxy(url: str, argument: str) -> Proxy:
    """Take a proxy URL apart; ``UsageError`` naming ``argument`` where it is none."""
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"{argument} is {shown(url)!r}; {_ALLOWED}")
    host, port = host_and_port(parts, shown(url), argument)
    user = None if parts.username is None else unquote_to_bytes(parts.username)
    password = None if parts.password is None else unquote_to_bytes(parts.password)
    if parts.scheme.startswith("socks") and max(len(user or b""), len(password or b"")) > 255:
        raise UsageError(f"{argument} has a user or password longer than the 255 bytes that SOCKS5 allows")
    return Proxy(parts.scheme, host, port or _PORTS[parts.scheme], user, password)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url) if not any(character <= " " or character == "\x7f" for character in url) else None
    except ValueError:
        return None


def choose(proxy: str | None, trust_env: bool, environ: Mapping[str, str], target: Target) -> Proxy | None:
    """The proxy for ``target``, ``None`` to connect directly."""
    if target.host.startswith(_OF_THIS_MACHINE) and packed_address(target.host) is not None:
        return None
    if proxy is not None:
        return parse_proxy(proxy, "proxy")
    if not trust_env:
        return None
    name, url = _variable(environ, f"{target.scheme}_proxy")
    if not url:
        name, url = _variable(environ, "all_proxy")
    # Asked last: each look at the environment takes a microsecond, and mostly there is no proxy to be exempt from.
    if not url or _is_exempt(target, _variable(environ, "no_proxy")[1]):
        return None
    return parse_proxy(url if "://" in url else f"http://{url}", name)


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """A variable in lower case, else in upper case, and the name under which it stands."""
    if value := environ.get(name, "").strip():
        return name, value
    value = environ.get(name.upper(), "").strip()
    # In a CGI program HTTP_PROXY is the client's own Proxy header (CVE-2016-5385).
    if value and name == "http_proxy" and "REQUEST_METHOD" in environ:
        return name, ""
    return name.upper(), value


def _is_exempt(target: Target, no_proxy: str) -> bool:
    return any(_matches(target, entry.strip().lower()) for entry in no_proxy.split(",") if entry.strip())


def _matches(target: Target, entry: str) -> bool:
    if entry == "*":
        return True
    name, port = _entry_port(entry)
    if port is not None and port != str(target.port):
        return False
    host = target.host.lower().rstrip(".")
    if "/" in name:
        return _in_network(host, name)
    name = name.strip("[]").removeprefix("*").strip(".")
    return host == name or (packed_address(host) is None and host.endswith(f".{name}"))


def _entry_port(entry: str) -> tuple[str, str | None]:
    name, colon, port = entry.rpartition(":")
    # A bare IPv6 address has colons of its own.
    if colon and port.isdigit() and (":" not in name or name.endswith("]")):
        return name, port
    return entry, None


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def tunnel(proxy: Proxy, target: Target) -> Handshake:
    """What makes a tunnel to ``target`` through ``proxy``."""
    return (_socks5 if proxy.is_socks else _connect)(proxy, target)


def _connect(proxy: Proxy, target: Target) -> Handshake:
    where = target.address
    answer = Exchange(head_only=True)
    to_send = f"CONNECT {where} HTTP/1.1\r\nhost: {where}\r\n{proxy.authorization}\r\n".encode("latin-1")
    while not answer.status and answer.error is None:
        data = yield to_send
        to_send = b""
        if data:
            answer.feed(data)
        else:
            answer.end_of_stream()
    if answer.error is not None:
        raise ConnectFailed(f"the proxy {proxy.name} broke off the CONNECT to {where}: {answer.error.message}")
    if not 200 <= answer.status < 300:
        # What a proxy refuses it will refuse again; its own failures may pass.
        mended = answer.status >= 500
        raise ConnectFailed(f"the proxy {proxy.name} refused the CONNECT to {where}", status=answer.status, retryable=mended)


def _socks5(proxy: Proxy, target: Target) -> Handshake:
    talk = _Talk(proxy)
    methods = b"\x00" if proxy.user is None else b"\x00\x02"
    version, method = yield from talk.ask(bytes((5, len(methods))) + methods, 2)
    if version != 5 or method not in methods:
        raise ConnectFailed(f"the proxy {proxy.name} speaks no SOCKS5 or accepts no way of logging in", retryable=False)
    if method == 2:
        yield from _log_in(talk, proxy)
    answer = yield from talk.ask(b"\x05\x01\x00" + _socks_address(target.host) + target.port.to_bytes(2, "big"), 4)
    if answer[0] != 5 or answer[1]:
        reason = _SOCKS_REFUSALS.get(answer[1], f"code {answer[1]}") if answer[0] == 5 else "not a SOCKS5 answer"
        raise ConnectFailed(f"the proxy {proxy.name} did not connect to {target.address}: {reason}")
    yield from _skip_bound_address(talk, answer[3])


def _log_in(talk: _Talk, proxy: Proxy) -> Generator[bytes, bytes, None]:
    user, password = proxy.user or b"", proxy.password or b""
    answer = yield from talk.ask(bytes((1, len(user))) + user + bytes((len(password),)) + password, 2)
    if answer[1]:
        raise ConnectFailed(f"the proxy {proxy.name} refused user and password", retryable=False)


def _socks_address(host: str) -> bytes:
    packed = packed_address(host)
    if packed is None:
        return b"\x03" + bytes((len(host),)) + host.encode("ascii")
    return (b"\x01" if len(packed) == 4 else b"\x04") + packed


def _skip_bound_address(talk: _Talk, kind: int) -> Generator[bytes, bytes, None]:
    length = {1: 4, 4: 16}.get(kind)
    if kind == 3:
        (length,) = yield from talk.ask(b"", 1)
    if length is None:
        raise ConnectFailed(f"the proxy {talk.name} sent a malformed SOCKS5 answer")
    yield from talk.ask(b"", length + 2)
    if talk.left:
        raise ConnectFailed(f"the proxy {talk.name} sent bytes behind its SOCKS5 answer")


class _Talk:
    """Fixed-length questions and answers with a SOCKS proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.name = proxy.name
        self.left = b""

    def ask(self, question: bytes, length: int) -> Generator[bytes, bytes, bytes]:
        while question or len(self.left) < length:
            data = yield question
            question = b""
            if not data:
                raise ConnectFailed(f"the proxy {self.name} closed the connection in its SOCKS5 handshake")
            self.left += data
        answer, self.left = self.left[:length], self.left[length:]
        return answer
