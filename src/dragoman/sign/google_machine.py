"""Google's metadata server: the project and the token of the machine, container or function that a program runs in.

Documentation: https://cloud.google.com/compute/docs/metadata/querying-metadata, https://cloud.google.com/compute/docs/access/
authenticate-workloads, read 2026-11-21. Asked is the address rather than the name, as names may take long where there is no such server.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.token import Grant, Token
from dragoman.sign.oauth import read_token, refusal

HOST: Final = "169.254.169.254"
PROJECT: Final = "project-of-this-machine"
"""Stands in an address for the project until the machine has told it."""
_HEADERS: Final = (("metadata-flavor", "Google"),)


class MachineToken(msgspec.Struct, frozen=True):
    """A token with the project that it came from. It never prints."""

    token: Token
    project: str

    @property
    def ends_epoch_s(self) -> float:
        return self.token.ends_epoch_s

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.token.secrets


def base(host: str | None) -> str:
    """The address of the server, which ``host`` may put elsewhere."""
    return f"http://{host or HOST}/computeMetadata/v1"


def project_grant(url: str, now_epoch_s: float) -> Grant:
    return Grant(Call("GET", f"{url}/project/project-id", _HEADERS), ())


def read_project(reply: Reply, now_epoch_s: float) -> str:
    """The project's name. Raises ``ProviderError``, also where something else answers at that address."""
    _check(reply)
    name = reply.body.decode(errors="replace").strip()
    if not name or not name.isascii() or not name.isprintable() or set(name) & set("/?# "):
        raise BadReply("the metadata server told no project", status=reply.status)
    return name


def token_grant(url: str, scope: str, now_epoch_s: float) -> Grant:
    query = urlencode({"scopes": scope})
    return Grant(Call("GET", f"{url}/instance/service-accounts/default/token?{query}", _HEADERS), ())


def read_machine_token(reply: Reply, now_epoch_s: float) -> Token:
    """The token of the machine's own account. Raises ``ProviderError``."""
    _check(reply)
    return read_token(reply, now_epoch_s)


def _check(reply: Reply) -> None:
    if header(reply.headers, "metadata-flavor") != "Google":
        raise BadReply("something else than Google's metadata server answers there", status=reply.status)
    if reply.status != 200:
        raise refusal(reply, "the metadata server gave nothing" + (": the machine has no account" if reply.status == 404 else ""))


def in_project(call: Call, project: str) -> Call:
    """``call`` to the project that the machine told, where its address was waiting for that."""
    return msgspec.structs.replace(call, url=call.url.replace(f"/projects/{PROJECT}/", f"/projects/{project}/", 1))
