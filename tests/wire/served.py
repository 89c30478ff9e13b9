"""A dialect's server role behind a socket on this machine, for programs that are not ours to call: the emulator, on rows of no provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dragoman.catalogue.schema import Auth, Provider
from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.exchange import Call
from dragoman.core.request import Request
from dragoman.emulator import Emulator, Scenario
from dragoman.emulator.operations import Operated


def said(*events: Event, failure: DragomanError | None = None) -> Scenario:
    """A scenario that says ``events`` to whatever is asked, then fails with ``failure``; without events it refuses the request with it."""

    def answer(request: Request) -> Iterator[Event]:
        yield from events
        if failure:
            raise failure

    return answer


class Served:
    """Where a server is, and what it was asked, in order."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.root = f"http://127.0.0.1:{emulator.port}"

    @property
    def asked(self) -> list[Request]:
        """Prompts."""
        return [record.request for record in self._emulator.requests if record.request]

    @property
    def operated(self) -> list[Any]:
        """What was asked besides."""
        return [record.asked for record in self._emulator.requests if record.asked is not None]

    @property
    def calls(self) -> list[Call]:
        return [Call(record.method, record.path, record.headers, record.body) for record in self._emulator.requests]


@contextmanager
def serving(
    dialect: str, scenario: Scenario | None = None, *, bases: tuple[str, ...] = ("",), operations: Mapping[str, Operated] | None = None
) -> Iterator[Served]:
    """A server that speaks ``dialect`` below each of the paths ``bases`` and asks for no key."""
    rows = [
        Provider(name=f"base{i}", title="Nobody", dialect=dialect, base_url=f"http://nobody.test{base}", auth=Auth(place="none"))
        for i, base in enumerate(bases)
    ]
    with Emulator(rows, scenario=scenario or "echo", operations=operations) as emulator:
        yield Served(emulator)
