"""Asking a provider which models it has, the customary question that costs nothing, by the client's own transport."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.client import Client
from dragoman.core.errors import BadReply, DragomanError, MissingKey
from dragoman.core.exchange import Call, Headers, Reply, Timeouts, header, with_headers
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.router import USER_AGENT, Endpoint
from dragoman.settings import Surroundings
from dragoman.sign.key import PLACES
from dragoman.wire.status import plain_error

LIST_PATHS: Final = {
    "anthropic_messages": "/v1/models",
    "cohere": "/v1/models",
    "ollama": "/api/tags",
}
"""Where a dialect has its list of models below the base URL; the others have it at ``/models``."""
MAX_BYTES: Final = 8 * 1024 * 1024
NEARBY: Final = Timeouts(connect_s=0.3, first_byte_s=1.0, between_bytes_s=1.0, total_s=2.0)
"""For a server on this machine: it is there at once or not at all."""


def ask_models(client: Client, row: Provider, timeouts: Timeouts, *, even_without_key: bool = False) -> Reply:
    """What ``row``'s server says when asked for its models, whatever the status. Raises ``TransportError`` or ``UsageError``."""
    endpoint = client.router.endpoint(row)
    call = Call("GET", endpoint.base_url + LIST_PATHS.get(row.dialect, "/models"), _headers(endpoint))
    secret, sign = _key(client, row, even_without_key), PLACES.get(row.auth.place)
    if secret and sign:
        call = sign(call, secret, row.auth.name)
    try:
        reply = _fetch(client, call, timeouts)
    except DragomanError as error:
        error.provider = error.provider or row.name
        error.redact(secret or "")
        raise
    return _without(reply, secret)


def _headers(endpoint: Endpoint) -> Headers:
    """Those that the dialect sets on every request, such as a version, without what belongs to a body or a question."""
    question = Request(model="any", messages=(Message("user", (Text(text="-"),)),))
    speaks = endpoint.provider.answers_prompts
    usual = endpoint.dialect.encode_request(question, endpoint.quirks).headers if speaks else ()
    kept = tuple((name, value) for name, value in usual if name not in ("content-type", "accept"))
    return with_headers((("user-agent", USER_AGENT), ("accept", "application/json")), dict(kept))


def _key(client: Client, row: Provider, may_lack: bool) -> str | None:
    try:
        return client.router.key(row)
    except MissingKey:
        if may_lack:
            return None
        raise


def _fetch(client: Client, call: Call, timeouts: Timeouts) -> Reply:
    incoming = client.transport.open(call, timeouts)
    try:
        pieces, size = [], 0
        while data := incoming.read():
            pieces.append(data)
            size += len(data)
            if size > MAX_BYTES:
                raise BadReply(f"the list of models is longer than {MAX_BYTES} bytes")
        incoming.finish()
    finally:
        incoming.close()
    return Reply(incoming.status, incoming.headers, b"".join(pieces))


def _without(reply: Reply, secret: str | None) -> Reply:
    body = reply.body.replace(secret.encode(), b"") if secret and reply.status >= 400 else reply.body
    return msgspec.structs.replace(reply, body=body)


def live_models(client: Client, row: Provider, timeouts: Timeouts) -> list[str]:
    """The names of the models that ``row``'s server has, in its order. Raises ``DragomanError``."""
    reply = ask_models(client, row, timeouts)
    if not 200 <= reply.status < 300:
        endpoint = client.router.endpoint(row)
        error = endpoint.dialect.decode_error(reply, endpoint.quirks) if row.answers_prompts else plain_error(reply)
        error.provider = row.name
        raise error
    return names_in(reply, row)


class _Entry(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Listing(msgspec.Struct):
    """The two customary forms: ``data`` of ids, and ``models`` of names."""

    data: list[_Entry] | None = None
    models: list[_Entry] | None = None


def names_in(reply: Reply, row: Provider) -> list[str]:
    """The models that a successful answer lists. Raises ``BadReply`` where it lists none."""
    try:
        listing = msgspec.json.decode(reply.body, type=_Listing)
    except (msgspec.DecodeError, RecursionError):
        listing = _Listing()
    entries = listing.data if listing.data is not None else listing.models
    if entries is None:
        kind = header(reply.headers, "content-type") or "no content type"
        raise BadReply(f"the answer ({kind}) holds no list of models", provider=row.name, status=reply.status)
    return [(entry.id or entry.name).removeprefix("models/") for entry in entries if entry.id or entry.name]


def local_models(surroundings: Surroundings) -> list[str]:
    """``provider/model`` for the first model of each server that listens on this machine; only its own address is contacted."""
    return [f"{name}/{models[0]}" for name, models in local_servers(surroundings).items()]


def local_servers(surroundings: Surroundings) -> dict[str, tuple[str, ...]]:
    """The servers that listen on this machine and have a model, with the names of their models; only their own addresses are contacted."""
    rows = [row for row in surroundings.catalogue() if row.local]

    def models_of(row: Provider) -> tuple[str, ...]:
        with suppress(DragomanError):
            return tuple(live_models(client, row, NEARBY))
        return ()

    with Client(environment=surroundings.environment, trust_env=False) as client, ThreadPoolExecutor(max(1, len(rows))) as pool:
        return {row.name: models for row, models in zip(rows, pool.map(models_of, rows), strict=True) if models}
