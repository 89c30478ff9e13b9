"""Whether a caller may have what it asks for."""

from __future__ import annotations

from dragoman.core.errors import PermissionDenied
from dragoman.gateway.faces import Face
from dragoman.gateway.routes import Route
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Record


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
