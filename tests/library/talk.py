"""Talking to emulated providers with both clients, told in one form so that they can be compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dragoman import AsyncClient, Client, Response
from dragoman.client import ClientSettings
from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Started
from dragoman.emulator import Emulator

NAMES: Final = ("openai", "raycast", "lockchat", "gravityengine", "equing")
MODELS: Final = {
    "openai": "openai/gpt-4.1",
    "raycast": "raycast/gpt-4",
    "lockchat": "lockchat/gpt-4",
    "gravityengine": "gravityengine/gpt-3.5-turbo-16k",
    "equing": "equing/gpt-3.5-turbo",
}


def settings(emulator: Emulator, **more: Any) -> ClientSettings:
    """A client's settings for everything that ``emulator`` serves; no retry, no environment."""
    names = [mount.name for mount in emulator.mounts]
    told = {
        "base_urls": {name: emulator.url(name) for name in names},
        "keys": dict.fromkeys(names, "any-key"),
        "environment": {},
        "max_retries": 0,
        "trust_env": False,
    }
    made: ClientSettings = {**told, **more}  # type: ignore[typeddict-item]  # each is one by its name
    return made


@dataclass(frozen=True)
class Told:
    """All that a call told, in a form that compares."""

    events: tuple[Event, ...]
    response: Response | None
    error: tuple[object, ...] | None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)


def told(events: list[Event], response: Response | None, error: DragomanError | None) -> Told:
    """Without what differs from one request to the next (ids, times)."""
    plain = tuple(msgspec.structs.replace(event, id=None, created_s=None) if isinstance(event, Started) else event for event in events)
    if error is None:
        return Told(plain, _plain(response), None)
    facts = (error.message, error.status, error.code, error.provider, error.model, error.retry_after_s)
    return Told(plain, _plain(response), (type(error).__name__, *facts, error.partial and error.partial.text))


def _plain(response: Response | None) -> Response | None:
    return None if response is None else msgspec.structs.replace(response, id=None, created_s=None)


def stream_blocking(given: ClientSettings, model: str, prompt: Any, **options: Any) -> Told:
    events: list[Event] = []
    with Client(**given) as client:
        stream = client.stream(model, prompt, **options)
        try:
            events.extend(stream)
        except DragomanError as error:
            return told(events, stream.response, error)
        return told(events, stream.response, None)


def stream_on_loop(given: ClientSettings, model: str, prompt: Any, **options: Any) -> Told:
    async def main() -> Told:
        events: list[Event] = []
        async with AsyncClient(**given) as client:
            stream = client.stream(model, prompt, **options)
            try:
                async for event in stream:
                    events.append(event)  # noqa: PERF401  # what came before an error must be kept
            except DragomanError as error:
                return told(events, stream.response, error)
            return told(events, stream.response, None)

    return asyncio.run(main())


def complete_blocking(given: ClientSettings, model: str, prompt: Any, **options: Any) -> Told:
    with Client(**given) as client:
        try:
            return told([], client.complete(model, prompt, **options), None)
        except DragomanError as error:
            return told([], None, error)


def complete_on_loop(given: ClientSettings, model: str, prompt: Any, **options: Any) -> Told:
    async def main() -> Told:
        async with AsyncClient(**given) as client:
            try:
                return told([], await client.complete(model, prompt, **options), None)
            except DragomanError as error:
                return told([], None, error)

    return asyncio.run(main())


Ask = Callable[..., Told]
WAYS: Final[dict[str, Ask]] = {
    "complete": complete_blocking,
    "complete async": complete_on_loop,
    "stream": stream_blocking,
    "stream async": stream_on_loop,
}
