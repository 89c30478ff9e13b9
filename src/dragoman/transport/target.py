"""An absolute URL taken apart into what a connection and a request line need. Pure.

Law: what the URL may hold in secret (user, password, query) never reaches an error text. User and password are not sent, and
neither is the fragment; a host outside ASCII is sent in its IDNA form (RFC 3490), a path outside ASCII as UTF-8 in percent escapes.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from dragoman.core.errors import UsageError

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[A-Za-z0-9._-]+")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_KEPT = "!#$%&'()*+,/:;=?@[]~\"<>\\^`{|}"

Origin = tuple[str, str, int]


class Target(msgspec.Struct, frozen=True):
    """Where a call goes. ``host`` is ASCII without brackets; ``authority`` is what the Host field says, ``path`` has the query."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    origin: Origin

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def address(self) -> str:
        """Host and port, as CONNECT names them."""
        return f"{bracketed(self.host)}:{self.port}"


def split_url(url: str) -> Target:
    """Take ``url`` apart. Raises ``UsageError`` for anything but an absolute http or https URL."""
    parts = _split(url)
    host, port = host_and_port(parts, shown(url))
    port = port or DEFAULT_PORTS[parts.scheme]
    name = bracketed(host)
    authority = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    if parts.query:
        path += "?" + quote(parts.query, safe=_KEPT)
    return Target(parts.scheme, host, port, authority, path, (parts.scheme, host, port))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in DEFAULT_PORTS or _NOT_IN_URL.search(url):
        raise UsageError(f"url is {shown(url)!r}; an absolute http:// or https:// URL without spaces is allowed")
    return parts


def host_and_port(parts: SplitResult, shown_url: str, argument: str = "url") -> tuple[str, int | None]:
    """The ASCII host and the port of a split URL; ``UsageError`` naming ``argument`` where either is not legal."""
    try:
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except (ValueError, UnicodeError):
        host, port = "", None
    if not host or port == 0:
        raise UsageError(f"{argument} is {shown_url!r}; a host name or address and a port from 1 to 65535 are allowed")
    return host, port


def _ascii_host(host: str) -> str:
    if ":" in host:
        return host if _is_address(socket.AF_INET6, host) else ""
    if not host.isascii():
        host = host.encode("idna").decode("ascii").lower()
    # 253 is the longest name DNS can hold, a label has at most 63.
    fits = len(host.rstrip(".")) <= 253 and all(0 < len(label) <= 63 for label in host.rstrip(".").split("."))
    return host if fits and _HOST.fullmatch(host) else ""


def _is_address(family: int, host: str) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True


def packed_address(host: str) -> bytes | None:
    """The 4 or 16 bytes of an IP address, ``None`` for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        if _is_address(family, host):
            return socket.inet_pton(family, host)
    return None


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def shown(url: str) -> str:
    """``url`` as an error text may print it: without user, password, query and fragment."""
    before, mark, rest = url.partition("://")
    if not mark:
        before, rest = "", url
    authority, slash, path = rest.split("?")[0].split("#")[0].partition("/")
    return f"{before}{mark}{authority.rpartition('@')[2]}{slash}{path}"
