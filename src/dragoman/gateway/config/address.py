"""The address to listen on, and who can reach it."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from dragoman.core.errors import UsageError

_FORM: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]\s/]+)):(\d{1,5})")


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[host]:port``. Raises ``UsageError``."""
    found = _FORM.fullmatch(text)
    if not found or int(found[3]) > 65535 or (found[1] and not _is_version_6(found[1])):
        raise UsageError(f"{text!r} was given; host:port is expected, such as 127.0.0.1:4000, 0.0.0.0:4000 or [::1]:4000")
    return found[1] or found[2], int(found[3])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_wide(host: str, *, has_keys: bool) -> None:
    """Raises ``UsageError`` where others could call without a key."""
    if not has_keys and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, and there are no keys: anybody could spend yours; "
            "make one with `dragoman keys new NAME`, or listen on 127.0.0.1"
        )


def _is_version_6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).version == 6
    except ValueError:
        return False
