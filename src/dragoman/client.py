"""``Client`` and ``AsyncClient``: what a program holds. They own connections and settings, and nothing else; the router knows the rest.

The two classes are the same text but for ``await``; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from inspect import iscoroutinefunction
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload

import msgspec

from dragoman.catalogue.load import nearest
from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call, Timeouts
from dragoman.core.listing import ListedModel
from dragoman.core.request import Request
from dragoman.core.token import Key
from dragoman.core.words import in_words
from dragoman.dialogue import AsyncTalk, Dialogue, Talk
from dragoman.drivers import AsyncDriver, Driver
from dragoman.flow.effects import Flow
from dragoman.flow.retry import RetryBudget, RetryPolicy
from dragoman.functions import Toolbox
from dragoman.operations import (
    COUNT_TOKENS,
    EMBED,
    GENERATE_IMAGE,
    LIST_MODELS,
    MODERATE,
    RERANK,
    SPEAK,
    TRANSCRIBE,
    Answer,
    Embeddings,
    EmbedInputs,
    EmbedOptions,
    Exchange,
    ImageOptions,
    ModerateOptions,
    Moderation,
    Operation,
    Pictures,
    Ranking,
    RerankOptions,
    Sound,
    SpeakOptions,
    Speech,
    TokenCount,
    TranscribeOptions,
    Transcription,
    all_models,
    embed_inputs,
    image_of,
    images_of,
    next_page,
    sound_of,
    texts,
)
from dragoman.prompts import CallOptions, Options, Prompt, is_strict, request_from
from dragoman.response import Response, StructuredResponse
from dragoman.router import Router, check_base_url
from dragoman.settings import Surroundings, check_parts
from dragoman.streams import AsyncEventStream, EventStream
from dragoman.structured import DEFAULT_REPAIRS, Shape, check_alone, check_repairs, structured, ways
from dragoman.tool_answer import StructuredToolRun, answered_turns, check_functions
from dragoman.tool_loop import DEFAULT_TURNS, ToolRun, check_turns, tool_turns
from dragoman.transport.seam import AsyncTransport, Transport
from dragoman.transport.settings import Settings

if TYPE_CHECKING:
    from dragoman.openai_shape import AsyncChat, Chat

T = TypeVar("T")


class ClientSettings(TypedDict, total=False):
    """What ``Client`` and ``AsyncClient`` take; everything by keyword, everything optional."""

    keys: Mapping[str, Key]
    """Provider name to key; wins over the environment."""
    base_urls: Mapping[str, str]
    """Provider name to address; wins over the environment."""
    timeout: float | Timeouts | None
    """Seconds that any single wait may take, or ``Timeouts`` to bound each kind."""
    max_retries: int
    """How often a failed call is tried again where that may help (default 2)."""
    proxy: str | None
    """Proxy URL (http, https, socks5, socks5h); without one the environment's ``HTTPS_PROXY`` and ``NO_PROXY`` hold."""
    trust_env: bool
    """Whether the environment may name a proxy (default True)."""
    verify: bool
    """Whether TLS certificates are checked (default True)."""
    ca_file: str | None
    """PEM file of the authorities to trust instead of the system's."""
    client_cert: str | tuple[str, str] | None
    """PEM file, or certificate and key files, to show to servers."""
    max_idle_connections: int
    """How many unused connections are kept for later calls (default 256)."""
    http: object
    """An httpx or httpx2 client, or a transport of your own, to send requests with. It is not closed by us."""
    provider_files: Sequence[str | Path]
    """Files with provider rows of your own, read beside those in your configuration folder."""
    environment: Mapping[str, str]
    """Instead of the process's environment variables."""


_TRANSPORT_FIELDS = ("proxy", "trust_env", "verify", "ca_file", "client_cert", "max_idle_connections")


class _Configured:
    """What both clients make of their settings; checked here, at the call, and not when the first request goes out."""

    def __init__(self, given: ClientSettings) -> None:
        unknown = sorted(given.keys() - ClientSettings.__annotations__.keys())
        if unknown:
            raise UsageError(f"{unknown[0]}: no such setting of a client; {nearest(unknown[0], sorted(ClientSettings.__annotations__))}")
        retries: object = given.get("max_retries", 2)
        if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
            raise UsageError(f"max_retries: {in_words(retries)} was given; a whole number from 0 up is allowed")
        self.timeouts = Timeouts.of(given.get("timeout"))
        self.transport = Settings(**{name: given[name] for name in _TRANSPORT_FIELDS if name in given})  # type: ignore[literal-required]  # the names are the TypedDict's
        self.http = given.get("http")
        self._keys = {name: check_parts(key, f"keys[{name!r}]") for name, key in _table(given.get("keys"), "keys").items()}
        urls = _table(given.get("base_urls"), "base_urls")
        self._base_urls = {name: check_base_url(url, f"base_urls[{name!r}]") for name, url in urls.items()}
        environment = given.get("environment")
        if environment is not None and not isinstance(environment, Mapping):
            raise UsageError(f"environment: {type(environment).__name__} was given; a mapping of names to strings is expected")
        self._surroundings = Surroundings(environment)
        self._files = _paths(given.get("provider_files"))
        self._policy = RetryPolicy(tries=retries + 1)

    @cached_property
    def router(self) -> Router:
        """Made at the first call, because it reads the user's files."""
        catalogue = self._surroundings.catalogue(self._files)
        for name in (*self._keys, *self._base_urls):
            catalogue.provider(name)
        return Router(self._surroundings, catalogue, self._keys, self._base_urls, self._policy, RetryBudget())

    def make_transport(self) -> Transport:
        if self.http is None:
            from dragoman.transport.sync import SocketTransport

            return SocketTransport(self.transport, self._surroundings.environment)
        made: Transport = _given_transport(self.http, is_async=False)
        return made

    def make_async_transport(self) -> AsyncTransport:
        if self.http is None:
            from dragoman.transport.aio import AsyncioTransport

            return AsyncioTransport(self.transport, self._surroundings.environment)
        made: AsyncTransport = _given_transport(self.http, is_async=True)
        return made

    def route(self, request: Request, options: Options) -> tuple[Flow[None], str, str]:
        """The flow that answers ``request``, its provider's name and the provider's own name of the model."""
        timeouts = self.timeouts_of(options)
        target = self.router.target(request, options.get("key"), options.get("base_url"), is_strict(options))
        return self.router.tries(target, timeouts), target.provider, target.model

    def prices_of(self, provider: str) -> str | None:
        """The price list that the provider's row names."""
        return self.router.catalogue.provider(provider).prices

    def timeouts_of(self, options: CallOptions) -> Timeouts:
        """The call's own timeouts, else the client's."""
        timeout = options.get("timeout")
        return self.timeouts if timeout is None else Timeouts.of(timeout)

    def encode(self, request: Request, options: Options) -> Call:
        """The call that ``request`` becomes; nothing is sent."""
        return self.router.target(request, options.get("key"), options.get("base_url")).call

    def structured(self, request: Request, into: type[T], max_repairs: int, options: Options) -> Dialogue[StructuredResponse[T]]:
        """What brings an answer of the type ``into``."""
        check_alone(request, "tools", "response_format")
        shape: Shape[T] = Shape(into)
        provider, name = self.router.catalogue.resolve(request.model)
        model = self.router.catalogue.model(provider.name, name)
        possible = ways(request, shape, lambda one: self.encode(one, options), model)
        return structured(request, shape, possible, check_repairs(max_repairs))

    def exchange(self, operation: Operation[Answer], model: str, request: msgspec.Struct, options: CallOptions) -> Exchange[Answer]:
        """The flow that asks ``model`` (a provider's name is enough for some) for ``operation``, and what its answer will be."""
        timeouts = self.timeouts_of(options)
        is_strict(options)
        provider, name = operation.at(self.router.catalogue, model)
        if "model" in request.__struct_fields__:
            request = msgspec.structs.replace(request, model=name or None)
        flow, whole, warnings = self.router.operate(operation.name, request, (provider, name), options, timeouts)
        return Exchange(flow, whole, operation.answer, provider, name, warnings)

    def tool_turns(self, model: str, prompt: Prompt, max_turns: int, options: Options, may_await: bool) -> Dialogue[ToolRun]:
        """What runs the loop of tools."""
        request, toolbox = self._with_tools(model, prompt, options, may_await)
        return tool_turns(request, toolbox, check_turns(max_turns), lambda one: self.encode(one, options).warnings)

    def answered_turns(
        self, model: str, prompt: Prompt, into: type[T], turns: int, repairs: int, options: Options, may_await: bool
    ) -> Dialogue[StructuredToolRun[T]]:
        """What runs the loop of tools until it brings an answer of the type ``into``."""
        request, toolbox = self._with_tools(model, prompt, options, may_await)
        check_alone(request, "response_format")
        check_functions(request, toolbox)
        shape: Shape[T] = Shape(into)
        provider, name = self.router.catalogue.resolve(request.model)

        def encode(one: Request) -> Call:
            return self.encode(one, options)

        may_be_native = bool(provider.quirks.get("schema_beside_tools"))
        possible = ways(request, shape, encode, self.router.catalogue.model(provider.name, name), may_be_native)
        return answered_turns(
            request, toolbox, check_turns(turns), lambda one: encode(one).warnings, shape, possible, check_repairs(repairs)
        )

    def _with_tools(self, model: str, prompt: Prompt, options: Options, may_await: bool) -> tuple[Request, Toolbox]:
        toolbox = Toolbox.of(options.get("tools"), may_await)
        return request_from(model, prompt, False, {**options, "tools": toolbox.tools}), toolbox


def _given_transport(http: Any, is_async: bool) -> Any:
    """``http`` as a transport. Raises ``UsageError`` where it is none, or one of the other kind."""
    from dragoman.transport.httpx_adapter import adapt

    transport: Any = http if callable(getattr(http, "open", None)) else adapt(http)
    if iscoroutinefunction(transport.open) is not is_async:
        kind = "an AsyncClient" if is_async else "a Client"
        raise UsageError(f"http: {type(http).__module__}.{type(http).__name__} was given; {kind} needs one of its own kind")
    return transport


def _table(given: object, what: str) -> Mapping[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise UsageError(f"{what}: {type(given).__name__} was given; a mapping of providers' names to strings is expected")
    return given


def _paths(given: object) -> tuple[Path, ...]:
    if given is None:
        return ()
    if not isinstance(given, Sequence) or not all(isinstance(path, (str, Path)) for path in given) or isinstance(given, str):
        raise UsageError(f"provider_files: {in_words(given)} was given; a list of paths is expected")
    return tuple(map(Path, given))


class Client:
    """One interface to every provider, on blocking I/O. Use it as a context manager, or close it. Threads may share one."""

    def __init__(self, **settings: Unpack[ClientSettings]) -> None:
        self._configured = _Configured(settings)
        self._transport: Transport | None = None
        self._lock = Lock()

    @overload
    def complete(
        self, model: str, prompt: Prompt, *, into: type[T], max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredResponse[T]: ...
    @overload
    def complete(
        self, model: str, prompt: Prompt, *, into: object, max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredResponse[Any]: ...
    @overload
    def complete(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> Response: ...
    def complete(
        self, model: str, prompt: Prompt, *, into: Any = None, max_repairs: int = DEFAULT_REPAIRS, **options: Unpack[Options]
    ) -> Response:
        """The whole answer of ``model`` (``provider/model``) to ``prompt``.

        ``into`` is a type that the answer shall have (a msgspec ``Struct``, dataclass, ``TypedDict``, pydantic model, ``list[int]`` …); its
        value is then in ``value``. An answer that does not fit goes back to the model at most ``max_repairs`` times.

        Raises ``UsageError`` before anything is sent, else any other ``DragomanError``, with what had arrived in its ``partial``.
        """
        request = request_from(model, prompt, False, options)
        if into is not None:
            talk = Talk(self._answer, options)
            return talk.hold(self._configured.structured(request, into, max_repairs, options))
        with self._answer(request, options) as stream:
            return stream.finish()

    @overload
    def run_tools(
        self, model: str, prompt: Prompt, *, into: type[T], max_turns: int = ..., max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredToolRun[T]: ...
    @overload
    def run_tools(
        self, model: str, prompt: Prompt, *, into: object, max_turns: int = ..., max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredToolRun[Any]: ...
    @overload
    def run_tools(self, model: str, prompt: Prompt, *, max_turns: int = ..., **options: Unpack[Options]) -> ToolRun: ...
    def run_tools(
        self,
        model: str,
        prompt: Prompt,
        *,
        into: Any = None,
        max_turns: int = DEFAULT_TURNS,
        max_repairs: int = DEFAULT_REPAIRS,
        **options: Unpack[Options],
    ) -> ToolRun:
        """Ask ``model``, run the Python functions among ``tools`` that it calls for, tell it the results, until it answers without a call.

        Functions get checked and converted arguments; what they raise goes back to the model in words. A ``tool_choice`` that demands a
        call holds for the first turn. A call of a tool without a function ends the loop and is in ``pending``.

        With ``into``, a type, the last answer is asked for in that type and the run has it as its ``value``, as with ``complete``; an
        answer that does not fit goes back to the model at most ``max_repairs`` times.

        Raises ``TurnsExhausted`` where the model still calls for more after ``max_turns`` answers; ``messages`` of any error is the
        conversation so far, and may be given back as the prompt.
        """
        talk = Talk(self._answer, options)
        if into is not None:
            turns = self._configured.answered_turns(model, prompt, into, max_turns, max_repairs, options, talk.awaits)
            return talk.hold(turns)
        return talk.hold(self._configured.tool_turns(model, prompt, max_turns, options, talk.awaits))

    def stream(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> EventStream:
        """The answer as it comes: an iterator of events, each with ``text``. The request is sent at the first ``next()``."""
        return self._answer(request_from(model, prompt, True, options), options)

    def embed(self, model: str, inputs: EmbedInputs, **options: Unpack[EmbedOptions]) -> Embeddings:
        """A vector for each of ``inputs``: texts, and where the model can, pictures and lists of both that become one vector together."""
        request = EMBED.request(options, model=model, inputs=embed_inputs(inputs))
        return self._operate(EMBED, model, request, options)

    def rerank(self, model: str, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]) -> Ranking:
        """``documents`` in the order in which they answer ``query``, the best first, by their places in the list."""
        request = RERANK.request(options, model=model, query=query, documents=texts(documents, "documents"))
        return self._operate(RERANK, model, request, options)

    def generate_image(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> Pictures:
        """Pictures made to ``prompt``; with ``images``, made out of those."""
        images, mask = images_of(options.get("images")), image_of(options.get("mask"), "mask")
        request = GENERATE_IMAGE.request(options, model=model, prompt=prompt, images=images, mask=mask)
        return self._operate(GENERATE_IMAGE, model, request, options)

    def transcribe(self, model: str, audio: Sound, **options: Unpack[TranscribeOptions]) -> Transcription:
        """What is said in ``audio``: a ``pathlib.Path``, which is read, bytes, or an ``Audio``."""
        sound, name = sound_of(audio)
        request = TRANSCRIBE.request(options, model=model, audio=sound, name=name)
        return self._operate(TRANSCRIBE, model, request, options)

    def speak(self, model: str, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """``text`` read aloud; the sound's bytes are in ``data``."""
        return self._operate(SPEAK, model, SPEAK.request(options, model=model, text=text), options)

    def moderate(self, model: str, inputs: EmbedInputs, **options: Unpack[ModerateOptions]) -> Moderation:
        """Whether ``inputs`` break a provider's rules. ``model`` may be a provider's name alone, whose default model then judges."""
        return self._operate(MODERATE, model, MODERATE.request(options, inputs=embed_inputs(inputs)), options)

    def count_tokens(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> TokenCount:
        """How many tokens ``prompt`` has for ``model``, with its tools and system prompt; it is counted and not answered."""
        return self._operate(COUNT_TOKENS, model, request_from(model, prompt, False, options), options)

    def list_models(self, provider: str, **options: Unpack[CallOptions]) -> tuple[ListedModel, ...]:
        """The models that ``provider`` names now, all pages of them."""
        pages = [self._operate(LIST_MODELS, provider, LIST_MODELS.request(options), options)]
        while page := next_page(pages):
            pages.append(self._operate(LIST_MODELS, provider, LIST_MODELS.request(options, page=page), options))
        return all_models(pages)

    @cached_property
    def chat(self) -> Chat:
        """OpenAI's shape: ``client.chat.completions.create(model=…, messages=…)``."""
        from dragoman.openai_shape import Chat

        return Chat(self._answer)

    @property
    def router(self) -> Router:
        """What this client knows of providers, keys and addresses."""
        return self._configured.router

    @property
    def transport(self) -> Transport:
        """What requests are sent with; made at first use."""
        with self._lock:  # threads that come first at the same moment must share one
            if self._transport is None:
                self._transport = self._configured.make_transport()
            return self._transport

    def _answer(self, request: Request, options: Options) -> EventStream:
        flow, provider, model = self._configured.route(request, options)
        return EventStream(Driver(flow, self.transport), provider, model, self._configured.prices_of(provider))

    def _operate(self, operation: Operation[Answer], model: str, request: msgspec.Struct, options: CallOptions) -> Answer:
        exchange = self._configured.exchange(operation, model, request, options)
        Driver(exchange.flow, self.transport).batch()
        return exchange.answer()

    def close(self) -> None:
        """Close every connection. The client may be used again and then opens new ones."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None and transport is not self._configured.http:
            transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient:
    """One interface to every provider, on an event loop. Use it as an async context manager, or close it."""

    def __init__(self, **settings: Unpack[ClientSettings]) -> None:
        self._configured = _Configured(settings)
        self._transport: AsyncTransport | None = None
        self._lock = Lock()

    @overload
    async def complete(
        self, model: str, prompt: Prompt, *, into: type[T], max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredResponse[T]: ...
    @overload
    async def complete(
        self, model: str, prompt: Prompt, *, into: object, max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredResponse[Any]: ...
    @overload
    async def complete(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> Response: ...
    async def complete(
        self, model: str, prompt: Prompt, *, into: Any = None, max_repairs: int = DEFAULT_REPAIRS, **options: Unpack[Options]
    ) -> Response:
        """The whole answer of ``model`` (``provider/model``) to ``prompt``.

        ``into`` is a type that the answer shall have (a msgspec ``Struct``, dataclass, ``TypedDict``, pydantic model, ``list[int]`` …); its
        value is then in ``value``. An answer that does not fit goes back to the model at most ``max_repairs`` times.

        Raises ``UsageError`` before anything is sent, else any other ``DragomanError``, with what had arrived in its ``partial``.
        """
        request = request_from(model, prompt, False, options)
        if into is not None:
            talk = AsyncTalk(self._answer, options)
            return await talk.hold(self._configured.structured(request, into, max_repairs, options))
        async with self._answer(request, options) as stream:
            return await stream.finish()

    @overload
    async def run_tools(
        self, model: str, prompt: Prompt, *, into: type[T], max_turns: int = ..., max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredToolRun[T]: ...
    @overload
    async def run_tools(
        self, model: str, prompt: Prompt, *, into: object, max_turns: int = ..., max_repairs: int = ..., **options: Unpack[Options]
    ) -> StructuredToolRun[Any]: ...
    @overload
    async def run_tools(self, model: str, prompt: Prompt, *, max_turns: int = ..., **options: Unpack[Options]) -> ToolRun: ...
    async def run_tools(
        self,
        model: str,
        prompt: Prompt,
        *,
        into: Any = None,
        max_turns: int = DEFAULT_TURNS,
        max_repairs: int = DEFAULT_REPAIRS,
        **options: Unpack[Options],
    ) -> ToolRun:
        """Ask ``model``, run the Python functions among ``tools`` that it calls for, tell it the results, until it answers without a call.

        Functions get checked and converted arguments; what they raise goes back to the model in words. The calls of a turn run together,
        async functions on the loop and the others in threads. A ``tool_choice`` that demands a call holds for the first turn. A call of a
        tool without a function ends the loop and is in ``pending``.

        With ``into``, a type, the last answer is asked for in that type and the run has it as its ``value``, as with ``complete``; an
        answer that does not fit goes back to the model at most ``max_repairs`` times.

        Raises ``TurnsExhausted`` where the model still calls for more after ``max_turns`` answers; ``messages`` of any error is the
        conversation so far, and may be given back as the prompt.
        """
        talk = AsyncTalk(self._answer, options)
        if into is not None:
            turns = self._configured.answered_turns(model, prompt, into, max_turns, max_repairs, options, talk.awaits)
            return await talk.hold(turns)
        return await talk.hold(self._configured.tool_turns(model, prompt, max_turns, options, talk.awaits))

    def stream(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> AsyncEventStream:
        """The answer as it comes: an async iterator of events, each with ``text``. The request is sent at the first step."""
        return self._answer(request_from(model, prompt, True, options), options)

    async def embed(self, model: str, inputs: EmbedInputs, **options: Unpack[EmbedOptions]) -> Embeddings:
        """A vector for each of ``inputs``: texts, and where the model can, pictures and lists of both that become one vector together."""
        request = EMBED.request(options, model=model, inputs=embed_inputs(inputs))
        return await self._operate(EMBED, model, request, options)

    async def rerank(self, model: str, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]) -> Ranking:
        """``documents`` in the order in which they answer ``query``, the best first, by their places in the list."""
        request = RERANK.request(options, model=model, query=query, documents=texts(documents, "documents"))
        return await self._operate(RERANK, model, request, options)

    async def generate_image(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> Pictures:
        """Pictures made to ``prompt``; with ``images``, made out of those."""
        images, mask = images_of(options.get("images")), image_of(options.get("mask"), "mask")
        request = GENERATE_IMAGE.request(options, model=model, prompt=prompt, images=images, mask=mask)
        return await self._operate(GENERATE_IMAGE, model, request, options)

    async def transcribe(self, model: str, audio: Sound, **options: Unpack[TranscribeOptions]) -> Transcription:
        """What is said in ``audio``: a ``pathlib.Path``, which is read, bytes, or an ``Audio``."""
        sound, name = sound_of(audio)
        request = TRANSCRIBE.request(options, model=model, audio=sound, name=name)
        return await self._operate(TRANSCRIBE, model, request, options)

    async def speak(self, model: str, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """``text`` read aloud; the sound's bytes are in ``data``."""
        return await self._operate(SPEAK, model, SPEAK.request(options, model=model, text=text), options)

    async def moderate(self, model: str, inputs: EmbedInputs, **options: Unpack[ModerateOptions]) -> Moderation:
        """Whether ``inputs`` break a provider's rules. ``model`` may be a provider's name alone, whose default model then judges."""
        return await self._operate(MODERATE, model, MODERATE.request(options, inputs=embed_inputs(inputs)), options)

    async def count_tokens(self, model: str, prompt: Prompt, **options: Unpack[Options]) -> TokenCount:
        """How many tokens ``prompt`` has for ``model``, with its tools and system prompt; it is counted and not answered."""
        return await self._operate(COUNT_TOKENS, model, request_from(model, prompt, False, options), options)

    async def list_models(self, provider: str, **options: Unpack[CallOptions]) -> tuple[ListedModel, ...]:
        """The models that ``provider`` names now, all pages of them."""
        pages = [await self._operate(LIST_MODELS, provider, LIST_MODELS.request(options), options)]
        while page := next_page(pages):
            pages.append(await self._operate(LIST_MODELS, provider, LIST_MODELS.request(options, page=page), options))
        return all_models(pages)

    @cached_property
    def chat(self) -> AsyncChat:
        """OpenAI's shape: ``await client.chat.completions.create(model=…, messages=…)``."""
        from dragoman.openai_shape import AsyncChat

        return AsyncChat(self._answer)

    @property
    def router(self) -> Router:
        """What this client knows of providers, keys and addresses."""
        return self._configured.router

    @property
    def transport(self) -> AsyncTransport:
        """What requests are sent with; made at first use."""
        with self._lock:  # threads that come first at the same moment must share one
            if self._transport is None:
                self._transport = self._configured.make_async_transport()
            return self._transport

    def _answer(self, request: Request, options: Options) -> AsyncEventStream:
        flow, provider, model = self._configured.route(request, options)
        return AsyncEventStream(AsyncDriver(flow, self.transport), provider, model, self._configured.prices_of(provider))

    async def _operate(self, operation: Operation[Answer], model: str, request: msgspec.Struct, options: CallOptions) -> Answer:
        exchange = self._configured.exchange(operation, model, request, options)
        await AsyncDriver(exchange.flow, self.transport).batch()
        return exchange.answer()

    async def close(self) -> None:
        """Close every connection. The client may be used again and then opens new ones."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None and transport is not self._configured.http:
            await transport.close()

    aclose = close

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()
