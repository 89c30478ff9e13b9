"""Lockchat. It always streams, and now and then denies for a moment that a model exists."""

from __future__ import annotations

from typing import Any

from dragoman.providers.abstract import AbstractProvider, create
from dragoman.typing import CreateResult


class Lockchat(AbstractProvider):
    """Lockchat's API (http://supertest.lockchat.app); believed to be gone."""

    url = "http://supertest.lockchat.app"
    supports_stream = True
    supports_gpt_35_turbo = True
    supports_gpt_4 = True
    working = False

    @staticmethod
    def create_completion(model: str, messages: list[dict[str, str]], stream: bool, **kwargs: Any) -> CreateResult:
        """The answer's text in pieces, whatever ``stream`` says; ``temperature`` is 0.7 unless given.

        Raises a ``DragomanError`` while the answer is read; for HTTP and connection failures it is a ``requests`` exception too, where
        that package is installed.
        """
        return create("lockchat", model, messages, True, kwargs, ("temperature",))
