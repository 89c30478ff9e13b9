"""Raycast. It needs a token, and always streams."""

from __future__ import annotations

from typing import Any, ClassVar

from dragoman.providers.abstract import AbstractProvider, create
from dragoman.typing import CreateResult, Messages


class Raycast(AbstractProvider):
    """Raycast's AI chat (https://raycast.com); believed to be gone."""

    url = "https://raycast.com"
    supports_stream = True
    needs_auth = True
    working = False
    models: ClassVar[list[str]] = ["gpt-3.5-turbo", "gpt-4"]

    @staticmethod
    def create_completion(model: str, messages: Messages, stream: bool, proxy: str | None = None, **kwargs: Any) -> CreateResult:
        """The answer's text in pieces, whatever ``stream`` says.

        Raises ``ValueError`` at the call where ``auth`` is missing, and a ``DragomanError`` while the answer is read.
        """
        return create("raycast", model, messages, True, kwargs | {"proxy": proxy}, ("temperature",))
