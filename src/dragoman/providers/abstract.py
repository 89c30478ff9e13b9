"""The contract: a class with attributes and a static ``create_completion``; and what all of them do.

Arguments are checked at the call. The request is sent at the first ``next()`` of a generator, or at the call where a text is returned.
Closing a generator closes the upstream connection.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar, Final

from dragoman.catalogue.schema import Provider
from dragoman.client import Client
from dragoman.core.errors import DragomanError, MissingKey, UnknownModel, UsageError
from dragoman.providers.requests_errors import as_requests_error
from dragoman.settings import Surroundings, check_key
from dragoman.streams import EventStream
from dragoman.typing import CreateResult, Messages

_OF_ANY_WIRE: Final = (
    "temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "stop", "max_output_tokens", "seed", "response_format",
    "reasoning", "user",
)  # fmt: skip
_RENAMED: Final = {"max_tokens": "max_output_tokens"}


class AbstractProvider(ABC):
    """One provider, as a class that is never instantiated."""

    url: ClassVar[str | None] = None
    working: ClassVar[bool] = False
    needs_auth: ClassVar[bool] = False
    supports_stream: ClassVar[bool] = False
    supports_gpt_35_turbo: ClassVar[bool] = False
    supports_gpt_4: ClassVar[bool] = False
    models: ClassVar[list[str]] = []

    @staticmethod
    @abstractmethod
    def create_completion(model: str, messages: Messages, stream: bool, **kwargs: Any) -> CreateResult:
        """The answer of ``model`` to ``messages``: a generator of text pieces, or a text where the provider answers whole.

        Every provider takes ``auth`` (key), ``proxy`` (http, https or socks5 URL), ``timeout`` (seconds), ``base_url`` and the sampling
        names of its wire; other names are ignored. Raises ``ValueError`` (a ``UsageError``) at the call for wrong arguments.
        """


def create(
    provider: str, model: str, messages: Messages, stream: bool, given: Mapping[str, Any], sampling: Sequence[str] = _OF_ANY_WIRE
) -> CreateResult:
    """What ``create_completion`` of ``provider`` does; ``given`` are its keyword arguments, of which its wire has ``sampling``."""
    row = Surroundings().catalogue().provider(provider)
    auth = given.get("auth")
    if not auth and row.auth.missing:
        raise MissingKey(row.auth.missing)
    if auth is not None:
        check_key(auth, "auth")
    if not model or not isinstance(model, str):
        raise UsageError(f"model: {model!r} was given; the name of a model is expected")
    options: dict[str, Any] = {_RENAMED.get(name, name): value for name, value in given.items() if value is not None}
    options = {name: value for name, value in options.items() if name in sampling or name in ("timeout", "base_url")}
    client = Client(proxy=given.get("proxy"))
    client.router.catalogue.open_models(provider)  # the contract hands on any name; what the service makes of it is its own answer
    name = f"{provider}/{str.__str__(model)}"
    if stream:
        return _pieces(client, client.stream(name, messages, key=auth, **options))
    return _whole(client, name, messages, key=auth, **options)


def in_pieces(result: CreateResult) -> Generator[str, None, None]:
    """``result`` as the generator that it is known to be."""
    assert not isinstance(result, str)
    return result


def _pieces(client: Client, stream: EventStream) -> Generator[str, None, None]:
    try:
        with client, stream:
            for event in stream:
                if event.text:
                    yield event.text
    except DragomanError as error:
        raise as_requests_error(error) from error.__cause__


_pieces.__qualname__ = "AbstractProvider.create_completion"
"""So that a generator shows itself as the contract's examples have it."""


def _whole(client: Client, model: str, messages: Messages, **options: Any) -> str:
    try:
        with client:
            text: str = client.complete(model, messages, **options).text
            return text
    except DragomanError as error:
        raise as_requests_error(error) from error.__cause__


def provider_class(name: str) -> type[AbstractProvider]:
    """A class for the row called ``name``, the case of letters aside. Raises ``AttributeError``."""
    try:
        row = Surroundings().catalogue().provider(name.lower())
    except UnknownModel as error:
        raise AttributeError(f"module 'dragoman.providers' has no attribute {name!r}: {error.message}") from None
    return _class_of(name, row)


def _class_of(name: str, row: Provider) -> type[AbstractProvider]:
    def create_completion(model: str, messages: Messages, stream: bool, **kwargs: Any) -> CreateResult:
        return create(row.name, model, messages, stream, kwargs)

    names = [model.name for model in row.models]
    return type(
        name,
        (AbstractProvider,),
        {
            "__doc__": f"{row.title} ({row.url or row.base_url}).",
            "__module__": "dragoman.providers",
            "url": row.url,
            "working": row.working,
            "needs_auth": row.auth.required,
            "supports_stream": True,
            "supports_gpt_35_turbo": "gpt-3.5-turbo" in names,
            "supports_gpt_4": "gpt-4" in names,
            "models": names,
            "create_completion": staticmethod(create_completion),
        },
    )
