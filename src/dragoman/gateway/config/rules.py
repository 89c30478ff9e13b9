"""Whether a configuration of the right form makes sense: each rule is a function from the case to the faults it finds."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UsageError
from dragoman.gateway.client_keys import SHORTEST, digest_of, is_hash
from dragoman.gateway.config.address import parse_listen, refuse_wide
from dragoman.gateway.config.case import Case
from dragoman.gateway.config.form import Fault, shown_place
from dragoman.gateway.config.model_rules import model_rules
from dragoman.gateway.config.tables import NO_OTEL, AdminTable, KeyTable, ProviderTable, TlsTable
from dragoman.gateway.config.toml_lines import Place
from dragoman.router import check_base_url
from dragoman.settings import check_key
from dragoman.transport.target import shown
from dragoman.wire.dialects import NAMES
from dragoman.wire.operations import DIALECTS

_FOR_OWN_ROWS: Final = ("title", "auth", "abilities", "quirks", "prices")
_DIALECTS: Final = sorted({*NAMES, *DIALECTS})


def faults_of(case: Case) -> Iterator[Fault]:
    """Everything that the rules find."""
    for rule in _RULES:
        yield from rule(case)


def _listen(case: Case) -> Iterator[Fault]:
    try:
        host, _ = parse_listen(case.config.listen)
        refuse_wide(host, has_keys=case.says("keys"))
    except UsageError as fault:
        yield Fault(("listen",), fault.message)


def _client_keys(case: Case) -> Iterator[Fault]:
    tables: list[tuple[Place, KeyTable | AdminTable]] = [(("keys", name), table) for name, table in case.config.keys.items()]
    tables += [(("admin",), case.config.admin)] if case.says("admin") else []
    places: dict[bytes, Place] = {}
    for place, table in tables:
        fault = _key_fault(table) if case.is_sound(*place) else None
        if fault:
            yield Fault(place, fault)
        elif case.is_sound(*place):
            other = places.setdefault(digest_of(table), place)
            if other != place:
                yield Fault(place, f"the same key as {shown_place(other)}: no caller would be known by this name")


def _key_fault(table: KeyTable | AdminTable) -> str | None:
    if table.hash is not None and table.key is not None:
        return "both hash and key were given; one of them is expected"
    if table.hash is not None:
        wanted = "sha256: and 64 lower-case hexadecimal digits are expected, as `dragoman keys new` writes them"
        return None if is_hash(table.hash) else f"hash: what was given is no hash; {wanted}"
    if table.key is None:
        return 'neither hash nor key was given; `dragoman keys new NAME` makes one, and key = "${NAME}" takes one from the environment'
    try:
        check_key(table.key, "key")
    except UsageError as fault:
        return fault.message
    return (
        None
        if len(table.key) >= SHORTEST
        else f"key: {len(table.key)} letters were given, which can be guessed; {SHORTEST} at least are expected"
    )


def _providers(case: Case) -> Iterator[Fault]:
    for name, table in case.config.providers.items():
        faults = [Fault(("providers", name, *more), words) for more, words in _own_faults(case, table)]
        yield from faults
        if not faults and case.is_sound("providers", name):
            yield from (Fault(("providers", name, *more), words) for more, words in islice(_following_faults(case, name, table), 1))
    if not case.discovers and not case.says("providers"):
        yield Fault(("discover",), "no provider is named and none is looked for, so that nothing is served; name one as [providers.<name>]")


def _own_faults(case: Case, table: ProviderTable) -> Iterator[tuple[Place, str]]:
    """What is wrong with single values."""
    if table.dialect is not None and table.dialect not in _DIALECTS:
        yield ("dialect",), f"{table.dialect!r} was given; {nearest(table.dialect, _DIALECTS)}"
    if table.like is not None and case.row(table.like) is None:
        yield ("like",), f"{table.like!r} is not known; {nearest(table.like, case.catalogue.names())}"
    if table.base_url is not None and (fault := _base_url(table.base_url)):
        yield ("base_url",), fault


def _following_faults(case: Case, name: str, table: ProviderTable) -> Iterator[tuple[Place, str]]:
    """What is wrong with a table whose values are right, the first being what the others may come from."""
    is_own = table.dialect is not None or table.like is not None
    if name in case.odd_rows:
        yield (), case.odd_rows[name]
    if not is_own and case.row(name) is None:
        yield (), f"not known; {nearest(name, case.catalogue.names())} One of your own needs dialect and base_url, or like"
    for field in _FOR_OWN_ROWS:
        if not is_own and getattr(table, field) is not None:
            yield (field,), f'only a provider of one\'s own has it; make this one so with like = "{name}"'
    row = case.row(name)
    if row is not None and row.auth.place in ("header", "query") and not row.auth.name:
        yield ("auth",), f"name is missing; a key in a {row.auth.place} needs the field's name"
    lacks = case.lacks(name)
    if lacks:
        yield (), lacks


def _base_url(given: str) -> str | None:
    try:
        check_base_url(given, "")
    except UsageError as fault:
        return fault.message.removeprefix(": ").replace(repr(given), repr(shown(given)))
    return None


def _tls(case: Case) -> Iterator[Fault]:
    table = case.config.tls
    if table is None:
        return
    faults = [
        Fault(("tls", field), f"{path} cannot be read: {fault}")
        for field, path in (("certificate", table.certificate), ("key", table.key))
        if (fault := _unreadable(Path(path)))
    ]
    yield from faults or _mismatch(table)


def _mismatch(table: TlsTable) -> Iterator[Fault]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(table.certificate, table.key, password="")
    except (ssl.SSLError, OSError, ValueError) as fault:
        yield Fault(("tls",), f"certificate and key do not serve together: {getattr(fault, 'reason', None) or fault}")


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb"):
            return None
    except OSError as fault:
        return fault.strerror or str(fault)


def _cors(case: Case) -> Iterator[Fault]:
    for at, origin in enumerate(case.config.cors.origins):
        parts = urlsplit(origin)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and origin == f"{parts.scheme}://{parts.netloc}"
        if origin != "*" and not (fits and "@" not in origin):
            yield Fault(("cors", "origins", at), f'{origin!r} was given; scheme://host[:port] is expected, or "*"')


def _otel(case: Case) -> Iterator[Fault]:
    endpoint = case.config.otel.endpoint
    if endpoint is not None and (fault := _base_url(endpoint)):
        yield Fault(("otel", "endpoint"), fault)
    elif endpoint is not None and not _has_otel():
        yield Fault(("otel", "endpoint"), NO_OTEL)


def _has_otel() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # a package that it stands in
        return False


_RULES: Final[tuple[Callable[[Case], Iterator[Fault]], ...]] = (_listen, _client_keys, _providers, model_rules, _tls, _cors, _otel)
