"""Gravityengine, in the older form of a module: names at module level and ``_create_completion``; and as a class like the others."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, get_type_hints

from dragoman.providers.abstract import AbstractProvider, create, in_pieces
from dragoman.typing import CreateResult

url: Final = "https://gpt4.gravityengine.cc"
model: Final = ["gpt-3.5-turbo-16k", "gpt-3.5-turbo-0613"]
supports_stream: Final = True
needs_auth: Final = False


def _create_completion(model: str, messages: list, stream: bool, **kwargs: Any) -> Generator[str, None, None]:  # type: ignore[type-arg]  # the bare ``list`` is part of the contract: ``params`` shows it
    """The answer's text: one piece, as the service answers whole. ``temperature`` and ``presence_penalty`` may be given."""
    return in_pieces(create("gravityengine", model, messages, True, kwargs, ("temperature", "presence_penalty")))


def _shown_parameters() -> str:
    """The named parameters of ``_create_completion`` with their types."""
    hints = get_type_hints(_create_completion)
    code = _create_completion.__code__
    return ", ".join(f"{name}: {hints[name].__name__}" for name in code.co_varnames[: code.co_argcount])


params: Final = f"g4f.Providers.Gravityengine supports: ({_shown_parameters()})"


class Gravityengine(AbstractProvider):
    """The service at gpt4.gravityengine.cc; believed to be gone."""

    url = url
    working = False
    supports_stream = supports_stream
    needs_auth = needs_auth
    models = model

    @staticmethod
    def create_completion(model: str, messages: list[dict[str, str]], stream: bool, **kwargs: Any) -> CreateResult:
        """The answer's text as a generator of one piece, as the service answers whole."""
        return _create_completion(model, messages, stream, **kwargs)
