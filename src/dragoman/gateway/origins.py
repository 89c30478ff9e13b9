"""Pages of other sites, which a browser lets call us: by CORS only those that the configuration names.

A gateway without callers' keys is open to whoever reaches it, and any page that a browser on this machine shows can reach it: by a simple
request, which needs no leave, or by a name that leads to loopback (DNS rebinding). So there a call that names an origin which is not
allowed is refused, and so is one for a host that is not this machine. Source: https://fetch.spec.whatwg.org/, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import PermissionDenied
from dragoman.core.exchange import Headers
from dragoman.gateway.config.address import is_loopback
from dragoman.gateway.config.tables import CorsTable
from dragoman.server.answer import Answer

_EXPOSED: Final = (
    "x-dragoman-request-id, x-dragoman-target, x-dragoman-attempts, x-dragoman-cost, x-dragoman-overhead-ms, x-dragoman-warning, "
    "x-request-id, request-id, x-amzn-requestid, x-amzn-errortype, x-amzn-bedrock-input-token-count, retry-after, allow"
)
"""What a page may read of an answer's head beside what it always may: all that the gateway and the dialects put there."""


def preflight(fields: Mapping[str, str], table: CorsTable) -> Answer | None:
    """The answer to a browser that asks before it calls; ``None`` where this is no such question."""
    origin, wanted = fields.get("origin"), fields.get("access-control-request-method")
    if origin is None or wanted is None:
        return None
    leave = allowance(origin, table)
    if not leave:
        return Answer(403, (("content-type", "text/plain"),), b"this origin may not call; the configuration names those that may: [cors]\n")
    asked = fields.get("access-control-request-headers", "")
    return Answer(
        204,
        (
            *leave,
            ("access-control-allow-methods", "GET, POST, DELETE, OPTIONS"),
            ("access-control-allow-headers", asked or "authorization, content-type"),
            ("access-control-max-age", str(table.max_age)),
        ),
    )


def allowance(origin: str, table: CorsTable) -> Headers:
    """What lets a page of ``origin`` read the answer; nothing where it may not."""
    if "*" in table.origins:
        return (("access-control-allow-origin", "*"), ("access-control-expose-headers", _EXPOSED))
    if origin not in table.origins:
        return ()
    return (("access-control-allow-origin", origin), ("vary", "origin"), ("access-control-expose-headers", _EXPOSED))


def check_local(fields: Mapping[str, str], table: CorsTable) -> None:
    """For a gateway without keys. Raises ``PermissionDenied`` for what may be a foreign page."""
    origin = fields.get("origin")
    if origin is not None and not allowance(origin, table) and not is_loopback(_host(origin.partition("://")[2])):
        raise PermissionDenied(f"the page at {origin} may not call a gateway without keys; allow it by [cors] origins, or make keys")
    host = fields.get("host", "")
    if host and not is_loopback(_host(host)):
        raise PermissionDenied(f"a gateway without keys answers as localhost or 127.0.0.1; {host} was asked")


def _host(authority: str) -> str:
    """The host of ``host:port``."""
    host = authority[1:].partition("]")[0] if authority.startswith("[") else authority.partition(":")[0]
    return host.lower()
