"""OpenAI's shape: ``client.chat.completions.create(...)`` as openai-python has it, for any provider.

Arguments, answers and chunks are OpenAI's, made by the OpenAI dialect's own server role, so they are what that wire would have carried.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Unpack

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.events import Event
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request
from dragoman.openai_dump import OPTIONAL, DumpForm, dumped
from dragoman.prompts import CALL_OPTIONS, Options, sayable
from dragoman.streams import AsyncEventStream, EventStream
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.openai_chat.encoder import ChunkBuilder, completion
from dragoman.wire.openai_chat.request import request_from
from dragoman.wire.payload import dump
from dragoman.wire.quirks import NONE

_OPTIONAL: Final = OPTIONAL | {"reasoning_content"}
"""Fields that OpenAI's objects always have, as ``None`` where the wire left them out; the last is what most hosts add."""
_NOT_IN_BODY: Final = CALL_OPTIONS | {"extra_headers", "extra_query"}


class Shaped:
    """A JSON object with its fields as attributes."""

    def __init__(self, told: JsonObject) -> None:
        self._told = told

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_told":  # asked for by copy and pickle, before there is anything to look into
            raise AttributeError(name)
        if name in self._told:
            return _shape(self._told[name])
        if name in _OPTIONAL:
            return None
        raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(self._told)}")

    def model_dump(self, **form: Unpack[DumpForm]) -> JsonObject:
        """The object as a dict of plain values, with what the wire carried and what ``form`` chooses of it."""
        chosen: JsonObject = dumped(self._told, form)
        return chosen

    def model_dump_json(self, *, indent: int | None = None, **form: Unpack[DumpForm]) -> str:
        """The object as JSON text, on one line unless ``indent`` is given."""
        text = dump(self.model_dump(**form))
        return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()

    def to_dict(self, *, use_api_names: bool = True, **form: Unpack[DumpForm]) -> JsonObject:
        """The object as a dict of plain values. Its names are the API's in any case."""
        return self.model_dump(**form)

    def to_json(self, *, indent: int | None = 2, use_api_names: bool = True, **form: Unpack[DumpForm]) -> str:
        """The object as JSON text, on lines of their own unless ``indent`` is ``None``."""
        return self.model_dump_json(indent=indent, **form)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shaped) and self._told == other._told

    __hash__ = None  # type: ignore[assignment]  # a mutable record, as in openai-python

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._told.items())})"


class ChatCompletion(Shaped):
    """A whole answer."""


class ChatCompletionChunk(Shaped):
    """A piece of a streamed answer."""


def _shape(value: Json) -> Any:
    if isinstance(value, dict):
        return Shaped(value)
    return [_shape(item) for item in value] if isinstance(value, list) else value


class CompletionStream:
    """Chunks as they come. A context manager; ``close`` stops the answer."""

    def __init__(self, events: EventStream, request: Request) -> None:
        self._events = events
        self._chunks = _chunks(events, _builder(request))

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        return self._chunks

    def __next__(self) -> ChatCompletionChunk:
        return next(self._chunks)

    def close(self) -> None:
        """Stop at once and close the upstream connection."""
        self._events.close()

    def __enter__(self) -> CompletionStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncCompletionStream:
    """``CompletionStream`` for a running event loop."""

    def __init__(self, events: AsyncEventStream, request: Request) -> None:
        self._events = events
        self._chunks = _async_chunks(events, _builder(request))

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self._chunks

    async def __anext__(self) -> ChatCompletionChunk:
        return await anext(self._chunks)

    async def close(self) -> None:
        """Stop at once and close the upstream connection."""
        self._events.close()

    aclose = close

    async def __aenter__(self) -> AsyncCompletionStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _chunks(events: EventStream, builder: ChunkBuilder) -> Iterator[ChatCompletionChunk]:
    for event in events:
        yield from _shaped(event, builder)
    for chunk in builder.last():
        yield ChatCompletionChunk(chunk)


async def _async_chunks(events: AsyncEventStream, builder: ChunkBuilder) -> AsyncIterator[ChatCompletionChunk]:
    async for event in events:
        for chunk in _shaped(event, builder):
            yield chunk
    for last in builder.last():
        yield ChatCompletionChunk(last)


def _shaped(event: Event, builder: ChunkBuilder) -> list[ChatCompletionChunk]:
    return [ChatCompletionChunk(chunk) for chunk in builder.chunks(event)]


def _builder(request: Request) -> ChunkBuilder:
    options = request.extra.get(NAME, {}).get("stream_options")
    return ChunkBuilder(request.model, isinstance(options, dict) and bool(options.get("include_usage")))


class Completions:
    """``client.chat.completions``."""

    def __init__(self, answer: Callable[[Request, Options], EventStream]) -> None:
        self._answer = answer

    def create(self, **given: Any) -> Any:
        """A ``ChatCompletion``, or with ``stream=True`` an iterator of ``ChatCompletionChunk``.

        Takes what OpenAI's own ``create`` takes, and ``key``, ``base_url``, ``timeout`` and ``strict`` for this call.
        """
        request, options = read_arguments(given)
        events = self._answer(request, options)
        if request.stream:
            return CompletionStream(events, request)
        with events:
            return ChatCompletion(completion(events.finish(), request.model))


class AsyncCompletions:
    """``client.chat.completions`` of an async client."""

    def __init__(self, answer: Callable[[Request, Options], AsyncEventStream]) -> None:
        self._answer = answer

    async def create(self, **given: Any) -> Any:
        """A ``ChatCompletion``, or with ``stream=True`` an async iterator of ``ChatCompletionChunk``."""
        request, options = read_arguments(given)
        events = self._answer(request, options)
        if request.stream:
            return AsyncCompletionStream(events, request)
        async with events:
            return ChatCompletion(completion(await events.finish(), request.model))


class Chat:
    """``client.chat``."""

    def __init__(self, answer: Callable[[Request, Options], EventStream]) -> None:
        self.completions = Completions(answer)


class AsyncChat:
    """``client.chat`` of an async client."""

    def __init__(self, answer: Callable[[Request, Options], AsyncEventStream]) -> None:
        self.completions = AsyncCompletions(answer)


def read_arguments(given: Mapping[str, Any]) -> tuple[Request, Options]:
    """OpenAI's arguments as a request and the options of its call. Raises ``UsageError`` that names the argument."""
    for name in ("model", "messages"):
        if given.get(name) is None:
            raise BadRequest(f"{name}: it is missing; create(model=…, messages=[…]) is expected", param=name)
    _check_form(given)
    options: Any = {name: value for name, value in given.items() if name in CALL_OPTIONS and value is not None}
    body = {name: value for name, value in given.items() if name not in _NOT_IN_BODY and _is_given(value)}
    body |= body.pop("extra_body", {})
    body["messages"] = [_plain(message) for message in body["messages"]]
    return request_from({name: sayable(value, name) for name, value in body.items()}, NONE), options


def _check_form(given: Mapping[str, Any]) -> None:
    messages, more = given["messages"], given.get("extra_body")
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Iterable):
        raise BadRequest(f"messages: {type(messages).__name__} was given; a list of messages is expected", param="messages")
    if _is_given(more) and not isinstance(more, Mapping):
        raise BadRequest(f"extra_body: {type(more).__name__} was given; a mapping is expected", param="extra_body")
    for name in ("extra_headers", "extra_query"):
        if _is_given(given.get(name)) and given[name]:
            raise Unsupported(f"{name}: it cannot be sent from here; give the client an http= of your own that adds it", param=name)


def _is_given(value: object) -> bool:
    """Neither ``None`` nor openai-python's own marks for an argument left out."""
    return value is not None and type(value).__name__ not in ("NotGiven", "Omit")


def _plain(message: object) -> object:
    """A message as a dict, whether it is one, an object of ours, or one of openai-python's."""
    if isinstance(message, Mapping):
        return dict(message)
    dump_it = getattr(message, "model_dump", None)
    return dump_it(exclude_none=True) if callable(dump_it) else message
