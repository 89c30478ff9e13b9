"""Asking a provider which models it has, the customary question that costs nothing, by the client's own transport."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.client import Client
from dragoman.core.errors import BadReply, DragomanError, MissingKey
from dragoman.core.exchange import Call, Decoder, Headers, Reply, Timeouts, header, with_headers
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.credentials import CLOUDS
from dragoman.drivers import Driver
from dragoman.flow.attempt import Target
from dragoman.flow.effects import Finish, Flow, read
from dragoman.flow.tokens import open_signed
from dragoman.router import Endpoint, Place
from dragoman.settings import Surroundings
from dragoman.wire.status import plain_error

LIST_PATHS: Final = {
    "anthropic_messages": "/v1/models",
    "cohere": "/v1/models",
    "ollama": "/api/tags",
}
"""Where a dialect has its list of models below the base URL; the others have it at ``/models``, unless the row says otherwise."""
_BEFORE_NAME: Final = re.compile(r"^(?:publishers/[^/]+/)?models/")
"""What Google has before a model's name."""
MAX_BYTES: Final = 8 * 1024 * 1024
NEARBY: Final = Timeouts(connect_s=0.3, first_byte_s=1.0, between_bytes_s=1.0, total_s=2.0)
"""For a server on this machine: it is there at once or not at all."""


class Asked(msgspec.Struct, frozen=True):
    """What a server said, and with whose credentials it was asked."""

    reply: Reply
    found: str | None
    """Where a cloud's credentials came from."""
    ends_epoch_s: float | None
    """When what they lend ends, in seconds since 1970; ``None`` where that is not known or never."""


def ask_models(client: Client, row: Provider, timeouts: Timeouts) -> Reply:
    """What ``row``'s server says when asked for its models, as ``asked`` has it."""
    return asked(client, row, timeouts).reply


def asked(client: Client, row: Provider, timeouts: Timeouts, *, even_without_key: bool = False) -> Asked:
    """What ``row``'s server says when asked for its models, whatever the status; the question is signed as any call is.

    Raises ``TransportError``, ``UsageError``, or what the giver of a token is guilty of.
    """
    origin, path = _split(row.models_url or LIST_PATHS.get(row.dialect, "/models"))
    place = _place(client, _at(row, origin) if origin else row, even_without_key)
    call = Call("GET", path, _headers(place.endpoint))
    target = place.target("", call, _no_decoder, plain_error, strict=False)
    replies: list[Reply] = []
    try:
        Driver(_asking(target, timeouts, replies), client.transport).batch()
    except DragomanError as error:
        error.provider = error.provider or row.name
        target.redact(error)
        raise
    reply = _without(replies[0], [secret for secret in (place.secret, *(place.access.secrets if place.access else ())) if secret])
    ends_epoch_s = target.signer.ends_epoch_s if target.signer else None
    return Asked(reply, place.access.found if place.access else None, None if ends_epoch_s == float("inf") else ends_epoch_s)


def _split(told: str) -> tuple[str, str]:
    """An address as its origin, empty where there is none, and its path. It may hold placeholders, which no parser of URLs takes."""
    found = re.fullmatch(r"(https?://[^/]*)?(/.*)", told)
    return (found[1] or "", found[2]) if found else ("", told)


def _at(row: Provider, origin: str) -> Provider:
    """``row`` at another origin, unless the user has put his own address in its place."""
    return msgspec.structs.replace(row, base_url=origin, auth=msgspec.structs.replace(row.auth, base_url=None))


def _place(client: Client, row: Provider, may_lack_key: bool) -> Place:
    try:
        return client.router.place(row, None, None)
    except MissingKey:
        if not may_lack_key or row.auth.place in CLOUDS:  # without an account a cloud's address is not known either
            raise
        return Place(client.router.endpoint(row), None, None)


def _no_decoder(headers: Headers) -> Decoder:
    raise NotImplementedError("the answer is read whole")


def _asking(target: Target, timeouts: Timeouts, replies: list[Reply]) -> Flow[None]:
    """Puts the answer into ``replies``."""
    incoming = yield from open_signed(target.call, target.signer, timeouts)
    pieces: list[bytes] = []
    while data := (yield from read()):
        pieces.append(data)
        if sum(map(len, pieces)) > MAX_BYTES:
            raise BadReply(f"the list of models is longer than {MAX_BYTES} bytes")
    yield Finish()
    replies.append(Reply(incoming.status, incoming.headers, b"".join(pieces)))


def _headers(endpoint: Endpoint) -> Headers:
    """Those that the dialect sets on every request, such as a version, without what belongs to a body or a question."""
    question = Request(model="any", messages=(Message("user", (Text(text="-"),)),))
    speaks = endpoint.provider.answers_prompts
    usual = endpoint.dialect.encode_request(question, endpoint.quirks).headers if speaks else ()
    kept = tuple((name, value) for name, value in usual if name not in ("content-type", "accept"))
    return with_headers((("accept", "application/json"),), dict(kept))


def _without(reply: Reply, secrets: list[str]) -> Reply:
    body = reply.body
    for secret in secrets if reply.status >= 400 else ():
        body = body.replace(secret.encode(), b"")
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


class _Entry(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    model_id: str = ""


class _Listing(msgspec.Struct, rename="camel"):
    """The two customary forms, ``data`` of ids and ``models`` of names; Google Cloud's and Bedrock's."""

    data: list[_Entry] | None = None
    models: list[_Entry] | None = None
    publisher_models: list[_Entry] | None = None
    model_summaries: list[_Entry] | None = None


def names_in(reply: Reply, row: Provider) -> list[str]:
    """The models that a successful answer lists. Raises ``BadReply`` where it lists none."""
    try:
        listing = msgspec.json.decode(reply.body, type=_Listing)
    except (msgspec.DecodeError, RecursionError):
        listing = _Listing()
    forms = (listing.data, listing.models, listing.publisher_models, listing.model_summaries)
    entries = next((entries for entries in forms if entries is not None), None)
    if entries is None:
        kind = header(reply.headers, "content-type") or "no content type"
        raise BadReply(f"the answer ({kind}) holds no list of models", provider=row.name, status=reply.status)
    names = [entry.id or entry.model_id or entry.name for entry in entries]
    return [_BEFORE_NAME.sub("", name) for name in names if name]


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
