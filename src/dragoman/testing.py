"""Emulated providers for the tests of your own program, as a pytest plugin that is there once dragoman is installed.

The fixture ``dragoman_emulator`` makes emulators, which are closed at the end of the test::

    import json
    import urllib.request

    from dragoman.testing import Answer


    def test_my_program_reads_the_answer(dragoman_emulator):
        emulator = dragoman_emulator("openai", scenario=Answer(text="Hello there."))
        call = urllib.request.Request(
            emulator.url("openai") + "/chat/completions",
            data=json.dumps({"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}).encode(),
            headers={"Authorization": "Bearer any", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call) as reply:
            answer = json.load(reply)

        assert answer["choices"][0]["message"]["content"] == "Hello there."
        assert emulator.requests[0].request.messages[-1].text == "Hi"

It takes the arguments of ``dragoman.emulator.Emulator``: ``scenario`` (``"echo"``, ``"lorem=200"``, an ``Answer``, a callable …),
``operations`` (own answers to what else may be asked), ``ttft_s``, ``tokens_per_second``, ``faults`` (``"status=429,times=2"``, see
``Fault``). A single request asks for a fault by the header ``x-dragoman-fault``, or behind the model's name: ``gpt-4.1!cut-after=100``.

Importing this module loads nothing but pytest; the emulator itself is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from dragoman.catalogue.load import Catalogue
    from dragoman.emulator import Answer, Emulator, Fault, Scenario, tool_call
    from dragoman.emulator.emulator import Faults, Providers
    from dragoman.emulator.operations import Operated

__all__ = ["Answer", "Emulator", "EmulatorFactory", "Fault", "dragoman_emulator", "tool_call"]

_LAZY = ("Answer", "Emulator", "Fault", "tool_call")


class EmulatorFactory(Protocol):
    """Makes an emulator that is already running."""

    def __call__(
        self,
        providers: Providers,
        *,
        scenario: str | Path | Answer | Scenario = "echo",
        ttft_s: float = 0.0,
        tokens_per_second: float | None = None,
        faults: Faults = None,
        port: int = 0,
        catalogue: Catalogue | None = None,
        operations: Mapping[str, Operated] | None = None,
    ) -> Emulator: ...


@pytest.fixture
def dragoman_emulator() -> Iterator[EmulatorFactory]:
    """A factory of emulators: ``dragoman_emulator("openai", scenario="echo")``; all are closed when the test ends."""
    from dragoman.emulator import Emulator

    with ExitStack() as running:

        def make(providers: Providers, **options: Any) -> Emulator:  # the options are checked by the type of the factory
            return running.enter_context(Emulator(providers, **options))

        yield make


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("dragoman.emulator"), name)
