"""The gateway: every dialect in, every provider out. ``create_app`` gives it as an ASGI application, ``dragoman serve`` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.gateway.asgi import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a program that reads a configuration needs no server."""
    if name == "create_app":
        from dragoman.gateway.asgi import create_app

        return create_app
    raise AttributeError(f"module 'dragoman.gateway' has no attribute {name!r}")
