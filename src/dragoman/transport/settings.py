"""How a transport connects: one frozen value, checked when it is made.

Law: making it touches nothing (no file is read, no environment looked at). A wrong value is a ``UsageError`` that names the
argument and says what is allowed. A proxy's password prints nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.words import in_words
from dragoman.transport.proxy import parse_proxy
from dragoman.transport.target import shown


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``proxy`` is a URL (http, https, socks5, socks5h) and wins over the environment, which ``trust_env`` lets speak
    (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``). ``ca_file`` (PEM) replaces the system's trust store.
    ``client_cert`` is a PEM file with certificate and key, or the two files. ``idle_timeout_s`` is how long an unused connection is
    kept, ``max_head_bytes`` how long the head of an answer may be.
    """

    proxy: str | None = None
    trust_env: bool = True
    verify: bool = True
    ca_file: str | None = None
    client_cert: str | tuple[str, str] | None = None
    max_idle_connections: int = 256
    idle_timeout_s: float = 30.0
    max_head_bytes: int = 65_536

    def __post_init__(self) -> None:
        check(self)

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        values["proxy"] = self.proxy and shown(self.proxy)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in values.items())})"


def check(settings: Settings) -> None:
    """Raise ``UsageError`` for the first value that is not allowed."""
    for name, (is_good, allowed) in _RULES.items():
        value = getattr(settings, name)
        if not is_good(value):
            raise UsageError(f"{name} is {in_words(value)}; {allowed} is allowed")
    if settings.proxy is not None:
        parse_proxy(settings.proxy, "proxy")


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_path(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


def _is_cert(value: object) -> bool:
    pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(path, str) and path for path in value)
    return pair or _is_path(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_wait(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_head_size(value: object) -> bool:
    return _is_count(value) and isinstance(value, int) and value >= 256


_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "proxy": (lambda value: value is None or isinstance(value, str), "a URL or None"),
    "trust_env": (_is_switch, "True or False"),
    "verify": (_is_switch, "True or False"),
    "ca_file": (_is_path, "the path of a PEM file or None"),
    "client_cert": (_is_cert, "the path of a PEM file, a pair of certificate and key file, or None"),
    "max_idle_connections": (_is_count, "a whole number from 0 up"),
    "idle_timeout_s": (_is_wait, "a positive number of seconds"),
    "max_head_bytes": (_is_head_size, "a whole number from 256 up"),
}
