"""Whether a caller may have what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dragoman.core.errors import PermissionDenied
from dragoman.gateway.faces import Face
from dragoman.gateway.handles import Fields, every_field
from dragoman.gateway.prompts.bodies import NOT_SAID, Asked
from dragoman.gateway.routes import LONGEST_NAME, Route
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Record

_FURTHER: Final = ("models", "fallbacks")
"""Fields in which OpenRouter's and LiteLLM's callers name models that are to answer where the first does not."""


def may_have(setup: Setup, key_name: str | None, model: str) -> bool:
    """Whether the key's caller may ask for ``model``, as callers write it."""
    return key_name is None or setup.client_keys.allows(key_name, model)


def find_route(setup: Setup, name: str, face: Face, record: Record) -> Route:
    """Where ``name`` leads the caller of ``record``. Raises ``BadRequest``, ``UnknownModel`` or ``PermissionDenied``."""
    setup.routes.check(name, face.dialect)
    record.model = name
    if not may_have(setup, record.key_name, name):
        raise PermissionDenied(f"model: the key {record.key_name!r} may not ask for {name!r}", param="model", code="model_not_allowed")
    return setup.routes.find(name, face.dialect)


def check_further(setup: Setup, route: Route, asked: Asked, body: bytes, record: Record) -> None:
    """A key that is bound to models is bound in what a body names besides ``model`` too. Raises ``PermissionDenied``."""
    says_none = asked.models is NOT_SAID and asked.fallbacks is NOT_SAID
    if record.key_name is None or says_none or not setup.client_keys.is_bound(record.key_name):
        return
    hosts = {target.partition("/")[0] for target in route.targets}
    for field, name in _further(body):
        known = isinstance(name, str) and any(
            may_have(setup, record.key_name, one) for one in (name, *(f"{host}/{name}" for host in hosts))
        )
        if not known:
            told = f"{field}: the key {record.key_name!r} may not ask for {str(name)[:LONGEST_NAME]!r}"
            raise PermissionDenied(told, param=field, code="model_not_allowed")


def _further(body: bytes) -> Iterator[tuple[str, object]]:
    """Each field's names; of one that stands twice, both."""
    whole = every_field(body)
    for field, names in whole if isinstance(whole, Fields) else ():
        if field in _FURTHER and names is not None:
            yield from ((field, name) for name in (names if isinstance(names, list) and not isinstance(names, Fields) else [names]))
