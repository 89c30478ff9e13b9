"""The form of ``dragoman.toml``: what each table holds, with its defaults. Reading the file is ``config_file``.

A value may hold ``${NAME}``, which is the environment variable's. Waits are in seconds, sizes in bytes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from dragoman.catalogue.schema import Ability, Auth
from dragoman.core.opaque import JsonObject
from dragoman.server.limits import Limits
from dragoman.wire.quirks import Quirks

MIB: Final = 1024 * 1024
SECRETS: Final = frozenset({"key", "headers"})
"""Fields whose values print nowhere."""
FORM: Final = "form"
"""Names, on a table that is kept as it is told, the Struct that it is checked against."""

Wait: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
"""Seconds."""
Size: TypeAlias = Annotated[int, msgspec.Meta(ge=256)]
"""Bytes."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


def _without_secrets(table: msgspec.Struct) -> str:
    told = ((name, getattr(table, name)) for name in table.__struct_fields__)
    shown = (f"{name}={'…' if name in SECRETS and value else repr(value)}" for name, value in told)
    return f"{type(table).__name__}({', '.join(shown)})"


class WaitsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[timeouts]``, and ``timeouts`` of a model: what is not said here is as in the table above it, and there as in the library."""

    connect: Wait | None = None
    """Until a connection to a provider stands; 10 where nothing is told."""
    first_token: Wait | None = None
    """Until the answer begins, over all tries and targets; 300 where nothing is told."""
    between_tokens: Wait | None = None
    """Each silence after that; 120 where nothing is told."""
    total: Wait | None = None
    """The whole answer; without it there is no such bound."""


class ProviderTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[providers.<name>]``: one that the catalogue knows, or one of the user's own: with ``dialect`` and ``base_url``, or ``like``."""

    key: str | dict[str, str] | None = None
    """Without one, the environment's and the key file's are looked at, as in the library."""
    base_url: str | None = None
    """Where it is called, in place of the catalogue's address and of the environment's."""
    models: tuple[str, ...] = ()
    """Those that are listed to callers; without any, those that the catalogue knows. Others are passed on as well."""
    dialect: str | None = None
    """Makes the provider the user's own, on the wire that it names."""
    like: str | None = None
    """A provider of the catalogue: this one is the user's own and like that one, but for what is said here; for a second key or address."""
    title: str | None = None
    """What error messages call it. This and what follows have only providers of one's own."""
    auth: Annotated[JsonObject, msgspec.Meta(extra={FORM: Auth})] | None = None
    """How the key is sent, as in the catalogue's rows; without it as a bearer token, where there is a key."""
    abilities: tuple[Ability, ...] | None = None
    """What it can do, in the catalogue's words."""
    quirks: Annotated[JsonObject, msgspec.Meta(extra={FORM: Quirks})] | None = None
    """How it departs from its dialect, as in the catalogue's rows."""
    prices: str | None = None
    """Its name in the price lists, for what its answers cost."""

    __repr__ = _without_secrets


class ModelTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[models."<name>"]``: a name for callers, and where it leads.

    A ``*`` in the name stands for any text, and in a target for the same text.
    """

    targets: tuple[str, ...]
    """``provider/model``, tried in this order where one fails before its answer has begun."""
    timeouts: WaitsTable = WaitsTable()
    """Where they differ from `[timeouts]`."""
    hidden: bool = False
    """Whether it is left out of lists."""


class KeyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[keys.<name>]``: a caller's key, hashed as ``dragoman keys new`` writes it, or in the clear from the environment."""

    hash: str | None = None
    """`sha256:` and the digest in hexadecimal; this or `key`."""
    key: str | None = None
    """In the clear, 16 letters at least: for `${NAME}`."""
    models: tuple[str, ...] = ()
    """Patterns of the model names that it may ask for, as callers write them; none is all."""

    __repr__ = _without_secrets


class LimitsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``: what the server bears."""

    head_bytes: Size = 64 * 1024
    """Of a request's first line and headers."""
    body_bytes: Size = 32 * MIB
    """Of a request's body."""
    messages: Count = 10_000
    """In one request."""
    requests: Count = 20_000
    """Under way at one time, for each worker."""
    streams: Count = 20_000
    """Streamed answers under way at one time, for each worker."""
    head: Wait = 20.0
    """Seconds for a request's head to arrive."""
    body_silence: Wait = 30.0
    """Seconds between two pieces of a request's body."""
    send: Wait = 120.0
    """Seconds that a client may take nothing of its answer."""
    heartbeat: Wait | None = 15.0
    """Seconds of silence in a stream after which a caller whose dialect has a place for it gets a sign of life."""
    idle: Wait = 90.0
    """Seconds that a connection without a request is kept."""
    stop: Wait = 30.0
    """Seconds that answers under way have to end when the server stops."""

    def of_server(self) -> Limits:
        return Limits(
            head_bytes=self.head_bytes,
            body_bytes=self.body_bytes,
            head_s=self.head,
            body_silence_s=self.body_silence,
            send_s=self.send,
            idle_s=self.idle,
        )


class CorsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[cors]``: pages of which sites may call. None may, unless named; ``*`` is every site, then without credentials."""

    origins: tuple[str, ...] = ()
    """Such as `https://chat.example.org`."""
    max_age: Annotated[int, msgspec.Meta(ge=0)] = 600
    """Seconds for which a browser need not ask again."""


class LogTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: the access log on standard output."""

    access: Literal["json", "text", "off"] = "text"
    """The form of its lines."""


NO_OTEL: Final = "traces need OpenTelemetry's packages: pip install 'dragoman[otel]'"


class OtelTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[otel]``: traces by OpenTelemetry (the extra ``otel``), off unless ``endpoint`` is set."""

    endpoint: str | None = None
    """The address of a collector that takes OTLP over HTTP."""
    headers: dict[str, str] = {}
    """Sent with each export."""
    service_name: str = "dragoman"
    """As traces name the gateway."""
    content: bool = False
    """Whether traces hold what was said."""

    __repr__ = _without_secrets


class AdminTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[admin]``: the key of ``/admin`` paths, apart from callers' keys; without one they are not served."""

    hash: str | None = None
    """As a caller's."""
    key: str | None = None
    """As a caller's; it must be another key than theirs."""

    __repr__ = _without_secrets


class TlsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[tls]``: PEM files; without them the gateway speaks plain HTTP."""

    certificate: str
    """The chain, the gateway's own first."""
    key: str
    """Its private key, without a password."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    listen: str = "127.0.0.1:4000"
    """``host:port``, or ``[host]:port`` for IPv6. Beyond this machine only with keys."""
    workers: Count = 1
    """Processes that serve at the same address."""
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    """How often a target is tried again before the next one."""
    discover: bool | None = None
    """Whether every provider whose key the environment holds is served; by default only where no provider is named."""
    shared_account: bool = False
    """Whether callers may name whatever providers keep in the gateway's account: files, conversations, containers, caches. By default,
    where there are several keys, each may name only what an answer gave to its own."""
    providers: dict[str, ProviderTable] = {}
    models: dict[str, ModelTable] = {}
    keys: dict[str, KeyTable] = {}
    timeouts: WaitsTable = WaitsTable()
    limits: LimitsTable = LimitsTable()
    cors: CorsTable = CorsTable()
    log: LogTable = LogTable()
    otel: OtelTable = OtelTable()
    admin: AdminTable = AdminTable()
    tls: TlsTable | None = None
