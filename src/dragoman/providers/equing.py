"""Equing. The one legacy provider that also answers whole."""

from __future__ import annotations

from typing import Any, Final

from dragoman.providers.abstract import AbstractProvider, create
from dragoman.typing import CreateResult

_SAMPLING: Final = ("temperature", "presence_penalty", "frequency_penalty", "top_p")


class Equing(AbstractProvider):
    """The service at next.eqing.tech; believed to be gone."""

    url = "https://next.eqing.tech/"
    working = False
    supports_stream = True
    supports_gpt_35_turbo = True
    supports_gpt_4 = False

    @staticmethod
    def create_completion(model: str, messages: list[dict[str, str]], stream: bool, **kwargs: Any) -> CreateResult:
        """The whole text, or with ``stream`` a generator of its pieces.

        ``temperature``, ``presence_penalty``, ``frequency_penalty`` and ``top_p`` may be given.
        """
        return create("equing", model, messages, stream, kwargs, _SAMPLING)
