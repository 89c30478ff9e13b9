"""A plain key: as a bearer token, in a header of its own, or in the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, with_headers


def bearer(call: Call, secret: str, name: str | None = None) -> Call:
    """``Authorization: Bearer <secret>``, or with the word ``name`` in place of ``Bearer``."""
    return in_header(call, f"{name or 'Bearer'} {secret}", "authorization")


def in_header(call: Call, secret: str, name: str | None) -> Call:
    """The secret alone, in the header ``name``."""
    return msgspec.structs.replace(call, headers=with_headers(call.headers, {_named(name): secret}))


def in_query(call: Call, secret: str, name: str | None) -> Call:
    """The secret as the query parameter ``name``."""
    joint = "&" if "?" in call.url else "?"
    return msgspec.structs.replace(call, url=f"{call.url}{joint}{_named(name)}={quote(secret, safe='')}")


def _named(name: str | None) -> str:
    if not name:
        raise UsageError("auth.name: it is missing; a key in a header or query needs the field's name")
    return name


PLACES: Final[dict[str, Callable[[Call, str, str | None], Call]]] = {"bearer": bearer, "header": in_header, "query": in_query}
