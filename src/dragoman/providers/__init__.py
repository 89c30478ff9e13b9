"""Providers as classes with ``create_completion``: the contract of the four legacy providers, offered for every row of the catalogue.

``Raycast``, ``Lockchat``, ``Gravityengine`` and ``Equing`` are written out; any other row's class is made when its name is asked for, the
case of letters aside: ``from dragoman.providers import Openai``.
"""

from __future__ import annotations

from dragoman.providers.abstract import AbstractProvider, provider_class
from dragoman.providers.equing import Equing
from dragoman.providers.gravityengine import Gravityengine
from dragoman.providers.lockchat import Lockchat
from dragoman.providers.raycast import Raycast

__all__ = ["AbstractProvider", "Equing", "Gravityengine", "Lockchat", "Raycast"]


def __getattr__(name: str) -> type[AbstractProvider]:
    if name.startswith("_"):
        raise AttributeError(f"module 'dragoman.providers' has no attribute {name!r}")
    made = globals()[name] = provider_class(name)
    return made
