"""What a wire has no field for must be named, never dropped in silence."""

from __future__ import annotations

from collections.abc import Collection

from dragoman.core.request import Request


def uncarried(request: Request, carried: Collection[str]) -> list[str]:
    """A warning for every field of ``request`` that the caller set and that is not among ``carried``."""
    defaults = Request(model="", messages=())
    return [
        f"{name}: not understood by this provider, left out"
        for name in request.__struct_fields__
        if name not in carried and getattr(request, name) != getattr(defaults, name)
    ]
